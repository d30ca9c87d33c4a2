package stats

import "math"

// WelchANOVA tests whether several means are equal without assuming equal
// spread (Welch 1951). Each group needs two values and some variation.
func WelchANOVA(groups [][]float64) (Test, error) {
	if err := checkGroups("Welch ANOVA", groups); err != nil {
		return Test{}, err
	}
	k := float64(len(groups))
	var sumW, grand float64
	w := make([]float64, len(groups))
	for i, g := range groups {
		w[i] = float64(len(g)) / varianceOf(g)
		sumW += w[i]
		grand += w[i] * meanOf(g)
	}
	grand /= sumW
	var between, lambda float64
	for i, g := range groups {
		d, r := meanOf(g)-grand, 1-w[i]/sumW
		between += w[i] * d * d
		lambda += r * r / float64(len(g)-1)
	}
	f := between / (k - 1) / (1 + 2*(k-2)/(k*k-1)*lambda)
	df := (k*k - 1) / (3 * lambda)
	if !isFinite(f) || !isFinite(df) {
		return Test{}, warnf(Overflow, "Welch ANOVA: the statistic does not fit a 64-bit number")
	}
	return Test{Method: "welch-anova", Statistic: f, DF: []float64{k - 1, df}, P: fTail(f, k-1, df)}, nil
}

// A Pair compares group J with group I: Value is mean(J) − mean(I).
type Pair struct {
	I, J int // indices of the groups, I < J
	Estimate
	DF, P float64 // P is adjusted for the family of all pairs
}

// GamesHowell compares all pairs of means with intervals and p-values that hold
// together for the whole family, without assuming equal spread (Games and
// Howell 1976). It is how a set of winners is found. On logarithms it compares
// ratios. Each group needs two values and some variation.
func GamesHowell(groups [][]float64, level float64) ([]Pair, error) {
	if err := firstError(checkFraction("level", level), checkGroups("Games-Howell", groups)); err != nil {
		return nil, err
	}
	var out []Pair
	for i, a := range groups {
		for j := i + 1; j < len(groups); j++ {
			p := Pair{I: i, J: j}
			d, se, df := welchParts(a, groups[j])
			se /= math.Sqrt2 // the studentized range is in single standard errors
			if !isFinite(d/se) || !isFinite(df) {
				return nil, warnf(Overflow, "Games-Howell: the difference of groups %d and %d does not fit a 64-bit number", i+1, j+1)
			}
			p.N, p.Value, p.DF = len(a)+len(groups[j]), d, df
			p.P = unitP(1 - studentizedRangeCDF(math.Abs(d)/se, len(groups), df))
			q, err := StudentizedRange(level, len(groups), df)
			if err != nil {
				return nil, err
			}
			p.addInterval(newInterval(d-q*se, d+q*se, level, "games-howell"))
			out = append(out, p)
		}
	}
	return out, nil
}

// checkGroups demands groups whose means can be compared by their own noise.
func checkGroups(what string, groups [][]float64) error {
	if _, err := pooled(what, groups, 2); err != nil {
		return err
	}
	for i, g := range groups {
		if flat(g) {
			return warnf(Degenerate, "%s: n/a (group %d does not vary)", what, i+1)
		}
	}
	return nil
}
