package finding

import (
	"math"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// contended is the slowdown that is contention if its whole interval lies above
// (method §7).
const contended = 1.10

func (a *analyst) contention(u *ensemble) Finding {
	f := Finding{Kind: Contention, Question: "Do the agents hold each other up (" + u.arm.name + ")?", Scope: u.scope, Metric: "slowdown",
		Method: "time by token together by the same alone, per agent and block; contention if the whole interval of a slowdown lies more than a tenth above one; causes are what the rows show beside it, each by the limit in the table"}
	checks, order := a.ensembleChecks(u)
	f.Checks = checks
	switch {
	case u.solo == nil:
		f.Verdict = NotMeasured
		f.Sentence = say("Whether the agents hold each other up was not measured: none was measured alone.")
		return f
	case len(u.used) == 0 && slices.Contains(u.lacks, unequalTokens):
		f.Verdict, f.Forbids = NotComparable, "the answers together and alone differ in length"
		f.Sentence = say("Whether the agents hold each other up in ", nm(u.arm.name), " cannot be said: ", unequalTokens, " in every block.")
		return f
	case len(u.used) == 0:
		f.Verdict = NotMeasured
		f.Sentence = say("Whether the agents hold each other up in ", nm(u.arm.name), " was not measured: ", nm(u.lack()), ".")
		return f
	}
	causes := a.causes(u)
	a.judgeContention(&f, u, order, causes)
	f.Tables = []Table{a.slowdownTable(u), causeTable(causes)}
	p := Panel{X: Axis{Label: "agent", Categories: u.arm.roles}, Y: Axis{Label: "slowdown", Metric: "slowdown", Unit: unit.Ratio}, Lines: []Reference{{Label: "contention", Y: sample.Some(contended)}}}
	for _, role := range u.arm.roles {
		q := point(u.slowdown[role])
		q.Series, q.XName = u.arm.name, role
		p.Points = append(p.Points, q)
	}
	f.Figures = []Figure{{ID: "slowdown", Kind: Ratios, Title: f.Sentence, Panels: []Panel{p}}}
	return f
}

func (a *analyst) judgeContention(f *Finding, u *ensemble, order ordering, causes []cause) {
	slowed, open, trusted := 0, 0, true
	var sizes Sentence
	for i, role := range u.arm.roles {
		x := u.slowdown[role]
		lo, ok := x.Lo.Get()
		switch {
		case ok && lo > contended:
			slowed++
			trusted = trusted && believed(order, x)
		case !ok || x.Hi.Or(math.Inf(1)) > contended:
			open++
		}
		if i > 0 {
			sizes = append(sizes, w(", "))
		}
		sizes = append(sizes, nm(role), w(" "), as(x, AsTimesCI))
	}
	where := nm(u.arm.name)
	switch {
	case slowed > 0 && (order == nested || order == cycled):
		f.Verdict, f.Forbids = NotComparable, "the order of the arms was not drawn"
		f.Sentence = say("In ", where, " the agents take longer than alone (", sizes, "), but the arms ran in a fixed order, so arm and time cannot be told apart.")
	case slowed > 0 && !trusted:
		f.Verdict = Inconclusive
		f.Sentence = say("In ", where, " the agents take longer than alone (", sizes, "), but whether the order of the arms was drawn is not known, and a drift could do as much.")
	case slowed > 0:
		f.Verdict = Worse
		f.Sentence = say("Contention in ", where, ": by the token the agents take longer than alone (", sizes, "); ", causeWords(causes), ".")
	case open == 0 && order == drawn:
		f.Verdict = Same
		f.Sentence = say("No contention in ", where, ": no agent takes a tenth longer by the token than alone (", sizes, ").")
	default:
		f.Verdict = Inconclusive
		f.Sentence = say("Whether the agents hold each other up in ", where, " is not shown: ", sizes, " the time by token of each alone.")
	}
}

func causeWords(causes []cause) Sentence {
	var names []string
	missing := 0
	for _, c := range causes {
		switch c.verdict {
		case seen:
			if !slices.Contains(names, c.name) {
				names = append(names, c.name)
			}
		case notMeasured:
			missing++
		}
	}
	switch {
	case len(names) > 0:
		return say("seen beside it: ", list(names))
	case missing > 0:
		return say("none of the causes that were looked at is seen beside it, and some were not measured")
	}
	return say("none of the causes that were looked at is seen beside it")
}

func (a *analyst) slowdownTable(u *ensemble) Table {
	t := Table{ID: "slowdown", Title: "What each agent takes together, by the time by token that it takes alone", Labels: []string{"agent"}, Columns: []Column{
		{Head: "slowdown", Metric: "slowdown", Aggregate: fact.GeoMean, As: AsTimesCI}, {Head: "blocks", Metric: "slowdown", Aggregate: fact.GeoMean, As: AsN},
		{Head: "contention", As: AsValue}}}
	for _, role := range u.arm.roles {
		x := u.slowdown[role]
		word := "not shown"
		switch lo, ok := x.Lo.Get(); {
		case ok && lo > contended:
			word = "yes"
		case ok && x.Hi.Or(math.Inf(1)) <= contended:
			word = "no"
		}
		t.Rows = append(t.Rows, Row{Names: []string{role}, Cells: append(cells(x, x), Cell{Word: word})})
	}
	return t
}

func causeTable(causes []cause) Table {
	t := Table{ID: "causes", Title: "What could hold the agents up, and what the rows show of it", Labels: []string{"cause", "agent", "looked at", "limit"}, Columns: []Column{
		{Head: "seen", As: AsValue}, {Head: "alone", As: AsPercent}, {Head: "together", As: AsPercent}, {Head: "difference", As: AsPercentCI}}}
	for _, c := range causes {
		r := Row{Names: []string{c.name, c.role, c.looked, c.limit}, Cells: []Cell{{Word: c.verdict}}}
		if c.verdict == notMeasured {
			r.Cells[0] = Cell{Missing: c.why}
		}
		for _, x := range []fact.Fact{c.alone, c.together, c.more} {
			if x.Value.OK() {
				r.Cells = append(r.Cells, Cell{Fact: x.ID})
			} else {
				r.Cells = append(r.Cells, Cell{Word: "–"})
			}
		}
		if !c.more.Lo.OK() {
			r.Cells[3] = Cell{Word: "–"}
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}
