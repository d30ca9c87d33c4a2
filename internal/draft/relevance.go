package draft

import (
	"cmp"
	"math"
	"slices"

	"chimera/internal/finding"
)

// verdictWeight says how much an answer is worth: one that decides more than
// one that does not.
var verdictWeight = map[finding.Verdict]float64{finding.Better: 3, finding.Worse: 3, finding.Same: 2.5, finding.NotComparable: 1.5,
	finding.Inconclusive: 1, finding.NotMeasured: 0.5}

// kindWeight says how near a question is to the choice that a reader must make.
var kindWeight = map[finding.Kind]float64{finding.Ranking: 1, finding.Concurrency: 0.9, finding.Agents: 0.9, finding.Configuration: 0.9,
	finding.Failures: 2.4, finding.Combined: 0.85, finding.Quantization: 0.8, finding.Backend: 0.75, finding.ColdWarm: 0.7, finding.Sensitivity: 0.7,
	finding.Kernel: 0.6, finding.Pareto: 0.6, finding.Efficiency: 0.6, finding.Stages: 0.5, finding.Stability: 0.5, finding.PromptEffect: 0.5, finding.Drift: 0.5}

// fullEffect is the size of an effect beyond which more does not matter more.
const fullEffect = math.Ln2

// Relevance says how much a finding matters to who must choose, from 0: by its
// verdict, its question, the size of its effect and the share of its checks
// that did not fail. It compares findings of one analysis, and is no measure
// of anything measured.
func Relevance(f finding.Finding, facts finding.Lookup) float64 {
	weight, ok := kindWeight[f.Kind]
	if !ok {
		weight = 0.5
	}
	failed := 0.0
	for _, c := range f.Checks {
		if c.Status == finding.Fail {
			failed++
		}
	}
	sure := 1 - 0.5*failed/max(1, float64(len(f.Checks)))
	return verdictWeight[f.Verdict] * weight * (0.5 + 0.5*effect(f, facts)) * sure
}

// effect is the largest ratio of a finding's sentence, as a share of fullEffect;
// of an interval counts the end that is nearer to no effect.
func effect(f finding.Finding, facts finding.Lookup) float64 {
	most := 0.0
	for _, id := range f.Sentence.Facts() {
		x, ok := facts(id)
		if !ok || !isRatio(x) && x.Aggregate != "range" {
			continue
		}
		v, ok := x.Value.Get()
		lo, hasLo := x.Lo.Get()
		hi, hasHi := x.Hi.Get()
		switch {
		case !ok || v <= 0:
			continue
		case hasLo && hasHi && lo > 1:
			v = lo
		case hasLo && hasHi && hi < 1 && hi > 0:
			v = hi
		case hasLo && hasHi:
			continue // no effect is not excluded
		}
		most = max(most, min(1, math.Abs(math.Log(v))/fullEffect))
	}
	return most
}

// byRelevance orders findings by how much each adds to those before it: the
// second answer to one question is worth less than the first to another, and
// after many answers it is time for what has none.
func byRelevance(all []finding.Finding, facts finding.Lookup) []finding.Finding {
	type ranked struct {
		finding.Finding
		worth float64
	}
	type sort struct {
		kind    finding.Kind
		verdict finding.Verdict
	}
	left := map[sort][]ranked{}
	var sorts []sort
	for _, f := range all {
		k := sort{f.Kind, f.Verdict}
		if left[k] == nil {
			sorts = append(sorts, k)
		}
		left[k] = append(left[k], ranked{f, Relevance(f, facts)})
	}
	for _, k := range sorts {
		slices.SortStableFunc(left[k], func(a, b ranked) int { return cmp.Compare(b.worth, a.worth) })
	}
	out := make([]finding.Finding, 0, len(all))
	kinds, verdicts := map[finding.Kind]float64{}, map[finding.Verdict]float64{}
	for len(out) < len(all) {
		var best sort
		most := -1.0
		for _, k := range sorts {
			if len(left[k]) > 0 {
				if worth := left[k][0].worth / (1 + 0.5*kinds[k.kind]) / (1 + 0.25*verdicts[k.verdict]); worth > most {
					best, most = k, worth
				}
			}
		}
		out = append(out, left[best][0].Finding)
		left[best] = left[best][1:]
		kinds[best.kind]++
		verdicts[best.verdict]++
	}
	return out
}
