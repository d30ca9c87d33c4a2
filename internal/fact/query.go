package fact

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/metric"
	"chimera/internal/sample"
)

// Query asks for one metric, aggregated one way, in one phase, for each scope.
type Query struct {
	Metric    string
	Aggregate string // "" for the metric's usual one, or median, mean, ratio_of_sums, p50, p90, p95, p99, min, max, sd, cv
	Phase     sample.Phase
	Where     Conditions // all must hold
	// By are the fields that make a scope: run, experiment, subject, target,
	// workload, prompt, block, or an option by its name ("config.num_ctx"), or
	// the whole requested configuration ("config").
	By []string
}

// Run answers q from rows, one fact per scope, in the order of the scopes'
// texts. Rows that are superseded or not final do not count; rows of other
// phases do not enter.
func (q Query) Run(rows []*sample.Sample) ([]Fact, error) {
	a, err := q.begin()
	if err != nil {
		return nil, err
	}
	byPlan := func(a, b *sample.Sample) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Order, b.Order))
	}
	if !slices.IsSortedFunc(rows, byPlan) {
		rows = slices.Clone(rows)
		slices.SortStableFunc(rows, byPlan)
	}
	for _, s := range rows {
		sc, err := a.scopeOf(s)
		if err != nil {
			return nil, err
		}
		if sc != nil {
			sc.add(a, s)
		}
	}
	return a.facts()
}

// Columns answers q from rows by column: the same facts with the same ids as
// Run gives of the same rows. Runs must come in the order of their ids, and the
// rows of one in plan order. A metric that needs whole rows finds nothing there:
// see Whole.
func (q Query) Columns(parts iter.Seq2[*sample.Columns, error]) ([]Fact, error) {
	a, err := q.begin()
	if err != nil {
		return nil, err
	}
	type known struct {
		asked bool
		scope *scope
	}
	for part, err := range parts {
		if err != nil {
			return nil, err
		}
		var heads []known
		for head, s := range part.Rows() {
			for head >= len(heads) {
				heads = append(heads, known{})
			}
			k := &heads[head]
			if !k.asked {
				if k.scope, err = a.scopeOf(s); err != nil {
					return nil, err
				}
				k.asked = true
			}
			if k.scope != nil {
				k.scope.add(a, s)
			}
		}
	}
	return a.facts()
}

// Whole reports whether q can only be answered from whole rows: it needs their
// chunks or their text.
func (q Query) Whole() bool {
	def, err := metric.Lookup(q.Metric)
	return err == nil && (def.Text || slices.Contains(def.Needs, "chunks"))
}

// answer is a query being answered: rows come in plan order.
type answer struct {
	Query
	def       metric.Metric
	aggregate aggregate
	scopes    map[string]*scope
	in        *Ledger // that is asked; nil where samples are
}

// scope is the rows of one fact.
type scope struct {
	Column
	num, den             []float64        // both sides of the quotients, for their ratio of sums
	rows                 []*sample.Sample // of a metric of text
	kept                 []*Row           // of a metric of text, in a ledger
	synthetic, simulated bool
	pooled               [len(poolable)]map[string]bool
}

func (q Query) begin() (*answer, error) {
	def, err := metric.Lookup(q.Metric)
	if err != nil {
		return nil, err
	}
	if def.Basis != metric.Request && def.Basis != metric.Chunk && def.Basis != metric.Group {
		return nil, fault.With(fmt.Errorf("%s is a metric of one %s, not of a request", def.ID, def.Basis), fault.Usage, "`chimera metrics` says which metrics rows have")
	}
	q.Aggregate = cmp.Or(q.Aggregate, string(def.Usual()))
	aggregate, err := aggregateOf(q.Aggregate)
	if err != nil {
		return nil, err
	}
	if !def.Allows(metric.Aggregate(q.Aggregate)) {
		return nil, fault.With(fmt.Errorf("%s has no %s: it is no quotient of parts that can be summed", def.ID, q.Aggregate), fault.Usage, "ask for the median")
	}
	return &answer{Query: q, def: def, aggregate: aggregate, scopes: map[string]*scope{}}, nil
}

// scopeOf finds or makes the scope that a row counts in, nil if in none. Rows
// of one head (sample.Columns) are of one scope.
func (a *answer) scopeOf(s *sample.Sample) (*scope, error) {
	if !s.Final || s.Superseded || s.Phase != a.Phase {
		return nil, nil
	}
	return a.scopeAt(func(field string) (string, error) { return Field(s, field) }, s.Synthetic, s.Provenance == sample.Simulated)
}

// scopeAt is the scope of a row with these fields and marks.
func (a *answer) scopeAt(field func(string) (string, error), synthetic, simulated bool) (*scope, error) {
	if fits, err := a.Where.fits(field); err != nil || !fits {
		return nil, err
	}
	fields := make([]string, len(a.By))
	for i, name := range a.By {
		var err error
		if fields[i], err = field(name); err != nil {
			return nil, err
		}
	}
	key := strings.Join(fields, "\x00")
	sc := a.scopes[key]
	if sc == nil {
		sc = &scope{Column: Column{Metric: a.def.ID, Version: a.def.Version, Unit: a.def.AggregateUnit(metric.Aggregate(a.Aggregate)), Phase: a.Phase,
			Scope: map[string]string{}, Missing: map[string]int{}}}
		for i, name := range a.By {
			sc.Scope[name] = fields[i]
		}
		if text := a.Where.beside(a.By); text != "" {
			sc.Scope[ScopeWhere] = text
		}
		for i := range sc.pooled {
			sc.pooled[i] = map[string]bool{}
		}
		a.scopes[key] = sc
	}
	sc.synthetic, sc.simulated = sc.synthetic || synthetic, sc.simulated || simulated
	for i, name := range poolable {
		v, err := field(name)
		if err != nil {
			return nil, err
		}
		sc.pooled[i][v] = true
	}
	return sc, nil
}

// add counts a row, and enters its values if it has any.
func (sc *scope) add(a *answer, s *sample.Sample) {
	sc.Planned++
	if a.def.Text {
		sc.rows = append(sc.rows, s)
		return
	}
	if s.Outcome != sample.OK {
		sc.Missing[string(s.Outcome)]++
		return
	}
	if a.def.Basis == metric.Chunk {
		values, why, ok := a.def.Values(s)
		if !ok {
			sc.Missing[why]++
			return
		}
		sc.Add(s.Run, s.Trial, values...)
		return
	}
	num, den, why, ok := a.def.Parts(s)
	if !ok {
		sc.Missing[why]++
		return
	}
	sc.enter(a, s.Run, s.Trial, num, den)
}

// enter adds the quotient of one row.
func (sc *scope) enter(a *answer, run, trial string, num, den float64) {
	if a.Aggregate == ratioOfSums {
		sc.num, sc.den = append(sc.num, num), append(sc.den, den)
	}
	sc.Add(run, trial, num/den)
}

// facts makes a fact of each scope.
func (a *answer) facts() ([]Fact, error) {
	facts := make([]Fact, 0, len(a.scopes))
	for _, key := range slices.Sorted(maps.Keys(a.scopes)) {
		f, err := Identify(a.fact(a.scopes[key]))
		if err != nil {
			return nil, err
		}
		facts = append(facts, f)
	}
	return facts, nil
}

func (a *answer) fact(sc *scope) Fact {
	switch {
	case a.def.Text && a.in != nil:
		return a.in.textFact(a, sc)
	case a.def.Text:
		return a.textFact(sc)
	}
	sc.Caveats = sc.caveats()
	f := sc.frame(a.Aggregate)
	if a.Aggregate == ratioOfSums && f.N > 0 {
		f.ratioOfSums(sc.num, sc.den)
		return f
	}
	f.settleAll(a.aggregate, sc.Values, sc.Missing)
	return f
}

// caveats are what a reader must know beside the value: what the rows are, and
// what the scope lumps together that could differ in speed.
func (sc *scope) caveats() []string {
	var out []string
	if sc.synthetic {
		out = append(out, SyntheticCaveat)
	}
	if sc.simulated {
		out = append(out, SimulatedCaveat)
	}
	counts := map[string]int{}
	for i, field := range poolable {
		counts[field] = len(sc.pooled[i])
	}
	return append(out, PooledCaveats(sc.Scope, counts)...)
}
