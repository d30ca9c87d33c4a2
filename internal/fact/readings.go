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
// scope. Its fields are labels, and "run" and "kind" beside them.
type ReadingQuery struct {
	Series    string
	Aggregate string
	Where     Conditions // all must hold
	By        []string   // fields that make a scope
}

// LabelPhase is the label of readings that belong to a request of that phase.
// Readings of different phases never enter one fact: where a query does not
// name the phase, it makes a scope.
const LabelPhase = "phase"

// LabelReference is the label of readings that were made under a reference: a
// model's digest. Readings under different references never enter one fact.
const LabelReference = "reference"

// Run answers q, one fact per scope, in the order of the scopes' texts. A
// reading without a value counts in Planned and in a caveat. Readings of one
// series in several units are an error.
func (q ReadingQuery) Run(rows []*sample.Reading) ([]Fact, error) {
	aggregate, err := aggregateOf(q.Aggregate)
	if err == nil && aggregate == nil {
		err = fault.With(fmt.Errorf("readings have no %s", q.Aggregate), fault.Usage, "ask for the median")
	}
	if err != nil {
		return nil, err
	}
	var fit []*sample.Reading
	phases, references := map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		if r.Series != q.Series || !q.Where.fitReading(r) {
			continue
		}
		if len(fit) > 0 && r.Unit != fit[0].Unit {
			return nil, fault.With(fmt.Errorf("readings of %s have the units %q and %q", q.Series, fit[0].Unit, r.Unit), fault.Usage, "ask for one kind of them: --where kind=…")
		}
		phases[r.Labels[LabelPhase]], references[r.Labels[LabelReference]] = true, true
		fit = append(fit, r)
	}
	if len(phases) > 1 && !slices.Contains(q.By, LabelPhase) {
		q.By = append(slices.Clone(q.By), LabelPhase)
	}
	if len(references) > 1 && !slices.Contains(q.By, LabelReference) {
		q.By = append(slices.Clone(q.By), LabelReference)
	}
	groups := map[string][]*sample.Reading{}
	for _, r := range fit {
		key := strings.Join(q.scope(r), "\x00")
		groups[key] = append(groups[key], r)
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

// readingField returns a scope field of a reading; "" for a label it lacks.
func readingField(r *sample.Reading, field string) string {
	switch field {
	case "run":
		return r.Run
	case "kind":
		return r.Kind
	}
	return r.Labels[field]
}

func (q ReadingQuery) scope(r *sample.Reading) []string {
	scope := make([]string, 0, len(q.By))
	for _, label := range q.By {
		scope = append(scope, readingField(r, label))
	}
	return scope
}

func (q ReadingQuery) fact(aggregate aggregate, group []*sample.Reading) Fact {
	f := Fact{Metric: q.Series, Version: 1, Aggregate: q.Aggregate, Unit: group[0].Unit,
		Phase: sample.Phase(group[0].Labels[LabelPhase]), Scope: map[string]string{}, Planned: len(group)}
	for i, label := range q.By {
		f.Scope[label] = q.scope(group[0])[i]
	}
	if text := q.Where.beside(q.By); text != "" {
		f.Scope[ScopeWhere] = text
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
		row := evidence(r)
		f.Evidence.Rows = append(f.Evidence.Rows, row)
		chain.Add(fmt.Append(nil, row, v))
	}
	f.N, f.Evidence.Digest, f.Caveats = len(values), chain.Sum(), append(leftOut(missing), q.pooled(group)...)
	if slices.ContainsFunc(group, func(r *sample.Reading) bool { return r.Kind == KindClaim }) {
		f.Caveats = append(f.Caveats, ClaimCaveat)
	}
	if ref := group[0].Labels[LabelReference]; ref != "" {
		f.Caveats = append(f.Caveats, "under the reference "+ref+": another one gives other values")
	}
	f.settleAll(aggregate, values, missing)
	return f
}

// evidence names a reading: by its file and row where it was imported, else by
// its instant.
func evidence(r *sample.Reading) string {
	if file, row := r.Labels["file"], r.Labels["row"]; r.Provenance == sample.Imported && file != "" {
		return fmt.Sprintf("%s/%s#%s/%s", r.Run, file, row, r.Series)
	}
	return fmt.Sprintf("%s/%s@%d", r.Run, r.Series, r.At.Nanoseconds())
}

// pooled names the labels in which the readings of a scope differ: readings of
// several kernels are several answers. A row's number, and how its field was
// written, tell nothing apart.
func (q ReadingQuery) pooled(group []*sample.Reading) []string {
	kinds := map[string]map[string]bool{}
	for _, r := range group {
		for label, v := range r.Labels {
			if kinds[label] == nil {
				kinds[label] = map[string]bool{}
			}
			kinds[label][v] = true
		}
	}
	var out []string
	for _, label := range slices.Sorted(maps.Keys(kinds)) {
		if n := len(kinds[label]); n > 1 && !slices.Contains(unmarked, label) && !slices.Contains(q.By, label) {
			out = append(out, fmt.Sprintf("pools %d values of %s: add it to the scope to tell them apart", n, label))
		}
	}
	return out
}

var unmarked = []string{"row", "instant", "field", "field_unit", "first_trial", "trial", "tail"}
