package engine

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Sampling says how the next token is chosen. The zero value is greedy: the
// best token, the smallest id among equals. Steps apply in llama.cpp's order:
// repeat penalty, grammar, top-k, top-p, min-p, temperature.
type Sampling struct {
	Temperature   float64 // 0: greedy, whatever the rest says but for the penalty
	TopK          int     // keep the k best; 0: all
	TopP          float64 // keep the fewest best whose probability reaches p; 0 or 1: all
	MinP          float64 // keep those of at least p times the best's probability; 0: all
	RepeatPenalty float64 // divides positive and multiplies negative logits of recent tokens; 0 or 1: none
	RepeatLastN   int     // tokens that count as recent; 0: 64
	Seed          uint64  // of this request's own generator
}

const defaultLastN = 64

// A chooser picks tokens for one request.
type chooser struct {
	s      Sampling
	rand   *rand.Rand
	kept   []choice
	seen   map[int32]bool
	banned []int32 // never chosen
	// allowed has a bit for each token that may be chosen now; nil: all may.
	allowed []uint64
}

type choice struct {
	id    int32
	logit float32
}

// better orders choices: larger logit first, then smaller id.
func better(a, b choice) int {
	switch {
	case a.logit > b.logit:
		return -1
	case a.logit < b.logit:
		return 1
	}
	return int(a.id) - int(b.id)
}

func newChooser(s Sampling, banned []int32) *chooser {
	if s.RepeatLastN == 0 {
		s.RepeatLastN = defaultLastN
	}
	return &chooser{s: s, rand: rand.New(rand.NewPCG(s.Seed, 0x6368696d657261)), banned: banned, seen: map[int32]bool{}}
}

// choose picks a token after history. It overwrites logits, which are finite.
func (c *chooser) choose(logits []float32, history []int32) int32 {
	c.penalize(logits, history)
	restrict(logits, c.allowed)
	for _, id := range c.banned {
		logits[id] = float32(math.Inf(-1))
	}
	if c.s.Temperature == 0 {
		return argmax(logits)
	}
	c.keep(logits)
	return c.draw()
}

func (c *chooser) penalize(logits []float32, history []int32) {
	if c.s.RepeatPenalty == 0 || c.s.RepeatPenalty == 1 {
		return
	}
	clear(c.seen)
	for _, id := range history[max(0, len(history)-c.s.RepeatLastN):] {
		if c.seen[id] {
			continue
		}
		c.seen[id] = true
		if logits[id] > 0 {
			logits[id] /= float32(c.s.RepeatPenalty)
		} else {
			logits[id] *= float32(c.s.RepeatPenalty)
		}
	}
}

// keep leaves in c.kept the candidates that top-k, top-p and min-p let through.
func (c *chooser) keep(logits []float32) {
	topP := c.s.TopP > 0 && c.s.TopP < 1
	switch {
	case c.s.TopK > 0:
		c.kept = best(c.kept, logits, c.s.TopK)
		if topP {
			c.cutTopP(sumExp(c.kept))
		}
	case topP:
		c.keepTopP(logits)
	default:
		c.kept = all(c.kept, logits)
	}
	if c.s.MinP > 0 {
		peak := slices.MinFunc(c.kept, better).logit
		least := peak + float32(math.Log(c.s.MinP))
		c.kept = slices.DeleteFunc(c.kept, func(x choice) bool { return x.logit < least })
	}
}

// keepTopP looks at the few best first: sorting a vocabulary of 262,144 for each
// token would cost more than the model.
func (c *chooser) keepTopP(logits []float32) {
	c.kept = all(c.kept, logits)
	total := sumExp(c.kept)
	for k := 256; ; k *= 8 {
		c.kept = best(c.kept, logits, k)
		if c.cutTopP(total) || k >= len(logits) {
			return
		}
	}
}

// expSum is Σ exp(logit − peak).
type expSum struct{ peak, sum float64 }

func sumExp(kept []choice) expSum {
	peak := math.Inf(-1)
	for _, x := range kept {
		peak = max(peak, float64(x.logit))
	}
	s := expSum{peak: peak}
	for _, x := range kept {
		s.sum += math.Exp(float64(x.logit) - peak)
	}
	return s
}

// cutTopP cuts the sorted candidates where their probability reaches top-p and
// reports whether it does.
func (c *chooser) cutTopP(total expSum) bool {
	reached := 0.0
	for i, x := range c.kept {
		reached += math.Exp(float64(x.logit)-total.peak) / total.sum
		if reached >= c.s.TopP {
			c.kept = c.kept[:i+1]
			return true
		}
	}
	return false
}

// draw picks one of c.kept by its probability at the temperature.
func (c *chooser) draw() int32 {
	peak := slices.MinFunc(c.kept, better)
	weight := func(x choice) float64 { return math.Exp((float64(x.logit) - float64(peak.logit)) / c.s.Temperature) }
	total := 0.0
	for _, x := range c.kept {
		total += weight(x)
	}
	left := c.rand.Float64() * total
	for _, x := range c.kept {
		if left -= weight(x); left < 0 {
			return x.id
		}
	}
	return peak.id // rounding ate the last candidate
}

func argmax(logits []float32) int32 {
	at := 0
	for i, v := range logits {
		if v > logits[at] {
			at = i
		}
	}
	return int32(at)
}

func all(dst []choice, logits []float32) []choice {
	dst = dst[:0]
	for i, v := range logits {
		if !math.IsInf(float64(v), -1) {
			dst = append(dst, choice{int32(i), v})
		}
	}
	return dst
}

// best returns the k best of logits in order: a heap of the worst kept on top.
func best(dst []choice, logits []float32, k int) []choice {
	h := dst[:0]
	for i, v := range logits {
		x := choice{int32(i), v}
		switch {
		case math.IsInf(float64(v), -1):
		case len(h) < k:
			h = append(h, x)
			siftUp(h)
		case v > h[0].logit: // an equal logit has a larger id, so it is worse
			h[0] = x
			siftDown(h)
		}
	}
	slices.SortFunc(h, better)
	return h
}

func siftUp(h []choice) {
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if better(h[i], h[up]) < 0 {
			return
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
}

func siftDown(h []choice) {
	for i := 0; ; {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && better(h[c+1], h[c]) > 0 {
			c++
		}
		if better(h[c], h[i]) < 0 {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}
