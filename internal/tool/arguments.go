package tool

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/fault"
)

// field is one argument of a tool: its schema, and where its value goes.
type field struct {
	name     string
	doc      string
	kind     string   // string, integer, strings
	allowed  []string // of a string; none for any
	offered  []string // told by the schema as all there is; others are answered too
	required bool
	most     int // characters, items, or the largest number
	text     *string
	number   *int
	list     *[]string
}

// decode reads an object of the fields into their places. Each name counts
// once, an unknown one is an error, and so is a value out of bounds.
func decode(arguments json.RawMessage, fields []field) error {
	given, err := members(arguments)
	if err != nil {
		return err
	}
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	for _, m := range given {
		i := slices.Index(names, m.name)
		if i < 0 {
			return unknown("argument", m.name, names)
		}
		if slices.ContainsFunc(given, func(o member) bool { return o.name == m.name && o.at != m.at }) {
			return fmt.Errorf("the argument %q is given twice", m.name)
		}
		if err := fields[i].read(m.value); err != nil {
			return fmt.Errorf("argument %s: %w", m.name, err)
		}
	}
	for _, f := range fields {
		if f.required && !slices.ContainsFunc(given, func(m member) bool { return m.name == f.name }) {
			return fault.With(fmt.Errorf("the argument %q is missing", f.name), fault.Usage, f.doc)
		}
	}
	return nil
}

type member struct {
	name  string
	at    int
	value json.RawMessage
}

// members splits an object into its members. encoding/json would let a second
// one of the same name win, and take names of other case.
func members(arguments json.RawMessage) ([]member, error) {
	if len(bytes.TrimSpace(arguments)) == 0 {
		return nil, nil
	}
	notObject := fault.With(errors.New("the arguments are no JSON object"), fault.Usage, `for example {"metric": "decode_rate"}`)
	d := json.NewDecoder(bytes.NewReader(arguments))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, notObject
	}
	var out []member
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, notObject
		}
		m := member{name: name, at: len(out)}
		if err := d.Decode(&m.value); err != nil {
			return nil, notObject
		}
		out = append(out, m)
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return nil, notObject
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, notObject
	}
	return out, nil
}

func (f field) read(value json.RawMessage) error {
	switch f.kind {
	case "integer":
		var n int
		if err := json.Unmarshal(value, &n); err != nil || isNull(value) {
			return fmt.Errorf("must be a whole number, but is %s", clip(string(value), maxName))
		}
		if n < 0 || n > f.most {
			return fmt.Errorf("must be from 0 to %d, but is %d", f.most, n)
		}
		*f.number = n
	case "strings":
		var list []string
		if err := json.Unmarshal(value, &list); err != nil || isNull(value) {
			return fmt.Errorf("must be a list of strings, but is %s", clip(string(value), maxName))
		}
		if len(list) > f.most {
			return fmt.Errorf("must have at most %d items, but has %d", f.most, len(list))
		}
		for _, s := range list {
			if err := f.check(s); err != nil {
				return err
			}
		}
		*f.list = list
	default:
		var s string
		if err := json.Unmarshal(value, &s); err != nil || isNull(value) {
			return fmt.Errorf("must be a string, but is %s", clip(string(value), maxName))
		}
		if err := f.check(s); err != nil {
			return err
		}
		*f.text = s
	}
	return nil
}

func isNull(value json.RawMessage) bool { return bytes.Equal(bytes.TrimSpace(value), []byte("null")) }

// maxArgument bounds one string, in bytes.
const maxArgument = 1000

func (f field) check(s string) error {
	if len(s) > maxArgument {
		return fmt.Errorf("must have at most %d bytes, but has %d", maxArgument, len(s))
	}
	if len(f.allowed) > 0 && !slices.Contains(f.allowed, s) {
		return unknown("value", s, f.allowed)
	}
	return nil
}

// unknown is the error of a name that nothing has, with what may have been
// meant.
func unknown(what, name string, known []string) error {
	err := fmt.Errorf("there is no %s %q", what, clip(name, maxName))
	if near := fault.Nearest(name, known); near != "" {
		return fault.With(err, fault.Usage, "did you mean "+near+"?")
	}
	list := strings.Join(known, ", ")
	if len(known) == 0 {
		return fault.With(err, fault.Usage, "there is none at all")
	}
	return fault.With(err, fault.Usage, "use one of "+clip(list, maxText))
}

// conditions reads one condition of each text: a value may hold commas.
func conditions(texts []string, known []string) (fact.Conditions, error) {
	var all fact.Conditions
	for _, text := range texts {
		c, err := fact.ParseCondition(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(known, c.Field) {
			return nil, unknown("label", c.Field, known)
		}
		all = append(all, c)
	}
	return all, nil
}

// schema is the JSON Schema of the arguments.
func schema(fields []field) json.RawMessage {
	properties, required := map[string]any{}, []string{}
	for _, f := range fields {
		p := map[string]any{"type": "string", "description": f.doc}
		one := p
		switch f.kind {
		case "integer":
			p["type"], p["minimum"], p["maximum"] = "integer", 0, f.most
			one = nil
		case "strings":
			one = map[string]any{"type": "string"}
			p["type"], p["maxItems"], p["items"] = "array", f.most, one
		}
		enum := slices.DeleteFunc(slices.Concat(f.allowed, f.offered), func(name string) bool { return len(name) > maxName })
		switch {
		case one == nil:
		case len(enum) > 0 && len(enum) <= maxEnum:
			one["enum"] = enum
		default:
			one["maxLength"] = maxArgument
		}
		properties[f.name] = p
		if f.required {
			required = append(required, f.name)
		}
	}
	return encode(map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}
