package report

import (
	"slices"
	"strings"

	"chimera/internal/chart"
	"chimera/internal/finding"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// shape chooses how a panel is drawn. A kind that has no drawing gives nil: its
// facts stand in the finding's tables.
func (b *builder) shape(f finding.Finding, g finding.Figure, p finding.Panel) chart.Figure {
	head := b.head(f, g, p)
	b.local = categories(finding.Axis{}, p.Points, series)
	switch {
	case g.Kind == finding.Distribution:
		return b.distribution(head, p)
	case g.Kind == finding.Heatmap:
		return b.heatmap(head, p)
	case g.Kind == finding.Spans:
		return b.timeline(head, p)
	case g.Kind == finding.Scatter:
		return b.tradeOff(head, p)
	case g.Kind == finding.Series && slices.ContainsFunc(p.Points, func(x finding.Point) bool { return x.X.OK() }):
		return b.course(head, p)
	case g.Kind == finding.Ratios && len(p.X.Categories) > 1 && len(b.local) == 1:
		return b.speedups(head, p)
	case len(p.Points) == 0:
		return nil
	}
	return b.intervals(head, g.Kind, p)
}

// drawn lists the facts of a panel, each once, in the order drawn.
func drawn(p finding.Panel) []string {
	var ids []string
	add := func(id string) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, x := range p.Points {
		add(x.Fact)
		add(x.XFact)
	}
	for _, l := range p.Lines {
		add(l.Fact)
	}
	return ids
}

func (b *builder) head(f finding.Finding, g finding.Figure, p finding.Panel) chart.Head {
	title := plain(b.ledger, titleOf(f, g, p))
	how := b.how(f, g, p)
	h := chart.Head{ID: b.unique("fig", string(f.Kind), f.Metric, g.ID, p.Facet), Title: title, Caption: how, Metric: orElse(p.Y.Metric, f.Metric), Unit: unitOf(p)}
	for _, x := range p.Points {
		if found, ok := b.ledger.Fact(x.Fact); ok {
			h.Aggregate = orElse(h.Aggregate, found.Aggregate)
			if _, ok := found.Lo.Get(); ok {
				h.Interval = orElse(h.Interval, found.Method)
			}
		}
	}
	return h
}

// titleOf says what a panel shows: the figure's own title, or the claim that it
// is drawn for.
func titleOf(f finding.Finding, g finding.Figure, p finding.Panel) Text {
	t := slices.Clone(f.Sentence)
	if len(g.Title) > 0 {
		t = slices.Clone(g.Title)
	}
	if n := len(t) - 1; n >= 0 {
		t[n].Text = strings.TrimSuffix(t[n].Text, ".")
	}
	if p.Facet != "" {
		t = append(t, finding.Part{Text: ": "}, finding.Part{Name: p.Facet})
	}
	return t
}

// how says of which part of the rows a panel is, where its title does not, and
// how the claim was reached.
func (b *builder) how(f finding.Finding, g finding.Figure, p finding.Panel) string {
	title := plain(b.ledger, titleOf(f, g, p))
	said := []string{}
	for _, k := range []string{"experiment", "workload", "subject", "factor", "prompt", "phase", "device", "model"} {
		if v := f.Scope[k]; v != "" && !strings.Contains(title, v) {
			said = append(said, k+" "+v)
		}
	}
	how := sentenceCase(f.Method)
	if len(said) > 0 {
		how = sentenceCase(strings.Join(said, ", ")) + ". " + how
	}
	if how != "" && !strings.HasSuffix(how, ".") {
		how += "."
	}
	return how
}

func unitOf(p finding.Panel) unit.Unit {
	for _, x := range p.Points {
		if x.Unit != unit.None {
			return x.Unit
		}
	}
	return p.Y.Unit
}

// value is a point as a figure wants it.
func (b *builder) value(p finding.Point) chart.Value {
	v := chart.Value{V: p.Value.Or(0), N: p.N, Missing: p.Missing}
	if _, ok := p.Value.Get(); !ok {
		v.Missing = orElse(v.Missing, "not measured")
	}
	lo, okLo := p.Lo.Get()
	hi, okHi := p.Hi.Get()
	if okLo && okHi {
		v.Lo, v.Hi = lo, hi
	}
	if f, ok := b.ledger.Fact(p.Fact); ok && f.Planned > f.N {
		v.Planned = f.Planned
	}
	return v
}

// subject gives a name the colour it has everywhere. A name that is no subject,
// such as a level, has one within its figure only.
func (b *builder) subject(name string) chart.Subject {
	if slot := b.slots[name]; slot > 0 {
		return chart.Subject{Name: name, Slot: slot - 1}
	}
	return chart.Subject{Name: name, Slot: max(0, slices.Index(b.local, name))}
}

// categories are a panel's names on an axis: as it lists them, or as its points
// come.
func categories(axis finding.Axis, points []finding.Point, name func(finding.Point) string) []string {
	if len(axis.Categories) > 0 {
		return axis.Categories
	}
	var all []string
	for _, p := range points {
		if n := name(p); n != "" && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

func xName(p finding.Point) string  { return p.XName }
func series(p finding.Point) string { return p.Series }

// intervals draws a row for each category where every category is one thing,
// and groups of columns where several things share a category.
func (b *builder) intervals(head chart.Head, kind finding.FigureKind, p finding.Panel) chart.Figure {
	names, several := categories(p.X, p.Points, xName), categories(finding.Axis{}, p.Points, series)
	crossed := slices.ContainsFunc(p.Points, func(x finding.Point) bool { return x.Series != "" && x.Series != x.XName })
	if crossed && len(several) > 1 {
		fig := chart.Grouped{Head: head, By: p.X.Label, Groups: names, References: references(p)}
		for _, s := range several {
			fig.Subjects = append(fig.Subjects, b.subject(s))
		}
		for _, n := range names {
			var row []chart.Value
			for _, s := range several {
				row = append(row, b.find(p.Points, func(x finding.Point) bool { return x.XName == n && x.Series == s }))
			}
			fig.Values = append(fig.Values, row)
		}
		return fig
	}
	fig := chart.Variants{Head: head, FromZero: kind == finding.Intervals && unitOf(p) != unit.Second, Ratios: kind == finding.Ratios, References: references(p)}
	for _, n := range names {
		row := chart.Variant{Subject: b.subject(n)}
		if crossed { // one subject's levels or configurations
			row.Subject = chart.Subject{Name: distinct(n, names), Slot: b.subject(several[0]).Slot}
		}
		for _, x := range p.Points {
			v, single := x.Value.Get()
			switch {
			case x.XName != n:
			case x.Row != "" && single && x.Facet == string(sample.Cold):
				row.ColdPoints = append(row.ColdPoints, v)
			case x.Row != "" && single:
				row.Points = append(row.Points, v)
			case x.Facet == string(sample.Cold):
				row.Cold = b.value(x)
			default:
				row.Value = b.value(x)
			}
		}
		fig.Rows = append(fig.Rows, row)
	}
	return fig
}

// references are a panel's level lines and bands; lines through points are the
// business of the figures that have them.
func references(p finding.Panel) []chart.Reference {
	var all []chart.Reference
	for _, l := range p.Lines {
		if y, ok := l.Y.Get(); ok {
			all = append(all, chart.Reference{Label: l.Label, From: y, To: l.Y2.Or(y)})
		}
	}
	return all
}

func (b *builder) find(points []finding.Point, fits func(finding.Point) bool) chart.Value {
	if i := slices.IndexFunc(points, fits); i >= 0 {
		return b.value(points[i])
	}
	return chart.Value{Missing: "not measured"}
}

// distribution draws single rows by category, with the aggregate where the
// panel has it.
func (b *builder) distribution(head chart.Head, p finding.Panel) chart.Figure {
	fig := chart.Distribution{Head: head}
	for _, n := range categories(p.X, p.Points, xName) {
		group := chart.Group{Subject: b.subject(n)}
		for _, x := range p.Points {
			v, ok := x.Value.Get()
			switch {
			case x.XName != n:
			case x.Fact != "" || x.Missing != "":
				group.Value = b.value(x)
			case ok:
				group.Points = append(group.Points, v)
			}
		}
		fig.Groups = append(fig.Groups, group)
	}
	return fig
}

// heatmap draws a value for each pair of levels.
func (b *builder) heatmap(head chart.Head, p finding.Panel) chart.Figure {
	xs, ys := categories(p.X, p.Points, xName), categories(p.Y, p.Points, func(x finding.Point) string { return x.YName })
	fig := chart.HeatMap{Head: head, XName: p.X.Label, YName: p.Y.Label, X: xs, Y: ys}
	for _, y := range ys {
		var row []chart.Value
		for _, x := range xs {
			row = append(row, b.find(p.Points, func(q finding.Point) bool { return q.XName == x && q.YName == y }))
		}
		fig.Cells = append(fig.Cells, row)
	}
	return fig
}

// distinct is a name of several words without those that all names have: of
// "num_ctx=1024 temperature=0.2" what tells it apart from the others.
func distinct(name string, all []string) string {
	words := slices.DeleteFunc(strings.Fields(name), func(w string) bool {
		return len(all) > 1 && !slices.ContainsFunc(all, func(other string) bool { return !slices.Contains(strings.Fields(other), w) })
	})
	return orElse(strings.Join(words, " "), name)
}
