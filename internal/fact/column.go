package fact

import (
	"fmt"
	"slices"
	"strconv"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// Column is the values of one metric in one scope, sorted out by whoever holds
// the rows: in plan order, one phase, only rows that succeeded. It is how a
// reader that has indexed its rows asks for facts without looking at all rows
// again; a Query over the same rows gives the same fact, with the same id.
type Column struct {
	Metric  string
	Version int
	Unit    unit.Unit
	Phase   sample.Phase
	Scope   map[string]string
	Planned int            // rows of the scope, whatever came of them
	Missing map[string]int // why rows gave no value: outcome or reason → rows
	Caveats []string
	Values  []float64 // extended by Add

	rows  []string
	total int
	chain digest.Chain
	line  []byte
}

// Add appends the values of one row. A row is named "run/trial".
func (c *Column) Add(run, trial string, values ...float64) {
	c.Values = append(c.Values, values...)
	c.line = append(append(append(append(c.line[:0], run...), '/'), trial...), '[')
	if c.total++; c.total <= MaxRows {
		c.rows = append(c.rows, string(c.line[:len(c.line)-1]))
	}
	for i, v := range values {
		if i > 0 {
			c.line = append(c.line, ' ')
		}
		c.line = strconv.AppendFloat(c.line, v, 'g', -1, 64)
	}
	c.line = append(c.line, ']')
	c.chain.Add(c.line)
}

// Fact aggregates the column: median, mean, sd, cv, min, max or a percentile.
func (c *Column) Fact(name string) (Fact, error) {
	aggregate, err := aggregateOf(name)
	if err != nil {
		return Fact{}, err
	}
	if aggregate == nil {
		return Fact{}, fmt.Errorf("a column of values has no %s", name)
	}
	f := c.frame(name)
	if name == "cv" {
		f.Unit = unit.Ratio
	}
	f.settleAll(aggregate, c.Values, c.Missing)
	return Identify(f)
}

// frame is a fact of the column without its value.
func (c *Column) frame(aggregate string) Fact {
	f := Fact{Metric: c.Metric, Version: c.Version, Aggregate: aggregate, Unit: c.Unit, Phase: c.Phase, Scope: c.Scope,
		N: len(c.Values), Planned: c.Planned, Caveats: slices.Concat(leftOut(c.Missing), c.Caveats),
		Evidence: Evidence{Rows: c.rows, Digest: c.chain.Sum()}}
	if c.total > len(c.rows) {
		f.Evidence.Total = c.total
	}
	return f
}

// Identify gives a fact the id that its content has: "F" and ten hexadecimal
// digits.
func Identify(f Fact) (Fact, error) {
	f.ID = ""
	id, err := digest.JSON(f)
	if err != nil {
		return f, fmt.Errorf("fact %s of %s: %w", f.Aggregate, f.Metric, err)
	}
	f.ID = "F" + digest.Short(id, 10)
	return f, nil
}

// Derive completes a fact that was computed from other facts (a ratio, the p of
// a test): evidence, id, and the caveats of all that it stands on.
func Derive(f Fact, from ...Fact) (Fact, error) {
	var chain digest.Chain
	f.Evidence = Evidence{Rows: []string{}}
	for _, g := range from {
		f.Evidence.From = append(f.Evidence.From, g.ID)
		chain.Add([]byte(g.ID))
		for _, c := range g.Caveats {
			if !slices.Contains(f.Caveats, c) {
				f.Caveats = append(f.Caveats, c)
			}
		}
	}
	f.Evidence.Digest = chain.Sum()
	if f.Scope == nil {
		f.Scope = map[string]string{}
	}
	return Identify(f)
}
