package gguf_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/gguf"
	"chimera/internal/quant"
)

// raw builds a file by hand, so that a test can write what the Writer refuses.
type raw struct{ b []byte }

func (r *raw) u32(v ...uint32) *raw {
	for _, x := range v {
		r.b = binary.LittleEndian.AppendUint32(r.b, x)
	}
	return r
}

func (r *raw) u64(v ...uint64) *raw {
	for _, x := range v {
		r.b = binary.LittleEndian.AppendUint64(r.b, x)
	}
	return r
}

func (r *raw) text(s string) *raw {
	r.u64(uint64(len(s)))
	r.b = append(r.b, s...)
	return r
}

// head starts a file of version 3.
func head(tensors, keys uint64) *raw {
	return (&raw{[]byte("GGUF")}).u32(3).u64(tensors, keys)
}

// tensor adds a table entry.
func (r *raw) tensor(name string, typ uint32, offset uint64, dims ...uint64) *raw {
	return r.text(name).u32(uint32(len(dims))).u64(dims...).u32(typ).u64(offset)
}

// data pads to the data section and adds n bytes of weights.
func (r *raw) data(n int) *raw {
	for len(r.b)%32 != 0 {
		r.b = append(r.b, 0)
	}
	r.b = append(r.b, make([]byte, n)...)
	return r
}

const (
	u8, u32t, boolt, str, arr = 0, 4, 7, 8, 9
	f32, q8                   = 0, 8
	huge                      = 1 << 62
)

func TestBrokenFiles(t *testing.T) {
	for _, c := range []struct {
		name string
		file *raw
		want string
	}{
		{"empty", &raw{}, "at byte 0: the magic number needs 4 bytes, but 0 are left"},
		{"another format", &raw{[]byte("PK\x03\x04....")}, `must begin with "GGUF"`},
		{"version 1", (&raw{[]byte("GGUF")}).u32(1), "at byte 4: the version must be 2 or 3, but is 1"},
		{"big-endian", (&raw{[]byte("GGUF")}).u32(3 << 24), "big-endian (version 3)"},
		{"cut in the head", (&raw{[]byte("GGUF")}).u32(3).u32(1), "the number of tensors needs 8 bytes, but 4 are left"},
		{"more tensors than any model", head(huge, 0), "must be at most 262144, but is 4611686018427387904"},
		{"more tensors than bytes", head(1000, 0), "1000 tensors need at least 32 bytes each"},
		{"more keys than any model", head(0, huge), "metadata keys must be at most 65536"},
		{"more keys than bytes", head(0, 100), "100 metadata keys need at least 14 bytes each"},
		{"key longer than the file", head(0, 1).u64(9999).u64(0), "metadata key 0 needs 9999 bytes, but 8 are left"},
		{"key longer than allowed", head(0, 1).u64(huge).u64(0), "must be at most 65535 bytes"},
		{"empty key", head(0, 1).text("").u32(u8).u64(0), "not empty"},
		{"key that is not UTF-8", head(0, 1).text("a\xff").u32(u8).u64(0), "must be UTF-8"},
		{"same key twice", head(0, 2).text("a").u32(u32t, 1).text("a").u32(u32t, 2), `key "a" occurs twice`},
		{"unknown value type", head(0, 1).text("a").u32(13).u64(0), "key a has the unknown type 13"},
		{"cut value", head(0, 1).text("abc").u32(10, 0), "key abc needs 8 bytes, but 4 are left"},
		{"bool that is neither", head(0, 1).text("a").u32(boolt, 2), "must be 0 or 1 as a bool, but is 2"},
		{"string longer than the file", head(0, 1).text("a").u32(str).u64(huge), "key a needs 4611686018427387904 bytes, but 0 are left"},
		{"array longer than the file", head(0, 1).text("a").u32(arr, u32t).u64(huge), "elements of key a need at least 4 bytes each"},
		{"array of long strings", head(0, 1).text("a").u32(arr, str).u64(1, 99), "an element of key a needs 99 bytes"},
		{"array of unknown type", head(0, 1).text("a").u32(arr, 99).u64(0), "elements of the unknown type 99"},
		{"array of broken bools", head(0, 1).text("a").u32(arr, boolt).u64(4).u32(2), "must hold 0 or 1"},
		{"arrays nested too deep", head(0, 1).text("a").u32(arr, arr).u64(1).u32(arr).u64(1).u32(arr).u64(1).u32(arr).u64(1).u32(u8).u64(0), "nested deeper than 4"},
		{"alignment of three", head(0, 1).text("general.alignment").u32(u32t, 3), "must be a power of two from 8 to 1048576, but is 3"},
		{"alignment of zero", head(0, 1).text("general.alignment").u32(u32t, 0), "but is 0"},
		{"alignment of text", head(0, 1).text("general.alignment").u32(str).text("32"), "key general.alignment has type string, wanted an integer"},
		{"tensor without name", head(1, 0).tensor("", f32, 0, 4).data(16), "not empty"},
		{"tensor name too long", head(1, 0).tensor(strings.Repeat("n", 256), f32, 0, 4).data(16), "must be at most 255 bytes, but is 256"},
		{"no dimensions", head(1, 0).tensor("w", f32, 0).data(32), "must have 1 to 4 dimensions, but has 0"},
		{"five dimensions", head(1, 0).tensor("w", f32, 0, 1, 1, 1, 1, 1).data(16), "but has 5"},
		{"a dimension of zero", head(1, 0).tensor("w", f32, 0, 4, 0).data(16), "dimension 1 must be at least 1, but is 0"},
		{"a dimension beyond the address space", head(1, 0).tensor("w", f32, 0, 1<<63).data(16), "beyond the address space"},
		{"dimensions that overflow", head(1, 0).tensor("w", f32, 0, 1<<40, 1<<40).data(16), "more weights than the address space holds"},
		{"dimensions that overflow to zero", head(1, 0).tensor("w", f32, 0, 1<<32, 1<<32).data(16), "more weights than the address space holds"},
		{"unknown tensor type", head(1, 0).tensor("w", 99, 0, 4).data(16), "type 99 is unknown"},
		{"row of half a block", head(1, 0).tensor("w", q8, 0, 48).data(64), "must be a multiple of 32, but are 48"},
		{"offset off the grid", head(1, 0).tensor("w", f32, 8, 4).data(64), "must be a multiple of 32, but is 8"},
		{"offset beyond the file", head(1, 0).tensor("w", f32, 64, 4).data(16), "16 bytes at offset 64 of a data section of 16 bytes"},
		{"offset beyond any file", head(1, 0).tensor("w", f32, 1<<63, 4).data(16), "beyond any file"},
		{"weights cut short", head(1, 0).tensor("w", f32, 0, 64).data(255), "256 bytes at offset 0 of a data section of 255 bytes"},
		{"no data section", head(1, 0).tensor("w", f32, 0, 1), "of a data section of 0 bytes"},
		{"same tensor twice", head(2, 0).tensor("w", f32, 0, 4).tensor("w", f32, 32, 4).data(64), `two tensors are called "w"`},
		{"tensors that overlap", head(2, 0).tensor("b", f32, 32, 4).tensor("a", f32, 0, 16).data(64), `tensors "a" and "b" overlap`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := gguf.Parse("m.gguf", c.file.b)
			if err == nil {
				t.Fatalf("accepted: %+v", f.Tensors)
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "m.gguf") {
				t.Errorf("error = %q, want it to say %q", err, c.want)
			}
			if fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
				t.Errorf("code %d, hint %q", fault.CodeOf(err), fault.HintOf(err))
			}
		})
	}
}

// A count that the file does not justify must not be allocated.
func TestBrokenFilesAllocateLittle(t *testing.T) {
	file := head(0, 1).text("a").u32(arr, u8).u64(1 << 40).b
	allocated := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.TotalAlloc
	}
	before := allocated()
	if _, err := gguf.Parse("m.gguf", file); err == nil {
		t.Fatal("accepted")
	}
	if got := allocated() - before; got > 1<<20 {
		t.Errorf("%d bytes allocated for a file of %d", got, len(file))
	}
}

func TestVersionsAndLayout(t *testing.T) {
	for _, version := range []byte{2, 3} {
		r := head(2, 1).text("k").u32(u32t, 7).tensor("b", f32, 32, 2, 3).tensor("a", q8, 0, 32).data(32 + 34)
		r.b[4] = version
		// Q8_0 takes 34 bytes, so "b" at 32 would overlap: move it to 64.
		r = head(2, 1).text("k").u32(u32t, 7).tensor("b", f32, 64, 2, 3).tensor("a", q8, 0, 32).data(64 + 24)
		r.b[4] = version
		f, err := gguf.Parse("m.gguf", r.b)
		if err != nil {
			t.Fatal(err)
		}
		w, ok := f.Tensor("b")
		if !ok || f.Version != uint32(version) || w.Cols() != 2 || w.Rows() != 3 || w.Elems() != 6 || len(w.Data) != 24 || w.Type != quant.F32 {
			t.Errorf("version %d: tensor = %+v", version, w)
		}
		if _, ok := f.Tensor("c"); ok {
			t.Error("a tensor that is not there was found")
		}
		if f.Digest() != digest.Bytes(r.b) || f.Size() != int64(len(r.b)) {
			t.Error("digest or size wrong")
		}
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ path, want string }{
		"absent": {filepath.Join(dir, "none.gguf"), "no such file"},
		"folder": {dir, "no regular file"},
		"empty":  {filepath.Join(dir, "empty.gguf"), "is empty"},
	} {
		if name == "empty" {
			if err := os.WriteFile(c.path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := gguf.Open(c.path); err == nil || fault.CodeOf(err) != fault.Usage || (name != "absent" && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error = %v", name, err)
		}
	}
	path := filepath.Join(dir, "m.gguf")
	w := gguf.NewWriter()
	if err := w.AddBytes("w", quant.F32, []int{2}, []byte("12345678")); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	tensor, _ := f.Tensor("w")
	if !bytes.Equal(tensor.Data, []byte("12345678")) {
		t.Errorf("data = %q", tensor.Data)
	}
	if sum, err := gguf.FileDigest(path); err != nil || sum != f.Digest() {
		t.Errorf("FileDigest = %s, %v; Digest = %s", sum, err, f.Digest())
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Errorf("Close must succeed, twice: %v", err)
		}
	}
	if _, err := gguf.FileDigest(filepath.Join(dir, "none")); fault.CodeOf(err) != fault.Usage {
		t.Errorf("FileDigest of nothing: %v", err)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 2 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(head(0, 0).b)
	f.Add(head(2, 1).text("k").u32(arr, str).u64(1).text("v").tensor("b", f32, 64, 2, 3).tensor("a", q8, 0, 32).data(64 + 24).b)
	f.Add(head(0, 2).text("general.alignment").u32(u32t, 64).text("x").u32(arr, arr).u64(1).u32(boolt).u64(1).b)
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := gguf.Parse("f.gguf", b)
		if err != nil {
			return
		}
		for _, key := range file.Metadata.Keys() {
			readEverything(t, file, key)
		}
		total := 0
		for _, w := range file.Tensors {
			total += len(w.Data)
			if want, err := w.Type.RowBytes(w.Cols()); err != nil || want*w.Rows() != len(w.Data) {
				t.Fatalf("tensor %+v of %d bytes, %v", w.Shape, len(w.Data), err)
			}
		}
		if total > len(b) {
			t.Fatalf("%d bytes of weights in a file of %d", total, len(b))
		}
	})
}

// readEverything calls each getter: any but the right one must fail, none may panic.
func readEverything(t *testing.T, f *gguf.File, key string) {
	m := &f.Metadata
	v, ok := m.Lookup(key)
	if !ok {
		t.Fatalf("key %q is listed and absent", key)
	}
	_ = v.String()
	good := 0
	for _, get := range []func() (bool, error){
		func() (bool, error) { _, ok, err := m.String(key); return ok, err },
		func() (bool, error) { _, ok, err := m.Uint(key); return ok, err },
		func() (bool, error) { _, ok, err := m.Float(key); return ok, err },
		func() (bool, error) { _, ok, err := m.Bool(key); return ok, err },
		func() (bool, error) { _, ok, err := m.Strings(key); return ok, err },
		func() (bool, error) { _, ok, err := m.Floats(key); return ok, err },
		func() (bool, error) { _, ok, err := m.Ints(key); return ok, err },
		func() (bool, error) { _, ok, err := m.Bools(key); return ok, err },
	} {
		ok, err := get()
		if !ok {
			t.Fatalf("key %q is there and absent", key)
		}
		if err == nil {
			good++
		}
	}
	if good > 1 {
		t.Fatalf("key %q of type %v has %d types", key, v.Type(), good)
	}
}
