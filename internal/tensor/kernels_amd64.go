package tensor

import (
	"golang.org/x/sys/cpu"

	"chimera/internal/quant"
)

// The assembly kernels check nothing. The functions below are the only callers:
// each slices its arguments to the lengths the assembly will touch, so that a
// length that is too short panics here.

// accelerated lists the sets this CPU can run, the better one last.
func accelerated() (sets []*kernels) {
	x := &cpu.X86

	if x.HasAVX2 && x.HasFMA && x.HasF16C {
		sets = append(sets, avx2())
	}
	if len(sets) > 0 && x.HasAVX512F && x.HasAVX512VL && x.HasAVX512BW && x.HasAVX512VNNI {
		sets = append(sets, vnni())
	}
	return sets
}

func avx2() *kernels {
	k := portable
	k.name = "avx2"
	k.dotF32, k.dotF16 = fastDotF32, fastDotF16
	k.axpyF32, k.axpyF16 = fastAxpyF32, fastAxpyF16
	k.dot4F32, k.quantize = fastDot4F32, fastQuantize
	k.siluMul, k.geluMul, k.expSum = fastSiLUMul, fastGELUMul, fastExpSum
	k.dot4Unsigned, k.dot4Signed = guard4(dot4UnsignedAVX2), guard4(dot4SignedAVX2)
	k.block(quant.Q4_0, dotQ4_0AVX2)
	k.block(quant.Q4_1, dotQ4_1AVX2)
	k.block(quant.Q5_0, dotQ5_0AVX2)
	k.block(quant.Q5_1, dotQ5_1AVX2)
	k.block(quant.Q8_0, dotQ8_0AVX2)
	k.block(quant.Q4_K, dotQ4_KAVX2)
	k.block(quant.Q5_K, dotQ5_KAVX2)
	k.block(quant.Q6_K, dotQ6_KAVX2)
	k.byType[quant.F16].dequantize = fastF16
	k.byType[quant.BF16].dequantize = fastBF16
	return &k
}

// block installs the kernels of one block format.
func (k *kernels) block(t quant.Type, dot dotAsm) {
	k.byType[t].dot = guardDot(t, dot)
	k.byType[t].unpack = guardUnpack(t)
	k.byType[t].dequantize = dequantizer(t)
}

func vnni() *kernels {
	k := *avx2()
	k.name = "avx512vnni"
	k.dot4Unsigned, k.dot4Signed = guard4(dot4UnsignedVNNI), guard4(dot4SignedVNNI)
	k.byType[quant.Q4_0].dot = guardDot(quant.Q4_0, dotQ4_0VNNI)
	k.byType[quant.Q4_1].dot = guardDot(quant.Q4_1, dotQ4_1VNNI)
	k.byType[quant.Q5_0].dot = guardDot(quant.Q5_0, dotQ5_0VNNI)
	k.byType[quant.Q5_1].dot = guardDot(quant.Q5_1, dotQ5_1VNNI)
	k.byType[quant.Q8_0].dot = guardDot(quant.Q8_0, dotQ8_0VNNI)
	k.byType[quant.Q4_K].dot = guardDot(quant.Q4_K, dotQ4_KVNNI)
	k.byType[quant.Q5_K].dot = guardDot(quant.Q5_K, dotQ5_KVNNI)
	k.byType[quant.Q6_K].dot = guardDot(quant.Q6_K, dotQ6_KVNNI)
	return &k
}

// check panics unless c holds n quantized values.
func (c *column) check(n int) {
	_, _, _, _ = c.q[:n], c.d[:n/32], c.s32[:n/32], c.s16[:pad8(n/16)]
}

type dotAsm func(dst *float32, rows int, w *byte, x *column, blocks int)

// unpackAVX2 is a switch because pointers passed to a function value escape to
// the heap, and panels live on the stack.
func unpackAVX2(t quant.Type, p *panel, src *byte, blocks int) {
	switch t {
	case quant.Q4_0:
		unpackQ4_0AVX2(p, src, blocks)
	case quant.Q4_1:
		unpackQ4_1AVX2(p, src, blocks)
	case quant.Q5_0:
		unpackQ5_0AVX2(p, src, blocks)
	case quant.Q5_1:
		unpackQ5_1AVX2(p, src, blocks)
	case quant.Q8_0:
		unpackQ8_0AVX2(p, src, blocks)
	case quant.Q4_K:
		unpackQ4_KAVX2(p, src, blocks)
	case quant.Q5_K:
		unpackQ5_KAVX2(p, src, blocks)
	case quant.Q6_K:
		unpackQ6_KAVX2(p, src, blocks)
	}
}

func guardDot(t quant.Type, f dotAsm) func([]float32, []byte, *column, *panel) {
	elems, bytes := t.BlockElems(), t.BlockBytes()
	return func(dst []float32, w []byte, x *column, _ *panel) {
		n := len(x.q)
		if len(dst) == 0 || n == 0 {
			clear(dst)
			return
		}
		if n%elems != 0 {
			panic("tensor: a column is not a whole number of blocks")
		}
		x.check(n)
		w = w[:len(dst)*(n/elems)*bytes]
		f(&dst[0], len(dst), &w[0], x, n/elems)
	}
}

func guard4(f func(out *[4]float32, p *panel, x *[4]*column, blocks int)) func(*[4]float32, *panel, *[4]*column) {
	return func(out *[4]float32, p *panel, x *[4]*column) {
		n := len(p.q)
		if n == 0 {
			*out = [4]float32{}
			return
		}
		_, _ = p.scale[:n/16], p.offset[:pad8(n/16)]
		for _, c := range x {
			c.check(n)
		}
		f(out, p, x, n/32)
	}
}

func fastDotF32(a, b []float32) float32 {
	n := len(a) &^ 7
	if n == 0 {
		return dotF32(a, b)
	}
	return dotF32AVX2(&a[0], &b[:n][0], n) + dotF32(a[n:], b[n:])
}

func fastDotF16(a []byte, b []float32) float32 {
	n := len(b) &^ 7
	if n == 0 {
		return dotF16(a, b)
	}
	return dotF16AVX2(&a[:2*n][0], &b[0], n) + dotF16(a[2*n:], b[n:])
}

func fastAxpyF32(y, x []float32, a float32) {
	n := len(x) &^ 7
	if n > 0 {
		axpyF32AVX2(&y[:n][0], &x[0], n, a)
	}
	axpyF32(y[n:], x[n:], a)
}

func fastAxpyF16(y []float32, x []byte, a float32) {
	n := len(y) &^ 7
	if n > 0 {
		axpyF16AVX2(&y[0], &x[:2*n][0], n, a)
	}
	axpyF16(y[n:], x[2*n:], a)
}

func fastDot4F32(out *[4]float32, w, x []float32) {
	n, stride := len(w)&^7, len(w)
	x = x[:4*stride]
	if n == 0 {
		dot4F32(out, w, x)
		return
	}
	dot4F32AVX2(out, &w[0], &x[0], &x[stride], &x[2*stride], &x[3*stride], n)
	if n < stride {
		for i := range out {
			out[i] += dotF32(w[n:], x[i*stride+n:(i+1)*stride])
		}
	}
}

func fastQuantize(c *column, x []float32) {
	n := len(c.q)
	if n == 0 {
		return
	}
	c.check(n)
	x = x[:n]
	for b := 0; b < n/32; b++ {
		b = quantizeAVX2(c, &x[0], b, n/32)
		if b < n/32 {
			quantizeBlock(c, b, (*[32]float32)(x[32*b:]))
		}
	}
}

func guardUnpack(t quant.Type) unpack {
	elems, bytes := t.BlockElems(), t.BlockBytes()
	return func(p *panel, src []byte) {
		blocks := len(src) / bytes
		if blocks == 0 {
			return
		}
		n := blocks * elems
		_, _, _ = p.q[:n], p.scale[:n/16], p.offset[:n/16]
		unpackAVX2(t, p, &src[0], blocks)
	}
}

// dequantizer decodes by way of panels of up to 256 weights. scale·q − offset with
// one rounding at the end equals what quant.Dequantize computes for every finite
// scale: the weight's exact value is that of quant's formula, where only the last
// operation can round (d has 11 significant bits, scales at most 7, levels 5).
func dequantizer(t quant.Type) func([]float32, []byte) {
	elems, bytes := t.BlockElems(), t.BlockBytes()
	return func(dst []float32, src []byte) {
		var (
			q             [256]int8
			scale, offset [16]float32
		)
		p := panel{q[:], scale[:], offset[:]}
		src = src[:len(dst)/elems*bytes]
		for len(dst) >= elems {
			blocks := min(256, len(dst)) / elems
			unpackAVX2(t, &p, &src[0], blocks)
			panelToF32AVX2(&dst[0], &p, blocks*elems/16)
			dst, src = dst[blocks*elems:], src[blocks*bytes:]
		}
	}
}

func fastF16(dst []float32, src []byte) {
	n := len(dst) &^ 7
	if n > 0 {
		f16ToF32AVX2(&dst[0], &src[:2*n][0], n)
	}
	portable.byType[quant.F16].dequantize(dst[n:], src[2*n:2*len(dst)])
}

func fastBF16(dst []float32, src []byte) {
	n := len(dst) &^ 7
	if n > 0 {
		bf16ToF32AVX2(&dst[0], &src[:2*n][0], n)
	}
	portable.byType[quant.BF16].dequantize(dst[n:], src[2*n:2*len(dst)])
}

func fastSiLUMul(gate, up []float32) {
	n := len(gate) &^ 7
	if n > 0 {
		siluMulAVX2(&gate[0], &up[:n][0], n)
	}
	siluMul(gate[n:], up[n:])
}

func fastGELUMul(gate, up []float32) {
	n := len(gate) &^ 7
	if n > 0 {
		geluMulAVX2(&gate[0], &up[:n][0], n)
	}
	geluMul(gate[n:], up[n:])
}

func fastExpSum(x []float32, peak float32) (sum float32) {
	n := len(x) &^ 7
	if n > 0 {
		sum = expSumAVX2(&x[0], n, peak)
	}
	return sum + expSum(x[n:], peak)
}
