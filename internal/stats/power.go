package stats

import (
	"math"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat/distuv"
)

// Power returns the chance that a two-sided two-sample t test at alpha sees a
// true difference of effect standard deviations with n values a side
// (non-central t).
func Power(n int, effect, alpha float64) (float64, error) {
	if err := checkFraction("alpha", alpha); err != nil {
		return 0, err
	}
	if n < 2 {
		return 0, warnf(TooFew, "power: n/a (n=%d a side; needs >= 2)", n)
	}
	if !isFinite(effect) {
		return 0, warnf(NonFinite, "power: the effect is %v", effect)
	}
	return power(n, math.Abs(effect), alpha), nil
}

func power(n int, effect, alpha float64) float64 {
	df := float64(2*n - 2)
	crit := tQuantile(1-alpha/2, df)
	ncp := effect * math.Sqrt(float64(n)/2)
	if ncp > 37 { // e^(−ncp²/2) leaves float64 and the series below with it
		return farPower(ncp, crit, df)
	}
	if df > 1e4 { // the t is normal here, and the series slow
		return distuv.UnitNormal.Survival(crit-ncp) + distuv.UnitNormal.CDF(-crit-ncp)
	}
	t := distuv.NoncentralT{Nu: df, Mu: ncp}
	return unitP(1 - t.CDF(crit) + t.CDF(-crit))
}

// farPower integrates P(S ≤ (z+ncp)/crit) over the normal z. Where ncp is
// large, S near 1 is a gentle slope in z unless the power is 1 anyway.
func farPower(ncp, crit, df float64) float64 {
	chi := distuv.ChiSquared{K: df}
	return unitP(quad.Fixed(func(z float64) float64 {
		s := (z + ncp) / crit
		return distuv.UnitNormal.Prob(z) * chi.CDF(df*s*s)
	}, -8.5, 8.5, 96, nil, 0))
}

// DetectableEffect returns the smallest difference, in standard deviations,
// that n values a side show with the given power: 2.02 at n = 5, 1.32 at
// n = 10, for alpha 0.05 and power 0.80. Times the CV it is a relative change.
func DetectableEffect(n int, alpha, want float64) (float64, error) {
	if err := firstError(checkFraction("alpha", alpha), checkFraction("power", want)); err != nil {
		return 0, err
	}
	if n < 2 {
		return 0, warnf(TooFew, "detectable effect: n/a (n=%d a side; needs >= 2)", n)
	}
	if want <= alpha {
		return 0, warnf(BadArgument, "the power must exceed alpha, but is %v at alpha %v", want, alpha)
	}
	hi := 1.0
	for power(n, hi, alpha) < want {
		hi *= 2
	}
	return bisect(0, hi, func(d float64) bool { return power(n, d, alpha) >= want }), nil
}

// NeededPerGroup returns the least n a side that shows a true difference of
// effect standard deviations (relative change over CV) with the given power.
func NeededPerGroup(effect, alpha, want float64) (int, error) {
	if err := firstError(checkFraction("alpha", alpha), checkFraction("power", want)); err != nil {
		return 0, err
	}
	effect = math.Abs(effect)
	if !(effect >= 1e-4) || !isFinite(effect) {
		return 0, warnf(BadArgument, "the effect must be at least 0.0001 standard deviations, but is %v", effect)
	}
	lo, hi := 1, 2
	for power(hi, effect, alpha) < want {
		lo, hi = hi, 2*hi
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; power(mid, effect, alpha) >= want {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi, nil
}

// bisect returns the point in [lo, hi] where above turns from false to true.
func bisect(lo, hi float64, above func(float64) bool) float64 {
	for range 200 {
		mid := lo + (hi-lo)/2
		if mid == lo || mid == hi {
			break
		}
		if above(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}
