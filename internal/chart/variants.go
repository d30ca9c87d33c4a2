package chart

import (
	"math"
	"slices"

	"chimera/internal/chart/paint"
)

// Variants compares subjects by one metric, a row each: throughput, time to
// first token warm and cold, load time. The value is a marker on its interval,
// single measurements are pale dots, cold ones crosses in a lane of their own
// or, without an aggregate of their own, beside the value.
type Variants struct {
	Head
	Rows []Variant
	// FromZero starts the axis at zero, as lengths and rates need it. Without
	// it the axis covers the values, by powers of ten if they span many.
	FromZero bool
	// Ratios says that values are multiples of something: printed as such, on a
	// logarithmic axis, where twice and half are equally far from 1.
	Ratios     bool
	References []Reference
}

// Variant is one row. Values and points are in the figure's unit.
type Variant struct {
	Subject Subject
	// Value is the aggregate of warm calls, or of all where there is no such
	// difference; Points are the single measurements behind it, in any order.
	Value  Value
	Points []float64
	// Cold and ColdPoints are the same for calls that loaded the model first. A
	// zero Cold without points draws nothing; give Missing to show it as missing.
	Cold       Value
	ColdPoints []float64
}

func (r Variant) coldLane() bool { return r.Cold.N > 0 || r.Cold.Missing != "" }

const (
	maxRows   = 60  // rows or columns that still can be read
	maxPoints = 160 // single measurements drawn for each subject
)

func (f Variants) plot(c *canvas) {
	rows := first(c, f.Rows, maxRows, "subjects")
	if len(rows) == 0 {
		return
	}
	var names []string
	var extent []float64
	var values []Value
	lanes := false
	for i := range rows {
		rows := rows[i]
		names = append(names, rows.Subject.Name)
		lanes = lanes || rows.coldLane()
		values = append(values, rows.Value, rows.Cold)
		extent = rows.Cold.extent(rows.Value.extent(extent))
		extent = append(append(extent, finitePoints(rows.Points)...), finitePoints(rows.ColdPoints)...)
	}
	s := f.axis(spans(f.References, extent))
	height := 40.0
	if lanes {
		height = 84
	}
	c.rows(names, height)
	c.below(s, c.head.label(s))
	c.tabulate(s, "subject", "calls")
	if !lanes {
		c.tabulate(s, "subject")
	}
	c.right = f.column(c, rows, s) + 22
	c.references(f.References, overRows(s, len(rows)))
	for i, r := range rows {
		v := variantRow{c: c, s: s, l: c.layer(clean(r.Subject.Name)), y: float64(i), slot: r.Subject.slot(), name: r.Subject.Name}
		v.draw(r, lanes)
	}
	c.explain("Thick lines", values...)
}

func (f Variants) axis(extent []float64) scale {
	switch {
	case f.Ratios:
		return logarithmicIn(times, extent)
	case !f.FromZero && wide(extent):
		return logarithmic(f.Unit, extent)
	}
	return linear(f.Unit, extent, f.FromZero, 7)
}

func finitePoints(points []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(points), func(v float64) bool { return !finite(v) })
}

// column returns the width of the numbers at the right.
func (f Variants) column(c *canvas, rows []Variant, s scale) float64 {
	wide := 60.0
	for _, r := range rows {
		for _, v := range []Value{r.Value, r.Cold} {
			if v.ok() {
				wide = max(wide, paint.Width(v.print(s.unit), tickSize, false), paint.Width(v.count()+"  cold", noteSize, false))
			}
		}
	}
	return min(wide, 260)
}

type variantRow struct {
	c    *canvas
	s    scale
	l    *layer
	y    float64
	slot int
	name string
}

func (v variantRow) draw(r Variant, lanes bool) {
	up, down := 0.0, 0.0
	if lanes {
		up, down = -19, 19
	}
	v.points(r.Points, up, false)
	v.value(r.Value, up, false, lanes)
	if lanes && r.coldLane() {
		v.points(r.ColdPoints, down, true)
		v.value(r.Cold, down, true, lanes)
		return
	}
	v.points(r.ColdPoints, up+11, true)
	if len(r.ColdPoints) > 0 {
		v.c.note("× is a cold call: it loaded the model and is in no aggregate.")
	}
}

func (v variantRow) at(x, dy float64) point { return point{X: v.s.at(x), Y: v.y, DY: dy} }

func (v variantRow) points(points []float64, dy float64, cold bool) {
	all := v.c.finiteOnly(points)
	slices.Sort(all)
	kept := thin(all, maxPoints)
	v.c.thinned(len(kept), len(all), "evenly by rank, with both ends")
	var marks []mark
	for i, p := range kept {
		if cold {
			marks = append(marks, cross(3.5, muted, v.at(p, dy))...)
			continue
		}
		marks = append(marks, disc(2.6, edge(v.slot), v.at(p, dy+jitter(i)*15)).faded(.5))
	}
	if len(marks) > 0 {
		v.l.add(v.at(kept[0], dy), "", marks...)
	}
}

func (v variantRow) value(val Value, dy float64, cold, lanes bool) {
	names := []string{v.name}
	label := v.name
	if lanes {
		kind := "warm"
		if cold {
			kind = "cold"
		}
		names, label = append(names, kind), v.name+", "+kind
	}
	v.c.record(val, v.s, names...)
	tip := v.c.tip(label, val, v.s)
	left, right := point{X: v.s.lo, Y: v.y}, point{X: v.s.hi, Y: v.y}
	if why := val.missing(); why != "" {
		a, b := left.shift(0, dy-9), right.shift(0, dy+9)
		marks := append(void(a, b), plate(fit(why, tickSize, false, 250), fg, tickSize, "left", left.shift(16, dy))...)
		v.l.add(left, tip, marks...)
		v.c.lack(why)
		return
	}
	fill := category(v.slot)
	if cold {
		fill = ground
	}
	var marks []mark
	if lo, hi, ok := val.interval(); ok {
		marks = append(marks, whisker(edge(v.slot), 2.5, 5, v.at(lo, dy), v.at(hi, dy), false)...)
	}
	marks = append(marks, marker(v.slot, 6, fill, edge(v.slot), v.at(val.V, dy)))
	n := val.count()
	if lanes {
		n = names[1] + ", " + n
	}
	step := 7.0
	marks = append(marks, words(fit(val.print(v.s.unit), tickSize, false, 260), fg, tickSize, "left", right.shift(16, dy-step)),
		words(n, muted, noteSize, "left", right.shift(16, dy+step)))
	v.l.add(v.at(val.V, dy), tip, marks...)
}

// jitter spreads points that would hide each other: a sequence within ±0.5 that
// never clusters (multiples of the golden ratio).
func jitter(i int) float64 {
	_, frac := math.Modf(float64(i) * math.Phi)
	return frac - .5
}
