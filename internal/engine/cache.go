package engine

import (
	"fmt"

	"chimera/internal/tensor"
)

// maxCache bounds the memory of one session: shapes of a hostile file can agree
// with each other and still ask for more than any machine has.
const maxCache = 256 << 30

// cache holds the keys and values of one session: per layer one row per
// position, kvHeads·headDim wide.
type cache struct {
	keys, values []tensor.Matrix
}

// cacheBytes is the memory that one session's cache takes.
func (m *Model) cacheBytes() (int64, error) {
	p := &m.params
	row, err := m.kvType.RowBytes(p.kvHeads * p.headDim)
	if err != nil {
		return 0, fmt.Errorf("KV cache: %w", err)
	}
	// At most 2^33 by 2^11 here; dividing avoids the product with the context.
	perPosition := 2 * int64(row) * int64(p.layers)
	if perPosition > maxCache/int64(m.options.Context) {
		return 0, fmt.Errorf("KV cache: %d positions of %d bytes exceed %d GiB", m.options.Context, perPosition, maxCache>>30)
	}
	return perPosition * int64(m.options.Context), nil
}

func newCache(m *Model) (*cache, error) {
	total, err := m.cacheBytes()
	if err != nil {
		return nil, err
	}
	p := &m.params
	each := total / int64(2*p.layers)
	matrix := func() tensor.Matrix {
		return tensor.Matrix{Type: m.kvType, Rows: m.options.Context, Cols: p.kvHeads * p.headDim, Data: make([]byte, each)}
	}
	c := &cache{}
	for range p.layers {
		c.keys = append(c.keys, matrix())
		c.values = append(c.values, matrix())
	}
	return c, nil
}
