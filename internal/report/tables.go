package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

// tables has for each topic the tables of its findings. Tables of one shape
// become one: what tells them apart becomes a column, so that a reader sorts
// and filters once.
func (b *builder) tables() Section {
	s := Section{ID: "tables", Title: "Tables"}
	own, more := b.Template.topics()
	for i, t := range append(own, more...) {
		var blocks []Block
		for _, g := range alike(b.of(t)) {
			blocks = append(blocks, b.merged(g))
		}
		if len(blocks) == 0 && i < len(own) && len(t.kinds) > 0 && len(b.of(t)) == 0 {
			blocks = append(blocks, Paragraph{Verdict: finding.NotMeasured, Text: Text{{Text: sentenceCase(t.lack) + "."}}})
		}
		if len(blocks) > 0 {
			s.Blocks = append(append(s.Blocks, Heading{t.title}), blocks...)
		}
	}
	if len(b.tallies) > 0 {
		s.Blocks = append(s.Blocks, Heading{"Rows"}, b.tallyTable())
	}
	return s
}

// part is one finding's table.
type part struct {
	finding finding.Finding
	table   finding.Table
}

// alike groups tables of the same shape, in the order in which they come.
func alike(findings []finding.Finding) [][]part {
	at := map[string]int{}
	var groups [][]part
	for _, f := range findings {
		for _, t := range f.Tables {
			shape := []string{string(f.Kind), f.Metric, t.ID, t.Title, strings.Join(t.Labels, "\x01")}
			for _, c := range t.Columns {
				shape = append(shape, c.Head+"\x01"+string(c.As))
			}
			key := strings.Join(shape, "\x00")
			i, ok := at[key]
			if !ok {
				i = len(groups)
				at[key] = i
				groups = append(groups, nil)
			}
			groups[i] = append(groups[i], part{f, t})
		}
	}
	return groups
}

// scopeKeys are the keys of a finding's scope that a reader is told of, in the
// order in which they are said. A run is named only where there are several.
func (b *builder) scopeKeys(parts []part) (varying []string, fixed Text) {
	keys := map[string]map[string]bool{}
	for _, p := range parts {
		for k := range p.finding.Scope {
			keys[k] = map[string]bool{}
		}
	}
	if len(b.Runs) < 2 {
		delete(keys, "run")
	}
	delete(keys, "metric") // the column's head says it
	for _, p := range parts {
		for k := range keys {
			keys[k][p.finding.Scope[k]] = true
		}
	}
	order := slices.SortedFunc(maps.Keys(keys), byTelling)
	for _, k := range order {
		if len(keys[k]) > 1 {
			varying = append(varying, k)
			continue
		}
		fixed = append(fixed, finding.Part{Text: " · " + k + " "}, finding.Part{Name: parts[0].finding.Scope[k]})
	}
	return varying, fixed
}

// telling are the keys of a scope by how much they say.
var telling = []string{"subject", "against", "factor", "prompt", "workload", "experiment"}

func byTelling(x, y string) int {
	place := func(k string) int {
		if i := slices.Index(telling, k); i >= 0 {
			return i
		}
		return len(telling)
	}
	return cmp.Or(cmp.Compare(place(x), place(y)), cmp.Compare(x, y))
}

// merged makes one table of tables of one shape: each column gets one scale,
// subjects get their colour.
func (b *builder) merged(parts []part) Table {
	f, t := parts[0].finding, parts[0].table
	varying, fixed := b.scopeKeys(parts)
	varying = slices.DeleteFunc(varying, func(k string) bool { return slices.Contains(t.Labels, k) })
	out := Table{ID: b.unique("t", string(f.Kind), f.Metric, t.ID), Title: t.Title, Caption: append(Text{{Text: t.Title}}, fixed...)}
	for _, name := range append(slices.Clone(varying), t.Labels...) {
		out.Columns = append(out.Columns, Column{Name: name, Words: true})
	}
	columns := make([]column, len(t.Columns))
	for j, c := range t.Columns {
		facts := b.column(parts, j)
		columns[j] = columnOf(c.As, facts...)
		out.Columns = append(out.Columns, Column{Name: c.Head, Unit: symbol(c.As, columns[j].scale), Words: len(facts) == 0})
	}
	seen := map[string]bool{}
	for _, p := range parts {
		for _, r := range p.table.Rows {
			row := b.row(p, r, varying, columns)
			if key := fmt.Sprint(row.Cells); !seen[key] { // a baseline stands in each of the tables
				seen[key] = true
				out.Rows = append(out.Rows, row)
			}
		}
	}
	return out
}

// TableOf makes a table of facts ready to be printed: each column in one scale.
// Facts that l lacks are an error of the document that it goes into.
func TableOf(l *Ledger, t finding.Table) Table {
	b := builder{ledger: l, ids: map[string]int{}, slots: map[string]int{}}
	out := b.merged([]part{{table: t}})
	out.ID = t.ID
	return out
}

// column are the facts of a column, over all tables that become one.
func (b *builder) column(parts []part, j int) []fact.Fact {
	var facts []fact.Fact
	for _, p := range parts {
		for _, r := range p.table.Rows {
			if j < len(r.Cells) && r.Cells[j].Fact != "" {
				found, _ := b.ledger.Fact(r.Cells[j].Fact)
				facts = append(facts, found)
			}
		}
	}
	return facts
}

func (b *builder) row(p part, r finding.Row, varying []string, columns []column) Row {
	row := Row{Winner: r.Winner}
	name := func(label, s string) {
		cell := Cell{Text: Text{{Name: s}}}
		if label == "subject" {
			cell.Slot = b.slots[s]
		}
		row.Cells = append(row.Cells, cell)
	}
	for _, k := range varying {
		name(k, p.finding.Scope[k])
	}
	for i, label := range p.table.Labels {
		if i < len(r.Names) {
			name(label, r.Names[i])
		} else {
			name(label, "")
		}
	}
	if len(row.Cells) > 0 {
		row.Cells[len(row.Cells)-1].Note = r.Note
	}
	for j, c := range p.table.Columns {
		cell := Cell{Missing: "no reason is on record"}
		if j < len(r.Cells) {
			cell = Cell{Fact: r.Cells[j].Fact, As: cmp.Or(c.As, finding.AsBoth), Column: columns[j], Missing: r.Cells[j].Missing}
			if w := r.Cells[j].Word; w != "" {
				cell.Text = Text{{Name: w}} // a condition may name a number format
			}
		}
		row.Cells = append(row.Cells, cell)
	}
	return row
}

// tallyTable says how the rows of every group ended.
func (b *builder) tallyTable() Table {
	var seen []sample.Outcome
	for _, o := range sample.Outcomes {
		if o == sample.OK || slices.ContainsFunc(b.tallies, func(t tally) bool { _, ok := t.outcomes[o]; return ok }) {
			seen = append(seen, o)
		}
	}
	runs := len(b.Runs) > 1
	t := Table{ID: b.unique("t", "rows"), Title: "How every planned request ended", Caption: Text{{Text: "How every planned request ended"}}}
	names := []string{"subject", "experiment", "phase"}
	if runs {
		names = append(names, "run")
	}
	for _, n := range names {
		t.Columns = append(t.Columns, Column{Name: n, Words: true})
	}
	t.Columns = append(t.Columns, Column{Name: "planned"})
	for _, o := range seen {
		t.Columns = append(t.Columns, Column{Name: string(o)})
	}
	t.Columns = append(t.Columns, Column{Name: "digest of the rows", Words: true})
	for _, g := range b.tallies {
		row := Row{Cells: []Cell{{Text: Text{{Name: g.key.subject}}, Slot: b.slots[g.key.subject]}, {Text: Text{{Name: g.key.experiment}}}, {Text: Text{{Name: g.key.phase}}}}}
		if runs {
			row.Cells = append(row.Cells, Cell{Text: Text{{Name: short(g.key.run)}}, Code: true})
		}
		row.Cells = append(row.Cells, Cell{Fact: g.planned.ID, As: finding.AsValue})
		for _, o := range seen {
			cell := Cell{Text: Text{{Text: "none"}}}
			if f, ok := g.outcomes[o]; ok {
				cell = Cell{Fact: f.ID, As: finding.AsValue}
			}
			row.Cells = append(row.Cells, cell)
		}
		row.Cells = append(row.Cells, Cell{Text: Text{{Name: g.digest[:min(12, len(g.digest))]}}, Code: true})
		t.Rows = append(t.Rows, row)
	}
	return t
}
