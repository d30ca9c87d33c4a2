package claim

import (
	"strings"
)

// pipeRow reads a row of a Markdown table. The first row is the head, the row
// of dashes is dropped.
func (r *reader) pipeRow(number, start, end int, trimmed string) bool {
	if strings.Count(trimmed, "|") < 2 && !(r.inTable && strings.Contains(trimmed, "|")) {
		return false
	}
	if !strings.HasPrefix(trimmed, "|") && !r.inTable && !r.dashesFollow(end) {
		return false
	}
	cells := splitPipes(r.d.Text, start, end)
	if len(cells) < 2 {
		return false
	}
	r.open = -1
	if dashes(trimmed) {
		return true
	}
	if r.inTable && r.dashesFollow(end) {
		r.inTable = false // another table begins without an empty line
	}
	if !r.inTable {
		if n := r.dashColumns(end); n > 1 && n < len(cells) && !strings.HasPrefix(trimmed, "|") {
			cells = cells[len(cells)-n:] // text stands before the head
		}
		r.inTable, r.table = true, cells
		r.tables++
		return true
	}
	for i := range cells {
		if i < len(r.table) {
			cells[i].Head = strings.TrimSpace(r.d.Text[r.table[i].Start:r.table[i].End])
		}
	}
	r.add(Row, number, start, end)
	p := &r.d.Passages[len(r.d.Passages)-1]
	p.Cells, p.Table = within(cells, p.Start, p.End), r.tables
	return true
}

// within keeps the cells that lie in one passage: an endless row is cut.
func within(cells []Cell, start, end int) []Cell {
	var in []Cell
	for _, c := range cells {
		if c.Start >= start && c.End <= end {
			in = append(in, c)
		}
	}
	return in
}

func (r *reader) dashesFollow(end int) bool { return dashes(r.lineBelow(end)) }

// dashColumns counts the columns of the row of dashes below a line.
func (r *reader) dashColumns(end int) int {
	line := r.lineBelow(end)
	if !dashes(line) {
		return 0
	}
	return len(splitPipes(line, 0, len(line)))
}

func (r *reader) lineBelow(end int) string {
	rest := r.d.Text[min(end, len(r.d.Text)):]
	rest = strings.TrimLeft(rest, " \r")
	rest = strings.TrimPrefix(rest, "\n")
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	return strings.TrimSpace(rest)
}

func dashes(trimmed string) bool {
	return strings.Contains(trimmed, "-") && strings.Contains(trimmed, "|") && strings.Trim(trimmed, "|-: \t") == ""
}

func splitPipes(text string, start, end int) []Cell {
	var cells []Cell
	at := start
	for i := start; i <= end && len(cells) < maxColumns; i++ {
		if i < end && (text[i] != '|' || i > start && text[i-1] == '\\') {
			continue
		}
		s, e := at, i
		for s < e && (text[s] == ' ' || text[s] == '\t') {
			s++
		}
		for e > s && (text[e-1] == ' ' || text[e-1] == '\t' || text[e-1] == '\r') {
			e--
		}
		if !(at == start && s == e) && !(i == end && s == e) { // the borders
			cells = append(cells, Cell{Start: s, End: e})
		}
		at = i + 1
	}
	return cells
}

// grid reads tables that are aligned with blanks, as data frames print
// themselves: a line of two names or more, then rows of numbers. A second line
// of names below the first is the finer head.
type grid struct {
	heads [][]word
	rows  int
}

type word struct {
	start, end int // columns within the line
	text       string
}

func (g *grid) active() bool { return len(g.heads) > 0 }
func (g *grid) end()         { g.heads, g.rows = nil, 0 }

// start takes a line as a head if it is nothing but words, well apart.
func (g *grid) start(text string, start, end int) bool {
	words := split(text[start:end])
	if len(words) < 2 || len(words) > maxColumns || !nextIsGrid(text, end, len(words)) {
		return false
	}
	for _, w := range words {
		if !isName(w.text) {
			return false
		}
	}
	g.heads, g.rows = [][]word{words}, 0
	return true
}

// row takes a line as a row of the open grid. The answer is false where the
// line does not belong to it, which ends it.
func (g *grid) row(text string, start, end int) ([]Cell, bool) {
	if !g.active() {
		return nil, false
	}
	words := split(text[start:end])
	numbers := 0
	for _, w := range words {
		if startsNumber(w.text) {
			numbers++
		}
	}
	if numbers == 0 {
		if g.rows > 0 || len(g.heads) > 2 {
			g.end()
			return nil, false
		}
		g.heads = append(g.heads, words)
		return nil, true
	}
	heads := g.columns()
	extra := len(words) - len(heads)
	if extra < 0 || extra > 1 || numbers < len(words)/2 {
		g.end()
		return nil, false
	}
	g.rows++
	cells := make([]Cell, 0, len(words))
	for i, w := range words {
		head := ""
		if i-extra >= 0 {
			head = heads[i-extra]
		}
		if extra == 1 && i == 0 && startsNumber(w.text) && len(words) > 2 && !startsNumber(words[1].text) {
			continue // the row's number
		}
		cells = append(cells, Cell{Start: start + w.start, End: start + w.end, Head: head})
	}
	return cells, true
}

// columns joins the heads of each column, coarse to fine.
func (g *grid) columns() []string {
	fine := g.heads[0]
	if len(g.heads) > 1 && len(g.heads[1]) > len(fine) {
		fine = g.heads[1]
		out := make([]string, len(fine))
		for i, w := range fine {
			out[i] = w.text
			for j := len(g.heads[0]) - 1; j >= 0; j-- {
				if g.heads[0][j].start <= w.end {
					out[i] = g.heads[0][j].text + " " + w.text
					break
				}
			}
		}
		return out
	}
	out := make([]string, len(fine))
	for i, w := range fine {
		out[i] = w.text
	}
	return out
}

func nextIsGrid(text string, end, heads int) bool {
	if i := strings.IndexByte(text[end:], '\n'); i >= 0 {
		end += i // past the blanks that were trimmed
	}
	for range 3 {
		if end >= len(text) {
			return false
		}
		rest := text[end+1:]
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			end, rest = end+1+i, rest[:i]
		} else {
			end = len(text)
		}
		if len(rest) > maxPassage {
			return false
		}
		words := split(rest)
		numbers := 0
		for _, w := range words {
			if startsNumber(w.text) {
				numbers++
			}
		}
		if numbers > 0 {
			return numbers >= 2 && len(words) >= heads
		}
		if len(words) == 0 {
			return false
		}
	}
	return false
}

func split(line string) []word {
	var out []word
	at := -1
	for i := 0; i <= len(line); i++ {
		if i < len(line) && line[i] != ' ' && line[i] != '\t' && line[i] != '\r' {
			if at < 0 {
				at = i
			}
			continue
		}
		if at >= 0 {
			out = append(out, word{at, i, line[at:i]})
			at = -1
			if len(out) > maxColumns {
				return out
			}
		}
	}
	return out
}

func isName(text string) bool {
	for i, r := range text {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789%/().-", r)) {
			return false
		}
	}
	return text != ""
}

func startsNumber(text string) bool {
	text = strings.TrimLeft(text, "+-−$")
	if text == "" || text[0] < '0' || text[0] > '9' {
		return false
	}
	return strings.Trim(text, "0123456789.,eE+-%xs") == ""
}
