package finding

import (
	"cmp"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// A crew is one record of agents at work: the calls of each role by stage, as
// the workload names them ("role/stage"). It is an experiment of a run, or a
// file of another program.
type crew struct {
	run, name string
	imported  bool
	roles     []string
	stages    map[string][]string // role → stages
	calls     map[string][]*stratum
}

func (c *crew) scope() map[string]string {
	if c.imported {
		return map[string]string{"run": c.run, "file": c.name}
	}
	return map[string]string{"run": c.run, "experiment": c.name}
}

// of lists the strata of a role, in order.
func (c *crew) of(roles ...string) (strata []*stratum) {
	for _, role := range roles {
		for _, stage := range c.stages[role] {
			strata = append(strata, c.calls[role+"/"+stage]...)
		}
	}
	slices.SortFunc(strata, func(x, y *stratum) int { return x.place - y.place })
	return strata
}

// crews lists the records of agents: experiments of ours whose workloads are
// "role/stage", and files that also have readings of agents.
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
		if !ok || g.origin == sample.Imported && !agents[at] {
			continue
		}
		if by[at] == nil {
			by[at] = &crew{run: at[0], name: at[1], imported: g.origin == sample.Imported, stages: map[string][]string{}, calls: map[string][]*stratum{}}
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

// turnsArm is the experiment in which agents take turns, to be compared.
const turnsArm = "compare"

// rivals are the two roles of a crew that are set against each other: what the
// second is measured by comes first. Agents that worked at the same time are
// judged by what each did alone, not by each other.
func (c *crew) rivals() (one, two string, ok bool) {
	if c.imported {
		return "baseline", "chimera", slices.Contains(c.roles, "baseline") && slices.Contains(c.roles, "chimera")
	}
	if len(c.roles) != 2 || c.name != turnsArm && c.name != soloArm {
		return "", "", false
	}
	return c.roles[0], c.roles[1], true // by name: baseline before tuned
}

// agents asks of every record what its stages share, and whether one agent is
// faster than the other at equal stages.
func (a *asking) agents() {
	for _, c := range a.crews() {
		calls := a.callsOf(c)
		for _, role := range c.roles {
			a.add(a.stagesOf(c, role, calls))
		}
		if one, two, ok := c.rivals(); ok {
			a.add(a.agentPair(c, one, two, calls))
		}
	}
}

// stagesOf shows an agent's calls, one by one and by stage: stages are strata,
// and a mean over them is of no call.
func (a *analyst) stagesOf(c *crew, role string, calls *calls) Finding {
	scope := with(c.scope(), "role", role)
	all := c.of(role)
	f := Finding{Kind: Stages, Question: "Do the stages of " + role + " run alike?", Scope: scope,
		Method: "warm calls; each stage is a stratum of its own; ratio of geometric means with Welch's interval; cold, failed and far too short calls are in no mean of them"}
	f.Checks = []Check{a.warm(warmOnly(all), all, scope), a.unfailed(all, scope), a.whole(all, scope), origin(all)}
	metric, ok := a.carried(speeds, warmOnly(all))
	if !ok {
		if metric, _ = a.carried(speeds, all); metric == "" {
			metric = speeds[0]
		}
	}
	f.Tables = []Table{a.stageTable(c, role, metric, calls, scope), a.callTable(c, role, metric, calls, scope)}
	if t, ok := a.workflows(c, role, scope); ok {
		f.Tables = append(f.Tables, t)
	}
	f.Notes = a.leftOut(c, role, calls, scope)
	if !ok {
		f.Verdict = NotMeasured
		f.Sentence = say("No warm call of ", nm(role), " has a rate.")
		return f
	}
	f.Metric = metric
	facts, values := map[string]fact.Fact{}, map[string][]float64{}
	stages := slices.Clone(c.stages[role])
	for _, s := range stages {
		col := a.callColumn(calls.pick(a, c.calls[role+"/"+s], sample.Measure), metric, with(scope, "stage", s))
		facts[s], values[s] = a.put(col.Fact("mean")), col.Values
	}
	if len(stages) < 2 {
		f.Verdict = Inconclusive
		f.Sentence = say(nm(role), " has one stage only, ", nm(stages[0]), ": there is nothing to tell apart.")
		return f
	}
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

// agentPair compares two agents stage by stage: within blocks where both ran in
// each, by Welch where another program kept no blocks.
func (a *analyst) agentPair(c *crew, one, two string, calls *calls) Finding {
	scope := c.scope()
	f := Finding{Kind: Agents, Question: "Is " + two + " faster than " + one + "?", Scope: with(scope, "of", two, "to", one),
		Method: "warm calls of the same stage; ratio of geometric means, within blocks where the agents took turns, else with Welch's interval; failed and far too short calls count in no mean"}
	all := c.of(one, two)
	things := [][]*stratum{c.of(one), c.of(two)}
	order := a.orderIn(things, false)
	f.Checks = []Check{orderCheck(order, "agents", false), a.warm(warmOnly(all), all, scope), a.unfailed(all, scope), a.whole(all, scope), a.sameLength(c, one, two, calls, scope), origin(all)}
	metric, ok := a.carried(speeds, warmOnly(things[0]), warmOnly(things[1]))
	if !ok {
		f.Verdict = NotMeasured
		f.Sentence = say("No warm call of ", nm(one), " or ", nm(two), " has a rate.")
		return f
	}
	f.Metric = metric
	t := Table{ID: "agents", Title: "One agent by the other, by stage, warm", Labels: []string{"stage"}, Columns: []Column{{Head: one, Metric: metric, Aggregate: "mean", As: AsBoth},
		{Head: two, Metric: metric, Aggregate: "mean", As: AsBoth}, {Head: two + " by " + one, Metric: metric, Aggregate: "ratio", As: AsTimesCI}, {Head: "n", Metric: metric, Aggregate: "ratio", As: AsN}}}
	var parts Sentence
	apart, up, down := false, false, false
	level := 1 - Alpha/float64(len(c.stages[one]))
	for _, s := range c.stages[one] {
		x := calls.pick(a, c.calls[one+"/"+s], sample.Measure)
		y := calls.pick(a, c.calls[two+"/"+s], sample.Measure)
		cx, cy := a.callColumn(x, metric, with(scope, "role", one, "stage", s)), a.callColumn(y, metric, with(scope, "role", two, "stage", s))
		fx, fy := a.put(cx.Fact("mean")), a.put(cy.Fact("mean"))
		row := Row{Names: []string{s}, Cells: append(cells(fx, fy), Cell{Missing: "too few warm calls of both"}, Cell{Missing: "too few warm calls of both"})}
		if ratio, ok := a.stageRatio(x, y, cx, cy, metric, level, !c.imported && order != nested); ok {
			ratio.Scope = with(scope, "of", two, "to", one, "stage", s)
			ratio = a.derive(ratio, fx, fy)
			row.Cells = cells(fx, fy, ratio, ratio)
			if len(parts) > 0 {
				parts = append(parts, w(", "))
			}
			parts = append(parts, w("in "), nm(s), w(" "), as(ratio, AsTimesCI))
			up, down = up || ratio.Lo.Or(0) > 1, down || ratio.Hi.Or(2) < 1
			apart = up || down
		}
		t.Rows = append(t.Rows, row)
	}
	f.Tables = []Table{t}
	switch {
	case len(parts) == 0:
		f.Verdict = Inconclusive
		f.Sentence = say("Whether ", nm(two), " is faster than ", nm(one), " cannot be said: no stage has two warm calls of both.")
	case apart && order != drawn:
		f.Verdict, f.Forbids = NotComparable, "the agents ran one after the other"
		f.Sentence = say(nm(two), " by ", nm(one), " in ", label(metric), ": ", parts, "; but agent and time cannot be told apart.")
	case up && down:
		f.Verdict, f.Forbids = NotComparable, "each is faster in some stage"
		f.Sentence = say(nm(two), " by ", nm(one), " in ", label(metric), ": ", parts, "; each is faster in some stage.")
	case up:
		f.Verdict = Better
		f.Sentence = say(nm(two), " by ", nm(one), " in ", label(metric), ": ", parts, ".")
	case down:
		f.Verdict = Worse
		f.Sentence = say(nm(two), " by ", nm(one), " in ", label(metric), ": ", parts, ".")
	default:
		f.Verdict = Inconclusive
		f.Sentence = say("No difference between ", nm(two), " and ", nm(one), " is shown in ", label(metric), ": ", parts, ".")
	}
	return f
}

// stageRatio compares the calls of one stage: pairs of one block where there
// are two at least, else by Welch.
func (a *analyst) stageRatio(x, y []call, cx, cy *fact.Column, metric string, level float64, blocked bool) (fact.Fact, bool) {
	f := fact.Fact{Metric: metric, Version: 1, Aggregate: "ratio", Unit: unit.Ratio, Phase: sample.Measure}
	r, err := stats.RatioOfMeans(cx.Values, cy.Values, level)
	f.Method = "geometric means, Welch on logarithms, Bonferroni over the stages"
	if blocked {
		var one, two []float64
		by := map[int32]float64{}
		for _, c := range x {
			if v, ok := a.callValue(c, metric); ok {
				by[a.rows[c.i].block] = v
			}
		}
		for _, c := range y {
			v, ok := a.callValue(c, metric)
			if u, both := by[a.rows[c.i].block]; ok && both {
				one, two = append(one, u), append(two, v)
			}
		}
		if paired, e := stats.PairedRatio(one, two, level); e == nil && paired.Interval != nil {
			r, err = paired, nil
			f.Method = "within blocks, Student's interval on the logarithms, Bonferroni over the stages"
		}
	}
	if err != nil || r.Interval == nil {
		return f, false
	}
	f.Value, f.Lo, f.Hi, f.N, f.Planned = sample.Some(r.Value), sample.Some(r.Interval.Lo), sample.Some(r.Interval.Hi), r.N, len(x)+len(y)
	return f, true
}

// sameLength says whether the agents wrote as much in each stage.
func (a *analyst) sameLength(c *crew, one, two string, calls *calls, scope map[string]string) Check {
	for _, s := range c.stages[one] {
		x := a.put(a.callColumn(calls.pick(a, c.calls[one+"/"+s], sample.Measure), "output_tokens", with(scope, "role", one, "stage", s)).Fact("median"))
		y := a.put(a.callColumn(calls.pick(a, c.calls[two+"/"+s], sample.Measure), "output_tokens", with(scope, "role", two, "stage", s)).Fact("median"))
		vx, okX := x.Value.Get()
		vy, okY := y.Value.Get()
		if !okX || !okY {
			return Check{EqualWork, Unknown, say("no warm call of ", nm(s), " of both has its tokens counted")}
		}
		if max(vx, vy) > (1+equalTokens)*min(vx, vy) {
			return Check{EqualWork, Fail, say("in ", nm(s), " the agents wrote different amounts: medians ", val(x), " and ", val(y))}
		}
	}
	return Check{EqualWork, Pass, say("in each stage both wrote as much, by the medians")}
}
