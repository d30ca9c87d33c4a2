package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"chimera/internal/quant"
	"chimera/internal/tensor"
)

// forEach runs f with every kernel set of this CPU.
func forEach(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	best := tensor.Implementation()
	for _, name := range tensor.Implementations() {
		t.Run(name, func(t *testing.T) {
			if err := tensor.UseImplementation(name); err != nil {
				t.Fatal(err)
			}
			f(t)
		})
	}
	if err := tensor.UseImplementation(best); err != nil {
		t.Fatal(err)
	}
}

func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func randomMatrix(t testing.TB, r *rand.Rand, typ quant.Type, rows, cols int) tensor.Matrix {
	t.Helper()
	size, err := typ.RowBytes(cols)
	if err != nil {
		t.Fatal(err)
	}
	m, err := tensor.NewMatrix(typ, rows, cols, make([]byte, rows*size))
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := m.SetRow(i, normal(r, cols)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// product is the float64 reference: the value and Σ|w·x| of every result, and
// the bound on the activation rounding of Fast: Σ over blocks of Σ|w|·d/2.
type product struct{ value, magnitude, step float64 }

func reference(m tensor.Matrix, x []float32, batch int) []product {
	out := make([]product, batch*m.Rows)
	row := make([]float32, m.Cols)
	for r := range m.Rows {
		m.Row(row, r)
		for b := range batch {
			p := &out[b*m.Rows+r]
			col := x[b*m.Cols : (b+1)*m.Cols]
			for c, w := range row {
				p.value += float64(w) * float64(col[c])
				p.magnitude += math.Abs(float64(w) * float64(col[c]))
			}
			for c := 0; c+32 <= len(col); c += 32 {
				var peak, weight float64
				for i := c; i < c+32; i++ {
					peak = max(peak, math.Abs(float64(col[i])))
					weight += math.Abs(float64(row[i]))
				}
				p.step += peak / 254 * weight
			}
		}
	}
	return out
}
