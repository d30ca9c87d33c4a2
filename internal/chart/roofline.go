package chart

import (
	"strconv"

	"chimera/internal/unit"
)

// Roofline shows kernels under the limits of a machine (Williams, Waterman and
// Patterson, 2009): operations per second over operations per byte.
type Roofline struct {
	Head
	// Peaks are in FLOP/s, Bandwidths in B/s; both measured, best first.
	Peaks, Bandwidths []Ceiling
	Points            []Intensity
}

// Ceiling is a measured limit.
type Ceiling struct {
	Name  string
	Value Value
}

// Intensity is a kernel: operations per byte moved, and its rate in FLOP/s.
type Intensity struct {
	Subject      Subject
	FlopsPerByte float64
	Rate         Value
}

func (f Roofline) plot(c *canvas) {
	points := first(c, f.Points, 40, "kernels")
	peaks, bands := first(c, f.Peaks, 6, "peaks"), first(c, f.Bandwidths, 6, "bandwidths")
	var xs, ys []float64
	for _, p := range points {
		if !(p.FlopsPerByte > 0 && finite(p.FlopsPerByte)) || !p.Rate.ok() || p.Rate.V <= 0 {
			continue
		}
		xs, ys = append(xs, p.FlopsPerByte), p.Rate.extent(ys)
	}
	for _, p := range peaks {
		if p.Value.ok() && p.Value.V > 0 {
			ys = append(ys, p.Value.V*1.4)
			for _, b := range bands {
				if b.Value.ok() && b.Value.V > 0 {
					xs = append(xs, p.Value.V/b.Value.V)
				}
			}
		}
	}
	if len(points)+len(peaks)+len(bands) == 0 {
		return
	}
	if lo, hi := ends(xs); len(xs) > 0 {
		xs = append(xs, lo/3, hi*5)
	}
	if lo, _ := ends(ys); len(ys) > 0 {
		ys = append(ys, lo/2)
	}
	r := &roofline{c: c, y: logarithmicIn(axisUnit(unit.FlopPerSecond, ys), ys), x: logarithmicIn(unit.Scale{Factor: 1, Symbol: "FLOP/B"}, xs)}
	c.head.Unit = unit.FlopPerSecond
	c.beside(r.y, axisName(orElse(c.head.Metric, "rate"), r.y), 350)
	c.below(r.x, axisName("arithmetic intensity", r.x))
	c.fixed = true
	c.tabulate(r.y, "name", "FLOP/B")
	r.roofs(peaks, bands)
	r.points(points)
}

type roofline struct {
	c    *canvas
	x, y scale
	gaps int
}

func (r *roofline) gap(l *layer, name, why string) {
	r.c.unplaced(l, r.x, r.y, r.gaps, name, why)
	r.gaps++
}

// roofs draws the limits, the best of each as a thick line.
func (r *roofline) roofs(peaks, bands []Ceiling) {
	l := r.c.layer("limits")
	best := 0.0
	for _, p := range peaks {
		if p.Value.ok() {
			best = max(best, p.Value.V)
		}
	}
	steepest := 0.0
	for _, b := range bands {
		if b.Value.ok() {
			steepest = max(steepest, b.Value.V)
		}
	}
	for i, p := range peaks {
		r.c.record(p.Value, r.y, p.Name, "peak")
		if !p.Value.ok() || p.Value.V <= 0 {
			r.gap(l, clean(p.Name), orElse(p.Value.missing(), "not positive"))
			continue
		}
		from := point{X: r.x.lo, Y: r.y.at(p.Value.V)}
		if steepest > 0 {
			from.X = r.x.at(p.Value.V / steepest)
		}
		to := point{X: r.x.hi, Y: from.Y}
		var marks []mark
		if lo, hi, ok := p.Value.interval(); ok {
			marks = append(marks, box(fg, point{X: from.X, Y: r.y.at(lo)}, point{X: to.X, Y: r.y.at(hi)}).faded(.15))
		}
		marks = append(marks, path(width(i), fg, from, to),
			words(fit(clean(p.Name)+" "+withUnit(number(p.Value.V*r.y.unit.Factor, 3), r.y.unit.Symbol), noteSize, false, 260), fg, noteSize, "right", to.shift(-4, -9)).haloed())
		l.add(from, r.c.tip(p.Name, p.Value, r.y), marks...)
	}
	for i, b := range bands {
		s := axisUnit(unit.BytePerSecond, b.Value.extent(nil))
		r.c.table.Rows = append(r.c.table.Rows, []string{clean(b.Name), "bandwidth", withUnit(b.Value.print(s), s.Symbol), b.Value.count(), ""})
		if !b.Value.ok() || b.Value.V <= 0 {
			r.gap(l, clean(b.Name), orElse(b.Value.missing(), "not positive"))
			continue
		}
		r.slope(l, b, s, width(i), best)
	}
}

func width(rank int) float64 {
	if rank == 0 {
		return 2.4
	}
	return 1.2
}

// slope draws a bandwidth from where it enters the area to the best peak.
func (r *roofline) slope(l *layer, b Ceiling, s unit.Scale, thick, best float64) {
	logB := scale{log: true, lo: -300, hi: 300, unit: unit.Scale{Factor: b.Value.V * r.y.unit.Factor / r.x.unit.Factor}}
	offset := logB.at(1) // y = x + offset on logarithmic axes
	x0, x1 := max(r.x.lo, r.y.lo-offset), min(r.x.hi, r.y.hi-offset)
	if best > 0 {
		x1 = min(x1, r.y.at(best)-offset)
	}
	if x1 <= x0 {
		return
	}
	from, to := point{X: x0, Y: x0 + offset}, point{X: x1, Y: x1 + offset}
	name := clean(b.Name) + " " + withUnit(number(b.Value.V*s.Factor, 3), s.Symbol)
	h := Head{Metric: "bandwidth"}
	l.add(from, h.tip(b.Name, b.Value, s), path(thick, fg, from, to),
		words(fit(name, noteSize, false, 190), fg, noteSize, "left", point{X: x0 + (x1-x0)/4, Y: x0 + (x1-x0)/4 + offset, DX: 12, DY: 10}).haloed())
}

func (r *roofline) points(points []Intensity) {
	names := newLabels(r.c, r.x, r.y)
	usable := func(p Intensity) bool {
		return p.Rate.ok() && p.Rate.V > 0 && p.FlopsPerByte > 0 && finite(p.FlopsPerByte)
	}
	at := func(p Intensity) point { return point{X: r.x.at(p.FlopsPerByte), Y: r.y.at(p.Rate.V)} }
	for _, p := range points {
		if usable(p) {
			names.block(at(p), 7)
		}
	}
	var rates []Value
	for _, p := range points {
		name := clean(p.Subject.Name)
		per := strconv.FormatFloat(p.FlopsPerByte, 'g', 3, 64)
		r.c.record(p.Rate, r.y, name, per)
		if !usable(p) {
			why := p.Rate.missing()
			if why == "" {
				why = "rate and intensity must be positive"
			}
			r.gap(r.c.layer(name), name, why)
			continue
		}
		rates = append(rates, p.Rate)
		slot := p.Subject.slot()
		var marks []mark
		if lo, hi, ok := p.Rate.interval(); ok {
			a, b := at(p), at(p)
			a.Y, b.Y = r.y.at(lo), r.y.at(hi)
			marks = whisker(edge(slot), 2, 4, a, b, true)
		}
		marks = append(marks, marker(slot, 6, category(slot), edge(slot), at(p)))
		marks = append(marks, names.place(name, at(p), 7)...)
		r.c.layer(name).add(at(p), r.c.tip(name+"\n"+per+" FLOP/B", p.Rate, r.y), marks...)
	}
	r.c.explain("Lines at the markers", rates...)
	r.c.sayN("for each kernel", rates...)
}
