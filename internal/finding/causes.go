package finding

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/telemetry"
	"chimera/internal/unit"
)

// Limits of the decision table. A cause is seen beside a slowdown, never proved
// by it: nothing of this was drawn.
const (
	queueGrown  = 0.10 // growth of the part of a call that is spent in line
	reloadLimit = 0.10 // part of the calls that ran into a load
	spilled     = 0.01 // part of a loaded model that left the accelerator
	cpuBusy     = 0.95 // mean utilisation of all cores
	notSeen     = "not seen"
	seen        = "seen"
	notMeasured = "not measured"
)

// A cause is one row of the decision table.
type cause struct {
	name, role, looked, limit string
	alone, together, more     fact.Fact
	verdict                   string
	why                       string // of what is missing
}

// causes looks for each cause in the rows and readings of the arm.
func (a *analyst) causes(u *ensemble) []cause {
	out := []cause{a.reloads(u)}
	out = append(out, a.queueing(u)...)
	out = append(out, a.sharing(u)...)
	return append(out, a.spill(u), a.heat(u), a.busyCPU(u))
}

// reloads counts the calls that ran into a load. Alone there are none: such a
// block is not compared.
func (a *analyst) reloads(u *ensemble) cause {
	c := cause{name: "the model is loaded again and again", role: "all", looked: "part of the calls that ran into a load", limit: "a tenth"}
	share := func(m *arm, passes []*pass) fact.Fact {
		var all, cold []int
		for _, p := range passes {
			for _, i := range p.rows() {
				all = append(all, i)
				if a.strata[a.rows[i].stratum].phase == sample.Cold {
					cold = append(cold, i)
				}
			}
		}
		n := a.tally("calls that ran into a load", map[string]string{"run": m.run, "experiment": m.name}, cold, len(all))
		return a.derive(fact.Fact{Metric: "reload_share", Version: 1, Aggregate: "share", Unit: unit.Ratio, Scope: n.Scope, Value: sample.Some(float64(len(cold)) / float64(len(all))), N: len(all), Planned: len(all), Method: "calls that ran into a load, by all"}, n)
	}
	c.alone, c.together = share(u.solo, u.alone), share(u.arm, u.used)
	c.verdict = notSeen
	if c.together.Value.Or(0) > reloadLimit {
		c.verdict = seen
	}
	return c
}

// pairsOf averages a value of each warm call by role, stage and block, and
// returns what both alone and together have.
func (a *analyst) pairsOf(u *ensemble, role string, value func(i int) (float64, bool)) (alone, together []float64, rows []int) {
	type place struct {
		block int32
		stage string
	}
	means := func(passes []*pass) map[place]float64 {
		sums, n := map[place]float64{}, map[place]float64{}
		for _, p := range passes {
			for _, i := range p.tasks[role].rows {
				g := a.strata[a.rows[i].stratum]
				if v, ok := value(i); ok && g.phase == sample.Measure {
					stage, _ := stageOf(g.key.workload)
					at := place{p.block, stage}
					sums[at], n[at] = sums[at]+v, n[at]+1
					rows = append(rows, i)
				}
			}
		}
		for at := range sums {
			sums[at] /= n[at]
		}
		return sums
	}
	x, y := means(u.alone), means(u.used)
	var places []place
	for at := range x {
		if _, ok := y[at]; ok {
			places = append(places, at)
		}
	}
	slices.SortFunc(places, func(p, q place) int { return cmp.Or(cmp.Compare(p.block, q.block), strings.Compare(p.stage, q.stage)) })
	for _, at := range places {
		alone, together = append(alone, x[at]), append(together, y[at])
	}
	return alone, together, rows
}

// queueShare is the part of a call spent neither loading nor on the prompt
// before the first token, by the whole call. A runtime that says nothing of
// loading has loaded before.
func (a *analyst) queueShare(i int) (float64, bool) {
	at := func(id string) float64 { return a.values[a.metric(id)][i] }
	ttft, prompt, e2e, load := at("ttft"), at("prompt_eval_time"), at("e2e"), at("load_time")
	if math.IsNaN(load) {
		load = 0
	}
	if math.IsNaN(ttft) || math.IsNaN(prompt) || math.IsNaN(e2e) || e2e <= 0 {
		return 0, false
	}
	return max(0, ttft-load-prompt) / e2e, true
}

func (a *analyst) queueing(u *ensemble) (out []cause) {
	for _, role := range u.arm.roles {
		c := cause{name: "calls wait in line", role: role, looked: "part of a call in line before its first token", limit: "a tenth of the call more", verdict: notMeasured, why: "the runtime does not say how long the prompt took"}
		alone, together, rows := a.pairsOf(u, role, a.queueShare)
		if len(alone) > 0 {
			of := fact.Fact{Metric: "queue_share", Version: 1, Aggregate: "mean", Unit: unit.Ratio, Phase: sample.Measure, N: len(alone), Planned: len(alone), Method: "(first token − load − prompt) by the whole call; mean over stages and blocks"}
			of.Scope, of.Value = map[string]string{"run": u.solo.run, "experiment": u.solo.name, "role": role, "beside": u.arm.name}, sample.Some(sum(alone)/float64(len(alone)))
			c.alone = a.fromRows(of, rows)
			of.Scope, of.Value = with(u.scope, "role", role), sample.Some(sum(together)/float64(len(together)))
			c.together = a.fromRows(of, rows)
			more := make([]float64, len(alone))
			for i := range alone {
				more[i] = math.Round((together[i]-alone[i])*1e9) / 1e9 // equal shares differ by no rounding
			}
			of.Aggregate, of.Value, of.Method = "difference", sample.Some(sum(more)/float64(len(more))), "together less alone, by stage and block; Student's interval"
			if e, err := stats.MeanInterval(more, fact.Level, math.Inf(-1)); err == nil {
				of.Lo, of.Hi = sample.Some(e.Lo), sample.Some(e.Hi)
			}
			c.more = a.derive(of, c.alone, c.together)
			c.verdict, c.why = notSeen, ""
			if c.more.Lo.Or(math.Inf(-1)) > queueGrown {
				c.verdict = seen
			}
		}
		out = append(out, c)
	}
	return out
}

// sharing looks at the time by output token once a call decodes: it grows where
// agents share cores or bandwidth, and stays where they wait in line.
func (a *analyst) sharing(u *ensemble) (out []cause) {
	warm := func(m *arm) []*stratum { return warmOnly(m.strata) }
	metric, ok := a.carried(speeds, warm(u.solo), warm(u.arm))
	slower := 0
	for _, role := range u.arm.roles {
		c := cause{name: "compute or memory bandwidth is shared", role: role, looked: "time by output token while decoding", limit: "a tenth longer, for every agent", verdict: notMeasured, why: "no call has a decode rate"}
		var alone, together []float64
		var rows []int
		if ok {
			m := a.metric(metric)
			alone, together, rows = a.pairsOf(u, role, func(i int) (float64, bool) { v := a.values[m][i]; return v, v > 0 })
		}
		if len(alone) > 0 {
			f := fact.Fact{Metric: "tpot", Version: 1, Aggregate: "ratio", Unit: unit.Ratio, Phase: sample.Measure, Scope: with(u.scope, "role", role, "to", u.solo.name, "of", metric), N: len(alone), Planned: len(alone)}
			ratios := make([]float64, len(alone))
			for i := range alone {
				ratios[i] = alone[i] / together[i]
			}
			settleRatios(&f, ratios, "stages and blocks")
			c.together, c.verdict, c.why = a.fromRows(f, rows), notSeen, ""
			f.Aggregate, f.Value, f.Lo, f.Hi, f.Method = "reference", sample.Some(1.0), sample.None[float64](), sample.None[float64](), "what the agent takes alone is the measure"
			c.alone = a.fromRows(f, rows)
			c.more = a.beyond(c.together)
			if c.together.Lo.Or(0) > contended {
				slower++
			}
		}
		out = append(out, c)
	}
	if slower == len(u.arm.roles) {
		for i := range out {
			out[i].verdict = seen
		}
	}
	return out
}

// beyond enters a ratio less one.
func (a *analyst) beyond(ratio fact.Fact) fact.Fact {
	f := fact.Fact{Metric: ratio.Metric, Version: ratio.Version, Aggregate: "difference", Unit: unit.Ratio, Phase: ratio.Phase, Scope: ratio.Scope, N: ratio.N, Planned: ratio.Planned, Method: ratio.Method, Reason: ratio.Reason}
	less := func(v sample.Opt[float64]) sample.Opt[float64] {
		if x, ok := v.Get(); ok {
			return sample.Some(x - 1)
		}
		return v
	}
	f.Value, f.Lo, f.Hi = less(ratio.Value), less(ratio.Lo), less(ratio.Hi)
	return a.derive(f, ratio)
}

// within reports whether an instant lies in a window of the passes.
func within(passes []*pass, at time.Duration) bool {
	return slices.ContainsFunc(passes, func(p *pass) bool {
		from, to := p.window()
		return int64(at) >= from && int64(at) <= to
	})
}

// spill compares how much of the loaded models lies on an accelerator.
func (a *analyst) spill(u *ensemble) cause {
	c := cause{name: "a model does not fit the accelerator", role: "all", looked: "part of the loaded bytes that lies on an accelerator", limit: "a hundredth less", verdict: notMeasured, why: "no runtime said what of a loaded model lies on an accelerator"}
	share := func(m *arm) (fact.Fact, bool) {
		var size, onto float64
		rows := map[string]float64{}
		var names []string
		for _, r := range a.readings {
			if v, ok := r.Value.Get(); ok && r.Run == m.run && r.Labels["experiment"] == m.name {
				switch r.Series {
				case residentSeries:
					size += v
				case vramSeries:
					onto += v
				default:
					continue
				}
				rows[r.Series]++
				names = append(names, readingName(r))
			}
		}
		if rows[residentSeries] == 0 || rows[residentSeries] != rows[vramSeries] || size <= 0 {
			return fact.Fact{}, false
		}
		return a.put(fact.Identify(fact.Fact{Metric: "accelerator_share", Version: 1, Aggregate: "ratio_of_sums", Unit: unit.Ratio, Scope: map[string]string{"run": m.run, "experiment": m.name}, Value: sample.Some(onto / size),
			N: int(rows[vramSeries]), Planned: int(rows[vramSeries]), Method: "bytes on an accelerator by bytes loaded, over all loads", Evidence: fact.Evidence{Rows: names}})), true
	}
	alone, ok1 := share(u.solo)
	together, ok2 := share(u.arm)
	if !ok1 || !ok2 {
		return c
	}
	c.alone, c.together, c.verdict, c.why = alone, together, notSeen, ""
	if together.Value.Or(1) < alone.Value.Or(0)-spilled {
		c.verdict = seen
	}
	return c
}

// vramSeries is the reading of a load that says how many of its bytes lie on an
// accelerator.
const vramSeries = "load.vram"

// gauged averages what a telemetry series says within an arm.
func (a *analyst) gauged(m *arm, passes []*pass, series, metric, method string, of func(float64) float64) (fact.Fact, bool) {
	g := a.telemetry[m.run+"\x00"+series]
	if g == nil {
		return fact.Fact{}, false
	}
	var values []float64
	for _, p := range g.points {
		if within(passes, p.at) {
			values = append(values, of(p.value))
		}
	}
	if len(values) == 0 {
		return fact.Fact{}, false
	}
	slices.Sort(values) // so that the order in which readings came is forgotten
	return a.put(fact.Identify(fact.Fact{Metric: metric, Version: 1, Aggregate: "mean", Unit: unit.Ratio, Scope: map[string]string{"run": m.run, "experiment": m.name, "series": series}, Value: sample.Some(sum(values) / float64(len(values))),
		N: len(values), Planned: len(values), Method: method, Evidence: fact.Evidence{Rows: []string{m.run + "/" + series}, Total: len(values)}})), true
}

func (a *analyst) heat(u *ensemble) cause {
	c := cause{name: "the GPU is slowed for heat or by hardware", role: "all", looked: "part of the readings with such a reason", limit: "more than alone", verdict: notMeasured, why: "nothing said whether clocks were held back"}
	hot := func(v float64) float64 {
		if v >= 0 && uint64(v)&throttleHeat != 0 {
			return 1
		}
		return 0
	}
	const method = "readings within the arm that name heat or hardware as the reason of a lower clock, by all"
	alone, ok1 := a.gauged(u.solo, u.alone, telemetry.GPUThrottle, "throttled_share", method, hot)
	together, ok2 := a.gauged(u.arm, u.used, telemetry.GPUThrottle, "throttled_share", method, hot)
	if !ok1 || !ok2 {
		return c
	}
	c.alone, c.together, c.verdict, c.why = alone, together, notSeen, ""
	if together.Value.Or(0) > alone.Value.Or(0) {
		c.verdict = seen
	}
	return c
}

func (a *analyst) busyCPU(u *ensemble) cause {
	c := cause{name: "all CPU cores are busy", role: "all", looked: "mean utilisation of all cores", limit: "nineteen in twenty", verdict: notMeasured, why: "nothing read how busy the CPU was"}
	same := func(v float64) float64 { return v }
	const method = "mean of the readings within the arm"
	alone, ok1 := a.gauged(u.solo, u.alone, telemetry.CPUUtilisation, "cpu_utilisation", method, same)
	together, ok2 := a.gauged(u.arm, u.used, telemetry.CPUUtilisation, "cpu_utilisation", method, same)
	if ok1 {
		c.alone = alone
	}
	if !ok2 {
		return c
	}
	c.together, c.verdict, c.why = together, notSeen, ""
	if !ok1 {
		c.why = "nothing read how busy the CPU was alone"
	}
	if together.Value.Or(0) >= cpuBusy {
		c.verdict = seen
	}
	return c
}
