package guidellm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// measure is a metric's unit, and how many of the file's units make one.
type measure struct {
	unit unit.Unit
	per  float64
}

var measures = map[string]measure{
	"requests_per_second": {unit.PerSecond, 1}, "request_goodput": {unit.PerSecond, 1}, "slo_attainment": {unit.Ratio, 1},
	"request_concurrency": {unit.None, 1}, "request_streaming_iterations_count": {unit.None, 1},
	"request_latency": {unit.Second, 1}, "request_dispatch_delay": {unit.Second, 1}, "request_scheduled_latency": {unit.Second, 1},
	"turn_predecessor_delay": {unit.Second, 1}, "turn_scheduling_delay": {unit.Second, 1}, "root_dispatch_delay": {unit.Second, 1},
	"time_to_first_token_ms": {unit.Second, 1e3}, "time_to_first_output_token_ms": {unit.Second, 1e3},
	"time_to_last_round_trip_ms": {unit.Second, 1e3}, "avg_round_trip_time_ms": {unit.Second, 1e3},
	"time_per_output_token_ms": {unit.SecondPerToken, 1e3}, "inter_token_latency_ms": {unit.SecondPerToken, 1e3},
	"prompt_token_count": {unit.Token, 1}, "output_token_count": {unit.Token, 1}, "total_token_count": {unit.Token, 1},
	"prompt_tokens_per_second": {unit.TokenPerSecond, 1}, "output_tokens_per_second": {unit.TokenPerSecond, 1}, "tokens_per_second": {unit.TokenPerSecond, 1},
	"output_tokens_per_iteration": {unit.TokenPerChunk, 1}, "iter_tokens_per_iteration": {unit.TokenPerChunk, 1},
}

// distribution is GuideLLM's summary of a metric. The variance is left out: it
// is the square of std_dev, in a unit of its own.
type distribution struct {
	Mean        *float64             `json:"mean"`
	Median      *float64             `json:"median"`
	Mode        *float64             `json:"mode"`
	StdDev      *float64             `json:"std_dev"`
	Min         *float64             `json:"min"`
	Max         *float64             `json:"max"`
	Sum         *float64             `json:"total_sum"`
	Count       *float64             `json:"count"`
	Percentiles map[string]*float64  `json:"percentiles"`
	CI          *interval            `json:"mean_ci"`
	CIs         map[string]*interval `json:"percentile_cis"`
}

type interval struct {
	Lower *float64 `json:"lower"`
	Upper *float64 `json:"upper"`
}

// measured is false for what GuideLLM fills with zeros: a summary of no value,
// and one of times that are all 0 because no request had any.
func (d *distribution) measured(m measure) bool {
	if d == nil || d.Count == nil || *d.Count <= 0 {
		return false
	}
	times := m.unit == unit.Second || m.unit == unit.SecondPerToken
	return !times || d.Max == nil || *d.Max != 0 || d.Min == nil || *d.Min != 0
}

// byStatus is a summary for each way in which requests end.
type byStatus struct {
	Successful *distribution `json:"successful"`
	Incomplete *distribution `json:"incomplete"`
	Errored    *distribution `json:"errored"`
	Total      *distribution `json:"total"`
}

// aggregates takes over one row for each metric that the benchmark sums up.
func (r *reader) aggregates(b *benchmark) {
	for _, name := range slices.Sorted(maps.Keys(b.Metrics)) {
		raw := b.Metrics[name]
		m, known := measures[name]
		switch {
		case string(raw) == "null":
			continue // not measured
		case name == "request_totals":
			r.totals(b, raw)
		case name == "slo_determined_requests":
			continue // a count of the objectives' work, 0 where there are none
		case !known:
			r.skip(fmt.Sprintf("the unit of %s is not known", name))
		default:
			r.aggregate(b, name, m, raw)
		}
	}
}

func (r *reader) aggregate(b *benchmark, name string, m measure, raw json.RawMessage) {
	var plain distribution
	var each byStatus
	if err := json.Unmarshal(raw, &plain); err != nil {
		r.skip(fmt.Sprintf("%s: %v", name, err))
		return
	}
	if err := json.Unmarshal(raw, &each); err != nil {
		r.skip(fmt.Sprintf("%s: %v", name, err))
		return
	}
	row := importer.Row{Readings: r.summary(b, name, m, &plain)}
	for _, s := range []struct {
		status string
		of     *distribution
	}{{successful, each.Successful}, {incomplete, each.Incomplete}, {errored, each.Errored}, {"total", each.Total}} {
		row.Readings = append(row.Readings, r.summary(b, name+"."+s.status, m, s.of)...)
	}
	if len(row.Readings) == 0 {
		row.Skip = name + " was not measured: its summaries are empty or zeros"
	}
	r.add(row)
}

// summary reads a distribution that was measured.
func (r *reader) summary(b *benchmark, name string, m measure, d *distribution) (out []sample.Reading) {
	if !d.measured(m) {
		return nil
	}
	put := func(stat string, m measure, v *float64) {
		if v != nil {
			out = append(out, r.reading(b, name+"."+stat, m, *v, b.end))
		}
	}
	put("count", measure{unit.None, 1}, d.Count)
	put("mean", m, d.Mean)
	put("median", m, d.Median)
	put("mode", m, d.Mode)
	put("std_dev", m, d.StdDev)
	put("min", m, d.Min)
	put("max", m, d.Max)
	put("total_sum", m, d.Sum)
	for _, p := range slices.Sorted(maps.Keys(d.Percentiles)) {
		put("percentiles."+importer.Clip(p, 20), m, d.Percentiles[p])
	}
	both := func(stat string, ci *interval) {
		if ci != nil {
			put(stat+".lower", m, ci.Lower)
			put(stat+".upper", m, ci.Upper)
		}
	}
	both("mean_ci", d.CI)
	for _, p := range slices.Sorted(maps.Keys(d.CIs)) {
		both("percentile_cis."+importer.Clip(p, 20), d.CIs[p])
	}
	return out
}

func (r *reader) totals(b *benchmark, raw json.RawMessage) {
	var totals map[string]*float64
	if err := json.Unmarshal(raw, &totals); err != nil {
		r.skip(fmt.Sprintf("request_totals: %v", err))
		return
	}
	var row importer.Row
	for _, status := range slices.Sorted(maps.Keys(totals)) {
		if n := totals[status]; n != nil {
			row.Readings = append(row.Readings, r.reading(b, "request_totals."+importer.Clip(status, 20), measure{unit.None, 1}, *n, b.end))
		}
	}
	if len(row.Readings) == 0 {
		row.Skip = "request_totals holds no count"
	}
	r.add(row)
}
