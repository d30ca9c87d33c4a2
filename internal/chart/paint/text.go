package paint

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"codeberg.org/go-fonts/dejavu/dejavusans"
	"codeberg.org/go-fonts/dejavu/dejavusansbold"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/bidi"
)

// faces are parsed on first use; a parsed font is read-only.
var faces = [2]func() *sfnt.Font{
	sync.OnceValue(func() *sfnt.Font { return parse(dejavusans.TTF) }),
	sync.OnceValue(func() *sfnt.Font { return parse(dejavusansbold.TTF) }),
}

func parse(ttf []byte) *sfnt.Font {
	f, err := sfnt.Parse(ttf)
	if err != nil {
		panic("paint: the embedded font: " + err.Error()) // a constant of the binary
	}
	return f
}

func face(bold bool) *sfnt.Font {
	if bold {
		return faces[1]()
	}
	return faces[0]()
}

// em is the size at which glyphs are measured; widths scale from it.
const em = 1024

// Width returns the width in pixels of a line of text in DejaVu Sans at size
// pixels. A character the font lacks counts as its empty box.
func Width(text string, size float64, bold bool) float64 {
	f := face(bold)
	var buf sfnt.Buffer
	var sum fixed.Int26_6
	for _, r := range text {
		sum += advance(f, &buf, glyph(f, &buf, r), r)
	}
	return float64(sum) / 64 / em * size
}

func glyph(f *sfnt.Font, buf *sfnt.Buffer, r rune) sfnt.GlyphIndex {
	i, err := f.GlyphIndex(buf, r)
	if err != nil {
		return 0
	}
	return i
}

// advance of a joiner, a variation selector or a combining mark is none.
func advance(f *sfnt.Font, buf *sfnt.Buffer, i sfnt.GlyphIndex, r rune) fixed.Int26_6 {
	if invisible(r) || unicode.Is(unicode.Mn, r) {
		return 0
	}
	w, err := f.GlyphAdvance(buf, i, fixed.I(em), font.HintingNone)
	if err != nil {
		return 0
	}
	return w
}

func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || r >= 0xFE00 && r <= 0xFE0F || r >= 0x1F3FB && r <= 0x1F3FF
}

// Ascent and descent of digits and letters around the middle of a line, in
// parts of the size: where a browser puts text that is centred vertically.
const middle = 0.35

func (p *painter) text(n *node, m matrix, opacity float64) error {
	if len(n.Nodes) > 0 {
		return fmt.Errorf("paint <text>: figures put one run in each")
	}
	size, bold, err := fontOf(n)
	if err != nil {
		return err
	}
	x, y := n.number("x", 0), n.number("y", 0)
	line := strings.TrimSuffix(n.Text, "\n")
	switch n.attr("text-anchor") {
	case "middle":
		x -= Width(line, size, bold) / 2
	case "end":
		x -= Width(line, size, bold)
	}
	switch n.attr("dominant-baseline") {
	case "central":
		y += size * middle
	case "text-before-edge":
		y += size * 0.93
	case "text-after-edge", "ideographic":
		y -= size * 0.24
	}
	shape := outlines(visual(line), size, bold, vector{x, y})
	if n.attr("paint-order") == "stroke" { // an edge around the letters, under them
		if err := p.stroke(n, shape, m, opacity); err != nil {
			return err
		}
	}
	ink := *n
	ink.Attrs = nil
	for _, a := range n.Attrs {
		if !strings.HasPrefix(a.Name.Local, "stroke") {
			ink.Attrs = append(ink.Attrs, a)
		}
	}
	return p.shape(&ink, shape, m, opacity)
}

// fontOf reads size and weight from the style of a text.
func fontOf(n *node) (size float64, bold bool, err error) {
	size = 12
	for _, rule := range strings.Split(n.attr("style"), ";") {
		name, value, _ := strings.Cut(rule, ":")
		switch value = strings.TrimSpace(value); strings.TrimSpace(name) {
		case "font-size":
			if size, err = strconv.ParseFloat(strings.TrimSuffix(value, "px"), 64); err != nil {
				return 0, false, fmt.Errorf("paint <text>: its size is %q", value)
			}
		case "font-weight":
			bold = value == "bold"
		case "font":
			for _, word := range strings.Fields(value) {
				bold = bold || word == "bold"
				if px, ok := strings.CutSuffix(word, "px"); ok {
					if size, err = strconv.ParseFloat(px, 64); err != nil {
						return 0, false, fmt.Errorf("paint <text>: its font is %q", value)
					}
					break
				}
			}
		}
	}
	return size, bold, nil
}

// outlines returns the glyphs of a line whose baseline begins at at.
func outlines(line string, size float64, bold bool, at vector) segments {
	f := face(bold)
	var buf sfnt.Buffer
	var s segments
	unit := size / em / 64
	for _, r := range line {
		i := glyph(f, &buf, r)
		if !invisible(r) {
			s.glyph(f, &buf, i, at, unit)
		}
		at.x += float64(advance(f, &buf, i, r)) * unit
	}
	return s
}

func (s *segments) glyph(f *sfnt.Font, buf *sfnt.Buffer, i sfnt.GlyphIndex, at vector, unit float64) {
	loaded, err := f.LoadGlyph(buf, i, fixed.I(em), nil)
	if err != nil {
		return // a glyph without an outline, such as one of a bitmap font
	}
	for _, g := range loaded {
		var p [3]vector
		for j, a := range g.Args {
			p[j] = vector{at.x + float64(a.X)*unit, at.y + float64(a.Y)*unit}
		}
		switch g.Op {
		case sfnt.SegmentOpMoveTo:
			if len(*s) > 0 && (*s)[len(*s)-1].kind != closing {
				s.close()
			}
			*s = append(*s, segment{move, p})
		case sfnt.SegmentOpLineTo:
			*s = append(*s, segment{lineTo, p})
		case sfnt.SegmentOpQuadTo:
			*s = append(*s, segment{quadratic, p})
		case sfnt.SegmentOpCubeTo:
			*s = append(*s, segment{cubic, p})
		}
	}
	if len(loaded) > 0 {
		s.close()
	}
}

// visual puts a line in the order of the page: text that is written from right
// to left is turned around. Letters that join are not joined.
func visual(line string) string {
	if !strings.ContainsFunc(line, func(r rune) bool { return r >= 0x590 && r <= 0x8FF || r >= 0xFB1D && r <= 0xFEFC }) {
		return line
	}
	var p bidi.Paragraph
	if _, err := p.SetString(line, bidi.DefaultDirection(bidi.LeftToRight)); err != nil {
		return line
	}
	order, err := p.Order()
	if err != nil {
		return line
	}
	var b strings.Builder
	for i := range order.NumRuns() {
		run := order.Run(i)
		if run.Direction() == bidi.RightToLeft {
			b.WriteString(bidi.ReverseString(run.String()))
			continue
		}
		b.WriteString(run.String())
	}
	return b.String()
}
