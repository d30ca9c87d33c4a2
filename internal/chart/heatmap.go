package chart

import (
	"math"
	"strconv"
	"strings"

	"chimera/internal/chart/paint"
	"chimera/internal/unit"
)

// HeatMap shows one value for each pair of levels, such as two parameters, or
// models and compile backends: colour, number, interval and n in each cell. A
// cell without a value is hatched and says why; a cell that lacks some of its
// planned calls has a hatched corner.
type HeatMap struct {
	Head
	// XName and YName name the factors, X and Y their levels.
	XName, YName string
	X, Y         []string
	// Cells[i][j] is level Y[i], X[j].
	Cells [][]Value
	// Neutral, if not nil, is the value without a difference (0 of a difference,
	// 1 of a ratio): colours then diverge from it, blue below and orange above.
	// A unit.Ratio is printed in percent, or as "2.1 ×" where 1 is neutral.
	Neutral *float64
}

const (
	maxLevelsX = 24
	maxLevelsY = 40
)

func (f HeatMap) plot(c *canvas) {
	xs, ys := first(c, f.X, maxLevelsX, "columns"), first(c, f.Y, maxLevelsY, "rows")
	if len(xs) == 0 || len(ys) == 0 {
		return
	}
	m := heatMap{c: c, cells: f.Cells, neutral: f.Neutral}
	var all []Value
	var extent []float64
	for i := range ys {
		for j := range xs {
			v := at(f.Cells, i, j)
			all = append(all, v)
			if v.ok() {
				extent = append(extent, v.V)
			}
		}
	}
	m.spread(extent)
	c.right = 128
	c.rows(ys, 40) // for the left margin
	c.left += 26
	m.wide = (fullWidth-c.left-c.right)/float64(len(xs)) - 2
	m.high = m.tall(all)
	c.height = 0
	c.y.size = tickSize
	c.height = int(c.top + c.bottom + float64(len(ys))*(m.high+2))
	c.y.name, c.y.gap = clean(f.YName), c.left-18
	c.columns(xs, f.XName)
	c.fixed = true
	c.tabulate(m.s, orElse(f.YName, "row"), orElse(f.XName, "column"))
	m.l = c.layer("cells")
	for i, y := range ys {
		for j, x := range xs {
			m.cell(i, j, y, x)
		}
	}
	if len(extent) > 0 {
		m.bar(len(ys))
	}
	if m.high >= 60 {
		c.explain("In brackets", all...)
	}
	if m.corner {
		c.note("Hatched corner: the cell lacks some of its planned calls.")
	}
	if m.small {
		c.note("n is shown for each cell on hover and in the table.")
	}
}

type heatMap struct {
	c          *canvas
	l          *layer
	s          scale
	cells      [][]Value
	neutral    *float64
	log        bool
	lo, hi     float64
	wide, high float64
	corner     bool
	small      bool // no room for n
	silent     bool // no room for numbers
}

// spread chooses what the ends of the colours mean.
func (m *heatMap) spread(extent []float64) {
	m.s = scale{unit: axisUnit(m.c.head.Unit, extent)}
	if m.c.head.Unit == unit.Ratio && m.neutral != nil && *m.neutral == 1 {
		m.s.unit = times
	}
	m.lo, m.hi = ends(extent)
	if m.neutral == nil {
		m.log = wide(extent)
		return
	}
	zero := *m.neutral
	if m.log = zero > 0 && m.lo > 0; m.log { // twice as fast is as far as half as fast
		far := max(zero/m.lo, m.hi/zero)
		m.lo, m.hi = zero/far, zero*far
		return
	}
	far := max(math.Abs(m.lo-zero), math.Abs(m.hi-zero))
	m.lo, m.hi = zero-far, zero+far
}

// tall is how high a cell must be for what its width allows it to say.
func (m *heatMap) tall(all []Value) float64 {
	for _, v := range all {
		if _, _, ok := v.interval(); ok && m.wide >= 84 {
			return 60
		}
	}
	fits := true
	for _, v := range all {
		fits = fits && (!v.ok() || paint.Width(m.number(v), noteSize, true) <= m.wide-3)
	}
	if m.wide >= 34 && fits {
		return 42
	}
	m.small, m.silent = true, !fits
	return 30
}

func (m *heatMap) colour(v float64) string {
	lo, hi := m.lo, m.hi
	if m.log {
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	t := .5
	if hi > lo {
		t = (v - lo) / (hi - lo)
	}
	if m.neutral != nil {
		return difference(t)
	}
	return quantity(t)
}

func (m *heatMap) cell(i, j int, y, x string) {
	v := at(m.cells, i, j)
	m.c.record(v, m.s, y, x)
	tip := m.c.tip(y+", "+x, v, m.s)
	mid := point{X: float64(j), Y: float64(i)}
	a := point{X: float64(j) - .5, Y: float64(i) - .5, DX: 1, DY: 1}
	b := point{X: float64(j) + .5, Y: float64(i) + .5, DX: -1, DY: -1}
	if why := v.missing(); why != "" {
		m.l.add(mid, tip, append(void(a, b), block(why, m.wide-16, max(1, int((m.high-8)/15)), mid)...)...)
		m.c.lack(why)
		return
	}
	fill := m.colour(v.V)
	marks := []mark{box(fill, a, b).rounded(2)}
	marks = append(marks, m.say(v, inkOn(fill), mid)...)
	if v.Planned > v.N {
		m.corner = true
		marks = append(marks, torn(point{X: b.X, Y: a.Y, DX: b.DX, DY: a.DY})...)
	}
	m.l.add(mid, tip, marks...)
}

func (m *heatMap) number(v Value) string {
	lo, hi, ranged := v.interval()
	f := m.s.unit.Factor
	if !ranged || math.Abs(v.V*f) >= 1e6 {
		return number(v.V*f, 3)
	}
	return fixed(v.V*f, max(0, decimals((hi-lo)/2*f, v.V*f)-1))
}

// count is n as it fits: "n = 3 of 3", "n = 3" or "n 3".
func (m *heatMap) count(v Value) string {
	n := strconv.Itoa(v.N)
	for _, text := range []string{v.count(), "n = " + n, "n " + n} {
		if paint.Width(text, noteSize, false) <= m.wide-4 {
			return text
		}
	}
	return n
}

// say writes what there is room for: the number, then n, then the interval.
func (m *heatMap) say(v Value, ink string, mid point) []mark {
	if m.silent {
		return nil
	}
	text := m.number(v)
	if m.small {
		return []mark{words(text, ink, noteSize, "center", mid)}
	}
	lo, hi, ranged := v.interval()
	f := m.s.unit.Factor
	places := max(0, decimals((hi-lo)/2*f, v.V*f)-1)
	size := 14.0
	if paint.Width(text, size, true) > m.wide-4 {
		size = noteSize
	}
	lines := []mark{words(text, ink, size, "center", mid).bold()}
	if ranged && m.high >= 60 {
		text = "[" + fixed(lo*f, places) + ", " + fixed(hi*f, places) + "]"
		lines = append(lines, words(fit(text, noteSize, false, m.wide-4), ink, noteSize, "center", mid))
	}
	lines = append(lines, words(m.count(v), ink, noteSize, "center", mid))
	for k := range lines {
		lines[k].Points[0].DY = (float64(k) - float64(len(lines)-1)/2) * 17
	}
	return lines
}

// torn is the corner of a cell from which something is missing.
func torn(corner point) []mark {
	marks := []mark{area(ground, corner, corner.shift(-16, 0), corner.shift(0, 16))}
	for _, d := range []float64{5, 9.5, 14} {
		marks = append(marks, path(1.6, bad, corner.shift(-d, 0), corner.shift(0, d)))
	}
	return marks
}

// bar draws the colours' meaning at the right.
func (m *heatMap) bar(rows int) {
	if !(m.hi > m.lo) {
		return
	}
	c := m.c
	right := float64(len(c.x.scale.ticks)) - .5
	top := point{X: right, Y: -.5, DX: 24}
	high := min(float64(rows)*(m.high+2)-30, 220)
	c.top += 4
	const steps = 32
	l := c.layer("scale")
	var marks []mark
	for k := range steps {
		t := 1 - float64(k)/(steps-1)
		v := m.lo + t*(m.hi-m.lo)
		if m.log {
			v = math.Exp(math.Log(m.lo) + t*(math.Log(m.hi)-math.Log(m.lo)))
		}
		from := math.Round(24 + high*float64(k)/steps)
		marks = append(marks, box(m.colour(v), top.shift(0, from), top.shift(16, 24+high)))
	}
	title := c.head.Metric
	if m.s.unit.Symbol != "" {
		title = strings.TrimPrefix(c.head.Aggregate+", "+m.s.unit.Symbol, ", ")
	}
	if m.log {
		title += " (log)"
	}
	lines := clip(wrap(title, noteSize, false, 112), 2, noteSize, 112)
	for i, text := range lines {
		marks = append(marks, words(text, muted, noteSize, "left", top.shift(-8, 8-13*float64(len(lines)-1-i))))
	}
	middle := (m.lo + m.hi) / 2
	if m.log {
		middle = math.Sqrt(m.lo * m.hi)
	}
	for _, p := range []struct{ v, at float64 }{{m.hi, 0}, {middle, high / 2}, {m.lo, high}} {
		y := min(max(p.at+24, 30), high+18)
		marks = append(marks, words(number(p.v*m.s.unit.Factor, 3), fg, tickSize, "left", top.shift(22, y)))
	}
	l.add(top, "", marks...)
}
