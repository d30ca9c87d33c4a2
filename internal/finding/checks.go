package finding

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/telemetry"
	"chimera/internal/unit"
)

// tally enters how many of some rows there are, with the rows as evidence.
func (a *analyst) tally(of string, scope map[string]string, rows []int, planned int) fact.Fact {
	f := fact.Fact{Metric: of, Version: 1, Aggregate: "count", Unit: unit.None, Scope: scope, Value: sample.Some(float64(len(rows))),
		N: len(rows), Planned: planned, Method: "counted", Evidence: fact.Evidence{Rows: []string{}}}
	var chain digest.Chain
	var name []byte
	for _, i := range rows {
		name = append(append(append(name[:0], a.strata[a.rows[i].stratum].key.run...), '/'), a.rows[i].trial...)
		if len(f.Evidence.Rows) < fact.MaxRows {
			f.Evidence.Rows = append(f.Evidence.Rows, string(name))
		} else {
			f.Evidence.Total = len(rows)
		}
		chain.Add(name)
	}
	f.Evidence.Digest = chain.Sum()
	return a.put(fact.Identify(f))
}

// rowsOf lists the rows of strata that keep holds for, in plan order.
func (a *analyst) rowsOf(strata []*stratum, keep func(*stratum, int) bool) []int {
	var out []int
	for _, g := range strata {
		for i := g.from; i < g.to; i++ {
			if keep(g, i) {
				out = append(out, i)
			}
		}
	}
	return out
}

// answered is the place of the outcome ok in sample.Outcomes.
const answered = 0

func everyRow(*stratum, int) bool { return true }

// soundness are the checks that every comparison of requests has. all are the
// strata of every phase from which the measured ones were taken.
// Findings about the same rows share them.
func (a *analyst) soundness(metric string, measured, all []*stratum, scope map[string]string) []Check {
	key := fmt.Sprint(metric, "\x00", scopeText(scope), len(measured))
	own := shared(&a.shared.Mutex, a.shared.sound, key, func() []Check {
		at, res := a.residuals(metric, measured)
		return []Check{a.unfailed(measured, scope), a.uncached(measured, scope), a.unthrottled(measured), a.undisturbed(measured),
			a.whole(measured, scope), a.undrifted(metric, at, res, scope), a.undominated(metric, res, scope), origin(measured)}
	})
	return append([]Check{a.warm(measured, all, scope)}, own...)
}

// warm says where the cold rows are.
func (a *analyst) warm(measured, all []*stratum, scope map[string]string) Check {
	cold := a.rowsOf(all, func(g *stratum, _ int) bool { return g.phase == sample.Cold })
	if slices.ContainsFunc(measured, func(g *stratum) bool { return g.phase != sample.Measure }) {
		return Check{NoColdRows, Fail, say("cold rows are among those compared")}
	}
	if len(cold) == 0 {
		return Check{NoColdRows, Pass, say("no row ran cold")}
	}
	n := a.tally("cold rows", scope, cold, len(cold))
	return Check{NoColdRows, Pass, say("all rows compared ran warm; ", val(n), plural(len(cold), " cold row stands", " cold rows stand"), " apart")}
}

func (a *analyst) unfailed(strata []*stratum, scope map[string]string) Check {
	bad := a.rowsOf(strata, func(_ *stratum, i int) bool { return a.rows[i].outcome != answered })
	planned := (cell{x: &a.index, strata: strata}).planned()
	if len(bad) == 0 {
		n := a.tally("requests", scope, a.rowsOf(strata, everyRow), planned)
		return Check{NoFailures, Pass, say("all ", val(n), " planned requests were answered")}
	}
	n := a.tally("failed requests", scope, bad, planned)
	return Check{NoFailures, Fail, say(val(n), " of ", as(n, AsPlanned), " planned requests failed; they enter no value")}
}

func (a *analyst) uncached(strata []*stratum, scope map[string]string) Check {
	m := a.metric("cached_tokens")
	counted, hits := 0, []int{}
	for _, i := range a.rowsOf(strata, everyRow) {
		if v := a.values[m][i]; !math.IsNaN(v) {
			counted++
			if v > 0 {
				hits = append(hits, i)
			}
		}
	}
	switch {
	case counted == 0:
		return Check{NoCacheHits, Unknown, say("the runtime did not say which prompt tokens it took from a cache")}
	case len(hits) == 0:
		return Check{NoCacheHits, Pass, say("no prompt token came from a cache")}
	}
	n := a.tally("requests with cached prompt tokens", scope, hits, counted)
	return Check{NoCacheHits, Fail, say("in ", val(n), " of ", as(n, AsPlanned), " requests a part of the prompt came from a cache")}
}

// unthrottled asks the clock reasons that GPUs gave during the run.
func (a *analyst) unthrottled(strata []*stratum) Check {
	read, hot, capped := 0, 0, 0
	for _, run := range distinct(strata, func(g *stratum) string { return g.key.run }) {
		if g := a.telemetry[run+"\x00"+telemetry.GPUThrottle]; g != nil {
			read, hot, capped = read+g.read, hot+g.withBits, capped+g.capped
		}
	}
	if read == 0 {
		return Check{NoThrottling, Unknown, say("nothing said whether clocks were held back")}
	}
	scope := map[string]string{"run": strata[0].key.run, "series": telemetry.GPUThrottle}
	switch {
	case hot > 0:
		n := a.count("readings with a GPU slowed for heat or by hardware", hot, read, scope)
		return Check{NoThrottling, Fail, say("in ", val(n), " of ", as(n, AsPlanned), " readings a GPU was slowed for heat or by hardware")}
	case float64(capped) > 0.1*float64(read):
		n := a.count("readings with a GPU at its power cap", capped, read, scope)
		return Check{NoThrottling, Fail, say("in ", val(n), " of ", as(n, AsPlanned), " readings a GPU was held at its power cap")}
	}
	n := a.count("readings of GPU clock reasons", read, read, scope)
	return Check{NoThrottling, Pass, say("no GPU was slowed in ", val(n), " readings")}
}

// dirtyMachine begins the warning of a manifest whose machine had other work.
const dirtyMachine = "env_dirty:"

// undisturbed asks the manifest whether the machine had other work.
func (a *analyst) undisturbed(strata []*stratum) Check {
	runs := distinct(strata, func(g *stratum) string { return g.key.run })
	known := len(runs) > 0 && !slices.ContainsFunc(strata, func(g *stratum) bool { return g.origin == sample.Imported })
	for _, run := range runs {
		at := slices.IndexFunc(a.manifests, func(m *sample.Manifest) bool { return m.Run == run })
		if at < 0 {
			known = false
			continue
		}
		known = known && a.manifests[at].Absent["preflight"] == ""
		for _, w := range a.manifests[at].Warnings {
			if said, ok := strings.CutPrefix(w, dirtyMachine); ok {
				return Check{QuietMachine, Fail, say(nm(strings.TrimSpace(said)))}
			}
		}
	}
	if !known {
		return Check{QuietMachine, Unknown, say("nobody watched what else the machine did")}
	}
	return Check{QuietMachine, Pass, say("the machine had no other work when it was looked at")}
}

// whole looks for answers with nothing to measure, and for answers so short
// beside their like that they can be no answer. Alike are the rows of one
// stratum, and the calls of one stage of several agents.
func (a *analyst) whole(strata []*stratum, scope map[string]string) Check {
	bad := a.short(strata)
	counted := (cell{x: &a.index, strata: strata}).n("output_tokens")
	bad = append(bad, a.rowsOf(strata, func(_ *stratum, i int) bool {
		o := sample.Outcomes[a.rows[i].outcome]
		return o == sample.Degenerate || o == sample.Cut
	})...)
	slices.Sort(bad)
	switch {
	case len(bad) > 0:
		n := a.tally("empty or far too short answers", scope, bad, (cell{x: &a.index, strata: strata}).planned())
		return Check{NoDegenerate, Fail, say(val(n), " of ", as(n, AsPlanned), " answers were empty, cut off or far shorter than their like")}
	case counted == 0:
		return Check{NoDegenerate, Unknown, say("the output tokens were not counted")}
	}
	return Check{NoDegenerate, Pass, say("every answer held tokens to measure")}
}

// shortShare is the part of the median length of its like below which an
// answer is called degenerate.
const shortShare = 0.1

// residuals are the logs of a metric less the mean of their stratum, with the
// run order of each row, in run order.
func (a *analyst) residuals(metric string, strata []*stratum) (at, res []float64) {
	type dot struct {
		order int32
		r     float64
	}
	var dots []dot
	m := a.metric(metric)
	for _, g := range strata {
		var sum, n float64
		for _, v := range a.values[m][g.from:g.to] {
			if v > 0 {
				sum, n = sum+math.Log(v), n+1
			}
		}
		if n < 2 {
			continue
		}
		for i := g.from; i < g.to; i++ {
			if v := a.values[m][i]; v > 0 {
				dots = append(dots, dot{a.rows[i].order, math.Log(v) - sum/n})
			}
		}
	}
	slices.SortFunc(dots, func(x, y dot) int {
		if x.order != y.order {
			return int(x.order) - int(y.order)
		}
		switch {
		case x.r < y.r:
			return -1
		case x.r > y.r:
			return 1
		}
		return 0
	})
	for _, d := range dots {
		at, res = append(at, float64(d.order)), append(res, d.r)
	}
	return at, res
}

// Below leastDrift rows a slope says nothing; below driftP it is called one.
const (
	leastDrift = 10
	driftP     = 0.01
)

// undrifted fits a straight line to what is left of each value when the mean of
// its like is taken off.
func (a *analyst) undrifted(metric string, at, res []float64, scope map[string]string) Check {
	if len(res) < leastDrift {
		return Check{NoDrift, Unknown, say("too few repeated requests to see a drift")}
	}
	line, err := stats.LeastSquares(at, res, fact.Level)
	if err != nil || line.Slope.Interval == nil || !line.P.OK {
		return Check{NoDrift, Unknown, say("no line can be laid through these rows")}
	}
	span := at[len(at)-1] - at[0]
	f := a.derive(fact.Fact{Metric: metric, Version: 1, Aggregate: "drift", Unit: unit.Ratio, Phase: sample.Measure, Scope: scope,
		Value: sample.Some(math.Exp(line.Slope.Value * span)), Lo: sample.Some(math.Exp(line.Slope.Interval.Lo * span)), Hi: sample.Some(math.Exp(line.Slope.Interval.Hi * span)),
		N: len(res), Planned: len(res), Method: fmt.Sprintf("least squares of log residuals against run order, last by first, p = %.3g", line.P.V)})
	if line.P.V < driftP && math.Abs(line.Slope.Value*span) > math.Log1p(Margin)/2 {
		return Check{NoDrift, Fail, say("the level moved by ", as(f, AsChangeCI), " from first to last")}
	}
	return Check{NoDrift, Pass, say("no drift beyond noise: ", as(f, AsChangeCI), " from first to last")}
}

// wildShare is the part of values that may lie far from their like.
const wildShare = 0.02

// undominated looks for single values far from all of their like.
func (a *analyst) undominated(metric string, res []float64, scope map[string]string) Check {
	if len(res) < leastDrift {
		return Check{NoOutlier, Unknown, say("too few repeated requests to call one an outlier")}
	}
	far, err := stats.MADDistances(res)
	if err != nil {
		return Check{NoOutlier, Unknown, say("more than half of the values are equal")}
	}
	wild := 0
	for _, d := range far {
		if d > stats.FarMADs {
			wild++
		}
	}
	n := a.count("values far from their like", wild, len(res), with(scope, "metric", metric))
	if wild == 0 || float64(wild) <= wildShare*float64(len(res)) {
		return Check{NoOutlier, Pass, say(val(n), " of ", as(n, AsPlanned), " values lie far from their like")}
	}
	return Check{NoOutlier, Fail, say(val(n), " of ", as(n, AsPlanned), " values lie far from their like; medians are the better guide")}
}

func origin(strata []*stratum) Check {
	switch {
	case slices.ContainsFunc(strata, func(g *stratum) bool { return g.origin == sample.Simulated }):
		return Check{Observed, Fail, say("simulated: the time line is invented")}
	case slices.ContainsFunc(strata, func(g *stratum) bool { return g.origin == sample.Imported }):
		return Check{Observed, Unknown, say("read from another tool's file; nobody here watched it")}
	case slices.ContainsFunc(strata, func(g *stratum) bool { return g.synthetic }):
		return Check{Observed, Pass, say("measured; the model is synthetic, so speed is real and text is noise")}
	}
	return Check{Observed, Pass, say("measured")}
}

// orderCheck words an ordering of things called what ("subjects").
func orderCheck(o ordering, what string, apart bool) Check {
	switch {
	case apart:
		return Check{OrderRandomised, Unknown, say("the ", what, " stand in files of their own: when each ran is not recorded")}
	case o == drawn:
		return Check{OrderRandomised, Pass, say("the order of the ", what, " was drawn")}
	case o == nested:
		return Check{OrderRandomised, Fail, say("each of the ", what, " ran in one stretch, so it cannot be told from the time at which it ran")}
	case o == cycled:
		return Check{OrderRandomised, Fail, say("every pass had the same order of ", what, ", so each always followed the same neighbour")}
	}
	return Check{OrderRandomised, Unknown, say("too few passes to see whether the order of the ", what, " was drawn")}
}
