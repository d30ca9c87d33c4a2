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

// maxWidth is the widest line that chimera prints for people.
const maxWidth = 100

// minText is the width below which a column of text is not narrowed.
const minText = 12

// write prints the table, indented, no wider than its content needs. Where it
// would be wider than maxWidth, text goes on in a second line of its column;
// nothing is cut off. A colour escape in a cell takes no width.
func (t *table) write(w io.Writer, indent string, st style) {
	widths := t.widths(maxWidth - visible(indent))
	t.line(w, indent, widths, t.heads, st.dim)
	for _, r := range t.rows {
		t.line(w, indent, widths, r, func(s string) string { return s })
	}
}

// widths are those of the content, and then of text columns less, the widest
// first, until a line fits into room.
func (t *table) widths(room int) []int {
	widths := make([]int, len(t.heads))
	total := 2 * (len(widths) - 1)
	for i, h := range t.heads {
		widths[i] = visible(h)
		for _, r := range t.rows {
			if i < len(r) {
				widths[i] = max(widths[i], visible(r[i]))
			}
		}
		total += widths[i]
	}
	for ; total > room; total-- {
		widest := -1
		for i, n := range widths {
			if !t.right[i] && n > max(minText, visible(t.heads[i])) && (widest < 0 || n > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break // numbers are never broken
		}
		widths[widest]--
	}
	return widths
}

// line prints one row, in as many lines as its longest cell takes.
func (t *table) line(w io.Writer, indent string, widths []int, cells []string, paint func(string) string) {
	parts, lines := make([][]string, len(widths)), 1
	for i, c := range cells {
		parts[i] = []string{c}
		if visible(c) > widths[i] {
			parts[i] = wrap(c, widths[i])
		}
		lines = max(lines, len(parts[i]))
	}
	for n := range lines {
		var b strings.Builder
		for i, width := range widths {
			cell := ""
			if n < len(parts[i]) {
				cell = parts[i][n]
			}
			pad := strings.Repeat(" ", width-visible(cell))
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
}

// wrap breaks text at spaces into lines of at most width columns; a word that
// is longer is broken where it must be.
func wrap(text string, width int) []string {
	width = max(width, 1)
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && visible(line)+1+visible(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for runes := []rune(word); visible(word) > width; runes = []rune(word) {
			lines = append(lines, string(runes[:width]))
			word = string(runes[width:])
		}
		line = word
	}
	return append(lines, line)
}

// paragraph prints text after a label, in lines of at most maxWidth columns
// that begin below each other.
func paragraph(w io.Writer, label, text string) {
	for _, line := range wrap(text, maxWidth-visible(label)) {
		fmt.Fprintln(w, strings.TrimRight(label+line, " "))
		label = strings.Repeat(" ", visible(label))
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
