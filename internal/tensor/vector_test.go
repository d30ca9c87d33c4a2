package tensor_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"chimera/internal/quant"
	"chimera/internal/tensor"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) }

func near(t *testing.T, what string, i int, got float32, want, tolerance float64) {
	t.Helper()
	if e := math.Abs(float64(got) - want); !(e <= tolerance) {
		t.Fatalf("%s: element %d is %v, but must be %v within %g", what, i, got, want, tolerance)
	}
}

func TestNorms(t *testing.T) {
	x, w, b := normal(newRand(1), 640), normal(newRand(2), 640), normal(newRand(3), 640)
	var mean, square, variance float64
	for _, v := range x {
		mean += float64(v) / 640
		square += float64(v) * float64(v) / 640
	}
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean) / 640
	}
	rms, layer := make([]float32, 640), make([]float32, 640)
	tensor.RMSNorm(rms, x, w, 1e-6)
	tensor.LayerNorm(layer, x, w, b, 1e-5)
	for i := range x {
		want := float64(x[i]) / math.Sqrt(square+1e-6) * float64(w[i])
		near(t, "RMSNorm", i, rms[i], want, 4*unitRoundoff*math.Abs(want))
		scaled := (float64(x[i]) - mean) / math.Sqrt(variance+1e-5) * float64(w[i])
		want = scaled + float64(b[i])
		near(t, "LayerNorm", i, layer[i], want, 4*unitRoundoff*(math.Abs(scaled)+math.Abs(want)))
	}
	tensor.RMSNorm(x, x, w, 1e-6)
	for i := range x {
		if x[i] != rms[i] {
			t.Fatal("a norm in place must give the same")
		}
	}
}

func TestGatesAndSoftmax(t *testing.T) {
	forEach(t, func(t *testing.T) {
		for _, n := range []int{1, 7, 8, 19, 512} {
			x, up := normal(newRand(1), n), normal(newRand(2), n)
			tensor.Scale(x, 4)
			silu, gelu, soft := clone(x), clone(x), clone(x)
			tensor.SiLUMul(silu, up)
			tensor.GELUMul(gelu, up)
			tensor.Softmax(soft)
			var sum, peak float64
			for _, v := range x {
				peak = max(peak, float64(v))
			}
			for _, v := range x {
				sum += math.Exp(float64(v) - peak)
			}
			for i := range x {
				v, g := float64(x[i]), float64(up[i])
				want := v / (1 + math.Exp(-v)) * g
				near(t, "SiLUMul", i, silu[i], want, 64*unitRoundoff*math.Abs(want))
				want = v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v))) * g
				near(t, "GELUMul", i, gelu[i], want, 512*unitRoundoff*math.Abs(want)+1e-12)
				want = math.Exp(v-peak) / sum
				near(t, "Softmax", i, soft[i], want, (64+float64(n))*unitRoundoff*want)
			}
		}
	})
	tensor.Softmax(nil)
	nan := []float32{1, float32(math.NaN()), 2}
	tensor.Softmax(nan)
	for _, p := range nan {
		if p == p {
			t.Errorf("one NaN must spoil all probabilities, but they are %v", nan)
		}
	}
	masked := []float32{1, float32(math.Inf(-1)), 1}
	tensor.Softmax(masked)
	if masked[0] != 0.5 || masked[1] != 0 || masked[2] != 0.5 {
		t.Errorf("a masked score must get nothing, but probabilities are %v", masked)
	}
}

func clone(x []float32) []float32 { return append([]float32(nil), x...) }

func TestSmallVectors(t *testing.T) {
	a := []float32{1, 2, 3}
	tensor.Add(a, []float32{10, 20, 30})
	tensor.Scale(a, 2)
	if a[0] != 22 || a[1] != 44 || a[2] != 66 || tensor.Dot(a, a) != 22*22+44*44+66*66 {
		t.Errorf("add, scale and dot give %v and %v", a, tensor.Dot(a, a))
	}
	caps := []float32{0, 1e6, -1e6, 1}
	tensor.SoftCap(caps, 30)
	if caps[0] != 0 || caps[1] != 30 || caps[2] != -30 || math.Abs(float64(caps[3])-30*math.Tanh(1.0/30)) > 1e-6 {
		t.Errorf("soft caps are %v", caps)
	}
	for name, f := range map[string]func(){
		"add": func() { tensor.Add(a, a[:2]) }, "dot": func() { tensor.Dot(a, a[:2]) },
		"norm": func() { tensor.RMSNorm(a, a, a[:2], 0) }, "gate": func() { tensor.GELUMul(a, a[:2]) },
	} {
		if !panics(f) {
			t.Errorf("%s of different lengths must panic", name)
		}
	}
}

// A rotation by complex numbers, as the paper defines it.
func TestRope(t *testing.T) {
	const headDim, dims, position = 12, 8, 1000
	factors := []float32{1, 2, 4, 8}
	for _, style := range []tensor.Rotation{tensor.Interleaved, tensor.HalfSplit} {
		rope, err := tensor.NewRope(style, dims, 10000, 4, factors)
		if err != nil {
			t.Fatal(err)
		}
		cos, sin := make([]float32, rope.Pairs()), make([]float32, rope.Pairs())
		rope.Angles(cos, sin, position)
		x := normal(newRand(1), 3*headDim)
		y := clone(x)
		rope.Rotate(y, headDim, cos, sin)
		for h := range 3 {
			for i := range dims / 2 {
				angle := position * math.Pow(10000, -2*float64(i)/dims) / 4 / float64(factors[i])
				a, b := h*headDim+2*i, h*headDim+2*i+1
				if style == tensor.HalfSplit {
					a, b = h*headDim+i, h*headDim+i+dims/2
				}
				re, im := float64(x[a]), float64(x[b])
				near(t, "rope", a, y[a], re*math.Cos(angle)-im*math.Sin(angle), 4*unitRoundoff*(math.Abs(re)+math.Abs(im)))
				near(t, "rope", b, y[b], re*math.Sin(angle)+im*math.Cos(angle), 4*unitRoundoff*(math.Abs(re)+math.Abs(im)))
			}
			for i := h*headDim + dims; i < (h+1)*headDim; i++ {
				if y[i] != x[i] {
					t.Fatalf("element %d is not to be rotated", i)
				}
			}
		}
		if !panics(func() { rope.Rotate(y[:13], headDim, cos, sin) }) {
			t.Error("part of a head must panic")
		}
	}
	for name, err := range map[string]error{
		"odd":     second(tensor.NewRope(tensor.HalfSplit, 7, 1e4, 1, nil)),
		"base":    second(tensor.NewRope(tensor.HalfSplit, 8, math.NaN(), 1, nil)),
		"stretch": second(tensor.NewRope(tensor.HalfSplit, 8, 1e4, 0, nil)),
		"factors": second(tensor.NewRope(tensor.HalfSplit, 8, 1e4, 1, factors[:3])),
	} {
		if err == nil {
			t.Errorf("a rope with a wrong %s must be an error", name)
		}
	}
}

func second[A any](_ A, err error) error { return err }

// Against float64 on the cache as it decodes. The tolerance is that of float32
// scores: an error e in a score changes a weight by a factor e^±e.
func TestAttention(t *testing.T) {
	for _, heads := range []int{1, 3, 4, 6} {
		t.Run(fmt.Sprintf("heads=%d", heads), func(t *testing.T) { testAttention(t, heads) })
	}
}

func testAttention(t *testing.T, heads int) {
	const positions, dim, kvHeads = 37, 64, 2
	forEach(t, func(t *testing.T) {
		for _, typ := range []quant.Type{quant.F32, quant.F16, quant.BF16, quant.Q8_0} {
			for _, window := range [][2]int{{0, 1}, {0, positions}, {5, 30}} {
				for _, softCap := range []float32{0, 2} {
					r := newRand(7)
					k, v := randomMatrix(t, r, typ, positions, kvHeads*dim), randomMatrix(t, r, typ, positions, kvHeads*dim)
					a := tensor.Attention{Heads: heads, Dim: dim, Column: dim, Scale: 0.125, SoftCap: softCap}
					q := normal(r, heads*dim)
					got := make([]float32, len(q))
					a.Attend(got, q, k, v, window[0], window[1], make([]float32, a.Scratch(window[1]-window[0])))
					for i, want := range attention(a, q, k, v, window[0], window[1]) {
						near(t, typ.String()+" attention", i, got[i], want, 1e-5)
					}
				}
			}
		}
	})
}

func attention(a tensor.Attention, q []float32, k, v tensor.Matrix, start, end int) []float64 {
	out, row := make([]float64, len(q)), make([]float32, k.Cols)
	for h := range a.Heads {
		var weights []float64
		var sum float64
		for i := start; i < end; i++ {
			k.Row(row, i)
			var s float64
			for c := range a.Dim {
				s += float64(q[h*a.Dim+c]) * float64(row[a.Column+c])
			}
			s *= float64(a.Scale)
			if a.SoftCap != 0 {
				s = float64(a.SoftCap) * math.Tanh(s/float64(a.SoftCap))
			}
			weights = append(weights, math.Exp(s))
			sum += math.Exp(s)
		}
		for i := start; i < end; i++ {
			v.Row(row, i)
			for c := range a.Dim {
				out[h*a.Dim+c] += weights[i-start] / sum * float64(row[a.Column+c])
			}
		}
	}
	return out
}

func TestAttentionRefusesWrongShapes(t *testing.T) {
	m := randomMatrix(t, newRand(1), quant.Q8_0, 4, 64)
	a := tensor.Attention{Heads: 1, Dim: 32, Scale: 1}
	q, scratch := make([]float32, 32), make([]float32, a.Scratch(4))
	a.Attend(q, q, m, m, 0, 4, scratch)
	for name, f := range map[string]func(){
		"no positions":          func() { a.Attend(q, q, m, m, 2, 2, scratch) },
		"positions beyond":      func() { a.Attend(q, q, m, m, 2, 5, scratch) },
		"a negative start":      func() { a.Attend(q, q, m, m, -1, 2, scratch) },
		"short queries":         func() { a.Attend(q[:31], q[:31], m, m, 0, 4, scratch) },
		"short scratch":         func() { a.Attend(q, q, m, m, 0, 4, scratch[:39]) },
		"a column in a block":   func() { b := a; b.Column = 16; b.Attend(q, q, m, m, 0, 4, scratch) },
		"a column past the end": func() { b := a; b.Column = 64; b.Attend(q, q, m, m, 0, 4, scratch) },
	} {
		if !panics(f) {
			t.Errorf("%s must panic", name)
		}
	}
}

func TestMatrixRows(t *testing.T) {
	m := randomMatrix(t, newRand(1), quant.F16, 3, 8)
	x, y := []float32{1, 2, 3, 4, 5, 6, 7, -8}, make([]float32, 8)
	if err := m.SetRow(1, x); err != nil {
		t.Fatal(err)
	}
	m.Row(y, 1)
	for i := range x {
		if x[i] != y[i] {
			t.Fatalf("row 1 comes back as %v", y)
		}
	}
	x[3] = float32(math.NaN())
	if err := m.SetRow(1, x); err == nil {
		t.Error("a row with NaN must be an error")
	}
}
