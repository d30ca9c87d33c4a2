// Package quant is the single place where the bytes of a weight become a
// number: the block formats of GGUF files, laid out exactly as ggml lays them
// out (ggml-common.h, ggml-quants.c).
//
// It takes two positions. Decoding is bit-exact and total: any byte string of
// the right length decodes, on every platform to the same float32, because no
// product is ever fused with a sum. Encoding is honest rather than optimal: a
// value that a format cannot hold is an error, never a silent infinity.
package quant

import "fmt"

// Type is a ggml tensor type id as it is stored in GGUF files.
type Type uint32

// The supported types. The gaps are ggml types that are obsolete or unsupported.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2 // 32 weights: scale, 4-bit values minus 8
	Q4_1 Type = 3 // 32 weights: scale, minimum, 4-bit values
	Q5_0 Type = 6 // 32 weights: scale, 5-bit values minus 16
	Q5_1 Type = 7 // 32 weights: scale, minimum, 5-bit values
	Q8_0 Type = 8 // 32 weights: scale, signed 8-bit values
	Q4_K Type = 12
	Q5_K Type = 13
	Q6_K Type = 14
	BF16 Type = 30
)

// superBlock is the number of weights in a block of a K format.
const superBlock = 256

type format struct {
	name       string
	elems      int // weights per block
	bytes      int // bytes per block
	dequantize func(dst []float32, src []byte)
	quantize   func(dst []byte, src []float32) error
}

var formats = map[Type]*format{
	F32:  {"F32", 1, 4, dequantizeF32, quantizeF32},
	F16:  {"F16", 1, 2, dequantizeF16, quantizeF16},
	BF16: {"BF16", 1, 2, dequantizeBF16, quantizeBF16},
	Q4_0: {"Q4_0", 32, 18, dequantizeQ4_0, quantizeQ4_0},
	Q4_1: {"Q4_1", 32, 20, dequantizeQ4_1, quantizeQ4_1},
	Q5_0: {"Q5_0", 32, 22, dequantizeQ5_0, quantizeQ5_0},
	Q5_1: {"Q5_1", 32, 24, dequantizeQ5_1, quantizeQ5_1},
	Q8_0: {"Q8_0", 32, 34, dequantizeQ8_0, quantizeQ8_0},
	Q4_K: {"Q4_K", superBlock, 144, dequantizeQ4_K, quantizeQ4_K},
	Q5_K: {"Q5_K", superBlock, 176, dequantizeQ5_K, quantizeQ5_K},
	Q6_K: {"Q6_K", superBlock, 210, dequantizeQ6_K, quantizeQ6_K},
}

// All lists the supported types in order of their ids.
func All() []Type {
	return []Type{F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, BF16}
}

// Known reports whether t can be decoded here.
func (t Type) Known() bool { return formats[t] != nil }

// String gives ggml's name, such as "Q4_K", or "type(99)" for an unknown id.
func (t Type) String() string {
	if f := formats[t]; f != nil {
		return f.name
	}
	return fmt.Sprintf("type(%d)", uint32(t))
}

// ParseType is the inverse of String for known types; letter case is ignored.
func ParseType(name string) (Type, error) {
	for _, t := range All() {
		if equalFold(t.String(), name) {
			return t, nil
		}
	}
	return 0, fmt.Errorf("unknown block format %q, known are %v", name, All())
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if 'a' <= y && y <= 'z' {
			y -= 'a' - 'A'
		}
		if x != y {
			return false
		}
	}
	return true
}

// BlockElems is the number of weights in one block, 0 for an unknown type.
func (t Type) BlockElems() int {
	if f := formats[t]; f != nil {
		return f.elems
	}
	return 0
}

// BlockBytes is the size of one block in bytes, 0 for an unknown type.
func (t Type) BlockBytes() int {
	if f := formats[t]; f != nil {
		return f.bytes
	}
	return 0
}

// BitsPerWeight counts scales and minimums too: 4.5 for Q4_0.
func (t Type) BitsPerWeight() float64 {
	f := formats[t]
	if f == nil {
		return 0
	}
	return 8 * float64(f.bytes) / float64(f.elems)
}

// RowBytes is the size of a row of cols weights. A row holds whole blocks, so
// cols must be a multiple of BlockElems.
func (t Type) RowBytes(cols int) (int, error) {
	f := formats[t]
	if f == nil {
		return 0, fmt.Errorf("row of %v: unknown block format", t)
	}
	if cols < 0 || cols%f.elems != 0 {
		return 0, fmt.Errorf("row of %v: columns must be a multiple of %d, but are %d", t, f.elems, cols)
	}
	const maxInt = int(^uint(0) >> 1)
	blocks := cols / f.elems
	if blocks > maxInt/f.bytes {
		return 0, fmt.Errorf("row of %v: %d columns exceed the address space", t, cols)
	}
	return blocks * f.bytes, nil
}

// Dequantize decodes src into dst. src must be exactly the RowBytes of len(dst)
// weights. Any content decodes; scales that are NaN or infinite give such weights.
func Dequantize(t Type, dst []float32, src []byte) error {
	if err := checkSizes(t, len(dst), len(src)); err != nil {
		return fmt.Errorf("dequantize: %w", err)
	}
	formats[t].dequantize(dst, src)
	return nil
}

// Quantize encodes src into dst, which must be exactly the RowBytes of len(src)
// weights. NaN, infinities and values whose scale the format cannot hold are
// errors; dst is then unspecified.
func Quantize(t Type, dst []byte, src []float32) error {
	if err := checkSizes(t, len(src), len(dst)); err != nil {
		return fmt.Errorf("quantize: %w", err)
	}
	for i, v := range src {
		if v-v != 0 {
			return fmt.Errorf("quantize to %v: weight %d must be finite, but is %v", t, i, v)
		}
	}
	if err := formats[t].quantize(dst, src); err != nil {
		return fmt.Errorf("quantize to %v: %w", t, err)
	}
	return nil
}

func checkSizes(t Type, elems, bytes int) error {
	want, err := t.RowBytes(elems)
	if err != nil {
		return err
	}
	if bytes != want {
		return fmt.Errorf("%d weights of %v must be %d bytes, but are %d", elems, t, want, bytes)
	}
	return nil
}
