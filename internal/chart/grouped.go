package chart

// Grouped compares subjects within groups, such as the prompts of a suite: bars
// from zero with their intervals. Values[i][j] is group i, subject j; a row
// that is shorter lacks its last values.
type Grouped struct {
	Head
	// By names the groups: "prompt".
	By       string
	Groups   []string
	Subjects []Subject
	Values   [][]Value
	// References lie across all groups.
	References []Reference
}

// maxBars is the number of bars that are still wider than their outline.
const maxBars = 180

func (f Grouped) plot(c *canvas) {
	subjects := first(c, f.Subjects, 12, "subjects")
	if len(subjects) == 0 || len(f.Groups) == 0 {
		return
	}
	groups := first(c, f.Groups, max(1, maxBars/len(subjects)), "groups")
	var extent []float64
	var all []Value
	for i := range groups {
		for j := range subjects {
			v := at(f.Values, i, j)
			all = append(all, v)
			extent = v.extent(extent)
		}
	}
	s := linear(c.head.Unit, spans(f.References, extent), true, 6)
	c.beside(s, c.head.label(s), 260)
	c.columns(groups, f.By)
	c.tabulate(s, orElse(f.By, "group"), "subject")
	room := (fullWidth - c.left - c.right) / float64(len(groups)*len(subjects)) * .8
	for j, sub := range subjects {
		c.woven(sub)
		l := c.layer(clean(sub.Name))
		for i, g := range groups {
			v := at(f.Values, i, j)
			c.record(v, s, g, sub.Name)
			w := .8 / float64(len(subjects))
			x := float64(i) - .4 + w*float64(j)
			c.column(l, v, s, x, x+w, room, sub.slot(), g+", "+sub.Name)
		}
	}
	c.references(f.References, overColumns(s, len(groups)))
	c.explain("Lines on the bars", all...)
	c.sayN("for each bar", all...)
}

// column draws a bar from x0 to x1, room pixels wide.
func (c *canvas) column(l *layer, v Value, s scale, x0, x1, room float64, slot int, name string) {
	tip := c.tip(name, v, s)
	gap := min(2, room/6)
	mid := point{X: (x0 + x1) / 2}
	if why := v.missing(); why != "" {
		l.add(mid, tip, void(point{X: x0, Y: s.lo, DX: gap}, point{X: x1, Y: s.hi, DX: -gap})...)
		c.lack(why)
		return
	}
	zero, top := point{X: x0, Y: s.at(0), DX: gap}, point{X: x1, Y: s.at(v.V), DX: -gap}
	marks := bar(slot, zero, top)
	if lo, hi, ok := v.interval(); ok {
		a, b := mid, mid
		a.Y, b.Y = s.at(lo), s.at(hi)
		marks = append(marks, path(4, ground, a, b))
		marks = append(marks, whisker(fg, 1.6, min(5, room/3), a, b, true)...)
	}
	mid.Y = s.at(v.V)
	l.add(mid, tip, marks...)
}

// at returns a value of a table that may be ragged; outside it is missing.
func at(values [][]Value, i, j int) Value {
	if i < len(values) && j < len(values[i]) {
		return values[i][j]
	}
	return Value{}
}

func orElse(s, otherwise string) string {
	if s = clean(s); s != "" {
		return s
	}
	return otherwise
}
