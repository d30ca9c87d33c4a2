package fact

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/sample"
)

// ReadingQuery asks for one series of readings, aggregated one way, for each
// scope. The readings of a series have one unit.
type ReadingQuery struct {
	Series    string
	Aggregate string
	Where     map[string]string // labels that a reading must have
	By        []string          // labels that make a scope
}

// Run answers q, one fact per scope, in the order of the scopes' texts. A
// reading without a value counts in Planned and in a caveat.
func (q ReadingQuery) Run(rows []*sample.Reading) ([]Fact, error) {
	aggregate, err := aggregateOf(q.Aggregate)
	if err == nil && aggregate == nil {
		err = fault.With(fmt.Errorf("readings have no %s", q.Aggregate), fault.Usage, "ask for the median")
	}
	if err != nil {
		return nil, err
	}
	groups := map[string][]*sample.Reading{}
	for _, r := range rows {
		if r.Series == q.Series && q.fits(r) {
			key := strings.Join(q.scope(r), "\x00")
			groups[key] = append(groups[key], r)
		}
	}
	facts := make([]Fact, 0, len(groups))
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		f, err := Identify(q.fact(aggregate, groups[key]))
		if err != nil {
			return nil, err
		}
		facts = append(facts, f)
	}
	return facts, nil
}

func (q ReadingQuery) fits(r *sample.Reading) bool {
	for label, want := range q.Where {
		if r.Labels[label] != want {
			return false
		}
	}
	return true
}

func (q ReadingQuery) scope(r *sample.Reading) []string {
	scope := make([]string, 0, len(q.By))
	for _, label := range q.By {
		scope = append(scope, r.Labels[label])
	}
	return scope
}

func (q ReadingQuery) fact(aggregate aggregate, group []*sample.Reading) Fact {
	f := Fact{Metric: q.Series, Version: 1, Aggregate: q.Aggregate, Unit: group[0].Unit,
		Phase: sample.Phase(q.Where["phase"]), Scope: map[string]string{}, Planned: len(group)}
	for i, label := range q.By {
		f.Scope[label] = q.scope(group[0])[i]
	}
	var values []float64
	var chain digest.Chain
	missing := map[string]int{}
	for _, r := range group {
		v, ok := r.Value.Get()
		if !ok {
			missing[r.Reason]++
			continue
		}
		values = append(values, v)
		row := fmt.Sprintf("%s/%s@%d", r.Run, r.Series, r.At.Nanoseconds())
		f.Evidence.Rows = append(f.Evidence.Rows, row)
		chain.Add(fmt.Append(nil, row, v))
	}
	f.N, f.Evidence.Digest, f.Caveats = len(values), chain.Sum(), leftOut(missing)
	f.settleAll(aggregate, values, missing)
	return f
}
