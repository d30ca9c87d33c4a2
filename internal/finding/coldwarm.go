package finding

import (
	"maps"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// coldAndWarm compares the first requests after a load with warm ones, for
// every subject of every bench that has cold rows.
func (a *asking) coldAndWarm() {
	for _, b := range a.benches() {
		for _, s := range b.subjects() {
			cold, warm := b.of(sample.Cold, s), b.of(sample.Measure, s)
			if len(cold) == 0 {
				continue
			}
			if len(warm) == 0 {
				warm = a.warmLike(cold)
			}
			if metric, ok := a.carried(latencies, cold); ok {
				a.add(a.coldCost(b, s, metric, cold, warm))
			}
		}
	}
}

// warmLike finds the warm rows of a run that share prompt, subject and
// configuration with cold ones: a cold experiment has none of its own.
func (a *analyst) warmLike(cold []*stratum) []*stratum {
	var out []*stratum
	for _, g := range a.strata {
		if g.phase == sample.Measure && slices.ContainsFunc(cold, func(c *stratum) bool {
			return g.key.run == c.key.run && g.key.subject == c.key.subject && g.key.prompt == c.key.prompt && g.key.sha == c.key.sha && maps.Equal(g.config, c.config)
		}) {
			out = append(out, g)
		}
	}
	return out
}

func (a *analyst) coldCost(b *bench, subject, metric string, cold, warm []*stratum) Finding {
	scope := a.scopeOf(b, subject, cold)
	f := Finding{Kind: ColdWarm, Question: "What does the first request after a load cost?", Scope: with(scope, "metric", metric), Metric: metric,
		Method: "cold rows are those that paid for a load; ratio of geometric means with Welch's interval on logarithms"}
	cc, wc := cell{&a.index, cold, scope}, cell{&a.index, warm, scope}
	fc := a.centre(cc, metric, shown(cc.n(metric)))
	load := a.centre(cc, "load_time", "median")
	f.Tables = []Table{{ID: "cold-warm", Title: "First request after a load, and warm requests", Labels: []string{"phase"}, Columns: []Column{
		{Head: label(metric), Metric: metric, As: AsBoth}, {Head: "n", Metric: metric, As: AsN}}}}
	line := func(phase string, x fact.Fact) {
		c := Cell{Fact: x.ID}
		if !x.Value.OK() {
			c = Cell{Missing: x.Reason}
		}
		f.Tables[0].Rows = append(f.Tables[0].Rows, Row{Names: []string{phase}, Cells: []Cell{c, {Fact: x.ID}}})
	}
	line("cold", fc)
	if load.Value.OK() && metric != "load_time" {
		f.Notes = append(f.Notes, say("The runtime counts ", both(load), " of that as loading (n = ", count(load), ")."))
	}
	f.Checks = append(f.Checks, a.unfailed(append(slices.Clone(cold), warm...), scope), origin(cold))
	p := Panel{X: Axis{Label: "phase", Categories: []string{"cold", "warm"}}, Y: Axis{Label: label(metric), Metric: metric, Unit: fc.Unit, Log: true}}
	p.Points = append(p.Points, a.dots(cell{&a.index, cold, scope}, metric, subject, "cold")...)
	if wc.n(metric) == 0 {
		f.Verdict = NotMeasured
		f.Sentence = say("A cold request of ", nm(subject), " takes ", both(fc), " to its first token (n = ", count(fc), "); no warm request of the same prompt and settings stands beside it.")
		f.Figures = []Figure{{ID: "cold-warm", Kind: Distribution, Title: f.Sentence, Panels: []Panel{p}}}
		return f
	}
	fw := a.centre(wc, metric, shown(wc.n(metric)))
	line("warm", fw)
	p.Points = append(p.Points, a.dots(wc, metric, subject, "warm")...)
	x, _ := wc.values(metric)
	y, _ := cc.values(metric)
	r, err := stats.RatioOfMeans(x, y, fact.Level)
	switch {
	case err != nil || r.Interval == nil:
		f.Verdict = Inconclusive
		f.Sentence = say("The cold ", plural(fc.N, "request", "requests"), " of ", nm(subject), " took ", val(fc), " to the first token (n = ", count(fc), "), warm ones ", both(fw), " (n = ", count(fw), "): too few loads for an interval.")
		a.begin(&f, leastLoads, "cold starts")
		f.Checks = append(f.Checks, Check{EnoughN, Fail, say("one load, or one warm request, has no spread")})
	default:
		ratio := a.derive(fact.Fact{Metric: metric, Version: fc.Version, Aggregate: "ratio", Unit: unit.Ratio, Scope: with(scope, "of", "cold", "to", "warm"),
			Value: sample.Some(r.Value), Lo: sample.Some(r.Interval.Lo), Hi: sample.Some(r.Interval.Hi), N: min(fc.N, fw.N), Planned: fc.N + fw.N,
			Method: "cold by warm, geometric means, Welch on logarithms"}, fc, fw)
		f.Sentence = say("A cold request of ", nm(subject), " takes ", both(fc), " to its first token, a warm one ", both(fw), ": ", as(ratio, AsTimesCI), ".")
		switch {
		case r.Interval.Lo > 1+Margin:
			f.Verdict = Worse
		case r.Interval.Hi < 1/(1+Margin):
			f.Verdict = Better
		case r.Interval.Within(1/(1+Margin), 1+Margin):
			f.Verdict = Same
		default:
			f.Verdict = Inconclusive
		}
		f.Checks = append(f.Checks, Check{EnoughN, enough(fc.N >= leastLoads), say(count(fc), " loads stand against ", count(fw), " warm requests")})
	}
	f.Figures = []Figure{{ID: "cold-warm", Kind: Distribution, Title: f.Sentence, Panels: []Panel{p}}}
	return f
}

func enough(ok bool) Status {
	if ok {
		return Pass
	}
	return Fail
}

// dots are single values, at most MaxPoints: beyond, evenly spaced quantiles.
func (a *analyst) dots(c cell, metric, series, category string) []Point {
	values, rows := c.values(metric)
	u := a.metrics[a.metric(metric)].Unit
	var out []Point
	if len(values) > MaxPoints {
		slices.Sort(values)
		for i := range MaxPoints {
			v := values[i*(len(values)-1)/(MaxPoints-1)]
			out = append(out, Point{Series: series, XName: category, Value: sample.Some(v), N: 1, Unit: u})
		}
		return out
	}
	for i, v := range values {
		g := a.strata[a.rows[rows[i]].stratum]
		out = append(out, Point{Series: series, XName: category, Facet: string(g.phase), Value: sample.Some(v), N: 1, Unit: u, Row: g.key.run + "/" + a.rows[rows[i]].trial})
	}
	return out
}
