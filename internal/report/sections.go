package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/chart"
	"chimera/internal/fact"
	"chimera/internal/finding"
)

// fewFigures is how many figures of a topic stand open.
const fewFigures = 4

// figures has for each topic the drawings of its findings, those first that
// decide something; all but a few are folded away.
func (b *builder) figures() Section {
	s := Section{ID: "figures", Title: "Figures"}
	own, more := b.Template.topics()
	for _, t := range append(own, more...) {
		var shown, rest []Block
		for _, f := range b.of(t) {
			for _, g := range f.Figures {
				if drawn := b.draw(f, g); isDecided(f) {
					shown = append(shown, drawn...)
				} else {
					rest = append(rest, drawn...)
				}
			}
		}
		if slices.Contains(t.kinds, finding.Ranking) {
			if d := b.decision(); d != nil {
				drawing := chart.Draw(d)
				shown = append([]Block{Figure{Drawing: drawing, Title: Text{{Text: drawing.Title()}}}}, shown...)
			}
		}
		if all := append(shown, rest...); len(all) > 0 {
			s.Blocks = append(append(s.Blocks, Heading{t.title}), folded(all, fewFigures, "More figures: "+strings.ToLower(t.title))...)
		}
	}
	return s
}

// draw makes one figure of each panel.
func (b *builder) draw(f finding.Finding, g finding.Figure) []Block {
	var out []Block
	for _, p := range g.Panels {
		if shape := b.shape(f, g, p); shape != nil {
			out = append(out, Figure{Drawing: chart.Draw(shape), Title: titleOf(f, g, p), How: b.how(f, g, p), Facts: drawn(p)})
		}
	}
	return out
}

var checkNames = map[finding.CheckID]string{
	finding.OrderRandomised: "order randomised", finding.Unaliased: "levels are distinct", finding.EqualWork: "equal work",
	finding.NoColdRows: "no cold rows among warm ones", finding.NoFailures: "every request gave a value", finding.NoCacheHits: "prompts were processed, not cached",
	finding.NoThrottling: "clocks held", finding.NoDegenerate: "no degenerate answers", finding.NoDrift: "no drift",
	finding.NoOutlier: "no single value decides", finding.EnoughN: "enough repeats", finding.Observed: "observed, not read from a file",
	finding.SameConditions: "same conditions", finding.SoloBaseline: "measured alone too",
	finding.LittlesLaw: "requests in flight, rate and time agree",
}

// checks has one line for each check and state, the failures first; what was
// found is said once for all findings that it holds for.
func (b *builder) checks() Section {
	type at struct {
		id     finding.CheckID
		status finding.Status
	}
	found := map[at][]Text{}
	where := map[at]map[string][]string{}
	for _, f := range b.Analysis.Findings {
		for _, c := range f.Checks {
			k := at{c.ID, c.Status}
			why := c.Why.Print(b.ledger.Fact)
			if where[k] == nil {
				where[k] = map[string][]string{}
			}
			if where[k][why] == nil {
				found[k] = append(found[k], c.Why)
			}
			if label := scopeLabel(f); !slices.Contains(where[k][why], label) {
				where[k][why] = append(where[k][why], label)
			}
		}
	}
	var items []Check
	for _, r := range b.Runs {
		items = append(items, sealCheck(r))
	}
	for _, id := range finding.CheckIDs {
		for _, status := range []finding.Status{finding.Fail, finding.Unknown, finding.Pass} {
			k := at{id, status}
			if len(found[k]) == 0 {
				continue
			}
			c := Check{Name: orElse(checkNames[id], string(id)), State: Verdict(status)}
			for _, why := range found[k] {
				text := slices.Clone(why)
				if status != finding.Pass {
					text = append(text, finding.Part{Text: " (in: "}, finding.Part{Name: strings.Join(first(where[k][why.Print(b.ledger.Fact)], 3), "; ")}, finding.Part{Text: ")"})
				}
				c.Found = append(c.Found, text)
			}
			items = append(items, c)
		}
	}
	return Section{ID: "checks", Title: "Can this be trusted?", Blocks: []Block{Checks{items}}}
}

func sealCheck(r Run) Check {
	c := Check{Name: "rows are sealed", State: "pass", Found: []Text{{{Text: "run "}, {Name: short(r.Manifest.Run)}, {Text: " is " + r.Status + ", sealed with "}, {Name: "sha256:" + r.Digest}}}}
	switch {
	case r.Digest == "":
		c.State, c.Found = "fail", []Text{{{Text: "run "}, {Name: short(r.Manifest.Run)}, {Text: " is " + r.Status + ": its rows may still change"}}}
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
	return append(slices.Clone(list[:n]), "and more")
}

// appendix holds the ledger and the rows' digests.
func (b *builder) appendix() Section {
	s := Section{ID: "appendix", Title: "Appendix: the ledger and the rows"}
	s.Blocks = append(s.Blocks, Heading{"Facts"}, b.factTable())
	s.Blocks = append(s.Blocks, Heading{"Rows"})
	if !b.Rows.Brief {
		s.Blocks = append(s.Blocks, b.rowTable())
		return s
	}
	s.Blocks = append(s.Blocks, Paragraph{Text: Text{{Text: "There are too many rows to list one by one: the seal of each run stands for them, and "},
		{Name: "chimera runs verify"}, {Text: " computes it again."}}})
	return s
}

// ledgerTable is the id of the table that popovers read.
const ledgerTable = "ledger"

// FactTable prints a ledger: popovers and links of a page lead into it.
func FactTable(l *Ledger) Table {
	b := builder{ledger: l}
	return b.factTable()
}

// factTable is the ledger. Its heads name the lines of a popover.
func (b *builder) factTable() Table {
	t := Table{ID: ledgerTable, Title: "The ledger of facts", Caption: Text{{Text: "Every number of this report. Evidence names the rows, or the facts that a fact was derived from."}}}
	for _, name := range []string{"fact", "metric", "aggregate", "phase", "scope"} {
		t.Columns = append(t.Columns, Column{Name: name, Words: true})
	}
	t.Columns = append(t.Columns, Column{Name: "value"}, Column{Name: "interval"}, Column{Name: "n"}, Column{Name: "planned"},
		Column{Name: "method", Words: true}, Column{Name: "caveats", Words: true}, Column{Name: "evidence", Words: true}, Column{Name: "digest", Words: true})
	for _, f := range b.ledger.Facts() {
		scope := scopeText(f.Scope)
		t.Rows = append(t.Rows, Row{ID: f.ID, Cells: []Cell{
			{Text: Text{{Name: f.ID}}, Code: true}, {Text: Text{{Name: metricName(f)}}}, {Text: Text{{Name: f.Aggregate}}}, {Text: Text{{Name: string(f.Phase)}}},
			{Text: Text{{Name: scope}}}, exact(f), interval(f), {Text: Text{{Name: strconv.Itoa(f.N)}}}, {Text: Text{{Name: strconv.Itoa(f.Planned)}}},
			{Text: Text{{Name: f.Method}}}, {Text: Text{{Name: strings.Join(f.Caveats, "; ")}}}, {Text: Text{{Name: evidence(f.Evidence)}}},
			{Text: Text{{Name: f.Evidence.Digest[:min(12, len(f.Evidence.Digest))]}}, Code: true}}})
	}
	return t
}

// scopeText names a scope's keys and values, the most telling first.
func scopeText(scope map[string]string) string {
	var parts []string
	for _, k := range slices.SortedFunc(maps.Keys(scope), byTelling) {
		parts = append(parts, k+" "+scope[k])
	}
	return orElse(strings.Join(parts, " · "), "all rows")
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
	const some = 2
	if len(e.From) > 0 {
		return "facts " + strings.Join(first(e.From, 4), " ")
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
	t := Table{ID: b.unique("t", "digests"), Title: "Digests of the rows",
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
