package compare_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"

	"chimera/internal/compare"
	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/store/sqlite"
	"chimera/internal/target"
	"chimera/internal/target/fake"
)

// simulate conducts a spec on the simulator, in fake time, into a real store.
func simulate(t *testing.T, st *sqlite.Store, id, profile string) {
	t.Helper()
	source := fmt.Sprintf(`{version: 1, name: aa,
targets: [{id: sim, kind: fake, url: "fake:?%s"}],
subjects: [{id: one, target: sim, model: one}, {id: two, target: sim, model: two}],
workloads: [{id: banter, suite: banter, max_tokens: 48}],
experiments: [{id: baseline, kind: suite, blocks: 6}],
design: {seed: 1, warmup: 1}, telemetry: {interval: 0s}}`, profile)
	s, err := spec.Parse("aa.yaml", []byte(source), spec.Catalogue{"fake": fake.Options}, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := spec.Expand(s, spec.Env{Catalogue: spec.Catalogue{"fake": fake.Options}})
	if err != nil {
		t.Fatal(err)
	}
	sim, err := fake.Open(target.Config{ID: "sim", URL: s.Targets[0].URL})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	_, err = run.Conduct(t.Context(), t.Context(), run.Job{ID: id, Spec: s, Plan: plan, Targets: map[string]target.Target{"sim": sim},
		Simulated: map[string]bool{"sim": true}, Recorder: st})
	if err != nil {
		t.Fatal(err)
	}
}

// stored reads a run back for a comparison.
func stored(t *testing.T, st store.Reader, id string, o compare.Options) *compare.Run {
	t.Helper()
	r, err := st.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	sum, _ := r.Digest()
	src := compare.Source{Manifest: r.Manifest, Status: string(r.Status), Answered: r.Outcomes.OK, Digest: sum}
	c, err := compare.Collect(src, st.Samples(t.Context(), r.ID()), sample.Measure, o.Measures)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const pace = "model=one*%v&model=two*2&gap=5ms&first=20ms&noise=0.03&jitter=0.2&seed=%d"

// Of 20 pairs of runs that differ in nothing but chance, none is a regression;
// one of 10 % is found each time, and only where it is.
func TestSimulatedRuns(t *testing.T) {
	o := options(t, "decode_rate", "ttft")
	verdicts := map[compare.Verdict]int{}
	for seed := range 20 {
		synctest.Test(t, func(t *testing.T) {
			st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			simulate(t, st, "a", fmt.Sprintf(pace, 1, 2*seed+1))
			simulate(t, st, "b", fmt.Sprintf(pace, 1, 2*seed+2))
			simulate(t, st, "slow", fmt.Sprintf(pace, 1.1, 2*seed+2))
			a, b, slow := stored(t, st, "a", o), stored(t, st, "b", o), stored(t, st, "slow", o)
			same, err := compare.Compare(a, b, nil, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range same.Metrics {
				verdicts[c.Verdict]++
				if c.Verdict == compare.Regression || c.Verdict == compare.Improved {
					t.Errorf("seed %d: %s of %s: %s, ratio %v [%v, %v]", seed, c.Metric, c.Scope, c.Verdict, c.Ratio, c.Lo, c.Hi)
				}
			}
			worse, err := compare.Compare(a, slow, nil, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range worse.Metrics {
				if c.Metric != "decode_rate" {
					continue
				}
				if found := c.Verdict == compare.Regression; found != (c.Scope.Subject == "one") {
					t.Errorf("seed %d: planted 10 %% in one: %s is %s, ratio %v [%v, %v]", seed, c.Scope.Subject, c.Verdict, c.Ratio, c.Lo, c.Hi)
				}
			}
			if worse.Verdict != compare.Regression || worse.Verdict.Code(false) != 1 {
				t.Errorf("the whole is %s", worse.Verdict)
			}
		})
	}
	t.Logf("A/A: %v", verdicts)
}
