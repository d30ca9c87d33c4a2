package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"chimera/internal/chart"
	"chimera/internal/finding"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// speedups draws one ratio by several estimates side by side.
func (b *builder) speedups(head chart.Head, p finding.Panel) chart.Figure {
	fig := chart.Speedups{Head: head, By: p.X.Categories, References: references(p)}
	for _, name := range categories(finding.Axis{}, p.Points, series) {
		row := chart.Speedup{Name: name}
		for _, c := range p.X.Categories {
			row.Values = append(row.Values, b.find(p.Points, func(x finding.Point) bool { return x.Series == name && x.XName == c }))
		}
		fig.Rows = append(fig.Rows, row)
	}
	return fig
}

// tradeOff draws options by two measures. A finding that draws a front has
// judged its options: the winners lie on it.
func (b *builder) tradeOff(head chart.Head, p finding.Panel) chart.Figure {
	judged := slices.ContainsFunc(p.Points, func(x finding.Point) bool { return x.Winner })
	head.Unit = unitOf(p)
	fig := chart.TradeOff{Head: head, X: measure(p.X, unit.None), Y: measure(p.Y, unitOf(p))}
	for _, x := range p.Points {
		o := chart.Option{Subject: b.subject(orElse(x.Series, x.XName)), Y: b.value(x), X: chart.Value{V: x.X.Or(0), N: max(x.N, 1)}}
		if _, ok := x.X.Get(); !ok {
			o.X = chart.Value{Missing: "not measured"}
		}
		if f, ok := b.ledger.Fact(x.XFact); ok {
			o.X.N = f.N
		}
		lo, okLo := x.XLo.Get()
		hi, okHi := x.XHi.Get()
		if okLo && okHi {
			o.X.Lo, o.X.Hi = lo, hi
		}
		switch {
		case x.Winner:
			o.Standing = chart.Efficient
		case judged:
			o.Standing = chart.Dominated
		}
		fig.Options = append(fig.Options, o)
	}
	return fig
}

func measure(a finding.Axis, u unit.Unit) chart.Axis {
	out := chart.Axis{Name: orElse(a.Label, a.Metric), Unit: a.Unit, Log: a.Log}
	if out.Unit == unit.None {
		out.Unit = u
	}
	if m, err := metric.Lookup(a.Metric); err == nil {
		switch m.Direction {
		case metric.Higher:
			out.Better = 1
		case metric.Lower:
			out.Better = -1
		}
	}
	return out
}

// course draws values in the order in which they were measured. Single rows of
// one thing show which were cold; several things are lines. What there is no
// room for is thinned evenly, the first and the last kept.
func (b *builder) course(head chart.Head, p finding.Panel) chart.Figure {
	const most = 400
	names := categories(finding.Axis{}, p.Points, series)
	cold := slices.ContainsFunc(p.Points, func(x finding.Point) bool { return x.Facet == string(sample.Cold) })
	if cold || len(names) < 2 {
		fig := chart.RunOrder{Head: head, XName: p.X.Label, XUnit: p.X.Unit}
		for _, x := range thinned(p.Points, most) {
			if at, ok := x.X.Get(); ok {
				v := b.value(x)
				fig.Calls = append(fig.Calls, chart.Call{At: at, V: v.V, Cold: x.Facet == string(sample.Cold), Failed: v.Missing})
			}
		}
		return fig
	}
	fig := chart.Stability{Head: head, XName: p.X.Label, XUnit: p.X.Unit}
	for _, name := range names {
		one := chart.Series{Subject: b.subject(name)}
		points := slices.DeleteFunc(slices.Clone(p.Points), func(x finding.Point) bool { return x.Series != name || !x.X.OK() })
		for _, x := range thinned(points, most/len(names)) {
			v := b.value(x)
			v.N = max(v.N, 1)
			one.Moments = append(one.Moments, chart.Moment{At: x.X.Or(0), Value: v})
		}
		fig.Series = append(fig.Series, one)
	}
	return fig
}

// timeline draws what each agent did when, a lane each.
func (b *builder) timeline(head chart.Head, p finding.Panel) chart.Figure {
	fig := chart.Timeline{Head: head, XName: p.X.Label}
	for _, name := range categories(p.Y, p.Points, series) {
		lane := chart.Lane{Subject: b.subject(name)}
		for _, x := range p.Points {
			from, ok1 := x.X.Get()
			to, ok2 := x.XHi.Get()
			if x.Series == name && ok1 && ok2 {
				lane.Spans = append(lane.Spans, chart.Span{From: from, To: to, Kind: x.Facet, Label: x.Facet, Failed: x.Missing})
			}
		}
		fig.Lanes = append(fig.Lanes, lane)
	}
	return fig
}

func thinned[T any](all []T, most int) []T {
	if most = max(most, 2); len(all) <= most {
		return all
	}
	kept := make([]T, 0, most)
	for i := range most {
		kept = append(kept, all[i*(len(all)-1)/(most-1)])
	}
	return kept
}

// decision draws what the rankings recommend, question by question. It chooses
// nothing itself: each box is a finding's verdict, winners and pick.
func (b *builder) decision() chart.Figure {
	fig := chart.Decision{Head: chart.Head{ID: b.unique("fig", "decision"), Title: "What to choose, by what matters",
		Caption: "Made of the findings above: a question, what was found, and the cheapest of those that cannot be told apart from the best."}}
	const most = 4 // boxes that stand beside each other
	rankings := slices.Clone(b.Analysis.Of(finding.Ranking))
	slices.SortStableFunc(rankings, func(x, y finding.Finding) int {
		return cmp.Or(-compareBool(isDecided(x), isDecided(y)), cmp.Compare(rank(x), rank(y)))
	})
	chosen := map[string]bool{}
	for i, f := range rankings[:min(most, len(rankings))] {
		asked := fmt.Sprintf("question %d", i+1)
		question := orElse(f.Question, "Which is best at "+f.Metric+"?")
		fig.Nodes = append(fig.Nodes, chart.Node{ID: asked, Kind: chart.Question, Text: question, Note: f.Scope["experiment"]})
		result := chart.Node{ID: fmt.Sprintf("finding %d", i+1), Kind: chart.Found, Text: string(f.Verdict), Note: strings.Join(first(f.Winners, 4), ", ")}
		fig.Edges = append(fig.Edges, chart.Edge{From: asked, To: result.ID})
		if !isDecided(f) {
			result.Kind, result.Note = chart.Refused, orElse(f.Forbids, "no winner may be named")
		}
		fig.Nodes = append(fig.Nodes, result)
		if f.Pick == "" {
			continue
		}
		fig.Edges = append(fig.Edges, chart.Edge{From: result.ID, To: "choice " + f.Pick})
		if !chosen[f.Pick] {
			chosen[f.Pick] = true
			fig.Nodes = append(fig.Nodes, chart.Node{ID: "choice " + f.Pick, Kind: chart.Chosen, Text: f.Pick})
		}
	}
	if len(fig.Nodes) < 2 {
		return nil
	}
	return fig
}

// compareBool orders false before true.
func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}
