package chart

import (
	"cmp"
	"container/heap"
	"slices"

	"chimera/internal/unit"
)

// Timeline shows what agents did when, a lane each, and where they overlap.
type Timeline struct {
	Head
	Lanes []Lane
	// XName is what times count from; none: the start of the run.
	XName string
	// Overlap is the share of the time with any work in which more than one lane
	// works, as a ratio; without n it is not written.
	Overlap Value
}

// Lane is one agent; its spans in seconds from what the figure's XName says.
type Lane struct {
	Subject Subject
	Spans   []Span
	Missing string // why there are no spans
}

// Span is one piece of work. Kind is drawn as a weave: "prefill", "decode".
type Span struct {
	From, To float64
	Kind     string
	Label    string
	// Failed says why the work ended without a result.
	Failed string
}

const maxSpans = 300

func (f Timeline) plot(c *canvas) {
	lanes := first(c, f.Lanes, 24, "lanes")
	if len(lanes) == 0 {
		return
	}
	kept := make([][]Span, len(lanes))
	var extent []float64
	var names, kinds []string
	for i, l := range lanes {
		names = append(names, l.Subject.Name)
		kept[i] = c.spans(l.Spans)
		for _, s := range kept[i] {
			extent = append(extent, s.From, s.To)
			if k := clean(s.Kind); k != "" && !slices.Contains(kinds, k) {
				kinds = append(kinds, k)
			}
		}
	}
	x := linear(unit.Second, extent, true, 9)
	c.head.Unit = unit.Second
	c.rows(names, 54)
	c.top += 22
	c.height += 22
	c.below(x, axisName(orElse(clean(f.XName), "time since the start of the run"), x))
	c.table.Head = []string{"agent", "work", "from, " + x.unit.Symbol, "to, " + x.unit.Symbol, "remark"}
	t := timeline{c: c, x: x, kinds: kinds}
	if len(extent) > 0 {
		t.overlap(kept)
	}
	t.share(f.Overlap)
	for i, l := range lanes {
		t.lane(l, kept[i], float64(i))
	}
	for i, k := range kinds {
		if i < len(weave) {
			c.note("%s: %s.", [...]string{"Plain", "Rising lines", "Falling lines", "Narrow rising lines", "Narrow falling lines", "Wide rising lines", "Wide falling lines"}[i], shorten(k, 40))
		}
	}
}

func (c *canvas) spans(all []Span) []Span {
	var kept longest
	n := 0
	for _, s := range all {
		if !finite(s.From) || !finite(s.To) || s.To < s.From {
			c.odd++
			continue
		}
		n++
		switch {
		case len(kept) < maxSpans:
			heap.Push(&kept, s)
		case s.To-s.From > kept[0].To-kept[0].From:
			kept[0] = s
			heap.Fix(&kept, 0)
		}
	}
	slices.SortFunc(kept, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Label, b.Label), cmp.Compare(a.Kind, b.Kind))
	})
	c.thinned(len(kept), n, "the longest of each lane")
	return kept
}

// longest is a heap with the shortest span on top.
type longest []Span

func (h longest) Len() int           { return len(h) }
func (h longest) Less(i, j int) bool { return h[i].To-h[i].From < h[j].To-h[j].From }
func (h longest) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *longest) Push(x any)        { *h = append(*h, x.(Span)) }
func (h *longest) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

type timeline struct {
	c     *canvas
	x     scale
	kinds []string
}

func (t timeline) lane(lane Lane, spans []Span, y float64) {
	name, slot := clean(lane.Subject.Name), lane.Subject.slot()
	l := t.c.layer(name)
	if len(spans) == 0 {
		why := orElse(lane.Missing, unmeasured)
		a, b := point{X: t.x.lo, Y: y, DY: -13}, point{X: t.x.hi, Y: y, DY: 13}
		l.add(a, name+"\n"+why, append(void(a, b), plate(fit(why, tickSize, false, 400), fg, tickSize, "left", point{X: t.x.lo, Y: y, DX: 16})...)...)
		t.c.lack(why)
		t.c.table.Rows = append(t.c.table.Rows, []string{name, "", "–", "–", why})
		return
	}
	pixels := (fullWidth - t.c.left - t.c.right) / (t.x.hi - t.x.lo)
	for _, s := range spans {
		a, b := point{X: t.x.at(s.From), Y: y, DY: -13}, point{X: t.x.at(s.To), Y: y, DY: 13}
		kind, label := clean(s.Kind), clean(s.Label)
		f := t.x.unit.Factor
		t.c.table.Rows = append(t.c.table.Rows, []string{name, orElse(label, kind), number(s.From*f, 4), number(s.To*f, 4), clean(s.Failed)})
		tip := name + "\n" + orElse(label, kind) + "\n" + number(s.From*f, 4) + " to " + withUnit(number(s.To*f, 4), t.x.unit.Symbol) + "\nn = 1"
		var marks []mark
		if s.Failed != "" {
			tip += "\n" + clean(s.Failed)
			marks = append(void(a, b), box("none", a, b).outlined(bad, 1.6))
			t.c.lack(clean(s.Failed))
		} else {
			marks = []mark{box(category(slot), a, b).outlined(edge(slot), 1)}
			if k := slices.Index(t.kinds, kind); k > 0 && weave[k%len(weave)] != 0 {
				marks = append(marks, hatch(weave[k%len(weave)], ground, a, b).faded(.8))
			}
		}
		if room := (b.X-a.X)*pixels - 8; room > 30 && label != "" {
			text := fit(label, noteSize, false, room-8)
			marks = append(marks, plate(text, fg, noteSize, "center", point{X: (a.X + b.X) / 2, Y: y})...)
		}
		l.add(a, tip, marks...)
	}
}

// overlap shades the time in which more than one lane works.
func (t timeline) overlap(lanes [][]Span) {
	type change struct {
		at   float64
		lane int
		by   int
	}
	var changes []change
	for i, spans := range lanes {
		for _, s := range spans {
			changes = append(changes, change{s.From, i, 1}, change{s.To, i, -1})
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	busy := make([]int, len(lanes))
	active, from := 0, 0.0
	l := t.c.layer("overlap")
	for _, e := range changes {
		before := active
		active -= min(busy[e.lane], 1)
		busy[e.lane] += e.by
		active += min(busy[e.lane], 1)
		switch {
		case before < 2 && active >= 2:
			from = e.at
		case before >= 2 && active < 2 && e.at > from:
			a, b := point{X: t.x.at(from), Y: -.5, DY: -4}, point{X: t.x.at(e.at), Y: float64(len(lanes)) - .5}
			l.add(a, "", box(accent, a, b).faded(.1), path(3, accent, a, point{X: b.X, Y: -.5, DY: -4}))
		}
	}
	t.c.note("Shaded: more than one lane works.")
}

// share writes the overlap that was computed from the rows.
func (t timeline) share(v Value) {
	if !v.ok() {
		return
	}
	at := point{X: t.x.lo, Y: -.5, DX: 2, DY: -17}
	t.c.layer("overlap").add(at, "", words("overlap "+withUnit(v.print(percent), "%")+" of the time in which any works", accent, tickSize, "left", at).bold())
	t.c.table.Rows = append(t.c.table.Rows, []string{"all", "overlap", withUnit(v.print(percent), "%"), "", clean(v.Note)})
}
