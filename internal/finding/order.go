package finding

import (
	"math"
	"slices"

	"chimera/internal/sample"
)

// ordering says how the things that are compared lay in time.
type ordering string

const (
	drawn    ordering = "drawn"   // their order changed from pass to pass
	nested   ordering = "nested"  // each stood in one stretch: what it is and when it was cannot be told apart
	cycled   ordering = "cycled"  // every pass had the same order: each always followed the same neighbour
	unknown  ordering = "unknown" // too few passes, or no common clock
	noOrder  ordering = "none"    // fewer than two things
	maxCycle          = 0.01      // the chance at which equal passes still pass for drawn
)

// placed is one row in time: which thing it was, and in which block.
type placed struct {
	order, block int32
	thing        int
}

// sequence puts the rows of several things in run order.
func (x *index) sequence(things [][]*stratum) []placed {
	thing := map[int32]int{}
	var all []*stratum
	for t, strata := range things {
		for _, g := range strata {
			thing[int32(g.place)] = t
			all = append(all, g)
		}
	}
	rows := x.inOrder(all)
	out := make([]placed, len(rows))
	for k, i := range rows {
		out[k] = placed{x.rows[i].order, x.rows[i].block, thing[x.rows[i].stratum]}
	}
	return out
}

// orderIn judges how things lay in time. Where so few passes cannot show it, a
// plan that chimera drew from a seed can.
func (a *analyst) orderIn(things [][]*stratum, apart bool) ordering {
	if apart {
		return unknown
	}
	o := orderOf(a.sequence(things), len(things))
	if o == unknown && a.planned(things) {
		return drawn
	}
	return o
}

// planned reports whether all rows ran by a plan of chimera's, which draws the
// order of everything in every block, or by agents that drew their own: a
// reading of kind "agent-order" says so.
func (a *analyst) planned(things [][]*stratum) bool {
	for _, strata := range things {
		for _, g := range strata {
			if g.origin == sample.Imported || !a.drew(g.key.run) && !slices.ContainsFunc(a.manifests, func(m *sample.Manifest) bool { return m.Run == g.key.run && m.PlanDigest != "" && len(m.Spec) > 0 }) {
				return false
			}
		}
	}
	return true
}

// drew reports whether the agents of a run took turns in an order that was drawn.
func (a *analyst) drew(run string) bool {
	return slices.ContainsFunc(a.readings, func(r *sample.Reading) bool { return r.Kind == "agent-order" && r.Run == run && r.Value.OK() })
}

// orderOf judges the order of k things from where their rows lay.
func orderOf(seq []placed, k int) ordering {
	if k < 2 {
		return noOrder
	}
	stretches := 0
	for i := range seq {
		if i == 0 || seq[i].thing != seq[i-1].thing {
			stretches++
		}
	}
	if stretches <= k {
		return nested
	}
	passes := passesOf(seq, k)
	if len(passes) < 2 {
		return unknown
	}
	for _, p := range passes[1:] {
		if !slices.Equal(p, passes[0]) {
			return drawn
		}
	}
	chance := math.Exp(-float64(len(passes)-1) * logFactorial(k))
	if chance < maxCycle {
		return cycled
	}
	return unknown
}

// passesOf returns the order in which the things first appeared in each block,
// or, within a single block, in each round; only complete passes count.
func passesOf(seq []placed, k int) [][]int {
	blocks := len(seq) > 0 && slices.ContainsFunc(seq, func(p placed) bool { return p.block != seq[0].block })
	var passes [][]int
	var now []int
	close := func() {
		if len(now) == k {
			passes = append(passes, now)
		}
		now = nil
	}
	for i, p := range seq {
		switch {
		case blocks && i > 0 && p.block != seq[i-1].block:
			close()
		case !blocks && len(now) == k && p.thing != seq[i-1].thing:
			close()
		}
		if !slices.Contains(now, p.thing) {
			now = append(now, p.thing)
		}
	}
	close()
	return passes
}

func logFactorial(k int) float64 {
	l, _ := math.Lgamma(float64(k) + 1)
	return l
}
