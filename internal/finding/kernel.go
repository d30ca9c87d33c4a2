package finding

import (
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// kernels looks at the timings of single operations: is the mean one slow
// call's, and is there another implementation of the same operation beside it?
func (a *asking) kernels() {
	all := a.specimens("kernel", "file", "group", "operation")
	for i, s := range all {
		scope := map[string]string{"run": s.run, "file": s.labels["file"], "group": s.labels["group"], "operation": s.labels["operation"]}
		var other *specimen
		for j, o := range all {
			if i != j && o.run == s.run && o.labels["file"] == s.labels["file"] && o.labels["group"] == s.labels["group"] &&
				variantOf(o.labels["operation"]) == variantOf(s.labels["operation"]) && variantOf(s.labels["operation"]) != "" {
				other = o
			}
		}
		switch {
		case other == nil:
			a.add(a.lonelyKernel(s, scope))
		case strings.HasPrefix(s.labels["operation"], "baseline"):
			a.add(a.kernelPair(s, other, scope))
		}
	}
}

// variantOf is what an operation computes, without the first word that names
// the implementation: "fused_linear_gelu" and "baseline_linear_gelu" are one.
func variantOf(operation string) string {
	_, rest, _ := strings.Cut(operation, "_")
	return rest
}

func (a *analyst) lonelyKernel(s *specimen, scope map[string]string) Finding {
	t := a.timing(s, scope)
	name := s.labels["group"] + " " + s.labels["operation"]
	f := Finding{Kind: Kernel, Question: "How fast is " + name + ", and against what?", Scope: scope, Metric: "mean_time", Verdict: NotMeasured,
		Method: "one implementation: there is nothing to compare it with"}
	f.Checks = []Check{{SameConditions, Unknown, say("no second implementation stands beside it")}, a.slowCheck(t), readingOrigin(s)}
	f.Tables = []Table{a.timingTable(t)}
	switch {
	case !t.ok:
		f.Sentence = say(nm(name), " has no time: ", nm(s.reason("mean_time")), ".")
	case t.slow:
		f.Sentence = say(nm(name), " has nothing to be compared with; its mean of ", val(t.mean), " is one slow call (", val(t.max), "), the others take ", val(a.restFact(t)), ".")
	default:
		f.Sentence = say(nm(name), " takes ", val(t.mean), " on average; there is nothing to compare it with.")
	}
	return f
}

func (a *analyst) kernelPair(base, other *specimen, scope map[string]string) Finding {
	x, y := a.timing(base, scope), a.timing(other, with(scope, "operation", other.labels["operation"]))
	switch { // both were called equally often; the one with the slow call tells how often
	case x.slow && !y.slow:
		y = y.without(x.calls)
	case y.slow && !x.slow:
		x = x.without(y.calls)
	}
	one, two := base.labels["operation"], other.labels["operation"]
	delete(scope, "operation")
	f := Finding{Kind: Kernel, Question: "Is " + two + " faster than " + one + "?", Scope: with(scope, "of", two, "to", one), Metric: "mean_time",
		Method: "the file kept four figures and no call: ratios at the fastest call and without the slowest one stand beside the ratio of means"}
	slow := a.slowCheck(x)
	if c := a.slowCheck(y); c.Status == Fail {
		slow = c
	}
	f.Checks = []Check{{SameConditions, Pass, say("both stand in one file")}, unrecordedOrder(), slow, readingOrigin(base)}
	f.Tables = []Table{a.timingTable(x, y)}
	if !x.ok || !y.ok {
		f.Verdict = NotMeasured
		f.Sentence = say(nm(one), " or ", nm(two), " has no time: nothing can be compared.")
		return f
	}
	means := a.timeRatio(x, y, f.Scope, 1)
	least, haveLeast := a.minRatio(x, y, f.Scope)
	lo, hasLo := means.Lo.Get()
	hi := means.Hi.Or(0)
	switch {
	case x.slow || y.slow:
		f.Verdict = Inconclusive
		f.Sentence = say("Whether ", nm(two), " is faster than ", nm(one), " cannot be said: the ratio of means is one slow call's")
		if haveLeast {
			f.Sentence = append(f.Sentence, say("; at the fastest calls it is ", as(least, AsTimes))...)
		}
		rest := a.restRatio(x, y, f.Scope)
		f.Sentence = append(f.Sentence, say(", without the slowest calls ", as(rest, AsTimes), ", and no single call was kept to test it.")...)
		f.Notes = append(f.Notes, say("The ratio of means, ", as(means, AsTimes), ", is no speedup."))
	case hasLo && lo > 1+unknownOrder:
		f.Verdict = Better
		f.Sentence = say(nm(two), " is ", as(means, AsTimesCI), " as fast as ", nm(one), ".")
	case hasLo && hi < 1/(1+unknownOrder):
		f.Verdict = Worse
		f.Sentence = say(nm(two), " is slower than ", nm(one), ": ", as(means, AsTimesCI), " its speed.")
	default:
		f.Verdict = Inconclusive
		f.Sentence = say("Neither of ", nm(one), " and ", nm(two), " is shown to be faster: ", as(means, AsTimesCI), ".")
	}
	p := Panel{X: Axis{Label: "estimate", Categories: []string{"fastest calls", "without the slowest", "means"}}, Y: Axis{Label: "speed of " + two + " by " + one, Unit: unit.Ratio, Log: true},
		Lines: []Reference{{Label: "equal speed", Y: sample.Some(1.0)}}}
	add := func(name string, x fact.Fact) {
		m := point(x)
		m.Series, m.XName = two, name
		p.Points = append(p.Points, m)
	}
	if haveLeast {
		add("fastest calls", least)
	}
	add("without the slowest", a.restRatio(x, y, f.Scope))
	add("means", means)
	f.Figures = []Figure{{ID: "kernel", Kind: Ratios, Title: f.Sentence, Panels: []Panel{p}}}
	return f
}

// unrecordedOrder is the check of files that keep sums and no call.
func unrecordedOrder() Check {
	return Check{OrderRandomised, Unknown, say("in which order the calls ran is not recorded; only a difference that no drift reaches counts")}
}

// restRatio is the ratio of means without the slowest calls.
func (a *analyst) restRatio(x, y timing, scope map[string]string) fact.Fact {
	side := func(t timing) (float64, fact.Fact) {
		if t.rest > 0 {
			return t.rest, a.restFact(t)
		}
		return t.mean.Value.Or(0), t.mean
	}
	b, fb := side(x)
	o, fo := side(y)
	return a.derive(fact.Fact{Metric: "mean_time", Version: 1, Aggregate: "ratio_without_slowest", Unit: unit.Ratio, Scope: scope, Value: sample.Some(b / o),
		N: max(1, min(x.calls, y.calls)-1), Planned: min(x.calls, y.calls), Method: "means without the slowest call of each, no interval"}, fb, fo)
}

func (a *analyst) slowCheck(t timing) Check {
	switch {
	case !t.ok || !t.max.Value.OK():
		return Check{NoOutlier, Unknown, say("the slowest call was not kept")}
	case t.slow:
		return Check{NoOutlier, Fail, say("one call of ", val(t.max), " decides the mean of ", val(t.mean), " of ", nm(t.mean.Scope["operation"]+t.mean.Scope["backend"]))}
	}
	return Check{NoOutlier, Pass, say("no single call decides a mean (slowest ", val(t.max), ")")}
}

func (a *analyst) timingTable(all ...timing) Table {
	t := Table{ID: "timings", Title: "Times as the file has them", Labels: []string{"operation"}, Columns: []Column{
		{Head: "fastest", Metric: "min_time", Aggregate: "value", As: AsValue}, {Head: "mean", Metric: "mean_time", Aggregate: "value", As: AsValue},
		{Head: "slowest", Metric: "max_time", Aggregate: "value", As: AsValue}, {Head: "mean without slowest", Metric: "mean_time", Aggregate: "mean_without_slowest", As: AsValue}}}
	for _, x := range all {
		r := Row{Names: []string{x.labels["operation"]}, Cells: cells(x.min, x.mean, x.max)}
		if x.slow {
			r.Cells = append(r.Cells, Cell{Fact: a.restFact(x).ID})
		} else {
			r.Cells = append(r.Cells, Cell{})
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}
