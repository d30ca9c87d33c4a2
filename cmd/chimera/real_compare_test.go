package main

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"chimera/internal/cli"
	"chimera/internal/compare"
	"chimera/internal/fault"
)

// judged runs `compare` and returns its document with the exit code, whatever
// they say.
func (s session) judged(args ...string) (r compare.Result, code fault.Code) {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Run(s.t.Context(), cli.Env{
		Args:  append([]string{"--store", s.store, "--json", "compare"}, args...),
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Getenv: os.Getenv,
	})
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		s.t.Fatalf("chimera compare %s: exit %d, %v\n%s", strings.Join(args, " "), code, err, stderr.String())
	}
	s.t.Logf("compare %s: exit %d\n%s", strings.Join(args, " "), code, stderr.String())
	for _, c := range r.Metrics {
		s.t.Logf("%-12s %.4g → %.4g, ratio %.3f [%.3f, %.3f], n %d+%d, p %.3f, margin %.3f: %s",
			c.Metric, c.A, c.B, c.Ratio.Or(0), c.Lo.Or(0), c.Hi.Or(0), c.NA, c.NB, c.P.Or(1), c.Margin, c.Verdict)
	}
	return r, code
}

// Sessions of one server that differ in nothing are no regression: the first
// two tell how much sessions differ by themselves, the others are compared.
func TestRealRunsOfOneConfiguration(t *testing.T) {
	s := newSession(t)
	bench := func(prompt string) string {
		return s.conduct("bench", "--url", given(t, "CHIMERA_LLAMA_URL"), "--model", given(t, "CHIMERA_LLAMA_MODEL"), "--kind", "llamaserver",
			"--prompt", prompt, "--prompt", "Once upon a time", "--max-tokens", "16", "--blocks", "6", "--preflight", "0").Run
	}
	var runs []string
	for range 4 {
		runs = append(runs, bench("The capital of France is"))
	}
	r, code := s.judged(runs[2], runs[3])
	if r.Verdict == compare.Regression || code == fault.Gate {
		t.Errorf("two runs of one configuration are a %s", r.Verdict)
	}
	if len(r.Residue) > 0 || len(r.Metrics) < 2 || len(r.Noise) < 2 || r.Noise[0].Pairs != 3 {
		t.Errorf("%d comparisons, residue %+v, noise %+v", len(r.Metrics), r.Residue, r.Noise)
	}
	back, _ := s.judged(runs[3], runs[2])
	if back.Verdict == compare.Improved != (r.Verdict == compare.Regression) || len(back.Metrics) != len(r.Metrics) {
		t.Errorf("%s one way, %s the other", r.Verdict, back.Verdict)
	}

	other, code := s.judged(runs[3], bench("The capital of Spain is"))
	if code != fault.NotComparable || !slices.ContainsFunc(other.Residue, func(d compare.Residue) bool { return d.What == compare.Prompts }) {
		t.Errorf("other prompts: exit %d, %s, residue %+v", code, other.Verdict, other.Residue)
	}
}

// Twenty times two sessions that differ in nothing, on a server and in process:
// none is a regression, whichever of the two is taken for the baseline. The
// sessions before tell how much sessions differ by themselves; where the machine
// had other work there is no verdict, which is none of a regression either.
func TestRealRepeatsAreNoRegression(t *testing.T) {
	const before, repeats = 2, 20
	for name, at := range map[string][]string{
		"llama.cpp": {"--kind", "llamaserver", "--url", given(t, "CHIMERA_LLAMA_URL"), "--model", given(t, "CHIMERA_LLAMA_MODEL")},
		"engine":    {"--kind", "native", "--model", given(t, "CHIMERA_GEMMA_GGUF")},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession(t)
			bench := append([]string{"bench", "--prompt", "Once upon a time", "--max-tokens", "12", "--blocks", "5", "--warmup", "1", "--preflight", "200ms"}, at...)
			verdicts, metrics := map[compare.Verdict]int{}, map[compare.Verdict]int{}
			last := ""
			for i := range before + repeats {
				run := s.conduct(bench...).Run
				if i >= before {
					for _, pair := range [][]string{{last, run}, {run, last}} {
						r, code := s.judged(pair...)
						verdicts[r.Verdict]++
						for _, c := range r.Metrics {
							metrics[c.Verdict]++
						}
						if r.Verdict == compare.Regression || code == fault.Gate {
							t.Errorf("pair %d: two runs of one configuration are a %s", i-before, r.Verdict)
						}
					}
				}
				last = run
			}
			t.Logf("%d pairs, both ways: %v; by metric: %v", repeats, verdicts, metrics)
		})
	}
}
