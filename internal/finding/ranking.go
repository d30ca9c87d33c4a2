package finding

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
)

// unknownOrder is how far apart subjects must lie before a comparison whose
// order nobody recorded is believed: no drift of a machine that was left alone
// is known to reach it.
const unknownOrder = 0.25

// rankings compares the subjects of every bench, warm, at equal prompts and
// settings.
func (a *asking) rankings() {
	for _, b := range a.benches() {
		subjects := b.subjects()
		if len(subjects) < 2 {
			continue
		}
		for _, alternatives := range [][]string{speeds, latencies} {
			things := make([][]*stratum, len(subjects))
			for i, s := range subjects {
				things[i] = b.of(sample.Measure, s)
			}
			if metric, ok := a.carried(alternatives, things...); ok {
				a.add(a.ranking(b, metric, subjects, things))
			}
		}
	}
}

func (a *analyst) ranking(b *bench, metric string, subjects []string, things [][]*stratum) Finding {
	scope := b.scope()
	f := Finding{Kind: Ranking, Question: fmt.Sprintf("Which subject has the best %s at equal work?", label(metric)), Scope: with(scope, "metric", metric), Metric: metric,
		Method: "warm rows only; subjects compared at the prompts, settings and blocks that both have"}
	c := a.compete(metric, subjects, things, scope, "subject")
	var measured []*stratum
	for _, t := range things {
		measured = append(measured, t...)
	}
	order := a.orderIn(things, b.apart)
	f.Checks = append(a.soundness(metric, measured, b.strata, scope), orderCheck(order, "subjects", b.apart), a.equalWork(measured, subjects, scope))
	ratios := a.judge(&f, c, scope, order, "subject")
	f.Checks = append(f.Checks, a.power(c, f))
	f.Tables = []Table{a.rankTable(c, ratios, f.Winners)}
	f.Figures = []Figure{a.rankFigure(c, f, b)}
	return f
}

// equalWork compares prompts, and lengths of answers.
func (a *analyst) equalWork(strata []*stratum, subjects []string, scope map[string]string) Check {
	prompts := map[string]string{}
	for _, s := range subjects {
		prompts[s] = strings.Join(distinct(strata, func(g *stratum) string {
			if g.key.subject != s {
				return ""
			}
			return g.key.prompt + g.key.sha
		}), "\x00")
	}
	different := len(distinct(subjects, func(s string) string { return strings.TrimPrefix(prompts[s], "\x00") })) > 1
	var facts []fact.Fact
	for _, s := range subjects {
		var own []*stratum
		for _, g := range strata {
			if g.key.subject == s {
				own = append(own, g)
			}
		}
		facts = append(facts, a.centre(cell{&a.index, own, with(scope, "subject", s)}, "output_tokens", "median"))
	}
	short := slices.MinFunc(facts, func(x, y fact.Fact) int { return cmp.Compare(x.Value.Or(math.Inf(1)), y.Value.Or(math.Inf(1))) })
	long := slices.MaxFunc(facts, func(x, y fact.Fact) int { return cmp.Compare(x.Value.Or(math.Inf(-1)), y.Value.Or(math.Inf(-1))) })
	switch {
	case slices.ContainsFunc(strata, func(g *stratum) bool { return g.key.sha == "" }):
		return Check{EqualWork, Unknown, say("which prompts were asked is not recorded")}
	case different:
		return Check{EqualWork, Fail, say("not all subjects have rows of all prompts; each pair is compared at those that both have")}
	case !short.Value.OK() || !long.Value.OK():
		return Check{EqualWork, Unknown, say("same prompts; the output tokens were not counted")}
	case long.Value.Or(0) > 1.05*short.Value.Or(0):
		return Check{EqualWork, Fail, say("same prompts, but answers differ in length: medians from ", val(short), " to ", val(long))}
	}
	return Check{EqualWork, Pass, say("same prompts, answers of the same length (medians ", val(short), " to ", val(long), ")")}
}

func (a *analyst) rankTable(c *contest, ratios map[int]fact.Fact, winners []string) Table {
	aggregate := "mean"
	if len(c.facts) > 0 {
		aggregate = c.facts[0].Aggregate
	}
	t := Table{ID: "ranking", Title: "Subjects by " + c.label + ", warm", Labels: []string{"subject"}, Columns: []Column{
		{Head: c.label + ", " + aggregate, Metric: c.metric, Aggregate: aggregate, As: AsBoth},
		{Head: "n", Metric: c.metric, Aggregate: aggregate, As: AsN}, {Head: "planned", Metric: c.metric, Aggregate: aggregate, As: AsPlanned},
		{Head: "best by it", Metric: c.metric, Aggregate: "ratio", As: AsTimesCI}, {Head: "p", Metric: c.metric, Aggregate: "p", As: AsP}, {Head: "best is", As: AsValue}}}
	order := make([]int, len(c.names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int {
		vx, vy := c.facts[x].Value.Or(math.NaN()), c.facts[y].Value.Or(math.NaN())
		if c.higher {
			vx, vy = -vx, -vy
		}
		switch {
		case math.IsNaN(vx) && math.IsNaN(vy):
			return 0
		case math.IsNaN(vx):
			return 1
		case math.IsNaN(vy):
			return -1
		}
		return cmp.Compare(vx, vy)
	})
	for _, i := range order {
		r := Row{Names: []string{c.names[i]}, Winner: slices.Contains(winners, c.names[i])}
		value := Cell{Fact: c.facts[i].ID}
		if !c.facts[i].Value.OK() {
			value = Cell{Missing: c.facts[i].Reason}
		}
		r.Cells = []Cell{value, {Fact: c.facts[i].ID}, {Fact: c.facts[i].ID}}
		switch x, ok := ratios[i]; {
		case ok && x.Value.OK():
			p := a.pFact(c.of(i).p.p, c.of(i).p.method(len(c.pairs)), x)
			r.Cells = append(r.Cells, Cell{Fact: x.ID}, Cell{Fact: p.ID}, Cell{Word: string(c.of(i).verdict())})
		case ok:
			r.Cells = append(r.Cells, Cell{Missing: x.Reason}, Cell{Missing: x.Reason}, Cell{Word: string(NotMeasured)})
		default:
			r.Cells = append(r.Cells, Cell{Word: "best"}, Cell{}, Cell{})
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

// rankFigure shows each subject's value with its interval, and the cold rows'
// beside it.
func (a *analyst) rankFigure(c *contest, f Finding, b *bench) Figure {
	p := Panel{X: Axis{Label: "subject", Categories: c.names}, Y: Axis{Label: c.label, Metric: c.metric, Unit: c.facts[0].Unit}}
	for i, name := range c.names {
		m := point(c.facts[i])
		m.Series, m.XName, m.Facet, m.Winner = name, name, string(sample.Measure), slices.Contains(f.Winners, name)
		p.Points = append(p.Points, m)
		if cold := b.of(sample.Cold, name); len(cold) > 0 {
			fc := a.centre(cell{&a.index, cold, with(b.scope(), "subject", name)}, c.metric, "median")
			m := point(fc)
			m.Series, m.XName, m.Facet = name, name, string(sample.Cold)
			p.Points = append(p.Points, m)
		}
	}
	return Figure{ID: "ranking", Kind: Intervals, Title: f.Sentence, Panels: []Panel{p}}
}
