package fact

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/stats"
)

// An aggregate fills in value, interval and method from at least one value.
type aggregate func(values []float64, f *Fact)

var aggregates = map[string]aggregate{
	"median": quantile(0.5), "p50": quantile(0.5), "p90": quantile(0.9), "p95": quantile(0.95), "p99": quantile(0.99),
	"mean": mean, "sd": sd, "cv": cv, ratioOfSums: nil, "min": extreme(slices.Min[[]float64], "smallest of n, no interval"), "max": extreme(slices.Max[[]float64], "largest of n, no interval"),
}

// ratioOfSums needs both parts of a quotient, so it is no function of values.
const ratioOfSums = "ratio_of_sums"

// Aggregates lists the known aggregates.
func Aggregates() []string { return slices.Sorted(maps.Keys(aggregates)) }

func aggregateOf(name string) (aggregate, error) {
	a, ok := aggregates[name]
	if !ok {
		return nil, fault.With(fmt.Errorf("unknown aggregate %q", name), fault.Usage, "use one of "+strings.Join(Aggregates(), ", "))
	}
	return a, nil
}

// quantile gives a type-7 quantile with its order-statistic interval. The
// median is always given; a tail is refused below the n that can know it.
func quantile(p float64) aggregate {
	return func(values []float64, f *Fact) {
		if p == 0.5 {
			f.settle(stats.MedianEstimate(values, Level))
			return
		}
		f.settle(stats.HonestQuantile(values, p, Level))
	}
}

func mean(values []float64, f *Fact) { f.settle(stats.MeanEstimate(values, Level, 0)) }

// sd is the standard deviation with n−1, and its χ² interval.
func sd(values []float64, f *Fact) {
	v, err := stats.SD(values)
	if err != nil {
		f.refuse(err)
		return
	}
	f.Value = sample.Some(v)
	interval, err := stats.SDInterval(values, Level)
	f.bound(interval, err)
}

// cv is the standard deviation by the mean; its interval is that of the
// standard deviation, the mean taken as known.
func cv(values []float64, f *Fact) {
	m, err := stats.Mean(values)
	if err == nil && m == 0 {
		err = fmt.Errorf("the mean is 0")
	}
	if err != nil {
		f.refuse(err)
		return
	}
	sd(values, f)
	v, ok := f.Value.Get()
	if !ok {
		return
	}
	scale := 1 / math.Abs(m)
	f.Value = sample.Some(v * scale)
	if lo, ok := f.Lo.Get(); ok {
		f.Lo, f.Hi = sample.Some(lo*scale), sample.Some(f.Hi.Or(0)*scale)
	}
}

// ratioOfSums is Σ of one part by Σ of the other: what a user of the machine
// gets, which is not the mean of the rows' own rates.
func (f *Fact) ratioOfSums(num, den []float64) {
	v, err := stats.RatioOfSums(num, den)
	if err != nil {
		f.refuse(err)
		return
	}
	f.Value, f.Method = sample.Some(v), "one ratio of all rows, no interval"
}

func (f *Fact) refuse(err error) { f.Reason, f.Method = err.Error(), "refused" }

func (f *Fact) bound(i stats.Interval, err error) {
	if err != nil {
		f.Method = "no interval: " + err.Error()
		return
	}
	f.Lo, f.Hi, f.Method = sample.Some(i.Lo), sample.Some(i.Hi), i.Method
}

func extreme(pick func([]float64) float64, method string) aggregate {
	return func(values []float64, f *Fact) {
		f.Value, f.Method = sample.Some(pick(values)), method
	}
}

// settle takes over an estimate: its interval, or why it has none; a refusal
// leaves the value absent.
func (f *Fact) settle(e stats.Estimate, err error) {
	if err != nil {
		f.refuse(err)
		return
	}
	f.Value = sample.Some(e.Value)
	if e.Interval != nil {
		f.Lo, f.Hi, f.Method = sample.Some(e.Interval.Lo), sample.Some(e.Interval.Hi), e.Interval.Method
	}
	for _, w := range e.Warnings {
		if f.Method == "" {
			f.Method = "no interval: " + w.Message
			continue
		}
		f.Caveats = append(f.Caveats, w.Message)
	}
}
