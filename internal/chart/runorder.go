package chart

import (
	"fmt"
	"slices"
	"strconv"

	"chimera/internal/unit"
)

// RunOrder shows every call in the order in which it was made, cold ones in
// another colour and shape, failed ones in a strip below: what came first, what
// drifted, and which level fell on which stretch.
type RunOrder struct {
	Head
	// XName and XUnit name the axis: "call" without a unit, or "time" in seconds.
	XName string
	XUnit unit.Unit
	Calls []Call
	// Stretches are named parts of the axis, such as blocks or levels.
	Stretches []Stretch
	// Drift is the trend over the warm calls, if one was fitted.
	Drift *Drift
}

// Call is one call, At its place in XUnit, V its value in the figure's unit.
type Call struct {
	At, V float64
	Cold  bool
	// Failed says why there is no value.
	Failed string
}

// Stretch is a part of the axis in XUnit.
type Stretch struct {
	Name     string
	From, To float64
}

// Drift is a straight line in the figure's unit from the first to the last
// place, and its slope in words with interval: "−0.8 % per hour [−1.1, −0.5]".
type Drift struct {
	FromAt, FromV, ToAt, ToV float64
	Words                    string
}

const (
	warmName, coldName, failedName = "warm", "cold (the model was loaded just before)", "failed"
	warmSlot, coldSlot             = 3, 0
)

func (f RunOrder) plot(c *canvas) {
	places, extent := make([]float64, 0, len(f.Calls)), make([]float64, 0, len(f.Calls))
	var failed bool
	for _, k := range f.Calls {
		if !finite(k.At) || k.Failed == "" && !finite(k.V) {
			continue
		}
		places = append(places, k.At)
		if k.Failed != "" {
			failed = true
			continue
		}
		extent = append(extent, k.V)
	}
	if len(places) == 0 {
		return
	}
	s := linear(c.head.Unit, extent, false, 6)
	if wide(extent) {
		s = logarithmic(c.head.Unit, extent)
	}
	x := snug(f.XUnit, places)
	c.beside(s, c.head.label(s), 270)
	if len(f.Stretches) > 0 {
		c.top += 20
		c.height += 20
	}
	c.below(x, axisName(f.XName, x))
	c.x.grid = len(f.Stretches) == 0
	if failed {
		c.strip()
	}
	c.stretches(first(c, f.Stretches, 40, "stretches"), x, s)
	r := runOrder{c: c, x: x, s: s, f: f}
	r.drift()
	r.draw()
}

// snug is an axis that ends where the data do.
func snug(u unit.Unit, places []float64) scale {
	x := linear(u, places, false, 10)
	lo, hi := ends(places)
	lo, hi = lo*x.unit.Factor, hi*x.unit.Factor
	pad := max((hi-lo)*.015, (x.hi-x.lo)*.005)
	x.lo, x.hi = lo-pad, hi+pad
	x.ticks = slices.DeleteFunc(x.ticks, func(t tick) bool { return float64(t.At) < x.lo || float64(t.At) > x.hi })
	return x
}

// stretches names parts of the x axis above the area, with lines between them.
func (c *canvas) stretches(all []Stretch, x, s scale) {
	if len(all) == 0 {
		return
	}
	l := c.layer("stretches")
	pixels := (fullWidth - c.left - c.right) / (x.hi - x.lo)
	for _, t := range all {
		if !finite(t.From) || !finite(t.To) || t.To < t.From {
			continue
		}
		a, b := x.at(t.From), x.at(t.To)
		mid := point{X: (a + b) / 2, Y: s.hi, DY: -11}
		marks := []mark{path(1, muted, point{X: a, Y: s.lo}, point{X: a, Y: s.hi, DY: -18}).dashed(3, 4)}
		if room := (b-a)*pixels - 6; room > 16 {
			marks = append(marks, words(fit(clean(t.Name), noteSize, false, room), muted, noteSize, "center", mid))
		}
		l.add(mid, clean(t.Name), marks...)
	}
}

type runOrder struct {
	c    *canvas
	x, s scale
	f    RunOrder
}

func (r runOrder) draw() {
	var warm, cold, failed []Call
	hot := 0
	for i := range r.f.Calls {
		if k := &r.f.Calls[i]; !k.Cold && k.Failed == "" {
			hot++
		}
	}
	warm = make([]Call, 0, hot)
	for _, k := range r.f.Calls {
		switch {
		case !finite(k.At) || k.Failed == "" && !finite(k.V):
			r.c.odd++
		case k.Failed != "":
			failed = append(failed, k)
		case k.Cold:
			cold = append(cold, k)
		default:
			warm = append(warm, k)
		}
	}
	r.class(warm, warmName, warmSlot)
	r.class(cold, coldName, coldSlot)
	r.failures(failed)
	r.c.table.Head = []string{"calls", "n"}
	for _, t := range []struct {
		name string
		n    int
	}{{"warm", len(warm)}, {"cold", len(cold)}, {"failed", len(failed)}} {
		r.c.table.Rows = append(r.c.table.Rows, []string{t.name, grouped(t.n)})
	}
	r.c.note("n = %s warm, %s cold, %s failed.", grouped(len(warm)), grouped(len(cold)), grouped(len(failed)))
}

func (r runOrder) class(calls []Call, name string, slot int) {
	if len(calls) == 0 {
		return
	}
	shape := 0
	if slot == coldSlot {
		shape = 3
	}
	r.c.keys = append(r.c.keys, key{name: name, icon: icon(shape), fill: category(slot), outline: edge(slot)})
	kept := r.thin(calls)
	r.c.thinned(len(kept), len(calls), "the smallest and the largest of each stretch")
	l := r.c.layer(name)
	radius := 4.5
	if len(kept) > 120 {
		radius = 2.8
	}
	for _, k := range kept {
		at := point{X: r.x.at(k.At), Y: r.s.at(k.V)}
		tip := clean(r.f.XName) + " " + strconv.FormatFloat(k.At*r.x.unit.Factor, 'g', 7, 64) + ", " + name + "\n" +
			withUnit(number(k.V*r.s.unit.Factor, 4), r.s.unit.Symbol) + "\nn = 1"
		l.add(at, tip, marker(shape, radius, category(slot), edge(slot), at))
	}
}

// binsAcross is into how many parts the axis is cut to choose what is drawn.
const binsAcross = 160

// thin keeps the smallest and the largest call of each part of the axis, so
// that no outlier disappears.
func (r runOrder) thin(calls []Call) []Call {
	if len(calls) <= 2*binsAcross {
		return calls
	}
	type pair struct{ lo, hi int }
	bins := make([]pair, binsAcross)
	for i := range bins {
		bins[i] = pair{-1, -1}
	}
	for i, k := range calls {
		t := (r.x.at(k.At) - r.x.lo) / (r.x.hi - r.x.lo)
		b := &bins[min(max(int(t*binsAcross), 0), binsAcross-1)]
		if b.lo < 0 || k.V < calls[b.lo].V {
			b.lo = i
		}
		if b.hi < 0 || k.V > calls[b.hi].V {
			b.hi = i
		}
	}
	var kept []Call
	for _, b := range bins {
		if b.lo >= 0 {
			kept = append(kept, calls[b.lo])
		}
		if b.hi >= 0 && b.hi != b.lo {
			kept = append(kept, calls[b.hi])
		}
	}
	return kept
}

func (r runOrder) failures(calls []Call) {
	if len(calls) == 0 {
		return
	}
	r.c.keys = append(r.c.keys, key{name: failedName, icon: "rect", fill: card, outline: absent})
	l := r.c.layer(failedName)
	count := map[int]int{}
	for _, k := range calls {
		r.c.lack(k.Failed)
		bin := int((r.x.at(k.At) - r.x.lo) / (r.x.hi - r.x.lo) * binsAcross)
		if count[bin]++; count[bin] > 1 {
			continue // the strip is full here
		}
		at := point{X: r.x.at(k.At), Y: r.s.lo}
		marks := void(at.shift(-4, 3), at.shift(4, lane-3))
		marks = append(marks, path(1.2, bad, at.shift(-4, 3), at.shift(4, 3), at.shift(4, lane-3), at.shift(-4, lane-3), at.shift(-4, 3)))
		l.add(at, fmt.Sprintf("%s %s: failed\n%s", clean(r.f.XName), strconv.FormatFloat(k.At*r.x.unit.Factor, 'g', 5, 64), clean(k.Failed)), marks...)
	}
}

func (r runOrder) drift() {
	d := r.f.Drift
	if d == nil || !finite(d.FromAt) || !finite(d.ToAt) || !finite(d.FromV) || !finite(d.ToV) {
		return
	}
	const steps = 24 // a straight line bends on a logarithmic axis
	var line []point
	for i := range steps + 1 {
		t := float64(i) / steps
		line = append(line, point{X: r.x.at(d.FromAt + t*(d.ToAt-d.FromAt)), Y: r.s.at(d.FromV + t*(d.ToV-d.FromV))})
	}
	l := r.c.layer("drift")
	l.add(line[0], "", path(1.8, fg, line...).dashed(7, 4))
	said := clean(d.Words)
	r.c.table.Rows = append(r.c.table.Rows, []string{"drift of the warm calls", said})
	r.c.note("Dashed: drift of the warm calls, %s.", orElse(said, "without an interval"))
}
