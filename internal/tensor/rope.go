package tensor

import (
	"fmt"
	"math"
)

// Rotation names which elements of a head form the pairs that a rotary
// embedding turns (Su et al. 2021, arXiv:2104.09864).
type Rotation uint8

const (
	// Interleaved pairs element 2i with 2i+1: Llama files in ggml's order.
	Interleaved Rotation = iota
	// HalfSplit pairs element i with i+n/2 ("neox"): Gemma, Qwen, Phi.
	HalfSplit
)

// Rope is a rotary embedding. It is immutable and safe for concurrent use.
type Rope struct {
	style     Rotation
	frequency []float64 // radians per position, one per pair
}

// NewRope rotates the first dims elements of each head. Pair i turns by
// base^(−2i/dims) / stretch / factors[i] radians per position: stretch is the linear
// context extension (1 for none), factors the model's own per-pair divisors
// (nil for none, else dims/2 of them).
func NewRope(style Rotation, dims int, base, stretch float64, factors []float32) (*Rope, error) {
	switch {
	case dims <= 0 || dims%2 != 0:
		return nil, fmt.Errorf("rope: dimensions must be even and positive, but are %d", dims)
	case !(base > 0) || !(stretch > 0):
		return nil, fmt.Errorf("rope: base and stretch must be positive, but are %v and %v", base, stretch)
	case factors != nil && len(factors) != dims/2:
		return nil, fmt.Errorf("rope: factors must be one per pair, %d, but are %d", dims/2, len(factors))
	}
	r := &Rope{style, make([]float64, dims/2)}
	for i := range r.frequency {
		r.frequency[i] = math.Pow(base, -2*float64(i)/float64(dims)) / stretch
		if factors != nil {
			r.frequency[i] /= float64(factors[i])
		}
	}
	return r, nil
}

// Pairs is the number of pairs, the length of an angle table's halves.
func (r *Rope) Pairs() int { return len(r.frequency) }

// Angles fills cos and sin, Pairs long each, for one position. Angles are
// float64, so far positions lose nothing. Compute them once per token and use
// them for all heads and layers.
func (r *Rope) Angles(cos, sin []float32, position int) {
	for i, f := range r.frequency {
		s, c := math.Sincos(f * float64(position))
		cos[i], sin[i] = float32(c), float32(s)
	}
}

// Rotate turns every head of x, which holds whole heads of headDim elements, by
// the angles of Angles. Elements of a head past the rotated ones stay.
func (r *Rope) Rotate(x []float32, headDim int, cos, sin []float32) {
	n := r.Pairs()
	if headDim < 2*n || len(x)%headDim != 0 || len(cos) != n || len(sin) != n {
		panic(fmt.Sprintf("tensor: rope of %d pairs over %d elements in heads of %d with %d cosines and %d sines", n, len(x), headDim, len(cos), len(sin)))
	}
	for ; len(x) > 0; x = x[headDim:] {
		if r.style == Interleaved {
			rotateInterleaved(x[:2*n], cos, sin)
		} else {
			rotateHalves(x[:n], x[n:2*n], cos, sin)
		}
	}
}

func rotateInterleaved(x, cos, sin []float32) {
	for i, c := range cos {
		s, a, b := sin[i], x[2*i], x[2*i+1]
		x[2*i], x[2*i+1] = a*c-b*s, a*s+b*c
	}
}

func rotateHalves(x, y, cos, sin []float32) {
	for i, c := range cos {
		s, a, b := sin[i], x[i], y[i]
		x[i], y[i] = a*c-b*s, a*s+b*c
	}
}
