package engine

import (
	"fmt"
	"sync/atomic"

	"chimera/internal/tensor"
)

// pass is the state of one forward pass and its scratch, which all sessions of a
// model share. The loops are bound once: a decode step allocates nothing.
type pass struct {
	m    *Model
	pool *tensor.Pool

	n, start int // tokens, and the position of the first
	cache    *cache
	layer    *layer
	index    int // of layer

	x, h       []float32    // n × width: the residual stream, and a branch off it
	q, att     []float32    // n × heads·headDim
	k, v       []float32    // n × kvHeads·headDim
	gate, up   []float32    // n × ffn
	cos, sin   [2][]float32 // per rope: n × pairs
	logits     []float32    // vocab, of the last token
	scratch    [][]float32  // per worker, for attention
	split      int          // pieces of a group of query heads
	failed     atomic.Bool  // a key or value was not finite
	bodyNorm   func(worker, from, to int)
	bodyRotate func(worker, from, to int)
	bodyAttend func(worker, from, to int)
	bodyMiddle func(worker, from, to int)
	bodyGate   func(worker, from, to int)
	bodyEnd    func(worker, from, to int)
}

func newPass(m *Model) *pass {
	p := &pass{m: m, pool: m.mu.pool}
	h, n := &m.params, m.options.Batch
	p.x, p.h = make([]float32, n*h.width), make([]float32, n*h.width)
	p.q, p.att = make([]float32, n*h.heads*h.headDim), make([]float32, n*h.heads*h.headDim)
	p.k, p.v = make([]float32, n*h.kvHeads*h.headDim), make([]float32, n*h.kvHeads*h.headDim)
	p.gate, p.up = make([]float32, n*h.ffn), make([]float32, n*h.ffn)
	for i := range p.cos {
		p.cos[i], p.sin[i] = make([]float32, n*h.rotated/2), make([]float32, n*h.rotated/2)
	}
	p.logits = make([]float32, h.vocab)
	group := tensor.Attention{Heads: h.heads / h.kvHeads, Dim: h.headDim}
	for range m.options.Threads {
		p.scratch = append(p.scratch, make([]float32, group.Scratch(m.options.Context)))
	}
	p.bodyNorm, p.bodyRotate, p.bodyAttend = p.norm, p.rotate, p.attend
	p.bodyMiddle, p.bodyGate, p.bodyEnd = p.middle, p.activate, p.end
	return p
}

// forward runs ids, which take the positions from start on, and leaves the
// logits that follow the last of them in p.logits when wanted. The caller holds
// m.mu and has checked that all of it fits.
func (p *pass) forward(c *cache, ids []int32, start int, wantLogits bool) error {
	p.n, p.start, p.cache = len(ids), start, c
	p.failed.Store(false)
	h, w := &p.m.params, &p.m.weights
	for i, id := range ids {
		row := p.x[i*h.width : (i+1)*h.width]
		w.embedding.Row(row, int(id))
		if h.embedScale != 1 {
			tensor.Scale(row, h.embedScale)
		}
		for r := range w.ropes {
			pairs := h.rotated / 2
			w.ropes[r].Angles(p.cos[r][i*pairs:(i+1)*pairs], p.sin[r][i*pairs:(i+1)*pairs], start+i)
		}
	}
	p.split = p.splits()
	for i := range w.layers {
		p.index, p.layer = i, &w.layers[i]
		p.runLayer()
	}
	if p.failed.Load() {
		return fmt.Errorf("position %d to %d: a key or value is not finite or exceeds what the KV type %s holds", start, start+p.n-1, p.m.options.KVType)
	}
	if wantLogits {
		return p.finish()
	}
	return nil
}

func (p *pass) runLayer() {
	h, l := &p.m.params, p.layer
	queries, keys := h.heads*h.headDim, h.kvHeads*h.headDim
	p.pool.Run(p.n, p.bodyNorm)
	p.multiply(p.q[:p.n*queries], l.q, p.h[:p.n*h.width])
	p.multiply(p.k[:p.n*keys], l.k, p.h[:p.n*h.width])
	p.multiply(p.v[:p.n*keys], l.v, p.h[:p.n*h.width])
	p.pool.Run(p.n, p.bodyRotate)
	p.pool.Run(p.n*h.kvHeads*p.split, p.bodyAttend)
	p.multiply(p.h[:p.n*h.width], l.out, p.att[:p.n*queries])
	p.pool.Run(p.n, p.bodyMiddle)
	p.multiply(p.gate[:p.n*h.ffn], l.gate, p.h[:p.n*h.width])
	p.multiply(p.up[:p.n*h.ffn], l.up, p.h[:p.n*h.width])
	p.pool.Run(p.n, p.bodyGate)
	p.multiply(p.h[:p.n*h.width], l.down, p.gate[:p.n*h.ffn])
	p.pool.Run(p.n, p.bodyEnd)
}

func (p *pass) multiply(dst []float32, w tensor.Matrix, x []float32) {
	tensor.MatMul(p.pool, dst, w, x, p.n, p.m.options.Numerics)
}

// row cuts token i out of an n × width buffer.
func row(x []float32, i, width int) []float32 { return x[i*width : (i+1)*width] }

// norm prepares the attention's input.
func (p *pass) norm(_, from, to int) {
	h := &p.m.params
	for i := from; i < to; i++ {
		tensor.RMSNorm(row(p.h, i, h.width), row(p.x, i, h.width), p.layer.attnNorm, h.eps)
	}
}

// rotate finishes queries and keys and stores keys and values in the cache.
func (p *pass) rotate(_, from, to int) {
	h, l := &p.m.params, p.layer
	rope, pairs := p.m.weights.ropes[l.rope], h.rotated/2
	for i := from; i < to; i++ {
		q, k := row(p.q, i, h.heads*h.headDim), row(p.k, i, h.kvHeads*h.headDim)
		if l.qNorm != nil {
			normHeads(q, l.qNorm, h.eps)
			normHeads(k, l.kNorm, h.eps)
		}
		cos, sin := row(p.cos[l.rope], i, pairs), row(p.sin[l.rope], i, pairs)
		rope.Rotate(q, h.headDim, cos, sin)
		rope.Rotate(k, h.headDim, cos, sin)
		v := row(p.v, i, h.kvHeads*h.headDim)
		if p.cache.keys[p.index].SetRow(p.start+i, k) != nil || p.cache.values[p.index].SetRow(p.start+i, v) != nil {
			p.failed.Store(true)
		}
	}
}

func normHeads(x, weight []float32, eps float32) {
	for n := len(weight); len(x) > 0; x = x[n:] {
		tensor.RMSNorm(x[:n], x[:n], weight, eps)
	}
}

// splits returns into how many pieces the query heads of a group are cut so that
// every thread has work: a decode step of a model with one key-value head would
// otherwise attend on one core.
func (p *pass) splits() int {
	h := &p.m.params
	group := h.heads / h.kvHeads
	for s := 1; s < group; s++ {
		if group%s == 0 && p.n*h.kvHeads*s >= p.pool.Threads() {
			return s
		}
	}
	return group
}

// attend takes pieces of (token, key-value head, part of its query heads).
func (p *pass) attend(worker, from, to int) {
	h := &p.m.params
	heads := h.heads / h.kvHeads / p.split
	a := tensor.Attention{Heads: heads, Dim: h.headDim, Scale: h.attnScale}
	keys, values := p.cache.keys[p.index], p.cache.values[p.index]
	for piece := from; piece < to; piece++ {
		i, part := piece/(h.kvHeads*p.split), piece%(h.kvHeads*p.split)
		a.Column = part / p.split * h.headDim
		end := p.start + i + 1
		first := 0
		if p.layer.window > 0 {
			first = max(0, end-p.layer.window)
		}
		q := row(row(p.q, i, h.heads*h.headDim), part, heads*h.headDim)
		out := row(row(p.att, i, h.heads*h.headDim), part, heads*h.headDim)
		a.Attend(out, q, keys, values, first, end, p.scratch[worker])
	}
}

// middle joins the attention to the stream and prepares the feed-forward.
func (p *pass) middle(_, from, to int) {
	h := &p.m.params
	for i := from; i < to; i++ {
		p.join(i, p.layer.postAttn)
		tensor.RMSNorm(row(p.h, i, h.width), row(p.x, i, h.width), p.layer.ffnNorm, h.eps)
	}
}

func (p *pass) activate(_, from, to int) {
	h := &p.m.params
	for i := from; i < to; i++ {
		gate, up := row(p.gate, i, h.ffn), row(p.up, i, h.ffn)
		if h.gelu {
			tensor.GELUMul(gate, up)
			continue
		}
		tensor.SiLUMul(gate, up)
	}
}

// end joins the feed-forward to the stream.
func (p *pass) end(_, from, to int) {
	for i := from; i < to; i++ {
		p.join(i, p.layer.postFFN)
	}
}

func (p *pass) join(i int, post []float32) {
	h := &p.m.params
	branch := row(p.h, i, h.width)
	if post != nil {
		tensor.RMSNorm(branch, branch, post, h.eps)
	}
	tensor.Add(row(p.x, i, h.width), branch)
}

// finish turns the last token's stream into logits.
func (p *pass) finish() error {
	h, w := &p.m.params, &p.m.weights
	last := p.h[:h.width]
	tensor.RMSNorm(last, row(p.x, p.n-1, h.width), w.outputNorm, h.eps)
	tensor.MatMul(p.pool, p.logits, w.head, last, 1, p.m.options.Numerics)
	if h.logitCap > 0 {
		tensor.SoftCap(p.logits, h.logitCap)
	}
	if !finite(p.logits) {
		return fmt.Errorf("position %d: the logits are not finite: weights of the model are broken", p.start+p.n-1)
	}
	return nil
}
