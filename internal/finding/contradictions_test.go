package finding_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/unit"
)

const (
	sweepDir   = "workspace/reports/gemma3"
	kernelDir  = "workspace/reports/kernel_optimization"
	quantDir   = "workspace/reports/quantization"
	backendDir = "workspace/reports/compilation"
	timingDir  = "workspace/csv_data/baselines"
	agentDir   = "agent_runs"
)

// told asks for the findings of a kind whose scope fits, as texts with their
// verdicts.
func told(a *finding.Analysis, kind finding.Kind, scope ...string) []finding.Finding {
	var out []finding.Finding
	for _, f := range a.Of(kind) {
		fits := true
		for i := 0; i < len(scope); i += 2 {
			fits = fits && strings.Contains(f.Scope[scope[i]], scope[i+1])
		}
		if fits {
			out = append(out, f)
		}
	}
	return out
}

func text(a *finding.Analysis, f finding.Finding) string {
	all := []string{f.Sentence.Print(a.Fact)}
	for _, n := range f.Notes {
		all = append(all, n.Print(a.Fact))
	}
	return strings.Join(all, " ")
}

// expect wants exactly one finding with the verdict, whose words hold each of
// some phrases.
func expect(a *finding.Analysis, found []finding.Finding, verdict finding.Verdict, phrases ...string) error {
	if len(found) != 1 {
		return fmt.Errorf("%d findings, want 1", len(found))
	}
	if found[0].Verdict != verdict {
		return fmt.Errorf("verdict %s, want %s: %s", found[0].Verdict, verdict, text(a, found[0]))
	}
	for _, p := range phrases {
		if !strings.Contains(text(a, found[0]), p) {
			return fmt.Errorf("%q is not in: %s", p, text(a, found[0]))
		}
	}
	return nil
}

// each wants the verdict of all of several findings.
func each(a *finding.Analysis, found []finding.Finding, n int, verdict finding.Verdict, phrase string) error {
	if len(found) != n {
		return fmt.Errorf("%d findings, want %d", len(found), n)
	}
	for _, f := range found {
		if err := expect(a, []finding.Finding{f}, verdict, phrase); err != nil {
			return err
		}
	}
	return nil
}

// factOf finds the value of a fact among those of a finding.
func factOf(a *finding.Analysis, f finding.Finding, metric, aggregate string, scope ...string) (fact.Fact, bool) {
	for _, x := range a.Facts {
		fits := x.Metric == metric && x.Aggregate == aggregate && slices.Contains(f.Facts, x.ID)
		for i := 0; i < len(scope); i += 2 {
			fits = fits && x.Scope[scope[i]] == scope[i+1]
		}
		if fits {
			return x, true
		}
	}
	return fact.Fact{}, false
}

func near(a *finding.Analysis, f finding.Finding, want, tolerance float64, metric, aggregate string, scope ...string) error {
	x, ok := factOf(a, f, metric, aggregate, scope...)
	if !ok {
		return fmt.Errorf("no fact %s of %s %v", aggregate, metric, scope)
	}
	if v, _ := x.Value.Get(); math.Abs(v-want) > tolerance {
		return fmt.Errorf("%s of %s is %v, want %v", aggregate, metric, v, want)
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	rate = "server_rate_naive" // the files' tokens_s
	ttft = "ttft_server_est"   // the files' ttft_s
)

// A contradiction is a place where the earlier lab concluded what its own data
// do not say, by its number in the list of those. What the rows judge is checked
// in what is found in them, what is only text in what the audit says of it, and
// what a program did in what this one does.
type contradiction struct {
	number int
	wrong  string // what was claimed, or done
	data   string // whose analysis the check is given
	check  func(a *finding.Analysis) error
}

// The earlier lab concluded wrongly in 55 places; none may be left out.
func TestTheEarlierLabsErrorsAreNotRepeated(t *testing.T) {
	all := slices.Concat(wrongOfRows(), wrongOfText(), wrongOfAgents())
	slices.SortFunc(all, func(a, b contradiction) int { return a.number - b.number })
	for i, c := range all {
		if c.number != i+1 {
			t.Fatalf("contradiction %d is missing or there twice", i+1)
		}
		t.Run(fmt.Sprintf("%02d", c.number), func(t *testing.T) {
			if c.check == nil && len(claimed[c.number]) == 0 {
				t.Fatalf("nothing shows that %q is not repeated", c.wrong)
			}
			if c.check != nil {
				if err := c.check(legacyAnalysis(t, c.data)); err != nil {
					t.Errorf("%q was claimed: %v", c.wrong, err)
				}
			}
			for _, said := range claimed[c.number] {
				if err := said.judged(t); err != nil {
					t.Errorf("%q was claimed: %v", c.wrong, err)
				}
			}
		})
	}
	if len(all) != 55 {
		t.Errorf("%d contradictions, want 55", len(all))
	}
}

// wrongOfRows are those that rows can judge: a finding says the true thing, or
// says that the rows do not carry one.
func wrongOfRows() []contradiction {
	baseline := func(a *finding.Analysis, kind finding.Kind, metric string) []finding.Finding {
		return told(a, kind, "experiment", "baseline", "metric", metric)
	}
	return []contradiction{
		{1, "latest has the highest throughput", sweepDir, func(a *finding.Analysis) error {
			found := baseline(a, finding.Ranking, rate)
			return first(expect(a, found, finding.Better, "gemma3:270m has the best", "2.88×", "that of gemma3:latest"), wins(found, "gemma3:270m"))
		}},
		{2, "context tuning yields 15–20 % across all variants", sweepDir, func(a *finding.Analysis) error {
			return each(a, told(a, finding.Sensitivity, "factor", "num_ctx", "metric", rate), 3, finding.Inconclusive, "No effect of num_ctx")
		}},
		{3, "GPU layers are critical", sweepDir, func(a *finding.Analysis) error {
			return each(a, told(a, finding.Sensitivity, "factor", "num_gpu", "metric", rate), 3, finding.NotComparable, "num_gpu levels are one configuration")
		}},
		{4, "num_gpu 60, 80, 120 and 999 were tested", sweepDir, func(a *finding.Analysis) error {
			return each(a, told(a, finding.Sensitivity, "factor", "num_gpu", "metric", rate), 3, finding.NotComparable, "(40, 60, 80 and 999)")
		}},
		{5, "temperature impacts TTFT", sweepDir, func(a *finding.Analysis) error {
			return each(a, told(a, finding.Sensitivity, "factor", "temperature", "metric", ttft), 3, finding.NotComparable, "cold starts, not temperature")
		}},
		{6, "best TTFT: 1b-it-qat", sweepDir, func(a *finding.Analysis) error {
			return expect(a, baseline(a, finding.Ranking, ttft), finding.Inconclusive, "gemma3:270m shows the best")
		}},
		{7, "low latency: choose latest", sweepDir, func(a *finding.Analysis) error {
			found := baseline(a, finding.Ranking, ttft)
			return first(expect(a, found, finding.Inconclusive), near(a, found[0], 0.1268, 5e-5, ttft, "mean", "subject", "gemma3:latest"), near(a, found[0], 0.0669, 5e-5, ttft, "mean", "subject", "gemma3:270m"))
		}},
		{8, "only latest exceeds 100 token/s", sweepDir, func(a *finding.Analysis) error {
			f := baseline(a, finding.Ranking, rate)[0]
			return first(near(a, f, 102.4909, 5e-5, rate, "mean", "subject", "gemma3:latest"), near(a, f, 183.0977, 5e-5, rate, "mean", "subject", "gemma3:1b-it-qat"), near(a, f, 294.8879, 5e-5, rate, "mean", "subject", "gemma3:270m"))
		}},
		{9, "stability is highest for latest", sweepDir, func(a *finding.Analysis) error {
			return each(a, baseline(a, finding.Stability, rate), 3, finding.NotMeasured, "was not measured")
		}},
		{10, "all variants are consistent across prompts", sweepDir, func(a *finding.Analysis) error {
			return each(a, baseline(a, finding.PromptEffect, rate), 3, finding.Inconclusive, "cannot be said")
		}},
		{11, "sizes 8000, 500 and 2000 MB", sweepDir, func(a *finding.Analysis) error {
			return expect(a, told(a, finding.Efficiency, "experiment", "baseline"), finding.NotMeasured, "none is assumed")
		}},
		{12, "567 token/s per MB", sweepDir, func(a *finding.Analysis) error {
			for _, x := range a.Facts {
				if x.Aggregate == "per_gb" {
					return fmt.Errorf("a speed by a size that nobody measured: %v", x.Value)
				}
			}
			return nil
		}},
		{13, "an efficiency frontier through the sizes", sweepDir, func(a *finding.Analysis) error {
			return expect(a, told(a, finding.Pareto, "experiment", "baseline"), finding.Inconclusive, "gemma3:270m beats")
		}},
		{14, "108 configurations", sweepDir, func(a *finding.Analysis) error {
			found := told(a, finding.Configuration, "metric", rate, "subject", "gemma3:latest")
			return expect(a, found, finding.Inconclusive, "36 requested configurations are 6 that differ")
		}},
		{15, "statistical significance testing", sweepDir, func(a *finding.Analysis) error {
			f := baseline(a, finding.Ranking, rate)[0]
			x, ok := factOf(a, f, rate, "p", "against", "gemma3:latest")
			if !ok || x.Method == "" || x.Value.Or(1) > 0.001 {
				return fmt.Errorf("the ranking's p is %v by %q", x.Value, x.Method)
			}
			return nil
		}},
		{16, "stability over time with confidence bands", sweepDir, func(a *finding.Analysis) error {
			for _, f := range baseline(a, finding.Stability, rate) {
				for _, p := range f.Figures[0].Panels[0].Points {
					if p.N > 1 || p.Value.OK() || p.Lo.OK() || !strings.Contains(p.Missing, "needs >= 2") {
						return fmt.Errorf("a scatter of one request: %+v", p)
					}
				}
			}
			if n := len(baseline(a, finding.Drift, rate)); n > 0 {
				return fmt.Errorf("%d findings about a drift over five prompts", n)
			}
			return nil
		}},
		{17, "error bars per prompt", sweepDir, func(a *finding.Analysis) error {
			for _, f := range baseline(a, finding.PromptEffect, rate) {
				for _, p := range f.Figures[0].Panels[0].Points {
					if p.Lo.OK() || p.N > 1 {
						return fmt.Errorf("%s has an interval from n = %d", p.XName, p.N)
					}
				}
			}
			return nil
		}},
		{18, "a decision tree without data that ends at latest", sweepDir, func(a *finding.Analysis) error {
			for _, f := range a.Findings {
				if len(f.Winners) > 0 && len(f.Facts) == 0 {
					return fmt.Errorf("%q is chosen by no fact", f.Winners)
				}
				if f.Kind == finding.Ranking && (f.Pick == "gemma3:latest" || slices.Contains(f.Winners, "gemma3:latest")) {
					return fmt.Errorf("latest is chosen: %s", text(a, f))
				}
			}
			return wins(baseline(a, finding.Ranking, rate), "gemma3:270m")
		}},
		{19, "all real data, failed rows dropped", sweepDir, func(a *finding.Analysis) error {
			return expect(a, told(a, finding.Failures), finding.NotMeasured, "2 of 36 planned requests gave no value (2 timeout)")
		}},
		{20, "TensorRT is 8.7 times eager", backendDir, func(a *finding.Analysis) error {
			return first(expect(a, told(a, finding.Backend, "file", "conv_cuda"), finding.Inconclusive, "not comparable: onnx and tensorrt", "tensorrt is not compared: it computed in torch.float16", "0.356×"),
				expect(a, told(a, finding.Combined, "backend", "tensorrt"), finding.NotComparable),
				expect(a, told(a, finding.Backend, "file", "transformer_bench"), finding.Better, "onnx 8.71×"))
		}},
		{21, "fusion is 15 times as fast", kernelDir, func(a *finding.Analysis) error {
			return expect(a, told(a, finding.Kernel, "group", "fusion"), finding.Inconclusive, "1.06×", "1.65×", "is no speedup")
		}},
		{22, "120 times, all speedups multiplied", backendDir, func(a *finding.Analysis) error {
			for _, x := range a.Facts {
				if v, ok := x.Value.Get(); ok && x.Unit == "ratio" && v > 10 {
					return fmt.Errorf("a ratio of %v: %s %v", v, x.Aggregate, x.Scope)
				}
			}
			for _, f := range a.Of(finding.Combined) {
				if !strings.Contains(f.Method, "geometric mean") {
					return fmt.Errorf("combined by %s", f.Method)
				}
			}
			return nil
		}},
		{23, "INT8 reduces size", quantDir, func(a *finding.Analysis) error {
			return expect(a, told(a, finding.Quantization, "method", "int8"), finding.Worse, "larger", "+8.9 %")
		}},
		{24, "FP8 reduces size a little", quantDir, func(a *finding.Analysis) error {
			return expect(a, told(a, finding.Quantization, "method", "fp8"), finding.Same, "Nothing was quantized")
		}},
		{25, "QAT needs careful tuning", quantDir, func(a *finding.Analysis) error {
			return expect(a, told(a, finding.Quantization, "method", "qat"), finding.Worse, "Accuracy was 38 % against 75 %")
		}},
		{26, "-36.2 % for a larger file", quantDir, func(a *finding.Analysis) error {
			return expect(a, told(a, finding.Quantization, "method", "qat"), finding.Worse, "+36 %")
		}},
		{27, "latency distributions per backend", backendDir, func(a *finding.Analysis) error {
			for _, f := range a.Findings {
				for _, g := range f.Figures {
					if g.Kind == finding.Distribution {
						return fmt.Errorf("a distribution where the files keep four figures: %s", f.Sentence.Print(a.Fact))
					}
				}
			}
			return nil
		}},
		{28, "compilation takes 0, 50, 200 and 500 ms", backendDir, func(a *finding.Analysis) error {
			f := told(a, finding.Backend, "file", "mlp_bench")
			return expect(a, f, finding.Better, "torch_compile took 6.42 s to compile, which no number of calls pays back")
		}},
		{29, "failures drawn as 0.00 ms", backendDir, func(a *finding.Analysis) error {
			for _, f := range a.Of(finding.Backend) {
				for _, p := range f.Figures[0].Panels[0].Points {
					if v, ok := p.Value.Get(); ok && v <= 0 {
						return fmt.Errorf("%s is drawn at %v", p.XName, v)
					}
				}
			}
			return expect(a, told(a, finding.Backend, "file", "triton2508"), finding.Better, "tensorrt has no time: torch_tensorrt is not installed")
		}},
		{30, "attention shows consistent performance", kernelDir, func(a *finding.Analysis) error {
			found := told(a, finding.Kernel, "group", "attention")
			return first(expect(a, found, finding.NotMeasured, "is one slow call"), near(a, found[0], 0.000230, 1e-6, "mean_time", "mean_without_slowest"))
		}},
		{31, "tensor core utilisation", kernelDir, func(a *finding.Analysis) error {
			return expect(a, told(a, finding.Kernel, "group", "tensor_core"), finding.NotMeasured, "nothing to be compared with")
		}},
		{32, "ONNX is the best on CUDA", backendDir, func(a *finding.Analysis) error {
			return expect(a, told(a, finding.Combined, "backend", "onnx", "device", "cuda"), finding.NotComparable, "no benchmark that is comparable")
		}},
		{33, "Triton is a backend", backendDir, func(a *finding.Analysis) error {
			for _, f := range a.Of(finding.Combined) {
				if strings.Contains(f.Scope["backend"], "triton") {
					return fmt.Errorf("a backend %s", f.Scope["backend"])
				}
			}
			return nil
		}},
		{34, "eager of several files overwritten", backendDir, func(a *finding.Analysis) error {
			seen := map[string]bool{}
			for _, f := range told(a, finding.Backend, "model", "transformer", "device", "cuda") {
				seen[f.Scope["file"]] = true
			}
			if len(seen) != 4 {
				return fmt.Errorf("%d files of the transformer on cuda, want 4, each of its own", len(seen))
			}
			return nil
		}},
		{35, "an inference pipeline of language models", backendDir, func(a *finding.Analysis) error {
			for _, f := range a.Of(finding.Backend) {
				if !slices.Contains([]string{"conv", "mlp", "transformer"}, f.Scope["model"]) || !strings.Contains(text(a, f), f.Scope["model"]) {
					return fmt.Errorf("it is not said of which small network: %s", text(a, f))
				}
			}
			return nil
		}},
		{39, "a p95 latency of 15.584 s", timingDir, func(*finding.Analysis) error {
			q := fact.ReadingQuery{Series: "p95_of_run_means", Aggregate: "median", Where: fact.Conditions{{Field: "file", Op: "=", Value: "comprehensive_baseline_1759186313.json"}}}
			facts, err := q.Run(gathered[timingDir].Readings)
			if err != nil || len(facts) != 1 || facts[0].Unit != unit.Second || math.Abs(facts[0].Value.Or(0)-0.015584) > 5e-7 {
				return fmt.Errorf("want 15.584 ms, got %+v, %v", facts, err)
			}
			return nil
		}},
		{40, "187.175 is the mean", sweepDir, func(a *finding.Analysis) error {
			f := told(a, finding.Configuration, "metric", rate, "subject", "1b-it-qat")
			return first(expect(a, f, finding.Inconclusive, "The best single request reached 187.18 token/s"), near(a, f[0], 187.1753, 5e-5, rate, "max"))
		}},
		{47, "the larger model is slower at 13.12 token/s", sweepDir, func(a *finding.Analysis) error {
			for _, x := range a.Facts {
				if v, ok := x.Value.Get(); ok && x.Metric == rate && x.Unit == "token/s" && v < 90 {
					return fmt.Errorf("a rate of %v that no row has", v)
				}
			}
			return nil
		}},
		{49, "twice the batch gives 18 %", sweepDir, func(a *finding.Analysis) error {
			if n := len(told(a, finding.Sensitivity, "factor", "batch")); n > 0 {
				return fmt.Errorf("%d findings about a batch that was never varied", n)
			}
			return nil
		}},
		{51, "larger models have more throughput", sweepDir, func(a *finding.Analysis) error {
			return wins(told(a, finding.Ranking, "experiment", "param_tuning", "metric", rate), "gemma3:270m")
		}},
		{54, "running together is optimised, no contention", agentDir, func(a *finding.Analysis) error {
			return first(expect(a, told(a, finding.Concurrency, "file", "test001"), finding.Inconclusive, "0.792×", "A gain from running together is not shown"),
				expect(a, told(a, finding.Contention, "file", "test001"), finding.NotMeasured, "was also measured alone"))
		}},
		{55, "three runs are statistically significant", agentDir, func(a *finding.Analysis) error {
			return expect(a, told(a, finding.Stages, "file", "rust_single", "role", "baseline"), finding.NotComparable, "strata, not repeats")
		}},
	}
}

func wins(found []finding.Finding, name string) error {
	if len(found) != 1 || !slices.Equal(found[0].Winners, []string{name}) {
		return fmt.Errorf("winners %v, want %s", found, name)
	}
	return nil
}

// A context that the runtime raises is one level, and nobody wrote that down:
// the missing reloads tell it.
func TestContextsWithoutReloadAreOneLevel(t *testing.T) {
	a := legacyAnalysis(t, sweepDir)
	for _, f := range told(a, finding.Sensitivity, "factor", "num_ctx", "subject", "gemma3:latest") {
		for _, c := range f.Checks {
			if c.ID != finding.Unaliased {
				continue
			}
			if got := c.Why.Print(a.Fact); c.Status != finding.Fail || !strings.Contains(got, "num_ctx 1024 and 2048 are one level") || !strings.Contains(got, "did not") {
				t.Errorf("%s: %s", c.Status, got)
			}
		}
	}
	for _, f := range told(a, finding.Sensitivity, "factor", "num_ctx", "subject", "gemma3:270m") {
		if got := status(f, finding.Unaliased); got != finding.Unknown {
			t.Errorf("the text model reloads at each context, but its levels are %s", got)
		}
	}
}
