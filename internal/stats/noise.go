package stats

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat/distuv"
)

// ExpectedMax returns the expected largest of k standard normal draws, in
// standard deviations: 2.12 for k = 36. It is what the winner of k equal
// candidates gains by luck, and stands beside every winner.
func ExpectedMax(k int) (float64, error) {
	r, err := ExpectedRange(k)
	return r / 2, err
}

// ExpectedRange returns d₂(k), the expected range of k standard normal draws
// (Tippett 1925): ∫ 1 − Φᵏ − (1−Φ)ᵏ. Of k means of m values each it is d₂·σ/√m.
func ExpectedRange(k int) (float64, error) {
	if k < 1 {
		return 0, warnf(BadArgument, "the number of draws must be at least 1, but is %d", k)
	}
	if k == 1 {
		return 0, nil
	}
	f := func(x float64) float64 {
		p, q := distuv.UnitNormal.CDF(x), distuv.UnitNormal.Survival(x)
		// 1 − Φᵏ without cancellation in the tail.
		return -math.Expm1(float64(k)*math.Log1p(-q)) - math.Pow(1-p, float64(k))
	}
	return 2 * quad.Fixed(f, 0, 10, 200, nil, 0), nil
}

// StudentizedRange returns the quantile q of the range of k standard normal
// draws over an independent standard deviation with df degrees of freedom
// (Tukey). The range of k means of m values exceeds q(0.95, k, df)·s/√m by
// chance in 5 % of cases.
func StudentizedRange(p float64, k int, df float64) (float64, error) {
	if err := checkFraction("probability", p); err != nil {
		return 0, err
	}
	if k < 2 || !(df > 0.5) {
		return 0, warnf(BadArgument, "the studentized range needs k >= 2 and df > 0.5, but they are %d and %v", k, df)
	}
	miss := func(q float64) float64 { return studentizedRangeCDF(q, k, df) - p }
	// Two means give √2·t; Bonferroni over all pairs bounds the rest.
	pairs := float64(k * (k - 1) / 2)
	lo, hi := math.Sqrt2*tQuantile(0.5+p/2, df), math.Sqrt2*tQuantile(1-(1-p)/(2*pairs), df)
	if k == 2 || miss(hi) <= 0 {
		return hi, nil
	}
	return falsePosition(lo, hi, miss), nil
}

// falsePosition finds the root of a rising f between lo and hi (Illinois
// variant: an end that stays twice loses half its weight).
func falsePosition(lo, hi float64, f func(float64) float64) float64 {
	a, b := f(lo), f(hi)
	side := 0
	for step := 0; hi-lo > 1e-9*hi && step < 200; step++ {
		mid := (lo*b - hi*a) / (b - a)
		m := f(mid)
		switch {
		case math.Abs(m) < 1e-13:
			return mid
		case m < 0:
			lo, a = mid, m
			if side == -1 {
				b /= 2
			}
			side = -1
		default:
			hi, b = mid, m
			if side == 1 {
				a /= 2
			}
			side = 1
		}
	}
	return hi
}

// studentizedRangeCDF integrates the range's distribution over that of s.
func studentizedRangeCDF(q float64, k int, df float64) float64 {
	if df > 5000 {
		return rangeCDF(q, k)
	}
	// The density of s = χ/√df, in logs because Γ overflows.
	lg, _ := math.Lgamma(df / 2)
	density := func(s float64) float64 {
		return math.Exp(math.Ln2 + df/2*math.Log(df/2) - lg + (df-1)*math.Log(s) - df*s*s/2)
	}
	chi := distuv.ChiSquared{K: df}
	lo, hi := math.Sqrt(chi.Quantile(1e-12)/df), math.Sqrt(chi.Quantile(1-1e-12)/df)
	return quad.Fixed(func(s float64) float64 { return density(s) * rangeCDF(q*s, k) }, lo, hi, 64, nil, 0)
}

// rangeNodes are Gauss–Legendre nodes z, over which φ reaches 1e-16, with the
// weight times φ(z) and Φ(z).
var rangeNodes = sync.OnceValue(func() (nodes [96]struct{ z, weight, cdf float64 }) {
	x, w := make([]float64, len(nodes)), make([]float64, len(nodes))
	quad.Legendre{}.FixedLocations(x, w, -8.5, 8.5)
	for i := range nodes {
		nodes[i].z, nodes[i].weight = x[i], w[i]*distuv.UnitNormal.Prob(x[i])
		nodes[i].cdf = distuv.UnitNormal.CDF(x[i])
	}
	return nodes
})

// rangeCDF is P(range of k standard normals ≤ w) = k∫φ(z)[Φ(z)−Φ(z−w)]^{k−1}dz
// over the largest value z.
func rangeCDF(w float64, k int) float64 {
	nodes, sum := rangeNodes(), 0.0
	for i := range nodes {
		n := &nodes[i]
		sum += n.weight * intPower(n.cdf-0.5*math.Erfc((w-n.z)/math.Sqrt2), k-1)
	}
	return float64(k) * sum
}

// intPower returns x to the n-th, n >= 0, by squaring.
func intPower(x float64, n int) float64 {
	r := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			r *= x
		}
		x *= x
	}
	return r
}

// A Rating is a word for a coefficient of variation, with what it rests on.
type Rating struct {
	Label    string // "very stable", "stable", "fair", "noisy" or "unstable"
	CV       float64
	Interval Interval // of the CV; the label goes by its upper end
	N        int
}

// RateCV rates how steady a sample is: by the upper end of the 95 % interval of
// its CV, at most 1 % is very stable, 3 % stable, 5 % fair, 10 % noisy. It
// needs n >= 5 values above 0, all from one stratum: pooled strata rate the
// difference between them.
func RateCV(x []float64) (Rating, error) {
	if err := checkPositive("CV rating", x, 5); err != nil {
		return Rating{}, err
	}
	const level = 0.95
	lo, hi, err := SDFactors(len(x), level)
	if err != nil {
		return Rating{}, err
	}
	cv, err := unwrap(some(math.Sqrt(varianceOf(x)) / meanOf(x)))
	if err != nil {
		return Rating{}, err
	}
	i, err := newInterval(cv*lo, cv*hi, level, "chi-squared")
	r := Rating{Label: "unstable", CV: cv, Interval: i, N: len(x)}
	for _, step := range []struct {
		limit float64
		label string
	}{{0.01, "very stable"}, {0.03, "stable"}, {0.05, "fair"}, {0.10, "noisy"}} {
		if i.Hi <= step.limit {
			r.Label = step.label
			break
		}
	}
	return r, err
}
