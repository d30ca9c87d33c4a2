package grammar_test

import (
	"strings"
	"testing"

	"chimera/internal/fault"
	"chimera/internal/grammar"
)

func TestGrammarsThatAreRefused(t *testing.T) {
	nested := func(n int) string { return "root ::= " + strings.Repeat("(", n) + `"a"` + strings.Repeat(")", n) }
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "the grammar has no rule named root"},
		{"no root", `a ::= "x"`, "the grammar has no rule named root"},
		{"not UTF-8", "root ::= \"\xff\"", "the grammar is not UTF-8"},
		{"not a rule", "= x", `grammar line 1: expected the name of a rule at "= x"`},
		{"no ::=", "root = x", `grammar line 1: expected ::= after "root", but there is "= x"`},
		{"an undefined rule", "root ::= \"a\" |\n  b", `grammar line 2: rule "b" is not defined`},
		{"defined twice", "root ::= \"a\"\nroot ::= \"b\"", `grammar line 2: rule "root" is defined twice`},
		{"a text that is open", "root ::= \"a\n\"", "grammar line 1: a text is not closed"},
		{"a text at the end", `root ::= "a`, "grammar line 1: a text is not closed"},
		{"a class that is open", `root ::= [a-`, "grammar line 1: a class is not closed"},
		{"a class of nothing", `root ::= []`, "grammar line 1: a class has no characters"},
		{"a class of all but all", `root ::= [^\x00-\U0010ffff]`, "grammar line 1: a class has no characters"},
		{"a range backwards", `root ::= [z-a]`, "grammar line 1: the range 'z'-'a' is empty"},
		{"a group that is open", `root ::= ("a"`, `grammar line 1: a group is not closed before ""`},
		{"a group never begun", `root ::= "a")`, `grammar line 1: unexpected ")" in rule "root"`},
		{"an unknown escape", `root ::= "\q"`, `grammar line 1: unknown escape \q`},
		{"few digits", `root ::= "\x4"`, `\x needs 2 hexadecimal digits`},
		{"half a surrogate pair", `root ::= "\ud83d"`, `\ud83d is not a character`},
		{"beyond Unicode", `root ::= "\U00110000"`, `\U110000 is not a character`},
		{"nothing repeated", `root ::= * "a"`, "repeats nothing"},
		{"a repetition backwards", `root ::= "a"{3,2}`, "grammar line 1: a repetition of at least 3 is of at most 2"},
		{"a repetition without a number", `root ::= "a"{}`, `expected a number at "}"`},
		{"a repetition that is open", `root ::= "a"{2`, `a repetition is {m}, {m,} or {m,n}, but there is ""`},
		{"a repetition of very many", `root ::= "a"{1000000}`, "a repetition of more than 262144"},
		{"more symbols than there may be", `root ::= ` + strings.Repeat(`"`+strings.Repeat("x", 1000)+`" `, 300), "the grammar needs more than 262144 symbols"},
		{"a large grammar", "root ::= \"a\" #" + strings.Repeat("x", grammar.MaxSource), "the grammar has 1048590 bytes, and may have 1048576"},
		{"deep groups", nested(grammar.MaxNesting), "groups are nested deeper than 200"},
		{"a token", `root ::= <think> "a"`, `references to tokens are not supported: "<think> \"a\""`},
		{"any token but one", `root ::= !<think>`, "references to tokens are not supported"},
		{"left recursion", `root ::= root "a" | "b"`, `rule "root" can begin with itself (root → root); write it as a repetition`},
		{"left recursion at a distance", "root ::= a\na ::= b \"x\"\nb ::= \"\" a | \"y\"", "can begin with itself"},
		{"left recursion behind what may be empty", `root ::= "a"? root "b" | "c"`, "left-recursive"},
		{"no finite text", `root ::= "a" root`, "no finite text matches the grammar"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := grammar.ParseGBNF(c.text)
			refused(t, err, c.want)
		})
	}
	if _, err := grammar.ParseGBNF(nested(grammar.MaxNesting - 1)); err != nil {
		t.Errorf("groups as deep as they may be: %v", err)
	}
}

// refused checks that err is the user's, and says what is wanted.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != fault.Usage {
		t.Fatalf("%v, want %q for the user", err, want)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("%q, want %q", err, want)
	}
}

func TestSchemasThatAreRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "the schema is not JSON"},
		{"not JSON", "{", "the schema is not JSON"},
		{"two values", "{} {}", "the schema goes on after its end, at byte"},
		{"a member twice", `{"type":"null","type":"null"}`, `an object has two members named "type"`},
		{"not a schema", "[]", "schema at #: a schema is an object or a boolean"},
		{"nothing allowed", "false", "no finite text matches the grammar"},
		{"a large schema", `{"title":"` + strings.Repeat("x", grammar.MaxSource) + `"}`, "bytes, and may have 1048576"},
		{"deep values", strings.Repeat(`{"items":`, 300) + "true" + strings.Repeat("}", 300), "values are nested deeper than 200"},
		{"an unknown type", `{"type":"float"}`, `schema at #: unknown type "float"; types are null, boolean`},
		{"a wrong type", `{"type":3}`, "unknown type 3"},
		{"two whole keywords", `{"const":1,"enum":[1]}`, `"const" cannot be combined with "enum"`},
		{"a reference and more", `{"$ref":"#/$defs/a","minLength":1,"$defs":{"a":{}}}`, `"$ref" cannot be combined with "minLength"`},
		{"an empty choice", `{"anyOf":[]}`, "schema at #: anyOf must be an array of at least one"},
		{"an empty list of constants", `{"enum":[]}`, "enum must be an array of at least one"},
		{"a conjunction", `{"allOf":[{"type":"string"},{"minLength":3}]}`, "allOf is supported with one schema only"},
		{"alternatives that overlap", `{"oneOf":[{"type":"integer"},{"type":"number"}]}`, "oneOf: a value could match both alternative 0 and 1"},
		{"a reference to nothing", `{"$ref":"#/$defs/a"}`, "$ref: there is no #/$defs/a"},
		{"a reference elsewhere", `{"$ref":"https://example.org/s.json"}`, `$ref must be # or #/… in this schema, but is "https://example.org/s.json"`},
		{"a reference to itself only", `{"$ref":"#"}`, "no finite text matches the grammar"},
		{"an id below the root", `{"properties":{"a":{"$id":"x"}}}`, "schema at #/properties/a: $id is supported at the root only"},
		{"a list of items", `{"items":[{}]}`, "items is an array; since draft 2020-12 that is prefixItems"},
		{"unique items", `{"type":"array","uniqueItems":true}`, "uniqueItems is not supported"},
		{"a length below zero", `{"minLength":-1}`, "minLength must be a whole number of at least 0, but is -1"},
		{"half a length", `{"maxLength":1.5}`, "maxLength must be a whole number of at least 0, but is 1.5"},
		{"a length beyond all", `{"minLength":1000000}`, "minLength is 1000000, and may be up to 262144"},
		{"least above most", `{"minLength":3,"maxLength":2}`, "no finite text matches the grammar"},
		{"a pattern that is none", `{"pattern":"("}`, `pattern "(": error parsing regexp`},
		{"a pattern that looks ahead", `{"pattern":"(?=a)b"}`, "error parsing regexp"},
		{"a pattern that refers back", `{"pattern":"(a)\\1"}`, "error parsing regexp"},
		{"a word boundary", `{"pattern":"\\bx"}`, "is not supported"},
		{"an anchor inside", `{"pattern":"a^b"}`, "^ and $ are supported at its ends only"},
		{"a pattern of parts with a length", `{"pattern":"^ab+$","maxLength":4}`, "a length can be combined with a pattern of one repeated class only"},
		{"a format", `{"format":"email"}`, `the format "email" is not supported; supported are date, time, date-time, uuid and ipv4`},
		{"a format and a pattern", `{"format":"date","pattern":"a"}`, "without a pattern"},
		{"multiples", `{"multipleOf":0.5}`, "multipleOf is supported as 1 only, but is 0.5"},
		{"a bound that is no number", `{"minimum":"3"}`, `minimum must be a number of at most 40 digits, but is "3"`},
		{"a bound beyond arithmetic", `{"maximum":1e999}`, "maximum must be a number of at most 40 digits, but is 1e999"},
		{"fine bounds", `{"minimum":0.0000000001}`, "the bounds have 10 digits after the point, and may have 9"},
		{"bounds without room", `{"type":"integer","minimum":5,"maximum":4}`, "no finite text matches the grammar"},
		{"names that are made up", `{"type":"object","minProperties":2}`, "minProperties of 2 needs properties"},
		{"required that is no list", `{"required":"a"}`, "required must be an array of names"},
		{"properties that are no object", `{"properties":[]}`, "properties must be an object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := grammar.FromJSONSchema(c.text)
			refused(t, err, c.want)
		})
	}
}

// A keyword that would restrict a value and is not known is never passed over.
func TestKeywordsThatAreNotSupported(t *testing.T) {
	for _, keyword := range []string{"not", "if", "then", "else", "patternProperties", "propertyNames", "contains", "minContains", "maxContains",
		"dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties", "unevaluatedItems", "additionalItems", "$dynamicRef",
		"$recursiveRef", "contentEncoding", "contentMediaType", "contentSchema", "nullable", "x-mine"} {
		_, err := grammar.FromJSONSchema(`{"items":{"type":"string","` + keyword + `":{}}}`)
		refused(t, err, `schema at #/items: the keyword "`+keyword+`" is not supported`)
	}
}
