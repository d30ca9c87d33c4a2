package finding

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// leastBlocks is how many blocks must have both sides before blocks, and not
// the requests in them, are what is counted: a block has loads and drift of its
// own, so requests within one are alike (Kalibera and Jones 2013).
const leastBlocks = 3

// A spot is where two things were measured side by side: a block, and within
// it a prompt and the settings that are not compared.
type spot struct {
	block int32
	cell  string
}

// spots returns the mean log of a metric at every spot of a thing. name says
// what of a stratum is not compared.
func (a *analyst) spots(metric string, strata []*stratum, name func(*stratum) string) map[spot]float64 {
	visits := a.visits(metric)
	sums, n := map[spot]float64{}, map[spot]float64{}
	for _, g := range strata {
		cell := name(g)
		for _, v := range visits[g.place] {
			at := spot{v.block, cell}
			sums[at] += v.mean * float64(v.n)
			n[at] += float64(v.n)
		}
	}
	for at := range sums {
		sums[at] /= n[at]
	}
	return sums
}

// A pair is the comparison of two things: the log ratios of y to x, one for
// each unit (a block, or a spot where there are too few blocks).
type pair struct {
	x, y    int // indices of the things
	logs    []float64
	byBlock bool
	err     error // why there is no ratio
	ratio   stats.Ratio
	narrow  stats.Ratio // at 90 %, for equivalence
	p       float64     // corrected for its family
	have    bool
	// correction for the family, if it is not Holm's
	correction string
}

// pairUp compares two things at the spots that both have.
func pairUp(x, y map[spot]float64) (logs []float64, byBlock bool) {
	type sum struct{ d, n float64 }
	blocks := map[int32]*sum{}
	var at []spot
	for s := range x {
		if _, ok := y[s]; ok {
			at = append(at, s)
			if blocks[s.block] == nil {
				blocks[s.block] = &sum{}
			}
		}
	}
	slices.SortFunc(at, func(a, b spot) int { return cmp.Or(cmp.Compare(a.block, b.block), cmp.Compare(a.cell, b.cell)) })
	var order []int32
	for _, s := range at {
		d := y[s] - x[s]
		b := blocks[s.block]
		if b.n == 0 {
			order = append(order, s.block)
		}
		b.d, b.n = b.d+d, b.n+1
		logs = append(logs, d)
	}
	if len(blocks) < leastBlocks {
		return logs, false
	}
	logs = nil
	for _, b := range order {
		logs = append(logs, blocks[b].d/blocks[b].n)
	}
	return logs, true
}

// estimate gives a pair its ratio with both intervals and the uncorrected p.
func (p *pair) estimate() {
	one, other := make([]float64, len(p.logs)), make([]float64, len(p.logs))
	for i, d := range p.logs {
		one[i], other[i] = 1, math.Exp(d)
	}
	if len(p.logs) < 2 {
		p.err = fmt.Errorf("one side by side only")
		return
	}
	if p.ratio, p.err = stats.PairedRatio(one, other, fact.Level); p.err != nil {
		return
	}
	if p.ratio.Interval == nil {
		p.err = reasonOf(p.ratio.Warnings)
		return
	}
	if p.narrow, p.err = stats.PairedRatio(one, other, 1-2*Alpha); p.err != nil {
		return
	}
	t, err := stats.PairedT(p.logs)
	if err != nil {
		p.err = err
		return
	}
	p.p, p.have = t.P, true
}

func reasonOf(warnings []stats.Warning) error {
	if len(warnings) == 0 {
		return fmt.Errorf("no interval")
	}
	return warnings[0]
}

// allPairs compares all things with each other and corrects the p-values as
// one family (Holm).
func allPairs(things []map[spot]float64) []*pair {
	var all []*pair
	var ps []float64
	for i := range things {
		for j := i + 1; j < len(things); j++ {
			p := &pair{x: i, y: j}
			p.logs, p.byBlock = pairUp(things[i], things[j])
			p.estimate()
			all = append(all, p)
			if p.have {
				ps = append(ps, p.p)
			}
		}
	}
	if len(ps) == 0 {
		return all
	}
	corrected, err := stats.Holm(ps)
	if err != nil { // p-values of tests are p-values
		panic("finding: " + err.Error())
	}
	for _, p := range all {
		if p.have {
			p.p, corrected = corrected[0], corrected[1:]
		}
	}
	return all
}

// verdict of a pair: is y better than x?
func (p *pair) verdict(higher bool) Verdict {
	switch {
	case !p.have:
		return NotMeasured
	case p.narrow.Interval.Within(1/(1+Margin), 1+Margin):
		return Same
	case p.p >= Alpha || p.ratio.Interval.Contains(1):
		return Inconclusive
	case (p.ratio.Value > 1) == higher:
		return Better
	}
	return Worse
}

// method says how a pair was compared.
func (p *pair) method(family int) string {
	of := "spots side by side (prompt and settings) of one pass: it says nothing of another load"
	if p.byBlock {
		of = "blocks"
	}
	return fmt.Sprintf("paired t on logarithms over %d %s; %s over %d", len(p.logs), of, cmp.Or(p.correction, "Holm"), family)
}

// ratioFact enters a pair's ratio, and pFact its corrected p.
func (a *analyst) ratioFact(metric string, p *pair, scope map[string]string, family int, of, to fact.Fact) fact.Fact {
	f := fact.Fact{Metric: metric, Version: to.Version, Aggregate: "ratio", Unit: unit.Ratio, Phase: to.Phase, Scope: scope,
		N: len(p.logs), Planned: len(p.logs), Method: p.method(family)}
	if p.have {
		f.Value, f.Lo, f.Hi = sample.Some(p.ratio.Value), sample.Some(p.ratio.Interval.Lo), sample.Some(p.ratio.Interval.Hi)
	} else {
		f.Reason = p.err.Error()
	}
	return a.derive(f, of, to)
}

func (a *analyst) pFact(p float64, method string, of fact.Fact) fact.Fact {
	return a.derive(fact.Fact{Metric: of.Metric, Version: of.Version, Aggregate: "p", Unit: unit.None, Phase: of.Phase, Scope: of.Scope,
		Value: sample.Some(p), N: of.N, Planned: of.Planned, Method: method}, of)
}

// neededFact enters the n that shows a true difference of d, or of the margin if
// d is smaller, given the scatter sd of one difference (both in logarithms) and
// that units were not enough; ok is false where the scatter is unknown.
func (a *analyst) neededFact(sd, d float64, units int, what string, of fact.Fact) (f fact.Fact, ok bool) {
	if sd <= 0 {
		return f, false
	}
	effect := max(math.Abs(d), math.Log1p(Margin))
	// n differences of scatter sd tell as much as n values a side of sd/√2.
	n, err := stats.NeededPerGroup(effect/(sd/math.Sqrt2), Alpha, 0.8)
	if err != nil {
		return f, false
	}
	return a.derive(fact.Fact{Metric: of.Metric, Version: of.Version, Aggregate: "needed_n", Unit: unit.None, Phase: of.Phase, Scope: of.Scope,
		Value: sample.Some(float64(max(n, 2*units))), N: of.N, Planned: of.Planned,
		Method: fmt.Sprintf("%s that show a difference as seen here, or of %g %% if that is more, with power 0.8, from the scatter of these; at least twice as many as there are", what, Margin*100)}, of), true
}

// leastLoads is how many cold starts a claim about them takes (method §2.2).
const leastLoads = 5

// begin adds to an inconclusive finding without any scatter how many units one
// must have to know it.
func (a *analyst) begin(f *Finding, n int, what string) {
	x := a.derive(fact.Fact{Metric: f.Metric, Version: 1, Aggregate: "needed_n", Unit: unit.None, Scope: f.Scope, Value: sample.Some(float64(n)), Method: what + " that a comparison begins with"})
	f.Needed = x.ID
	f.Notes = append(f.Notes, say("One value tells nothing of the scatter; a comparison begins with ", val(x), " ", what, "."))
}

// resolve adds to an inconclusive finding what would decide it.
func (a *analyst) resolve(f *Finding, sd, d float64, units int, what string, of fact.Fact) {
	if least, err := stats.NeededPerGroup(math.Log1p(Margin)/(sd/math.Sqrt2), Alpha, 0.8); err == nil && least <= units && math.Abs(d) < math.Log1p(Margin) {
		f.Notes = append(f.Notes, say("There are enough ", what, " to see a difference of the margin; sameness is not claimed where it is not shown, or where the order was not drawn."))
		return
	}
	n, ok := a.neededFact(sd, d, units, what, of)
	if !ok {
		return
	}
	f.Needed = n.ID
	f.Notes = append(f.Notes, say("By their scatter, ", val(n), " ", what, " would decide."))
}

// shown picks the aggregate for things that stand beside each other: medians
// where each has enough values for an interval, else means.
func shown(counts ...int) string {
	least, err := stats.NeededForQuantile(0.5, fact.Level)
	if err != nil {
		panic("finding: " + err.Error())
	}
	if slices.Min(counts) >= least {
		return "median"
	}
	return "mean"
}

// centre enters the median or mean of a cell.
func (a *analyst) centre(c cell, metric, aggregate string) fact.Fact {
	if len(c.strata) == 0 {
		return a.put(c.column(metric).Fact(aggregate))
	}
	key := fmt.Sprint(metric, "\x00", aggregate, "\x00", scopeText(c.scope), len(c.strata), " ", c.strata[0].place)
	return shared(&a.shared.Mutex, a.shared.centres, key, func() fact.Fact { return a.put(c.column(metric).Fact(aggregate)) })
}

// point is a mark for a fact.
func point(f fact.Fact) Point {
	p := Point{Value: f.Value, Lo: f.Lo, Hi: f.Hi, N: f.N, Unit: f.Unit, Fact: f.ID}
	if !f.Value.OK() {
		p.Missing, p.Fact = f.Reason, ""
	}
	return p
}
