package grammar_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"chimera/internal/fault"
	"chimera/internal/grammar"
)

// Whatever is read as a grammar either is the user's error, or writes texts of
// its language within the budget.
func FuzzParseGBNF(f *testing.F) {
	for _, text := range []string{
		`root ::= "a"`, "root ::= [a-zé^\\-] | . x{2,3}\nx ::= (\"\" | y)+ # end\ny ::= [^a] root?", `root ::= "\x41\u00e9\U0001F600\n"`,
		"root ::= (\"a\" |\n \"b\")* root", `root ::= <x>`, `root ::= ("a"{0,9} "a"?){0,99}`, "root ::= root", `root ::= [^\x00-\U0010ffff]`,
	} {
		f.Add(text, uint64(1))
	}
	v := jsonWords.vocabulary(f)
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		g, err := grammar.ParseGBNF(text)
		if out, ok := fuzzed(t, v, g, err, seed); ok && !g.Accepts(out) {
			t.Errorf("%q is not of the language", out)
		}
	})
}

// What is written under a schema is valid for a validator that is not ours.
func FuzzFromJSONSchema(f *testing.F) {
	for _, s := range schemas(f) {
		f.Add(string(s.Schema), uint64(1))
	}
	f.Add(`{"oneOf":[{"type":"integer"},{"type":"number"}]}`, uint64(1))
	f.Add(`{"$ref":"#/$defs/a~1b%20","$defs":{"a/b ":{"not":{}}}}`, uint64(1))
	v := jsonWords.vocabulary(f)
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		g, err := grammar.FromJSONSchema(text)
		out, ok := fuzzed(t, v, g, err, seed)
		if !ok {
			return
		}
		schema, err := compiled(text)
		if err != nil {
			return // stricter than ours about what restricts nothing
		}
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
		if err == nil {
			err = schema.Validate(doc)
		}
		if err != nil {
			t.Errorf("%s\n%v", out, err)
		}
	})
}

// fuzzed writes one text of g, unless g was refused, or is refused by now.
func fuzzed(t *testing.T, v *grammar.Vocabulary, g *grammar.Grammar, err error, seed uint64) (string, bool) {
	t.Helper()
	var a *grammar.Automaton
	if err == nil {
		a, err = grammar.Bind(g, v)
	}
	switch {
	case err != nil && fault.CodeOf(err) != fault.Usage:
		t.Fatalf("not the user's error: %v", err)
	case err != nil, a.Shortest() > 200:
		return "", false
	}
	r := rand.New(rand.NewPCG(seed, 1))
	c, text := a.Start(), ""
	for budget := a.Shortest() + r.IntN(10); ; budget-- {
		mask, err := c.Mask(budget)
		if err != nil && strings.Contains(err.Error(), "too ambiguous") {
			return "", false
		}
		if err != nil {
			t.Fatalf("after %q with %d left: %v", text, budget, err)
		}
		var allowed []int32
		for id := range jsonWords {
			if mask.Has(int32(id)) {
				allowed = append(allowed, int32(id))
			}
		}
		if len(allowed) == 0 {
			t.Fatalf("after %q with %d left, nothing is allowed", text, budget)
		}
		id := allowed[r.IntN(len(allowed))]
		if err := c.Advance(id); err != nil {
			t.Fatalf("after %q: %v", text, err)
		}
		if id == jsonWords.end() {
			return text, true
		}
		text += jsonWords[id]
	}
}
