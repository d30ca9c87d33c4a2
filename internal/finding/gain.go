package finding

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// The checks of an ensemble.
func (a *analyst) ensembleChecks(u *ensemble) (checks []Check, order ordering) {
	strata, things := u.arm.strata, [][]*stratum{u.arm.strata}
	if u.solo != nil {
		strata, things = slices.Concat(u.solo.strata, u.arm.strata), append(things, u.solo.strata)
	}
	order = a.orderIn(things, false)
	var measured []*stratum
	for _, g := range strata {
		if g.phase == sample.Measure {
			measured = append(measured, g)
		}
	}
	checks = []Check{a.unfailed(strata, u.scope), a.whole(strata, u.scope), origin(strata), a.alongside(u)}
	if len(measured) > 0 {
		checks = append(checks, a.uncached(measured, u.scope), a.unthrottled(measured), a.undisturbed(measured))
	}
	if u.solo != nil {
		checks = append(checks, orderCheck(order, "arms", false), a.equalTasks(u))
	}
	return checks, order
}

func (a *analyst) alongside(u *ensemble) Check {
	if u.solo == nil {
		return Check{SoloBaseline, Fail, say("no agent was measured alone")}
	}
	n := a.count("blocks with every agent alone, too", len(u.used), len(u.arm.passes), u.scope)
	if len(u.used) == len(u.arm.passes) {
		return Check{SoloBaseline, Pass, say("each agent was measured alone in all ", val(n), plural(n.N, " block", " blocks"))}
	}
	return Check{SoloBaseline, Fail, say(val(n), " of ", as(n, AsPlanned), " blocks can be compared; of the others: ", nm(u.lack()))}
}

func (a *analyst) equalTasks(u *ensemble) Check {
	if slices.Contains(u.lacks, unequalTokens) {
		n := a.count("blocks with answers of another length", len(u.lacks), len(u.arm.passes), u.scope)
		return Check{EqualWork, Fail, say("in ", val(n), " of ", as(n, AsPlanned), " blocks the answers together were longer or shorter than alone; they are left out")}
	}
	most := 0.0
	for i, p := range u.used {
		for role, t := range p.tasks {
			most = max(most, math.Abs(t.tokens/u.alone[i].tasks[role].tokens-1))
		}
	}
	if len(u.used) == 0 {
		return Check{EqualWork, Unknown, say("no block can be compared")}
	}
	if most == 0 {
		return Check{EqualWork, Pass, say("every agent wrote exactly as many tokens together as alone")}
	}
	f := a.count("blocks", len(u.used), len(u.arm.passes), u.scope)
	f = a.derive(fact.Fact{Metric: "output_tokens", Version: 1, Aggregate: "largest_difference", Unit: unit.Ratio, Scope: u.scope, Value: sample.Some(most), N: len(u.used), Planned: len(u.arm.passes), Method: "largest relative difference of an agent's tokens"}, f)
	return Check{EqualWork, Pass, say("answers differ by at most ", as(f, AsPercent), " in length; times are scaled to equal tokens")}
}

// believed reports whether an order allows a verdict: a drawn one does, one that
// nobody can tell only where the difference is beyond any drift.
func believed(order ordering, ratio fact.Fact) bool {
	switch order {
	case drawn:
		return true
	case nested, cycled:
		return false
	}
	lo, hi := ratio.Lo.Or(0), ratio.Hi.Or(math.Inf(1))
	return lo > 1+unknownOrder || hi < 1/(1+unknownOrder)
}

// gains says of every arm what the agents get done together.
func (a *asking) gains() {
	for _, arms := range a.arms() {
		for _, u := range a.ensembles(arms) {
			a.add(a.gain(u))
			a.add(a.contention(u))
		}
	}
}

// ensembles are the arms of a run in which agents worked at the same time.
func (a *analyst) ensembles(arms []*arm) []*ensemble {
	var solo *arm
	if i := slices.IndexFunc(arms, func(m *arm) bool { return m.name == soloArm }); i >= 0 {
		solo = arms[i]
	}
	var out []*ensemble
	for _, m := range arms {
		if m != solo && m.busy() {
			out = append(out, a.unite(m, solo))
		}
	}
	return out
}

func (a *analyst) gain(u *ensemble) Finding {
	f := Finding{Kind: Concurrency, Question: "Do the agents get more done together (" + u.arm.name + ") than one after the other?", Scope: u.scope, Metric: "speedup",
		Method: "time of the agents alone, one after the other, by the wall time together; per block, at equal tokens, from the first sending to the last end; geometric mean over blocks"}
	checks, order := a.ensembleChecks(u)
	f.Checks = checks
	side := say("Side by side the agents' own times are ", as(u.overlap, AsTimes), " the longest of them; that is overlap, and no speedup.")
	if u.overlap.Value.OK() {
		f.Notes = append(f.Notes, side)
	}
	switch {
	case u.solo == nil:
		f.Verdict, f.Forbids = NotComparable, "no agent was measured alone"
		f.Sentence = say("No agent was measured alone, so there is no speedup to speak of.")
		if u.rate.Value.OK() {
			f.Sentence = say("Together the agents made ", val(u.rate), " by the wall clock; none was measured alone, so there is no speedup to speak of.")
		}
	case len(u.used) == 0 && slices.Contains(u.lacks, unequalTokens):
		f.Verdict, f.Forbids = NotComparable, "the answers together and alone differ in length"
		f.Sentence = say("What the agents gain in ", nm(u.arm.name), " cannot be said: ", unequalTokens, " in every block.")
	case len(u.used) == 0:
		f.Verdict = NotMeasured
		f.Sentence = say("What the agents gain in ", nm(u.arm.name), " was not measured: ", nm(u.lack()), ".")
	default:
		a.judgeGain(&f, u, order)
	}
	if len(u.used) > 0 {
		f.Tables = []Table{gainTable(u), u.passes}
	}
	f.Figures = append(f.Figures, a.timeline(u)...)
	return f
}

func (a *analyst) judgeGain(f *Finding, u *ensemble, order ordering) {
	lo, measured := u.speedup.Lo.Get()
	hi := u.speedup.Hi.Or(0)
	same := lo >= 1/(1+Margin) && hi <= 1+Margin
	size := say("they finish the same tokens ", as(u.speedup, AsTimesCI), " as fast (", both(u.rate), " by the wall clock against ", both(u.soloRate), ")")
	switch {
	case !measured:
		f.Verdict = Inconclusive
		f.Sentence = say("Together (", nm(u.arm.name), ") ", size, " as one after the other, in one block only, so nothing is shown.")
	case lo <= 1 && hi >= 1 && !same:
		f.Verdict = Inconclusive
		f.Sentence = say("That the agents gain or lose by working together (", nm(u.arm.name), ") is not shown: ", size, " as one after the other.")
	case order == nested || order == cycled:
		f.Verdict, f.Forbids = NotComparable, "the order of the arms was not drawn"
		f.Sentence = say("Together (", nm(u.arm.name), ") ", size, " as one after the other, but the arms ran in a fixed order, so arm and time cannot be told apart.")
	case !believed(order, u.speedup):
		f.Verdict = Inconclusive
		f.Sentence = say("Together (", nm(u.arm.name), ") ", size, " as one after the other, but whether the order of the arms was drawn is not known, and a drift could do as much.")
	case same:
		f.Verdict = Same
		f.Sentence = say("Together (", nm(u.arm.name), ") the agents neither gain nor lose: ", size, " as one after the other.")
	case lo > 1:
		f.Verdict = Better
		f.Sentence = say("Together (", nm(u.arm.name), ") the agents gain: ", size, " as one after the other.")
	default:
		f.Verdict = Worse
		f.Sentence = say("Together (", nm(u.arm.name), ") the agents lose: ", size, " as one after the other.")
	}
	f.Notes = append(f.Notes, say("By agent that is an efficiency of ", as(u.efficiency, AsTimes), "; weighted speedup ", as(u.weighted, AsTimes), ", Jain fairness ", val(u.fairness), ", largest by smallest slowdown ", as(u.spread, AsTimes), "."))
}

func gainTable(u *ensemble) Table {
	t := Table{ID: "together", Title: "Agents together against one after the other, at equal tokens", Labels: []string{"work"}}
	add := func(head string, f fact.Fact, as Form) {
		t.Columns = append(t.Columns, Column{Head: head, Metric: f.Metric, Aggregate: f.Aggregate, As: as})
		if len(t.Rows) == 0 {
			t.Rows = []Row{{Names: []string{"all agents"}}}
		}
		t.Rows[0].Cells = append(t.Rows[0].Cells, cells(f)...)
	}
	add("speedup", u.speedup, AsTimesCI)
	add("efficiency", u.efficiency, AsTimes)
	add("weighted speedup", u.weighted, AsTimesCI)
	add("Jain fairness", u.fairness, AsValue)
	add("largest ÷ smallest slowdown", u.spread, AsTimes)
	add("together", u.rate, AsValue)
	add("one after the other", u.soloRate, AsValue)
	add("overlap, no speedup", u.overlap, AsTimes)
	add("blocks", u.speedup, AsN)
	add("planned", u.speedup, AsPlanned)
	return t
}

// timeline shows what each agent did when: in a block of the arm, and alone.
func (a *analyst) timeline(u *ensemble) []Figure {
	if len(u.arm.passes) == 0 {
		return nil
	}
	f := Figure{ID: "timeline", Kind: Spans, Title: say("What each agent did when")}
	p := u.arm.passes[0]
	if len(u.used) > 0 {
		p = u.used[0]
	}
	f.Panels = append(f.Panels, a.spans(u.arm, p)...)
	if len(u.alone) > 0 {
		f.Panels = append(f.Panels, a.spans(u.solo, u.alone[0])...)
	}
	if len(f.Panels) == 0 {
		return nil
	}
	return []Figure{f}
}

func (a *analyst) spans(m *arm, p *pass) []Panel {
	panel := Panel{Facet: fmt.Sprintf("%s, block %d", m.name, p.block+1), X: Axis{Label: "time since the first sending", Unit: unit.Second}, Y: Axis{Label: "agent", Categories: m.roles}}
	rows := slices.DeleteFunc(p.rows(), func(i int) bool { return a.rows[i].send < 0 || a.rows[i].end < a.rows[i].send })
	if len(rows) == 0 {
		return nil
	}
	slices.SortStableFunc(rows, func(i, j int) int { return cmp.Compare(a.rows[i].send, a.rows[j].send) })
	begin := a.rows[rows[0]].send
	for _, i := range rows {
		r, g := a.rows[i], a.strata[a.rows[i].stratum]
		role, stage, _ := strings.Cut(g.key.workload, "/")
		q := Point{Series: role, Facet: stage, X: sample.Some(float64(r.send-begin) / 1e9), XHi: sample.Some(float64(r.end-begin) / 1e9), N: 1, Unit: unit.Second, Row: g.key.run + "/" + r.trial}
		if r.outcome == answered {
			q.Value = sample.Some(float64(r.end-r.send) / 1e9)
		} else {
			q.Missing = string(sample.Outcomes[r.outcome])
		}
		panel.Points = append(panel.Points, q)
	}
	return []Panel{panel}
}
