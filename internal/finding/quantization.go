package finding

import (
	"math"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// quantizations compares weight formats of one model in one file with the
// format called baseline: size exactly, accuracy only where its n is known.
func (a *asking) quantizations() {
	type place struct{ run, file string }
	groups := map[place][]*specimen{}
	var order []place
	for _, s := range a.specimens("quantization", "file", "method") {
		at := place{s.run, s.labels["file"]}
		if groups[at] == nil {
			order = append(order, at)
		}
		groups[at] = append(groups[at], s)
	}
	for _, at := range order {
		var base *specimen
		for _, s := range groups[at] {
			if s.labels["method"] == "baseline" {
				base = s
			}
		}
		for _, s := range groups[at] {
			if base != nil && s != base {
				a.add(a.quantization(map[string]string{"run": at.run, "file": at.file}, base, s))
			}
		}
	}
}

func (a *analyst) quantization(scope map[string]string, base, s *specimen) Finding {
	method := s.labels["method"]
	f := Finding{Kind: Quantization, Question: "What does the format " + method + " cost and save?", Scope: with(scope, "method", method), Metric: "model_size",
		Method: "sizes are exact; accuracy and loss are single values without n, so they get no verdict"}
	of := func(x *specimen, series string) fact.Fact {
		return a.observed(x, series, with(scope, "method", x.labels["method"]))
	}
	size, was := of(s, "model_size"), of(base, "model_size")
	loss, lossWas := of(s, "loss"), of(base, "loss")
	acc, accWas := of(s, "accuracy"), of(base, "accuracy")
	f.Tables = []Table{{ID: "quantization", Title: "Size, accuracy and loss as read", Labels: []string{"method"}, Columns: []Column{
		{Head: "size", Metric: "model_size", Aggregate: "value", As: AsValue}, {Head: "accuracy", Metric: "accuracy", Aggregate: "value", As: AsPercent}, {Head: "loss", Metric: "loss", Aggregate: "value", As: AsFine}},
		Rows: []Row{{Names: []string{"baseline"}, Cells: cells(was, accWas, lossWas)}, {Names: []string{method}, Cells: cells(size, acc, loss)}}}}
	x, okX := size.Value.Get()
	y, okY := was.Value.Get()
	if !okX || !okY || x <= 0 || y <= 0 {
		f.Verdict = NotMeasured
		f.Sentence = say("The size of ", nm(method), " or of its baseline was not measured.")
		return f
	}
	ratio := a.derive(fact.Fact{Metric: "model_size", Version: 1, Aggregate: "ratio", Unit: unit.Ratio, Scope: f.Scope, Value: sample.Some(x / y), N: 1, Planned: 1,
		Method: "bytes by bytes, exact"}, size, was)
	same := x == y && equal(loss, lossWas) && equal(acc, accWas)
	switch {
	case same:
		f.Verdict = Same
		f.Sentence = say(nm(method), " is its baseline: the same size (", val(size), "), the same loss to the last digit (", as(loss, AsFine), "). Nothing was quantized.")
	case x == y:
		f.Verdict = Same
		f.Sentence = say(nm(method), " saves nothing: it has the size of its baseline, ", val(size), ".")
	case x < y:
		f.Verdict = Better
		f.Sentence = say(nm(method), " is smaller than its baseline: ", val(size), " against ", val(was), " (", as(ratio, AsChange), ").")
	default:
		f.Verdict = Worse
		f.Sentence = say(nm(method), " is larger than its baseline: ", val(size), " against ", val(was), " (", as(ratio, AsChange), ").")
	}
	if acc.Value.OK() && accWas.Value.OK() {
		f.Notes = append(f.Notes, say("Accuracy was ", as(acc, AsPercent), " against ", as(accWas, AsPercent), ", loss ", as(loss, AsFine), " against ", as(lossWas, AsFine),
			"; without the number of items neither can be compared."))
	}
	f.Notes = append(f.Notes, say("Speed was not measured for it: nothing says that it is faster or slower."))
	f.Checks = []Check{{SameConditions, Pass, say("both stand in one file")}, {EnoughN, Fail, say("one value each, and how many items an accuracy stands on is not recorded")}, readingOrigin(s)}
	p := Panel{X: Axis{Label: "size", Metric: "model_size", Unit: unit.Byte}, Y: Axis{Label: "accuracy", Metric: "accuracy", Unit: unit.Ratio}}
	for _, one := range []struct {
		name       string
		size, with fact.Fact
	}{{"baseline", was, accWas}, {method, size, acc}} {
		m := point(one.with)
		m.Series, m.X, m.XFact = one.name, one.size.Value, one.size.ID
		p.Points = append(p.Points, m)
	}
	f.Figures = []Figure{{ID: "quantization", Kind: Scatter, Title: f.Sentence, Panels: []Panel{p}}}
	return f
}

func equal(x, y fact.Fact) bool {
	a, okA := x.Value.Get()
	b, okB := y.Value.Get()
	return okA && okB && math.Float64bits(a) == math.Float64bits(b)
}

func cells(facts ...fact.Fact) []Cell {
	var out []Cell
	for _, f := range facts {
		c := Cell{Fact: f.ID}
		if !f.Value.OK() {
			c.Missing = f.Reason
		}
		out = append(out, c)
	}
	return out
}

func readingOrigin(s *specimen) Check {
	for _, readings := range s.series {
		for _, r := range readings {
			switch r.Provenance {
			case sample.Imported:
				return Check{Observed, Unknown, say("read from another tool's file; nobody here watched it")}
			case sample.Simulated:
				return Check{Observed, Fail, say("simulated")}
			}
		}
	}
	return Check{Observed, Pass, say("measured")}
}
