package draft

import (
	"cmp"
	"math"
	"slices"

	"chimera/internal/finding"
)

// Wanted says how much it is worth that a text mentions a fact, by the fact's own
// id.
type Wanted map[string]float64

// Wanted are the facts in the sentences of all findings that decide something or
// say what failed, whether the sheet has them or not: each is worth what its
// finding is (Relevance).
func (s *Sheet) Wanted() Wanted {
	w := Wanted{}
	for _, f := range s.wanted {
		if isDecided(f) || f.Kind == finding.Failures {
			for _, id := range f.Sentence.Facts() {
				w[id] = max(w[id], Relevance(f, s.known))
			}
		}
	}
	return w
}

// Score says how well a text chose, not whether it holds: what was kept holds.
// By it a model's draft stands beside the plan's.
type Score struct {
	Coverage  float64 `json:"coverage"` // share of the wanted facts that it prints, from 0 to 1
	Ranking   float64 `json:"ranking"`  // how early those come that are worth most: nDCG at 10, from 0 to 1
	Told      int     `json:"told"`     // wanted facts that it prints
	Wanted    int     `json:"wanted"`
	Sentences int     `json:"sentences"`
	Dropped   int     `json:"dropped"`
}

// rankDepth is how many facts from the start count for the ranking.
const rankDepth = 10

// Rate scores what Check kept. Ranking is the discounted cumulative gain of the
// first facts printed, each counted once, by that of the best order of all that
// are wanted (Järvelin and Kekäläinen 2002); 0 where nothing is wanted.
func Rate(kept []Kept, dropped []Dropped, wanted Wanted) Score {
	out := Score{Wanted: len(wanted), Sentences: len(kept), Dropped: len(dropped)}
	seen := map[string]bool{}
	var gains, best []float64
	for _, k := range kept {
		for _, id := range k.Text.Facts() {
			if seen[id] {
				continue
			}
			seen[id] = true
			if _, ok := wanted[id]; ok {
				out.Told++
			}
			gains = append(gains, wanted[id])
		}
	}
	for _, worth := range wanted {
		best = append(best, worth)
	}
	slices.SortFunc(best, func(a, b float64) int { return cmp.Compare(b, a) })
	if ideal := discounted(best); ideal > 0 {
		out.Ranking = discounted(gains) / ideal
	}
	if len(wanted) > 0 {
		out.Coverage = float64(out.Told) / float64(len(wanted))
	}
	return out
}

func discounted(gains []float64) float64 {
	sum := 0.0
	for i, g := range gains[:min(len(gains), rankDepth)] {
		sum += g / math.Log2(float64(i)+2)
	}
	return sum
}
