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

// A crew is one record of agents at work: the calls of each role by stage, as
// the workload names them ("baseline/analysis").
type crew struct {
	run, file string
	roles     []string
	stages    map[string][]string // role → stages
	calls     map[string][]*stratum
}

// crews lists the records of agents: experiments whose workloads are
// "role/stage" and that have readings of agents' calls, workflows or pairs.
func (a *analyst) crews() []*crew {
	agents := map[[2]string]bool{}
	for _, r := range a.readings {
		if strings.HasPrefix(r.Kind, "agent-") {
			agents[[2]string{r.Run, r.Labels["file"]}] = true
		}
	}
	by := map[[2]string]*crew{}
	var out []*crew
	for _, g := range a.strata {
		at := [2]string{g.key.run, g.key.experiment}
		role, stage, ok := strings.Cut(g.key.workload, "/")
		if !ok || !agents[at] {
			continue
		}
		if by[at] == nil {
			by[at] = &crew{run: at[0], file: at[1], stages: map[string][]string{}, calls: map[string][]*stratum{}}
			out = append(out, by[at])
		}
		c := by[at]
		if !slices.Contains(c.roles, role) {
			c.roles = append(c.roles, role)
		}
		if !slices.Contains(c.stages[role], stage) {
			c.stages[role] = append(c.stages[role], stage)
		}
		c.calls[g.key.workload] = append(c.calls[g.key.workload], g)
	}
	return out
}

func warmOnly(strata []*stratum) []*stratum {
	return slices.DeleteFunc(slices.Clone(strata), func(g *stratum) bool { return g.phase != sample.Measure })
}

// agents asks of every record what its stages share, and whether one agent is
// faster than the other at equal stages.
func (a *asking) agents() {
	for _, c := range a.crews() {
		for _, role := range c.roles {
			if len(c.stages[role]) > 1 {
				a.add(a.stagesOf(c, role))
			}
		}
		if slices.Contains(c.roles, "baseline") && slices.Contains(c.roles, "chimera") {
			a.add(a.agentPair(c, "baseline", "chimera"))
		}
	}
}

// stagesOf shows that stages are strata: a mean over them is of no call.
func (a *analyst) stagesOf(c *crew, role string) Finding {
	scope := map[string]string{"run": c.run, "file": c.file, "role": role}
	f := Finding{Kind: Stages, Question: "Do the stages of " + role + " run alike?", Scope: scope,
		Method: "warm calls; each stage is a stratum of its own; ratio of geometric means with Welch's interval"}
	var all []*stratum
	for _, s := range c.stages[role] {
		all = append(all, c.calls[role+"/"+s]...)
	}
	metric, ok := a.carried(speeds, warmOnly(all))
	if !ok {
		f.Verdict = NotMeasured
		f.Sentence = say("No warm call of ", nm(role), " has a rate.")
		return f
	}
	f.Metric = metric
	stages := slices.Clone(c.stages[role])
	facts := map[string]fact.Fact{}
	values := map[string][]float64{}
	t := Table{ID: "stages", Title: "Calls by stage, warm", Labels: []string{"stage"}, Columns: []Column{{Head: label(metric) + ", mean", Metric: metric, Aggregate: "mean", As: AsBoth},
		{Head: "n", Metric: metric, Aggregate: "mean", As: AsN}, {Head: "planned", Metric: metric, Aggregate: "mean", As: AsPlanned}, {Head: "output, median", Metric: "output_tokens", Aggregate: "median", As: AsValue}}}
	for _, s := range stages {
		in := cell{&a.index, warmOnly(c.calls[role+"/"+s]), with(scope, "stage", s)}
		facts[s] = a.centre(in, metric, "mean")
		values[s], _ = in.values(metric)
		tokens := a.centre(in, "output_tokens", "median")
		t.Rows = append(t.Rows, Row{Names: []string{s}, Cells: append(cells(facts[s]), Cell{Fact: facts[s].ID}, Cell{Fact: facts[s].ID}, cells(tokens)[0])})
	}
	f.Tables = []Table{t}
	f.Checks = []Check{a.warm(warmOnly(all), all, scope), a.unfailed(all, scope), a.whole(all, scope), origin(all)}
	slices.SortStableFunc(stages, func(x, y string) int { return cmp.Compare(facts[y].Value.Or(0), facts[x].Value.Or(0)) })
	fast, slow := stages[0], stages[len(stages)-1]
	r, err := stats.RatioOfMeans(values[slow], values[fast], fact.Level)
	if err != nil || r.Interval == nil {
		f.Verdict = Inconclusive
		f.Sentence = say("Whether the stages of ", nm(role), " run alike cannot be said: too few warm calls of each.")
		return f
	}
	ratio := a.derive(fact.Fact{Metric: metric, Version: 1, Aggregate: "ratio", Unit: unit.Ratio, Phase: sample.Measure, Scope: with(scope, "of", fast, "to", slow),
		Value: sample.Some(r.Value), Lo: sample.Some(r.Interval.Lo), Hi: sample.Some(r.Interval.Hi), N: r.N, Planned: r.N, Method: "geometric means, Welch on logarithms"}, facts[fast], facts[slow])
	if r.Interval.Lo > 1 {
		f.Verdict, f.Forbids = NotComparable, "stages ask for different work"
		f.Sentence = say("The stages of ", nm(role), " are strata, not repeats: ", nm(fast), " has ", as(ratio, AsTimesCI), " the ", label(metric), " of ", nm(slow), ", so a mean or a scatter over both is of no call.")
	} else {
		f.Verdict = Inconclusive
		f.Sentence = say("No difference between the stages of ", nm(role), " is shown: ", as(ratio, AsTimesCI), "; they still ask for different work.")
	}
	p := Panel{X: Axis{Label: "stage", Categories: c.stages[role]}, Y: Axis{Label: label(metric), Metric: metric, Unit: facts[fast].Unit}}
	for _, s := range c.stages[role] {
		p.Points = append(p.Points, a.dots(cell{&a.index, warmOnly(c.calls[role+"/"+s]), scope}, metric, role, s)...)
	}
	f.Figures = []Figure{{ID: "stages", Kind: Distribution, Title: f.Sentence, Panels: []Panel{p}}}
	return f
}

// agentPair compares two agents stage by stage.
func (a *analyst) agentPair(c *crew, one, two string) Finding {
	scope := map[string]string{"run": c.run, "file": c.file}
	f := Finding{Kind: Agents, Question: "Is " + two + " faster than " + one + "?", Scope: with(scope, "of", two, "to", one),
		Method: "warm calls of the same stage; ratio of geometric means with Welch's interval; failed calls count in no mean"}
	var all []*stratum
	things := make([][]*stratum, 2)
	for w, strata := range c.calls {
		role, _, _ := strings.Cut(w, "/")
		if role == one {
			things[0] = append(things[0], strata...)
		}
		if role == two {
			things[1] = append(things[1], strata...)
		}
	}
	for _, th := range things {
		slices.SortFunc(th, func(x, y *stratum) int { return x.place - y.place })
		all = append(all, th...)
	}
	order := a.orderIn(things, false)
	f.Checks = []Check{orderCheck(order, "agents", false), a.warm(warmOnly(all), all, scope), a.unfailed(all, scope), a.whole(all, scope), origin(all)}
	metric, ok := a.carried(speeds, warmOnly(things[0]), warmOnly(things[1]))
	if !ok {
		f.Verdict = NotMeasured
		f.Sentence = say("No warm call of ", nm(one), " or ", nm(two), " has a rate.")
		return f
	}
	f.Metric = metric
	var parts Sentence
	apart := false
	for _, s := range c.stages[one] {
		x, y := cell{&a.index, warmOnly(c.calls[one+"/"+s]), with(scope, "role", one, "stage", s)}, cell{&a.index, warmOnly(c.calls[two+"/"+s]), with(scope, "role", two, "stage", s)}
		fx, fy := a.centre(x, metric, "mean"), a.centre(y, metric, "mean")
		vx, _ := x.values(metric)
		vy, _ := y.values(metric)
		r, err := stats.RatioOfMeans(vx, vy, 1-Alpha/float64(len(c.stages[one])))
		if err != nil || r.Interval == nil {
			continue
		}
		ratio := a.derive(fact.Fact{Metric: metric, Version: 1, Aggregate: "ratio", Unit: unit.Ratio, Phase: sample.Measure, Scope: with(scope, "of", two, "to", one, "stage", s),
			Value: sample.Some(r.Value), Lo: sample.Some(r.Interval.Lo), Hi: sample.Some(r.Interval.Hi), N: r.N, Planned: r.N, Method: "geometric means, Welch on logarithms, Bonferroni over the stages"}, fx, fy)
		if len(parts) > 0 {
			parts = append(parts, w(", "))
		}
		parts = append(parts, w("in "), nm(s), w(" "), as(ratio, AsTimesCI))
		apart = apart || !r.Interval.Contains(1)
	}
	switch {
	case len(parts) == 0:
		f.Verdict = Inconclusive
		f.Sentence = say("Whether ", nm(two), " is faster than ", nm(one), " cannot be said: no stage has two warm calls of both.")
	case apart && order != drawn:
		f.Verdict, f.Forbids = NotComparable, "the agents ran one after the other"
		f.Sentence = say(nm(two), " by ", nm(one), " in ", label(metric), ": ", parts, "; but agent and time cannot be told apart.")
	case apart:
		f.Verdict = Better
		f.Sentence = say(nm(two), " by ", nm(one), " in ", label(metric), ": ", parts, ".")
	default:
		f.Verdict = Inconclusive
		f.Sentence = say("No difference between ", nm(two), " and ", nm(one), " is shown in ", label(metric), ": ", parts, ".")
	}
	return f
}

// togethers compares two agents at once with the same agents alone. Only tokens
// by wall time can be compared: a speedup made of durations that were all
// measured together is overlap, whatever it says.
func (a *asking) togethers() {
	crews := a.crews()
	for _, s := range a.specimens("agent-pair", "file", "run", "scenario") {
		for _, c := range crews {
			if c.run == s.run && c.file == s.labels["file"] {
				a.add(a.together(c, s, crews))
			}
		}
	}
}

// tokensOf sums the output tokens of strata; ok is false if a call has none.
func (a *analyst) tokensOf(strata []*stratum) (sum float64, n int, ok bool) {
	m := a.metric("output_tokens")
	ok = true
	for _, g := range strata {
		for i := g.from; i < g.to; i++ {
			v := a.values[m][i]
			if math.IsNaN(v) {
				ok = false
				continue
			}
			sum, n = sum+v, n+1
		}
	}
	return sum, n, ok && n > 0
}

// throughput enters the tokens by wall second of calls.
func (a *analyst) throughput(strata []*stratum, wall float64, from fact.Fact, scope map[string]string, method string) (fact.Fact, bool) {
	tokens, n, ok := a.tokensOf(strata)
	if !ok || wall <= 0 {
		return fact.Fact{}, false
	}
	count := a.derive(fact.Fact{Metric: "output_tokens", Version: 1, Aggregate: "sum", Unit: unit.Token, Scope: scope, Value: sample.Some(tokens), N: n, Planned: n, Method: "sum"},
		a.tally("calls", scope, a.rowsOf(strata, everyRow), n))
	return a.derive(fact.Fact{Metric: "tokens_per_wall_second", Version: 1, Aggregate: "ratio_of_sums", Unit: unit.TokenPerSecond, Scope: scope, Value: sample.Some(tokens / wall), N: n, Planned: n, Method: method}, count, from), true
}

// alone finds the throughput of the same model alone: the calls of one agent in
// another record of the same import, by the sum of their durations.
func (a *analyst) alone(c *crew, crews []*crew) (fact.Fact, bool) {
	model := ""
	for _, strata := range c.calls {
		model = strata[0].key.subject
	}
	for _, o := range crews {
		if o.run != c.run || !slices.Contains(o.roles, "baseline") || slices.Contains(o.roles, "collector") {
			continue
		}
		var strata []*stratum
		for w, list := range o.calls {
			if strings.HasPrefix(w, "baseline/") && list[0].key.subject == model {
				strata = append(strata, list...)
			}
		}
		slices.SortFunc(strata, func(x, y *stratum) int { return x.place - y.place })
		var wall float64
		var one []*sample.Reading
		for _, r := range a.readings {
			if v, ok := r.Value.Get(); ok && r.Run == o.run && r.Series == "client_duration" && r.Labels["file"] == o.file && r.Labels["role"] == "baseline" {
				wall += v
				one = append(one, r)
			}
		}
		if len(strata) == 0 || len(one) == 0 {
			continue
		}
		scope := map[string]string{"file": o.file, "role": "baseline"}
		of := a.observed(&specimen{run: o.run, labels: one[0].Labels, series: map[string][]*sample.Reading{"client_duration": one}}, "client_duration", scope)
		if f, ok := a.throughput(strata, wall, of, with(scope, "run", o.run, "arm", "alone"), "output tokens of all calls by the sum of their durations, one after the other"); ok {
			return f, true
		}
	}
	return fact.Fact{}, false
}

func (a *analyst) together(c *crew, s *specimen, crews []*crew) Finding {
	scope := map[string]string{"run": c.run, "file": c.file}
	f := Finding{Kind: Concurrency, Question: "Do two agents at once get more done than one after the other?", Scope: scope, Metric: "tokens_per_wall_second",
		Method: "output tokens by wall second, together against alone; durations measured together are never put over each other"}
	var all []*stratum
	for _, strata := range c.calls {
		all = append(all, strata...)
	}
	slices.SortFunc(all, func(x, y *stratum) int { return x.place - y.place })
	f.Checks = []Check{a.unfailed(all, scope), a.whole(all, scope), origin(all)}
	wall := a.observed(s, "concurrent_wall_time", scope)
	seconds, _ := wall.Value.Get()
	x, ok := a.throughput(all, seconds, wall, with(scope, "arm", "together"), "output tokens of all agents by the wall time of the run")
	if !ok {
		f.Verdict = NotMeasured
		f.Sentence = say("What the agents got done together was not measured: a call has no token count, or the run no wall time.")
		return f
	}
	y, solo := a.alone(c, crews)
	if !solo {
		f.Verdict, f.Forbids = NotComparable, "no run alone stands beside it"
		f.Sentence = say("Together the agents made ", val(x), " by the wall clock; no run alone stands beside it, so there is no speedup to speak of.")
		f.Checks = append(f.Checks, Check{SoloBaseline, Fail, say("the same calls were not measured alone")})
		return f
	}
	f.Checks = append(f.Checks, Check{SoloBaseline, Unknown, say("alone stands in another file, measured at another time, with prompts of its own")},
		Check{OrderRandomised, Unknown, say("together and alone were not interleaved")})
	ratio := a.derive(fact.Fact{Metric: "tokens_per_wall_second", Version: 1, Aggregate: "ratio", Unit: unit.Ratio, Scope: with(scope, "of", "together", "to", "alone"),
		Value: sample.Some(x.Value.Or(0) / y.Value.Or(1)), N: 1, Planned: 1, Method: "token-normalised; one run a side, no interval"}, x, y)
	f.Verdict = Inconclusive
	f.Sentence = say("Together the agents made ", val(x), " by the wall clock, alone one makes ", val(y), ": ", as(ratio, AsTimes), ", one run a side and not interleaved. A gain from running together is not shown.")
	if v, _ := ratio.Value.Get(); v > 1 {
		f.Sentence = say("Together the agents made ", val(x), " by the wall clock, alone one makes ", val(y), ": ", as(ratio, AsTimes), ", one run a side and not interleaved, so it is not shown.")
	}
	p := Panel{X: Axis{Label: "arm", Categories: []string{"alone", "together"}}, Y: Axis{Label: "tokens by wall second", Unit: unit.TokenPerSecond}}
	for _, m := range []struct {
		name string
		f    fact.Fact
	}{{"alone", y}, {"together", x}} {
		q := point(m.f)
		q.XName, q.Series = m.name, m.name
		p.Points = append(p.Points, q)
	}
	f.Figures = []Figure{{ID: "concurrency", Kind: Intervals, Title: f.Sentence, Panels: []Panel{p}}}
	return f
}
