package tensor

import (
	"fmt"

	"chimera/internal/quant"
)

// Numerics names how a product treats its activations.
type Numerics uint8

const (
	// Exact keeps activations in float32: the weights are decoded as they are,
	// products and sums are float32. The reference for correctness.
	Exact Numerics = iota
	// Fast rounds activations to 8 bits per block of 32 and multiplies integers,
	// as llama.cpp does. Weights without blocks (F32, F16, BF16) stay Exact.
	Fast
)

func (n Numerics) String() string {
	if n == Fast {
		return "fast"
	}
	return "exact"
}

// tileRows is how many rows are decoded before all columns pass over them, and
// tileBatch the number of columns from which that pays.
const (
	tileRows  = 16
	tileBatch = 4
)

// product is the work of one MatMul and the scratch all of them share.
type product struct {
	k         *kernels
	t         typeKernels
	dst, x    []float32
	w         Matrix
	rowBytes  int
	batch     int
	columns   []column
	scratch   []scratch // per worker
	vectors   func(worker, from, to int)
	tiles     func(worker, from, to int)
	exactRows func(worker, from, to int)
	quantize  func(worker, from, to int)
}

type scratch struct {
	panels  [tileRows]panel
	rows    []float32
	columns [4]*column
	out     [4]float32
}

// init binds the loops once, so that a product allocates nothing.
func (p *product) init(threads int) {
	p.scratch = make([]scratch, threads)
	p.vectors, p.tiles, p.exactRows, p.quantize = p.runVectors, p.runTiles, p.runExact, p.runQuantize
}

// MatMul computes dst = x·wᵀ for batch activation columns: x is batch × w.Cols,
// dst is batch × w.Rows, both row-major: dst[b·Rows+r] = Σ_c w[r,c]·x[b·Cols+c].
// dst must not overlap x. Sizes that do not agree panic.
//
// For batch 1 each weight is read once and the product runs at the speed of
// memory; for larger batches a tile of rows is decoded once for all columns.
// Scratch belongs to the pool and grows to the largest product it has seen.
func MatMul(pool *Pool, dst []float32, w Matrix, x []float32, batch int, n Numerics) {
	w.check()
	if batch < 0 || len(x) != batch*w.Cols || len(dst) != batch*w.Rows {
		panic(fmt.Sprintf("tensor: product of %d×%d with batch %d wants %d activations and %d results, but has %d and %d",
			w.Rows, w.Cols, batch, batch*w.Cols, batch*w.Rows, len(x), len(dst)))
	}
	if batch == 0 || w.Rows == 0 {
		return
	}
	if w.Cols == 0 {
		clear(dst)
		return
	}
	pool.mu.Lock()
	defer pool.mu.Unlock()
	p := &pool.product
	p.k = current.Load()
	p.t = p.k.byType[w.Type]
	p.dst, p.x, p.w, p.rowBytes, p.batch = dst, x, w, w.rowBytes(), batch
	switch {
	case n == Exact || p.t.unpack == nil:
		pool.run(w.Rows, tileRows, p.exactRows)
	default:
		p.quantizeAll(pool)
		if batch < tileBatch {
			pool.run(w.Rows, 8, p.vectors)
		} else {
			pool.run(w.Rows, tileRows, p.tiles)
		}
	}
	p.dst, p.x, p.w = nil, nil, Matrix{}
}

func (p *product) quantizeAll(pool *Pool) {
	if len(p.columns) < p.batch {
		p.columns = append(p.columns, make([]column, p.batch-len(p.columns))...)
	}
	for i := range p.batch {
		p.columns[i].resize(p.w.Cols)
	}
	pool.run(p.batch, 8, p.quantize)
}

func (p *product) runQuantize(_, from, to int) {
	n := p.w.Cols
	for i := from; i < to; i++ {
		p.k.quantize(&p.columns[i], p.x[i*n:(i+1)*n])
	}
}

// runVectors passes each column over as many rows as stay in the first cache.
func (p *product) runVectors(worker, from, to int) {
	step := to - from
	if p.batch > 1 {
		step = max(1, 16<<10/p.rowBytes)
	}
	for r := from; r < to; r += step {
		end := min(r+step, to)
		w := p.w.Data[r*p.rowBytes : end*p.rowBytes]
		for b := range p.batch {
			p.t.dot(p.dst[b*p.w.Rows+r:b*p.w.Rows+end], w, &p.columns[b], &p.scratch[worker].panels[0])
		}
	}
}

func (p *product) runTiles(worker, from, to int) {
	s := &p.scratch[worker]
	dot4 := p.k.dot4Unsigned
	if p.t.signed {
		dot4 = p.k.dot4Signed
	}
	for r := from; r < to; r += tileRows {
		rows := min(tileRows, to-r)
		for i := range rows {
			s.panels[i].resize(p.w.Cols)
			p.t.unpack(&s.panels[i], p.w.Data[(r+i)*p.rowBytes:(r+i+1)*p.rowBytes])
		}
		for b := 0; b < p.batch; b += 4 {
			n := min(4, p.batch-b)
			for j := range s.columns { // a column too few: compute the last one again
				s.columns[j] = &p.columns[b+min(j, n-1)]
			}
			for i := range rows {
				dot4(&s.out, &s.panels[i], &s.columns)
				for j := range n {
					p.dst[(b+j)*p.w.Rows+r+i] = s.out[j]
				}
			}
		}
	}
}

func (p *product) runExact(worker, from, to int) {
	if p.batch == 1 && p.w.Type == quant.F16 {
		for r := from; r < to; r++ {
			p.dst[r] = p.k.dotF16(p.w.Data[r*p.rowBytes:(r+1)*p.rowBytes], p.x)
		}
		return
	}
	s, n := &p.scratch[worker], p.w.Cols
	s.rows = grow(s.rows, tileRows*n)
	for r := from; r < to; r += tileRows {
		rows := min(tileRows, to-r)
		p.exactTile(s, p.decode(s.rows[:rows*n], p.w.Data[r*p.rowBytes:(r+rows)*p.rowBytes]), r, rows)
	}
}

// decode gives rows as float32: the data itself where it already is.
func (p *product) decode(dst []float32, src []byte) []float32 {
	if x, ok := asFloats(p.w.Type, src); ok {
		return x
	}
	p.t.dequantize(dst, src)
	return dst
}

func (p *product) exactTile(s *scratch, tile []float32, r, rows int) {
	n := p.w.Cols
	b := 0
	for ; b+4 <= p.batch; b += 4 {
		for i := range rows {
			p.k.dot4F32(&s.out, tile[i*n:(i+1)*n], p.x[b*n:(b+4)*n])
			for j, v := range s.out {
				p.dst[(b+j)*p.w.Rows+r+i] = v
			}
		}
	}
	for ; b < p.batch; b++ {
		for i := range rows {
			p.dst[b*p.w.Rows+r+i] = p.k.dotF32(tile[i*n:(i+1)*n], p.x[b*n:(b+1)*n])
		}
	}
}
