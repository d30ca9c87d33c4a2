package chart

import (
	"fmt"
	"slices"
	"strings"

	"chimera/internal/chart/paint"
)

// whisker draws an interval along one axis: a line with caps from a to b.
func whisker(colour string, width, cap float64, a, b point, vertical bool) []mark {
	dx, dy := 0.0, cap
	if vertical {
		dx, dy = cap, 0
	}
	return []mark{
		path(width, colour, a, b),
		path(width, colour, a.shift(-dx, -dy), a.shift(dx, dy)),
		path(width, colour, b.shift(-dx, -dy), b.shift(dx, dy)),
	}
}

// plate is text on a patch of the ground, readable over hatches and lines.
func plate(text, colour string, size float64, align string, at point) []mark {
	w := paint.Width(text, size, false)
	x0 := -6.0
	switch align {
	case "center":
		x0 = -w/2 - 6
	case "right":
		x0 = -w - 6
	}
	return []mark{
		box(ground, at.shift(x0, -size*.8), at.shift(x0+w+12, size*.8)).rounded(3),
		words(text, colour, size, align, at),
	}
}

// block is a few lines of text in the middle of a hatched area, if they fit
// into wide pixels.
func block(text string, wide float64, most int, mid point) []mark {
	lines := wrap(text, noteSize, false, wide)
	if len(lines) == 0 || wide < 44 {
		return nil
	}
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1] = strings.TrimRight(fit(lines[most-1]+"……", noteSize, false, wide), "…") + "…"
	}
	widest := 0.0
	for _, l := range lines {
		widest = max(widest, paint.Width(l, noteSize, false))
	}
	half := float64(len(lines)) * 7.5
	marks := []mark{box(ground, mid.shift(-widest/2-4, -half-1), mid.shift(widest/2+4, half+1)).rounded(3)}
	for k, l := range lines {
		marks = append(marks, words(l, fg, noteSize, "center", mid.shift(0, float64(k)*15-half+7.5)))
	}
	return marks
}

// unplaced writes what has no place in an area of two axes into its upper left
// corner, as the nth of its kind.
func (c *canvas) unplaced(l *layer, x, y scale, nth int, name, why string) {
	if nth < 8 {
		at := point{X: x.lo, Y: y.hi, DX: 10, DY: 16 + 24*float64(nth)}
		marks := append(void(at.shift(0, -9), at.shift(250, 9)), plate(fit(name+": "+why, noteSize, false, 225), fg, noteSize, "left", at.shift(10, 0))...)
		l.add(at, name+"\n"+why, marks...)
	}
	c.lack(why)
}

// lack remembers a reason for the caption, where the hatches are explained.
func (c *canvas) lack(reason string) {
	c.reasons = append(c.reasons, reason)
}

// lacks says in the caption what the hatched areas stand for.
func (c *canvas) lacks() {
	if len(c.reasons) == 0 {
		return
	}
	count := map[string]int{}
	var order []string
	for _, r := range c.reasons {
		if count[r] == 0 {
			order = append(order, r)
		}
		count[r]++
	}
	slices.SortStableFunc(order, func(a, b string) int { return count[b] - count[a] })
	var said []string
	for i, r := range order {
		if i == 3 {
			said = append(said, fmt.Sprintf("and %d more", len(order)-i))
			break
		}
		short := shorten(clean(r), 80)
		if count[r] > 1 {
			short = fmt.Sprintf("%s (%s)", short, grouped(count[r]))
		}
		said = append(said, short)
	}
	c.note("Hatched grey: %s.", strings.Join(said, "; "))
}

// shorten cuts text to n characters, for sentences.
func shorten(s string, n int) string {
	if runes := []rune(s); len(runes) > n {
		return strings.TrimRight(string(runes[:n-1]), " ") + "…"
	}
	return s
}

// explain says in the caption what the lines of intervals are, if any is drawn.
func (c *canvas) explain(mark string, values ...Value) {
	if c.head.Interval == "" {
		return
	}
	for _, v := range values {
		if _, _, ok := v.interval(); ok {
			c.note("%s: %s.", mark, c.head.Interval)
			return
		}
	}
}

// sayN states n where the drawing has no room for it beside each value.
func (c *canvas) sayN(each string, values ...Value) {
	lo, hi := 0, 0
	for _, v := range values {
		if !v.ok() {
			continue
		}
		if lo == 0 || v.N < lo {
			lo = v.N
		}
		hi = max(hi, v.N)
	}
	switch {
	case hi == 0:
	case lo == hi:
		c.note("n\u00a0=\u00a0%s %s.", grouped(lo), each)
	default:
		c.note("n\u00a0=\u00a0%s to %s %s.", grouped(lo), grouped(hi), each)
	}
}

// finiteOnly drops what no axis can carry and says so.
func (c *canvas) finiteOnly(points []float64) []float64 {
	kept := slices.DeleteFunc(slices.Clone(points), func(v float64) bool { return !finite(v) })
	if n := len(points) - len(kept); n > 0 {
		c.odd += n
	}
	return kept
}

// thin keeps at most n of sorted points, evenly by rank, with both ends.
func thin(sorted []float64, n int) []float64 {
	if len(sorted) <= n {
		return sorted
	}
	kept := make([]float64, n)
	for i := range kept {
		kept[i] = sorted[i*(len(sorted)-1)/(n-1)]
	}
	return kept
}

// thinned says how much of the points is drawn.
func (c *canvas) thinned(drawn, of int, how string) {
	c.drawn += drawn
	c.given += of
	c.how = how
}

// finishNotes turns what was counted while drawing into sentences.
func (c *canvas) finishNotes() {
	c.lacks()
	if c.given > c.drawn {
		c.note("%s of %s points are drawn, %s; %s are left out.", grouped(c.drawn), grouped(c.given), c.how, grouped(c.given-c.drawn))
	}
	if c.odd > 0 {
		c.note("Values that are no finite numbers, not drawn: %s.", grouped(c.odd))
	}
}

// first cuts a list that no figure could show and says what is left out.
func first[T any](c *canvas, list []T, n int, what string) []T {
	if len(list) <= n {
		return list
	}
	c.note("The first %d of %s %s are drawn; %s are left out.", n, grouped(len(list)), what, grouped(len(list)-n))
	return list[:n]
}
