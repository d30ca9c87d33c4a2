package finding

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// A work is the calls of one agent, sorted by what may be made of them.
type work struct {
	sound    []call // warm and cold ones of which a mean can be made
	warm     []call
	answered []call // with those that are far too short: they count in sums
	planned  int
	lost     []string // how the others ended, each once
}

func (a *analyst) workOf(c *crew, role string, cs *calls) (out work) {
	for _, one := range cs.all(a, c.of(role)) {
		g, end := a.strata[a.rows[one.i].stratum], a.ending(one)
		out.planned++
		if a.rows[one.i].outcome == answered {
			whole := one
			whole.short = false
			out.answered = append(out.answered, whole)
		}
		switch {
		case end == string(sample.OK) && g.phase == sample.Measure:
			out.sound, out.warm = append(out.sound, one), append(out.warm, one)
		case end == string(sample.OK):
			out.sound = append(out.sound, one)
		case !slices.Contains(out.lost, end):
			out.lost = append(out.lost, end)
		}
	}
	return out
}

// cold says that cold calls are among the warm ones, if they are.
func (w work) cold() string {
	if len(w.warm) == 0 || len(w.warm) == len(w.sound) {
		return ""
	}
	return "cold calls are among warm ones"
}

// counted says what the program took for answers.
func counted(works ...work) string {
	var lost []string
	for _, w := range works {
		lost = append(lost, w.lost...)
	}
	slices.Sort(lost)
	return "a call that ended badly (" + strings.Join(slices.Compact(lost), ", ") + ") was counted as an answer"
}

// pooled makes a figure the way the program did, over all sound calls of all
// stages, cold ones with the others. It is no answer of ours: its aggregate says
// so, and it stands beside the printed figure only.
func (a *analyst) pooled(all []call, id, aggregate string, scope map[string]string, planned int) fact.Fact {
	col := a.callColumn(all, id, scope)
	f := fact.Fact{Metric: id, Version: col.Version, Unit: col.Unit, Scope: scope, N: len(col.Values), Planned: planned, Aggregate: "pooled_" + aggregate,
		Method: "over all calls that hold something, stages, cold and warm together, as the program did"}
	var v float64
	var err error
	switch aggregate {
	case "mean":
		v, err = stats.Mean(col.Values)
	case "sd":
		v, err = stats.SD(col.Values)
	case "cv":
		f.Unit = unit.Ratio
		var m float64
		if m, err = stats.Mean(col.Values); err == nil {
			v, err = stats.SD(col.Values)
			v /= m
		}
	case "sum":
		if v = sum(col.Values); len(col.Values) == 0 {
			f.Reason = "no call has a value"
		}
	case "count":
		f.Unit, v = unit.None, float64(len(all))
	}
	if err != nil {
		f.Reason = err.Error()
	}
	if f.Reason == "" {
		f.Value = sample.Some(v)
	} else {
		f.Method = "none"
	}
	rows := make([]int, len(all))
	for i, c := range all {
		rows[i] = c.i
	}
	return a.fromRows(f, rows)
}

// ofAgent checks the aggregates of one agent.
func (a *analyst) ofAgent(c *crew, role string, claims map[string]*sample.Reading, cs *calls) (out []printed) {
	scope := with(c.scope(), "role", role)
	did := a.workOf(c, role, cs)
	rate, ok := a.carried(speeds, c.of(role))
	if !ok {
		rate = speeds[0]
	}
	first, whole := a.named(did.sound, "ttft"), a.named(did.sound, "e2e")
	apart, within := a.stagesApart(c, role, rate, cs, scope)
	stages := ""
	if apart {
		stages = "its stages are no repeats of each other, so it is of no call"
	}
	check := func(series, name string, of []call, id, aggregate, why string, instead ...fact.Fact) {
		if r := claims[series]; r != nil {
			p := printed{name: name, why: why, claimed: a.claim(r, scope), given: a.pooled(of, id, aggregate, scope, did.planned)}
			if len(instead) > 0 && why != "" {
				p.instead = instead[0]
			}
			out = append(out, p.judge(did))
		}
	}
	inWarm := with(scope, "phase", "warm")
	check("average_rate", "average token rate", did.sound, rate, "mean", stages)
	check("rate_sd", "scatter of the token rate", did.sound, rate, "sd", stages, within)
	check("average_ttft", "average time to first token", did.sound, first, "mean", did.cold(), a.pooled(did.warm, first, "mean", inWarm, did.planned))
	check("ttft_sd", "scatter of the time to first token", did.sound, first, "sd", did.cold(), a.pooled(did.warm, first, "sd", inWarm, did.planned))
	check("sum_duration", "time of all calls", did.answered, whole, "sum", "")
	check("sum_prompt_eval", "prompt time of all calls", did.answered, "prompt_eval_time", "sum", "")
	if r := claims["sum_eval"]; r != nil {
		out = append(out, printed{name: "decoding time of all calls", claimed: a.claim(r, scope), given: a.evalSum(did.answered, rate, scope, did.planned)}.judge(did))
	}
	check("sum_load", "load time of all calls", did.answered, "load_time", "sum", "")
	check("sum_tokens", "output tokens of all calls", did.answered, "output_tokens", "sum", "")
	check("requests", "calls", did.answered, "output_tokens", "count", "")
	variation := func(mean, sd, name, id, why string) {
		m, s := claims[mean], claims[sd]
		if m == nil || s == nil || m.Value.Or(0) == 0 {
			return
		}
		claimed := a.derive(fact.Fact{Metric: sd, Version: 1, Aggregate: "cv", Unit: unit.Ratio, Scope: with(scope, "as", "printed"), Value: sample.Some(s.Value.Or(0) / m.Value.Or(1)), N: 1, Planned: 1, Method: "printed scatter ÷ printed mean"}, a.claim(s, scope), a.claim(m, scope))
		out = append(out, printed{name: name, why: why, claimed: claimed, given: a.pooled(did.sound, id, "cv", scope, did.planned)}.judge(did))
	}
	variation("average_rate", "rate_sd", "variation of the token rate", rate, stages)
	variation("average_ttft", "ttft_sd", "variation of the time to first token", first, did.cold())
	return out
}

// evalSum is the time of all calls' decoding: their tokens by their rates.
func (a *analyst) evalSum(all []call, rate string, scope map[string]string, planned int) fact.Fact {
	f := fact.Fact{Metric: "eval_time", Version: 1, Aggregate: "pooled_sum", Unit: unit.Second, Scope: scope, Planned: planned, Method: "output tokens ÷ token rate, summed over all calls that hold something"}
	var rows []int
	total := 0.0
	for _, c := range all {
		n, ok1 := a.callValue(c, "output_tokens")
		r, ok2 := a.callValue(c, rate)
		if ok1 && ok2 && r > 0 && rate == "server_rate_naive" {
			total += n / r
			rows = append(rows, c.i)
		}
	}
	if f.N = len(rows); f.N == len(all) && f.N > 0 {
		f.Value = sample.Some(total)
	} else {
		f.Reason, f.Method = "not every call has a token rate", "none"
	}
	return a.fromRows(f, rows)
}

// stagesApart reports whether the stages of a role are shown to differ, and
// enters the scatter within them.
func (a *analyst) stagesApart(c *crew, role, rate string, cs *calls, scope map[string]string) (apart bool, within fact.Fact) {
	var groups [][]float64
	ss, df := 0.0, 0
	var rows []int
	for _, s := range c.stages[role] {
		var values []float64
		for _, phase := range []sample.Phase{sample.Measure, sample.Cold} {
			for _, one := range cs.pick(a, c.calls[role+"/"+s], phase) {
				if v, ok := a.callValue(one, rate); ok && !one.short {
					values, rows = append(values, v), append(rows, one.i)
				}
			}
		}
		if sd, err := stats.SD(values); err == nil {
			ss, df = ss+sd*sd*float64(len(values)-1), df+len(values)-1
		}
		groups = append(groups, values)
	}
	for i := range groups {
		for j := range i {
			if r, err := stats.RatioOfMeans(groups[i], groups[j], fact.Level); err == nil && r.Interval != nil && !r.Interval.Contains(1) {
				apart = true
			}
		}
	}
	f := fact.Fact{Metric: rate, Version: 1, Aggregate: "sd_within", Unit: unit.TokenPerSecond, Scope: scope, N: len(rows), Planned: len(rows), Method: "within stages, pooled"}
	if df > 0 {
		f.Value = sample.Some(math.Sqrt(ss / float64(df)))
	} else {
		f.Reason = "no stage has two calls"
	}
	return apart, a.fromRows(f, rows)
}

// ofRivals checks what the program said of one agent by the other.
func (a *analyst) ofRivals(c *crew, claims map[string]*sample.Reading, cs *calls) (out []printed) {
	scope := with(c.scope(), "of", "chimera", "to", "baseline")
	x, y := a.workOf(c, "baseline", cs), a.workOf(c, "chimera", cs)
	rate, ok := a.carried(speeds, c.of("baseline"), c.of("chimera"))
	if !ok {
		rate = speeds[0]
	}
	first := a.named(slices.Concat(x.sound, y.sound), "ttft")
	add := func(series, name, id string, un unit.Unit, cold string, of func(base, other float64) float64) {
		r := claims[series]
		if r == nil {
			return
		}
		put := func(base, other []call, pairs ...string) fact.Fact {
			b := a.pooled(base, id, "mean", with(with(c.scope(), "role", "baseline"), pairs...), x.planned)
			o := a.pooled(other, id, "mean", with(with(c.scope(), "role", "chimera"), pairs...), y.planned)
			f := fact.Fact{Metric: id, Version: 1, Aggregate: "pooled_" + series, Unit: un, Scope: with(scope, pairs...), N: b.N + o.N, Planned: x.planned + y.planned, Method: "of the means over all calls that hold something"}
			vb, ok1 := b.Value.Get()
			vo, ok2 := o.Value.Get()
			if ok1 && ok2 && vb != 0 {
				f.Value = sample.Some(of(vb, vo))
			} else {
				f.Reason = "one of the agents has no value"
			}
			return a.derive(f, b, o)
		}
		p := printed{name: name, why: cold, claimed: a.claim(r, scope), given: put(x.sound, y.sound)}
		if cold != "" {
			p.instead = put(x.warm, y.warm, "phase", "warm")
		}
		out = append(out, p.judge(x, y))
	}
	cold := cmp.Or(x.cold(), y.cold())
	add("rate_improvement", "gain in token rate", rate, unit.Ratio, "", func(b, o float64) float64 { return o/b - 1 })
	add("rate_difference", "difference in token rate", rate, unit.TokenPerSecond, "", func(b, o float64) float64 { return o - b })
	add("ttft_reduction", "reduction of the time to first token", first, unit.Ratio, cold, func(b, o float64) float64 { return 1 - o/b })
	add("ttft_difference", "difference in time to first token", first, unit.Second, cold, func(b, o float64) float64 { return b - o })
	return out
}

// ofPair checks what the program said of two agents at once.
func (a *analyst) ofPair(c *crew, s *specimen, crews []*crew, claims map[string]*sample.Reading, cs *calls) (out []printed) {
	scope := c.scope()
	wall := a.observed(s, "concurrent_wall_time", scope)
	_, total := a.recordedTimes(c)
	ratio, _ := a.normalised(c, wall, crews)
	const sideBySide = "it says how far the agents lay side by side; durations that were all measured together are no gain"
	add := func(series, name string, given fact.Fact, why string, instead fact.Fact, works ...work) {
		if r := claims[series]; r != nil {
			out = append(out, printed{name: name, why: why, claimed: a.claim(r, scope), given: given, instead: instead}.judge(works...))
		}
	}
	byWall := func(metric string, agents int) fact.Fact {
		f := fact.Fact{Metric: metric, Version: 1, Aggregate: "pooled_ratio", Unit: unit.Ratio, Scope: scope, N: total.N, Planned: total.Planned, Method: "sum of the times together by wall time and by agents, as the program did"}
		times, ok1 := total.Value.Get()
		seconds, ok2 := wall.Value.Get()
		if ok1 && ok2 && seconds > 0 {
			f.Value = sample.Some(times / seconds / float64(agents))
		} else {
			f.Reason = "the times were not kept"
		}
		return a.derive(f, total, wall)
	}
	add("sequential_estimate", "time one after the other", total, "it is the sum of times measured together; nothing ran alone", fact.Fact{})
	add("concurrency_speedup", "speedup", byWall("overlap", 1), sideBySide, ratio)
	add("concurrency_efficiency", "efficiency", byWall("overlap_by_agent", len(c.roles)), sideBySide, ratio)
	type means struct {
		work
		rate, first fact.Fact
	}
	of := map[string]means{}
	for _, role := range c.roles {
		did := a.workOf(c, role, cs)
		rate, ok := a.carried(speeds, c.of(role))
		if !ok {
			continue
		}
		in, first := with(scope, "role", role), a.named(did.sound, "ttft")
		m := means{did, a.pooled(did.sound, rate, "mean", in, did.planned), a.pooled(did.sound, first, "mean", in, did.planned)}
		of[role] = m
		var warm fact.Fact
		if did.cold() != "" {
			warm = a.pooled(did.warm, first, "mean", with(in, "phase", "warm"), did.planned)
		}
		add(role+"_rate", "token rate of "+role, m.rate, "", fact.Fact{}, did)
		add(role+"_ttft", "time to first token of "+role, m.first, did.cold(), warm, did)
	}
	x, ok1 := of["collector"]
	y, ok2 := of["insight"]
	if !ok1 || !ok2 {
		return out
	}
	less := func(from, take fact.Fact) fact.Fact {
		f := fact.Fact{Metric: from.Metric, Version: 1, Aggregate: "pooled_difference", Unit: from.Unit, Scope: scope, N: from.N + take.N, Planned: from.Planned + take.Planned, Method: "of the means over all calls that hold something"}
		if from.Value.OK() && take.Value.OK() {
			f.Value = sample.Some(from.Value.Or(0) - take.Value.Or(0))
		} else {
			f.Reason = "one of the agents has no value"
		}
		return a.derive(f, from, take)
	}
	add("rate_difference", "difference in token rate", less(y.rate, x.rate), "", fact.Fact{}, x.work, y.work)
	add("ttft_difference", "difference in time to first token", less(x.first, y.first), cmp.Or(x.cold(), y.cold()), fact.Fact{}, x.work, y.work)
	return out
}
