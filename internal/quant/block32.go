package quant

import (
	"encoding/binary"
	"math"
)

// The formats of 32 weights. Weight j < 16 is in the low nibble of byte j,
// weight j+16 in its high nibble.

func dequantizeQ4_0(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[18:] {
		y, b := (*[32]float32)(dst), (*[18]byte)(src)
		d := getScale(b[:])
		for j, q := range b[2:18] {
			y[j] = d * float32(int(q&15)-8)
			y[j+16] = d * float32(int(q>>4)-8)
		}
	}
}

func dequantizeQ4_1(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[20:] {
		y, b := (*[32]float32)(dst), (*[20]byte)(src)
		d, m := getScale(b[:]), getScale(b[2:])
		for j, q := range b[4:20] {
			y[j] = float32(d*float32(q&15)) + m
			y[j+16] = float32(d*float32(q>>4)) + m
		}
	}
}

func dequantizeQ5_0(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[22:] {
		y, b := (*[32]float32)(dst), (*[22]byte)(src)
		d, high := getScale(b[:]), binary.LittleEndian.Uint32(b[2:])
		for j, q := range b[6:22] {
			lo := uint32(q&15) | high>>j&1<<4
			hi := uint32(q>>4) | high>>(j+16)&1<<4
			y[j] = d * float32(int(lo)-16)
			y[j+16] = d * float32(int(hi)-16)
		}
	}
}

func dequantizeQ5_1(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[24:] {
		y, b := (*[32]float32)(dst), (*[24]byte)(src)
		d, m, high := getScale(b[:]), getScale(b[2:]), binary.LittleEndian.Uint32(b[4:])
		for j, q := range b[8:24] {
			lo := uint32(q&15) | high>>j&1<<4
			hi := uint32(q>>4) | high>>(j+16)&1<<4
			y[j] = float32(d*float32(lo)) + m
			y[j+16] = float32(d*float32(hi)) + m
		}
	}
}

func dequantizeQ8_0(dst []float32, src []byte) {
	for ; len(dst) >= 32; dst, src = dst[32:], src[34:] {
		y, b := (*[32]float32)(dst), (*[34]byte)(src)
		d := getScale(b[:])
		for j := range y {
			y[j] = d * float32(int8(b[2+j]))
		}
	}
}

// invert gives 1/d, and 0 for a block of zeros.
func invert(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}

// level maps v/d + bias to the nearest of 0..top.
func level(v, inverse, bias float32, top int) byte {
	return byte(min(max(int(math.Round(float64(float64(v)*float64(inverse))+float64(bias))), 0), top))
}

// extreme is the weight of largest magnitude, with its sign.
func extreme(x []float32) (signed float32) {
	for _, v := range x {
		if max(v, -v) > max(signed, -signed) {
			signed = v
		}
	}
	return signed
}

func bounds(x []float32) (lo, hi float32) {
	lo, hi = x[0], x[0]
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	return lo, hi
}

// symmetricScale puts the extreme weight on the lowest level -half, the only
// one without a positive twin, as ggml does.
func symmetricScale(b []byte, x []float32, half float32) (inverse float32, err error) {
	d, err := putScale(b, extreme(x)/-half)
	return invert(d), err
}

func affineScale(b []byte, x []float32, top float32) (inverse, bias float32, err error) {
	lo, hi := bounds(x)
	d, err := putScale(b, hi/top-lo/top)
	if err != nil {
		return 0, 0, err
	}
	m, err := putScale(b[2:], lo)
	inverse = invert(d)
	return inverse, -m * inverse, err
}

// packNibbles stores the low four bits of 32 levels and returns their fifth bits.
func packNibbles(b []byte, levels *[32]byte) (high uint32) {
	for j := range 16 {
		b[j] = levels[j]&15 | levels[j+16]&15<<4
	}
	for j, q := range levels {
		high |= uint32(q>>4&1) << j
	}
	return high
}

func quantizeQ4_0(dst []byte, src []float32) error {
	var levels [32]byte
	for ; len(src) >= 32; dst, src = dst[18:], src[32:] {
		inverse, err := symmetricScale(dst, src[:32], 8)
		if err != nil {
			return err
		}
		for j, v := range src[:32] {
			levels[j] = level(v, inverse, 8, 15)
		}
		packNibbles(dst[2:], &levels)
	}
	return nil
}

func quantizeQ4_1(dst []byte, src []float32) error {
	var levels [32]byte
	for ; len(src) >= 32; dst, src = dst[20:], src[32:] {
		inverse, bias, err := affineScale(dst, src[:32], 15)
		if err != nil {
			return err
		}
		for j, v := range src[:32] {
			levels[j] = level(v, inverse, bias, 15)
		}
		packNibbles(dst[4:], &levels)
	}
	return nil
}

func quantizeQ5_0(dst []byte, src []float32) error {
	var levels [32]byte
	for ; len(src) >= 32; dst, src = dst[22:], src[32:] {
		inverse, err := symmetricScale(dst, src[:32], 16)
		if err != nil {
			return err
		}
		for j, v := range src[:32] {
			levels[j] = level(v, inverse, 16, 31)
		}
		binary.LittleEndian.PutUint32(dst[2:], packNibbles(dst[6:], &levels))
	}
	return nil
}

func quantizeQ5_1(dst []byte, src []float32) error {
	var levels [32]byte
	for ; len(src) >= 32; dst, src = dst[24:], src[32:] {
		inverse, bias, err := affineScale(dst, src[:32], 31)
		if err != nil {
			return err
		}
		for j, v := range src[:32] {
			levels[j] = level(v, inverse, bias, 31)
		}
		binary.LittleEndian.PutUint32(dst[4:], packNibbles(dst[8:], &levels))
	}
	return nil
}

func quantizeQ8_0(dst []byte, src []float32) error {
	for ; len(src) >= 32; dst, src = dst[34:], src[32:] {
		peak := extreme(src[:32])
		d, err := putScale(dst, max(peak, -peak)/127)
		if err != nil {
			return err
		}
		inverse := invert(d)
		for j, v := range src[:32] {
			q := math.Round(float64(v) * float64(inverse))
			dst[2+j] = byte(int8(min(max(q, -128), 127)))
		}
	}
	return nil
}
