package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chimera/internal/cli"
	"chimera/internal/compare"
	"chimera/internal/fault"
	conductor "chimera/internal/run"
	"chimera/internal/spec"
	"chimera/internal/store/sqlite"
	"chimera/internal/target"
	"chimera/internal/target/fake"
)

// conductSimulated conducts a run of so many blocks into a store, some hours
// after the others. Time is simulated, so that no other work on this machine
// decides a verdict.
func conductSimulated(t *testing.T, path, id, profile, prompts string, blocks, hours int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Duration(hours) * time.Hour)
		st, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		text := fmt.Sprintf(`{version: 1, name: gate, targets: [{id: sim, kind: fake, url: "fake:?noise=0.01&jitter=0.1&%s"}],
subjects: [{id: fake, target: sim, model: fake}], workloads: [{id: w, %s, max_tokens: 32}],
experiments: [{id: baseline, kind: suite, blocks: %d, repeats: 2}], design: {cold_loads: 3}, telemetry: {interval: 0s}}`, profile, prompts, blocks)
		options := spec.Catalogue{"fake": fake.Options}
		s, err := spec.Parse("gate.yaml", []byte(text), options, nil)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := spec.Expand(s, spec.Env{Catalogue: options})
		if err != nil {
			t.Fatal(err)
		}
		sim, err := fake.Open(target.Config{ID: "sim", URL: s.Targets[0].URL})
		if err != nil {
			t.Fatal(err)
		}
		defer sim.Close()
		_, err = conductor.Conduct(t.Context(), t.Context(), conductor.Job{ID: id, Spec: s, Plan: plan, Recorder: st,
			Targets: map[string]target.Target{"sim": sim}, Simulated: map[string]bool{"sim": true}})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestCompare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chimera.db")
	for hour, r := range [][2]string{{"first", "seed=1&model=fake*1"}, {"again", "seed=2&model=fake*1"}, {"third", "seed=6&model=fake*1"},
		{"slower", "seed=3&model=fake*1.1"}, {"faster", "seed=4&model=fake*0.8"}, {"later", "seed=5&model=fake*1&first=40ms"}} {
		conductSimulated(t, path, r[0], r[1], "suite: banter", 12, hour)
	}
	for _, c := range []struct {
		args   string
		code   fault.Code
		stdout []string // patterns of lines
		stderr string
	}{
		{"first again", 0, []string{`^SAME  of 3 comparisons: 3 same$`, `^  decode_rate of baseline · higher is better, margin 3.0 %$`,
			`^  fake +\d+\.\d ±\d.* 12\+12 .* SAME$`, `^  changes from .* % on would be seen`, `^  p +Mann–Whitney, each on its own: \d of 2 below 0.05; 0 after`, `^  remark +simulated`}, ""},
		{"first slower", 1, []string{`^REGRESSION  of 3 comparisons: 1 regression, 2 same$`}, "regression: decode_rate of baseline fake"},
		{"first slower --margin 30%", 0, []string{`^SAME `, `^  note +decode_rate of baseline fake: worse by \d+\.\d %, within the margin$`}, ""},
		{"slower first", 0, []string{`^IMPROVED `}, ""},
		{"first faster --metric decode_rate", 0, []string{`^IMPROVED  of 1 comparison: 1 improved$`}, ""},
		{"first later", 1, []string{`1 same`}, "regression: ttft of baseline fake, ttft:p95 of baseline fake"},
		{"first later --metric decode_rate,e2e --margin e2e=45%", 0, []string{`^SAME  of 2`}, ""},
		{"first later --phase cold --metric ttft", 1, []string{`^REGRESSION  of 1`, `· cold rows$`, ` 3\+3 `}, "ttft of cold fake"},
		{"first again --phase cold --metric ttft --margin 20%", 0, []string{`^SAME  of 1`}, ""},
		{"first again --subject nobody", 5, nil, "neither run has an answered request"},
		{"first again --experiment cold", 5, nil, "neither run has an answered request"},
		{"first slower --format gobench", 1, []string{`^Unit token/s/decode_rate better=higher$`, `^run: first$`, `^run: slower$`, `^BenchmarkBaseline/subject=fake-1 1 [\d.e+]+ ns/ttft$`}, "regression"},
	} {
		stdout, stderr, code := inStore(t, path, "compare "+c.args)
		if code != c.code || !strings.Contains(stderr, c.stderr) {
			t.Errorf("compare %s: exit %d, want %d\n%s%s", c.args, code, c.code, stdout, stderr)
		}
		for _, want := range c.stdout {
			if !regexp.MustCompile("(?m)" + want).MatchString(stdout) {
				t.Errorf("compare %s: no line %q in\n%s", c.args, want, stdout)
			}
		}
		if (code != 0) != strings.Contains(stderr, "\nhint: ") {
			t.Errorf("compare %s: exit %d with %q", c.args, code, stderr)
		}
	}

	stdout, _, _ := inStore(t, path, "compare first slower --json")
	var r compare.Result
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	c := r.Metrics[0]
	if r.Verdict != compare.Regression || c.Metric != "decode_rate" || c.N != 12 || c.P.Or(1) > 0.001 || len(r.Facts) != 3*len(r.Metrics) || r.A.Digest == "" {
		t.Errorf("%+v", c)
	}
	if ratio := c.Ratio.Or(0); ratio < 0.89 || ratio > 0.93 || c.Lo.Or(1) > ratio || c.Hi.Or(0) < ratio {
		t.Errorf("ratio %v [%v, %v], want 1/1.1", c.Ratio, c.Lo, c.Hi)
	}
	if len(r.Noise) > 0 {
		t.Errorf("the oldest run has a history: %+v", r.Noise)
	}
	if again, _, _ := inStore(t, path, "compare first slower --json"); again != stdout {
		t.Error("the same rows give another document")
	}

	// The third run has two before it; what came after it does not count.
	stdout, _, _ = inStore(t, path, "compare third slower --json")
	var late compare.Result
	if err := json.Unmarshal([]byte(stdout), &late); err != nil {
		t.Fatal(err)
	}
	if len(late.Noise) != 3 || late.Noise[0].Pairs != 3 || !slices.Equal(late.Noise[0].Runs, []string{"third", "again", "first"}) || late.Verdict != compare.Regression {
		t.Errorf("%s, noise %+v", late.Verdict, late.Noise)
	}
}

// A suspicion is followed by one run of B's spec with twice the blocks, and the
// verdict is by that one.
func TestASuspicionIsRunOnceMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chimera.db")
	for hour, r := range [][2]string{{"old", "model=fake*1&first=1ms&gap=500us&tokens=3"}, {"new", "model=fake*1.1&first=1ms&gap=500us&tokens=3&seed=2"}} {
		conductSimulated(t, path, r[0], r[1], "prompts: [hello]", 4, hour)
	}
	const line = "compare old new --metric decode_rate --margin 9.5%"
	stdout, stderr, code := inStore(t, path, line)
	if code != fault.Inconclusive || !strings.Contains(stdout, "SUSPECT") || !strings.Contains(stderr, "--rerun") {
		t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
	}
	// The third run is of this machine and this minute, which the first two are not.
	stdout, stderr, code = inStore(t, path, line+" --rerun --preflight 0 --json --allow hardware,os,power,environment,server-build")
	var r compare.Result
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("exit %d, %v\n%s", code, err, stderr)
	}
	if r.A.Run != "old" || r.B.Run == "new" || len(r.Metrics) != 1 || r.Metrics[0].NA != 4 || r.Metrics[0].NB != 8 || !strings.Contains(stderr, "new is suspect") {
		t.Errorf("%+v\n%s", r, stderr)
	}
	if n := len(r.Remarks); n == 0 || !strings.HasPrefix(r.Remarks[n-1], "run new was suspect") {
		t.Errorf("remarks %q", r.Remarks)
	}
}

// inStore runs a command line on a store.
func inStore(t *testing.T, path, line string) (stdout, stderr string, code fault.Code) {
	t.Helper()
	var out, err bytes.Buffer
	code = cli.Run(context.WithoutCancel(t.Context()), cli.Env{Args: append([]string{"--store", path}, strings.Fields(line)...),
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err, Getenv: func(string) string { return "" }})
	return out.String(), err.String(), code
}
