package chart_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"chimera/internal/chart"
	"chimera/internal/chart/echarts"
	"chimera/internal/chart/paint"
)

// label is a text with the corners of its box.
type label struct {
	text           string
	x0, y0, x1, y1 float64
	turned         bool
}

type affine [6]float64

func (m affine) times(n affine) affine {
	return affine{
		m[0]*n[0] + m[2]*n[1], m[1]*n[0] + m[3]*n[1],
		m[0]*n[2] + m[2]*n[3], m[1]*n[2] + m[3]*n[3],
		m[0]*n[4] + m[2]*n[5] + m[4], m[1]*n[4] + m[3]*n[5] + m[5],
	}
}

var step = regexp.MustCompile(`(\w+)\(([^)]*)\)`)

func parseTransform(s string) affine {
	m := affine{1, 0, 0, 1, 0, 0}
	for _, f := range step.FindAllStringSubmatch(s, -1) {
		var v []float64
		for _, w := range strings.FieldsFunc(f[2], func(r rune) bool { return r == ' ' || r == ',' }) {
			x, _ := strconv.ParseFloat(w, 64)
			v = append(v, x)
		}
		switch f[1] {
		case "translate":
			m = m.times(affine{1, 0, 0, 1, v[0], v[1]})
		case "rotate":
			sin, cos := math.Sincos(v[0] * math.Pi / 180)
			m = m.times(affine{cos, sin, -sin, cos, 0, 0})
		case "matrix":
			m = m.times(affine(v))
		}
	}
	return m
}

// labels reads the texts of a drawing and where they lie.
func labels(t testing.TB, picture []byte) (all []label, width, height float64) {
	t.Helper()
	stack := []affine{{1, 0, 0, 1, 0, 0}}
	var attrs map[string]string
	d := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all, width, height
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			attrs = map[string]string{"": e.Name.Local}
			for _, a := range e.Attr {
				attrs[a.Name.Local] = a.Value
			}
			if len(stack) == 1 && width == 0 {
				width, _ = strconv.ParseFloat(attrs["width"], 64)
				height, _ = strconv.ParseFloat(attrs["height"], 64)
			}
			stack = append(stack, stack[len(stack)-1].times(parseTransform(attrs["transform"])))
		case xml.EndElement:
			stack, attrs = stack[:len(stack)-1], nil
		case xml.CharData:
			if attrs[""] == "text" {
				all = append(all, place(string(e), attrs, stack[len(stack)-1]))
			}
		}
	}
}

var fontSize = regexp.MustCompile(`font-size:([\d.]+)px`)

func place(text string, attrs map[string]string, m affine) label {
	size := 12.0
	if s := fontSize.FindStringSubmatch(attrs["style"]); s != nil {
		size, _ = strconv.ParseFloat(s[1], 64)
	}
	x, _ := strconv.ParseFloat(attrs["x"], 64)
	y, _ := strconv.ParseFloat(attrs["y"], 64)
	w := paint.Width(text, size, strings.Contains(attrs["style"], "bold"))
	switch attrs["text-anchor"] {
	case "middle":
		x -= w / 2
	case "end":
		x -= w
	}
	top, bottom := y-size*.75, y+size*.2
	if attrs["dominant-baseline"] == "central" {
		top, bottom = y-size*.42, y+size*.42
	}
	l := label{text: text, x0: math.Inf(1), y0: math.Inf(1), x1: math.Inf(-1), y1: math.Inf(-1), turned: math.Abs(m[1]) > 1e-6}
	for _, p := range [][2]float64{{x, top}, {x + w, top}, {x, bottom}, {x + w, bottom}} {
		q := m.times(affine{1, 0, 0, 1, p[0], p[1]})
		l.x0, l.x1 = min(l.x0, q[4]), max(l.x1, q[4])
		l.y0, l.y1 = min(l.y0, q[5]), max(l.y1, q[5])
	}
	return l
}

// TestLabelsAreWholeAndApart: every text lies inside its drawing and on no
// other one.
func TestLabelsAreWholeAndApart(t *testing.T) {
	check := func(t *testing.T, picture []byte, clear float64) {
		all, width, height := labels(t, picture)
		if len(all) == 0 {
			t.Fatal("no text was found")
		}
		for i, a := range all {
			if a.x0 < -1 || a.y0 < -1 || a.x1 > width+1 || a.y1 > height+1 {
				t.Errorf("%q is cut: %s of %g × %g", a.text, a, width, height)
			}
			for _, b := range all[:i] {
				w, h := min(a.x1, b.x1)-max(a.x0, b.x0), min(a.y1, b.y1)-max(a.y0, b.y0)
				if !a.turned && !b.turned && w > 1 && h > 1 && w*h > clear {
					t.Errorf("%q %s and %q %s overlap by %.0f × %.0f", a.text, a, b.text, b, w, h)
				}
			}
		}
	}
	for _, e := range examples() {
		t.Run(e.name, func(t *testing.T) { check(t, svg(t, chart.Draw(e.figure), chart.Page), 12) })
	}
	for _, e := range crowded() {
		t.Run("crowded "+e.name, func(t *testing.T) {
			clear := 12.0
			if e.name == "trade-off" {
				clear = 161 // what its search for places accepts
			}
			check(t, svg(t, chart.Draw(e.figure), chart.Page), clear)
		})
	}
	engine := echarts.New(paint.Width, 1)
	defer engine.Close()
	for _, e := range examples() {
		t.Run("narrow "+e.name, func(t *testing.T) {
			d := chart.Draw(e.figure)
			_, height := d.Size()
			picture, err := engine.SVG(t.Context(), d.Option(), d.Least(), height, "narrow")
			if err != nil {
				t.Fatal(err)
			}
			check(t, picture, 60)
		})
	}
	for i, e := range examples() {
		next := cycle(hostile...)
		for range i {
			next()
		}
		e.figure = change{text: func(string) string { return next() }}.apply(e.figure)
		t.Run("hostile "+e.name, func(t *testing.T) { check(t, svg(t, chart.Draw(e.figure), chart.Page), 161) })
	}
}

func (l label) String() string { return fmt.Sprintf("[%.0f %.0f %.0f %.0f]", l.x0, l.y0, l.x1, l.y1) }
