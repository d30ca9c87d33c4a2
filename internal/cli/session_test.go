package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store/sqlite"
	"chimera/internal/target"
	"chimera/internal/target/fake"
)

// sessionIn conducts two agents at once in a session over a simulator.
func sessionIn(t *testing.T, path, id string) {
	t.Helper()
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	sim, err := fake.Open(target.Config{ID: "sim", URL: "fake:?first=2ms&gap=100us&load=1ms&slots=2"})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	s := &spec.Spec{Version: 1, Name: "agents", Question: "Does the tuned agent answer faster?",
		Targets:  []spec.Target{{ID: "sim", Kind: "fake"}},
		Subjects: []spec.Subject{{ID: "fake", Target: "sim", Model: "fake"}},
		Design:   spec.Design{Seed: 1, Timeout: spec.Duration(10 * time.Second), Cache: spec.AsIs}}
	host, absent := hostFacts(t.Context())
	se, err := run.Open(t.Context(), t.Context(), run.Job{ID: id, Spec: s, Targets: map[string]target.Target{"sim": sim},
		Simulated: map[string]bool{"sim": true}, Tool: build(), Host: host, Absent: absent, Recorder: st})
	if err != nil {
		t.Fatal(err)
	}
	var agents sync.WaitGroup
	for stream, role := range []string{"baseline", "chimera"} {
		agents.Go(func() {
			for block := range 4 {
				for _, stage := range []string{"analysis", "report"} {
					q := run.Question{Experiment: "parallel", Block: block, Workload: role + "/" + stage, Prompt: stage,
						Text: fmt.Sprintf("%s of %d for %s", stage, block, role), MaxTokens: 8, Subject: "fake",
						Config: map[string]any{"temperature": 0.2}, Stream: stream, Streams: 2}
					if row, err := se.Ask(t.Context(), q); err != nil || row.Outcome != sample.OK {
						t.Errorf("%s: %+v, %v", q.Text, row, err)
					}
				}
			}
		})
	}
	agents.Wait()
	if _, err := se.Seal(nil); err != nil {
		t.Fatal(err)
	}
}

// onStore runs one command line on a store and returns its standard output.
func onStore(t *testing.T, path string, args ...string) (string, string, fault.Code) {
	t.Helper()
	var out, err bytes.Buffer
	code := Run(context.Background(), Env{Args: append(args, "--store", path, "--quiet"), Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err,
		Getenv: func(string) string { return "" }})
	return out.String(), err.String(), code
}

func TestEveryCommandReadsASession(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "chimera.db")
	sessionIn(t, path, "s1")
	sessionIn(t, path, "s2")
	last := lastTrial(t, path, "s1", "chimera/report")
	reported := filepath.Join(folder, "report")
	for _, c := range []struct {
		args  string
		codes []fault.Code
		want  string
	}{
		{"runs ls", nil, "agents"},
		{"runs show s1", nil, "16 planned = 16 ok"},
		{"runs show s1 --trial TRIAL", nil, "    | report of 3 for chimera\n"},
		{"runs show s1 --trial TRIAL", nil, "attempt 1, "},
		{"runs show s1 --trial TRIAL --json", nil, `"prompt": "report of 3 for chimera"`},
		{"runs show s1 --trial nobody", []fault.Code{fault.Usage}, ""},
		{"runs verify s1", nil, "as sealed"},
		{"runs export s1", nil, `"workload":"chimera/report"`},
		{"runs export s1 --format csv", nil, "baseline/analysis"},
		{"runs export s1 --format gobench", nil, "Benchmark"},
		{"query ttft --agg median --by workload --run s1", nil, "chimera/analysis"},
		{"analyze s1", nil, ""},
		{"analyze s1 --json", nil, `"findings"`},
		{"report s1 --format html,md -o " + reported, nil, ""},
		{"compare s1 s2", []fault.Code{fault.OK, fault.Gate, fault.Inconclusive, fault.NotComparable}, ""},
		{"runs seal s1", []fault.Code{fault.Usage}, ""},
		{"run --resume s1", []fault.Code{fault.Usage}, ""},
	} {
		out, errs, code := onStore(t, path, strings.Fields(strings.ReplaceAll(c.args, "TRIAL", last))...)
		allowed := c.codes == nil && code == fault.OK
		for _, k := range c.codes {
			allowed = allowed || code == k
		}
		if !allowed || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit %d\n%s%s", c.args, code, out, errs)
		}
	}
	page, err := os.ReadFile(filepath.Join(reported, "report.md"))
	if err != nil || !strings.Contains(string(page), "requests were not planned") {
		t.Errorf("the report does not say why there is no plan: %v\n%s", err, page)
	}
}

// lastTrial is the last trial of a workload.
func lastTrial(t *testing.T, path, id, workload string) string {
	t.Helper()
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	plan, err := st.Plan(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, trial := range plan.Trials {
		if trial.Workload == workload {
			last = trial.ID
		}
	}
	return last
}

// A sealed run tells of each call what was asked and what came back.
func TestPromptAndAnswerOfEachCallAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chimera.db")
	sessionIn(t, path, "s1")
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	plan, err := st.Plan(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for row, err := range st.Samples(t.Context(), "s1") {
		if err != nil {
			t.Fatal(err)
		}
		n++
		trial := plan.Trials[row.Order]
		prompt, ok := plan.PromptOf(&trial)
		role, stage, _ := strings.Cut(row.Workload, "/")
		if want := fmt.Sprintf("%s of %d for %s", stage, row.Block, role); !ok || prompt.Text != want || row.PromptSHA256 != digest.Text(want) {
			t.Errorf("trial %s asks %q", row.Trial, prompt.Text)
		}
		if text, ok := row.Text.Get(); !ok || text == "" {
			t.Errorf("trial %s has no answer", row.Trial)
		}
	}
	if n != 16 {
		t.Errorf("%d rows, want 16", n)
	}
}

func TestAKilledSessionIsSealedAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chimera.db")
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := fake.Open(target.Config{ID: "sim", URL: "fake:?first=1ms&gap=100us&load=1ms"})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	se, err := run.Open(t.Context(), t.Context(), run.Job{ID: "dead", Recorder: st, Targets: map[string]target.Target{"sim": sim},
		Spec: &spec.Spec{Version: 1, Name: "agents", Targets: []spec.Target{{ID: "sim", Kind: "fake"}},
			Subjects: []spec.Subject{{ID: "fake", Target: "sim", Model: "fake"}}, Design: spec.Design{Timeout: spec.Duration(time.Second)}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := se.Ask(t.Context(), run.Question{Experiment: "run", Workload: "baseline/report", Prompt: "report", Text: "go", MaxTokens: 4, Subject: "fake"}); err != nil {
		t.Fatal(err)
	}
	if _, _, code := onStore(t, path, "runs", "seal", "dead"); code == fault.OK {
		t.Error("a run was sealed while it is conducted")
	}
	if err := st.Close(); err != nil { // as the death of the process would
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code fault.Code
		want string
	}{
		{"runs ls", fault.OK, "open"},
		{"runs show dead", fault.OK, "open: 1 planned = 1 ok"},
		{"runs verify dead", fault.Usage, ""},
		{"runs seal dead", fault.OK, "partial"},
		{"runs verify dead", fault.OK, "as sealed"},
	} {
		if out, errs, code := onStore(t, path, strings.Fields(c.args)...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit %d\n%s%s", c.args, code, out, errs)
		}
	}
	if _, err := se.Seal(nil); err == nil {
		t.Error("the dead session sealed its run")
	}
}
