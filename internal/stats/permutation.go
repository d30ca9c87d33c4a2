package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/combin"
)

// exhaustiveSplits is the largest number of splits that are enumerated: 8+8
// values have 12870.
const exhaustiveSplits = 20_000

// Permutation tests whether two means are equal by relabelling: P is the share
// of splits of the pooled values whose |difference of means| is at least the
// one seen (Fisher 1935). Small samples (up to 8+8) are enumerated, and r may
// be nil; beyond, m random splits give P = (b+1)/(m+1), which is never 0
// (Phipson and Smyth 2010). The statistic is mean(a) − mean(b).
func Permutation(a, b []float64, m int, r *rand.Rand) (Test, error) {
	if err := checkPair("permutation test", a, b, 1); err != nil {
		return Test{}, err
	}
	all := slices.Concat(a, b)
	if slices.Min(all) == slices.Max(all) {
		return noVariation("permutation"), nil
	}
	// Centring keeps sums small, so that rounding cannot split exact ties.
	centre, k := meanOf(all), len(a)
	for i := range all {
		all[i] -= centre
	}
	sum := sumOf(all[:k])
	far := math.Abs(sum) - 1e-12*sumAbs(all)
	t := Test{Method: "permutation", Statistic: meanOf(a) - meanOf(b)}
	splits := math.Exp(combin.LogGeneralizedBinomial(float64(len(all)), float64(k)))
	if splits < exhaustiveSplits+0.5 {
		t.P = allSplits(all, k, far)
		return t, nil
	}
	if m < 100 || r == nil {
		return Test{}, warnf(BadArgument, "permutation test: %d+%d values need a random generator and at least 100 splits, but there are %d", k, len(b), m)
	}
	beyond := 0
	for range m {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		if math.Abs(sumOf(all[:k])) >= far {
			beyond++
		}
	}
	t.P = float64(beyond+1) / float64(m+1)
	return t, nil
}

// allSplits returns the share of ways to choose k of x with |sum| >= far. As x
// is centred, the sum of k values and the difference of means are proportional.
func allSplits(x []float64, k int, far float64) float64 {
	gen := combin.NewCombinationGenerator(len(x), k)
	idx := make([]int, k)
	beyond, total := 0, 0
	for gen.Next() {
		gen.Combination(idx)
		s := 0.0
		for _, i := range idx {
			s += x[i]
		}
		if math.Abs(s) >= far {
			beyond++
		}
		total++
	}
	return float64(beyond) / float64(total)
}

func sumOf(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}

func sumAbs(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += math.Abs(v)
	}
	return s
}
