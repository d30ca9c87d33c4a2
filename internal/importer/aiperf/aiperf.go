// Package aiperf reads the files of NVIDIA's AIPerf.
//
// The export of records (profile_export.jsonl) has one line per request: it
// becomes a sample. AIPerf stamps the start of a request by the wall clock once
// and measures everything behind it by a monotonic one, so an instant is that
// start plus a duration that the line holds; the arrival of every chunk is
// there too. The summary (profile_export_aiperf.json, and the same rounded to
// two decimals in .csv) becomes readings under AIPerf's own names, in base
// units. docs/formats/foreign.md says field by field what becomes what.
package aiperf

import (
	"encoding/json"
	"strings"

	"chimera/internal/importer"
	"chimera/internal/unit"
)

// Format reads AIPerf's export of records and its summary, both schema 1.
func Format() importer.Format { return importer.Format{Name: "aiperf", Read: read} }

const kind = "aiperf"

func read(s *importer.Source) (*importer.Content, error) {
	switch {
	case isRecord(s.FirstLine()) || s.Has(".jsonl") && anyRecord(s):
		return records(s), nil
	case isSummary(s.Object()):
		return summary(s)
	case isTable(s):
		return table(s), nil
	}
	return nil, nil
}

// measure is a unit of ours, and how a value in AIPerf's becomes one in it.
type measure struct {
	unit     unit.Unit
	mul, div float64
}

func (m measure) base(v float64) float64 { return v * m.mul / m.div }

// measures are AIPerf's units. Its KB are 1024 bytes. A user is a request in
// flight: tokens/sec/user is the rate of one request.
var measures = map[string]measure{
	"ns": {unit.Second, 1, 1e9}, "us": {unit.Second, 1, 1e6}, "ms": {unit.Second, 1, 1e3}, "sec": {unit.Second, 1, 1},
	"requests/sec": {unit.PerSecond, 1, 1}, "tokens/sec": {unit.TokenPerSecond, 1, 1}, "tokens/sec/user": {unit.TokenPerSecond, 1, 1},
	"tokens": {unit.Token, 1, 1}, "requests": {unit.None, 1, 1}, "count": {unit.None, 1, 1}, "": {unit.None, 1, 1},
	"ratio": {unit.Ratio, 1, 1}, "%": {unit.Ratio, 1, 100},
	"B": {unit.Byte, 1, 1}, "KB": {unit.Byte, 1 << 10, 1}, "MB": {unit.Byte, 1 << 20, 1}, "GB": {unit.Byte, 1 << 30, 1}, "TB": {unit.Byte, 1 << 40, 1},
	"W": {unit.Watt, 1, 1}, "mW": {unit.Watt, 1, 1e3}, "J": {unit.Joule, 1, 1}, "mJ": {unit.Joule, 1, 1e3}, "MJ": {unit.Joule, 1e6, 1},
	"Hz": {unit.Hertz, 1, 1}, "MHz": {unit.Hertz, 1e6, 1}, "GHz": {unit.Hertz, 1e9, 1}, "°C": {unit.Celsius, 1, 1},
}

// of is the measure of one statistic of a metric: how many values were counted
// has no unit.
func (m measure) of(stat string) measure {
	if stat == "count" {
		return measure{unit.None, 1, 1}
	}
	return m
}

// labels names the unit in the file where it is another than ours.
func labels(fileUnit string, m measure, more map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range more {
		if v != "" {
			out[k] = v
		}
	}
	if m.mul != 1 || m.div != 1 || strings.Contains(fileUnit, "/user") {
		out["file_unit"] = fileUnit
	}
	return out
}

func isRecord(o map[string]json.RawMessage) bool {
	if !importer.Holds(o, "metadata", "metrics") {
		return false
	}
	var meta map[string]json.RawMessage
	return json.Unmarshal(o["metadata"], &meta) == nil && importer.Holds(meta, "request_start_ns", "benchmark_phase")
}

func anyRecord(s *importer.Source) bool {
	for _, l := range s.Lines() {
		if isRecord(l.Object) {
			return true
		}
	}
	return false
}
