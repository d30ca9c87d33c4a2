package tensor

import (
	"math"
	"math/rand/v2"
	"testing"

	"chimera/internal/quant"
)

// The twins: every kernel of every implementation against the portable one, on
// random and on edge inputs. Results of float sums may differ by their rounding:
// both are within γₙ·Σ|terms| of the true value (Higham 2002, §3.1), so within
// twice that of each other.

const u = 0x1p-24

func others(t *testing.T, f func(t *testing.T, k *kernels)) {
	t.Helper()
	for _, k := range implementations[1:] {
		t.Run(k.name, func(t *testing.T) { f(t, k) })
	}
}

var lengths = []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 63, 64, 65, 72, 100, 256, 263, 640, 1001}

func randoms(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func closeTo(t *testing.T, what string, n int, got, want float32, magnitude float64) {
	t.Helper()
	if e := math.Abs(float64(got) - float64(want)); !(e <= 2*float64(n+8)*u*magnitude) {
		t.Fatalf("%s of %d: %v, but the twin has %v", what, n, got, want)
	}
}

func magnitude(a, b []float32) (sum float64) {
	for i := range a {
		sum += math.Abs(float64(a[i]) * float64(b[i]))
	}
	return sum
}

func halves(t *testing.T, x []float32) (data []byte, values []float32) {
	t.Helper()
	data, values = make([]byte, 2*len(x)), make([]float32, len(x))
	if err := quant.Quantize(quant.F16, data, x); err != nil {
		t.Fatal(err)
	}
	decoder(quant.F16)(values, data)
	return data, values
}

func TestFloatTwins(t *testing.T) {
	others(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(1, 1))
		for _, n := range lengths {
			a, b := randoms(r, n), randoms(r, n)
			h, hv := halves(t, a)
			closeTo(t, "dotF32", n, k.dotF32(a, b), dotF32(a, b), magnitude(a, b))
			closeTo(t, "dotF16", n, k.dotF16(h, b), dotF16(h, b), magnitude(hv, b))

			y, z := append([]float32(nil), b...), append([]float32(nil), b...)
			k.axpyF32(y, a, 0.75)
			axpyF32(z, a, 0.75)
			for i := range y {
				closeTo(t, "axpyF32", 1, y[i], z[i], math.Abs(float64(a[i]))+math.Abs(float64(b[i])))
			}
			k.axpyF16(y, h, -0.3)
			axpyF16(z, h, -0.3)
			for i := range y {
				closeTo(t, "axpyF16", 2, y[i], z[i], 2*math.Abs(float64(a[i]))+math.Abs(float64(b[i])))
			}

			x := randoms(r, 4*n)
			var out [4]float32
			k.dot4F32(&out, a, x)
			for i := range out {
				y := x[i*n : (i+1)*n]
				closeTo(t, "dot4F32", n, out[i], dotF32(a, y), magnitude(a, y))
			}
		}
	})
}

// Kernels that write must leave what follows alone.
func TestTwinsStayInBounds(t *testing.T) {
	others(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(2, 2))
		for _, n := range lengths {
			room := randoms(r, n+16)
			before := append([]float32(nil), room...)
			x := randoms(r, n)
			k.axpyF32(room[:n], x, 1)
			k.siluMul(room[:n], x)
			k.geluMul(room[:n], x)
			k.expSum(room[:n], 1)
			h, _ := halves(t, x)
			k.axpyF16(room[:n], h, 1)
			for i := n; i < len(room); i++ {
				if room[i] != before[i] {
					t.Fatalf("element %d behind %d was written", i, n)
				}
			}
		}
	})
}

// awkward has what breaks roundings: zeros, ties, denormals, huge and equal values.
func awkward(r *rand.Rand, n int) []float32 {
	x := randoms(r, n)
	for b := 0; b+32 <= n; b += 32 {
		v := x[b : b+32]
		switch b / 32 % 8 {
		case 1:
			clear(v)
		case 2: // d is 1: ties at every half
			for i := range v {
				v[i] = float32(i) - 16.5
			}
			v[0] = 127
		case 3:
			for i := range v {
				v[i] *= 1e-42
			}
		case 4:
			for i := range v {
				v[i] *= 1e37
			}
		case 5:
			clear(v)
			v[31] = float32(math.Copysign(0, -1))
		case 6:
			clear(v)
			v[b/32%32] = -1e-38
		}
	}
	return x
}

func quantized(k *kernels, x []float32) *column {
	c := new(column)
	c.resize(len(x))
	k.quantize(c, x)
	return c
}

func TestQuantizeTwinIsBitEqual(t *testing.T) {
	others(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(3, 3))
		for _, n := range []int{0, 32, 64, 96, 256, 640, 2048} {
			for range 20 {
				x := awkward(r, n)
				if n > 64 {
					x[r.IntN(n)] = [...]float32{float32(math.NaN()), float32(math.Inf(1)), 0, 1}[r.IntN(4)]
				}
				sameColumn(t, quantized(k, x), quantized(&portable, x))
			}
		}
	})
}

func sameColumn(t *testing.T, a, b *column) {
	t.Helper()
	for i := range b.q {
		if a.q[i] != b.q[i] {
			t.Fatalf("q[%d] is %d, the twin has %d", i, a.q[i], b.q[i])
		}
	}
	for _, pair := range [][2][]float32{{a.d, b.d}, {a.s32, b.s32}, {a.s16, b.s16}} {
		for i := range pair[1] {
			if x, y := pair[0][i], pair[1][i]; x != y && (x == x || y == y) {
				t.Fatalf("scale or sum %d is %v, the twin has %v", i, x, y)
			}
		}
	}
}

func TestColumnIsWithinHalfAStep(t *testing.T) {
	x := awkward(rand.New(rand.NewPCG(4, 4)), 2048)
	c := quantized(&portable, x)
	for i, v := range x {
		d := float64(c.d[i/32])
		// Rounding x/d in float32 adds 127·2⁻²³ of a step. Blocks below the
		// smallest usable scale become zero.
		if e := math.Abs(float64(v) - d*float64(c.q[i])); e > d*(0.5+127*0x1p-22) && e > 127*0x1p-126 {
			t.Fatalf("x[%d] = %v becomes %v", i, v, d*float64(c.q[i]))
		}
	}
}

var blocked = []quant.Type{quant.Q4_0, quant.Q4_1, quant.Q5_0, quant.Q5_1, quant.Q8_0, quant.Q4_K, quant.Q5_K, quant.Q6_K}

// scalesAt lists the byte offsets of a block's float16 values.
func scalesAt(t quant.Type) []int {
	switch t {
	case quant.Q4_1, quant.Q5_1, quant.Q4_K, quant.Q5_K:
		return []int{0, 2}
	case quant.Q6_K:
		return []int{208}
	}
	return []int{0}
}

// anyBlocks gives random bytes with finite scales: all bit patterns of the
// levels, including those no quantizer writes.
func anyBlocks(r *rand.Rand, t quant.Type, n int) []byte {
	size := t.BlockBytes()
	b := make([]byte, n*size)
	for i := range b {
		b[i] = byte(r.Uint32())
		if r.IntN(8) == 0 {
			b[i] = [...]byte{0, 0xff, 0x80, 0x7f}[r.IntN(4)]
		}
	}
	for i := range n {
		for _, at := range scalesAt(t) {
			h := quant.F32ToF16(float32(r.NormFloat64() * math.Exp2(float64(r.IntN(30)-24))))
			b[i*size+at], b[i*size+at+1] = byte(h), byte(h>>8)
		}
	}
	return b
}

func TestUnpackAndDequantizeTwinsAreBitEqual(t *testing.T) {
	others(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(5, 5))
		for _, typ := range blocked {
			for _, blocks := range []int{0, 1, 2, 3, 7, 8, 9, 20} {
				src := anyBlocks(r, typ, blocks)
				n := blocks * typ.BlockElems()
				var got, want panel
				got.resize(n)
				want.resize(n)
				k.byType[typ].unpack(&got, src)
				portable.byType[typ].unpack(&want, src)
				for i := range n {
					if got.q[i] != want.q[i] || got.scale[i/16] != want.scale[i/16] || got.offset[i/16] != want.offset[i/16] {
						t.Fatalf("%v: weight %d of %d is %v·%v−%v, the twin has %v·%v−%v", typ, i, n,
							got.scale[i/16], got.q[i], got.offset[i/16], want.scale[i/16], want.q[i], want.offset[i/16])
					}
				}
				x, y := make([]float32, n), make([]float32, n)
				k.byType[typ].dequantize(x, src)
				decoder(typ)(y, src)
				for i := range y {
					if x[i] != y[i] {
						t.Fatalf("%v: weight %d of %d is %v, quant has %v", typ, i, n, x[i], y[i])
					}
				}
			}
		}
		for _, typ := range []quant.Type{quant.F16, quant.BF16} {
			every := make([]byte, 2<<16+14)
			for i := range len(every) / 2 {
				every[2*i], every[2*i+1] = byte(i), byte(i>>8)
			}
			x, y := make([]float32, len(every)/2), make([]float32, len(every)/2)
			k.byType[typ].dequantize(x, every)
			decoder(typ)(y, every)
			for i := range y {
				if x[i] != y[i] && (x[i] == x[i] || y[i] == y[i]) {
					t.Fatalf("%v %#04x is %v, quant has %v", typ, i, x[i], y[i])
				}
			}
		}
	})
}

// panelMagnitude is Σ of the absolute values of all terms a dot adds up: scaled
// levels and offsets separately, which is what its rounding is relative to.
func panelMagnitude(p *panel, x *column) (sum float64) {
	for i, q := range p.q {
		d := math.Abs(float64(x.d[i/32]) * float64(x.q[i]))
		sum += d * (math.Abs(float64(p.scale[i/16])*float64(q)) + math.Abs(float64(p.offset[i/16])))
	}
	return sum
}

func TestIntegerDotTwins(t *testing.T) {
	others(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(6, 6))
		for _, typ := range blocked {
			for _, blocks := range []int{1, 2, 3, 4, 5, 8, 20, 21} {
				const rows = 5
				n := blocks * typ.BlockElems()
				w := anyBlocks(r, typ, rows*blocks)
				x := quantized(k, randoms(r, n))
				var scratch panel
				got, want := make([]float32, rows), make([]float32, rows)
				k.byType[typ].dot(got, w, x, &scratch)
				portable.byType[typ].dot(want, w, x, &scratch)
				for i := range rows {
					portable.byType[typ].unpack(&scratch, w[i*len(w)/rows:(i+1)*len(w)/rows])
					closeTo(t, typ.String()+" dot", n, got[i], want[i], panelMagnitude(&scratch, x))
				}
				fourTwins(t, k, typ, r, w[:len(w)/rows], n)
			}
		}
	})
}

func fourTwins(t *testing.T, k *kernels, typ quant.Type, r *rand.Rand, row []byte, n int) {
	t.Helper()
	var p panel
	p.resize(n)
	portable.byType[typ].unpack(&p, row)
	var x [4]*column
	for i := range x {
		x[i] = quantized(k, randoms(r, n))
	}
	dot4 := k.dot4Unsigned
	if portable.byType[typ].signed {
		dot4 = k.dot4Signed
	}
	var out [4]float32
	dot4(&out, &p, &x)
	for i := range out {
		closeTo(t, typ.String()+" dot4", n, out[i], dotPanel(&p, x[i]), panelMagnitude(&p, x[i]))
	}
}

// The largest products there are: nothing may saturate on the way.
func TestIntegerDotsDoNotSaturate(t *testing.T) {
	others(t, func(t *testing.T, k *kernels) {
		for _, typ := range blocked {
			for _, fill := range []byte{0xff, 0x80, 0x7f, 0x00} {
				n := 2 * typ.BlockElems()
				w := make([]byte, 2*typ.BlockBytes())
				for i := range w {
					w[i] = fill
				}
				for b := range 2 {
					for _, at := range scalesAt(typ) {
						w[b*typ.BlockBytes()+at], w[b*typ.BlockBytes()+at+1] = 0, 0x3c
					}
				}
				for _, sign := range []float32{1, -1} {
					x := make([]float32, n)
					for i := range x {
						x[i] = sign
					}
					c := quantized(&portable, x)
					var scratch panel
					var got, want [1]float32
					k.byType[typ].dot(got[:], w, c, &scratch)
					portable.byType[typ].dot(want[:], w, c, &scratch)
					closeTo(t, typ.String(), n, got[0], want[0], panelMagnitude(&scratch, c))
				}
			}
		}
	})
}

// Within 4 units in the last place of float64's exp, gates and softmax terms.
func TestExponentialTwins(t *testing.T) {
	for i := -1100; i <= 900; i++ {
		x := float32(i) / 10
		want := math.Exp(float64(x))
		if e := math.Abs(float64(exp32(x)) - want); x > -87 && x < 88.7 && e > 2*0x1p-23*want || x <= -87 && e > 0x1p-126 {
			t.Fatalf("exp(%v) is %v, but must be %v", x, exp32(x), want)
		}
	}
	if exp32(89) != float32(math.Inf(1)) || exp32(-200) != 0 || exp32(float32(math.NaN())) == exp32(float32(math.NaN())) || exp32(0) != 1 {
		t.Error("exp32 is wrong at its ends")
	}
	others(t, func(t *testing.T, k *kernels) {
		var x []float32
		for i := -1200; i <= 1200; i++ {
			x = append(x, float32(i)/10)
		}
		one := make([]float32, len(x))
		for i := range one {
			one[i] = 1
		}
		for name, f := range map[string][2]func(a, b []float32){"silu": {k.siluMul, siluMul}, "gelu": {k.geluMul, geluMul}} {
			got, want := append([]float32(nil), x...), append([]float32(nil), x...)
			f[0](got, one)
			f[1](want, one)
			for i := range got {
				// The exponent is rounded before exp: relative error |z|·u each.
				z := math.Min(90, math.Abs(float64(x[i]))*(1+math.Abs(float64(x[i]))*0.08*math.Abs(float64(x[i]))))
				if e := math.Abs(float64(got[i] - want[i])); e > (8+4*z)*u*math.Abs(float64(want[i]))+1e-35 {
					t.Fatalf("%s(%v) is %v, the twin has %v", name, x[i], got[i], want[i])
				}
			}
		}
		got, want := append([]float32(nil), x...), append([]float32(nil), x...)
		a, b := k.expSum(got, 120), expSum(want, 120)
		closeTo(t, "expSum", len(x), a, b, float64(b))
		for i := range got {
			if e := math.Abs(float64(got[i] - want[i])); e > 4*0x1p-23*float64(want[i])+0x1p-125 {
				t.Fatalf("exp(%v) is %v, the twin has %v", x[i]-120, got[i], want[i])
			}
		}
		tail := []float32{0, float32(math.Inf(-1)), 0, 0, 0, 0, 0, float32(math.NaN())}
		k.expSum(tail, 0)
		if tail[0] != 1 || tail[1] != 0 || tail[7] == tail[7] {
			t.Errorf("exp of 0, −Inf and NaN is %v, %v and %v", tail[0], tail[1], tail[7])
		}
	})
}

func TestGuardsPanicBeforeAssembly(t *testing.T) {
	for _, k := range implementations {
		short := quantized(k, make([]float32, 256))
		short.d = short.d[:1:1]
		for name, f := range map[string]func(){
			"dotF32 of a short b":  func() { k.dotF32(make([]float32, 16), make([]float32, 8)[:8:8]) },
			"dotF16 of short data": func() { k.dotF16(make([]byte, 8), make([]float32, 16)) },
			"axpyF32 of a short y": func() { k.axpyF32(make([]float32, 8), make([]float32, 16), 1) },
			"axpyF16 of a short x": func() { k.axpyF16(make([]float32, 16), make([]byte, 8), 1) },
			"dot of short rows": func() {
				k.byType[quant.Q4_K].dot(make([]float32, 2), make([]byte, 144), quantized(k, make([]float32, 256)), new(panel))
			},
			"unpack into a short panel": func() { k.byType[quant.Q8_0].unpack(new(panel), make([]byte, 34)) },
			"quantize of a short x":     func() { k.quantize(quantized(k, make([]float32, 64)), make([]float32, 32)) },
		} {
			if !panics(f) {
				t.Errorf("%s: %s must panic", k.name, name)
			}
		}
		if k != &portable && !panics(func() {
			k.byType[quant.Q4_K].dot(make([]float32, 1), make([]byte, 144), short, new(panel))
		}) {
			t.Errorf("%s: a column without scales must panic", k.name)
		}
	}
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}
