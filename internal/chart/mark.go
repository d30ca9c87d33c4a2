package chart

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
)

// num is a coordinate in JSON: six significant digits are a hundredth of a
// pixel, and more would only make files longer.
type num float64

// MarshalJSON writes n with six significant digits.
func (n num) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(n)+0, 'g', 6, 64), nil
}

// compact encodes values as a JSON array without a type for it.
func compact(values ...any) ([]byte, error) { return json.Marshal(values) }

// point is a place in axis coordinates with an offset in pixels, right and
// down. Everything is drawn from such points: the data decide where a thing
// is, pixels how large it is.
//
// In space, X and Y are a place on the floor and Z the height over it, each
// from 0 to 1; asset/kit.js of chart/echarts projects them.
type point struct {
	X, Y, DX, DY, Z float64
	space           bool
}

// MarshalJSON writes [x, y], [x, y, dx, dy] or, in space, [u, v, dx, dy, z].
func (p point) MarshalJSON() ([]byte, error) {
	if p.space {
		return compact(num(p.X), num(p.Y), num(p.DX), num(p.DY), num(p.Z))
	}
	if p.DX == 0 && p.DY == 0 {
		return compact(num(p.X), num(p.Y))
	}
	return compact(num(p.X), num(p.Y), num(p.DX), num(p.DY))
}

func (p point) shift(dx, dy float64) point { p.DX += dx; p.DY += dy; return p }

// style is the part of the library's element style that we use.
type style struct {
	Fill    string    `json:"fill"`
	Stroke  string    `json:"stroke,omitempty"`
	Width   float64   `json:"lineWidth,omitempty"`
	Dash    []float64 `json:"lineDash,omitempty"`
	Opacity float64   `json:"opacity,omitempty"`
	Join    string    `json:"lineJoin,omitempty"`

	Text     string  `json:"text,omitempty"`
	Size     float64 `json:"fontSize,omitempty"`
	Weight   string  `json:"fontWeight,omitempty"`
	Family   string  `json:"fontFamily,omitempty"`
	Align    string  `json:"align,omitempty"`
	Vertical string  `json:"verticalAlign,omitempty"`
}

// mark is one shape: line, area, disc, rect, hatch or text (asset/kit.js of
// chart/echarts draws them). R is a radius, the gap of a hatch or the turn of
// a text in radians.
type mark struct {
	Kind   string  `json:"k"`
	Points []point `json:"p"`
	R      num     `json:"r,omitempty"`
	Style  style   `json:"s"`
}

func path(width float64, colour string, points ...point) mark {
	return mark{Kind: "line", Points: points, Style: style{Fill: "none", Stroke: colour, Width: width, Join: "round"}}
}

func (m mark) dashed(dash ...float64) mark { m.Style.Dash = dash; return m }

func (m mark) faded(opacity float64) mark { m.Style.Opacity = opacity; return m }

func (m mark) outlined(colour string, width float64) mark {
	m.Style.Stroke, m.Style.Width = colour, width
	return m
}

func area(fill string, points ...point) mark {
	return mark{Kind: "area", Points: points, Style: style{Fill: fill}}
}

func disc(r float64, fill string, at point) mark {
	return mark{Kind: "disc", Points: []point{at}, R: num(r), Style: style{Fill: fill}}
}

func box(fill string, a, b point) mark {
	return mark{Kind: "rect", Points: []point{a, b}, Style: style{Fill: fill}}
}

func (m mark) rounded(r float64) mark { m.R = num(r); return m }

// hatch fills the rectangle between a and b with 45° lines.
func hatch(gap float64, colour string, a, b point) mark {
	return mark{Kind: "hatch", Points: []point{a, b}, R: num(gap), Style: style{Fill: "none", Stroke: colour, Width: 1.3}}
}

// void is what a missing value looks like everywhere: a grey hatched area.
func void(a, b point) []mark {
	return []mark{box(card, a, b), hatch(7, absent, a, b)}
}

// Fonts: the reader's own in a page; the widths are those of DejaVu Sans, the
// widest of them, so that nothing overlaps with another.
const (
	family    = `system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif`
	labelSize = 13.0
	tickSize  = 12.0
	noteSize  = 11.0
)

// words places text: align is left, center or right of at, vertically middle.
func words(text, colour string, size float64, align string, at point) mark {
	return mark{Kind: "text", Points: []point{at}, Style: style{
		Fill: colour, Text: inert(clean(text)), Size: size, Family: family, Align: align, Vertical: "middle",
	}}
}

func (m mark) bold() mark { m.Style.Weight = "bold"; return m }

// haloed keeps text readable over lines: an edge of the ground's colour.
func (m mark) haloed() mark { return m.outlined(ground, 3) }

// shapes are the markers of subjects, as corners on a circle of radius 1; nil
// is the circle itself.
var shapes = [][]point{
	nil,
	{{DX: -.85, DY: -.85}, {DX: .85, DY: -.85}, {DX: .85, DY: .85}, {DX: -.85, DY: .85}},
	{{DX: 0, DY: -1.15}, {DX: 1.05, DY: .75}, {DX: -1.05, DY: .75}},
	{{DX: 0, DY: -1.25}, {DX: 1.25, DY: 0}, {DX: 0, DY: 1.25}, {DX: -1.25, DY: 0}},
	{{DX: 0, DY: 1.15}, {DX: 1.05, DY: -.75}, {DX: -1.05, DY: -.75}},
	{{DX: -.4, DY: -1.1}, {DX: .4, DY: -1.1}, {DX: .4, DY: -.4}, {DX: 1.1, DY: -.4}, {DX: 1.1, DY: .4}, {DX: .4, DY: .4},
		{DX: .4, DY: 1.1}, {DX: -.4, DY: 1.1}, {DX: -.4, DY: .4}, {DX: -1.1, DY: .4}, {DX: -1.1, DY: -.4}, {DX: -.4, DY: -.4}},
	star(),
}

func star() []point {
	var corners []point
	for i := range 10 {
		r := 1.3
		if i%2 == 1 {
			r = .55
		}
		sin, cos := math.Sincos(float64(i) * math.Pi / 5)
		corners = append(corners, point{DX: r * sin, DY: -r * cos})
	}
	return corners
}

// marker is the filled shape of a slot, outlined so that it is seen on both
// grounds and over others.
func marker(slot int, r float64, fill, outline string, at point) mark {
	corners := shapes[slot%len(shapes)]
	if corners == nil {
		return disc(r, fill, at).outlined(outline, 1.2)
	}
	var p []point
	for _, c := range corners {
		p = append(p, at.shift(c.DX*r, c.DY*r))
	}
	return area(fill, p...).outlined(outline, 1.2)
}

// cross marks a cold observation.
func cross(r float64, colour string, at point) []mark {
	return []mark{
		path(2, colour, at.shift(-r, -r), at.shift(r, r)),
		path(2, colour, at.shift(-r, r), at.shift(r, -r)),
	}
}

// icon is a marker as the library's legend wants it.
func icon(slot int) string {
	corners := shapes[slot%len(shapes)]
	if corners == nil {
		return "circle"
	}
	var b bytes.Buffer
	b.WriteString("path://")
	for i, c := range corners {
		b.WriteByte("ML"[min(i, 1)])
		b.WriteString(strconv.FormatFloat(c.DX, 'f', 2, 64) + " " + strconv.FormatFloat(c.DY, 'f', 2, 64))
	}
	b.WriteByte('Z')
	return b.String()
}

// weave are the hatches that tell filled bars apart without colour: the gap of
// the lines drawn over the fill, 0 for none, negative for the other diagonal.
var weave = []float64{0, 7, -7, 4.5, -4.5, 12, -12}

// swatch is a weave as the library's legend wants it: the stripes between the
// lines.
func swatch(slot int) string {
	const w, h = 14.0, 11.0
	gap := weave[slot%len(weave)]
	if gap == 0 {
		return "rect"
	}
	fall := gap < 0
	gap = math.Abs(gap) * .9
	var b bytes.Buffer
	b.WriteString("path://")
	corner := func(op string, k float64, first bool) {
		x, y := max(0, k-h), min(h, k)
		if !first {
			x, y = min(w, k), max(0, k-w)
		}
		if fall {
			y = h - y
		}
		b.WriteString(op + strconv.FormatFloat(x, 'f', 2, 64) + " " + strconv.FormatFloat(y, 'f', 2, 64))
	}
	for k := 0.0; k < w+h; k += gap {
		end := min(k+gap*.7, w+h)
		corner("M", k, true)
		corner("L", end, true)
		corner("L", end, false)
		corner("L", k, false)
		b.WriteByte('Z')
	}
	return b.String()
}

// bar is a filled rectangle in the colour and weave of a slot.
func bar(slot int, a, b point) []mark {
	m := []mark{box(category(slot), a, b).outlined(edge(slot), 1)}
	if gap := weave[slot%len(weave)]; gap != 0 {
		m = append(m, hatch(gap, ground, a, b).faded(.8))
	}
	return m
}
