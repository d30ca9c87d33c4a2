package compare

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/metric"
	"chimera/internal/unit"
)

// Measure is one metric, aggregated one way, with the change that matters.
type Measure struct {
	Metric    metric.Metric
	Aggregate string // median (of blocks), p90, p95 or p99 (of rows)
	Margin    float64
}

// quantiles are the aggregates that look at the tail of all rows.
var quantiles = map[string]float64{"p90": 0.90, "p95": 0.95, "p99": 0.99}

const median = "median"

// String is the measure as it is written on the command line.
func (m Measure) String() string { return measureText(m.Metric.ID, m.Aggregate) }

func measureText(metric, aggregate string) string {
	if aggregate == median {
		return metric
	}
	return metric + ":" + aggregate
}

// Defaults are compared unless something else is asked for. TPOT is the inverse
// of decode_rate and would be the same comparison twice.
var Defaults = []string{"decode_rate", "ttft", "ttft:p95"}

// ParseMeasures reads measures such as "ttft" or "ttft:p95", and margins such
// as "3%", "0.03" (for all) or "ttft=10%".
func ParseMeasures(names, margins []string) ([]Measure, error) {
	var all []Measure
	for _, name := range names {
		m, err := parseMeasure(name)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(o Measure) bool { return o.String() == m.String() }) {
			return nil, fault.With(fmt.Errorf("metric %s is given twice", name), fault.Usage, "give it once")
		}
		all = append(all, m)
	}
	for _, text := range margins {
		if err := setMargin(all, text); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func parseMeasure(text string) (Measure, error) {
	id, aggregate, tail := strings.Cut(text, ":")
	def, err := metric.Lookup(id)
	if err != nil {
		return Measure{}, err
	}
	if !tail {
		aggregate = median
	}
	if _, known := quantiles[aggregate]; !known && aggregate != median {
		return Measure{}, fault.With(fmt.Errorf("metric %s: %q is no aggregate to compare", id, aggregate), fault.Usage, "use median, p90, p95 or p99, such as ttft:p95")
	}
	switch {
	case def.Basis != metric.Request:
		return Measure{}, fault.With(fmt.Errorf("%s is a metric of one %s, not of a request", id, def.Basis), fault.Usage, "`chimera metrics` says which metrics rows have")
	case def.Text:
		return Measure{}, fault.With(fmt.Errorf("%s is a score of text, which has no ratio", id), fault.Usage, "`chimera query "+id+"` gives it with its interval, for each run")
	case def.Direction == metric.Neutral:
		return Measure{}, fault.With(fmt.Errorf("%s has no better side", id), fault.Usage, "`chimera metrics` says which way is better")
	}
	return Measure{def, aggregate, defaultMargin(def, aggregate)}, nil
}

// defaultMargin is the change that matters unless the user says otherwise:
// 3 % of a rate, 5 % of a time per token, 10 % of a time, 15 % of a tail.
func defaultMargin(m metric.Metric, aggregate string) float64 {
	switch {
	case aggregate != median:
		return 0.15
	case m.Direction == metric.Higher:
		return 0.03
	case m.Unit == unit.SecondPerToken:
		return 0.05
	}
	return 0.10
}

func setMargin(all []Measure, text string) error {
	name, value, named := strings.Cut(text, "=")
	if !named {
		name, value = "", text
	}
	margin, err := parseMargin(value)
	if err != nil {
		return err
	}
	found := false
	for i := range all {
		if !named || all[i].String() == name {
			all[i].Margin, found = margin, true
		}
	}
	if !found {
		return fault.With(fmt.Errorf("--margin %s: %s is not compared", text, name), fault.Usage, "name it with --metric too")
	}
	return nil
}

func parseMargin(text string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		v /= 100
	}
	if err != nil || math.IsNaN(v) || v <= 0 || v >= 0.5 {
		return 0, fault.With(fmt.Errorf("the margin must lie between 0%% and 50%%, but is %q", text), fault.Usage, "write it like 3% or ttft=10%")
	}
	return v, nil
}
