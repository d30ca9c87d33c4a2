package gguf

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// Metadata holds the keys and values of a file. Each getter returns ok = false
// for a key that is absent and an error for one of another type: a default
// belongs to the first case only.
type Metadata struct {
	keys   []string
	values map[string]Value
}

func (m *Metadata) parse(c *cursor, n int) error {
	m.values = make(map[string]Value)
	for i := range n {
		key, err := c.text(fmt.Sprintf("metadata key %d", i), maxKeyBytes)
		if err != nil {
			return err
		}
		if len(key) == 0 || !utf8.Valid(key) {
			return c.errorf("metadata key %d must be UTF-8 and not empty, but is %q", i, clip(string(key)))
		}
		name := string(key)
		if _, dup := m.values[name]; dup {
			return c.errorf("key %q occurs twice", clip(name))
		}
		v, err := parseValue(c, "key "+clip(name))
		if err != nil {
			return err
		}
		m.keys = append(m.keys, name)
		m.values[name] = v
	}
	return nil
}

// clip keeps messages readable when a damaged file has keys of kilobytes.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// Keys returns all keys in the order of the file.
func (m *Metadata) Keys() []string { return slices.Clone(m.keys) }

// Lookup returns the value of key as it is stored.
func (m *Metadata) Lookup(key string) (Value, bool) {
	v, ok := m.values[key]
	return v, ok
}

// get applies one of Value's readers to key.
func get[T any](m *Metadata, key string, read func(Value) (T, error)) (out T, ok bool, err error) {
	v, ok := m.values[key]
	if !ok {
		return out, false, nil
	}
	if out, err = read(v); err != nil {
		return out, true, fmt.Errorf("key %s %w", key, err)
	}
	return out, true, nil
}

// String returns the string at key.
func (m *Metadata) String(key string) (v string, ok bool, err error) {
	return get(m, key, Value.Text)
}

// Uint returns the integer at key; any integer type that is not negative will do.
func (m *Metadata) Uint(key string) (v uint64, ok bool, err error) {
	return get(m, key, Value.Uint)
}

// Float returns the number at key; F32 and F64 will do.
func (m *Metadata) Float(key string) (v float64, ok bool, err error) {
	return get(m, key, Value.Float)
}

// Bool returns the truth value at key.
func (m *Metadata) Bool(key string) (v, ok bool, err error) {
	return get(m, key, Value.Bool)
}

// Strings returns the strings at key, copied out of the file.
func (m *Metadata) Strings(key string) (v []string, ok bool, err error) {
	return get(m, key, Value.Strings)
}

// Floats returns the F32 array at key.
func (m *Metadata) Floats(key string) (v []float32, ok bool, err error) {
	return get(m, key, Value.Floats)
}

// Ints returns the array of integers at key, each of which must fit 32 bits.
func (m *Metadata) Ints(key string) (v []int32, ok bool, err error) {
	return get(m, key, Value.Ints)
}

// Bools returns the array of truth values at key.
func (m *Metadata) Bools(key string) (v []bool, ok bool, err error) {
	return get(m, key, Value.Bools)
}

// Uint32 returns the integer at key, which must be at most limit: the reader of
// sizes, where a wild number must stop before it is multiplied with another.
func (m *Metadata) Uint32(key string, limit uint32) (v int, ok bool, err error) {
	n, ok, err := m.Uint(key)
	if err == nil && n > uint64(limit) {
		err = fmt.Errorf("key %s must be at most %d, but is %d", key, limit, n)
	}
	return int(min(n, math.MaxUint32)), ok, err
}
