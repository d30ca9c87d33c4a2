package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// ECDF shows for each subject which share of its calls took at most so long.
// Calls without a value count as never: the curve of a subject with failures
// ends below 100 %.
type ECDF struct {
	Head
	Curves []Curve
}

// Curve is one subject. Points are in any order, in the figure's unit.
type Curve struct {
	Subject Subject
	Points  []float64
	// Failed is how many more calls had no value.
	Failed int
	// Band is the half width of a confidence band as a ratio; 0 draws none.
	Band float64
	// Missing says why there are no points at all.
	Missing string
}

const maxSteps = 240

func (f ECDF) plot(c *canvas) {
	curves := first(c, f.Curves, 10, "subjects")
	sorted := make([][]float64, len(curves))
	var extent []float64
	for i, k := range curves {
		sorted[i] = c.finiteOnly(k.Points)
		slices.Sort(sorted[i])
		if n := len(sorted[i]); n > 0 {
			extent = append(extent, sorted[i][0], sorted[i][n-1])
		}
	}
	if len(curves) == 0 {
		return
	}
	x := linear(c.head.Unit, extent, false, 8)
	if wide(extent) {
		x = logarithmic(c.head.Unit, extent)
	}
	y := linearIn(percent, []float64{0, 1}, true, 5)
	c.beside(y, "share of calls, %", 280)
	c.below(x, axisName(c.head.Metric, x))
	c.table.Head = []string{"subject", "n", "failed", "50 % are at most", "90 % are at most"}
	for i, k := range curves {
		e := ecdf{c: c, x: x, y: y, k: k, sorted: sorted[i]}
		e.draw(i)
	}
	var all []Value
	for i := range sorted {
		all = append(all, Value{V: 1, N: len(sorted[i])})
	}
	c.sayN("for each curve", all...)
	c.note("A curve with failed calls ends below 100 %%.")
	if c.head.Interval != "" && slices.ContainsFunc(curves, func(k Curve) bool { return k.Band > 0 }) {
		c.note("Bands: %s.", c.head.Interval)
	}
}

type ecdf struct {
	c      *canvas
	x, y   scale
	k      Curve
	sorted []float64
}

// dashes tell curves apart without colour.
var dashes = [][]float64{nil, {8, 3}, {2, 3}, {9, 3, 2, 3}, {4, 2}, {12, 4}, {2, 2, 6, 2}}

func (e ecdf) draw(i int) {
	name, slot := clean(e.k.Subject.Name), e.k.Subject.slot()
	l := e.c.layer(name)
	n := len(e.sorted)
	if n == 0 {
		why := orElse(e.k.Missing, unmeasured)
		at := point{X: e.x.lo, Y: e.y.lo, DX: 10, DY: -14 - 24*float64(i)}
		marks := append(void(at.shift(0, -9), at.shift(190, 9)), plate(fit(name+": "+why, noteSize, false, 170), fg, noteSize, "left", at.shift(10, 0))...)
		l.add(at, name+"\n"+why, marks...)
		e.c.lack(why)
		e.c.table.Rows = append(e.c.table.Rows, []string{name, "0", strconv.Itoa(e.k.Failed), why, ""})
		return
	}
	e.c.legend(e.k.Subject)
	line := e.steps(maxSteps, 0)
	if e.k.Band > 0 && finite(e.k.Band) {
		low, high := e.steps(maxSteps, -e.k.Band), e.steps(maxSteps, e.k.Band)
		slices.Reverse(high)
		l.add(line[0], "", area(category(slot), append(low, high...)...).faded(.16))
	}
	l.add(line[0], "", path(2, edge(slot), line...).dashed(dashes[slot%len(dashes)]...))
	row := []string{name, grouped(n), strconv.Itoa(max(e.k.Failed, 0))}
	for _, share := range []float64{.5, .9} {
		rank := int(math.Ceil(share*e.total())) - 1
		if rank >= n {
			row = append(row, "never: too many failed")
			continue
		}
		v := e.sorted[max(rank, 0)]
		said := withUnit(number(v*e.x.unit.Factor, 3), e.x.unit.Symbol)
		at := point{X: e.x.at(v), Y: e.y.at(e.share(max(rank, 0), 0))}
		l.add(at, fmt.Sprintf("%s\n%.0f %% of calls: %s or less\nn = %s, %s failed", name, share*100, said, grouped(n), grouped(max(e.k.Failed, 0))),
			marker(slot, 5.5, category(slot), edge(slot), at))
		row = append(row, said)
	}
	e.c.table.Rows = append(e.c.table.Rows, row)
}

func (e ecdf) total() float64 { return float64(len(e.sorted) + max(e.k.Failed, 0)) }

// share is the height of the curve at a rank, moved by a band within 0 … 1.
func (e ecdf) share(rank int, by float64) float64 {
	return min(max(float64(rank+1)/e.total()+by, 0), 1)
}

// steps is the curve as corners, thinned by rank; the
// curve itself begins at the left end and runs on to the right one.
func (e ecdf) steps(most int, by float64) []point {
	n := len(e.sorted)
	few := min(n, most)
	before := min(max(by, 0), 1)
	var corners []point
	if by == 0 {
		corners = append(corners, point{X: e.x.lo, Y: e.y.at(0)})
	}
	for i := range few {
		rank := i
		if few < n {
			rank = i * (n - 1) / (few - 1)
		}
		x := e.x.at(e.sorted[rank])
		corners = append(corners, point{X: x, Y: e.y.at(before)}, point{X: x, Y: e.y.at(e.share(rank, by))})
		before = e.share(rank, by)
	}
	if by != 0 {
		return corners
	}
	e.c.thinned(few, n, "evenly by rank, with both ends")
	return append(corners, point{X: e.x.hi, Y: e.y.at(before)})
}
