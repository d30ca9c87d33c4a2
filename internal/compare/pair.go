package compare

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

// pair is one scope of both runs.
type pair struct {
	scope Scope // as A has it
	other Scope // as B has it
	a, b  *group
	runA  string
	runB  string
	phase sample.Phase
}

// values are what one side brings into a comparison, in block order.
type values struct {
	v     []float64
	rows  []observation
	notes []string
}

// match pairs the scopes of both runs: equal ones first; then, where an
// experiment has no equal scope for a subject, the one configuration that each
// side has; then, where it has no pair at all, the one subject. The difference
// of such a pair is residue. Scopes without a partner are not tested.
func match(a, b *Run) ([]pair, []NotTested) {
	left, right := a.scopes(), b.scopes()
	var pairs []pair
	take := func(alike func(x, y Scope) bool) {
		before := slices.Clone(pairs)
		for _, x := range slices.Clone(left) {
			like := func(y Scope) bool { return alike(x, y) }
			ofA, ofB := keep(left, like), keep(right, like)
			if len(ofA) != 1 || len(ofB) != 1 || slices.ContainsFunc(before, func(p pair) bool { return alike(x, p.scope) }) {
				continue
			}
			y := ofB[0]
			pairs = append(pairs, pair{scope: x, other: y, a: a.groups[x], b: b.groups[y], runA: a.id(), runB: b.id(), phase: a.phase})
			left = slices.DeleteFunc(left, func(o Scope) bool { return o == x })
			right = slices.DeleteFunc(right, func(o Scope) bool { return o == y })
		}
	}
	take(func(x, y Scope) bool { return x == y })
	take(func(x, y Scope) bool { return x.Experiment == y.Experiment && x.Subject == y.Subject })
	take(func(x, y Scope) bool { return x.Experiment == y.Experiment && x.Config == y.Config })
	take(func(x, y Scope) bool { return x.Experiment == y.Experiment })
	slices.SortFunc(pairs, func(p, q pair) int { return compareScopes(p.scope, q.scope) })
	alone := []NotTested{}
	for _, s := range left {
		alone = append(alone, NotTested{s.String(), "only run A has it"})
	}
	for _, s := range right {
		alone = append(alone, NotTested{s.String(), "only run B has it"})
	}
	return pairs, alone
}

func keep(scopes []Scope, is func(Scope) bool) []Scope {
	return slices.DeleteFunc(slices.Clone(scopes), func(s Scope) bool { return !is(s) })
}

func compareScopes(x, y Scope) int {
	return slices.Compare([]string{x.Experiment, x.Subject, x.Config}, []string{y.Experiment, y.Subject, y.Config})
}

// scopes lists the scopes with an answered row, sorted.
func (r *Run) scopes() []Scope {
	var out []Scope
	for s, g := range r.groups {
		if g.answered > 0 {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, compareScopes)
	return out
}

// compare compares one measure, or says why it cannot.
func (p pair) compare(i int, m Measure, noise []Noise) (Comparison, []fact.Fact, string) {
	sa, sb := p.a.series[i], p.b.series[i]
	for _, side := range []struct {
		name string
		s    series
	}{{"A", sa}, {"B", sb}} {
		if len(side.s.values) == 0 {
			return Comparison{}, nil, fmt.Sprintf("run %s has no value: %s", side.name, reasons(side.s.missing))
		}
	}
	if why := cmp.Or(tooFewRows(m, len(sa.values), len(sb.values)), p.otherWork(m)); why != "" {
		return Comparison{}, nil, why
	}
	va, vb, e, err := p.effect(sa, sb, m)
	if err != nil {
		return Comparison{}, nil, err.Error()
	}
	margin, raised := raise(m, noise)
	c := Comparison{Metric: m.Metric.ID, Version: m.Metric.Version, Aggregate: m.Aggregate, Unit: m.Metric.Unit, Better: m.Metric.Direction,
		Scope: p.scope, Ratio: sample.Some(e.ratio), N: min(e.nA, e.nB), NA: e.nA, NB: e.nB,
		Margin: margin, Detectable: e.detectable(), Verdict: e.judge(margin), Method: e.method, a: va.v, b: vb.v, options: p.a.options}
	if e.bounded {
		c.Lo, c.Hi = sample.Some(e.wide.Lo), sample.Some(e.wide.Hi)
	}
	if c.Verdict == Inconclusive || c.Verdict == Suspect {
		c.Needed = e.needed(margin)
	}
	if m.Aggregate == median {
		if t, err := stats.MannWhitney(va.v, vb.v, alpha); err == nil {
			c.P = sample.Some(t.P)
		}
	}
	c.Notes = append(append(va.notes, vb.notes...), c.remarks(e, m, raised)...)
	facts, err := p.facts(&c, m, va, vb)
	if err != nil {
		return Comparison{}, nil, err.Error()
	}
	return c, facts, ""
}

// tooFewRows refuses a tail that the rows cannot know.
func tooFewRows(m Measure, a, b int) string {
	q, tail := quantiles[m.Aggregate]
	need, err := stats.NeededForQuantile(q, level)
	if !tail || err == nil && min(a, b) >= need {
		return ""
	}
	return fmt.Sprintf("%s needs %d rows a run, and there are %d and %d", m.Aggregate, need, a, b)
}

// sameWork is how far the lengths of answers may differ for a time that grows
// with them.
const sameWork = 0.05

// otherWork refuses to compare the time of answers of different length.
func (p pair) otherWork(m Measure) string {
	a, b := p.a.length(), p.b.length()
	if m.Metric.ID != "e2e" || math.Abs(math.Log(a/b)) <= math.Log1p(sameWork) {
		return ""
	}
	return fmt.Sprintf("answers have %.1f tokens in run A and %.1f in run B: not the same work", a, b)
}

// effect takes the independent values of both sides and compares them.
func (p pair) effect(sa, sb series, m Measure) (va, vb values, e effect, err error) {
	if q, tail := quantiles[m.Aggregate]; tail {
		va, vb = rowValues(sa), rowValues(sb)
		e, err = tailEffect(va.v, vb.v, q, m.Metric.Direction)
		return va, vb, e, err
	}
	if va, vb, err = blockValues(sa.values, sb.values); err != nil {
		return va, vb, e, err
	}
	e, err = blockEffect(va.v, vb.v, m.Metric.Direction)
	return va, vb, e, err
}

// remarks are what a reader must know beside one comparison.
func (c *Comparison) remarks(e effect, m Measure, raised string) []string {
	var out []string
	if raised != "" {
		out = append(out, raised)
	}
	if c.Verdict == Same && e.wide.Hi < 1 {
		out = append(out, fmt.Sprintf("worse by %.1f %%, within the margin", 100*(1-e.ratio)))
	}
	if c.Verdict == Inconclusive && e.bounded && e.wide.Lo > 1 {
		out = append(out, fmt.Sprintf("better by %.1f %%, but not shown to be beyond the margin", 100*(e.ratio-1)))
	}
	if !e.bounded {
		out = append(out, fmt.Sprintf("%d+%d blocks: at least %d a run give an interval", e.nA, e.nB, leastN))
	}
	if p, ok := c.P.Get(); ok && p > alpha && (c.Verdict == Regression || c.Verdict == Improved) && stats.MannWhitneyLeastP(c.NA, c.NB) <= alpha {
		out = append(out, fmt.Sprintf("the rank test sees no difference (p = %.2f): a few wild blocks may carry it", p))
	}
	for _, side := range []struct {
		name string
		v    []float64
	}{{"A", c.a}, {"B", c.b}} {
		l, err := stats.Lag1(side.v)
		if err == nil && m.Aggregate == median && len(l.Warnings) > 0 {
			out = append(out, fmt.Sprintf("run %s: neighbouring blocks are alike (lag-1 correlation %.2f), so n overstates the evidence", side.name, l.Rho))
		}
	}
	if m.Aggregate != median {
		out = append(out, "every row counts as independent")
	}
	return out
}

func reasons(missing map[string]int) string {
	var all []string
	for why, n := range missing {
		all = append(all, fmt.Sprintf("%d × %s", n, why))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func rowValues(s series) values {
	out := values{rows: s.values}
	for _, o := range s.values {
		out.v = append(out.v, o.value)
	}
	return out
}
