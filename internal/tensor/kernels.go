package tensor

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"chimera/internal/quant"
)

// kernels is one implementation of all inner loops. Every length is checked
// before a function of it is called.
type kernels struct {
	name string

	dotF32  func(a, b []float32) float32           // len(a) == len(b)
	dotF16  func(a []byte, b []float32) float32    // a holds len(b) halves
	axpyF32 func(y, x []float32, a float32)        // y += a·x
	axpyF16 func(y []float32, x []byte, a float32) // y += a·x
	// dot4F32 gives w · x[i·len(w):(i+1)·len(w)] for i < 4.
	dot4F32 func(out *[4]float32, w, x []float32)

	siluMul, geluMul func(gate, up []float32)
	expSum           func(x []float32, peak float32) float32 // x = exp(x − peak)

	quantize func(c *column, x []float32)
	// dot4 gives four dots of one row; only for rows of the named signedness.
	dot4Unsigned, dot4Signed func(out *[4]float32, p *panel, x *[4]*column)

	byType [31]typeKernels
}

// typeKernels is what depends on the block format; for formats without blocks
// all are nil but dequantize.
type typeKernels struct {
	dequantize func(dst []float32, src []byte)
	unpack     unpack
	signed     bool // q of the panel may be negative
	// dot gives dst[r] = row r · x for the len(dst) rows w begins with. p is scratch.
	dot func(dst []float32, w []byte, x *column, p *panel)
}

// portable is the definition of every kernel.
var portable = kernels{
	name:         "portable",
	dotF32:       dotF32,
	dotF16:       dotF16,
	axpyF32:      axpyF32,
	axpyF16:      axpyF16,
	dot4F32:      dot4F32,
	siluMul:      siluMul,
	geluMul:      geluMul,
	expSum:       expSum,
	quantize:     quantizeColumn,
	dot4Unsigned: dot4Panel,
	dot4Signed:   dot4Panel,
	byType: [31]typeKernels{
		quant.F32:  {dequantize: decoder(quant.F32)},
		quant.F16:  {dequantize: decoder(quant.F16)},
		quant.BF16: {dequantize: decoder(quant.BF16)},
		quant.Q4_0: blocks(quant.Q4_0, unpackQ4_0),
		quant.Q4_1: blocks(quant.Q4_1, unpackQ4_1),
		quant.Q5_0: blocks(quant.Q5_0, unpackQ5_0),
		quant.Q5_1: blocks(quant.Q5_1, unpackQ5_1),
		quant.Q8_0: blocks(quant.Q8_0, unpackQ8_0),
		quant.Q4_K: blocks(quant.Q4_K, unpackQ4_K),
		quant.Q5_K: blocks(quant.Q5_K, unpackQ5_K),
		quant.Q6_K: blocks(quant.Q6_K, unpackQ6_K),
	},
}

func decoder(t quant.Type) func(dst []float32, src []byte) {
	return func(dst []float32, src []byte) {
		if err := quant.Dequantize(t, dst, src); err != nil {
			panic("tensor: " + err.Error())
		}
	}
}

func blocks(t quant.Type, u unpack) typeKernels {
	elems, bytes := t.BlockElems(), t.BlockBytes()
	return typeKernels{
		dequantize: decoder(t),
		unpack:     u,
		signed:     t == quant.Q8_0,
		dot: func(dst []float32, w []byte, x *column, p *panel) {
			dotRows(dst, w, x, p, u, len(x.q)/elems*bytes)
		},
	}
}

// implementations, best last; current starts as the best one of this CPU.
var (
	implementations = append([]*kernels{&portable}, accelerated()...)
	current         atomic.Pointer[kernels]
)

func init() { current.Store(implementations[len(implementations)-1]) }

// Implementations names the kernel sets this CPU can run, the best one last:
// always "portable", perhaps "avx2" and "avx512vnni".
func Implementations() (names []string) {
	for _, k := range implementations {
		names = append(names, k.name)
	}
	return names
}

// Implementation names the kernel set in use.
func Implementation() string { return current.Load().name }

// UseImplementation selects a kernel set for the whole process; operations that
// have begun finish with the set they began with.
func UseImplementation(name string) error {
	for _, k := range implementations {
		if k.name == name {
			current.Store(k)
			return nil
		}
	}
	return fmt.Errorf("kernels %q are not available on this CPU, available are %q", name, Implementations())
}

func dotF32(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += v * b[i]
	}
	return s0 + s1 + (s2 + s3)
}

func dotF16(a []byte, b []float32) (sum float32) {
	for i, v := range b {
		sum += quant.F16ToF32(binary.LittleEndian.Uint16(a[2*i:])) * v
	}
	return sum
}

func axpyF32(y, x []float32, a float32) {
	for i, v := range x {
		y[i] += a * v
	}
}

func axpyF16(y []float32, x []byte, a float32) {
	for i := range y {
		y[i] += a * quant.F16ToF32(binary.LittleEndian.Uint16(x[2*i:]))
	}
}

func dot4F32(out *[4]float32, w, x []float32) {
	for i := range out {
		out[i] = dotF32(w, x[i*len(w):(i+1)*len(w)])
	}
}

func dot4Panel(out *[4]float32, p *panel, x *[4]*column) {
	for i := range out {
		out[i] = dotPanel(p, x[i])
	}
}

// dotRows unpacks each row into p.
func dotRows(dst []float32, w []byte, x *column, p *panel, u unpack, rowBytes int) {
	p.resize(len(x.q))
	for r := range dst {
		u(p, w[r*rowBytes:(r+1)*rowBytes])
		dst[r] = dotPanel(p, x)
	}
}

// Dot is Σ a·b in float32; the lengths must be equal.
func Dot(a, b []float32) float32 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("tensor: dot of %d and %d elements", len(a), len(b)))
	}
	return current.Load().dotF32(a, b)
}
