// Package claim reads reports as a checker must: not as prose, but as numbers
// with units, names, dates and places.
//
// A report may be Markdown, plain text, HTML or a notebook; it becomes one text
// cut into passages that know their section, the line that led into them and
// the head of their table column. Everything found is a span of that text, so
// that it can be marked where it stands. Nothing here knows what is true: the
// reader of a claim must not be swayed by what was measured. No step is
// recursive and every step is linear, so a hostile document costs its length.
package claim

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what is read.
const (
	MaxDocument = 64 << 20 // bytes of a report
	maxPassage  = 8 << 10  // bytes of one passage; longer text is cut into several
	maxColumns  = 256      // cells of one table row
)

// Kind says what a passage is.
type Kind string

// Kinds of passages.
const (
	Prose   Kind = "prose"
	Heading Kind = "heading"
	Item    Kind = "item"
	Row     Kind = "row"    // of a table; its cells know their heads
	Output  Kind = "output" // printed by a program, in a notebook or a fence
	Code    Kind = "code"
)

// Passage is a stretch of a document that is read at once.
type Passage struct {
	Kind    Kind
	Line    int // of its first byte, from 1
	Start   int // offsets in Document.Text
	End     int
	Section []string // titles above it, outermost first
	Leads   []string // lines ending in a colon that introduce it, outermost first
	Cells   []Cell   // of a table row
	Table   int      // which table a row belongs to, from 1; 0 for none
	Block   int      // passages of one block stand together
}

// Cell is one cell of a table row.
type Cell struct {
	Start, End int
	Head       string
}

// Document is a report that was read.
type Document struct {
	Name     string
	Text     string // what spans point into; for HTML, notebooks and reports with citations what they show
	Passages []Passage
	Cites    []Cite // numbers that lead to facts, in order
}

// Text returns a passage as one line.
func (d *Document) PassageText(p Passage) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		return r
	}, d.Text[p.Start:p.End])
}

// Title returns the first heading, or "".
func (d *Document) Title() string {
	for _, p := range d.Passages {
		if p.Kind == Heading {
			return strings.TrimSpace(strings.TrimLeft(d.PassageText(p), "# "))
		}
	}
	return ""
}

// Parse reads a report. Its name decides between HTML, notebook and text;
// where the name says nothing, the content does. Bytes that are no UTF-8 are
// replaced.
func Parse(name string, content []byte) (*Document, error) {
	if len(content) > MaxDocument {
		return nil, fmt.Errorf("%s is %d MiB; a report may have %d", path.Base(name), len(content)>>20, MaxDocument>>20)
	}
	text := string(content)
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	text = strings.TrimPrefix(text, "\uFEFF")
	ext := strings.ToLower(path.Ext(name))
	head := strings.ToLower(strings.TrimSpace(text[:min(len(text), 512)]))
	switch {
	case ext == ".ipynb":
		flat, err := flatten([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path.Base(name), err)
		}
		text = flat
	case ext == ".html" || ext == ".htm" || strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html"):
		page, cites := plain(text)
		d := &Document{Name: name, Text: page, Cites: cites}
		newReader(d).read()
		return d, nil
	}
	d := &Document{Name: name, Text: text}
	if citations(text) {
		d.Text, d.Cites = cited(text)
	}
	newReader(d).read()
	return d, nil
}

// reader cuts a text into passages.
type reader struct {
	d       *Document
	section []title
	leads   []lead
	mode    mode
	fence   string
	blank   bool // the line before was empty
	open    int  // index of the paragraph that may go on, or -1
	table   []Cell
	tables  int
	inTable bool
	block   int
	grid    *grid
}

type title struct {
	level int
	text  string
}

type lead struct {
	indent   int
	text     string
	children bool
}

type mode int

const (
	inText mode = iota
	inCode
	inOutput
)

func newReader(d *Document) *reader { return &reader{d: d, open: -1, blank: true, grid: &grid{}} }

func (r *reader) read() {
	number, start := 1, 0
	for start < len(r.d.Text) {
		end := strings.IndexByte(r.d.Text[start:], '\n')
		next := len(r.d.Text)
		if end < 0 {
			end = len(r.d.Text)
		} else {
			end += start
			next = end + 1
		}
		for _, cut := range r.cuts(start, end) {
			r.line(number, start, cut)
			start = cut
		}
		r.line(number, start, end)
		number, start = number+1, next
	}
}

// cuts are the places in a line of prose where another line began before
// somebody joined them: a heading, or the head of a table whose rule follows.
func (r *reader) cuts(start, end int) []int {
	if r.mode != inText || end-start > maxPassage {
		return nil
	}
	var out []int
	line := r.d.Text[start:end]
	at := len(line) - len(strings.TrimLeft(line, " \t"))
	for range 16 { // no writer joined more
		i := strings.Index(line[at:], " ##")
		if i < 0 {
			break
		}
		at += i + 1
		if headingLevel(line[at:]) > 1 {
			out = append(out, start+at)
		}
	}
	from := 0
	if len(out) > 0 {
		from = out[len(out)-1] - start
	}
	rest := strings.TrimRight(line[from:], " \t\r")
	if columns := ruleFollows(r.d.Text[end:]); columns > 1 && strings.HasSuffix(rest, "|") && !strings.HasPrefix(strings.TrimSpace(rest), "|") {
		at := len(rest)
		for range columns + 1 {
			at = strings.LastIndexByte(rest[:max(0, at)], '|')
		}
		if at > 0 {
			out = append(out, start+from+at)
		}
	}
	return out
}

// ruleFollows counts the columns of the rule below a table's head, if the next
// line is one.
func ruleFollows(text string) int {
	text = strings.TrimPrefix(text, "\n")
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	if len(text) < 5 || text[0] != '|' || !strings.Contains(text, "---") || strings.Trim(text, "|-: \r") != "" {
		return 0
	}
	return strings.Count(text, "|") - 1
}

func (r *reader) line(number, start, end int) {
	text := strings.TrimRight(r.d.Text[start:end], " \t\r")
	trimmed := strings.TrimSpace(text)
	switch {
	case trimmed == "":
		r.blank, r.open, r.inTable = true, -1, false
		r.grid.end()
		r.block++
		return
	case r.fenced(trimmed):
		return
	case strings.HasPrefix(trimmed, "In [") && strings.HasSuffix(trimmed, "]:"):
		r.mode, r.open, r.leads = inCode, -1, nil
		return
	}
	defer func() { r.blank = false }()
	switch {
	case r.mode == inCode && r.fence == "" && r.blank && leavesCode(text):
		r.mode = inOutput
	case r.mode == inOutput && r.fence == "" && strings.HasPrefix(text, "## "):
		r.mode = inText
	}
	if r.mode == inCode {
		r.add(Code, number, start, start+len(text))
		return
	}
	indent := len(text) - len(strings.TrimLeft(text, " \t"))
	if r.mode == inOutput {
		r.output(number, start, start+len(text), indent)
		return
	}
	r.prose(number, start, start+len(text), indent, trimmed)
}

// fenced follows ``` and ~~~ fences. Code in a fence is code where the fence
// names a language of programs; else it is what a program printed.
func (r *reader) fenced(trimmed string) bool {
	mark := ""
	for _, m := range []string{"```", "~~~"} {
		if strings.HasPrefix(trimmed, m) {
			mark = m
		}
	}
	if mark == "" || r.fence != "" && mark != r.fence {
		return false
	}
	r.open, r.inTable = -1, false
	if r.fence != "" {
		r.fence, r.mode = "", inText
		return true
	}
	r.fence, r.mode = mark, inOutput
	switch strings.ToLower(strings.TrimSpace(strings.TrimLeft(trimmed, "`~"))) {
	case "python", "py", "go", "rust", "bash", "sh", "js", "javascript", "json", "yaml", "toml", "c", "cpp", "sql", "powershell", "mermaid":
		r.mode = inCode
	}
	return true
}

// prose reads a line of Markdown.
func (r *reader) prose(number, start, end, indent int, trimmed string) {
	if level := headingLevel(trimmed); level > 0 {
		r.heading(number, start, end, level, trimmed)
		return
	}
	if trimmed == "---" || trimmed == "***" || strings.Trim(trimmed, "=") == "" || strings.Trim(trimmed, "-") == "" {
		r.open, r.leads = -1, nil
		return
	}
	if r.pipeRow(number, start, end, trimmed) {
		return
	}
	if isLead(trimmed) {
		r.lead(number, start, end, indent, trimmed)
		return
	}
	item := isItem(trimmed)
	own := item || strings.HasPrefix(trimmed, "**") && strings.Contains(trimmed, ":**") || strings.HasPrefix(trimmed, ">")
	if !own && r.open >= 0 && end-r.d.Passages[r.open].Start < maxPassage {
		r.d.Passages[r.open].End = end
		return
	}
	r.unindent(indent, item)
	kind := Prose
	if item {
		kind = Item
	}
	r.add(kind, number, start, end)
	if !strings.HasSuffix(r.d.Text[start:min(end+2, len(r.d.Text))], "  ") {
		r.open = len(r.d.Passages) - 1
	} else {
		r.open = -1
	}
}

// output reads a line that a program printed: each line stands alone.
func (r *reader) output(number, start, end, indent int) {
	r.open = -1
	trimmed := strings.TrimSpace(r.d.Text[start:end])
	if r.pipeRow(number, start, end, trimmed) {
		return
	}
	if isLead(trimmed) && !r.grid.active() {
		r.lead(number, start, end, indent, trimmed)
		return
	}
	if cells, ok := r.grid.row(r.d.Text, start, end); ok {
		if len(cells) > 0 {
			r.add(Row, number, start, end)
			p := &r.d.Passages[len(r.d.Passages)-1]
			p.Cells, p.Table = cells, r.tables
		}
		return
	}
	if r.grid.start(r.d.Text, start, end) {
		r.tables++
		return
	}
	r.unindent(indent, true)
	r.add(Output, number, start, end)
}

func (r *reader) heading(number, start, end, level int, trimmed string) {
	for len(r.section) > 0 && r.section[len(r.section)-1].level >= level {
		r.section = r.section[:len(r.section)-1]
	}
	r.leads, r.open, r.inTable = nil, -1, false
	r.add(Heading, number, start, end)
	r.section = append(r.section, title{level, strings.Trim(trimmed, "#*_ ")})
	if len(r.section) > 32 {
		r.section = r.section[1:]
	}
	r.block++
}

// lead keeps a line that introduces others. One that introduces nothing but
// another is the outer of two.
func (r *reader) lead(number, start, end, indent int, trimmed string) {
	for len(r.leads) > 0 {
		last := r.leads[len(r.leads)-1]
		if last.indent > indent || last.indent == indent && last.children {
			r.leads = r.leads[:len(r.leads)-1]
			if last.indent == indent {
				break // the sibling goes, what introduced both stays
			}
			continue
		}
		break
	}
	r.open, r.inTable = -1, false
	kind := Item
	if r.mode == inOutput {
		kind = Output
	}
	r.add(kind, number, start, end)
	if len(r.leads) < 8 {
		r.leads = append(r.leads, lead{indent: indent, text: trimmed})
	}
	r.block++
}

// unindent drops the leads that a line of text does not belong to: after an
// empty line, only deeper text still does.
func (r *reader) unindent(indent int, item bool) {
	for len(r.leads) > 0 {
		last := r.leads[len(r.leads)-1]
		if indent < last.indent || indent == last.indent && r.blank && !item {
			r.leads = r.leads[:len(r.leads)-1]
			continue
		}
		break
	}
}

func (r *reader) add(kind Kind, number, start, end int) {
	for i := range r.leads {
		r.leads[i].children = r.leads[i].children || kind != Heading && i == len(r.leads)-1
	}
	p := Passage{Kind: kind, Line: number, Block: r.block}
	for _, t := range r.section {
		p.Section = append(p.Section, t.text)
	}
	for _, l := range r.leads {
		p.Leads = append(p.Leads, l.text)
	}
	for {
		cut := min(end, start+maxPassage)
		if cut < end {
			cut = wordEnd(r.d.Text, start, cut)
		}
		p.Start, p.End = start, cut
		r.d.Passages = append(r.d.Passages, p)
		if cut >= end {
			return
		}
		start = cut
	}
}

// wordEnd moves a cut back to a blank, so that no number is cut in two.
func wordEnd(text string, start, cut int) int {
	if i := strings.LastIndexByte(text[start:cut], ' '); i > 0 {
		return start + i
	}
	for cut > start+1 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return cut
}

func headingLevel(trimmed string) int {
	n := len(trimmed) - len(strings.TrimLeft(trimmed, "#"))
	if n > 0 && n <= 6 && strings.HasPrefix(trimmed[n:], " ") {
		return n
	}
	// A line that is bold from end to end is a title too.
	if strings.HasPrefix(trimmed, "**") && strings.HasSuffix(trimmed, "**") && len(trimmed) > 4 && !strings.Contains(trimmed[2:len(trimmed)-2], "**") && !strings.HasSuffix(trimmed, ":**") {
		return 7
	}
	return 0
}

func isItem(trimmed string) bool {
	if len(trimmed) < 2 {
		return false
	}
	if strings.ContainsRune("-*+", rune(trimmed[0])) && trimmed[1] == ' ' {
		return true
	}
	if strings.HasPrefix(trimmed, "• ") {
		return true
	}
	digits := strings.TrimLeft(trimmed, "0123456789")
	return digits != trimmed && len(digits) > 1 && (digits[0] == '.' || digits[0] == ')') && digits[1] == ' '
}

// isLead reports whether a short line only introduces what follows.
func isLead(trimmed string) bool {
	bare := strings.TrimRight(trimmed, "*_ ")
	return len(bare) <= 120 && strings.HasSuffix(bare, ":") && !strings.HasPrefix(bare, "|")
}

// leavesCode tells what a program printed from its code, at the left margin
// after an empty line.
func leavesCode(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	if unicode.IsSpace(r) {
		return false
	}
	if strings.HasPrefix(text, "## ") {
		return true
	}
	if strings.ContainsRune("#)]}@'\"", r) {
		return false
	}
	word := text
	if i := strings.IndexFunc(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }); i >= 0 {
		word = text[:i]
		rest := strings.TrimLeft(text[i:], " ")
		if word != "" && (strings.HasPrefix(text[i:], "(") || strings.HasPrefix(text[i:], ".") && !strings.HasPrefix(text[i:], ". ") || strings.HasPrefix(text[i:], "[") || assigns(rest)) {
			return false
		}
		if strings.HasPrefix(rest, ",") && strings.Contains(rest, " = ") {
			return false
		}
	}
	switch word {
	case "def", "class", "import", "from", "for", "if", "else", "elif", "try", "except", "with", "return", "while", "async", "raise", "assert", "del":
		return false
	}
	return true
}

func assigns(rest string) bool {
	for _, op := range []string{"= ", "+= ", "-= ", "*= ", "/= ", ": "} {
		if strings.HasPrefix(rest, op) {
			return op != ": "
		}
	}
	return false
}
