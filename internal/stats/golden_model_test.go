package stats_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"chimera/internal/stats"
)

var knownModels = map[string]func(vector){
	"anova_2x3_n3": func(v vector) {
		var g struct {
			Cells                      map[string][]float64
			SS, DF, F, P, Eta2, Omega2 map[string]float64
			PartialEta2                map[string]float64 `json:"partial_eta2"`
		}
		v.into(&g)
		var y []float64
		a, b := stats.Factor{Name: "A"}, stats.Factor{Name: "B"}
		for cell, values := range g.Cells {
			for _, x := range values {
				y, a.Levels, b.Levels = append(y, x), append(a.Levels, cell[:2]), append(b.Levels, cell[2:])
			}
		}
		r := must[stats.ANOVA](v)(stats.AnalyzeVariance(y, []stats.Factor{a, b}, true))
		near(v, "SS residual", r.SSResidual, g.SS["resid"], tol)
		near(v, "SS total", r.SSTotal, g.SS["total"], tol)
		for name, key := range map[string]string{"A": "A", "B": "B", "A:B": "AB"} {
			row, ok := r.Term(name)
			if !ok {
				v.Fatalf("no row %s", name)
			}
			near(v, name+" SS", row.SS, g.SS[key], tol)
			near(v, name+" df", float64(row.DF), g.DF[key], tol)
			near(v, name+" F", row.F, g.F[key], tol)
			if math.Abs(row.P-g.P[key]) > 5e-6*g.P[key] {
				v.Errorf("%s p = %v, want %v", name, row.P, g.P[key])
			}
			near(v, name+" η²", row.EtaSq, g.Eta2[key], tol)
			near(v, name+" ω²", row.OmegaSq, g.Omega2[key], 5e-5) // printed with 6 decimals
			near(v, name+" partial η²", row.PartialEtaSq, g.PartialEta2[key], tol)
		}
		if !hasCode(r.Warnings, stats.Interacting) {
			v.Error("the interaction hides the effect of A, and nothing says so")
		}
	},
	"kalibera_jones": func(v vector) {
		var g struct {
			Y     [][]float64 `json:"Y_invocations_by_iterations"`
			S1    float64     `json:"S1_2"`
			S2    float64     `json:"S2_2"`
			T1    float64     `json:"T1_2"`
			T2    float64     `json:"T2_2"`
			Mean  float64
			Half  float64 `json:"ci95_halfwidth_correct"`
			Naive float64 `json:"ci95_halfwidth_naive_pooled_WRONG"`
			R1    float64 `json:"r1_opt_cost_iter1_inv10"`
		}
		v.into(&g)
		r := must[stats.TwoLevel](v)(stats.Invocations(g.Y, 0.95))
		near(v, "S1²", r.S1, g.S1, tol)
		near(v, "S2²", r.S2, g.S2, tol)
		near(v, "T1²", r.T1.V, g.T1, tol)
		near(v, "T2²", r.T2.V, g.T2, tol)
		near(v, "mean", r.Value, g.Mean, tol)
		near(v, "half-width", (r.Interval.Hi-r.Interval.Lo)/2, g.Half, tol)
		near(v, "naive half-width", r.NaiveHalf, g.Naive, tol)
		near(v, "repetitions", r.OptimalRepetitions(1, 10).V, g.R1, tol)
	},
	"kalibera_negative_T2": func(v vector) {
		var g struct {
			Y  [][]float64
			S1 float64 `json:"S1_2"`
			S2 float64 `json:"S2_2"`
		}
		v.into(&g)
		r := must[stats.TwoLevel](v)(stats.Invocations(g.Y, 0.95))
		near(v, "S1²", r.S1, g.S1, tol)
		near(v, "S2²", r.S2, g.S2, tol)
		if r.T2.V != 0 || !hasCode(r.Warnings, stats.Clamped) || r.OptimalRepetitions(1, 10).OK {
			v.Errorf("T2² below 0: %+v, warnings %v", r.T2, r.Warnings)
		}
	},
	"mser5": func(v vector) {
		var g struct {
			Batches int `json:"best_d_batches"`
			Points  int `json:"truncate_points"`
			Stat    float64
			All     float64 `json:"mean_all"`
			After   float64 `json:"mean_after"`
		}
		v.into(&g)
		x := make([]float64, 60)
		for i := range x {
			x[i] = 10*math.Exp(-float64(i)/8) + 100 + float64((i*37)%7-3)*0.1
		}
		r := must[stats.Truncation](v)(stats.MSER5(x))
		if r.Drop != g.Points || r.Drop != 5*g.Batches {
			v.Errorf("drops %d, want %d", r.Drop, g.Points)
		}
		near(v, "statistic", r.Statistic, g.Stat, tol)
		near(v, "mean of all", r.MeanAll, g.All, tol)
		near(v, "mean after", r.MeanAfter, g.After, tol)
		// The minimum is where the search ends, so the series may not have settled.
		if r.Steady || !hasCode(r.Warnings, stats.Unsteady) {
			v.Errorf("steady=%v, warnings %v", r.Steady, r.Warnings)
		}
	},
	"mad_cold_start": func(v vector) {
		var g struct {
			X         []float64
			Median    float64
			MAD       float64
			Z         []float64 `json:"modified_z"`
			Threshold float64   `json:"hyperfine_threshold"`
			CV        float64   `json:"robust_cv_pct"`
			Mean      float64
			SD        float64 `json:"sd_ddof1"`
		}
		v.into(&g)
		s := must[stats.Summary](v)(stats.Summarize(g.X))
		near(v, "median", s.Median, g.Median, tol)
		near(v, "MAD", must[float64](v)(stats.MAD(g.X)), g.MAD, tol)
		near(v, "robust CV", 100*s.RobustSD.V/s.Median, g.CV, tol)
		near(v, "mean", s.Mean, g.Mean, tol)
		near(v, "sd", s.SD.V, g.SD, tol)
		near(v, "threshold", stats.FarMADs, g.Threshold, tol)
		z := must[[]float64](v)(stats.MADDistances(g.X))
		for i, want := range g.Z {
			near(v, fmt.Sprint("distance ", i), z[i], want, tol)
		}
	},
	"mde_d_80pct_alpha05_two_sample": func(v vector) {
		var g map[string]float64
		v.into(&g)
		for key, want := range g {
			n, err := strconv.Atoi(key)
			if err != nil {
				v.Fatal(err)
			}
			// The reference's root finder stops within 2e-6.
			d := must[float64](v)(stats.DetectableEffect(n, 0.05, 0.8))
			near(v, "effect at n="+key, d, want, 2e-6)
			near(v, "power at n="+key, must[float64](v)(stats.Power(n, d, 0.05)), 0.8, 1e-9)
		}
		// By direct integration over the distribution of s (Simpson, 20000 steps).
		near(v, "effect at n=30", must[float64](v)(stats.DetectableEffect(30, 0.05, 0.8)), 0.735621069602894, 1e-9)
	},
	"n_per_group_80pct": func(v vector) {
		var g map[string]int
		v.into(&g)
		for key, want := range g {
			var cv, effect float64
			if _, err := fmt.Sscanf(strings.Replace(key, "_", " ", 1), "cv%f eff%f", &cv, &effect); err != nil {
				v.Fatal(err)
			}
			if n := must[int](v)(stats.NeededPerGroup(effect/cv, 0.05, 0.8)); n != want {
				v.Errorf("%s: %d a side, want %d", key, n, want)
			}
		}
	},
	"expected_max_of_k_normals_sd_units": func(v vector) {
		var g map[string]float64
		v.into(&g)
		for key, want := range g {
			k, err := strconv.Atoi(key)
			if err != nil {
				v.Fatal(err)
			}
			near(v, "largest of "+key, must[float64](v)(stats.ExpectedMax(k)), want, 1e-4) // printed with 4 decimals
		}
	},
	"hypervolume_2d_max": func(v vector) {
		var g struct {
			Points [][2]float64
			Ref    [2]float64
			HV     float64
		}
		v.into(&g)
		near(v, "area", must[float64](v)(stats.Hypervolume(g.Points, g.Ref)), g.HV, tol)
	},
	"jain": func(v vector) {
		var g map[string]float64
		v.into(&g)
		for key, want := range g {
			var x []float64
			if err := json.Unmarshal([]byte(key), &x); err != nil {
				v.Fatal(err)
			}
			near(v, key, must[float64](v)(stats.Jain(x)), want, tol)
		}
	},
	"amdahl": func(v vector) {
		var g map[string]float64
		v.into(&g)
		for key, want := range g {
			share, factor := []float64{0.3, 0.4}, []float64{15, 8.7}
			if key[0] == 'p' {
				share, factor = make([]float64, 1), make([]float64, 1)
				// Scanning takes the underscore for a digit separator.
				if _, err := fmt.Sscanf(strings.Replace(key, "_", " ", 1), "p%f s%f", &share[0], &factor[0]); err != nil {
					v.Fatal(err)
				}
			}
			near(v, key, must[float64](v)(stats.Amdahl(share, factor)), want, tol)
		}
	},
	"usl_specsdm91": checkUSL,
	"usl_exact":     checkUSL,
	"mm1_md1": func(v vector) {
		var g map[string]struct {
			MM1 float64 `json:"MM1_W_over_S"`
			P99 float64 `json:"MM1_p99_over_S"`
			MD1 float64 `json:"MD1_W_over_S"`
		}
		v.into(&g)
		for key, want := range g {
			rho, err := strconv.ParseFloat(key[len("rho"):], 64)
			if err != nil {
				v.Fatal(err)
			}
			near(v, key+" M/M/1", must[float64](v)(stats.MM1(rho)), want.MM1, tol)
			near(v, key+" M/M/1 p99", must[float64](v)(stats.MM1Quantile(rho, 0.99)), want.P99, tol)
			near(v, key+" M/D/1", must[float64](v)(stats.MD1(rho)), want.MD1, tol)
		}
	},
	"concurrency_speedup": func(v vector) {
		var g struct {
			Synthetic []struct {
				Solo, Concurrent []float64
				Wall             float64
				S                float64 `json:"true_S"`
			}
		}
		v.into(&g)
		for i, c := range g.Synthetic {
			r := must[stats.Concurrency](v)(stats.ConcurrencySpeedup(c.Solo, c.Concurrent, c.Wall))
			near(v, fmt.Sprint("speedup ", i), r.Speedup, c.S, tol)
			near(v, fmt.Sprint("fairness ", i), r.Fairness, 1, tol)
		}
	},
	"slope_moe": func(v vector) {
		var g struct {
			T, Y  []float64
			Slope float64
			MOE   float64 `json:"moe95"`
			Rel   float64 `json:"moe_over_slope"`
		}
		v.into(&g)
		l := must[stats.Line](v)(stats.LeastSquares(g.T, g.Y, 0.95))
		moe := (l.Slope.Interval.Hi - l.Slope.Interval.Lo) / 2
		near(v, "slope", l.Slope.Value, g.Slope, tol)
		near(v, "margin", moe, g.MOE, tol)
		near(v, "relative margin", moe/l.Slope.Value, g.Rel, tol)
	},
	"edivisive_otava": checkChanges,
	"edivisive_multi": checkChanges,
	"edivisive_doc": func(v vector) {
		var g struct {
			Metric1, Metric2 []float64
			Window           int     `json:"window_len"`
			MaxP             float64 `json:"max_pvalue"`
			P                float64
			Before           float64 `json:"mean_before"`
			After            float64 `json:"mean_after"`
			Change           float64 `json:"change_pct"`
		}
		v.into(&g)
		opt := stats.ChangeOptions{Window: g.Window, MaxP: g.MaxP}
		if c := must[stats.Changes](v)(stats.ChangePoints(g.Metric1, opt)); len(c.Points) != 0 {
			v.Errorf("metric1: %+v", c.Points)
		}
		c := must[stats.Changes](v)(stats.ChangePoints(g.Metric2, opt))
		if len(c.Points) != 1 || c.Points[0].Index != 6 {
			v.Fatalf("metric2: %+v", c.Points)
		}
		near(v, "before", c.Points[0].Before, g.Before, tol)
		near(v, "after", c.Points[0].After, g.After, tol)
		near(v, "change", 100*c.Points[0].Change.V, g.Change, tol)
		// The reference divides the variances by n where the test expects n−1,
		// so its p is half the honest one. Both follow from the same sums.
		a, b := g.Metric2[:6], g.Metric2[6:]
		near(v, "p", c.Points[0].P, pooledP(a, b, 1), 1e-9)
		if p := pooledP(a, b, 0); math.Abs(p-g.P) > tol*g.P || c.Points[0].P < p {
			v.Errorf("p %v dividing by n, reference %v, ours %v", p, g.P, c.Points[0].P)
		}
	},
	"seed_sweep_confounding": checkSweep,
}

// pooledP is Student's p, dividing the sums of squares by n − ddof.
func pooledP(a, b []float64, ddof float64) float64 {
	square := func(x []float64) (mean, ss float64) {
		for _, v := range x {
			mean += v / float64(len(x))
		}
		for _, v := range x {
			ss += (v - mean) * (v - mean)
		}
		return mean, ss
	}
	na, nb := float64(len(a)), float64(len(b))
	ma, sa := square(a)
	mb, sb := square(b)
	v := ((na-1)*sa/(na-ddof) + (nb-1)*sb/(nb-ddof)) / (na + nb - 2)
	t := (ma - mb) / math.Sqrt(v*(1/na+1/nb))
	return 2 * distuv.StudentsT{Sigma: 1, Nu: na + nb - 2}.Survival(math.Abs(t))
}

func checkUSL(v vector) {
	var g struct {
		N, X                 []float64
		Lambda, Sigma, Kappa float64
		Peak                 float64 `json:"N_star"`
		PeakX                float64 `json:"X_peak"`
		R2, Tol              float64
	}
	v.into(&g)
	u := must[stats.USL](v)(stats.FitUSL(g.N, g.X, 0.95))
	near(v, "λ", u.Lambda.Value, g.Lambda, g.Tol)
	near(v, "σ", u.Sigma.Value, g.Sigma, g.Tol)
	near(v, "κ", u.Kappa.Value/g.Kappa, 1, g.Tol)
	if g.Peak != 0 {
		near(v, "N*", u.Peak.V, g.Peak, g.Tol)
		near(v, "X(N*)", u.PeakThroughput.V, g.PeakX, g.Tol)
		near(v, "R²", u.R2, g.R2, g.Tol)
	}
	for _, e := range []stats.Estimate{u.Lambda, u.Sigma, u.Kappa} {
		if e.Interval == nil || !e.Interval.Contains(e.Value) {
			v.Errorf("estimate %+v lies outside its interval", e)
		}
	}
}

func checkChanges(v vector) {
	var g struct {
		Series []float64
		Window int     `json:"window_len"`
		MaxP   float64 `json:"max_pvalue"`
		Points []int   `json:"change_points"`
	}
	v.into(&g)
	for name, opt := range map[string]stats.ChangeOptions{
		"t": {Window: g.Window, MaxP: g.MaxP},
		// Three values beside six: no order is rarer than 2/84, so 0.01 is out of reach.
		"permutation": {MaxP: 0.03, Permutations: 999, Rand: stats.NewRand(1)},
	} {
		c := must[stats.Changes](v)(stats.ChangePoints(g.Series, opt))
		var at []int
		for _, p := range c.Points {
			at = append(at, p.Index)
		}
		if !slices.Equal(at, g.Points) {
			v.Errorf("%s: changes at %v, want %v", name, at, g.Points)
		}
	}
}

// checkSweep recomputes the earlier sweep's analysis from its rows: cold starts,
// not the temperature, explain the times.
func checkSweep(v vector) {
	var g struct {
		All   map[string]float64            `json:"kw_p_ttft_by_temperature_all"`
		Warm  map[string]float64            `json:"kw_p_ttft_by_temperature_warm"`
		Rows  map[string]int                `json:"valid_rows"`
		ANOVA map[string]map[string]float64 `json:"anova_type2_latest_tokens_s"`
	}
	v.into(&g)
	for name, infix := range map[string]string{"latest": "", "270m": "_270m", "1b-it-qat": "_1b-it-qat"} {
		rows := sweepRows(v.T, "legacy/workspace/reports/gemma3/gemma3"+infix+"_param_tuning.csv")
		if len(rows) != g.Rows[name] {
			v.Fatalf("%s: %d rows, want %d", name, len(rows), g.Rows[name])
		}
		all := map[string][]float64{}
		warm := map[string][]float64{}
		for _, r := range rows {
			all[r.temperature] = append(all[r.temperature], r.first)
			if r.load <= 0.5 {
				warm[r.temperature] = append(warm[r.temperature], r.first)
			}
		}
		near(v, name+" all rows", must[stats.Omnibus](v)(stats.KruskalWallis(groupsOf(all))).P/g.All[name], 1, tol)
		near(v, name+" warm rows", must[stats.Omnibus](v)(stats.KruskalWallis(groupsOf(warm))).P, g.Warm[name], tol)
		if name != "latest" {
			continue
		}
		var y []float64
		gpu, ctx, temp := stats.Factor{Name: "num_gpu"}, stats.Factor{Name: "num_ctx"}, stats.Factor{Name: "temperature"}
		for _, r := range rows {
			y = append(y, r.rate)
			gpu.Levels, ctx.Levels, temp.Levels = append(gpu.Levels, r.gpu), append(ctx.Levels, r.ctx), append(temp.Levels, r.temperature)
		}
		a := must[stats.ANOVA](v)(stats.AnalyzeVariance(y, []stats.Factor{gpu, ctx, temp}, false))
		for name, want := range g.ANOVA {
			row, _ := a.Term(name)
			near(v, name+" F", row.F, want["F"], tol)
			near(v, name+" η²", row.EtaSq, want["eta2"], 5e-5) // printed with 6 decimals
			near(v, name+" p", row.P, want["p"], 1e-3)
		}
	}
}

type sweepRow struct {
	gpu, ctx, temperature string
	first, load, rate     float64
}

func sweepRows(t *testing.T, name string) []sweepRow {
	t.Helper()
	rec, err := csv.NewReader(bytes.NewReader(sharedFile(t, name))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	col := func(name string) int { return slices.Index(rec[0], name) }
	var rows []sweepRow
	for _, r := range rec[1:] {
		if r[col("error")] != "" {
			continue
		}
		num := func(name string) float64 {
			f, err := strconv.ParseFloat(r[col(name)], 64)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		rows = append(rows, sweepRow{r[col("num_gpu")], r[col("num_ctx")], r[col("temperature")],
			num("ttft_s"), num("load_s"), num("tokens_s")})
	}
	return rows
}

func groupsOf(m map[string][]float64) [][]float64 {
	var out [][]float64
	for _, g := range m {
		out = append(out, g)
	}
	return out
}
