package finding

import (
	"cmp"
	"math"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// A contest is what a ranking works with.
type contest struct {
	metric string
	label  string // of what is compared, in words
	higher bool
	names  []string
	spots  []map[spot]float64
	pairs  []*pair
	facts  []fact.Fact // the centre of each, same order as names
	best   int         // -1 if nothing has a value
	set    []int       // those that cannot be told apart from the best, the best first
}

// compete compares all things and finds the set of winners.
func (a *analyst) compete(metric string, names []string, things [][]*stratum, scope map[string]string, key string) *contest {
	c := &contest{metric: metric, label: label(metric), higher: a.higher(metric), names: names, best: -1}
	counts := make([]int, len(things))
	for i, strata := range things {
		counts[i] = (cell{x: &a.index, strata: strata}).n(metric)
		c.spots = append(c.spots, a.spots(metric, strata, func(g *stratum) string { return g.key.prompt + "\x00" + g.key.sha + "\x00" + g.key.config }))
	}
	aggregate := shown(counts...)
	for i, strata := range things {
		c.facts = append(c.facts, a.centre(cell{&a.index, strata, with(scope, key, names[i])}, metric, aggregate))
	}
	c.pairs = allPairs(c.spots)
	c.choose()
	return c
}

// choose finds the best value and all that cannot be told apart from it.
func (c *contest) choose() {
	c.best, c.set = -1, nil
	level := func(i int) float64 {
		v, ok := c.facts[i].Value.Get()
		switch {
		case !ok:
			return math.Inf(-1)
		case !c.higher:
			return -v
		}
		return v
	}
	for i := range c.names {
		if !math.IsInf(level(i), -1) && (c.best < 0 || level(i) > level(c.best)) {
			c.best = i
		}
	}
	if c.best < 0 {
		return
	}
	for i := range c.names {
		if i == c.best || (!math.IsInf(level(i), -1) && !c.of(i).worseThan()) {
			c.set = append(c.set, i)
		}
	}
	slices.SortStableFunc(c.set, func(x, y int) int { return cmp.Compare(level(y), level(x)) })
}

// A duel is a pair seen from the best: is the other one worse?
type duel struct {
	p    *pair
	high bool
	flip bool // the best is the pair's y
}

// of returns the pair of the best and i, oriented so that the ratio is best by
// other where higher is better.
func (c *contest) of(i int) duel {
	for _, p := range c.pairs {
		if p.x == c.best && p.y == i {
			return duel{p, c.higher, false}
		}
		if p.y == c.best && p.x == i {
			return duel{p, c.higher, true}
		}
	}
	panic("finding: a contest without a pair")
}

func (d duel) verdict() Verdict { // of the best against the other
	v := d.p.verdict(d.high)
	if d.flip {
		return v
	}
	switch v {
	case Better:
		return Worse
	case Worse:
		return Better
	}
	return v
}

func (d duel) worseThan() bool { return d.verdict() == Better }

// ahead is the pair as "best over other", so that the ratio reads forward.
func (d duel) ahead() *pair {
	if d.flip || !d.p.have {
		return d.p
	}
	return d.p.inverted()
}

// inverted swaps the sides of a pair.
func (p *pair) inverted() *pair {
	q := *p
	q.x, q.y = p.y, p.x
	q.ratio.Value = 1 / p.ratio.Value
	i := *p.ratio.Interval
	i.Lo, i.Hi = 1/p.ratio.Interval.Hi, 1/p.ratio.Interval.Lo
	q.ratio.Interval = &i
	n := *p.narrow.Interval
	n.Lo, n.Hi = 1/p.narrow.Interval.Hi, 1/p.narrow.Interval.Lo
	q.narrow.Interval = &n
	return &q
}

// judge gives a finding about a contest its verdict and sentence, and returns
// the facts of the ratios "best by other", by thing.
func (a *analyst) judge(f *Finding, c *contest, scope map[string]string, order ordering, noun string) map[int]fact.Fact {
	ratios := map[int]fact.Fact{}
	if c.best < 0 {
		f.Verdict = NotMeasured
		f.Sentence = say("No ", noun, " has a warm value of the ", c.label, ".")
		return ratios
	}
	best := c.names[c.best]
	lost, same, reach := []int{}, true, math.Inf(1)
	var smallest float64
	for i := range c.names {
		if i == c.best {
			continue
		}
		d := c.of(i)
		ratios[i] = a.ratioFact(c.metric, d.ahead(), with(scope, noun, best, "against", c.names[i]), len(c.pairs), c.facts[c.best], c.facts[i])
		switch d.verdict() {
		case Better:
			lost, same = append(lost, i), false
			lo, hi := d.ahead().ratio.Interval.Lo, d.ahead().ratio.Interval.Hi
			smallest = math.Min(math.Abs(math.Log(lo)), math.Abs(math.Log(hi)))
			reach = math.Min(reach, smallest)
		case Same:
		default:
			same = false
		}
	}
	f.Winners = pickNames(c.names, c.set)
	switch {
	case len(lost) == 0 && same && order == drawn:
		f.Verdict = Same
		f.Sentence = say(list(f.Winners), " have the same ", c.label, " within the margin of equivalence: ", a.sidesOf(c, ratios), ".")
	case len(lost) == 0:
		f.Verdict = Inconclusive
		f.Sentence = say("No ", noun, " can be called best in ", c.label, ": ", a.sidesOf(c, ratios), ".")
		a.decide(f, c)
	case order == nested || order == cycled:
		f.Verdict, f.Winners = NotComparable, nil
		f.Forbids = "the order of the " + noun + "s was not drawn"
		f.Sentence = say(nm(best), " shows the best ", c.label, " (", a.sidesOf(c, ratios), "), but ", noun, " and time cannot be told apart: ", orderWords(order), ".")
	case order != drawn && reach < math.Log1p(unknownOrder):
		f.Verdict, f.Winners = Inconclusive, nil
		f.Sentence = say(nm(best), " shows the best ", c.label, " (", a.sidesOf(c, ratios), "), but when each ran is not known, and a drift could do as much.")
	default:
		f.Verdict = Better
		f.Sentence = a.winnerWords(c, ratios, lost)
	}
	return ratios
}

func orderWords(o ordering) string {
	if o == nested {
		return "each ran in one stretch"
	}
	return "every pass had the same order"
}

func pickNames(names []string, at []int) []string {
	var out []string
	for _, i := range at {
		out = append(out, names[i])
	}
	return out
}

// winnerWords says who beats whom, by how much.
func (a *analyst) winnerWords(c *contest, ratios map[int]fact.Fact, lost []int) Sentence {
	s := say(list(pickNames(c.names, c.set)))
	if len(c.set) == 1 {
		s = append(s, w(" has the best "+c.label+": "))
	} else {
		s = append(s, w(" cannot be told apart and have the best "+c.label+": "), nm(c.names[c.best]), w(" has "))
	}
	for k, i := range lost {
		switch {
		case k == 0:
		case k == len(lost)-1:
			s = append(s, w(" and "))
		default:
			s = append(s, w(", "))
		}
		s = append(s, as(ratios[i], AsTimesCI), w(" that of "), nm(c.names[i]))
	}
	return append(s, w("."))
}

// sidesOf lists the best one's ratio to each other, shown or not.
func (a *analyst) sidesOf(c *contest, ratios map[int]fact.Fact) Sentence {
	var s, odd Sentence
	for i := range c.names {
		switch r, ok := ratios[i]; {
		case !ok:
		case r.Value.OK() && len(s) == 0:
			s = say(nm(c.names[c.best]), " has ", as(r, AsTimesCI), " that of ", nm(c.names[i]))
		case r.Value.OK():
			s = append(s, w(", "), as(r, AsTimesCI), w(" that of "), nm(c.names[i]))
		case !c.facts[i].Value.OK():
			odd = append(odd, w("; "), nm(c.names[i]), w(" has no value"))
		default:
			odd = append(odd, w("; "), nm(c.names[i]), w(" has no two values beside it"))
		}
	}
	if len(s) == 0 && len(odd) > 0 {
		odd = odd[1:]
	}
	return append(s, odd...)
}

// decide says what would decide an inconclusive contest: the n for the pair
// with the widest scatter.
func (a *analyst) decide(f *Finding, c *contest) {
	widest, at := 0.0, -1
	for k, p := range c.pairs {
		if len(p.logs) < 2 {
			continue
		}
		if sd, err := stats.SD(p.logs); err == nil && sd > widest {
			widest, at = sd, k
		}
	}
	if at < 0 {
		a.begin(f, leastBlocks, "blocks")
		return
	}
	p, what := c.pairs[at], "places side by side"
	if p.byBlock {
		what = "blocks"
	}
	mean, err := stats.Mean(p.logs)
	if err == nil {
		a.resolve(f, widest, mean, len(p.logs), what, c.facts[p.x])
	}
}

// power says what these rows could have shown.
func (a *analyst) power(c *contest, f Finding) Check {
	worst, n := 0.0, 0
	for _, p := range c.pairs {
		if sd, err := stats.SD(p.logs); err == nil {
			worst = max(worst, sd)
			if n == 0 || len(p.logs) < n {
				n = len(p.logs)
			}
		}
	}
	if n < 2 {
		return Check{EnoughN, Fail, say("one value a side shows no difference of any size")}
	}
	d, err := stats.DetectableEffect(n, Alpha, 0.8)
	if err != nil {
		return Check{EnoughN, Unknown, say("what these rows could show is not known")}
	}
	x := a.derive(fact.Fact{Metric: c.metric, Version: 1, Aggregate: "detectable", Unit: unit.Ratio, Phase: sample.Measure, Scope: f.Scope,
		Value: sample.Some(math.Exp(d * worst / math.Sqrt2)), N: n, Planned: n, Method: "smallest true ratio seen with power 0.8, from the widest scatter of the pairs"}, c.facts...)
	status := Pass
	if decided(f.Verdict) != 0 && (d*worst/math.Sqrt2 > math.Log1p(0.1) || n < leastBlocks) {
		status = Fail
	}
	return Check{EnoughN, status, say("with ", count(x), " differences a pair, a true difference of ", as(x, AsChange), " would be seen")}
}
