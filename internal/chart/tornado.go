package chart

import (
	"math"
	"slices"
)

// Tornado shows how far each factor moves the metric: a bar from its lowest to
// its highest level, as differences from the mean over all levels, and behind
// it the range that so many levels would span without any effect.
type Tornado struct {
	Head
	Factors []Sensitivity
}

// Sensitivity is one factor. Effects are in the figure's unit; with unit.Ratio
// they are relative and printed in percent.
type Sensitivity struct {
	Factor string
	// Low and High are the levels with the smallest and the largest mean.
	Low, High Level
	// Null is the 95 % limit of the range of level means without an effect; 0 if
	// it is not known.
	Null float64
	// Missing says why the factor has no effect to show, such as aliased levels.
	Missing string
}

// Level is a factor's level with its difference from the mean of all.
type Level struct {
	Name   string
	Effect Value
}

func (s Sensitivity) missing() string {
	for _, why := range []string{clean(s.Missing), s.Low.Effect.missing(), s.High.Effect.missing()} {
		if why != "" {
			return why
		}
	}
	return ""
}

func (s Sensitivity) span() float64 { return s.High.Effect.V - s.Low.Effect.V }

func (f Tornado) plot(c *canvas) {
	factors := slices.Clone(first(c, f.Factors, maxRows, "factors"))
	if len(factors) == 0 {
		return
	}
	slices.SortStableFunc(factors, widestFirst)
	extent := []float64{0}
	var names []string
	var effects []Value
	for _, s := range factors {
		names = append(names, s.Factor)
		if s.missing() != "" {
			continue
		}
		effects = append(effects, s.Low.Effect, s.High.Effect)
		extent = s.High.Effect.extent(s.Low.Effect.extent(extent))
		if finite(s.Null) {
			extent = append(extent, s.Null/2, -s.Null/2)
		}
	}
	printed := axisUnit(c.head.Unit, extent)
	lo, hi := ends(extent)
	room := (hi - lo) * .18 // for the labels at the ends
	s := linearIn(printed, append(extent, lo-room, hi+room), true, 7)
	c.rows(names, 48)
	c.below(s, "effect on "+c.head.label(s))
	c.tabulate(s, "factor", "level")
	l := c.layer("effects")
	for i, x := range factors {
		drawSensitivity(c, l, s, x, float64(i))
	}
	l.add(point{}, "", path(1.4, muted, point{X: s.at(0), Y: -.5}, point{X: s.at(0), Y: float64(len(names)) - .5}))
	c.explain("Lines", effects...)
	c.sayN("for each level", effects...)
}

func widestFirst(a, b Sensitivity) int {
	x, y := a.missing() == "", b.missing() == ""
	switch {
	case x != y && x:
		return -1
	case x != y:
		return 1
	case !x || a.span() == b.span():
		return 0
	case a.span() > b.span():
		return -1
	}
	return 1
}

func drawSensitivity(c *canvas, l *layer, s scale, x Sensitivity, y float64) {
	left, right := point{X: s.lo, Y: y}, point{X: s.hi, Y: y}
	if why := x.missing(); why != "" {
		marks := append(void(left.shift(0, -12), right.shift(0, 12)), plate(fit(why, tickSize, false, 420), fg, tickSize, "left", left.shift(16, 0))...)
		l.add(left, c.tip(x.Factor, Value{Missing: why}, s), marks...)
		c.record(Value{Missing: why}, s, x.Factor, "")
		c.lack(why)
		return
	}
	if finite(x.Null) && x.Null > 0 {
		band := []mark{
			box(card, point{X: s.at(-x.Null / 2), Y: y, DY: -19}, point{X: s.at(x.Null / 2), Y: y, DY: 19}).outlined(muted, 1).dashed(3, 3),
		}
		l.add(left, "", band...)
		c.note("Dashed: the range expected of so many levels without any effect (95 %%); a bar within it is pale.")
	}
	within := x.Null > 0 && math.Abs(x.span()) <= x.Null
	drawLevel(c, l, s, x, x.Low, y, within, -1)
	drawLevel(c, l, s, x, x.High, y, within, 1)
}

// drawLevel draws one half of a bar; side is where its label goes.
func drawLevel(c *canvas, l *layer, s scale, x Sensitivity, level Level, y float64, pale bool, side float64) {
	v := level.Effect
	c.record(v, s, x.Factor, level.Name)
	zero, end := point{X: s.at(0), Y: y, DY: -10}, point{X: s.at(v.V), Y: y, DY: 10}
	fill, outline := decrease, decreaseEdge
	if v.V > 0 {
		fill, outline = increase, increaseEdge
	}
	body := box(fill, zero, end).outlined(outline, 1)
	if pale {
		body = body.faded(.35)
	}
	marks := []mark{body}
	if v.V > 0 {
		marks = append(marks, hatch(7, ground, zero, end).faded(.8))
	}
	reach := v.V
	if lo, hi, ok := v.interval(); ok {
		a, b := point{X: s.at(lo), Y: y}, point{X: s.at(hi), Y: y}
		marks = append(marks, path(4, ground, a, b))
		marks = append(marks, whisker(fg, 1.6, 5, a, b, false)...)
		reach = lo
		if side > 0 {
			reach = hi
		}
	}
	if null := x.Null / 2 * side; finite(null) && null*side > reach*side {
		reach = null
	}
	align := "right"
	if side > 0 {
		align = "left"
	}
	at := point{X: s.at(reach), Y: y, DX: 9 * side}
	text := fit(clean(level.Name), tickSize, false, 130)
	signed := number(v.V*s.unit.Factor, 2)
	if v.V > 0 {
		signed = "+" + signed
	}
	marks = append(marks, words(text, fg, tickSize, align, at.shift(0, -7)),
		words(withUnit(signed, s.unit.Symbol), muted, noteSize, align, at.shift(0, 8)))
	l.add(point{X: end.X, Y: y}, c.tip(x.Factor+" "+level.Name, v, s), marks...)
}
