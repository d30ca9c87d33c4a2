package finding

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

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
	a := &analyst{Collector: c, shared: cache{sound: map[string]*once[[]Check]{}, centres: map[string]*once[fact.Fact]{}}}
	a.mu.facts = map[string]fact.Fact{}
	a.prepare()
	var answers [][]Finding
	for range questions {
		answers = append(answers, nil)
	}
	var asked sync.WaitGroup
	for i, ask := range questions {
		asked.Go(func() { answers[i] = a.answer(ask) })
	}
	asked.Wait()
	if a.mu.err != nil {
		return nil, a.mu.err
	}
	return a.done(slices.Concat(answers...)), nil
}

// analyst answers questions from an index, several at a time: what they share
// is read only, or guarded.
type analyst struct {
	*Collector
	ledger
	grid   []*grid
	bench  []*bench
	shared cache
}

// answer asks one question.
func (a *analyst) answer(ask func(*asking)) []Finding {
	q := &asking{analyst: a}
	ask(q)
	return q.findings
}

// asking is one question being answered.
type asking struct {
	*analyst
	findings []Finding
}

// add seals a finding and keeps it.
func (q *asking) add(f Finding) { q.findings = append(q.findings, q.seal(f)) }

// prepare computes what all questions read.
func (a *analyst) prepare() {
	a.means = map[string][][]visit{}
	for _, id := range slices.Concat(speeds, latencies) {
		a.means[id] = a.visit(id)
	}
	a.bench = a.findBenches()
	a.grid = a.findGrids()
}

// cache holds what several questions ask for, each computed once.
type cache struct {
	sync.Mutex
	sound   map[string]*once[[]Check]   // checks that findings about the same rows share
	centres map[string]*once[fact.Fact] // medians and means
}

// once is a value that the first who asks computes.
type once[T any] struct {
	sync.Once
	value T
}

// shared returns the value of a key, computing it if nobody has.
func shared[T any](mu *sync.Mutex, all map[string]*once[T], key string, compute func() T) T {
	mu.Lock()
	o := all[key]
	if o == nil {
		o = &once[T]{}
		all[key] = o
	}
	mu.Unlock()
	o.Do(func() { o.value = compute() })
	return o.value
}

// questions are asked of every set of rows. Each adds the findings that these
// rows can carry, and nothing where the question does not arise.
var questions = []func(*asking){(*asking).rankings, (*asking).coldAndWarm, (*asking).configurations, (*asking).sensitivities,
	(*asking).promptEffects, (*asking).stabilities, (*asking).drifts, (*asking).efficiencies, (*asking).paretos, (*asking).qualities,
	(*asking).quantizations, (*asking).kernels, (*asking).backends, (*asking).agents, (*asking).togethers, (*asking).gains, (*asking).streams, (*asking).corrections, (*asking).failed}

func (a *analyst) done(findings []Finding) *Analysis {
	out := &Analysis{Schema: Schema, Runs: a.runs(), Rows: a.rowCount, Findings: findings, byID: map[string]int{}}
	slices.SortStableFunc(out.Findings, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(Kinds, x.Kind), slices.Index(Kinds, y.Kind)), cmp.Compare(decided(x.Verdict), decided(y.Verdict)),
			cmp.Compare(metricRank(x.Metric), metricRank(y.Metric)), strings.Compare(scopeText(x.Scope), scopeText(y.Scope)), strings.Compare(x.ID, y.ID))
	})
	used := map[string]bool{}
	for _, f := range out.Findings {
		for _, id := range f.Facts {
			a.use(id, used)
		}
	}
	for i, id := range slices.Sorted(maps.Keys(used)) {
		out.Facts = append(out.Facts, a.mu.facts[id])
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
	for _, from := range a.mu.facts[id].Evidence.From {
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
