package chart

import (
	"math"
	"slices"
	"strconv"

	"chimera/internal/unit"
)

// tick is a place on an axis, in the axis's own coordinate, and its letters.
type tick struct {
	At    num
	Label string
}

// MarshalJSON writes [at, "label"].
func (t tick) MarshalJSON() ([]byte, error) { return compact(t.At, inert(t.Label)) }

// scale maps values in base units to an axis coordinate: scaled for print, and
// its logarithm where the axis is logarithmic. The ticks are chosen here, not
// by the library, so that they read well on short logarithmic ranges.
type scale struct {
	unit   unit.Scale
	log    bool
	lo, hi float64 // ends, in axis coordinates
	ticks  []tick
}

// at returns the axis coordinate of v. On a logarithmic axis what is not
// positive lies at the lower end.
func (s scale) at(v float64) float64 {
	v *= s.unit.Factor
	if s.log {
		if v <= 0 {
			return s.lo
		}
		return min(max(math.Log10(v), s.lo), s.hi)
	}
	return min(max(v, s.lo), s.hi)
}

// linear covers values with room for about n ticks. With zero, 0 is an end or
// inside.
func linear(u unit.Unit, values []float64, zero bool, n int) scale {
	return linearIn(axisUnit(u, values), values, zero, n)
}

func linearIn(printed unit.Scale, values []float64, zero bool, n int) scale {
	s := scale{unit: printed}
	lo, hi := ends(values)
	lo, hi = lo*s.unit.Factor, hi*s.unit.Factor
	if zero || lo > 0 && lo < hi/2 {
		lo, hi = min(lo, 0), max(hi, 0)
	}
	if lo == hi {
		d := math.Abs(lo) / 10
		if d == 0 {
			d = 1
		}
		lo, hi = lo-d, hi+d
		if zero {
			lo, hi = min(lo+d, 0), max(hi, 0)
		}
	}
	step := nice((hi - lo) / float64(max(n, 2)))
	if whole(values) && printed.Factor == 1 {
		step = max(1, math.Ceil(step))
	}
	first, last := math.Floor(lo/step+1e-9), math.Ceil(hi/step-1e-9)
	s.lo, s.hi = first*step, last*step
	switch a, b, some := bounds(values); {
	case !some: // an axis of nothing has no numbers
		return s
	case a == 0 && b == 0:
		s.ticks = []tick{{0, "0"}}
		return s
	}
	for k := first; k <= last; k++ {
		s.ticks = append(s.ticks, tick{num(k * step), tickLabel(k*step, step)})
	}
	return s
}

// whole reports whether values are counts, whose axis needs no fractions.
func whole(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return v != math.Trunc(v) })
}

// nice rounds a step to 1, 2, 2.5 or 5 times a power of ten, mostly up.
func nice(step float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(step)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if step <= m*p*1.15 {
			return m * p
		}
	}
	return 10 * p
}

func tickLabel(v, step float64) string {
	if a := math.Abs(v); a >= 1e6 || a > 0 && step < 1e-5 {
		return number(v, 3)
	}
	places := 0
	for places < 6 && math.Abs(step*math.Pow10(places)-math.Round(step*math.Pow10(places))) > 1e-6 {
		places++
	}
	return fixed(v, places)
}

// logarithmic covers the positive values: ticks at 1, 2 and 5 of each decade,
// fewer over many decades, more within one.
func logarithmic(u unit.Unit, values []float64) scale {
	return logarithmicIn(axisUnit(u, values), values)
}

func logarithmicIn(printed unit.Scale, values []float64) scale {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return !(v > 0 && finite(v)) })
	s := scale{unit: printed, log: true}
	if len(values) == 0 { // an axis of nothing has no numbers
		s.lo, s.hi = 0, 1
		return s
	}
	lo, hi := ends(values)
	lo, hi = math.Log10(lo*s.unit.Factor), math.Log10(hi*s.unit.Factor)
	pad := max((hi-lo)*0.04, 0.02)
	lo, hi = lo-pad, hi+pad
	digits, every := []float64{1, 2, 5}, 1
	switch span := hi - lo; {
	case span > 4:
		digits, every = []float64{1}, int(math.Ceil(span/9))
	case span > 2.2:
		digits = []float64{1, 3}
	case span < 0.5:
		return shortLog(s, lo, hi)
	}
	s.lo, s.hi = lo, hi
	for e := int(math.Floor(lo)); e <= int(math.Ceil(hi)); e++ {
		if every > 1 && e%every != 0 {
			continue
		}
		for _, d := range digits {
			if at := math.Log10(d) + float64(e); at >= lo && at <= hi {
				s.ticks = append(s.ticks, tick{num(at), powerLabel(d, e)})
			}
		}
	}
	return s
}

// shortLog letters a range of less than half a decade in equal steps.
func shortLog(s scale, lo, hi float64) scale {
	a, b := math.Pow(10, lo), math.Pow(10, hi)
	step := nice((b - a) / 5)
	s.lo, s.hi = lo, hi
	for k := math.Ceil(a / step); k*step <= b; k++ {
		s.ticks = append(s.ticks, tick{num(math.Log10(k * step)), tickLabel(k*step, step)})
	}
	return s
}

func powerLabel(digit float64, e int) string {
	if e >= -4 && e <= 5 {
		return strconv.FormatFloat(digit*math.Pow10(e), 'f', max(0, -e), 64)
	}
	if digit == 1 {
		return "10" + superscript(e)
	}
	return strconv.Itoa(int(digit)) + "·10" + superscript(e)
}

// ends returns the range of the finite values; of none, 0 to 1.
func ends(values []float64) (lo, hi float64) {
	lo, hi, some := bounds(values)
	if !some {
		return 0, 1
	}
	return lo, hi
}

func bounds(values []float64) (lo, hi float64, some bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if finite(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	return lo, hi, lo <= hi
}

// axisUnit chooses the printed unit by the largest magnitude, so that an axis
// from 50 ms to 10 s is in seconds. Ratios are printed in percent.
func axisUnit(u unit.Unit, values []float64) unit.Scale {
	if u == unit.Ratio {
		return percent
	}
	lo, hi := ends(values)
	if len(values) == 0 {
		return u.ScaleFor()
	}
	return u.ScaleFor(max(math.Abs(lo), math.Abs(hi)))
}

// wide reports whether the positive values span so much that equal steps would
// hide the small ones.
func wide(values []float64) bool {
	lo, hi := math.Inf(1), 0.0
	for _, v := range values {
		if v <= 0 {
			return false
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	return hi > 12*lo && !math.IsInf(lo, 1)
}

// positions is an axis of labelled positions 0 … n−1.
func positions(labels []string) scale {
	s := scale{unit: unit.Scale{Factor: 1}, lo: -0.5, hi: float64(max(len(labels), 1)) - 0.5}
	for i, l := range labels {
		s.ticks = append(s.ticks, tick{num(i), l})
	}
	return s
}

// percent prints shares and relative differences, times prints speedups.
var (
	percent = unit.Scale{Factor: 100, Symbol: "%"}
	times   = unit.Scale{Factor: 1, Symbol: "×"}
)

// unlog is the value of a logarithmic coordinate.
func unlog(at float64) float64 { return math.Pow(10, at) }
