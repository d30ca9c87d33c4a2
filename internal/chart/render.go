package chart

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"image/png"
	"strconv"
	"strings"
	"sync"

	"chimera/internal/chart/echarts"
	"chimera/internal/chart/paint"
)

// machines is how many drawings are made at a time. Two keep both the memory
// (30 MB each) and the wait small: a drawing takes some tens of milliseconds.
const machines = 2

var engine = sync.OnceValue(func() *echarts.Engine { return echarts.New(paint.Width, machines) })

// Sizes around a still drawing.
const (
	frame       = 18.0 // margin at all sides
	titleSize   = 16.0
	captionSize = 12.0
)

// plot draws the area of data alone, in colour names.
func (d Drawing) plot(ctx context.Context) (string, error) {
	d.still.mu.Lock()
	defer d.still.mu.Unlock()
	if d.still.svg == "" {
		svg, err := engine().SVG(ctx, d.option, d.width, d.height, d.head.ID)
		if err != nil {
			return "", err
		}
		d.still.svg = string(svg)
	}
	return d.still.svg, nil
}

// SVG returns the whole figure, with title and caption, as one still drawing.
// It needs no style sheet but in theme Page, refers to nothing outside itself,
// and is the same bytes each time. ctx ends the wait for a machine to draw with;
// a drawing that has begun, of some tens of milliseconds, is finished.
func (d Drawing) SVG(ctx context.Context, theme Theme) ([]byte, error) {
	inner, err := d.plot(ctx)
	if err != nil {
		return nil, err
	}
	_, inner, _ = strings.Cut(inner, ">") // its own <svg …>
	inner = strings.TrimSuffix(strings.TrimSpace(inner), "</svg>")
	room := float64(d.width) - 4
	title := wrap(d.head.Title, titleSize, true, room)
	caption := wrap(d.Caption(), captionSize, false, min(room, 760))
	above := frame + float64(len(title))*22 + 6
	below := above + float64(d.height) + 8
	height := below + float64(len(caption))*17 + frame
	width := float64(d.width) + 2*frame
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g" role="img">`, width, height, width, height)
	fmt.Fprintf(&b, "\n<title>%s</title>\n<desc>%s</desc>\n", html.EscapeString(d.head.Title), html.EscapeString(d.Alt()))
	fmt.Fprintf(&b, `<rect width="%g" height="%g" fill="%s"/>`+"\n", width, height, ground)
	typeset(&b, title, frame+2, frame+16, 22, fg, titleSize, true)
	fmt.Fprintf(&b, `<g transform="translate(%g %g)">%s</g>`+"\n", frame, above, inner)
	typeset(&b, caption, frame+2, below+12, 17, muted, captionSize, false)
	b.WriteString("</svg>\n")
	return []byte(theme.paint(b.String())), nil
}

// typeset writes lines of text under each other, the first on baseline y.
func typeset(b *strings.Builder, lines []string, x, y, step float64, colour string, size float64, bold bool) {
	weight := ""
	if bold {
		weight = ";font-weight:bold"
	}
	for i, l := range lines {
		fmt.Fprintf(b, `<text x="%g" y="%g" fill="%s" style="font-size:%gpx;font-family:%s%s" xml:space="preserve">%s</text>`+"\n",
			x, y+float64(i)*step, colour, size, family, weight, html.EscapeString(l))
	}
}

// PNG returns the figure of SVG in pixels, at zoom pixels per unit: 1 gives
// about 900 pixels of width. Theme Page, which has no colours of its own, is
// taken for Light.
func (d Drawing) PNG(ctx context.Context, theme Theme, zoom float64) ([]byte, error) {
	if theme == Page {
		theme = Light
	}
	svg, err := d.SVG(ctx, theme)
	if err != nil {
		return nil, err
	}
	picture, err := paint.SVG(svg, zoom)
	if err != nil {
		return nil, fmt.Errorf("paint figure %s: %w", d.head.ID, err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return nil, fmt.Errorf("encode figure %s: %w", d.head.ID, err)
	}
	return b.Bytes(), nil
}

// HTML returns the figure as a fragment of a page that has Style once in its
// head and Script once at its end. Without the script it is a still drawing
// with its table; with it, it answers to the mouse and to its legend.
func (d Drawing) HTML(ctx context.Context) ([]byte, error) {
	inner, err := d.plot(ctx)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	id := html.EscapeString(d.head.ID)
	fmt.Fprintf(&b, "<figure class=\"cx\" id=\"%s\">\n<h3>%s</h3>\n", id, html.EscapeString(d.head.Title))
	fmt.Fprintf(&b, `<div class="cx-plot" role="img" tabindex="0" aria-label="%s" data-least="%d" data-height="%d">`,
		html.EscapeString(d.head.Title+". "+d.Caption()), d.least, d.height)
	b.WriteString(inner + "</div>\n")
	if caption := strings.TrimSpace(d.Caption() + " " + d.hint); caption != "" {
		fmt.Fprintf(&b, "<figcaption>%s</figcaption>\n", html.EscapeString(caption))
	}
	d.table.html(&b)
	if d.nothing == "" {
		fmt.Fprintf(&b, "<script type=\"application/json\" class=\"cx-option\">%s</script>\n", d.option)
	}
	b.WriteString("</figure>\n")
	return []byte(b.String()), nil
}

func (t Table) html(b *strings.Builder) {
	if len(t.Rows) == 0 {
		return
	}
	b.WriteString("<details><summary>The numbers</summary><div class=\"cx-scroll\"><table><thead><tr>")
	for _, h := range t.Head {
		fmt.Fprintf(b, "<th scope=\"col\">%s</th>", html.EscapeString(h))
	}
	b.WriteString("</tr></thead><tbody>\n")
	for _, row := range t.Rows {
		b.WriteString("<tr>")
		for i, cell := range row {
			if i == 0 {
				fmt.Fprintf(b, "<th scope=\"row\">%s</th>", html.EscapeString(cell))
				continue
			}
			fmt.Fprintf(b, "<td>%s</td>", html.EscapeString(cell))
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table></div></details>\n")
}

// Script returns the JavaScript that wakes all figures of a page; it is needed
// once and contains no "</script".
func Script() string { return echarts.Script() }

// Document returns a page of its own that opens offline: the figures one under
// the other, with one copy of style and library.
func Document(ctx context.Context, title string, figures ...Drawing) ([]byte, error) {
	var b bytes.Buffer
	title = html.EscapeString(clean(title))
	b.WriteString(`<!doctype html><html lang="en"><head><meta charset="utf-8">` +
		`<meta name="viewport" content="width=device-width,initial-scale=1"><title>` + title + "</title><style>\n" +
		"body{margin:0;background:var(--cx-bg);color:var(--cx-fg);font:16px/1.55 " + family + "}" +
		"main{max-width:920px;margin:0 auto;padding:24px}\n" + Style() + "</style></head><body><main>\n")
	ids := map[string]int{}
	for _, d := range figures {
		if ids[d.head.ID]++; ids[d.head.ID] > 1 {
			d.head.ID += "-" + strconv.Itoa(ids[d.head.ID])
		}
		fragment, err := d.HTML(ctx)
		if err != nil {
			return nil, err
		}
		b.Write(fragment)
	}
	b.WriteString("</main><script>" + Script() + "</script></body></html>\n")
	return b.Bytes(), nil
}

// grouped writes 1234567 as "1 234 567".
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
