package finding

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
)

// configurations seeks, for every grid and for speed and latency, the set of
// configurations that cannot be told apart from the best, and the cheapest of
// them.
func (a *asking) configurations() {
	for _, g := range a.grids() {
		for _, alternatives := range [][]string{speeds, latencies} {
			if metric, ok := a.carried(alternatives, g.warm); ok {
				a.add(a.configuration(g, metric))
			}
		}
	}
}

// A setting is one effective configuration with all that ran under it.
type setting struct {
	name   string
	first  *stratum   // any of it, for its options
	strata []*stratum // warm
	fact   fact.Fact
}

func (a *analyst) settings(g *grid, metric string) []*setting {
	by := map[string]*setting{}
	var all []*setting
	for _, st := range g.all {
		name := g.effective(st)
		if by[name] == nil {
			by[name] = &setting{name: name, first: st}
			all = append(all, by[name])
		}
		if st.phase == sample.Measure {
			by[name].strata = append(by[name].strata, st)
		}
	}
	slices.SortFunc(all, func(x, y *setting) int { return cheaper(x.first, y.first, x.name, y.name) })
	least := math.MaxInt
	for _, s := range all {
		if n := (cell{x: &a.index, strata: s.strata}).n(metric); n > 0 {
			least = min(least, n)
		}
	}
	for _, s := range all {
		s.fact = a.centre(cell{&a.index, s.strata, with(g.scope, "config", s.name)}, metric, shown(least))
		if len(s.strata) == 0 {
			s.fact.Reason = "it ran cold only"
		}
	}
	return all
}

// costs are the options that take memory or processors, in the order in which
// they are looked at: less is cheaper.
var costs = []string{"num_ctx", "context", "ctx", "num_gpu", "num_batch", "batch", "num_thread", "threads", "num_parallel"}

// cheaper orders configurations by what they take of the machine, then by name.
func cheaper(x, y *stratum, nameX, nameY string) int {
	for _, option := range costs {
		if c := compareLevels(levelOf(x, option), levelOf(y, option)); c != 0 {
			return c
		}
	}
	return cmp.Compare(nameX, nameY)
}

func (a *analyst) configuration(g *grid, metric string) Finding {
	scope := g.scope
	f := Finding{Kind: Configuration, Question: fmt.Sprintf("Which settings give %s the best %s?", g.subject, label(metric)), Scope: with(scope, "metric", metric), Metric: metric}
	all := a.settings(g, metric)
	requested := len(distinct(g.all, func(st *stratum) string { return st.key.config }))
	asked := a.count("configurations as requested", requested, requested, scope)
	effective := a.count("configurations that differ", len(all), requested, scope)
	if requested > len(all) {
		f.Notes = append(f.Notes, say(val(asked), " requested configurations are ", val(effective), " that differ."))
	}
	order, factor := g.sound()
	f.Checks = append(a.soundness(metric, g.warm, g.all, scope), orderCheck(order, "settings", false), a.allAliases(g, asked, effective))
	f.Tables = []Table{a.settingTable(all, metric)}
	var spots []map[spot]float64
	for _, s := range all {
		spots = append(spots, a.spots(metric, s.strata, func(st *stratum) string { return st.key.prompt + "\x00" + st.key.sha }))
	}
	l := layOut(spots)
	if l.err != nil && l.units < 2 {
		l = a.unblocked(all, metric)
	}
	f.Notes = append(f.Notes, a.luck(g, metric, scope)...)
	var facts []fact.Fact
	for _, s := range all {
		facts = append(facts, s.fact)
	}
	switch {
	case len(all) < 2:
		f.Verdict, f.Forbids = NotComparable, "all settings are one configuration"
		f.Sentence = say("All settings of ", nm(g.subject), " are one configuration: there is nothing to choose.")
		f.Method = "no test"
	case l.err != nil:
		f.Verdict = Inconclusive
		f.Sentence = say("No best setting of ", nm(g.subject), " can be named for the ", label(metric), ": the ", val(effective), " configurations have ", undecided(l), ".")
		f.Method = "no test"
		a.begin(&f, leastBlocks, "blocks")
		f.Checks = append(f.Checks, Check{EnoughN, Fail, say("a winner needs repeats, in blocks of random order")})
	default:
		f.Method = l.method() + "; the winner set is all within Tukey's reach of the best; cheapest: least " + fmt.Sprint(costs[:1][0]) + ", then the other options that take memory or processors"
		a.chosen(&f, g, l, all, metric, order, factor)
		f.Checks = append(f.Checks, a.reachCheck(l, metric, scope, facts, f.Verdict))
	}
	a.markWinners(&f, all)
	f.Figures = a.settingFigures(g, all, metric, f)
	return f
}

// unblocked compares settings that ran several times without blocks: repeats
// that exist only because requested settings turned out to be one.
func (a *analyst) unblocked(all []*setting, metric string) layout {
	var l layout
	for i, s := range all {
		values, _ := (cell{x: &a.index, strata: s.strata}).values(metric)
		if len(values) < 2 {
			continue
		}
		for k, v := range values {
			values[k] = math.Log(v)
		}
		l.y, l.things = append(l.y, values), append(l.things, i)
		if l.units == 0 || len(values) < l.units {
			l.units = len(values)
		}
	}
	if len(l.things) < 2 {
		l.units, l.err = 1, fmt.Errorf("one value each")
		return l
	}
	l.loose = true
	l.settleLoose()
	return l
}

// chosen gives the winner set, if the order lets there be one.
func (a *analyst) chosen(f *Finding, g *grid, l layout, all []*setting, metric string, order ordering, factor string) {
	near := l.near(a.higher(metric))
	var names []string
	var facts []fact.Fact
	for _, i := range near {
		names = append(names, all[l.things[i]].name)
	}
	for _, s := range all {
		facts = append(facts, s.fact)
	}
	best := all[l.things[near[0]]]
	r, null := a.span(l, metric, g.scope, facts), a.chance(l, metric, g.scope, facts)
	size := say(as(r, AsChangeCI), " from the lowest to the highest, where equal settings reach ", as(null, AsChange))
	switch {
	case len(near) == len(l.things) && l.equivalent() && order == drawn:
		f.Verdict, f.Winners = Same, names
		f.Sentence = say("All settings of ", nm(g.subject), " give the same ", label(metric), " within the margin of equivalence: ", size, ".")
	case len(near) == len(l.things):
		f.Verdict, f.Winners = Inconclusive, names
		f.Sentence = say("No setting of ", nm(g.subject), " can be called best in ", label(metric), ": ", size, ".")
		top, bottom := l.extremes()
		a.resolve(f, l.scatter(), l.Means[top]-l.Means[bottom], l.units, l.what(), best.fact)
	case order == nested || order == cycled:
		f.Verdict, f.Forbids = NotComparable, "the order of "+factor+" was not drawn"
		f.Sentence = say("The settings of ", nm(g.subject), " differ in ", label(metric), " by ", size, ", but ", nm(factor), " and time cannot be told apart: ", orderWords(order), ".")
		return
	case order != drawn:
		f.Verdict = Inconclusive
		f.Sentence = say("The settings of ", nm(g.subject), " differ in ", label(metric), " by ", size, ", but whether their order was drawn cannot be seen in so few passes.")
		return
	default:
		f.Verdict, f.Winners = Better, names
		n := a.count("configurations in the winner set", len(near), len(l.things), g.scope, facts...)
		f.Sentence = say(nm(best.name), " gives ", nm(g.subject), " the best ", label(metric), ", ", both(best.fact), "; ", val(n), " of ", as(n, AsPlanned), " settings cannot be told apart from it (", size, ").")
	}
	cheapest := slices.MinFunc(near, func(i, j int) int { return cmp.Compare(l.things[i], l.things[j]) }) // settings stand in order of cost
	f.Pick = all[l.things[cheapest]].name
	f.Notes = append(f.Notes, say("The cheapest of those that cannot be told apart is ", nm(f.Pick), "."))
}

// luck says what the best single request would be if all settings were equal.
func (a *analyst) luck(g *grid, metric string, scope map[string]string) []Sentence {
	c := cell{&a.index, g.warm, scope}
	values, _ := c.values(metric)
	k := len(values)
	if k < 3 {
		return nil
	}
	logs := make([]float64, k)
	for i, v := range values {
		logs[i] = math.Log(v)
	}
	mean, err := stats.Mean(logs)
	if err != nil {
		return nil
	}
	sd, err := stats.SD(logs)
	if err != nil {
		return nil
	}
	e, err := stats.ExpectedMax(k)
	if err != nil {
		return nil
	}
	what, sign := "max", 1.0
	if !a.higher(metric) {
		what, sign = "min", -1
	}
	best := a.centre(c, metric, what)
	x := a.derive(fact.Fact{Metric: metric, Version: 1, Aggregate: "expected_" + what, Unit: best.Unit, Phase: sample.Measure, Scope: scope,
		Value: sample.Some(math.Exp(mean + sign*e*sd)), N: k, Planned: k, Method: "mean and standard deviation of the logarithms of all warm requests, and the expected extreme of as many normal draws"}, best)
	return []Sentence{say("The best single request reached ", as(best, AsFine), "; the luckiest of ", count(x), " requests that differ in nothing but noise of this size would reach ", as(x, AsFine), ".")}
}

func (a *analyst) allAliases(g *grid, asked, effective fact.Fact) Check {
	var merged Sentence
	for _, f := range g.factors {
		if s := g.aliases[f]; s.how != "" {
			if len(merged) > 0 {
				merged = append(merged, w("; "))
			}
			merged = append(merged, nm(f), w(" has levels that are one ("), nm(strings.Join(s.classes(), ", ")), w(")"))
		}
	}
	if len(merged) > 0 {
		return Check{Unaliased, Fail, say(merged, ": ", val(effective), " configurations differ of ", val(asked))}
	}
	if slices.ContainsFunc(g.all, func(st *stratum) bool { return len(st.effective) > 0 }) {
		return Check{Unaliased, Pass, say("the runtime reported another effective configuration for each")}
	}
	return Check{Unaliased, Unknown, say("nobody recorded which configuration the runtime really used")}
}

func (a *analyst) settingTable(all []*setting, metric string) Table {
	t := Table{ID: "settings", Title: "Settings by " + label(metric) + ", warm", Labels: []string{"configuration"}, Columns: []Column{
		{Head: label(metric) + ", " + all[0].fact.Aggregate, Metric: metric, Aggregate: all[0].fact.Aggregate, As: AsBoth},
		{Head: "n", Metric: metric, Aggregate: all[0].fact.Aggregate, As: AsN}, {Head: "planned", Metric: metric, Aggregate: all[0].fact.Aggregate, As: AsPlanned}}}
	for _, s := range all {
		value := Cell{Fact: s.fact.ID}
		if !s.fact.Value.OK() {
			value = Cell{Missing: s.fact.Reason}
		}
		t.Rows = append(t.Rows, Row{Names: []string{s.name}, Cells: []Cell{value, {Fact: s.fact.ID}, {Fact: s.fact.ID}}})
	}
	return t
}

func (a *analyst) markWinners(f *Finding, all []*setting) {
	for i := range f.Tables[0].Rows {
		f.Tables[0].Rows[i].Winner = slices.Contains(f.Winners, f.Tables[0].Rows[i].Names[0])
	}
}

// settingFigures shows the settings with their intervals, and two factors as a
// map where there are two.
func (a *analyst) settingFigures(g *grid, all []*setting, metric string, f Finding) []Figure {
	p := Panel{X: Axis{Label: "configuration"}, Y: Axis{Label: label(metric), Metric: metric, Unit: all[0].fact.Unit}}
	for _, s := range all {
		m := point(s.fact)
		m.Series, m.XName, m.Winner = g.subject, s.name, slices.Contains(f.Winners, s.name)
		p.X.Categories = append(p.X.Categories, s.name)
		p.Points = append(p.Points, m)
	}
	out := []Figure{{ID: "settings", Kind: Intervals, Title: f.Sentence, Panels: []Panel{p}}}
	if len(g.factors) < 2 {
		return out
	}
	return append(out, a.heatmap(g, metric, f))
}

// heatmap shows the two factors with the most levels as requested: aliased
// levels stand beside each other and show the noise floor. A panel for each
// combination of the others.
func (a *analyst) heatmap(g *grid, metric string, f Finding) Figure {
	factors := slices.Clone(g.factors)
	slices.SortStableFunc(factors, func(x, y string) int { return len(g.aliases[y].levels) - len(g.aliases[x].levels) })
	fx, fy := factors[0], factors[1]
	fig := Figure{ID: "map", Kind: Heatmap, Title: f.Sentence}
	panels := map[string]int{}
	u := a.metrics[a.metric(metric)].Unit
	cells := map[[3]string][]*stratum{}
	for _, st := range g.all {
		if st.phase != sample.Measure {
			continue
		}
		facet := ""
		for _, other := range factors[2:] {
			facet += other + "=" + levelOf(st, other) + " "
		}
		at := [3]string{facet, levelOf(st, fx), levelOf(st, fy)}
		cells[at] = append(cells[at], st)
		panels[facet] = 0
	}
	for _, facet := range sortedKeys(panels) {
		p := Panel{Facet: facet, X: Axis{Label: fx, Categories: g.aliases[fx].levels}, Y: Axis{Label: fy, Categories: g.aliases[fy].levels}}
		for _, x := range p.X.Categories {
			for _, y := range p.Y.Categories {
				m := Point{XName: x, YName: y, Unit: u, Missing: "no warm request"}
				if own := cells[[3]string{facet, x, y}]; len(own) > 0 {
					m = point(a.centre(cell{&a.index, own, with(g.scope, "config", own[0].key.config)}, metric, "median"))
					m.XName, m.YName = x, y
				}
				p.Points = append(p.Points, m)
			}
		}
		fig.Panels = append(fig.Panels, p)
	}
	return fig
}
