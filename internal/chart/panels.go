package chart

import "math"

// Panels compares the same rows by several measures side by side, each with an
// axis of its own: formats of a quantization by accuracy, size and latency.
type Panels struct {
	Head
	// Columns are at most four measures.
	Columns []Axis
	Rows    []PanelRow
}

// PanelRow is one subject; Values follow the columns.
type PanelRow struct {
	Subject Subject
	Values  []Value
}

const panelGap = .12 // of the width of a panel, between panels

func (f Panels) plot(c *canvas) {
	columns, rows := first(c, f.Columns, 4, "measures"), first(c, f.Rows, maxRows, "rows")
	if len(columns) == 0 || len(rows) == 0 {
		return
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.Subject.Name)
	}
	c.top = 12
	c.bottom = 58
	c.fixed = true
	c.rows(names, 40)
	c.x = axis{scale: scale{lo: 0, hi: float64(len(columns)) - panelGap}, hidden: true}
	c.table.Head = []string{"subject"}
	var all []Value
	for j, a := range columns {
		var values []Value
		for _, r := range rows {
			values = append(values, at([][]Value{r.Values}, 0, j))
		}
		all = append(all, values...)
		p := panel{c: c, axis: a, s: a.measure(values, 4), left: float64(j), last: float64(len(rows)) - .5}
		p.pixels = (fullWidth - c.left - c.right) / c.x.scale.hi
		p.frame(len(columns))
		c.table.Head = append(c.table.Head, axisName(a.Name, p.s), "n")
		for i, r := range rows {
			p.draw(r.Subject, values[i], float64(i))
		}
	}
	for _, r := range rows {
		row := []string{clean(r.Subject.Name)}
		for j, a := range columns {
			v := at([][]Value{r.Values}, 0, j)
			row = append(row, v.print(a.measure(append(columnOf(rows, j), v), 4).unit), v.count())
		}
		c.table.Rows = append(c.table.Rows, row)
	}
	c.explain("Lines", all...)
	for j, a := range columns {
		c.sayN("for "+shorten(clean(a.Name), 60), columnOf(rows, j)...)
	}
}

func columnOf(rows []PanelRow, j int) []Value {
	var all []Value
	for _, r := range rows {
		all = append(all, at([][]Value{r.Values}, 0, j))
	}
	return all
}

type panel struct {
	c      *canvas
	axis   Axis
	s      scale
	left   float64
	last   float64 // the lower end of the rows
	pixels float64
}

func (p panel) x(v float64) float64 {
	return p.left + (1-panelGap)*(p.s.at(v)-p.s.lo)/(p.s.hi-p.s.lo)
}

func (p panel) frame(panels int) {
	l := p.c.layer("panels")
	var marks []mark
	every := max(1, (len(p.s.ticks)+3)/4)
	for i, t := range p.s.ticks {
		x := p.left + (1-panelGap)*(float64(t.At)-p.s.lo)/(p.s.hi-p.s.lo)
		marks = append(marks, path(1, line, point{X: x, Y: -.5}, point{X: x, Y: p.last}))
		if i%every == 0 {
			label, align := point{X: x, Y: p.last, DY: 14}, "center"
			switch from := x - p.left; {
			case from < .04:
				label.DX, align = -4, "left"
			case from > 1-panelGap-.04:
				label.DX, align = 4, "right"
			}
			marks = append(marks, words(t.Label, muted, noteSize, align, label))
		}
	}
	name := p.axis.label(p.s, "←", "→")
	room := p.pixels * (1 - panelGap)
	mid := point{X: p.left + (1-panelGap)/2, Y: p.last, DY: 36}
	for i, text := range clip(wrap(name, noteSize, false, room), 2, noteSize, room) {
		marks = append(marks, words(text, muted, noteSize, "center", mid.shift(0, 14*float64(i)-2)))
	}
	l.add(mid, "", marks...)
}

func (p panel) draw(s Subject, v Value, y float64) {
	l := p.c.layer(clean(s.Name))
	h := Head{Metric: clean(p.axis.Name), Interval: p.c.head.Interval}
	tip := h.tip(s.Name, v, p.s.unit)
	if why := v.missing(); why != "" {
		a, b := point{X: p.left, Y: y, DY: -11}, point{X: p.left + 1 - panelGap, Y: y, DY: 11}
		l.add(a, tip, append(void(a, b), block(why, p.pixels*(1-panelGap)-30, 1, point{X: p.left + (1-panelGap)/2, Y: y})...)...)
		p.c.lack(why)
		return
	}
	slot, at := s.slot(), point{X: p.x(v.V), Y: y}
	var marks []mark
	text := number(v.V*p.s.unit.Factor, 3)
	if lo, hi, ok := v.interval(); ok {
		marks = append(marks, whisker(edge(slot), 2.2, 4, point{X: p.x(lo), Y: y}, point{X: p.x(hi), Y: y}, false)...)
		f := p.s.unit.Factor
		text = fixed(v.V*f, max(0, decimals((hi-lo)/2*f, v.V*f)))
		if math.Abs(v.V*f) >= 1e6 {
			text = number(v.V*f, 3)
		}
	}
	marks = append(marks, marker(slot, 5.5, category(slot), edge(slot), at),
		words(fit(text, noteSize, false, 90), fg, noteSize, "center", at.shift(0, -14)).haloed())
	l.add(at, tip, marks...)
}
