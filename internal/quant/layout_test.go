package quant_test

import (
	"testing"

	"chimera/internal/quant"
)

// Blocks written by hand from the structs of ggml-common.h, and the weights they
// mean. Half-precision constants: 1.0 = 0x3c00, 0.5 = 0x3800, 2.0 = 0x4000,
// -1.0 = 0xbc00, stored low byte first.
func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name  string
		typ   quant.Type
		block func(b []byte)
		want  func(y []float32)
	}{
		{"F32", quant.F32, put(0, 0, 0, 0x80, 0x3f), func(y []float32) { y[0] = 1 }},
		{"F16", quant.F16, put(0, 0x00, 0xbc), func(y []float32) { y[0] = -1 }},
		{"BF16", quant.BF16, put(0, 0xc0, 0x3f), func(y []float32) { y[0] = 1.5 }},

		// d, 16 bytes of nibbles; byte j holds weights j (low) and j+16 (high).
		{"Q4_0", quant.Q4_0, puts(put(0, 0x00, 0x38), put(2, 0xf0, 0x88, 0x79)), func(y []float32) {
			fill(y, -4) // 0.5·(0−8)
			y[0], y[16] = -4, 3.5
			y[1], y[17] = 0, 0
			y[2], y[18] = 0.5, -0.5
		}},
		// d, m, nibbles.
		{"Q4_1", quant.Q4_1, puts(put(0, 0x00, 0x38, 0x00, 0xbc), put(4+15, 0xf3)), func(y []float32) {
			fill(y, -1)
			y[15], y[31] = 0.5*3-1, 0.5*15-1
		}},
		// d, 32 fifth bits, nibbles: weight 1 has bit 1, weight 16 bit 16.
		{"Q5_0", quant.Q5_0, puts(put(0, 0x00, 0x3c), put(2, 0x02, 0, 0x01, 0x80), put(6, 0x21, 0x05), put(21, 0x40)), func(y []float32) {
			fill(y, -16)
			y[0], y[16] = 1-16, 2+16-16
			y[1], y[17] = 5+16-16, 0-16
			y[31] = 4 + 16 - 16
		}},
		{"Q5_1", quant.Q5_1, puts(put(0, 0x00, 0x40, 0x00, 0x3c), put(4, 0x01, 0, 0x02, 0), put(8, 0x03, 0x70)), func(y []float32) {
			fill(y, 1)
			y[0], y[16] = 2*(3+16)+1, 1
			y[1], y[17] = 1, 2*(7+16)+1
		}},
		{"Q8_0", quant.Q8_0, puts(put(0, 0x00, 0x38), put(2, 0x80, 0x7f, 0xff), put(33, 0x02)), func(y []float32) {
			y[0], y[1], y[2], y[31] = -64, 63.5, -0.5, 1
		}},

		// d, dmin, 12 bytes of 6-bit pairs, nibbles: byte l of group g holds
		// weights 64g+l (low) and 64g+32+l (high).
		// Sub-block 0: scale 33, minimum 2. Sub-block 1: scale 1, minimum 0.
		// Sub-block 4: scale 0x15 = 5|1<<4: low bits in scales[8]&15, high two in
		// scales[0]>>6; minimum 0x32 = 2|3<<4: scales[8]>>4 and scales[4]>>6.
		{"Q4_K", quant.Q4_K, puts(put(0, 0x00, 0x38, 0x00, 0x3c), put(4, 33|1<<6, 1), put(8, 2|3<<6), put(12, 5|2<<4), put(16, 0x9f), put(16+64, 0x07)), func(y []float32) {
			for l := range 32 {
				y[l], y[128+l] = -2, -0x32
			}
			y[0], y[32] = 0.5*33*15-2, 0.5*1*9
			y[128] = 0.5*0x15*7 - 0x32
		}},
		// As Q4_K with 32 bytes of fifth bits: bit k of byte l belongs to weight
		// 32k+l.
		{"Q5_K", quant.Q5_K, puts(put(0, 0x00, 0x3c, 0x00, 0x3c), put(4, 1, 2, 0, 0), put(8, 3), put(15, 0x07), put(16, 0x83, 0x02), put(48, 0x5a), put(48+96, 0xf0)), func(y []float32) {
			for l := range 32 {
				y[l] = -3
			}
			y[0], y[32] = 10+16-3, 2*(5+16)
			y[33] = 2 * 16
			y[224] = 7 * (15 + 16)
		}},
		// 128 low nibbles, 64 bytes of upper two bits, 16 signed scales, d.
		{"Q6_K", quant.Q6_K, puts(put(208, 0x00, 0x38), put(192, 2), put(192+2, 0xff), put(192+15, 0x80), put(0, 0x21), put(32, 0x34), put(128, 0x0d), put(64+32+31, 0x5f), put(128+63, 0x80)), func(y []float32) {
			// Unwritten scales are zero; unwritten levels are 0−32.
			for l := range 16 {
				y[l] = 0.5 * 2 * -32        // scale 0
				y[32+l] = 0.5 * -1 * -32    // scale 2
				y[240+l] = 0.5 * -128 * -32 // scale 15
			}
			y[0] = 0.5 * 2 * (0x11 - 32)      // low nibble 1, high bits 01
			y[32] = 0.5 * -1 * (0x34 - 32)    // low nibble 4, high bits 11
			y[255] = 0.5 * -128 * (0x25 - 32) // high nibble 5, high bits 10
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			block, got, want := make([]byte, c.typ.BlockBytes()), make([]float32, c.typ.BlockElems()), make([]float32, c.typ.BlockElems())
			c.block(block)
			c.want(want)
			if err := quant.Dequantize(c.typ, got, block); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("weight %d is %v, but the bytes mean %v", i, got[i], want[i])
				}
			}
		})
	}
}

func put(at int, bytes ...byte) func([]byte) { return func(b []byte) { copy(b[at:], bytes) } }

func puts(fs ...func([]byte)) func([]byte) {
	return func(b []byte) {
		for _, f := range fs {
			f(b)
		}
	}
}

func fill(y []float32, v float32) {
	for i := range y {
		y[i] = v
	}
}

// The six-bit packing of all eight sub-blocks, written the other way round from
// ggml: q[j]&63 for j < 4, else
// (q[j+4]&15)|(q[j-4]>>6)<<4 above.
func TestScaleMinCoversEveryValue(t *testing.T) {
	for j := range 8 {
		for v := range 64 {
			var s, m [12]byte
			if j < 4 {
				s[j], m[j+4] = byte(v), byte(v)
			} else {
				s[j+4], s[j-4] = byte(v&15), byte(v>>4<<6)
				m[j+4], m[j] = byte(v&15<<4), byte(v>>4<<6)
			}
			if got, rest := quant.ScaleMin(&s, j); int(got) != v || rest != 0 {
				t.Errorf("scale %d is %d with minimum %d, but must be %d and 0", j, got, rest, v)
			}
			if rest, got := quant.ScaleMin(&m, j); int(got) != v || rest != 0 {
				t.Errorf("minimum %d is %d with scale %d, but must be %d and 0", j, got, rest, v)
			}
		}
	}
}
