package cli_test

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"chimera/internal/sample"
	"chimera/internal/stats"

	"gonum.org/v1/gonum/stat/distuv"
)

// columns are the two columns that all statistics are about, by their names in
// the files.
var columns = map[string]string{"tokens_s": rate, "ttft_s": ttft}

func (b *book) statistic(value any, path ...string) {
	b.t.Helper()
	b.set(value, append([]string{"statistics"}, path...)...)
}

// must unwraps a statistic of the values that facts gave.
func must[T any](b *book, v T, err error) T {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

func (b *book) statistics() {
	sweeps, suites := map[string][]row{}, map[string][]row{}
	for _, v := range variants[:2] {
		sweeps[v], suites[v] = b.rows(sweepOf(v)), b.rows(baselineOf(v))
		b.identities(v, append(slices.Clone(sweeps[v]), suites[v]...))
		b.cold(v, sweeps[v])
		b.gains(v, sweeps[v])
		b.suiteStatistics(v, sweeps[v], suites[v])
	}
	b.missing()
	b.intervals(sweeps, suites)
	b.tests(sweeps, suites)
	b.analyses(sweeps)
	b.withoutOutlier(keep(sweeps["270m"], notOutlier))
}

// notOutlier leaves out the row right after the two time-outs.
func notOutlier(r row) bool { return configName(r) != "g60_c1024_t0.8" }

func configName(r row) string {
	return fmt.Sprintf("g%s_c%s_t%s", r.scope["config.num_gpu"], r.scope["config.num_ctx"], r.scope["config.temperature"])
}

// identities: the files' ttft_s and tokens_s are what our metrics compute from
// the row's other columns. The row as the file has it is beside them.
func (b *book) identities(v string, all []row) {
	var first, second float64
	for _, s := range b.samples {
		if s.Subject != "gemma3:"+v || s.Outcome != sample.OK || !strings.HasPrefix(s.Experiment, "workspace/reports/gemma3/") {
			continue
		}
		for i, r := range all {
			if fmt.Sprintf("%d", r.number) != s.Trial[strings.LastIndex(s.Trial, "#")+1:] || (r.scope["prompt"] != s.Prompt) || configName(r) != configOf(s) {
				continue
			}
			first = math.Max(first, math.Abs(all[i].v[ttft]-verbatim(b, s, "ttft_s")))
			second = math.Max(second, math.Abs(all[i].v[rate]-verbatim(b, s, "tokens_s")))
		}
	}
	if first > 1e-12 || second > 1e-9 { // nanoseconds and back
		b.t.Errorf("%s: ttft_s differs by %g, tokens_s by %g", v, first, second)
	}
	b.statistic(math.Round(first*1e9), "identities", v, "max_abs_err_ttft_eq_load_plus_prompt_eval")
	b.statistic(math.Round(second*1e6), "identities", v, "max_abs_err_tokens_s_eq_eval_count_over_eval_s")
}

func (b *book) missing() {
	i := 0
	for _, s := range b.samples {
		if strings.HasPrefix(s.Subject, "gemma3:") && s.Outcome == sample.Timeout {
			b.got[fmt.Sprintf("statistics/missing/270m/%d/config", i)] = configOf(s)
			b.got[fmt.Sprintf("statistics/missing/270m/%d/error", i)] = s.Failure.Message
			i++
		}
	}
}

// configOf is the name that the files give a row's configuration.
func configOf(s *sample.Sample) string {
	return configName(row{scope: map[string]string{"config.num_gpu": option(s, "num_gpu"), "config.num_ctx": option(s, "num_ctx"), "config.temperature": option(s, "temperature")}})
}

func option(s *sample.Sample, name string) string {
	if v, ok := s.Config[name]; ok {
		return fmt.Sprint(v)
	}
	return "default" // as fact.Field has it
}

func (b *book) cold(v string, all []row) {
	set := func(value any, path ...string) { b.statistic(value, append([]string{"cold", v}, path...)...) }
	frozen, hot := keep(all, func(r row) bool { return r.cold }), keep(all, warm)
	set(0.5, "threshold_load_s")
	set(len(frozen), "n_cold")
	set(len(hot), "n_warm")
	set(slices.Min(values(frozen, load)), "min_cold_load")
	set(slices.Max(values(hot, load)), "max_warm_load")
	set(must2(b, stats.Mean, values(frozen, ttft)), "cold_ttft_mean")
	set(must2(b, stats.Mean, values(frozen, rate)), "cold_tps_mean")
	for i, r := range frozen {
		set(configName(r), "cold_configs", fmt.Sprint(i))
	}
	w := values(hot, ttft)
	set(len(w), "warm_ttft", "n")
	set(must2(b, stats.Mean, w), "warm_ttft", "mean")
	set(must2(b, stats.SD, w), "warm_ttft", "std")
	set(slices.Min(w), "warm_ttft", "min")
	set(must2(b, stats.Median, w), "warm_ttft", "median")
	set(slices.Max(w), "warm_ttft", "max")
	set(must2(b, stats.Mean, values(hot, rate)), "warm_tps", "mean")
	set(must2(b, stats.SD, values(hot, rate)), "warm_tps", "std")
	for _, ctx := range []string{"1024", "2048", "4096"} {
		set(len(keep(frozen, at("num_ctx", ctx))), "cold_by_ctx", ctx)
	}
	for _, temp := range []string{"0.2", "0.4", "0.8"} {
		level := at("temperature", temp)
		set(len(keep(frozen, level)), "cold_by_temp", temp)
		set(len(keep(all, level)), "n_by_temp", temp)
		minus := values(keep(all, level), ttft)
		for i, l := range values(keep(all, level), load) {
			minus[i] -= l
		}
		for name, x := range map[string][]float64{"ttft_warm_by_temp": values(keep(hot, level), ttft), "ttft_all_by_temp": values(keep(all, level), ttft),
			"ttft_minus_load_by_temp": minus, "tps_all_by_temp": values(keep(all, level), rate)} {
			if len(x) < 2 {
				continue // no warm row at that temperature
			}
			set(len(x), name, temp, "n")
			set(must2(b, stats.Mean, x), name, temp, "mean")
			set(must2(b, stats.SD, x), name, temp, "std")
		}
	}
}

func must2(b *book, f func([]float64) (float64, error), x []float64) float64 {
	b.t.Helper()
	v, err := f(x)
	return must(b, v, err)
}

func at(option, level string) func(row) bool {
	return func(r row) bool { return r.scope["config."+option] == level }
}

func (b *book) gains(v string, all []row) {
	x := values(all, rate)
	mean := must2(b, stats.Mean, x)
	for level, m := range b.levels(sweepOf(v), "num_ctx") {
		b.statistic(100*(m/mean-1), "context_gain_pct", v, level)
	}
	for option, name := range map[string]string{"num_ctx": "context", "num_gpu": "gpu", "temperature": "temp"} {
		_, share := spread(b.levels(sweepOf(v), option))
		b.statistic(share, name+"_gain_max_vs_min_pct", v)
	}
	b.statistic(100*(slices.Max(x)/mean-1), "best_vs_mean_pct", v)
	b.statistic(100*(slices.Max(x)/slices.Min(x)-1), "best_vs_worst_pct", v)
}

func (b *book) suiteStatistics(v string, sweep, suite []row) {
	set := func(value any, path ...string) { b.statistic(value, path...) }
	rest := suite[1:]
	set(suite[0].v[ttft], "baseline_first_vs_rest", v, "first")
	set(must2(b, stats.Mean, values(rest, ttft)), "baseline_first_vs_rest", v, "rest_mean")
	set(must2(b, stats.SD, values(rest, ttft)), "baseline_first_vs_rest", v, "rest_std")
	mean, sd := must2(b, stats.Mean, values(rest, rate)), must2(b, stats.SD, values(rest, rate))
	set(mean, "baseline_first_vs_rest", v, "rest_tps")
	set(100*sd/mean, "baseline_first_vs_rest", v, "rest_cv_tps")

	count, took := totals(suite)
	set(count, "total_tokens_time", v, "baseline_tokens")
	set(took, "total_tokens_time", v, "baseline_eval_s")
	set(count/took, "total_tokens_time", v, "pooled_tps")
	count, took = totals(sweep)
	set(count/took, "total_tokens_time", v, "param_pooled_tps")

	set(pearson(values(sweep, rate), values(sweep, tokens)), "corr_tokens_s_vs_eval_count", v, "param_pearson")
	set(pearson(ranks(values(sweep, rate)), ranks(values(sweep, tokens))), "corr_tokens_s_vs_eval_count", v, "param_spearman")
	set(pearson(values(suite, rate), values(suite, tokens)), "corr_tokens_s_vs_eval_count", v, "baseline_pearson")
}

// totals are all tokens and the time they took.
func totals(rows []row) (count, took float64) {
	for _, r := range rows {
		count, took = count+r.v[tokens], took+r.v[tokens]/r.v[rate]
	}
	return count, took
}

func pearson(x, y []float64) float64 {
	var mx, my, sxy, sxx, syy float64
	for i := range x {
		mx, my = mx+x[i]/float64(len(x)), my+y[i]/float64(len(x))
	}
	for i := range x {
		sxy, sxx, syy = sxy+(x[i]-mx)*(y[i]-my), sxx+(x[i]-mx)*(x[i]-mx), syy+(y[i]-my)*(y[i]-my)
	}
	return sxy / math.Sqrt(sxx*syy)
}

// ranks are mid-ranks.
func ranks(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		for j, w := range x {
			switch {
			case w < v:
				out[i]++
			case w == v && i != j:
				out[i] += 0.5
			}
		}
	}
	return out
}

// subsets are the rows that intervals and tests are about.
func subsets(sweep, suite []row) map[string][]row {
	return map[string][]row{"baseline": suite, "baseline_warm4": suite[1:], "param": sweep, "param_warm": keep(sweep, warm)}
}

func (b *book) intervals(sweeps, suites map[string][]row) {
	for _, v := range variants[:2] {
		for name, rows := range subsets(sweeps[v], suites[v]) {
			for column, metric := range columns {
				x := values(rows, metric)
				set := func(value any, path ...string) {
					b.statistic(value, append([]string{"ci", name + "." + v + "." + column}, path...)...)
				}
				mean, sd := must2(b, stats.Mean, x), must2(b, stats.SD, x)
				set(len(x), "n")
				set(mean, "mean")
				set(must2(b, stats.Median, x), "median")
				set(sd, "std")
				set(100*sd/mean, "cv_pct")
				interval, err := stats.MeanInterval(x, 0.95, math.Inf(-1))
				must(b, interval, err)
				set(interval.Lo, "t_ci95", "0")
				set(interval.Hi, "t_ci95", "1")
				for generator, draw := range map[string]func(int) func() int{"splitmix64": splitMix, "python_random": pythonChoice} {
					lo, hi := resampled(x, draw(len(x)))
					set(lo, "bootstrap_"+generator, "0")
					set(hi, "bootstrap_"+generator, "1")
				}
				for p, name := range map[float64]string{0.5: "p50", 0.95: "p95", 0.99: "p99"} {
					q, err := stats.Quantile(x, p)
					set(must(b, q, err), name)
				}
			}
		}
	}
}

func (b *book) tests(sweeps, suites map[string][]row) {
	latest, small := subsets(sweeps["latest"], suites["latest"]), subsets(sweeps["270m"], suites["270m"])
	for name := range latest {
		for column, metric := range columns {
			b.test("variant_tests", name+"."+column+".latest_vs_270m", values(latest[name], metric), values(small[name], metric))
		}
	}
	levels := map[string][]string{"num_gpu": {"40", "60", "80", "999"}, "num_ctx": {"1024", "2048", "4096"}, "temperature": {"0.2", "0.4", "0.8"}}
	for _, v := range variants[:2] {
		for which, rows := range map[string][]row{"all": sweeps[v], "warm": keep(sweeps[v], warm)} {
			for column, metric := range columns {
				for option, all := range levels {
					for i, one := range all {
						for _, other := range all[i+1:] {
							x, y := values(keep(rows, at(option, one)), metric), values(keep(rows, at(option, other)), metric)
							if len(x) < 2 || len(y) < 2 {
								continue
							}
							b.test("level_tests", fmt.Sprintf("%s.%s.%s.%s.%s_vs_%s", v, which, column, option, one, other), x, y)
						}
					}
				}
			}
		}
	}
}

func (b *book) test(section, name string, x, y []float64) {
	b.t.Helper()
	set := func(value any, path ...string) { b.statistic(value, append([]string{section, name}, path...)...) }
	w, err := stats.Welch(x, y)
	must(b, w, err)
	mx, my := must2(b, stats.Mean, x), must2(b, stats.Mean, y)
	sx, sy := must2(b, stats.SD, x), must2(b, stats.SD, y)
	n1, n2 := float64(len(x)), float64(len(y))
	set(len(x), "welch", "n1")
	set(len(y), "welch", "n2")
	set(mx, "welch", "mean1")
	set(my, "welch", "mean2")
	set(mx-my, "welch", "diff")
	set(w.Statistic, "welch", "t")
	set(w.DF[0], "welch", "df")
	set(w.P, "welch", "p")
	half := distuv.StudentsT{Nu: w.DF[0], Sigma: 1}.Quantile(0.975) * math.Sqrt(sx*sx/n1+sy*sy/n2)
	set(mx-my-half, "welch", "ci95", "0")
	set(mx-my+half, "welch", "ci95", "1")
	d := (mx - my) / math.Sqrt(((n1-1)*sx*sx+(n2-1)*sy*sy)/(n1+n2-2))
	set(d, "welch", "cohen_d_pooled")
	set(d*(1-3/(4*(n1+n2-2)-1)), "welch", "hedges_g") // the usual approximation; stats.HedgesG is exact
	u, err := stats.MannWhitney(x, y, 0.05)
	must(b, u, err)
	delta, err := stats.CliffsDelta(x, y)
	set(u.Statistic, "mwu", "U1")
	set(u.P, "mwu", "p_exact")
	set(must(b, delta, err), "mwu", "cliffs_delta")
	set(delta, "mwu", "rank_biserial")
	set(n1*n2-u.Statistic, "mwu", "U2")
	z := (math.Abs(u.Statistic-n1*n2/2) - 0.5) / math.Sqrt(n1*n2/12*(n1+n2+1-ties(append(slices.Clone(x), y...))))
	set(z, "mwu", "z_cc")
	set(min(1, 2*distuv.UnitNormal.Survival(z)), "mwu", "p_asymptotic_cc")
}

// ties is what equal values take from the variance of U: Σ(t³−t) / (n(n−1)).
func ties(all []float64) (sum float64) {
	count := map[float64]float64{}
	for _, v := range all {
		count[v]++
	}
	n := float64(len(all))
	for _, t := range count {
		sum += (t*t*t - t) / (n * (n - 1))
	}
	return sum
}

func (b *book) analyses(sweeps map[string][]row) {
	for _, v := range variants[:2] {
		all := map[string][]row{"all": sweeps[v], "warm_only": keep(sweeps[v], warm)}
		if v == "270m" {
			all["all_minus_g60_c1024_t0.8"], all["warm_minus_g60_c1024_t0.8"] = keep(all["all"], notOutlier), keep(all["warm_only"], notOutlier)
		}
		for which, rows := range all {
			for column, metric := range columns {
				b.analysis(rows, values(rows, metric), "anova", v, which, column)
			}
		}
	}
}

var factors = []string{"num_gpu", "num_ctx", "temperature"}

// analysis is one-way by each option, and additive by all.
func (b *book) analysis(rows []row, y []float64, path ...string) {
	b.t.Helper()
	set := func(value any, more ...string) { b.statistic(value, append(slices.Clone(path), more...)...) }
	set(len(y), "n")
	var all []stats.Factor
	for _, name := range factors {
		f := stats.Factor{Name: name}
		groups := map[string][]float64{}
		for i, r := range rows {
			level := r.scope["config."+name]
			f.Levels = append(f.Levels, level)
			groups[level] = append(groups[level], y[i])
		}
		all = append(all, f)
		a, err := stats.AnalyzeVariance(y, []stats.Factor{f}, false)
		must(b, a, err)
		t, _ := a.Term(name)
		for key, v := range map[string]any{"eta2": t.EtaSq, "omega2": t.OmegaSq, "ss_between": t.SS, "ss_total": a.SSTotal, "F": t.F,
			"df1": t.DF, "df2": a.DFResidual, "p": t.P} {
			set(v, name, key)
		}
		for level, x := range groups {
			if !strings.Contains(level, ".") {
				level += ".0"
			}
			set(must2(b, stats.Mean, x), name, "group_means", level)
			set(len(x), name, "group_n", level)
		}
	}
	a, err := stats.AnalyzeVariance(y, all, false)
	must(b, a, err)
	for _, t := range a.Terms {
		for key, v := range map[string]any{"type2_ss": t.SS, "eta2_type2": t.EtaSq, "partial_eta2": t.PartialEtaSq, "F": t.F, "df1": t.DF, "df2": a.DFResidual, "p": t.P} {
			set(v, "additive_model", t.Name, key)
		}
	}
	set(a.SSResidual/a.SSTotal, "additive_model", "residual_share")
	set(1-a.SSResidual/a.SSTotal, "additive_model", "r2_main_effects")
	b.withColdIndicator(rows, y, all, set)
}

// withColdIndicator adds whether a row was cold as one more factor.
func (b *book) withColdIndicator(rows []row, y []float64, all []stats.Factor, set func(any, ...string)) {
	cold := stats.Factor{Name: "cold"}
	for _, r := range rows {
		cold.Levels = append(cold.Levels, fmt.Sprint(r.cold))
	}
	if !slices.Contains(cold.Levels, "true") || !slices.Contains(cold.Levels, "false") {
		return
	}
	explained := func(f ...stats.Factor) float64 {
		a, err := stats.AnalyzeVariance(y, f, false)
		must(b, a, err)
		return 1 - a.SSResidual/a.SSTotal
	}
	put := func(value any, more ...string) {
		set(value, append([]string{"additive_model", "with_cold_indicator"}, more...)...)
	}
	put(explained(cold), "cold_only_r2")
	main, err := stats.AnalyzeVariance(y, all, false)
	must(b, main, err)
	a, err := stats.AnalyzeVariance(y, append(slices.Clone(all), cold), false)
	if err == nil {
		put(1-a.SSResidual/a.SSTotal, "r2_main_plus_cold")
		for _, name := range factors {
			t, _ := a.Term(name)
			for key, v := range map[string]any{"partial_ss": t.SS, "share_of_total": t.SS / a.SSTotal, "F": t.F, "p": t.P} {
				put(v, name, key)
			}
		}
		return
	}
	// Each cold row, and no other, has the lowest temperature: cold adds nothing
	// to temperature, which adds to cold what tells its other levels apart. There
	// is no such analysis; the recomputation, which gave cold a degree of freedom
	// all the same and left temperature both of its own, is reproduced as it is.
	put(1-main.SSResidual/main.SSTotal, "r2_main_plus_cold")
	for _, t := range main.Terms {
		share := t.SS / main.SSTotal
		if t.Name == "temperature" {
			share = 1 - main.SSResidual/main.SSTotal - explained(all[0], all[1], cold)
		}
		d := distuv.F{D1: float64(t.DF), D2: float64(main.DFResidual - 1)}
		f := share * main.SSTotal / d.D1 / (main.SSResidual / d.D2)
		for key, v := range map[string]float64{"partial_ss": share * main.SSTotal, "share_of_total": share, "F": f, "p": d.Survival(f)} {
			put(v, t.Name, key)
		}
	}
}

func (b *book) withoutOutlier(rows []row) {
	set := func(value any, path ...string) {
		b.statistic(value, append([]string{"270m_without_outlier"}, path...)...)
	}
	x := values(rows, rate)
	set(len(x), "n")
	set(must2(b, stats.Mean, x), "mean")
	set(must2(b, stats.SD, x), "std")
	for _, name := range factors {
		groups := map[string][]float64{}
		for _, r := range rows {
			groups[r.scope["config."+name]] = append(groups[r.scope["config."+name]], r.v[rate])
		}
		means := map[string]float64{}
		for level, x := range groups {
			means[level] = must2(b, stats.Mean, x)
			if !strings.Contains(level, ".") {
				level += ".0"
			}
			set(must2(b, stats.Mean, x), "gmeans", name, level)
		}
		d, share := spread(means)
		set(d, "sens", name)
		if name == "num_ctx" {
			set(share, "ctx_gain_max_vs_min_pct")
		}
	}
}
