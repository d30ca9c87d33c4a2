package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/chart"
	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

func (b *builder) tables() Section {
	s := Section{ID: "tables", Title: "Tables"}
	own, more := b.Template.topics()
	for i, t := range append(own, more...) {
		var blocks []Block
		for _, f := range b.of(t) {
			for _, table := range f.Tables {
				blocks = append(blocks, b.table(f, table))
			}
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

// table turns a finding's table into one that prints: each column gets one
// scale, subjects get their colour.
func (b *builder) table(f finding.Finding, t finding.Table) Table {
	out := Table{ID: b.unique("t", string(f.Kind), f.Metric, t.ID), Title: t.Title, Caption: caption(t.Title, f.Scope)}
	for _, l := range t.Labels {
		out.Columns = append(out.Columns, Column{Name: l, Words: true})
	}
	columns := make([]column, len(t.Columns))
	for j, c := range t.Columns {
		var facts []fact.Fact
		word := true
		for _, r := range t.Rows {
			if j < len(r.Cells) && r.Cells[j].Fact != "" {
				found, _ := b.ledger.Fact(r.Cells[j].Fact)
				facts = append(facts, found)
				word = false
			}
		}
		columns[j] = columnOf(c.As, facts...)
		out.Columns = append(out.Columns, Column{Name: c.Head, Unit: symbol(c.As, columns[j].scale), Words: word})
	}
	for _, r := range t.Rows {
		row := Row{Winner: r.Winner}
		for i := range t.Labels {
			cell := Cell{}
			if i < len(r.Names) {
				cell.Text = Text{{Name: r.Names[i]}}
				cell.Slot = b.slots[r.Names[i]]
			}
			if i == 0 {
				cell.Note = r.Note
			}
			row.Cells = append(row.Cells, cell)
		}
		for j, c := range t.Columns {
			cell := Cell{Missing: "no reason is on record"}
			if j < len(r.Cells) {
				cell = Cell{Fact: r.Cells[j].Fact, As: cmp.Or(c.As, finding.AsBoth), Column: columns[j], Missing: r.Cells[j].Missing}
				if w := r.Cells[j].Word; w != "" {
					cell.Text = Text{{Text: w}}
				}
			}
			row.Cells = append(row.Cells, cell)
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// caption is the title and the scope it holds for.
func caption(title string, scope map[string]string) Text {
	t := Text{{Text: title}}
	for _, k := range []string{"experiment", "workload", "subject", "factor", "prompt", "phase", "device", "model"} {
		if v := scope[k]; v != "" {
			t = append(t, finding.Part{Text: " · " + k + " "}, finding.Part{Name: v})
		}
	}
	return t
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
	t := Table{ID: b.unique("t", "rows"), Title: "How every planned request ended", Caption: Text{{Text: "How every planned request ended"}}, Tall: true}
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
		row.Cells = append(row.Cells, Cell{Text: Text{{Name: g.digest[:12]}}, Code: true})
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (b *builder) figures() Section {
	s := Section{ID: "figures", Title: "Figures"}
	own, more := b.Template.topics()
	for _, t := range append(own, more...) {
		first := true
		for _, f := range b.of(t) {
			for _, g := range f.Figures {
				for _, drawing := range b.draw(f, g) {
					if first {
						s.Blocks = append(s.Blocks, Heading{t.title})
						first = false
					}
					s.Blocks = append(s.Blocks, drawing)
				}
			}
		}
	}
	return s
}

// draw makes one figure of each kind that a panel asks for.
func (b *builder) draw(f finding.Finding, g finding.Figure) []Block {
	var out []Block
	for i, p := range g.Panels {
		shape, facts := b.shape(f, g, p, i)
		if shape == nil {
			continue
		}
		out = append(out, Figure{Drawing: chart.Draw(shape), Facts: facts})
	}
	return out
}

var checkNames = map[finding.CheckID]string{
	finding.OrderRandomised: "order randomised", finding.Unaliased: "levels are distinct", finding.EqualWork: "equal work",
	finding.NoColdRows: "no cold rows among warm ones", finding.NoFailures: "every request gave a value", finding.NoCacheHits: "prompts were processed, not cached",
	finding.NoThrottling: "clocks held", finding.NoDegenerate: "no degenerate answers", finding.NoDrift: "no drift",
	finding.NoOutlier: "no single value decides", finding.EnoughN: "enough repeats", finding.Observed: "observed, not read from a file",
	finding.SameConditions: "same conditions", finding.SoloBaseline: "measured alone too",
}

// checks lists each thing that was found by each check once, the failures
// first.
func (b *builder) checks() Section {
	type at struct {
		id     finding.CheckID
		status finding.Status
		why    string
	}
	where := map[at][]string{}
	why := map[at]Text{}
	var order []at
	for _, f := range b.Analysis.Findings {
		for _, c := range f.Checks {
			k := at{c.ID, c.Status, c.Why.Print(b.ledger.Fact)}
			if _, ok := why[k]; !ok {
				why[k] = c.Why
				order = append(order, k)
			}
			if label := scopeLabel(f); !slices.Contains(where[k], label) {
				where[k] = append(where[k], label)
			}
		}
	}
	status := []finding.Status{finding.Fail, finding.Unknown, finding.Pass}
	slices.SortStableFunc(order, func(x, y at) int {
		return cmp.Or(cmp.Compare(slices.Index(finding.CheckIDs, x.id), slices.Index(finding.CheckIDs, y.id)), cmp.Compare(slices.Index(status, x.status), slices.Index(status, y.status)))
	})
	var items []Check
	for _, r := range b.Runs {
		items = append(items, sealCheck(r))
	}
	for _, k := range order {
		text := slices.Clone(why[k])
		if k.status != finding.Pass {
			text = append(text, finding.Part{Text: " (" + "in: "}, finding.Part{Name: strings.Join(first(where[k], 3), "; ")}, finding.Part{Text: ")"})
		}
		items = append(items, Check{Name: orElse(checkNames[k.id], string(k.id)), State: Verdict(k.status), Found: text})
	}
	return Section{ID: "checks", Title: "Can this be trusted?", Blocks: []Block{Checks{items}}}
}

func sealCheck(r Run) Check {
	c := Check{Name: "rows are sealed", State: "pass", Found: Text{{Text: "run "}, {Name: short(r.Manifest.Run)}, {Text: " is " + r.Status + ", sealed with "}, {Name: "sha256:" + r.Digest}}}
	switch {
	case r.Digest == "":
		c.State, c.Found = "fail", Text{{Text: "run "}, {Name: short(r.Manifest.Run)}, {Text: " is " + r.Status + ": its rows may still change"}}
	case r.Status != "complete":
		c.State = "unknown"
	}
	return c
}

func scopeLabel(f finding.Finding) string {
	parts := []string{string(f.Kind)}
	for _, v := range []string{f.Metric, f.Scope["experiment"], f.Scope["subject"], f.Scope["factor"]} {
		if v != "" {
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, " ")
}

// first keeps n and says that there are more.
func first(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	return append(slices.Clone(list[:n]), "and "+strconv.Itoa(len(list)-n)+" more")
}

// appendix holds the ledger and the rows' digests.
func (b *builder) appendix() Section {
	s := Section{ID: "appendix", Title: "Appendix: the ledger and the rows"}
	s.Blocks = append(s.Blocks, Heading{"Facts"}, b.factTable())
	if b.Rows.total <= MaxRows {
		s.Blocks = append(s.Blocks, Heading{"Rows"}, b.rowTable())
	} else {
		s.Blocks = append(s.Blocks, Heading{"Rows"}, Paragraph{Text: Text{{Text: "There are too many rows to list one by one: the table of rows above has a digest for each group of them, in plan order, over the lines that "},
			{Name: "chimera runs export --format jsonl"}, {Text: " writes."}}})
	}
	return s
}

// ledgerTable is the id of the table that popovers read.
const ledgerTable = "ledger"

// factTable is the ledger. Its heads name the lines of a popover.
func (b *builder) factTable() Table {
	t := Table{ID: ledgerTable, Title: "The ledger of facts", Tall: true, Caption: Text{{Text: "Every number of this report. Evidence names the rows, or the facts that a fact was derived from."}}}
	for _, name := range []string{"fact", "metric", "aggregate", "phase", "scope"} {
		t.Columns = append(t.Columns, Column{Name: name, Words: true})
	}
	t.Columns = append(t.Columns, Column{Name: "value"}, Column{Name: "interval"}, Column{Name: "n"}, Column{Name: "planned"},
		Column{Name: "method", Words: true}, Column{Name: "caveats", Words: true}, Column{Name: "evidence", Words: true}, Column{Name: "digest", Words: true})
	for _, f := range b.ledger.Facts() {
		scope := about(f)
		if len(f.Scope) == 0 {
			scope = "all rows"
		}
		t.Rows = append(t.Rows, Row{ID: f.ID, Cells: []Cell{
			{Text: Text{{Name: f.ID}}, Code: true}, {Text: Text{{Name: metricName(f)}}}, {Text: Text{{Name: f.Aggregate}}}, {Text: Text{{Name: string(f.Phase)}}},
			{Text: Text{{Name: scope}}}, exact(f), interval(f), {Text: Text{{Name: strconv.Itoa(f.N)}}}, {Text: Text{{Name: strconv.Itoa(f.Planned)}}},
			{Text: Text{{Name: f.Method}}}, {Text: Text{{Name: strings.Join(f.Caveats, "; ")}}}, {Text: Text{{Name: evidence(f.Evidence)}}},
			{Text: Text{{Name: f.Evidence.Digest[:min(12, len(f.Evidence.Digest))]}}, Code: true}}})
	}
	return t
}

func metricName(f fact.Fact) string {
	if f.Version > 1 {
		return fmt.Sprintf("%s (version %d)", f.Metric, f.Version)
	}
	return f.Metric
}

// exact prints a value with all its digits: six are enough for people, and the
// ledger's file has the rest.
func exact(f fact.Fact) Cell {
	v, ok := f.Value.Get()
	if !ok {
		return Cell{Missing: orElse(f.Reason, "no reason is on record")}
	}
	return Cell{Text: Text{{Name: strings.TrimSpace(strconv.FormatFloat(v, 'g', 6, 64) + " " + string(f.Unit))}}, Sort: strconv.FormatFloat(v, 'g', -1, 64)}
}

func interval(f fact.Fact) Cell {
	lo, okLo := f.Lo.Get()
	hi, okHi := f.Hi.Get()
	if !okLo || !okHi {
		return Cell{}
	}
	return Cell{Text: Text{{Name: "[" + strconv.FormatFloat(lo, 'g', 6, 64) + ", " + strconv.FormatFloat(hi, 'g', 6, 64) + "]"}}}
}

// evidence names a few rows, and says how many there are.
func evidence(e fact.Evidence) string {
	const some = 4
	if len(e.From) > 0 {
		return "facts " + strings.Join(first(e.From, 2*some), " ")
	}
	total := max(e.Total, len(e.Rows))
	if total == 0 {
		return ""
	}
	text := strconv.Itoa(total) + " rows: " + strings.Join(e.Rows[:min(some, len(e.Rows))], ", ")
	if total > some {
		text += " …"
	}
	return text
}

func (b *builder) rowTable() Table {
	t := Table{ID: b.unique("t", "digests"), Title: "Digests of the rows", Tall: true,
		Caption: Text{{Name: "SHA-256"}, {Text: " of each row's line, as "}, {Name: "chimera runs export --format jsonl"}, {Text: " writes it."}},
		Columns: []Column{{Name: "row", Words: true}, {Name: "phase", Words: true}, {Name: "outcome", Words: true}, {Name: "digest", Words: true}}}
	for _, r := range b.Rows.list {
		outcome := r.outcome
		if r.superseded {
			outcome += ", superseded"
		}
		t.Rows = append(t.Rows, Row{Cells: []Cell{{Text: Text{{Name: r.row}}, Code: true}, {Text: Text{{Name: r.phase}}}, {Text: Text{{Name: outcome}}},
			{Text: Text{{Name: r.digest}}, Code: true}}})
	}
	return t
}
