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
	data         []byte
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

// row appends cols weights drawn from the pool.
func (p *pool) row(dst []byte, r *rand.PCG, cols int) []byte {
	pieces := uint64(poolWeights / p.elems) // a power of two, so the remainder is even
	for range cols / p.elems {
		i := int(r.Uint64()%pieces) * p.bytes
		dst = append(dst, p.data[i:i+p.bytes]...)
	}
	return dst
}

func put32(dst []byte, v float32) { binary.LittleEndian.PutUint32(dst, math.Float32bits(v)) }
