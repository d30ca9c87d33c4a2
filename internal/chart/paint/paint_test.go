package paint_test

import (
	"fmt"
	"image"
	"math"
	"strings"
	"testing"

	"chimera/internal/chart/paint"
)

func drawing(inner string) []byte {
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">` + inner + "</svg>\n")
}

// cover is how much of the picture is not white, in pixels, with the rectangle
// around it.
func cover(t *testing.T, inner string) (area float64, bounds image.Rectangle) {
	t.Helper()
	p, err := paint.SVG(drawing(`<rect width="40" height="20" fill="#fff"/>`+inner), 1)
	if err != nil {
		t.Fatal(err)
	}
	for y := range 20 {
		for x := range 40 {
			r, _, _, _ := p.At(x, y).RGBA()
			if part := 1 - float64(r)/0xffff; part > 0.01 {
				area += part
				bounds = bounds.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return area, bounds
}

func TestShapesCoverWhatTheyShould(t *testing.T) {
	for _, c := range []struct {
		inner  string
		area   float64
		bounds image.Rectangle
	}{
		{`<rect x="5" y="5" width="10" height="4" fill="#000"/>`, 40, image.Rect(5, 5, 15, 9)},
		{`<rect x="5" y="5" width="10" height="4" fill="#000" fill-opacity="0.5"/>`, 20, image.Rect(5, 5, 15, 9)},
		{`<g opacity="0.5"><rect x="5" y="5" width="10" height="4" fill="rgb(0,0,0)" opacity=".5"/></g>`, 10, image.Rect(5, 5, 15, 9)},
		{`<g transform="translate(5 5)"><g transform="scale(2)"><rect width="5" height="2" fill="#000"/></g></g>`, 40, image.Rect(5, 5, 15, 9)},
		{`<rect width="4" height="10" transform="translate(15 5) rotate(90)" fill="#000"/>`, 40, image.Rect(5, 5, 15, 9)},
		{`<circle cx="20" cy="10" r="6" fill="#000"/>`, math.Pi * 36, image.Rect(14, 4, 26, 16)},
		{`<path d="M14 10A6 6 0 1 1 26 10A6 6 0 1 1 14 10Z" fill="#000"/>`, math.Pi * 36, image.Rect(14, 4, 26, 16)},
		{`<path d="M14 10a6 6 0 0 1 12 0z" fill="#000"/>`, math.Pi * 18, image.Rect(14, 4, 26, 10)},
		{`<path d="M2 2h10v6H2z" fill="#000"/>`, 60, image.Rect(2, 2, 12, 8)},
		{`<path d="m2 2 10 0 0 6-10 0z" fill="#000"/>`, 60, image.Rect(2, 2, 12, 8)},
		{`<polygon points="2 2, 12 2 12 8" fill="#000"/>`, 30, image.Rect(2, 2, 12, 8)},
		{`<polyline points="2 5 12 5" fill="none" stroke="#000" stroke-width="2"/>`, 20, image.Rect(2, 4, 12, 6)},
		{`<line x1="2" y1="5" x2="12" y2="5" stroke="#000" stroke-width="2" stroke-dasharray="2 2"/>`, 12, image.Rect(2, 4, 12, 6)},
		{`<title>not drawn</title>`, 0, image.Rectangle{}},
		{`<rect width="4" height="4" fill="none"/>`, 0, image.Rectangle{}},
	} {
		area, bounds := cover(t, c.inner)
		if math.Abs(area-c.area) > .02*c.area+.3 || bounds != c.bounds {
			t.Errorf("%s covers %.1f in %v, not %.1f in %v", c.inner, area, bounds, c.area, c.bounds)
		}
	}
}

func TestTextIsAsWideAsItsMeasure(t *testing.T) {
	for _, text := range []string{"H", "HH", "token/s"} {
		_, b := cover(t, `<text x="2" y="15" style="font-size:10px" fill="#000">`+text+`</text>`)
		if w := paint.Width(text, 10, false); math.Abs(float64(b.Dx())-w) > 3 {
			t.Errorf("%q is painted %d wide, measured %.1f", text, b.Dx(), w)
		}
	}
	if paint.Width("chimera", 10, true) <= paint.Width("chimera", 10, false) {
		t.Error("bold text is not wider")
	}
	if a, b := paint.Width("ab", 20, false), paint.Width("ab", 10, false); math.Abs(a-2*b) > 1e-9 {
		t.Errorf("widths do not scale: %g, %g", a, b)
	}
	if paint.Width("a\u0301\u2060\ufe0f", 10, false) != paint.Width("a", 10, false) {
		t.Error("marks and joiners have a width")
	}
}

func TestTextIsAnchored(t *testing.T) {
	at := func(anchor string) int {
		_, b := cover(t, `<text x="25" y="15" style="font-size:10px" fill="#000" text-anchor="`+anchor+`">HHH</text>`)
		return b.Min.X
	}
	w := int(paint.Width("HHH", 10, false))
	if start, middle, end := at("start"), at("middle"), at("end"); start-middle < w/2-1 || start-end < w-1 {
		t.Errorf("text %d wide begins at %d, %d and %d", w, start, middle, end)
	}
}

func TestRightToLeftTextIsTurned(t *testing.T) {
	a, err := paint.SVG(drawing(`<text x="2" y="15" style="font-size:10px" fill="#000">אב</text>`), 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := paint.SVG(drawing(`<text x="2" y="15" style="font-size:10px" fill="#000">בא</text>`), 1)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(a) == fmt.Sprint(b) {
		t.Error("the order of letters does not matter")
	}
}

// TestWhatIsUnknownIsRefused: a figure that lacks a part must not look whole.
func TestWhatIsUnknownIsRefused(t *testing.T) {
	for _, c := range []struct{ document, says string }{
		{"", "read the drawing"},
		{"<svg", "read the drawing"},
		{`<svg width="40" height="20"/><svg/>`, "after its end"},
		{`<svg width="0" height="20"/>`, "at least 1"},
		{`<svg width="1e9" height="1e9"/>`, "product"},
		{`<svg width="NaN" height="20"/>`, "at least 1"},
		{string(drawing(`<image href="file:///etc/passwd"/>`)), "<image>"},
		{string(drawing(`<rect width="4" height="4" fill="url(#gradient)"/>`)), "colour"},
		{string(drawing(`<rect width="4" height="4" stroke="papayawhip"/>`)), "colour"},
		{string(drawing(`<rect width="4" height="4" rx="2"/>`)), "corners"},
		{string(drawing(`<path d="M0 0T5 5"/>`)), "path"},
		{string(drawing(`<path d="M0"/>`)), "path"},
		{string(drawing(`<g transform="skewX(3)"/>`)), "skewX"},
		{string(drawing(`<g clip-path="url(#c)"/>`)), "clipped"},
		{string(drawing(`<text><tspan>a</tspan></text>`)), "one run"},
		{string(drawing(`<circle r="1e30"/>`)), "outside"},
		{string(drawing(`<line x2="9" stroke="#000" stroke-width="1e30"/>`)), "width"},
		{string(drawing(`<line x2="9" stroke="#000" stroke-dasharray="0 0"/>`)), "dashes"},
		{string(drawing(`<text style="font-size:big">a</text>`)), "size"},
	} {
		if _, err := paint.SVG([]byte(c.document), 1); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, which does not say %q", c.document, err, c.says)
		}
	}
}

func TestAZoomScalesThePicture(t *testing.T) {
	p, err := paint.SVG(drawing(""), 2.5)
	if err != nil || p.Bounds() != image.Rect(0, 0, 100, 50) {
		t.Errorf("%v, %v", p, err)
	}
}

// FuzzSVG: no document makes a panic or a picture of a wrong size.
func FuzzSVG(f *testing.F) {
	for _, s := range []string{`<path d="M0 0C1 2 3 4 5 6q1 1 2 2a1 2 3 0 1 4 4z"/>`, `<circle r="1e30"/>`, `<text x="3">אב e\u0301</text>`,
		`<rect width="-3" height="1e308" stroke="#123" stroke-width="1e300" stroke-dasharray="0 0"/>`, `<polyline points="0 0 1e9 1e9" stroke="#000"/>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, inner string) {
		if p, err := paint.SVG(drawing(inner), 1); err == nil && p.Bounds() != image.Rect(0, 0, 40, 20) {
			t.Errorf("the picture is %v", p.Bounds())
		}
	})
}
