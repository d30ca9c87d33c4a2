package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"chimera/internal/quant"
)

// A Writer collects metadata and tensors and writes them as a version 3 file.
// The same calls give the same bytes. Not safe for concurrent use.
type Writer struct {
	keys    []string
	values  map[string]Value
	tensors []pending
}

type pending struct {
	Tensor
	size int64
	fill func(io.Writer) error
}

// NewWriter starts an empty file.
func NewWriter() *Writer { return &Writer{values: map[string]Value{}} }

// Set stores a value under key: a string, bool, int32, uint32, uint64, float32,
// float64, []string, []int32, []float32, []bool or a Value of another file.
func (w *Writer) Set(key string, value any) error {
	v, err := encode(value)
	if err != nil {
		return fmt.Errorf("key %s: %w", key, err)
	}
	if key == "" || len(key) > maxKeyBytes {
		return fmt.Errorf("key %q must have 1 to %d bytes, but has %d", clip(key), maxKeyBytes, len(key))
	}
	if _, dup := w.values[key]; dup {
		return fmt.Errorf("key %s is set twice", key)
	}
	if key == alignmentKey {
		align, err := v.Uint()
		if err != nil {
			return fmt.Errorf("key %s %w", key, err)
		}
		if err := checkAlignment(align); err != nil {
			return err
		}
	}
	w.keys = append(w.keys, key)
	w.values[key] = v
	return nil
}

// Add adds a tensor (shape: the contiguous size first). fill is called while the
// file is written and must write exactly the tensor's bytes.
func (w *Writer) Add(name string, typ quant.Type, shape []int, fill func(io.Writer) error) error {
	size, err := byteSize(typ, shape)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", name, err)
	}
	if name == "" || len(name) > maxNameBytes {
		return fmt.Errorf("tensor %q: its name must have 1 to %d bytes, but has %d", clip(name), maxNameBytes, len(name))
	}
	if slices.ContainsFunc(w.tensors, func(p pending) bool { return p.Name == name }) {
		return fmt.Errorf("tensor %q is added twice", name)
	}
	w.tensors = append(w.tensors, pending{Tensor{Name: name, Type: typ, Shape: slices.Clone(shape)}, size, fill})
	return nil
}

// AddBytes adds a tensor whose bytes are at hand.
func (w *Writer) AddBytes(name string, typ quant.Type, shape []int, data []byte) error {
	return w.Add(name, typ, shape, func(out io.Writer) error {
		_, err := out.Write(data)
		return err
	})
}

func (w *Writer) alignment() int64 {
	if v, ok := w.values[alignmentKey]; ok {
		if align, err := v.Uint(); err == nil {
			return int64(align)
		}
	}
	return defaultAlignment
}

// WriteTo writes the file to out.
func (w *Writer) WriteTo(out io.Writer) (int64, error) {
	head := w.head()
	n := &counter{out: out}
	if _, err := n.Write(head); err != nil {
		return n.n, fmt.Errorf("write model: %w", err)
	}
	for _, t := range w.tensors {
		if err := n.pad(w.alignment()); err != nil {
			return n.n, fmt.Errorf("write model: %w", err)
		}
		before := n.n
		if err := t.fill(n); err != nil {
			return n.n, fmt.Errorf("write tensor %q: %w", t.Name, err)
		}
		if got := n.n - before; got != t.size {
			return n.n, fmt.Errorf("write tensor %q: its shape %v of %v needs %d bytes, but %d were written", t.Name, t.Shape, t.Type, t.size, got)
		}
	}
	if err := n.pad(w.alignment()); err != nil {
		return n.n, fmt.Errorf("write model: %w", err)
	}
	return n.n, nil
}

// head encodes everything before the data section.
func (w *Writer) head() []byte {
	b := append([]byte(magic), 3, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(w.tensors)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(w.keys)))
	for _, key := range w.keys {
		b = appendText(b, key)
		b = w.values[key].append(b)
	}
	offset := int64(0)
	for _, t := range w.tensors {
		b = appendText(b, t.Name)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(t.Shape)))
		for _, d := range t.Shape {
			b = binary.LittleEndian.AppendUint64(b, uint64(d))
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Type))
		b = binary.LittleEndian.AppendUint64(b, uint64(offset))
		offset = alignUp(offset+t.size, w.alignment())
	}
	return b
}

// WriteFile writes the file to path, which appears only when it is complete.
func (w *Writer) WriteFile(path string) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part*")
	if err != nil {
		return fmt.Errorf("write model: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	out := bufio.NewWriterSize(tmp, 1<<20)
	if _, err = w.WriteTo(out); err == nil {
		err = out.Flush()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(tmp.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write model %s: %w", path, err)
	}
	return nil
}

// A counter counts what passes.
type counter struct {
	out io.Writer
	n   int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.n += int64(n)
	return n, err
}

func (c *counter) pad(align int64) error {
	_, err := c.Write(make([]byte, alignUp(c.n, align)-c.n))
	return err
}

func appendText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// append encodes v with its type in front.
func (v Value) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(v.typ))
	switch v.typ {
	case String:
		b = binary.LittleEndian.AppendUint64(b, uint64(len(v.raw)))
	case Array:
		b = binary.LittleEndian.AppendUint32(b, uint32(v.elem))
		b = binary.LittleEndian.AppendUint64(b, uint64(v.n))
	}
	return append(b, v.raw...)
}

// encode turns a Go value into a metadata value.
func encode(value any) (Value, error) {
	le := binary.LittleEndian
	switch x := value.(type) {
	case Value:
		if x.raw == nil && x.typ != String && x.typ != Array {
			return x, fmt.Errorf("the zero Value cannot be stored")
		}
		return x, nil
	case string:
		return Value{typ: String, raw: []byte(x)}, nil
	case bool:
		return Value{typ: Bool, raw: appendBool(nil, x)}, nil
	case int32:
		return Value{typ: Int32, raw: le.AppendUint32(nil, uint32(x))}, nil
	case uint32:
		return Value{typ: Uint32, raw: le.AppendUint32(nil, x)}, nil
	case uint64:
		return Value{typ: Uint64, raw: le.AppendUint64(nil, x)}, nil
	case float32:
		return Value{typ: Float32, raw: le.AppendUint32(nil, math.Float32bits(x))}, nil
	case float64:
		return Value{typ: Float64, raw: le.AppendUint64(nil, math.Float64bits(x))}, nil
	case []string:
		return encodeAll(String, x, appendText), nil
	case []int32:
		return encodeAll(Int32, x, func(b []byte, v int32) []byte { return le.AppendUint32(b, uint32(v)) }), nil
	case []float32:
		return encodeAll(Float32, x, func(b []byte, v float32) []byte { return le.AppendUint32(b, math.Float32bits(v)) }), nil
	case []bool:
		return encodeAll(Bool, x, appendBool), nil
	}
	return Value{}, fmt.Errorf("a %T cannot be stored", value)
}

func encodeAll[T any](elem ValueType, xs []T, app func([]byte, T) []byte) Value {
	v := Value{typ: Array, elem: elem, n: len(xs)}
	for _, x := range xs {
		v.raw = app(v.raw, x)
	}
	return v
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}
