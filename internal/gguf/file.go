// Package gguf reads and writes model files in the GGUF format, versions 2 and 3
// (github.com/ggml-org/ggml/blob/master/docs/gguf.md).
//
// A model file comes from a stranger, so it is hostile until checked: every
// count, length, offset and array is held against the bytes that are really
// there before anything is allocated or sliced, and what does not fit is an
// error that names the place, the thing and both values. Nothing is repaired:
// a file that is wrong in one place has not earned trust in the others.
//
// Files are mapped, not read: a model of any size opens at once and its weights
// are used where they lie.
package gguf

import (
	"fmt"
	"os"
	"sync"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/quant"
)

const (
	magic            = "GGUF"
	alignmentKey     = "general.alignment"
	defaultAlignment = 32
	maxAlignment     = 1 << 20
	maxDims          = 4
	maxNameBytes     = 255
	maxKeyBytes      = 65535
	maxNesting       = 4       // arrays in arrays
	maxKeys          = 1 << 16 // published models have some fifty
	maxTensors       = 1 << 18 // published models have some thousands
)

// A File is an open model file. It is immutable and safe for concurrent use
// until Close; Values and Tensors point into the mapped file and die with it.
// The file must not be cut short by others while it is open.
type File struct {
	Path     string
	Version  uint32 // 2 or 3
	Metadata Metadata
	Tensors  []Tensor // in the order of the file's table

	byName map[string]int
	data   []byte
	unmap  func() error
	digest func() string
}

// A Tensor is one named array of weights.
type Tensor struct {
	Name   string
	Type   quant.Type
	Shape  []int  // 1 to 4 sizes, each at least 1, the contiguous one first (columns, rows, …)
	Offset int64  // of its first byte in the file
	Data   []byte // in the mapped file; read-only
}

// Cols is the length of the contiguous dimension.
func (t Tensor) Cols() int { return t.Shape[0] }

// Rows is the product of all other dimensions.
func (t Tensor) Rows() int {
	n := 1
	for _, d := range t.Shape[1:] {
		n *= d
	}
	return n
}

// Elems is the number of weights.
func (t Tensor) Elems() int { return t.Cols() * t.Rows() }

// Open maps the file at path and checks all of its structure (not its weights:
// any bytes are weights). Errors carry fault.Usage and a hint.
func Open(path string) (*File, error) {
	data, unmap, err := mapFile(path)
	if err != nil {
		return nil, fault.With(fmt.Errorf("open model: %w", err), fault.Usage, "check the path: a model is one file that ends in .gguf")
	}
	f, err := Parse(path, data)
	if err != nil {
		unmap()
		return nil, err
	}
	f.unmap = unmap
	return f, nil
}

// Parse reads a model from memory; path is used in messages only. The File keeps
// data, which must not change.
func Parse(path string, data []byte) (*File, error) {
	f := &File{Path: path, data: data}
	if err := f.parse(); err != nil {
		return nil, fault.With(fmt.Errorf("model file %s: %w", path, err), fault.Usage,
			"the file is damaged, incomplete or no GGUF model: compare its size and SHA-256 with the publisher's and download it again")
	}
	f.digest = sync.OnceValue(func() string { return digest.Bytes(f.data) })
	return f, nil
}

// Close unmaps the file. It may be called more than once.
func (f *File) Close() error {
	if f.unmap == nil {
		return nil
	}
	unmap := f.unmap
	f.unmap, f.data = nil, nil
	return unmap()
}

// Tensor returns the tensor called name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Tensor{}, false
	}
	return f.Tensors[i], true
}

// Size is the length of the file in bytes.
func (f *File) Size() int64 { return int64(len(f.data)) }

// Digest is the SHA-256 of the whole file in hexadecimal. The first call reads
// all of it (about a second per gigabyte), later ones remember. Call it before Close.
func (f *File) Digest() string { return f.digest() }

// FileDigest is the SHA-256 of the file at path in hexadecimal.
func FileDigest(path string) (string, error) {
	in, err := os.Open(path)
	if err != nil {
		return "", fault.With(fmt.Errorf("digest of model: %w", err), fault.Usage, "check the path")
	}
	defer in.Close()
	sum, err := digest.Reader(in)
	if err != nil {
		return "", fmt.Errorf("digest of %s: %w", path, err)
	}
	return sum, nil
}
