package chart

import (
	_ "embed" // the style of figures in a page
	"fmt"
	"math"
	"regexp"
	"strings"
)

// Theme is how a still drawing is coloured.
type Theme int

const (
	// Light and Dark have their colours written out, for viewers that know no
	// style sheets.
	Light Theme = iota
	Dark
	// Page leaves the colours to the style sheet around the drawing (Style), so
	// that one drawing follows the reader's theme.
	Page
)

// Colours are names in every drawing; a theme gives them values. Text is "fg"
// and "mut" (4.5 : 1 on both grounds), "line" is for grids, "card" for empty
// areas, "hatch" for what is missing, "bad", "good" and "open" for verdicts.
const (
	fg     = "var(--cx-fg)"
	muted  = "var(--cx-mut)"
	line   = "var(--cx-line)"
	ground = "var(--cx-bg)"
	card   = "var(--cx-card)"
	absent = "var(--cx-hatch)"
	bad    = "var(--cx-bad)"
	good   = "var(--cx-good)"
	unsure = "var(--cx-open)"
	accent = "var(--cx-acc)"
)

// pair is a colour's value in the light and in the dark theme.
type pair struct{ light, dark string }

// named are the colours that are not computed.
var named = []struct {
	name string
	pair
}{
	{"bg", pair{"#ffffff", "#0f1318"}},
	{"fg", pair{"#1b1f24", "#e6e9ed"}},
	{"mut", pair{"#59636e", "#9aa4af"}},
	{"line", pair{"#d8dee4", "#2b323a"}},
	{"card", pair{"#f3f5f8", "#1a2027"}},
	{"hatch", pair{"#808993", "#6e7681"}},
	{"bad", pair{"#a40e26", "#ff8a96"}},
	{"good", pair{"#116329", "#6fdd8b"}},
	{"open", pair{"#7a5200", "#e3b341"}},
	{"acc", pair{"#0b5cad", "#79b8ff"}},
}

// okabeIto are the categories: eight colours that stay apart for colour-blind
// readers (Okabe and Ito, 2008), ordered so that the first ones also differ in
// lightness. The last is black, which a dark page shows white.
var okabeIto = []pair{
	{"#0072B2", "#3d9bd9"}, // blue, lifted on a dark ground
	{"#D55E00", "#D55E00"}, // vermillion
	{"#009E73", "#009E73"}, // bluish green
	{"#E69F00", "#E69F00"}, // orange
	{"#56B4E9", "#56B4E9"}, // sky blue
	{"#CC79A7", "#CC79A7"}, // reddish purple
	{"#F0E442", "#F0E442"}, // yellow
	{"#1b1f24", "#e6e9ed"}, // black
}

// edges are the same colours for lines and outlines, deep enough on a light
// ground that a thin line keeps 3 : 1.
var edges = []pair{
	{"#005f96", "#6cb6e6"},
	{"#b04e00", "#e88a45"},
	{"#007a59", "#33c69c"},
	{"#8f6200", "#F0B840"},
	{"#1f7fb8", "#8fd0f5"},
	{"#a3487b", "#e3a6c8"},
	{"#7d7400", "#F0E442"},
	{"#1b1f24", "#e6e9ed"},
}

func category(slot int) string { return fmt.Sprintf("var(--cx-c%d)", slot%len(okabeIto)) }
func edge(slot int) string     { return fmt.Sprintf("var(--cx-e%d)", slot%len(okabeIto)) }

// cividis are nine stops of the map of Nuñez, Anderton and Renslow (2018):
// equal steps look equal, also to colour-blind readers and in grey.
var cividis = []string{"#00204d", "#00336f", "#39486b", "#575d6d", "#707173", "#8a8779", "#a69d75", "#c4b56c", "#ffea46"}

// quantity is the colour of t in 0 … 1, the same in both themes.
func quantity(t float64) string {
	t = min(max(t, 0), 1) * float64(len(cividis)-1)
	i := min(int(t), len(cividis)-2)
	return blend(cividis[i], cividis[i+1], t-float64(i))
}

// inkOn is the text colour, black or white, that contrasts most with a colour.
func inkOn(hex string) string {
	if contrast(hex, "#ffffff") >= contrast(hex, "#000000") {
		return "#ffffff"
	}
	return "#000000"
}

func rgb(hex string) (r, g, b float64) {
	var x, y, z int
	if _, err := fmt.Sscanf(hex, "#%02x%02x%02x", &x, &y, &z); err != nil {
		panic("chart: not a colour: " + hex) // only constants of this file come here
	}
	return float64(x), float64(y), float64(z)
}

func blend(a, b string, t float64) string {
	r0, g0, b0 := rgb(a)
	r1, g1, b1 := rgb(b)
	mix := func(x, y float64) int { return int(math.Round(x + (y-x)*t)) }
	return fmt.Sprintf("#%02x%02x%02x", mix(r0, r1), mix(g0, g1), mix(b0, b1))
}

// contrast is the ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(hex string) float64 {
	channel := func(v float64) float64 {
		if v /= 255; v <= 0.04045 {
			return v / 12.92
		} else {
			return math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	r, g, b := rgb(hex)
	return 0.2126*channel(r) + 0.7152*channel(g) + 0.0722*channel(b)
}

// diverging are the colours of decrease and increase: blue and orange, which
// stay apart for colour-blind readers and differ in lightness.
const (
	decrease, decreaseEdge = "var(--cx-c0)", "var(--cx-e0)"
	increase, increaseEdge = "var(--cx-c3)", "var(--cx-e3)"
)

// values returns the value of each colour name in a theme.
func (t Theme) values() map[string]string {
	pick := func(p pair) string {
		if t == Dark {
			return p.dark
		}
		return p.light
	}
	all := map[string]string{}
	for _, n := range named {
		all[n.name] = pick(n.pair)
	}
	for i := range okabeIto {
		all[fmt.Sprintf("c%d", i)] = pick(okabeIto[i])
		all[fmt.Sprintf("e%d", i)] = pick(edges[i])
	}
	return all
}

var variable = regexp.MustCompile(`"var\(--cx-([a-z0-9]+)\)"`) // a whole attribute, no label

// paint writes the colours of t out in a drawing; Page leaves the names.
func (t Theme) paint(drawing string) string {
	if t == Page {
		return drawing
	}
	values := t.values()
	return variable.ReplaceAllStringFunc(drawing, func(v string) string {
		if hex, ok := values[variable.FindStringSubmatch(v)[1]]; ok {
			return `"` + hex + `"`
		}
		return v
	})
}

//go:embed asset/figure.css
var sheet string

// Style returns the style sheet a page needs once: the colours of both themes
// and the frame of figures. The reader's preference chooses the theme, and
// data-theme="light" or "dark" on the root element overrules it.
func Style() string {
	var b strings.Builder
	rules := func(selector string, t Theme) {
		values := t.values()
		b.WriteString(selector + "{")
		for _, n := range named {
			fmt.Fprintf(&b, "--cx-%s:%s;", n.name, values[n.name])
		}
		for i := range okabeIto {
			fmt.Fprintf(&b, "--cx-c%d:%s;--cx-e%d:%s;", i, values[fmt.Sprintf("c%d", i)], i, values[fmt.Sprintf("e%d", i)])
		}
		b.WriteString("}\n")
	}
	rules(":root", Light)
	b.WriteString("@media(prefers-color-scheme:dark){")
	rules(`:root:not([data-theme="light"])`, Dark)
	b.WriteString("}\n")
	rules(`:root[data-theme="dark"]`, Dark)
	b.WriteString("@media print{")
	rules(`:root:root:root`, Light)
	b.WriteString("}\n")
	return b.String() + sheet
}

// difference is the colour of t in 0 … 1 with nothing in the middle: blue below,
// orange above, which stay apart for colour-blind readers.
func difference(t float64) string {
	const below, none, above = "#0b5fa5", "#eceff2", "#d57b00"
	t = min(max(t, 0), 1)
	if t < .5 {
		return blend(below, none, t*2)
	}
	return blend(none, above, t*2-1)
}
