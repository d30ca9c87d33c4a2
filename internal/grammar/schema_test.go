package grammar_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"chimera/internal/grammar"
)

// jsonWords is a vocabulary with tokens that reach over the parts of a JSON text.
var jsonWords = bytesAnd(`":`, `": `, `", "`, `","`, `{"`, `"}`, `"]`, `]}`, `}}`, `[]`, `{}`, `[[`, "]]", "true", "false", "null", `\"`, `\\`,
	"12", "00", "0.5", "-1", "name", `"name":`, " the", "é", "😀", "\xf0\x9f", "ab", "abc", `"a":1,`, "red", "\\u00", "e1", `},{"`)

func compile(t testing.TB, text string) *jsonschema.Schema {
	t.Helper()
	s, err := compiled(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func compiled(text string) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("schema.json")
}

// write lets a model without an opinion write one text within the budget: a
// random allowed token, and the end only with the given chance.
func write(t testing.TB, a *grammar.Automaton, w words, budget int, ending float64, r *rand.Rand) string {
	t.Helper()
	c, text := a.Start(), ""
	for ; ; budget-- {
		mask, err := c.Mask(budget)
		if err != nil {
			t.Fatalf("after %q: %v", text, err)
		}
		var allowed []int32
		for id := range w {
			if mask.Has(int32(id)) && (int32(id) != w.end() || r.Float64() < ending) {
				allowed = append(allowed, int32(id))
			}
		}
		id := w.end()
		if len(allowed) > 0 {
			id = allowed[r.IntN(len(allowed))]
		}
		if err := c.Advance(id); err != nil {
			t.Fatalf("after %q: %v", text, err)
		}
		if id == w.end() {
			return text
		}
		text += w[id]
	}
}

// Whatever is chosen, and however small the budget is, the text is valid.
func TestEveryTextIsValid(t *testing.T) {
	v := jsonWords.vocabulary(t)
	for _, c := range schemas(t) {
		t.Run(c.Name, func(t *testing.T) {
			schema := compile(t, string(c.Schema))
			g, err := grammar.FromJSONSchema(string(c.Schema))
			if err != nil {
				t.Fatal(err)
			}
			a, err := grammar.Bind(g, v)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 2))
			different := map[string]bool{}
			for i := range 60 {
				text := write(t, a, jsonWords, a.Shortest()+i, float64(i%4)/3, r)
				different[text] = true
				doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
				if err == nil {
					err = schema.Validate(doc)
				}
				if err != nil {
					t.Fatalf("%s\n%v", text, err)
				}
			}
			t.Logf("shortest %d tokens, %d different texts, %d masks", a.Shortest(), len(different), a.Walked())
		})
	}
}
