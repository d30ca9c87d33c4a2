package spec

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// Trials returns how many trials the spec plans at most: exactly so many,
// unless aliases are dropped. A number too large for an int is math.MaxInt.
//
//	blocks × (subjects × combinations × prompts × repeats + loads × warm-ups)
func (s *Spec) Trials(known Catalogue) int {
	total := 0
	for _, e := range s.Experiments {
		prompts := 0
		for _, id := range e.Workloads {
			w, _ := s.Workload(id)
			if e.Kind == KindCold {
				prompts++
			} else {
				prompts += len(w.Prompts)
			}
		}
		block := 0
		for _, id := range e.Subjects {
			subject, _ := s.Subject(id)
			target, _ := s.Target(subject.Target)
			cells, loads := 1, 1
			for _, f := range e.Factors {
				cells = times(cells, len(f.Levels))
				if o, ok := known.Option(target.Kind, f.Name); ok && o.Reload {
					loads = times(loads, len(f.Levels))
				}
			}
			block = plus(block, times(cells, times(prompts, e.Repeats)))
			if e.Kind != KindCold {
				block = plus(block, times(loads, s.Design.Warmup))
			}
		}
		total = plus(total, times(block, e.Blocks))
	}
	return total
}

func times(a, b int) int {
	if a > 0 && b > math.MaxInt/a {
		return math.MaxInt
	}
	return a * b
}

func plus(a, b int) int {
	if a > math.MaxInt-b {
		return math.MaxInt
	}
	return a + b
}

func countText(n int) string {
	if n == math.MaxInt {
		return "more than can be counted"
	}
	return strconv.Itoa(n)
}

// Costs are what a trial is expected to take.
type Costs struct {
	Request func(Trial) time.Duration // one request, alone
	Load    func(Trial) time.Duration // the load that precedes a trial
}

// Estimate is the expected cost of a plan.
type Estimate struct {
	Requests map[Phase]int
	Plots    int
	// Loads counts the plots that need another load than the one before:
	// another subject, another value of a reload option, or a cold trial.
	Loads int
	// Took assumes that Streams requests at a time take as long as the longest
	// of them: what a runtime reaches at best.
	Took time.Duration
}

// Estimate counts what a plan of this spec will cost.
func (s *Spec) Estimate(p *Plan, known Catalogue, c Costs) Estimate {
	e := Estimate{Requests: map[Phase]int{}}
	resident := ""
	for first := 0; first < len(p.Trials); {
		end := first + 1
		for end < len(p.Trials) && p.Trials[end].Plot == p.Trials[first].Plot {
			end++
		}
		plot := p.Trials[first:end]
		first = end
		e.Plots++
		if key := s.loadKey(plot[0], known); key != resident || plot[0].Phase == Cold {
			resident = key
			e.Loads++
			e.Took += c.Load(plot[0])
		}
		for _, t := range plot {
			e.Requests[t.Phase]++
		}
		for group := range slices.Chunk(plot, max(1, plot[0].Streams)) {
			longest := time.Duration(0)
			for _, t := range group {
				longest = max(longest, c.Request(t))
			}
			e.Took += longest
		}
	}
	return e
}

// loadKey names what must be resident for a trial.
func (s *Spec) loadKey(t Trial, known Catalogue) string {
	target, _ := s.Target(t.Target)
	return t.Subject + "\x00" + ReloadKey(known[target.Kind], t.Config)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
