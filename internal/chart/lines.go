package chart

import (
	"slices"
	"strconv"

	"chimera/internal/unit"
)

// Interaction shows one factor on the axis and a line for each level of
// another: lines that are not parallel are an interaction.
type Interaction struct {
	Head
	// XName names the factor on the axis, X its levels in order.
	XName string
	X     []string
	Lines []Line
}

// Line is one level of the other factor, or one subject. Values follow X.
type Line struct {
	Subject Subject
	Values  []Value
}

// lane is how high the strip under an area is in which missing values lie.
const lane = 16.0

func (f Interaction) plot(c *canvas) {
	xs, lines := first(c, f.X, 30, "levels"), first(c, f.Lines, 12, "lines")
	if len(xs) == 0 || len(lines) == 0 {
		return
	}
	var extent []float64
	var all []Value
	for _, l := range lines {
		for i := range xs {
			v := at([][]Value{l.Values}, 0, i)
			all = append(all, v)
			extent = v.extent(extent)
		}
	}
	s := linear(c.head.Unit, extent, false, 6)
	c.beside(s, c.head.label(s), 280)
	c.columns(xs, f.XName)
	if slices.ContainsFunc(all, func(v Value) bool { return !v.ok() }) {
		c.strip()
	}
	c.tabulate(s, "line", orElse(f.XName, "level"))
	for j, l := range lines {
		c.legend(l.Subject)
		t := trace{c: c, s: s, l: c.layer(clean(l.Subject.Name)), slot: l.Subject.slot(), name: l.Subject.Name, whisk: true}
		for i, x := range xs {
			v := at([][]Value{l.Values}, 0, i)
			c.record(v, s, l.Subject.Name, x)
			t.add(float64(i), (float64(j)-float64(len(lines)-1)/2)*8, x, v)
		}
		t.end()
	}
	c.explain("Lines at the markers", all...)
	c.sayN("for each marker", all...)
}

// strip leaves room under the area for missing values.
func (c *canvas) strip() {
	c.bottom += lane
	c.height += int(lane)
	c.x.margin += lane
	c.x.gap += lane
}

// trace draws a series of values: a line that breaks where one is missing.
type trace struct {
	c     *canvas
	s     scale
	l     *layer
	slot  int
	name  string
	whisk bool // intervals as whiskers, else as a band
	small bool // markers left out
	step  float64
	run   []point
	lows  []point
	highs []point
	tips  []item
}

func (t *trace) add(x, dx float64, label string, v Value) {
	tip := t.c.tip(t.name+", "+label, v, t.s)
	at := func(v float64) point { return point{X: x, Y: t.s.at(v), DX: dx} }
	if why := v.missing(); why != "" {
		t.flush()
		a := point{X: x, Y: t.s.lo, DX: dx - 7, DY: 4}
		if !t.whisk {
			a.X, a.DX = x-t.step/2, 0
		}
		b := a.shift(14, lane-6)
		if !t.whisk {
			b.X, b.DX = x+t.step/2, 0
		}
		t.tips = append(t.tips, item{At: [2]num{num(x), num(t.s.lo)}, Tip: tip, Marks: void(a, b)})
		t.c.lack(why)
		return
	}
	p := at(v.V)
	t.run = append(t.run, p)
	var marks []mark
	if lo, hi, ok := v.interval(); ok {
		if t.whisk {
			marks = whisker(edge(t.slot), 1.8, 4, at(lo), at(hi), true)
		} else {
			t.lows, t.highs = append(t.lows, at(lo)), append(t.highs, at(hi))
		}
	} else if !t.whisk {
		t.lows, t.highs = append(t.lows, p), append(t.highs, p)
	}
	r := 5.0
	if t.small {
		r = 2.2
	}
	marks = append(marks, marker(t.slot, r, category(t.slot), edge(t.slot), p))
	t.tips = append(t.tips, item{At: [2]num{num(p.X), num(p.Y)}, Tip: tip, Marks: marks})
}

// flush draws what has been joined so far.
func (t *trace) flush() {
	if len(t.run) > 1 {
		if len(t.lows) > 1 {
			slices.Reverse(t.highs)
			t.l.add(t.run[0], "", area(category(t.slot), append(t.lows, t.highs...)...).faded(.22))
		}
		t.l.add(t.run[0], "", path(2, edge(t.slot), t.run...))
	}
	t.run, t.lows, t.highs = nil, nil, nil
}

func (t *trace) end() {
	t.flush()
	t.l.Items = append(t.l.Items, t.tips...)
}

// Stability shows a value over the course of a run: for each block or stretch
// of time its aggregate with its own interval, as a band.
type Stability struct {
	Head
	// XName and XUnit name the axis: "block", or "time" in seconds.
	XName  string
	XUnit  unit.Unit
	Series []Series
}

// Series is one subject's course, in ascending order of At.
type Series struct {
	Subject Subject
	Moments []Moment
}

// Moment is one block or stretch, At its place on the axis in XUnit.
type Moment struct {
	At    float64
	Value Value
}

// maxMoments is as many as have a pixel each.
const maxMoments = 400

func (f Stability) plot(c *canvas) {
	series := slices.Clone(first(c, f.Series, 8, "series"))
	var extent, places []float64
	var all []Value
	for i := range series {
		series[i].Moments = c.moments(series[i].Moments)
	}
	for _, r := range series {
		for _, m := range r.Moments {
			places = append(places, m.At)
			all = append(all, m.Value)
			extent = m.Value.extent(extent)
		}
	}
	if len(places) == 0 {
		return
	}
	s := linear(c.head.Unit, extent, false, 6)
	x := linear(f.XUnit, places, false, 10)
	lo, hi := ends(places)
	step := (hi - lo) / float64(max(1, len(places)/max(1, len(series))-1)) * x.unit.Factor
	x.lo, x.hi = lo*x.unit.Factor-max(step/2, (x.hi-x.lo)*.01), hi*x.unit.Factor+max(step/2, (x.hi-x.lo)*.01)
	x.ticks = slices.DeleteFunc(x.ticks, func(t tick) bool { return float64(t.At) < x.lo || float64(t.At) > x.hi })
	c.beside(s, c.head.label(s), 280)
	c.below(x, axisName(f.XName, x))
	if slices.ContainsFunc(all, func(v Value) bool { return !v.ok() }) {
		c.strip()
	}
	c.tabulate(s, "series", orElse(f.XName, "place"))
	for _, r := range series {
		c.legend(r.Subject)
		t := trace{c: c, s: s, l: c.layer(clean(r.Subject.Name)), slot: r.Subject.slot(), name: r.Subject.Name, small: len(r.Moments) > 40, step: step}
		for _, m := range r.Moments {
			label := strconv.FormatFloat(m.At*x.unit.Factor, 'g', 4, 64)
			c.record(m.Value, s, r.Subject.Name, label)
			t.add(x.at(m.At), 0, clean(f.XName)+" "+label, m.Value)
		}
		t.end()
	}
	c.explain("Bands", all...)
	c.sayN("for each point", all...)
}

// moments drops places that are no numbers and keeps as many as can be seen.
func (c *canvas) moments(all []Moment) []Moment {
	kept := slices.DeleteFunc(slices.Clone(all), func(m Moment) bool { return !finite(m.At) })
	c.odd += len(all) - len(kept)
	if len(kept) > maxMoments {
		few := make([]Moment, maxMoments)
		for i := range few {
			few[i] = kept[i*(len(kept)-1)/(maxMoments-1)]
		}
		c.thinned(maxMoments, len(kept), "evenly along the axis")
		return few
	}
	c.thinned(len(kept), len(kept), "evenly along the axis")
	return kept
}
