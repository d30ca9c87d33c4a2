package stats

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// ChangeOptions say how change points are sought. The zero value of a field
// means its default.
type ChangeOptions struct {
	Window       int        // values looked at together; default 50
	MaxP         float64    // default 0.001: at 0.05 half of all noise series of 50 alarm
	MinMagnitude float64    // least relative change to keep, e.g. 0.02; default 0
	Permutations int        // above 0: permutation test instead of t
	Rand         *rand.Rand // needed with Permutations
}

// A ChangePoint is an index where the level of a series changes: x[Index] is
// the first value of the new level.
type ChangePoint struct {
	Index         int
	Before, After float64 // means of the neighbouring segments
	Change        Opt     // After/Before − 1, absent if Before is 0
	P             float64
}

// Changes are the change points of a series, in order.
type Changes struct {
	Points   []ChangePoint
	Warnings []Warning
}

// ChangePoints finds changes of level in a series in time order by E-divisive
// means (Matteson and James 2014) with the t-test and the bottom-up merge of
// Hunter (Fleming et al. 2023): each window is split where the energy distance
//
//	Q = 2/(m+n)·ΣΣ|x−y| − 2m/((m+n)(n−1))·Σ|x−x'| − 2n/((m+n)(m−1))·Σ|y−y'|
//
// is greatest, while that split has p ≤ 10·MaxP; then the weakest are dropped
// until all have p < MaxP and a change above MinMagnitude. With Permutations
// the p of a split is (b+1)/(m+1) over shuffles of its segment, and there is
// no merge. Variances divide by n−1. It needs four values; a segment has at
// least two. Values that hang together raise false alarms: a warning says so.
func ChangePoints(x []float64, opt ChangeOptions) (Changes, error) {
	if err := check("change points", x, 4); err != nil {
		return Changes{}, err
	}
	if opt.Window == 0 {
		opt.Window = 50
	}
	if opt.MaxP == 0 {
		opt.MaxP = 0.001
	}
	if err := opt.check(); err != nil {
		return Changes{}, err
	}
	s := search{x: x, opt: opt, p: map[int]float64{}}
	cuts := s.windows()
	if opt.Permutations == 0 {
		cuts = s.merge(cuts)
	} else {
		cuts = slices.DeleteFunc(cuts, func(c int) bool { return !s.large(cuts, c) })
	}
	var out Changes
	for _, c := range cuts {
		out.Points = append(out.Points, s.point(cuts, c))
	}
	if a, err := Lag1(s.residuals(cuts)); err == nil {
		out.Warnings = a.Warnings
	}
	return out, nil
}

func (o ChangeOptions) check() error {
	if o.Window < 4 {
		return warnf(BadArgument, "the window must be at least 4, but is %d", o.Window)
	}
	if err := checkFraction("largest p", o.MaxP); err != nil {
		return err
	}
	if o.Permutations > 0 && (o.Rand == nil || 1/float64(o.Permutations+1) > o.MaxP) {
		return warnf(BadArgument, "p <= %v needs a random generator and at least %.0f permutations, but there are %d",
			o.MaxP, math.Ceil(1/o.MaxP)-1, o.Permutations)
	}
	return nil
}

type search struct {
	x   []float64
	opt ChangeOptions
	p   map[int]float64 // permutation p of each accepted split
}

// windows slides over the series by half a window, or to the last change
// found, and collects the splits of each.
func (s *search) windows() []int {
	var cuts []int
	for start := 0; start < len(s.x); {
		end := min(start+s.opt.Window, len(s.x))
		found := s.divide(start, end)
		next := start + max(1, s.opt.Window/2)
		for _, c := range found {
			next = max(next, c)
			if !slices.Contains(cuts, c) {
				cuts = append(cuts, c)
			}
		}
		start = next
	}
	slices.Sort(cuts)
	return cuts
}

// divide splits [start, end) at its best candidate over all segments as long
// as that is significant.
func (s *search) divide(start, end int) []int {
	edges := []int{start, end}
	for {
		cut, seg, best := 0, 0, math.Inf(-1)
		for i := range len(edges) - 1 {
			if c, q := bestSplit(s.x[edges[i]:edges[i+1]]); q > best {
				cut, seg, best = edges[i]+c, i, q
			}
		}
		if math.IsInf(best, -1) || !s.accepts(edges[seg], cut, edges[seg+1], best) {
			return edges[1 : len(edges)-1]
		}
		edges = slices.Insert(edges, seg+1, cut)
	}
}

func (s *search) accepts(lo, cut, hi int, q float64) bool {
	if s.opt.Permutations > 0 {
		p := s.permutationP(s.x[lo:hi], q)
		s.p[cut] = p
		return p <= s.opt.MaxP
	}
	limit := s.opt.MaxP
	switch { // the first pass is generous, the merge is not
	case limit < 0.05:
		limit *= 10
	case limit < 0.5:
		limit *= 2
	}
	return pooledT(s.x[lo:cut], s.x[cut:hi]) <= limit
}

func (s *search) permutationP(seg []float64, q float64) float64 {
	shuffled, beyond := slices.Clone(seg), 0
	for range s.opt.Permutations {
		s.opt.Rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if _, v := bestSplit(shuffled); v >= q*(1-1e-12) {
			beyond++
		}
	}
	return float64(beyond+1) / float64(s.opt.Permutations+1)
}

// bestSplit returns the split of seg with the greatest Q, or −∞ if seg is too
// short. One value at a time crosses from right to left.
func bestSplit(seg []float64) (cut int, best float64) {
	best = math.Inf(-1)
	var cross, left, right float64
	for i := range seg {
		for j := i + 1; j < len(seg); j++ {
			right += math.Abs(seg[i] - seg[j])
		}
	}
	for c := 1; c <= len(seg)-2; c++ {
		v := seg[c-1]
		for _, l := range seg[:c-1] {
			d := math.Abs(v - l)
			left, cross = left+d, cross-d
		}
		for _, r := range seg[c:] {
			d := math.Abs(v - r)
			right, cross = right-d, cross+d
		}
		if c < 2 {
			continue
		}
		n, m := float64(c), float64(len(seg)-c)
		q := 2/(m+n)*cross - 2*m/((m+n)*(n-1))*left - 2*n/((m+n)*(m-1))*right
		if q > best {
			cut, best = c, q
		}
	}
	return cut, best
}

// pooledT is Student's two-sided p with pooled variance, as Hunter has it.
// Segments without any variation are judged by the chance that a random order
// separates them.
func pooledT(a, b []float64) float64 {
	na, nb := float64(len(a)), float64(len(b))
	if flat(a) && flat(b) {
		if a[0] == b[0] {
			return 1
		}
		return MannWhitneyLeastP(len(a), len(b))
	}
	df := na + nb - 2
	v := ((na-1)*varianceOf(a) + (nb-1)*varianceOf(b)) / df
	t := math.Abs(meanOf(a)-meanOf(b)) / math.Sqrt(v*(1/na+1/nb))
	if !isFinite(t) {
		return 1
	}
	return unitP(2 * tTail(t, df))
}

// around returns the segments on both sides of cut.
func (s *search) around(cuts []int, cut int) (before, after []float64) {
	i, _ := slices.BinarySearch(cuts, cut)
	lo, hi := 0, len(s.x)
	if i > 0 {
		lo = cuts[i-1]
	}
	if i+1 < len(cuts) {
		hi = cuts[i+1]
	}
	return s.x[lo:cut], s.x[cut:hi]
}

func (s *search) point(cuts []int, cut int) ChangePoint {
	a, b := s.around(cuts, cut)
	c := ChangePoint{Index: cut, Before: meanOf(a), After: meanOf(b)}
	if c.Change = none(Degenerate, "relative change: n/a (the level before is 0)"); c.Before != 0 {
		c.Change = some(c.After/c.Before - 1)
	}
	if p, ok := s.p[cut]; ok {
		c.P = p
	} else {
		c.P = pooledT(a, b)
	}
	return c
}

func (s *search) large(cuts []int, cut int) bool {
	c := s.point(cuts, cut).Change
	return !c.OK || math.Abs(c.V) > s.opt.MinMagnitude || s.opt.MinMagnitude == 0
}

// merge drops the weakest change until all are significant and large.
func (s *search) merge(cuts []int) []int {
	for len(cuts) > 0 {
		weakest := slices.MaxFunc(cuts, func(a, b int) int { return cmp.Compare(s.point(cuts, a).P, s.point(cuts, b).P) })
		if s.point(cuts, weakest).P < s.opt.MaxP {
			small := slices.IndexFunc(cuts, func(c int) bool { return !s.large(cuts, c) })
			if small < 0 {
				return cuts
			}
			weakest = cuts[small]
		}
		i, _ := slices.BinarySearch(cuts, weakest)
		cuts = slices.Delete(slices.Clone(cuts), i, i+1)
	}
	return cuts
}

// residuals subtracts from each value the mean of its segment.
func (s *search) residuals(cuts []int) []float64 {
	out := slices.Clone(s.x)
	edges := slices.Concat([]int{0}, cuts, []int{len(out)})
	for i := range len(edges) - 1 {
		seg := out[edges[i]:edges[i+1]]
		m := meanOf(seg)
		for j := range seg {
			seg[j] -= m
		}
	}
	return out
}
