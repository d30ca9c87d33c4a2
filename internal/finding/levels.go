package finding

import (
	"math"
	"slices"

	"chimera/internal/sample"
)

func (a *analyst) levelTable(g *grid, e *effect) Table {
	aggregate := e.facts[0].Aggregate
	t := Table{ID: "levels", Title: "Levels of " + e.factor + ", warm", Labels: []string{e.factor}, Columns: []Column{
		{Head: label(e.metric) + ", " + aggregate, Metric: e.metric, Aggregate: aggregate, As: AsBoth}, {Head: "n", Metric: e.metric, Aggregate: aggregate, As: AsN},
		{Head: "planned", Metric: e.metric, Aggregate: aggregate, As: AsPlanned}, {Head: "cold rows apart", Aggregate: "count", As: AsValue}}}
	for i, c := range e.classes {
		var cold []int
		for _, st := range g.all {
			if st.phase == sample.Cold && e.alias.class[levelOf(st, e.factor)] == c {
				cold = append(cold, a.rowsOf([]*stratum{st}, everyRow)...)
			}
		}
		n := a.tally("cold rows of the level", with(g.scope, "factor", e.factor, "level", c), cold, len(cold))
		value := Cell{Fact: e.facts[i].ID}
		if !e.facts[i].Value.OK() {
			value = Cell{Missing: "no warm row: " + e.facts[i].Reason}
		}
		t.Rows = append(t.Rows, Row{Names: []string{c}, Cells: []Cell{value, {Fact: e.facts[i].ID}, {Fact: e.facts[i].ID}, {Fact: n.ID}}})
	}
	return t
}

// levelFigure shows the rows in the order in which they ran, by level and
// phase: order effects, cold starts and drift are seen there or nowhere.
func (a *analyst) levelFigure(g *grid, e *effect, f Finding) Figure {
	levels := Panel{Facet: "levels", X: Axis{Label: e.factor, Categories: e.classes}, Y: Axis{Label: label(e.metric), Metric: e.metric, Unit: e.facts[0].Unit}}
	for i, c := range e.classes {
		m := point(e.facts[i])
		m.Series, m.XName = g.subject, c
		levels.Points = append(levels.Points, m)
	}
	run := Panel{Facet: "run order", X: Axis{Label: "position in the plan"}, Y: Axis{Label: label(e.metric), Metric: e.metric, Unit: e.facts[0].Unit, Log: slices.Contains(latencies, e.metric)}}
	m := a.metric(e.metric)
	for _, st := range g.all {
		for i := st.from; i < st.to && len(run.Points) < MaxPoints; i++ {
			p := Point{Series: e.factor + "=" + e.alias.class[levelOf(st, e.factor)], Facet: string(st.phase), X: sample.Some(float64(a.rows[i].order)),
				N: 1, Unit: e.facts[0].Unit, Row: st.key.run + "/" + a.rows[i].trial}
			if v := a.values[m][i]; !math.IsNaN(v) {
				p.Value = sample.Some(v)
			} else {
				p.Missing = a.why(i, m)
			}
			run.Points = append(run.Points, p)
		}
	}
	slices.SortStableFunc(run.Points, func(x, y Point) int { return int(x.X.Or(0)) - int(y.X.Or(0)) })
	return Figure{ID: "levels", Kind: Series, Title: f.Sentence, Panels: []Panel{levels, run}}
}
