package stats

import "math"

// A Test is the outcome of a significance test. P is two-sided unless the
// method says otherwise.
type Test struct {
	Method    string
	Statistic float64
	DF        []float64 // degrees of freedom: none, one, or two for an F test
	P         float64   // in [0, 1]
	Warnings  []Warning
}

// unitP clamps what rounding or doubling pushed outside [0, 1].
func unitP(p float64) float64 { return clamp(p, 0, 1) }

// noVariation is the answer to a comparison of constants: nothing was seen
// that speaks against equality, and nothing could have been.
func noVariation(method string) Test {
	return Test{Method: method, P: 1, Warnings: []Warning{warnf(Degenerate, "%s: all values are equal", method)}}
}

// checkPair checks two samples of at least need values each.
func checkPair(what string, a, b []float64, need int) error {
	return firstError(check(what+", first sample", a, need), check(what+", second sample", b, need))
}

func checkPositivePair(what string, a, b []float64, need int) error {
	return firstError(checkPositive(what+", first sample", a, need), checkPositive(what+", second sample", b, need))
}

// checkSame checks that two series have the same length.
func checkSame(what string, a, b []float64) error {
	if len(a) != len(b) {
		return warnf(BadArgument, "%s: needs pairs, but has %d and %d values", what, len(a), len(b))
	}
	return nil
}

// flat reports whether all values are equal up to rounding of their mean.
func flat(x []float64) bool {
	for _, v := range x {
		if math.Abs(v-x[0]) > 4e-16*math.Abs(x[0]) {
			return false
		}
	}
	return true
}
