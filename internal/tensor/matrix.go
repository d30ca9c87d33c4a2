// Package tensor holds the arithmetic of a decoder-only transformer on a CPU:
// matrix products over quantized weights, attention over a key-value cache,
// norms, rotations and activations.
//
// It takes three positions. Every kernel in assembly has a portable twin that
// defines what it computes. Two numerics are offered and named, Exact and Fast,
// because "the result" of a quantized model depends on which one was used. And a
// wrong shape is a bug of the caller, so it panics like an index out of range,
// before any assembly is entered.
package tensor

import (
	"fmt"

	"chimera/internal/quant"
)

// Matrix is a row-major matrix of blocks. Data is borrowed, may be a read-only
// memory map, and is never written by a product.
type Matrix struct {
	Type       quant.Type
	Rows, Cols int
	Data       []byte
}

// NewMatrix checks that data holds exactly rows × cols weights of type t.
func NewMatrix(t quant.Type, rows, cols int, data []byte) (Matrix, error) {
	rowBytes, err := t.RowBytes(cols)
	if err != nil {
		return Matrix{}, fmt.Errorf("matrix: %w", err)
	}
	if rows < 0 || rowBytes > 0 && rows > len(data)/rowBytes || rows*rowBytes != len(data) {
		return Matrix{}, fmt.Errorf("matrix: %d rows of %d bytes each must be the whole data, but that is %d bytes", rows, rowBytes, len(data))
	}
	return Matrix{t, rows, cols, data}, nil
}

// rowBytes panics for columns that are no whole blocks.
func (m Matrix) rowBytes() int {
	n, err := m.Type.RowBytes(m.Cols)
	if err != nil {
		panic("tensor: " + err.Error())
	}
	return n
}

// row gives the bytes of one row.
func (m Matrix) row(i int) []byte {
	n := m.rowBytes()
	return m.Data[i*n : (i+1)*n : (i+1)*n]
}

// Row decodes row i into dst, which must have Cols elements: an embedding lookup.
func (m Matrix) Row(dst []float32, i int) {
	if err := quant.Dequantize(m.Type, dst, m.row(i)); err != nil {
		panic("tensor: " + err.Error())
	}
}

// SetRow encodes src into row i: how a key or value enters a cache. It fails for
// values that are not finite or do not fit the type.
func (m Matrix) SetRow(i int, src []float32) error {
	if err := quant.Quantize(m.Type, m.row(i), src); err != nil {
		return fmt.Errorf("row %d: %w", i, err)
	}
	return nil
}

// check panics unless Data holds Rows × Cols weights.
func (m Matrix) check() {
	if n := m.rowBytes(); m.Rows < 0 || n > 0 && len(m.Data)/n < m.Rows {
		panic(fmt.Sprintf("tensor: matrix of %d rows of %d bytes has only %d bytes", m.Rows, n, len(m.Data)))
	}
}
