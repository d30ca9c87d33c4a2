package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// tQuantile returns the quantile of Student's t with df > 0 degrees of freedom.
func tQuantile(p, df float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(p)
}

// tTail returns P(T ≥ t).
func tTail(t, df float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Survival(t)
}

// normQuantile returns the quantile of the standard normal distribution.
func normQuantile(p float64) float64 { return distuv.UnitNormal.Quantile(p) }

// MeanInterval returns Student's interval x̄ ± t·s/√n for the mean. It needs
// n >= 2. Values below floor cannot occur (0 for a duration; math.Inf(-1) for
// none): an interval that covers such values shows that the t model does not
// fit, and is refused in favour of the median.
func MeanInterval(x []float64, level, floor float64) (Interval, error) {
	if err := firstError(checkFraction("level", level), check("mean interval", x, 2)); err != nil {
		return Interval{}, err
	}
	m, h := meanOf(x), tHalfWidth(x, level)
	if m-h < floor {
		return Interval{}, warnf(Impossible,
			"mean interval: n/a ([%.4g, %.4g] covers values below %v, which cannot occur; use the median)", m-h, m+h, floor)
	}
	return newInterval(m-h, m+h, level, "t")
}

// tHalfWidth returns t·s/√n for n >= 2.
func tHalfWidth(x []float64, level float64) float64 {
	n := float64(len(x))
	return tQuantile(0.5+level/2, n-1) * math.Sqrt(varianceOf(x)/n)
}

// GeoMeanInterval returns Student's interval on the log scale, transformed
// back: an interval for the geometric mean, which cannot leave (0, ∞). It needs
// n >= 2 values above 0 and suits durations and ratios.
func GeoMeanInterval(x []float64, level float64) (Interval, error) {
	if err := firstError(checkFraction("level", level), checkPositive("geometric mean interval", x, 2)); err != nil {
		return Interval{}, err
	}
	l := logs(x)
	m, h := meanOf(l), tHalfWidth(l, level)
	return newInterval(math.Exp(m-h), math.Exp(m+h), level, "log-t")
}

// SDFactors returns the factors that turn the standard deviation of n normal
// values into its interval: √((n−1)/χ²) at both tails. At n = 5 they are 0.60
// and 2.87: five values hardly know their own spread.
func SDFactors(n int, level float64) (lo, hi float64, err error) {
	if err := checkFraction("level", level); err != nil {
		return 0, 0, err
	}
	if n < 2 {
		return 0, 0, warnf(TooFew, "sd interval: n/a (n=%d; needs >= 2)", n)
	}
	df := float64(n - 1)
	chi := distuv.ChiSquared{K: df}
	return math.Sqrt(df / chi.Quantile(0.5+level/2)), math.Sqrt(df / chi.Quantile(0.5-level/2)), nil
}

// SDInterval returns the χ² interval for the standard deviation of normal data.
func SDInterval(x []float64, level float64) (Interval, error) {
	if err := check("sd interval", x, 2); err != nil {
		return Interval{}, err
	}
	lo, hi, err := SDFactors(len(x), level)
	if err != nil {
		return Interval{}, err
	}
	s := math.Sqrt(varianceOf(x))
	return newInterval(s*lo, s*hi, level, "chi-squared")
}

// MeanEstimate returns the mean with its t interval, or without it and the
// reason. It fails only if x is empty or not finite.
func MeanEstimate(x []float64, level, floor float64) (Estimate, error) {
	m, err := Mean(x)
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{N: len(x), Value: m}
	e.addInterval(MeanInterval(x, level, floor))
	if s, err := Summarize(x); err == nil {
		e.Warnings = append(e.Warnings, s.Warnings...)
	}
	return e, nil
}

// MedianEstimate returns the median with its order-statistic interval, or
// without it and the reason.
func MedianEstimate(x []float64, level float64) (Estimate, error) {
	return HonestQuantile(x, 0.5, level)
}

// GeoMeanEstimate returns the geometric mean with its log-t interval, or
// without it and the reason.
func GeoMeanEstimate(x []float64, level float64) (Estimate, error) {
	m, err := GeoMean(x)
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{N: len(x), Value: m}
	e.addInterval(GeoMeanInterval(x, level))
	return e, nil
}
