package stats

import (
	"math"
	"slices"
	"sort"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"
)

// Quantile returns the type-7 quantile of x at p in [0, 1] (Hyndman and Fan
// 1996; the default of R and NumPy): the value at position 1+(n−1)p, linear
// between neighbours. It is a description of the sample; [HonestQuantile] says
// whether the sample says anything about the population.
func Quantile(x []float64, p float64) (float64, error) {
	if !(p >= 0 && p <= 1) {
		return 0, warnf(BadArgument, "the quantile must be between 0 and 1, but is %v", p)
	}
	if err := check("quantile", x, 1); err != nil {
		return 0, err
	}
	return quantileSorted(sorted(x), p), nil
}

// quantileSorted needs a sorted, finite, non-empty sample. The form
// lo + f·(hi−lo), clamped, keeps the result inside the sample; the textbook
// lo·(1−f) + hi·f leaves it by one ulp.
func quantileSorted(s []float64, p float64) float64 {
	h := p * float64(len(s)-1)
	i := int(math.Floor(h))
	if i >= len(s)-1 {
		return s[len(s)-1]
	}
	lo, hi, f := s[i], s[i+1], h-math.Floor(h)
	d := hi - lo
	if math.IsInf(d, 0) { // opposite signs at the edge of float64
		return clamp(lo*(1-f)+hi*f, lo, hi)
	}
	return clamp(lo+f*d, lo, hi)
}

// Orders are the 1-based ranks of the order statistics that bound a quantile.
// Lo = 0 and Hi = n+1 mean that side is unbounded: the sample is too small.
type Orders struct {
	Lo, Hi   int
	N        int
	Coverage float64 // true coverage of the interval, at least the nominal level
}

// Bounded reports whether both ends are order statistics of the sample.
func (o Orders) Bounded() bool { return o.Lo >= 1 && o.Hi <= o.N }

// QuantileOrders returns the equal-tailed order-statistic interval for the
// quantile p of a sample of size n: with B ~ Bin(n, p) and α = 1−level,
//
//	Lo = max{k : P(B ≤ k−1) ≤ α/2},  Hi = min{k : P(B ≤ k−1) ≥ 1−α/2}.
//
// It assumes nothing about the distribution but independence (Conover 1999,
// §3.2).
func QuantileOrders(n int, p, level float64) (Orders, error) {
	if err := firstError(checkFraction("quantile", p), checkFraction("level", level)); err != nil {
		return Orders{}, err
	}
	if n < 1 {
		return Orders{}, warnf(TooFew, "quantile interval: n/a (n=%d; needs >= 1)", n)
	}
	bin := distuv.Binomial{N: float64(n), P: p}
	alpha := 1 - level
	below := func(k int) float64 { // P(B ≤ k−1)
		if k > n {
			return 1
		}
		return bin.CDF(float64(k - 1))
	}
	lo := sort.Search(n+1, func(k int) bool { return k > 0 && below(k) > alpha/2 }) - 1
	hi := 1 + sort.Search(n, func(k int) bool { return below(k+1) >= 1-alpha/2 })
	lo = max(lo, 0)
	cover := below(hi)
	if lo > 0 {
		cover -= below(lo)
	}
	return Orders{Lo: lo, Hi: hi, N: n, Coverage: cover}, nil
}

// QuantileInterval returns the distribution-free interval for the quantile p.
// It is refused when the sample is too small for both ends to exist.
func QuantileInterval(x []float64, p, level float64) (Interval, error) {
	if err := check("quantile interval", x, 1); err != nil {
		return Interval{}, err
	}
	return quantileIntervalSorted(sorted(x), p, level)
}

func quantileIntervalSorted(s []float64, p, level float64) (Interval, error) {
	o, err := QuantileOrders(len(s), p, level)
	if err != nil {
		return Interval{}, err
	}
	if !o.Bounded() {
		need, _ := NeededForQuantile(p, level)
		return Interval{}, warnf(TooFew, "%s: no interval (n=%d; needs >= %d)", quantileName(p), len(s), need)
	}
	return newInterval(s[o.Lo-1], s[o.Hi-1], level, "order-statistic")
}

// MedianInterval is [QuantileInterval] at p = 0.5; at level 0.95 it needs n >= 6.
func MedianInterval(x []float64, level float64) (Interval, error) {
	return QuantileInterval(x, 0.5, level)
}

// NeededForQuantile returns the least n at which a two-sided interval for the
// quantile p has two finite ends: max(p, 1−p)ⁿ ≤ (1−level)/2. At level 0.95
// that is 6 for p50, 36 for p90, 72 for p95, 368 for p99, 3688 for p99.9.
func NeededForQuantile(p, level float64) (int, error) {
	if err := firstError(checkFraction("quantile", p), checkFraction("level", level)); err != nil {
		return 0, err
	}
	return leastPower(max(p, 1-p), (1-level)/2), nil
}

// NeededForQuantileBound returns the least n at which the largest value bounds
// the quantile p from above with the given one-sided confidence.
func NeededForQuantileBound(p, level float64) (int, error) {
	if err := firstError(checkFraction("quantile", p), checkFraction("level", level)); err != nil {
		return 0, err
	}
	return leastPower(p, 1-level), nil
}

// NeededBeyond returns the least n that is expected to leave k observations
// beyond the quantile p: k / (1−p).
func NeededBeyond(p float64, k int) (int, error) {
	if err := checkFraction("quantile", p); err != nil {
		return 0, err
	}
	return int(math.Ceil(float64(k)/(1-p) - 1e-9)), nil
}

// leastPower returns the least n with qⁿ ≤ tail.
func leastPower(q, tail float64) int {
	return max(1, int(math.Ceil(math.Log(tail)/math.Log(q)-1e-12)))
}

// HonestQuantile returns the quantile p with its order-statistic interval. The
// median is a description any sample has, so a small one merely loses the
// interval; any other quantile is refused until the interval exists, with a
// message that says what is needed: "p99: n/a (n=60; max 0.91; needs >= 368)".
func HonestQuantile(x []float64, p, level float64) (Estimate, error) {
	need, err := NeededForQuantile(p, level)
	if err != nil {
		return Estimate{}, err
	}
	if err := check(quantileName(p), x, 1); err != nil {
		return Estimate{}, err
	}
	if len(x) < need && p != 0.5 {
		end, v := "max", slices.Max(x)
		if p < 0.5 {
			end, v = "min", slices.Min(x)
		}
		return Estimate{}, warnf(TooFew, "%s: n/a (n=%d; %s %.4g; needs >= %d)", quantileName(p), len(x), end, v, need)
	}
	s := sorted(x)
	e := Estimate{N: len(x), Value: quantileSorted(s, p)}
	e.addInterval(quantileIntervalSorted(s, p, level))
	return e, nil
}

// quantileName renders 0.5 as "p50" and 0.999 as "p99.9".
func quantileName(p float64) string {
	return "p" + strconv.FormatFloat(math.Round(p*1e8)/1e6, 'f', -1, 64)
}
