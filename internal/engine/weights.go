package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"chimera/internal/gguf"
	"chimera/internal/quant"
	"chimera/internal/tensor"
)

// weights are the tensors of a model. Matrices point into the mapped file.
type weights struct {
	embedding  tensor.Matrix // vocab × width
	head       tensor.Matrix // vocab × width; the embedding where tied
	tied       bool
	outputNorm []float32
	layers     []layer
	ropes      [2]*tensor.Rope // of global and of local layers
}

type layer struct {
	attnNorm, qNorm, kNorm, postAttn []float32 // nil where the architecture has none
	ffnNorm, postFFN                 []float32
	q, k, v, out                     tensor.Matrix
	gate, up, down                   tensor.Matrix
	window                           int // positions it sees, 0: all
	rope                             int // index of weights.ropes
}

// picker takes tensors by name, checks their shapes and keeps the first error.
type picker struct {
	file *gguf.File
	used map[string]bool
	err  error
}

func (p *picker) take(name string, want ...int) (gguf.Tensor, bool) {
	t, ok := p.file.Tensor(name)
	p.used[name] = true
	if !ok {
		p.fail("tensor %s is missing", name)
		return t, false
	}
	shape := t.Shape
	for len(shape) > len(want) && shape[len(shape)-1] == 1 {
		shape = shape[:len(shape)-1]
	}
	if !slices.Equal(shape, want) {
		p.fail("tensor %s has shape %v, but the hyper-parameters ask for %v", name, t.Shape, want)
		return t, false
	}
	return t, true
}

func (p *picker) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

// matrix takes a matrix of rows × cols.
func (p *picker) matrix(name string, rows, cols int) tensor.Matrix {
	t, ok := p.take(name, cols, rows)
	if !ok {
		return tensor.Matrix{}
	}
	m, err := tensor.NewMatrix(t.Type, rows, cols, t.Data)
	if err != nil {
		p.fail("tensor %s: %w", name, err)
	}
	return m
}

// vector takes n numbers, decoded.
func (p *picker) vector(name string, n int) []float32 {
	t, ok := p.take(name, n)
	if !ok {
		return nil
	}
	out := make([]float32, n)
	if err := quant.Dequantize(t.Type, out, t.Data); err != nil {
		p.fail("tensor %s: %w", name, err)
	}
	for i, v := range out {
		if v-v != 0 {
			p.fail("tensor %s holds %v at %d", name, v, i)
		}
	}
	return out
}

func readWeights(f *gguf.File, p *params) (weights, error) {
	pick := &picker{file: f, used: map[string]bool{}}
	var w weights
	// The vocabulary's size is the embedding's to say.
	if t, ok := f.Tensor("token_embd.weight"); ok && len(t.Shape) == 2 {
		p.vocab = t.Shape[1]
	}
	w.embedding = pick.matrix("token_embd.weight", p.vocab, p.width)
	w.outputNorm = pick.vector("output_norm.weight", p.width)
	w.head, w.tied = w.embedding, true
	if _, ok := f.Tensor("output.weight"); ok {
		w.head, w.tied = pick.matrix("output.weight", p.vocab, p.width), false
	}
	for i := 0; i < p.layers && pick.err == nil; i++ {
		w.layers = append(w.layers, pick.layer(i, p))
	}
	if pick.err != nil {
		return w, pick.err
	}
	if err := w.makeRopes(pick, p); err != nil {
		return w, err
	}
	return w, pick.leftOver()
}

func (p *picker) layer(i int, h *params) layer {
	name := func(s string) string { return fmt.Sprintf("blk.%d.%s.weight", i, s) }
	queries, keys := h.heads*h.headDim, h.kvHeads*h.headDim
	l := layer{
		attnNorm: p.vector(name("attn_norm"), h.width),
		q:        p.matrix(name("attn_q"), queries, h.width),
		k:        p.matrix(name("attn_k"), keys, h.width),
		v:        p.matrix(name("attn_v"), keys, h.width),
		out:      p.matrix(name("attn_output"), h.width, queries),
		ffnNorm:  p.vector(name("ffn_norm"), h.width),
		gate:     p.matrix(name("ffn_gate"), h.ffn, h.width),
		up:       p.matrix(name("ffn_up"), h.ffn, h.width),
		down:     p.matrix(name("ffn_down"), h.width, h.ffn),
	}
	if h.sandwich {
		l.qNorm = p.vector(name("attn_q_norm"), h.headDim)
		l.kNorm = p.vector(name("attn_k_norm"), h.headDim)
		l.postAttn = p.vector(name("post_attention_norm"), h.width)
		l.postFFN = p.vector(name("post_ffw_norm"), h.width)
	}
	if h.local(i) {
		l.window, l.rope = h.window, 1
	}
	return l
}

// makeRopes builds the two rotations; rope_freqs.weight holds Llama 3.1's
// divisors of the frequencies.
func (w *weights) makeRopes(pick *picker, p *params) error {
	var factors []float32
	if _, ok := pick.file.Tensor("rope_freqs.weight"); ok {
		factors = pick.vector("rope_freqs.weight", p.rotated/2)
		for i, v := range factors {
			if v <= 0 {
				pick.fail("tensor rope_freqs.weight must be positive, but holds %v at %d", v, i)
			}
		}
		if pick.err != nil {
			return pick.err
		}
	}
	var err error
	if w.ropes[0], err = tensor.NewRope(p.rotation, p.rotated, p.ropeBase, p.stretch, factors); err != nil {
		return err
	}
	w.ropes[1], err = tensor.NewRope(p.rotation, p.rotated, p.ropeLocal, 1, nil)
	return err
}

// leftOver fails for a tensor that nothing reads: a bias or an adapter that is
// ignored makes another model. Vision parts do not touch text.
func (p *picker) leftOver() error {
	for _, t := range p.file.Tensors {
		if !p.used[t.Name] && !strings.HasPrefix(t.Name, "v.") && !strings.HasPrefix(t.Name, "mm.") {
			return fmt.Errorf("tensor %s is in the file, but the architecture has no use for it", t.Name)
		}
	}
	return nil
}

// finite reports whether all of x are numbers.
func finite(x []float32) bool {
	for _, v := range x {
		if math.Float32bits(v)&0x7F800000 == 0x7F800000 {
			return false
		}
	}
	return true
}
