package finding

import (
	"math"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/quality"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// qualities score what was written in every bench that kept it, so that no speed
// stands without what it was the speed of.
func (a *asking) qualities() {
	for _, b := range a.benches() {
		if warm := b.of(sample.Measure, ""); wrote(warm) {
			a.add(a.quality(b, warm))
		}
	}
}

func (a *analyst) quality(b *bench, warm []*stratum) Finding {
	scope, subjects := b.scope(), b.subjects()
	f := Finding{Kind: Quality, Question: "Does what was written keep its contract?", Scope: scope, Metric: contractKept,
		Method: "checks that a program can make (see quality_contract), warm rows; shares have Wilson's interval at the effective n over prompts, and one subject is better where their intervals do not meet"}
	if len(subjects) > 1 {
		f.Question = "Which subject keeps its contract most often in what it writes?"
	}
	things := make([][]*stratum, len(subjects))
	kept := make([]fact.Fact, len(subjects))
	for i, s := range subjects {
		things[i] = b.of(sample.Measure, s)
		kept[i] = a.scoresOf(contractKept, things[i], with(scope, "subject", s))
	}
	a.judgeShares(&f, subjects, kept)
	f.Checks = []Check{a.unfailed(warm, scope), a.whole(warm, scope), origin(warm)}
	f.Notes = a.qualityNotes(warm, scope)
	f.Tables = []Table{a.contractTable(subjects, things, scope, f.Winners)}
	if breaks := broken(warm); len(breaks) > 0 {
		f.Tables = append(f.Tables, a.checkTable(subjects, things, scope, breaks))
	}
	f.Tables = append(f.Tables, a.textTable("text", "How it was written", []string{"quality_words", "quality_seq_rep_4", "quality_loop", "quality_relevance"}, subjects, things, scope),
		a.textTable("differ", "How answers to one prompt differ", perSet[:], subjects, things, scope))
	if prompts := distinct(warm, func(g *stratum) string { return g.key.prompt }); len(prompts) > 1 {
		f.Tables = append(f.Tables, a.keptByPrompt(prompts, subjects, things, scope))
	}
	p := Panel{X: Axis{Label: "subject", Categories: subjects}, Y: Axis{Label: label(contractKept), Metric: contractKept, Unit: kept[0].Unit}}
	for i, s := range subjects {
		m := point(kept[i])
		m.Series, m.XName, m.Winner = s, s, slices.Contains(f.Winners, s)
		p.Points = append(p.Points, m)
	}
	f.Figures = []Figure{{ID: "quality", Kind: Intervals, Title: f.Sentence, Panels: []Panel{p}}}
	return f
}

// above reports whether two intervals do not meet, x above y.
func above(x, y fact.Fact) bool {
	lo, okX := x.Lo.Get()
	hi, okY := y.Hi.Get()
	return okX && okY && lo > hi
}

// judgeShares compares shares by their intervals.
func (a *analyst) judgeShares(f *Finding, subjects []string, kept []fact.Fact) {
	best := -1
	for i, x := range kept {
		if x.Value.OK() && (best < 0 || x.Value.Or(0) > kept[best].Value.Or(0)) {
			best = i
		}
	}
	if best < 0 {
		f.Verdict = NotMeasured
		f.Sentence = say("Whether what was written keeps its contract was not measured: ", "no answer has all of its checks.")
		return
	}
	var lost []string
	all := Sentence{}
	for i, s := range subjects {
		switch {
		case !kept[i].Value.OK():
			continue
		case above(kept[best], kept[i]):
			lost = append(lost, s)
		default:
			f.Winners = append(f.Winners, s)
		}
		if len(all) > 0 {
			all = append(all, w("; "))
		}
		all = append(all, say(nm(s), " keeps its contract in ", shareOf(kept[i]), " of ", count(kept[i]), " answers")...)
	}
	slices.SortStableFunc(f.Winners, func(x, y string) int {
		return compareDown(kept[slices.Index(subjects, x)].Value.Or(0), kept[slices.Index(subjects, y)].Value.Or(0))
	})
	switch {
	case len(lost) > 0:
		f.Verdict = Better
		f.Sentence = say(all, ": ", list(f.Winners), plural(len(f.Winners), " does so", " do so"), " more often than ", list(lost), ".")
	case len(subjects) > 1:
		f.Verdict, f.Winners = Inconclusive, nil
		f.Sentence = say(all, ": no difference is shown.")
	default:
		f.Verdict, f.Winners = Inconclusive, nil
		f.Sentence = say(all, ".")
	}
}

func compareDown(x, y float64) int {
	switch {
	case x > y:
		return -1
	case x < y:
		return 1
	}
	return 0
}

// shareOf prints a share with its interval.
func shareOf(f fact.Fact) Sentence {
	if !f.Lo.OK() {
		return say(as(f, AsPercent))
	}
	return say(as(f, AsPercent), " ", as(f, AsPercentCI))
}

// qualityNotes name the check that is broken most often, and what was not looked
// at.
func (a *analyst) qualityNotes(warm []*stratum, scope map[string]string) []Sentence {
	var notes []Sentence
	least, most := fact.Fact{}, quality.Check(-1)
	for _, c := range broken(warm) {
		f := a.scoresOf(checkPrefix+c.String(), warm, scope)
		if most < 0 || f.Value.Or(math.Inf(1)) < least.Value.Or(math.Inf(1)) {
			least, most = f, c
		}
	}
	if most >= 0 {
		notes = append(notes, say("The check broken most often is ", nm(most.String()), ": ", shareOf(least), " of answers keep it."))
	}
	return append(notes, say("Whether the answers are good beyond these checks was not judged."))
}

func (a *analyst) contractTable(subjects []string, things [][]*stratum, scope map[string]string, winners []string) Table {
	t := Table{ID: "contract", Title: "What was written, by its contract", Labels: []string{"subject"}}
	for _, id := range []string{contractKept, "quality_contract_loose", "quality_instructions"} {
		name := "mean"
		if id == "quality_instructions" {
			name = "ratio_of_sums"
		}
		t.Columns = append(t.Columns, Column{Head: label(id), Metric: id, Aggregate: name, As: AsPercent}, Column{Head: "interval", Metric: id, Aggregate: name, As: AsPercentCI})
	}
	t.Columns = append(t.Columns, Column{Head: "n", Metric: contractKept, Aggregate: "mean", As: AsN})
	for i, s := range subjects {
		r := Row{Names: []string{s}, Winner: slices.Contains(winners, s)}
		own := with(scope, "subject", s)
		kept := a.scoresOf(contractKept, things[i], own)
		for _, x := range []fact.Fact{kept, a.scoresOf("quality_contract_loose", things[i], own), a.scoresOf("quality_instructions", things[i], own)} {
			r.Cells = append(r.Cells, withInterval(x)...)
		}
		r.Cells = append(r.Cells, Cell{Fact: kept.ID})
		t.Rows = append(t.Rows, r)
	}
	return t
}

// withInterval is a cell of the value, and one of its interval or why there is
// none.
func withInterval(f fact.Fact) []Cell {
	out := append(cells(f), cells(f)...)
	if f.Value.OK() && !f.Lo.OK() {
		out[1].Missing = f.Method
	}
	return out
}

func (a *analyst) checkTable(subjects []string, things [][]*stratum, scope map[string]string, breaks []quality.Check) Table {
	t := Table{ID: "checks", Title: "Answers that keep each check that any breaks", Labels: []string{"subject"}}
	for _, c := range breaks {
		t.Columns = append(t.Columns, Column{Head: c.String(), Metric: checkPrefix + c.String(), Aggregate: "mean", As: AsPercent})
	}
	for i, s := range subjects {
		r := Row{Names: []string{s}}
		for _, c := range breaks {
			r.Cells = append(r.Cells, cells(a.scoresOf(checkPrefix+c.String(), things[i], with(scope, "subject", s)))...)
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

// textTable has other scores of the subjects: of each answer, or of the answers
// to one prompt together.
func (a *analyst) textTable(id, title string, metrics, subjects []string, things [][]*stratum, scope map[string]string) Table {
	t := Table{ID: id, Title: title, Labels: []string{"subject"}}
	for i, s := range subjects {
		r := Row{Names: []string{s}}
		for _, m := range metrics {
			x := a.scoresOf(m, things[i], with(scope, "subject", s))
			share := x.Unit == unit.Ratio
			if share {
				r.Cells = append(r.Cells, withInterval(x)...)
			} else {
				r.Cells = append(r.Cells, cells(x)...)
			}
			switch {
			case i > 0:
			case share:
				t.Columns = append(t.Columns, Column{Head: label(m), Metric: m, Aggregate: "mean", As: AsPercent}, Column{Head: "interval", Metric: m, Aggregate: "mean", As: AsPercentCI})
			default:
				t.Columns = append(t.Columns, Column{Head: label(m), Metric: m, Aggregate: "mean", As: AsBoth})
			}
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

func (a *analyst) keptByPrompt(prompts, subjects []string, things [][]*stratum, scope map[string]string) Table {
	t := Table{ID: "prompts", Title: "Contract kept, by prompt", Labels: []string{"prompt", "subject"}, Columns: []Column{
		{Head: label(contractKept), Metric: contractKept, Aggregate: "mean", As: AsPercent}, {Head: "interval", Metric: contractKept, Aggregate: "mean", As: AsPercentCI},
		{Head: "n", Metric: contractKept, Aggregate: "mean", As: AsN}}}
	for _, p := range prompts {
		for i, s := range subjects {
			var own []*stratum
			for _, g := range things[i] {
				if g.key.prompt == p {
					own = append(own, g)
				}
			}
			if len(own) == 0 || len(t.Rows) >= mostStrata {
				continue
			}
			x := a.scoresOf(contractKept, own, with(scope, "subject", s, "prompt", p))
			t.Rows = append(t.Rows, Row{Names: []string{p, s}, Cells: append(withInterval(x), Cell{Fact: x.ID})})
		}
	}
	return t
}
