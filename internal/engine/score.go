package engine

import (
	"math"

	"chimera/internal/tensor"
)

// A scorer turns logits into log-probabilities.
type scorer struct {
	top   int
	probs []float32
	kept  []choice
}

// score reports on id. The normalizer comes from the softmax of the best token:
// its probability is 1/Σ exp(logit − best), so log Σ exp = best − ln of it.
func (s *scorer) score(logits []float32, id int32) Score {
	s.probs = append(s.probs[:0], logits...)
	tensor.Softmax(s.probs)
	peak := argmax(logits)
	norm := float64(logits[peak]) - math.Log(float64(s.probs[peak]))
	out := Score{LogProb: float64(logits[id]) - norm}
	if s.top > 0 {
		s.kept = best(s.kept, logits, s.top)
		for _, x := range s.kept {
			out.Top = append(out.Top, Candidate{x.id, float64(x.logit) - norm})
		}
	}
	return out
}
