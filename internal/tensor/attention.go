package tensor

import (
	"fmt"
	"math"
	"unsafe"

	"chimera/internal/quant"
)

// Attention describes one pass of grouped queries over a key-value cache: Heads
// query heads of Dim elements share one key-value head, whose keys and values
// are the columns [Column, Column+Dim) of the cache matrices.
type Attention struct {
	Heads, Dim int
	Column     int     // a multiple of the cache type's block
	Scale      float32 // applied to the scores, 1/√Dim in most models
	SoftCap    float32 // Gemma 2's cap·tanh(score/cap); 0 for none
}

// Scratch is the number of float32 Attend needs for a span of positions.
func (a Attention) Scratch(positions int) int { return a.Heads*positions + a.Dim + 4 }

// Attend writes softmax(scale·q·Kᵀ)·V to dst over the cache rows [start, end): a
// sliding window begins at start. q and dst hold Heads × Dim elements and may be
// the same. keys and values hold one position per row, of any type. scratch has
// at least Scratch(end−start) elements. Scores and sums are float32. It is
// safe for concurrent use with distinct dst and scratch.
func (a Attention) Attend(dst, q []float32, keys, values Matrix, start, end int, scratch []float32) {
	n := end - start
	keys.check()
	values.check()
	switch {
	case a.Heads <= 0 || a.Dim <= 0 || len(q) != a.Heads*a.Dim || len(dst) != len(q):
		panic(fmt.Sprintf("tensor: attention of %d heads of %d over %d queries into %d", a.Heads, a.Dim, len(q), len(dst)))
	case start < 0 || n <= 0 || end > keys.Rows || end > values.Rows:
		panic(fmt.Sprintf("tensor: attention over positions [%d, %d) of %d keys and %d values", start, end, keys.Rows, values.Rows))
	case len(scratch) < a.Scratch(n):
		panic(fmt.Sprintf("tensor: attention over %d positions wants %d elements of scratch, but has %d", n, a.Scratch(n), len(scratch)))
	}
	k := current.Load()
	scores, row := scratch[:a.Heads*n], scratch[a.Heads*n:a.Heads*n+a.Dim+4]
	a.score(k, scores, q, a.span(keys), row, start, n)
	for h := range a.Heads {
		s := scores[h*n : (h+1)*n]
		if a.SoftCap != 0 {
			SoftCap(s, a.SoftCap)
		}
		Softmax(s)
	}
	clear(dst)
	a.gather(k, dst, scores, a.span(values), row, start, n)
}

// span is a column range of a cache: the piece of row i starts at first+i·stride.
type span struct {
	Matrix
	first, stride, bytes int
}

func (a Attention) span(m Matrix) span {
	block := m.Type.BlockElems()
	if a.Column < 0 || a.Column+a.Dim > m.Cols || a.Column%block != 0 || a.Dim%block != 0 {
		panic(fmt.Sprintf("tensor: attention over columns [%d, %d) of %d in blocks of %d", a.Column, a.Column+a.Dim, m.Cols, block))
	}
	size := m.Type.BlockBytes()
	return span{m, a.Column / block * size, m.rowBytes(), a.Dim / block * size}
}

func (s span) at(i int) []byte {
	from := s.first + i*s.stride
	return s.Data[from : from+s.bytes : from+s.bytes]
}

// score fills heads × n scores. Four heads at a time read a key once; halves are
// converted inside the dot.
func (a Attention) score(k *kernels, scores, q []float32, keys span, row []float32, start, n int) {
	out := (*[4]float32)(row[a.Dim:])
	for i := range n {
		key := keys.at(start + i)
		h := 0
		if keys.Type != quant.F16 {
			x := decodeRow(k, keys.Type, row[:a.Dim], key)
			for ; h+4 <= a.Heads; h += 4 {
				k.dot4F32(out, x, q[h*a.Dim:(h+4)*a.Dim])
				for j, s := range out {
					scores[(h+j)*n+i] = a.Scale * s
				}
			}
			for ; h < a.Heads; h++ {
				scores[h*n+i] = a.Scale * k.dotF32(x, q[h*a.Dim:(h+1)*a.Dim])
			}
		}
		for ; h < a.Heads; h++ {
			scores[h*n+i] = a.Scale * k.dotF16(key, q[h*a.Dim:(h+1)*a.Dim])
		}
	}
}

func (a Attention) gather(k *kernels, dst, weights []float32, values span, row []float32, start, n int) {
	for i := range n {
		value := values.at(start + i)
		if values.Type == quant.F16 {
			for h := range a.Heads {
				k.axpyF16(dst[h*a.Dim:(h+1)*a.Dim], value, weights[h*n+i])
			}
			continue
		}
		x := decodeRow(k, values.Type, row[:a.Dim], value)
		for h := range a.Heads {
			k.axpyF32(dst[h*a.Dim:(h+1)*a.Dim], x, weights[h*n+i])
		}
	}
}

// decodeRow gives src as float32: src itself where it already is, else row.
func decodeRow(k *kernels, t quant.Type, row []float32, src []byte) []float32 {
	if x, ok := asFloats(t, src); ok {
		return x
	}
	k.byType[t].dequantize(row, src)
	return row
}

// asFloats views aligned F32 bytes as what they are on a little-endian machine.
func asFloats(t quant.Type, src []byte) ([]float32, bool) {
	if t != quant.F32 || len(src) == 0 || !littleEndian {
		return nil, false
	}
	p := unsafe.Pointer(unsafe.SliceData(src))
	if uintptr(p)%unsafe.Alignof(float32(0)) != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(p), len(src)/4), true
}

var littleEndian = func() bool {
	one := math.Float32bits(1)
	return *(*byte)(unsafe.Pointer(&one)) == 0
}()
