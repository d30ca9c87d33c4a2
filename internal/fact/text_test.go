package fact_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/quality"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/stats"
)

// asking is a manifest whose workload expects one line of three to nine words.
func asking(t *testing.T) *sample.Manifest {
	t.Helper()
	s := spec.Spec{Version: 1, Workloads: []spec.Workload{{ID: "banter", MaxTokens: 9,
		Prompts: []spec.PromptText{{ID: "flag", Text: "Capture the flag"}, {ID: "chest", Text: "Open the golden chest"}},
		Expect:  &quality.Contract{Words: &quality.Band{Min: 3, Max: 9}, SingleLine: true, Stops: true}}}}
	frozen, err := json.Marshal(&s)
	if err != nil {
		t.Fatal(err)
	}
	return &sample.Manifest{Run: "r", Spec: frozen}
}

// said is an answer, with what was asked of it.
func said(t *testing.T, order int, subject, prompt, text string) *sample.Sample {
	t.Helper()
	s := row(order, subject, sample.Measure, time.Second)
	s.Workload, s.Prompt, s.Finish = "banter", prompt, "stop"
	s.SetText(text)
	fact.Tasks(asking(t))(s)
	return s
}

func of(metric string, by ...string) fact.Query {
	return fact.Query{Metric: metric, Phase: sample.Measure, By: append([]string{"subject"}, by...)}
}

func TestContractIsAShareOverPrompts(t *testing.T) {
	rows := []*sample.Sample{
		said(t, 0, "a", "flag", "The flag is ours!"), said(t, 1, "a", "flag", "We hold the flag."), said(t, 2, "a", "flag", "Flag captured, well done!"),
		said(t, 3, "a", "chest", "Gold"), said(t, 4, "a", "chest", "A\nchest\nopens"), said(t, 5, "a", "chest", "A golden chest at last!"),
	}
	f := ask(t, of("quality_contract"), rows...)[0]
	want, err := stats.WilsonClustered([]int{3, 1}, []int{3, 3}, fact.Level)
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := f.Value.Get(); math.Abs(v-4.0/6) > 1e-12 || f.Aggregate != "mean" || f.N != 6 || f.Lo.Or(0) != want.Lo || f.Hi.Or(0) != want.Hi {
		t.Errorf("%+v, want 4 of 6 in %+v", f, want)
	}
	byPrompt := ask(t, of("quality_contract", "prompt"), rows...)
	alone, _ := stats.Wilson(1, 3, fact.Level)
	if f := byPrompt[0]; f.Scope["prompt"] != "chest" || f.Lo.Or(0) != alone.Lo || f.Method != "wilson" {
		t.Errorf("one prompt: %+v", f)
	}
	// 8 checks each (5 universal, length, single line, stops), 2 broken in all.
	if f := ask(t, of("quality_instructions"), rows...)[0]; f.Aggregate != "ratio_of_sums" || math.Abs(f.Value.Or(0)-46.0/48) > 1e-12 || !f.Lo.OK() {
		t.Errorf("instructions: %+v", f)
	}
	if f := ask(t, of("quality_check_length"), rows...)[0]; math.Abs(f.Value.Or(0)-5.0/6) > 1e-12 {
		t.Errorf("length: %+v", f)
	}
	if f := ask(t, of("quality_check_script"), rows...)[0]; f.Value.OK() || !strings.Contains(f.Reason, "does not expect") {
		t.Errorf("an undeclared check: %+v", f)
	}
}

// Random weights and invented answers have no quality, and a lost text no zero.
func TestTextThatIsNoAnswerIsRefused(t *testing.T) {
	for why, change := range map[string]func(*sample.Sample){
		"synthetic": func(s *sample.Sample) { s.Synthetic = true },
		"simulated": func(s *sample.Sample) { s.Provenance = sample.Simulated },
		"not kept":  func(s *sample.Sample) { s.Text = sample.None[string]() },
	} {
		rows := []*sample.Sample{said(t, 0, "a", "flag", "one two three"), said(t, 1, "a", "flag", "one two three")}
		for _, s := range rows {
			change(s)
		}
		for _, def := range metric.All() {
			if !def.Text {
				continue
			}
			if f := ask(t, of(def.ID), rows...)[0]; f.Value.OK() || !strings.Contains(f.Reason, why) {
				t.Errorf("%s of a text that is %s: %v, %s", def.ID, why, f.Value, f.Reason)
			}
		}
	}
}

func TestDiversityIsOfTheAnswersToOnePrompt(t *testing.T) {
	rows := []*sample.Sample{
		said(t, 0, "a", "flag", "The flag is ours!"), said(t, 1, "a", "chest", "Gold at last"), said(t, 2, "a", "flag", "The flag is ours!"),
		said(t, 3, "a", "chest", "What a sword"), failed(4, "a", sample.Timeout), said(t, 5, "a", "flag", "Ours!"),
	}
	both := ask(t, of("quality_duplicates"), rows...)[0]
	if v, _ := both.Value.Get(); math.Abs(v-(1.0/3+0)/2) > 1e-12 || both.N != 2 || both.Planned != 6 || len(both.Evidence.Rows) != 5 {
		t.Errorf("%+v, want the mean of 1/3 and 0 over two prompts", both)
	}
	flag := ask(t, of("quality_duplicates", "prompt"), rows...)
	i := slices.IndexFunc(flag, func(f fact.Fact) bool { return f.Scope["prompt"] == "flag" })
	if f := flag[i]; f.N != 1 || math.Abs(f.Value.Or(0)-1.0/3) > 1e-12 || f.Method != "jackknife" || f.Lo.Or(1) < 0 || f.Hi.Or(0) > 1 {
		t.Errorf("one prompt: %+v", f)
	}
	alone := ask(t, of("quality_self_bleu", "prompt"), said(t, 0, "a", "flag", "one answer only"))[0]
	if alone.Value.OK() || !strings.Contains(alone.Reason, "at least two") {
		t.Errorf("one answer: %+v", alone)
	}
}

func TestCopiesAreNamed(t *testing.T) {
	f := ask(t, of("quality_contract"), said(t, 0, "a", "flag", "one two three"), said(t, 1, "a", "flag", "one two three"), said(t, 2, "a", "chest", "one two three"))[0]
	if !slices.Contains(f.Caveats, "1 of 3 answers repeat another one's text: they add nothing to it") {
		t.Errorf("caveats %q", f.Caveats)
	}
}

// A ledger says the same of a text as a query, and has the answers together as
// rows of their own.
func TestLedgerHasQuality(t *testing.T) {
	rows := []*sample.Sample{said(t, 0, "a", "flag", "The flag is ours!"), said(t, 1, "a", "flag", "We hold it"), said(t, 2, "a", "chest", "Gold")}
	l := fact.NewLedger(fact.RunRows{Manifest: *asking(t), Samples: rows})
	for id, name := range map[string]string{"quality_contract": "mean", "quality_instructions": "ratio_of_sums", "quality_relevance": "mean"} {
		want := ask(t, fact.Query{Metric: id, Aggregate: name, Phase: sample.Measure, By: []string{"subject"}}, rows...)[0]
		got, err := l.Groups(fact.Selection{Metric: id, By: []string{"subject"}})[0].Fact(name)
		if err != nil || got.Value != want.Value || got.Lo != want.Lo || got.Hi != want.Hi || got.N != want.N {
			t.Errorf("%s: %+v, %v, want %+v", id, got, err, want)
		}
	}
	if g := l.Groups(fact.Selection{Metric: "quality_opener_entropy", By: []string{"prompt"}}); len(g) != 1 || g[0].Scope["prompt"] != "flag" || len(g[0].Rows) != 1 || g[0].Rows[0].Kind != fact.KindAnswers {
		t.Errorf("answers together: %+v", g)
	}
}

// A run whose spec nobody knows is scored by what any text must keep.
func TestWithoutASpec(t *testing.T) {
	s := row(0, "a", sample.Measure, time.Second)
	s.SetText("As an AI, I have no flag.")
	fact.Tasks(&sample.Manifest{Spec: json.RawMessage(`{"no": "spec"}`)})(s)
	if f := ask(t, of("quality_check_no_refusal"), s)[0]; f.Value.Or(1) != 0 {
		t.Errorf("a refusal: %+v", f)
	}
	if f := ask(t, of("quality_relevance"), s)[0]; f.Value.OK() || !strings.Contains(f.Reason, "the prompt is not known") {
		t.Errorf("relevance without a prompt: %+v", f)
	}
}
