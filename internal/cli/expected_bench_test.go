package cli_test

import (
	"fmt"
	"math"
	"strings"

	"chimera/internal/fact"
)

func (b *book) benches() {
	b.compilation()
	b.kernels()
}

// compilation compares each backend with eager of the same file.
func (b *book) compilation() {
	for i, e := range b.expected["compilation"].([]any) {
		e := e.(map[string]any)
		file := e["file"].(string)
		where := "kind=backend,file=" + compiled + file + ".json,backend="
		set := func(v any, name string) { b.set(v, "compilation", fmt.Sprint(i), name) }
		one := func(series, backend string) fact.Fact {
			facts := b.read(series, "median", where+backend, "model", "device", "batch_size", "provider")
			if len(facts) != 1 || facts[0].Planned != 1 {
				b.t.Fatalf("%s of %s in %s: %+v", series, backend, file, facts)
			}
			return facts[0]
		}
		backend := e["backend"].(string)
		mean, low, eager, eagerLow := one("mean_time", backend), one("min_time", backend), one("mean_time", "eager"), one("min_time", "eager")
		ok := mean.N == 1
		set(file, "file")
		set(backend, "backend")
		set(mean.Scope["model"], "model")
		set(mean.Scope["device"], "device")
		set(mean.Scope["batch_size"], "batch")
		set(ok, "ok")
		set(timeOrFailure(mean), "mean_ms")
		set(timeOrFailure(one("std_time", backend)), "std_ms")
		set(timeOrFailure(low), "min_ms")
		providers := any(nil)
		if p := mean.Scope["provider"]; p != "" {
			providers = p
		}
		if _, listed := e["onnx_providers"].([]any); listed {
			set(providers, "onnx_providers/0")
		} else {
			set(providers, "onnx_providers")
		}
		if !ok {
			// The file of expected values keeps the beginning of the reason.
			reason := strings.TrimPrefix(mean.Reason, "no row has a value: 1 × ")
			set(reason[:min(len(reason), len(e["error"].(string)))], "error")
			for _, name := range []string{"compile_time_s", "speedup_mean_vs_eager", "speedup_min_vs_eager", "break_even_calls"} {
				set(nil, name)
			}
			continue
		}
		set(nil, "error")
		set(eager.Value.Or(0)/mean.Value.Or(0), "speedup_mean_vs_eager")
		set(eagerLow.Value.Or(0)/low.Value.Or(0), "speedup_min_vs_eager")
		compileTime := 0.0 // nothing is compiled: eager has no such reading
		if backend != "eager" {
			compileTime = one("compile_time", backend).Value.Or(0)
		}
		set(compileTime, "compile_time_s")
		if saved := eager.Value.Or(0) - mean.Value.Or(0); saved > 0 && backend != "eager" {
			set(compileTime/saved, "break_even_calls")
		} else {
			set(nil, "break_even_calls")
		}
	}
}

var kernelNames = map[string]string{
	"attention": "kind=kernel,group=attention", "tensor_core": "kind=kernel,group=tensor_core",
	"fusion_baseline": "operation=baseline_linear_gelu", "fusion_fused": "operation=fused_linear_gelu",
}

// oneSlow is the standard deviation of n times that are equal but for one.
func oneSlow(excess, n, ddof float64) float64 { return excess * math.Sqrt((n-1)/n/(n-ddof)) }

// iterations are the number of calls and the divisor n − ddof, which the files
// do not name, by which one slow call explains the spread of the attention best.
func (b *book) iterations() (n, ddof float64) {
	where := kernelNames["attention"]
	mean, sd, slowest := b.millis("mean_time", where), b.millis("std_time", where), b.millis("max_time", where)
	least := math.Inf(1)
	for calls := 2.0; calls <= 100; calls++ {
		for _, taken := range []float64{0, 1} {
			if miss := math.Abs(oneSlow((slowest-mean)*calls/(calls-1), calls, taken) - sd); miss < least {
				least, n, ddof = miss, calls, taken
			}
		}
	}
	return n, ddof
}

func (b *book) kernels() {
	n, ddof := b.iterations()
	others := map[string]float64{}
	for name, where := range kernelNames {
		mean, sd, slowest := b.millis("mean_time", where), b.millis("std_time", where), b.millis("max_time", where)
		others[name] = (n*mean - slowest) / (n - 1)
		b.set(others[name], "kernels", name, "mean_of_other_9_ms")
		b.set(oneSlow(slowest-others[name], n, ddof), "kernels", name, "std_if_one_outlier_ms")
		b.set(n, "kernels", name, "n_assumed")
		b.set(ddof, "kernels", name, "ddof_assumed")
		b.set(sd, "kernels", name, "reported_std_ms")
		b.set(100*sd/mean, "kernels", name, "cv_pct")
	}
	for key, series := range map[string]string{"at_min": "min_time", "at_mean": "mean_time"} {
		took := b.value(series, "kind=kernel,operation=512x512x512")
		b.set(2*512*512*512/took/1e12, "kernels", "tensor_core_tflops", key)
	}
	ratio := func(series string) float64 {
		return b.value(series, kernelNames["fusion_baseline"]) / b.value(series, kernelNames["fusion_fused"])
	}
	b.set(ratio("mean_time"), "kernels", "fusion_speedup", "mean")
	b.set(ratio("min_time"), "kernels", "fusion_speedup", "min")
	b.set(ratio("max_time"), "kernels", "fusion_speedup", "max")
	b.set(others["fusion_baseline"]/others["fusion_fused"], "kernels", "fusion_speedup", "without_slowest_each")
}
