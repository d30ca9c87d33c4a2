package chart

import "chimera/internal/unit"

// BreakEven shows total time over the number of calls: what a compilation
// costs first and saves with every call, and where it has paid.
type BreakEven struct {
	Head
	// Baseline has no setup to pay back; it may be the first of Backends as well.
	Backends []Backend
}

// Backend is one way to run: Setup seconds once, PerCall seconds each.
type Backend struct {
	Subject        Subject
	Setup, PerCall Value
	// Calls is after how many calls it has overtaken the baseline, with its
	// interval; its reason says why never.
	Calls Value
	// Baseline marks the way to compare with.
	Baseline bool
}

func (b Backend) missing() string {
	if why := b.PerCall.missing(); why != "" {
		return why
	}
	if b.Setup.missing() != "" && !b.Baseline {
		return b.Setup.missing()
	}
	if b.PerCall.V <= 0 || b.Setup.V < 0 {
		return "times must be positive"
	}
	return ""
}

func (f BreakEven) plot(c *canvas) {
	all := first(c, f.Backends, 10, "backends")
	if len(all) == 0 {
		return
	}
	calls := []float64{1, 100}
	for _, b := range all {
		if b.Calls.ok() && b.Calls.V > 0 {
			calls = append(calls, min(b.Calls.V*15, 1e12))
			if _, hi, ok := b.Calls.interval(); ok && hi > 0 {
				calls = append(calls, min(hi*1.5, 1e12))
			}
		}
	}
	x := logarithmicIn(unit.Scale{Factor: 1}, calls)
	_, most := ends(calls)
	var total []float64
	for _, b := range all {
		if b.missing() == "" {
			total = append(total, b.Setup.V+b.PerCall.V, b.Setup.V+b.PerCall.V*most)
		}
	}
	s := logarithmicIn(axisUnit(unit.Second, total), total)
	c.head.Unit = unit.Second
	c.beside(s, axisName("total time", s), 320)
	c.below(x, "calls (log)")
	c.right = 90
	c.table.Head = []string{"backend", "setup, s", "per call, s", "break-even, calls"}
	gap := 0
	for _, b := range all {
		e := breakEven{c: c, x: x, s: s, b: b, most: most}
		if e.draw(gap) {
			gap++
		}
	}
	var paid, each []Value
	for _, b := range all {
		paid, each = append(paid, b.Calls), append(each, b.PerCall)
	}
	c.sayN("for each time of a call", each...)
	c.note("Vertical lines: the number of calls from which a backend is ahead of the baseline.")
	c.explain("Bands", paid...)
}

type breakEven struct {
	c    *canvas
	x, s scale
	b    Backend
	most float64
}

// draw draws one backend; it reports whether it had to say why not, in the
// gap-th place for that.
func (e breakEven) draw(gap int) bool {
	b, name := e.b, clean(e.b.Subject.Name)
	l := e.c.layer(name)
	second := unit.Scale{Factor: 1, Symbol: "s"}
	e.c.table.Rows = append(e.c.table.Rows, []string{name, b.Setup.print(second), b.PerCall.print(second), b.Calls.print(unit.Scale{Factor: 1})})
	if why := b.missing(); why != "" {
		e.c.unplaced(l, e.x, e.s, gap, name, why)
		return true
	}
	slot := b.Subject.slot()
	e.c.legend(b.Subject)
	const steps = 60
	var line []point
	for i := range steps + 1 {
		n := unlog(float64(i) / steps * e.x.at(e.most))
		line = append(line, point{X: e.x.at(n), Y: e.s.at(b.Setup.V + n*b.PerCall.V)})
	}
	dash := dashes[slot%len(dashes)]
	l.add(line[0], "", path(2.2, edge(slot), line...).dashed(dash...))
	tip := name
	if b.Setup.ok() {
		tip += "\nsetup: " + withUnit(b.Setup.print(second), "s")
	}
	tip += "\nper call: " + withUnit(b.PerCall.print(second), "s") + ", " + b.PerCall.count()
	l.add(line[0], tip, marker(slot, 5.5, category(slot), edge(slot), line[0]))
	e.paid(l, slot, name)
	return false
}

func (e breakEven) paid(l *layer, slot int, name string) {
	n := e.b.Calls
	if e.b.Baseline || !n.ok() || n.V <= 0 {
		if why := clean(n.Missing); why != "" && !e.b.Baseline {
			e.c.note("%s: %s.", shorten(name, 60), shorten(why, 120))
		}
		return
	}
	var marks []mark
	if lo, hi, ok := n.interval(); ok && hi > 0 {
		marks = append(marks, box(category(slot), point{X: e.x.at(max(lo, 1)), Y: e.s.lo}, point{X: e.x.at(hi), Y: e.s.hi}).faded(.16))
	}
	at := point{X: e.x.at(n.V), Y: e.s.at(e.b.Setup.V + n.V*e.b.PerCall.V)}
	foot := point{X: at.X, Y: e.s.lo}
	marks = append(marks, path(1.4, edge(slot), foot, at), marker(slot, 6.5, ground, edge(slot), at))
	text, side := words(fit(name, noteSize, false, 90)+", "+number(n.V, 3)+" calls", fg, noteSize, "left", foot.shift(6, -10-15*float64(slot%4))), 6.0
	if at.X > e.x.lo+.85*(e.x.hi-e.x.lo) { // not beyond the right end
		text.Style.Align, side = "right", -6
	}
	text.Points[0].DX = side
	marks = append(marks, text.haloed())
	h := Head{Metric: "break-even", Interval: e.c.head.Interval}
	l.add(at, h.tip(name, n, unit.Scale{Factor: 1, Symbol: "calls"}), marks...)
}
