package stats

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// NewRand returns the generator for a stored seed. Equal seeds give equal
// results wherever a generator is a parameter.
func NewRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) }

// A Statistic is a number computed from a sample, with the least n at which
// resampling tells something about the population.
type Statistic struct {
	Name  string
	Least int
	Of    func(x []float64) float64 // may reorder x, must not keep it
}

// The statistics whose bootstrap is understood. Medians and spreads of tiny
// samples take few distinct values, so they need more.
var (
	BootMean     = Statistic{"mean", 8, meanOf}
	BootMedian   = Statistic{"median", 15, medianInPlace}
	BootGeoMean  = Statistic{"geometric mean", 8, func(x []float64) float64 { return math.Exp(meanOf(logs(x))) }}
	BootSD       = Statistic{"sd", 15, func(x []float64) float64 { return math.Sqrt(varianceOf(x)) }}
	BootRobustSD = Statistic{"robust sd", 15, func(x []float64) float64 { slices.Sort(x); return madToSD * madSorted(x) }}
)

func medianInPlace(x []float64) float64 {
	slices.Sort(x)
	return quantileSorted(x, 0.5)
}

// A Bootstrap is the outcome of resampling.
type Bootstrap struct {
	Value      float64  // the statistic of the sample itself
	BCa        Interval // bias-corrected and accelerated
	Percentile Interval // for comparison only
	SE         float64  // standard deviation over the resamples
	Z0, A      float64  // bias correction and acceleration
	TailLo     float64  // the quantiles of the resamples at which BCa was read
	TailHi     float64
	Resamples  int
	Exhaustive bool // all nⁿ resamples were enumerated: nothing is random
	Warnings   []Warning
}

// exhaustiveN is the largest n whose nⁿ resamples are enumerated (3125).
const exhaustiveN = 5

// BootstrapBCa resamples x with replacement and returns Efron's (1987) BCa
// interval:
//
//	z₀ = Φ⁻¹((#{θ*<θ̂} + ½#{θ*=θ̂})/B)
//	a  = Σ(θ̄−θ₍ᵢ₎)³ / (6(Σ(θ̄−θ₍ᵢ₎)²)^{3/2})  over the leave-one-out values
//	α± = Φ(z₀ + (z₀+z±)/(1−a(z₀+z±)))
//
// b is the number of resamples (10000 is usual); up to n = 5 all nⁿ are
// enumerated, b and r are ignored and r may be nil. Below st.Least the result
// describes the sample only, and a warning says so: [BootstrapInterval] then
// refuses.
func BootstrapBCa(x []float64, st Statistic, level float64, b int, r *rand.Rand) (Bootstrap, error) {
	if err := check("bootstrap of the "+st.Name, x, 2); err != nil {
		return Bootstrap{}, err
	}
	buf := make([]float64, 0, len(x))
	res := resampler{sizes: []int{len(x)}, eval: func(idx [][]int) float64 {
		buf = gather(buf[:0], x, idx[0])
		return st.Of(buf)
	}}
	out, err := res.bca(level, b, r)
	if err == nil && len(x) < st.Least {
		out.Warnings = append(out.Warnings, tooFewToInfer(st, len(x)))
	}
	return out, err
}

// BootstrapInterval is the BCa interval for inference. It is refused below
// st.Least values: 8 for means, 15 for medians and spreads.
func BootstrapInterval(x []float64, st Statistic, level float64, b int, r *rand.Rand) (Interval, error) {
	if len(x) < st.Least {
		return Interval{}, tooFewToInfer(st, len(x))
	}
	out, err := BootstrapBCa(x, st, level, b, r)
	return out.BCa, err
}

func tooFewToInfer(st Statistic, n int) Warning {
	return warnf(TooFew, "bootstrap of the %s: do not infer (n=%d; needs >= %d)", st.Name, n, st.Least)
}

// ClusterBootstrap resamples whole groups (values that share a start, a block
// or an item), because values within a group are alike and count as less than
// their number. The statistic is of all values of the drawn groups together.
func ClusterBootstrap(groups [][]float64, st Statistic, level float64, b int, r *rand.Rand) (Bootstrap, error) {
	for _, g := range groups {
		if err := check("cluster bootstrap of the "+st.Name, g, 1); err != nil {
			return Bootstrap{}, err
		}
	}
	if len(groups) < 2 {
		return Bootstrap{}, warnf(TooFew, "cluster bootstrap of the %s: n/a (groups=%d; needs >= 2)", st.Name, len(groups))
	}
	var buf []float64
	res := resampler{sizes: []int{len(groups)}, eval: func(idx [][]int) float64 {
		buf = buf[:0]
		for _, i := range idx[0] {
			buf = append(buf, groups[i]...)
		}
		return st.Of(buf)
	}}
	out, err := res.bca(level, b, r)
	if err == nil && len(groups) < 8 {
		out.Warnings = append(out.Warnings, warnf(TooFew, "cluster bootstrap of the %s: do not infer (groups=%d; needs >= 8)", st.Name, len(groups)))
	}
	return out, err
}

// BootstrapRatio resamples both samples and returns the BCa interval for
// st(b)/st(a), e.g. the ratio of robust standard deviations: a change in spread
// is a finding of its own.
func BootstrapRatio(a, b []float64, st Statistic, level float64, m int, r *rand.Rand) (Bootstrap, error) {
	if err := checkPair("bootstrap ratio of the "+st.Name, a, b, 2); err != nil {
		return Bootstrap{}, err
	}
	bufA, bufB := make([]float64, 0, len(a)), make([]float64, 0, len(b))
	res := resampler{sizes: []int{len(a), len(b)}, eval: func(idx [][]int) float64 {
		bufA, bufB = gather(bufA[:0], a, idx[0]), gather(bufB[:0], b, idx[1])
		return st.Of(bufB) / st.Of(bufA)
	}}
	out, err := res.bca(level, m, r)
	if n := min(len(a), len(b)); err == nil && n < st.Least {
		out.Warnings = append(out.Warnings, tooFewToInfer(st, n))
	}
	return out, err
}

func gather(dst, x []float64, idx []int) []float64 {
	for _, i := range idx {
		dst = append(dst, x[i])
	}
	return dst
}

// A resampler draws units with replacement within each stratum.
type resampler struct {
	sizes []int // units per stratum
	eval  func(idx [][]int) float64
}

func (s resampler) bca(level float64, b int, r *rand.Rand) (Bootstrap, error) {
	if err := checkFraction("level", level); err != nil {
		return Bootstrap{}, err
	}
	out := Bootstrap{Value: s.eval(s.identity())}
	theta, err := s.resample(b, r, &out)
	if err != nil {
		return Bootstrap{}, err
	}
	for _, v := range append(theta, out.Value) {
		if !isFinite(v) {
			return Bootstrap{}, warnf(Degenerate, "bootstrap: n/a (the statistic of a resample is %v)", v)
		}
	}
	slices.Sort(theta)
	if theta[0] == theta[len(theta)-1] {
		return Bootstrap{}, warnf(Degenerate, "bootstrap: n/a (all resamples give %v)", theta[0])
	}
	out.SE = math.Sqrt(varianceOf(theta))
	if !isFinite(out.SE) {
		return Bootstrap{}, warnf(Overflow, "bootstrap: the spread of the resamples does not fit a 64-bit number")
	}
	if out.Exhaustive { // the full distribution, not a sample of it
		out.SE *= math.Sqrt(1 - 1/float64(len(theta)))
	}
	return out, s.intervals(&out, theta, level)
}

// intervals reads the percentile and BCa intervals off the sorted resamples.
func (s resampler) intervals(out *Bootstrap, theta []float64, level float64) error {
	// Values that differ from θ̂ by rounding only are ties.
	eps := 1e-12 * math.Abs(out.Value)
	below, _ := slices.BinarySearch(theta, out.Value-eps)
	upTo, _ := slices.BinarySearch(theta, math.Nextafter(out.Value+eps, math.Inf(1)))
	share := (float64(below) + float64(upTo-below)/2) / float64(len(theta))
	if share <= 0 || share >= 1 {
		return warnf(Degenerate, "bootstrap: n/a (every resample lies on one side of the estimate)")
	}
	out.Z0, out.A = normQuantile(share), s.acceleration()
	tail := func(z float64) float64 {
		return distuv.UnitNormal.CDF(out.Z0 + (out.Z0+z)/(1-out.A*(out.Z0+z)))
	}
	z := normQuantile(0.5 + level/2)
	out.TailLo, out.TailHi = tail(-z), tail(z)
	if !(out.TailLo < out.TailHi) {
		return warnf(Degenerate, "bootstrap: n/a (one value decides the statistic: acceleration %.3g)", out.A)
	}
	out.BCa = Interval{quantileSorted(theta, out.TailLo), quantileSorted(theta, out.TailHi), level, "bca"}
	out.Percentile = Interval{quantileSorted(theta, 0.5-level/2), quantileSorted(theta, 0.5+level/2), level, "percentile"}
	return nil
}

func (s resampler) identity() [][]int {
	idx := make([][]int, len(s.sizes))
	for k, n := range s.sizes {
		idx[k] = make([]int, n)
		for i := range idx[k] {
			idx[k][i] = i
		}
	}
	return idx
}

func (s resampler) resample(b int, r *rand.Rand, out *Bootstrap) ([]float64, error) {
	if len(s.sizes) == 1 && s.sizes[0] <= exhaustiveN {
		out.Exhaustive = true
		theta := s.enumerate()
		out.Resamples = len(theta)
		return theta, nil
	}
	units := 0
	for _, n := range s.sizes {
		units += n
	}
	if cost := float64(units) * float64(max(b, units)); cost > 1e9 {
		return nil, warnf(BadArgument, "bootstrap: %d values and %d resamples take too long; use the t or order-statistic interval", units, b)
	}
	if b < 100 {
		return nil, warnf(BadArgument, "the resamples must be at least 100, but are %d", b)
	}
	if r == nil {
		return nil, warnf(BadArgument, "bootstrap: needs a random generator")
	}
	idx, theta := s.identity(), make([]float64, b)
	for t := range theta {
		for k, n := range s.sizes {
			for i := range idx[k] {
				idx[k][i] = r.IntN(n)
			}
		}
		theta[t] = s.eval(idx)
	}
	out.Resamples = b
	return theta, nil
}

// enumerate evaluates all nⁿ resamples of a single stratum by counting in base n.
func (s resampler) enumerate() []float64 {
	n := s.sizes[0]
	idx := [][]int{make([]int, n)}
	var theta []float64
	for {
		theta = append(theta, s.eval(idx))
		i := 0
		for ; i < n; i++ {
			if idx[0][i]++; idx[0][i] < n {
				break
			}
			idx[0][i] = 0
		}
		if i == n {
			return theta
		}
	}
}

// acceleration is the jackknife estimate; with several strata each influence
// is weighted by its stratum's size (Efron and Tibshirani 1993, §14.3).
func (s resampler) acceleration() float64 {
	var cube, square float64
	full := s.identity()
	for k, n := range s.sizes {
		theta := make([]float64, n)
		for i := range theta {
			idx := slices.Clone(full)
			idx[k] = slices.Concat(full[k][:i], full[k][i+1:])
			theta[i] = s.eval(idx)
		}
		mean := meanOf(theta)
		for _, v := range theta {
			u := (mean - v) * float64(n-1) / float64(n)
			square += u * u
			cube += u * u * u
		}
	}
	a := cube / (6 * math.Pow(square, 1.5))
	if !isFinite(a) {
		return 0 // the jackknife sees no influence: no acceleration
	}
	return a
}
