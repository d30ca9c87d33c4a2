package fluency_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chimera/internal/fact"
	"chimera/internal/fluency"
	"chimera/internal/sample"
	"chimera/internal/synth"

	"github.com/google/go-cmp/cmp"
)

// standIn is a model file of random weights without the mark that says so: it
// knows nothing, but it runs like a trained one.
func standIn(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stand-in.gguf")
	if err := synth.Write(path, synth.Spec{Architecture: "llama", Size: "tiny", Quantization: "Q8_0", Seed: 1}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mark, other := []byte("general.chimera.synthetic"), []byte("general.chimera.forgotten")
	if bytes.Count(b, mark) != 1 {
		t.Fatal("the model has no mark")
	}
	if err := os.WriteFile(path, bytes.Replace(b, mark, other, 1), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t *testing.T, path string) *fluency.Reference {
	t.Helper()
	r, err := fluency.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// The vector of the field: probabilities 0.7, 0.2, 0.5 have a perplexity of 2.43.
func TestPerplexity(t *testing.T) {
	s := fluency.Surprise{Tokens: 3, Bytes: 12, NLL: -math.Log(0.7) - math.Log(0.2) - math.Log(0.5)}
	if got := s.Perplexity(); math.Abs(got-2.426427503202586) > 1e-12 {
		t.Errorf("perplexity %v", got)
	}
	if got, want := s.BitsPerByte(), -math.Log2(0.07)/12; math.Abs(got-want) > 1e-12 {
		t.Errorf("%v bit/byte, want %v", got, want)
	}
}

func TestTail(t *testing.T) {
	for bits, want := range map[float64]string{0.49: "low", 0.5: "none", 1: "none", 2: "none", 2.01: "high"} {
		if got := fluency.Tail(bits, sample.Some(1.0)); got != want {
			t.Errorf("%v bit/byte by 1: %s, want %s", bits, got, want)
		}
	}
	if got := fluency.Tail(1, sample.None[float64]()); got != "unknown" {
		t.Errorf("without a yardstick: %s", got)
	}
}

func TestSyntheticReferenceIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := synth.Write(path, synth.Spec{Architecture: "llama", Size: "tiny", Quantization: "Q8_0", Seed: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := fluency.Open(path); err == nil || !strings.Contains(err.Error(), "synthetic") {
		t.Errorf("a synthetic reference: %v", err)
	}
}

func said(order int, subject, text string) *sample.Sample {
	s := &sample.Sample{Run: "r", Trial: "t/" + string(rune('0'+order)), Order: order, Subject: subject, Workload: "w", Prompt: "p", Phase: sample.Measure, Final: true, Provenance: sample.Measured}
	s.Outcome, s.T.End = sample.OK, sample.Some(time.Duration(order)*time.Second)
	s.SetText(text)
	return s
}

func TestJudge(t *testing.T) {
	r := open(t, standIn(t))
	noise := said(3, "noise", "x y z")
	noise.Synthetic = true
	warm := said(4, "a", "before the clock")
	warm.Phase = sample.Warmup
	rows := []*sample.Sample{said(0, "a", "the flag is ours"), said(1, "a", "  the flag is ours\n"), said(2, "own", "the flag is ours"), noise, warm, said(5, "a", "  ")}
	steps := 0
	readings, err := r.Judge(t.Context(), rows, []sample.SubjectRecord{{ID: "a", Digest: "sha256:00"}, {ID: "own", Digest: r.Digest()}},
		[]fluency.Prompt{{Workload: "w", ID: "p", Text: "capture the flag"}}, func(int) { steps++ })
	if err != nil {
		t.Fatal(err)
	}
	if steps != 5 || len(readings) != 11 {
		t.Fatalf("%d answers, %d readings; want 5 and 11", steps, len(readings))
	}
	got := map[string]string{}
	var values []float64
	for _, x := range readings {
		if x.Series != fluency.Perplexity {
			continue
		}
		v, ok := x.Value.Get()
		if ok != (x.Reason == "") || x.Labels[fact.LabelReference] != r.Digest() {
			t.Errorf("%+v", x)
		}
		if ok {
			values = append(values, v)
		}
		got[x.Labels[fluency.LabelTrial]] = x.Reason
	}
	want := map[string]string{"t/0": "", "t/1": "", "t/2": "the reference is the subject's own file: a model does not judge itself",
		"t/3": "the model is synthetic: its text is noise", "t/5": "the answer has no tokens"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(values) != 2 || values[0] != values[1] || values[0] < 1 {
		t.Errorf("perplexities %v: space around a text is no part of it", values)
	}
	// What the readings become says under which reference, and never mixes two.
	other := *readings[1]
	other.Labels = map[string]string{fact.LabelSubject: "a", fact.LabelReference: "sha256:11"}
	facts, err := fact.ReadingQuery{Series: fluency.Perplexity, Aggregate: "median", By: []string{fact.LabelSubject}}.Run(append(readings, &other))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if f.Scope[fact.LabelReference] == "" || f.Value.OK() && !strings.Contains(strings.Join(f.Caveats, " "), f.Scope[fact.LabelReference]) {
			t.Errorf("%+v does not name its reference", f)
		}
	}
}

// A score is the model's own: the whole text in one, or token by token, is one
// number; and a longer text than the bound is its beginning.
func TestScoreIsOfTheBeginning(t *testing.T) {
	r := open(t, standIn(t))
	long := strings.Repeat("we hold the flag ", 400)
	s, ok, err := r.Score(t.Context(), long)
	if err != nil || !ok || s.Tokens != fluency.MaxTokens || s.Bytes >= len(long) || s.Bytes < fluency.MaxTokens/2 {
		t.Errorf("%+v, %v, %v", s, ok, err)
	}
	again, _, err := open(t, standIn(t)).Score(t.Context(), long)
	if err != nil || again != s {
		t.Errorf("the same file says %+v and %+v", s, again)
	}
}

func TestDerivedRunIsNamedByWhatItReads(t *testing.T) {
	r := open(t, standIn(t))
	src := fluency.Source{Manifest: sample.Manifest{Run: "abc", Name: "n"}, Digest: "d1"}
	a, plan, err := r.Derived(src, sample.Build{Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	b, _, _ := r.Derived(src, sample.Build{Version: "2"})
	src.Digest = "d2"
	c, _, _ := r.Derived(src, sample.Build{})
	if a.Run != b.Run || a.Run == c.Run || a.Planned != len(plan.Trials) || !json.Valid(a.Spec) || !strings.Contains(string(a.Spec), `"quality_of":"abc"`) {
		t.Errorf("%+v", a)
	}
}

// The real model finds plain English less surprising than its words in disorder,
// and a loop less surprising than either.
func TestRealTails(t *testing.T) {
	path := os.Getenv("CHIMERA_GEMMA_GGUF")
	if path == "" {
		if os.Getenv("CHIMERA_REAL") == "1" {
			t.Fatal("CHIMERA_REAL=1, but CHIMERA_GEMMA_GGUF does not name the real model")
		}
		t.Skip("CHIMERA_GEMMA_GGUF does not name the real model (Gemma 3 270M, Q4_K_M)")
	}
	r := open(t, path)
	bits := func(text string) float64 {
		s, ok, err := r.Score(t.Context(), text)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		t.Logf("%.2f perplexity, %.3f bit/byte: %.40s", s.Perplexity(), s.BitsPerByte(), text)
		return s.BitsPerByte()
	}
	usual := bits("Our team just captured the last flag with two seconds left. Say one cheerful line to them.")
	plain := bits("We held our nerve, grabbed the flag and ran home before the clock hit zero.")
	loop := bits(strings.Repeat("The game is over.\n\n", 10))
	broken := bits("zero clock ran, the hit held grabbed qx]] flag and nerve before #home& our We vvk the")
	if !(loop < plain && plain < broken) {
		t.Errorf("loop %.3f, plain %.3f, broken %.3f bit/byte", loop, plain, broken)
	}
	for what, c := range map[string]struct {
		bits float64
		tail string
	}{"loop": {loop, "low"}, "plain": {plain, "none"}, "broken": {broken, "high"}} {
		if got := fluency.Tail(c.bits, sample.Some(usual)); got != c.tail {
			t.Errorf("%s: %s, want %s", what, got, c.tail)
		}
	}
}
