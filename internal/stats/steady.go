package stats

import "math"

// A Truncation says where a series has settled.
type Truncation struct {
	Drop      int     // leading values to discard, a multiple of 5
	Statistic float64 // the minimised MSER
	MeanAll   float64
	MeanAfter float64 // mean of what is left, valid if Steady
	Steady    bool    // false: the minimum is at the end of the search, collect more
	Warnings  []Warning
}

// mserBatch is the batch size that gives MSER-5 its name.
const mserBatch = 5

// MSER5 finds the warm-up of a series in time order (White 1997): over the k
// batch means Z of five values it minimises
//
//	Σ_{i>d}(Zᵢ − Z̄_d)² / (k−d)²  for 0 ≤ d ≤ k/2.
//
// It needs 20 values. A minimum at k/2 means no steady state was seen.
func MSER5(x []float64) (Truncation, error) {
	if err := check("MSER-5", x, 4*mserBatch); err != nil {
		return Truncation{}, err
	}
	k := len(x) / mserBatch
	z := make([]float64, k)
	for i := range z {
		z[i] = meanOf(x[i*mserBatch : (i+1)*mserBatch])
	}
	best, d := math.Inf(1), 0
	for cut := 0; cut <= k/2; cut++ {
		rest := z[cut:]
		n := float64(len(rest))
		if v := varianceOf(rest) * (n - 1) / (n * n); v < best {
			best, d = v, cut
		}
	}
	if !isFinite(best) {
		return Truncation{}, warnf(Overflow, "MSER-5: the statistic does not fit a 64-bit number")
	}
	t := Truncation{Drop: d * mserBatch, Statistic: best, MeanAll: meanOf(x),
		MeanAfter: meanOf(x[d*mserBatch:]), Steady: d < k/2}
	if !t.Steady {
		t.Warnings = append(t.Warnings, warnf(Unsteady, "no steady state within %d values: collect more", len(x)))
	}
	return t, nil
}

// SteadyTail applies the criterion of Georges et al. (2007): the coefficient of
// variation of the last window values is at most limit (10 and 0.02 are usual).
func SteadyTail(x []float64, window int, limit float64) (bool, error) {
	if window < 2 {
		return false, warnf(BadArgument, "the window must be at least 2, but is %d", window)
	}
	if err := checkPositive("steady tail", x, window); err != nil {
		return false, err
	}
	tail := x[len(x)-window:]
	return math.Sqrt(varianceOf(tail)) <= limit*meanOf(tail), nil
}
