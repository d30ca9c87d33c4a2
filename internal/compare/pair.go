package compare

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"

	moremath "github.com/aclements/go-moremath/stats"
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

// cell is one prompt in one block: the mean of its logarithms over repeats.
type cell struct {
	sum   float64
	n     int
	value float64 // of the last row
}

func (c *cell) log() float64 { return c.sum / float64(c.n) }

// grid is a side by block and prompt.
type grid map[int]map[string]*cell

func gridOf(rows []observation) grid {
	g := grid{}
	for _, o := range rows {
		block := g[o.block]
		if block == nil {
			block = map[string]*cell{}
			g[o.block] = block
		}
		c := block[o.prompt]
		if c == nil {
			c = &cell{}
			block[o.prompt] = c
		}
		c.sum, c.n, c.value = c.sum+math.Log(o.value), c.n+1, o.value
	}
	return g
}

// means returns the mean logarithm of each prompt over the blocks.
func (g grid) means() map[string]float64 {
	sum, n := map[string]float64{}, map[string]int{}
	for _, b := range g.order() {
		for p, c := range g[b] {
			sum[p], n[p] = sum[p]+c.log(), n[p]+1
		}
	}
	for p := range sum {
		sum[p] /= float64(n[p])
	}
	return sum
}

func (g grid) order() []int {
	out := make([]int, 0, len(g))
	for b := range g {
		out = append(out, b)
	}
	slices.Sort(out)
	return out
}

// blockValues makes one value of each block: the geometric mean over the
// prompts that both runs have, so that a block is one observation whatever its
// number of requests. A block that lacks some prompts is corrected by what
// those prompts take on average in both runs; one that lacks more than half of
// them is left out.
func blockValues(a, b []observation) (va, vb values, err error) {
	ga, gb := gridOf(a), gridOf(b)
	ma, mb := ga.means(), gb.means()
	var shared []string
	for p := range ma {
		if _, ok := mb[p]; ok {
			shared = append(shared, p)
		}
	}
	if len(shared) == 0 {
		return va, vb, errors.New("no prompt has a value in both runs")
	}
	slices.Sort(shared)
	centre := make([]float64, len(shared))
	for i, p := range shared {
		centre[i] = (ma[p] + mb[p]) / 2
	}
	va, vb = ga.blocks(shared, centre), gb.blocks(shared, centre)
	va.rows, vb.rows = a, b
	if len(va.v) == 0 || len(vb.v) == 0 {
		return va, vb, errors.New("no block has values for half of its prompts")
	}
	for i, m := range []map[string]float64{ma, mb} {
		if lost := len(m) - len(shared); lost > 0 {
			va.notes = append(va.notes, fmt.Sprintf("%d prompts have values in run %s only and are left out", lost, []string{"A", "B"}[i]))
		}
	}
	return va, vb, nil
}

func (g grid) blocks(prompts []string, centre []float64) values {
	var out values
	short := 0
	for _, b := range g.order() {
		v, have := g.block(b, prompts, centre)
		if 2*have < len(prompts) {
			short++
			continue
		}
		out.v = append(out.v, v)
	}
	if short > 0 {
		out.notes = append(out.notes, fmt.Sprintf("%d blocks lack more than half of their prompts and are left out", short))
	}
	return out
}

// block returns a block's value and how many of the prompts it has.
func (g grid) block(b int, prompts []string, centre []float64) (v float64, have int) {
	plain, corrected, all := 0.0, 0.0, 0.0
	var only *cell
	for i, p := range prompts {
		all += centre[i]
		if c := g[b][p]; c != nil {
			have++
			plain += c.log()
			corrected += c.log() - centre[i]
			only = c
		}
	}
	switch n := float64(len(prompts)); {
	case have == 0:
		return 0, 0
	case have == 1 && len(prompts) == 1 && only.n == 1:
		return tidy(only.value), 1
	case have == len(prompts):
		return tidy(math.Exp(plain / n)), have
	default:
		return tidy(math.Exp(corrected/float64(have) + all/n)), have
	}
}

// tidy keeps 12 digits: more than any clock has, and few enough that equal
// values stay equal whichever way they were added up. A rank test needs ties to
// be ties.
func tidy(v float64) float64 {
	v, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 12, 64), 64)
	if err != nil {
		panic("compare: " + err.Error()) // a number as strconv wrote it
	}
	return v
}

// facts are the evidence of a comparison: both sides' values and their ratio.
func (p pair) facts(c *Comparison, m Measure, va, vb values) ([]fact.Fact, error) {
	fa, err := p.side(m, p.runA, p.scope, p.a, va)
	if err != nil {
		return nil, err
	}
	fb, err := p.side(m, p.runB, p.other, p.b, vb)
	if err != nil {
		return nil, err
	}
	c.A, c.ALo, c.AHi = fa.Value.Or(0), fa.Lo, fa.Hi // side refuses what has no value
	c.B, c.BLo, c.BHi = fb.Value.Or(0), fb.Lo, fb.Hi
	ratio := fact.Fact{Metric: m.Metric.ID, Version: m.Metric.Version, Aggregate: "ratio", Unit: "ratio", Phase: p.phase,
		Scope: fields(p.scope, p.runA+" → "+p.runB), Value: c.Ratio, N: c.NA + c.NB, Planned: p.a.planned + p.b.planned,
		Lo: c.Lo, Hi: c.Hi, Method: c.Method, Caveats: c.Notes,
		Evidence: fact.Evidence{Rows: []string{fa.ID, fb.ID}, Digest: digest.Text(fa.Evidence.Digest + fb.Evidence.Digest)}}
	if err := identify(&ratio); err != nil {
		return nil, err
	}
	c.Evidence = Evidence{A: fa.ID, B: fb.ID, Ratio: ratio.ID}
	return []fact.Fact{fa, fb, ratio}, nil
}

// side is the fact of one run's values.
func (p pair) side(m Measure, run string, scope Scope, g *group, v values) (fact.Fact, error) {
	f := fact.Fact{Metric: m.Metric.ID, Version: m.Metric.Version, Aggregate: m.Aggregate, Unit: m.Metric.Unit, Phase: p.phase,
		Scope: fields(scope, run), N: len(v.v), Planned: g.planned, Caveats: v.notes}
	if err := settle(&f, m, v.v); err != nil {
		return f, err
	}
	var chain digest.Chain
	var line []byte
	f.Evidence.Rows = make([]string, len(v.rows))
	for i, o := range v.rows {
		row := run + "/" + o.trial
		f.Evidence.Rows[i] = row
		line = strconv.AppendFloat(append(append(line[:0], row...), ' '), o.value, 'g', -1, 64)
		chain.Add(line)
	}
	f.Evidence.Digest = chain.Sum()
	return f, identify(&f)
}

// settle fills in the value of one side. The interval of a median is the
// shortest pair of order statistics that covers 95 %, as benchstat has it; for
// some n it reaches further to one side than the equal-tailed one of package
// fact.
func settle(f *fact.Fact, m Measure, v []float64) error {
	if q, tail := quantiles[m.Aggregate]; tail {
		e, err := stats.HonestQuantile(v, q, level)
		if err != nil {
			return err
		}
		f.Value, f.Lo, f.Hi = sample.Some(e.Value), sample.Some(e.Interval.Lo), sample.Some(e.Interval.Hi) // it is refused without interval
		f.Method = e.Interval.Method + " of rows"
		return nil
	}
	middle, err := stats.Median(v)
	if err != nil {
		return err
	}
	f.Value, f.Method = sample.Some(middle), "no interval, of blocks"
	if ci := moremath.QuantileCI(len(v), 0.5, level); ci.LoOrder >= 1 && ci.HiOrder <= len(v) {
		_, lo, hi := ci.SampleCI(moremath.Sample{Xs: v})
		f.Lo, f.Hi, f.Method = sample.Some(lo), sample.Some(hi), "order-statistic of blocks"
	}
	return nil
}

func fields(s Scope, run string) map[string]string {
	return map[string]string{"run": run, "experiment": s.Experiment, "subject": s.Subject, "config": s.Config}
}

// identify gives a fact the id that its content has, as package fact does.
func identify(f *fact.Fact) error {
	id, err := digest.JSON(f)
	if err != nil {
		return fmt.Errorf("fact %s of %s: %w", f.Aggregate, f.Metric, err)
	}
	f.ID = "F" + digest.Short(id, 10)
	return nil
}
