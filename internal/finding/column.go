package finding

import (
	"math"

	"chimera/internal/fact"
	"chimera/internal/sample"
)

// A cell is a set of strata that are looked at as one: it has values of a
// metric in run order, and the blocks and positions that they stand at.
type cell struct {
	x      *index
	strata []*stratum
	scope  map[string]string
}

func (x *index) metric(id string) int {
	for i, m := range x.metrics {
		if m.ID == id {
			return i
		}
	}
	panic("finding: metric " + id + " is not indexed") // a programming error: measured lists all that are asked for
}

// values returns a metric's values with the rows that they come from.
func (c cell) values(id string) (values []float64, rows []int) {
	m, n := c.x.metric(id), c.n(id)
	values, rows = make([]float64, 0, n), make([]int, 0, n)
	for _, g := range c.strata {
		for i := g.from; i < g.to; i++ {
			if v := c.x.values[m][i]; !math.IsNaN(v) {
				values, rows = append(values, v), append(rows, i)
			}
		}
	}
	return values, rows
}

// n counts the rows that have a value.
func (c cell) n(id string) (n int) {
	m := c.x.metric(id)
	for _, g := range c.strata {
		for _, v := range c.x.values[m][g.from:g.to] {
			if !math.IsNaN(v) {
				n++
			}
		}
	}
	return n
}

func (c cell) planned() (n int) {
	for _, g := range c.strata {
		n += g.to - g.from
	}
	return n
}

// column is the cell's values ready to become facts.
func (c cell) column(id string) *fact.Column {
	m := c.x.metric(id)
	def := c.x.metrics[m]
	col := &fact.Column{Metric: def.ID, Version: def.Version, Unit: def.Unit, Scope: c.scope, Planned: c.planned(), Missing: map[string]int{},
		Values: make([]float64, 0, c.n(id))}
	if len(c.strata) > 0 {
		col.Phase = c.strata[0].phase
	}
	synthetic, simulated := false, false
	for _, g := range c.strata {
		for why, n := range g.missing[m] {
			col.Missing[why] += n
		}
		synthetic, simulated = synthetic || g.synthetic, simulated || g.origin == sample.Simulated
	}
	for _, i := range c.x.inOrder(c.strata) {
		if v := c.x.values[m][i]; !math.IsNaN(v) {
			col.Add(c.x.strata[c.x.rows[i].stratum].key.run, c.x.rows[i].trial, v)
		}
	}
	if synthetic {
		col.Caveats = append(col.Caveats, fact.SyntheticCaveat)
	}
	if simulated {
		col.Caveats = append(col.Caveats, fact.SimulatedCaveat)
	}
	col.Caveats = append(col.Caveats, c.pooled()...)
	return col
}

// pooled names what the cell lumps together and its scope does not tell apart.
func (c cell) pooled() []string {
	return fact.PooledCaveats(c.scope, map[string]int{
		"subject":  len(distinct(c.strata, func(g *stratum) string { return g.key.subject })),
		"config":   len(distinct(c.strata, func(g *stratum) string { return g.key.config })),
		"workload": len(distinct(c.strata, func(g *stratum) string { return g.key.workload })),
	})
}

// why says why a row has no value of a metric.
func (x *index) why(i, m int) string {
	if x.rows[i].outcome != answered {
		return string(sample.Outcomes[x.rows[i].outcome])
	}
	for _, reason := range sortedKeys(x.strata[x.rows[i].stratum].missing[m]) {
		return reason
	}
	return "no value"
}
