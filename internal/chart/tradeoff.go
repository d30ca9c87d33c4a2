package chart

import (
	"cmp"
	"math"
	"slices"

	"chimera/internal/chart/paint"
	"chimera/internal/unit"
)

// Axis names one of several measures in a figure.
type Axis struct {
	Name string
	Unit unit.Unit
	// Better is +1 if more is better, −1 if less is, 0 if neither.
	Better int
	// Log makes the axis logarithmic, if all its values are positive.
	Log bool
}

// Standing is what the comparison found about a point; it takes intervals into
// account, so it comes from the caller.
type Standing int

// The standings of a point among others.
const (
	Unjudged  Standing = iota
	Efficient          // on the front: nothing is better in both
	Tied               // not shown to be worse than the front
	Dominated          // something is better in one and not worse in the other
)

// rank is in which order names find their places.
func (s Standing) rank() int { return (int(s) + 3) % 4 }

func (s Standing) String() string {
	return [...]string{"", "on the front", "tied with the front", "dominated"}[min(max(s, 0), 3)]
}

// TradeOff shows options by two measures with both intervals, and a third by
// the area of a circle. With standings it is a Pareto front: those that are
// dominated are pale, a line joins the front.
type TradeOff struct {
	Head
	X, Y Axis
	// Size is the third measure; no name draws all markers alike.
	Size    Axis
	Options []Option
}

// Option is one point.
type Option struct {
	Subject    Subject
	X, Y, Size Value
	Standing   Standing
}

func (o Option) missing() string {
	if why := o.X.missing(); why != "" {
		return why
	}
	return o.Y.missing()
}

// measure returns an axis over the values of options.
func (a Axis) measure(values []Value, n int) scale {
	var extent []float64
	for _, v := range values {
		extent = v.extent(extent)
	}
	positive := len(extent) > 0 && !slices.ContainsFunc(extent, func(v float64) bool { return v <= 0 })
	printed := axisUnit(a.Unit, extent)
	if positive && (a.Log || wide(extent)) {
		return logarithmicIn(printed, extent)
	}
	return linearIn(printed, extent, false, n)
}

// label names the axis and says which way is better; up and down are the
// arrows of an axis in the drawing.
func (a Axis) label(s scale, down, up string) string {
	name := axisName(a.Name, s)
	switch {
	case a.Better > 0:
		return name + "   better " + up
	case a.Better < 0:
		return down + " better   " + name
	}
	return name
}

const maxBubble = 24.0

func (f TradeOff) plot(c *canvas) {
	options := first(c, f.Options, 80, "options")
	if len(options) == 0 {
		return
	}
	var xs, ys, sizes []Value
	gaps := false
	for _, o := range options {
		if o.missing() != "" {
			gaps = true
			continue
		}
		xs, ys, sizes = append(xs, o.X), append(ys, o.Y), append(sizes, o.Size)
	}
	t := tradeOff{c: c, f: f, x: f.X.measure(xs, 8), y: f.Y.measure(ys, 6)}
	for _, v := range sizes {
		if v.ok() {
			t.largest = max(t.largest, v.V)
		}
	}
	t.widen(&t.x, .06)
	t.widen(&t.y, .08)
	c.beside(t.y, f.Y.label(t.y, "←", "→"), 340)
	c.below(t.x, f.X.label(t.x, "←", "→"))
	c.right = 40
	if gaps {
		c.strip()
	}
	c.fixed = len(options) > 8
	c.table.Head = []string{"subject", withUnit(clean(f.X.Name)+",", t.x.unit.Symbol), withUnit(clean(f.Y.Name)+",", t.y.unit.Symbol), clean(f.Size.Name), "n", "standing"}
	t.draw(options, t.front(options))
	c.explain("Crosses", append(xs, ys...)...)
	c.sayN("for each value", append(xs, ys...)...)
	if slices.ContainsFunc(options, func(o Option) bool { return o.Standing != Unjudged }) {
		c.note("Filled: on the front; ring: not shown to be worse; pale: dominated beyond its interval.")
	}
	if f.Size.Name != "" && t.largest > 0 {
		s := axisUnit(f.Size.Unit, []float64{t.largest})
		c.note("Area of a circle: %s, the largest %s.", clean(f.Size.Name), withUnit(number(t.largest*s.Factor, 3), s.Symbol))
	}
}

type tradeOff struct {
	c       *canvas
	f       TradeOff
	x, y    scale
	largest float64
}

// widen leaves room for circles and names at the ends.
func (t *tradeOff) widen(s *scale, by float64) {
	d := (s.hi - s.lo) * by
	s.lo, s.hi = s.lo-d, s.hi+d
}

func (t *tradeOff) at(x, y float64) point { return point{X: t.x.at(x), Y: t.y.at(y)} }

// front joins the efficient options by steps: what is better in both than a
// corner was not measured.
func (t *tradeOff) front(options []Option) []point {
	var on []Option
	for _, o := range options {
		if o.Standing == Efficient && o.missing() == "" {
			on = append(on, o)
		}
	}
	if len(on) < 2 {
		return nil
	}
	slices.SortStableFunc(on, func(a, b Option) int { return cmp.Compare(a.X.V, b.X.V) })
	var line []point
	for i, o := range on {
		if i > 0 {
			corner := t.at(o.X.V, on[i-1].Y.V)
			if t.f.X.Better > 0 {
				corner = t.at(on[i-1].X.V, o.Y.V)
			}
			line = append(line, corner)
		}
		line = append(line, t.at(o.X.V, o.Y.V))
	}
	t.c.layer("front").add(line[0], "", path(1.6, muted, line...).dashed(6, 4))
	return line
}

func (t *tradeOff) radius(o Option) float64 {
	if t.f.Size.Name == "" || t.largest <= 0 || !o.Size.ok() || o.Size.V <= 0 {
		return 0
	}
	return max(3, maxBubble*math.Sqrt(o.Size.V/t.largest))
}

func (t *tradeOff) draw(options []Option, front []point) {
	order := slices.Clone(options)
	slices.SortStableFunc(order, func(a, b Option) int {
		return cmp.Or(cmp.Compare(t.radius(b), t.radius(a)), cmp.Compare(a.Standing.rank(), b.Standing.rank()))
	})
	labels := newLabels(t.c, t.x, t.y)
	for _, o := range order {
		if o.missing() == "" {
			labels.block(t.at(o.X.V, o.Y.V), max(6, t.radius(o)*.7))
			if lo, hi, ok := o.X.interval(); ok {
				labels.line(t.at(lo, o.Y.V), t.at(hi, o.Y.V))
			}
			if lo, hi, ok := o.Y.interval(); ok {
				labels.line(t.at(o.X.V, lo), t.at(o.X.V, hi))
			}
		}
	}
	for i := 1; i < len(front); i++ {
		labels.line(front[i-1], front[i])
	}
	gap := 0.0
	for _, o := range order {
		name := clean(o.Subject.Name)
		l := t.c.layer(name)
		if why := o.missing(); why != "" {
			at := point{X: t.x.lo, Y: t.y.lo, DX: gap + 4, DY: 4}
			marks := void(at, at.shift(14, lane-4))
			gap += 22
			if gap < 500 {
				short := fit(name, noteSize, false, 120)
				marks = append(marks, words(short, muted, noteSize, "left", at.shift(19, 6)))
				gap += paint.Width(short, noteSize, false) + 8
			}
			l.add(at, name+"\n"+why, marks...)
			t.c.lack(shorten(name, 40) + ": " + why)
		} else {
			l.add(t.at(o.X.V, o.Y.V), t.tip(o), append(t.marks(o), labels.place(name, t.at(o.X.V, o.Y.V), max(7, t.radius(o)))...)...)
		}
	}
	if labels.left > 0 {
		t.c.note("Names that would hide others, in the table alone: %d.", labels.left)
	}
	for _, o := range options {
		t.row(o)
	}
}

func (t *tradeOff) marks(o Option) []mark {
	slot, at := o.Subject.slot(), t.at(o.X.V, o.Y.V)
	var marks []mark
	if r := t.radius(o); r > 0 {
		marks = append(marks, disc(r, category(slot), at).faded(.22), disc(r, "none", at).outlined(edge(slot), 1.2))
	}
	if lo, hi, ok := o.X.interval(); ok {
		marks = append(marks, whisker(edge(slot), 1.6, 3, t.at(lo, o.Y.V), t.at(hi, o.Y.V), false)...)
	}
	if lo, hi, ok := o.Y.interval(); ok {
		marks = append(marks, whisker(edge(slot), 1.6, 3, t.at(o.X.V, lo), t.at(o.X.V, hi), true)...)
	}
	m := marker(slot, 6, category(slot), edge(slot), at)
	switch o.Standing {
	case Tied:
		m = marker(slot, 6, ground, edge(slot), at)
		m.Style.Width = 2.2
	case Dominated:
		for i := range marks {
			if marks[i].Style.Opacity == 0 {
				marks[i] = marks[i].faded(.5)
			}
		}
		m = marker(slot, 5, ground, edge(slot), at).faded(.55)
	}
	return append(marks, m)
}

func (t *tradeOff) tip(o Option) string {
	name := o.Subject.Name
	if s := o.Standing.String(); s != "" {
		name += " (" + s + ")"
	}
	tip := clean(name)
	for _, m := range []struct {
		axis Axis
		v    Value
	}{{t.f.X, o.X}, {t.f.Y, o.Y}, {t.f.Size, o.Size}} {
		if m.axis.Name == "" {
			continue
		}
		s := axisUnit(m.axis.Unit, m.v.extent(nil))
		tip += "\n" + clean(m.axis.Name) + ": " + m.v.print(s)
		if m.v.ok() {
			tip = withUnit(tip, s.Symbol) + ", " + m.v.count()
		}
	}
	return tip
}

func (t *tradeOff) row(o Option) {
	size := ""
	if t.f.Size.Name != "" {
		s := axisUnit(t.f.Size.Unit, []float64{t.largest})
		size = o.Size.print(s)
		if o.Size.ok() {
			size = withUnit(size, s.Symbol)
		}
	}
	n := grouped(o.X.N)
	if o.Y.N != o.X.N {
		n += " and " + grouped(o.Y.N)
	}
	t.c.table.Rows = append(t.c.table.Rows, []string{clean(o.Subject.Name), o.X.print(t.x.unit), o.Y.print(t.y.unit), size, n, o.Standing.String()})
}

// labels puts names beside points so that they touch neither each other nor
// another point, as far as there is room.
type labels struct {
	x, y   scale
	w, h   float64
	placed [][4]float64
	left   int // names without a place
}

func newLabels(c *canvas, x, y scale) *labels {
	return &labels{x: x, y: y, w: fullWidth - c.left - c.right, h: float64(c.height) - c.top - c.bottom}
}

// pixel returns the place in the area, y downwards.
func (l *labels) pixel(p point) (x, y float64) {
	return (p.X-l.x.lo)/(l.x.hi-l.x.lo)*l.w + p.DX, (l.y.hi-p.Y)/(l.y.hi-l.y.lo)*l.h + p.DY
}

func (l *labels) block(p point, r float64) {
	x, y := l.pixel(p)
	l.placed = append(l.placed, [4]float64{x - r, y - r, x + r, y + r})
}

// line keeps names off a line that is level or upright.
func (l *labels) line(a, b point) {
	x0, y0 := l.pixel(a)
	x1, y1 := l.pixel(b)
	l.placed = append(l.placed, [4]float64{min(x0, x1) - 3, min(y0, y1) - 3, max(x0, x1) + 3, max(y0, y1) + 3})
}

func (l *labels) place(name string, p point, r float64) []mark {
	name = fit(name, tickSize, false, 170)
	w, h := paint.Width(name, tickSize, false), 15.0
	px, py := l.pixel(p)
	type spot struct {
		dx, dy float64
		align  string
	}
	spots := []spot{{r + 5, 0, "left"}, {-r - 5, 0, "right"}, {0, -r - 10, "center"}, {0, r + 10, "center"},
		{r + 3, -r - 4, "left"}, {r + 3, r + 4, "left"}, {-r - 3, -r - 4, "right"}, {-r - 3, r + 4, "right"}}
	best, least := spots[0], math.Inf(1)
	var taken [4]float64
	for i, s := range spots {
		x0 := px + s.dx
		switch s.align {
		case "right":
			x0 -= w
		case "center":
			x0 -= w / 2
		}
		b := [4]float64{x0, py + s.dy - h/2, x0 + w, py + s.dy + h/2}
		cost := float64(i) * .5
		for _, o := range l.placed {
			cost += max(0, min(b[2], o[2])-max(b[0], o[0])) * max(0, min(b[3], o[3])-max(b[1], o[1]))
		}
		if b[0] < 0 || b[2] > l.w+36 || b[1] < 0 || b[3] > l.h {
			cost += 5e3
		}
		if cost < least {
			best, least, taken = s, cost, b
		}
	}
	if least > 160 { // no place where it could be read
		l.left++
		return nil
	}
	l.placed = append(l.placed, taken)
	return []mark{words(name, fg, tickSize, best.align, p.shift(best.dx, best.dy)).haloed()}
}
