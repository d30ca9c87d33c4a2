package chart

import (
	"math"
	"slices"

	"chimera/internal/chart/paint"
)

// Decision is a diagram of boxes and arrows made from findings: questions, what
// was found, and what follows. Arrows run downwards; one that would close a
// circle is drawn dashed.
type Decision struct {
	Head
	Nodes []Node
	Edges []Edge
}

// NodeKind is what a box says.
type NodeKind int

// The kinds of boxes.
const (
	Question NodeKind = iota
	Found             // a finding
	Chosen            // what is recommended
	Refused           // what cannot be decided, and why
)

// Node is a box. Note is its evidence: n, interval, fact.
type Node struct {
	ID, Text, Note string
	Kind           NodeKind
}

// Edge is an arrow between two boxes, by their IDs; one to an unknown box is
// left out and said.
type Edge struct{ From, To, Label string }

const (
	nodeGap  = 22.0
	rankGap  = 74.0
	edgeGap  = 14.0
	perRank  = 5 // boxes beside each other that can still be read
	maxNodes = 48
	maxEdges = 60
)

// vertex is a box, or a place that a long arrow passes.
type vertex struct {
	node       *Node
	rank       int
	x, y, w, h float64
	text, note []string
	in         []int // of the rank above, for the order
}

type link struct {
	path  []int // vertices from the first to the last
	label string
	back  bool
}

func (f Decision) plot(c *canvas) {
	nodes := first(c, f.Nodes, maxNodes, "boxes")
	if len(nodes) == 0 {
		return
	}
	d := newDiagram(c, nodes, f.Edges)
	d.rank()
	d.route()
	d.order()
	height := d.place()
	c.sheet(height)
	l := c.layer("arrows")
	d.arrows(l)
	l = c.layer("boxes")
	c.table.Head = []string{"box", "text", "evidence", "leads to"}
	for i := range d.vertices {
		if v := &d.vertices[i]; v.node != nil {
			d.box(l, v)
		}
	}
	d.tabulate(nodes)
	c.note("Rounded: a question; grey: a finding; thick: what is chosen; dashed: what cannot be decided.")
}

func (d *diagram) box(l *layer, v *vertex) {
	a, b := point{X: v.x, Y: v.y}, point{X: v.x + v.w, Y: v.y + v.h}
	fill, outline, ink, r := ground, accent, fg, 14.0
	switch v.node.Kind {
	case Found:
		fill, outline, r = card, muted, 3
	case Chosen:
		outline, ink, r = good, good, 3
	case Refused:
		outline, ink, r = bad, bad, 3
	}
	marks := []mark{box(fill, a, b).rounded(r).outlined(outline, 1.6)}
	switch v.node.Kind {
	case Chosen:
		marks[0].Style.Width = 3
	case Refused:
		marks[0] = marks[0].dashed(5, 3)
	}
	x, y := v.x+v.w/2, v.y+9+8.5
	for _, t := range v.text {
		marks = append(marks, words(t, ink, labelSize, "center", point{X: x, Y: y}).bold())
		y += 17
	}
	for _, t := range v.note {
		marks = append(marks, words(t, muted, noteSize, "center", point{X: x, Y: y}))
		y += 15
	}
	tip := clean(v.node.Text)
	if n := clean(v.node.Note); n != "" {
		tip += "\n" + n
	}
	l.add(a, tip, marks...)
}

func (d *diagram) arrow(l *layer, k link, hops []hop) {
	start := point{X: hops[0].x0, Y: hops[0].y0}
	line := []point{start}
	for _, h := range hops {
		switch level := max(h.y1-36+4.5*float64(h.track), h.y0+4); {
		case k.back:
			line = append(line, point{X: h.x0, Y: h.y0 + 34}, point{X: 6, Y: h.y0 + 34}, point{X: 6, Y: h.y1 - 14}, point{X: h.x1, Y: h.y1 - 14})
		case math.Abs(h.x0-h.x1) > .5:
			line = append(line, point{X: h.x0, Y: level}, point{X: h.x1, Y: level})
		}
		line = append(line, point{X: h.x1, Y: h.y1})
		if h != hops[len(hops)-1] {
			at := d.vertices[k.path[1]]
			line = append(line, point{X: h.x1, Y: h.y1 + at.h})
		}
	}
	end := line[len(line)-1]
	shaft := path(1.6, muted, append(slices.Clone(line[:len(line)-1]), point{X: end.X, Y: end.Y - 6})...)
	if k.back {
		shaft = shaft.dashed(5, 4)
	}
	marks := []mark{shaft, area(muted, end, point{X: end.X - 4.5, Y: end.Y - 9}, point{X: end.X + 4.5, Y: end.Y - 9})}
	l.add(start, k.label, append(marks, d.label(k, start)...)...)
}

// label writes on the first part of an arrow, in at most two lines.
func (d *diagram) label(k link, at point) []mark {
	of := 0
	for _, other := range d.links {
		if other.path[0] == k.path[0] {
			of++
		}
	}
	room := min(150, max(48, d.vertices[k.path[0]].w/float64(of+1)-6))
	var marks []mark
	for i, text := range clip(wrap(k.label, noteSize, false, room), 2, noteSize, room) {
		half := paint.Width(text, noteSize, false)/2 + 8
		mid := point{X: min(max(at.X, half), fullWidth-half), Y: at.Y + 11 + 14*float64(i)}
		marks = append(marks, plate(text, fg, noteSize, "center", mid)...)
	}
	return marks
}

func (d *diagram) tabulate(nodes []Node) {
	for i := range nodes {
		to := ""
		for _, k := range d.links {
			if k.path[0] != i {
				continue
			}
			if to != "" {
				to += "; "
			}
			if k.label != "" {
				to += k.label + ": "
			}
			to += clean(nodes[k.path[len(k.path)-1]].ID)
		}
		d.c.table.Rows = append(d.c.table.Rows, []string{clean(nodes[i].ID), clean(nodes[i].Text), clean(nodes[i].Note), to})
	}
}
