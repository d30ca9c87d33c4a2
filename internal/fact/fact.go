// Package fact is where all arithmetic over rows ends: a metric, an aggregate
// and a scope go in, a value with its n, interval, method, caveats and evidence
// comes out.
//
// A fact cannot be made without its n. Rows of different phases never enter one
// fact. A row that failed counts in Planned and in a caveat, never in the
// value. What cannot be said honestly (an interval from two rows, a p99 from
// fifty) is absent, with the reason. Tables, reports and gates print facts and
// nothing else.
package fact

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// ScopeWhere is the member of a scope that holds conditions on what the scope
// does not name: "config.num_ctx<=2048".
const ScopeWhere = "where"

// Level is the confidence of every interval.
const Level = 0.95

// Fact is one value and what it stands on.
type Fact struct {
	ID        string              `json:"id"` // content address: equal facts have equal ids
	Metric    string              `json:"metric"`
	Version   int                 `json:"version"` // of the metric's definition
	Aggregate string              `json:"aggregate"`
	Unit      unit.Unit           `json:"unit"`
	Phase     sample.Phase        `json:"phase"`
	Scope     map[string]string   `json:"scope"`
	Value     sample.Opt[float64] `json:"value,omitzero"`
	Reason    string              `json:"reason,omitempty"` // why there is no value
	N         int                 `json:"n"`                // values that entered: one a row, or one a gap
	Planned   int                 `json:"planned"`          // rows of the scope, whatever came of them
	Lo        sample.Opt[float64] `json:"lo,omitzero"`
	Hi        sample.Opt[float64] `json:"hi,omitzero"`
	Method    string              `json:"method"` // of the interval, or why there is none
	Caveats   []string            `json:"caveats,omitempty"`
	Evidence  Evidence            `json:"evidence"`
}

// MaxRows is how many rows a fact names at most; its digest covers all.
const MaxRows = 1000

// Evidence names the rows behind a fact, or the facts behind it.
type Evidence struct {
	Rows   []string `json:"rows"`            // "run/trial", in plan order, the first MaxRows of them
	Total  int      `json:"total,omitempty"` // rows in all, where not all are named
	From   []string `json:"from,omitempty"`  // ids of the facts that a derived fact stands on
	Digest string   `json:"digest"`          // of all rows with their values, or of From
}

// Query asks for one metric, aggregated one way, in one phase, for each scope.
type Query struct {
	Metric    string
	Aggregate string // median, mean, ratio_of_sums, p50, p90, p95, p99, min, max, sd, cv
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
	def, aggregate, err := q.definition()
	if err != nil {
		return nil, err
	}
	var all []observed
	for _, s := range rows {
		if s.Final && !s.Superseded && s.Phase == q.Phase {
			all = append(all, observedSample{s})
		}
	}
	return q.answer(def, aggregate, all)
}

// definition looks up what is asked for.
func (q Query) definition() (metric.Metric, aggregate, error) {
	def, err := metric.Lookup(q.Metric)
	if err != nil {
		return def, nil, err
	}
	if def.Basis != metric.Request && def.Basis != metric.Chunk {
		return def, nil, fault.With(fmt.Errorf("%s is a metric of one %s, not of a request", def.ID, def.Basis), fault.Usage, "`chimera metrics` says which metrics rows have")
	}
	aggregate, err := aggregateOf(q.Aggregate)
	if err != nil {
		return def, nil, err
	}
	if !def.Allows(metric.Aggregate(q.Aggregate)) {
		return def, nil, fault.With(fmt.Errorf("%s has no %s: it is no quotient of parts that can be summed", def.ID, q.Aggregate), fault.Usage, "ask for the median")
	}
	return def, aggregate, nil
}

// observed is a row that a query looks at, wherever it is kept.
type observed interface {
	place() (run, trial string, order int)
	ended() sample.Outcome
	field(name string) (string, error)
	values(def metric.Metric) (values []float64, why string, ok bool)
	parts(def metric.Metric) (num, den float64, ok bool)
	marks() (synthetic, simulated bool)
}

type observedSample struct{ *sample.Sample }

func (s observedSample) place() (string, string, int)      { return s.Run, s.Trial, s.Order }
func (s observedSample) ended() sample.Outcome             { return s.Outcome }
func (s observedSample) field(name string) (string, error) { return Field(s.Sample, name) }
func (s observedSample) marks() (synthetic, simulated bool) {
	return s.Synthetic, s.Provenance == sample.Simulated
}

func (s observedSample) values(def metric.Metric) ([]float64, string, bool) {
	return def.Values(s.Sample)
}

func (s observedSample) parts(def metric.Metric) (num, den float64, ok bool) {
	num, den, _, ok = def.Parts(s.Sample)
	return num, den, ok
}

// answer makes a fact of each scope, in the order of the scopes' texts.
func (q Query) answer(def metric.Metric, aggregate aggregate, rows []observed) ([]Fact, error) {
	groups := map[string][]observed{}
	for _, s := range rows {
		if fits, err := q.Where.fits(s.field); err != nil {
			return nil, err
		} else if !fits {
			continue
		}
		key, err := q.key(s)
		if err != nil {
			return nil, err
		}
		groups[key] = append(groups[key], s)
	}
	facts := make([]Fact, 0, len(groups))
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		f, err := Identify(q.fact(def, aggregate, groups[key]))
		if err != nil {
			return nil, err
		}
		facts = append(facts, f)
	}
	return facts, nil
}

func (q Query) key(s observed) (string, error) {
	parts := make([]string, 0, len(q.By))
	for _, field := range q.By {
		v, err := s.field(field)
		if err != nil {
			return "", err
		}
		parts = append(parts, v)
	}
	return strings.Join(parts, "\x00"), nil
}

// Field returns a scope field of a row.
func Field(s *sample.Sample, field string) (string, error) {
	switch field {
	case "run":
		return s.Run, nil
	case "experiment":
		return s.Experiment, nil
	case "subject":
		return s.Subject, nil
	case "target":
		return s.Target, nil
	case "workload":
		return s.Workload, nil
	case "prompt":
		return s.Prompt, nil
	case "block":
		return fmt.Sprintf("%04d", s.Block), nil
	case "config":
		return ConfigText(s.Config), nil
	}
	if name, ok := strings.CutPrefix(field, "config."); ok {
		if v, ok := s.Config[name]; ok {
			return fmt.Sprint(v), nil
		}
		return "default", nil
	}
	return "", fault.With(fmt.Errorf("unknown field %q", field), fault.Usage, "use run, experiment, subject, target, workload, prompt, block, config or config.NAME")
}

// ConfigText names a requested configuration: "num_ctx=1024 temperature=0.2", by
// name, or "defaults".
func ConfigText(config map[string]any) string {
	parts := make([]string, 0, len(config))
	for _, k := range slices.Sorted(maps.Keys(config)) {
		parts = append(parts, fmt.Sprintf("%s=%v", k, config[k]))
	}
	return cmp.Or(strings.Join(parts, " "), "defaults")
}

// fact makes the fact of one scope.
func (q Query) fact(def metric.Metric, aggregate aggregate, group []observed) Fact {
	c := Column{Metric: def.ID, Version: def.Version, Unit: def.AggregateUnit(metric.Aggregate(q.Aggregate)), Phase: q.Phase,
		Scope: map[string]string{}, Planned: len(group), Missing: map[string]int{}}
	for _, field := range q.By {
		c.Scope[field], _ = group[0].field(field) // key has asked every row already
	}
	if text := q.Where.beside(q.By); text != "" {
		c.Scope[ScopeWhere] = text
	}
	slices.SortStableFunc(group, func(a, b observed) int {
		runA, _, orderA := a.place()
		runB, _, orderB := b.place()
		return cmp.Or(cmp.Compare(runA, runB), cmp.Compare(orderA, orderB))
	})
	var num, den []float64 // of metrics that are quotients
	for _, s := range group {
		if ended := s.ended(); ended != sample.OK {
			c.Missing[string(ended)]++
			continue
		}
		v, reason, ok := s.values(def)
		if !ok {
			c.Missing[reason]++
			continue
		}
		if a, b, ok := s.parts(def); ok {
			num, den = append(num, a), append(den, b)
		}
		run, trial, _ := s.place()
		c.Add(run, trial, v...)
	}
	c.Caveats = append(caveats(group), q.pooled(group)...)
	f := c.frame(q.Aggregate)
	if q.Aggregate == ratioOfSums && f.N > 0 {
		f.ratioOfSums(num, den)
		return f
	}
	f.settleAll(aggregate, c.Values, c.Missing)
	return f
}

// settleAll aggregates the values, or says why there are none.
func (f *Fact) settleAll(aggregate aggregate, values []float64, missing map[string]int) {
	if len(values) == 0 {
		f.Reason, f.Method = "no row has a value: "+strings.Join(counted(missing), "; "), "none"
		return
	}
	aggregate(values, f)
}

func counted(missing map[string]int) []string {
	var out []string
	for _, reason := range slices.Sorted(maps.Keys(missing)) {
		out = append(out, fmt.Sprintf("%d × %s", missing[reason], reason))
	}
	return out
}

// Caveats that ride on every fact of such rows.
const (
	SyntheticCaveat = "synthetic model: speed is real, text is noise"
	SimulatedCaveat = "simulated: the time line is invented"
	ClaimCaveat     = "computed by an earlier program, not observed"
)

// caveats are what a reader must know beside the value.
func caveats(group []observed) []string {
	var out []string
	synthetic, simulated := false, false
	for _, s := range group {
		random, invented := s.marks()
		synthetic, simulated = synthetic || random, simulated || invented
	}
	if synthetic {
		out = append(out, SyntheticCaveat)
	}
	if simulated {
		out = append(out, SimulatedCaveat)
	}
	return out
}

// pooled names what a scope lumps together that could differ in speed.
func (q Query) pooled(group []observed) []string {
	counts, scope := map[string]int{}, map[string]string{}
	for _, field := range q.By {
		scope[field] = ""
	}
	for _, field := range poolable {
		kinds := map[string]bool{}
		for _, s := range group {
			v, _ := s.field(field)
			kinds[v] = true
		}
		counts[field] = len(kinds)
	}
	return PooledCaveats(scope, counts)
}

var poolable = []string{"subject", "config", "workload"}

// PooledCaveats says which fields a fact lumps together: rows under several
// configurations are several answers, not one. counts has how many values of
// each field are behind the fact; what the scope names is told apart.
func PooledCaveats(scope map[string]string, counts map[string]int) []string {
	var out []string
	for _, field := range poolable {
		if _, split := scope[field]; !split && counts[field] > 1 {
			out = append(out, fmt.Sprintf("pools %d %ss: add %s to the scope to tell them apart", counts[field], field, field))
		}
	}
	return out
}

func leftOut(missing map[string]int) []string {
	var out []string
	for _, text := range counted(missing) {
		out = append(out, "left out: "+text)
	}
	return out
}
