package finding_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chimera/internal/finding"
	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/target"
	"chimera/internal/target/fake"
)

// shelf keeps the rows of a session in memory.
type shelf struct {
	mu       sync.Mutex
	manifest sample.Manifest
	rows     []*sample.Sample
	readings []*sample.Reading
}

func (s *shelf) CreateRun(_ context.Context, m sample.Manifest, _ *spec.Plan) error {
	s.manifest = m
	return nil
}
func (s *shelf) Extend(context.Context, string, ...spec.Trial) error      { return nil }
func (s *shelf) AddSession(context.Context, string, sample.Session) error { return nil }
func (s *shelf) Reopen(context.Context, string) error                     { return nil }
func (s *shelf) UpdateManifest(_ context.Context, _ string, change func(*sample.Manifest)) error {
	change(&s.manifest)
	return nil
}
func (s *shelf) Seal(context.Context, string, store.Status, time.Time) (string, error) {
	return "sealed", nil
}
func (s *shelf) Append(_ context.Context, _ string, rows ...*sample.Sample) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, rows...)
	return nil
}
func (s *shelf) AppendReadings(_ context.Context, _ string, rows ...*sample.Reading) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readings = append(s.readings, rows...)
	return nil
}

// Two agents in a session over simulators whose truth is known: one slot, where
// each waits for the other; two slots, where neither notices; two slots that
// share one engine, where everything takes three times as long. From the request
// to the finding every number is exact.
func TestASessionOfTwoAgentsIsJudgedExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := map[string]string{"solo": "fake:?first=1s&gap=10ms&slots=1&load=1s&overhead=0&prefill=0", "serial": "fake:?first=1s&gap=10ms&slots=1&load=1s&overhead=0&prefill=0",
			"parallel": "fake:?first=1s&gap=10ms&slots=2&load=1s&overhead=0&prefill=0", "two-servers": "fake:?first=3s&gap=30ms&slots=2&load=1s&overhead=0&prefill=0"}
		arms := []string{"solo", "serial", "parallel", "two-servers"}
		s := &spec.Spec{Version: 1, Name: "pair", Design: spec.Design{Seed: 1, Timeout: spec.Duration(time.Hour), Cache: spec.AsIs}}
		job := run.Job{ID: "p", Spec: s, Targets: map[string]target.Target{}, Simulated: map[string]bool{}}
		for _, arm := range arms {
			sim, err := fake.Open(target.Config{ID: arm, URL: servers[arm]})
			if err != nil {
				t.Fatal(err)
			}
			defer sim.Close()
			job.Targets[arm], job.Simulated[arm] = sim, true
			s.Targets = append(s.Targets, spec.Target{ID: arm, Kind: "fake"})
			s.Subjects = append(s.Subjects, spec.Subject{ID: arm, Target: arm, Model: "fake"})
		}
		kept := &shelf{}
		job.Recorder = kept
		session, err := run.Open(t.Context(), t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		ask := func(arm, role, stage string, block int, warmup bool) {
			q := run.Question{Experiment: arm, Block: block, Workload: role + "/" + stage, Prompt: stage, Text: stage, MaxTokens: 101, Subject: arm, Warmup: warmup, Streams: 2}
			if row, err := session.Ask(t.Context(), q); err != nil || row.Outcome != sample.OK {
				t.Errorf("%s %s: %v, %v", arm, stage, row, err)
			}
		}
		work := func(arm, role string, block int) {
			for _, stage := range []string{"analysis", "report"} {
				ask(arm, role, stage, block, false)
			}
		}
		for block := range 4 {
			order := slices.Clone(arms)
			if block%2 == 1 {
				slices.Reverse(order)
			}
			for _, arm := range order {
				ask(arm, "baseline", "warmup", block, true)
				var agents sync.WaitGroup
				for _, role := range []string{"baseline", "tuned"} {
					if arm == "solo" {
						work(arm, role, block)
						continue
					}
					agents.Go(func() { work(arm, role, block) })
				}
				agents.Wait()
			}
		}
		if _, err := session.Seal(nil); err != nil {
			t.Fatal(err)
		}
		a, err := finding.Analyze(kept.rows, kept.readings, &kept.manifest)
		if err != nil {
			t.Fatal(err)
		}
		checkSentences(t, a)
		for arm, want := range map[string]struct {
			speedup          float64
			gain, contention finding.Verdict
			seen             []string
		}{"serial": {1, finding.Same, finding.Worse, []string{queue}}, "parallel": {2, finding.Better, finding.Same, nil}, "two-servers": {2. / 3, finding.Worse, finding.Worse, []string{shared}}} {
			equals(t, arm+": speedup", value(t, a, "speedup", "geomean", "experiment", arm), want.speedup)
			f, g := one(t, a, finding.Concurrency, "experiment", arm), one(t, a, finding.Contention, "experiment", arm)
			if f.Verdict != want.gain || g.Verdict != want.contention {
				t.Errorf("%s: %s, %s: %s %s", arm, f.Verdict, g.Verdict, f.Sentence.Print(a.Fact), g.Sentence.Print(a.Fact))
			}
			if got, _ := seenBeside(g); !slices.Equal(got, want.seen) {
				t.Errorf("%s: seen %q, want %q", arm, got, want.seen)
			}
			if status(f, finding.Observed) != finding.Fail || !strings.Contains(f.Sentence.Print(a.Fact), "as fast") {
				t.Errorf("%s: a simulation passes for a measurement", arm)
			}
		}
		equals(t, "parallel: overlap", value(t, a, "overlap", "geomean", "experiment", "parallel"), 2)
		equals(t, "two-servers: overlap", value(t, a, "overlap", "geomean", "experiment", "two-servers"), 2)
	})
}
