package finding

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// Ranks gives each side its rank, 1 for the best, from a comparison of all
// pairs: the interval holds every rank that it could have, as sides that are
// not shown to differ may stand in either order. A metric without a direction
// has no ranks, and a side without a value none either. If the sides cannot be
// compared, why says what forbids it.
func (q Asked) Ranks(sides []Side) (ranks []fact.Fact, why string, err error) {
	higher, lower := q.direction()
	if !higher && !lower {
		return nil, "neither more nor less of it is better", nil
	}
	sides = slices.DeleteFunc(slices.Clone(sides), func(s Side) bool { return !s.Fact.Value.OK() })
	if len(sides) < 2 {
		return nil, "fewer than two have a value", nil
	}
	cells, apart, forbids := q.cellsOfAll(sides)
	order := q.order(sides, apart)
	switch {
	case forbids != "":
		return nil, forbids, nil
	case q.text():
	case order == nested || order == cycled:
		return nil, "their order was not drawn: " + orderWords(order), nil
	case !allPositive(q.Series.Name, sides...):
		return nil, "a value is 0 or below, so that there are no ratios", nil
	}
	beats, how := q.shown(sides, cells, order, higher)
	for i, s := range sides {
		value, _ := s.Fact.Value.Get()
		rank, best, worst := 1, 1, len(sides)
		for j, o := range sides {
			if v, _ := o.Fact.Value.Get(); v != value && (v > value) == higher {
				rank++
			}
			if beats[j][i] {
				best++
			}
			if beats[i][j] {
				worst--
			}
		}
		f, err := fact.Derive(fact.Fact{Metric: q.Series.Name, Version: s.Fact.Version, Aggregate: "rank", Phase: s.Fact.Phase, Scope: s.Fact.Scope,
			Value: sample.Some(float64(rank)), Lo: sample.Some(float64(min(best, rank))), Hi: sample.Some(float64(max(worst, rank))), N: len(sides), Planned: len(sides),
			Method: fmt.Sprintf("rank among %d, 1 is best; the interval holds each rank that it is not shown to miss (%s)", len(sides), how)}, s.Fact)
		if err != nil {
			return nil, "", err
		}
		ranks = append(ranks, f)
	}
	return ranks, "", nil
}

// cellsOfAll are the labels in which the work of all sides can agree.
func (q Asked) cellsOfAll(sides []Side) (cells []string, apart bool, forbids string) {
	cells, apart, forbids = q.cells(sides[0], sides[1])
	for _, s := range sides[2:] {
		more, far, no := q.cells(sides[0], s)
		cells, apart = slices.DeleteFunc(cells, func(l string) bool { return !slices.Contains(more, l) }), apart || far
		if forbids == "" {
			forbids = no
		}
	}
	return cells, apart, forbids
}

// shown says of all pairs whether the one is shown to be better than the other.
func (q Asked) shown(sides []Side, cells []string, order ordering, higher bool) (beats [][]bool, how string) {
	for range sides {
		beats = append(beats, make([]bool, len(sides)))
	}
	if q.text() {
		for i, x := range sides {
			for j, y := range sides {
				beats[i][j] = higher && above(x.Fact, y.Fact) || !higher && above(y.Fact, x.Fact)
			}
		}
		return beats, "intervals over prompts that do not meet"
	}
	var at []map[spot]float64
	for _, s := range sides {
		at = append(at, spotsOf(s, q.Series.Name, cells, math.Log))
	}
	pairs := allPairs(at)
	for _, p := range pairs {
		if order != drawn && p.have && p.reach() < math.Log1p(unknownOrder) {
			continue // a drift could do as much
		}
		switch p.verdict(higher) {
		case Better:
			beats[p.y][p.x] = true
		case Worse:
			beats[p.x][p.y] = true
		}
	}
	return beats, fmt.Sprintf("paired t on logarithms, Holm over %d", len(pairs))
}

// Trend is the slope of a metric over a numeric label, per 1 of it (Theil and
// Sen over all rows). why says why there is none.
func (q Asked) Trend(over string, sides []Side) (slope fact.Fact, why string, err error) {
	var t, y []float64
	var from []fact.Fact
	phase, version, of := sample.Phase(""), 1, unit.None
	for _, s := range sides {
		for _, r := range s.Rows {
			at, err := strconv.ParseFloat(labelOf(r, over), 64)
			if err != nil {
				return slope, fmt.Sprintf("%s is no number everywhere", over), nil
			}
			c, _ := r.Cell(q.Series.Name)
			if v, ok := c.Value.Get(); ok {
				t, y = append(t, at), append(y, v)
			}
		}
		from = append(from, s.Fact)
		phase, version, of = s.Fact.Phase, s.Fact.Version, s.Fact.Unit
	}
	if levels := distinct(t, func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }); len(levels) < 3 {
		return slope, fmt.Sprintf("a trend takes three levels of %s", over), nil
	}
	if len(t) > maxTrend {
		return slope, fmt.Sprintf("more than %d rows", maxTrend), nil
	}
	line, err := stats.TheilSen(t, y, fact.Level)
	if err != nil {
		return slope, err.Error(), nil
	}
	common := from[0].Scope
	for _, f := range from[1:] {
		common = inBoth(common, f.Scope)
	}
	slope = fact.Fact{Metric: q.Series.Name, Version: version, Aggregate: "slope", Unit: of, Phase: phase, Scope: with(common, "over", over), Value: sample.Some(line.Slope.Value),
		N: len(t), Planned: len(t), Method: fmt.Sprintf("change per 1 of %s, Theil and Sen over %d rows", over, len(t))}
	if i := line.Slope.Interval; i != nil {
		slope.Lo, slope.Hi = sample.Some(i.Lo), sample.Some(i.Hi)
	}
	slope, err = fact.Derive(slope, from...)
	return slope, "", err
}

// maxTrend bounds the rows of a trend: it looks at all pairs of them.
const maxTrend = 3000
