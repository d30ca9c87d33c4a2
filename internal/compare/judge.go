package compare

import (
	"errors"
	"math"

	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/stats"
)

const (
	level     = 0.95
	alpha     = 1 - level
	power     = 0.80
	leastN    = 3 // two values hardly know their own spread
	suggested = 6 // the fewest blocks that give a median an interval
)

// An effect is how much better B is than A, as a ratio with its uncertainty.
type effect struct {
	ratio    float64
	wide     stats.Interval // at 95 %
	narrow   stats.Interval // at 90 %, which two one-sided tests at 5 % need
	logSE    float64        // standard error of ln ratio
	nA, nB   int
	bounded  bool // both intervals exist
	constant bool // neither side varies: the ratio is exact
	method   string
}

// turned returns the sides in the order that makes a ratio above 1 better.
func turned(a, b []float64, d metric.Direction) (from, to []float64) {
	if d == metric.Lower {
		return b, a
	}
	return a, b
}

// blockEffect compares independent values by Welch's interval on the log scale.
func blockEffect(a, b []float64, d metric.Direction) (effect, error) {
	e := effect{nA: len(a), nB: len(b), method: "log-welch"}
	from, to := turned(a, b, d)
	if min(len(a), len(b)) < 2 {
		r, err := geometric(from, to)
		e.ratio = r
		return e, err
	}
	wide, err := stats.RatioOfMeans(from, to, level)
	if err != nil {
		return e, err
	}
	e.ratio, e.logSE = wide.Value, wide.LogSE
	if wide.Interval == nil {
		exact := stats.Interval{Lo: e.ratio, Hi: e.ratio, Level: level, Method: "exact"}
		e.wide, e.narrow, e.constant, e.method = exact, exact, true, "exact: neither run varies"
	} else {
		narrow, err := stats.RatioOfMeans(from, to, 1-2*alpha)
		if err != nil {
			return e, err
		}
		e.wide, e.narrow = *wide.Interval, *narrow.Interval
	}
	e.bounded = min(len(a), len(b)) >= leastN
	return e, nil
}

func geometric(from, to []float64) (float64, error) {
	f, err := stats.GeoMean(from)
	if err != nil {
		return 0, err
	}
	t, err := stats.GeoMean(to)
	return t / f, err
}

// tailEffect compares the quantile p of rows. Its interval is made of both
// sides' order-statistic intervals by the square-and-add rule on the log scale
// (MOVER, Zou and Donner 2008).
func tailEffect(a, b []float64, p float64, d metric.Direction) (effect, error) {
	e := effect{nA: len(a), nB: len(b), method: "order-statistic, square-and-add"}
	from, to := turned(a, b, d)
	var err error
	if e.ratio, e.wide, err = moverRatio(from, to, p, level); err != nil {
		return e, err
	}
	if _, e.narrow, err = moverRatio(from, to, p, 1-2*alpha); err != nil {
		return e, err
	}
	e.logSE = math.Log(e.wide.Hi/e.wide.Lo) / (2 * 1.959964)
	e.bounded = true
	return e, nil
}

func moverRatio(from, to []float64, p, level float64) (float64, stats.Interval, error) {
	f, err := logQuantile(from, p, level)
	if err != nil {
		return 0, stats.Interval{}, err
	}
	t, err := logQuantile(to, p, level)
	if err != nil {
		return 0, stats.Interval{}, err
	}
	d := t.v - f.v
	lo := d - math.Hypot(t.v-t.lo, f.hi-f.v)
	hi := d + math.Hypot(t.hi-t.v, f.v-f.lo)
	return math.Exp(d), stats.Interval{Lo: math.Exp(lo), Hi: math.Exp(hi), Level: level, Method: "mover"}, nil
}

type logBounds struct{ v, lo, hi float64 }

func logQuantile(x []float64, p, level float64) (logBounds, error) {
	e, err := stats.HonestQuantile(x, p, level)
	if err != nil {
		return logBounds{}, err
	}
	if e.Interval == nil || e.Interval.Lo <= 0 {
		return logBounds{}, errors.New("the quantile has no interval above 0")
	}
	return logBounds{math.Log(e.Value), math.Log(e.Interval.Lo), math.Log(e.Interval.Hi)}, nil
}

// judge applies the rules of docs/method.md §5.1. The zones mirror each other
// on the log scale: worse lies below 1−m, better above 1/(1−m), the same within
// [1/(1+m), 1+m].
func (e effect) judge(margin float64) Verdict {
	switch {
	case !e.bounded:
		return Inconclusive
	case e.wide.Hi < 1-margin:
		return Regression
	case e.wide.Lo > 1/(1-margin):
		return Improved
	case e.narrow.Within(1/(1+margin), 1+margin):
		return Same
	case e.wide.Hi < 1:
		return Suspect
	}
	return Inconclusive
}

// harmonic is the n a side that two equal sides would need for the same
// standard error.
func (e effect) harmonic() float64 {
	return 2 / (1/float64(e.nA) + 1/float64(e.nB))
}

// sd is the spread of one value on the log scale, as far as the standard error
// tells.
func (e effect) sd() float64 { return e.logSE * math.Sqrt(e.harmonic()/2) }

// detectable is the relative change seen with the power above.
func (e effect) detectable() sample.Opt[float64] {
	n := int(e.harmonic())
	if !e.bounded || e.logSE == 0 || n < 2 {
		return sample.None[float64]()
	}
	d, err := stats.DetectableEffect(n, alpha, power)
	if err != nil {
		return sample.None[float64]()
	}
	return sample.Some(math.Expm1(d * e.sd()))
}

// needed is the n a side that would decide: enough to see the margin, and at
// least twice what was there.
func (e effect) needed(margin float64) sample.Opt[int] {
	n := min(e.nA, e.nB)
	if !e.bounded || e.logSE == 0 {
		return sample.Some(max(suggested, 2*n))
	}
	see, err := stats.NeededPerGroup(max(1e-4, math.Log1p(margin)/e.sd()), alpha, power)
	if err != nil {
		return sample.None[int]()
	}
	if see > n {
		return sample.Some(see)
	}
	return sample.Some(2 * n)
}
