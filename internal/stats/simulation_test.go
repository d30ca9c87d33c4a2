package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"chimera/internal/stats"
)

const runs = 2000

func normal(r *rand.Rand, n int, mean, sd float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = mean + sd*r.NormFloat64()
	}
	return x
}

// share returns how often f holds over seeded runs.
func share(seed uint64, n int, f func(r *rand.Rand) bool) float64 {
	r, hits := stats.NewRand(seed), 0
	for range n {
		if f(r) {
			hits++
		}
	}
	return float64(hits) / float64(n)
}

// TestNoFalseAlarms: of two samples of one population, a test at 0.05 sees a
// difference in 4 to 6 % of runs.
func TestNoFalseAlarms(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
		p    func(a, b []float64, r *rand.Rand) (stats.Test, error)
	}{
		{"Mann-Whitney, exact", 20, func(a, b []float64, _ *rand.Rand) (stats.Test, error) { return stats.MannWhitney(a, b, 0.05) }},
		{"Mann-Whitney, approximate", 60, func(a, b []float64, _ *rand.Rand) (stats.Test, error) { return stats.MannWhitney(a, b, 0.05) }},
		{"Welch", 10, func(a, b []float64, _ *rand.Rand) (stats.Test, error) { return stats.Welch(a, b) }},
		{"permutation, exact", 6, func(a, b []float64, _ *rand.Rand) (stats.Test, error) { return stats.Permutation(a, b, 0, nil) }},
		{"permutation, random", 12, func(a, b []float64, r *rand.Rand) (stats.Test, error) { return stats.Permutation(a, b, 199, r) }},
		{"paired t", 10, func(a, b []float64, _ *rand.Rand) (stats.Test, error) { return stats.PairedT(minus(a, b)) }},
		{"Wilcoxon", 15, func(a, b []float64, _ *rand.Rand) (stats.Test, error) { return stats.Wilcoxon(minus(a, b)) }},
		{"Kruskal-Wallis", 20, func(a, b []float64, r *rand.Rand) (stats.Test, error) {
			o, err := stats.KruskalWallis([][]float64{a, b, normal(r, 20, 100, 2)})
			return o.Test, err
		}},
		{"Welch ANOVA", 15, func(a, b []float64, r *rand.Rand) (stats.Test, error) {
			return stats.WelchANOVA([][]float64{a, b, normal(r, 30, 100, 5)})
		}},
		{"Friedman", 30, func(a, b []float64, r *rand.Rand) (stats.Test, error) {
			c, blocks := normal(r, len(a), 100, 2), make([][]float64, len(a))
			for i := range blocks {
				blocks[i] = []float64{a[i], b[i], c[i]}
			}
			o, err := stats.Friedman(blocks)
			return o.Test, err
		}},
		{"analysis of variance", 8, func(a, b []float64, _ *rand.Rand) (stats.Test, error) {
			side, block := stats.Factor{Name: "side"}, stats.Factor{Name: "block"}
			for i := range 2 * len(a) {
				side.Levels = append(side.Levels, []string{"a", "b"}[i/len(a)])
				block.Levels = append(block.Levels, string(rune('0'+i%len(a))))
			}
			v, err := stats.AnalyzeVariance(slices.Concat(a, b), []stats.Factor{side, block}, false)
			term, _ := v.Term("side")
			return stats.Test{P: term.P}, err
		}},
		{"Brown-Forsythe", 30, func(a, b []float64, _ *rand.Rand) (stats.Test, error) { return stats.BrownForsythe([][]float64{a, b}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := share(1, runs, func(r *rand.Rand) bool {
				a, b := normal(r, c.n, 100, 2), normal(r, c.n, 100, 2)
				return must[stats.Test](t)(c.p(a, b, r)).P <= 0.05
			})
			t.Logf("%.2f %%", 100*got)
			if got < 0.04 || got > 0.06 {
				t.Errorf("false alarms in %.1f %% of runs, want 4 to 6", 100*got)
			}
		})
	}
}

// TestEquivalenceIsNotGranted: at the very margin, sameness is claimed in at
// most 6 % of runs.
func TestEquivalenceIsNotGranted(t *testing.T) {
	got := share(2, runs, func(r *rand.Rand) bool {
		e := must[stats.Equivalence](t)(stats.Equivalent(normal(r, 20, 100, 1), normal(r, 20, 103, 1), 0.03, 0.05))
		return e.Shown
	})
	if got < 0.04 || got > 0.06 {
		t.Errorf("sameness claimed in %.1f %% of runs at the margin, want 4 to 6", 100*got)
	}
}

// TestPIsUniform: without a difference, all p-values are equally likely
// (Kolmogorov distance below its 1 % point 1.63/√n).
func TestPIsUniform(t *testing.T) {
	r := stats.NewRand(3)
	var p []float64
	for range runs {
		p = append(p, must[stats.Test](t)(stats.Welch(normal(r, 8, 1, 1), normal(r, 12, 1, 1))).P)
	}
	slices.Sort(p)
	far := 0.0
	for i, v := range p {
		far = max(far, math.Abs(v-float64(i)/runs), math.Abs(v-float64(i+1)/runs))
	}
	if limit := 1.63 / math.Sqrt(runs); far > limit {
		t.Errorf("Kolmogorov distance %.4f, want <= %.4f", far, limit)
	}
}

// TestIntervalsCover: a 95 % interval holds the truth in 93 to 97 % of runs.
func TestIntervalsCover(t *testing.T) {
	lognormal := func(r *rand.Rand, n int) []float64 {
		x := normal(r, n, 0, 0.3)
		for i := range x {
			x[i] = math.Exp(x[i])
		}
		return x
	}
	estimate := func(e stats.Estimate, err error) (stats.Interval, error) {
		if err != nil || e.Interval == nil {
			return stats.Interval{}, err
		}
		return *e.Interval, nil
	}
	for _, c := range []struct {
		name  string
		truth float64
		draw  func(r *rand.Rand) (stats.Interval, error)
	}{
		{"mean", 5, func(r *rand.Rand) (stats.Interval, error) {
			return stats.MeanInterval(normal(r, 8, 5, 1), 0.95, math.Inf(-1))
		}},
		{"geometric mean", 1, func(r *rand.Rand) (stats.Interval, error) { return stats.GeoMeanInterval(lognormal(r, 8), 0.95) }},
		{"median", 1, func(r *rand.Rand) (stats.Interval, error) { return stats.MedianInterval(lognormal(r, 20), 0.95) }},
		{"p90", math.Exp(0.3 * 1.2815515655446004), func(r *rand.Rand) (stats.Interval, error) {
			return stats.QuantileInterval(lognormal(r, 150), 0.9, 0.95)
		}},
		{"sd", 1, func(r *rand.Rand) (stats.Interval, error) { return stats.SDInterval(normal(r, 10, 5, 1), 0.95) }},
		{"ratio, unequal spread", 0.9, func(r *rand.Rand) (stats.Interval, error) {
			e, err := stats.RatioOfMeans(normal(r, 10, 100, 1), normal(r, 15, 90, 4), 0.95)
			return estimate(e.Estimate, err)
		}},
		{"paired ratio", 1, func(r *rand.Rand) (stats.Interval, error) {
			e, err := stats.PairedRatio(lognormal(r, 10), lognormal(r, 10), 0.95)
			return estimate(e.Estimate, err)
		}},
		{"Hodges-Lehmann shift", 2, func(r *rand.Rand) (stats.Interval, error) {
			return estimate(stats.HodgesLehmannShift(normal(r, 12, 0, 1), normal(r, 12, 2, 1), 0.95))
		}},
		{"Hodges-Lehmann ratio", 1, func(r *rand.Rand) (stats.Interval, error) {
			return estimate(stats.HodgesLehmannRatio(lognormal(r, 60), lognormal(r, 40), 0.95))
		}},
		{"BCa mean", 5, func(r *rand.Rand) (stats.Interval, error) {
			return stats.BootstrapInterval(normal(r, 30, 5, 1), stats.BootMean, 0.95, 1000, r)
		}},
		{"BCa ratio of spreads", 2, func(r *rand.Rand) (stats.Interval, error) {
			b, err := stats.BootstrapRatio(normal(r, 60, 0, 1), normal(r, 60, 0, 2), stats.BootSD, 0.95, 400, r)
			return b.BCa, err
		}},
		{"two levels", 50, func(r *rand.Rand) (stats.Interval, error) {
			y := make([][]float64, 6)
			for i := range y {
				y[i] = normal(r, 4, 50+2*r.NormFloat64(), 1)
			}
			e, err := stats.Invocations(y, 0.95)
			return estimate(e.Estimate, err)
		}},
		{"slope", 0.5, func(r *rand.Rand) (stats.Interval, error) {
			l, err := stats.LeastSquares(line(r, 12))
			return estimate(l.Slope, err)
		}},
		{"Theil-Sen slope", 0.5, func(r *rand.Rand) (stats.Interval, error) {
			l, err := stats.TheilSen(line(r, 12))
			return estimate(l.Slope, err)
		}},
		{"proportion", 0.3, func(r *rand.Rand) (stats.Interval, error) {
			k := 0
			for range 100 {
				if r.Float64() < 0.3 {
					k++
				}
			}
			return stats.Wilson(k, 100, 0.95)
		}},
		{"USL contention", 0.03, func(r *rand.Rand) (stats.Interval, error) {
			var n, x []float64
			for _, v := range []float64{1, 2, 4, 8, 16, 32, 64, 1, 2, 4, 8, 16, 32, 64} {
				n = append(n, v)
				x = append(x, 100*v/(1+0.03*(v-1)+1e-4*v*(v-1))+5*r.NormFloat64())
			}
			u, err := stats.FitUSL(n, x, 0.95)
			return estimate(u.Sigma, err)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := share(4, runs, func(r *rand.Rand) bool {
				return must[stats.Interval](t)(c.draw(r)).Contains(c.truth)
			})
			t.Logf("%.2f %%", 100*got)
			if got < 0.93 || got > 0.97 {
				t.Errorf("covers the truth in %.1f %% of runs, want 93 to 97", 100*got)
			}
		})
	}
}

// line returns n points around slope 0.5 and the level, ready to be fitted.
func line(r *rand.Rand, n int) (t, y []float64, level float64) {
	y = normal(r, n, 3, 1)
	for i := range y {
		t = append(t, float64(i))
		y[i] += 0.5 * float64(i)
	}
	return t, y, 0.95
}

func minus(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}

// TestPowerIsKept: the effect said to be detectable is detected as often as
// promised.
func TestPowerIsKept(t *testing.T) {
	d := must[float64](t)(stats.DetectableEffect(10, 0.05, 0.8))
	got := share(5, runs, func(r *rand.Rand) bool {
		return must[stats.Test](t)(stats.Welch(normal(r, 10, 0, 1), normal(r, 10, d, 1))).P < 0.05
	})
	if got < 0.78 || got > 0.82 {
		t.Errorf("an effect of %.3f is seen in %.1f %% of runs, want 80", d, 100*got)
	}
}

// TestChangePointAlarms: noise of 50 values alarms rarely at the default p,
// hanging-together noise often, which is why a warning says so.
func TestChangePointAlarms(t *testing.T) {
	alarm := func(x []float64) bool {
		return len(must[stats.Changes](t)(stats.ChangePoints(x, stats.ChangeOptions{})).Points) > 0
	}
	if got := share(6, runs, func(r *rand.Rand) bool { return alarm(normal(r, 50, 100, 1)) }); got < 0.001 || got > 0.03 {
		t.Errorf("noise alarms in %.1f %% of series, want 0.1 to 3", 100*got)
	}
	red := func(r *rand.Rand) []float64 {
		x := normal(r, 50, 0, 1)
		for i := 1; i < len(x); i++ {
			x[i] += 0.5 * x[i-1]
		}
		return x
	}
	if got := share(7, 300, func(r *rand.Rand) bool { return alarm(red(r)) }); got < 0.2 {
		t.Errorf("autocorrelated noise alarms in %.1f %% of series: the documented weakness is gone", 100*got)
	}
	if got := share(8, 300, func(r *rand.Rand) bool {
		x := normal(r, 50, 0, 1)
		for i := 25; i < 50; i++ {
			x[i] += 3
		}
		c := must[stats.Changes](t)(stats.ChangePoints(x, stats.ChangeOptions{}))
		return slices.ContainsFunc(c.Points, func(p stats.ChangePoint) bool { return p.Index >= 24 && p.Index <= 26 })
	}); got < 0.95 {
		t.Errorf("a step of three standard deviations is found in %.1f %% of series, want 95", 100*got)
	}
}

// TestWinnersLuck: the best of 36 equal candidates looks better than the
// average by what ExpectedMax says.
func TestWinnersLuck(t *testing.T) {
	r, sum := stats.NewRand(9), 0.0
	for range runs {
		sum += slices.Max(normal(r, 36, 0, 1))
	}
	near(t, "largest of 36", must[float64](t)(stats.ExpectedMax(36)), sum/runs, 0.02)
}
