package sample

import (
	"bytes"
	"encoding/json"
	"time"
)

// Opt is a value that may not have been observed. The zero Opt is absent:
// absent is not zero, and no code can mistake one for the other.
//
// In JSON an absent field is left out (tag it `omitzero`); a null reads as
// absent.
type Opt[T any] struct {
	value T
	ok    bool
}

// Some returns an observed value.
func Some[T any](v T) Opt[T] { return Opt[T]{v, true} }

// None returns an unobserved value.
func None[T any]() Opt[T] { return Opt[T]{} }

// Get returns the value and whether it was observed.
func (o Opt[T]) Get() (T, bool) { return o.value, o.ok }

// OK reports whether the value was observed.
func (o Opt[T]) OK() bool { return o.ok }

// Or returns the value, or other if none was observed. It is for display
// only: arithmetic on a stand-in value is how failures become speeds.
func (o Opt[T]) Or(other T) T {
	if o.ok {
		return o.value
	}
	return other
}

// IsZero reports absence; encoding/json's omitzero asks it.
func (o Opt[T]) IsZero() bool { return !o.ok }

func (o Opt[T]) MarshalJSON() ([]byte, error) {
	if !o.ok {
		return []byte("null"), nil
	}
	return json.Marshal(o.value)
}

func (o *Opt[T]) UnmarshalJSON(b []byte) error {
	if bytes.Equal(bytes.TrimSpace(b), []byte("null")) {
		*o = Opt[T]{}
		return nil
	}
	if err := json.Unmarshal(b, &o.value); err != nil {
		return err
	}
	o.ok = true
	return nil
}

// Sub returns a−b if both instants were observed.
func Sub(a, b Opt[time.Duration]) Opt[time.Duration] {
	if !a.ok || !b.ok {
		return Opt[time.Duration]{}
	}
	return Some(a.value - b.value)
}
