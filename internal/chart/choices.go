package chart

import (
	"slices"

	"chimera/internal/chart/paint"
)

// Choices is a table of configurations: what each reaches, what was found about
// it, and which ones are recommended. A winner is a set; more than one row may
// be recommended.
type Choices struct {
	Head
	// Columns are the measures, at most five.
	Columns []Axis
	Rows    []Choice
}

// Choice is one row; Values follow the columns.
type Choice struct {
	Subject       Subject
	Configuration string // "num_gpu 18, num_ctx 2048"
	Values        []Value
	Verdict       string // "recommended", "same", "worse", "inconclusive"
	Recommended   bool
}

const (
	choiceName    = 250.0 // width of subject and configuration
	choiceVerdict = 118.0
	choiceRow     = 52.0
)

func (f Choices) plot(c *canvas) {
	columns, rows := first(c, f.Columns, 5, "measures"), first(c, f.Rows, 40, "configurations")
	if len(rows) == 0 || len(columns) == 0 {
		return
	}
	c.sheet(float64(len(rows))*choiceRow + 44)
	t := choices{c: c, columns: columns, wide: (fullWidth - choiceName - choiceVerdict) / float64(len(columns))}
	c.table.Head = []string{"subject", "configuration"}
	for j, a := range columns {
		t.scales = append(t.scales, a.scale(column(rows, j)))
		c.table.Head = append(c.table.Head, axisName(a.Name, t.scales[j]), "n")
	}
	c.table.Head = append(c.table.Head, "verdict")
	t.head()
	var all []Value
	for i, r := range rows {
		t.row(i, r)
		for j := range columns {
			all = append(all, at([][]Value{r.Values}, 0, j))
		}
	}
	c.explain("In brackets and as lines", all...)
	if slices.ContainsFunc(rows, func(r Choice) bool { return r.Recommended }) {
		c.note("The bar at the left marks what is recommended.")
	}
}

// sheet makes the figure a plain surface of pixels: x runs from the left edge,
// y from the top, both in pixels.
func (c *canvas) sheet(height float64) {
	c.left, c.right, c.top, c.bottom = 0, 0, 0, 0
	c.height = int(height)
	c.fixed = true
	c.x = axis{scale: scale{lo: 0, hi: fullWidth}, hidden: true}
	c.y = axis{scale: scale{lo: 0, hi: float64(c.height)}, hidden: true, inverse: true}
}

// scale prints values of an axis; ratios as percent.
func (a Axis) scale(values []Value) scale {
	var extent []float64
	for _, v := range values {
		extent = v.extent(extent)
	}
	s := scale{unit: axisUnit(a.Unit, extent)}
	s.lo, s.hi = ends(extent)
	return s
}

func column(rows []Choice, j int) []Value {
	var all []Value
	for _, r := range rows {
		all = append(all, at([][]Value{r.Values}, 0, j))
	}
	return all
}

type choices struct {
	c       *canvas
	columns []Axis
	scales  []scale
	wide    float64
}

func (t *choices) head() {
	l := t.c.layer("table")
	marks := []mark{
		words("configuration", muted, tickSize, "left", point{X: 14, Y: 16}),
		words("verdict", muted, tickSize, "center", point{X: fullWidth - choiceVerdict/2, Y: 16}),
		path(1, muted, point{X: 0, Y: 40}, point{X: fullWidth, Y: 40}),
	}
	for j, a := range t.columns {
		right := choiceName + t.wide*float64(j+1) - 14
		arrow := ""
		switch {
		case a.Better > 0:
			arrow = ", more is better"
		case a.Better < 0:
			arrow = ", less is better"
		}
		marks = append(marks, words(fit(axisName(a.Name, t.scales[j]), tickSize, false, t.wide-20), muted, tickSize, "right", point{X: right, Y: 12}),
			words(fit(t.scales[j].unit.Symbol+arrow, noteSize, false, t.wide-20), muted, noteSize, "right", point{X: right, Y: 28}))
		last := &marks[len(marks)-1]
		marks[len(marks)-2].Style.Text = inert(fit(clean(a.Name), tickSize, false, t.wide-20))
		if last.Style.Text == "" {
			marks = marks[:len(marks)-1]
		}
	}
	l.add(point{}, "", marks...)
}

func (t *choices) row(i int, r Choice) {
	l := t.c.layer("table")
	top := 44 + float64(i)*choiceRow
	mid := top + choiceRow/2 - 2
	name := clean(r.Subject.Name)
	marks := []mark{path(1, line, point{X: 0, Y: top + choiceRow - 4}, point{X: fullWidth, Y: top + choiceRow - 4})}
	if r.Recommended {
		marks = append(marks, box(card, point{X: 0, Y: top - 3}, point{X: fullWidth, Y: top + choiceRow - 5}),
			box(accent, point{X: 0, Y: top - 3}, point{X: 4, Y: top + choiceRow - 5}))
	}
	title := words(fit(name, labelSize, r.Recommended, choiceName-40), fg, labelSize, "left", point{X: 32, Y: mid - 8})
	if r.Recommended {
		title = title.bold()
	}
	slot := r.Subject.slot()
	marks = append(marks, marker(slot, 5, category(slot), edge(slot), point{X: 20, Y: mid - 8}), title,
		words(fit(clean(r.Configuration), noteSize, false, choiceName-40), muted, noteSize, "left", point{X: 32, Y: mid + 10}))
	cells := []string{name, clean(r.Configuration)}
	for j := range t.columns {
		v := at([][]Value{r.Values}, 0, j)
		marks = append(marks, t.cell(v, t.scales[j], choiceName+t.wide*float64(j), mid)...)
		cells = append(cells, v.print(t.scales[j].unit), v.count())
	}
	marks = append(marks, chip(clean(r.Verdict), point{X: fullWidth - choiceVerdict/2, Y: mid})...)
	tip := name + "\n" + clean(r.Configuration)
	for j, a := range t.columns {
		v := at([][]Value{r.Values}, 0, j)
		tip += "\n" + clean(a.Name) + ": " + v.print(t.scales[j].unit)
		if v.ok() {
			tip = withUnit(tip, t.scales[j].unit.Symbol) + ", " + v.count()
		}
	}
	l.add(point{X: 0, Y: mid}, tip, marks...)
	t.c.table.Rows = append(t.c.table.Rows, append(cells, clean(r.Verdict)))
}

// cell writes a value and its n, and draws where it lies between the least and
// the greatest of its column.
func (t *choices) cell(v Value, s scale, left, mid float64) []mark {
	right := left + t.wide - 14
	if why := v.missing(); why != "" {
		t.c.lack(why)
		a, b := point{X: left + 10, Y: mid - 18}, point{X: right, Y: mid + 18}
		return append(void(a, b), block(why, right-left-30, 2, point{X: (left + 10 + right) / 2, Y: mid})...)
	}
	room := t.wide - 20
	f := s.unit.Factor
	lo, hi, ranged := v.interval()
	marks := []mark{}
	if !ranged {
		marks = append(marks, words(number(v.V*f, 3), fg, labelSize, "right", point{X: right, Y: mid - 10}))
	} else {
		places := decimals((hi-lo)/2*f, v.V*f)
		value, interval := fixed(v.V*f, places), "["+fixed(lo*f, places)+", "+fixed(hi*f, places)+"]"
		w := paint.Width(interval, noteSize, false)
		if w+paint.Width(value, labelSize, false)+6 > room {
			marks = append(marks, words(fit(value, labelSize, false, room), fg, labelSize, "right", point{X: right, Y: mid - 10}))
		} else {
			marks = append(marks, words(interval, muted, noteSize, "right", point{X: right, Y: mid - 10}),
				words(value, fg, labelSize, "right", point{X: right - w - 5, Y: mid - 10}))
		}
	}
	marks = append(marks, words(v.count(), muted, noteSize, "right", point{X: right, Y: mid + 6}))
	if s.hi > s.lo {
		from, to := left+14, right
		place := func(v float64) float64 { return from + (v-s.lo)/(s.hi-s.lo)*(to-from) }
		y := mid + 18
		marks = append(marks, path(2, line, point{X: from, Y: y}, point{X: to, Y: y}))
		if ranged {
			marks = append(marks, path(2.4, muted, point{X: place(lo), Y: y}, point{X: place(hi), Y: y}))
		}
		marks = append(marks, disc(3, fg, point{X: place(v.V), Y: y}))
	}
	return marks
}

// verdicts are the colours of words that are bound to verdicts; the word is
// always written too.
var verdicts = map[string]string{
	"better": good, "recommended": good, "pass": good, "worse": bad, "not comparable": bad, "fail": bad,
	"inconclusive": unsure, "not measured": unsure,
}

// chip is a word in a rounded frame.
func chip(word string, at point) []mark {
	if word == "" {
		return nil
	}
	colour := verdicts[word]
	if colour == "" {
		colour = muted
	}
	word = fit(word, noteSize, true, choiceVerdict-26)
	w := paint.Width(word, noteSize, true)/2 + 9
	return []mark{
		box("none", at.shift(-w, -10), at.shift(w, 10)).rounded(10).outlined(colour, 1.4),
		words(word, colour, noteSize, "center", at).bold(),
	}
}
