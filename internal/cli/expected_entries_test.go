package cli_test

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"chimera/internal/fact"
)

var variants = []string{"latest", "270m", "1b-it-qat"}

// stem is a variant's part of the files' names.
func stem(variant string) string {
	if variant == "latest" {
		return "workspace/reports/gemma3/gemma3"
	}
	return "workspace/reports/gemma3/gemma3_" + variant
}

func sweepOf(v string) string {
	return "subject=gemma3:" + v + ",experiment=" + stem(v) + "_param_tuning.csv"
}
func baselineOf(v string) string {
	return "subject=gemma3:" + v + ",experiment=" + stem(v) + "_baseline.json"
}

func (b *book) entry(value any, format string, args ...any) {
	b.t.Helper()
	b.set(value, "entries", fmt.Sprintf(format, args...))
}

// entryValue is an expected value that is an assumption, not a result.
func (b *book) entryValue(id string) float64 {
	for _, e := range b.expected["entries"].([]any) {
		if e := e.(map[string]any); e["id"] == id {
			return e["value"].(float64)
		}
	}
	b.t.Fatalf("no entry %s", id)
	return 0
}

func (b *book) entries() {
	b.variantEntries()
	b.optimalEntries()
	b.quantizationEntries()
	b.kernelEntries()
	b.backendEntries()
	b.drawnEntries()
	b.fileEntries()
	b.claimedEntries()
}

func (b *book) variantEntries() {
	baseline, sweep, best, quick := 0, 0, "", ""
	means := map[string]pool{}
	starts := map[string]pool{}
	for _, v := range variants {
		r, first, loads := b.pool(rate, baselineOf(v)), b.pool(ttft, baselineOf(v)), b.pool(load, baselineOf(v))
		means[v], starts[v] = r, first
		b.entry(r.planned, "000.baseline_runs.%s", v)
		for _, cell := range []string{"In[3]", "In[6]"} {
			b.entry(r.mean, "000.baseline.%s.%s.tokens_s.mean", cell, v)
			b.entry(first.mean, "000.baseline.%s.%s.ttft_s.mean", cell, v)
			b.entry(loads.mean, "000.baseline.%s.%s.load_s.mean", cell, v)
		}
		b.entry(first.mean, "000.ttft.%s.mean", v)
		b.entry(first.sd, "000.ttft.%s.std", v)
		b.entry(first.min, "000.ttft.%s.min", v)
		b.entry(first.max, "000.ttft.%s.max", v)
		b.entry(100*first.sd/first.mean, "000.ttft.%s.cv_pct", v)
		cv := 100 * r.sd / r.mean
		b.entry(cv, "000.cv.%s", v)
		b.entry(map[bool]string{true: "High", false: map[bool]string{true: "Medium", false: "Low"}[cv < 10]}[cv < 5], "000.stability.%s", v)
		b.entry(r.mean, "000.eff.%s.throughput", v)
		b.entry(r.mean/b.entryValue("000.eff."+v+".size")*1000, "000.eff.%s.efficiency", v)

		rates, firsts := b.pool(rate, sweepOf(v)), b.pool(ttft, sweepOf(v))
		for name, p := range map[string]pool{"tokens_s": rates, "ttft_s": firsts} {
			b.entry(p.mean, "000.param.%s.%s.mean", v, name)
			b.entry(p.sd, "000.param.%s.%s.std", v, name)
			b.entry(p.min, "000.param.%s.%s.min", v, name)
			b.entry(p.max, "000.param.%s.%s.max", v, name)
		}
		b.entry(rates.planned, "000.space.%s.n", v)
		b.entry(rates.min, "000.space.%s.tps_min", v)
		b.entry(rates.max, "000.space.%s.tps_max", v)
		b.entry(firsts.min, "000.space.%s.ttft_min", v)
		b.entry(firsts.max, "000.space.%s.ttft_max", v)
		b.sensitivity(v)
		baseline, sweep = baseline+r.planned, sweep+rates.planned
		if best == "" || r.mean > means[best].mean {
			best = v
		}
		if quick == "" || first.mean < starts[quick].mean {
			quick = v
		}
	}
	b.entry(baseline, "000.baseline_rows")
	b.entry(len(variants), "000.variants")
	b.entry(sweep, "000.param_rows")
	for _, cell := range []string{"In[3]", "In[6]"} {
		b.entry(best, "000.best_throughput.%s", cell)
		b.entry(means[best].mean, "000.best_throughput_value.%s", cell)
		b.entry(quick, "000.best_ttft.%s", cell)
		b.entry(starts[quick].mean, "000.best_ttft_value.%s", cell)
	}
	b.entry(means["270m"].mean/b.entryValue("000.eff.270m.size")*1000, "000.eff.best")
	b.entry(means["latest"].mean, "000.claim.latest_102.85")
}

// levels are the pooled means of each level of an option.
func (b *book) levels(where, option string) map[string]float64 {
	sums, n := map[string]float64{}, map[string]int{}
	for _, f := range b.ask(rate, "mean", where, "config."+option) {
		level := f.Scope["config."+option]
		sums[level], n[level] = sums[level]+float64(f.N)*f.Value.Or(0), n[level]+f.N
	}
	for level := range sums {
		sums[level] /= float64(n[level])
	}
	return sums
}

// spread is the largest minus the smallest level, in share of the smallest too.
func spread(levels map[string]float64) (difference, share float64) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range levels {
		lo, hi = math.Min(lo, v), math.Max(hi, v)
	}
	return hi - lo, 100 * (hi/lo - 1)
}

func (b *book) sensitivity(v string) {
	most, largest := "", 0.0
	for option, word := range map[string]string{"num_gpu": "GPU", "num_ctx": "Context", "temperature": "Temperature"} {
		d, _ := spread(b.levels(sweepOf(v), option))
		b.entry(d, "000.sens.%s.%s", v, option)
		if d > largest {
			most, largest = word, d
		}
	}
	b.entry(most, "000.sens.%s.most", v)
}

func (b *book) optimalEntries() {
	var overall row
	winner := ""
	for _, v := range variants {
		var best row
		for _, r := range b.rows(sweepOf(v)) {
			if best.v == nil || r.v[rate] > best.v[rate] {
				best = r
			}
		}
		if overall.v == nil || best.v[rate] > overall.v[rate] {
			overall, winner = best, v
		}
		for _, cell := range []string{"000.optimal.In[4].", "000.optimal.In[10].", "000.optimal_table."} {
			for _, option := range []string{"num_gpu", "num_ctx", "temperature"} {
				level, err := strconv.ParseFloat(best.scope["config."+option], 64)
				if err != nil {
					b.t.Error(err)
				}
				b.entry(level, "%s%s.%s", cell, v, option)
			}
			b.entry(best.v[rate], "%s%s.tokens_s", cell, v)
			b.entry(best.v[ttft], "%s%s.ttft_s", cell, v)
		}
		b.entry(best.v[load], "000.optimal_table.%s.load_s", v)
	}
	b.entry(winner, "000.best_overall")
	b.entry(overall.v[rate], "000.best_overall.tokens_s")
}

func (b *book) quantizationEntries() {
	get := func(series, method string) float64 { return b.value(series, "kind=quantization,method="+method) }
	methods := []string{"baseline", "qat", "int8", "fp8"}
	b.entry(len(b.read("accuracy", "median", "kind=quantization", "method")), "003.n_quant")
	base := map[string]float64{}
	for _, s := range []string{"accuracy", "loss", "model_size"} {
		base[s] = get(s, "baseline")
	}
	for _, m := range methods {
		for _, cell := range []string{"In[23]", "In[24]"} {
			b.entry(get("accuracy", m), "003.q.%s.%s.accuracy", cell, m)
			b.entry(get("loss", m), "003.q.%s.%s.loss", cell, m)
			b.entry(get("model_size", m), "003.q.%s.%s.size", cell, m)
		}
		b.entry(get("loss", m), "003.loss.%s", m)
		b.entry(100*(get("loss", m)/base["loss"]-1), "003.loss.%s.rel", m)
		if m == "baseline" {
			continue
		}
		saved := 100 * (1 - get("model_size", m)/base["model_size"])
		b.entry(saved, "003.q.%s.size_reduction", m)
		b.entry(saved, "003.q26.%s.size_pct", m)
		b.entry(100*(get("accuracy", m)/base["accuracy"]-1), "003.q.%s.acc_change", m)
	}
}

// millis asks a time of readings in milliseconds.
func (b *book) millis(series, where string) float64 { return 1e3 * b.value(series, where) }

func (b *book) kernelEntries() {
	groups := map[string]bool{}
	operations := map[string]int{}
	for _, f := range b.read("mean_time", "median", "kind=kernel", "group", "operation") {
		groups[f.Scope["group"]] = true
		operations[f.Scope["group"]]++
	}
	b.entry(len(groups), "003.n_kernel")
	for group, n := range operations {
		b.entry(n, "003.kops.%s", group)
	}
	plain, fused := b.millis("mean_time", "operation=baseline_linear_gelu"), b.millis("mean_time", "operation=fused_linear_gelu")
	b.entry(plain, "003.fusion.base")
	b.entry(fused, "003.fusion.fused")
	b.entry(plain/fused, "003.fusion.speedup")
	b.entry(100*(1-fused/plain), "003.fusion.timered")
	for name, group := range map[string]string{"att": "attention", "tc": "tensor_core"} {
		for short, series := range map[string]string{"mean": "mean_time", "std": "std_time", "min": "min_time", "max": "max_time"} {
			b.entry(b.millis(series, "kind=kernel,group="+group), "003.%s.%s", name, short)
		}
	}
}

const compiled = "workspace/reports/compilation/"

func (b *book) backendEntries() {
	b.entry(len(b.read("mean_time", "median", "kind=backend", "file")), "003.n_comp")
	for _, f := range b.read("mean_time", "median", "kind=backend", "backend") {
		b.entry(f.Planned, "003.backend_count.%s", f.Scope["backend"])
	}
	// The document let the last file of a model win, and drew failures as 0.
	for model, file := range map[string]string{"conv": "conv_cuda_bench_20251002-172037", "mlp": "mlp_cuda_bench_20251002-171845",
		"transformer": "transformer_cuda_triton2508"} {
		for _, f := range b.read("mean_time", "median", "kind=backend,file="+compiled+file+".json", "backend") {
			b.entry(timeOrFailure(f), "003.backend.%s.%s", f.Scope["backend"], model)
		}
	}
}

// timeOrFailure is a fact's value in milliseconds, or why there is none.
func timeOrFailure(f fact.Fact) any {
	if v, ok := f.Value.Get(); ok {
		return 1e3 * v
	}
	return failed{f.Reason}
}

// drawnEntries are of the document's figure of latencies, which are drawn from
// normal distributions and of no measurement.
func (b *book) drawnEntries() {
	const n = 200
	g := newTwister(seed)
	for _, drawn := range []struct {
		name     string
		mean, sd float64
	}{{"pytorch", 100, 20}, {"torch_compile", 80, 15}, {"onnx", 60, 12}, {"tensorrt", 50, 10}} {
		sum := 0.0
		for range n {
			sum += drawn.mean + drawn.sd*g.normal()
		}
		b.entry(sum/n, "003.synth.%s.mean", drawn.name)
		b.entry(n, "003.synth.%s.n", drawn.name)
	}
}

func (b *book) fileEntries() {
	n := map[string]int{}
	gemma := 0
	for _, f := range b.files {
		if name, ok := strings.CutPrefix(f.Path, "workspace/"); ok {
			n[path.Ext(name)]++
			if strings.Contains(name, "gemma3") {
				gemma++
			}
		}
	}
	for _, document := range []string{"001", "002", "004"} {
		b.entry(n[".csv"]+n[".json"]+n[".md"], "%s.files", document)
		for word, ext := range map[string]string{"csv": ".csv", "json": ".json", "markdown": ".md"} {
			b.entry(n[ext], "%s.files.%s", document, word)
			if document != "004" {
				b.entry(n[ext], "%s.text.files.%s", document, word)
			}
		}
	}
	b.entry(gemma, "001.gemma3_files")
}

func (b *book) claimedEntries() {
	const constant = "workspace/csv_data/baselines/comprehensive_baseline_1759186313.json"
	b.entry(b.pool(ttft, baselineOf("1b-it-qat")).mean, "001.tbl.ttft_s")
	b.entry(b.pool(rate, sweepOf("1b-it-qat")).mean, "001.tbl.mean_tokens_s")
	b.entry(b.value("p95_of_run_means", "file="+constant), "001.tbl.p95_latency")
	b.entry(b.value("p50_of_run_means", "file="+constant), "001.tbl.p50_latency")
	b.entry(b.value("app_token_rate", "file=workspace/csv_data/baseline_test_results_1759098967.json"), "001.tbl.mean_tokens_per_second")
}
