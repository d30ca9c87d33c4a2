package stats_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chimera/internal/stats"
)

// TestSwapAndScale: exchanging the samples inverts ratios and mirrors effects,
// a change of unit changes nothing, and nobody's slice is touched.
func TestSwapAndScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Whole values make ties, which is where rank tests go wrong.
		whole := rapid.Map(rapid.IntRange(1, 40), func(i int) float64 { return float64(i) })
		a := rapid.SliceOfN(whole, 3, 14).Draw(t, "a")
		b := rapid.SliceOfN(whole, 3, 14).Draw(t, "b")
		c := math.Ldexp(1, rapid.IntRange(-20, 20).Draw(t, "c")) // exact, so ties stay ties
		a0, b0 := slices.Clone(a), slices.Clone(b)
		ac, bc := times(a, c), times(b, c)

		ab := must[stats.Test](t)(stats.MannWhitney(a, b, 0.05))
		ba := must[stats.Test](t)(stats.MannWhitney(b, a, 0.05))
		near(t, "swapped p", ba.P, ab.P, 1e-9)
		near(t, "swapped delta", must[float64](t)(stats.CliffsDelta(b, a)), -must[float64](t)(stats.CliffsDelta(a, b)), 1e-9)
		if diff := cmp.Diff(ab, must[stats.Test](t)(stats.MannWhitney(ac, bc, 0.05))); diff != "" {
			t.Fatalf("Mann-Whitney depends on the unit:\n%s", diff)
		}
		p := must[stats.Test](t)(stats.Permutation(a, b, 200, stats.NewRand(1)))
		q := must[stats.Test](t)(stats.Permutation(ac, bc, 200, stats.NewRand(1)))
		near(t, "permutation p in another unit", q.P, p.P, 1e-12)
		if len(a)+len(b) <= 14 {
			s := must[stats.Test](t)(stats.Permutation(b, a, 0, nil))
			near(t, "swapped permutation p", s.P, p.P, 1e-12)
		}
		checkSwappedRatio(t, a, b, ac, bc)
		if !slices.Equal(a, a0) || !slices.Equal(b, b0) {
			t.Fatal("a caller's slice was changed")
		}
	})
}

func checkSwappedRatio(t *rapid.T, a, b, ac, bc []float64) {
	ab := must[stats.Ratio](t)(stats.RatioOfMeans(a, b, 0.95))
	ba := must[stats.Ratio](t)(stats.RatioOfMeans(b, a, 0.95))
	near(t, "swapped ratio", ba.Value, 1/ab.Value, 1e-9)
	scaled := must[stats.Ratio](t)(stats.RatioOfMeans(ac, bc, 0.95))
	near(t, "ratio in another unit", scaled.Value, ab.Value, 1e-9)
	if ab.Interval != nil {
		near(t, "swapped interval", ba.Interval.Lo, 1/ab.Interval.Hi, 1e-7)
		if !ab.Interval.Contains(ab.Value) {
			t.Fatalf("ratio %v outside %+v", ab.Value, *ab.Interval)
		}
	}
	hl := must[stats.Estimate](t)(stats.HodgesLehmannRatio(a, b, 0.95))
	var all []float64
	for _, x := range a {
		for _, y := range b {
			all = append(all, y/x)
		}
	}
	near(t, "Hodges-Lehmann ratio by brute force", hl.Value, must[float64](t)(stats.Median(all)), 1e-12)
	if hl.Interval != nil && !hl.Interval.Contains(hl.Value) {
		t.Fatalf("Hodges-Lehmann ratio %v outside %+v", hl.Value, *hl.Interval)
	}
}

func times(x []float64, c float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = c * v
	}
	return y
}

// TestPermutedInput: the order of a sample carries no information.
func TestPermutedInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(0.1, 100), 6, 30).Draw(t, "x")
		y := rapid.Permutation(x).Draw(t, "y")
		z := rapid.SliceOfN(rapid.Float64Range(0.1, 100), 6, 30).Draw(t, "z")
		for name, f := range map[string]func(v []float64) (float64, error){
			"median": stats.Median, "robust sd": stats.RobustSD,
			"Mann-Whitney": func(v []float64) (float64, error) {
				r, err := stats.MannWhitney(v, z, 0.05)
				return r.P, err
			},
			"Kruskal-Wallis": func(v []float64) (float64, error) {
				r, err := stats.KruskalWallis([][]float64{v, z})
				return r.P, err
			},
		} {
			near(t, name, must[float64](t)(f(y)), must[float64](t)(f(x)), 1e-9)
		}
	})
}

// TestRatiosAreOfTheSamplesAlone: a ratio, its interval, its test and its
// equivalence do not depend on the order of the values, invert when the samples
// are exchanged, and ignore the unit.
func TestRatiosAreOfTheSamplesAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Float64Range(50, 150), 3, 14).Draw(t, "a")
		b := rapid.SliceOfN(rapid.Float64Range(50, 150), 3, 14).Draw(t, "b")
		c := rapid.Float64Range(1e-6, 1e6).Draw(t, "c")
		margin := rapid.Float64Range(0.01, 0.3).Draw(t, "margin")
		pa, pb := rapid.Permutation(a).Draw(t, "order of a"), rapid.Permutation(b).Draw(t, "order of b")
		same := func(what string, x, y []float64, inverted bool) {
			turn := func(v float64) float64 {
				if inverted {
					return 1 / v
				}
				return v
			}
			hl, hl2 := must[stats.Estimate](t)(stats.HodgesLehmannRatio(a, b, 0.95)), must[stats.Estimate](t)(stats.HodgesLehmannRatio(x, y, 0.95))
			if !inverted || len(a)*len(b)%2 == 1 { // the middle of an even number is a mean, which does not invert
				near(t, what+" Hodges-Lehmann ratio", hl2.Value, turn(hl.Value), 1e-9)
			}
			one, err := stats.Equivalent(a, b, margin, 0.05)
			if err != nil {
				return // neither varies
			}
			two := must[stats.Equivalence](t)(stats.Equivalent(x, y, margin, 0.05))
			near(t, what+" ratio", two.Value, turn(one.Value), 1e-9)
			near(t, what+" p of equivalence", two.P, one.P, 1e-7)
			lo, hi := turn(one.Interval.Lo), turn(one.Interval.Hi)
			near(t, what+" lower end", two.Interval.Lo, min(lo, hi), 1e-7)
			near(t, what+" upper end", two.Interval.Hi, max(lo, hi), 1e-7)
		}
		same("permuted", pa, pb, false)
		same("swapped", b, a, true)
		same("scaled", times(a, c), times(b, c), false)
		ab, ba := must[stats.Test](t)(stats.Welch(a, b)), must[stats.Test](t)(stats.Welch(b, a))
		scaled := must[stats.Test](t)(stats.Welch(times(pa, c), times(pb, c)))
		near(t, "swapped Welch p", ba.P, ab.P, 1e-9)
		near(t, "permuted and scaled Welch p", scaled.P, ab.P, 1e-7)
	})
}

// TestAdjustedP: adjusting keeps the order, never lowers a p-value, and Holm
// rejects at least what Bonferroni does.
func TestAdjustedP(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 30).Draw(t, "p")
		holm, bonf := must[[]float64](t)(stats.Holm(p)), must[[]float64](t)(stats.Bonferroni(p))
		bh, by := must[[]float64](t)(stats.BenjaminiHochberg(p)), must[[]float64](t)(stats.BenjaminiYekutieli(p))
		for i := range p {
			if holm[i] < p[i] || holm[i] > bonf[i] || bh[i] < p[i] || bh[i] > holm[i]*(1+1e-12) || by[i] < bh[i] || bonf[i] > 1 {
				t.Fatalf("p %v: Holm %v, Bonferroni %v, BH %v, BY %v", p[i], holm[i], bonf[i], bh[i], by[i])
			}
			for j := range p {
				if p[i] < p[j] && (holm[i] > holm[j] || bh[i] > bh[j]) {
					t.Fatalf("order lost between %v and %v", p[i], p[j])
				}
			}
		}
	})
}

// TestUSLRecovers: exact data of any law in range give back its parameters.
func TestUSLRecovers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := rapid.Float64Range(0.1, 1000).Draw(t, "lambda")
		s := rapid.Float64Range(0.001, 0.8).Draw(t, "sigma")
		k := rapid.SampledFrom([]float64{0, 1e-5, 1e-3, 0.05}).Draw(t, "kappa")
		n := []float64{1, 2, 4, 8, 16, 32}
		x := make([]float64, len(n))
		for i, v := range n {
			x[i] = l * v / (1 + s*(v-1) + k*v*(v-1))
		}
		u := must[stats.USL](t)(stats.FitUSL(n, x, 0.95))
		near(t, "lambda", u.Lambda.Value, l, 1e-5)
		near(t, "sigma", u.Sigma.Value, s, 1e-5)
		if math.Abs(u.Kappa.Value-k) > 1e-7 {
			t.Fatalf("kappa %v, want %v", u.Kappa.Value, k)
		}
	})
}

// TestBootstrapIsDeterministic: equal seeds give equal results.
func TestBootstrapIsDeterministic(t *testing.T) {
	x := normal(stats.NewRand(1), 30, 10, 1)
	a := must[stats.Bootstrap](t)(stats.BootstrapBCa(x, stats.BootMedian, 0.95, 2000, stats.NewRand(7)))
	b := must[stats.Bootstrap](t)(stats.BootstrapBCa(x, stats.BootMedian, 0.95, 2000, stats.NewRand(7)))
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
	groups := [][]float64{x[:10], x[10:14], x[14:]}
	c := must[stats.Bootstrap](t)(stats.ClusterBootstrap(groups, stats.BootMean, 0.95, 0, nil))
	if !c.Exhaustive || c.Resamples != 27 || !hasCode(c.Warnings, stats.TooFew) {
		t.Errorf("three groups: %+v", c)
	}
}
