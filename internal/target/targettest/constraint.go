package targettest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"chimera/internal/sample"
	"chimera/internal/target"
)

// schemas are what chimera itself constrains answers by: choices among many
// names, and text without digits. Patterns are of plain characters: llama.cpp
// copies them into a grammar as they are, and a quote in one would break it.
var schemas = map[string]string{
	"one of 200": `{"enum": ` + factIDs() + `}`,
	"no digits": `{"type": "object", "properties": {"title": {"type": "string", "pattern": "^[A-Za-z ]{3,24}$"},
		"sentence": {"type": "string", "pattern": "^[A-Za-z ,.]{10,60}$"}}, "required": ["title", "sentence"], "additionalProperties": false}`,
	"a draft": `{"type": "object", "properties": {"sections": {"type": "array", "minItems": 1, "maxItems": 3, "items": {
		"type": "object", "properties": {"kind": {"enum": ["finding", "caveat", "recommendation"]},
			"facts": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"$ref": "#/$defs/fact"}}},
		"required": ["kind", "facts"], "additionalProperties": false}}},
		"required": ["sections"], "additionalProperties": false, "$defs": {"fact": {"enum": ` + factIDs() + `}}}`,
}

func factIDs() string {
	ids := make([]string, 200)
	for i := range ids {
		ids[i] = fmt.Sprintf("%q", fmt.Sprintf("F%04d", 7*i))
	}
	return "[" + strings.Join(ids, ", ") + "]"
}

const (
	yesOrNo    = `root ::= ("yes" | "no") ", because " [a-z ]{3,20} "."`
	isYesOrNo  = `^(yes|no), because [a-z ]{3,20}\.$`
	constraint = 300 // tokens that hold any of the above
)

// constrained is a request that a constraint can go with.
func (s Subject) constrained(c target.Constraint) target.Request {
	req := s.request(constraint)
	req.Fixed, req.Constraint = false, c
	delete(req.Config, "ignore_eos")
	return req
}

func followsConstraint(t *testing.T, s Subject, tgt target.Target) {
	if s.FreeText {
		return // refusesConstraint
	}
	for _, notation := range s.Kind.Constraints {
		switch notation {
		case target.JSONSchema:
			for _, name := range slices.Sorted(maps.Keys(schemas)) {
				text := s.answer(t, tgt, target.Constraint{JSONSchema: schemas[name]})
				if err := Validate(schemas[name], text); err != nil {
					t.Errorf("%s: %q: %v", name, text, err)
				}
			}
		case target.GBNF:
			if text := s.answer(t, tgt, target.Constraint{GBNF: yesOrNo}); !regexp.MustCompile(isYesOrNo).MatchString(text) {
				t.Errorf("%q does not match %s", text, isYesOrNo)
			}
		default:
			t.Errorf("the contract says nothing of the notation %q", notation)
		}
	}
}

// answer returns the text of a constrained answer that came to its own end.
func (s Subject) answer(t *testing.T, tgt target.Target, c target.Constraint) string {
	t.Helper()
	o := tgt.Stream(t.Context(), s.constrained(c), Clock())
	Valid(t, o)
	if o.Outcome != sample.OK || o.Finish != "stop" {
		t.Errorf("outcome %s, finish %q: %+v", o.Outcome, o.Finish, o.Failure)
	}
	if !s.Bubble {
		t.Logf("%d tokens, first after %v, all after %v: %s", o.Tokens.Output.Or(0), o.T.First.Or(0), o.T.End.Or(0), o.Text.Or(""))
	}
	return o.Text.Or("")
}

// Validate checks a JSON text under a JSON Schema.
func Validate(schema, text string) error {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		return err
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		return err
	}
	answer, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return compiled.Validate(answer)
}

func refusesConstraint(t *testing.T, s Subject, tgt target.Target) {
	const schema = `{"type": "null"}`
	refused := map[string]target.Constraint{
		"two constraints": {JSONSchema: schema, GBNF: yesOrNo},
		"a blank one":     {JSONSchema: " "},
		"what is no JSON": {JSONSchema: "{"},
		"one of 2 MiB":    {JSONSchema: `"` + strings.Repeat("x", 2<<20) + `"`},
		"a schema":        {JSONSchema: schema},
		"a grammar":       {GBNF: yesOrNo},
	}
	if !s.FreeText {
		for _, notation := range s.Kind.Constraints {
			delete(refused, map[target.Notation]string{target.JSONSchema: "a schema", target.GBNF: "a grammar"}[notation])
		}
	}
	for name, c := range refused {
		notSent(t, name, tgt, s.constrained(c))
	}
	fixed := s.constrained(target.Constraint{JSONSchema: schema})
	fixed.Fixed = true
	notSent(t, "a constraint with a fixed length", tgt, fixed)
}
