package finding

import (
	"slices"
	"strconv"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// An ensemble is what agents did together, beside what each did alone: one value a
// block, and the facts made of them.
type ensemble struct {
	arm, solo *arm
	scope     map[string]string
	used      []*pass // blocks that can be compared, and the same blocks alone
	alone     []*pass
	lacks     []string // why the other blocks cannot

	speedup, efficiency, weighted, fairness, spread, overlap, rate, soloRate fact.Fact

	slowdown map[string]fact.Fact // by role
	passes   Table
}

// unite pairs the blocks of an arm with the same blocks alone. Every ratio is
// taken within a block, at equal tokens: what an agent took alone is scaled to
// the tokens that it made together.
func (a *analyst) unite(m, solo *arm) *ensemble {
	u := &ensemble{arm: m, solo: solo, scope: map[string]string{"run": m.run, "experiment": m.name}, slowdown: map[string]fact.Fact{}}
	for _, p := range m.passes {
		alone, lack := m.fit(p, solo)
		if lack != "" {
			u.lacks = append(u.lacks, lack)
			continue
		}
		u.used, u.alone = append(u.used, p), append(u.alone, alone)
	}
	u.passes = Table{ID: "blocks", Title: "Each block: the agents together, and one after the other", Labels: []string{"block"}, Columns: []Column{
		{Head: "wall time", Metric: "wall_time", Aggregate: "value", As: AsFine}, {Head: "alone, at equal tokens", Metric: "solo_time", Aggregate: "sum", As: AsFine},
		{Head: "tokens", Metric: "output_tokens", Aggregate: "sum", As: AsValue}, {Head: "speedup", Metric: "speedup", Aggregate: "value", As: AsTimes},
		{Head: "overlap", Metric: "overlap", Aggregate: "value", As: AsTimes}}}
	if len(u.used) > 0 {
		a.weigh(u)
	} else {
		a.overlapOnly(u)
	}
	return u
}

// weigh computes each block and the means over them.
func (a *analyst) weigh(u *ensemble) {
	k := float64(len(u.arm.roles))
	values := map[string][]float64{}
	var walls, overlaps []fact.Fact
	tasks := map[string][]fact.Fact{}
	for i, p := range u.used {
		var alone, together []float64
		var from []fact.Fact
		tokens := 0.0
		for _, role := range u.arm.roles {
			t, s := p.tasks[role], u.alone[i].tasks[role]
			alone = append(alone, s.seconds()*t.tokens/s.tokens)
			together = append(together, t.seconds())
			tokens += t.tokens
			own := make([]fact.Fact, 4)
			own[0], own[1] = a.taskFacts(u.arm, p, role)
			own[2], own[3] = a.taskFacts(u.solo, u.alone[i], role)
			tasks[role] = append(tasks[role], own...)
			from = append(from, own...)
		}
		begin, end := p.window()
		wall := float64(end-begin) / 1e9
		c, err := stats.ConcurrencySpeedup(alone, together, wall)
		if err != nil {
			a.fail(err) // fit lets no such block through
			return
		}
		put := func(name string, v float64) { values[name] = append(values[name], v) }
		put("speedup", c.Speedup)
		put("efficiency", c.Efficiency)
		put("weighted_speedup", c.Weighted)
		put("fairness", c.Fairness)
		put("slowdown_spread", slices.Max(c.Slowdown)/slices.Min(c.Slowdown))
		put("overlap", sum(together)/slices.Max(together))
		put("rate", tokens/wall)
		put("alone", tokens/sum(alone))
		for j, role := range u.arm.roles {
			put("slowdown "+role, c.Slowdown[j])
		}
		row := a.blockRow(u, p, wall, sum(alone), tokens, c.Speedup, sum(together)/slices.Max(together), from)
		walls, overlaps = append(walls, row[0], row[1]), append(overlaps, row[4])
	}
	over := func(name, metric string, un unit.Unit, from []fact.Fact, pairs ...string) fact.Fact {
		return a.over(fact.Fact{Metric: metric, Unit: un, Scope: with(u.scope, pairs...)}, values[name], len(u.arm.passes), from)
	}
	u.rate = over("rate", "tokens_per_wall_second", unit.TokenPerSecond, walls)
	u.soloRate = over("alone", "tokens_per_wall_second", unit.TokenPerSecond, walls, "at", "one after the other, alone")
	u.speedup = over("speedup", "speedup", unit.Ratio, walls)
	u.efficiency = over("efficiency", "efficiency", unit.Ratio, []fact.Fact{u.speedup}, "agents", strconv.Itoa(int(k)))
	u.overlap = over("overlap", "overlap", unit.Ratio, overlaps)
	var slow []fact.Fact
	for _, role := range u.arm.roles {
		u.slowdown[role] = over("slowdown "+role, "slowdown", unit.Ratio, tasks[role], "role", role)
		slow = append(slow, u.slowdown[role])
	}
	u.weighted = over("weighted_speedup", "weighted_speedup", unit.Ratio, slow)
	u.fairness = over("fairness", "fairness", unit.None, slow)
	u.spread = over("slowdown_spread", "slowdown_spread", unit.Ratio, slow)
}

// blockRow enters one block: wall time, time alone, tokens, speedup, overlap.
func (a *analyst) blockRow(u *ensemble, p *pass, wall, alone, tokens, speedup, overlap float64, from []fact.Fact) []fact.Fact {
	scope := with(u.scope, "block", strconv.Itoa(int(p.block)))
	value := func(metric, aggregate string, un unit.Unit, v float64, method string) fact.Fact {
		return a.derive(fact.Fact{Metric: metric, Version: 1, Aggregate: aggregate, Unit: un, Phase: sample.Measure, Scope: scope, Value: sample.Some(v), N: len(p.rows()), Planned: len(p.rows()), Method: method}, from...)
	}
	f := a.fromRows(fact.Fact{Metric: "wall_time", Version: 1, Aggregate: "value", Unit: unit.Second, Phase: sample.Measure, Scope: scope, Value: sample.Some(wall),
		N: len(p.rows()), Planned: len(p.rows()), Method: "from the first sending of any agent to the last end"}, p.rows())
	row := []fact.Fact{f,
		value("solo_time", "sum", unit.Second, alone, "time of each agent alone, scaled to the tokens that it made together"),
		value("output_tokens", "sum", unit.Token, tokens, "sum"),
		value("speedup", "value", unit.Ratio, speedup, "time alone, one agent after the other, by wall time together, at equal tokens"),
		value("overlap", "value", unit.Ratio, overlap, "sum of the times together by the longest of them: says how far they lay side by side, and nothing of speed")}
	u.passes.Rows = append(u.passes.Rows, Row{Names: []string{strconv.Itoa(int(p.block) + 1)}, Cells: cells(row...)})
	return row
}

// overlapOnly is what can be said without a run alone: how far the agents lay
// side by side, and what they made together.
func (a *analyst) overlapOnly(u *ensemble) {
	var overlaps, rates []float64
	var from, walls []fact.Fact
	for _, p := range u.arm.passes {
		var times []float64
		tokens := 0.0
		var own []fact.Fact
		for _, role := range sortedKeys(p.tasks) {
			t := p.tasks[role]
			if t.lack != "" || t.to <= t.from {
				times = nil
				break
			}
			s, n := a.taskFacts(u.arm, p, role)
			own = append(own, s, n)
			times, tokens = append(times, t.seconds()), tokens+t.tokens
		}
		if len(times) < 2 {
			continue
		}
		begin, end := p.window()
		from, walls = append(from, own...), append(walls, own...)
		overlaps, rates = append(overlaps, sum(times)/slices.Max(times)), append(rates, tokens/(float64(end-begin)/1e9))
	}
	u.overlap = a.over(fact.Fact{Metric: "overlap", Unit: unit.Ratio, Scope: u.scope}, overlaps, len(u.arm.passes), from)
	if !slices.ContainsFunc(rates, func(r float64) bool { return r <= 0 }) {
		u.rate = a.over(fact.Fact{Metric: "tokens_per_wall_second", Unit: unit.TokenPerSecond, Scope: u.scope}, rates, len(u.arm.passes), walls)
	}
}

func sum(values []float64) (s float64) {
	for _, v := range values {
		s += v
	}
	return s
}

// lack says why most of the blocks that fell out did.
func (u *ensemble) lack() string {
	count := map[string]int{}
	for _, l := range u.lacks {
		count[l]++
	}
	most := "the arm has no block"
	for _, l := range sortedKeys(count) {
		if count[l] > count[most] {
			most = l
		}
	}
	return most
}
