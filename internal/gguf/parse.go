package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"

	"chimera/internal/quant"
)

// A cursor walks over bytes that may lie about their own lengths.
type cursor struct {
	data []byte
	pos  int
}

func (c *cursor) left() uint64 { return uint64(len(c.data) - c.pos) }

// take returns the next n bytes.
func (c *cursor) take(n uint64, what string) ([]byte, error) {
	if n > c.left() {
		return nil, c.errorf("%s needs %d bytes, but %d are left in the file", what, n, c.left())
	}
	b := c.data[c.pos : c.pos+int(n) : c.pos+int(n)]
	c.pos += int(n)
	return b, nil
}

func (c *cursor) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %w", c.pos, fmt.Errorf(format, args...))
}

func (c *cursor) uint32(what string) (uint32, error) {
	b, err := c.take(4, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (c *cursor) uint64(what string) (uint64, error) {
	b, err := c.take(8, what)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// count reads the number of things that follow, each of at least minBytes.
func (c *cursor) count(what string, minBytes, limit uint64) (int, error) {
	at := *c
	n, err := c.uint64("the number of " + what)
	if err != nil {
		return 0, err
	}
	if n > limit {
		return 0, at.errorf("the number of %s must be at most %d, but is %d", what, limit, n)
	}
	if n > c.left()/minBytes {
		return 0, at.errorf("%d %s need at least %d bytes each, but %d bytes are left in the file", n, what, minBytes, c.left())
	}
	return int(n), nil
}

// text reads a length and that many bytes.
func (c *cursor) text(what string, limit uint64) ([]byte, error) {
	at := *c
	n, err := c.uint64("the length of " + what)
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, at.errorf("the length of %s must be at most %d bytes, but is %d", what, limit, n)
	}
	return c.take(n, what)
}

func (f *File) parse() error {
	c := &cursor{data: f.data}
	if err := f.parseHead(c); err != nil {
		return err
	}
	// Smallest tensor: name length, dimension count, one size, type, offset.
	tensors, err := c.count("tensors", 8+4+8+4+8, maxTensors)
	if err != nil {
		return err
	}
	// Smallest pair: key length, one byte of key, type, one byte of value.
	keys, err := c.count("metadata keys", 8+1+4+1, maxKeys)
	if err != nil {
		return err
	}
	if err := f.Metadata.parse(c, keys); err != nil {
		return err
	}
	align, err := f.alignment()
	if err != nil {
		return err
	}
	return f.parseTensors(c, tensors, align)
}

func (f *File) parseHead(c *cursor) error {
	m, err := c.take(4, "the magic number")
	if err != nil {
		return err
	}
	if string(m) != magic {
		return fmt.Errorf("at byte 0: it must begin with %q, but begins with %q", magic, m)
	}
	at := *c
	if f.Version, err = c.uint32("the version"); err != nil {
		return err
	}
	switch {
	case f.Version == 2 || f.Version == 3:
		return nil
	case bits.ReverseBytes32(f.Version) <= 0xFFFF && f.Version > 0xFFFF:
		return at.errorf("the file is big-endian (version %d); only little-endian files are supported", bits.ReverseBytes32(f.Version))
	}
	return at.errorf("the version must be 2 or 3, but is %d", f.Version)
}

func (f *File) alignment() (uint64, error) {
	align, ok, err := f.Metadata.Uint(alignmentKey)
	if err != nil {
		return 0, err
	}
	if !ok {
		return defaultAlignment, nil
	}
	return align, checkAlignment(align)
}

func checkAlignment(align uint64) error {
	if align < 8 || align > maxAlignment || align&(align-1) != 0 {
		return fmt.Errorf("key %s must be a power of two from 8 to %d, but is %d", alignmentKey, maxAlignment, align)
	}
	return nil
}

func (f *File) parseTensors(c *cursor, n int, align uint64) error {
	f.byName = make(map[string]int)
	var sizes []int64
	for i := range n {
		t, size, err := parseTensor(c, i)
		if err != nil {
			return err
		}
		if _, dup := f.byName[t.Name]; dup {
			return c.errorf("two tensors are called %q", t.Name)
		}
		if uint64(t.Offset)%align != 0 {
			return c.errorf("tensor %q: its offset must be a multiple of %d, but is %d", t.Name, align, t.Offset)
		}
		f.byName[t.Name] = i
		f.Tensors = append(f.Tensors, t)
		sizes = append(sizes, size)
	}
	start := alignUp(int64(c.pos), int64(align))
	return f.place(start, sizes)
}

// place turns offsets in the data section into bytes of the file.
func (f *File) place(start int64, sizes []int64) error {
	section := max(0, int64(len(f.data))-start)
	order := make([]int, len(f.Tensors))
	for i := range f.Tensors {
		t := &f.Tensors[i]
		order[i] = i
		if t.Offset > section || sizes[i] > section-t.Offset {
			return fmt.Errorf("tensor %q: %d bytes at offset %d of a data section of %d bytes (it starts at byte %d)", t.Name, sizes[i], t.Offset, section, start)
		}
		t.Offset += start
		t.Data = f.data[t.Offset : t.Offset+sizes[i] : t.Offset+sizes[i]]
	}
	slices.SortFunc(order, func(a, b int) int { return compareInt64(f.Tensors[a].Offset, f.Tensors[b].Offset) })
	for k := 1; k < len(order); k++ {
		a, b := f.Tensors[order[k-1]], f.Tensors[order[k]]
		if end := a.Offset + int64(len(a.Data)); end > b.Offset {
			return fmt.Errorf("tensors %q and %q overlap: one ends at byte %d, the other starts at byte %d", a.Name, b.Name, end, b.Offset)
		}
	}
	return nil
}

func compareInt64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func alignUp(n, align int64) int64 { return (n + align - 1) / align * align }

// parseTensor reads one entry of the table. Its Offset is still relative to the
// data section; size is what its shape and type need.
func parseTensor(c *cursor, i int) (t Tensor, size int64, err error) {
	what := fmt.Sprintf("tensor %d", i)
	name, err := c.text("the name of "+what, maxNameBytes)
	if err != nil {
		return t, 0, err
	}
	if len(name) == 0 || !utf8.Valid(name) {
		return t, 0, c.errorf("%s: its name must be UTF-8 and not empty, but is %q", what, name)
	}
	t.Name = string(name)
	what = fmt.Sprintf("tensor %q", t.Name)
	if t.Shape, err = parseShape(c, what); err != nil {
		return t, 0, err
	}
	typ, err := c.uint32("the type of " + what)
	if err != nil {
		return t, 0, err
	}
	t.Type = quant.Type(typ)
	if size, err = byteSize(t.Type, t.Shape); err != nil {
		return t, 0, c.errorf("%s: %w", what, err)
	}
	offset, err := c.uint64("the offset of " + what)
	if err != nil {
		return t, 0, err
	}
	if offset > math.MaxInt64/2 {
		return t, 0, c.errorf("%s: offset %d is beyond any file", what, offset)
	}
	t.Offset = int64(offset)
	return t, size, nil
}

func parseShape(c *cursor, what string) ([]int, error) {
	n, err := c.uint32("the dimensions of " + what)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > maxDims {
		return nil, c.errorf("%s must have 1 to %d dimensions, but has %d", what, maxDims, n)
	}
	shape := make([]int, n)
	for i := range shape {
		d, err := c.uint64("the shape of " + what)
		if err != nil {
			return nil, err
		}
		if d > math.MaxInt {
			return nil, c.errorf("%s: dimension %d is %d, beyond the address space", what, i, d)
		}
		shape[i] = int(d)
	}
	return shape, nil
}

// byteSize returns the bytes of a tensor, or why there is no such tensor.
func byteSize(typ quant.Type, shape []int) (int64, error) {
	if !typ.Known() {
		return 0, fmt.Errorf("type %d is unknown; known are %v", uint32(typ), quant.All())
	}
	if len(shape) < 1 || len(shape) > maxDims {
		return 0, fmt.Errorf("it must have 1 to %d dimensions, but has %d", maxDims, len(shape))
	}
	elems := uint64(1)
	for i, d := range shape {
		if d < 1 {
			return 0, fmt.Errorf("dimension %d must be at least 1, but is %d", i, d)
		}
		hi, lo := bits.Mul64(elems, uint64(d))
		if hi != 0 || lo > math.MaxInt/8 {
			return 0, fmt.Errorf("shape %v has more weights than the address space holds", shape)
		}
		elems = lo
	}
	row, err := typ.RowBytes(shape[0])
	if err != nil {
		return 0, err
	}
	return int64(row) * int64(elems/uint64(shape[0])), nil
}
