// Package metric is the one place where a measured word gets its meaning.
//
// Benchmarking tools print the same names for different formulas: one counts
// the time to the first token into the time per token, another divides N
// tokens by a clock that saw N−1 of them. Here a metric has an id, a version,
// a unit, a direction, a formula in words and the same formula as code. Two
// values are comparable only if id and version agree. A metric that the rows
// cannot support is absent, with the reason in words; it is never zero.
// Aggregates are only named here: the statistics that compute them know no word
// of LLMs.
package metric

import (
	"fmt"
	"slices"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// Direction says which way is better.
type Direction string

const (
	Higher  Direction = "higher"
	Lower   Direction = "lower"
	Neutral Direction = "neutral" // neither: a size of the work, or a share
)

// Basis says what one value of a metric is a value of.
type Basis string

const (
	Request Basis = "request" // one attempt; see Compute
	Chunk   Basis = "chunk"   // one piece of an answer, several per attempt; see Values
	Group   Basis = "group"   // the answers to one prompt under one configuration, together; see Together
	System  Basis = "system"  // many attempts in one window; see Overall
	Machine Basis = "machine" // readings of the machine in one window; see Observed
	Stored  Basis = "stored"  // a reading of this name that a command made of one answer; ask the readings
)

// Metric is one definition. Metrics are values and never change at run time.
type Metric struct {
	ID        string
	Version   int // a change of the formula's meaning raises it
	Unit      unit.Unit
	Direction Direction
	Basis     Basis
	Formula   string
	Needs     []string // fields of a sample, or series of readings (any one of them)
	Doc       string   // one sentence
	// Ratio says that a value is a quotient whose parts can be summed over
	// requests: the aggregate ratio_of_sums is defined.
	Ratio bool
	// Text says that a value is a score of what was written: answers to one
	// prompt are alike, so an interval over several prompts is over them.
	Text bool
	// Rate says that a value is a share of things that are so or not: parts are
	// counts, and the interval is that of a proportion.
	Rate bool

	parts   func(*sample.Sample) (num, den float64, why reason)
	values  func(*sample.Sample) ([]float64, reason)
	overall func([]*sample.Sample, []limit) (float64, reason)
	group   func([]string) (float64, reason)
	observe func([]sample.Reading, Window, []*sample.Sample) (float64, reason)
}

// reason says why there is no value; "" means that there is one.
type reason string

func because(format string, args ...any) reason { return reason(fmt.Sprintf(format, args...)) }

// All returns every metric, in the order in which they are listed.
func All() []Metric { return slices.Clone(registry) }

// Lookup returns the metric with this id.
func Lookup(id string) (Metric, error) {
	for _, m := range registry {
		if m.ID == id {
			return m, nil
		}
	}
	return Metric{}, fault.Hint(fault.New(fault.Usage, "there is no metric %q", id), "`chimera metrics` lists them")
}

// Comparable reports whether values of both mean the same.
func Comparable(a, b Metric) bool { return a.ID == b.ID && a.Version == b.Version }

// Compute returns the value for one attempt, in m.Unit, or why there is none.
// It is defined for the basis Request.
func (m *Metric) Compute(s *sample.Sample) (value float64, why string, ok bool) {
	num, den, why, ok := m.Parts(s)
	if !ok {
		return 0, why, false
	}
	return num / den, "", true
}

// Parts returns the two sides of the quotient that Compute returns; den is 1
// for a metric that is no Ratio, and never 0. The sums of both over many
// attempts give the aggregate ratio_of_sums.
func (m *Metric) Parts(s *sample.Sample) (num, den float64, why string, ok bool) {
	if m.parts == nil {
		return 0, 0, m.elsewhere("one request"), false
	}
	if why := failed(s); why != "" {
		return 0, 0, string(why), false
	}
	num, den, r := m.parts(s)
	return num, den, string(r), r == ""
}

// Values returns all values of one attempt: one for the basis Request, one for
// each gap for the basis Chunk. The caller owns the slice.
func (m *Metric) Values(s *sample.Sample) (values []float64, why string, ok bool) {
	if m.values == nil {
		v, why, ok := m.Compute(s)
		if !ok {
			return nil, why, false
		}
		return []float64{v}, "", true
	}
	if why := failed(s); why != "" {
		return nil, string(why), false
	}
	values, r := m.values(s)
	return values, string(r), r == ""
}

// Together returns the value for the answers to one prompt under one
// configuration, in the order in which they were planned; attempts without a
// text that can be scored do not count. It is defined for the basis Group.
func (m Metric) Together(samples []*sample.Sample) (value float64, why string, ok bool) {
	if m.group == nil {
		return 0, m.elsewhere("answers together"), false
	}
	var texts []string
	refused := reason("no answer was given")
	for _, s := range samples {
		switch why := Scorable(s); why {
		case "":
			texts = append(texts, s.Text.Or(""))
		default:
			refused = reason(why)
		}
	}
	if len(texts) == 0 {
		return 0, string(refused), false
	}
	v, r := m.group(texts)
	return v, string(r), r == ""
}

// Overall returns the value for a set of attempts: every planned one, failures
// and drops included, of one session of one run. Objectives count for goodput
// and slo_attainment only. It is defined for the basis System.
func (m *Metric) Overall(samples []*sample.Sample, objectives ...Objective) (value float64, why string, ok bool) {
	if m.overall == nil {
		return 0, m.elsewhere("a set of requests"), false
	}
	limits, r := resolve(objectives)
	if r != "" {
		return 0, string(r), false
	}
	v, r := m.overall(samples, limits)
	return v, string(r), r == ""
}

// Observed returns the value for readings of one source (one series, one set
// of labels) in a window. Samples, those that ran in the window, count for
// energy_per_token only. It is defined for the basis Machine.
func (m *Metric) Observed(readings []sample.Reading, w Window, samples ...*sample.Sample) (value float64, why string, ok bool) {
	if m.observe == nil {
		return 0, m.elsewhere("readings"), false
	}
	v, r := m.observe(readings, w, samples)
	return v, string(r), r == ""
}

func (m *Metric) elsewhere(what string) string {
	return fmt.Sprintf("%s is a metric of one %s, not of %s", m.ID, m.Basis, what)
}

// failed refuses an attempt that did not end well: how long a failure took is
// not a speed.
func failed(s *sample.Sample) reason {
	if s.Outcome == sample.OK {
		return ""
	}
	text := fmt.Sprintf("the attempt ended as %s", s.Outcome)
	if s.Failure != nil && s.Failure.Message != "" {
		text += ": " + strings.ReplaceAll(s.Failure.Message, "\n", " ")
	}
	return reason(text)
}

// Aggregate names a way to make one value of many.
type Aggregate string

const (
	Median      Aggregate = "median"
	Mean        Aggregate = "mean"
	RatioOfSums Aggregate = "ratio_of_sums" // Σ of one part by Σ of the other: what a user of the machine gets
	P50         Aggregate = "p50"
	P90         Aggregate = "p90"
	P95         Aggregate = "p95"
	P99         Aggregate = "p99"
	Min         Aggregate = "min"
	Max         Aggregate = "max"
	SD          Aggregate = "sd" // with n−1
	CV          Aggregate = "cv" // sd by mean
)

// Aggregates lists every aggregate, in the order in which they are listed.
var Aggregates = []Aggregate{Median, Mean, RatioOfSums, P50, P90, P95, P99, Min, Max, SD, CV}

// Usual is the aggregate that a reader wants if he names none: a median of times,
// a mean of scores, a share of what was counted.
func (m Metric) Usual() Aggregate {
	switch {
	case m.Text && m.Ratio:
		return RatioOfSums
	case m.Text:
		return Mean
	}
	return Median
}

// Allows reports whether an aggregate of m is defined.
func (m *Metric) Allows(a Aggregate) bool {
	return slices.Contains(Aggregates, a) && (a != RatioOfSums || m.Ratio)
}

// AggregateUnit is the unit of an aggregate of m.
func (m *Metric) AggregateUnit(a Aggregate) unit.Unit {
	if a == CV {
		return unit.Ratio
	}
	return m.Unit
}
