package finding

import (
	"chimera/internal/fact"
	"chimera/internal/sample"
)

// promptEffects asks of every subject of every bench with several prompts what
// the prompt changes. It is why prompts are compared side by side everywhere
// else.
func (a *asking) promptEffects() {
	for _, b := range a.benches() {
		if _, agent := stageOf(b.workload); agent {
			continue // what a stage is asked follows from the stage before
		}
		for _, s := range b.subjects() {
			warm := b.of(sample.Measure, s)
			prompts := distinct(b.of(sample.Measure, s), func(g *stratum) string { return g.key.prompt })
			prompts = union(prompts, distinct(b.of(sample.Cold, s), func(g *stratum) string { return g.key.prompt }))
			if len(prompts) < 2 || len(warm) == 0 {
				continue
			}
			for _, alternatives := range [][]string{speeds, latencies} {
				if metric, ok := a.carried(alternatives, warm); ok {
					a.add(a.promptEffect(b, s, metric, prompts))
				}
			}
		}
	}
}

func union(x, y []string) []string {
	return distinct(append(append([]string{}, x...), y...), func(s string) string { return s })
}

func (a *analyst) promptEffect(b *bench, subject, metric string, prompts []string) Finding {
	warm := b.of(sample.Measure, subject)
	scope := a.scopeOf(b, subject, warm)
	f := Finding{Kind: PromptEffect, Question: "What does the prompt change in the " + label(metric) + "?", Scope: with(scope, "metric", metric), Metric: metric}
	things := make([][]*stratum, len(prompts))
	var spots []map[spot]float64
	least := 0
	for i, p := range prompts {
		for _, g := range warm {
			if g.key.prompt == p {
				things[i] = append(things[i], g)
			}
		}
		spots = append(spots, a.spots(metric, things[i], func(g *stratum) string { return g.key.config }))
		if n := (cell{x: &a.index, strata: things[i]}).n(metric); n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	t := Table{ID: "prompts", Title: "Prompts by " + label(metric) + ", warm", Labels: []string{"prompt"}, Columns: []Column{
		{Head: label(metric) + ", " + shown(least), Metric: metric, Aggregate: shown(least), As: AsBoth}, {Head: "n", Metric: metric, Aggregate: shown(least), As: AsN},
		{Head: "output, median", Metric: "output_tokens", Aggregate: "median", As: AsValue}}}
	var facts []fact.Fact
	panel := Panel{X: Axis{Label: "prompt", Categories: prompts}, Y: Axis{Label: label(metric), Metric: metric}}
	for i, p := range prompts {
		in := cell{&a.index, things[i], with(scope, "prompt", p)}
		x, tokens := a.centre(in, metric, shown(least)), a.centre(in, "output_tokens", "median")
		if len(things[i]) == 0 {
			t.Rows = append(t.Rows, Row{Names: []string{p}, Cells: []Cell{{Missing: "it ran cold"}, {Missing: "it ran cold"}, {Missing: "it ran cold"}}})
			panel.Points = append(panel.Points, Point{Series: subject, XName: p, Missing: "it ran cold"})
			continue
		}
		facts = append(facts, x)
		value, length := Cell{Fact: x.ID}, Cell{Fact: tokens.ID}
		if !x.Value.OK() {
			value = Cell{Missing: x.Reason}
		}
		if !tokens.Value.OK() {
			length = Cell{Missing: tokens.Reason}
		}
		t.Rows = append(t.Rows, Row{Names: []string{p}, Cells: []Cell{value, {Fact: x.ID}, length}})
		m := point(x)
		m.Series, m.XName = subject, p
		panel.Y.Unit = x.Unit
		panel.Points = append(panel.Points, m)
	}
	f.Tables = []Table{t}
	order := a.orderIn(things, false)
	f.Checks = append(a.soundness(metric, warm, b.of(sample.Cold, subject), scope), orderCheck(order, "prompts", false))
	a.promptVerdict(&f, layOut(spots), subject, metric, prompts, facts, order, scope)
	f.Figures = []Figure{{ID: "prompts", Kind: Intervals, Title: f.Sentence, Panels: []Panel{panel}}}
	return f
}

func (a *analyst) promptVerdict(f *Finding, l layout, subject, metric string, prompts []string, facts []fact.Fact, order ordering, scope map[string]string) {
	if l.err != nil {
		f.Verdict, f.Method = Inconclusive, "no test"
		f.Sentence = say("Whether prompts differ in the ", label(metric), " of ", nm(subject), " cannot be said: they have ", undecided(l), ".")
		a.begin(f, leastBlocks, "blocks")
		f.Checks = append(f.Checks, Check{EnoughN, Fail, say("each prompt needs repeats, in blocks of random order")})
		return
	}
	f.Method = l.method()
	r, null := a.span(l, metric, scope, facts), a.chance(l, metric, scope, facts)
	p := a.derive(fact.Fact{Metric: metric, Version: 1, Aggregate: "p", Phase: sample.Measure, Scope: scope, Value: sample.Some(l.P), N: l.units, Planned: l.units, Method: l.method()}, facts...)
	top, bottom := l.extremes()
	best, worst := prompts[l.things[top]], prompts[l.things[bottom]]
	if !a.higher(metric) {
		best, worst = worst, best
	}
	size := say(as(r, AsChangeCI), " from the lowest to the highest (p = ", as(p, AsP), "; equal prompts reach ", as(null, AsChange), ")")
	switch {
	case l.differ(l.P) && (order == nested || order == cycled):
		f.Verdict, f.Forbids = NotComparable, "the order of the prompts was not drawn"
		f.Sentence = say("Prompts differ in the ", label(metric), " of ", nm(subject), " by ", size, ", but prompt and time cannot be told apart: ", orderWords(order), ".")
	case l.equivalent() && order == drawn:
		f.Verdict = Same
		f.Sentence = say("The prompt does not change the ", label(metric), " of ", nm(subject), " beyond the margin of equivalence: ", size, ".")
	case l.differ(l.P) && order == drawn:
		f.Verdict = Better
		f.Sentence = say("The prompt changes the ", label(metric), " of ", nm(subject), " by ", size, ": best for ", nm(best), ", worst for ", nm(worst), ".")
	default:
		f.Verdict = Inconclusive
		f.Sentence = say("No effect of the prompt on the ", label(metric), " of ", nm(subject), " is shown: ", size, ".")
		a.resolve(f, l.scatter(), l.Means[top]-l.Means[bottom], l.units, l.what(), facts[0])
	}
	f.Checks = append(f.Checks, a.reachCheck(l, metric, scope, facts, f.Verdict))
}
