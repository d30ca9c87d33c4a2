package chart

import (
	"slices"

	"chimera/internal/chart/paint"
)

// Speedups shows one ratio by several aggregates side by side, so that a mean
// that one cold call has moved is seen beside the median: fused against
// separate kernels by minimum, median and mean of the times.
type Speedups struct {
	Head
	// By names the aggregates, at most five: "minimum", "median", "mean".
	By   []string
	Rows []Speedup
	// References stand beside the line of equal speed, which is always there; one
	// at 1 says what equal means instead.
	References []Reference
}

// Speedup is one row; Values follow By, as ratios: 2 is twice as fast.
type Speedup struct {
	Name   string
	Values []Value
	// Note is written below the name: "1 of 30 calls took 40 times the median".
	Note string
}

func (f Speedups) plot(c *canvas) {
	by, rows := first(c, f.By, 5, "aggregates"), first(c, f.Rows, 40, "rows")
	if len(by) == 0 || len(rows) == 0 {
		return
	}
	refs := f.References
	if !slices.ContainsFunc(refs, func(r Reference) bool { return r.From == 1 && r.To == 1 }) {
		refs = append([]Reference{{"equally fast", 1, 1}}, refs...)
	}
	extent := spans(refs, nil)
	var names []string
	var all []Value
	for _, r := range rows {
		names = append(names, r.Name)
		for j := range by {
			v := at([][]Value{r.Values}, 0, j)
			all = append(all, v)
			extent = v.extent(extent)
		}
	}
	s := linearIn(times, extent, true, 8)
	if wide(extent) {
		s = logarithmicIn(times, extent)
	}
	step := 20.0
	c.rows(names, step*float64(len(by))+16)
	c.below(s, c.head.label(s))
	c.right = 190
	c.tabulate(s, "kernel", "aggregate")
	for j, b := range by {
		slot := j
		c.legend(Subject{Name: b, Slot: slot})
		l := c.layer(clean(b))
		for i, r := range rows {
			v := at([][]Value{r.Values}, 0, j)
			c.record(v, s, r.Name, b)
			c.dot(l, v, s, slot, float64(i), (float64(j)-float64(len(by)-1)/2)*step, r.Name+", "+b)
		}
	}
	c.references(refs, overRows(s, len(rows)))
	c.explain("Lines", all...)
	c.sayN("for each value", all...)
	for _, r := range rows {
		if n := clean(r.Note); n != "" {
			c.note("%s: %s.", shorten(clean(r.Name), 40), shorten(n, 120))
		}
	}
}

// dot draws a value of a row at dy pixels from its middle, with its number at
// the right.
func (c *canvas) dot(l *layer, v Value, s scale, slot int, y, dy float64, name string) {
	tip := c.tip(name, v, s)
	left, right := point{X: s.lo, Y: y, DY: dy}, point{X: s.hi, Y: y, DY: dy}
	if why := v.missing(); why != "" {
		marks := append(void(left.shift(0, -8), right.shift(0, 8)), plate(fit(why, noteSize, false, 320), fg, noteSize, "left", left.shift(14, 0))...)
		l.add(left, tip, marks...)
		c.lack(why)
		return
	}
	var marks []mark
	if lo, hi, ok := v.interval(); ok {
		marks = append(marks, whisker(edge(slot), 2.2, 4, point{X: s.at(lo), Y: y, DY: dy}, point{X: s.at(hi), Y: y, DY: dy}, false)...)
	}
	at := point{X: s.at(v.V), Y: y, DY: dy}
	marks = append(marks, marker(slot, 5.5, category(slot), edge(slot), at),
		words(fit(v.print(s.unit), noteSize, false, c.right-20), fg, noteSize, "left", right.shift(14, 0)))
	l.add(at, tip, marks...)
}

// Kernels compares implementations on several shapes: a bar for each from zero,
// with its interval. A kernel that fails its accuracy check has no speed: give
// it a Missing value with the reason.
type Kernels struct {
	Head
	Shapes   []string
	Subjects []Subject
	// Values[i][j] is shape i, subject j.
	Values [][]Value
}

func (f Kernels) plot(c *canvas) {
	subjects := first(c, f.Subjects, 12, "kernels")
	if len(subjects) == 0 || len(f.Shapes) == 0 {
		return
	}
	shapes := first(c, f.Shapes, max(1, 96/len(subjects)), "shapes")
	var extent []float64
	var all []Value
	for i := range shapes {
		for j := range subjects {
			v := at(f.Values, i, j)
			all = append(all, v)
			extent = v.extent(extent)
		}
	}
	s := linear(c.head.Unit, extent, true, 7)
	step := 23.0
	c.rows(shapes, step*float64(len(subjects))+18)
	c.below(s, c.head.label(s))
	for _, v := range all {
		if v.ok() {
			c.right = min(240, max(c.right, paint.Width(v.print(s.unit), noteSize, false)+paint.Width(v.count(), noteSize, false)+38))
		}
	}
	c.tabulate(s, "shape", "kernel")
	for j, sub := range subjects {
		c.woven(sub)
		l := c.layer(clean(sub.Name))
		for i, shape := range shapes {
			v := at(f.Values, i, j)
			c.record(v, s, shape, sub.Name)
			dy := (float64(j) - float64(len(subjects)-1)/2) * step
			c.level(l, v, s, sub.slot(), float64(i), dy, shape+", "+sub.Name)
		}
	}
	c.explain("Lines on the bars", all...)
}

// level draws a bar of a row at dy pixels from its middle.
func (c *canvas) level(l *layer, v Value, s scale, slot int, y, dy float64, name string) {
	if !v.ok() {
		c.dot(l, v, s, slot, y, dy, name)
		return
	}
	a, b := point{X: s.at(0), Y: y, DY: dy - 8}, point{X: s.at(v.V), Y: y, DY: dy + 8}
	marks := bar(slot, a, b)
	if lo, hi, ok := v.interval(); ok {
		from, to := point{X: s.at(lo), Y: y, DY: dy}, point{X: s.at(hi), Y: y, DY: dy}
		marks = append(marks, path(4, ground, from, to))
		marks = append(marks, whisker(fg, 1.6, 4, from, to, false)...)
	}
	text := v.print(s.unit)
	right := point{X: s.hi, Y: y, DX: 14, DY: dy}
	marks = append(marks, words(fit(text, noteSize, false, 150), fg, noteSize, "left", right),
		words(v.count(), muted, noteSize, "left", right.shift(paint.Width(fit(text, noteSize, false, 150), noteSize, false)+9, 0)))
	l.add(b, c.tip(name, v, s), marks...)
}
