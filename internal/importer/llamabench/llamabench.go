// Package llamabench reads what llama.cpp's llama-bench writes (JSON, JSON
// lines, CSV, SQL, Markdown) and the JSON lines of llama-batched-bench.
//
// A test of llama-bench is no request: it evaluates random tokens, without
// tokenizer, sampler or server, so it has no first token and its rates are
// neither our prefill rate nor our decode rate (its n tokens take n steps, from
// before the first one). Every repetition and every mean is therefore a reading
// under llama-bench's name, apart for prompts (pp), generation (tg) and both.
// docs/formats/foreign.md says field by field what becomes what.
package llamabench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"chimera/internal/importer"
)

// Format reads all outputs of llama-bench, and llama-batched-bench's lines.
func Format() importer.Format { return importer.Format{Name: "llama-bench", Read: read} }

func read(s *importer.Source) (*importer.Content, error) {
	switch {
	case len(s.List()) > 0 && isTest(object(s.List()[0])):
		return list(s), nil
	case anyLine(s, isTest):
		return lines(s, "llama-bench/jsonl", test1), nil
	case anyLine(s, isBatch):
		return lines(s, "llama-batched-bench/jsonl", batch), nil
	case s.Table().Has(testColumns...):
		return csv(s), nil
	case bytes.Contains(s.Bytes, []byte("INSERT INTO ")) && isSQL(s):
		return sql(s), nil
	}
	return markdown(s), nil
}

// testColumns are in every version's output, whatever its parameters.
var testColumns = []string{"build_commit", "model_filename", "n_prompt", "n_gen", "test_time", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts"}

func isTest(o map[string]json.RawMessage) bool { return importer.Holds(o, testColumns...) }

func isBatch(o map[string]json.RawMessage) bool {
	return importer.Holds(o, "n_kv_max", "pp", "tg", "pl", "t_pp", "speed_pp", "t_tg", "speed_tg")
}

// anyLine asks the first line, and all lines of a file that is named so.
func anyLine(s *importer.Source, is func(map[string]json.RawMessage) bool) bool {
	if !s.Has(".jsonl") {
		return is(s.FirstLine())
	}
	return slices.ContainsFunc(s.Lines(), func(l importer.Line) bool { return is(l.Object) })
}

func object(raw json.RawMessage) (o map[string]json.RawMessage) {
	if json.Unmarshal(raw, &o) != nil {
		return nil
	}
	return o
}

func list(s *importer.Source) *importer.Content {
	c := &importer.Content{Kind: "llama-bench/json"}
	for _, raw := range s.List() {
		o := object(raw)
		if o == nil {
			add(c, importer.Row{Skip: "it is no JSON object"})
			continue
		}
		fromJSON(c, o, test1)
	}
	return c
}

func lines(s *importer.Source, kind string, row func(fields) (importer.Row, error)) *importer.Content {
	c := &importer.Content{Kind: kind}
	for _, l := range s.Lines() {
		if l.Err != nil {
			add(c, importer.Row{Skip: importer.Clip(fmt.Sprintf("line %d: %v", l.Number, l.Err), 200)})
			continue
		}
		fromJSON(c, l.Object, row)
	}
	return c
}

func csv(s *importer.Source) *importer.Content {
	c := &importer.Content{Kind: "llama-bench/csv"}
	t := s.Table()
	for _, r := range t.Records {
		if r.Err != nil {
			add(c, importer.Row{Skip: r.Err.Error()})
			continue
		}
		f := fields{text: map[string]string{}}
		for _, name := range t.Head {
			f.text[name] = r.Cell(name)
		}
		keep(c, f, test1)
	}
	if t.Err != nil {
		c.Reason = fmt.Sprintf("it cannot be read on: %v", t.Err)
	}
	return c
}

const maxRepetitions = 10_000

// fields is one row of any of the formats: texts, and the repetitions.
type fields struct {
	text    map[string]string
	samples map[string][]float64 // samples_ns, samples_ts
}

func fromJSON(c *importer.Content, o map[string]json.RawMessage, row func(fields) (importer.Row, error)) {
	f := fields{text: map[string]string{}, samples: map[string][]float64{}}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		raw := bytes.TrimSpace(o[name])
		var err error
		switch {
		case name == "samples_ns" || name == "samples_ts":
			var values []float64
			if err = json.Unmarshal(raw, &values); len(values) > maxRepetitions {
				err = fmt.Errorf("%d repetitions, more than %d", len(values), maxRepetitions)
			}
			f.samples[name] = values
		case raw[0] == '"':
			var text string
			err = json.Unmarshal(raw, &text)
			f.text[name] = text
		case raw[0] == '{' || raw[0] == '[':
			err = errors.New("it is no plain value")
		case string(raw) != "null":
			f.text[name] = string(raw)
		}
		if err != nil {
			add(c, importer.Row{Skip: importer.Clip(fmt.Sprintf("%s: %v", name, err), 200)})
			return
		}
	}
	keep(c, f, row)
}

func keep(c *importer.Content, f fields, row func(fields) (importer.Row, error)) {
	r, err := row(f)
	if err != nil {
		r = importer.Row{Skip: importer.Clip(err.Error(), 200)}
	} else if s, ok := f.subject(); ok {
		c.Subjects = append(c.Subjects, s)
	}
	add(c, r)
}

func add(c *importer.Content, r importer.Row) {
	r.Number = len(c.Rows) + 1
	c.Rows = append(c.Rows, r)
}
