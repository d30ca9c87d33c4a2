package stats

import (
	"math"

	moremath "github.com/aclements/go-moremath/stats"
	"gonum.org/v1/gonum/stat/distuv"
)

// A12 is the probability that a value of a exceeds one of b, ties counted as
// one half (Vargha and Delaney 2000). 0.5 means neither tends to be larger.
func A12(a, b []float64) (float64, error) {
	if err := checkPair("A12", a, b, 1); err != nil {
		return 0, err
	}
	u, _ := uStatistic(a, b)
	return u / (float64(len(a)) * float64(len(b))), nil
}

// CliffsDelta is P(a > b) − P(a < b) in [−1, 1] (Cliff 1993). It saturates on
// quiet data, so it accompanies a ratio and never replaces it.
func CliffsDelta(a, b []float64) (float64, error) {
	v, err := A12(a, b)
	return 2*v - 1, err
}

// DeltaMagnitude names the size of Cliff's delta by the conventional limits
// 0.147, 0.33 and 0.474 (Romano et al. 2006).
func DeltaMagnitude(delta float64) string {
	switch d := math.Abs(delta); {
	case d < 0.147:
		return "negligible"
	case d < 0.33:
		return "small"
	case d < 0.474:
		return "medium"
	}
	return "large"
}

// HedgesG is the difference mean(a) − mean(b) in pooled standard deviations,
// with the exact small-sample correction J = Γ(m/2)/(√(m/2)·Γ((m−1)/2)),
// m = n₁+n₂−2 (Hedges 1981). It needs two values a side and some variation.
func HedgesG(a, b []float64) (float64, error) {
	if err := checkPair("Hedges g", a, b, 2); err != nil {
		return 0, err
	}
	na, nb := float64(len(a)), float64(len(b))
	m := na + nb - 2
	sd := math.Sqrt(((na-1)*varianceOf(a) + (nb-1)*varianceOf(b)) / m)
	if flat(a) && flat(b) {
		return 0, warnf(Degenerate, "Hedges g: n/a (neither sample varies)")
	}
	l1, _ := math.Lgamma(m / 2)
	l2, _ := math.Lgamma((m - 1) / 2)
	return unwrap(some((meanOf(a) - meanOf(b)) / sd * math.Exp(l1-l2) / math.Sqrt(m/2)))
}

// HodgesLehmannShift returns the median of all differences b−a, with the
// interval that the Mann–Whitney test does not reject (Hodges and Lehmann 1963).
func HodgesLehmannShift(a, b []float64, level float64) (Estimate, error) {
	if err := firstError(checkFraction("level", level), checkPair("Hodges-Lehmann shift", a, b, 1)); err != nil {
		return Estimate{}, err
	}
	return hodgesLehmann(a, b, level, func(x, y float64) float64 { return y - x })
}

// HodgesLehmannRatio returns the median of all ratios b/a of positive values,
// with its interval. One wild value does not move it.
func HodgesLehmannRatio(a, b []float64, level float64) (Estimate, error) {
	if err := firstError(checkFraction("level", level), checkPositivePair("Hodges-Lehmann ratio", a, b, 1)); err != nil {
		return Estimate{}, err
	}
	return hodgesLehmann(a, b, level, func(x, y float64) float64 { return y / x })
}

// hodgesLehmann works for any f(a, b) falling in a and rising in b.
func hodgesLehmann(a, b []float64, level float64, f func(a, b float64) float64) (Estimate, error) {
	p := pairs{sorted(a), sorted(b), f}
	n := len(a) * len(b)
	lo, hi := p.kth((n+1)/2), p.kth(n/2+1)
	v := some(clamp(lo+(hi-lo)/2, lo, hi))
	if !v.OK {
		return Estimate{}, v.Why
	}
	e := Estimate{N: len(a) + len(b), Value: v.V}
	k := hodgesLehmannRank(len(a), len(b), level)
	if k < 1 {
		e.warn(warnf(TooFew, "Hodges-Lehmann: no interval at level %v (n=%d+%d)", level, len(a), len(b)))
		return e, nil
	}
	e.addInterval(newInterval(p.kth(k), p.kth(n+1-k), level, "hodges-lehmann"))
	return e, nil
}

// hodgesLehmannRank returns the largest k with P(U ≤ k−1) ≤ (1−level)/2, or 0.
func hodgesLehmannRank(n1, n2 int, level float64) int {
	tail := (1 - level) / 2
	if n1 > exactU || n2 > exactU {
		f1, f2 := float64(n1), float64(n2)
		sd := math.Sqrt(f1 * f2 * (f1 + f2 + 1) / 12)
		return int(math.Floor(f1*f2/2 - 0.5 + distuv.UnitNormal.Quantile(tail)*sd))
	}
	d := moremath.UDist{N1: n1, N2: n2}
	lo, hi := 0, n1*n2/2+1 // invariant: lo is good, hi is not
	for hi-lo > 1 {
		k := (lo + hi) / 2
		if d.CDF(float64(k-1)) <= tail {
			lo = k
		} else {
			hi = k
		}
	}
	return lo
}

// pairs is the multiset {f(x, y)} over two sorted samples, never materialised.
type pairs struct {
	a, b []float64
	f    func(a, b float64) float64
}

// countUpTo returns how many pairs have f ≤ v. As f falls in a and rises in b,
// one walk along the staircase suffices.
func (p pairs) countUpTo(v float64) int {
	count, j := 0, 0
	for _, x := range p.a {
		for j < len(p.b) && p.f(x, p.b[j]) <= v {
			j++
		}
		count += j
	}
	return count
}

// kth returns the k-th smallest value (1-based) by bisection over the ordered
// bit patterns of float64: at most 64 walks, whatever the sizes.
func (p pairs) kth(k int) float64 {
	lo := bitsOf(p.f(p.a[len(p.a)-1], p.b[0]))
	hi := bitsOf(p.f(p.a[0], p.b[len(p.b)-1]))
	for lo < hi {
		mid := lo + int64(uint64(hi-lo)/2)
		if p.countUpTo(floatOf(mid)) >= k {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return floatOf(lo)
}

// bitsOf maps floats to integers of the same order.
func bitsOf(v float64) int64 {
	if i := int64(math.Float64bits(v)); i >= 0 {
		return i
	}
	return -int64(math.Float64bits(v) &^ (1 << 63))
}

func floatOf(i int64) float64 {
	if i >= 0 {
		return math.Float64frombits(uint64(i))
	}
	return -math.Float64frombits(uint64(-i))
}
