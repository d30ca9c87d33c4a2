package draft

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Freedom is how much a writer may word itself.
type Freedom int

// Freedoms. Choosing suits models that do not follow instructions: every
// sentence is one fact or finding, which code words.
const (
	Wording  Freedom = iota // words and slots
	Choosing                // slots only
)

// Bounds of what the schema lets a writer write.
const (
	schemaSentences = 8
	schemaParts     = 12
	schemaRefs      = 4
	// freeText are the words between two slots. The pattern is anchored, as Ollama
	// wants it, and lists what is allowed: a class without ASCII digits would
	// still allow those of other scripts.
	freeText = "^[A-Za-z ,.;:()'-]{1,100}$"
)

// Schema returns the JSON Schema (2020-12) of a draft for constrained decoding:
// a slot is one of the sheet's ids, and words hold no digit. It uses only what
// package grammar, llama.cpp and Ollama honour: type, properties in order,
// required, additionalProperties, enum, anyOf, items, minItems, maxItems, $ref
// into $defs, and an anchored pattern of one repeated class.
func (s *Sheet) Schema(f Freedom) string {
	var b strings.Builder
	b.WriteString(`{"type":"object","properties":{"sections":{"type":"object","properties":{`)
	for i, title := range s.sections {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `%s:{"type":"array","minItems":1,"maxItems":%d,"items":{"$ref":"#/$defs/sentence"}}`, quoted(title), schemaSentences)
	}
	fmt.Fprintf(&b, `},"required":%s,"additionalProperties":false}},"required":["sections"],"additionalProperties":false,"$defs":{`, quoted(s.sections))
	kind := `"kind":{"enum":` + quoted(Kinds) + `}`
	told := append(ids(s.claims, func(c *claim) string { return c.id }), ids(s.facts, func(x *item) string { return x.id })...)
	if f == Choosing {
		fmt.Fprintf(&b, `"slot":{"type":"object","properties":{"slot":{"enum":%s}},"required":["slot"],"additionalProperties":false},`, quoted(told))
		fmt.Fprintf(&b, `"sentence":{"type":"object","properties":{%s,"parts":{"type":"array","minItems":1,"maxItems":1,"items":{"$ref":"#/$defs/slot"}}},`, kind)
		b.WriteString(`"required":["kind","parts"],"additionalProperties":false}}}`)
		return b.String()
	}
	all := append(told, ids(s.things, func(t *thing) string { return t.id })...)
	fmt.Fprintf(&b, `"words":{"type":"object","properties":{"text":{"type":"string","pattern":%s}},"required":["text"],"additionalProperties":false},`, quoted(freeText))
	fmt.Fprintf(&b, `"slot":{"type":"object","properties":{"slot":{"enum":%s},"as":{"enum":%s}},"required":["slot"],"additionalProperties":false},`, quoted(all), quoted(forms))
	fmt.Fprintf(&b, `"sentence":{"type":"object","properties":{%s,"parts":{"type":"array","minItems":1,"maxItems":%d,"items":{"anyOf":[{"$ref":"#/$defs/words"},{"$ref":"#/$defs/slot"}]}},`, kind, schemaParts)
	fmt.Fprintf(&b, `"refs":{"type":"array","maxItems":%d,"items":{"enum":%s}}},"required":["kind","parts"],"additionalProperties":false}}}`, schemaRefs, quoted(told))
	return b.String()
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
