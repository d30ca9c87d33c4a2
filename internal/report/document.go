package report

import (
	"errors"
	"fmt"

	"chimera/internal/chart"
	"chimera/internal/fact"
	"chimera/internal/finding"
)

// Text is prose with slots: words without digits, names that may hold some,
// and references to facts.
type Text = finding.Sentence

// ErrEmpty says that there is no fact to report.
var ErrEmpty = errors.New("the ledger is empty: nothing was measured that a report could print")

// Document is one report. It is not changed by its writers.
type Document struct {
	Name     string // of the spec, or of the import
	Title    string // the question that the report answers
	Meta     Text   // one line above it: what was run, when, how much of it
	Sections []Section
	Ledger   *Ledger
	Rederive string           // the command line that makes this report again
	Audit    *finding.Audited // what the audit of the document found; nil before it
}

// Section is one part, in the order in which it is read.
type Section struct {
	ID     string // letters, digits and hyphens: the anchor
	Title  string
	Blocks []Block
}

// Block is one of the types of this file.
type Block interface{ block() }

// Answer is the sentence a hurried reader takes away, and how it was found.
type Answer struct {
	Lead Text
	How  []Text
}

// Paragraph is a sentence or a few, with the verdict they carry, if any.
type Paragraph struct {
	Verdict Verdict
	Text    Text
	More    Text // what must be known with it, of lesser weight
}

// Heading opens a part of a section.
type Heading struct{ Title string }

// Table has one cell for each column in each row. Rows may be sorted by the
// reader, so no row may depend on its place.
type Table struct {
	ID      string // letters, digits and hyphens, unique in the document
	Title   string // what the table holds, without numbers
	Caption Text
	Columns []Column
	Rows    []Row
}

// Column is a column's head. Unit stands under the name.
type Column struct {
	Name, Unit string
	Words      bool // text to the left; else numbers to the right
}

// Row has one cell for each column; the first names the row.
type Row struct {
	ID     string // the row's anchor, if it has one
	Winner bool
	Cells  []Cell
}

// Cell holds text, or one fact in the scale of its column, or says why there
// is neither.
type Cell struct {
	Text    Text
	Fact    string
	As      finding.Form
	Column  column
	Missing string
	// Slot is the colour of a subject's name, from 1; 0 is none.
	Slot int
	Code bool   // a digest or an id, set as code
	Sort string // what to sort by instead of the text
	Note string // a word below it, without numbers
}

// Figure is a drawing with the facts it draws. Where the drawing stands as a
// picture, Title and How are written beside it: each number leads to its fact.
type Figure struct {
	Drawing chart.Drawing
	Title   Text
	How     string
	Facts   []string // ids, in the order drawn
}

// Checks are what was tested about the measurement itself.
type Checks struct{ Items []Check }

// Check is one test and what it found.
type Check struct {
	Name  string
	State Verdict
	Found []Text
}

// Fold hides blocks behind a line until the reader opens it.
type Fold struct {
	Title  string
	Blocks []Block
}

// List holds sentences below each other, numbered or with bullets.
type List struct {
	Numbered bool
	Items    []Text
}

// Quote is text of others, word for word: what was sent to a model, what it
// wrote. It claims nothing.
type Quote struct{ Text string }

// Terms are definitions. Their text may hold digits: it is no measurement.
type Terms struct{ Items []Term }

// Term is one definition.
type Term struct{ Name, Text string }

// Properties are names with values that are names too: versions, models,
// machines.
type Properties struct{ Items []Property }

// Property is one line of it; Absent says why there is no value.
type Property struct{ Name, Value, Absent string }

func (Answer) block()     {}
func (Paragraph) block()  {}
func (Heading) block()    {}
func (Table) block()      {}
func (Figure) block()     {}
func (Checks) block()     {}
func (List) block()       {}
func (Quote) block()      {}
func (Terms) block()      {}
func (Properties) block() {}
func (Fold) block()       {}

// Verdict is a word that is shown as a label, in colour and in text.
type Verdict = finding.Verdict

// Tone is how a verdict's label is coloured.
type Tone string

const (
	Good    Tone = "good"
	Bad     Tone = "bad"
	Open    Tone = "open"
	Neutral Tone = "plain"
)

// toneOf knows the words that this project uses; any other word is neutral.
func toneOf(v Verdict) Tone {
	switch v {
	case "better", "same", "pass", "supported", "sealed":
		return Good
	case "worse", "fail", "not comparable", "contradicted":
		return Bad
	case "inconclusive", "not measured", "absent", "warn", "unknown":
		return Open
	}
	return Neutral
}

// Check returns an error if a slot names no fact of the ledger, a table's row
// has not a cell for each column, or the ledger is empty: there is no report
// without facts.
func (d Document) Check() error {
	if d.Ledger.Len() == 0 {
		return ErrEmpty
	}
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			if err := d.checkBlock(b); err != nil {
				return fmt.Errorf("section %s: %w", s.ID, err)
			}
		}
	}
	return d.checkText(d.Meta)
}

func (d Document) checkBlock(b Block) error {
	var texts []Text
	switch b := b.(type) {
	case Answer:
		texts = append(b.How, b.Lead)
	case Paragraph:
		texts = []Text{b.Text, b.More}
	case List:
		texts = b.Items
	case Table:
		texts = append(texts, b.Caption)
		for i, r := range b.Rows {
			if len(r.Cells) != len(b.Columns) {
				return fmt.Errorf("table %s: row %d has %d cells, but there are %d columns", b.ID, i, len(r.Cells), len(b.Columns))
			}
			for _, c := range r.Cells {
				texts = append(texts, c.Text)
				if c.Fact != "" {
					texts = append(texts, Text{{Fact: c.Fact}})
				}
			}
		}
	case Fold:
		for _, inner := range b.Blocks {
			if err := d.checkBlock(inner); err != nil {
				return err
			}
		}
	case Figure:
		texts = append(texts, b.Title)
		for _, id := range b.Facts {
			texts = append(texts, Text{{Fact: id}})
		}
	case Checks:
		for _, c := range b.Items {
			texts = append(texts, c.Found...)
		}
	}
	for _, t := range texts {
		if err := d.checkText(t); err != nil {
			return err
		}
	}
	return nil
}

func (d Document) checkText(t Text) error {
	for _, s := range t {
		if s.Fact == "" {
			continue
		}
		if _, ok := d.Ledger.Fact(s.Fact); !ok {
			return fmt.Errorf("the ledger has no fact %q", s.Fact)
		}
	}
	return nil
}

// Ledger holds the facts of a report by id, in the order in which they were
// added. The zero value is empty and ready to use.
type Ledger struct {
	order []string
	facts map[string]fact.Fact
}

// Add adds facts; one that is there already stays where it is.
func (l *Ledger) Add(facts ...fact.Fact) {
	if l.facts == nil {
		l.facts = map[string]fact.Fact{}
	}
	for _, f := range facts {
		if _, ok := l.facts[f.ID]; !ok {
			l.order = append(l.order, f.ID)
			l.facts[f.ID] = f
		}
	}
}

// Fact finds a fact.
func (l *Ledger) Fact(id string) (fact.Fact, bool) {
	if l == nil {
		return fact.Fact{}, false
	}
	f, ok := l.facts[id]
	return f, ok
}

// Len is the number of facts.
func (l *Ledger) Len() int {
	if l == nil {
		return 0
	}
	return len(l.order)
}

// Facts lists all facts in order.
func (l *Ledger) Facts() []fact.Fact {
	all := make([]fact.Fact, 0, l.Len())
	if l != nil {
		for _, id := range l.order {
			all = append(all, l.facts[id])
		}
	}
	return all
}

// Figures lists all figures in order.
func (d Document) Figures() []Figure {
	var all []Figure
	for _, s := range d.Sections {
		all = append(all, figuresOf(s.Blocks)...)
	}
	return all
}

func figuresOf(blocks []Block) []Figure {
	var all []Figure
	for _, b := range blocks {
		switch b := b.(type) {
		case Figure:
			all = append(all, b)
		case Fold:
			all = append(all, figuresOf(b.Blocks)...)
		}
	}
	return all
}
