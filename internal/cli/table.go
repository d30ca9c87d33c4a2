package cli

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A table aligns columns for people: text to the left, numbers to the right,
// units in the head. It never draws lines.
type table struct {
	heads []string
	right []bool
	rows  [][]string
}

// newTable takes the column heads; a head that starts with ">" is
// right-aligned.
func newTable(heads ...string) *table {
	t := &table{}
	for _, h := range heads {
		name, right := strings.CutPrefix(h, ">")
		t.heads = append(t.heads, name)
		t.right = append(t.right, right)
	}
	return t
}

// row appends one row; missing cells are empty.
func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// write prints the table, indented, no wider than its content needs. A colour
// escape in a cell takes no width.
func (t *table) write(w io.Writer, indent string, st style) {
	widths := make([]int, len(t.heads))
	for i, h := range t.heads {
		widths[i] = visible(h)
	}
	for _, r := range t.rows {
		for i, c := range r {
			widths[i] = max(widths[i], visible(c))
		}
	}
	line := func(cells []string, paint func(string) string) {
		var b strings.Builder
		for i := range t.heads {
			cell := ""
			if i < len(cells) {
				cell = cells[i]
			}
			pad := strings.Repeat(" ", widths[i]-visible(cell))
			if i > 0 {
				b.WriteString("  ")
			}
			if t.right[i] {
				b.WriteString(pad + paint(cell))
			} else {
				b.WriteString(paint(cell) + pad)
			}
		}
		fmt.Fprintln(w, indent+strings.TrimRight(b.String(), " "))
	}
	line(t.heads, st.dim)
	for _, r := range t.rows {
		line(r, func(s string) string { return s })
	}
}

// visible counts the columns a cell takes: runes, without colour escapes.
func visible(s string) int {
	n := 0
	for s != "" {
		if rest, ok := strings.CutPrefix(s, "\x1b["); ok {
			end := strings.IndexByte(rest, 'm')
			s = rest[end+1:]
			continue
		}
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		n++
	}
	return n
}

// style paints words, or leaves them alone. Colour never carries meaning by
// itself: the word stands there too.
type style struct{ on bool }

func (s style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) dim(text string) string  { return s.paint("2", text) }
func (s style) bold(text string) string { return s.paint("1", text) }
func (s style) good(text string) string { return s.paint("34", text) } // blue and orange: readable without red-green vision
func (s style) bad(text string) string  { return s.paint("33", text) }

func (a *app) style() style { return style{on: a.color() && !a.noColor} }
