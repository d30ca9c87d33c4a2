package finding_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/quality"
	"chimera/internal/sample"
	"chimera/internal/spec"
)

// asked is a manifest whose workload wants one line of at least three words.
func asked(t testing.TB) *sample.Manifest {
	t.Helper()
	w := spec.Workload{ID: "banter", MaxTokens: 11, Expect: &quality.Contract{Words: &quality.Band{Min: 3}, SingleLine: true}}
	for _, p := range five {
		w.Prompts = append(w.Prompts, spec.PromptText{ID: p, Text: "Cheer for " + p + " now"})
	}
	frozen, err := json.Marshal(&spec.Spec{Version: 1, Workloads: []spec.Workload{w}})
	if err != nil {
		t.Fatal(err)
	}
	return &sample.Manifest{Run: "r", Spec: frozen}
}

// wrote gives every row of a world a text by its subject.
func wrote(rows []*sample.Sample, texts map[string]func(r *rand.Rand, s *sample.Sample) string) []*sample.Sample {
	r := rand.New(rand.NewPCG(3, 3))
	for _, s := range rows {
		if text := texts[s.Subject]; text != nil {
			s.Finish = "stop"
			s.SetText(text(r, s))
		}
	}
	return rows
}

var words = strings.Fields("the team runs past every gate while drums call out for one more brave heart tonight")

func line(r *rand.Rand, s *sample.Sample) string {
	said := []string{"cheer", strings.TrimPrefix(s.Prompt, "banter/")}
	for range 8 {
		said = append(said, words[r.IntN(len(words))])
	}
	return strings.Join(said, " ")
}

func torn(*rand.Rand, *sample.Sample) string { return "No.\nNo." }

func analyzeAsked(t testing.TB, rows []*sample.Sample) *finding.Analysis {
	t.Helper()
	a, err := finding.Analyze(rows, nil, asked(t))
	if err != nil {
		t.Fatal(err)
	}
	checkSentences(t, a)
	return a
}

func TestPlantedQualityIsFound(t *testing.T) {
	w := world{subjects: map[string]float64{"fast": 1.5, "good": 1}, prompts: five, blocks: 6, noise: 0.02, order: "drawn", seed: 2}
	rows := wrote(w.rows(), map[string]func(*rand.Rand, *sample.Sample) string{"fast": torn, "good": line})
	a := analyzeAsked(t, rows)
	f := one(t, a, finding.Quality)
	if f.Verdict != finding.Better || !slices.Equal(f.Winners, []string{"good"}) {
		t.Errorf("%s %v: %s", f.Verdict, f.Winners, f.Sentence.Print(a.Fact))
	}
	if note := f.Notes[0].Print(a.Fact); !strings.Contains(note, "length") && !strings.Contains(note, "single_line") {
		t.Errorf("the broken check is not named: %s", note)
	}
	// Faster and worse at its contract: neither dominates.
	p := one(t, a, finding.Pareto)
	if p.Verdict != finding.NotComparable || !slices.Equal(p.Winners, []string{"fast", "good"}) {
		t.Errorf("%s %v: %s", p.Verdict, p.Winners, p.Sentence.Print(a.Fact))
	}
	if note := p.Notes[0].Print(a.Fact); strings.Contains(note, "not measured") || !strings.Contains(note, "contract kept") {
		t.Errorf("the front's axes: %s", note)
	}
	// A reader who asks the rows gets the same fact.
	ask := fact.Tasks(asked(t))
	for _, s := range rows {
		ask(s)
	}
	for _, id := range []string{"quality_contract", "quality_instructions", "quality_relevance", "quality_self_bleu", "quality_check_length"} {
		facts, err := fact.Query{Metric: id, Phase: sample.Measure, By: []string{"run", "experiment", "workload", "subject"}}.Run(rows)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range facts {
			i := slices.IndexFunc(a.Facts, func(f fact.Fact) bool {
				return f.Metric == id && f.Scope["subject"] == want.Scope["subject"] && f.Scope["prompt"] == "" && f.Aggregate == want.Aggregate
			})
			if i < 0 || a.Facts[i].Value != want.Value || a.Facts[i].Lo != want.Lo || a.Facts[i].N != want.N || a.Facts[i].Evidence.Digest != want.Evidence.Digest {
				t.Errorf("%s of %s differs between analysis and query", id, want.Scope["subject"])
			}
		}
	}
}

// One that is slower and keeps its contract less often is beaten.
func TestQualityIsAnAxisOfTheFront(t *testing.T) {
	w := world{subjects: map[string]float64{"a": 1.5, "b": 1}, prompts: five, blocks: 6, noise: 0.02, order: "drawn", seed: 4}
	a := analyzeAsked(t, wrote(w.rows(), map[string]func(*rand.Rand, *sample.Sample) string{"a": line, "b": torn}))
	if p := one(t, a, finding.Pareto); p.Verdict != finding.Better || !slices.Equal(p.Winners, []string{"a"}) {
		t.Errorf("%s %v: %s", p.Verdict, p.Winners, p.Sentence.Print(a.Fact))
	}
}

// Equal writers are not told apart, whatever their luck.
func TestNoQualityNoWinner(t *testing.T) {
	coin := func(r *rand.Rand, s *sample.Sample) string {
		if r.IntN(2) == 0 {
			return torn(r, s)
		}
		return line(r, s)
	}
	wrong := 0
	for seed := range uint64(20) {
		w := world{subjects: map[string]float64{"a": 1, "b": 1}, prompts: five, blocks: 5, noise: 0.02, order: "drawn", seed: seed}
		a := analyzeAsked(t, wrote(w.rows(), map[string]func(*rand.Rand, *sample.Sample) string{"a": coin, "b": coin}))
		if one(t, a, finding.Quality).Verdict == finding.Better {
			wrong++
		}
	}
	if wrong > 1 {
		t.Errorf("%d of 20 analyses of equal writers name a better one", wrong)
	}
}

// Noise and lost texts have no quality, and the front says why.
func TestNoiseHasNoQuality(t *testing.T) {
	w := world{subjects: map[string]float64{"a": 1.5, "b": 1}, prompts: five, blocks: 4, noise: 0.02, order: "drawn", seed: 2}
	rows := wrote(w.rows(), map[string]func(*rand.Rand, *sample.Sample) string{"a": line, "b": line})
	for _, s := range rows {
		s.Synthetic = true
	}
	a := analyzeAsked(t, rows)
	if n := len(a.Of(finding.Quality)); n > 0 {
		t.Errorf("%d findings about the text of a synthetic model", n)
	}
	if note := one(t, a, finding.Pareto).Notes[0].Print(a.Fact); !strings.Contains(note, "quality was not measured: the model is synthetic") {
		t.Errorf("the front says %q", note)
	}
}

// The order in which rows come does not change what was written.
func TestQualityDoesNotDependOnOrder(t *testing.T) {
	w := world{subjects: map[string]float64{"a": 1, "b": 1}, prompts: five[:2], blocks: 30, noise: 0.02, order: "drawn", seed: 5}
	rows := wrote(w.rows(), map[string]func(*rand.Rand, *sample.Sample) string{"a": line, "b": torn})
	want := bytesOf(t, analyzeAsked(t, rows))
	r := rand.New(rand.NewPCG(9, 9))
	for range 3 {
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		if got := bytesOf(t, analyzeAsked(t, rows)); got != want {
			t.Fatal("another order of the rows gives another analysis")
		}
	}
}
