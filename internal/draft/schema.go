package draft

import (
	"encoding/json"
	"fmt"
	"strings"

	"chimera/internal/finding"
)

// Freedom is how much a writer may word itself.
type Freedom int

// Freedoms. Choosing suits models that do not follow instructions: every
// sentence is one finding or fact that fits its section, which code words.
const (
	Wording  Freedom = iota // words and slots
	Choosing                // slots only
)

// Bounds of what a writer under a constraint can write.
const (
	mostSentences = 8 // in a section
	mostParts     = 12
	mostRefs      = 4
	// letters may stand between two slots, so many in a row. They list what is
	// allowed: a class without ASCII digits would still allow those of other
	// scripts. A hyphen stands last, where every dialect takes it for itself.
	letters     = "[A-Za-z ,.;:()'-]"
	mostLetters = 100
)

// allowance is what a section may hold under a constraint.
type allowance struct {
	title string
	kinds []Kind
	slots []string
	words bool
}

// allowances are what each section may hold.
func (s *Sheet) allowances(f Freedom) []allowance {
	all := append(s.refs(), ids(s.things, func(t *thing) string { return t.id })...)
	var out []allowance
	for _, title := range s.sections {
		kind := kindOf(title)
		a := allowance{title, []Kind{kind}, all, true}
		if kind == Finding {
			a.kinds = []Kind{Finding, Caveat}
		}
		if f == Choosing {
			a = s.choices(kind)
			a.title = title
		}
		out = append(out, a)
	}
	return out
}

// choices are what fits a section as a whole sentence: what is decided and what
// was asked for; what weakens or stayed open; what recommends. Where nothing
// fits, the section holds the next sort.
func (s *Sheet) choices(kind Kind) allowance {
	fits := map[Kind][]string{}
	for _, c := range s.claims {
		if isDecided(c.Finding) {
			fits[Finding] = append(fits[Finding], c.id)
		}
		if !isDecided(c.Finding) || s.weakness(c) != nil {
			fits[Caveat] = append(fits[Caveat], c.id)
		}
		if s.advice(c) != nil {
			fits[Recommendation] = append(fits[Recommendation], c.id)
		}
	}
	for _, x := range s.facts {
		if len(x.claims) == 0 {
			fits[Finding] = append(fits[Finding], x.id)
		}
	}
	for _, k := range []Kind{kind, Caveat, Finding} {
		if len(fits[k]) > 0 {
			return allowance{kinds: []Kind{k}, slots: fits[k]}
		}
	}
	return allowance{kinds: []Kind{Finding}, slots: ids(s.facts, func(x *item) string { return x.id })}
}

// refs are the ids that carry words without being printed.
func (s *Sheet) refs() []string {
	return append(ids(s.claims, func(c *claim) string { return c.id }), ids(s.facts, func(x *item) string { return x.id })...)
}

// Schema returns the JSON Schema (2020-12) of a draft for constrained decoding:
// a slot is one of the sheet's ids, and words hold no digit. It uses only what
// package grammar, llama.cpp and Ollama honour: type, properties in order,
// required, additionalProperties, enum, anyOf, items, minItems, maxItems, and an
// anchored pattern of one repeated class.
func (s *Sheet) Schema(f Freedom) string {
	var b strings.Builder
	b.WriteString(`{"type":"object","properties":{"sections":{"type":"object","properties":{`)
	for i, a := range s.allowances(f) {
		if i > 0 {
			b.WriteByte(',')
		}
		slots, most, part := quoted(a.slots), 1, `{"type":"object","properties":{"slot":{"enum":%s}},"required":["slot"],"additionalProperties":false}`
		refs := ""
		if a.words {
			most = mostParts
			part = `{"anyOf":[{"type":"object","properties":{"text":{"type":"string","pattern":` + quoted(fmt.Sprintf("^%s{1,%d}$", letters, mostLetters)) +
				`}},"required":["text"],"additionalProperties":false},{"type":"object","properties":{"slot":{"enum":%s},"as":{"enum":` + quoted(forms) + `}},"required":["slot"],"additionalProperties":false}]}`
			refs = fmt.Sprintf(`,"refs":{"type":"array","maxItems":%d,"items":{"enum":%s}}`, mostRefs, quoted(s.refs()))
		}
		fmt.Fprintf(&b, `%s:{"type":"array","minItems":1,"maxItems":%d,"items":{"type":"object","properties":{"kind":{"enum":%s},"parts":{"type":"array","minItems":1,"maxItems":%d,"items":`+part+`}%s},"required":["kind","parts"],"additionalProperties":false}}`,
			quoted(a.title), mostSentences, quoted(a.kinds), most, slots, refs)
	}
	fmt.Fprintf(&b, `},"required":%s,"additionalProperties":false}},"required":["sections"],"additionalProperties":false}`, quoted(s.sections))
	return b.String()
}

// GBNF returns the same language as a grammar in llama.cpp's notation, without
// white space between its parts: a small model that may write blanks for ever
// does.
func (s *Sheet) GBNF(f Freedom) string {
	var b strings.Builder
	fmt.Fprintf(&b, "letters ::= %s{1,%d}\n", letters, mostLetters)
	fmt.Fprintf(&b, "form ::= %s\n", choice(forms))
	if f == Wording {
		fmt.Fprintf(&b, "ref ::= %s\n", choice(s.refs()))
		fmt.Fprintf(&b, "refs ::= %s ref (\",\" ref){0,%d} \"]\"\n", literal(`,"refs":[`), mostRefs-1)
	}
	var sections []string
	for i, a := range s.allowances(f) {
		fmt.Fprintf(&b, "slot%d ::= %s\n", i, choice(a.slots))
		part, more := fmt.Sprintf("%s slot%d %s", literal(`{"slot":`), i, literal("}")), ""
		if a.words {
			part = fmt.Sprintf("%s slot%d (%s form)? %s | %s letters %s", literal(`{"slot":`), i, literal(`,"as":`), literal("}"), literal(`{"text":"`), literal(`"}`))
			more = fmt.Sprintf(" (\",\" part%d){0,%d}", i, mostParts-1)
		}
		fmt.Fprintf(&b, "part%d ::= %s\n", i, part)
		refs := ""
		if a.words {
			refs = " refs?"
		}
		fmt.Fprintf(&b, "sentence%d ::= %s (%s) %s part%d%s \"]\"%s \"}\"\n", i, literal(`{"kind":`), choice(a.kinds), literal(`,"parts":[`), i, more, refs)
		sections = append(sections, fmt.Sprintf("%s sentence%d (\",\" sentence%d){0,%d} \"]\"", literal(quoted(a.title)+":["), i, i, mostSentences-1))
	}
	fmt.Fprintf(&b, "root ::= %s %s %s\n", literal(`{"sections":{`), strings.Join(sections, ` "," `), literal("}}"))
	return b.String()
}

// choice is one of some strings as JSON, in a grammar.
func choice[T ~string](all []T) string {
	out := make([]string, len(all))
	for i, x := range all {
		out[i] = literal(quoted(x))
	}
	return strings.Join(out, " | ")
}

// literal is a text in a grammar.
func literal(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

func ids[T any](all []T, id func(T) string) []string {
	out := make([]string, len(all))
	for i, x := range all {
		out[i] = id(x)
	}
	return out
}

// quoted is a string, or a list of strings, as JSON.
func quoted(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // strings are JSON
		panic("draft: " + err.Error())
	}
	return string(b)
}

func isDecided(f finding.Finding) bool {
	return f.Verdict == finding.Better || f.Verdict == finding.Worse || f.Verdict == finding.Same
}
