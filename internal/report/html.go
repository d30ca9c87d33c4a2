package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"chimera/internal/chart"
	"chimera/internal/fact"
	"chimera/internal/finding"
)

var (
	//go:embed asset/page.html
	pageHTML string
	//go:embed asset/page.css
	pageCSS string
	//go:embed asset/page.js
	pageJS string

	page = template.Must(template.New("page").Parse(pageHTML))
)

// HTML writes d as one page that opens from disk: no request leaves it, and
// its policy forbids any. Facts open on hover, focus and click; without
// scripts, each is a link to its row of the ledger. Print style included.
func HTML(ctx context.Context, w io.Writer, d Document) error {
	if err := d.Check(); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	v := pageView{Name: d.Name, Title: d.Title, Meta: textView(d.Ledger, d.Meta), Rederive: d.Rederive,
		Style: template.CSS(chart.Style() + pageCSS)}
	scripts := []string{pageJS}
	drawn, err := drawAll(ctx, d.Figures())
	if err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	for _, s := range d.Sections {
		section := sectionView{ID: s.ID, Title: s.Title}
		for _, b := range s.Blocks {
			block, err := htmlBlock(drawn, d.Ledger, b)
			if err != nil {
				return fmt.Errorf("write page: section %s: %w", s.ID, err)
			}
			section.Blocks = append(section.Blocks, block)
		}
		v.Sections = append(v.Sections, section)
	}
	if len(d.Figures()) > 0 {
		scripts = append(scripts, chart.Script())
	}
	for _, s := range scripts {
		v.Scripts = append(v.Scripts, template.JS(s))
	}
	v.Policy = policy(scripts)
	var out bytes.Buffer
	if err := page.Execute(&out, v); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	_, err = w.Write(tame(out.Bytes()))
	return err
}

// tame takes out the characters that are no text: controls, and those that
// reorder the text around them. Nothing of our own has any.
func tame(b []byte) []byte { return bytes.Map(tamed, b) }

func tamed(r rune) rune {
	switch {
	case r == '\n', r == '\t':
		return r
	case r < ' ', r >= 0x7f && r < 0xa0:
		return ' '
	case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return -1
	}
	return r
}

// policy allows the page's own scripts by their digests, styles, and nothing
// that needs a connection.
func policy(scripts []string) string {
	var sources []string
	for _, s := range scripts {
		sum := sha256.Sum256([]byte(s))
		sources = append(sources, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	return "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'unsafe-inline'; script-src " + strings.Join(sources, " ")
}

type (
	pageView struct {
		Name, Title, Policy, Rederive string
		Meta                          []spanView
		Style                         template.CSS
		Sections                      []sectionView
		Scripts                       []template.JS
	}
	sectionView struct {
		ID, Title string
		Blocks    []blockView
	}
	// blockView has one field set.
	blockView struct {
		Answer     *answerView
		Paragraph  *paragraphView
		Heading    string
		Table      *tableView
		Figure     *figureView
		Checks     []checkView
		List       *listView
		Quote      string
		Terms      []Term
		Properties []Property
		Fold       *foldView
	}
	foldView struct {
		Title  string
		Blocks []blockView
	}
	listView struct {
		Numbered bool
		Items    [][]spanView
	}
	answerView    struct{ Lead, How any }
	paragraphView struct {
		Chip       chipView
		Text, More []spanView
	}
	chipView   struct{ Word, Tone string }
	figureView struct {
		Drawing template.HTML
		Facts   [][]spanView
	}
	checkView struct {
		Name        string
		Chip        chipView
		Found, More [][]spanView
	}
	tableView struct {
		ID, Label    string
		Filter, Tall bool
		Caption      []spanView
		Columns      []Column
		Rows         []rowView
	}
	rowView struct {
		ID     string
		Winner bool
		Cells  []cellView
	}
	cellView struct {
		Head, Words, Sortable bool
		Slot                  int
		Sort, Note, Fit       string
		Text                  []spanView
	}
	spanView struct {
		Text, Fact, Value, Interval, Tail, Missing string
		Name, Code                                 bool
	}
)

func htmlBlock(drawn drawings, l *Ledger, b Block) (blockView, error) {
	switch b := b.(type) {
	case Answer:
		how := make([][]spanView, 0, len(b.How))
		for _, t := range b.How {
			how = append(how, textView(l, t))
		}
		return blockView{Answer: &answerView{Lead: textView(l, b.Lead), How: how}}, nil
	case Paragraph:
		return blockView{Paragraph: &paragraphView{Chip: chip(b.Verdict), Text: textView(l, b.Text), More: textView(l, b.More)}}, nil
	case Heading:
		return blockView{Heading: b.Title}, nil
	case Table:
		return blockView{Table: htmlTable(l, b)}, nil
	case Figure:
		return htmlFigure(drawn, l, b), nil
	case Checks:
		var all []checkView
		for _, c := range b.Items {
			all = append(all, htmlCheck(l, c))
		}
		return blockView{Checks: all}, nil
	case List:
		v := &listView{Numbered: b.Numbered}
		for _, t := range b.Items {
			v.Items = append(v.Items, textView(l, t))
		}
		return blockView{List: v}, nil
	case Quote:
		return blockView{Quote: b.Text}, nil
	case Terms:
		return blockView{Terms: b.Items}, nil
	case Properties:
		return blockView{Properties: b.Items}, nil
	}
	if f, ok := b.(Fold); ok {
		v := &foldView{Title: f.Title}
		for _, inner := range f.Blocks {
			block, err := htmlBlock(drawn, l, inner)
			if err != nil {
				return blockView{}, err
			}
			v.Blocks = append(v.Blocks, block)
		}
		return blockView{Fold: v}, nil
	}
	return blockView{}, fmt.Errorf("there is no way to write a %T", b)
}

// fewFound is how many statements of a check stand open.
const fewFound = 3

func htmlCheck(l *Ledger, c Check) checkView {
	v := checkView{Name: c.Name, Chip: chip(c.State)}
	for i, t := range c.Found {
		if i < fewFound {
			v.Found = append(v.Found, textView(l, t))
		} else {
			v.More = append(v.More, textView(l, t))
		}
	}
	return v
}

func chip(v Verdict) chipView { return chipView{Word: string(v), Tone: string(toneOf(v))} }

func textView(l *Ledger, t Text) []spanView {
	out := make([]spanView, 0, len(t))
	for _, p := range t {
		switch {
		case p.Fact != "":
			f, _ := l.Fact(p.Fact)
			out = append(out, factView(f, sentenceNumber(f, p.As)))
		case p.Name != "":
			out = append(out, spanView{Text: p.Name, Name: true})
		default:
			out = append(out, spanView{Text: p.Text})
		}
	}
	return out
}

// sentenceNumber prints a fact as finding prints it in a sentence, so that an
// audit of the page reads the same words.
func sentenceNumber(f fact.Fact, as finding.Form) number {
	if _, ok := f.Value.Get(); !ok && as != finding.AsN && as != finding.AsPlanned {
		return number{missing: orElse(f.Reason, "no reason is on record")}
	}
	n := number{value: finding.Show(f, as)}
	if parts := bracketed.FindStringSubmatch(n.value); parts != nil {
		n.value, n.interval, n.tail = parts[1], parts[2], parts[3]
	}
	return n
}

// bracketed finds the interval in a printed fact.
var bracketed = regexp.MustCompile(`^(.+?) (\[[^\]]*\])(.*)$`)

func factView(f fact.Fact, n number) spanView {
	if n.missing != "" {
		return spanView{Missing: n.missing}
	}
	return spanView{Fact: f.ID, Value: n.value, Interval: n.interval, Tail: n.tail}
}

// Tables longer than these can be filtered, and scroll in a frame of their own.
const longTable, tallTable = 12, 24

func htmlTable(l *Ledger, t Table) *tableView {
	v := &tableView{ID: t.ID, Label: t.Title, Filter: len(t.Rows) > longTable, Tall: len(t.Rows) > tallTable,
		Caption: textView(l, t.Caption), Columns: t.Columns}
	for _, r := range t.Rows {
		row := rowView{ID: r.ID, Winner: r.Winner}
		for i, c := range r.Cells {
			cell := cellView{Head: i == 0, Words: t.Columns[i].Words, Slot: c.Slot, Note: c.Note}
			cell.Text, cell.Sort, cell.Sortable = cellText(l, c)
			cell.Fit = fit(cell)
			row.Cells = append(row.Cells, cell)
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// fit says how a cell of words takes its room: a short name stays on one line,
// a long one is set small.
func fit(c cellView) string {
	switch n := utf8.RuneCountInString(c.Sort); {
	case n <= 26:
		return " nb"
	case n > 40:
		return " long"
	}
	return ""
}

// cellText returns a cell's text and what it is sorted by; a cell without a
// value is not sorted.
func cellText(l *Ledger, c Cell) (text []spanView, sort string, sortable bool) {
	switch {
	case c.Missing != "":
		return []spanView{{Missing: c.Missing}}, "", false
	case c.Fact != "":
		f, _ := l.Fact(c.Fact)
		n := show(f, c.As, c.Column)
		switch v, ok := f.Value.Get(); {
		case c.As == finding.AsN:
			sort, sortable = strconv.Itoa(f.N), true
		case c.As == finding.AsPlanned:
			sort, sortable = strconv.Itoa(f.Planned), true
		case ok:
			sort, sortable = strconv.FormatFloat(v, 'g', -1, 64), true
		}
		return []spanView{factView(f, n)}, sort, sortable
	}
	text = textView(l, c.Text)
	if c.Code {
		for i := range text {
			text[i].Code = text[i].Fact == ""
		}
	}
	sort = plain(l, c.Text)
	if c.Sort != "" {
		sort = c.Sort
	}
	return text, sort, sort != ""
}

// plain is a text without its marks.
func plain(l *Ledger, t Text) string { return t.Print(l.Fact) }

// drawings are figures as fragments of a page, by id.
type drawings map[string]template.HTML

// drawAll draws all figures, as many at a time as pay: each drawing keeps one
// core busy.
func drawAll(ctx context.Context, figures []Figure) (drawings, error) {
	const workers = 2
	fragments, errs := make([][]byte, len(figures)), make([]error, len(figures))
	var next atomic.Int64
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(figures); i = int(next.Add(1)) - 1 {
				fragments[i], errs[i] = figures[i].Drawing.HTML(ctx)
			}
		})
	}
	wait.Wait()
	all := drawings{}
	for i, f := range figures {
		if errs[i] != nil {
			return nil, fmt.Errorf("figure %s: %w", f.Drawing.ID(), errs[i])
		}
		all[f.Drawing.ID()] = template.HTML(fragments[i])
	}
	return all, nil
}

func htmlFigure(drawn drawings, l *Ledger, f Figure) blockView {
	v := &figureView{Drawing: drawn[f.Drawing.ID()]}
	for _, id := range slices.Compact(slices.Clone(f.Facts)) {
		drawn, _ := l.Fact(id)
		n := sentenceNumber(drawn, finding.AsBoth)
		v.Facts = append(v.Facts, []spanView{{Text: about(drawn) + " ", Name: true}, factView(drawn, n)})
	}
	return blockView{Figure: v}
}

// about names a fact by its scope.
func about(f fact.Fact) string {
	parts := []string{}
	for _, k := range slices.Sorted(maps.Keys(f.Scope)) {
		parts = append(parts, f.Scope[k])
	}
	if len(parts) == 0 {
		return strings.TrimSpace(f.Aggregate + " " + f.Metric)
	}
	return strings.Join(parts, " · ")
}
