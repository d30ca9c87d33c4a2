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

// gigabyte is the size that efficiencies are by: GB = 10⁹ byte.
const gigabyte = 1e9

// tokenPerSecondPerGB is the unit of a speed by a size.
const tokenPerSecondPerGB unit.Unit = "token/s/GB"

// sizeOf enters the measured size of a subject: the bytes of its model file as
// the target described it. Nothing is assumed for a subject without one.
func (a *analyst) sizeOf(b *bench, subject string) (fact.Fact, bool) {
	record, ok := a.subject(b.run, subject)
	bytes, have := record.FileBytes.Get()
	if !ok || !have || bytes == 0 {
		return fact.Fact{}, false
	}
	return a.derive(fact.Fact{Metric: "file_bytes", Version: 1, Aggregate: "value", Unit: unit.Byte, Scope: map[string]string{"run": b.run, "subject": subject},
		Value: sample.Some(float64(bytes)), N: 1, Planned: 1, Method: "as the target described the model before the run"}), true
}

// residentSeries is the reading of a load that says how many bytes the loaded
// model takes, wherever they lie.
const residentSeries = "load.resident"

// memoryOf enters the most memory that was seen in use for a subject, where a
// reading says so; else its file's size.
func (a *analyst) memoryOf(b *bench, subject string) (fact.Fact, bool) {
	var seen []*sample.Reading
	for _, r := range a.readings {
		if r.Run == b.run && r.Labels["subject"] == subject && r.Series == residentSeries && r.Value.OK() {
			seen = append(seen, r)
		}
	}
	if len(seen) == 0 {
		return a.sizeOf(b, subject)
	}
	top := slices.MaxFunc(seen, func(x, y *sample.Reading) int { return cmp.Compare(x.Value.Or(0), y.Value.Or(0)) })
	return a.put(fact.Identify(fact.Fact{Metric: "resident_bytes", Version: 1, Aggregate: "max", Unit: unit.Byte, Scope: map[string]string{"run": b.run, "subject": subject},
		Value: top.Value, N: len(seen), Planned: len(seen), Method: "largest reading of " + top.Series, Evidence: fact.Evidence{Rows: []string{readingName(top)}}})), true
}

// efficiencies ranks the subjects of a bench by speed per GB of measured size.
func (a *asking) efficiencies() {
	for _, b := range a.benches() {
		subjects := b.subjects()
		if len(subjects) < 2 {
			continue
		}
		things := make([][]*stratum, len(subjects))
		for i, s := range subjects {
			things[i] = b.of(sample.Measure, s)
		}
		if metric, ok := a.carried(speeds, things...); ok {
			a.add(a.efficiency(b, metric, subjects, things))
		}
	}
}

func (a *analyst) efficiency(b *bench, metric string, subjects []string, things [][]*stratum) Finding {
	scope := b.scope()
	f := Finding{Kind: Efficiency, Question: "Which subject has the best " + label(metric) + " per GB?", Scope: with(scope, "metric", metric), Metric: metric,
		Method: "rate by measured size of the model file (decimal GB); sizes are exact, so the intervals are those of the rates"}
	var unsized, sized []string
	var sizes []fact.Fact
	var rows [][]*stratum
	for i, s := range subjects {
		if size, ok := a.sizeOf(b, s); ok {
			sized, sizes, rows = append(sized, s), append(sizes, size), append(rows, things[i])
		} else {
			unsized = append(unsized, s)
		}
	}
	if len(sized) < 2 {
		f.Verdict = NotMeasured
		f.Sentence = say("Speed per GB was not measured: the ", plural(len(unsized), "size", "sizes"), " of ", list(unsized), " ", plural(len(unsized), "is", "are"), " not known, and none is assumed.")
		return f
	}
	c := a.compete(metric, sized, rows, scope, "subject")
	order := a.orderIn(rows, b.apart)
	a.perGB(c, sizes, scope)
	c.label += " per GB"
	a.judge(&f, c, with(scope, "per", "GB"), order, "subject")
	f.Checks = []Check{orderCheck(order, "subjects", b.apart), origin(slices.Concat(rows...))}
	if len(unsized) > 0 {
		f.Notes = append(f.Notes, say("The ", plural(len(unsized), "size", "sizes"), " of ", list(unsized), " ", plural(len(unsized), "is", "are"), " not known."))
	}
	t := Table{ID: "efficiency", Title: "Speed per GB of model file", Labels: []string{"subject"}, Columns: []Column{{Head: "speed per GB", Metric: c.metric, Aggregate: "per_gb", As: AsBoth},
		{Head: "size", Metric: "file_bytes", Aggregate: "value", As: AsValue}, {Head: "n", Metric: metric, As: AsN}}}
	p := Panel{X: Axis{Label: "size", Metric: "file_bytes", Unit: unit.Byte}, Y: Axis{Label: label(metric) + " per GB", Unit: tokenPerSecondPerGB}}
	for i, s := range sized {
		t.Rows = append(t.Rows, Row{Names: []string{s}, Winner: slices.Contains(f.Winners, s), Cells: append(cells(c.facts[i], sizes[i]), Cell{Fact: c.facts[i].ID})})
		m := point(c.facts[i])
		m.Series, m.X, m.XFact, m.Winner = s, sizes[i].Value, sizes[i].ID, slices.Contains(f.Winners, s)
		p.Points = append(p.Points, m)
	}
	f.Tables, f.Figures = []Table{t}, []Figure{{ID: "efficiency", Kind: Scatter, Title: f.Sentence, Panels: []Panel{p}}}
	return f
}

// perGB turns a contest of rates into one of rates by size.
func (a *analyst) perGB(c *contest, sizes []fact.Fact, scope map[string]string) {
	for i, x := range c.facts {
		gb := sizes[i].Value.Or(1) / gigabyte
		f := fact.Fact{Metric: c.metric, Version: x.Version, Aggregate: "per_gb", Unit: tokenPerSecondPerGB, Phase: x.Phase, Scope: with(scope, "subject", c.names[i]), N: x.N, Planned: x.Planned,
			Method: x.Aggregate + " by size; " + x.Method, Reason: x.Reason}
		scale := func(v sample.Opt[float64]) sample.Opt[float64] {
			if r, ok := v.Get(); ok {
				return sample.Some(r / gb)
			}
			return v
		}
		f.Value, f.Lo, f.Hi = scale(x.Value), scale(x.Lo), scale(x.Hi)
		c.facts[i] = a.derive(f, x, sizes[i])
		for at := range c.spots[i] {
			c.spots[i][at] -= math.Log(gb)
		}
	}
	c.pairs = allPairs(c.spots)
	c.choose()
}

// An objective is one thing that a subject should be good at.
type objective struct {
	name    string
	contest *contest    // of rows; nil for a value that stands for itself
	exact   []fact.Fact // smaller is better
	shares  []fact.Fact // of answers that are as they should be: larger is better
}

// paretos find, for each bench, the subjects that no other one beats at
// something without being worse at the rest: speed, latency, memory and the
// contract of what was written.
func (a *asking) paretos() {
	for _, b := range a.benches() {
		subjects := b.subjects()
		if len(subjects) < 2 {
			continue
		}
		things := make([][]*stratum, len(subjects))
		for i, s := range subjects {
			things[i] = b.of(sample.Measure, s)
		}
		var all []objective
		for _, alternatives := range [][]string{speeds, latencies} {
			if metric, ok := a.carried(alternatives, things...); ok {
				all = append(all, objective{name: label(metric), contest: a.compete(metric, subjects, things, b.scope(), "subject")})
			}
		}
		var sizes []fact.Fact
		for _, s := range subjects {
			if m, ok := a.memoryOf(b, s); ok {
				sizes = append(sizes, m)
			}
		}
		if len(sizes) == len(subjects) {
			all = append(all, objective{name: "memory", exact: sizes})
		}
		var kept []fact.Fact
		for i, s := range subjects {
			if f := a.scoresOf(contractKept, things[i], with(b.scope(), "subject", s)); f.Value.OK() {
				kept = append(kept, f)
			}
		}
		if len(kept) == len(subjects) {
			all = append(all, objective{name: label(contractKept), shares: kept})
		}
		if len(all) > 1 {
			a.add(a.pareto(b, subjects, things, all))
		}
	}
}

// stands says how x stands against y in one objective.
func (o objective) stands(x, y int) Verdict {
	switch {
	case o.shares != nil && above(o.shares[x], o.shares[y]):
		return Better
	case o.shares != nil && above(o.shares[y], o.shares[x]):
		return Worse
	case o.shares != nil:
		return Inconclusive
	case o.contest == nil:
		return map[int]Verdict{-1: Better, 0: Same, 1: Worse}[cmp.Compare(o.exact[x].Value.Or(0), o.exact[y].Value.Or(0))]
	}
	for _, p := range o.contest.pairs {
		if p.x == x && p.y == y && p.have {
			return p.inverted().verdict(o.contest.higher)
		}
		if p.x == y && p.y == x {
			return p.verdict(o.contest.higher)
		}
	}
	return NotMeasured
}

// dominates reports whether x is shown to be better than y at something, and
// is nowhere shown or likely to be worse.
func dominates(all []objective, x, y int) bool {
	better := false
	for _, o := range all {
		switch o.stands(x, y) {
		case Better:
			better = true
		case Same:
		case Inconclusive: // not shown to be worse; nor does it look so beyond the margin
			vx, vy := o.fact(x).Value.Or(0), o.fact(y).Value.Or(0)
			if o.higher() {
				vx, vy = vy, vx
			}
			if vx > vy*(1+Margin) {
				return false
			}
		default:
			return false
		}
	}
	return better
}

func (a *analyst) pareto(b *bench, subjects []string, things [][]*stratum, all []objective) Finding {
	scope := b.scope()
	f := Finding{Kind: Pareto, Question: "Which subjects are beaten by none at everything?", Scope: scope,
		Method: "one dominates another if it is shown to be better at something and at nothing is shown, or looks beyond the margin, to be worse"}
	order := a.orderIn(things, b.apart)
	var names, front []string
	for _, o := range all {
		names = append(names, o.name)
	}
	beaten := map[string]string{}
	for y, s := range subjects {
		for x := range subjects {
			if x != y && beaten[s] == "" && dominates(all, x, y) {
				beaten[s] = subjects[x]
			}
		}
		if beaten[s] == "" {
			front = append(front, s)
		}
	}
	f.Checks = []Check{orderCheck(order, "subjects", b.apart), origin(slices.Concat(things...))}
	looked := "; whether answers are good beyond their contract was not judged."
	if all[len(all)-1].shares == nil {
		looked = "; quality was not measured: " + unwritten(slices.Concat(things...)) + "."
	}
	f.Notes = []Sentence{say("Looked at: ", list(names), looked)}
	switch {
	case order == nested || order == cycled:
		f.Verdict, f.Forbids = NotComparable, "the order of the subjects was not drawn"
		f.Sentence = say("Which subjects are beaten at everything cannot be said: subject and time cannot be told apart.")
	case len(beaten) > 0 && order == drawn:
		f.Verdict, f.Winners = Better, front
		f.Sentence = say(list(front), plural(len(front), " is beaten by none: ", " are beaten by none: "), a.beatenWords(subjects, beaten), ".")
	case len(beaten) > 0:
		f.Verdict = Inconclusive
		f.Sentence = say("By these rows ", a.beatenWords(subjects, beaten), ", but when each ran is not known.")
	case a.anyShown(all, len(subjects)):
		f.Verdict, f.Winners, f.Forbids = NotComparable, front, "each is best at something"
		f.Sentence = say("None of ", list(subjects), " is beaten at everything: what they are good at differs, so the choice is one of weight.")
	default:
		f.Verdict, f.Winners = Inconclusive, front
		f.Sentence = say("No difference between ", list(subjects), " is shown in ", list(names), ".")
	}
	f.Tables, f.Figures = []Table{a.paretoTable(subjects, all, f)}, []Figure{a.paretoFigure(subjects, all, f)}
	return f
}

func (a *analyst) beatenWords(subjects []string, beaten map[string]string) Sentence {
	var s Sentence
	for _, name := range subjects {
		if by := beaten[name]; by != "" {
			if len(s) > 0 {
				s = append(s, w(", "))
			}
			s = append(s, nm(by), w(" beats "), nm(name))
		}
	}
	return s
}

func (a *analyst) anyShown(all []objective, k int) bool {
	for _, o := range all {
		for x := range k {
			for y := range k {
				if x != y && o.stands(x, y) == Better {
					return true
				}
			}
		}
	}
	return false
}

func (o objective) fact(i int) fact.Fact {
	switch {
	case o.shares != nil:
		return o.shares[i]
	case o.contest == nil:
		return o.exact[i]
	}
	return o.contest.facts[i]
}

// higher reports whether larger values are better.
func (o objective) higher() bool { return o.shares != nil || o.contest != nil && o.contest.higher }

func (a *analyst) paretoTable(subjects []string, all []objective, f Finding) Table {
	t := Table{ID: "pareto", Title: "Subjects by everything that was measured", Labels: []string{"subject"}}
	for _, o := range all {
		t.Columns = append(t.Columns, Column{Head: o.name + ", " + o.fact(0).Aggregate, Metric: o.fact(0).Metric, Aggregate: o.fact(0).Aggregate, As: AsBoth})
	}
	for i, s := range subjects {
		r := Row{Names: []string{s}, Winner: slices.Contains(f.Winners, s)}
		for _, o := range all {
			r.Cells = append(r.Cells, cells(o.fact(i))...)
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

// paretoFigure plots the first objective against each other one.
func (a *analyst) paretoFigure(subjects []string, all []objective, f Finding) Figure {
	fig := Figure{ID: "pareto", Kind: Scatter, Title: f.Sentence}
	for _, o := range all[1:] {
		p := Panel{Facet: fmt.Sprintf("%s by %s", all[0].name, o.name), X: Axis{Label: o.name, Metric: o.fact(0).Metric, Unit: o.fact(0).Unit}, Y: Axis{Label: all[0].name, Metric: all[0].fact(0).Metric, Unit: all[0].fact(0).Unit}}
		var path [][]float64
		sign := -1.0 // a front is of values of which more is better
		if o.higher() {
			sign = 1
		}
		for i, s := range subjects {
			x, m := o.fact(i), point(all[0].fact(i))
			m.Series, m.X, m.XLo, m.XHi, m.XFact, m.Winner = s, x.Value, x.Lo, x.Hi, x.ID, slices.Contains(f.Winners, s)
			if !x.Value.OK() {
				m.XFact, m.Missing, m.Value = "", x.Reason, sample.None[float64]()
			}
			p.Points = append(p.Points, m)
			vx, okX := x.Value.Get()
			vy, okY := m.Value.Get()
			if okX && okY {
				path = append(path, []float64{sign * vx, vy})
			}
		}
		if at, err := stats.ParetoFront(path); err == nil && len(at) > 1 {
			var line [][2]float64
			for _, i := range at {
				line = append(line, [2]float64{sign * path[i][0], path[i][1]})
			}
			slices.SortFunc(line, func(x, y [2]float64) int { return cmp.Compare(x[0], y[0]) })
			p.Lines = []Reference{{Label: "front of the values as they are", Path: line}}
		}
		fig.Panels = append(fig.Panels, p)
	}
	return fig
}
