package spec

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"chimera/internal/quality"

	"github.com/invopop/jsonschema"
)

// Schema returns the JSON Schema (draft 2020-12) of a spec for targets of one
// kind, or of any known kind if kind is empty. What it refuses Parse refuses
// too; Parse also checks what a schema cannot say: references between ids, and
// which target a factor must suit.
func Schema(known Catalogue, kind string) ([]byte, error) {
	kinds := known.Kinds()
	if kind != "" {
		if _, ok := known[kind]; !ok {
			return nil, usage("there is no kind of target %q (%s)", kind, suggest(kind, kinds))
		}
		kinds = []string{kind}
	}
	w := schemaWriter{options: mergeOptions(known, kinds)}
	r := &jsonschema.Reflector{Anonymous: true, RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Mapper: w.mapType}
	s := r.Reflect(&Spec{})
	s.Title = "chimera experiment"
	s.Description = "What is compared, on which runtimes, with which prompts and settings, in which order."
	w.constrain(s, kinds)
	return json.MarshalIndent(s, "", "  ")
}

type schemaWriter struct{ options map[string][]Option }

// mergeOptions collects the options of several kinds by name.
func mergeOptions(known Catalogue, kinds []string) map[string][]Option {
	out := map[string][]Option{}
	for _, k := range kinds {
		for _, o := range known[k] {
			out[o.Name] = append(out[o.Name], o)
		}
	}
	return out
}

// mapType writes the types whose JSON form reflection does not see.
func (w schemaWriter) mapType(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durationPattern, Examples: []any{"120s", "1m30s", "250ms"}}
	case reflect.TypeFor[Config]():
		return w.eachOption(func(s *jsonschema.Schema) *jsonschema.Schema { return s })
	case reflect.TypeFor[Factors]():
		s := w.eachOption(func(s *jsonschema.Schema) *jsonschema.Schema {
			return &jsonschema.Schema{Type: "array", Items: s, MinItems: new(uint64(1)), UniqueItems: true, Description: s.Description}
		})
		s.MinProperties = new(uint64(1))
		return s
	case reflect.TypeFor[PromptText]():
		text := &jsonschema.Schema{Type: "string", MinLength: new(uint64(1))}
		object := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema, Required: []string{"text"}}
		object.Properties.Set("id", idSchema("Name of the prompt within the workload."))
		object.Properties.Set("text", text)
		object.Properties.Set("required", &jsonschema.Schema{Type: "array", Items: &jsonschema.Schema{Type: "string"}, Description: "What the answer to this prompt must contain, in any case."})
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, object}}
	}
	return nil
}

// eachOption writes an object with the options as properties.
func (w schemaWriter) eachOption(of func(*jsonschema.Schema) *jsonschema.Schema) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, name := range sortedKeys(w.options) {
		s.Properties.Set(name, of(optionSchema(w.options[name])))
	}
	return s
}

// optionSchema allows what any of the options of one name allows.
func optionSchema(options []Option) *jsonschema.Schema {
	var forms []*jsonschema.Schema
	for _, o := range options {
		if f := o.schema(); !slices.ContainsFunc(forms, func(g *jsonschema.Schema) bool { return reflect.DeepEqual(f, g) }) {
			forms = append(forms, f)
		}
	}
	if len(forms) == 1 {
		return forms[0]
	}
	return &jsonschema.Schema{AnyOf: forms}
}

func (o Option) schema() *jsonschema.Schema {
	s := &jsonschema.Schema{Description: o.Doc}
	if o.Reload {
		s.Description += " (changing it loads the model again)"
	}
	switch o.Type {
	case Int:
		s.Type = "integer"
	case Float:
		s.Type = "number"
	case Bool:
		s.Type = "boolean"
	case Text:
		s.Type = "string"
	case Enum:
		for _, e := range o.Enum {
			s.Enum = append(s.Enum, e)
		}
	}
	if (o.Type == Int || o.Type == Float) && o.Min < o.Max {
		s.Minimum, s.Maximum = jsonNumber(o.Min), jsonNumber(o.Max)
	}
	return s
}

func jsonNumber(v float64) json.Number { return json.Number(show(v)) }

func idSchema(doc string) *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: idPattern, Description: doc}
}

// constrain adds what struct tags cannot hold: forms shared with the parser,
// and words that depend on this build.
func (w schemaWriter) constrain(s *jsonschema.Schema, kinds []string) {
	for _, name := range []string{"Target", "Subject", "Workload", "Experiment"} {
		id := property(s, name, "id")
		id.Pattern = idPattern
	}
	setEnum(property(s, "Target", "kind"), kinds)
	setEnum(property(s, "Workload", "suite"), Suites())
	setEnum(property(s, "Contract", "script"), quality.Scripts())
	for _, source := range sources {
		s.Definitions["Workload"].OneOf = append(s.Definitions["Workload"].OneOf, &jsonschema.Schema{Required: []string{source}})
	}
}

func property(s *jsonschema.Schema, name, key string) *jsonschema.Schema {
	p, ok := s.Definitions[name].Properties.Get(key)
	if !ok {
		panic(fmt.Sprintf("spec: the schema has no %s.%s", name, key)) // a renamed field: a test gets here first
	}
	return p
}

func setEnum(s *jsonschema.Schema, words []string) {
	for _, word := range words {
		s.Enum = append(s.Enum, word)
	}
}
