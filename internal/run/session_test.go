package run_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/target"
	"chimera/internal/telemetry"
	"chimera/internal/unit"
)

func open(t *testing.T, s *server, m *memory, change ...func(*run.Job)) *run.Session {
	t.Helper()
	job := jobOf(nil, s, m)
	for _, c := range change {
		c(&job)
	}
	se, err := run.Open(t.Context(), t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	return se
}

func question(stage string, block int) run.Question {
	return run.Question{Experiment: "run", Block: block, Workload: "baseline/" + stage, Prompt: stage, Text: "do " + stage,
		MaxTokens: 3, Subject: "a", Config: map[string]any{"num_ctx": 2048.0}, Seed: 7}
}

func ask(t *testing.T, s *run.Session, q run.Question) *sample.Sample {
	t.Helper()
	row, err := s.Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func seal(t *testing.T, s *run.Session) run.Result {
	t.Helper()
	r, err := s.Seal(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAQuestionIsARowLikeAnyOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{takes: 10 * milli}
		se := open(t, s, m)
		if m.mu.manifest == nil || m.mu.manifest.Subjects[0].Digest != "alpha" || m.mu.manifest.PlanDigest != "" || m.mu.manifest.Absent["plan_sha256"] == "" {
			t.Fatalf("before the first question the manifest is %+v", m.mu.manifest)
		}
		first, next := ask(t, se, question("analysis", 0)), ask(t, se, question("report", 1))
		r := seal(t, se)
		if r.Status != store.Complete || r.Digest == "" || r.Outcomes != (store.Counts{Planned: 2, OK: 2}) || r.Loads != (run.Loads{Planned: 1}) {
			t.Errorf("result is %+v", r)
		}
		if diff := cmp.Diff([]string{"load alpha 2048", `ask alpha "do analysis"`, `ask alpha "do report"`}, s.mu.log); diff != "" {
			t.Error(diff)
		}
		for i, row := range []*sample.Sample{first, next} {
			trial, stage := m.mu.plan.Trials[i], []string{"analysis", "report"}[i]
			at := 4*second + time.Duration(i)*(3*second+10*milli)
			if row.T.Sched.Or(-1) != at || row.T.Send.Or(-1) != at {
				t.Errorf("row %d is intended for %v and sent at %v, want %v", i, row.T.Sched, row.T.Send, at)
			}
			if row.Trial != trial.ID || row.Trial != fmt.Sprintf("run/b%d/%04d", i, i) || row.Order != i || row.Block != i || row.Prompt != stage ||
				row.Workload != "baseline/"+stage || !row.Final || row.Provenance != sample.Measured || len(row.Notes) > 0 {
				t.Errorf("row %d is %+v", i, row)
			}
			if p := trial.Asked; p.Text != "do "+stage || p.SHA256 != digest.Text(p.Text) || row.PromptSHA256 != p.SHA256 || p.MaxTokens != 3 || trial.Seed != 7 {
				t.Errorf("trial %d asks %+v", i, p)
			}
			if row.Effective["num_ctx"] != 2048.0 {
				t.Errorf("row %d met %v", i, row.Effective)
			}
		}
	})
}

func TestTheFirstRequestOfALoadIsCold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loads := []time.Duration{0, 0, 0, 900 * milli, 0, 0, 0}
		s, m := &server{script: func(call int, _ target.Request, o *sample.Observation) {
			o.Times.Load = sample.Some(150*milli + loads[call])
		}}, &memory{}
		se := open(t, s, m)
		q := question("report", 0)
		wide := q
		wide.Config = map[string]any{"num_ctx": 4096.0}
		ask(t, se, q)    // finds nothing loaded
		ask(t, se, q)    // warm
		ask(t, se, wide) // brings about another load
		ask(t, se, wide) // the server had to load again, who knows why
		if err := se.Prepare(t.Context(), q); err != nil {
			t.Error(err)
		}
		warmup := q
		warmup.Warmup = true
		ask(t, se, warmup)
		ask(t, se, q)
		if r, err := se.Unload(t.Context(), q); err != nil || r != target.Managed {
			t.Errorf("unload: %s, %v", r, err)
		}
		ask(t, se, q)
		r := seal(t, se)
		var phases []sample.Phase
		for _, row := range m.mu.rows {
			phases = append(phases, row.Phase)
		}
		want := []sample.Phase{sample.Cold, sample.Measure, sample.Cold, sample.Cold, sample.Warmup, sample.Measure, sample.Cold}
		if diff := cmp.Diff(want, phases); diff != "" {
			t.Error(diff)
		}
		if p := m.mu.rows[3].Planned.Or(""); p != sample.Measure {
			t.Errorf("the reload that nobody expected was planned %q", p)
		}
		if r.Loads != (run.Loads{Planned: 3, Unplanned: 1}) {
			t.Errorf("loads are %+v", r.Loads)
		}
		if diff := cmp.Diff([]string{"load alpha 2048", "load alpha 2048", "unload alpha", "load alpha 2048"}, without(s.mu.log, "ask")); diff != "" {
			t.Error(diff)
		}
	})
}

func without(log []string, prefix string) []string {
	var rest []string
	for _, line := range log {
		if !strings.HasPrefix(line, prefix) {
			rest = append(rest, line)
		}
	}
	return rest
}

func TestARuntimeThatKeepsItsModelIsNeverColdInASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{unmanaged: true}, &memory{}
		se := open(t, s, m)
		q := question("report", 0)
		ask(t, se, q)
		q.Config = map[string]any{"num_ctx": 4096.0}
		ask(t, se, q)
		if r, err := se.Unload(t.Context(), q); err != nil || r != target.Unmanaged {
			t.Errorf("unload: %s, %v", r, err)
		}
		seal(t, se)
		for i, row := range m.mu.rows {
			if row.Phase != sample.Measure {
				t.Errorf("row %d is %s", i, row.Phase)
			}
		}
	})
}

func TestTwoAgentsAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{}, &memory{}
		se := open(t, s, m)
		var agents sync.WaitGroup
		for stream, subject := range []string{"a", "b"} {
			agents.Go(func() {
				for block := range 5 {
					q := question("report", block)
					q.Experiment, q.Subject, q.Stream, q.Streams = "parallel", subject, stream, 2
					row := ask(t, se, q)
					if row.Stream != stream || row.Subject != subject {
						t.Errorf("agent %d got row %+v", stream, row)
					}
				}
			})
		}
		agents.Wait()
		r := seal(t, se)
		if r.Outcomes != (store.Counts{Planned: 10, OK: 10}) || r.Loads.Planned != 2 || s.mu.most != 2 {
			t.Errorf("%+v, %+v, at most %d in flight", r.Outcomes, r.Loads, s.mu.most)
		}
		for i, trial := range m.mu.plan.Trials {
			if trial.Order != i || trial.Streams != 2 {
				t.Errorf("trial %d is %+v", i, trial)
			}
		}
		if contains(s.mu.log, "unload") {
			t.Errorf("a model was taken from its agent: %q", s.mu.log)
		}
	})
}

func TestAttemptsOfAQuestionAreRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{script: func(call int, _ target.Request, o *sample.Observation) {
			if call == 1 || call == 2 {
				fails(o, sample.Error, sample.ClassReset)
			}
		}}, &memory{}
		se := open(t, s, m, func(j *run.Job) { j.Spec.Design.Retries = 2 })
		ask(t, se, question("ingest", 0))
		row := ask(t, se, question("report", 0))
		r := seal(t, se)
		if row.Attempt != 2 || row.Outcome != sample.OK || !row.Final || len(m.mu.rows) != 4 || m.mu.rows[1].Final || m.mu.rows[2].Final {
			t.Errorf("%d rows, the last is %+v", len(m.mu.rows), row)
		}
		if r.Outcomes != (store.Counts{Planned: 2, OK: 2}) {
			t.Errorf("outcomes are %+v", r.Outcomes)
		}
	})
}

func TestALoadThatFailsDropsTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{loadFails: func(map[string]any) error { return errors.New("out of memory") }}, &memory{}
		se := open(t, s, m)
		row := ask(t, se, question("report", 0))
		if row.Outcome != sample.Dropped || row.Failure.Class != sample.ClassLoad || !strings.Contains(row.Failure.Message, "out of memory") || s.mu.asked != 0 {
			t.Errorf("row is %+v", row)
		}
		r, err := se.Seal(nil)
		if r.Status != store.Invalid || fault.CodeOf(err) != fault.Invalid || r.Outcomes != (store.Counts{Planned: 1, Dropped: 1}) {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestAnInterruptSealsAPartialSession(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration // of the interrupt
		want  store.Counts
	}{
		{"while it loads", 2 * second, store.Counts{Planned: 1, Dropped: 1}},
		{"while an answer comes", 5 * second, store.Counts{Planned: 1, OK: 1}}, // which is waited for
		{"between two questions", 8 * second, store.Counts{Planned: 1, OK: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &memory{}
				send, stop := context.WithCancelCause(t.Context())
				se, err := run.Open(t.Context(), send, jobOf(nil, &server{}, m))
				if err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(c.after, func() { stop(errors.New("interrupt")) })
				ask(t, se, question("ingest", 0))
				if err := wait(t.Context(), 2*second); err != nil {
					t.Fatal(err)
				}
				if row, err := se.Ask(t.Context(), question("report", 0)); row != nil || fault.CodeOf(err) != fault.Interrupted {
					t.Errorf("asked after the interrupt: %+v, %v", row, err)
				}
				r, err := se.Seal(nil)
				if r.Status != store.Partial || m.mu.status != store.Partial || fault.CodeOf(err) != fault.Interrupted || r.Outcomes != c.want {
					t.Errorf("%+v, %v", r, err)
				}
				if !contains(m.mu.manifest.Warnings, "ended_early: interrupt") {
					t.Errorf("warnings are %q", m.mu.manifest.Warnings)
				}
			})
		})
	}
}

func TestASecondInterruptEndsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live, stop := context.WithCancelCause(t.Context())
		se, err := run.Open(live, live, jobOf(nil, &server{}, &memory{}))
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(5500*milli, func() { stop(errors.New("interrupted twice")) })
		row := ask(t, se, question("report", 0))
		if row.Failure == nil || row.Failure.Class != sample.ClassInterrupted || row.T.End.Or(0) != 5500*milli {
			t.Errorf("row is %+v", row)
		}
		if r, err := se.Seal(nil); r.Status != store.Partial || fault.CodeOf(err) != fault.Interrupted {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestTheCallersDeadlineIsATimeoutAndItsCancelAnInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		se := open(t, &server{}, &memory{}, func(j *run.Job) { j.Spec.Design.Retries = 3 })
		ask(t, se, question("ingest", 0))
		short, end := context.WithTimeout(t.Context(), 2500*milli)
		defer end()
		row, err := se.Ask(short, question("report", 0))
		if err != nil || row.Outcome != sample.Timeout || row.Failure.Class != sample.ClassTimeout || !row.Final {
			t.Errorf("deadline: %+v, %v", row, err)
		}
		canceled, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*milli, func() { cancel(errors.New("the other agent failed")) })
		row, err = se.Ask(canceled, question("report", 1))
		if err != nil || row.Failure.Class != sample.ClassInterrupted || row.Failure.Message != "the other agent failed" {
			t.Errorf("cancel: %+v, %v", row, err)
		}
		if r, err := se.Seal(nil); r.Status != store.Partial || r.Outcomes != (store.Counts{Planned: 3, OK: 1, Timeout: 2}) || fault.CodeOf(err) != fault.Runtime {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestASessionThatEndsEarlySaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		se := open(t, &server{}, m)
		ask(t, se, question("report", 0))
		boom := fault.New(fault.Usage, "the persona has no stages")
		r, err := se.Seal(boom)
		if r.Status != store.Partial || !errors.Is(err, boom) || fault.CodeOf(err) != fault.Usage || !contains(m.mu.manifest.Warnings, "ended_early: the persona") {
			t.Errorf("%+v, %v, %q", r, err, m.mu.manifest.Warnings)
		}
		if _, err := se.Ask(t.Context(), question("report", 1)); err == nil {
			t.Error("a sealed session was asked")
		}
		if _, err := se.Seal(nil); err == nil || m.mu.seals != 1 {
			t.Errorf("sealed %d times, %v", m.mu.seals, err)
		}
	})
}

func TestAQuestionThatNoRowCouldDescribeIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		se := open(t, &server{}, m)
		for name, spoil := range map[string]func(*run.Question){
			"subject":    func(q *run.Question) { q.Subject = "c" },
			"experiment": func(q *run.Question) { q.Experiment = "" },
			"workload":   func(q *run.Question) { q.Workload = "" },
			"prompt":     func(q *run.Question) { q.Prompt = "" },
			"budget":     func(q *run.Question) { q.MaxTokens = 0 },
			"constraint": func(q *run.Question) { q.Constraint = target.Constraint{JSONSchema: "{}", GBNF: "root ::= x"} },
			"option":     func(q *run.Question) { q.Config = map[string]any{"num_ctx": 1024} },
		} {
			q := question("report", 0)
			spoil(&q)
			if _, err := se.Ask(t.Context(), q); fault.CodeOf(err) != fault.Usage {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(m.mu.plan.Trials) != 0 {
			t.Errorf("the plan has %d trials", len(m.mu.plan.Trials))
		}
		if r, err := se.Seal(nil); r.Status != store.Invalid || fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a session without a question: %+v, %v", r, err)
		}
	})
}

func TestALostRowEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{breakAt: 2}
		se := open(t, &server{}, m)
		ask(t, se, question("ingest", 0))
		if row, err := se.Ask(t.Context(), question("report", 0)); row != nil || !errors.Is(err, errDisk) {
			t.Errorf("%+v, %v", row, err)
		}
		if _, err := se.Ask(t.Context(), question("report", 1)); err == nil {
			t.Error("asked where nothing can be kept")
		}
		if r, err := se.Seal(nil); r.Status != store.Open || !errors.Is(err, errDisk) || m.mu.seals != 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestReadingsStandBesideTheRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		machine := &gauges{reads: map[string][]float64{telemetry.CPUUtilisation: {0.5}}}
		se := open(t, &server{}, m, func(j *run.Job) { j.Spec.Telemetry.Interval = spec.Duration(second) })
		ask(t, se, question("ingest", 0))
		if err := se.Watch(machine); err != nil {
			t.Fatal(err)
		}
		ask(t, se, question("report", 0))
		if err := se.Watch(); err != nil {
			t.Fatal(err)
		}
		took := sample.Reading{Kind: "agent-workflow", Series: "total_time", Unit: unit.Second, At: se.Now(), Value: sample.Some(3.0)}
		if err := se.AppendReadings(took); err != nil {
			t.Fatal(err)
		}
		seal(t, se)
		if err := se.AppendReadings(took); err == nil {
			t.Error("a sealed session took a reading")
		}
		var agents, points int
		for _, r := range m.mu.readings {
			switch r.Kind {
			case "agent-workflow":
				agents++
				if r.At != 10*second || r.Provenance != sample.Measured || r.Run != "r1" {
					t.Errorf("reading is %+v", r)
				}
			case telemetry.Kind:
				points++
				if r.At < 7*second || r.At > 10*second {
					t.Errorf("telemetry at %v", r.At)
				}
			}
		}
		if agents != 1 || points < 3 || m.mu.manifest.Absent["telemetry"] != "" {
			t.Errorf("%d readings of agents, %d points, %q", agents, points, m.mu.manifest.Absent["telemetry"])
		}
	})
}

func TestASubjectMayJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, other, m := &server{}, &server{digest: "-2"}, &memory{}
		se := open(t, s, m)
		ask(t, se, question("report", 0))
		c, at := spec.Subject{ID: "c", Target: "box2", Model: "alpha"}, spec.Target{ID: "box2", Kind: "fake", URL: "http://host2"}
		if err := se.Join(t.Context(), c, at, other, true); err != nil {
			t.Fatal(err)
		}
		if err := se.Join(t.Context(), c, at, other, true); fault.CodeOf(err) != fault.Usage {
			t.Errorf("joining twice: %v", err)
		}
		unknown := c
		unknown.ID = "d"
		if err := se.Join(t.Context(), unknown, at, &server{describe: errors.New("no such model")}, true); err == nil {
			t.Error("a subject that its target does not know joined")
		}
		q := question("report", 1)
		q.Subject = "c"
		row := ask(t, se, q)
		seal(t, se)
		if row.Target != "box2" || row.Provenance != sample.Simulated || row.Phase != sample.Cold || other.mu.asked != 1 {
			t.Errorf("row is %+v", row)
		}
		if subs := m.mu.manifest.Subjects; len(subs) != 3 || subs[2].ID != "c" || subs[2].Digest != "alpha-2" || subs[2].URL != "http://host2" {
			t.Errorf("subjects are %+v", subs)
		}
	})
}

func TestAnAnswersConstraintIsSentAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []target.Request
		s, m := &server{script: func(_ int, req target.Request, _ *sample.Observation) { sent = append(sent, req) }}, &memory{}
		se := open(t, s, m)
		q := question("report", 0)
		q.Fixed = true
		ask(t, se, q)
		q.Constraint = target.Constraint{JSONSchema: `{"type":"object"}`}
		ask(t, se, q)
		seal(t, se)
		if !sent[0].Fixed || !sent[0].Constraint.Free() || sent[1].Fixed || sent[1].Constraint != q.Constraint {
			t.Errorf("sent %+v", sent)
		}
		if free, bound := m.mu.rows[0].ConstraintSHA256, m.mu.rows[1].ConstraintSHA256; free != "" || bound != q.Constraint.Digest() {
			t.Errorf("the rows say constrained by %q and %q", free, bound)
		}
		if p := m.mu.plan.Trials[1].Asked; p.JSONSchema != q.Constraint.JSONSchema || p.GBNF != "" {
			t.Errorf("kept %+v", p)
		}
	})
}

func TestASessionIsNotResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		se := open(t, &server{}, m)
		ask(t, se, question("report", 0))
		if _, err := se.Seal(errors.New("enough")); err == nil {
			t.Fatal("ending early is no success")
		}
		_, err := run.Resume(t.Context(), t.Context(), jobOf(m.mu.plan, &server{}, m), m.past())
		if fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" || m.mu.status != store.Partial {
			t.Errorf("%v, the run is %s", err, m.mu.status)
		}
	})
}
