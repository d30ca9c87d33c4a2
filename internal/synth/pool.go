package synth

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"chimera/internal/quant"
)

// A pool is a set of random pieces of rows, encoded once; rows are drawn from
// it. Encoding every weight of a model would take minutes, and no kernel can
// tell the difference: each row is its own sequence of pieces.
type pool struct {
	elems, bytes int // of one piece
	parts        []part
	data         []byte
}

// A part is a set of byte ranges of a piece that is drawn on its own.
type part []span

type span struct{ from, to int }

// parts cuts the large blocks of the K formats, of which a narrow row holds only
// one or two: rows would repeat. Scales come from one piece; values, which are
// relative to their scales, come from several, all bits of a value from one.
func parts(t quant.Type, bytes int) []part {
	const n = 16 // bytes that are drawn together
	switch t {
	case quant.Q4_K: // d, dmin, 12 bytes of scales; 128 of values
		out := []part{{{0, 16}}}
		for i := 16; i < bytes; i += n {
			out = append(out, part{{i, i + n}})
		}
		return out
	case quant.Q5_K: // the same head; 32 bytes of fifth bits; 4 × 32 of low bits
		out := []part{{{0, 16}}}
		for i := 0; i < 32; i += n {
			out = append(out, part{{16 + i, 16 + i + n}, {48 + i, 48 + i + n}, {80 + i, 80 + i + n}, {112 + i, 112 + i + n}, {144 + i, 144 + i + n}})
		}
		return out
	case quant.Q6_K: // 2 × 64 bytes of low bits; 2 × 32 of high bits; 16 scales and d
		out := []part{{{192, 210}}}
		for _, half := range []int{0, 1} {
			for i := 0; i < 32; i += n {
				low, high := 64*half+i, 128+32*half+i
				out = append(out, part{{low, low + n}, {low + 32, low + 32 + n}, {high, high + n}})
			}
		}
		return out
	}
	return []part{{{0, bytes}}}
}

const (
	poolWeights = 1 << 18
	pieceElems  = 32 // of formats without blocks, and a divisor of every width
)

type poolKey struct {
	t  quant.Type
	sd float64
}

func (b *builder) pool(t quant.Type, cols int, sd float64) (*pool, error) {
	key := poolKey{t, sd}
	if p, ok := b.pools[key]; ok {
		return p, nil
	}
	p := &pool{elems: max(t.BlockElems(), pieceElems)}
	if cols%p.elems != 0 {
		return nil, fmt.Errorf("rows of %d weights are no multiple of %d", cols, p.elems)
	}
	var err error
	if p.bytes, err = t.RowBytes(p.elems); err != nil {
		return nil, err
	}
	p.parts = parts(t, p.bytes)
	weights := make([]float32, poolWeights)
	normal(weights, rand.NewPCG(b.spec.Seed, math.Float64bits(sd)), sd)
	p.data = make([]byte, poolWeights/p.elems*p.bytes)
	if err := quant.Quantize(t, p.data, weights); err != nil {
		return nil, err
	}
	b.pools[key] = p
	return p, nil
}

// normal fills x with nearly normal values: the sum of four 16-bit integers has
// the mean 4·(2^16−1)/2 and the variance 4·(2^32−1)/12. Integers are the same on
// every machine, which the tails of a library's generator need not be.
func normal(x []float32, r *rand.PCG, sd float64) {
	scale := float32(sd / math.Sqrt(float64(1<<32-1)/3))
	for i := range x {
		u := r.Uint64()
		sum := int32(u&0xFFFF) + int32(u>>16&0xFFFF) + int32(u>>32&0xFFFF) + int32(u>>48)
		x[i] = float32(sum-2*(1<<16-1)) * scale
	}
}

// row appends cols weights drawn from the pool; dst has room for them.
func (p *pool) row(dst []byte, r *rand.PCG, cols int) []byte {
	pieces := uint64(poolWeights / p.elems) // a power of two, so the remainder is even
	for range cols / p.elems {
		n := len(dst)
		dst = dst[:n+p.bytes]
		for _, x := range p.parts {
			i := int(r.Uint64()%pieces) * p.bytes
			for _, s := range x {
				copy(dst[n+s.from:n+s.to], p.data[i+s.from:i+s.to])
			}
		}
	}
	return dst
}

func put32(dst []byte, v float32) { binary.LittleEndian.PutUint32(dst, math.Float32bits(v)) }
