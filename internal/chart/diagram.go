package chart

import (
	"cmp"
	"slices"
)

// diagram is a layered layout: ranks from arrows, order by the middle of what
// leads to a box, arrows along level tracks between ranks.
type diagram struct {
	c        *canvas
	vertices []vertex
	links    []link
	ranks    [][]int
}

func newDiagram(c *canvas, nodes []Node, edges []Edge) *diagram {
	d := &diagram{c: c}
	index := map[string]int{}
	for i := range nodes {
		if _, twice := index[nodes[i].ID]; !twice {
			index[nodes[i].ID] = i
		}
		d.vertices = append(d.vertices, vertex{node: &nodes[i]})
	}
	lost := 0
	for _, e := range first(c, edges, maxEdges, "arrows") {
		a, okA := index[e.From]
		b, okB := index[e.To]
		if !okA || !okB {
			lost++
			continue
		}
		d.links = append(d.links, link{path: []int{a, b}, label: clean(e.Label)})
	}
	if lost > 0 {
		c.note("Arrows to boxes that are not there, left out: %d.", lost)
	}
	d.marksBack()
	return d
}

// marksBack finds the arrows that would close a circle, in the order given.
func (d *diagram) marksBack() {
	next := map[int][]int{}
	for i := range d.links {
		a, b := d.links[i].path[0], d.links[i].path[1]
		if d.reaches(next, b, a, map[int]bool{}) {
			d.links[i].back = true
			continue
		}
		next[a] = append(next[a], b)
	}
}

func (d *diagram) reaches(next map[int][]int, from, to int, seen map[int]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	for _, n := range next[from] {
		if d.reaches(next, n, to, seen) {
			return true
		}
	}
	return false
}

// rank puts each box below all that lead to it, and moves what would make a
// rank too wide further down: first boxes that lead nowhere.
func (d *diagram) rank() {
	d.sink()
	for r := 0; r < len(d.vertices); r++ {
		for {
			var here []int
			for i, v := range d.vertices {
				if v.rank == r {
					here = append(here, i)
				}
			}
			if len(here) <= perRank {
				break
			}
			last := here[len(here)-1]
			for _, i := range here {
				if !slices.ContainsFunc(d.links, func(l link) bool { return !l.back && l.path[0] == i }) {
					last = i
				}
			}
			d.vertices[last].rank++
			d.sink()
		}
	}
}

// sink lowers boxes until every arrow points downwards.
func (d *diagram) sink() {
	for range d.vertices {
		for _, l := range d.links {
			if a, b := l.path[0], l.path[1]; !l.back {
				d.vertices[b].rank = max(d.vertices[b].rank, d.vertices[a].rank+1)
			}
		}
	}
}

// route gives long arrows a place in every rank they pass.
func (d *diagram) route() {
	for i := range d.links {
		l := &d.links[i]
		if l.back {
			continue
		}
		a, b := l.path[0], l.path[1]
		l.path = []int{a}
		for r := d.vertices[a].rank + 1; r < d.vertices[b].rank; r++ {
			d.vertices = append(d.vertices, vertex{rank: r})
			l.path = append(l.path, len(d.vertices)-1)
		}
		l.path = append(l.path, b)
		for k := 1; k < len(l.path); k++ {
			v := &d.vertices[l.path[k]]
			v.in = append(v.in, l.path[k-1])
		}
	}
	deepest := 0
	for _, v := range d.vertices {
		deepest = max(deepest, v.rank)
	}
	d.ranks = make([][]int, deepest+1)
	for i, v := range d.vertices {
		d.ranks[v.rank] = append(d.ranks[v.rank], i)
	}
}

// order sorts each rank by the middle of what leads to it (Sugiyama, 1981).
func (d *diagram) order() {
	place := make([]float64, len(d.vertices))
	for _, rank := range d.ranks {
		middle := func(i int) float64 {
			in := d.vertices[i].in
			if len(in) == 0 {
				return .5
			}
			sum := 0.0
			for _, k := range in {
				sum += place[k]
			}
			return sum / float64(len(in))
		}
		slices.SortStableFunc(rank, func(a, b int) int { return cmp.Compare(middle(a), middle(b)) })
		for k, i := range rank {
			place[i] = (float64(k) + .5) / float64(len(rank))
		}
	}
}

// place gives every box its size and place, and returns the height of all.
func (d *diagram) place() float64 {
	y := 8.0
	if slices.ContainsFunc(d.links, func(l link) bool { return l.back }) {
		y += 18
	}
	for _, rank := range d.ranks {
		y = d.row(rank, y)
	}
	return y - rankGap + 12
}

// row sizes and places one rank at y, and returns where the next one begins.
func (d *diagram) row(row []int, y float64) float64 {
	boxes := 0
	for _, i := range row {
		if d.vertices[i].node != nil {
			boxes++
		}
	}
	gap, pass := nodeGap, 14.0
	room := func() float64 {
		free := fullWidth - 2*edgeGap - gap*float64(len(row)-1) - pass*float64(len(row)-boxes)
		return free / float64(max(boxes, 1))
	}
	if room() < 110 { // many arrows pass between the boxes
		gap, pass = 6, 4
	}
	high := 0.0
	for _, i := range row {
		v := &d.vertices[i]
		v.w = pass
		if v.node != nil {
			v.w = min(260, max(48, room()))
			d.measure(v)
		}
		high = max(high, v.h)
	}
	d.align(row, gap)
	for _, i := range row {
		v := &d.vertices[i]
		v.y = y
		if v.node == nil {
			v.h = high
		}
	}
	return y + high + rankGap
}

// align puts each of a row below the middle of what leads to it, as far as its
// neighbours leave room: the mean of packing from the left and from the right,
// which keeps both order and distances.
func (d *diagram) align(row []int, gap float64) {
	wish := make([]float64, len(row))
	for k, i := range row {
		v := d.vertices[i]
		wish[k] = fullWidth * (float64(k) + .5) / float64(len(row))
		if len(v.in) > 0 {
			wish[k] = 0
			for _, from := range v.in {
				f := d.vertices[from]
				wish[k] += (f.x + f.w/2) / float64(len(v.in))
			}
		}
		wish[k] -= v.w / 2
	}
	n := len(row)
	wide := func(k int) float64 { return d.vertices[row[k]].w }
	least, most := make([]float64, n), make([]float64, n) // where each may be
	left, right := make([]float64, n), make([]float64, n)
	for k := range n {
		least[k] = edgeGap
		if k > 0 {
			least[k] = least[k-1] + wide(k-1) + gap
		}
		r := n - 1 - k
		most[r] = fullWidth - edgeGap - wide(r)
		if k > 0 {
			most[r] = most[r+1] - gap - wide(r)
		}
	}
	for k := range n {
		left[k] = wish[k]
		if k > 0 {
			left[k] = max(wish[k], left[k-1]+wide(k-1)+gap)
		}
		left[k] = min(max(left[k], least[k]), most[k])
	}
	for k := n - 1; k >= 0; k-- {
		right[k] = wish[k]
		if k < n-1 {
			right[k] = min(wish[k], right[k+1]-gap-wide(k))
		}
		right[k] = max(min(right[k], most[k]), least[k])
		d.vertices[row[k]].x = (left[k] + right[k]) / 2
	}
}

func (d *diagram) measure(v *vertex) {
	v.text = clip(wrap(clean(v.node.Text), labelSize, true, v.w-24), 5, labelSize, v.w-24)
	v.note = clip(wrap(clean(v.node.Note), noteSize, false, v.w-24), 3, noteSize, v.w-24)
	v.h = 18 + float64(len(v.text))*17 + float64(len(v.note))*15
}

// clip keeps the first lines and shows by an ellipsis that there were more.
func clip(lines []string, most int, size, wide float64) []string {
	if len(lines) <= most {
		return lines
	}
	lines = lines[:most]
	lines[most-1] = fit(lines[most-1]+" … …", size, true, wide)
	return lines
}

// hop is one part of an arrow, from the foot of a box to the head of one below.
type hop struct {
	link           int
	x0, y0, x1, y1 float64
	track          int
}

func (d *diagram) arrows(l *layer) {
	for i, hops := range d.hops() {
		d.arrow(l, d.links[i], hops)
	}
}

// hops lays the arrows out: those of one box leave and arrive beside each other
// in the order of their other ends, and level parts lie under each other so
// that neighbours do not cross.
func (d *diagram) hops() [][]hop {
	outs, ins := map[int][]int{}, map[int][]int{}
	for i, k := range d.links {
		a, b := k.path[0], k.path[len(k.path)-1]
		outs[a], ins[b] = append(outs[a], i), append(ins[b], i)
	}
	d.sortPorts(outs, func(k link) int { return k.path[1] })
	d.sortPorts(ins, func(k link) int { return k.path[len(k.path)-2] })
	port := func(list []int, i int, v vertex) float64 {
		return v.x + v.w*(float64(slices.Index(list, i))+1)/(float64(len(list))+1)
	}
	all := make([][]hop, len(d.links))
	gaps := map[float64][]*hop{}
	for i, k := range d.links {
		all[i] = make([]hop, len(k.path)-1)
		for n := range all[i] {
			a, b := d.vertices[k.path[n]], d.vertices[k.path[n+1]]
			h := hop{link: i, x0: a.x + a.w/2, y0: a.y + a.h, x1: b.x + b.w/2, y1: b.y}
			if n == 0 {
				h.x0 = port(outs[k.path[0]], i, a)
			}
			if n == len(all[i])-1 {
				h.x1 = port(ins[k.path[n+1]], i, b)
			}
			all[i][n] = h
			if !k.back {
				gaps[h.y1] = append(gaps[h.y1], &all[i][n])
			}
		}
	}
	for _, gap := range gaps {
		tracks(gap)
	}
	return all
}

func (d *diagram) sortPorts(links map[int][]int, far func(link) int) {
	for _, list := range links {
		slices.SortStableFunc(list, func(a, b int) int {
			x, y := d.vertices[far(d.links[a])], d.vertices[far(d.links[b])]
			return cmp.Compare(x.x+x.w/2, y.x+y.w/2)
		})
	}
}

// tracks numbers the level parts of one gap from the top: of those that run to
// the right the last begins, of those to the left the first.
func tracks(gap []*hop) {
	right, left := []*hop{}, []*hop{}
	for _, h := range gap {
		if h.x1 >= h.x0 {
			right = append(right, h)
		} else {
			left = append(left, h)
		}
	}
	slices.SortStableFunc(right, func(a, b *hop) int { return cmp.Compare(b.x0, a.x0) })
	slices.SortStableFunc(left, func(a, b *hop) int { return cmp.Compare(a.x0, b.x0) })
	for _, side := range [][]*hop{right, left} {
		for i, h := range side {
			h.track = i % 6
		}
	}
}
