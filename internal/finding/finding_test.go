package finding_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"chimera/internal/finding"
	"chimera/internal/sample"
)

// row is a warm request of eleven tokens: its first after ttft, then rate.
func row(order int, subject string, ttft time.Duration, rate float64) *sample.Sample {
	s := &sample.Sample{Schema: sample.Schema, Run: "r", Trial: fmt.Sprintf("t/%05d", order), Order: order, Experiment: "suite",
		Subject: subject, Target: "box", Workload: "banter", Prompt: "banter/p1", PromptSHA256: "p1", Phase: sample.Measure, Final: true,
		Provenance: sample.Measured, Config: map[string]any{}}
	s.Outcome = sample.OK
	s.T.Send, s.T.First = sample.Some(time.Duration(0)), sample.Some(ttft)
	s.T.Last = sample.Some(ttft + time.Duration(10/rate*float64(time.Second)))
	s.Tokens.Output = sample.Some(11)
	s.Finish = "length"
	return s
}

func lost(s *sample.Sample, o sample.Outcome) *sample.Sample {
	s.Outcome, s.Failure = o, &sample.Failure{Class: sample.ClassTimeout, Message: "no end"}
	s.T.First, s.T.Last, s.Tokens.Output = sample.None[time.Duration](), sample.None[time.Duration](), sample.None[int]()
	return s
}

func analyze(t testing.TB, rows []*sample.Sample, readings ...*sample.Reading) *finding.Analysis {
	t.Helper()
	a, err := finding.Analyze(rows, readings)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func bytesOf(t testing.TB, a *finding.Analysis) string {
	t.Helper()
	b, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Law 1: failures are counted, named and enter no number.
func TestFailuresAreNamed(t *testing.T) {
	rows := []*sample.Sample{row(0, "a", time.Second, 10), lost(row(1, "a", time.Second, 10), sample.Timeout), lost(row(2, "a", time.Second, 10), sample.Cut)}
	found := analyze(t, rows).Of(finding.Failures)
	if len(found) != 1 {
		t.Fatalf("%d findings of failures, want 1", len(found))
	}
	a := analyze(t, rows)
	want := "Of a, 2 of 3 planned requests gave no value (1 timeout, 1 cut); they are in no other number."
	if got := found[0].Sentence.Print(a.Fact); got != want {
		t.Errorf("sentence %q, want %q", got, want)
	}
	if found[0].Verdict != finding.NotMeasured {
		t.Errorf("verdict %s", found[0].Verdict)
	}
}

// Law 11: the order in which rows come changes nothing.
func TestOrderOfRowsChangesNothing(t *testing.T) {
	var rows []*sample.Sample
	for i := range 60 {
		r := row(i, []string{"a", "b", "c"}[i%3], time.Second, 10+float64(i%7))
		if i%11 == 0 {
			r = lost(r, sample.Timeout)
		}
		rows = append(rows, r)
	}
	want := bytesOf(t, analyze(t, rows))
	r := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		if got := bytesOf(t, analyze(t, rows)); got != want {
			t.Fatal("shuffled rows give other bytes")
		}
	}
}

// Every number is a fact: words hold no digit, and every reference resolves.
func checkSentences(t testing.TB, a *finding.Analysis) {
	t.Helper()
	for _, f := range a.Findings {
		all := append([]finding.Sentence{f.Sentence}, f.Notes...)
		for _, c := range f.Checks {
			all = append(all, c.Why)
		}
		for _, g := range f.Figures {
			all = append(all, g.Title)
		}
		for _, s := range all {
			for _, p := range s {
				if strings.ContainsAny(p.Text, "0123456789") {
					t.Errorf("%s %s: text %q holds a digit", f.Kind, f.ID, p.Text)
				}
			}
			if text := s.Print(a.Fact); strings.Contains(text, "(no fact") || strings.Contains(text, "NaN") || strings.Contains(text, "∞") {
				t.Errorf("%s %s: %q", f.Kind, f.ID, text)
			}
		}
		for _, id := range f.Facts {
			if _, ok := a.Fact(id); !ok {
				t.Errorf("%s %s: fact %s is not in the ledger", f.Kind, f.ID, id)
			}
		}
	}
}

func TestNothingGivesNothing(t *testing.T) {
	a := analyze(t, nil)
	if len(a.Findings) != 0 || len(a.Facts) != 0 {
		t.Errorf("%d findings, %d facts of no rows", len(a.Findings), len(a.Facts))
	}
	checkSentences(t, a)
}
