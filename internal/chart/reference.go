package chart

import (
	"cmp"
	"slices"
	"strings"
)

// Reference is what the values of a figure are held against: parity, a limit, a
// noise floor. From one number to another it is a band; with both equal, a line.
type Reference struct {
	Label    string
	From, To float64
}

func (r Reference) ok() bool { return finite(r.From) && finite(r.To) }

// spans adds the references to the values that an axis must hold.
func spans(refs []Reference, extent []float64) []float64 {
	for _, r := range refs {
		if r.ok() {
			extent = append(extent, r.From, r.To)
		}
	}
	return extent
}

// references draws lines and bands across the figure and names them in the
// caption. place turns a value and an end of the figure (0 or 1) into a point.
func (c *canvas) references(refs []Reference, place func(v, end float64) point) {
	refs = slices.DeleteFunc(slices.Clone(refs), func(r Reference) bool { return !r.ok() })
	if len(refs) == 0 {
		return
	}
	slices.SortStableFunc(refs, func(a, b Reference) int { return cmp.Compare(min(a.From, a.To), min(b.From, b.To)) })
	l := c.layer("references")
	var lines, bands []string
	for _, r := range refs {
		label := shorten(orElse(r.Label, "reference"), 60)
		if r.From == r.To {
			a, b := place(r.From, 0), place(r.From, 1)
			l.add(point{}, "", path(4, ground, a, b).faded(.6), path(1.6, muted, a, b).dashed(5, 3))
			lines = append(lines, label)
			continue
		}
		l.add(point{}, "", box(card, place(r.From, 0), place(r.To, 1)).outlined(muted, 1.4).dashed(3, 3).faded(.5))
		bands = append(bands, label)
	}
	if len(lines) > 0 {
		c.note("Dashed: %s.", strings.Join(lines, ", then "))
	}
	if len(bands) > 0 {
		c.note("Dashed frame: %s.", strings.Join(bands, ", then "))
	}
}

// overRows places references over n rows, whose values lie on the axis below.
func overRows(s scale, n int) func(v, end float64) point {
	return func(v, end float64) point { return point{X: s.at(v), Y: -.5 + end*float64(n)} }
}

// overColumns places references over n columns, whose values lie on the axis beside.
func overColumns(s scale, n int) func(v, end float64) point {
	return func(v, end float64) point { return point{X: -.5 + end*float64(n), Y: s.at(v)} }
}
