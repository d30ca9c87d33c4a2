package synth_test

import (
	"bytes"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"chimera/internal/digest"
	"chimera/internal/engine"
	"chimera/internal/fault"
	"chimera/internal/gguf"
	"chimera/internal/quant"
	"chimera/internal/synth"
	"chimera/internal/tensor"
	"chimera/internal/tokenizer"

	"github.com/google/go-cmp/cmp"
)

func write(t testing.TB, s synth.Spec) []byte {
	t.Helper()
	var out bytes.Buffer
	if n, err := synth.WriteTo(&out, s); err != nil || n != int64(out.Len()) {
		t.Fatal(n, err)
	}
	return out.Bytes()
}

func open(t testing.TB, s synth.Spec, numerics tensor.Numerics) *engine.Model {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := synth.Write(path, s); err != nil {
		t.Fatal(err)
	}
	m, err := engine.Open(path, engine.Options{Threads: 1, Numerics: numerics})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func generate(t testing.TB, m *engine.Model, seed uint64) engine.Result {
	t.Helper()
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Generate(t.Context(), engine.Request{Prompt: "the quick brown fox", MaxTokens: 24, Scores: true,
		Sampling: engine.Sampling{Temperature: 0.8, TopK: 40, Seed: seed}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestModelsRunAndRepeat(t *testing.T) {
	for _, arch := range synth.Architectures() {
		for _, q := range []string{"F32", "F16", "BF16", "Q4_0", "Q8_0", "Q5_1", "Q4_K_M", "Q6_K"} {
			t.Run(arch+"/"+q, func(t *testing.T) {
				spec := synth.Spec{Architecture: arch, Quantization: q, Layers: 2, Seed: 3}
				m := open(t, spec, tensor.Fast)
				info := m.Info()
				if !info.Synthetic || info.Layers != 2 || !strings.HasPrefix(info.Quantization, q) || !strings.Contains(info.Name, arch) {
					t.Errorf("info = %+v", info)
				}
				first := generate(t, m, 1)
				twin := generate(t, open(t, spec, tensor.Fast), 1)
				if d := cmp.Diff(first.IDs, twin.IDs); d != "" {
					t.Error("the same model and seed said something else:", d)
				}
				if other := generate(t, m, 2); cmp.Equal(first.IDs, other.IDs) {
					t.Error("another seed said the same")
				}
				checkText(t, first)
			})
		}
	}
}

// checkText wants noise that looks like words: printable, varied, neither
// certain nor flat.
func checkText(t *testing.T, r engine.Result) {
	t.Helper()
	if len(r.IDs) != 24 || r.Finish != engine.Length {
		t.Errorf("%d tokens, %s: end tokens must be improbable", len(r.IDs), r.Finish)
	}
	distinct := map[int32]bool{}
	for i, id := range r.IDs {
		distinct[id] = true
		if lp := r.Scores[i].LogProb; !(lp <= 0 && lp > -20) {
			t.Errorf("log-probability %v", lp)
		}
	}
	if len(distinct) < 8 {
		t.Errorf("only %d different tokens: %q", len(distinct), r.Text)
	}
	if i := strings.IndexFunc(r.Text, func(c rune) bool { return !unicode.IsPrint(c) }); i >= 0 || r.Text == "" {
		t.Errorf("text %q is not printable at %d", r.Text, i)
	}
}

// A smaller cache moves the scores a little and nothing else.
func TestCacheTypesAgree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := synth.Write(path, synth.Spec{Architecture: "gemma3", Layers: 7}); err != nil { // with a global layer
		t.Fatal(err)
	}
	var want []engine.Score
	for _, c := range []struct {
		kv        string
		tolerance float64
	}{{"f32", 0}, {"f16", 0.01}, {"q8_0", 0.2}} {
		m, err := engine.Open(path, engine.Options{Threads: 1, KVType: c.kv})
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Generate(t.Context(), engine.Request{Prompt: strings.Repeat("all cache types agree ", 8), ForceIDs: []int32{300, 301, 302, 303, 304, 305}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = r.Scores
		}
		for i, x := range r.Scores {
			if d := math.Abs(x.LogProb - want[i].LogProb); d > c.tolerance || (c.tolerance > 0 && d == 0) {
				t.Errorf("%s: step %d: %.5f, with f32 %.5f", c.kv, i, x.LogProb, want[i].LogProb)
			}
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestEqualSpecsGiveEqualBytes(t *testing.T) {
	seen := map[string]synth.Spec{}
	for _, s := range []synth.Spec{
		{Architecture: "llama", Layers: 1},
		{Architecture: "llama", Layers: 1, Seed: 1},
		{Architecture: "gemma3", Layers: 1},
		{Architecture: "llama", Layers: 1, Quantization: "Q4_K_M"},
		{Architecture: "llama", Layers: 2},
	} {
		a, b := digest.Bytes(write(t, s)), digest.Bytes(write(t, s))
		if a != b {
			t.Errorf("%+v: %s, then %s", s, a, b)
		}
		if other, ok := seen[a]; ok {
			t.Errorf("%+v and %+v are the same file", s, other)
		}
		seen[a] = s
	}
}

// The bytes are a promise to every machine and version: a run that names a
// synthetic model by its spec means this file.
func TestBytesNeverChange(t *testing.T) {
	for _, c := range []struct {
		spec synth.Spec
		want string
	}{
		{synth.Spec{Architecture: "llama", Layers: 1, Seed: 7}, "8f04391c1fd21a97"},
		{synth.Spec{Architecture: "gemma3", Layers: 1, Quantization: "F32", Seed: 7}, "cc0baa65d3d04654"},
	} {
		if got := digest.Short(digest.Bytes(write(t, c.spec)), 16); got != c.want {
			t.Errorf("%+v: %s, want %s", c.spec, got, c.want)
		}
	}
}

func TestSizes(t *testing.T) {
	for arch, want := range map[string]map[string]float64{ // millions of weights
		"llama":  {"tiny": 5.8, "small": 27, "medium": 125},
		"gemma3": {"tiny": 5.6, "small": 27},
	} {
		for size, millions := range want {
			f, err := gguf.Parse("m", write(t, synth.Spec{Architecture: arch, Size: size, Quantization: "Q4_0"}))
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, x := range f.Tensors {
				n += x.Elems()
			}
			if got := float64(n) / 1e6; math.Abs(got-millions)/millions > 0.05 {
				t.Errorf("%s %s has %.1f million weights, want about %g", arch, size, got, millions)
			}
		}
		if names := synth.Sizes(arch); names[0] != "tiny" || names[len(names)-1] != "1b" {
			t.Errorf("sizes of %s = %v", arch, names)
		}
	}
	if s := synth.Sizes("mamba"); len(s) != 0 {
		t.Errorf("sizes of an unknown architecture: %v", s)
	}
}

// Rows that are no multiple of 256 take llama-quantize's substitutes, as in the
// published file of that shape.
func TestMixtureOfTheRealShape(t *testing.T) {
	f, err := gguf.Parse("m", write(t, synth.Spec{Architecture: "gemma3", Size: "270m", Layers: 18, Vocabulary: 1024, Quantization: "Q4_K_M"}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"token_embd": "Q8_0", "blk.0.attn_q": "Q5_0", "blk.0.attn_v": "Q8_0",
		"blk.3.attn_v": "Q5_0", "blk.0.ffn_down": "Q6_K", "blk.3.ffn_down": "Q4_K", "blk.0.attn_output": "Q4_K", "blk.0.attn_norm": "F32"} {
		if x, ok := f.Tensor(name + ".weight"); !ok || x.Type.String() != want {
			t.Errorf("%s is %v, want %s", name, x.Type, want)
		}
	}
}

// Rows that repeat would tie in every product. A row of the tiny shape is one
// block of a K format.
func TestRowsAreDistinctAndOfOneSize(t *testing.T) {
	for _, q := range synth.Quantizations() {
		f, err := gguf.Parse("m", write(t, synth.Spec{Architecture: "llama", Layers: 1, Quantization: q}))
		if err != nil {
			t.Fatal(err)
		}
		x, _ := f.Tensor("output.weight")
		row := len(x.Data) / x.Rows()
		seen := map[string]bool{}
		var sum, squares float64
		values := make([]float32, x.Cols())
		for i := range x.Rows() {
			seen[string(x.Data[i*row:(i+1)*row])] = true
			if err := quant.Dequantize(x.Type, values, x.Data[i*row:(i+1)*row]); err != nil {
				t.Fatal(err)
			}
			for _, v := range values[:len(values)*min(i/300, 1)] { // the rows of rare tokens are smaller
				sum += float64(v)
				squares += float64(v) * float64(v)
			}
		}
		if len(seen) != x.Rows() {
			t.Errorf("%s: %d different rows of %d", q, len(seen), x.Rows())
		}
		n := float64((x.Rows() - 300) * x.Cols())
		if sd := math.Sqrt(squares / n); math.Abs(sum/n) > 0.002 || math.Abs(sd*16-1) > 0.1 {
			t.Errorf("%s: mean %.4f and deviation %.4f, want 0 and 1/16", q, sum/n, sd)
		}
	}
}

func TestVocabularyWorks(t *testing.T) {
	m := open(t, synth.Spec{Architecture: "llama", Layers: 1, Vocabulary: 30000}, tensor.Exact)
	tok := m.Tokenizer()
	if tok.Size() != 30000 {
		t.Fatalf("%d tokens", tok.Size())
	}
	for _, text := range []string{"the quick brown fox", "  two  spaces", "naïve 日本 👍", "\n\t{}", ""} {
		ids := tok.Encode(text, tokenizer.Options{AddSpecial: true})
		if got := tok.Decode(ids, false); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
	// Words must be worth something: most grown pieces encode to themselves.
	whole := 0
	for id := int32(20000); id < 20500; id++ {
		text := tok.Decode([]int32{id}, false)
		ids := tok.Encode(text, tokenizer.Options{})
		if len(ids) <= 2 {
			whole++
		}
	}
	if whole < 250 {
		t.Errorf("only %d of 500 pieces are found again", whole)
	}
}

func TestSpecsAreChecked(t *testing.T) {
	for _, c := range []struct {
		spec synth.Spec
		want string
	}{
		{synth.Spec{}, `must be gemma3 or llama, but is ""`},
		{synth.Spec{Architecture: "llama", Size: "huge"}, `must be one of tiny, small, medium, 1b, but is "huge"`},
		{synth.Spec{Architecture: "llama", Quantization: "Q9"}, `must be one of F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, BF16, Q4_K_M, Q5_K_M, but is "Q9"`},
		{synth.Spec{Architecture: "llama", Layers: -1}, "the layers must be from 1 to 512, but is -1"},
		{synth.Spec{Architecture: "llama", Width: 100}, "the width must be a multiple of 32 from 32 to 32768, but is 100"},
		{synth.Spec{Architecture: "llama", Heads: 6, KVHeads: 4}, "6 query heads cannot share 4"},
		{synth.Spec{Architecture: "llama", Heads: 1, HeadDim: 48}, "must be a multiple of 32, but is 48"},
		{synth.Spec{Architecture: "llama", Vocabulary: 100}, "the vocabulary must be from 512 to 1048576, but is 100"},
		{synth.Spec{Architecture: "llama", Context: 1}, "the context"},
	} {
		_, err := c.spec.Complete()
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: error = %v, want %q", c.spec, err, c.want)
		}
		if werr := synth.Write(filepath.Join(t.TempDir(), "m"), c.spec); werr == nil {
			t.Errorf("%+v was written", c.spec)
		}
	}
	s, err := synth.Spec{Architecture: "gemma3", Width: 512, Heads: 8, Quantization: "q4_0"}.Complete()
	if err != nil || s.HeadDim != 64 || s.KVHeads != 8 || s.Quantization != "Q4_0" || s.Layers != 6 {
		t.Errorf("completed to %+v, %v", s, err)
	}
	if err := synth.Write(filepath.Join(t.TempDir(), "no", "m"), synth.Spec{Architecture: "llama"}); fault.CodeOf(err) != fault.Runtime {
		t.Errorf("no folder: %v", err)
	}
}

func BenchmarkWrite(b *testing.B) {
	path := filepath.Join(b.TempDir(), "m.gguf")
	for b.Loop() {
		if err := synth.Write(path, synth.Spec{Architecture: "llama", Size: "small", Quantization: "Q8_0"}); err != nil {
			b.Fatal(err)
		}
	}
}
