package finding

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// Levels of concurrency that a law of scaling needs: one for each of its
// parameters, twice.
const (
	amdahlLevels = 3
	uslLevels    = 6
)

// littleGap is how far requests in flight may lie from rate × time before a
// measurement is doubted (method §7).
const littleGap = 0.05

// little holds the requests in flight against rate and time: in a closed loop
// every stream has one in flight, so streams = rate × time in the system. It
// fails where streams stood idle: a slow client, or blocks that are mostly
// their own end.
func (a *analyst) little(l *lane, scope map[string]string) Check {
	e2e := a.metric("e2e")
	var inSystem, spans float64
	requests := 0
	type window struct{ from, to int64 }
	blocks := map[int32]window{}
	rows := a.rowsOf(l.strata, everyRow)
	for _, i := range rows {
		r, v := a.rows[i], a.values[e2e][i]
		if math.IsNaN(v) || r.send < 0 || r.end < 0 {
			return Check{LittlesLaw, Unknown, say("a request failed or was not timed, so the requests in flight cannot be checked")}
		}
		w, ok := blocks[r.block]
		if !ok {
			w = window{r.send, r.end}
		}
		blocks[r.block] = window{min(w.from, r.send), max(w.to, r.end)}
		inSystem, requests = inSystem+v, requests+1
	}
	for _, b := range sortedBlocks(blocks) {
		spans += float64(blocks[b].to-blocks[b].from) / 1e9
	}
	if requests == 0 || spans <= 0 {
		return Check{LittlesLaw, Unknown, say("no request was timed")}
	}
	gap, err := stats.LittleGap(float64(l.streams), float64(requests)/spans, inSystem/float64(requests))
	if err != nil {
		return Check{LittlesLaw, Unknown, say("requests in flight cannot be checked: ", nm(err.Error()))}
	}
	f := a.fromRows(fact.Fact{Metric: "little_gap", Version: 1, Aggregate: "value", Unit: unit.Ratio, Phase: sample.Measure, Scope: with(scope, "streams", strconv.Itoa(l.streams)), Value: sample.Some(1 + gap),
		N: requests, Planned: len(rows), Method: "streams ÷ (request rate × mean time of a request), over all blocks"}, rows)
	if math.Abs(gap) > littleGap {
		return Check{LittlesLaw, Fail, say("streams by rate × time is ", as(f, AsTimes), ": not every stream had a request in flight all the time")}
	}
	return Check{LittlesLaw, Pass, say("streams by rate × time is ", as(f, AsTimes))}
}

func sortedBlocks[V any](m map[int32]V) (ids []int32) {
	for b := range m {
		ids = append(ids, b)
	}
	slices.Sort(ids)
	return ids
}

// scaling fits how throughput grows with the requests in flight. ok is false
// where the question does not arise: fewer than two levels.
func (a *analyst) scaling(scope map[string]string, lanes []*lane) (Finding, bool) {
	lanes = slices.DeleteFunc(slices.Clone(lanes), func(l *lane) bool { return len(factorsOf(l.strata)) > 0 })
	slices.SortStableFunc(lanes, func(x, y *lane) int { return cmp.Compare(x.streams, y.streams) })
	var levels []int
	for _, l := range lanes {
		if !slices.Contains(levels, l.streams) {
			levels = append(levels, l.streams)
		}
	}
	if len(levels) < 2 {
		return Finding{}, false
	}
	f := Finding{Kind: Scaling, Question: "How does the output rate grow with the requests in flight?", Scope: scope, Metric: "output_rate",
		Method: "universal scalability law X(N) = λN ÷ (1 + σ(N−1) + κN(N−1)) by least squares over blocks, σ and κ not below zero; with fewer than six levels Amdahl's law (κ = 0), with fewer than three none"}
	var n, x []float64
	var from []fact.Fact
	var all []*stratum
	for _, l := range lanes {
		a.measureLane(l, scope)
		for _, r := range l.rates {
			n, x = append(n, float64(l.streams)), append(x, r)
		}
		if l.fact.Value.OK() {
			from = append(from, l.fact)
		}
		all = append(all, l.strata...)
	}
	things := make([][]*stratum, len(lanes))
	for i, l := range lanes {
		things[i] = l.strata
	}
	order := a.orderIn(things, false)
	f.Checks = []Check{orderCheck(order, "levels", false), a.unfailed(all, scope), a.whole(all, scope), origin(all)}
	f.Tables = []Table{a.levelsOfLoad(lanes, scope)}
	f.Figures = []Figure{{ID: "scaling", Kind: Intervals, Title: say("Output rate by requests in flight"), Panels: []Panel{loadPanel(lanes, scope["subject"])}}}
	if len(levels) < amdahlLevels {
		k := a.count("levels", len(levels), len(levels), scope, from...)
		f.Verdict = NotMeasured
		f.Sentence = say("How the output rate of ", nm(scope["subject"]), " grows with the requests in flight was not measured: ", val(k), " levels carry no law of scaling.")
		return f, true
	}
	law, fit := "Amdahl's law", stats.FitAmdahl
	if len(levels) >= uslLevels {
		law, fit = "the universal scalability law", stats.FitUSL
	}
	u, err := fit(n, x, fact.Level)
	if err != nil {
		f.Verdict = NotMeasured
		f.Sentence = say("How the output rate of ", nm(scope["subject"]), " grows with the requests in flight was not measured: ", nm(err.Error()), ".")
		return f, true
	}
	put := func(metric string, un unit.Unit, e stats.Estimate) fact.Fact {
		g := fact.Fact{Metric: metric, Version: 1, Aggregate: "fit", Unit: un, Phase: sample.Measure, Scope: scope, Value: sample.Some(e.Value), N: len(x), Planned: len(x), Method: law + ", least squares"}
		if e.Interval != nil {
			g.Lo, g.Hi = sample.Some(e.Interval.Lo), sample.Some(e.Interval.Hi)
		}
		return a.derive(g, from...)
	}
	lambda, sigma := put("usl_lambda", unit.TokenPerSecond, u.Lambda), put("usl_sigma", unit.None, u.Sigma)
	size := say("by ", law, " one makes ", both(lambda), " and a share of ", both(sigma), " waits in line")
	if len(levels) >= uslLevels {
		size = append(size, say(", the cost of agreeing is ", both(put("usl_kappa", unit.None, u.Kappa)))...)
		if u.Peak.OK {
			peak := a.derive(fact.Fact{Metric: "usl_peak", Version: 1, Aggregate: "fit", Unit: unit.None, Phase: sample.Measure, Scope: scope, Value: sample.Some(u.Peak.V), N: len(x), Planned: len(x), Method: "√((1−σ)÷κ)"}, sigma)
			size = append(size, say(", and the output rate is greatest at ", val(peak), " in flight")...)
		}
	}
	subject := nm(scope["subject"])
	switch {
	case order == nested || order == cycled:
		f.Verdict, f.Forbids = NotComparable, "the order of the levels was not drawn"
		f.Sentence = say("For ", subject, ", ", size, "; the levels ran in a fixed order, so level and time cannot be told apart.")
	case order != drawn:
		f.Verdict = Inconclusive
		f.Sentence = say("For ", subject, ", ", size, "; whether the order of the levels was drawn is not known.")
	case positive(u.Sigma) || positive(u.Kappa):
		f.Verdict = Worse
		f.Sentence = say("The output rate of ", subject, " grows less than the requests in flight: ", size, ".")
	default:
		f.Verdict = Inconclusive
		f.Sentence = say("That the output rate of ", subject, " grows less than the requests in flight is not shown: ", size, ".")
	}
	return f, true
}

// positive reports whether an estimate is shown to lie above 0.
func positive(e stats.Estimate) bool { return e.Interval != nil && e.Interval.Lo > 0 }

// levelsOfLoad has the output rate of each level and what it is by stream.
func (a *analyst) levelsOfLoad(lanes []*lane, scope map[string]string) Table {
	t := Table{ID: "scaling", Title: "Output rate by requests in flight", Labels: []string{"experiment", "streams"}, Columns: []Column{
		{Head: "output rate", Metric: "output_rate", Aggregate: "mean", As: AsBoth}, {Head: "efficiency by stream", Metric: "scaling_efficiency", Aggregate: "ratio", As: AsPercent}, {Head: "blocks", Metric: "output_rate", Aggregate: "mean", As: AsN}}}
	var one fact.Fact
	for _, l := range lanes {
		if l.streams == 1 && one.ID == "" && l.fact.Value.OK() {
			one = l.fact
		}
	}
	for _, l := range lanes {
		row := Row{Names: []string{l.experiment, strconv.Itoa(l.streams)}, Cells: append(cells(l.fact), Cell{Missing: "one stream was not measured"}, Cell{Fact: l.fact.ID})}
		if x, ok := l.fact.Value.Get(); ok && one.ID != "" {
			e := a.derive(fact.Fact{Metric: "scaling_efficiency", Version: 1, Aggregate: "ratio", Unit: unit.Ratio, Phase: sample.Measure, Scope: with(scope, "experiment", l.experiment, "streams", strconv.Itoa(l.streams)),
				Value: sample.Some(x / (float64(l.streams) * one.Value.Or(1))), N: l.fact.N, Planned: l.fact.Planned, Method: "output rate ÷ (streams × output rate of one)"}, l.fact, one)
			row.Cells[1] = Cell{Fact: e.ID}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func loadPanel(lanes []*lane, subject string) Panel {
	p := Panel{X: Axis{Label: "requests in flight"}, Y: Axis{Label: "output rate", Metric: "output_rate", Unit: unit.TokenPerSecond}}
	for _, l := range lanes {
		q := point(l.fact)
		q.Series, q.XName = subject, strconv.Itoa(l.streams)
		if !slices.Contains(p.X.Categories, q.XName) {
			p.X.Categories = append(p.X.Categories, q.XName)
			p.Points = append(p.Points, q)
		}
	}
	return p
}
