package quant

import "math"

// The K formats: super-blocks of 256 weights whose sub-blocks have small integer
// scales relative to the float16 scales of the super-block.

// ScaleMin unpacks the 6-bit scale and minimum of sub-block j in 0..7 of a Q4_K
// or Q5_K super-block from its 12 bytes of scales (ggml's get_scale_min_k4).
func ScaleMin(scales *[12]byte, j int) (scale, minimum byte) {
	if j < 4 {
		return scales[j] & 63, scales[j+4] & 63
	}
	return scales[j+4]&15 | scales[j-4]>>6<<4, scales[j+4]>>4 | scales[j]>>6<<4
}

func putScaleMin(scales *[12]byte, j int, scale, minimum byte) {
	if j < 4 {
		scales[j] |= scale
		scales[j+4] |= minimum
		return
	}
	scales[j+4] = scale&15 | minimum<<4
	scales[j-4] |= scale >> 4 << 6
	scales[j] |= minimum >> 4 << 6
}

func dequantizeQ4_K(dst []float32, src []byte) {
	for ; len(dst) >= superBlock; dst, src = dst[superBlock:], src[144:] {
		d, dmin, scales := getScale(src), getScale(src[2:]), (*[12]byte)(src[4:])
		for pair := range 4 {
			y, q := (*[64]float32)(dst[64*pair:]), (*[32]byte)(src[16+32*pair:])
			s1, m1 := ScaleMin(scales, 2*pair)
			s2, m2 := ScaleMin(scales, 2*pair+1)
			d1, o1 := d*float32(s1), dmin*float32(m1)
			d2, o2 := d*float32(s2), dmin*float32(m2)
			for l, b := range q {
				y[l] = float32(d1*float32(b&15)) - o1
				y[l+32] = float32(d2*float32(b>>4)) - o2
			}
		}
	}
}

func dequantizeQ5_K(dst []float32, src []byte) {
	for ; len(dst) >= superBlock; dst, src = dst[superBlock:], src[176:] {
		d, dmin, scales := getScale(src), getScale(src[2:]), (*[12]byte)(src[4:])
		high := (*[32]byte)(src[16:])
		for pair := range 4 {
			y, q := (*[64]float32)(dst[64*pair:]), (*[32]byte)(src[48+32*pair:])
			s1, m1 := ScaleMin(scales, 2*pair)
			s2, m2 := ScaleMin(scales, 2*pair+1)
			d1, o1 := d*float32(s1), dmin*float32(m1)
			d2, o2 := d*float32(s2), dmin*float32(m2)
			for l, b := range q {
				h := high[l] >> (2 * pair)
				y[l] = float32(d1*float32(b&15|h&1<<4)) - o1
				y[l+32] = float32(d2*float32(b>>4|h>>1&1<<4)) - o2
			}
		}
	}
}

func dequantizeQ6_K(dst []float32, src []byte) {
	for ; len(dst) >= superBlock; dst, src = dst[superBlock:], src[210:] {
		d := getScale(src[208:])
		for half := range 2 {
			y := (*[128]float32)(dst[128*half:])
			low, high := (*[64]byte)(src[64*half:]), (*[32]byte)(src[128+32*half:])
			scales := (*[8]byte)(src[192+8*half:])
			for l, h := range high {
				s := l / 16
				a, b := low[l], low[l+32]
				y[l] = float32(d*float32(int8(scales[s]))) * float32(int(a&15|h&3<<4)-32)
				y[l+32] = float32(d*float32(int8(scales[s+2]))) * float32(int(b&15|h>>2&3<<4)-32)
				y[l+64] = float32(d*float32(int8(scales[s+4]))) * float32(int(a>>4|h>>4&3<<4)-32)
				y[l+96] = float32(d*float32(int8(scales[s+6]))) * float32(int(b>>4|h>>6<<4)-32)
			}
		}
	}
}

// fitAffine finds scale and minimum >= 0 so that scale·q − minimum, q in 0..top,
// is close to x in a least-squares sense weighted by magnitude: it tries a few
// inverse scales around the min-max one and solves the normal equations for each,
// in the manner of ggml's make_qkx2_quants.
func fitAffine(x []float32, top int) (scale, minimum float64) {
	lo32, hi32 := bounds(x)
	lo, hi := min(float64(lo32), 0), float64(hi32)
	if hi <= lo {
		return 0, -lo
	}
	var energy float64
	for _, v := range x {
		energy += float64(v) * float64(v)
	}
	floor := math.Sqrt(energy / float64(len(x)))
	best := math.Inf(1)
	try := func(s, m float64) {
		if e := affineError(x, top, s, m, floor); s > 0 && m >= 0 && e < best {
			best, scale, minimum = e, s, m
		}
	}
	try((hi-lo)/float64(top), -lo)
	for step := -5; step <= 5; step++ {
		s := (hi - lo) / (float64(top) + 0.15*float64(step))
		var sw, sq, sqq, sx, sqx float64
		for _, v := range x {
			w, q := floor+math.Abs(float64(v)), nearest((float64(v)-lo)/s, 0, top)
			sw, sq, sqq = sw+w, sq+w*q, sqq+w*q*q
			sx, sqx = sx+w*float64(v), sqx+w*q*float64(v)
		}
		det := sw*sqq - sq*sq
		if det <= 0 {
			continue
		}
		fitted, offset := (sw*sqx-sq*sx)/det, (sqq*sx-sq*sqx)/det
		if offset > 0 { // the format cannot raise its lowest level above zero
			fitted, offset = sqx/sqq, 0
		}
		try(fitted, -offset)
	}
	return scale, minimum
}

func affineError(x []float32, top int, s, m, floor float64) (sum float64) {
	for _, v := range x {
		e := s*nearest((float64(v)+m)/s, 0, top) - m - float64(v)
		sum += (floor + math.Abs(float64(v))) * e * e
	}
	return sum
}

func nearest(v float64, lo, hi int) float64 {
	return min(max(math.RoundToEven(v), float64(lo)), float64(hi))
}

// quantizeAffine fills the 16-byte head of a Q4_K or Q5_K super-block and gives
// the 256 levels 0..top.
func quantizeAffine(head []byte, x []float32, top int, levels *[superBlock]byte) error {
	var scale, minimum [8]float64
	var maxScale, maxMin float64
	for j := range 8 {
		scale[j], minimum[j] = fitAffine(x[32*j:32*j+32], top)
		maxScale, maxMin = max(maxScale, scale[j]), max(maxMin, minimum[j])
	}
	d, err := putScale(head, float32(maxScale/63))
	if err != nil {
		return err
	}
	dmin, err := putScale(head[2:], float32(maxMin/63))
	if err != nil {
		return err
	}
	packed := (*[12]byte)(head[4:])
	clear(packed[:])
	for j := range 8 {
		s := nearest(scale[j]*float64(invert(d)), 0, 63)
		m := nearest(minimum[j]*float64(invert(dmin)), 0, 63)
		putScaleMin(packed, j, byte(s), byte(m))
		step, offset := float64(d)*s, float64(dmin)*m
		for l := range 32 {
			levels[32*j+l] = 0
			if step > 0 {
				levels[32*j+l] = byte(nearest((float64(x[32*j+l])+offset)/step, 0, top))
			}
		}
	}
	return nil
}

func quantizeQ4_K(dst []byte, src []float32) error {
	var levels [superBlock]byte
	for ; len(src) >= superBlock; dst, src = dst[144:], src[superBlock:] {
		if err := quantizeAffine(dst[:16], src[:superBlock], 15, &levels); err != nil {
			return err
		}
		for pair := range 4 {
			for l := range 32 {
				dst[16+32*pair+l] = levels[64*pair+l] | levels[64*pair+32+l]<<4
			}
		}
	}
	return nil
}

func quantizeQ5_K(dst []byte, src []float32) error {
	var levels [superBlock]byte
	for ; len(src) >= superBlock; dst, src = dst[176:], src[superBlock:] {
		if err := quantizeAffine(dst[:16], src[:superBlock], 31, &levels); err != nil {
			return err
		}
		clear(dst[16:48])
		for pair := range 4 {
			for l := range 32 {
				a, b := levels[64*pair+l], levels[64*pair+32+l]
				dst[48+32*pair+l] = a&15 | b&15<<4
				dst[16+l] |= (a>>4 | b>>4<<1) << (2 * pair)
			}
		}
	}
	return nil
}

// fitSymmetric finds the scale of 16 weights on levels -32..31: it tries a few
// scales around the one that puts the extreme weight on a limit and solves for
// the least-squares scale of each, weights squared (ggml's make_qx_quants).
func fitSymmetric(x []float32) (scale float64) {
	peak := float64(extreme(x))
	if peak == 0 {
		return 0
	}
	best := math.Inf(-1)
	for step := -9; step <= 9; step++ {
		inverse := -(32 + 0.1*float64(step)) / peak
		var sqx, sqq float64
		for _, v := range x {
			u := float64(v) / peak
			q := nearest(float64(v)*inverse, -32, 31)
			sqx, sqq = sqx+u*u*q*u, sqq+u*u*q*q
		}
		if sqq > 0 && sqx*sqx/sqq > best {
			best, scale = sqx*sqx/sqq, sqx/sqq*peak
		}
	}
	return scale
}

func quantizeQ6_K(dst []byte, src []float32) error {
	var levels [superBlock]byte
	for ; len(src) >= superBlock; dst, src = dst[210:], src[superBlock:] {
		var scale [16]float64
		var peak float64
		for j := range scale {
			scale[j] = fitSymmetric(src[16*j : 16*j+16])
			if math.Abs(scale[j]) > math.Abs(peak) {
				peak = scale[j]
			}
		}
		d, err := putScale(dst[208:], float32(peak/-128))
		if err != nil {
			return err
		}
		for j := range scale {
			s := nearest(scale[j]*float64(invert(d)), -128, 127)
			dst[192+j] = byte(int8(s))
			step := float64(d) * s
			for l := range 16 {
				levels[16*j+l] = 32
				if step != 0 {
					levels[16*j+l] = byte(nearest(float64(src[16*j+l])/step, -32, 31) + 32)
				}
			}
		}
		packQ6(dst, &levels)
	}
	return nil
}

func packQ6(dst []byte, levels *[superBlock]byte) {
	for half := range 2 {
		q := levels[128*half:]
		for l := range 32 {
			dst[64*half+l] = q[l]&15 | q[l+64]&15<<4
			dst[64*half+32+l] = q[l+32]&15 | q[l+96]&15<<4
			dst[128+32*half+l] = q[l]>>4 | q[l+32]>>4<<2 | q[l+64]>>4<<4 | q[l+96]>>4<<6
		}
	}
}
