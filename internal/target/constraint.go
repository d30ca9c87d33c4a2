package target

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/grammar"
)

// A Constraint is a language that an answer's text must belong to. At most one
// of its fields is set; the zero value allows any text.
//
// Runtimes differ in what they make of it. chimera's own engine refuses what it
// cannot honour and always ends within the budget, so its texts are always
// valid. Servers compile a part of JSON Schema that they do not spell out, pass
// over keywords outside it in silence, and stop at the budget in the middle of a
// text (finish "length"): what they answer must be checked.
type Constraint struct {
	JSONSchema string // the text of a JSON Schema; the answer is JSON valid under it
	GBNF       string // a grammar in llama.cpp's notation
}

// Notation is a way to write a constraint.
type Notation string

const (
	JSONSchema Notation = "json-schema"
	GBNF       Notation = "gbnf"
)

// MaxConstraint bounds the source of a constraint, in bytes.
const MaxConstraint = 1 << 20

// Free reports whether every text is allowed.
func (c Constraint) Free() bool { return c == Constraint{} }

// Source returns the notation that is used and what is written in it. Of the
// zero value both are empty.
func (c Constraint) Source() (Notation, string) {
	switch {
	case c.JSONSchema != "":
		return JSONSchema, c.JSONSchema
	case c.GBNF != "":
		return GBNF, c.GBNF
	}
	return "", ""
}

// Digest identifies the constraint by its notation and its text, as written:
// "" if there is none.
func (c Constraint) Digest() string {
	if c.Free() {
		return ""
	}
	notation, source := c.Source()
	return digest.Text(string(notation) + "\n" + source)
}

// Grammar reads the constraint as chimera's own engine does, which refuses what
// it cannot honour; nil if there is none.
func (c Constraint) Grammar() (*grammar.Grammar, error) {
	switch notation, source := c.Source(); notation {
	case JSONSchema:
		return grammar.FromJSONSchema(source)
	case GBNF:
		return grammar.ParseGBNF(source)
	}
	return nil, nil
}

// Honours returns why no adapter of kind k can pass c on, nil if one can. It
// reads no grammar: whether the runtime takes this one, the runtime says.
func (k Kind) Honours(c Constraint) error {
	if c.Free() {
		return nil
	}
	notation, source := c.Source()
	switch {
	case c.JSONSchema != "" && c.GBNF != "":
		return fault.With(errors.New("an answer is constrained both by a JSON Schema and by a grammar"), fault.Usage, "leave out one of the two")
	case !slices.Contains(k.Constraints, notation):
		return fault.With(fmt.Errorf("a target of kind %s cannot constrain an answer by %s", k.Name, notation), fault.Usage, k.otherwise())
	case len(source) > MaxConstraint:
		return fault.New(fault.Usage, "the constraint has %d bytes, but may have at most %d", len(source), MaxConstraint)
	case strings.TrimSpace(source) == "":
		return fault.New(fault.Usage, "the constraint is blank: it allows no text, not any text")
	case notation == JSONSchema && !json.Valid([]byte(source)):
		return fault.New(fault.Usage, "the constraint is no JSON Schema: %.40q is not JSON", source)
	}
	return nil
}

// otherwise says what to do where a notation is not honoured.
func (k Kind) otherwise() string {
	if len(k.Constraints) == 0 {
		return "ask for free text, and check what comes"
	}
	names := make([]string, len(k.Constraints))
	for i, n := range k.Constraints {
		names[i] = string(n)
	}
	return "it can by " + strings.Join(names, " or ")
}
