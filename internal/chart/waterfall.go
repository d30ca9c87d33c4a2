package chart

import (
	"math"
	"slices"
)

// Waterfall shows how a size is made: from a start through steps that are added
// or saved, with their true signs, to what remains.
type Waterfall struct {
	Head
	// From and To name the first and the last bar.
	From, To   string
	Start, End Value
	Steps      []Step
}

// Step is a difference in the figure's unit: negative where something is saved.
type Step struct {
	Name  string
	Delta Value
}

func (f Waterfall) plot(c *canvas) {
	steps := first(c, f.Steps, 24, "steps")
	if len(steps) == 0 {
		return
	}
	names := []string{orElse(f.From, "start")}
	extent := f.Start.extent([]float64{0})
	extent = f.End.extent(extent)
	sum, whole := f.Start.V, f.Start.ok() && f.End.ok()
	for _, s := range steps {
		names = append(names, s.Name)
		if !s.Delta.ok() {
			whole = false
			continue
		}
		sum += s.Delta.V
		extent = append(extent, sum)
	}
	names = append(names, orElse(f.To, "sum"))
	room := (slices.Max(extent) - slices.Min(extent)) * .06
	s := linearIn(axisUnit(c.head.Unit, extent), append(extent, slices.Max(extent)+room, slices.Min(extent)-room*min(1, math.Abs(slices.Min(extent)))), true, 6)
	c.beside(s, c.head.label(s), 290)
	c.columns(names, "")
	c.tabulate(s, "step")
	w := waterfall{c: c, s: s, l: c.layer("sizes")}
	if most := max(math.Abs(slices.Max(extent)), math.Abs(slices.Min(extent))) * s.unit.Factor; most > 0 && most < 1e6 {
		w.places = max(0, 2-int(math.Floor(math.Log10(most))))
	}
	w.total(0, f.Start, names[0])
	at := f.Start.V
	if !f.Start.ok() {
		at = 0
	}
	for i, step := range steps {
		at = w.step(float64(i+1), at, step)
	}
	w.total(float64(len(names)-1), f.End, names[len(names)-1])
	values := []Value{f.Start, f.End}
	for _, step := range steps {
		values = append(values, step.Delta)
	}
	c.explain("Lines on the bars", values...)
	c.sayN("for each bar", values...)
	c.note("Blue: saved; orange and hatched: added.")
	if whole && math.Abs(sum-f.End.V) > .005*max(math.Abs(sum), math.Abs(f.End.V)) {
		c.note("The steps do not add up to the last bar.")
	}
}

type waterfall struct {
	c      *canvas
	s      scale
	l      *layer
	places int // of the numbers, the same for all
}

func (w waterfall) gap(x float64, why, name string) {
	a, b := point{X: x - .36, Y: w.s.lo}, point{X: x + .36, Y: w.s.hi}
	marks := append(void(a, b), block(why, 90, 6, point{X: x, Y: (w.s.lo + w.s.hi) / 2})...)
	w.l.add(a, w.c.tip(name, Value{Missing: why}, w.s), marks...)
	w.c.lack(why)
}

func (w waterfall) total(x float64, v Value, name string) {
	w.c.record(v, w.s, name)
	if why := v.missing(); why != "" {
		w.gap(x, why, name)
		return
	}
	top := point{X: x + .36, Y: w.s.at(v.V)}
	marks := []mark{
		box(muted, point{X: x - .36, Y: w.s.at(0)}, top).outlined(fg, 1),
		words(w.number(v.V), fg, tickSize, "center", point{X: x, Y: w.s.at(max(v.V, 0)), DY: -10}).haloed(),
	}
	marks = append(marks, w.interval(x, 0, v)...)
	w.l.add(top, w.c.tip(name, v, w.s), marks...)
}

func (w waterfall) number(v float64) string {
	if v *= w.s.unit.Factor; math.Abs(v) < 1e6 {
		return fixed(v, w.places)
	}
	return number(v, 3)
}

// interval draws that of a value that stands on base.
func (w waterfall) interval(x, base float64, v Value) []mark {
	lo, hi, ok := v.interval()
	if !ok {
		return nil
	}
	a, b := point{X: x, Y: w.s.at(base + lo)}, point{X: x, Y: w.s.at(base + hi)}
	return append([]mark{path(4, ground, a, b)}, whisker(fg, 1.6, 5, a, b, true)...)
}

// step draws one difference from at and returns where it ends.
func (w waterfall) step(x, at float64, s Step) float64 {
	w.c.record(s.Delta, w.s, s.Name)
	if why := s.Delta.missing(); why != "" {
		w.gap(x, why, s.Name)
		return at
	}
	end := at + s.Delta.V
	fill, outline := decrease, decreaseEdge
	if s.Delta.V > 0 {
		fill, outline = increase, increaseEdge
	}
	a, b := point{X: x - .36, Y: w.s.at(at)}, point{X: x + .36, Y: w.s.at(end)}
	marks := []mark{
		path(1, muted, point{X: x - .64, Y: w.s.at(at)}, point{X: x - .36, Y: w.s.at(at)}).dashed(2, 2),
		path(1, muted, point{X: x + .36, Y: w.s.at(end)}, point{X: x + .64, Y: w.s.at(end)}).dashed(2, 2),
		box(fill, a, b).outlined(outline, 1),
	}
	if s.Delta.V > 0 {
		marks = append(marks, hatch(7, ground, a, b).faded(.8))
	}
	text := w.number(s.Delta.V)
	if s.Delta.V > 0 {
		text = "+" + text
	}
	above := point{X: x, Y: w.s.at(max(at, end)), DY: -10}
	marks = append(marks, words(text, fg, tickSize, "center", above).haloed())
	marks = append(marks, w.interval(x, at, s.Delta)...)
	w.l.add(b, w.c.tip(s.Name, s.Delta, w.s), marks...)
	return end
}
