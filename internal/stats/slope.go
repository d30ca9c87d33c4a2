package stats

import (
	"math"
	"slices"
)

// A Line is a fitted straight line.
type Line struct {
	Slope     Estimate // per unit of t, with its interval
	Intercept float64
	P         Opt // of the test that the slope is 0; least squares only
}

func checkLine(what string, t, y []float64) error {
	if err := firstError(checkSame(what, t, y), check(what, t, 3), check(what, y, 3)); err != nil {
		return err
	}
	if slices.Min(t) == slices.Max(t) {
		return warnf(Degenerate, "%s: n/a (all instants are equal)", what)
	}
	return nil
}

// LeastSquares fits y = a + b·t with Student's interval for b. It needs three
// points. Errors that hang together in time make the interval too narrow.
func LeastSquares(t, y []float64, level float64) (Line, error) {
	if err := firstError(checkFraction("level", level), checkLine("slope", t, y)); err != nil {
		return Line{}, err
	}
	mt, my := meanOf(t), meanOf(y)
	var sxx, sxy float64
	for i := range t {
		sxx += (t[i] - mt) * (t[i] - mt)
		sxy += (t[i] - mt) * (y[i] - my)
	}
	b, sse := sxy/sxx, 0.0
	for i := range t {
		r := y[i] - my - b*(t[i]-mt)
		sse += r * r
	}
	df := float64(len(t) - 2)
	se := math.Sqrt(sse / df / sxx)
	l := Line{Slope: Estimate{N: len(t), Value: b}, Intercept: my - b*mt, P: some(1)}
	if !isFinite(b) || !isFinite(l.Intercept) {
		return Line{}, warnf(Overflow, "slope: the fit does not fit a 64-bit number")
	}
	h := tQuantile(0.5+level/2, df) * se
	l.Slope.addInterval(newInterval(b-h, b+h, level, "least-squares-t"))
	switch {
	case se > 0:
		l.P = some(unitP(2 * tTail(math.Abs(b)/se, df)))
	case b != 0:
		l.P = some(0)
	}
	return l, nil
}

// TheilSen fits the median of all pairwise slopes (Sen 1968), which ignores up
// to 29 % wild points, with the interval of Kendall's test. It looks at all
// n(n−1)/2 pairs and is refused above 5000 points.
func TheilSen(t, y []float64, level float64) (Line, error) {
	if err := firstError(checkFraction("level", level), checkLine("Theil-Sen slope", t, y)); err != nil {
		return Line{}, err
	}
	if len(t) > 5000 {
		return Line{}, warnf(BadArgument, "Theil-Sen slope: takes up to 5000 points, but there are %d; use least squares", len(t))
	}
	var s []float64
	for i := range t {
		for j := i + 1; j < len(t); j++ {
			if t[i] == t[j] {
				continue // a vertical pair has no slope
			}
			v := (y[j] - y[i]) / (t[j] - t[i])
			if !isFinite(v) {
				return Line{}, warnf(Overflow, "Theil-Sen slope: the slope of points %d and %d does not fit a 64-bit number", i+1, j+1)
			}
			s = append(s, v)
		}
	}
	slices.Sort(s)
	b := quantileSorted(s, 0.5)
	rest := make([]float64, len(t))
	for i := range t {
		rest[i] = y[i] - b*t[i]
	}
	l := Line{Slope: Estimate{N: len(t), Value: b}, Intercept: medianInPlace(rest),
		P: none(BadArgument, "Theil-Sen: its interval is its test")}
	n := float64(len(t))
	c := normQuantile(0.5+level/2) * math.Sqrt(n*(n-1)*(2*n+5)/18)
	lo, hi := int(math.Round((float64(len(s))-c)/2)), int(math.Round((float64(len(s))+c)/2))
	if lo < 1 || hi > len(s)-1 {
		l.Slope.warn(warnf(TooFew, "Theil-Sen slope: no interval at level %v (n=%d)", level, len(t)))
		return l, nil
	}
	l.Slope.addInterval(newInterval(s[lo-1], s[hi], level, "theil-sen"))
	return l, nil
}

// An Autocorrelation says how much neighbours in a series resemble each other.
type Autocorrelation struct {
	Rho       float64 // lag-1 correlation, in [−1, 1]
	Effective float64 // n·(1−ρ)/(1+ρ) for ρ > 0, else n: what n values are worth
	Warnings  []Warning
}

// Lag1 measures the correlation of neighbours in a series in time order. A
// warning says when it is more than chance (ρ > 1.96/√n). It needs n >= 10.
func Lag1(x []float64) (Autocorrelation, error) {
	if err := check("autocorrelation", x, 10); err != nil {
		return Autocorrelation{}, err
	}
	m, n := meanOf(x), float64(len(x))
	var num, den float64
	for i, v := range x {
		den += (v - m) * (v - m)
		if i > 0 {
			num += (v - m) * (x[i-1] - m)
		}
	}
	if den == 0 || !isFinite(den) {
		return Autocorrelation{}, warnf(Degenerate, "autocorrelation: n/a (no usable variation)")
	}
	a := Autocorrelation{Rho: clamp(num/den, -1, 1), Effective: n}
	if a.Rho > 0 {
		a.Effective = n * (1 - a.Rho) / (1 + a.Rho)
	}
	if a.Rho > 1.96/math.Sqrt(n) {
		a.Warnings = []Warning{warnf(Autocorrelated,
			"neighbours are alike (lag-1 correlation %.2f): %d values count as %.0f", a.Rho, len(x), a.Effective)}
	}
	return a, nil
}
