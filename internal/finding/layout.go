package finding

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// A layout is a complete block design: the mean log of every thing in every
// unit, where a unit is a block or, with too few blocks, a spot.
type layout struct {
	y       [][]float64 // [thing][unit]
	units   int
	byBlock bool
	loose   bool  // not in blocks: groups of several sizes, each in its own time
	things  []int // which of the things have values at all
	stats.Blocks
	reach float64 // how far two means may lie apart by chance, all pairs together
	err   error   // why nothing can be said of the differences
}

// layOut puts things side by side at the spots that all of them have. Things
// without any value are left out.
func layOut(spots []map[spot]float64) layout {
	var l layout
	for i, s := range spots {
		if len(s) > 0 {
			l.things = append(l.things, i)
		}
	}
	if len(l.things) < 2 {
		l.err = fmt.Errorf("fewer than two have values")
		return l
	}
	var common []spot
	for at := range spots[l.things[0]] {
		if !slices.ContainsFunc(l.things, func(i int) bool { _, ok := spots[i][at]; return !ok }) {
			common = append(common, at)
		}
	}
	slices.SortFunc(common, func(a, b spot) int { return cmp.Or(cmp.Compare(a.block, b.block), cmp.Compare(a.cell, b.cell)) })
	blocks := slices.CompactFunc(slices.Clone(common), func(a, b spot) bool { return a.block == b.block })
	l.byBlock = len(blocks) >= leastBlocks
	for _, i := range l.things {
		var row []float64
		if !l.byBlock {
			for _, at := range common {
				row = append(row, spots[i][at])
			}
		} else {
			k := 0
			for _, b := range blocks {
				sum, n := 0.0, 0.0
				for ; k < len(common) && common[k].block == b.block; k++ {
					sum, n = sum+spots[i][common[k]], n+1
				}
				row = append(row, sum/n)
			}
		}
		l.y, l.units = append(l.y, row), len(row)
	}
	l.settle()
	return l
}

func (l *layout) settle() {
	switch l.units {
	case 0:
		l.err = fmt.Errorf("no block and prompt has values of all")
		return
	case 1:
		l.err = fmt.Errorf("one value each")
		return
	}
	if l.Blocks, l.err = stats.RandomisedBlocks(l.y); l.err != nil {
		return
	}
	l.reach, l.err = l.Reach(fact.Level)
}

// settleLoose analyses groups of any size by their pooled scatter.
func (l *layout) settleLoose() {
	var ss, total float64
	n := 0
	for _, y := range l.y {
		m, err := stats.Mean(y)
		if err != nil {
			l.err = err
			return
		}
		l.Means = append(l.Means, m)
		for _, v := range y {
			ss += (v - m) * (v - m)
		}
		n, total = n+len(y), total+1/float64(len(y))
	}
	l.DFTreat, l.DFResidual = len(l.y)-1, n-len(l.y)
	l.MSE = ss / float64(l.DFResidual)
	q, err := stats.StudentizedRange(fact.Level, len(l.y), float64(l.DFResidual))
	if err != nil || l.MSE == 0 {
		l.err = fmt.Errorf("no scatter")
		return
	}
	l.reach = q * math.Sqrt(l.MSE*total/float64(len(l.y))) // Tukey and Kramer, at the mean size
}

// what names the units.
func (l layout) what() string {
	if l.loose {
		return "requests a setting"
	}
	if l.byBlock {
		return "blocks"
	}
	return "places side by side"
}

func (l layout) method() string {
	if l.loose {
		return fmt.Sprintf("means of logarithms of %d settings with pooled scatter, at least %d requests each, not in blocks", len(l.things), l.units)
	}
	if l.byBlock {
		return fmt.Sprintf("analysis of variance on logarithms: %d levels in %d blocks, error from level by block", len(l.things), l.units)
	}
	return fmt.Sprintf("analysis of variance on logarithms: %d levels at %d places of one pass side by side", len(l.things), l.units)
}

// extremes returns the things (by their place in l.things) with the largest and
// the smallest mean.
func (l layout) extremes() (top, bottom int) {
	for i, m := range l.Means {
		if m > l.Means[top] {
			top = i
		}
		if m < l.Means[bottom] {
			bottom = i
		}
	}
	return top, bottom
}

// span enters the ratio of the largest to the smallest mean with the interval
// that holds for all pairs together.
func (a *analyst) span(l layout, metric string, scope map[string]string, from []fact.Fact) fact.Fact {
	top, bottom := l.extremes()
	d := l.Means[top] - l.Means[bottom]
	return a.derive(fact.Fact{Metric: metric, Version: 1, Aggregate: "range", Unit: unit.Ratio, Phase: sample.Measure, Scope: scope,
		Value: sample.Some(math.Exp(d)), Lo: sample.Some(math.Exp(max(0, d-l.reach))), Hi: sample.Some(math.Exp(d + l.reach)),
		N: l.units, Planned: l.units, Method: "largest by smallest level mean, interval for all pairs together (Tukey); " + l.method()}, from...)
}

// chance enters how far apart the extremes lie by chance alone.
func (a *analyst) chance(l layout, metric string, scope map[string]string, from []fact.Fact) fact.Fact {
	return a.derive(fact.Fact{Metric: metric, Version: 1, Aggregate: "null_range", Unit: unit.Ratio, Phase: sample.Measure, Scope: scope,
		Value: sample.Some(math.Exp(l.reach)), N: l.units, Planned: l.units,
		Method: "the range of equal levels stays below this in 95 % of cases (studentized range); " + l.method()}, from...)
}

// differ reports whether some of the means differ: the analysis of variance and
// the range agree on it.
func (l layout) differ(p float64) bool {
	top, bottom := l.extremes()
	return p < Alpha && l.Means[top]-l.Means[bottom] > l.reach
}

// equivalent reports whether all differences are shown to be within the margin.
func (l layout) equivalent() bool {
	if l.err != nil || l.loose {
		return false
	}
	top, bottom := l.extremes()
	return l.Means[top]-l.Means[bottom]+l.PairHalf(1-2*Alpha) < math.Log1p(Margin)
}

// scatter is the standard deviation of a difference of two levels in one unit.
func (l layout) scatter() float64 { return math.Sqrt(2 * l.MSE) }

// near lists the things that cannot be told from the best, the best first.
func (l layout) near(higher bool) []int {
	sign := 1.0
	if !higher {
		sign = -1
	}
	best := 0
	for i, m := range l.Means {
		if sign*m > sign*l.Means[best] {
			best = i
		}
	}
	var out []int
	for i, m := range l.Means {
		if sign*(l.Means[best]-m) <= l.reach {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(i, j int) int { return cmp.Compare(-sign*l.Means[i], -sign*l.Means[j]) })
	return out
}
