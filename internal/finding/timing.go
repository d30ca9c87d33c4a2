package finding

import (
	"fmt"
	"math"
	"strconv"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// A timing is what a file kept of repeated calls: four figures, and no call.
// With them one can see whether a single slow call made the mean (method §6),
// and what is left without it.
type timing struct {
	*specimen
	mean, sd, min, max fact.Fact
	calls              int     // as the file says, or as the figures tell; 0 if neither
	rest               float64 // mean without the slowest call; 0 if it cannot be told
	slow               bool    // one call decides the mean
	ok                 bool
}

// outlierFactor is how far the slowest call must exceed the mean of the others
// before it is said to decide the mean.
const outlierFactor = 5

func (a *analyst) timing(s *specimen, scope map[string]string) timing {
	t := timing{specimen: s, mean: a.observed(s, "mean_time", scope), sd: a.observed(s, "std_time", scope), min: a.observed(s, "min_time", scope), max: a.observed(s, "max_time", scope)}
	mean, ok1 := t.mean.Value.Get()
	sd, ok2 := t.sd.Value.Get()
	high, ok3 := t.max.Value.Get()
	t.ok = ok1 && mean > 0
	if n, err := strconv.Atoi(s.labels["runs"]); err == nil && n > 0 {
		t.calls = n
	}
	if !t.ok || !ok2 || !ok3 || high <= mean || sd <= 0 {
		return t
	}
	// If one call is slow and the others equal r: mean = r + (max−r)/n and
	// sd = (max−r)·√(n−1)/n (dividing by n), so n = 1 + ((max−mean)/sd)².
	if t.calls == 0 {
		t.calls = int(math.Round(1 + math.Pow((high-mean)/sd, 2)))
	}
	return t.without(t.calls)
}

// without takes the slowest of n calls off the mean.
func (t timing) without(n int) timing {
	mean, max := t.mean.Value.Or(0), t.max.Value.Or(0)
	if n < 2 || max <= mean {
		return t
	}
	t.calls, t.rest = n, (float64(n)*mean-max)/float64(n-1)
	if t.rest <= 0 {
		t.rest = 0
		return t
	}
	t.slow = max > outlierFactor*t.rest && mean > 1.5*t.rest
	return t
}

// restFact enters the mean without the slowest call.
func (a *analyst) restFact(t timing) fact.Fact {
	return a.derive(fact.Fact{Metric: "mean_time", Version: 1, Aggregate: "mean_without_slowest", Unit: unit.Second, Scope: t.mean.Scope,
		Value: sample.Some(t.rest), N: max(1, t.calls-1), Planned: t.calls, Method: "(n·mean − max)/(n − 1); where the file keeps no n, the n that its four figures have if one call was slow and the others alike"}, t.mean, t.sd, t.max)
}

// spreadOf makes values with the mean, the standard deviation (n−1) and the
// number that a file tells: a Welch test asks for nothing more of them.
func spreadOf(t timing) []float64 {
	mean, _ := t.mean.Value.Get()
	sd, ok := t.sd.Value.Get()
	if !ok || t.calls < 2 {
		return nil
	}
	n := t.calls - t.calls%2
	half := sd * math.Sqrt(float64(n-1)/float64(n))
	if half >= mean {
		return nil
	}
	var out []float64
	for i := range n {
		v := mean + half
		if i%2 == 1 {
			v = mean - half
		}
		out = append(out, v)
	}
	return out
}

// timeRatio enters base time by other time (above 1: the other is faster), with
// an interval that holds for family comparisons together (Bonferroni).
func (a *analyst) timeRatio(base, other timing, scope map[string]string, family int) fact.Fact {
	f := fact.Fact{Metric: "mean_time", Version: 1, Aggregate: "ratio", Unit: unit.Ratio, Scope: scope, N: min(base.calls, other.calls), Planned: min(base.calls, other.calls)}
	x, y := spreadOf(other), spreadOf(base)
	b, _ := base.mean.Value.Get()
	o, _ := other.mean.Value.Get()
	f.Value, f.Method = sample.Some(b/o), "mean by mean; the file kept no calls, so no interval"
	if r, err := stats.RatioOfMeans(x, y, 1-Alpha/float64(family)); err == nil && r.Interval != nil {
		scale := (b / o) / r.Value // the two-point values share mean and sd, not the logarithms' mean
		f.Lo, f.Hi = sample.Some(r.Interval.Lo*scale), sample.Some(r.Interval.Hi*scale)
		f.Method = fmt.Sprintf("mean by mean; Welch's interval on logarithms from mean, standard deviation and number of calls (single calls were not kept), Bonferroni over %d", family)
	}
	return a.derive(f, base.mean, other.mean)
}

// minRatio enters base by other at their fastest calls.
func (a *analyst) minRatio(base, other timing, scope map[string]string) (fact.Fact, bool) {
	b, okB := base.min.Value.Get()
	o, okO := other.min.Value.Get()
	if !okB || !okO || b <= 0 || o <= 0 {
		return fact.Fact{}, false
	}
	return a.derive(fact.Fact{Metric: "min_time", Version: 1, Aggregate: "ratio", Unit: unit.Ratio, Scope: scope, Value: sample.Some(b / o),
		N: min(base.calls, other.calls), Planned: min(base.calls, other.calls), Method: "fastest call by fastest call, no interval"}, base.min, other.min), true
}
