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

var poolable = [...]string{"subject", "config", "workload"}

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
