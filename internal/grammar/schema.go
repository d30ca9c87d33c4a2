package grammar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// How deep texts may go that the schema itself does not bound.
const (
	maxRefs = 16 // references entered on the way to a value
	maxFree = 8  // objects and arrays inside a value of any form
)

// FromJSONSchema returns a grammar of texts that are valid under a JSON Schema
// (2020-12). Not every valid text is of it: members come in the order of the
// schema, only those it names where it names any, and there is no white space but
// one optional space after a comma or a colon. docs/formats/grammar.md lists the
// keywords; any other that would restrict a value is an error. Errors carry
// fault.Usage and the place in the schema.
func FromJSONSchema(text string) (*Grammar, error) {
	if len(text) > MaxSource {
		return nil, usage("the schema has %d bytes, and may have %d", len(text), MaxSource)
	}
	root, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	s := &schema{b: newBuilder(), root: root, refs: map[entered]symbol{}, free: map[int]symbol{}}
	id := s.node(place{root, "#", 0, nil})
	if s.b.err != nil {
		return nil, s.b.err
	}
	return s.b.finish("schema\x00"+text, id)
}

// A schema is one translation in progress. Errors stick in its builder.
type schema struct {
	b    *builder
	root *value
	refs map[entered]symbol
	free map[int]symbol // values of any form, by depth
}

type entered struct {
	target *value
	depth  int
	types  string
}

// A place is a subschema, where it stands and what is known on the way to it.
type place struct {
	v     *value
	path  string
	depth int      // references entered
	types []string // the only ones allowed; nil: any
}

func (p place) at(name string) place {
	return place{p.v.get(name), p.path + "/" + name, p.depth, nil}
}

func (p place) item(list string, i int) place {
	return place{p.v.get(list).items[i], fmt.Sprintf("%s/%s/%d", p.path, list, i), p.depth, nil}
}

// bad notes an error and returns a symbol that is never used.
func (s *schema) bad(p place, format string, args ...any) symbol {
	s.b.fail(usage("schema at %s: "+format, append([]any{p.path}, args...)...))
	return s.never()
}

// never matches nothing.
func (s *schema) never() symbol { return s.b.rule("") }

// ignored keywords say nothing about which values are valid.
var ignored = []string{"$schema", "$id", "$comment", "$defs", "definitions", "$anchor", "title", "description", "default", "examples",
	"deprecated", "readOnly", "writeOnly"}

// whole keywords each describe a value completely; at most one may stand in a
// schema, beside "type" only.
var whole = []string{"$ref", "const", "enum", "anyOf", "oneOf", "allOf"}

// byType lists the other keywords with the type that they restrict.
var byType = map[string]string{
	"properties": "object", "required": "object", "additionalProperties": "object", "minProperties": "object", "maxProperties": "object",
	"items": "array", "prefixItems": "array", "minItems": "array", "maxItems": "array", "uniqueItems": "array",
	"minLength": "string", "maxLength": "string", "pattern": "string", "format": "string",
	"minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number", "multipleOf": "number",
}

var allTypes = []string{"null", "boolean", "string", "integer", "number", "array", "object"}

// node returns a symbol for the values of a subschema.
func (s *schema) node(p place) symbol {
	if s.b.err != nil {
		return 0
	}
	switch {
	case p.v.kind == 'b' && !p.v.truth:
		return s.never()
	case p.v.kind == 'b':
		return s.typed(place{&value{kind: 'o'}, p.path, p.depth, p.types})
	case p.v.kind != 'o':
		return s.bad(p, "a schema is an object or a boolean")
	}
	if p.types = s.narrow(p); s.b.err != nil {
		return 0
	}
	switch keyword := s.keyword(p); keyword {
	case "":
		return s.typed(p)
	case "$ref":
		return s.reference(p)
	case "const":
		return s.constants(p, []*value{p.v.get(keyword)})
	case "enum":
		list, _ := s.list(p, keyword)
		return s.constants(p, list)
	default:
		return s.oneOrMore(p, keyword)
	}
}

// keyword returns the keyword that describes the value completely, if any.
func (s *schema) keyword(p place) string {
	found, other := "", ""
	for _, m := range p.v.members {
		switch {
		case m.name == "$id" && p.v != s.root:
			s.bad(p, "$id is supported at the root only")
		case m.name == "type" || slices.Contains(ignored, m.name):
		case slices.Contains(whole, m.name) && found == "":
			found = m.name
		case byType[m.name] != "" || slices.Contains(whole, m.name):
			other = m.name
		default:
			s.bad(p, "the keyword %q is not supported", m.name)
		}
	}
	if found != "" && other != "" {
		s.bad(p, "%q cannot be combined with %q; only annotations and \"type\" can", found, other)
	}
	return found
}

// narrow returns the types that both the schema and the way to it allow.
func (s *schema) narrow(p place) []string {
	t := p.v.get("type")
	if t == nil {
		return p.types
	}
	list := []*value{t}
	if t.kind == 'a' {
		list = t.items
	}
	own := []string{}
	for _, item := range list {
		if item.kind != 's' || !slices.Contains(allTypes, item.text) {
			s.bad(p, "unknown type %s; types are %s", item.write(nil), strings.Join(allTypes, ", "))
			return nil
		}
		own = append(own, item.text)
	}
	if p.types == nil {
		return own
	}
	var both []string
	for _, t := range own {
		switch {
		case slices.Contains(p.types, t), t == "integer" && slices.Contains(p.types, "number"):
			both = append(both, t)
		case t == "number" && slices.Contains(p.types, "integer"):
			both = append(both, "integer")
		}
	}
	return append([]string{}, both...)
}

// list returns the items of a keyword that needs at least one.
func (s *schema) list(p place, keyword string) ([]*value, bool) {
	v := p.v.get(keyword)
	if v.kind != 'a' || len(v.items) == 0 {
		s.bad(p, "%s must be an array of at least one", keyword)
		return nil, false
	}
	return v.items, true
}

// typed returns a choice of the allowed types, or of those that the keywords
// are about, or of all.
func (s *schema) typed(p place) symbol {
	types := p.types
	if types == nil {
		for _, m := range p.v.members {
			if t := byType[m.name]; t != "" && !slices.Contains(types, t) {
				types = append(types, t)
			}
		}
	}
	if types == nil {
		return s.anything(0)
	}
	bodies := [][]symbol{}
	for _, t := range types {
		if t != "integer" || !slices.Contains(types, "number") {
			bodies = append(bodies, []symbol{s.ofType(p, t)})
		}
	}
	return s.b.choice("", bodies...)
}

func (s *schema) ofType(p place, t string) symbol {
	switch t {
	case "null":
		return s.literals([]string{"null"})
	case "boolean":
		return s.literals([]string{"true", "false"})
	case "string":
		return s.stringOf(p)
	case "integer", "number":
		return s.numberOf(p, t == "integer")
	case "array":
		return s.arrayOf(p)
	}
	return s.objectOf(p)
}

// constants returns the values of a list that are of an allowed type.
func (s *schema) constants(p place, list []*value) symbol {
	var texts []string
	for _, v := range list {
		t := v.typ()
		if p.types == nil || slices.Contains(p.types, t) || t == "integer" && slices.Contains(p.types, "number") {
			texts = append(texts, string(v.write(nil)))
		}
	}
	return s.literals(texts)
}

// literals returns a choice of texts that shares their beginnings: a state has
// as many frames as there are next bytes, not as there are texts.
func (s *schema) literals(texts []string) symbol {
	texts = slices.Compact(slices.Sorted(slices.Values(texts)))
	id := s.b.rule("")
	for len(texts) > 0 && s.b.err == nil {
		first := texts[0]
		if first == "" {
			s.b.add(id, nil)
			texts = texts[1:]
			continue
		}
		n := 1
		for n < len(texts) && texts[n][0] == first[0] {
			n++
		}
		last := texts[n-1]
		same := 0
		for same < len(first) && same < len(last) && first[same] == last[same] {
			same++
		}
		body := s.b.text(first[:same])
		if n > 1 {
			rest := make([]string, n)
			for i, t := range texts[:n] {
				rest[i] = t[same:]
			}
			body = append(body, s.literals(rest))
		}
		s.b.add(id, body)
		texts = texts[n:]
	}
	return id
}

// oneOrMore handles anyOf, oneOf and an allOf of one.
func (s *schema) oneOrMore(p place, keyword string) symbol {
	list, ok := s.list(p, keyword)
	if !ok {
		return 0
	}
	if keyword == "allOf" && len(list) > 1 {
		return s.bad(p, "allOf is supported with one schema only; write the combined schema")
	}
	bodies := [][]symbol{}
	for i := range list {
		q := p.item(keyword, i)
		q.types = p.types
		bodies = append(bodies, []symbol{s.node(q)})
		for j := range i {
			if other := p.item(keyword, j); keyword == "oneOf" && !s.disjoint(q, other, maxRefs) {
				return s.bad(p, "oneOf: a value could match both alternative %d and %d; use anyOf, or give them different types or a property with different constants", j, i)
			}
		}
	}
	return s.b.choice("", bodies...)
}

// reference enters a $ref. A schema that refers to itself is entered anew at
// each depth, so that the language is bounded: what would go deeper is left out.
func (s *schema) reference(p place) symbol {
	target, ok := s.resolve(p)
	if !ok {
		return 0
	}
	if p.depth >= maxRefs {
		return s.never()
	}
	key := entered{target.v, p.depth, strings.Join(p.types, ",")}
	if p.types != nil {
		key.types = "only " + key.types
	}
	id, known := s.refs[key]
	if !known {
		id = s.b.rule("")
		s.refs[key] = id
		target.depth, target.types = p.depth+1, p.types
		s.b.add(id, []symbol{s.node(target)})
	}
	return id
}

func (s *schema) resolve(p place) (place, bool) {
	ref := p.v.get("$ref")
	pointer, local := strings.CutPrefix(ref.text, "#")
	if ref.kind != 's' || !local || pointer != "" && pointer[0] != '/' {
		s.bad(p, "$ref must be # or #/… in this schema, but is %s", ref.write(nil))
		return p, false
	}
	v := s.root
	for _, name := range strings.Split(unescape(pointer), "/")[1:] {
		if v == nil {
			break
		}
		name = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
		if v.kind != 'a' {
			v = v.get(name)
			continue
		}
		i, bad := strconv.Atoi(name)
		if bad != nil || i < 0 || i >= len(v.items) {
			v = nil
			break
		}
		v = v.items[i]
	}
	if v == nil {
		s.bad(p, "$ref: there is no %s", ref.text)
		return p, false
	}
	return place{v: v, path: ref.text, depth: p.depth}, true
}

// unescape replaces %XX, as a fragment of a URI may have it.
func unescape(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if b, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(b))
				i += 2
				continue
			}
		}
		out = append(out, text[i])
	}
	return string(out)
}

// anything returns values of any form, with objects and arrays inside up to a depth.
func (s *schema) anything(depth int) symbol {
	if id, ok := s.free[depth]; ok {
		return id
	}
	id := s.b.rule("")
	s.free[depth] = id
	nothing := place{v: &value{kind: 'o'}, path: "#"}
	for _, t := range []string{"null", "boolean", "string", "number"} {
		s.b.add(id, []symbol{s.ofType(nothing, t)})
	}
	if depth < maxFree {
		inner := s.anything(depth + 1)
		s.b.add(id, []symbol{s.array(nil, inner, 0, unbounded)})
		s.b.add(id, []symbol{s.dictionary(inner, 0, unbounded)})
	}
	return id
}

// count reads a keyword that is a number of things.
func (s *schema) count(p place, keyword string, otherwise int) int {
	v := p.v.get(keyword)
	if v == nil {
		return otherwise
	}
	r, ok := rational(v.text)
	if v.kind != 'n' || !ok || !r.IsInt() || r.Sign() < 0 || !r.Num().IsInt64() {
		s.bad(p, "%s must be a whole number of at least 0, but is %s", keyword, v.write(nil))
		return otherwise
	}
	n := r.Num().Int64()
	if n > MaxSymbols {
		s.bad(p, "%s is %d, and may be up to %d", keyword, n, MaxSymbols)
		return otherwise
	}
	return int(n)
}
