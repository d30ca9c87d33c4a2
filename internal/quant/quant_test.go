package quant_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"chimera/internal/quant"
)

func rowBytes(t testing.TB, typ quant.Type, cols int) int {
	t.Helper()
	n, err := typ.RowBytes(cols)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func roundTrip(t testing.TB, typ quant.Type, x []float32) ([]byte, []float32) {
	t.Helper()
	data, y := make([]byte, rowBytes(t, typ, len(x))), make([]float32, len(x))
	if err := quant.Quantize(typ, data, x); err != nil {
		t.Fatal(err)
	}
	if err := quant.Dequantize(typ, y, data); err != nil {
		t.Fatal(err)
	}
	return data, y
}

// Ids and sizes are those of ggml.h and ggml-common.h.
func TestTypesAreGGMLs(t *testing.T) {
	for _, c := range []struct {
		typ              quant.Type
		id, elems, bytes int
		bits             float64
		name             string
	}{
		{quant.F32, 0, 1, 4, 32, "F32"},
		{quant.F16, 1, 1, 2, 16, "F16"},
		{quant.Q4_0, 2, 32, 18, 4.5, "Q4_0"},
		{quant.Q4_1, 3, 32, 20, 5, "Q4_1"},
		{quant.Q5_0, 6, 32, 22, 5.5, "Q5_0"},
		{quant.Q5_1, 7, 32, 24, 6, "Q5_1"},
		{quant.Q8_0, 8, 32, 34, 8.5, "Q8_0"},
		{quant.Q4_K, 12, 256, 144, 4.5, "Q4_K"},
		{quant.Q5_K, 13, 256, 176, 5.5, "Q5_K"},
		{quant.Q6_K, 14, 256, 210, 6.5625, "Q6_K"},
		{quant.BF16, 30, 1, 2, 16, "BF16"},
	} {
		if int(c.typ) != c.id || c.typ.BlockElems() != c.elems || c.typ.BlockBytes() != c.bytes || c.typ.BitsPerWeight() != c.bits || c.typ.String() != c.name || !c.typ.Known() {
			t.Errorf("%v is id %d with %d weights in %d bytes, %v bits", c.typ, c.typ, c.typ.BlockElems(), c.typ.BlockBytes(), c.typ.BitsPerWeight())
		}
		if got, err := quant.ParseType(strings.ToLower(c.name)); err != nil || got != c.typ {
			t.Errorf("ParseType(%q) = %v, %v", c.name, got, err)
		}
	}
}

func TestUnknownTypesAreRefused(t *testing.T) {
	odd := quant.Type(99)
	if odd.Known() || odd.BlockElems() != 0 || odd.BlockBytes() != 0 || odd.BitsPerWeight() != 0 || odd.String() != "type(99)" {
		t.Error("type 99 must not be known")
	}
	if _, err := odd.RowBytes(32); err == nil {
		t.Error("a row of type 99 must be an error")
	}
	if _, err := quant.ParseType("IQ9"); err == nil || !strings.Contains(err.Error(), "Q4_K") {
		t.Errorf("an unknown name must list the known ones, but gives %v", err)
	}
	if quant.Dequantize(odd, make([]float32, 32), nil) == nil || quant.Quantize(odd, nil, make([]float32, 32)) == nil {
		t.Error("type 99 must neither decode nor encode")
	}
}

func TestRowsAreWholeBlocksThatFitMemory(t *testing.T) {
	for _, c := range []struct {
		typ  quant.Type
		cols int
	}{{quant.Q4_0, 33}, {quant.Q4_K, 128}, {quant.F32, -1}, {quant.F32, math.MaxInt}} {
		if n, err := c.typ.RowBytes(c.cols); err == nil {
			t.Errorf("%d columns of %v must be an error, but are %d bytes", c.cols, c.typ, n)
		}
	}
	if err := quant.Dequantize(quant.Q8_0, make([]float32, 32), make([]byte, 33)); err == nil {
		t.Error("a short block must be an error")
	}
	if err := quant.Quantize(quant.Q8_0, make([]byte, 35), make([]float32, 32)); err == nil {
		t.Error("a long block must be an error")
	}
}

// The definition of binary16 in IEEE 754-2019 §3.4, in float64.
func halfValue(h uint16) float64 {
	sign, e, m := 1-2*float64(h>>15), int(h>>10&31), float64(h&1023)
	switch e {
	case 0:
		return sign * math.Ldexp(m, -24)
	case 31:
		if m != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+m, e-25)
}

func TestEveryHalf(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		want, got := halfValue(h), float64(quant.F16ToF32(h))
		if math.IsNaN(want) {
			back := quant.F16ToF32(quant.F32ToF16(float32(got)))
			if got == got || back == back {
				t.Fatalf("half %#04x must stay NaN, but is %v and %v", h, got, back)
			}
			continue
		}
		if got != want || math.Signbit(got) != math.Signbit(want) {
			t.Fatalf("half %#04x is %v, but must be %v", h, got, want)
		}
		if back := quant.F32ToF16(float32(got)); back != h {
			t.Fatalf("half %#04x comes back as %#04x", h, back)
		}
	}
}

// Between two neighbouring halves everything rounds to the nearer one and the
// middle to the even one.
func TestHalfRounding(t *testing.T) {
	for i := range 0x7c00 {
		h := uint16(i)
		lo := halfValue(h)
		hi := halfValue(h + 1)
		if h == 0x7bff {
			hi = 65536
		}
		middle := float32((lo + hi) / 2) // exact: one more bit than a half has
		even := h + h&1
		for _, c := range []struct {
			f    float32
			want uint16
		}{{middle, even}, {math.Nextafter32(middle, 0), h}, {math.Nextafter32(middle, 1e9), h + 1}} {
			if got := quant.F32ToF16(c.f); got != c.want {
				t.Fatalf("%v rounds to %#04x, but must to %#04x", c.f, got, c.want)
			}
			if got := quant.F32ToF16(-c.f); got != c.want|0x8000 {
				t.Fatalf("%v rounds to %#04x, but must to %#04x", -c.f, got, c.want|0x8000)
			}
		}
	}
}

func TestEveryBFloat16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := quant.BF16ToF32(h)
		if f != f {
			if back := quant.BF16ToF32(quant.F32ToBF16(f)); back == back {
				t.Fatalf("bfloat16 %#04x must stay NaN", h)
			}
			continue
		}
		if math.Float32bits(f) != uint32(h)<<16 || quant.F32ToBF16(f) != h {
			t.Fatalf("bfloat16 %#04x is %v and comes back as %#04x", h, f, quant.F32ToBF16(f))
		}
		if h&0x7fff >= 0x7f80 {
			continue
		}
		middle := uint32(h)<<16 | 0x8000
		for bits, want := range map[uint32]uint16{middle: h + h&1, middle - 1: h, middle + 1: h + 1} {
			if got := quant.F32ToBF16(math.Float32frombits(bits)); got != want {
				t.Fatalf("%#08x rounds to %#04x, but must to %#04x", bits, got, want)
			}
		}
	}
}

// Each format's error, relative to the peak magnitude of a block: half a level's
// distance plus what rounding the scales can add. Symmetric formats reach +peak
// only with the level below the top (one whole step), because the levels are
// −half … half−1. For K formats a sub-block's scale is rounded to one of 63 (127)
// parts of the largest, which moves the ends by up to a level's worth.
var worstError = map[quant.Type]float64{
	quant.F32: 0, quant.F16: 0x1p-11, quant.BF16: 0x1p-8,
	quant.Q4_0: 1.01 / 8, quant.Q4_1: 1.02 / 15, quant.Q5_0: 1.01 / 16, quant.Q5_1: 1.04 / 31,
	quant.Q8_0: 0.55 / 127, quant.Q4_K: 2.2 / 15, quant.Q5_K: 2.2 / 31, quant.Q6_K: 1.6 / 32,
}

func TestRoundTripError(t *testing.T) {
	for _, typ := range quant.All() {
		t.Run(typ.String(), rapid.MakeCheck(func(t *rapid.T) {
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
			scale := math.Exp2(rapid.Float64Range(-6, 8).Draw(t, "log2 scale"))
			shift := rapid.Float64Range(-2, 2).Draw(t, "shift")
			n := max(256, typ.BlockElems())
			x, peak := make([]float32, n), 0.0
			for i := range x {
				x[i] = float32(scale * (r.NormFloat64() + shift))
				peak = max(peak, math.Abs(float64(x[i])))
			}
			data, y := make([]byte, n*typ.BlockBytes()/typ.BlockElems()), make([]float32, n)
			if err := quant.Quantize(typ, data, x); err != nil {
				t.Fatal(err)
			}
			if err := quant.Dequantize(typ, y, data); err != nil {
				t.Fatal(err)
			}
			for i := range x {
				if e := math.Abs(float64(x[i] - y[i])); e > worstError[typ]*peak {
					t.Fatalf("weight %d is %v and becomes %v: off by %.3f of the peak, allowed %.3f", i, x[i], y[i], e/peak, worstError[typ])
				}
			}
		}))
	}
}

// What has been through a format once comes out of it unchanged where the scale
// can be found again from the weights. In the affine and K formats a block need
// not use its first or last level, so there a second pass may only stay close.
func TestSecondPass(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, typ := range quant.All() {
		x := make([]float32, 1024)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		_, once := roundTrip(t, typ, x)
		_, twice := roundTrip(t, typ, once)
		var noise, drift float64
		for i := range x {
			noise += math.Pow(float64(x[i]-once[i]), 2)
			drift += math.Pow(float64(once[i]-twice[i]), 2)
		}
		exact := typ.BlockElems() == 1 || typ == quant.Q4_0 || typ == quant.Q5_0 || typ == quant.Q8_0
		if exact && drift != 0 || drift > noise {
			t.Errorf("%v: a second pass moves weights by %g, the first by %g (sums of squares)", typ, drift, noise)
		}
	}
}

// More bits must buy less error: the order of root-mean-square errors on normal
// weights, with the known values of ggml's formats as a ceiling.
func TestErrorOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	x := make([]float32, 64*256)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	last := math.Inf(1)
	for _, c := range []struct {
		typ     quant.Type
		ceiling float64
	}{{quant.Q4_0, 0.1}, {quant.Q4_K, 0.08}, {quant.Q5_0, 0.05}, {quant.Q5_K, 0.04}, {quant.Q6_K, 0.02}, {quant.Q8_0, 0.008}, {quant.F16, 3e-4}, {quant.F32, 0}} {
		_, y := roundTrip(t, c.typ, x)
		var sum float64
		for i := range x {
			sum += math.Pow(float64(x[i]-y[i]), 2)
		}
		rms := math.Sqrt(sum / float64(len(x)))
		if rms > c.ceiling || rms >= last {
			t.Errorf("%v has an error of %.5f of a standard deviation: must be below %.5f and below the %.5f of the format before", c.typ, rms, c.ceiling, last)
		}
		last = rms
	}
}

func TestQuantizeRefusesWhatCannotBeHeld(t *testing.T) {
	for _, typ := range quant.All() {
		for name, v := range map[string]float32{"NaN": float32(math.NaN()), "+Inf": float32(math.Inf(1)), "-Inf": float32(math.Inf(-1)), "huge": 3e38} {
			x := make([]float32, 256)
			x[17] = v
			err := quant.Quantize(typ, make([]byte, rowBytes(t, typ, 256)), x)
			holds := name == "huge" && (typ == quant.F32 || typ == quant.BF16)
			if (err == nil) != holds {
				t.Errorf("%v of %s: %v", typ, name, err)
			}
		}
	}
}

func TestConstantAndTinyBlocks(t *testing.T) {
	for _, typ := range quant.All() {
		for _, v := range []float32{0, 1, -1, 1e-30, -1e-42} {
			x := make([]float32, 256)
			for i := range x {
				x[i] = v
			}
			_, y := roundTrip(t, typ, x)
			// float16 scales lose what is below 2⁻²⁴ times the levels.
			limit := math.Abs(float64(v))*worstError[typ] + 1e-6
			for i := range y {
				if e := math.Abs(float64(y[i] - v)); !(e <= limit) {
					t.Fatalf("%v of all %v has weight %d at %v", typ, v, i, y[i])
				}
			}
		}
	}
}

// Decoding never panics and never reads past the block, whatever the bytes.
func FuzzDequantize(f *testing.F) {
	for _, typ := range quant.All() {
		f.Add(uint32(typ), []byte(strings.Repeat("\xff\x7c\x00\x80", 64)))
	}
	f.Fuzz(func(t *testing.T, id uint32, data []byte) {
		typ := quant.Type(id)
		if !typ.Known() {
			if quant.Dequantize(typ, make([]float32, 32), data) == nil {
				t.Fatalf("%v decodes", typ)
			}
			return
		}
		blocks := len(data) / typ.BlockBytes()
		x := make([]float32, blocks*typ.BlockElems())
		if err := quant.Dequantize(typ, x, data[:blocks*typ.BlockBytes()]); err != nil {
			t.Fatal(err)
		}
		again := make([]float32, len(x))
		if err := quant.Dequantize(typ, again, data[:blocks*typ.BlockBytes()]); err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if math.Float32bits(x[i]) != math.Float32bits(again[i]) {
				t.Fatalf("%v decodes weight %d as %v and as %v", typ, i, x[i], again[i])
			}
		}
	})
}

func BenchmarkDequantize(b *testing.B) {
	for _, typ := range quant.All() {
		b.Run(typ.String(), func(b *testing.B) {
			data, x := make([]byte, rowBytes(b, typ, 4096)), make([]float32, 4096)
			for i := range len(data) / 2 {
				binary.LittleEndian.PutUint16(data[2*i:], 0x3c00)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := quant.Dequantize(typ, x, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
