package target_test

import (
	"strings"
	"testing"

	"chimera/internal/fault"
	"chimera/internal/target"
)

func TestKindsSayWhichConstraintsTheyHonour(t *testing.T) {
	schema, grammar := target.Constraint{JSONSchema: `{"type": "null"}`}, target.Constraint{GBNF: `root ::= "x"`}
	none, one, both := target.Kind{Name: "none"}, target.Kind{Name: "one", Constraints: []target.Notation{target.JSONSchema}},
		target.Kind{Name: "both", Constraints: []target.Notation{target.JSONSchema, target.GBNF}}
	for _, c := range []struct {
		kind       target.Kind
		constraint target.Constraint
		want, hint string
	}{
		{none, target.Constraint{}, "", ""},
		{one, schema, "", ""},
		{both, schema, "", ""},
		{both, grammar, "", ""},
		{both, target.Constraint{GBNF: strings.Repeat("x", target.MaxConstraint)}, "", ""},
		{none, schema, "a target of kind none cannot constrain an answer by json-schema", "ask for free text"},
		{one, grammar, "a target of kind one cannot constrain an answer by gbnf", "it can by json-schema"},
		{both, target.Constraint{JSONSchema: schema.JSONSchema, GBNF: grammar.GBNF}, "both by a JSON Schema and by a grammar", "leave out one"},
		{both, target.Constraint{GBNF: " \n"}, "the constraint is blank", ""},
		{both, target.Constraint{JSONSchema: "root ::="}, `"root ::=" is not JSON`, ""},
		{both, target.Constraint{GBNF: strings.Repeat("x", target.MaxConstraint+1)}, "1048577 bytes, but may have at most 1048576", ""},
	} {
		err := c.kind.Honours(c.constraint)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.kind.Name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(fault.HintOf(err), c.hint) || fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v (hint %q), want %q (hint %q)", c.kind.Name, err, fault.HintOf(err), c.want, c.hint)
		}
	}
}

// A digest names a constraint: equal texts of two notations are two.
func TestConstraintsAreNamed(t *testing.T) {
	seen := map[string]target.Constraint{}
	for _, c := range []target.Constraint{{}, {JSONSchema: "x"}, {GBNF: "x"}, {JSONSchema: "y"}} {
		d := c.Digest()
		if other, ok := seen[d]; ok || c.Free() != (d == "") {
			t.Errorf("%+v and %+v are both %q", c, other, d)
		}
		seen[d] = c
	}
}
