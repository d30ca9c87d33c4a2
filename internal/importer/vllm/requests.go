package vllm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// perRequest are the lists with one entry for each request.
var perRequest = map[string]bool{"input_lens": true, "output_lens": true, "ttfts": true, "itls": true, "latencies": true,
	"start_times": true, "queue_times": true, "generated_texts": true, "errors": true}

// times are those entries that are times in seconds.
var times = []string{"ttfts", "latencies", "queue_times"}

// requests takes over one row for each request. Only a result with the list of
// errors says how requests ended; without it their times are readings alone.
func (r *run) requests(c *importer.Content) {
	lists, n, err := r.lists()
	if err != nil {
		add(c, importer.Row{Skip: importer.Clip("the requests: "+err.Error(), 200)})
		return
	}
	for i := range n {
		entry := map[string]json.RawMessage{}
		for name, list := range lists {
			entry[name] = list[i]
		}
		row, err := r.request(entry)
		if err != nil {
			row = importer.Row{Skip: importer.Clip(fmt.Sprintf("request %d: %v", i, err), 200)}
		}
		add(c, row)
	}
}

// lists parses the lists, which must be of one length.
func (r *run) lists() (lists map[string][]json.RawMessage, n int, err error) {
	lists = map[string][]json.RawMessage{}
	first := ""
	for _, name := range slices.Sorted(maps.Keys(perRequest)) {
		raw, there := r.fields[name]
		if !there || string(raw) == "null" {
			continue
		}
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", name, err)
		}
		if first == "" {
			first, n = name, len(list)
		}
		if len(list) != n {
			return nil, 0, fmt.Errorf("%s has %d entries, %s has %d", name, len(list), first, n)
		}
		lists[name] = list
	}
	if n > importer.MaxRows {
		return nil, 0, fmt.Errorf("there are %d, more than %d", n, importer.MaxRows)
	}
	return lists, n, nil
}

func (r *run) request(entry map[string]json.RawMessage) (row importer.Row, err error) {
	if _, told := entry["errors"]; told {
		if row.Sample, err = r.sample(entry); err != nil {
			return row, err
		}
	}
	for _, name := range times {
		raw, there := entry[name]
		if !there || string(raw) == "null" {
			continue
		}
		var v float64
		if err := json.Unmarshal(raw, &v); err != nil {
			return row, fmt.Errorf("%s: %w", name, err)
		}
		reading := r.reading(name, measure{unit.Second, 1}, v)
		if v == 0 {
			reading.Value, reading.Reason = sample.None[float64](), "a time of 0: the request failed or was not timed"
		}
		row.Readings = append(row.Readings, reading)
	}
	if row.Sample == nil && len(row.Readings) == 0 {
		row.Skip = "it has neither an outcome nor a time"
	}
	return row, nil
}

func (r *run) sample(entry map[string]json.RawMessage) (*sample.Sample, error) {
	s := &sample.Sample{Experiment: r.experiment, Subject: r.model, Provenance: sample.Imported}
	for _, f := range []struct {
		name string
		into *sample.Opt[int]
	}{{"input_lens", &s.Tokens.Prompt}, {"output_lens", &s.Tokens.Output}} {
		raw, there := entry[f.name]
		if !there || string(raw) == "null" {
			continue
		}
		var v float64
		err := json.Unmarshal(raw, &v)
		if err == nil {
			var n int
			n, err = importer.Count(v)
			*f.into, s.Tokens.Source = sample.Some(n), kind
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	var text string
	if raw, there := entry["generated_texts"]; there {
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, fmt.Errorf("generated_texts: %w", err)
		}
		s.SetText(text)
	}
	var trouble string
	if err := json.Unmarshal(entry["errors"], &trouble); err != nil {
		return nil, fmt.Errorf("errors: %w", err)
	}
	outcome(s, trouble)
	s.Server = verbatim(entry)
	return s, nil
}

// verbatim keeps the entries under the names of their lists; the text stands
// in the sample.
func verbatim(entry map[string]json.RawMessage) json.RawMessage {
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(entry)) {
		if name != "generated_texts" {
			fmt.Fprintf(&out, ",%q:%s", name, importer.Compact(entry[name]))
		}
	}
	return json.RawMessage("{" + strings.TrimPrefix(out.String(), ",") + "}")
}

// outcome translates vLLM's error: the reason phrase of a status, a sentence of
// vLLM's, or a traceback, whose last line is the cause. A request that failed
// without a reason phrase has no error and no token.
func outcome(s *sample.Sample, trouble string) {
	lines := strings.Split(strings.TrimSpace(trouble), "\n")
	last := lines[len(lines)-1]
	n, counted := s.Tokens.Output.Get()
	switch {
	case strings.HasPrefix(trouble, "Never received a valid chunk"):
		s.Outcome, s.Failure = sample.Degenerate, &sample.Failure{Class: sample.ClassNoTokens, Message: importer.Clip(trouble, 300)}
	case trouble == "" && counted && n == 0:
		s.Outcome, s.Failure = sample.Degenerate, &sample.Failure{Class: sample.ClassNoTokens, Message: "no token, and no error that says why"}
	case trouble == "":
		s.Outcome = sample.OK
		return
	case len(lines) == 1:
		s.Outcome, s.Failure = sample.Error, &sample.Failure{Class: sample.ClassHTTP, Message: importer.Clip(last, 300)}
	default:
		s.Outcome, s.Failure = sample.Error, &sample.Failure{Class: class(last), Message: importer.Clip(last, 300)}
		if s.Failure.Class == sample.ClassTimeout {
			s.Outcome = sample.Timeout
		}
	}
	if n == 0 { // vLLM counts 0 tokens of every request that failed
		s.Tokens.Output = sample.None[int]()
	}
}

func class(cause string) string {
	for _, c := range []struct{ word, class string }{
		{"Timeout", sample.ClassTimeout}, {"Disconnected", sample.ClassReset}, {"Reset", sample.ClassReset}, {"ClientPayload", sample.ClassReset},
		{"Connect", sample.ClassConnect}, {"JSONDecode", sample.ClassProtocol},
	} {
		if strings.Contains(cause, c.word) {
			return c.class
		}
	}
	return sample.ClassServer
}
