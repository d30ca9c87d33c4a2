// Package vllm reads the result files of `vllm bench serve`.
//
// With --save-detailed a result has lists with one entry per request, which
// become samples: outcome, tokens, text. Their times stay readings under
// vLLM's names, because vLLM's first token is the first chunk with a choice,
// even if its text is empty, and its clock has no origin in the calendar: the
// samples have no instants, and our latencies are absent. What vLLM sums up
// becomes readings too. docs/formats/foreign.md says field by field what
// becomes what, and from which source the layout was read.
package vllm

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// Format reads a result, or several that were appended to one file.
func Format() importer.Format { return importer.Format{Name: "vllm", Read: read} }

const kind = "vllm"

func read(s *importer.Source) (*importer.Content, error) {
	c := &importer.Content{Kind: "vllm/result"}
	switch {
	case isResult(s.FirstLine()):
		for i, l := range s.Lines() {
			switch {
			case l.Err != nil:
				add(c, importer.Row{Skip: importer.Clip(fmt.Sprintf("line %d: %v", l.Number, l.Err), 200)})
			case !isResult(l.Object):
				add(c, importer.Row{Skip: fmt.Sprintf("line %d: it is no result of vLLM", l.Number)})
			default:
				result(c, fmt.Sprintf("%s/%d", s.Path, i), l.Object)
			}
		}
	case isResult(s.Object()):
		result(c, "", s.Object())
	default:
		return nil, nil
	}
	if len(c.Rows) == 0 {
		return nil, fmt.Errorf("a result of vLLM without a value")
	}
	return c, nil
}

// isResult knows a result by what `vllm bench serve` always writes; other
// benchmarks that descend from it lack the tokenizer or the prompts. Its
// versions name the kind of server backend, endpoint_type, or both.
func isResult(o map[string]json.RawMessage) bool {
	return (importer.Holds(o, "backend") || importer.Holds(o, "endpoint_type")) && importer.Holds(o, "date", "model_id", "tokenizer_id", "num_prompts", "request_rate", "duration", "completed", "request_throughput")
}

func add(c *importer.Content, r importer.Row) {
	r.Number = len(c.Rows) + 1
	c.Rows = append(c.Rows, r)
}

// run is one result on its way to rows.
type run struct {
	fields     map[string]json.RawMessage
	experiment string
	model      string
	labels     map[string]string
	completed  float64
}

func result(c *importer.Content, experiment string, o map[string]json.RawMessage) {
	r := run{fields: o, experiment: experiment, model: importer.NotRecorded}
	if err := json.Unmarshal(o["completed"], &r.completed); err != nil {
		add(c, importer.Row{Skip: importer.Clip(fmt.Sprintf("completed: %v", err), 200)})
		return
	}
	var model string
	if json.Unmarshal(o["model_id"], &model) == nil && model != "" {
		r.model = model
	}
	c.Subjects = append(c.Subjects, sample.SubjectRecord{ID: r.model, Target: "imported", Kind: "imported", Model: r.model})
	r.labels = r.conditions()
	r.requests(c)
	r.aggregates(c)
}

// conditions are under what the run was made: vLLM's own, and what the user
// added with --metadata, which vLLM writes as texts among its fields.
func (r *run) conditions() map[string]string {
	labels := map[string]string{importer.LabelSubject: r.model}
	for _, name := range slices.Sorted(maps.Keys(r.fields)) {
		var v any
		if len(labels) > 40 || len(name) > 60 || json.Unmarshal(r.fields[name], &v) != nil {
			continue
		}
		switch v := v.(type) {
		case string:
			if v != "" && name != "model_id" {
				labels[name] = importer.Clip(v, 200)
			}
		case float64:
			if condition[name] {
				labels[name] = string(r.fields[name])
			}
		}
	}
	return labels
}

var condition = map[string]bool{"num_prompts": true, "request_rate": true, "burstiness": true, "max_concurrency": true,
	"ramp_up_start_rps": true, "ramp_up_end_rps": true}

// measure is a field's unit, and how many of the file's units make one.
type measure struct {
	unit unit.Unit
	per  float64
}

var measures = map[string]measure{
	"duration": {unit.Second, 1}, "completed": {unit.None, 1}, "failed": {unit.None, 1},
	"total_input_tokens": {unit.Token, 1}, "total_output_tokens": {unit.Token, 1}, "total_input_sequences": {unit.None, 1},
	"request_throughput": {unit.PerSecond, 1}, "request_goodput": {unit.PerSecond, 1}, "request_goodput:": {unit.PerSecond, 1},
	"output_throughput": {unit.TokenPerSecond, 1}, "total_token_throughput": {unit.TokenPerSecond, 1}, "input_sequence_throughput": {unit.PerSecond, 1},
	"max_output_tokens_per_s": {unit.PerSecond, 1}, // vLLM counts chunks for it
	"max_concurrent_requests": {unit.None, 1}, "rtfx": {unit.None, 1},
	"probe_completed": {unit.None, 1}, "probe_failed": {unit.None, 1},
	"probe_median_e2el_ms": {unit.Second, 1e3}, "probe_p99_e2el_ms": {unit.Second, 1e3}, "probe_max_e2el_ms": {unit.Second, 1e3},
	"spec_decode_acceptance_rate": {unit.Ratio, 100}, "spec_decode_acceptance_length": {unit.None, 1}, "spec_decode_num_drafts": {unit.None, 1},
	"spec_decode_draft_tokens": {unit.Token, 1}, "spec_decode_accepted_tokens": {unit.Token, 1},
}

// latency is a summary of times in ms, as --percentile-metrics chose them.
var latency = regexp.MustCompile(`^(mean|median|std|p[0-9]{1,3}(?:\.[0-9]{1,6})?)_(ttft|tpot|itl|e2el|client_queue_time|e2el_including_client_queue)_ms$`)

func measureOf(name string) (measure, bool) {
	if latency.MatchString(name) {
		return measure{unit.Second, 1e3}, true
	}
	m, ok := measures[name]
	return m, ok
}

// aggregates takes over one row for each figure.
func (r *run) aggregates(c *importer.Content) {
	for _, name := range slices.Sorted(maps.Keys(r.fields)) {
		raw := r.fields[name]
		if condition[name] || perRequest[name] || raw[0] == '[' || raw[0] == '{' || string(raw) == "null" {
			continue
		}
		m, known := measureOf(name)
		if !known {
			if raw[0] != '"' { // a text is a condition
				add(c, importer.Row{Skip: fmt.Sprintf("%s: its unit is not known", importer.Clip(name, 60))})
			}
			continue
		}
		var v float64
		if err := json.Unmarshal(raw, &v); err != nil {
			add(c, importer.Row{Skip: importer.Clip(fmt.Sprintf("%s: %v", name, err), 200)})
			continue
		}
		add(c, importer.Row{Readings: []sample.Reading{r.aggregate(name, m, v)}})
	}
}

// aggregate makes a reading. vLLM writes 0 where there was nothing to sum up:
// for every latency and rate when no request completed, and for the time to the
// first token of an endpoint that does not stream.
func (r *run) aggregate(name string, m measure, v float64) sample.Reading {
	out := r.reading(name, m, v)
	switch {
	case r.completed == 0 && v == 0 && (m.unit == unit.Second || m.unit == unit.PerSecond || m.unit == unit.TokenPerSecond):
		out.Value, out.Reason = sample.None[float64](), "no request completed"
	case v == 0 && m.unit == unit.Second && !(name[:4] == "std_" && r.spreadOfOne(name)):
		out.Value, out.Reason = sample.None[float64](), "a time of 0 is no measurement"
	}
	return out
}

// spreadOfOne reports whether a deviation of 0 has a mean beside it.
func (r *run) spreadOfOne(name string) bool {
	var mean float64
	return json.Unmarshal(r.fields["mean_"+name[4:]], &mean) == nil && mean > 0
}

func (r *run) reading(name string, m measure, v float64) sample.Reading {
	out := sample.Reading{Kind: kind, Series: kind + "." + name, Unit: m.unit, Value: importer.Value(v / m.per), Labels: maps.Clone(r.labels)}
	out.Labels["field"] = name
	if m.per != 1 {
		out.Labels["field_unit"] = map[float64]string{1e3: "ms", 100: "%"}[m.per]
	}
	if v < 0 || math.IsInf(v, 0) {
		out.Value, out.Reason = sample.None[float64](), fmt.Sprintf("%v is no measurement", v)
	}
	return out
}
