package stats

import (
	"cmp"
	"slices"
)

// Holm adjusts p-values for a family of tests so that the chance of any false
// rejection stays below the level (Holm 1979). The result is in the order of p.
func Holm(p []float64) ([]float64, error) {
	return adjust(p, false, func(rank, n int) float64 { return float64(n - rank + 1) })
}

// Bonferroni multiplies each p-value by the size of the family. Holm rejects
// at least as much at the same guarantee.
func Bonferroni(p []float64) ([]float64, error) {
	return adjust(p, false, func(_, n int) float64 { return float64(n) })
}

// BenjaminiHochberg adjusts p-values so that among the rejections the expected
// share of false ones stays below the level (1995): for exploring, not for
// claims. It assumes independent or positively dependent tests.
func BenjaminiHochberg(p []float64) ([]float64, error) {
	return adjust(p, true, func(rank, n int) float64 { return float64(n) / float64(rank) })
}

// BenjaminiYekutieli is BenjaminiHochberg under any dependence (2001).
func BenjaminiYekutieli(p []float64) ([]float64, error) {
	harmonic := 0.0
	for i := range p {
		harmonic += 1 / float64(i+1)
	}
	return adjust(p, true, func(rank, n int) float64 { return harmonic * float64(n) / float64(rank) })
}

// adjust multiplies the p-value of each rank (1 is the smallest) by factor and
// restores the order, downwards from the largest if stepUp.
func adjust(p []float64, stepUp bool, factor func(rank, n int) float64) ([]float64, error) {
	n := len(p)
	order := make([]int, n)
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, warnf(BadArgument, "p-value %d of %d is %v", i+1, n, v)
		}
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	out := make([]float64, n)
	for r, i := range order {
		out[i] = min(1, p[i]*factor(r+1, n))
	}
	if stepUp {
		for r := n - 2; r >= 0; r-- {
			out[order[r]] = min(out[order[r]], out[order[r+1]])
		}
		return out, nil
	}
	for r := 1; r < n; r++ {
		out[order[r]] = max(out[order[r]], out[order[r-1]])
	}
	return out, nil
}
