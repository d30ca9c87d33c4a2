package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"chimera/internal/quant"
	"chimera/internal/tensor"
)

const unitRoundoff = 0x1p-24

// A float32 dot of n terms in any order of summation is off by at most
// γₙ·Σ|w·x| with γₙ = n·u/(1−n·u), u = 2⁻²⁴ (Higham, Accuracy and Stability of
// Numerical Algorithms, 2nd ed., §3.1). Exact obeys that.
//
// Fast adds what rounding the activations to 8 bits can do: each is off by at
// most half a step d = max|x|/127 of its block of 32, so the dot by at most
// Σ_blocks d/2·Σ|w|. And its float sums are over scaled levels and offsets
// apart, whose magnitudes per weight are at most 64 times half a level's; their
// rounding is γ of that, and a block's Σ|w|·max|x| = 254 · its step term bounds it
// for all weights above 1/4 of a level on average.
func TestMatMulWithinBound(t *testing.T) {
	pool := tensor.NewPool(2)
	defer pool.Close()
	forEach(t, func(t *testing.T) {
		for _, typ := range quant.All() {
			for _, cols := range []int{typ.BlockElems(), 256, 768, 1280} {
				if cols%typ.BlockElems() != 0 {
					continue
				}
				for _, batch := range []int{1, 2, 3, 4, 5, 9} {
					for _, n := range []tensor.Numerics{tensor.Exact, tensor.Fast} {
						checkProduct(t, pool, typ, 37, cols, batch, n)
					}
				}
			}
		}
	})
}

func checkProduct(t *testing.T, pool *tensor.Pool, typ quant.Type, rows, cols, batch int, n tensor.Numerics) {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(cols), uint64(batch)))
	w, x := randomMatrix(t, r, typ, rows, cols), normal(r, batch*cols)
	got := make([]float32, batch*rows)
	tensor.MatMul(pool, got, w, x, batch, n)
	gamma := float64(cols+8) * unitRoundoff
	for i, want := range reference(w, x, batch) {
		bound := gamma * want.magnitude
		if n == tensor.Fast && typ.BlockElems() > 1 {
			bound += want.step * (1 + 254*4*gamma)
		}
		if e := math.Abs(float64(got[i]) - want.value); !(e <= bound) {
			t.Fatalf("%v %v %d×%d batch %d: result %d is %g, but must be %g within %g (is off by %g)", typ, n, rows, cols, batch, i, got[i], want.value, bound, e)
		}
	}
}
