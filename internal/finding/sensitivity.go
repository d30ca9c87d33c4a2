package finding

import (
	"fmt"
	"math"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// sensitivities asks of every factor of every grid what it changes: the speed
// and the latency.
func (a *asking) sensitivities() {
	for _, g := range a.grids() {
		for _, alternatives := range [][]string{speeds, latencies} {
			metric, ok := a.carried(alternatives, g.warm)
			if !ok {
				continue
			}
			var effects []*effect
			for _, f := range g.factors {
				effects = append(effects, a.effectOf(g, f, metric))
			}
			a.correct(effects)
			a.explain(g, metric, effects)
			for _, e := range effects {
				a.add(a.sensitivity(g, e, len(effects)))
			}
		}
	}
}

func (a *analyst) sensitivity(g *grid, e *effect, family int) Finding {
	scope := with(g.scope, "factor", e.factor)
	f := Finding{Kind: Sensitivity, Question: fmt.Sprintf("What does %s change in the %s?", e.factor, label(e.metric)), Scope: with(scope, "metric", e.metric), Metric: e.metric,
		Method: "warm rows only, levels side by side at equal prompt and other settings; " + e.describe()}
	f.Checks = append(a.soundness(e.metric, g.warm, g.all, g.scope), orderCheck(g.ordering[e.factor], "levels of "+e.factor, false), a.aliasCheck(g, e, scope))
	f.Tables = []Table{a.levelTable(g, e)}
	switch {
	case len(e.classes) == 1:
		a.placebo(&f, g, e, scope)
	case a.coldNotFactor(&f, g, e, scope):
	case !e.tested:
		f.Verdict = Inconclusive
		f.Sentence = say("What ", nm(e.factor), " changes in the ", label(e.metric), " of ", nm(g.subject), " cannot be said: its levels have ", undecided(e.layout), ".")
		a.begin(&f, leastBlocks, "blocks")
	default:
		a.tested(&f, g, e, scope, family)
	}
	f.Figures = []Figure{a.levelFigure(g, e, f)}
	return f
}

func (e *effect) describe() string {
	if e.tested {
		return e.layout.method()
	}
	return "no test"
}

// undecided words why a layout could not be analysed, without digits.
func undecided(l layout) string {
	switch {
	case len(l.things) < 2:
		return "values at fewer than two levels"
	case l.units == 0:
		return "no place where all were measured side by side"
	case l.units == 1:
		return "one value each, which has no scatter"
	}
	return "no scatter to compare with"
}

// placebo is a factor whose levels are one configuration: what lies between
// them is what order and time do by themselves.
func (a *analyst) placebo(f *Finding, g *grid, e *effect, scope map[string]string) {
	f.Verdict, f.Forbids = NotComparable, "all levels are one configuration"
	s := say(nm(e.factor), " levels are one configuration of ", nm(g.subject), " (", list(e.alias.levels), "): ", a.aliasReason(e, scope))
	if r, ok := a.requestedRange(g, e, scope); ok {
		s = append(s, say("; the ", as(r, AsChange), " between them is the noise floor of this run, not an effect")...)
	}
	f.Sentence = append(s, w("."))
}

// aliasReason says how levels are known to be one.
func (a *analyst) aliasReason(e *effect, scope map[string]string) Sentence {
	switch e.alias.how {
	case clamped:
		limit := a.count("levels from here on are one: "+e.factor, e.alias.limit, e.alias.limit, scope)
		if e.factor != "num_gpu" {
			return say("the model was trained for a context of ", val(limit), " and no more")
		}
		if e.alias.byName {
			return say("each is at least ", val(limit), ", the published layers of a model of that name and its output")
		}
		return say("each is at least ", val(limit), ", the model's layers and its output")
	case unreloaded:
		changes := a.count("changes between these levels without a reload", e.alias.changes, e.alias.changes, scope)
		reloads := a.count("reloads at other changes", e.alias.reloads, e.alias.reloads, scope)
		return say("the runtime reloads when this option changes (", val(reloads), " times here), and at ", val(changes), " changes between them it did not")
	}
	return say("the runtime reported one effective configuration for them")
}

// requestedRange is the spread between levels as requested: for a factor that
// does nothing, the noise floor.
func (a *analyst) requestedRange(g *grid, e *effect, scope map[string]string) (fact.Fact, bool) {
	var means []float64
	var from []fact.Fact
	for _, l := range e.alias.levels {
		var own []*stratum
		for _, st := range g.warm {
			if levelOf(st, e.factor) == l {
				own = append(own, st)
			}
		}
		c := a.centre(cell{&a.index, own, with(scope, "level", l)}, e.metric, "mean")
		if v, ok := c.Value.Get(); ok {
			means, from = append(means, v), append(from, c)
		}
	}
	if len(means) < 2 {
		return fact.Fact{}, false
	}
	return a.derive(fact.Fact{Metric: e.metric, Version: 1, Aggregate: "noise_floor", Unit: unit.Ratio, Phase: sample.Measure, Scope: scope,
		Value: sample.Some(slices.Max(means) / slices.Min(means)), N: len(means), Planned: len(means),
		Method: "largest by smallest mean of levels that are one configuration"}, from...), true
}

func (a *analyst) aliasCheck(g *grid, e *effect, scope map[string]string) Check {
	if e.alias.how == "" {
		known := false
		for _, st := range g.all {
			known = known || len(st.effective) > 0
		}
		if known {
			return Check{Unaliased, Pass, say("the runtime reported another effective configuration for each level")}
		}
		return Check{Unaliased, Unknown, say("nobody recorded which configuration the runtime really used")}
	}
	var merged Sentence
	for _, c := range e.classes {
		var members []string
		for _, l := range e.alias.levels {
			if e.alias.class[l] == c {
				members = append(members, l)
			}
		}
		if len(members) > 1 {
			merged = append(merged, list(members)...)
		}
	}
	return Check{Unaliased, Fail, say(nm(e.factor), " ", merged, " are one level: ", a.aliasReason(e, scope))}
}

// Cold rows are said to stand for a factor where one level has nearly all of
// them, and there are enough to see it.
const (
	ownedShare = 0.9
	leastOwned = 3
)

// coldNotFactor recognises a latency that seems to depend on a factor only
// because one of its levels came first after every load.
func (a *analyst) coldNotFactor(f *Finding, g *grid, e *effect, scope map[string]string) bool {
	if !slices.Contains(latencies, e.metric) {
		return false
	}
	cold := map[string][]int{}
	total := 0
	var strata []*stratum
	for _, st := range g.all {
		if st.phase == sample.Cold {
			l := levelOf(st, e.factor)
			cold[l] = append(cold[l], a.rowsOf([]*stratum{st}, everyRow)...)
			total += st.to - st.from
			strata = append(strata, st)
		}
	}
	var owner string
	for _, l := range e.alias.levels {
		if owner == "" || len(cold[l]) > len(cold[owner]) {
			owner = l
		}
	}
	if total < leastOwned || float64(len(cold[owner])) < ownedShare*float64(total) || g.ordering[e.factor] != cycled {
		return false
	}
	slices.Sort(cold[owner])
	n := a.tally("cold rows of the level", with(scope, "level", owner), cold[owner], total)
	fc := a.centre(cell{&a.index, strata, scope}, e.metric, "median")
	fw := a.centre(cell{&a.index, g.warm, scope}, e.metric, "median")
	f.Verdict, f.Forbids = NotComparable, "the level's rows ran cold"
	f.Sentence = say("What looks like an effect of ", nm(e.factor), " on the ", label(e.metric), " of ", nm(g.subject), " is cold starts, not ", nm(e.factor), ": ", val(n), " of ", as(n, AsPlanned), " cold rows ran at ",
		nm(e.factor+"="+owner), ", the level that always came first after a reload; cold rows take ", both(fc), ", warm ones ", both(fw), ".")
	if e.tested {
		p := a.effectP(e, scope)
		f.Notes = append(f.Notes, say("Among warm rows side by side, the levels of ", nm(e.factor), " give p = ", as(p, AsP), "."))
	}
	return true
}

func (a *analyst) effectP(e *effect, scope map[string]string) fact.Fact {
	return a.derive(fact.Fact{Metric: e.metric, Version: 1, Aggregate: "p", Unit: unit.None, Phase: sample.Measure, Scope: scope,
		Value: sample.Some(e.p), N: e.units, Planned: e.units, Method: e.layout.method() + "; Holm over the factors of this grid"}, e.facts...)
}

// tested words what the analysis of variance says, as far as the order lets it.
func (a *analyst) tested(f *Finding, g *grid, e *effect, scope map[string]string, family int) {
	p, r, null := a.effectP(e, scope), a.span(e.layout, e.metric, scope, e.facts), a.chance(e.layout, e.metric, scope, e.facts)
	top, bottom := e.extremes()
	hi, lo := e.classes[e.things[top]], e.classes[e.things[bottom]]
	if !a.higher(e.metric) {
		hi, lo = lo, hi
		top = bottom
	}
	size := say(as(r, AsChangeCI), " from the lowest to the highest level (p = ", as(p, AsP), ", Holm; equal levels reach ", as(null, AsChange), ")")
	order := g.ordering[e.factor]
	f.Winners = nil
	switch {
	case e.differ(e.p) && (order == nested || order == cycled):
		f.Verdict, f.Forbids = NotComparable, "the order of the levels was not drawn"
		f.Sentence = say("The ", label(e.metric), " of ", nm(g.subject), " differs between levels of ", nm(e.factor), " by ", size, ", but level and time cannot be told apart: ", orderWords(order), ".")
	case e.differ(e.p) && order != drawn:
		f.Verdict = Inconclusive
		f.Sentence = say("The ", label(e.metric), " of ", nm(g.subject), " differs between levels of ", nm(e.factor), " by ", size, ", but whether their order was drawn cannot be seen in so few passes.")
	case e.equivalent() && order == drawn:
		f.Verdict = Same
		f.Sentence = say("The ", label(e.metric), " of ", nm(g.subject), " is the same at all levels of ", nm(e.factor), " within the margin of equivalence: ", size, ".")
	case e.differ(e.p):
		f.Verdict = Better
		for _, i := range e.near(a.higher(e.metric)) {
			f.Winners = append(f.Winners, e.factor+"="+e.classes[e.things[i]])
		}
		f.Sentence = say("The ", label(e.metric), " of ", nm(g.subject), " changes because of ", nm(e.factor), ": ", size, ", best at ", nm(e.factor+"="+hi), ", worst at ", nm(e.factor+"="+lo), ".")
	default:
		f.Verdict = Inconclusive
		f.Sentence = say("No effect of ", nm(e.factor), " on the ", label(e.metric), " of ", nm(g.subject), " is shown: ", size, ".")
		hiMean, loMean := e.extremes()
		a.resolve(f, e.scatter(), e.Means[hiMean]-e.Means[loMean], e.units, e.what(), e.facts[e.things[top]])
	}
	if e.interacting != "" && f.Verdict == Better {
		f.Notes = append(f.Notes, say("The effect depends on ", nm(e.interacting), ": read it there level by level, not alone."))
	}
	f.Checks = append(f.Checks, a.reachCheck(e.layout, e.metric, scope, e.facts, f.Verdict))
	if eta, ok := e.eta.Get(); ok {
		share := a.derive(fact.Fact{Metric: e.metric, Version: 1, Aggregate: "eta_squared", Unit: unit.Ratio, Phase: sample.Measure, Scope: scope,
			Value: sample.Some(eta), N: e.units, Planned: e.units, Method: "type-II sum of squares by total, logarithms, all factors in one model"}, e.facts...)
		f.Notes = append(f.Notes, say("It goes with ", as(share, AsPercent), " of the variance of the logarithms."))
	}
}

// reachCheck says which difference a layout could have shown.
func (a *analyst) reachCheck(l layout, metric string, scope map[string]string, from []fact.Fact, verdict Verdict) Check {
	d, err := stats.DetectableEffect(max(2, l.units), Alpha, 0.8)
	if err != nil {
		return Check{EnoughN, Unknown, say("what these rows could show is not known")}
	}
	size := d * l.scatter() / math.Sqrt2
	x := a.derive(fact.Fact{Metric: metric, Version: 1, Aggregate: "detectable", Unit: unit.Ratio, Phase: sample.Measure, Scope: scope,
		Value: sample.Some(math.Exp(size)), N: l.units, Planned: l.units, Method: "smallest true ratio of two levels seen with power 0.8"}, from...)
	return Check{EnoughN, enough(decided(verdict) == 0 || size <= math.Log1p(0.1) && l.units >= leastBlocks), say("with ", count(x), " ", l.what(), ", a true difference of ", as(x, AsChange), " would be seen")}
}
