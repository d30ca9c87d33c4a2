package aiperf

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"chimera/internal/importer"
	"chimera/internal/sample"
)

type record struct {
	Metadata struct {
		ID        string `json:"x_request_id"`
		Issued    *int64 `json:"credit_issued_ns"`
		Start     int64  `json:"request_start_ns"`
		Ack       *int64 `json:"request_ack_ns"`
		End       *int64 `json:"request_end_ns"`
		Phase     string `json:"benchmark_phase"`
		Cancelled bool   `json:"was_cancelled"`
	} `json:"metadata"`
	Metrics map[string]figure `json:"metrics"`
	Error   *struct {
		Code    *int    `json:"code"`
		Type    *string `json:"type"`
		Message string  `json:"message"`
	} `json:"error"`
}

// figure is one metric of one request: a number, or a list of them.
type figure struct {
	Value json.RawMessage `json:"value"`
	Unit  string          `json:"unit"`
}

func records(s *importer.Source) *importer.Content {
	c := &importer.Content{Kind: "aiperf/records", Reason: "the lines do not name the model: it stands in AIPerf's summary"}
	for _, line := range s.Lines() {
		row := importer.Row{Number: len(c.Rows) + 1}
		if err := row1(&row, line); err != nil {
			row = importer.Row{Number: row.Number, Skip: importer.Clip(fmt.Sprintf("line %d: %v", line.Number, err), 200)}
		}
		c.Rows = append(c.Rows, row)
	}
	return c
}

// row1 makes a sample of one line.
func row1(row *importer.Row, line importer.Line) error {
	var r record
	switch {
	case line.Err != nil:
		return line.Err
	case !isRecord(line.Object):
		return errors.New("it is no record of AIPerf")
	}
	if err := json.Unmarshal(line.Bytes, &r); err != nil {
		return err
	}
	if r.Metadata.Phase != "profiling" {
		return fmt.Errorf("a request of the phase %q", importer.Clip(r.Metadata.Phase, 40))
	}
	s := &sample.Sample{Subject: importer.NotRecorded, Provenance: sample.Imported}
	s.Server = importer.Compact(line.Bytes)
	if err := r.instants(s); err != nil {
		return err
	}
	if err := r.tokens(&s.Tokens); err != nil {
		return err
	}
	r.outcome(s)
	for _, broken := range s.Validate() {
		s.Notes = append(s.Notes, "invalid: "+broken.Error())
	}
	row.Sample = s
	row.Readings = r.own(s.T.End.Or(0))
	return nil
}

// instants reads the time line. AIPerf's start comes before a connection is
// made, ours before the first byte is written, so the time for the connection
// that the line tells is added; a note says so.
func (r *record) instants(s *sample.Sample) error {
	start, err := epoch("request_start_ns", r.Metadata.Start)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		ns   *int64
		at   *sample.Opt[time.Duration]
	}{{"credit_issued_ns", r.Metadata.Issued, &s.T.Sched}, {"request_ack_ns", r.Metadata.Ack, &s.T.Headers}, {"request_end_ns", r.Metadata.End, &s.T.End}} {
		if f.ns == nil {
			continue
		}
		at, err := epoch(f.name, *f.ns)
		if err != nil {
			return err
		}
		*f.at = sample.Some(at)
	}
	connected, _, err := r.duration("http_req_connection_overhead")
	if err != nil {
		return err
	}
	if connected > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("send is AIPerf's start and %v for the connection", connected))
	}
	s.T.Send = sample.Some(start + connected)
	return r.arrivals(s, start)
}

// arrivals reads the first, the last and every chunk that carries text.
func (r *record) arrivals(s *sample.Sample, start time.Duration) error {
	ttft, ok, err := r.duration("time_to_first_token")
	if err != nil || !ok || ttft == 0 {
		return err
	}
	latency, ok, err := r.duration("request_latency")
	if err != nil || !ok || latency == 0 {
		return err
	}
	s.T.First, s.T.Last = sample.Some(start+ttft), sample.Some(start+latency)
	content, told, err := r.duration("time_to_first_output_token")
	if err != nil {
		return err
	}
	gaps, err := r.gaps()
	if err != nil || len(gaps) == 0 {
		return err
	}
	if !told {
		s.Notes = append(s.Notes, "the chunks are left out: the line does not say where reasoning ends")
		return nil
	}
	at := ttft
	chunks := []sample.Chunk{chunk(start, at, content)}
	for _, gap := range gaps {
		at += gap
		chunks = append(chunks, chunk(start, at, content))
	}
	if at != latency {
		s.Notes = append(s.Notes, fmt.Sprintf("the chunks are left out: they end at %v of %v", at, latency))
		return nil
	}
	s.Chunks = chunks
	return nil
}

// chunk is a piece of the answer. How many characters it carries is not told.
func chunk(start, at, content time.Duration) sample.Chunk {
	kind := sample.Content
	if at < content {
		kind = sample.Reasoning
	}
	return sample.Chunk{At: start + at, Kind: kind}
}

func epoch(name string, ns int64) (time.Duration, error) {
	at, err := importer.Epoch(time.Unix(0, ns))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return at, nil
}

// duration reads a time to the nanosecond in which AIPerf measured it.
func (r *record) duration(name string) (d time.Duration, ok bool, err error) {
	f, there := r.Metrics[name]
	if !there {
		return 0, false, nil
	}
	var v float64
	if err := json.Unmarshal(f.Value, &v); err != nil {
		return 0, false, fmt.Errorf("%s: %w", name, err)
	}
	d, err = nanoseconds(v, f.Unit)
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", name, err)
	}
	return d, true, nil
}

func (r *record) gaps() (out []time.Duration, err error) {
	f, there := r.Metrics["inter_chunk_latency"]
	if !there {
		return nil, nil
	}
	var values []float64
	if err := json.Unmarshal(f.Value, &values); err != nil {
		return nil, fmt.Errorf("inter_chunk_latency: %w", err)
	}
	for _, v := range values {
		d, err := nanoseconds(v, f.Unit)
		if err != nil {
			return nil, fmt.Errorf("inter_chunk_latency: %w", err)
		}
		out = append(out, d)
	}
	return out, nil
}

// nanoseconds rejects what is no time, or longer than a day.
func nanoseconds(v float64, fileUnit string) (time.Duration, error) {
	per, ok := map[string]float64{"ns": 1, "us": 1e3, "ms": 1e6, "sec": 1e9}[fileUnit]
	if ns := math.Round(v * per); ok && ns >= 0 && ns <= float64(24*time.Hour) {
		return time.Duration(ns), nil
	}
	return 0, fmt.Errorf("%v %q is no time", v, importer.Clip(fileUnit, 20))
}

// tokens takes the server's own counts where the line has them, else those of
// AIPerf's tokenizer; never one of each.
func (r *record) tokens(into *sample.Tokens) error {
	fields := []string{"usage_prompt_tokens", "usage_prompt_cache_read_tokens", "usage_completion_tokens"}
	into.Source = sample.FromServer
	if _, ok := r.Metrics["usage_completion_tokens"]; !ok {
		fields, into.Source = []string{"input_sequence_length", "", "output_sequence_length"}, kind
	}
	for i, to := range []*sample.Opt[int]{&into.Prompt, &into.Cached, &into.Output} {
		f, ok := r.Metrics[fields[i]]
		if !ok {
			continue
		}
		var v float64
		if err := json.Unmarshal(f.Value, &v); err != nil {
			return fmt.Errorf("%s: %w", fields[i], err)
		}
		n, err := importer.Count(v)
		if err != nil {
			return fmt.Errorf("%s: %w", fields[i], err)
		}
		*to = sample.Some(n)
	}
	if !into.Prompt.OK() && !into.Output.OK() {
		into.Source = ""
	}
	return nil
}

func (r *record) outcome(s *sample.Sample) {
	n, counted := s.Tokens.Output.Get()
	switch {
	case r.Metadata.Cancelled:
		s.Outcome, s.Failure = sample.Cut, &sample.Failure{Class: sample.ClassInterrupted, Message: "cancelled by AIPerf"}
	case r.Error != nil:
		s.Outcome, s.Failure = sample.Error, r.failure()
		if s.Failure.Class == sample.ClassTimeout {
			s.Outcome = sample.Timeout
		}
	case counted && n == 0:
		s.Outcome, s.Failure = sample.Degenerate, &sample.Failure{Class: sample.ClassNoTokens, Message: "an answer without a token"}
	default:
		s.Outcome = sample.OK
	}
}

// failure finds the class of an error by its status and the name of its type.
func (r *record) failure() *sample.Failure {
	name := ""
	if r.Error.Type != nil {
		name = *r.Error.Type
	}
	f := &sample.Failure{Class: sample.ClassServer, Message: importer.Clip(strings.TrimPrefix(name+": "+r.Error.Message, ": "), 300)}
	if code := r.Error.Code; code != nil && *code >= 400 && *code < 600 {
		f.Class, f.Status = sample.ClassHTTP, sample.Some(*code)
		return f
	}
	switch {
	case strings.Contains(name, "Timeout"):
		f.Class = sample.ClassTimeout
	case strings.Contains(name, "Disconnected"), strings.Contains(name, "Reset"), strings.Contains(name, "Payload"):
		f.Class = sample.ClassReset
	case strings.Contains(name, "Connect"), strings.Contains(name, "DNS"):
		f.Class = sample.ClassConnect
	case strings.Contains(name, "InvalidInferenceResult"):
		f.Class = sample.ClassNoTokens
	}
	return f
}

// own are what AIPerf computed of one request, under its own names.
func (r *record) own(at time.Duration) []sample.Reading {
	var out []sample.Reading
	for _, name := range []string{"time_to_first_token", "request_latency", "inter_token_latency", "e2e_output_token_throughput",
		"output_token_throughput_per_user", "prefill_throughput_per_user"} {
		f, ok := r.Metrics[name]
		m, known := measures[f.Unit]
		var v float64
		if !ok || !known || json.Unmarshal(f.Value, &v) != nil || v <= 0 { // none of them can be 0
			continue
		}
		out = append(out, sample.Reading{Kind: kind, Series: kind + "." + name, Unit: m.unit, At: at,
			Value: importer.Value(m.base(v)), Labels: labels(f.Unit, m, nil)})
	}
	return out
}
