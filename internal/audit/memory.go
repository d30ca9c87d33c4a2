package audit

import (
	"fmt"
	"math"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/sample"
)

// memory keeps what was asked of the groups of rows: a report of many claims
// asks the same of the same rows again and again.
type memory struct {
	settled   map[string]settled
	readings  map[question]sample.Opt[float64]
	splits    map[question][]fact.Group
	facts     map[question]answer
	values    map[rowsKey][]float64
	pooled    map[rowsKey]string
	names     map[rowsKey]string
	quotients map[question][]ratio
	levels    map[string]levels
	limits    map[rowsKey]bounds
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
	return memory{map[string]settled{}, map[question]sample.Opt[float64]{}, map[question][]fact.Group{}, map[question]answer{}, map[rowsKey][]float64{}, map[rowsKey]string{}, map[rowsKey]string{}, map[question][]ratio{}, map[string]levels{}, map[rowsKey]bounds{}}
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

// value is that of a fact, for those who only compare it: most are none that is
// looked for.
func (m memory) value(g fact.Group, agg string) (float64, bool) {
	return remembered(m.readings, question{keyOf(g), agg}, len(g.Rows) > 0, func() sample.Opt[float64] {
		if v, ok := g.Value(agg); ok {
			return sample.Some(v)
		}
		return sample.None[float64]()
	}).Get()
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

func (m memory) nameOf(g fact.Group) string {
	return remembered(m.names, keyOf(g), len(g.Rows) > 0, func() string { return nameOf(g) })
}

// bounds are the least and the largest value of a group, and whether its rows
// come from one file of one run.
type bounds struct {
	lo, hi float64
	single bool
}

func (m memory) boundsOf(g fact.Group) bounds {
	return remembered(m.limits, keyOf(g), len(g.Rows) > 0, func() bounds {
		b := bounds{math.Inf(1), math.Inf(-1), oneOrigin(g)}
		for _, v := range g.Values() {
			b.lo, b.hi = min(b.lo, v), max(b.hi, v)
		}
		return b
	})
}

// candidates are the rows among which those of some mentions must be: of the
// mention that the fewest rows have. Which rows have a label's value is read
// once for all audits.
func (a *Auditor) candidates(mentions []mention) []*fact.Row {
	a.indexed.Do(func() {
		a.rows = map[term][]int{}
		for i, row := range a.ledger.Rows {
			for label, value := range row.Labels {
				a.rows[term{label, value}] = append(a.rows[term{label, value}], i)
			}
		}
	})
	best := -1
	fewest := len(a.ledger.Rows)
	for k, m := range mentions {
		n := 0
		for _, t := range m.terms {
			n += len(a.rows[t])
		}
		if n < fewest {
			best, fewest = k, n
		}
	}
	if best < 0 {
		return a.ledger.Rows
	}
	var at []int
	for _, t := range mentions[best].terms {
		at = append(at, a.rows[t]...)
	}
	slices.Sort(at)
	at = slices.Compact(at)
	out := make([]*fact.Row, len(at))
	for k, i := range at {
		out[k] = a.ledger.Rows[i]
	}
	return out
}
