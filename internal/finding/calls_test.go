package finding_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/finding"
	"chimera/internal/sample"
)

func tableOf(t *testing.T, f finding.Finding, id string) finding.Table {
	t.Helper()
	i := slices.IndexFunc(f.Tables, func(x finding.Table) bool { return x.ID == id })
	if i < 0 {
		t.Fatalf("%s has no table %s", f.Kind, id)
	}
	return f.Tables[i]
}

// printed is a table as text, a row a line.
func printed(a *finding.Analysis, t finding.Table) []string {
	var out []string
	for _, r := range t.Rows {
		line := slices.Clone(r.Names)
		for i, c := range r.Cells {
			switch f, ok := a.Fact(c.Fact); {
			case ok && c.Missing == "":
				line = append(line, finding.Show(f, t.Columns[i].As))
			case c.Word != "":
				line = append(line, c.Word)
			default:
				line = append(line, "("+c.Missing+")")
			}
		}
		out = append(out, strings.Join(line, " | "))
	}
	return out
}

// Every call is listed as it was; cold ones have a row of their own; those that
// were cut, empty or far too short are named and in no mean.
func TestEveryCallIsListedAndBrokenOnesAreInNoMean(t *testing.T) {
	a := analyze(t, duo{blocks: 6, slow: 1, arms: []string{"run"}, change: func(_ string, s *sample.Sample) {
		if s.Subject != "baseline" || s.Prompt != "report" {
			return
		}
		switch s.Block {
		case 0:
			s.Phase = sample.Cold
			s.T.Last, s.T.End = sample.Some(s.T.Last.Or(0)+4*time.Second), sample.Some(s.T.End.Or(0)+4*time.Second)
		case 1:
			*s = *lost(s, sample.Cut)
		case 2:
			s.Tokens.Output = sample.Some(3)
		}
	}}.rows())
	checkSentences(t, a)
	f := one(t, a, finding.Stages, "role", "baseline")
	if got, want := len(f.Notes), 1; got != want {
		t.Fatalf("%d notes", got)
	}
	if got, want := f.Notes[0].Print(a.Fact), "Left out of every mean: 2 of 12 calls of baseline: report of run 2 (cut), report of run 3 (far shorter than its like)."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	stages := printed(a, tableOf(t, f, "stages"))
	want := []string{
		"analysis | warm | 1.00 [1.00, 1.00] s | 25.0 [25.0, 25.0] token/s | 0 token/s | 5.00 [5.00, 5.00] s | 101 token | 6 | 6",
		"report | warm | 1.00 [1.00, 1.00] s | 25.0 [25.0, 25.0] token/s | 0 token/s | 5.00 [5.00, 5.00] s | 101 token | 3 | 5",
		"report | cold | 1.00 s | 12.5 token/s | (sd: n/a (n=1; needs >= 2)) | 9.00 s | 101 token | 1 | 1",
	}
	if !slices.Equal(stages, want) {
		t.Errorf("stages:\n%s", strings.Join(stages, "\n"))
	}
	calls := printed(a, tableOf(t, f, "calls"))
	if len(calls) != 12 || calls[3] != "4 | report | 2 | warm | (cut) | (cut) | (cut) | (cut) | cut" || !strings.HasSuffix(calls[5], "| 3.00 token | 5.0000 s | far shorter than its like") {
		t.Errorf("calls:\n%s", strings.Join(calls, "\n"))
	}
}

// Agents that took turns in a drawn order are compared by stage, within blocks.
func TestAgentsThatTookTurnsAreCompared(t *testing.T) {
	r := duo{blocks: 6, slow: 1, apart: true, arms: []string{"compare"}}.rows()
	for i, s := range r {
		if s.Block%2 == 1 { // the second agent first
			s.Order = s.Order - s.Order%4 + (s.Order+2)%4
		}
		speed := 1 + 0.01*float64(i*7%5) // the machine's mood, by call
		if s.Subject == "tuned" {
			speed *= 1.3
		}
		s.T.Last = sample.Some(s.T.First.Or(0) + time.Duration(float64(s.T.Last.Or(0)-s.T.First.Or(0))/speed))
	}
	a := analyze(t, r)
	checkSentences(t, a)
	f := one(t, a, finding.Agents)
	if f.Verdict != finding.Better || status(f, finding.OrderRandomised) != finding.Pass || status(f, finding.EqualWork) != finding.Pass {
		t.Errorf("%s, order %s, work %s: %s", f.Verdict, status(f, finding.OrderRandomised), status(f, finding.EqualWork), f.Sentence.Print(a.Fact))
	}
	if n := len(a.Of(finding.Contention)); n != 0 {
		t.Errorf("%d findings of contention between agents that took turns", n)
	}
	// Agents side by side are judged by what they did alone.
	if n := len(analyze(t, duo{blocks: 4, slow: 2}.rows()).Of(finding.Agents)); n != 1 {
		t.Errorf("%d comparisons of agents in a run of which one arm was alone", n)
	}
}

// A call that the agent could do nothing with is in no mean, whatever its rate.
func TestCallsThatWereOfNoUseAreInNoMean(t *testing.T) {
	rows := duo{blocks: 4, slow: 1, arms: []string{"run"}}.rows()
	a := analyze(t, rows, &sample.Reading{Run: "r", Kind: "agent-call", Series: "unusable", Value: sample.Some(1.0), Provenance: sample.Measured,
		Labels: map[string]string{"role": "tuned", "stage": "report", "trial": rows[3].Trial}})
	checkSentences(t, a)
	f := one(t, a, finding.Stages, "role", "tuned")
	if got, want := f.Notes[0].Print(a.Fact), "Left out of every mean: 1 of 8 calls of tuned: report of run 1 (of no use to the agent)."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := printed(a, tableOf(t, f, "stages"))[1]; !strings.HasSuffix(got, "| 3 | 4") {
		t.Errorf("reports: %s", got)
	}
}
