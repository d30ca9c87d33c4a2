package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// USL is a fit of the universal scalability law (Gunther 2007),
//
//	X(N) = λN / (1 + σ(N−1) + κN(N−1)),  σ, κ ≥ 0:
//
// λ is the throughput of one, σ the share that waits in line (contention), κ
// the cost of agreeing (coherency). With κ = 0 it is Amdahl's law.
type USL struct {
	Lambda, Sigma, Kappa Estimate
	R2                   float64
	Peak                 Opt // N* = √((1−σ)/κ), where throughput is greatest
	PeakThroughput       Opt // X(N*)
	Warnings             []Warning
}

// At returns the fitted throughput at concurrency n.
func (u USL) At(n float64) float64 { return uslAt(n, u.Lambda.Value, u.Sigma.Value, u.Kappa.Value) }

func uslAt(n, l, s, k float64) float64 { return l * n / (1 + s*(n-1) + k*n*(n-1)) }

// FitUSL fits the law by non-linear least squares under σ, κ ≥ 0. It needs six
// different concurrencies, because three parameters are estimated; repeated
// concurrencies are welcome.
func FitUSL(n, x []float64, level float64) (USL, error) { return fitScaling(n, x, level, 6, true) }

// FitAmdahl fits the law with κ = 0. It needs three different concurrencies.
func FitAmdahl(n, x []float64, level float64) (USL, error) { return fitScaling(n, x, level, 3, false) }

func fitScaling(n, x []float64, level float64, need int, kappa bool) (USL, error) {
	if err := firstError(checkFraction("level", level), checkSame("scaling fit", n, x),
		checkPositive("scaling fit, concurrency", n, 1), checkPositive("scaling fit, throughput", x, 1)); err != nil {
		return USL{}, err
	}
	if slices.Min(n) < 1 {
		return USL{}, warnf(BadArgument, "scaling fit: the concurrency must be at least 1, but is %v", slices.Min(n))
	}
	if d := len(slices.Compact(sorted(n))); d < need {
		return USL{}, warnf(TooFew, "scaling fit: n/a (%d different concurrencies; needs >= %d)", d, need)
	}
	// The optimum under bounds is a free optimum of the model itself or of one
	// with some parameter at its bound: try them all, keep the best feasible.
	best := uslFit{sse: math.Inf(1)}
	for _, free := range [][]int{{0, 1, 2}, {0, 1}, {0, 2}, {0}} {
		if !kappa && slices.Contains(free, 2) {
			continue
		}
		if f := newUSLFit(n, x, free); f.p[1] >= 0 && f.p[2] >= 0 && f.sse < best.sse {
			best = f
		}
	}
	return best.result(n, x, level, kappa)
}

// uslFit is one least-squares fit; parameters outside free stay 0.
type uslFit struct {
	free []int // indices into p
	p    [3]float64
	sse  float64
}

// newUSLFit runs Levenberg–Marquardt from several starts.
func newUSLFit(n, x []float64, free []int) uslFit {
	best := uslFit{sse: math.Inf(1)}
	for _, start := range [][2]float64{{0.1, 1e-3}, {0.01, 1e-5}, {0.5, 0.05}} {
		f := uslFit{free: free, p: [3]float64{1, start[0], start[1]}}
		for i := 1; i < 3; i++ {
			if !slices.Contains(free, i) {
				f.p[i] = 0
			}
		}
		f.p[0] = bestLambda(n, x, f.p)
		f.sse = f.error(n, x, f.p)
		f.descend(n, x)
		if f.sse < best.sse {
			best = f
		}
	}
	return best
}

// bestLambda solves the linear parameter exactly.
func bestLambda(n, x []float64, p [3]float64) float64 {
	var num, den float64
	for i := range n {
		g := uslAt(n[i], 1, p[1], p[2])
		num += x[i] * g
		den += g * g
	}
	return num / den
}

func (f *uslFit) error(n, x []float64, p [3]float64) float64 {
	s := 0.0
	for i := range n {
		if 1+p[1]*(n[i]-1)+p[2]*n[i]*(n[i]-1) <= 0 {
			return math.Inf(1) // beyond the pole of the law
		}
		r := x[i] - uslAt(n[i], p[0], p[1], p[2])
		s += r * r
	}
	return s
}

func (f *uslFit) descend(n, x []float64) {
	for damp, iter := 1e-3, 0; iter < 500 && damp < 1e12; iter++ {
		step, ok := f.step(n, x, damp)
		if !ok {
			damp *= 10
			continue
		}
		p := f.p
		for i, j := range f.free {
			p[j] += step[i]
		}
		if e := f.error(n, x, p); e < f.sse {
			done := f.sse-e <= 1e-15*f.sse
			f.p, f.sse, damp = p, e, max(damp/10, 1e-12)
			if done {
				return
			}
		} else {
			damp *= 10
		}
	}
}

// jacobian returns ∂X/∂p for the free parameters.
func (f *uslFit) jacobian(n []float64) *mat.Dense {
	j := mat.NewDense(len(n), len(f.free), nil)
	for r, v := range n {
		x := uslAt(v, f.p[0], f.p[1], f.p[2])
		den := 1 + f.p[1]*(v-1) + f.p[2]*v*(v-1)
		all := [3]float64{x / f.p[0], -x * (v - 1) / den, -x * v * (v - 1) / den}
		for c, k := range f.free {
			j.Set(r, c, all[k])
		}
	}
	return j
}

func (f *uslFit) normal(n []float64) (j *mat.Dense, jtj *mat.SymDense) {
	j = f.jacobian(n)
	jtj = mat.NewSymDense(len(f.free), nil)
	jtj.SymOuterK(1, j.T())
	return j, jtj
}

func (f *uslFit) step(n, x []float64, damp float64) ([]float64, bool) {
	j, a := f.normal(n)
	r := mat.NewVecDense(len(n), nil)
	for i := range n {
		r.SetVec(i, x[i]-uslAt(n[i], f.p[0], f.p[1], f.p[2]))
	}
	var g, step mat.VecDense
	g.MulVec(j.T(), r)
	for i := range f.free {
		a.SetSym(i, i, a.At(i, i)*(1+damp))
	}
	var chol mat.Cholesky
	if !chol.Factorize(a) || chol.SolveVecTo(&step, &g) != nil {
		return nil, false
	}
	return step.RawVector().Data, true
}

func (f *uslFit) result(n, x []float64, level float64, kappa bool) (USL, error) {
	if !isFinite(f.sse) || !isFinite(f.p[0]) {
		return USL{}, warnf(PoorFit, "scaling fit: n/a (no curve of the law comes near the data)")
	}
	var u USL
	m := meanOf(x)
	sst := 0.0
	for _, v := range x {
		sst += (v - m) * (v - m)
	}
	u.R2 = 1
	if f.sse > 0 {
		u.R2 = 1 - f.sse/sst
	}
	out := []*Estimate{&u.Lambda, &u.Sigma, &u.Kappa}
	for i, e := range out {
		e.N, e.Value = len(n), f.p[i]
	}
	f.intervals(n, level, out)
	if !kappa {
		u.Kappa.Warnings = nil // fixed by the model, not at a bound
	}
	u.Peak, u.PeakThroughput = f.peak()
	if u.R2 < 0.9 {
		u.Warnings = append(u.Warnings, warnf(PoorFit, "the scaling law explains %.0f %% of the variation only", 100*max(0, u.R2)))
	}
	return u, nil
}

func (f *uslFit) peak() (n, x Opt) {
	switch {
	case f.p[2] <= 0:
		n = none(Degenerate, "no peak: κ = 0, throughput grows to a limit")
	case f.p[1] >= 1:
		n = none(Degenerate, "no peak: σ = %.3g, throughput falls from the start", f.p[1])
	default:
		at := math.Sqrt((1 - f.p[1]) / f.p[2])
		return some(at), some(uslAt(at, f.p[0], f.p[1], f.p[2]))
	}
	return n, n
}

// intervals linearises the law at the fit: s²(JᵀJ)⁻¹, cut off at the bounds.
func (f *uslFit) intervals(n []float64, level float64, out []*Estimate) {
	for _, e := range out[1:] {
		if e.Value == 0 {
			e.warn(warnf(Clamped, "the parameter is at its bound 0"))
		}
	}
	df := float64(len(n) - len(f.free))
	_, a := f.normal(n)
	var chol mat.Cholesky
	var cov mat.SymDense
	if df < 1 || !chol.Factorize(a) || chol.InverseTo(&cov) != nil {
		for _, k := range f.free {
			out[k].warn(warnf(TooFew, "no interval (n=%d for %d parameters)", len(n), len(f.free)))
		}
		return
	}
	t := tQuantile(0.5+level/2, df)
	for i, k := range f.free {
		h := t * math.Sqrt(f.sse/df*cov.At(i, i))
		out[k].addInterval(newInterval(max(0, f.p[k]-h), f.p[k]+h, level, "nls"))
	}
}

// Amdahl returns the speedup of the whole when each share[i] of the time
// becomes factor[i] times as fast and the rest stays: 1/(1 − Σf + Σf/s)
// (Amdahl 1967). Speedups are never multiplied.
func Amdahl(share, factor []float64) (float64, error) {
	if err := firstError(checkSame("Amdahl", share, factor), checkPositive("Amdahl, share", share, 1),
		checkPositive("Amdahl, factor", factor, 1)); err != nil {
		return 0, err
	}
	rest, time := 1.0, 0.0
	for i, f := range share {
		rest -= f
		time += f / factor[i]
	}
	if rest < -1e-12 {
		return 0, warnf(BadArgument, "Amdahl: the shares add up to %v, but must not exceed 1", 1-rest)
	}
	return 1 / (max(0, rest) + time), nil
}

// A Concurrency compares tasks run together with the same tasks run alone.
type Concurrency struct {
	Speedup    float64   // Σ solo / wall: above 1, running together saved time
	Efficiency float64   // Speedup / number of tasks
	Slowdown   []float64 // together / solo, per task
	Weighted   float64   // Σ solo/together
	Fairness   float64   // Jain's index of 1/slowdown
}

// ConcurrencySpeedup needs, for every task, its duration alone and together
// with the others, and the wall time of running together. Without the solo
// durations there is no speedup: (Σ together)/max(together) lies between 1 and
// the number of tasks whatever happens.
func ConcurrencySpeedup(solo, together []float64, wall float64) (Concurrency, error) {
	if err := firstError(checkSame("concurrency speedup", solo, together), checkPositive("concurrency speedup, solo", solo, 1),
		checkPositive("concurrency speedup, together", together, 1),
		checkPositive("concurrency speedup, wall", []float64{wall}, 1)); err != nil {
		return Concurrency{}, err
	}
	c := Concurrency{Slowdown: make([]float64, len(solo))}
	pace := make([]float64, len(solo))
	for i := range solo {
		c.Slowdown[i], pace[i] = together[i]/solo[i], solo[i]/together[i]
	}
	c.Speedup, c.Weighted = sumOf(solo)/wall, sumOf(pace)
	c.Efficiency = c.Speedup / float64(len(solo))
	fair, err := Jain(pace)
	c.Fairness = fair
	return c, err
}

// Jain returns the fairness index (Σx)²/(n·Σx²) of shares x ≥ 0: 1 if all are
// equal, 1/n if one has everything (Jain, Chiu and Hawe 1984).
func Jain(x []float64) (float64, error) {
	if err := check("Jain index", x, 1); err != nil {
		return 0, err
	}
	top := slices.Max(x)
	if slices.Min(x) < 0 || top == 0 {
		return 0, warnf(NotPositive, "Jain index: needs shares of at least 0, one above 0")
	}
	var s, q float64
	for _, v := range x {
		s += v / top
		q += v / top * v / top
	}
	return s * s / (float64(len(x)) * q), nil
}
