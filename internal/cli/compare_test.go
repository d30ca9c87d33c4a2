package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"chimera/internal/compare"
	"chimera/internal/fault"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// judgement is a comparison as long as they come.
func judgement(measure string, v compare.Verdict, scope compare.Scope) compare.Comparison {
	some := sample.Some[float64]
	c := compare.Comparison{Metric: measure, Aggregate: "median", Unit: unit.TokenPerSecond, Better: metric.Higher, Scope: scope,
		A: 12345.6, B: 0.00123, ALo: some(12000), AHi: some(13000), BLo: some(0.001), BHi: some(0.002),
		Ratio: some(0.8), Lo: some(0.7), Hi: some(0.9), P: some(0.0002), N: 1000, NA: 1000, NB: 1000, Margin: 0.03, Detectable: some(0.02), Verdict: v,
		Notes: []string{"margin raised to twice the noise floor of 12.9 % (3 pairs of earlier runs), which is a long story to tell in one line"}}
	if v == compare.Inconclusive || v == compare.Suspect {
		c.Needed = sample.Some(123456)
	}
	return c
}

func TestComparisonsFitTheTerminal(t *testing.T) {
	long := compare.Scope{Experiment: strings.Repeat("e", 64), Subject: strings.Repeat("s", 64), Config: "num_ctx=32768 temperature=0.8 threads=64"}
	r := compare.Result{Verdict: compare.Regression, A: compare.Reference{Run: "7f3a1c22", Name: "quickstart"}, B: compare.Reference{Run: "81c09d10"}, Phase: sample.Measure}
	for _, v := range []compare.Verdict{compare.Regression, compare.Improved, compare.Same, compare.Suspect, compare.Inconclusive} {
		r.Metrics = append(r.Metrics, judgement("server_decode_rate", v, long))
	}
	r.NotTested = []compare.NotTested{{What: "x", Reason: "only run A has it"}, {What: strings.Repeat("y ", 80), Reason: "only run A has it"}, {What: "z", Reason: strings.Repeat("why ", 40)}}
	r.Residue = []compare.Residue{{What: compare.Digest, Where: long.Subject, A: "sha256:" + strings.Repeat("5a", 32), B: "sha256:" + strings.Repeat("c0", 32), Allowed: true}}
	r.Remarks = []string{strings.Repeat("remark ", 40)}
	for _, terminal := range []bool{false, true} {
		var out bytes.Buffer
		a := &app{Env: Env{Stdout: &out, Terminal: terminal, Getenv: func(string) string { return "" }}}
		a.printComparison(r)
		r.Residue[0].Allowed = false
		a.printResidue(r)
		r.Residue[0].Allowed = true
		for i, line := range strings.Split(out.String(), "\n") {
			if n := visible(line); n > maxWidth {
				t.Errorf("line %d is %d columns wide: %s", i+1, n, line)
			}
		}
		for _, c := range r.Metrics {
			if !strings.Contains(out.String(), string(c.Verdict)) {
				t.Errorf("%s is not printed as a word", c.Verdict)
			}
		}
		if strings.Contains(out.String(), "\x1b[33mREGRESSION\x1b[0m") != terminal || strings.Contains(out.String(), strings.Repeat("5a", 32)) {
			t.Errorf("terminal %t:\n%s", terminal, out.String())
		}
	}
}

func TestVerdictsBecomeExitCodes(t *testing.T) {
	scope := compare.Scope{Experiment: "e", Subject: "s", Config: "defaults"}
	for _, c := range []struct {
		verdict compare.Verdict
		strict  bool
		code    fault.Code
		hint    string
	}{
		{compare.Same, true, fault.OK, ""}, {compare.Improved, false, fault.OK, ""},
		{compare.Regression, false, fault.Gate, "new baseline"},
		{compare.Suspect, false, fault.Inconclusive, "123456 blocks"}, {compare.Suspect, true, fault.Gate, "123456 blocks"},
		{compare.Inconclusive, false, fault.Inconclusive, "quieter machine"},
		{compare.NotComparable, false, fault.NotComparable, "--allow config,prompts"},
	} {
		r := compare.Result{Verdict: c.verdict}
		if c.verdict == compare.NotComparable {
			r.Residue = []compare.Residue{{What: compare.Config}, {What: compare.Prompts}, {What: compare.Prompts}, {What: compare.Server, Allowed: true}}
		} else {
			for range 5 {
				r.Metrics = append(r.Metrics, judgement("ttft", c.verdict, scope))
			}
		}
		err := verdictError(r, c.strict)
		if fault.CodeOf(err) != c.code || !strings.Contains(fault.HintOf(err), c.hint) {
			t.Errorf("%s: exit %d, %q, want %d, %q", c.verdict, fault.CodeOf(err), fault.HintOf(err), c.code, c.hint)
		}
		if n := len(fmt.Sprint(err)); n > 200 {
			t.Errorf("%s: a message of %d characters: %v", c.verdict, n, err)
		}
	}
}
