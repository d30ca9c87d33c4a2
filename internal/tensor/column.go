package tensor

import "math"

// column is one activation vector, quantized for integer dots: 32 values share
// a scale d = max|x|/127, and x ≈ d·q with |x − d·q| ≤ d/2. The sums let a dot
// account for a weight's offset without touching q again.
type column struct {
	q   []int8    // one per value
	d   []float32 // one per 32 values
	s32 []float32 // d·Σq over each 32 values
	s16 []float32 // d·Σq over each 16 values, zero-padded to a multiple of 8
}

func pad8(n int) int { return (n + 7) &^ 7 }

// resize keeps what memory it has; n must be a multiple of 32.
func (c *column) resize(n int) {
	c.q = grow(c.q, n)
	c.d, c.s32 = grow(c.d, n/32), grow(c.s32, n/32)
	c.s16 = grow(c.s16, pad8(n/16))
	clear(c.s16[n/16:])
}

// grow returns a slice of n elements, contents unspecified.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// quantizeColumn fills c from x. NaN or infinite values give a scale that is
// not finite, so that they reach every result instead of vanishing.
func quantizeColumn(c *column, x []float32) {
	for b := range c.d {
		quantizeBlock(c, b, (*[32]float32)(x[32*b:]))
	}
}

func quantizeBlock(c *column, b int, v *[32]float32) {
	var peak float32
	for _, f := range v {
		peak = max(peak, f, -f)
	}
	d := peak / 127
	var inverse float32
	if d > 0 {
		inverse = 1 / d
	}
	if d-d != 0 || inverse-inverse != 0 {
		quantizeExtreme(c, b, d)
		return
	}
	q := (*[32]int8)(c.q[32*b:])
	var sum [2]int32
	for i, f := range v {
		r := roundEven(f * inverse)
		q[i] = int8(r)
		sum[i/16] += r
	}
	c.setSums(b, d, sum)
}

func (c *column) setSums(b int, d float32, sum [2]int32) {
	c.d[b] = d
	c.s16[2*b], c.s16[2*b+1] = d*float32(sum[0]), d*float32(sum[1])
	c.s32[b] = d * float32(sum[0]+sum[1])
}

// quantizeExtreme handles scales without a usable inverse: what is not finite
// spoils the block, what is below 127/max float32 counts as zero.
func quantizeExtreme(c *column, b int, d float32) {
	if d-d == 0 {
		d = 0
	} else {
		d = float32(math.NaN())
	}
	clear(c.q[32*b : 32*b+32])
	c.setSums(b, d, [2]int32{})
}

// roundEven rounds |f| < 2^22 to the nearest integer, ties to even: the sum has
// a unit in the last place of 1.
func roundEven(f float32) int32 {
	const magic = 3 << 22
	return int32(math.Float32bits(f+magic)) - int32(math.Float32bits(magic))
}
