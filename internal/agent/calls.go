package agent

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// callMetrics are what a table of calls shows; what a runtime cannot tell stays
// empty, with the reason.
var callMetrics = []struct{ id, head string }{
	{"ttft", "TTFT"}, {"decode_rate", "decode rate"}, {"server_decode_rate", "decode rate by the runtime"}, {"output_tokens", "output"}, {"e2e", "duration"},
}

// calls is the table of every call, in the order in which they were sent.
func (t *teller) calls(all []*Written) error {
	table := finding.Table{ID: "calls", Title: "Every call", Labels: []string{"agent", "part", "repeat", "stage", "attempt", "phase", "outcome"}}
	for _, m := range callMetrics {
		table.Columns = append(table.Columns, finding.Column{Head: m.head, Metric: m.id, Aggregate: "mean", As: finding.AsValue})
	}
	var calls []Call
	for _, w := range all {
		calls = append(calls, w.Calls...)
	}
	slices.SortStableFunc(calls, func(a, b Call) int { return a.Row.Order - b.Row.Order })
	var left []string
	for _, c := range calls {
		outcome := string(c.Row.Outcome)
		if c.Unusable != "" {
			left = append(left, fmt.Sprintf("%s in stage %s", c.Question.Role, c.Question.Stage))
			if c.Row.Outcome == sample.OK {
				outcome = string(sample.Degenerate) + ": " + c.Unusable
			}
		}
		row := finding.Row{Names: []string{c.Question.Role, c.Question.Part, ordinal(c.Question.Run), c.Question.Stage, ordinal(c.Attempt), string(c.Row.Phase), outcome}}
		for _, m := range callMetrics {
			cell, err := t.cell(fact.Query{Metric: m.id, Aggregate: "mean", Phase: c.Row.Phase, By: []string{"run", "experiment", "subject", "workload", "block"}}, c.Row)
			if err != nil {
				return err
			}
			row.Cells = append(row.Cells, cell)
		}
		table.Rows = append(table.Rows, row)
	}
	blocks := []Block{{Table: &table}}
	if n := len(left); n > 0 {
		f := t.count("calls", n, len(calls), map[string]string{"of": "left out of means"}, strings.Join(left, "\n"))
		blocks = append(blocks, Block{Style: Prose, Lines: []Line{{Text: finding.Sentence{text("Left out of every mean: "), value(f), text(" calls that failed, were cut or degenerate ("), name(strings.Join(slices.Compact(slices.Sorted(slices.Values(left))), "; ")), text(").")}}}})
	}
	for _, phase := range []sample.Phase{sample.Measure, sample.Cold} {
		stages, err := t.stages(calls, phase)
		if err != nil {
			return err
		}
		blocks = append(blocks, Block{Table: &stages})
	}
	t.chapter("calls", "Calls", blocks...)
	return nil
}

// ordinal counts repeats and attempts from "first", as names are no claims.
func ordinal(n int) string {
	words := []string{"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"}
	if n < len(words) {
		return words[n]
	}
	return fmt.Sprintf("later (%c)", 'a'+(n-len(words))%26)
}

// counts are what a reason says of how many rows: a reason holds no number.
var counts = regexp.MustCompile(`^no row has a value: |\d+ × `)

// cell is the fact of some rows, or why there is none.
func (t *teller) cell(q fact.Query, rows ...*sample.Sample) (finding.Cell, error) {
	facts, err := q.Run(rows)
	if err != nil || len(facts) == 0 {
		return finding.Cell{Missing: "no row"}, err
	}
	f := facts[0]
	if !f.Value.OK() {
		return finding.Cell{Missing: counts.ReplaceAllString(f.Reason, "")}, nil
	}
	t.know(f)
	return finding.Cell{Fact: f.ID}, nil
}

// stages are means by stage and agent: stages ask for different work, so no mean
// is over two of them, and cold calls stand apart.
func (t *teller) stages(calls []Call, phase sample.Phase) (finding.Table, error) {
	title := map[sample.Phase]string{sample.Measure: "Stages, warm calls", sample.Cold: "Stages, cold calls"}[phase]
	table := finding.Table{ID: "stages-" + string(phase), Title: title, Labels: []string{"agent", "part", "stage"}}
	for _, m := range callMetrics {
		table.Columns = append(table.Columns, finding.Column{Head: m.head + ", mean", Metric: m.id, Aggregate: "mean", As: finding.AsBoth})
	}
	table.Columns = append(table.Columns, finding.Column{Head: "n", Metric: "e2e", Aggregate: "mean", As: finding.AsN})
	type key struct{ role, part, stage string }
	groups := map[key][]*sample.Sample{}
	var order []key
	for _, c := range calls {
		k := key{c.Question.Role, c.Question.Part, c.Question.Stage}
		if c.Row.Phase != phase || c.Unusable != "" {
			continue
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], c.Row)
	}
	for _, k := range order {
		row := finding.Row{Names: []string{k.role, k.part, k.stage}}
		for _, m := range append(slices.Clone(callMetrics), struct{ id, head string }{"e2e", "n"}) {
			cell, err := t.cell(fact.Query{Metric: m.id, Aggregate: "mean", Phase: phase, By: []string{"run", "experiment", "workload"}}, groups[k]...)
			if err != nil {
				return table, err
			}
			row.Cells = append(row.Cells, cell)
		}
		table.Rows = append(table.Rows, row)
	}
	return table, nil
}

// times are the stages' times, how much was kept, and how much of what matters
// was told.
func (t *teller) times(all []*Written) {
	times := finding.Table{ID: "times", Title: "Time by stage", Labels: []string{"agent", "part", "repeat"}}
	stages := append([]string{StageIngest}, append(slices.Clone(Stages), "total")...)
	for _, s := range stages {
		times.Columns = append(times.Columns, finding.Column{Head: s, Metric: s + "_time", Aggregate: "value", As: finding.AsValue})
	}
	told := finding.Table{ID: "kept", Title: "What was written", Labels: []string{"agent", "part", "repeat", "by", "ended by"},
		Columns: []finding.Column{{Head: "sentences kept", As: finding.AsValue}, {Head: "dropped", As: finding.AsValue}, {Head: "words", As: finding.AsValue}, {Head: "wanted facts told", As: finding.AsValue}, {Head: "by the planner", As: finding.AsValue}, {Head: "wanted facts", As: finding.AsValue}}}
	for _, w := range all {
		part := w.part()
		names := []string{w.Role, part, ordinal(w.Run)}
		scope := map[string]string{"role": w.Role, "part": part, "repeat": ordinal(w.Run)}
		row := finding.Row{Names: names}
		for _, s := range stages {
			row.Cells = append(row.Cells, t.time(w, s, scope))
		}
		times.Rows = append(times.Rows, row)
		with := func(k, v string) map[string]string {
			m := maps.Clone(scope)
			m[k] = v
			return m
		}
		kept := t.count("sentences", len(w.Kept), len(w.Kept)+len(w.Dropped), with("state", "kept"), w.Text())
		dropped := t.count("sentences", len(w.Dropped), len(w.Kept)+len(w.Dropped), with("state", "dropped"), compact(w.Dropped))
		words := t.count("words", w.Words(), w.Words(), with("state", "kept"), w.Text())
		covered := t.count("facts", w.Score.Told, w.Score.Wanted, with("state", "told"), w.Text())
		planned := t.count("facts", w.Yard.Told, w.Yard.Wanted, with("state", "told by the planner"), "planner")
		wanted := t.count("facts", w.Score.Wanted, w.Score.Wanted, with("state", "wanted"), "planner")
		ended := "the last stage"
		if w.Ended != "" {
			ended = "the budget"
		}
		told.Rows = append(told.Rows, finding.Row{Names: append(slices.Clone(names), w.By, ended), Cells: []finding.Cell{{Fact: kept.ID}, {Fact: dropped.ID}, {Fact: words.ID}, {Fact: covered.ID}, {Fact: planned.ID}, {Fact: wanted.ID}}})
	}
	t.chapter("work", "Time and coverage", Block{Table: &times}, Block{Table: &told})
}

func (w *Written) part() string {
	if len(w.Calls) > 0 {
		return w.Calls[len(w.Calls)-1].Question.Part
	}
	return "run"
}

// time is a stage's time, or why there is none.
func (t *teller) time(w *Written, stage string, scope map[string]string) finding.Cell {
	took, ok := w.Times[stage]
	if !ok {
		return finding.Cell{Missing: "no folder was read, no model was asked, or the run ended before"}
	}
	f, err := fact.Identify(fact.Fact{Metric: stage + "_time", Version: 1, Aggregate: "value", Unit: unit.Second, Scope: scope, Value: sample.Some(took.Seconds()), N: 1, Planned: 1,
		Method: "as recorded", Evidence: fact.Evidence{Rows: []string{}, Digest: digest.Text(fmt.Sprint(stage, took))}})
	if err != nil {
		panic("agent: " + err.Error())
	}
	t.know(f)
	return finding.Cell{Fact: f.ID}
}
