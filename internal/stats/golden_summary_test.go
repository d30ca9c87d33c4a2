package stats_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	moremath "github.com/aclements/go-moremath/stats"

	"chimera/internal/stats"
)

var knownSummaries = map[string]func(vector){
	"t_mean_n5": func(v vector) {
		var g struct {
			X       []float64
			Mean    float64
			SD      float64 `json:"sd_ddof1"`
			CV      float64 `json:"cv_pct"`
			CI      [2]float64
			CI95    [2]float64 `json:"ci95"`
			SDWrong float64    `json:"sd_ddof0"`
		}
		v.into(&g)
		s := must[stats.Summary](v)(stats.Summarize(g.X))
		near(v, "mean", s.Mean, g.Mean, tol)
		near(v, "sd", s.SD.V, g.SD, tol)
		near(v, "cv", 100*s.CV.V, g.CV, tol)
		nearInterval(v, "ci", must[stats.Interval](v)(stats.MeanInterval(g.X, 0.95, 0)), g.CI95)
		if s.SD.V == g.SDWrong {
			v.Error("the standard deviation divides by n")
		}
	},
	"quantile_types": func(v vector) {
		var g struct {
			X        []float64
			P95      float64 `json:"p95_type7_numpy"`
			P25      float64 `json:"p25_type7"`
			P95Type8 float64 `json:"p95_type8_go_moremath"`
			P25Type8 float64 `json:"p25_type8"`
		}
		v.into(&g)
		near(v, "p95", must[float64](v)(stats.Quantile(g.X, 0.95)), g.P95, tol)
		near(v, "p25", must[float64](v)(stats.Quantile(g.X, 0.25)), g.P25, tol)
		// The library's quantile is another type: it must not be used by mistake.
		lib := moremath.Sample{Xs: g.X, Sorted: true}
		near(v, "p95 type 8", lib.Quantile(0.95), g.P95Type8, tol)
		near(v, "p25 type 8", lib.Quantile(0.25), g.P25Type8, tol)
	},
	"order_stat_ci95": func(v vector) {
		var g map[string]any
		v.into(&g)
		for _, c := range []struct {
			key string
			n   int
			p   float64
		}{
			{"median_n10", 10, .5}, {"median_n20", 20, .5}, {"p90_n30", 30, .9}, {"p95_n60", 60, .95},
			{"p95_n100", 100, .95}, {"p95_n200", 200, .95}, {"p99_n100", 100, .99}, {"p99_n500", 500, .99},
			{"p99_n1000", 1000, .99},
		} {
			o := must[stats.Orders](v)(stats.QuantileOrders(c.n, c.p, 0.95))
			want := g[c.key].([]any)
			if float64(o.Lo) != want[0] {
				v.Errorf("%s: lower rank %d, want %v", c.key, o.Lo, want[0])
			}
			if want[1] == nil {
				if o.Bounded() || o.Hi != c.n+1 {
					v.Errorf("%s: upper rank %d, want none", c.key, o.Hi)
				}
			} else if float64(o.Hi) != want[1] {
				v.Errorf("%s: upper rank %d, want %v", c.key, o.Hi, want[1])
			}
		}
	},
	"n_needed_quantile": func(v vector) {
		var g struct {
			Two map[string]int `json:"two_sided95_finite"`
			One map[string]int `json:"one_sided_upper95"`
			Ten map[string]int `json:"ten_samples_beyond"`
		}
		v.into(&g)
		for key, p := range map[string]float64{"p50": .5, "p90": .9, "p95": .95, "p99": .99, "p999": .999} {
			if n := must[int](v)(stats.NeededForQuantile(p, 0.95)); n != g.Two[key] {
				v.Errorf("two-sided %s needs %d, want %d", key, n, g.Two[key])
			}
			if n := must[int](v)(stats.NeededForQuantileBound(p, 0.95)); n != g.One[key] {
				v.Errorf("one-sided %s needs %d, want %d", key, n, g.One[key])
			}
			if n := must[int](v)(stats.NeededBeyond(p, 10)); n != g.Ten[key] {
				v.Errorf("ten beyond %s needs %d, want %d", key, n, g.Ten[key])
			}
		}
	},
	"sd_ci_factor95": func(v vector) {
		var g map[string][2]float64
		v.into(&g)
		for key, want := range g {
			n, err := strconv.Atoi(key)
			if err != nil {
				v.Fatal(err)
			}
			lo, hi, err := stats.SDFactors(n, 0.95)
			if err != nil {
				v.Fatal(err)
			}
			near(v, fmt.Sprint("lower factor at n=", n), lo, want[0], tol)
			near(v, fmt.Sprint("upper factor at n=", n), hi, want[1], tol)
		}
	},
	"rate_aggregation": func(v vector) {
		var g struct {
			Calls    [][2]float64
			Mean     float64 `json:"mean_of_rates"`
			Ratio    float64 `json:"ratio_of_sums"`
			Harmonic float64 `json:"harmonic_mean_of_rates"`
		}
		v.into(&g)
		var num, den, rate []float64
		for _, c := range g.Calls {
			num, den, rate = append(num, c[0]), append(den, c[1]), append(rate, c[0]/c[1])
		}
		near(v, "mean", must[float64](v)(stats.Mean(rate)), g.Mean, tol)
		near(v, "ratio of sums", must[float64](v)(stats.RatioOfSums(num, den)), g.Ratio, tol)
		near(v, "harmonic mean", must[float64](v)(stats.HarmonicMean(rate)), g.Harmonic, tol)
	},
	"speedup_mean_trap": func(v vector) {
		var g struct {
			Ratios     map[string]float64 `json:"onnx_vs_eager"`
			Arithmetic float64            `json:"arithmetic_mean"`
			Geometric  float64            `json:"geometric_mean"`
		}
		v.into(&g)
		var x []float64
		for _, r := range g.Ratios {
			x = append(x, r)
		}
		near(v, "arithmetic mean", must[float64](v)(stats.Mean(x)), g.Arithmetic, tol)
		near(v, "geometric mean", must[float64](v)(stats.GeoMean(x)), g.Geometric, tol)
	},
	"seed_forensics": func(v vector) {
		var g struct {
			TTFT struct {
				X            []float64 `json:"x_ms"`
				Mean         float64
				SD           float64 `json:"sd_ddof1"`
				CV           float64 `json:"cv_pct_ddof1"`
				Median       float64
				MeanWithout  float64 `json:"mean_without_first"`
				CVPctWithout float64 `json:"cv_pct_without_first"`
			} `json:"ttft_002"`
			Throughput struct {
				X        []float64
				Mean     float64
				SD       float64                    `json:"sd_ddof1"`
				CV       float64                    `json:"cv_pct"`
				Analysis struct{ Mean, SD float64 } `json:"analysis_stage"`
				Report   struct{ Mean, SD float64 } `json:"report_stage"`
				Ratio    float64                    `json:"ratio_of_sums_7003tok_61.07581s"`
			} `json:"throughput_002"`
			Attention  kernelTimes `json:"kernel_attention_003"`
			TensorCore kernelTimes `json:"kernel_tensorcore_003"`
		}
		v.into(&g)
		s := must[stats.Summary](v)(stats.Summarize(g.TTFT.X))
		near(v, "mean", s.Mean, g.TTFT.Mean, tol)
		near(v, "sd", s.SD.V, g.TTFT.SD, tol)
		near(v, "cv", 100*s.CV.V, g.TTFT.CV, tol)
		near(v, "median", s.Median, g.TTFT.Median, tol)
		if !hasCode(s.Warnings, stats.OutlierDominated) {
			v.Error("one cold call makes this mean, and nothing says so")
		}
		warm := must[stats.Summary](v)(stats.Summarize(g.TTFT.X[1:]))
		near(v, "mean without the first", warm.Mean, g.TTFT.MeanWithout, tol)
		near(v, "cv without the first", 100*warm.CV.V, g.TTFT.CVPctWithout, tol)

		x := g.Throughput.X
		all := must[stats.Summary](v)(stats.Summarize(x))
		near(v, "mean", all.Mean, g.Throughput.Mean, tol)
		near(v, "sd", all.SD.V, g.Throughput.SD, tol)
		near(v, "cv", 100*all.CV.V, g.Throughput.CV, 1e-5)
		a := must[stats.Summary](v)(stats.Summarize([]float64{x[0], x[2], x[4]}))
		r := must[stats.Summary](v)(stats.Summarize([]float64{x[1], x[3], x[5]}))
		near(v, "analysis mean", a.Mean, g.Throughput.Analysis.Mean, tol)
		near(v, "analysis sd", a.SD.V, g.Throughput.Analysis.SD, tol)
		near(v, "report mean", r.Mean, g.Throughput.Report.Mean, tol)
		near(v, "report sd", r.SD.V, g.Throughput.Report.SD, tol)
		near(v, "ratio of sums", must[float64](v)(stats.RatioOfSums([]float64{7003}, []float64{61.07581})), g.Throughput.Ratio, tol)
		g.Attention.check(v)
		g.TensorCore.check(v)
	},
}

// kernelTimes are printed summaries of timings that one cold call decides.
type kernelTimes struct {
	Mean, SD, Max float64
	N             int     `json:"inferred_n"`
	Rest          float64 `json:"rest_mean_ms"`
	Overstated    float64 `json:"overstated_x"`
}

// check rebuilds the sample as one cold call beside equal others.
func (k kernelTimes) check(v vector) {
	x := slices.Repeat([]float64{k.Rest}, k.N)
	x[0] = k.Max
	s := must[stats.Summary](v)(stats.Summarize(x))
	near(v, "mean", s.Mean, k.Mean, 1e-6)
	near(v, "sd dividing by n", s.SD.V*math.Sqrt(float64(k.N-1)/float64(k.N)), k.SD, 1e-3) // printed with 2 decimals
	near(v, "overstatement", s.Mean/s.Median, k.Overstated, 1e-3)
	if !hasCode(s.Warnings, stats.OutlierDominated) {
		v.Error("one cold call makes this mean, and nothing says so")
	}
}

func nearInterval(t reporter, what string, got stats.Interval, want [2]float64) {
	t.Helper()
	near(t, what+" lo", got.Lo, want[0], tol)
	near(t, what+" hi", got.Hi, want[1], tol)
}
