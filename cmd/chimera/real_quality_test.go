package main

import (
	"os"
	"path/filepath"
	"testing"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/fluency"
	"chimera/internal/sample"
)

// TestRealQuality scores what the real model writes. A base model that decodes
// greedily loops, one at play temperature does not; neither ends by itself within
// a banter's budget. The same words under a reference show the loops as its low
// tail.
func TestRealQuality(t *testing.T) {
	s := newSession(t)
	var run struct{ Run string }
	s.json(&run, "run", realSpec(t, "quality.yaml"), "--preflight", "0")

	value := func(metric string) map[string]fact.Fact {
		var answer struct{ Facts []fact.Fact }
		s.json(&answer, "query", metric, "--run", run.Run, "--by", "subject")
		out := map[string]fact.Fact{}
		for _, f := range answer.Facts {
			t.Logf("%s of %s: %.3f [%.3f, %.3f], n = %d of %d", metric, f.Scope["subject"], f.Value.Or(-1), f.Lo.Or(-1), f.Hi.Or(-1), f.N, f.Planned)
			if !f.Value.OK() {
				t.Errorf("%s of %s: %s", metric, f.Scope["subject"], f.Reason)
			}
			out[f.Scope["subject"]] = f
		}
		return out
	}
	for metric, greedyIsHigher := range map[string]bool{"quality_seq_rep_4": true, "quality_repeat": true, "quality_self_bleu": true, "quality_duplicates": true, "quality_distinct_2": false} {
		got := value(metric)
		if a, b := got["greedy"].Value.Or(0), got["play"].Value.Or(0); (a > b) != greedyIsHigher {
			t.Errorf("%s: greedy %v, at play temperature %v", metric, a, b)
		}
	}
	for subject, f := range value("quality_instructions") {
		if v, _ := f.Value.Get(); v <= 0.3 || v >= 1 || !f.Lo.OK() {
			t.Errorf("%s keeps %v of its checks: a base model keeps some and breaks some", subject, v)
		}
	}
	if own := value("quality_relevance"); own["greedy"].Value.Or(-1) < -0.2 || own["play"].Value.Or(-1) < -0.2 {
		t.Errorf("answers are about other prompts than their own: %v", own)
	}

	var an finding.Analysis
	s.json(&an, "quality", run.Run)
	if len(an.Findings) != 1 || an.Findings[0].Kind != finding.Quality || len(an.Findings[0].Tables) < 4 {
		t.Errorf("%d findings of quality", len(an.Findings))
	}

	// Another file of the same weights stands in for another trained model.
	text, err := os.ReadFile(given(t, "CHIMERA_GEMMA_GGUF"))
	if err != nil {
		t.Fatal(err)
	}
	reference := filepath.Join(t.TempDir(), "reference.gguf")
	if err := os.WriteFile(reference, append(text, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	var judged struct {
		Run   string
		Tails map[string]map[string]int
		Facts []fact.Fact
	}
	s.json(&judged, "quality", run.Run, "--reference", reference)
	t.Logf("run %s, tails %v", judged.Run, judged.Tails)
	if judged.Tails["greedy"]["low"] == 0 || judged.Tails["play"]["low"] >= judged.Tails["greedy"]["low"] {
		t.Errorf("tails %v: greedy answers loop", judged.Tails)
	}
	for _, f := range judged.Facts {
		if !f.Value.OK() || f.Metric == fluency.Perplexity && f.Phase != sample.Measure {
			t.Errorf("%+v", f)
		}
	}
	s.chimera("", "runs", "verify", judged.Run)
}
