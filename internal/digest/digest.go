// Package digest gives the same bytes the same id.
//
// Everything chimera stores is named by what it holds, so that two people who
// hold the same rows hold the same name. All digests are SHA-256 in lower-case
// hexadecimal; a short id is a prefix for people, never a key for machines.
package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strconv"
)

// Bytes returns the digest of b.
func Bytes(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Text returns the digest of s in UTF-8.
func Text(s string) string { return Bytes([]byte(s)) }

// Canonical renders v as JSON with sorted object keys and no white space, so
// that equal values give equal bytes. It fails on what JSON cannot hold (NaN,
// channels).
func Canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("canonical form: %w", err)
	}
	// A round trip through any sorts the keys of structs too.
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("canonical form: %w", err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tree); err != nil {
		return nil, fmt.Errorf("canonical form: %w", err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// JSON returns the digest of v's canonical form.
func JSON(v any) (string, error) {
	b, err := Canonical(v)
	if err != nil {
		return "", err
	}
	return Bytes(b), nil
}

// Short returns the first n characters of a digest, for display.
func Short(d string, n int) string {
	if len(d) < n {
		return d
	}
	return d[:n]
}

// A Chain digests a sequence of records. Every record is framed by its length,
// so ("ab","c") and ("a","bc") differ. The zero value is ready to use; it is
// not safe for concurrent use.
type Chain struct {
	h   hash.Hash
	buf []byte // records that were not hashed yet
}

// chunk is how much is hashed at once.
const chunk = 4096

// Add appends one record.
func (c *Chain) Add(record []byte) {
	c.buf = append(strconv.AppendInt(c.buf, int64(len(record)), 10), ':')
	c.buf = append(c.buf, record...)
	if len(c.buf) > chunk {
		c.flush()
	}
}

func (c *Chain) flush() {
	if c.h == nil {
		c.h = sha256.New()
	}
	c.h.Write(c.buf)
	c.buf = c.buf[:0]
}

// Sum returns the digest of all records so far.
func (c *Chain) Sum() string {
	c.flush()
	return hex.EncodeToString(c.h.Sum(nil))
}

// Reader returns the digest of everything r yields.
func Reader(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
