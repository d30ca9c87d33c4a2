package audit

import (
	"fmt"

	"chimera/internal/fact"
	"chimera/internal/sample"
)

// memory keeps what was asked of the groups of rows: a report of many claims
// asks the same of the same rows again and again.
type memory struct {
	splits map[question][]fact.Group
	facts  map[question]answer
	values map[rowsKey][]float64
	pooled map[rowsKey]string
	levels map[string]levels
}

// rowsKey is a group of rows by its place in memory, which the key holds on to.
type rowsKey struct {
	first  **fact.Row
	n      int
	series string
	phase  sample.Phase
}

type question struct {
	rowsKey
	what string
}

type answer struct {
	f   fact.Fact
	err error
}

// memorable bounds each of the tables.
const memorable = 1 << 14

func newMemory() memory {
	return memory{map[question][]fact.Group{}, map[question]answer{}, map[rowsKey][]float64{}, map[rowsKey]string{}, map[string]levels{}}
}

func keyOf(g fact.Group) rowsKey {
	if len(g.Rows) == 0 {
		return rowsKey{}
	}
	return rowsKey{&g.Rows[0], len(g.Rows), g.Series.Name, g.Phase}
}

// remembered returns what a table holds, or makes it.
func remembered[K comparable, V any](table map[K]V, k K, keep bool, make func() V) V {
	if v, ok := table[k]; ok && keep {
		return v
	}
	v := make()
	if keep && len(table) < memorable {
		table[k] = v
	}
	return v
}

func (m memory) split(g fact.Group, by []string, phases []sample.Phase) []fact.Group {
	return remembered(m.splits, question{keyOf(g), fmt.Sprint(by, phases, phases == nil)}, len(g.Rows) > 0, func() []fact.Group { return split(g, by, phases) })
}

func (m memory) fact(g fact.Group, agg string) (fact.Fact, error) {
	a := remembered(m.facts, question{keyOf(g), agg}, len(g.Rows) > 0, func() answer {
		f, err := g.Fact(agg)
		return answer{f, err}
	})
	return a.f, a.err
}

func (m memory) valuesOf(g fact.Group) []float64 {
	return remembered(m.values, keyOf(g), len(g.Rows) > 0, g.Values)
}

func (m memory) pooledIn(g fact.Group) string {
	return remembered(m.pooled, keyOf(g), len(g.Rows) > 0, func() string { return pooled(g) })
}
