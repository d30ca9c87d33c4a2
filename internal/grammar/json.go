package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"strings"
)

// A value is a JSON value that keeps the order of its members.
type value struct {
	kind    byte   // 'o' object, 'a' array, 's' string, 'n' number, 'b' boolean, '0' null
	text    string // of a string or a number
	truth   bool
	members []member
	items   []*value
}

type member struct {
	name  string
	value *value
}

func (v *value) get(name string) *value {
	if v == nil {
		return nil
	}
	for _, m := range v.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// parseJSON reads one value and nothing else.
func parseJSON(text string) (*value, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err != nil {
		return nil, usage("the schema is not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, usage("the schema goes on after its end, at byte %d", d.InputOffset())
	}
	return v, nil
}

func parseValue(d *json.Decoder, depth int) (*value, error) {
	if depth > MaxNesting {
		return nil, usage("values are nested deeper than %d", MaxNesting)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return parseMembers(d, depth)
		}
		v := &value{kind: 'a'}
		for d.More() {
			item, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
		_, err = d.Token()
		return v, err
	case string:
		return &value{kind: 's', text: t}, nil
	case json.Number:
		return &value{kind: 'n', text: t.String()}, nil
	case bool:
		return &value{kind: 'b', truth: t}, nil
	}
	return &value{kind: '0'}, nil
}

func parseMembers(d *json.Decoder, depth int) (*value, error) {
	v, seen := &value{kind: 'o'}, map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if seen[name] {
			return nil, usage("an object has two members named %q", name)
		}
		seen[name] = true
		item, err := parseValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		v.members = append(v.members, member{name, item})
	}
	_, err := d.Token()
	return v, err
}

// write appends the value without blanks.
func (v *value) write(dst []byte) []byte {
	switch v.kind {
	case 'o':
		dst = append(dst, '{')
		for i, m := range v.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, quote(m.name)...), ':')
			dst = m.value.write(dst)
		}
		return append(dst, '}')
	case 'a':
		dst = append(dst, '[')
		for i, item := range v.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.write(dst)
		}
		return append(dst, ']')
	case 's':
		return append(dst, quote(v.text)...)
	case 'n':
		return append(dst, v.text...)
	case 'b':
		if v.truth {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	}
	return append(dst, "null"...)
}

// quote returns text as a JSON string, with what need not be escaped as it is.
func quote(text string) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(text) != nil { // a string always encodes
		return `""`
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// typ returns the JSON Schema type of the value.
func (v *value) typ() string {
	switch v.kind {
	case 'o':
		return "object"
	case 'a':
		return "array"
	case 's':
		return "string"
	case 'b':
		return "boolean"
	case 'n':
		if r, ok := rational(v.text); ok && r.IsInt() {
			return "integer"
		}
		return "number"
	}
	return "null"
}

// rational reads a number of a size that arithmetic can bear.
func rational(text string) (*big.Rat, bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if len(mantissa) > 40 || len(strings.TrimLeft(exponent, "+-0")) > 2 {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// equal reports whether two values are the same to JSON Schema; it may say no
// of numbers that only arithmetic tells to be equal.
func (v *value) equal(w *value) bool {
	if v.kind == 'n' && w.kind == 'n' {
		a, okA := rational(v.text)
		b, okB := rational(w.text)
		return okA && okB && a.Cmp(b) == 0 || v.text == w.text
	}
	return bytes.Equal(v.write(nil), w.write(nil))
}
