package finding

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
)

// Analyze answers every question that the rows can carry. Rows and readings of
// several runs may stand together; each run is a scope of its own. The rows are
// only read. The error is one of this program, never of the rows: rows that
// carry nothing give an analysis that says so.
func Analyze(rows []*sample.Sample, readings []*sample.Reading, manifests ...*sample.Manifest) (*Analysis, error) {
	c, err := NewCollector(manifests...)
	if err != nil {
		return nil, err
	}
	for _, s := range rows {
		c.Sample(s)
	}
	for _, r := range readings {
		c.Reading(r)
	}
	return c.Analyze()
}

// Analyze ends the collecting and answers every question. It is called once.
func (c *Collector) Analyze() (*Analysis, error) {
	c.settle()
	c.settleReadings()
	a := &analyst{Collector: c, ledger: ledger{facts: map[string]fact.Fact{}}}
	for _, ask := range questions {
		ask(a)
	}
	if a.err != nil {
		return nil, a.err
	}
	return a.done(), nil
}

// analyst answers questions from an index; what it finds gathers in findings.
type analyst struct {
	*Collector
	ledger
	findings []Finding
	grid     []*grid
	bench    []*bench
	sound    map[string][]Check   // checks that findings about the same rows share
	centres  map[string]fact.Fact // medians and means that were asked for before
}

// questions are asked of every set of rows. Each adds the findings that these
// rows can carry, and nothing where the question does not arise.
var questions = []func(*analyst){(*analyst).rankings, (*analyst).coldAndWarm, (*analyst).configurations, (*analyst).sensitivities,
	(*analyst).promptEffects, (*analyst).stabilities, (*analyst).drifts, (*analyst).efficiencies, (*analyst).paretos,
	(*analyst).quantizations, (*analyst).kernels, (*analyst).backends, (*analyst).agents, (*analyst).togethers, (*analyst).streams, (*analyst).failed}

// add seals a finding and keeps it.
func (a *analyst) add(f Finding) { a.findings = append(a.findings, a.seal(f)) }

func (a *analyst) done() *Analysis {
	out := &Analysis{Schema: Schema, Runs: a.runs(), Rows: a.rowCount, Findings: a.findings, byID: map[string]int{}}
	slices.SortStableFunc(out.Findings, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(Kinds, x.Kind), slices.Index(Kinds, y.Kind)), cmp.Compare(decided(x.Verdict), decided(y.Verdict)),
			cmp.Compare(metricRank(x.Metric), metricRank(y.Metric)), strings.Compare(scopeText(x.Scope), scopeText(y.Scope)))
	})
	used := map[string]bool{}
	for _, f := range out.Findings {
		for _, id := range f.Facts {
			a.use(id, used)
		}
	}
	for i, id := range slices.Sorted(maps.Keys(used)) {
		out.Facts = append(out.Facts, a.facts[id])
		out.byID[id] = i
	}
	if out.Findings == nil {
		out.Findings = []Finding{}
	}
	if out.Facts == nil {
		out.Facts = []fact.Fact{}
	}
	return out
}

// use marks a fact and all that it was derived from.
func (a *analyst) use(id string, used map[string]bool) {
	if used[id] {
		return
	}
	used[id] = true
	for _, from := range a.facts[id].Evidence.From {
		a.use(from, used)
	}
}

func (a *analyst) runs() []string {
	ids := map[string]bool{}
	for _, g := range a.strata {
		ids[g.key.run] = true
	}
	for _, r := range a.readings {
		ids[r.Run] = true
	}
	for _, m := range a.manifests {
		ids[m.Run] = true
	}
	if len(ids) == 0 {
		return []string{}
	}
	return slices.Sorted(maps.Keys(ids))
}

// decided puts findings that say something before those that say why not.
func decided(v Verdict) int {
	switch v {
	case Better, Worse, Same:
		return 0
	case NotMeasured:
		return 2
	}
	return 1
}

// metricRank puts speed before latency, and both before all else.
func metricRank(id string) int {
	if i := slices.Index(slices.Concat(speeds, latencies), id); i >= 0 {
		return i
	}
	return len(speeds) + len(latencies)
}

func scopeText(scope map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(scope)) {
		b.WriteString(k + "=" + scope[k] + "\x00")
	}
	return b.String()
}
