package finding

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// soloArm is the experiment in which every agent works alone.
const soloArm = "solo"

// equalTokens is how far the output of an agent may differ between two arms for
// its work to be called equal. Times are scaled to equal tokens in any case.
const equalTokens = 0.05

// An arm is one way of running the same agents: alone, on one server, on two.
type arm struct {
	run, name string
	roles     []string
	strata    []*stratum // of all phases
	passes    []*pass    // by block
}

// A pass is one block of an arm: each agent does its work once.
type pass struct {
	block int32
	tasks map[string]*task // by role
}

// A task is the work of one agent in one pass: from its first sending to its
// last end, what lies between its calls included.
type task struct {
	from, to int64 // ns since the run's origin
	tokens   float64
	rows     []int
	cold     int    // calls that ran into a load
	lack     string // why it cannot be judged
}

func (t *task) seconds() float64 { return float64(t.to-t.from) / 1e9 }

// window is the time in which the pass ran.
func (p *pass) window() (from, to int64) {
	from, to = math.MaxInt64, math.MinInt64
	for _, t := range p.tasks {
		from, to = min(from, t.from), max(to, t.to)
	}
	return from, to
}

func (p *pass) rows() (rows []int) {
	for _, role := range sortedKeys(p.tasks) {
		rows = append(rows, p.tasks[role].rows...)
	}
	slices.Sort(rows)
	return rows
}

// stageOf returns the stage of an agent's workload, "role/stage". No workload of
// a spec has a slash.
func stageOf(workload string) (stage string, agent bool) {
	_, stage, agent = strings.Cut(workload, "/")
	return stage, agent
}

// arms lists the arms of every run of agents that chimera conducted, by run.
// An agent's rows are those whose workload is "role/stage".
func (a *analyst) arms() [][]*arm {
	var runs [][]*arm
	var last *arm
	for _, g := range a.strata { // sorted by run and experiment
		role, _, ok := strings.Cut(g.key.workload, "/")
		if !ok || g.origin == sample.Imported {
			continue
		}
		if last == nil || last.run != g.key.run || last.name != g.key.experiment {
			if last == nil || last.run != g.key.run {
				runs = append(runs, nil)
			}
			last = &arm{run: g.key.run, name: g.key.experiment}
			runs[len(runs)-1] = append(runs[len(runs)-1], last)
		}
		last.strata = append(last.strata, g)
		if !slices.Contains(last.roles, role) {
			last.roles = append(last.roles, role)
		}
	}
	for _, arms := range runs {
		for _, m := range arms {
			m.passes = a.passes(m)
		}
	}
	return runs
}

// passes sorts the rows of an arm out by block and agent. A warm-up is no part
// of a task; a call that ran into a load is, for agents that share a server may
// load their models again and again.
func (a *analyst) passes(m *arm) []*pass {
	tokens := a.metric("output_tokens")
	at := map[int32]*pass{}
	for _, i32 := range a.inOrder(m.strata) {
		i := int(i32)
		r, g := a.rows[i], a.strata[a.rows[i].stratum]
		if g.phase == sample.Warmup {
			continue
		}
		p := at[r.block]
		if p == nil {
			p = &pass{block: r.block, tasks: map[string]*task{}}
			at[r.block] = p
		}
		role, stage, _ := strings.Cut(g.key.workload, "/")
		t := p.tasks[role]
		if t == nil {
			t = &task{from: math.MaxInt64}
			p.tasks[role] = t
		}
		t.rows = append(t.rows, i)
		if g.phase == sample.Cold {
			t.cold++
		}
		t.from, t.to = min(t.from, r.send), max(t.to, r.end)
		switch v := a.values[tokens][i]; {
		case t.lack != "":
		case r.outcome != answered:
			t.lack = "the " + stage + " call of " + role + " ended as " + string(sample.Outcomes[r.outcome])
		case r.send < 0 || r.end < 0:
			t.lack = "the " + stage + " call of " + role + " was not timed"
		case math.IsNaN(v):
			t.lack = "the output of the " + stage + " call of " + role + " was not counted"
		default:
			t.tokens += v
		}
	}
	var out []*pass
	for _, p := range at {
		out = append(out, p)
	}
	slices.SortFunc(out, func(x, y *pass) int { return cmp.Compare(x.block, y.block) })
	return out
}

// alone reports whether no other agent worked within an agent's window.
func (p *pass) alone(role string) bool {
	t := p.tasks[role]
	for other, o := range p.tasks {
		if other != role && o.from < t.to && t.from < o.to {
			return false
		}
	}
	return true
}

// busy reports whether several agents worked at the same time in some pass.
func (m *arm) busy() bool {
	return slices.ContainsFunc(m.passes, func(p *pass) bool {
		for role := range p.tasks {
			if !p.alone(role) {
				return true
			}
		}
		return false
	})
}

// pass finds the pass of a block.
func (m *arm) pass(block int32) *pass {
	if m == nil {
		return nil
	}
	i := slices.IndexFunc(m.passes, func(p *pass) bool { return p.block == block })
	if i < 0 {
		return nil
	}
	return m.passes[i]
}

// fit returns the solo pass of the same block if the two can be compared: every
// agent did its work in both, alone it was alone, and its output has the same
// length.
func (m *arm) fit(p *pass, solo *arm) (alone *pass, lack string) {
	if solo == nil {
		return nil, "no agent was measured alone"
	}
	alone = solo.pass(p.block)
	for _, role := range m.roles {
		t := p.tasks[role]
		switch {
		case t == nil:
			return nil, role + " has no call in the block"
		case t.lack != "":
			return nil, t.lack
		case alone == nil || alone.tasks[role] == nil:
			return nil, role + " was not measured alone in the block"
		}
		s := alone.tasks[role]
		switch {
		case s.lack != "":
			return nil, s.lack + ", alone"
		case s.cold > 0:
			return nil, role + " ran into a load when it was measured alone"
		case !alone.alone(role):
			return nil, role + " was not alone when it was measured alone"
		case t.to <= t.from || s.to <= s.from || t.tokens <= 0 || s.tokens <= 0:
			return nil, role + " made no token in a time that can be told"
		case max(t.tokens, s.tokens) > (1+equalTokens)*min(t.tokens, s.tokens):
			return nil, unequalTokens
		}
	}
	return alone, ""
}

const unequalTokens = "an agent wrote more together than alone, or less"

// fromRows enters a fact that was computed from rows.
func (a *analyst) fromRows(f fact.Fact, rows []int) fact.Fact {
	f.Evidence = fact.Evidence{Rows: []string{}}
	var chain digest.Chain
	for _, i := range rows {
		name := a.strata[a.rows[i].stratum].key.run + "/" + a.rows[i].trial
		if len(f.Evidence.Rows) < fact.MaxRows {
			f.Evidence.Rows = append(f.Evidence.Rows, name)
		} else {
			f.Evidence.Total = len(rows)
		}
		chain.Add([]byte(name))
	}
	f.Evidence.Digest = chain.Sum()
	return a.put(fact.Identify(f))
}

// settleRatios gives a fact the geometric mean of values above 0, one of each
// unit. Units that all agree have an interval of no width; a single one has none.
func settleRatios(f *fact.Fact, values []float64, units string) {
	e, err := stats.GeoMeanEstimate(values, fact.Level)
	switch {
	case err != nil:
		f.Reason, f.Method = err.Error(), "none"
	case len(values) == 1:
		f.Value, f.Method = sample.Some(values[0]), "a single value, so no interval"
	case slices.Min(values) == slices.Max(values):
		f.Value, f.Lo, f.Hi, f.Method = sample.Some(values[0]), sample.Some(values[0]), sample.Some(values[0]), "all "+units+" agree"
	default:
		f.Value, f.Method = sample.Some(e.Value), "geometric mean over "+units+", Student's interval on the logarithms"
		if e.Interval != nil {
			f.Lo, f.Hi = sample.Some(e.Interval.Lo), sample.Some(e.Interval.Hi)
		}
	}
}

// over enters the geometric mean of what each block gave.
func (a *analyst) over(f fact.Fact, values []float64, planned int, from []fact.Fact) fact.Fact {
	f.Version, f.Phase, f.N, f.Planned, f.Aggregate = 1, sample.Measure, len(values), planned, fact.GeoMean
	settleRatios(&f, values, "blocks")
	return a.derive(f, from...)
}

// taskFacts enter what one agent did in one pass.
func (a *analyst) taskFacts(m *arm, p *pass, role string) (seconds, tokens fact.Fact) {
	t := p.tasks[role]
	scope := map[string]string{"run": m.run, "experiment": m.name, "block": strconv.Itoa(int(p.block)), "role": role}
	f := fact.Fact{Metric: "agent_time", Version: 1, Aggregate: "value", Unit: unit.Second, Phase: sample.Measure, Scope: scope, Value: sample.Some(t.seconds()),
		N: len(t.rows), Planned: len(t.rows), Method: "from the agent's first sending to its last end"}
	if t.cold > 0 {
		f.Caveats = []string{fmt.Sprintf("%d of its %d calls ran into a load", t.cold, len(t.rows))}
	}
	seconds = a.fromRows(f, t.rows)
	f.Metric, f.Aggregate, f.Unit, f.Value, f.Method, f.Caveats = "output_tokens", "sum", unit.Token, sample.Some(t.tokens), "sum", nil
	return seconds, a.fromRows(f, t.rows)
}
