package finding

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// ledger collects facts as findings make them. The first error stays: a fact
// that cannot be made is a mistake of this package, not of the rows. Questions
// are asked at the same time, so its methods are safe for concurrent use.
type ledger struct {
	mu struct {
		sync.Mutex
		facts map[string]fact.Fact
		err   error
	}
}

// put enters a fact and returns it as it stands in the ledger.
func (l *ledger) put(f fact.Fact, err error) fact.Fact {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.mu.err = cmp.Or(l.mu.err, err)
		return f
	}
	l.mu.facts[f.ID] = f
	return f
}

// fact returns a fact that was entered before.
func (l *ledger) fact(id string) (fact.Fact, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, ok := l.mu.facts[id]
	return f, ok
}

// fail keeps the first error.
func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.err = cmp.Or(l.mu.err, err)
}

// derive enters a fact that was computed from others.
func (l *ledger) derive(f fact.Fact, from ...fact.Fact) fact.Fact {
	return l.put(fact.Derive(f, from...))
}

// count enters how many of something there are: rows, levels, loads.
func (l *ledger) count(of string, n, planned int, scope map[string]string, from ...fact.Fact) fact.Fact {
	return l.derive(fact.Fact{Metric: of, Version: 1, Aggregate: "count", Unit: unit.None, Scope: scope,
		Value: sample.Some(float64(n)), N: n, Planned: planned, Method: "counted"}, from...)
}

// seal gives a finding its id and the list of facts that it uses.
func (l *ledger) seal(f Finding) Finding {
	seen := map[string]bool{}
	use := func(id string) {
		if id != "" && !seen[id] {
			seen[id] = true
			f.Facts = append(f.Facts, id)
			if _, ok := l.fact(id); !ok {
				l.fail(fmt.Errorf("finding %s: fact %s is not in the ledger", f.Kind, id))
			}
		}
	}
	f.Facts = []string{}
	for _, s := range append([]Sentence{f.Sentence}, f.Notes...) {
		for _, id := range s.Facts() {
			use(id)
		}
	}
	for _, c := range f.Checks {
		for _, id := range c.Why.Facts() {
			use(id)
		}
	}
	use(f.Needed)
	for _, t := range f.Tables {
		for _, r := range t.Rows {
			for _, c := range r.Cells {
				use(c.Fact)
			}
		}
	}
	for _, g := range f.Figures {
		for _, id := range g.Title.Facts() {
			use(id)
		}
		for _, p := range g.Panels {
			for _, x := range p.Points {
				use(x.Fact)
				use(x.XFact)
			}
			for _, r := range p.Lines {
				use(r.Fact)
			}
		}
	}
	slices.SortStableFunc(f.Checks, func(a, b Check) int { return cmp.Compare(slices.Index(CheckIDs, a.ID), slices.Index(CheckIDs, b.ID)) })
	if f.Checks == nil {
		f.Checks = []Check{}
	}
	if f.Scope == nil {
		f.Scope = map[string]string{}
	}
	f, err := identify(f)
	if err != nil {
		l.fail(err)
	}
	return f
}

// identify gives a finding the id that its content has.
func identify(f Finding) (Finding, error) {
	f.ID = ""
	id, err := digest.JSON(f)
	if err != nil {
		return f, fmt.Errorf("finding %s: %w", f.Kind, err)
	}
	f.ID = "N" + digest.Short(id, 10)
	return f, nil
}
