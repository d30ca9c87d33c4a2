package stats_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"chimera/internal/stats"
)

// TestStudentizedRange checks printed tables (Harter 1960, upper 5 % and 1 %),
// where they have four digits, and an integration with 600 × 600 Simpson steps.
func TestStudentizedRange(t *testing.T) {
	for _, c := range []struct {
		p    float64
		k    int
		df   float64
		want float64
	}{
		{0.95, 2, 10, 3.151}, {0.95, 3, 10, 3.877}, {0.95, 3, 20, 3.578}, {0.95, 5, 60, 3.977},
		{0.95, 10, 20, 5.008}, {0.95, 4, 1e6, 3.633}, {0.99, 3, 10, 5.270}, {0.95, 3, 2, 8.331},
		{0.95, 3, 1, 26.9755}, {0.95, 20, 5, 8.20804},
	} {
		got := must[float64](t)(stats.StudentizedRange(c.p, c.k, c.df))
		if math.Abs(got-c.want) > 0.0011 {
			t.Errorf("q(%v; %d, %v) = %.4f, want %.3f", c.p, c.k, c.df, got, c.want)
		}
	}
	// The chance that 20 groups stay below a limit needs more nodes than 3 do.
	fine := must[float64](t)(stats.StudentizedRange(0.9499990651088313, 20, 5))
	near(t, "q of twenty", fine, 8.208, 1e-7)
	// Two means are compared by t: q(2) = √2·t.
	q := must[float64](t)(stats.StudentizedRange(0.95, 2, 8))
	near(t, "q of two", q, math.Sqrt2*2.306004135204166, 1e-7)
}

// TestExpectedRange checks the control-chart constants d2.
func TestExpectedRange(t *testing.T) {
	for k, want := range map[int]float64{2: 1.128, 3: 1.693, 5: 2.326, 10: 3.078, 25: 3.931} {
		if got := must[float64](t)(stats.ExpectedRange(k)); math.Abs(got-want) > 0.0006 {
			t.Errorf("d2(%d) = %.4f, want %.3f", k, got, want)
		}
	}
	near(t, "d2(2)", must[float64](t)(stats.ExpectedRange(2)), 2/math.Sqrt(math.Pi), 1e-9)
	near(t, "d2(3)", must[float64](t)(stats.ExpectedRange(3)), 3/math.Sqrt(math.Pi), 1e-9)
}

// TestBrownForsythe works a case by hand: the distances from the medians are
// 1, 0, 1 and 5, 0, 5.
func TestBrownForsythe(t *testing.T) {
	r := must[stats.Test](t)(stats.BrownForsythe([][]float64{{1, 2, 3}, {5, 10, 15}}))
	// means 2/3 and 10/3; SSB = 3·2·(4/3)² = 32/3; SSW = 2/3 + 50/3 = 52/3.
	near(t, "F", r.Statistic, (32.0/3)/(52.0/3/4), 1e-9)
	if r.DF[0] != 1 || r.DF[1] != 4 {
		t.Errorf("degrees of freedom %v", r.DF)
	}
}

func TestNeededForProportions(t *testing.T) {
	if n := must[int](t)(stats.NeededForProportions(0.75, 0.70, 0.05, 0.80)); n != 1251 {
		t.Errorf("0.75 from 0.70 needs %d an arm, want 1251", n)
	}
}

func TestRateCVGoesByTheUpperEnd(t *testing.T) {
	x := []float64{101.2, 102.9, 101.8, 103.4, 102.2} // CV 0.85 %, at most 2.4 %
	r := must[stats.Rating](t)(stats.RateCV(x))
	if r.Label != "stable" || r.Interval.Hi < 0.024 || r.Interval.Hi > 0.0246 {
		t.Errorf("%+v", r)
	}
	if _, err := stats.RateCV(x[:4]); codeOf(t, err) != stats.TooFew {
		t.Errorf("four values: %v", err)
	}
	r = must[stats.Rating](t)(stats.RateCV([]float64{1, 2, 3, 4, 5}))
	if r.Label != "unstable" {
		t.Errorf("%+v", r)
	}
}

func TestTukeyClasses(t *testing.T) {
	x := []float64{-30, 9, 10, 11, 12, 13, 14, 15, 23, 100} // quartiles 10.25 and 14.75, IQR 4.5
	got := must[[]stats.OutlierClass](t)(stats.TukeyClasses(x))
	in := stats.Inside
	want := []stats.OutlierClass{stats.SevereLow, in, in, in, in, in, in, in, stats.MildHigh, stats.SevereHigh}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestLag1(t *testing.T) {
	saw, ramp := make([]float64, 40), make([]float64, 40)
	for i := range saw {
		saw[i], ramp[i] = float64(i%2), float64(i)
	}
	if a := must[stats.Autocorrelation](t)(stats.Lag1(saw)); a.Rho > -0.9 || a.Effective != 40 || a.Warnings != nil {
		t.Errorf("alternating: %+v", a)
	}
	if a := must[stats.Autocorrelation](t)(stats.Lag1(ramp)); a.Rho < 0.9 || a.Effective > 3 || !hasCode(a.Warnings, stats.Autocorrelated) {
		t.Errorf("rising: %+v", a)
	}
}

func TestParetoFront(t *testing.T) {
	got := must[[]int](t)(stats.ParetoFront([][]float64{{1, 3}, {2, 2}, {1, 2}, {3, 1}, {2, 2}}))
	if !slices.Equal(got, []int{0, 1, 3, 4}) {
		t.Errorf("front %v", got)
	}
}

// TestLittleGap: ten in the system at 5 per second stay 2 s; anything else is
// a measurement error.
func TestLittleGap(t *testing.T) {
	near(t, "gap", must[float64](t)(stats.LittleGap(10, 5, 2)), 0, 1e-12)
	near(t, "gap", must[float64](t)(stats.LittleGap(11, 5, 2)), 0.1, 1e-12)
}

// TestMannWhitneyUnequalTies: the exact distribution with ties is skewed when
// the samples differ in size; all splits are counted here by hand.
func TestMannWhitneyUnequalTies(t *testing.T) {
	a, b := []float64{1, 1, 2}, []float64{1, 2, 3, 3, 4}
	all := slices.Concat(a, b)
	u := func(pick []int) float64 {
		s := 0.0
		for _, i := range pick {
			for j := range all {
				if slices.Contains(pick, j) {
					continue
				}
				if all[i] > all[j] {
					s++
				} else if all[i] == all[j] {
					s += 0.5
				}
			}
		}
		return s
	}
	seen, low, high, total := u([]int{0, 1, 2}), 0.0, 0.0, 0.0
	for i := range all {
		for j := i + 1; j < len(all); j++ {
			for k := j + 1; k < len(all); k++ {
				v := u([]int{i, j, k})
				total++
				if v <= seen {
					low++
				}
				if v >= seen {
					high++
				}
			}
		}
	}
	r := must[stats.Test](t)(stats.MannWhitney(a, b, 0.05))
	near(t, "p", r.P, min(1, 2*min(low, high)/total), 1e-12)
}

// TestStarts: a single start cannot be analysed as two levels, and unequal
// starts lose the components but keep the interval.
func TestStarts(t *testing.T) {
	if _, err := stats.Invocations([][]float64{{1, 2, 3}}, 0.95); codeOf(t, err) != stats.TooFew {
		t.Errorf("one start: %v", err)
	}
	r := must[stats.TwoLevel](t)(stats.Invocations([][]float64{{1, 2, 3}, {2, 3}, {1, 3}}, 0.95))
	if r.Interval == nil || r.T2.OK || !hasCode(r.Warnings, stats.Unbalanced) {
		t.Errorf("%+v", r)
	}
}

// TestConcurrencyNeedsSolo: two tasks each three times as slow together lose a
// third, although (Σ together)/max(together) says they doubled.
func TestConcurrencyNeedsSolo(t *testing.T) {
	c := must[stats.Concurrency](t)(stats.ConcurrencySpeedup([]float64{1, 1}, []float64{3, 3}, 3))
	near(t, "speedup", c.Speedup, 2.0/3, 1e-12)
	near(t, "weighted", c.Weighted, 2.0/3, 1e-12)
	if _, err := stats.ConcurrencySpeedup(nil, []float64{3, 3}, 3); err == nil {
		t.Error("a speedup without solo runs")
	}
}

// TestAnovaRefusals: what was not varied or cannot be told apart has no effect.
func TestAnovaRefusals(t *testing.T) {
	y := []float64{1, 2, 3, 4, 5, 7}
	same := stats.Factor{Name: "same", Levels: []string{"x", "x", "x", "x", "x", "x"}}
	ab := stats.Factor{Name: "ab", Levels: []string{"a", "a", "a", "b", "b", "b"}}
	alias := stats.Factor{Name: "alias", Levels: []string{"1", "1", "1", "2", "2", "2"}}
	for name, f := range map[string][]stats.Factor{"one level": {same}, "aliased": {ab, alias}} {
		if _, err := stats.AnalyzeVariance(y, f, false); err == nil || codeOf(t, err) != stats.Degenerate {
			t.Errorf("%s: %v", name, err)
		}
	}
	cell := stats.Factor{Name: "cell", Levels: []string{"1", "2", "3", "1", "2", "3"}}
	if _, err := stats.AnalyzeVariance(y, []stats.Factor{ab, cell}, true); codeOf(t, err) != stats.TooFew {
		t.Errorf("unreplicated with interaction: %v", err)
	}
	must[stats.ANOVA](t)(stats.AnalyzeVariance(y, []stats.Factor{ab, cell}, false))
}

// TestScalingNeedsLevels: five concurrencies carry Amdahl's law, not three
// parameters.
func TestScalingNeedsLevels(t *testing.T) {
	n, x := []float64{1, 2, 4, 8, 8, 16}, []float64{10, 18, 31, 47, 46, 60}
	if _, err := stats.FitUSL(n, x, 0.95); codeOf(t, err) != stats.TooFew {
		t.Errorf("five levels: %v", err)
	}
	u := must[stats.USL](t)(stats.FitAmdahl(n, x, 0.95))
	if u.Kappa.Value != 0 || u.Peak.OK || u.Sigma.Value < 0.09 || u.Sigma.Value > 0.13 {
		t.Errorf("%+v", u)
	}
}

func ExampleHonestQuantile() {
	x := make([]float64, 60)
	for i := range x {
		x[i] = 0.5 + float64(i)/100
	}
	_, err := stats.HonestQuantile(x, 0.99, 0.95)
	fmt.Println(err)
	e, _ := stats.HonestQuantile(x, 0.90, 0.95)
	fmt.Printf("p90 %.3f [%.2f, %.2f]\n", e.Value, e.Interval.Lo, e.Interval.Hi)
	// Output:
	// p99: n/a (n=60; max 1.09; needs >= 368)
	// p90 1.031 [0.98, 1.08]
}

// TestManyGroupsOfTwo: with two groups, Welch's analysis of variance is the
// square of Welch's t, and Games-Howell gives its p.
func TestManyGroupsOfTwo(t *testing.T) {
	a, b := []float64{101.2, 102.9, 101.8, 103.4, 102.2}, []float64{105, 101, 109, 103, 108, 107}
	w := must[stats.Test](t)(stats.Welch(a, b))
	f := must[stats.Test](t)(stats.WelchANOVA([][]float64{a, b}))
	near(t, "F", f.Statistic, w.Statistic*w.Statistic, 1e-9)
	near(t, "df", f.DF[1], w.DF[0], 1e-9)
	near(t, "p", f.P, w.P, 1e-9)
	pairs := must[[]stats.Pair](t)(stats.GamesHowell([][]float64{a, b}, 0.95))
	near(t, "Games-Howell p", pairs[0].P, w.P, 1e-6)
	lo := must[stats.Interval](t)(stats.MeanInterval(b, 0.95, 0))
	if p := pairs[0]; p.I != 0 || p.J != 1 || math.Abs(p.Value-(lo.Lo+lo.Hi)/2+102.3) > 1e-9 || p.Interval.Contains(0) != (p.P > 0.05) {
		t.Errorf("%+v", p)
	}
}

// TestGamesHowellKeepsItsFamily: among four equal groups of unequal spread, any
// false difference is seen in about 5 % of runs.
func TestGamesHowellKeepsItsFamily(t *testing.T) {
	got := share(10, 100, func(r *rand.Rand) bool {
		groups := [][]float64{normal(r, 12, 0, 1), normal(r, 12, 0, 2), normal(r, 12, 0, 3), normal(r, 12, 0, 4)}
		return slices.ContainsFunc(must[[]stats.Pair](t)(stats.GamesHowell(groups, 0.95)), func(p stats.Pair) bool { return p.P < 0.05 })
	})
	if got < 0.01 || got > 0.09 {
		t.Errorf("false differences in %.1f %% of runs, want about 5", 100*got)
	}
}

// TestOrdersCover: an order-statistic interval covers at least its level, and
// one rank less on either side would leave more than half of the rest outside.
func TestOrdersCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3000).Draw(t, "n")
		p := rapid.SampledFrom([]float64{0.01, 0.1, 0.25, 0.5, 0.9, 0.95, 0.99}).Draw(t, "p")
		o := must[stats.Orders](t)(stats.QuantileOrders(n, p, 0.95))
		need := must[int](t)(stats.NeededForQuantile(p, 0.95))
		if o.Coverage < 0.95-1e-12 || o.Lo >= o.Hi {
			t.Fatalf("%+v", o)
		}
		if o.Bounded() != (n >= need) {
			t.Fatalf("n=%d, needs %d: %+v", n, need, o)
		}
	})
}

func TestPlusMinusIsTheLongerSide(t *testing.T) {
	e := stats.Estimate{N: 9, Value: 10, Interval: &stats.Interval{Lo: 9.5, Hi: 12, Level: 0.95}}
	if o := e.PlusMinus(); !o.OK || o.V != 2 {
		t.Errorf("%+v", o)
	}
	e = must[stats.Estimate](t)(stats.MedianEstimate([]float64{1, 2, 3}, 0.95))
	if o := e.PlusMinus(); o.OK || o.Why.Code != stats.TooFew {
		t.Errorf("%+v", o)
	}
}

// TestCostsAreBounded: what would take minutes is refused at once.
func TestCostsAreBounded(t *testing.T) {
	r := stats.NewRand(1)
	if _, err := stats.BootstrapBCa(normal(r, 200_000, 1, 1), stats.BootMean, 0.95, 10_000, r); codeOf(t, err) != stats.BadArgument {
		t.Errorf("bootstrap of 200000 values: %v", err)
	}
	if _, err := stats.TheilSen(line(r, 6000)); codeOf(t, err) != stats.BadArgument {
		t.Errorf("Theil-Sen of 6000 points: %v", err)
	}
}

// TestPowerOfTinySamplesAtStrictLevels: two values a side at 0.0001 miss a
// difference of 60 standard deviations more often than not, and power has no seam where
// the series gives way to integration.
func TestPowerOfTinySamplesAtStrictLevels(t *testing.T) {
	// At 2 degrees of freedom t = c·√(2/(1−c²)) with c = 1 − α.
	const alpha, crit = 1e-4, 99.9924998437626
	got := must[float64](t)(stats.Power(2, 60, alpha))
	seen := share(11, 20_000, func(r *rand.Rand) bool {
		return must[stats.Test](t)(stats.Welch(normal(r, 2, 0, 1), normal(r, 2, 60, 1))).Statistic < -crit
	})
	if math.Abs(got-seen) > 0.015 || got > 0.5 {
		t.Errorf("power %.4f, seen in %.4f of runs", got, seen)
	}
	near(t, "power across the seam", must[float64](t)(stats.Power(2, 37.0001, alpha)),
		must[float64](t)(stats.Power(2, 36.9999, alpha)), 2e-5)
}
