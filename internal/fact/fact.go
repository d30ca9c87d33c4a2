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
	N         int                 `json:"n"`                // values that entered: one a row, a gap, or the answers to a prompt
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
	groups := map[string][]*sample.Sample{}
	for _, s := range rows {
		if s.Final && !s.Superseded && s.Phase == q.Phase {
			if fits, err := q.Where.fits(s); err != nil {
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
	}
	facts := make([]Fact, 0, len(groups))
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		rows := groups[key]
		slices.SortStableFunc(rows, func(a, b *sample.Sample) int { return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Order, b.Order)) })
		answer := q.fact
		if def.Text {
			answer = q.textFact
		}
		f, err := Identify(answer(def, aggregate, rows))
		if err != nil {
			return nil, err
		}
		facts = append(facts, f)
	}
	return facts, nil
}

func (q Query) key(s *sample.Sample) (string, error) {
	parts := make([]string, 0, len(q.By))
	for _, field := range q.By {
		v, err := Field(s, field)
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

// column is the column of one scope, still without values.
func (q Query) column(def metric.Metric, group []*sample.Sample) *Column {
	c := &Column{Metric: def.ID, Version: def.Version, Unit: def.AggregateUnit(metric.Aggregate(q.Aggregate)), Phase: q.Phase,
		Scope: map[string]string{}, Planned: len(group), Missing: map[string]int{}}
	for _, field := range q.By {
		c.Scope[field], _ = Field(group[0], field) // key has asked every row already
	}
	return c
}

// fact makes the fact of one scope, whose rows stand in plan order.
func (q Query) fact(def metric.Metric, aggregate aggregate, group []*sample.Sample) Fact {
	c := q.column(def, group)
	var num, den []float64 // of metrics that are quotients
	for _, s := range group {
		if s.Outcome != sample.OK {
			c.Missing[string(s.Outcome)]++
			continue
		}
		v, reason, ok := def.Values(s)
		if !ok {
			c.Missing[reason]++
			continue
		}
		if a, b, _, ok := def.Parts(s); ok {
			num, den = append(num, a), append(den, b)
		}
		c.Add(s.Run, s.Trial, v...)
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
)

// caveats are what a reader must know beside the value.
func caveats(group []*sample.Sample) []string {
	var out []string
	synthetic, simulated := 0, 0
	for _, s := range group {
		if s.Synthetic {
			synthetic++
		}
		if s.Provenance == sample.Simulated {
			simulated++
		}
	}
	if synthetic > 0 {
		out = append(out, SyntheticCaveat)
	}
	if simulated > 0 {
		out = append(out, SimulatedCaveat)
	}
	return out
}

// pooled names what a scope lumps together that could differ in speed.
func (q Query) pooled(group []*sample.Sample) []string {
	counts, scope := map[string]int{}, map[string]string{}
	for _, field := range q.By {
		scope[field] = ""
	}
	for _, field := range poolable {
		kinds := map[string]bool{}
		for _, s := range group {
			v, _ := Field(s, field)
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
