package tensor

//go:noescape
func dotF32AVX2(a, b *float32, n int) float32

//go:noescape
func dotF16AVX2(a *byte, b *float32, n int) float32

//go:noescape
func axpyF32AVX2(y, x *float32, n int, a float32)

//go:noescape
func axpyF16AVX2(y *float32, x *byte, n int, a float32)

//go:noescape
func dot4F32AVX2(out *[4]float32, w, x0, x1, x2, x3 *float32, n int)

//go:noescape
func quantizeAVX2(c *column, x *float32, from, blocks int) (next int)

//go:noescape
func dot4UnsignedAVX2(out *[4]float32, p *panel, x *[4]*column, blocks int)

//go:noescape
func dot4SignedAVX2(out *[4]float32, p *panel, x *[4]*column, blocks int)

//go:noescape
func dot4UnsignedVNNI(out *[4]float32, p *panel, x *[4]*column, blocks int)

//go:noescape
func dot4SignedVNNI(out *[4]float32, p *panel, x *[4]*column, blocks int)

//go:noescape
func dotQ4_0AVX2(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ4_1AVX2(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ5_0AVX2(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ5_1AVX2(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ8_0AVX2(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ4_KAVX2(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ5_KAVX2(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ6_KAVX2(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ4_0VNNI(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ4_1VNNI(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ5_0VNNI(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ5_1VNNI(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ8_0VNNI(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ4_KVNNI(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ5_KVNNI(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func dotQ6_KVNNI(dst *float32, rows int, w *byte, x *column, blocks int)

//go:noescape
func unpackQ4_0AVX2(p *panel, src *byte, blocks int)

//go:noescape
func unpackQ4_1AVX2(p *panel, src *byte, blocks int)

//go:noescape
func unpackQ5_0AVX2(p *panel, src *byte, blocks int)

//go:noescape
func unpackQ5_1AVX2(p *panel, src *byte, blocks int)

//go:noescape
func unpackQ8_0AVX2(p *panel, src *byte, blocks int)

//go:noescape
func unpackQ4_KAVX2(p *panel, src *byte, blocks int)

//go:noescape
func unpackQ5_KAVX2(p *panel, src *byte, blocks int)

//go:noescape
func unpackQ6_KAVX2(p *panel, src *byte, blocks int)

//go:noescape
func panelToF32AVX2(dst *float32, p *panel, sixteens int)

//go:noescape
func f16ToF32AVX2(dst *float32, src *byte, n int)

//go:noescape
func bf16ToF32AVX2(dst *float32, src *byte, n int)

//go:noescape
func siluMulAVX2(gate, up *float32, n int)

//go:noescape
func geluMulAVX2(gate, up *float32, n int)

//go:noescape
func expSumAVX2(x *float32, n int, peak float32) float32
