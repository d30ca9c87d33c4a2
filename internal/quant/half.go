package quant

import (
	"encoding/binary"
	"fmt"
	"math"
)

// F16ToF32 widens an IEEE 754 binary16 value; it is exact.
func F16ToF32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	magnitude := uint32(h & 0x7fff)
	if magnitude >= 0x7c00 {
		return math.Float32frombits(sign | 0x7f800000 | magnitude<<13)
	}
	// The bits of a half, read as a float32 of the same exponent field, are too
	// small by 2^(127-15). The product is exact and normalizes subnormals.
	f := math.Float32frombits(magnitude<<13) * 0x1p112
	return math.Float32frombits(math.Float32bits(f) | sign)
}

// F32ToF16 rounds to nearest, ties to even. Values from 65520 up become
// infinities, NaN stays NaN (quiet).
func F32ToF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 | uint16(b>>13&0x1ff)
	case b >= 0x477ff000: // 65520
		return sign | 0x7c00
	case b < 0x38800000: // 2^-14: the result is subnormal
		// 0.5 has a unit in the last place of 2^-24, that of a subnormal half:
		// the addition does the rounding.
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
	}
	b += 0xfff + b>>13&1
	return sign | uint16((b-0x38000000)>>13)
}

// BF16ToF32 widens a bfloat16 value; it is exact.
func BF16ToF32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// F32ToBF16 rounds to nearest, ties to even; NaN stays NaN (quiet).
func F32ToBF16(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func dequantizeF32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func quantizeF32(dst []byte, src []float32) error {
	for i, v := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
	}
	return nil
}

func dequantizeF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = F16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func quantizeF16(dst []byte, src []float32) error {
	for i, v := range src {
		h := F32ToF16(v)
		if h&0x7fff == 0x7c00 {
			return fmt.Errorf("weight %d must be below 65520 in magnitude, but is %v", i, v)
		}
		binary.LittleEndian.PutUint16(dst[2*i:], h)
	}
	return nil
}

func dequantizeBF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = BF16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func quantizeBF16(dst []byte, src []float32) error {
	for i, v := range src {
		h := F32ToBF16(v)
		if h&0x7fff == 0x7f80 {
			return fmt.Errorf("weight %d exceeds the largest bfloat16: %v", i, v)
		}
		binary.LittleEndian.PutUint16(dst[2*i:], h)
	}
	return nil
}

// getScale reads a block's float16 scale.
func getScale(b []byte) float32 { return F16ToF32(binary.LittleEndian.Uint16(b)) }

// putScale stores a block's scale and returns what a reader will see.
func putScale(b []byte, d float32) (float32, error) {
	h := F32ToF16(d)
	if h&0x7fff >= 0x7c00 {
		return 0, fmt.Errorf("block scale %v exceeds the largest float16", d)
	}
	binary.LittleEndian.PutUint16(b, h)
	return F16ToF32(h), nil
}
