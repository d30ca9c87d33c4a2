package gguf_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"chimera/internal/gguf"
	"chimera/internal/quant"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func write(t interface{ Fatal(...any) }, w *gguf.Writer) []byte {
	var out bytes.Buffer
	n, err := w.WriteTo(&out)
	if err != nil || n != int64(out.Len()) {
		t.Fatal(n, out.Len(), err)
	}
	return out.Bytes()
}

// read returns the value of key as the Go type it was stored from.
func read(m *gguf.Metadata, key string) any {
	v, _ := m.Lookup(key)
	var out any
	var err error
	switch v.Type() {
	case gguf.String:
		out, err = v.Text()
	case gguf.Bool:
		out, err = v.Bool()
	case gguf.Float32:
		f, ferr := v.Float()
		out, err = float32(f), ferr
	case gguf.Float64:
		out, err = v.Float()
	case gguf.Uint32:
		u, uerr := v.Uint()
		out, err = uint32(u), uerr
	case gguf.Uint64:
		out, err = v.Uint()
	case gguf.Array:
		switch v.Elem() {
		case gguf.String:
			out, err = v.Strings()
		case gguf.Float32:
			out, err = v.Floats()
		case gguf.Int32:
			out, err = v.Ints()
		case gguf.Bool:
			out, err = v.Bools()
		}
	}
	if err != nil {
		return err
	}
	return out
}

func TestWrittenFilesReadBack(t *testing.T) {
	value := rapid.OneOf(
		rapid.String().AsAny(), rapid.Bool().AsAny(), rapid.Uint32().AsAny(), rapid.Uint64().AsAny(),
		rapid.Float32().AsAny(), rapid.Float64().AsAny(),
		rapid.SliceOf(rapid.String()).AsAny(), rapid.SliceOf(rapid.Int32()).AsAny(),
		rapid.SliceOf(rapid.Float32()).AsAny(), rapid.SliceOf(rapid.Bool()).AsAny())
	rapid.Check(t, func(t *rapid.T) {
		w := gguf.NewWriter()
		keys := rapid.SliceOfNDistinct(rapid.StringMatching("[a-z]{1,8}"), 0, 6, rapid.ID).Draw(t, "keys")
		want := map[string]any{}
		for _, k := range keys {
			want[k] = value.Draw(t, "value")
			if err := w.Set(k, want[k]); err != nil {
				t.Fatal(err)
			}
		}
		align := rapid.SampledFrom([]uint32{8, 32, 256}).Draw(t, "align")
		if err := w.Set("general.alignment", align); err != nil {
			t.Fatal(err)
		}
		data := map[string][]byte{}
		for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching("[a-z]{1,8}"), 0, 6, rapid.ID).Draw(t, "tensors") {
			typ := rapid.SampledFrom(quant.All()).Draw(t, "type")
			shape := append([]int{typ.BlockElems() * rapid.IntRange(1, 3).Draw(t, "blocks")},
				rapid.SliceOfN(rapid.IntRange(1, 3), 0, 3).Draw(t, "shape")...)
			row, _ := typ.RowBytes(shape[0])
			n := row * gguf.Tensor{Shape: shape}.Rows()
			data[name] = bytes.Repeat([]byte{byte(len(data) + 1)}, n)
			if err := w.AddBytes(name, typ, shape, data[name]); err != nil {
				t.Fatal(err)
			}
		}
		first := write(t, w)
		if !bytes.Equal(first, write(t, w)) {
			t.Fatal("the same calls gave other bytes")
		}
		f, err := gguf.Parse("m.gguf", first)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range want {
			if d := cmp.Diff(v, read(&f.Metadata, k), cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); d != "" {
				t.Fatal(k, d)
			}
		}
		if len(f.Tensors) != len(data) {
			t.Fatalf("%d tensors of %d", len(f.Tensors), len(data))
		}
		for _, x := range f.Tensors {
			if !bytes.Equal(x.Data, data[x.Name]) || x.Offset%int64(align) != 0 {
				t.Fatalf("tensor %s at %d: %d bytes", x.Name, x.Offset, len(x.Data))
			}
		}
		copied := gguf.NewWriter()
		for _, k := range f.Metadata.Keys() {
			v, _ := f.Metadata.Lookup(k)
			if err := copied.Set(k, v); err != nil {
				t.Fatal(err)
			}
		}
		for _, x := range f.Tensors {
			if err := copied.AddBytes(x.Name, x.Type, x.Shape, x.Data); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first, write(t, copied)) {
			t.Fatal("a copy made through the reader differs")
		}
	})
}

func TestTypedAccess(t *testing.T) {
	w := gguf.NewWriter()
	for k, v := range map[string]any{"s": "x", "i": int32(-1), "u": uint64(math.MaxUint64), "f": float32(0.5),
		"b": true, "ss": []string{"a"}, "ii": []int32{-5}, "big": uint32(5000)} {
		if err := w.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	f, err := gguf.Parse("m.gguf", write(t, w))
	if err != nil {
		t.Fatal(err)
	}
	m := &f.Metadata
	fails := func(want string, ok bool, err error) {
		t.Helper()
		if !ok || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ok %v, error = %v, want %q", ok, err, want)
		}
	}
	_, ok, err := m.String("i")
	fails("key i has type i32, wanted string", ok, err)
	_, ok, err = m.Uint("s")
	fails("key s has type string, wanted an integer", ok, err)
	_, ok, err = m.Uint("i")
	fails("key i must not be negative, but is -1", ok, err)
	_, ok, err = m.Float("b")
	fails("key b has type bool, wanted f32 or f64", ok, err)
	_, ok, err = m.Ints("ss")
	fails("key ss has type array of string, wanted array of integers", ok, err)
	_, ok, err = m.Strings("ii")
	fails("key ii has type array of i32, wanted array of string", ok, err)
	_, ok, err = m.Uint32("big", 4096)
	fails("key big must be at most 4096, but is 5000", ok, err)
	if u, ok, err := m.Uint("u"); u != math.MaxUint64 || !ok || err != nil {
		t.Errorf("u = %d, %v, %v", u, ok, err)
	}
	if v, ok, err := m.Bool("absent"); v || ok || err != nil {
		t.Error("an absent key is neither a value nor an error")
	}
	for key, want := range map[string]string{"s": "x", "i": "-1", "u": "18446744073709551615", "f": "0.5", "b": "true", "ss": "[1]string"} {
		if v, _ := m.Lookup(key); v.String() != want {
			t.Errorf("%s shows as %q, want %q", key, v, want)
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	w := gguf.NewWriter()
	if err := errors.Join(w.Set("k", "v"), w.AddBytes("w", quant.F32, []int{1}, make([]byte, 4))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a key twice":           {w.Set("k", "v"), "set twice"},
		"an empty key":          {w.Set("", "v"), "1 to 65535 bytes"},
		"a type without form":   {w.Set("x", struct{}{}), "a struct {} cannot be stored"},
		"the zero Value":        {w.Set("x", gguf.Value{}), "zero Value"},
		"an odd alignment":      {w.Set("general.alignment", uint32(5)), "power of two"},
		"alignment as text":     {w.Set("general.alignment", "5"), "wanted an integer"},
		"a tensor twice":        {w.AddBytes("w", quant.F32, []int{1}, nil), "added twice"},
		"a tensor without name": {w.AddBytes("", quant.F32, []int{1}, nil), "1 to 255 bytes"},
		"an empty tensor":       {w.AddBytes("x", quant.F32, []int{0}, nil), "at least 1, but is 0"},
		"no shape":              {w.AddBytes("x", quant.F32, nil, nil), "1 to 4 dimensions"},
		"half a block":          {w.AddBytes("x", quant.Q8_0, []int{16}, nil), "multiple of 32"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: error = %v, want %q", name, c.err, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := w.AddBytes("short", quant.F32, []int{2}, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteFile(path); err == nil || !strings.Contains(err.Error(), "needs 8 bytes, but 4 were written") {
		t.Errorf("error = %v", err)
	}
	broken := gguf.NewWriter()
	if err := broken.Add("x", quant.F32, []int{1}, func(io.Writer) error { return io.ErrClosedPipe }); err != nil {
		t.Fatal(err)
	}
	if err := broken.WriteFile(path); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error = %v", err)
	}
	if left, _ := filepath.Glob(path + "*"); left != nil {
		t.Errorf("half a file is left: %v", left)
	}
}
