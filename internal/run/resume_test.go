package run_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"chimera/internal/fault"
	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/target"
)

// drawPlan is a plan of one to three experiments with blocks of plots, some of
// them cold.
func drawPlan(rt *rapid.T) *spec.Plan {
	var trials []trial
	plot := 0
	for e := range rapid.IntRange(1, 3).Draw(rt, "experiments") {
		name := fmt.Sprint("e", e)
		cold := rapid.Bool().Draw(rt, name+" is cold")
		streams := rapid.IntRange(1, 3).Draw(rt, name+" streams")
		for block := range rapid.IntRange(1, 3).Draw(rt, name+" blocks") {
			for range rapid.IntRange(1, 2).Draw(rt, name+" plots") {
				at := trial{experiment: name, block: block, plot: plot, subject: rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "subject"),
					ctx: rapid.SampledFrom([]float64{1024, 2048}).Draw(rt, "ctx"), streams: streams}
				if cold {
					at.phase, at.streams = spec.Cold, 1
					trials = append(trials, at)
				} else {
					trials = append(trials, warm(rapid.IntRange(1, 4).Draw(rt, "requests"), at)...)
				}
				plot++
			}
		}
	}
	return planOf(trials...)
}

// chaos makes some requests and loads go wrong, by a drawn rule.
func chaos(rt *rapid.T) *server {
	rule := rapid.SliceOfN(rapid.IntRange(0, 9), 16, 16).Draw(rt, "answers")
	loads := rapid.SliceOfN(rapid.IntRange(0, 4), 4, 4).Draw(rt, "loads")
	loaded := 0
	return &server{
		script: func(call int, _ target.Request, o *sample.Observation) {
			switch rule[call%len(rule)] {
			case 0:
				fails(o, sample.Error, sample.ClassReset)
			case 1:
				fails(o, sample.Timeout, sample.ClassTimeout)
			case 2:
				fails(o, sample.Cut, sample.ClassNoEnd)
			case 3:
				fails(o, sample.Degenerate, sample.ClassNoTokens)
			case 4:
				o.Times.Load = sample.Some(2 * second)
			}
		},
		loadFails: func(map[string]any) error {
			loaded++
			if loads[loaded%len(loads)] == 0 {
				return errors.New("the runtime will not load it")
			}
			return nil
		},
	}
}

// checkLaws holds a run's rows to laws 1 and 2.
func checkLaws(t *testing.T, m *memory, r run.Result) {
	t.Helper()
	planned := len(m.mu.plan.Trials)
	if r.Outcomes.Planned != planned || r.Outcomes.Ended() != planned {
		t.Errorf("planned is %d, the outcomes are %+v", planned, r.Outcomes)
	}
	if got := outcomes(m.live()); len(got) != planned {
		t.Errorf("%d of %d trials have a final row", len(got), planned)
	}
	counted, err := store.Count(planned, both(m.live()))
	if err != nil || counted != r.Outcomes {
		t.Errorf("the rows count %+v, the result says %+v (%v)", counted, r.Outcomes, err)
	}
	for _, row := range m.mu.rows {
		plan := m.mu.plan.Trials[row.Order].Phase
		reloaded := contains(row.Notes, "unplanned reload")
		if row.Phase == sample.Measure && (plan != spec.Measure || reloaded) {
			t.Errorf("row %s, planned %s, reloaded %v, is counted as warm", row.Trial, plan, reloaded)
		}
		if row.Phase != sample.Phase(plan) && row.Planned.Or("") != sample.Phase(plan) {
			t.Errorf("row %s hides that it was planned %s", row.Trial, plan)
		}
	}
}

func TestPlannedIsTheSumOfOutcomesWhateverFails(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan, s := drawPlan(rt), chaos(rt)
		retries := rapid.IntRange(0, 2).Draw(rt, "retries")
		stopAt := rapid.IntRange(0, 200).Draw(rt, "interrupt")
		killAfter := rapid.IntRange(0, 5).Draw(rt, "second interrupt")
		synctest.Test(t, func(t *testing.T) {
			m := &memory{}
			job := jobOf(plan, s, m)
			job.Spec.Design.Retries = retries
			live, kill := context.WithCancelCause(t.Context())
			send, stop := context.WithCancelCause(live)
			defer kill(nil)
			first := time.AfterFunc(time.Duration(stopAt)*second, func() { stop(errors.New("interrupt")) })
			last := time.AfterFunc(time.Duration(stopAt+killAfter)*second, func() { kill(errors.New("second interrupt")) })
			defer first.Stop()
			defer last.Stop()
			r, err := run.Conduct(live, send, job)
			if m.mu.manifest == nil {
				if fault.CodeOf(err) != fault.Interrupted {
					t.Errorf("no run, and no interrupt: %v", err)
				}
				return
			}
			checkLaws(t, m, r)
			want := map[store.Status]fault.Code{store.Complete: fault.OK, store.Partial: fault.Interrupted, store.Invalid: fault.Invalid}[r.Status]
			if fault.CodeOf(err) != want || m.mu.status != r.Status {
				t.Errorf("sealed as %s with code %d (%v)", m.mu.status, fault.CodeOf(err), err)
			}
		})
	})
}

// Kill a run after any number of commits, or interrupt it at any instant, as
// often as it likes: resumed, it completes, and every block was conducted as a
// whole by one session.
func TestAResumedRunIsComplete(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := drawPlan(rt)
		ends := rapid.SliceOfN(rapid.IntRange(1, 12), 1, 3).Draw(rt, "commits before the kill")
		interrupts := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 3).Draw(rt, "interrupts")
		synctest.Test(t, func(t *testing.T) {
			m := &memory{breakAt: ends[0]}
			_, err := conduct(t, jobOf(plan, &server{}, m))
			for i, end := range append(ends[1:], 0) {
				if err == nil {
					break
				}
				m.breakAt, m.mu.appends = end, 0
				send, stop := context.WithCancelCause(t.Context())
				if end == 0 {
					// The last session runs to its end; one before it is stopped.
					at := time.AfterFunc(time.Duration(interrupts[i%len(interrupts)])*second, func() { stop(errors.New("interrupt")) })
					_, err = run.Resume(t.Context(), send, jobOf(plan, &server{}, m), m.past())
					at.Stop()
					send = t.Context()
				}
				if err != nil {
					_, err = run.Resume(t.Context(), send, jobOf(plan, &server{}, m), m.past())
				}
				stop(nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			checkResumed(t, m)
		})
	})
}

func checkResumed(t *testing.T, m *memory) {
	t.Helper()
	if m.mu.status != store.Complete {
		t.Errorf("sealed as %s", m.mu.status)
	}
	by := map[string]int{}
	var last time.Duration
	for _, row := range m.live() {
		block := store.BlockKey(row.Experiment, row.Block)
		if session, ok := by[block]; ok && session != row.Session {
			t.Errorf("block %s is of sessions %d and %d", block, session, row.Session)
		}
		by[block] = row.Session
		if row.Outcome != sample.OK {
			t.Errorf("trial %s ended as %s", row.Trial, row.Outcome)
		}
	}
	for _, row := range m.mu.rows {
		if end, ok := row.T.End.Get(); ok && row.Session > 0 && end <= 0 {
			t.Errorf("trial %s of session %d ended at %v", row.Trial, row.Session, end)
		}
	}
	for _, s := range m.mu.manifest.Sessions[1:] {
		if s.Offset < last {
			t.Errorf("session %d begins at %v, before %v", s.Number, s.Offset, last)
		}
		last = s.Offset
	}
	if got := outcomes(m.live()); len(got) != len(m.mu.plan.Trials) {
		t.Errorf("%d of %d trials have a final row", len(got), len(m.mu.plan.Trials))
	}
}

// interrupted is a run of two blocks of three trials, stopped within the
// second block.
func interrupted(t *testing.T) (*spec.Plan, *memory) {
	t.Helper()
	at := trial{experiment: "e", subject: "a", ctx: 2048, streams: 1}
	next := at
	next.block, next.plot = 1, 1
	third := at
	third.block, third.plot = 2, 2
	plan, m := planOf(slices.Concat(warm(3, at), warm(3, next), warm(3, third))...), &memory{breakAt: 5}
	if _, err := conduct(t, jobOf(plan, &server{}, m)); !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	m.breakAt = 0
	return plan, m
}

func TestResumeKeepsWholeBlocksAndRepeatsTheBrokenOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan, m := interrupted(t)
		time.Sleep(time.Hour) // virtual: the machine was used for something else
		s := &server{}
		r, err := run.Resume(t.Context(), t.Context(), jobOf(plan, s, m), m.past())
		if err != nil {
			t.Fatal(err)
		}
		session := m.mu.manifest.Sessions[1]
		if session.Number != 1 || !slices.Equal(session.Repeats, []string{"e/1"}) {
			t.Errorf("session is %+v: block 1 was broken, block 2 had not begun", session)
		}
		// The first session took 4 s to load, 5 requests of 3 s.
		if want := time.Hour + 19*second; session.Offset != want {
			t.Errorf("the session's offset is %v, want %v", session.Offset, want)
		}
		if s.mu.asked != 6 || r.Outcomes != (store.Counts{Planned: 9, OK: 9}) || r.Session != 1 {
			t.Errorf("%d requests in the second session, result %+v", s.mu.asked, r)
		}
		if first := m.live()[3]; first.Session != 1 || first.T.Send.Or(0) != session.Offset+4*second {
			t.Errorf("the repeated block begins at %v in session %d", first.T.Send, first.Session)
		}
	})
}

func TestResumeAfterTheLastRowOnlySeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := &memory{}, &server{}
		plan := one(3)
		must(t, jobOf(plan, s, m))
		m.mu.status = store.Open // killed between the last row and the seal
		r, err := run.Resume(t.Context(), t.Context(), jobOf(plan, s, m), m.past())
		if err != nil || r.Outcomes.OK != 3 || m.mu.status != store.Complete || s.mu.asked != 3 {
			t.Errorf("ended with %v, %+v, after %d requests", err, r, s.mu.asked)
		}
	})
}

func TestResumeRefusesToMixTwoThingsUnderOneName(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*run.Job, *server)
		want   fault.Code
		says   string
	}{
		{"another model behind the name", func(_ *run.Job, s *server) { s.digest = "-new" }, fault.NotComparable, `was "alpha", but is "alpha-new"`},
		{"another plan", func(j *run.Job, _ *server) { j.Plan = one(9) }, fault.Usage, "the one to resume is"},
		{"another run", func(j *run.Job, _ *server) { j.ID = "r2" }, fault.Usage, "r1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				plan, m := interrupted(t)
				s := &server{}
				job := jobOf(plan, s, m)
				c.change(&job, s)
				_, err := run.Resume(t.Context(), t.Context(), job, m.past())
				if fault.CodeOf(err) != c.want || !strings.Contains(err.Error(), c.says) || s.mu.asked != 0 {
					t.Errorf("ended with %v (code %d)", err, fault.CodeOf(err))
				}
			})
		})
	}
}

func TestACalendarThatWentBackDoesNotTurnTheRunsClockBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan, m := interrupted(t)
		past := m.past()
		past.Manifest.Clock.Origin = past.Manifest.Clock.Origin.Add(time.Hour) // as if it had been set back since
		if _, err := run.Resume(t.Context(), t.Context(), jobOf(plan, &server{}, m), past); err != nil {
			t.Fatal(err)
		}
		if got := m.mu.manifest.Sessions[1].Offset; got != 16*second {
			t.Errorf("the session's offset is %v, want that of the last request's end, 16s", got)
		}
		if !contains(m.mu.manifest.Warnings, "clock_stepped") {
			t.Errorf("warnings are %q", m.mu.manifest.Warnings)
		}
	})
}

// A block's trials that ended in two different sessions do not make it whole.
func TestResumeCountsNoSupersededRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan, m := one(3), &memory{}
		must(t, jobOf(plan, &server{}, m))
		m.mu.rows, m.mu.status = m.mu.rows[1:], store.Open // killed while the first of several streams was slow
		m.breakAt, m.mu.appends = 2, 0
		if _, err := run.Resume(t.Context(), t.Context(), jobOf(plan, &server{}, m), m.past()); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		if got := outcomes(m.live()); len(got) != 1 {
			t.Fatalf("the second session was to keep one row: %v", got)
		}
		m.breakAt = 0
		r, err := run.Resume(t.Context(), t.Context(), jobOf(plan, &server{}, m), m.past())
		if err != nil || r.Outcomes != (store.Counts{Planned: 3, OK: 3}) {
			t.Errorf("ended with %v, %+v", err, r.Outcomes)
		}
		for _, row := range m.live() {
			if row.Session != 2 {
				t.Errorf("trial %s is of session %d", row.Trial, row.Session)
			}
		}
	})
}
