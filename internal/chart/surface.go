package chart

import (
	"cmp"
	"math"
	"slices"
)

// Surface shows the response to two factors in space: a point on a stem for
// each measured cell, with its interval, and facets between neighbours that
// were all measured. Levels stand at equal distances. What was not measured is
// a hatched tile on the floor, and no facet touches it.
type Surface struct {
	Head
	XName, YName string
	X, Y         []string
	// Cells[i][j] is level Y[i], X[j].
	Cells [][]Value
}

// The turn and the tilt from which few points hide others; a reader of a page
// may change both. kit.js has the projection, and fits it to the area below.
const (
	turn = 35 * math.Pi / 180
	tilt = .5 // the sine of 30°
)

// depth is how near a place on the floor is.
func depth(u, v float64) float64 {
	sin, cos := math.Sincos(turn)
	return u*sin - v*cos
}

// piece is drawn before those that are nearer; bias brings it forward.
type piece struct {
	u, v, bias float64
	tip        string
	marks      []mark
}

func (p piece) depth() float64 { return depth(p.u, p.v) + p.bias }

func (f Surface) plot(c *canvas) {
	xs, ys := first(c, f.X, maxLevelsX, "levels of x"), first(c, f.Y, maxLevelsX, "levels of y")
	if len(xs) == 0 || len(ys) == 0 {
		return
	}
	g := surface{c: c, xs: xs, ys: ys, cells: f.Cells}
	var all []Value
	var extent, values []float64
	for i := range ys {
		for j := range xs {
			v := at(f.Cells, i, j)
			all = append(all, v)
			extent = v.extent(extent)
			if v.ok() {
				values = append(values, v.V)
			}
		}
	}
	g.least, g.most = ends(values)
	if len(extent) == 0 {
		g.s = linear(c.head.Unit, []float64{0, 1}, false, 4)
	} else {
		g.s = linear(c.head.Unit, extent, false, 4)
	}
	c.height, c.left, c.right, c.top, c.bottom = 545, 10, 10, 10, 10
	c.fixed = true
	c.x = axis{scale: scale{lo: -.45, hi: 1.86}, hidden: true}
	c.y = axis{scale: scale{lo: -.37, hi: 1.05}, hidden: true}
	g.turn()
	c.tabulate(g.s, orElse(f.YName, "y"), orElse(f.XName, "x"))
	l := c.layer("surface")
	l.View = []num{turn, tilt}
	c.hint = "Drag it, or press the arrow keys, to turn it."
	l.add(point{}, "", g.room(f)...)
	pieces := append(g.facets(), g.stems()...)
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(a.depth(), b.depth()) })
	for _, p := range pieces {
		l.add(point{}, p.tip, p.marks...)
		l.Items[len(l.Items)-1].Depth = []num{num(p.u), num(p.v), num(p.bias)}
	}
	c.explain("Lines at the points", all...)
	c.sayN("for each point", all...)
	c.note("Facets only join neighbouring cells that were measured; nothing between them was.")
}

type surface struct {
	c      *canvas
	s      scale
	xs, ys []string
	cells  [][]Value

	least, most  float64
	backU, backV bool // levels that run the other way
}

// u and v are places on the floor, the middle of each level's tile.
func (g surface) u(j int) float64 { return along(j, len(g.xs), g.backU) }
func (g surface) v(i int) float64 { return along(i, len(g.ys), g.backV) }

func along(i, n int, back bool) float64 {
	if back {
		i = n - 1 - i
	}
	return (float64(i) + .5) / float64(n)
}

// turn puts the high side at the back, where it hides nothing.
func (g *surface) turn() {
	var right, far float64
	for i := range g.ys {
		for j := range g.xs {
			if v := at(g.cells, i, j); v.ok() {
				z := g.height(v.V)
				right += z * (along(j, len(g.xs), false) - .5)
				far += z * (along(i, len(g.ys), false) - .5)
			}
		}
	}
	g.backU, g.backV = right > 0, far < 0
}

func (g surface) height(v float64) float64 { return (g.s.at(v) - g.s.lo) / (g.s.hi - g.s.lo) }

func (g surface) at(u, v, z float64) point { return point{X: u, Y: v, Z: z, space: true} }

// room draws floor, walls and the names and ticks of the three axes.
func (g surface) room(f Surface) []mark {
	floor := []point{g.at(0, 0, 0), g.at(1, 0, 0), g.at(1, 1, 0), g.at(0, 1, 0)}
	marks := []mark{area(card, floor...).outlined(line, 1)}
	for _, t := range g.s.ticks {
		z := (float64(t.At) - g.s.lo) / (g.s.hi - g.s.lo)
		marks = append(marks, path(1, line, g.at(0, 0, z), g.at(0, 1, z), g.at(1, 1, z)),
			words(t.Label, muted, tickSize, "right", g.at(0, 0, z).shift(-8, 0)))
	}
	marks = append(marks, path(1, line, g.at(0, 0, 0), g.at(0, 0, 1)), path(1, line, g.at(0, 1, 0), g.at(0, 1, 1)),
		path(1, line, g.at(1, 1, 0), g.at(1, 1, 1)))
	marks = append(marks, words(fit(g.c.head.label(g.s), tickSize, false, 420), muted, tickSize, "left", g.at(0, 0, 1).shift(-90, -22)))
	for j, name := range thinLabels(g.xs) {
		u := g.u(j)
		p := g.at(u, 0, 0)
		marks = append(marks, path(1, muted, p, p.shift(-3, 5)), words(fit(clean(name), tickSize, false, 70), fg, tickSize, "right", p.shift(-5, 12)))
	}
	for i, name := range thinLabels(g.ys) {
		p := g.at(1, g.v(i), 0)
		marks = append(marks, path(1, muted, p, p.shift(4, 5)), words(fit(clean(name), tickSize, false, 110), fg, tickSize, "left", p.shift(8, 10)))
	}
	return append(marks,
		words(fit(clean(f.XName), tickSize, false, 240), muted, tickSize, "right", g.at(.5, 0, 0).shift(-58, 44)),
		words(fit(clean(f.YName), tickSize, false, 200), muted, tickSize, "left", g.at(1, .5, 0).shift(72, 40)))
}

// thinLabels keeps at most eight names, so that they stay apart.
func thinLabels(names []string) []string {
	every := (len(names) + 7) / 8
	kept := slices.Clone(names)
	for i := range kept {
		if i%every != 0 {
			kept[i] = ""
		}
	}
	return kept
}

func (g surface) facets() []piece {
	var all []piece
	for i := range len(g.ys) - 1 {
		for j := range len(g.xs) - 1 {
			corner := func(di, dj int) Value { return at(g.cells, i+di, j+dj) }
			square := []Value{corner(0, 0), corner(0, 1), corner(1, 1), corner(1, 0)}
			var corners []spot
			for k, d := range [][2]int{{0, 0}, {0, 1}, {1, 1}, {1, 0}} {
				if square[k].ok() {
					corners = append(corners, spot{g.u(j + d[1]), g.v(i + d[0]), square[k].V})
				}
			}
			switch len(corners) {
			case 4:
				all = append(all, g.patch(corners)...)
			case 3:
				all = append(all, g.face(ground, corners...))
			}
		}
	}
	return all
}

// spot is a place over the floor with a value.
type spot struct{ u, v, value float64 }

// patch divides a square so that its colours follow its height.
func (g surface) patch(s []spot) []piece {
	parts := 1
	if len(g.xs)*len(g.ys) <= 150 {
		parts = 4
	}
	inside := func(a, b int) spot {
		x, y := float64(a)/float64(parts), float64(b)/float64(parts)
		mix := func(of func(spot) float64) float64 {
			return (of(s[0])*(1-x)+of(s[1])*x)*(1-y) + (of(s[3])*(1-x)+of(s[2])*x)*y
		}
		return spot{mix(func(s spot) float64 { return s.u }), mix(func(s spot) float64 { return s.v }), mix(func(s spot) float64 { return s.value })}
	}
	var all []piece
	for a := range parts {
		for b := range parts {
			all = append(all, g.face("", inside(a, b), inside(a+1, b), inside(a+1, b+1), inside(a, b+1)))
		}
	}
	return all
}

// face is one flat piece; without an outline it has the colour of its fill.
func (g surface) face(outline string, corners ...spot) piece {
	var points []point
	mean, p := 0.0, piece{}
	for _, s := range corners {
		points = append(points, g.at(s.u, s.v, g.height(s.value)))
		mean += s.value / float64(len(corners))
		p.u += s.u / float64(len(corners))
		p.v += s.v / float64(len(corners))
	}
	fill := g.colour(mean)
	if outline == "" {
		outline = fill
	}
	p.marks = []mark{area(fill, points...).outlined(outline, .7)}
	return p
}

// cap is the size of markers, smaller where there are many.
func (g surface) cap() float64 {
	if len(g.xs)*len(g.ys) > 60 {
		return 2.4
	}
	return 4
}

// colour is that of a value between the least and the greatest.
func (g surface) colour(v float64) string {
	if g.most == g.least {
		return quantity(.5)
	}
	return quantity((v - g.least) / (g.most - g.least))
}

func (g surface) stems() []piece {
	var all []piece
	for i, y := range g.ys {
		for j, x := range g.xs {
			v := at(g.cells, i, j)
			g.c.record(v, g.s, y, x)
			tip := g.c.tip(y+", "+x, v, g.s)
			u, w := g.u(j), g.v(i)
			if why := v.missing(); why != "" {
				g.c.lack(why)
				all = append(all, piece{u: u, v: w, bias: -9, tip: tip, marks: g.tile(u, w)})
				continue
			}
			top := g.at(u, w, g.height(v.V))
			marks := []mark{path(1, muted, g.at(u, w, 0), top).dashed(2, 3)}
			if lo, hi, ok := v.interval(); ok {
				marks = append(marks, whisker(fg, 1.6, g.cap(), g.at(u, w, g.height(lo)), g.at(u, w, g.height(hi)), true)...)
			}
			marks = append(marks, disc(g.cap(), g.colour(v.V), top).outlined(fg, 1.3))
			all = append(all, piece{u: u, v: w, bias: .02, tip: tip, marks: marks})
		}
	}
	return all
}

// tile hatches the floor where nothing was measured.
func (g surface) tile(u, v float64) []mark {
	du, dv := .46/float64(len(g.xs)), .46/float64(len(g.ys))
	corners := []point{g.at(u-du, v-dv, 0), g.at(u+du, v-dv, 0), g.at(u+du, v+dv, 0), g.at(u-du, v+dv, 0)}
	marks := []mark{area(ground, corners...).outlined(absent, 1)}
	const lines = 6
	for k := 1; k <= lines; k++ {
		t := -1 + 2*float64(k)/(lines+1)
		marks = append(marks, path(1.3, absent, g.at(u+du*t, v-dv, 0), g.at(u+du*t, v+dv, 0)))
	}
	return marks
}
