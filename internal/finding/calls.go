package finding

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// A call is one request of an agent: its row, and what a file says of it beside
// the row.
type call struct {
	i     int // in index.rows
	file  map[string]*sample.Reading
	short bool // far shorter than the calls of its stage
	bad   bool // answered, and of no use to whoever asked
}

// calls are the calls of a crew, by row.
type calls struct {
	short map[int]bool
	bad   map[string]bool                       // "run/trial" that the agent could not use
	files map[string]map[string]*sample.Reading // by "run/trial": series → reading
}

// callsOf prepares the calls of a crew. What another program measured at its
// client stands in readings of the call's own row of the file.
func (a *analyst) callsOf(c *crew) *calls {
	out := &calls{short: map[int]bool{}, bad: map[string]bool{}, files: map[string]map[string]*sample.Reading{}}
	for _, i := range a.short(c.of(c.roles...)) {
		out.short[i] = true
	}
	for _, r := range a.readings {
		if r.Kind == "agent-call" && r.Run == c.run && r.Series == "unusable" {
			out.bad[r.Run+"/"+r.Labels["trial"]] = true
		}
		if r.Kind == "agent-call" && r.Run == c.run && c.imported && r.Labels["file"] == c.name {
			at := r.Run + "/" + r.Labels["file"] + "#" + r.Labels["row"]
			if out.files[at] == nil {
				out.files[at] = map[string]*sample.Reading{}
			}
			out.files[at][r.Series] = r
		}
	}
	return out
}

// call is one row as a call.
func (cs *calls) call(a *analyst, i int) call {
	name := a.strata[a.rows[i].stratum].key.run + "/" + a.rows[i].trial
	return call{i: i, short: cs.short[i], bad: cs.bad[name], file: cs.files[name]}
}

// all lists the calls of strata in run order.
func (cs *calls) all(a *analyst, strata []*stratum) (out []call) {
	for _, i := range a.inOrder(strata) {
		out = append(out, cs.call(a, int(i)))
	}
	return out
}

// pick lists the calls of strata in a phase, in run order.
func (cs *calls) pick(a *analyst, strata []*stratum, phase sample.Phase) (out []call) {
	for _, c := range cs.all(a, strata) {
		if a.strata[a.rows[c.i].stratum].phase == phase {
			out = append(out, c)
		}
	}
	return out
}

// short lists the rows whose answers are far shorter than their like: the rows
// of one stratum, or the calls of one stage of several agents.
func (a *analyst) short(strata []*stratum) (bad []int) {
	m := a.metric("output_tokens")
	groups := map[string][]*stratum{}
	for _, g := range strata {
		key := fmt.Sprint(g.place)
		if stage, ok := stageOf(g.key.workload); ok {
			key = stage
		}
		groups[key] = append(groups[key], g)
	}
	for _, key := range sortedKeys(groups) {
		tokens, rows := (cell{x: &a.index, strata: groups[key]}).values("output_tokens")
		floor := math.Inf(-1)
		switch mid, err := stats.Median(tokens); {
		case err == nil && len(tokens) > 2:
			floor = mid * shortShare
		case len(tokens) == 2:
			floor = slices.Max(tokens) * shortShare
		}
		for _, i := range rows {
			if a.values[m][i] < floor {
				bad = append(bad, i)
			}
		}
	}
	slices.Sort(bad)
	return bad
}

// callSeries are what files tell of a call under names of their own, where a
// row has no time line.
var callSeries = map[string]string{"ttft": "client_ttft", "e2e": "client_duration"}

// named returns the metric under which calls have a value: ours, or the file's
// own.
func (a *analyst) named(all []call, metric string) string {
	for _, c := range all {
		if !math.IsNaN(a.values[a.metric(metric)][c.i]) {
			return metric
		}
	}
	for _, c := range all {
		if c.file[callSeries[metric]] != nil {
			return callSeries[metric]
		}
	}
	return metric
}

// indexed returns the place of a metric, or −1 for a file's own series.
func (a *analyst) indexed(id string) int {
	return slices.IndexFunc(a.metrics, func(m metric.Metric) bool { return m.ID == id })
}

func (a *analyst) callValue(c call, id string) (float64, bool) {
	if i := a.indexed(id); i >= 0 {
		v := a.values[i][c.i]
		return v, !math.IsNaN(v)
	}
	if r := c.file[id]; r != nil {
		return r.Value.Get()
	}
	return 0, false
}

// callColumn is a metric of calls ready to become facts. Failed calls and those
// far shorter than their like are counted and enter no value.
func (a *analyst) callColumn(all []call, metric string, scope map[string]string) *fact.Column {
	col := &fact.Column{Metric: metric, Version: 1, Unit: unit.Second, Scope: scope, Planned: len(all), Missing: map[string]int{}}
	at := a.indexed(metric)
	if at >= 0 {
		col.Version, col.Unit = a.metrics[at].Version, a.metrics[at].Unit
	}
	var synthetic, simulated bool
	for _, c := range all {
		g := a.strata[a.rows[c.i].stratum]
		col.Phase = g.phase
		synthetic, simulated = synthetic || g.synthetic, simulated || g.origin == sample.Simulated
		v, ok := a.callValue(c, metric)
		switch {
		case a.ending(c) != string(sample.OK):
			col.Missing[a.ending(c)]++
		case !ok && at >= 0:
			col.Missing[a.why(c.i, at)]++
		case !ok:
			col.Missing["not in the file"]++
		default:
			col.Add(g.key.run, a.rows[c.i].trial, v)
		}
	}
	if synthetic {
		col.Caveats = append(col.Caveats, fact.SyntheticCaveat)
	}
	if simulated {
		col.Caveats = append(col.Caveats, fact.SimulatedCaveat)
	}
	return col
}

// stageTable has the means of each stage, warm and cold apart.
func (a *analyst) stageTable(c *crew, role, rate string, calls *calls, scope map[string]string) Table {
	all := calls.pick(a, c.of(role), sample.Measure)
	first, whole := a.named(all, "ttft"), a.named(all, "e2e")
	t := Table{ID: "stages", Title: "Calls by stage; warm and cold apart", Labels: []string{"stage", "phase"}, Columns: []Column{
		{Head: label(first) + ", mean", Metric: first, Aggregate: "mean", As: AsBoth}, {Head: label(rate) + ", mean", Metric: rate, Aggregate: "mean", As: AsBoth},
		{Head: label(rate) + ", sd", Metric: rate, Aggregate: "sd", As: AsValue}, {Head: label(whole) + ", mean", Metric: whole, Aggregate: "mean", As: AsBoth},
		{Head: "output, median", Metric: "output_tokens", Aggregate: "median", As: AsValue},
		{Head: "n", Metric: rate, Aggregate: "mean", As: AsN}, {Head: "planned", Metric: rate, Aggregate: "mean", As: AsPlanned}}}
	for _, s := range c.stages[role] {
		for _, phase := range []sample.Phase{sample.Measure, sample.Cold} {
			own := calls.pick(a, c.calls[role+"/"+s], phase)
			if len(own) == 0 {
				continue
			}
			in := with(scope, "stage", s)
			speed := a.callColumn(own, rate, in)
			mean := a.put(speed.Fact("mean"))
			t.Rows = append(t.Rows, Row{Names: []string{s, phaseWord(phase)}, Cells: append(cells(a.put(a.callColumn(own, first, in).Fact("mean")), mean, a.put(speed.Fact("sd")),
				a.put(a.callColumn(own, whole, in).Fact("mean")), a.put(a.callColumn(own, "output_tokens", in).Fact("median"))), Cell{Fact: mean.ID}, Cell{Fact: mean.ID})})
		}
	}
	return t
}

// phaseWord is a phase as tables of calls name it.
func phaseWord(p sample.Phase) string {
	if p == sample.Measure {
		return "warm"
	}
	return string(p)
}

// mostCalls is how many calls of an agent are listed one by one.
const mostCalls = 200

// callTable lists each call as it was.
func (a *analyst) callTable(c *crew, role, rate string, calls *calls, scope map[string]string) Table {
	all := calls.all(a, c.of(role))
	first, whole := a.named(all, "ttft"), a.named(all, "e2e")
	t := Table{ID: "calls", Title: "Every call", Labels: []string{"call", "stage", "run", "phase"}, Columns: []Column{
		{Head: label(first), Metric: first, Aggregate: "value", As: AsFine}, {Head: label(rate), Metric: rate, Aggregate: "value", As: AsFine},
		{Head: "output", Metric: "output_tokens", Aggregate: "value", As: AsValue}, {Head: label(whole), Metric: whole, Aggregate: "value", As: AsFine}, {Head: "outcome", As: AsValue}}}
	if len(all) > mostCalls {
		t.Title, all = "The first calls", all[:mostCalls]
	}
	for n, one := range all {
		g := a.strata[a.rows[one.i].stratum]
		stage, _ := stageOf(g.key.workload)
		row := Row{Names: []string{strconv.Itoa(n + 1), stage, strconv.Itoa(int(a.rows[one.i].block) + 1), phaseWord(g.phase)}}
		for _, m := range []string{first, rate, "output_tokens", whole} {
			row.Cells = append(row.Cells, a.callCell(one, m, with(scope, "stage", stage, "call", strconv.Itoa(n+1))))
		}
		row.Cells = append(row.Cells, Cell{Word: a.ending(one)})
		t.Rows = append(t.Rows, row)
	}
	return t
}

// ending says how a call ended: ok, or why it is in no mean.
func (a *analyst) ending(c call) string {
	switch o := sample.Outcomes[a.rows[c.i].outcome]; {
	case o != sample.OK:
		return string(o)
	case c.bad:
		return "of no use to the agent"
	case c.short:
		return "far shorter than its like"
	}
	return string(sample.OK)
}

func (a *analyst) callCell(c call, metric string, scope map[string]string) Cell {
	v, ok := a.callValue(c, metric)
	if !ok {
		return Cell{Missing: a.ending(c)}
	}
	col := a.callColumn(nil, metric, scope)
	return Cell{Fact: a.fromRows(fact.Fact{Metric: metric, Version: col.Version, Aggregate: "value", Unit: col.Unit, Phase: a.strata[a.rows[c.i].stratum].phase, Scope: scope,
		Value: sample.Some(v), N: 1, Planned: 1, Method: "as observed"}, []int{c.i}).ID}
}

// leftOut names the calls that are in no mean.
func (a *analyst) leftOut(c *crew, role string, calls *calls, scope map[string]string) []Sentence {
	var named []string
	var rows []int
	all := calls.all(a, c.of(role))
	for _, one := range all {
		if why := a.ending(one); why != string(sample.OK) {
			stage, _ := stageOf(a.strata[a.rows[one.i].stratum].key.workload)
			named, rows = append(named, fmt.Sprintf("%s of run %d (%s)", stage, a.rows[one.i].block+1, why)), append(rows, one.i)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	const most = 5
	n := a.tally("calls left out of every mean", scope, rows, len(all))
	if len(named) > most {
		return []Sentence{say("Left out of every mean: ", val(n), " of ", as(n, AsPlanned), " calls of ", nm(role), ", among them ", list(named[:most]), ".")}
	}
	return []Sentence{say("Left out of every mean: ", val(n), " of ", as(n, AsPlanned), " calls of ", nm(role), ": ", nm(strings.Join(named, ", ")), ".")}
}
