package compare

import (
	"fmt"
	"math"

	"chimera/internal/sample"
	"chimera/internal/stats"
)

// Noise is what a measure changes between runs that differ in nothing: the
// 95th percentile of |change| over all pairs of them. It is what intervals
// within one run cannot know.
type Noise struct {
	Metric    string   `json:"metric"`
	Aggregate string   `json:"aggregate"`
	Floor     float64  `json:"floor"`
	Pairs     int      `json:"pairs"` // of runs, each with one change for each scope
	Changes   int      `json:"changes"`
	Runs      []string `json:"runs"`
}

// MostHistory is how many runs a noise floor looks back.
const MostHistory = 10

// Kin reports whether two runs are of one kind as far as their manifests tell:
// same machine, models, servers and prompts, and neither was disturbed.
func Kin(a, b sample.Manifest) bool {
	l := list{}
	l.machines(a, b)
	ids := map[string]bool{}
	for _, s := range append(a.Subjects, b.Subjects...) {
		ids[s.ID] = true
	}
	for id := range ids {
		l.subjects(a, b, pair{scope: Scope{Subject: id}, other: Scope{Subject: id}})
	}
	prompts := map[sample.PromptRecord]int{}
	for _, p := range a.Prompts {
		prompts[p]++
	}
	for _, p := range b.Prompts {
		prompts[p]--
	}
	for _, n := range prompts {
		if n != 0 {
			return false
		}
	}
	return len(l) == 0
}

// noiseFloors compares all pairs of runs of one kind. The runs are those up to
// the older side of the comparison: a later one may hold the very change that
// is looked for.
func noiseFloors(history []*Run, o Options) []Noise {
	out := []Noise{}
	for i, m := range o.Measures {
		n := Noise{Metric: m.Metric.ID, Aggregate: m.Aggregate}
		var changes []float64
		for j, a := range history {
			for _, b := range history[:j] {
				if found := quietChanges(a, b, i, m, o); len(found) > 0 {
					changes, n.Pairs = append(changes, found...), n.Pairs+1
				}
			}
		}
		if len(changes) == 0 {
			continue
		}
		floor, err := stats.Quantile(changes, 0.95)
		if err != nil {
			continue
		}
		n.Floor, n.Changes = math.Expm1(floor), len(changes)
		for _, r := range history {
			n.Runs = append(n.Runs, r.id())
		}
		out = append(out, n)
	}
	return out
}

// quietChanges are |ln ratio| of one measure, for each scope of two runs that
// differ in nothing but, where that is allowed, what else the machine did.
func quietChanges(a, b *Run, i int, m Measure, o Options) []float64 {
	pairs, _ := match(a, b)
	var environment []Kind
	for _, k := range o.Allow {
		if k == Environment {
			environment = append(environment, k)
		}
	}
	if len(pairs) == 0 || forbidden(allow(residue(a, b, pairs), environment)) {
		return nil
	}
	var out []float64
	for _, p := range pairs {
		if len(p.a.series[i].values) == 0 || len(p.b.series[i].values) == 0 {
			continue
		}
		if _, _, e, err := p.effect(p.a.series[i], p.b.series[i], m); err == nil {
			out = append(out, math.Abs(math.Log(e.ratio)))
		}
	}
	return out
}

// raise is a measure's margin: never below twice the noise floor.
func raise(m Measure, noise []Noise) (margin float64, why string) {
	for _, n := range noise {
		if n.Metric == m.Metric.ID && n.Aggregate == m.Aggregate && 2*n.Floor > m.Margin {
			return min(2*n.Floor, 0.5), fmt.Sprintf("margin raised to twice the noise floor of %.1f %% (pairs of earlier runs: %d)", 100*n.Floor, n.Pairs)
		}
	}
	return m.Margin, ""
}
