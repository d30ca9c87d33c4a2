package tool

import (
	"context"
	"encoding/json"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

// Definition is a tool as a model is told of it.
type Definition struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"` // JSON Schema of the arguments
}

// request holds the arguments of any tool.
type request struct {
	metric, aggregate, phase, kind, verdict, finding, id, part, format string
	ids, by, where, a, b                                               []string
	offset                                                             int
}

// spec is one tool.
type spec struct {
	name, description string
	fields            func(s *Source, r *request) []field
	ask               func(b *Box, ctx context.Context, r request, a *answer) error
}

// The tools, in the order in which they are told.
var specs = []spec{
	{"inventory", "What there is: runs, files, subjects, metrics with their units, labels with their values, findings. Ask this first. Without part: an overview.", (*Source).inventoryFields, (*Box).inventory},
	{"list_facts", "Facts that the analysis made, those that matter most first: values, ratios, p-values, winners, each with an id, an interval and n. With kind or finding: also the findings, each a sentence with a verdict.", (*Source).listFields, (*Box).listFacts},
	{"query", "One metric of the rows, aggregated, for each combination of the labels in by; with ranks that say which can be told apart, and a trend over one numeric label. Phases never enter one value.", (*Source).queryFields, (*Box).query},
	{"compare", "Whether a is better than b: ratio and difference with interval, test and verdict, or why they cannot be compared. a and b are each one fact's id, or conditions that choose rows.", (*Source).compareFields, (*Box).compare},
	{"plot", "The figures of a finding: as a table of points, or as pictures (svg).", (*Source).plotFields, (*Box).plot},
}

// Names lists the tools.
func Names() []string {
	var names []string
	for _, t := range specs {
		names = append(names, t.name)
	}
	return names
}

// Definitions tells the tools, in a fixed order. Their schemas know the metrics
// and labels of the source.
func (s *Source) Definitions() []Definition {
	var out []Definition
	for _, t := range specs {
		out = append(out, Definition{Name: t.name, Description: t.description, Parameters: schema(t.fields(s, &request{}))})
	}
	return out
}

func (b *Box) ask(ctx context.Context, name string, arguments json.RawMessage, a *answer) error {
	for _, t := range specs {
		if t.name != name {
			continue
		}
		var r request
		if err := decode(arguments, t.fields(b.Source, &r)); err != nil {
			return err
		}
		return t.ask(b, ctx, r, a)
	}
	return unknown("tool", name, Names())
}

// Bounds of lists in arguments and answers.
const (
	maxItems  = 16
	maxOffset = 1 << 30
	maxEnum   = 128 // names that a schema lists
	maxShown  = 12  // values of a label that an overview shows
)

func phases() []string {
	return []string{string(sample.Measure), string(sample.Cold), string(sample.Warmup)}
}

func findingKinds() []string {
	var names []string
	for _, k := range finding.Kinds {
		names = append(names, string(k))
	}
	return names
}

func verdicts() []string {
	var names []string
	for _, v := range finding.Verdicts {
		names = append(names, string(v))
	}
	return names
}

func (s *Source) metricField(r *request, required bool) field {
	return field{name: "metric", kind: "string", doc: "metric or series, as inventory lists them", offered: s.metrics(), required: required, text: &r.metric}
}

func whereField(name, doc string, list *[]string, required bool) field {
	return field{name: name, kind: "strings", doc: doc, required: required, most: maxItems, list: list}
}

const whereDoc = `conditions that must all hold, one a string: "subject=270m", "config.num_ctx<=2048" (= != < <= > >=)`

func offsetField(r *request) field {
	return field{name: "offset", kind: "integer", doc: "how many to pass over: next_offset of an answer that was cut", most: maxOffset, number: &r.offset}
}

func aggregateField(r *request) field {
	return field{name: "agg", kind: "string", doc: "how values become one; default median, of scores of text mean or ratio_of_sums", allowed: fact.Aggregates(), text: &r.aggregate}
}

func phaseField(r *request) field {
	return field{name: "phase", kind: "string", doc: "which rows; default measure (warm)", allowed: phases(), text: &r.phase}
}
