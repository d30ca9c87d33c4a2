// Package paint turns a drawing into pixels: the part of SVG that figures are
// made of, and no more.
//
// It refuses what it does not know. A painter that skips an element it cannot
// draw produces a figure that lacks something and looks complete; here an
// unknown element, colour or path command is an error that names it.
//
// Text is drawn as outlines of DejaVu Sans, measured by the same tables as
// Width reports, so a layout made with Width fits to the pixel on any machine.
package paint

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"git.sr.ht/~sbinet/gg"
)

// maxPixels keeps a wrong size from taking all memory: 64 million pixels are
// 256 MB.
const maxPixels = 64 << 20

// node is an element of the drawing.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Nodes   []node     `xml:",any"`
	Text    string     `xml:",chardata"`
}

func (n *node) attr(name string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (n *node) number(name string, otherwise float64) float64 {
	v, err := strconv.ParseFloat(strings.TrimSuffix(n.attr(name), "px"), 64)
	if err != nil {
		return otherwise
	}
	return v
}

// SVG paints a drawing at zoom pixels per unit of its width and height.
// The drawing is read as text only: it can refer to nothing outside itself.
func SVG(svg []byte, zoom float64) (image.Image, error) {
	var root node
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	if err := decoder.Decode(&root); err != nil {
		return nil, fmt.Errorf("read the drawing: %w", err)
	}
	rest, err := decoder.Token()
	if space, ok := rest.(xml.CharData); ok && len(bytes.TrimSpace(space)) == 0 {
		_, err = decoder.Token()
	}
	if err != io.EOF {
		return nil, fmt.Errorf("read the drawing: there is more after its end")
	}
	w, h := root.number("width", 0)*zoom, root.number("height", 0)*zoom
	if !(w >= 1 && h >= 1 && w*h <= maxPixels) {
		return nil, fmt.Errorf("paint a drawing of %g × %g pixels: both must be at least 1 and their product at most %d", w, h, maxPixels)
	}
	p := &painter{c: gg.NewContext(int(math.Round(w)), int(math.Round(h)))}
	p.c.SetLineCap(gg.LineCapButt)
	if err := p.draw(&root, matrix{zoom, 0, 0, zoom, 0, 0}, 1); err != nil {
		return nil, err
	}
	return p.c.Image(), nil
}

type painter struct{ c *gg.Context }

// silent elements say something about the drawing and draw nothing.
var silent = []string{"title", "desc", "style", "defs", "metadata"}

func (p *painter) draw(n *node, m matrix, opacity float64) error {
	name := n.XMLName.Local
	if slices.Contains(silent, name) {
		return nil
	}
	m, err := m.transformed(n.attr("transform"))
	if err != nil {
		return err
	}
	if n.attr("clip-path") != "" || n.attr("filter") != "" || n.attr("mask") != "" {
		return fmt.Errorf("paint <%s>: it is clipped, filtered or masked", name)
	}
	if o := n.attr("opacity"); o != "" {
		opacity *= n.number("opacity", 1)
	}
	switch name {
	case "svg", "g":
		for i := range n.Nodes {
			if err := p.draw(&n.Nodes[i], m, opacity); err != nil {
				return err
			}
		}
		return nil
	case "text":
		return p.text(n, m, opacity)
	}
	shape, err := outline(n)
	if err != nil {
		return err
	}
	return p.shape(n, shape, m, opacity)
}

// shape fills and strokes a path in the paints of n.
func (p *painter) shape(n *node, shape segments, m matrix, opacity float64) error {
	fill := n.attr("fill")
	if fill == "" {
		fill = "#000"
	}
	c, err := parseColor(fill)
	if err != nil {
		return fmt.Errorf("fill <%s>: %w", n.XMLName.Local, err)
	}
	if p.ink(c, opacity*n.number("fill-opacity", 1)) {
		if err := p.trace(shape, m); err != nil {
			return fmt.Errorf("fill <%s>: %w", n.XMLName.Local, err)
		}
		p.c.Fill()
	}
	return p.stroke(n, shape, m, opacity)
}

func (p *painter) stroke(n *node, shape segments, m matrix, opacity float64) error {
	c, err := parseColor(n.attr("stroke"))
	if err != nil {
		return fmt.Errorf("stroke <%s>: %w", n.XMLName.Local, err)
	}
	width := n.number("stroke-width", 1) * m.scale()
	if width <= 0 || !p.ink(c, opacity*n.number("stroke-opacity", 1)) {
		return nil
	}
	dashes, err := numbers(n.attr("stroke-dasharray"))
	if err != nil {
		return fmt.Errorf("stroke <%s>: %w", n.XMLName.Local, err)
	}
	if width > far {
		return fmt.Errorf("stroke <%s>: its width is %g", n.XMLName.Local, width)
	}
	if len(dashes) > 0 {
		sum := 0.0
		for i := range dashes {
			dashes[i] *= m.scale()
			sum += max(dashes[i], 0)
		}
		if !(sum >= .5) || slices.Min(dashes) < 0 {
			return fmt.Errorf("stroke <%s>: its dashes are %q", n.XMLName.Local, n.attr("stroke-dasharray"))
		}
	}
	p.c.SetLineWidth(width)
	p.c.SetDash(dashes...)
	p.c.SetLineJoin(gg.LineJoinRound)
	if n.attr("stroke-linejoin") == "bevel" {
		p.c.SetLineJoin(gg.LineJoinBevel)
	}
	if err := p.trace(shape, m); err != nil {
		return fmt.Errorf("stroke <%s>: %w", n.XMLName.Local, err)
	}
	p.c.Stroke()
	return nil
}

// ink sets the colour and reports whether it would leave a trace.
func (p *painter) ink(c color.NRGBA, opacity float64) bool {
	a := float64(c.A) / 255 * opacity
	p.c.SetRGBA(float64(c.R)/255, float64(c.G)/255, float64(c.B)/255, a)
	return a > 0
}

// far is how many pixels away a point may lie: a path out there is a mistake,
// and following it would take forever.
const far = 2e4

func (p *painter) trace(shape segments, m matrix) error {
	p.c.ClearPath()
	for _, s := range shape {
		var q [3]vector
		for i := range q {
			q[i] = m.apply(s.p[i])
			if !(math.Abs(q[i].x) < far && math.Abs(q[i].y) < far) {
				return fmt.Errorf("the point %g, %g lies far outside", q[i].x, q[i].y)
			}
		}
		switch s.kind {
		case move:
			p.c.NewSubPath()
			p.c.MoveTo(q[0].x, q[0].y)
		case lineTo:
			p.c.LineTo(q[0].x, q[0].y)
		case quadratic:
			p.c.QuadraticTo(q[0].x, q[0].y, q[1].x, q[1].y)
		case cubic:
			p.c.CubicTo(q[0].x, q[0].y, q[1].x, q[1].y, q[2].x, q[2].y)
		case closing:
			p.c.ClosePath()
		}
	}
	return nil
}

// parseColor reads what figures use: none, #rgb, #rrggbb, rgb() and rgba().
func parseColor(s string) (color.NRGBA, error) {
	switch {
	case s == "" || s == "none" || s == "transparent":
		return color.NRGBA{}, nil
	case strings.HasPrefix(s, "#"):
		h := s[1:]
		if len(h) == 3 {
			h = string([]byte{h[0], h[0], h[1], h[1], h[2], h[2]})
		}
		if v, err := strconv.ParseUint(h, 16, 32); err == nil && len(h) == 6 {
			return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 255}, nil
		}
	case strings.HasPrefix(s, "rgb"):
		_, list, _ := strings.Cut(strings.TrimSuffix(s, ")"), "(")
		v, err := numbers(list)
		if err == nil && (len(v) == 3 || len(v) == 4) {
			a := 1.0
			if len(v) == 4 {
				a = v[3]
			}
			return color.NRGBA{byteOf(v[0]), byteOf(v[1]), byteOf(v[2]), byteOf(a * 255)}, nil
		}
	}
	return color.NRGBA{}, fmt.Errorf("%q is no colour that figures use", s)
}

func byteOf(v float64) uint8 { return uint8(math.Round(min(max(v, 0), 255))) }
