package stats_test

import (
	"fmt"
	"math"
	"strings"

	"chimera/internal/stats"
)

// benchstatGroup holds what the two published benchstat examples share.
type benchstatGroup struct {
	Old, New  []float64
	MedianOld float64    `json:"median_old"`
	MedianNew float64    `json:"median_new"`
	Delta     *float64   `json:"delta_pct"`
	Orders    []int      `json:"median_ci_order_1based"`
	Coverage  float64    `json:"median_ci_confidence"`
	CIOldList []float64  `json:"ci_old"`
	CINewList []float64  `json:"ci_new"`
	U         float64    `json:"U_old_gt_new"`
	P         float64    `json:"mwu_p_exact_two_sided"`
	PNormal   float64    `json:"mwu_p_normal_cc"`
	WelchT    float64    `json:"welch_t"`
	WelchP    float64    `json:"welch_p"`
	A12       float64    `json:"A12_old_gt_new"`
	Delta12   float64    `json:"cliffs_delta"`
	G         float64    `json:"hedges_g_exactJ"`
	Ratio     float64    `json:"logratio_new_over_old_gm"`
	RatioCI   [2]float64 `json:"logratio_ci95"`
	RatioDF   float64    `json:"logratio_df"`
	HL        float64    `json:"hodges_lehmann_ratio"`
}

func checkBenchstat(v vector, g benchstatGroup) {
	v.into(&g)
	old := must[stats.Estimate](v)(stats.MedianEstimate(g.Old, 0.95))
	now := must[stats.Estimate](v)(stats.MedianEstimate(g.New, 0.95))
	near(v, "old median", old.Value, g.MedianOld, tol)
	near(v, "new median", now.Value, g.MedianNew, tol)
	if g.Delta != nil {
		near(v, "delta", 100*(now.Value/old.Value-1), *g.Delta, tol)
	}
	if g.CIOldList != nil {
		o := must[stats.Orders](v)(stats.QuantileOrders(len(g.Old), 0.5, 0.95))
		if o.Lo != g.Orders[0] || o.Hi != g.Orders[1] {
			v.Errorf("median ranks %d, %d; want %v", o.Lo, o.Hi, g.Orders)
		}
		near(v, "coverage", o.Coverage, g.Coverage, tol)
		nearInterval(v, "old median", *old.Interval, [2]float64(g.CIOldList))
		nearInterval(v, "new median", *now.Interval, [2]float64(g.CINewList))
	}
	mw := must[stats.Test](v)(stats.MannWhitney(g.Old, g.New, 0.05))
	near(v, "U", mw.Statistic, g.U, tol)
	near(v, "exact p", mw.P, g.P, tol)
	near(v, "approximate p", stats.MannWhitneyNormal(g.Old, g.New), g.PNormal, tol)
	w := must[stats.Test](v)(stats.Welch(g.Old, g.New))
	near(v, "Welch t", w.Statistic, g.WelchT, tol)
	if math.Abs(w.P-g.WelchP) > tol*g.WelchP {
		v.Errorf("Welch p = %v, want %v", w.P, g.WelchP)
	}
	near(v, "A12", must[float64](v)(stats.A12(g.Old, g.New)), g.A12, tol)
	near(v, "delta", must[float64](v)(stats.CliffsDelta(g.Old, g.New)), g.Delta12, tol)
	near(v, "Hedges g", must[float64](v)(stats.HedgesG(g.Old, g.New)), g.G, tol)
	r := must[stats.Ratio](v)(stats.RatioOfMeans(g.Old, g.New, 0.95))
	near(v, "ratio", r.Value, g.Ratio, tol)
	nearInterval(v, "ratio", *r.Interval, g.RatioCI)
	if g.RatioDF != 0 {
		near(v, "df", r.DF, g.RatioDF, tol)
	}
	if g.HL != 0 {
		near(v, "Hodges-Lehmann", must[stats.Estimate](v)(stats.HodgesLehmannRatio(g.Old, g.New, 0.95)).Value, g.HL, tol)
	}
}

var knownComparisons = map[string]func(vector){
	"benchstat_json": func(v vector) { checkBenchstat(v, benchstatGroup{}) },
	"benchstat_gob": func(v vector) {
		checkBenchstat(v, benchstatGroup{})
		var g struct {
			MedianOld float64 `json:"median_old"`
			MedianNew float64 `json:"median_new"`
			Row       struct {
				Old, New float64
				Delta    float64 `json:"delta_pct"`
			} `json:"geomean_row_with_json"`
		}
		v.into(&g)
		const jsonOld, jsonNew = 1718.0, 1422.5
		old := must[float64](v)(stats.GeoMean([]float64{g.MedianOld, jsonOld}))
		now := must[float64](v)(stats.GeoMean([]float64{g.MedianNew, jsonNew}))
		near(v, "old geomean", old, g.Row.Old, tol)
		near(v, "new geomean", now, g.Row.New, tol)
		near(v, "geomean delta", 100*(now/old-1), g.Row.Delta, tol)
	},
	"mwu_min_p": func(v vector) {
		var g map[string]any
		v.into(&g)
		for n := 2; n <= 6; n++ {
			near(v, fmt.Sprint("least p at n=", n), stats.MannWhitneyLeastP(n, n), g[fmt.Sprint("n", n)].(float64), tol)
		}
	},
	"mwu_edge": func(v vector) {
		var g map[string]struct {
			A, B    []float64
			P       *float64
			Warning string
		}
		v.into(&g)
		for name, c := range g {
			r := must[stats.Test](v)(stats.MannWhitney(c.A, c.B, 0.05))
			if c.P != nil {
				near(v, name, r.P, *c.P, tol)
			} else if r.P != 1 || !hasCode(r.Warnings, stats.Degenerate) {
				v.Errorf("%s: p=%v, %v; want 1 and a warning", name, r.P, r.Warnings)
			}
			if c.Warning != "" && (len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0].Message, c.Warning)) {
				v.Errorf("%s: %v, want %q", name, r.Warnings, c.Warning)
			}
		}
	},
	"ties_small": func(v vector) {
		var g struct {
			A, B  []float64
			A12   float64 `json:"A12_a_gt_b"`
			Delta float64 `json:"cliffs_delta"`
			Shift float64 `json:"hodges_lehmann_shift_b_minus_a"`
		}
		v.into(&g)
		near(v, "A12", must[float64](v)(stats.A12(g.A, g.B)), g.A12, tol)
		near(v, "delta", must[float64](v)(stats.CliffsDelta(g.A, g.B)), g.Delta, tol)
		near(v, "shift", must[stats.Estimate](v)(stats.HodgesLehmannShift(g.A, g.B, 0.95)).Value, g.Shift, tol)
	},
	"paired": func(v vector) {
		var g struct {
			D []float64
			T float64
			P float64 `json:"p_t"`
			W float64 `json:"p_wilcoxon_exact"`
		}
		v.into(&g)
		r := must[stats.Test](v)(stats.PairedT(g.D))
		near(v, "t", r.Statistic, g.T, tol)
		// At 4 degrees of freedom Student's p has a closed form. The printed
		// reference, 0.0331603476, has two digits of 0.0331604736 swapped.
		u := r.Statistic / math.Sqrt(r.Statistic*r.Statistic+4)
		near(v, "p in closed form", r.P, 1-u*(1+2/(r.Statistic*r.Statistic+4)), 1e-12)
		near(v, "p as printed", r.P, g.P, 1e-5)
		near(v, "Wilcoxon p", must[stats.Test](v)(stats.Wilcoxon(g.D)).P, g.W, tol)
	},
	"tost_log_welch": func(v vector) {
		var g struct {
			A, B      []float64
			D, SE, DF float64
			CI        [2]float64 `json:"ci90_ratio"`
			P1        float64    `json:"p_margin_1pct"`
			P2        float64    `json:"p_margin_2pct"`
			P3        float64    `json:"p_margin_3pct"`
		}
		v.into(&g)
		for m, want := range map[float64]float64{0.01: g.P1, 0.02: g.P2, 0.03: g.P3} {
			e := must[stats.Equivalence](v)(stats.Equivalent(g.A, g.B, m, 0.05))
			near(v, fmt.Sprint("p at margin ", m), e.P, want, tol)
			near(v, "d", math.Log(e.Value), g.D, 1e-5)
			near(v, "se", e.LogSE, g.SE, tol)
			near(v, "df", e.DF, g.DF, tol)
			nearInterval(v, "ratio", *e.Interval, g.CI)
			if e.Shown != e.Interval.Within(1/(1+m), 1+m) {
				v.Errorf("margin %v: shown=%v, but the interval is %+v", m, e.Shown, *e.Interval)
			}
		}
	},
	"multiplicity": func(v vector) {
		var g struct{ P, Holm, BH, Bonferroni, BY []float64 }
		v.into(&g)
		for _, c := range []struct {
			name string
			f    func([]float64) ([]float64, error)
			want []float64
		}{
			{"Holm", stats.Holm, g.Holm}, {"BH", stats.BenjaminiHochberg, g.BH},
			{"Bonferroni", stats.Bonferroni, g.Bonferroni}, {"BY", stats.BenjaminiYekutieli, g.BY},
		} {
			got := must[[]float64](v)(c.f(g.P))
			for i := range c.want {
				near(v, fmt.Sprint(c.name, " ", i), got[i], c.want[i], tol)
			}
		}
	},
	"kruskal": func(v vector) {
		var g struct {
			Groups  [][]float64
			H, P    float64
			Epsilon float64 `json:"epsilon2"`
			Eta     float64 `json:"eta2_H"`
		}
		v.into(&g)
		r := must[stats.Omnibus](v)(stats.KruskalWallis(g.Groups))
		near(v, "H", r.Statistic, g.H, tol)
		near(v, "p", r.P, g.P, tol)
		near(v, "epsilon²", r.Effect, g.Epsilon, tol)
		near(v, "eta²", r.EtaSq, g.Eta, tol)
	},
	"friedman": func(v vector) {
		var g struct {
			Blocks [][]float64 `json:"blocks_by_treatment"`
			Chi2   float64
			P      float64
			W      float64 `json:"kendall_W"`
		}
		v.into(&g)
		r := must[stats.Omnibus](v)(stats.Friedman(g.Blocks))
		near(v, "chi²", r.Statistic, g.Chi2, tol)
		near(v, "p", r.P, g.P, tol)
		near(v, "W", r.Effect, g.W, tol)
	},
	"wilson95":          func(v vector) { checkProportions(v, stats.Wilson) },
	"clopper_pearson95": func(v vector) { checkProportions(v, stats.ClopperPearson) },
	"fisher_6_8_vs_3_8": func(v vector) {
		var g struct{ P float64 }
		v.into(&g)
		near(v, "p", must[stats.Test](v)(stats.FisherExact(6, 8, 3, 8)).P, g.P, tol)
	},
	"mcnemar_exact": func(v vector) {
		var g map[string]float64
		v.into(&g)
		for key, want := range g {
			var b, c int
			if _, err := fmt.Sscanf(key, "b%d_c%d", &b, &c); err != nil {
				v.Fatal(err)
			}
			near(v, key, must[stats.Test](v)(stats.McNemar(b, c)).P, want, tol)
		}
	},
	"mlperf_early_stopping_99conf": func(v vector) {
		var g struct{ P90, P95, P99 map[string]int }
		v.into(&g)
		for p, row := range map[float64]map[string]int{0.9: g.P90, 0.95: g.P95, 0.99: g.P99} {
			for key, want := range row {
				var fail int
				if _, err := fmt.Sscan(key, &fail); err != nil {
					v.Fatal(err)
				}
				if n := must[int](v)(stats.NeededForBound(fail, p, 0.99)); n != want {
					v.Errorf("p=%v with %d failures needs %d, want %d", p, fail, n, want)
				}
			}
		}
	},
	"cohen_kappa": func(v vector) {
		var g struct {
			Matrix [][]int
			Kappa  float64
		}
		v.into(&g)
		near(v, "kappa", must[float64](v)(stats.Kappa(g.Matrix)), g.Kappa, tol)
	},
	"bootstrap_exact_n5_sym":  checkBootstrap,
	"bootstrap_exact_n5_skew": checkBootstrap,
}

func checkProportions(v vector, f func(k, n int, level float64) (stats.Interval, error)) {
	var g map[string][2]float64
	v.into(&g)
	for key, want := range g {
		var k, n int
		if _, err := fmt.Sscanf(key, "%d/%d", &k, &n); err != nil {
			v.Fatal(err)
		}
		nearInterval(v, key, must[stats.Interval](v)(f(k, n, 0.95)), want)
	}
}

func checkBootstrap(v vector) {
	var g struct {
		X          []float64
		Z0, A, SE  float64
		Alphas     [2]float64
		Percentile [2]float64 `json:"percentile_ci95"`
		BCa        [2]float64 `json:"bca_ci95"`
	}
	v.into(&g)
	b := must[stats.Bootstrap](v)(stats.BootstrapBCa(g.X, stats.BootMean, 0.95, 0, nil))
	near(v, "z0", b.Z0, g.Z0, tol)
	near(v, "a", b.A, g.A, tol)
	near(v, "lower tail", b.TailLo, g.Alphas[0], tol)
	near(v, "upper tail", b.TailHi, g.Alphas[1], tol)
	if g.SE != 0 {
		near(v, "se", b.SE, g.SE, tol)
	}
	nearInterval(v, "percentile", b.Percentile, g.Percentile)
	nearInterval(v, "BCa", b.BCa, g.BCa)
	if !b.Exhaustive || b.Resamples != 3125 || !hasCode(b.Warnings, stats.TooFew) {
		v.Errorf("%d resamples, exhaustive %v, warnings %v", b.Resamples, b.Exhaustive, b.Warnings)
	}
	if _, err := stats.BootstrapInterval(g.X, stats.BootMean, 0.95, 0, nil); codeOf(v.T, err) != stats.TooFew {
		v.Errorf("inference from five values: %v", err)
	}
}
