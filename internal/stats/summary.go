package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// madToSD scales the median absolute deviation of normal data to its standard
// deviation: 1/Φ⁻¹(3/4), rounded as in the literature (Rousseeuw and Croux 1993).
const madToSD = 1.4826

// A Summary describes one sample. N >= 1; Mean, Median, Min and Max always
// exist, the rest may not.
type Summary struct {
	N                      int
	Mean, Median, Min, Max float64
	SD                     Opt // sample standard deviation, n−1
	RobustSD               Opt // 1.4826 · median absolute deviation
	CV                     Opt // SD / Mean, for data that cannot be negative
	GeoMean                Opt // for data above 0
	Warnings               []Warning
}

// Summarize describes x. It fails if x is empty or holds a NaN or infinity.
func Summarize(x []float64) (Summary, error) {
	if err := check("summary", x, 1); err != nil {
		return Summary{}, err
	}
	s := sorted(x)
	n := len(s)
	sum := Summary{
		N: n, Min: s[0], Max: s[n-1],
		Mean: clamp(meanOf(x), s[0], s[n-1]), Median: quantileSorted(s, 0.5),
		SD: sdOf(x), RobustSD: robustSDOf(s), GeoMean: geoMeanOf(x, s),
	}
	sum.CV = cvOf(sum)
	if w, ok := outlierDominated(sum); ok {
		sum.Warnings = append(sum.Warnings, w)
	}
	return sum, nil
}

// outlierDominated flags small samples whose mean says more about one value
// than about the rest.
func outlierDominated(s Summary) (Warning, bool) {
	const small, far = 30, 5
	if s.N >= small || s.Median <= 0 || s.Max <= far*s.Median {
		return Warning{}, false
	}
	return warnf(OutlierDominated, "the largest of %d values is %.3g times the median: do not quote the mean %.4g",
		s.N, s.Max/s.Median, s.Mean), true
}

// Mean returns the arithmetic mean of x.
func Mean(x []float64) (float64, error) {
	if err := check("mean", x, 1); err != nil {
		return 0, err
	}
	return clamp(meanOf(x), slices.Min(x), slices.Max(x)), nil
}

// Median returns the middle of x, the mean of the two middle values if n is even.
func Median(x []float64) (float64, error) { return Quantile(x, 0.5) }

// SD returns the sample standard deviation (n−1). It needs n >= 2.
func SD(x []float64) (float64, error) {
	if err := check("sd", x, 2); err != nil {
		return 0, err
	}
	return unwrap(sdOf(x))
}

// MAD returns the median absolute deviation from the median, unscaled.
func MAD(x []float64) (float64, error) {
	if err := check("MAD", x, 1); err != nil {
		return 0, err
	}
	return madSorted(sorted(x)), nil
}

// RobustSD returns 1.4826 · MAD, which estimates the standard deviation of
// normal data and ignores up to half of the values being wild. It needs n >= 2.
func RobustSD(x []float64) (float64, error) {
	if err := check("robust sd", x, 2); err != nil {
		return 0, err
	}
	return unwrap(robustSDOf(sorted(x)))
}

// GeoMean returns the geometric mean of x, all above 0. It is the only mean
// for ratios: the mean of "twice" and "half" is 1.
func GeoMean(x []float64) (float64, error) {
	if err := checkPositive("geometric mean", x, 1); err != nil {
		return 0, err
	}
	return unwrap(geoMeanOf(x, []float64{slices.Min(x), slices.Max(x)}))
}

// HarmonicMean returns n / Σ(1/x), all x above 0: the mean of rates over equal
// amounts of work.
func HarmonicMean(x []float64) (float64, error) {
	if err := checkPositive("harmonic mean", x, 1); err != nil {
		return 0, err
	}
	return unwrap(some(clamp(stat.HarmonicMean(x, nil), slices.Min(x), slices.Max(x))))
}

// RatioOfSums returns Σnum / Σden: the rate of the whole, as one who pays for
// all of it sees it. The mean of the single ratios is another number.
func RatioOfSums(num, den []float64) (float64, error) {
	if len(num) != len(den) {
		return 0, warnf(BadArgument, "ratio of sums: needs pairs, but has %d and %d values", len(num), len(den))
	}
	if err := firstError(check("ratio of sums", num, 1), check("ratio of sums", den, 1)); err != nil {
		return 0, err
	}
	var n, d float64
	for i := range num {
		n += num[i]
		d += den[i]
	}
	if d <= 0 {
		return 0, warnf(NotPositive, "ratio of sums: the denominators add up to %v, but must be above 0", d)
	}
	return unwrap(some(n / d))
}

func unwrap(o Opt) (float64, error) {
	if !o.OK {
		return 0, o.Why
	}
	return o.V, nil
}

func sorted(x []float64) []float64 {
	s := slices.Clone(x)
	slices.Sort(s)
	return s
}

// meanOf corrects the naive sum once, so that the mean of equal values is that
// value and huge values do not overflow on the way.
func meanOf(x []float64) float64 {
	n := float64(len(x))
	m := 0.0
	for _, v := range x {
		m += v / n
	}
	if sum := stat.Mean(x, nil); isFinite(sum) {
		m = sum
	}
	r := 0.0
	for _, v := range x {
		r += v - m
	}
	if c := m + r/n; isFinite(c) {
		return c
	}
	return m
}

func sdOf(x []float64) Opt {
	if len(x) < 2 {
		return none(TooFew, "sd: n/a (n=%d; needs >= 2)", len(x))
	}
	return some(math.Sqrt(varianceOf(x)))
}

// varianceOf needs n >= 2.
func varianceOf(x []float64) float64 {
	m, c, s := meanOf(x), 0.0, 0.0
	for _, v := range x {
		s += (v - m) * (v - m)
		c += v - m
	}
	n := float64(len(x))
	return max(0, (s-c*c/n)/(n-1))
}

func robustSDOf(sorted []float64) Opt {
	if len(sorted) < 2 {
		return none(TooFew, "robust sd: n/a (n=%d; needs >= 2)", len(sorted))
	}
	return some(madToSD * madSorted(sorted))
}

func madSorted(s []float64) float64 {
	m := quantileSorted(s, 0.5)
	dev := make([]float64, len(s))
	for i, v := range s {
		dev[i] = math.Abs(v - m)
	}
	slices.Sort(dev)
	return quantileSorted(dev, 0.5)
}

func geoMeanOf(x, sorted []float64) Opt {
	if sorted[0] <= 0 {
		return none(NotPositive, "geometric mean: needs values above 0, but the smallest is %v", sorted[0])
	}
	return some(clamp(math.Exp(meanOf(logs(x))), sorted[0], sorted[len(sorted)-1]))
}

func cvOf(s Summary) Opt {
	switch {
	case !s.SD.OK:
		return Opt{Why: s.SD.Why}
	case s.Min < 0 || s.Mean <= 0:
		return none(NotPositive, "CV: needs values of one sign above 0, but the smallest is %v", s.Min)
	}
	return some(s.SD.V / s.Mean)
}

func logs(x []float64) []float64 {
	l := make([]float64, len(x))
	for i, v := range x {
		l[i] = math.Log(v)
	}
	return l
}

// clamp undoes what rounding pushed outside the sample.
func clamp(v, lo, hi float64) float64 { return min(max(v, lo), hi) }
