package chart

import (
	"math"
	"slices"
	"strconv"
)

// Distribution shows every measurement of each group: the outline of its
// density, the points, and the aggregate with its interval. The outline is
// drawn from ten points on and ends where the data end.
type Distribution struct {
	Head
	Groups []Group
}

// Group is one column.
type Group struct {
	Subject Subject
	// Points are the measurements in any order, in the figure's unit.
	Points []float64
	// Value is the aggregate; its reason is shown where Points is empty.
	Value Value
}

// leastDensity is the fewest points whose outline says more than they do.
const leastDensity = 10

func (f Distribution) plot(c *canvas) {
	groups := first(c, f.Groups, 24, "groups")
	if len(groups) == 0 {
		return
	}
	sorted := make([][]float64, len(groups))
	var extent []float64
	var names []string
	var values []Value
	for i, g := range groups {
		sorted[i] = c.finiteOnly(g.Points)
		slices.Sort(sorted[i])
		if n := len(sorted[i]); n > 0 {
			extent = append(extent, sorted[i][0], sorted[i][n-1])
		}
		extent = g.Value.extent(extent)
		names = append(names, g.Subject.Name)
		values = append(values, g.Value)
	}
	s := linear(c.head.Unit, extent, false, 6)
	if wide(extent) {
		s = logarithmic(c.head.Unit, extent)
	}
	name := c.head.Metric
	c.beside(s, axisName(name, s), 300)
	c.columns(names, "")
	c.counts(sorted)
	c.tabulate(s, "group", "points")
	for i, g := range groups {
		c.record(g.Value, s, g.Subject.Name, strconv.Itoa(len(sorted[i])))
		d := distribution{c: c, s: s, x: float64(i), slot: g.Subject.slot(), l: c.layer(clean(g.Subject.Name))}
		d.room = (fullWidth - c.left - c.right) / float64(len(groups)) * .76
		d.draw(g, sorted[i])
	}
	c.note("Outline: density; dots: single measurements.")
	if c.head.Aggregate != "" {
		c.note("Marker: %s.", c.head.Aggregate)
	}
	c.explain("Line", values...)
}

// counts writes n under each column, where the labels lie level.
func (c *canvas) counts(points [][]float64) {
	if c.x.rotate != 0 {
		c.note("n is in the table.")
		return
	}
	for i := range c.x.scale.ticks {
		c.x.scale.ticks[i].Label += "\nn = " + grouped(len(points[i]))
	}
	c.bottom += 14
	c.height += 14
}

type distribution struct {
	c    *canvas
	s    scale
	l    *layer
	x    float64
	slot int
	room float64 // of a column in pixels
}

func (d distribution) draw(g Group, sorted []float64) {
	tip := d.c.tip(g.Subject.Name, g.Value, d.s)
	if len(sorted) == 0 && !g.Value.ok() {
		why := g.Value.missing()
		marks := void(point{X: d.x - .38, Y: d.s.lo}, point{X: d.x + .38, Y: d.s.hi})
		d.l.add(point{X: d.x}, tip, append(marks, block(why, d.room-20, 6, point{X: d.x, Y: (d.s.lo + d.s.hi) / 2})...)...)
		d.c.lack(why)
		return
	}
	at := make([]float64, len(sorted))
	for i, v := range sorted {
		at[i] = d.s.at(v)
	}
	var marks []mark
	if outline := density(at, 72); outline != nil {
		marks = append(marks, d.outline(outline))
	}
	marks = append(marks, d.points(at)...)
	marks = append(marks, d.value(g.Value)...)
	y := d.s.at(g.Value.V)
	if !g.Value.ok() {
		y = at[len(at)/2]
	}
	d.l.add(point{X: d.x, Y: y}, tip, marks...)
}

func (d distribution) outline(shape []point) mark {
	n := len(shape)
	corners := make([]point, 2*n)
	for i, p := range shape {
		corners[i] = point{X: d.x + .38*p.X, Y: p.Y}
		corners[2*n-1-i] = point{X: d.x - .38*p.X, Y: p.Y}
	}
	m := area(category(d.slot), corners...).outlined(edge(d.slot), 1.2)
	return m.faded(.35)
}

func (d distribution) points(at []float64) []mark {
	kept := thin(at, maxPoints)
	d.c.thinned(len(kept), len(at), "evenly by rank, with both ends")
	var marks []mark
	for i, y := range kept {
		marks = append(marks, disc(2.2, edge(d.slot), point{X: d.x + jitter(i)*.26, Y: y}).faded(.55))
	}
	return marks
}

func (d distribution) value(v Value) []mark {
	if !v.ok() {
		return nil
	}
	var marks []mark
	at := func(v float64) point { return point{X: d.x, Y: d.s.at(v)} }
	if lo, hi, ok := v.interval(); ok {
		marks = append(marks, path(6, ground, at(lo), at(hi)))
		marks = append(marks, whisker(fg, 2.2, 6, at(lo), at(hi), true)...)
	}
	return append(marks, marker(d.slot, 6.5, category(d.slot), fg, at(v.V)))
}

// density is the outline of sorted axis coordinates as points (X from 0 to 1, Y
// the coordinate), by a Gaussian kernel of Silverman's width (1986, eq. 3.31)
// over bins, cut at the extremes. It is nil where there is nothing to outline.
func density(sorted []float64, steps int) []point {
	n := len(sorted)
	if n < leastDensity || sorted[0] == sorted[n-1] {
		return nil
	}
	mean, sq := 0.0, 0.0
	for _, v := range sorted {
		mean += v / float64(n)
	}
	for _, v := range sorted {
		sq += (v - mean) * (v - mean) / float64(n-1)
	}
	width := math.Sqrt(sq)
	if iqr := (sorted[3*n/4] - sorted[n/4]) / 1.34; iqr > 0 {
		width = min(width, iqr)
	}
	lo, hi := sorted[0], sorted[n-1]
	width = max(.9*width*math.Pow(float64(n), -.2), (hi-lo)/250)
	const bins = 400
	var count [bins]float64
	for _, v := range sorted {
		count[min(int((v-lo)/(hi-lo)*bins), bins-1)]++
	}
	shape := make([]point, steps)
	top := 0.0
	for i := range shape {
		y := lo + (hi-lo)*float64(i)/float64(steps-1)
		sum := 0.0
		for b, k := range count {
			if k > 0 {
				u := (y - lo - (float64(b)+.5)*(hi-lo)/bins) / width
				sum += k * math.Exp(-u*u/2)
			}
		}
		shape[i] = point{X: sum, Y: y}
		top = max(top, sum)
	}
	for i := range shape {
		shape[i].X /= top
	}
	return shape
}
