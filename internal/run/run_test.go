package run_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chimera/internal/fault"
	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/target"
)

func conduct(t *testing.T, job run.Job) (run.Result, error) {
	t.Helper()
	return run.Conduct(t.Context(), t.Context(), job)
}

func must(t *testing.T, job run.Job) run.Result {
	t.Helper()
	r, err := conduct(t, job)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTrialsRunInPlanOrderAtTheInstantsTheStreamIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{takes: 10 * milli}
		r := must(t, jobOf(one(3), s, m))
		want := []string{"load alpha 2048", `ask alpha "[0] say"`, `ask alpha "[1] say"`, `ask alpha "[2] say"`}
		if diff := cmp.Diff(want, s.mu.log); diff != "" {
			t.Error(diff)
		}
		for i, row := range m.mu.rows {
			// Four seconds of loading, three for each answer, and a commit
			// between two requests that no request is timed with.
			at := 4*second + time.Duration(i)*(3*second+10*milli)
			if got := row.T.Sched.Or(-1); got != at {
				t.Errorf("row %d is intended for %v, want %v", i, got, at)
			}
			if got := row.T.Send.Or(-1); got != at {
				t.Errorf("row %d was sent at %v, want %v", i, got, at)
			}
			if row.Order != i || row.Trial != m.mu.plan.Trials[i].ID || !row.Final || len(row.Notes) > 0 {
				t.Errorf("row %d: %+v", i, row)
			}
		}
		if r.Status != store.Complete || r.Digest == "" || r.Outcomes != (store.Counts{Planned: 3, OK: 3}) || r.Loads != (run.Loads{Planned: 1}) {
			t.Errorf("result is %+v", r)
		}
	})
}

// Where somebody keeps the models says nothing of what was measured.
func TestTheManifestNamesNoFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		job := jobOf(one(2), &server{}, m)
		job.Spec.Targets[0].URL = "/home/ada/models"
		must(t, job)
		if u := m.mu.manifest.Subjects[0].URL; u != "" {
			t.Errorf("the address is %q", u)
		}
	})
}

func TestTheManifestSaysWhatWasAskedOfWhom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{}
		job := jobOf(one(2), s, m)
		job.Absent = map[string]string{"host.governor": "not Linux"}
		must(t, job)
		got := m.mu.manifest
		if got.Subjects[0].URL != "http://host/v1" {
			t.Errorf("address in the manifest is %q: user info and query may hold a key", got.Subjects[0].URL)
		}
		if got.Subjects[0].Digest != "alpha" || got.Subjects[0].Server != "bubble 1.0" || got.Subjects[0].Kind != "bubble" {
			t.Errorf("subject is %+v", got.Subjects[0])
		}
		if f := got.Subjects[0].Facts; f["slots"] != "4" || len(f["template"]) != 2000+len("…") {
			t.Errorf("what the server told is kept as %v", f)
		}
		if got.Planned != 2 || got.Seed != 1 || len(got.PlanDigest) != 64 || len(got.SpecDigest) != 64 || len(got.Prompts) != 1 {
			t.Errorf("manifest is %+v", got)
		}
		if got.Absent["host.governor"] == "" || got.Absent["preflight"] == "" {
			t.Errorf("reasons of absence are %v", got.Absent)
		}
		if !got.Clock.Origin.Equal(got.Sessions[0].Started) || got.Sessions[0].Offset != 0 {
			t.Errorf("the first session's origin is not the run's: %+v %+v", got.Clock, got.Sessions[0])
		}
	})
}

func TestAModelIsLoadedWhenTheKeyChangesAndOnlyThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{}
		var trials []trial
		for plot, at := range []trial{
			{subject: "a", ctx: 1024}, {subject: "a", ctx: 1024}, {subject: "a", ctx: 2048}, {subject: "b", ctx: 2048},
		} {
			at.experiment, at.plot, at.streams, at.phase = "e", plot, 1, spec.Measure
			trials = append(trials, at)
		}
		r := must(t, jobOf(planOf(trials...), s, m))
		want := []string{
			"load alpha 1024", `ask alpha "[0] say"`, `ask alpha "[1] say"`,
			"load alpha 2048", `ask alpha "[2] say"`,
			"unload alpha", "load beta 2048", `ask beta "[3] say"`,
		}
		if diff := cmp.Diff(want, s.mu.log); diff != "" {
			t.Error(diff)
		}
		if r.Loads.Planned != 3 {
			t.Errorf("%d loads are accounted for, want 3", r.Loads.Planned)
		}
		var took []time.Duration
		for _, reading := range m.mu.readings {
			if reading.Series == run.SeriesLoad {
				took = append(took, reading.At)
			}
		}
		if diff := cmp.Diff([]time.Duration{0, 10 * second, 17 * second}, took); diff != "" {
			t.Error("instants of the loads:", diff)
		}
	})
}

func TestAColdTrialUnloadsLoadsAndAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{}
		cold := trial{experiment: "cold", subject: "a", ctx: 2048, streams: 1, phase: spec.Cold}
		again := cold // of the same plot, and yet with a load of its own
		after := warm(2, trial{experiment: "e", subject: "a", ctx: 2048, streams: 1, plot: 2})
		r := must(t, jobOf(planOf(append([]trial{cold, again}, after...)...), s, m))
		want := []string{
			"unload alpha", "load alpha 2048", `ask alpha "[0] say"`,
			"unload alpha", "load alpha 2048", `ask alpha "[1] say"`,
			`ask alpha "[2] say"`, `ask alpha "[3] say"`,
		}
		if diff := cmp.Diff(want, s.mu.log); diff != "" {
			t.Error(diff)
		}
		var phases []sample.Phase
		for _, row := range m.mu.rows {
			phases = append(phases, row.Phase)
		}
		if diff := cmp.Diff([]sample.Phase{sample.Cold, sample.Cold, sample.Warmup, sample.Measure}, phases); diff != "" {
			t.Error(diff)
		}
		if r.Outcomes.OK != 4 {
			t.Errorf("outcomes are %+v", r.Outcomes)
		}
	})
}

func TestARuntimeThatKeepsItsModelHasNoColdRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{unmanaged: true}, &memory{}
		cold := trial{experiment: "cold", subject: "a", streams: 1, phase: spec.Cold}
		r := must(t, jobOf(planOf(append([]trial{cold}, warm(2, trial{experiment: "e", subject: "a", plot: 1, streams: 1})...)...), s, m))
		if r.Outcomes != (store.Counts{Planned: 3, OK: 2, Dropped: 1}) || r.Loads.Planned != 0 {
			t.Errorf("result is %+v", r)
		}
		if f := m.mu.rows[0].Failure; f == nil || f.Class == sample.ClassInterrupted {
			t.Errorf("the dropped row's reason is %+v", f)
		}
	})
}

func TestAFailedLoadDropsItsTrialsAndTheRunGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{loadFails: func(config map[string]any) error {
			if config["num_ctx"] == 9999.0 {
				return errors.New("out of memory")
			}
			return nil
		}}, &memory{}
		plan := planOf(append(warm(3, trial{experiment: "e", subject: "a", ctx: 9999, streams: 1}),
			warm(2, trial{experiment: "e", subject: "a", ctx: 2048, streams: 1, plot: 1})...)...)
		r := must(t, jobOf(plan, s, m))
		if r.Outcomes != (store.Counts{Planned: 5, OK: 2, Dropped: 3}) || r.Loads != (run.Loads{Planned: 1, Failed: 2}) {
			t.Errorf("result is %+v", r)
		}
		if f := m.mu.rows[0].Failure; f == nil || f.Class != sample.ClassLoad || f.Message != `load model "alpha" with 9999: out of memory` {
			t.Errorf("reason is %+v", f)
		}
		if !contains(m.mu.manifest.Warnings, "failed_loads") {
			t.Errorf("warnings are %q", m.mu.manifest.Warnings)
		}
	})
}

func TestAnUnplannedReloadMakesAWarmRowCold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loads := []time.Duration{900 * milli, 150 * milli, 160 * milli, 801 * milli, 140 * milli, 600 * milli, 799 * milli}
		s, m := &server{script: func(call int, _ target.Request, o *sample.Observation) {
			o.Times.Load = sample.Some(loads[call])
		}}, &memory{}
		r := must(t, jobOf(one(len(loads)), s, m))
		// The warm-up may load; 801 ms is above 5 × 150 ms, 799 ms above
		// 5 × 150 ms too, 600 ms is not.
		want := []sample.Phase{sample.Warmup, sample.Measure, sample.Measure, sample.Cold, sample.Measure, sample.Measure, sample.Cold}
		for i, row := range m.mu.rows {
			if row.Phase != want[i] {
				t.Errorf("row %d (load %v) is %s, want %s", i, loads[i], row.Phase, want[i])
			}
			if row.Phase == sample.Cold && (row.Planned.Or("") != sample.Measure || !contains(row.Notes, "unplanned reload")) {
				t.Errorf("row %d does not say that it was planned warm: %v %q", i, row.Planned, row.Notes)
			}
		}
		if r.Loads != (run.Loads{Planned: 1, Unplanned: 3}) || !contains(m.mu.manifest.Warnings, "unplanned_reloads: 3 ") {
			t.Errorf("loads are %+v, warnings %q", r.Loads, m.mu.manifest.Warnings)
		}
	})
}

// As seen on Ollama 0.17.4: a warm call tells of 0.16 to 0.29 s, a reload of
// 0.77 to 0.99 s, which is less than five times the warm median.
func TestAReloadIsSeenWhereWarmCallsTellOfLongLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loads := []time.Duration{290 * milli, 160 * milli, 250 * milli, 290 * milli, 770 * milli, 270 * milli, 990 * milli, 240 * milli}
		s, m := &server{loadTakes: 900 * milli, script: func(call int, _ target.Request, o *sample.Observation) {
			o.Times.Load = sample.Some(loads[call])
		}}, &memory{}
		must(t, jobOf(one(len(loads)), s, m))
		for i, row := range m.mu.rows {
			if cold := loads[i] > 700*milli; cold != (row.Phase == sample.Cold) {
				t.Errorf("row %d (load %v) is %s", i, loads[i], row.Phase)
			}
		}
	})
}

func TestEveryAttemptIsARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{script: func(call int, _ target.Request, o *sample.Observation) {
			switch call {
			case 1:
				fails(o, sample.Error, sample.ClassReset)
			case 2:
				fails(o, sample.Error, sample.ClassHTTP)
				o.Failure.Status, o.Failure.RetryAfter = sample.Some(429), sample.Some(7*second)
			case 4:
				fails(o, sample.Error, sample.ClassHTTP)
				o.Failure.Status = sample.Some(400)
			case 5:
				fails(o, sample.Error, sample.ClassHTTP)
				o.Failure.Status, o.Failure.RetryAfter = sample.Some(503), sample.Some(time.Hour)
			}
		}}, &memory{}
		job := jobOf(one(4), s, m)
		job.Spec.Design.Retries = 2
		r := must(t, job)
		type row struct {
			Order, Attempt int
			Outcome        sample.Outcome
			Final          bool
			Sched          time.Duration
		}
		var got []row
		for _, r := range m.mu.rows {
			got = append(got, row{r.Order, r.Attempt, r.Outcome, r.Final, r.T.Sched.Or(-1)})
		}
		want := []row{
			{0, 0, sample.OK, true, 4 * second},
			{1, 0, sample.Error, false, 7 * second},
			{1, 1, sample.Error, false, 10*second + 500*milli}, // half a second's pause
			{1, 2, sample.OK, true, 20*second + 500*milli},     // the server asked for seven
			{2, 0, sample.Error, true, 23*second + 500*milli},  // a bad request stays one
			{3, 0, sample.Error, false, 26*second + 500*milli},
			{3, 1, sample.OK, true, 59*second + 500*milli}, // an hour is not waited for
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if r.Outcomes != (store.Counts{Planned: 4, OK: 3, Error: 1}) {
			t.Errorf("outcomes are %+v", r.Outcomes)
		}
	})
}

func TestAColdRequestHasOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{script: func(call int, _ target.Request, o *sample.Observation) {
			if call == 0 {
				fails(o, sample.Error, sample.ClassReset)
			}
		}}, &memory{}
		cold := trial{experiment: "cold", subject: "a", streams: 1, phase: spec.Cold}
		job := jobOf(planOf(cold, cold), s, m)
		job.Spec.Design.Retries = 3
		r := must(t, job)
		// A second attempt would find the model that the first one warmed.
		if r.Outcomes != (store.Counts{Planned: 2, OK: 1, Error: 1}) || s.mu.asked != 2 {
			t.Errorf("%d requests, outcomes %+v", s.mu.asked, r.Outcomes)
		}
	})
}

func TestAnInterruptAfterTheLastRequestBeganLeavesACompleteRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		send, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(9*second, func() { stop(errors.New("interrupt")) })
		r, err := run.Conduct(t.Context(), send, jobOf(one(2), &server{}, m))
		if err != nil || r.Status != store.Complete || m.mu.status != store.Complete {
			t.Errorf("ended with %v, sealed %s", err, m.mu.status)
		}
	})
}

func TestAfterALostRowNoneIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{breakAt: 2, mends: true}
		_, err := conduct(t, jobOf(planOf(warm(300, trial{experiment: "e", subject: "a", streams: 150})...), &server{}, m))
		if !errors.Is(err, errDisk) || m.mu.appends != 2 {
			t.Errorf("ended with %v after %d appends: a gap in the middle looks like a complete record", err, m.mu.appends)
		}
	})
}

func TestATimeoutEndsOneAttemptOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{}
		job := jobOf(one(2), s, m)
		job.Spec.Design.Timeout = spec.Duration(2500 * milli)
		r, err := conduct(t, job)
		if fault.CodeOf(err) != fault.Invalid || r.Status != store.Invalid || m.mu.status != store.Invalid {
			t.Errorf("a run without any answer ended with %v, sealed %s", err, m.mu.status)
		}
		if r.Outcomes != (store.Counts{Planned: 2, Timeout: 2}) {
			t.Errorf("outcomes are %+v", r.Outcomes)
		}
	})
}

func TestTheFirstInterruptDrainsAndSealsAPartialRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{}
		send, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(8*second, func() { stop(errors.New("interrupt")) }) // within the second request
		told := &events{}
		job := jobOf(one(5), s, m)
		job.Reporter = told
		r, err := run.Conduct(t.Context(), send, job)
		kinds := map[run.EventKind]int{}
		for _, e := range told.list {
			kinds[e.Kind]++
		}
		if kinds[run.TrialDone] != 2 || kinds[run.Stopped] != 3 {
			t.Errorf("the reporter was told %v", kinds)
		}
		if fault.CodeOf(err) != fault.Interrupted || r.Status != store.Partial || m.mu.status != store.Partial {
			t.Fatalf("ended with %v (code %d), sealed %s", err, fault.CodeOf(err), m.mu.status)
		}
		if r.Outcomes != (store.Counts{Planned: 5, OK: 2, Dropped: 3}) {
			t.Errorf("outcomes are %+v: a started request must finish", r.Outcomes)
		}
		for _, row := range m.mu.rows[2:] {
			if row.Failure.Class != sample.ClassInterrupted || row.T.Send.OK() {
				t.Errorf("row %s: %+v", row.Trial, row.Failure)
			}
		}
		if got := r.Took; got != 10*second {
			t.Errorf("drained after %v, want 10s", got)
		}
	})
}

func TestTheSecondInterruptStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{}
		live, kill := context.WithCancelCause(t.Context())
		send, stop := context.WithCancelCause(live)
		time.AfterFunc(8*second, func() { stop(errors.New("interrupt")) })
		time.AfterFunc(8*second+milli, func() { kill(errors.New("second interrupt")) })
		job := jobOf(one(5), s, m)
		job.Spec.Design.Retries = 3 // an interrupted attempt is not repeated
		r, err := run.Conduct(live, send, job)
		if fault.CodeOf(err) != fault.Interrupted || m.mu.status != store.Partial {
			t.Fatalf("ended with %v, sealed %s", err, m.mu.status)
		}
		if r.Took != 8*second+milli {
			t.Errorf("ended after %v, want 8.001s", r.Took)
		}
		if f := m.mu.rows[1].Failure; f == nil || f.Class != sample.ClassInterrupted || f.Message != "second interrupt" {
			t.Errorf("the request in flight ended with %+v", f)
		}
		if r.Outcomes.Ended() != 5 {
			t.Errorf("outcomes are %+v", r.Outcomes)
		}
	})
}

func TestAnInterruptEndsALoadAndAPause(t *testing.T) {
	for _, c := range []struct {
		name string
		at   time.Duration
	}{{"while loading", 2 * second}, {"while waiting to retry", 7*second + 100*milli}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, m := &server{script: func(_ int, _ target.Request, o *sample.Observation) { fails(o, sample.Error, sample.ClassReset) }}, &memory{}
				send, stop := context.WithCancelCause(t.Context())
				time.AfterFunc(c.at, func() { stop(errors.New("interrupt")) })
				job := jobOf(one(2), s, m)
				job.Spec.Design.Retries = 1
				r, err := run.Conduct(t.Context(), send, job)
				if fault.CodeOf(err) != fault.Interrupted || r.Took != c.at {
					t.Errorf("ended with %v after %v, want at %v", err, r.Took, c.at)
				}
				if r.Outcomes.Ended() != 2 || r.Outcomes.Dropped != 2 {
					t.Errorf("outcomes are %+v", r.Outcomes)
				}
			})
		})
	}
}

func TestWhenTheRecorderFailsTheRunStopsAndKeepsWhatWasCommitted(t *testing.T) {
	for _, streams := range []int{1, 3} {
		t.Run(fmt.Sprint("streams=", streams), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, m := &server{}, &memory{breakAt: 3}
				r, err := conduct(t, jobOf(planOf(warm(30, trial{experiment: "e", subject: "a", streams: streams})...), s, m))
				if !errors.Is(err, errDisk) || fault.CodeOf(err) != fault.Runtime || fault.HintOf(err) == "" {
					t.Errorf("ended with %v", err)
				}
				if m.mu.seals != 0 || r.Status != store.Open {
					t.Errorf("a run that lost rows was sealed as %s", m.mu.status)
				}
				if r.Outcomes.Ended() != len(m.mu.rows) || len(m.mu.rows) == 0 {
					t.Errorf("result counts %d rows, %d are kept", r.Outcomes.Ended(), len(m.mu.rows))
				}
				if s.mu.asked > 3*streams+1 {
					t.Errorf("%d requests were sent although the recorder was broken", s.mu.asked)
				}
			})
		})
	}
}

func TestAsManyRequestsAreInFlightAsThereAreStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{}
		plan := planOf(warm(9, trial{experiment: "e", subject: "a", streams: 4})...)
		r := must(t, jobOf(plan, s, m))
		if s.mu.most != 4 || r.Outcomes.OK != 9 {
			t.Errorf("at most %d in flight, outcomes %+v", s.mu.most, r.Outcomes)
		}
		// One warm-up drains (4 + 3 s) before two rounds of four.
		for _, row := range m.mu.rows[1:] {
			if at := row.T.Sched.Or(0); at < 7*second {
				t.Errorf("a measured request began at %v, beside the warm-up", at)
			}
		}
		streams := map[int]int{}
		for _, row := range m.mu.rows {
			streams[row.Stream]++
		}
		if len(streams) != 4 {
			t.Errorf("rows by stream: %v", streams)
		}
	})
}

func TestAliasesAreWhatTheRuntimeReallyUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{}
		var trials []trial
		for i, ctx := range []float64{2048, 4096, 8192, 9000} {
			trials = append(trials, warm(2, trial{experiment: "e", subject: "a", ctx: ctx, plot: i, streams: 1})...)
		}
		plan := planOf(trials...)
		plan.Aliases = []spec.Alias{{Subject: "a", Effective: map[string]any{"num_ctx": 1.0}, Requested: []map[string]any{{"num_ctx": 1.0}}}}
		must(t, jobOf(plan, s, m))
		want := []sample.Alias{
			{Subject: "a", Effective: map[string]any{"num_ctx": 1.0}, Requested: []map[string]any{{"num_ctx": 1.0}}, Known: "before"},
			{Subject: "a", Effective: map[string]any{"num_ctx": 4096.0}, Known: "after",
				Requested: []map[string]any{{"num_ctx": 4096.0}, {"num_ctx": 8192.0}, {"num_ctx": 9000.0}}},
		}
		if diff := cmp.Diff(want, m.mu.manifest.Aliases); diff != "" {
			t.Error(diff)
		}
		if got := m.mu.rows[5].Effective["num_ctx"]; got != 4096.0 {
			t.Errorf("a row with 8192 requested has %v as effective", got)
		}
	})
}

func TestWhatALoadTellsHoldsForItsOptionsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{}
		at := trial{experiment: "e", subject: "a", ctx: 8192, temp: 0.2, streams: 1, phase: spec.Measure}
		hot := at
		hot.temp = 0.8
		must(t, jobOf(planOf(at, hot, at), s, m))
		for i, want := range []float64{0.2, 0.8, 0.2} {
			if diff := cmp.Diff(map[string]any{"num_ctx": 4096.0, "temperature": want}, m.mu.rows[i].Effective); diff != "" {
				t.Errorf("row %d: %s", i, diff)
			}
		}
		if len(m.mu.manifest.Warnings) > 0 || len(m.mu.manifest.Aliases) > 0 {
			t.Errorf("warnings %q, aliases %v", m.mu.manifest.Warnings, m.mu.manifest.Aliases)
		}
	})
}

func TestAConfigurationThatChangesItsEffectIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{script: func(call int, _ target.Request, o *sample.Observation) {
			o.Effective = map[string]any{"num_gpu": float64(call % 2)}
		}}, &memory{}
		var trials []trial
		for i, ctx := range []float64{4096, 8192} {
			trials = append(trials, warm(2, trial{experiment: "e", subject: "a", ctx: ctx, plot: i, streams: 1})...)
		}
		r := must(t, jobOf(planOf(trials...), s, m))
		if len(m.mu.manifest.Aliases) > 0 {
			t.Errorf("configurations without one effect are aliases: %v", m.mu.manifest.Aliases)
		}
		if !contains(r.Warnings, "effective_unsteady: subject a") || !contains(m.mu.manifest.Warnings, "effective_unsteady") {
			t.Errorf("warnings are %q", r.Warnings)
		}
	})
}

func TestARowThatBreaksAnInvariantIsFlaggedNotRepaired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{script: func(call int, _ target.Request, o *sample.Observation) {
			if call == 1 {
				o.T.First = sample.Some(o.T.Last.Or(0) + second)
			}
		}}, &memory{}
		must(t, jobOf(one(2), s, m))
		row := m.mu.rows[1]
		if !contains(row.Notes, "invalid: last at") || row.T.First.Or(0) <= row.T.Last.Or(0) {
			t.Errorf("notes are %q, first %v", row.Notes, row.T.First)
		}
	})
}

func TestATargetThatCannotBeAskedLeavesNoRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := fault.With(errors.New("connection refused"), fault.Runtime, "is the server running?")
		s, m := &server{describe: refused}, &memory{}
		_, err := conduct(t, jobOf(one(2), s, m))
		if fault.CodeOf(err) != fault.Runtime || fault.HintOf(err) != "is the server running?" || m.mu.manifest != nil {
			t.Errorf("ended with %v; recorded %v", err, m.mu.manifest)
		}
	})
}

func TestTooLittleRoomIsSaidBeforeTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{}
		job := jobOf(one(2), s, m)
		job.FreeBytes = func() (uint64, error) { return 5e6, nil }
		_, err := conduct(t, job)
		if fault.CodeOf(err) != fault.Runtime || m.mu.manifest != nil || s.mu.asked != 0 {
			t.Errorf("ended with %v", err)
		}
	})
}

type events struct{ list []run.Event }

func (e *events) Report(ev run.Event) { e.list = append(e.list, ev) }

func TestTheReporterIsToldWhatIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m, told := &server{}, &memory{}, &events{}
		job := jobOf(one(4), s, m)
		job.Reporter = told
		must(t, job)
		var kinds []run.EventKind
		for _, e := range told.list {
			kinds = append(kinds, e.Kind)
		}
		want := []run.EventKind{run.Checking, run.Loading, run.Starting, run.TrialDone, run.Starting, run.TrialDone, run.TrialDone, run.TrialDone, run.Sealing}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Fatal(diff)
		}
		half := told.list[5].Progress // two trials took 4 + 6 s
		if half.Outcomes.OK != 2 || half.Rate != 0.2 || half.Left != 10*second {
			t.Errorf("half way, progress is %+v", half)
		}
		if i := slices.IndexFunc(told.list, func(e run.Event) bool { return e.Text == "" }); i >= 0 {
			t.Errorf("event %d has no text", i)
		}
	})
}
