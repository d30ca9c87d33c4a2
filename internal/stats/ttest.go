package stats

import (
	"math"
	"slices"
)

// Welch tests whether two means are equal without assuming equal spread
// (Welch 1947). The statistic has the sign of mean(a) − mean(b). It needs two
// values a side. Pooled variances are not offered: benchmarks with equal
// spread are the exception.
func Welch(a, b []float64) (Test, error) {
	if err := checkPair("Welch t", a, b, 2); err != nil {
		return Test{}, err
	}
	if flat(a) && flat(b) {
		if a[0] == b[0] {
			return noVariation("welch-t"), nil
		}
		return Test{}, warnf(Degenerate, "Welch t: n/a (neither sample varies, so there is no noise to compare with)")
	}
	d, se, df := welchParts(b, a)
	t := d / se
	if !isFinite(t) || !isFinite(df) {
		return Test{}, warnf(Overflow, "Welch t: the statistic does not fit a 64-bit number")
	}
	return Test{Method: "welch-t", Statistic: t, DF: []float64{df}, P: unitP(2 * tTail(math.Abs(t), df))}, nil
}

// welchParts returns mean(b) − mean(a), its standard error and Satterthwaite's
// degrees of freedom.
func welchParts(a, b []float64) (d, se, df float64) {
	na, nb := float64(len(a)), float64(len(b))
	va, vb := varianceOf(a)/na, varianceOf(b)/nb
	// Scaling by the larger keeps the squares inside float64.
	m := max(va, vb)
	ra, rb := va/m, vb/m
	return meanOf(b) - meanOf(a), math.Sqrt(va + vb), (ra + rb) * (ra + rb) / (ra*ra/(na-1) + rb*rb/(nb-1))
}

// PairedT tests whether the mean of the differences d is zero. It needs n >= 2.
func PairedT(d []float64) (Test, error) {
	if err := check("paired t", d, 2); err != nil {
		return Test{}, err
	}
	if flat(d) {
		if d[0] == 0 {
			return noVariation("paired-t"), nil
		}
		return Test{}, warnf(Degenerate, "paired t: n/a (all differences are equal, so there is no noise to compare with)")
	}
	n := float64(len(d))
	t := meanOf(d) / math.Sqrt(varianceOf(d)/n)
	if !isFinite(t) {
		return Test{}, warnf(Overflow, "paired t: the statistic does not fit a 64-bit number")
	}
	return Test{Method: "paired-t", Statistic: t, DF: []float64{n - 1}, P: unitP(2 * tTail(math.Abs(t), n-1))}, nil
}

// A Ratio compares two samples of positive values: Value is geometric mean of
// b over geometric mean of a.
type Ratio struct {
	Estimate
	LogSE, DF float64 // standard error and degrees of freedom on the log scale
}

// RatioOfMeans estimates the ratio b/a of geometric means with Welch's interval
// on the log scale: exp(d ± t·se). It needs two positive values a side.
// Swapping the samples inverts value and interval.
func RatioOfMeans(a, b []float64, level float64) (Ratio, error) {
	if err := firstError(checkFraction("level", level), checkPositivePair("ratio", a, b, 2)); err != nil {
		return Ratio{}, err
	}
	la, lb := logs(a), logs(b)
	if flat(a) && flat(b) {
		r := Ratio{Estimate: Estimate{N: len(a) + len(b), Value: math.Exp(meanOf(lb) - meanOf(la))}}
		r.warn(warnf(Degenerate, "ratio: no interval (neither sample varies)"))
		return r, nil
	}
	d, se, df := welchParts(la, lb)
	return logRatio(len(a)+len(b), d, se, df, level, "log-welch")
}

// PairedRatio estimates the ratio b/a from pairs (a[i], b[i]) measured side by
// side, by Student's interval on the log ratios. It needs two pairs.
func PairedRatio(a, b []float64, level float64) (Ratio, error) {
	if err := firstError(checkSame("paired ratio", a, b), checkFraction("level", level),
		checkPositivePair("paired ratio", a, b, 2)); err != nil {
		return Ratio{}, err
	}
	d := logs(b)
	for i, l := range logs(a) {
		d[i] -= l
	}
	n := len(d)
	if slices.Min(d) == slices.Max(d) {
		r := Ratio{Estimate: Estimate{N: n, Value: math.Exp(d[0])}}
		r.warn(warnf(Degenerate, "paired ratio: no interval (all ratios are equal)"))
		return r, nil
	}
	return logRatio(n, meanOf(d), math.Sqrt(varianceOf(d)/float64(n)), float64(n-1), level, "paired-log-t")
}

func logRatio(n int, d, se, df, level float64, method string) (Ratio, error) {
	v := some(math.Exp(d))
	if !v.OK {
		return Ratio{}, v.Why
	}
	h := tQuantile(0.5+level/2, df) * se
	r := Ratio{Estimate: Estimate{N: n, Value: v.V}, LogSE: se, DF: df}
	r.addInterval(newInterval(math.Exp(d-h), math.Exp(d+h), level, method))
	return r, nil
}

// An Equivalence says whether a ratio is shown to lie within a margin.
type Equivalence struct {
	Ratio          // with the 1−2α interval that the decision rests on
	Margin float64 // m: equivalent means within [1/(1+m), 1+m]
	P      float64 // of the two one-sided tests; equivalence is shown if P < α
	Shown  bool
}

// Equivalent performs two one-sided Welch tests on the logs (TOST, Schuirmann
// 1987): is the ratio b/a of geometric means within [1/(1+margin), 1+margin]?
// A small P shows sameness; a large one shows nothing.
func Equivalent(a, b []float64, margin, alpha float64) (Equivalence, error) {
	if !(margin > 0 && isFinite(margin)) {
		return Equivalence{}, warnf(BadArgument, "the margin must be above 0, but is %v", margin)
	}
	if !(alpha > 0 && alpha < 0.5) {
		return Equivalence{}, warnf(BadArgument, "alpha must be between 0 and 0.5, but is %v", alpha)
	}
	r, err := RatioOfMeans(a, b, 1-2*alpha)
	if err != nil {
		return Equivalence{}, err
	}
	if r.LogSE == 0 {
		return Equivalence{}, warnf(Degenerate, "equivalence: n/a (neither sample varies)")
	}
	d, lim := math.Log(r.Value), math.Log1p(margin)
	p := max(tTail((d+lim)/r.LogSE, r.DF), tTail((lim-d)/r.LogSE, r.DF))
	return Equivalence{Ratio: r, Margin: margin, P: unitP(p), Shown: p < alpha}, nil
}
