package finding

import (
	"maps"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/sample"
)

// failed lists what was planned and gave no value, by experiment and subject.
// A run without failures needs no finding: the checks say so.
func (a *asking) failed() {
	type group struct{ run, experiment, subject string }
	groups := map[group][]*stratum{}
	for _, g := range a.strata {
		at := group{g.key.run, g.key.experiment, g.key.subject}
		groups[at] = append(groups[at], g)
	}
	for at, strata := range groups {
		outcomes := map[sample.Outcome]int{}
		planned := 0
		for _, g := range strata {
			planned += g.to - g.from
			for o, n := range g.outcomes {
				outcomes[o] += n
			}
		}
		lost := planned - outcomes[sample.OK]
		if lost == 0 {
			continue
		}
		scope := map[string]string{"run": at.run, "experiment": at.experiment, "subject": at.subject}
		a.add(a.failuresOf(scope, strata, outcomes, lost, planned))
	}
}

func (a *analyst) failuresOf(scope map[string]string, strata []*stratum, outcomes map[sample.Outcome]int, lost, planned int) Finding {
	var parts []fact.Fact
	table := Table{ID: "outcomes", Title: "Requests that gave no value", Labels: []string{"outcome"},
		Columns: []Column{{Head: "requests", Aggregate: "count", As: AsValue}}}
	for _, o := range sample.Outcomes {
		if o == sample.OK || outcomes[o] == 0 {
			continue
		}
		in := maps.Clone(scope)
		in["outcome"] = string(o)
		n := a.count("requests", outcomes[o], planned, in)
		parts = append(parts, n)
		table.Rows = append(table.Rows, Row{Names: []string{string(o)}, Cells: []Cell{{Fact: n.ID}}})
	}
	all := a.count("requests without a value", lost, planned, scope, parts...)
	f := Finding{Kind: Failures, Question: "What was planned and gave no value?", Scope: scope, Verdict: NotMeasured,
		Method: "every planned request has one outcome; those that are not ok are counted and enter no other number",
		Sentence: Sentence{{Text: "Of "}, {Name: scope["subject"]}, {Text: ", "}, {Fact: all.ID, As: AsValue}, {Text: " of "}, {Fact: all.ID, As: AsPlanned},
			{Text: " planned requests gave no value ("}}}
	for i, p := range parts {
		if i > 0 {
			f.Sentence = append(f.Sentence, Part{Text: ", "})
		}
		f.Sentence = append(f.Sentence, Part{Fact: p.ID, As: AsValue}, Part{Text: " " + p.Scope["outcome"]})
	}
	f.Sentence = append(f.Sentence, Part{Text: "); they are in no other number."})
	f.Tables = []Table{table}
	classes := map[string]int{}
	for _, g := range strata {
		for class, n := range g.failures {
			classes[class] += n
		}
	}
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		in := maps.Clone(scope)
		in["class"] = class
		n := a.count("failures", classes[class], planned, in)
		f.Notes = append(f.Notes, Sentence{{Text: "Reason "}, {Name: class}, {Text: ": "}, {Fact: n.ID, As: AsValue}, {Text: " requests."}})
	}
	return f
}
