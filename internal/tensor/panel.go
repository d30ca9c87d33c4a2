package tensor

import (
	"encoding/binary"

	"chimera/internal/quant"
)

// panel is one row of weights in the form all block formats share:
// w[i] = scale[i/16]·q[i] − offset[i/16].
type panel struct {
	q      []int8    // one per weight; below 64 and not negative unless the format is signed
	scale  []float32 // one per 16 weights
	offset []float32 // one per 16 weights, zero-padded to a multiple of 8
}

func (p *panel) resize(n int) {
	p.q, p.scale, p.offset = grow(p.q, n), grow(p.scale, n/16), grow(p.offset, pad8(n/16))
	clear(p.offset[n/16:])
}

// unpack decodes the blocks of src into p, exactly.
type unpack func(p *panel, src []byte)

func f16(b []byte) float32 { return quant.F16ToF32(binary.LittleEndian.Uint16(b)) }

func (p *panel) setBlock(b int, scale, offset float32) {
	p.scale[2*b], p.scale[2*b+1] = scale, scale
	p.offset[2*b], p.offset[2*b+1] = offset, offset
}

func nibbles(q *[32]int8, b *[16]byte) {
	for j, v := range b {
		q[j], q[j+16] = int8(v&15), int8(v>>4)
	}
}

func fifthBits(q *[32]int8, high uint32) {
	for j := range q {
		q[j] |= int8(high >> j & 1 << 4)
	}
}

func unpackQ4_0(p *panel, src []byte) {
	for b := 0; len(src) >= 18; b, src = b+1, src[18:] {
		d := f16(src)
		p.setBlock(b, d, 8*d)
		nibbles((*[32]int8)(p.q[32*b:]), (*[16]byte)(src[2:]))
	}
}

func unpackQ4_1(p *panel, src []byte) {
	for b := 0; len(src) >= 20; b, src = b+1, src[20:] {
		p.setBlock(b, f16(src), -f16(src[2:]))
		nibbles((*[32]int8)(p.q[32*b:]), (*[16]byte)(src[4:]))
	}
}

func unpackQ5_0(p *panel, src []byte) {
	for b := 0; len(src) >= 22; b, src = b+1, src[22:] {
		d, q := f16(src), (*[32]int8)(p.q[32*b:])
		p.setBlock(b, d, 16*d)
		nibbles(q, (*[16]byte)(src[6:]))
		fifthBits(q, binary.LittleEndian.Uint32(src[2:]))
	}
}

func unpackQ5_1(p *panel, src []byte) {
	for b := 0; len(src) >= 24; b, src = b+1, src[24:] {
		q := (*[32]int8)(p.q[32*b:])
		p.setBlock(b, f16(src), -f16(src[2:]))
		nibbles(q, (*[16]byte)(src[8:]))
		fifthBits(q, binary.LittleEndian.Uint32(src[4:]))
	}
}

func unpackQ8_0(p *panel, src []byte) {
	for b := 0; len(src) >= 34; b, src = b+1, src[34:] {
		p.setBlock(b, f16(src), 0)
		q, w := (*[32]int8)(p.q[32*b:]), (*[32]byte)(src[2:])
		for j, v := range w {
			q[j] = int8(v)
		}
	}
}

func (p *panel) setAffine(block int, src []byte) {
	d, dmin, scales := f16(src), f16(src[2:]), (*[12]byte)(src[4:])
	for j := range 8 {
		s, m := quant.ScaleMin(scales, j)
		p.setBlock(8*block+j, d*float32(s), dmin*float32(m))
	}
}

func unpackQ4_K(p *panel, src []byte) {
	for b := 0; len(src) >= 144; b, src = b+1, src[144:] {
		p.setAffine(b, src)
		for pair := range 4 {
			q, w := (*[64]int8)(p.q[256*b+64*pair:]), (*[32]byte)(src[16+32*pair:])
			for l, v := range w {
				q[l], q[l+32] = int8(v&15), int8(v>>4)
			}
		}
	}
}

func unpackQ5_K(p *panel, src []byte) {
	for b := 0; len(src) >= 176; b, src = b+1, src[176:] {
		p.setAffine(b, src)
		high := (*[32]byte)(src[16:])
		for pair := range 4 {
			q, w := (*[64]int8)(p.q[256*b+64*pair:]), (*[32]byte)(src[48+32*pair:])
			for l, v := range w {
				h := high[l] >> (2 * pair)
				q[l], q[l+32] = int8(v&15|h&1<<4), int8(v>>4|h>>1&1<<4)
			}
		}
	}
}

func unpackQ6_K(p *panel, src []byte) {
	for b := 0; len(src) >= 210; b, src = b+1, src[210:] {
		d := f16(src[208:])
		for j, s := range src[192:208] {
			scale := d * float32(int8(s))
			p.scale[16*b+j], p.offset[16*b+j] = scale, 32*scale
		}
		for half := range 2 {
			q := (*[128]int8)(p.q[256*b+128*half:])
			low, high := (*[64]byte)(src[64*half:]), (*[32]byte)(src[128+32*half:])
			for l, h := range high {
				q[l] = int8(low[l]&15 | h&3<<4)
				q[l+32] = int8(low[l+32]&15 | h>>2&3<<4)
				q[l+64] = int8(low[l]>>4 | h>>4&3<<4)
				q[l+96] = int8(low[l+32]>>4 | h>>6<<4)
			}
		}
	}
}

// dotPanel is Σ w·x of an unpacked row and a quantized column.
func dotPanel(p *panel, x *column) float32 {
	var sum, shift float32
	for b, d := range x.d {
		w, q := (*[32]int8)(p.q[32*b:]), (*[32]int8)(x.q[32*b:])
		var lo, hi int32
		for i := range 16 {
			lo += int32(w[i]) * int32(q[i])
			hi += int32(w[i+16]) * int32(q[i+16])
		}
		sum += d * (p.scale[2*b]*float32(lo) + p.scale[2*b+1]*float32(hi))
		shift += p.offset[2*b]*x.s16[2*b] + p.offset[2*b+1]*x.s16[2*b+1]
	}
	return sum - shift
}
