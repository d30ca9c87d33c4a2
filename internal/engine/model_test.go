package engine_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"chimera/internal/engine"
	"chimera/internal/gguf"
	"chimera/internal/quant"
	"chimera/internal/tensor"
)

// tiny is a model that a test can take apart before it is written: metadata by
// key, tensors by name.
type tiny struct {
	arch    string
	meta    map[string]any
	tensors map[string]matrix
}

type matrix struct {
	shape []int // contiguous size first
	data  []float32
}

const (
	tinyLayers, tinyWidth, tinyFFN          = 3, 16, 24
	tinyHeads, tinyKV, tinyDim, tinyContext = 4, 2, 8, 64
	firstByte                               = 3 // id of byte token 0, after <unk> <s> </s>
	tinyVocab                               = firstByte + 256
)

// newTiny makes a model of random weights. Gemma's second layer is global and
// its window is 4 positions, so that short prompts leave it.
func newTiny(arch string) *tiny {
	m := &tiny{arch: arch, tensors: map[string]matrix{}}
	m.meta = map[string]any{
		"general.architecture":            arch,
		arch + ".block_count":             uint32(tinyLayers),
		arch + ".embedding_length":        uint32(tinyWidth),
		arch + ".feed_forward_length":     uint32(tinyFFN),
		arch + ".context_length":          uint32(tinyContext),
		arch + ".attention.head_count":    uint32(tinyHeads),
		arch + ".attention.key_length":    uint32(tinyDim),
		arch + ".rope.freq_base":          float32(5000),
		"tokenizer.ggml.model":            "llama",
		"tokenizer.ggml.bos_token_id":     uint32(1),
		"tokenizer.ggml.eos_token_id":     uint32(2),
		"tokenizer.ggml.add_space_prefix": false,
	}
	m.meta[arch+".attention.value_length"] = uint32(tinyDim)
	m.meta[arch+".attention.head_count_kv"] = uint32(tinyKV)
	m.meta[arch+".attention.layer_norm_rms_epsilon"] = float32(1e-6)
	if arch == "gemma3" {
		m.meta[arch+".attention.sliding_window"] = uint32(4)
		m.meta[arch+".attention.sliding_window_pattern"] = uint32(2)
	}
	m.addVocabulary()
	m.addTensors(rand.New(rand.NewPCG(1, 2)))
	return m
}

func (m *tiny) addVocabulary() {
	tokens := []string{"<unk>", "<s>", "</s>"}
	types := []int32{2, 3, 3}
	for b := range 256 {
		tokens, types = append(tokens, fmt.Sprintf("<0x%02X>", b)), append(types, 6)
	}
	m.meta["tokenizer.ggml.tokens"] = tokens
	m.meta["tokenizer.ggml.token_type"] = types
	m.meta["tokenizer.ggml.scores"] = make([]float32, len(tokens))
}

func (m *tiny) addTensors(r *rand.Rand) {
	add := func(name string, mean float64, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(mean + r.NormFloat64()*0.3)
		}
		m.tensors[name+".weight"] = matrix{shape, data}
	}
	add("token_embd", 0, tinyWidth, tinyVocab)
	add("output_norm", 1, tinyWidth)
	if m.arch == "llama" {
		add("output", 0, tinyWidth, tinyVocab)
		add("rope_freqs", 2, tinyDim/2)
	}
	for i := range tinyLayers {
		blk := func(s string) string { return fmt.Sprintf("blk.%d.%s", i, s) }
		add(blk("attn_norm"), 1, tinyWidth)
		add(blk("attn_q"), 0, tinyWidth, tinyHeads*tinyDim)
		add(blk("attn_k"), 0, tinyWidth, tinyKV*tinyDim)
		add(blk("attn_v"), 0, tinyWidth, tinyKV*tinyDim)
		add(blk("attn_output"), 0, tinyHeads*tinyDim, tinyWidth)
		add(blk("ffn_norm"), 1, tinyWidth)
		add(blk("ffn_gate"), 0, tinyWidth, tinyFFN)
		add(blk("ffn_up"), 0, tinyWidth, tinyFFN)
		add(blk("ffn_down"), 0, tinyFFN, tinyWidth)
		if m.arch == "gemma3" {
			add(blk("attn_q_norm"), 1, tinyDim)
			add(blk("attn_k_norm"), 1, tinyDim)
			add(blk("post_attention_norm"), 1, tinyWidth)
			add(blk("post_ffw_norm"), 1, tinyWidth)
		}
	}
}

func (m *tiny) write(t testing.TB) string {
	t.Helper()
	w := gguf.NewWriter()
	for _, k := range slices.Sorted(maps.Keys(m.meta)) {
		if err := w.Set(k, m.meta[k]); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.tensors)) {
		x := m.tensors[name]
		var b []byte
		for _, v := range x.data {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if err := w.AddBytes(name, quant.F32, x.shape, b); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), m.arch+".gguf")
	if err := w.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func (m *tiny) open(t testing.TB, opt engine.Options) *engine.Model {
	t.Helper()
	out, err := engine.Open(m.write(t), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	return out
}

// logProbs computes the log-probabilities after each of ids with plain loops in
// float64: no cache, no batches, no kernels. It is the second witness of what
// the architectures mean.
func (m *tiny) logProbs(ids []int32) [][]float64 {
	gemma := m.arch == "gemma3"
	xs := make([][]float64, len(ids))
	for i, id := range ids {
		xs[i] = m.tensors["token_embd.weight"].row(int(id))
		if gemma {
			scale(xs[i], math.Sqrt(tinyWidth))
		}
	}
	for l := range tinyLayers {
		w := func(s string) matrix { return m.tensors[fmt.Sprintf("blk.%d.%s.weight", l, s)] }
		m.attention(xs, w, l)
		for _, x := range xs {
			h := norm(x, w("ffn_norm").row(0))
			gate, up := w("ffn_gate").times(h), w("ffn_up").times(h)
			for i, g := range gate {
				if gemma {
					gate[i] = 0.5 * g * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(g+0.044715*g*g*g))) * up[i]
				} else {
					gate[i] = g / (1 + math.Exp(-g)) * up[i]
				}
			}
			join(x, w("ffn_down").times(gate), w("post_ffw_norm"))
		}
	}
	head, ok := m.tensors["output.weight"]
	if !ok {
		head = m.tensors["token_embd.weight"]
	}
	out := make([][]float64, len(ids))
	for i, x := range xs {
		out[i] = head.times(norm(x, m.tensors["output_norm.weight"].row(0)))
		sum := 0.0
		for _, v := range out[i] {
			sum += math.Exp(v)
		}
		for k := range out[i] {
			out[i][k] -= math.Log(sum)
		}
	}
	return out
}

func (m *tiny) attention(xs [][]float64, w func(string) matrix, l int) {
	gemma := m.arch == "gemma3"
	local := gemma && l%2 == 0
	base := 5000.0
	if local {
		base = 10000
	}
	heads := func(x []float64, n int, normName string, position int) [][]float64 {
		var out [][]float64
		for h := range n {
			v := x[h*tinyDim : (h+1)*tinyDim]
			if gemma {
				v = norm(v, w(normName).row(0))
			}
			out = append(out, m.turn(v, base, position))
		}
		return out
	}
	var ks, vs [][][]float64
	branches := make([][]float64, len(xs))
	for i, x := range xs {
		h := norm(x, w("attn_norm").row(0))
		q := heads(w("attn_q").times(h), tinyHeads, "attn_q_norm", i)
		ks = append(ks, heads(w("attn_k").times(h), tinyKV, "attn_k_norm", i))
		v := w("attn_v").times(h)
		vs = append(vs, [][]float64{v[:tinyDim], v[tinyDim:]})
		var joined []float64
		for head := range tinyHeads {
			kv := head / (tinyHeads / tinyKV)
			out, sum := make([]float64, tinyDim), 0.0
			for j := range i + 1 {
				if local && i-j >= 4 {
					continue
				}
				e := math.Exp(dot(q[head], ks[j][kv]) / math.Sqrt(tinyDim))
				sum += e
				for d := range out {
					out[d] += e * vs[j][kv][d]
				}
			}
			scale(out, 1/sum)
			joined = append(joined, out...)
		}
		branches[i] = w("attn_output").times(joined)
	}
	for i, x := range xs {
		join(x, branches[i], w("post_attention_norm"))
	}
}

// turn rotates a head: pairs lie side by side in Llama, half a head apart in Gemma.
func (m *tiny) turn(x []float64, base float64, position int) []float64 {
	out := make([]float64, len(x))
	n := len(x) / 2
	for i := range n {
		a, b := 2*i, 2*i+1
		angle := float64(position) * math.Pow(base, -float64(2*i)/float64(len(x)))
		if m.arch == "gemma3" {
			a, b = i, i+n
		} else {
			angle /= float64(m.tensors["rope_freqs.weight"].data[i])
		}
		s, c := math.Sincos(angle)
		out[a], out[b] = x[a]*c-x[b]*s, x[a]*s+x[b]*c
	}
	return out
}

func (w matrix) row(i int) []float64 {
	n := w.shape[0]
	out := make([]float64, n)
	for k, v := range w.data[i*n : (i+1)*n] {
		out[k] = float64(v)
	}
	return out
}

func (w matrix) times(x []float64) []float64 {
	var out []float64
	for i := range w.shape[1] {
		out = append(out, dot(w.row(i), x))
	}
	return out
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func scale(x []float64, s float64) {
	for i := range x {
		x[i] *= s
	}
}

func norm(x, weight []float64) []float64 {
	r := 1 / math.Sqrt(dot(x, x)/float64(len(x))+1e-6)
	out := make([]float64, len(x))
	for i := range x {
		out[i] = x[i] * r * weight[i]
	}
	return out
}

func join(x, branch []float64, post matrix) {
	if post.data != nil {
		branch = norm(branch, post.row(0))
	}
	for i := range x {
		x[i] += branch[i]
	}
}

// The engine must agree with the plain loops for every way of computing: prompt
// in one batch, in batches of three, token by token, on one and on three
// threads, with each kind of cache.
func TestArchitecturesMatchPlainLoops(t *testing.T) {
	ids := []int32{1, 70, 100, 5, 200, 33, 258, 7, 150, 9, 70, 100, 3, 90}
	const given = 8 // the rest is decoded
	for _, arch := range []string{"llama", "gemma3"} {
		m := newTiny(arch)
		want := m.logProbs(ids)
		for name, c := range map[string]struct {
			opt       engine.Options
			tolerance float64
		}{
			"one batch":       {engine.Options{Threads: 1}, 2e-5},
			"batches of 3":    {engine.Options{Threads: 3, Batch: 3}, 2e-5},
			"token by token":  {engine.Options{Threads: 2, Batch: 1, Context: 32}, 2e-5},
			"half cache":      {engine.Options{Threads: 1, KVType: "f16"}, 2e-2},
			"fast activation": {engine.Options{Threads: 2, Numerics: tensor.Fast, KVType: "f32"}, 2e-5}, // F32 weights stay exact
		} {
			t.Run(arch+"/"+name, func(t *testing.T) {
				s := session(t, m.open(t, c.opt))
				r, err := s.Generate(t.Context(), engine.Request{PromptIDs: ids[:given], ForceIDs: ids[given:], Scores: true, Top: 3}, nil)
				if err != nil {
					t.Fatal(err)
				}
				for i, id := range ids[given:] {
					after := want[given+i-1]
					if d := math.Abs(r.Scores[i].LogProb - after[id]); !(d <= c.tolerance) {
						t.Errorf("step %d: log-probability %.6f, want %.6f", i, r.Scores[i].LogProb, after[id])
					}
					for _, x := range r.Scores[i].Top {
						if d := math.Abs(x.LogProb - after[x.ID]); !(d <= c.tolerance) {
							t.Errorf("step %d: alternative %d has %.6f, want %.6f", i, x.ID, x.LogProb, after[x.ID])
						}
					}
					if best := slices.Max(after); math.Abs(r.Scores[i].Top[0].LogProb-best) > c.tolerance {
						t.Errorf("step %d: the best is %.6f, want %.6f", i, r.Scores[i].Top[0].LogProb, best)
					}
				}
			})
		}
	}
}
