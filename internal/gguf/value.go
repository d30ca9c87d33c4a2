package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
)

// ValueType is the type of a metadata value as it is stored.
type ValueType uint32

const (
	Uint8   ValueType = 0
	Int8    ValueType = 1
	Uint16  ValueType = 2
	Int16   ValueType = 3
	Uint32  ValueType = 4
	Int32   ValueType = 5
	Float32 ValueType = 6
	Bool    ValueType = 7
	String  ValueType = 8
	Array   ValueType = 9
	Uint64  ValueType = 10
	Int64   ValueType = 11
	Float64 ValueType = 12
)

var valueTypes = [...]struct {
	name string
	size int // bytes; 0 where the value tells
}{{"u8", 1}, {"i8", 1}, {"u16", 2}, {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4},
	{"bool", 1}, {"string", 0}, {"array", 0}, {"u64", 8}, {"i64", 8}, {"f64", 8}}

func (t ValueType) known() bool { return int(t) < len(valueTypes) }

func (t ValueType) size() int { return valueTypes[t].size }

// minSize is the least that one element takes in an array.
func (t ValueType) minSize() uint64 {
	switch t {
	case String:
		return 8 // its length
	case Array:
		return 12 // its element type and length
	}
	return uint64(t.size())
}

func (t ValueType) String() string {
	if !t.known() {
		return fmt.Sprintf("type(%d)", uint32(t))
	}
	return valueTypes[t].name
}

// A Value is a checked view of a metadata value in the file; reading it decodes
// it, so that a vocabulary nobody asks for costs nothing. The zero Value is a u8
// that no reader accepts.
type Value struct {
	typ  ValueType
	elem ValueType // of an Array
	n    int       // elements of an Array
	raw  []byte    // the payload: of a String its bytes, of an Array its elements
}

// Type is the stored type; for an array the element type and length are Elem and Len.
func (v Value) Type() ValueType { return v.typ }

// Elem is the element type of an array.
func (v Value) Elem() ValueType { return v.elem }

// Len is the number of elements of an array.
func (v Value) Len() int { return v.n }

func (v Value) typeName() string {
	if v.typ == Array {
		return fmt.Sprintf("array of %v", v.elem)
	}
	return v.typ.String()
}

func (v Value) wrong(want string) error {
	return fmt.Errorf("has type %s, wanted %s", v.typeName(), want)
}

func parseValue(c *cursor, what string) (Value, error) {
	at := *c
	t, err := c.uint32("the type of " + what)
	if err != nil {
		return Value{}, err
	}
	v := Value{typ: ValueType(t)}
	switch {
	case !v.typ.known():
		return v, at.errorf("%s has the unknown type %d", what, t)
	case v.typ == String:
		v.raw, err = c.text(what, math.MaxInt64)
	case v.typ == Array:
		err = v.parseArray(c, what, 1)
	default:
		v.raw, err = c.take(uint64(v.typ.size()), what)
		if err == nil && v.typ == Bool && v.raw[0] > 1 {
			err = at.errorf("%s must be 0 or 1 as a bool, but is %d", what, v.raw[0])
		}
	}
	return v, err
}

// parseArray walks over the elements and keeps their bytes.
func (v *Value) parseArray(c *cursor, what string, depth int) error {
	at := *c
	if depth > maxNesting {
		return at.errorf("%s: arrays are nested deeper than %d", what, maxNesting)
	}
	t, err := c.uint32("the element type of " + what)
	if err != nil {
		return err
	}
	v.elem = ValueType(t)
	if !v.elem.known() {
		return at.errorf("%s has elements of the unknown type %d", what, t)
	}
	if v.n, err = c.count("elements of "+what, v.elem.minSize(), math.MaxInt64); err != nil {
		return err
	}
	start := c.pos
	if err := v.walk(c, what, depth); err != nil {
		return err
	}
	v.raw = c.data[start:c.pos:c.pos]
	return nil
}

func (v *Value) walk(c *cursor, what string, depth int) error {
	switch v.elem {
	case String:
		// Vocabularies have 10^5 elements: no message is built unless one is bad.
		for range v.n {
			if c.left() >= 8 {
				if n := binary.LittleEndian.Uint64(c.data[c.pos:]); n <= c.left()-8 {
					c.pos += 8 + int(n)
					continue
				}
			}
			_, err := c.text("an element of "+what, math.MaxInt64)
			return err
		}
		return nil
	case Array:
		for range v.n {
			var inner Value
			if err := inner.parseArray(c, what, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	raw, err := c.take(uint64(v.n)*uint64(v.elem.size()), what)
	if v.elem == Bool {
		for _, b := range raw {
			if b > 1 {
				return c.errorf("%s must hold 0 or 1 as bools, but holds %d", what, b)
			}
		}
	}
	return err
}

// Text returns a string.
func (v Value) Text() (string, error) {
	if v.typ != String {
		return "", v.wrong("string")
	}
	return string(v.raw), nil
}

// Uint returns an integer that is not negative.
func (v Value) Uint() (uint64, error) {
	i, ok := integer(v.typ, v.raw)
	if !ok {
		return 0, v.wrong("an integer")
	}
	if i < 0 && v.typ != Uint64 {
		return 0, fmt.Errorf("must not be negative, but is %d", i)
	}
	return uint64(i), nil
}

// Float returns a floating point number.
func (v Value) Float() (float64, error) {
	switch {
	case v.typ == Float32 && len(v.raw) == 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(v.raw))), nil
	case v.typ == Float64 && len(v.raw) == 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(v.raw)), nil
	}
	return 0, v.wrong("f32 or f64")
}

// Bool returns a truth value.
func (v Value) Bool() (bool, error) {
	if v.typ != Bool {
		return false, v.wrong("bool")
	}
	return v.raw[0] != 0, nil
}

// Strings returns an array of strings. They share one copy of the array's bytes.
func (v Value) Strings() ([]string, error) {
	if v.typ != Array || v.elem != String {
		return nil, v.wrong("array of string")
	}
	all := string(v.raw)
	out := make([]string, v.n)
	pos := 0
	for i := range out {
		n := int(binary.LittleEndian.Uint64(v.raw[pos:]))
		out[i] = all[pos+8 : pos+8+n]
		pos += 8 + n
	}
	return out, nil
}

// Floats returns an array of f32.
func (v Value) Floats() ([]float32, error) {
	if v.typ != Array || v.elem != Float32 {
		return nil, v.wrong("array of f32")
	}
	out := make([]float32, v.n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(v.raw[4*i:]))
	}
	return out, nil
}

// Ints returns an array of integers of any type whose values fit 32 bits.
func (v Value) Ints() ([]int32, error) {
	if v.typ != Array || v.elem.size() == 0 {
		return nil, v.wrong("array of integers")
	}
	out := make([]int32, v.n)
	size := v.elem.size()
	for i := range out {
		x, ok := integer(v.elem, v.raw[i*size:(i+1)*size])
		if !ok {
			return nil, v.wrong("array of integers")
		}
		if x != int64(int32(x)) {
			return nil, fmt.Errorf("holds %d at %d, which does not fit 32 bits", x, i)
		}
		out[i] = int32(x)
	}
	return out, nil
}

// Bools returns an array of truth values.
func (v Value) Bools() ([]bool, error) {
	if v.typ != Array || v.elem != Bool {
		return nil, v.wrong("array of bool")
	}
	out := make([]bool, v.n)
	for i := range out {
		out[i] = v.raw[i] != 0
	}
	return out, nil
}

// integer decodes one integer of type t; a u64 above the i64 range comes out
// negative and is told apart by its type.
func integer(t ValueType, raw []byte) (int64, bool) {
	if len(raw) < t.size() || len(raw) == 0 {
		return 0, false
	}
	switch t {
	case Uint8:
		return int64(raw[0]), true
	case Int8:
		return int64(int8(raw[0])), true
	case Uint16:
		return int64(binary.LittleEndian.Uint16(raw)), true
	case Int16:
		return int64(int16(binary.LittleEndian.Uint16(raw))), true
	case Uint32:
		return int64(binary.LittleEndian.Uint32(raw)), true
	case Int32:
		return int64(int32(binary.LittleEndian.Uint32(raw))), true
	case Uint64, Int64:
		return int64(binary.LittleEndian.Uint64(raw)), true
	}
	return 0, false
}

// String shows a scalar in full, a long string clipped and an array by its size:
// the form for people.
func (v Value) String() string {
	switch v.typ {
	case String:
		return clip(string(v.raw))
	case Array:
		return fmt.Sprintf("[%d]%v", v.n, v.elem)
	case Bool:
		return fmt.Sprint(len(v.raw) > 0 && v.raw[0] != 0)
	case Float32, Float64:
		f, _ := v.Float()
		return fmt.Sprint(f)
	case Uint64:
		u, _ := v.Uint()
		return fmt.Sprint(u)
	}
	i, _ := integer(v.typ, v.raw)
	return fmt.Sprint(i)
}
