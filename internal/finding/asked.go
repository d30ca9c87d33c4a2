package finding

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// Contrast is the kind of a finding that answers what somebody asked, not one
// of the questions that are put to all rows: no Analysis holds any.
const Contrast Kind = "contrast"

// Side is one of several things that are held against each other: rows of a
// ledger that have the metric, and the centre of their values.
type Side struct {
	Name string
	Fact fact.Fact
	Rows []*fact.Row
}

// Asked holds things against each other that somebody chose. It pairs and
// tests as all findings do: side by side in the same block at the same work,
// on logarithms, corrected for the family of pairs that could have been asked.
type Asked struct {
	Series fact.Series
	// Compared are the labels in which the sides are meant to differ.
	Compared []string
	// Planned says of a run whether chimera drew the order of its requests.
	Planned func(run string) bool
}

// Centres are the aggregates that a comparison of pairs speaks of.
var Centres = []string{"median", "mean", "p50", ratioOfSumsAggregate}

const ratioOfSumsAggregate = "ratio_of_sums"

// Answer says whether of is better than to, with the facts that it derived:
// ratio, difference, p, and the n that would decide. Ratio and difference are of
// by to, of minus to. family is the number of pairs of which this is one; each
// p is multiplied by it (Bonferroni).
func (q Asked) Answer(of, to Side, family int) (Finding, []fact.Fact, error) {
	a := &analyst{}
	a.mu.facts = map[string]fact.Fact{of.Fact.ID: of.Fact, to.Fact.ID: to.Fact}
	what := nm(label(q.Series.Name))
	f := Finding{Kind: Contrast, Question: fmt.Sprintf("Is %s better than %s in %s?", of.Name, to.Name, what.Name), Metric: q.Series.Name,
		Scope: with(inBoth(of.Fact.Scope, to.Fact.Scope), "of", of.Name, "to", to.Name), Method: "compared in the blocks, prompts and settings that both have"}
	cells, apart, forbids := q.cells(of, to)
	if no := otherwise(of.Fact, to.Fact); no != "" {
		forbids = no
	}
	order := q.order([]Side{of, to}, apart)
	higher, _ := q.direction()
	f.Checks = []Check{orderCheck(order, "sides", apart), a.unvalued(of, to, f.Scope)}
	switch {
	case !of.Fact.Value.OK() || !to.Fact.Value.OK():
		f.Verdict = NotMeasured
		f.Sentence = say(nm(lacking(of, to)), " has no value of the ", what, ".")
	case forbids != "":
		f.Verdict, f.Forbids = NotComparable, forbids
		f.Sentence = say(nm(of.Name), " and ", nm(to.Name), " cannot be compared in ", what, ": ", nm(forbids), ".")
	case q.text():
		a.judgeScores(&f, of, to, higher)
	case !allPositive(q.Series.Name, of, to):
		q.judgeDifference(a, &f, cells, order, of, to, family)
	default:
		q.judgeRatio(a, &f, cells, order, of, to, family)
	}
	return a.sealAsked(f, of, to)
}

// text reports a score of what was written.
func (q Asked) text() bool {
	def, err := metric.Lookup(q.Series.Name)
	return err == nil && def.Text
}

// allPositive reports whether all values of the sides have a logarithm.
func allPositive(name string, sides ...Side) bool {
	for _, s := range sides {
		for _, r := range s.Rows {
			if c, ok := r.Cell(name); ok && c.Value.Or(1) <= 0 {
				return false
			}
		}
	}
	return true
}

// judgeScores compares scores of text as the quality finding does: answers to
// one prompt are alike, so the sides' own intervals, over prompts, decide.
func (a *analyst) judgeScores(f *Finding, of, to Side, higher bool) {
	what := nm(label(f.Metric))
	f.Method = "one is better where the intervals over prompts, at 95 % each, do not meet"
	x, y := of.Fact.Value.Or(0), to.Fact.Value.Or(0) // both are there
	a.derive(fact.Fact{Metric: f.Metric, Version: of.Fact.Version, Aggregate: "difference", Unit: of.Fact.Unit, Phase: of.Fact.Phase, Scope: f.Scope,
		Value: sample.Some(x - y), N: min(of.Fact.N, to.Fact.N), Planned: min(of.Fact.Planned, to.Fact.Planned), Method: "difference of the two values, no interval"}, of.Fact, to.Fact)
	said := say(nm(of.Name), " has ", both(of.Fact), ", ", nm(to.Name), " ", both(to.Fact))
	switch {
	case above(of.Fact, to.Fact) && higher, above(to.Fact, of.Fact) && !higher:
		f.Verdict = Better
	case above(of.Fact, to.Fact), above(to.Fact, of.Fact):
		f.Verdict = Worse
	default:
		f.Verdict = Inconclusive
		f.Sentence = say("No difference between ", nm(of.Name), " and ", nm(to.Name), " in ", what, " is shown: ", said, ".")
		return
	}
	f.Sentence = say(nm(of.Name), " is ", string(f.Verdict), " in ", what, ": ", said, ".")
}

// judgeDifference compares values that have no ratio, as some are 0 or below.
func (q Asked) judgeDifference(a *analyst, f *Finding, cells []string, order ordering, of, to Side, family int) {
	what := nm(label(q.Series.Name))
	d, byBlock, x := a.difference(q.Series.Name, cells, of, to, f.Scope)
	t, err := stats.PairedT(d)
	if err != nil || !x.Lo.OK() {
		f.Verdict = Inconclusive
		f.Sentence = say("Whether ", nm(of.Name), " and ", nm(to.Name), " differ in ", what, " cannot be said: too few stand side by side, or none varies.")
		a.begin(f, leastBlocks, "blocks")
		return
	}
	p := min(1, t.P*float64(family))
	a.pFact(p, fmt.Sprintf("paired t over %d %s; Bonferroni over %d", len(d), units(byBlock), family), x)
	higher, lower := q.direction()
	said := say(nm(of.Name), " by ", nm(to.Name), " differs by ", both(x))
	v, _ := x.Value.Get()
	switch {
	case p >= Alpha:
		f.Verdict = Inconclusive
		f.Sentence = say("No difference between ", nm(of.Name), " and ", nm(to.Name), " in ", what, " is shown: ", said, ".")
	case order == nested || order == cycled:
		f.Verdict, f.Forbids = NotComparable, undrawn
		f.Sentence = say(said, ", but what they are and when they ran cannot be told apart: ", orderWords(order), ".")
	case order != drawn:
		f.Verdict = Inconclusive
		f.Sentence = say(said, ", but when each ran is not known, and a drift could do as much.")
	case !higher && !lower:
		f.Verdict = Inconclusive
		f.Sentence = say("They differ in ", what, ": ", said, "; neither more nor less of it is better.")
	default:
		f.Verdict = Worse
		if (v > 0) == higher {
			f.Verdict = Better
		}
		f.Sentence = say(nm(of.Name), " is ", string(f.Verdict), " in ", what, ": ", said, ".")
	}
}

// undrawn forbids a verdict.
const undrawn = "the order of the sides was not drawn"

// judgeRatio compares on logarithms, by the pairs and tests of every contest.
func (q Asked) judgeRatio(a *analyst, f *Finding, cells []string, order ordering, of, to Side, family int) {
	p := &pair{x: 0, y: 1, correction: "Bonferroni"}
	p.logs, p.byBlock = pairUp(spotsOf(to, q.Series.Name, cells, math.Log), spotsOf(of, q.Series.Name, cells, math.Log))
	p.estimate()
	p.p = min(1, p.p*float64(family))
	ratio := a.ratioFact(q.Series.Name, p, f.Scope, family, of.Fact, to.Fact)
	a.difference(q.Series.Name, cells, of, to, f.Scope)
	if p.have {
		a.pFact(p.p, p.method(family), ratio)
	}
	q.judge(a, f, p, order, of, to, say(nm(of.Name), " has ", as(ratio, AsTimesCI), " that of ", nm(to.Name)))
}

// judge gives the verdict of a pair by the rules of every contest.
func (q Asked) judge(a *analyst, f *Finding, p *pair, order ordering, of, to Side, said Sentence) {
	what := nm(label(q.Series.Name))
	if !p.have {
		f.Verdict = Inconclusive
		f.Sentence = say("Whether ", nm(of.Name), " and ", nm(to.Name), " differ in ", what, " cannot be said: ", nm(p.err.Error()), ".")
		a.begin(f, leastBlocks, "blocks")
		return
	}
	higher, lower := q.direction()
	switch v := p.verdict(higher); {
	case v == Same && order == drawn:
		f.Verdict = Same
		f.Sentence = say(nm(of.Name), " and ", nm(to.Name), " have the same ", what, " within the margin of equivalence: ", said, ".")
	case v == Same, v == Inconclusive:
		f.Verdict = Inconclusive
		f.Sentence = say("No difference between ", nm(of.Name), " and ", nm(to.Name), " in ", what, " is shown: ", said, ".")
		if sd, err := stats.SD(p.logs); err == nil {
			mean, _ := stats.Mean(p.logs) // of values that have a standard deviation
			a.resolve(f, sd, mean, len(p.logs), units(p.byBlock), of.Fact)
		}
	case order == nested || order == cycled:
		f.Verdict, f.Forbids = NotComparable, undrawn
		f.Sentence = say(said, ", but what they are and when they ran cannot be told apart: ", orderWords(order), ".")
	case order != drawn && p.reach() < math.Log1p(unknownOrder):
		f.Verdict = Inconclusive
		f.Sentence = say(said, ", but when each ran is not known, and a drift could do as much.")
	case !higher && !lower:
		f.Verdict = Inconclusive
		f.Sentence = say("They differ in ", what, ": ", said, "; neither more nor less of it is better.")
	default:
		f.Verdict = v
		f.Sentence = say(nm(of.Name), " is ", string(v), " in ", what, ": ", said, ".")
	}
}

// reach is how far from no difference the interval of a pair stays, in
// logarithms.
func (p *pair) reach() float64 {
	return math.Min(math.Abs(math.Log(p.ratio.Interval.Lo)), math.Abs(math.Log(p.ratio.Interval.Hi)))
}

// sealAsked ends a finding that somebody asked for, with its facts: first the
// sides, then what was derived of them.
func (a *analyst) sealAsked(f Finding, of, to Side) (Finding, []fact.Fact, error) {
	f = a.seal(f) // checks that every fact it names is there
	order := []string{"ratio", "difference", "p", "needed_n"}
	rank := func(x fact.Fact) int {
		switch i := slices.Index(order, x.Aggregate); {
		case x.ID == of.Fact.ID:
			return -2
		case x.ID == to.Fact.ID:
			return -1
		case i >= 0:
			return i
		}
		return len(order)
	}
	facts := slices.SortedFunc(maps.Values(a.mu.facts), func(x, y fact.Fact) int { return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.ID, y.ID)) })
	f.Facts = nil
	for _, x := range facts {
		f.Facts = append(f.Facts, x.ID)
	}
	f, err := identify(f)
	return f, facts, cmp.Or(a.mu.err, err)
}

// otherwise says why two facts are no values of the same thing, or "".
func otherwise(x, y fact.Fact) string {
	switch {
	case x.Metric != y.Metric:
		return fmt.Sprintf("one is of %s, the other of %s", x.Metric, y.Metric)
	case x.Version != y.Version:
		return fmt.Sprintf("%s is defined by version %d here and by %d there", x.Metric, x.Version, y.Version)
	case x.Aggregate != y.Aggregate:
		return fmt.Sprintf("one is the %s, the other the %s", x.Aggregate, y.Aggregate)
	case x.Unit != y.Unit:
		return fmt.Sprintf("one is in %q, the other in %q", x.Unit, y.Unit)
	case x.Phase != y.Phase:
		return fmt.Sprintf("one is of phase %s, the other of phase %s", x.Phase, y.Phase)
	case !slices.Contains(Centres, x.Aggregate) && x.Aggregate != "value":
		return fmt.Sprintf("there is no test of the %s here", x.Aggregate)
	}
	return ""
}

func units(byBlock bool) string {
	if byBlock {
		return "blocks"
	}
	return "places side by side"
}

func lacking(of, to Side) string {
	if of.Fact.Value.OK() {
		return to.Name
	}
	return of.Name
}

// direction says which way is better, by the metric's definition or, of a
// series of readings, by its unit.
func (q Asked) direction() (higher, lower bool) {
	switch d := q.Series.Direction; {
	case d != "":
		return d == metric.Higher, d == metric.Lower
	case q.Series.Unit == unit.TokenPerSecond || q.Series.Unit == unit.PerSecond || q.Series.Unit == unit.BytePerSecond || q.Series.Unit == unit.FlopPerSecond:
		return true, false
	case q.Series.Unit == unit.Second || q.Series.Unit == unit.SecondPerToken:
		return false, true
	}
	return false, false
}

// where the rows of a side stand says nothing of what they are.
var places = []string{"run", "block", fact.LabelFile, fact.LabelExperiment, "group", "target"}

// incidental labels tell rows apart, not things.
var incidental = []string{"row", "trial", "first_trial", "instant", "call", "repeat", "field", "field_unit"}

// cells chooses the labels that make a place where sides stand side by side:
// all in which the work can differ. apart says that the sides stand in files or
// experiments of their own; forbids names a difference that nobody asked about.
func (q Asked) cells(of, to Side) (cells []string, apart bool, forbids string) {
	if len(of.Rows) == 0 || len(to.Rows) == 0 {
		return nil, true, "the rows of one of them are not here"
	}
	for _, l := range labelsOf(of, to) {
		if slices.Contains(q.Compared, l) || slices.Contains(incidental, l) {
			continue
		}
		x, y := valuesOf(of, l), valuesOf(to, l)
		disjoint := !slices.ContainsFunc(x, func(v string) bool { return slices.Contains(y, v) })
		switch {
		case disjoint && l == "run":
			return nil, true, "they ran in two runs, which `chimera compare` holds against each other"
		case disjoint && slices.Contains(places, l):
			apart = true
		case disjoint:
			return nil, apart, fmt.Sprintf("they differ also in %s (%s against %s)", l, some(x), some(y))
		case !slices.Contains(places, l) || l == fact.LabelExperiment:
			cells = append(cells, l)
		}
	}
	return cells, apart, ""
}

// some lists the first of several values.
func some(values []string) string {
	if values[0] == "" {
		values[0] = "none given"
	}
	if len(values) > 2 {
		return values[0] + " …"
	}
	return strings.Join(values, ", ")
}

// requestLabels are what the work of a request consists of, beside its settings.
var requestLabels = []string{"run", fact.LabelExperiment, fact.LabelSubject, "target", "workload", "prompt"}

func labelsOf(sides ...Side) []string {
	seen := map[string]bool{"run": true}
	for _, s := range sides {
		for _, r := range s.Rows {
			for l := range r.Labels {
				if r.Kind != fact.KindRequest || slices.Contains(requestLabels, l) || strings.HasPrefix(l, "config.") {
					seen[l] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

func labelOf(r *fact.Row, label string) string {
	if label == "run" {
		return r.Run
	}
	return r.Labels[label]
}

func valuesOf(s Side, label string) []string {
	return distinct(s.Rows, func(r *fact.Row) string { return labelOf(r, label) })
}

// spotsOf is the mean of a metric at every spot of a side, on a scale.
func spotsOf(s Side, name string, cells []string, scale func(float64) float64) map[spot]float64 {
	sums, n := map[spot]float64{}, map[spot]float64{}
	var key strings.Builder
	for _, r := range s.Rows {
		c, _ := r.Cell(name)
		v, ok := c.Value.Get()
		if v = scale(v); !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		key.Reset()
		for _, l := range cells {
			key.WriteString(labelOf(r, l) + "\x00")
		}
		block, _ := strconv.ParseInt(r.Labels["block"], 10, 32) // a row without a block is of the first
		at := spot{int32(block), r.Run + "\x00" + key.String()}
		sums[at] += v
		n[at]++
	}
	for at := range sums {
		sums[at] /= n[at]
	}
	return sums
}

// difference enters the mean of the differences side by side, in the metric's
// own unit.
func (a *analyst) difference(metric string, cells []string, of, to Side, scope map[string]string) (d []float64, byBlock bool, x fact.Fact) {
	same := func(v float64) float64 { return v }
	d, byBlock = pairUp(spotsOf(to, metric, cells, same), spotsOf(of, metric, cells, same))
	x = fact.Fact{Metric: metric, Version: of.Fact.Version, Aggregate: "difference", Unit: of.Fact.Unit, Phase: of.Fact.Phase, Scope: scope, N: len(d), Planned: len(d)}
	e, err := stats.MeanEstimate(d, fact.Level, math.Inf(-1))
	switch {
	case err != nil:
		x.Reason, x.Method = err.Error(), "none"
	case e.Interval == nil:
		x.Value, x.Method = sample.Some(e.Value), "mean of the differences of "+units(byBlock)+", no interval: "+reasonOf(e.Warnings).Error()
	default:
		x.Value, x.Lo, x.Hi = sample.Some(e.Value), sample.Some(e.Interval.Lo), sample.Some(e.Interval.Hi)
		x.Method = fmt.Sprintf("mean of the differences of %d %s, Student's interval", len(d), units(byBlock))
	}
	return d, byBlock, a.derive(x, of.Fact, to.Fact)
}

// order judges how the sides lay in time.
func (q Asked) order(sides []Side, apart bool) ordering {
	if apart {
		return unknown
	}
	var seq []placed
	planned := true
	for i, s := range sides {
		for _, r := range s.Rows {
			block, _ := strconv.ParseInt(r.Labels["block"], 10, 32)
			seq = append(seq, placed{int32(r.Order), int32(block), i})
			planned = planned && q.Planned != nil && q.Planned(r.Run)
		}
	}
	slices.SortStableFunc(seq, func(a, b placed) int { return int(a.order) - int(b.order) })
	if o := orderOf(seq, len(sides)); o != unknown || !planned {
		return o
	}
	return drawn
}

// unvalued says how many rows of the sides gave no value.
func (a *analyst) unvalued(of, to Side, scope map[string]string) Check {
	n, planned := of.Fact.N+to.Fact.N, of.Fact.Planned+to.Fact.Planned
	if n >= planned {
		return Check{NoFailures, Pass, say("every row has a value")}
	}
	c := a.count("rows without a value", planned-n, planned, scope, of.Fact, to.Fact)
	return Check{NoFailures, Fail, say(val(c), " of ", as(c, AsPlanned), " rows have no value; they enter no number")}
}

// inBoth is what two scopes have in common.
func inBoth(x, y map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range x {
		if y[k] == v {
			out[k] = v
		}
	}
	return out
}
