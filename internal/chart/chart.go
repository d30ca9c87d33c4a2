package chart

import (
	"strings"
	"sync"

	"chimera/internal/unit"
)

// Head is what every figure says around its drawing.
type Head struct {
	// ID names the figure in a page and in file names: letters, digits, hyphens.
	ID string
	// Title says what the figure shows, Caption how it was measured.
	Title, Caption string
	// Metric and Aggregate name the value: "decode_rate", "median".
	Metric, Aggregate string
	// Unit is the base unit of the values.
	Unit unit.Unit
	// Interval names the intervals: "95 % t interval".
	Interval string
	// Empty is said in place of a drawing without any data.
	Empty string
}

func (h Head) about() Head { return h }

// Subject is what is compared. Slot gives its colour, marker and weave; a
// report numbers its subjects once, so that each looks the same in every
// figure. A negative slot is taken for 0.
type Subject struct {
	Name string
	Slot int
}

func (s Subject) slot() int { return max(s.Slot, 0) }

// Figure is one of this package's figures.
type Figure interface {
	about() Head
	plot(*canvas)
}

// Table holds a figure's numbers as text: one row for each thing drawn, the
// first columns its name.
type Table struct {
	Head []string
	Rows [][]string
}

// Drawing is a figure laid out: the option, its size and its words. It is
// immutable and safe for concurrent use.
type Drawing struct {
	head          Head
	width, height int
	least         int // narrower than this it would not be readable
	option        []byte
	table         Table
	notes         []string
	hint          string
	nothing       string
	still         *still
}

// still keeps the drawing of the area of data once it is made: every theme and
// format begins with it.
type still struct {
	mu  sync.Mutex
	svg string
}

// Draw lays a figure out. It never fails: what cannot be drawn is said.
func Draw(f Figure) Drawing {
	head := f.about()
	head.ID = slug(head.ID)
	for _, s := range []*string{&head.Title, &head.Caption, &head.Metric, &head.Aggregate, &head.Interval, &head.Empty} {
		*s = clean(*s)
	}
	c := newCanvas(head)
	f.plot(c)
	return c.finish()
}

// slug keeps what may stand in an id and a file name.
func slug(id string) string {
	id = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, id)
	if id = strings.Trim(id, "-"); id == "" {
		return "figure"
	}
	return id
}

// Option returns the library's option in JSON. The caller must not change it.
func (d Drawing) Option() []byte { return d.option }

// Size returns the drawing's own size in pixels, without title and caption.
func (d Drawing) Size() (width, height int) { return d.width, d.height }

// Least returns the width in pixels below which a page should not squeeze the
// drawing: it scrolls there instead.
func (d Drawing) Least() int { return d.least }

// ID returns the figure's id as it stands in pages and file names.
func (d Drawing) ID() string { return d.head.ID }

// Caption returns how the figure was measured, and what has to be known to
// read it: n, the meaning of its marks, what was left out.
func (d Drawing) Caption() string {
	said := d.notes
	if c := d.head.Caption; c != "" {
		if !strings.ContainsAny(c[len(c)-1:], ".!?") {
			c += "."
		}
		said = append([]string{c}, said...)
	}
	return strings.Join(said, " ")
}

// Title returns what the figure shows.
func (d Drawing) Title() string { return d.head.Title }

// Nothing returns why there is no data, or "".
func (d Drawing) Nothing() string { return d.nothing }

// Table returns the numbers of the figure. The caller must not change them.
func (d Drawing) Table() Table { return d.table }

// mostRows is how many rows of a table are read out.
const mostRows = 60

// Alt returns the figure in words, for readers who cannot see it: its title, a
// line for each of the first rows of its table, and its caption.
func (d Drawing) Alt() string {
	var b strings.Builder
	b.WriteString(d.head.Title)
	if d.nothing != "" {
		b.WriteString("\nNo data: " + d.nothing)
	}
	for n, row := range d.table.Rows {
		if n == mostRows {
			b.WriteString("\nand " + grouped(len(d.table.Rows)-n) + " more rows")
			break
		}
		var said []string
		for i, cell := range row {
			if cell == "" {
				continue
			}
			if i > 0 && d.table.Head[i] != "" {
				cell = d.table.Head[i] + " " + cell
			}
			said = append(said, cell)
		}
		b.WriteString("\n" + strings.Join(said, ", "))
	}
	if caption := d.Caption(); caption != "" {
		b.WriteString("\n" + caption)
	}
	return b.String()
}
