package cli_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/sample"
)

// An agentRun is where one agent's record lies.
type agentRun struct{ file, role string }

const runsOf = "agent_runs/"

// publishedSolo is the decode rate of one agent alone, in tokens per second, as
// a later report of the earlier lab printed it; its rows are not among the files.
const publishedSolo = 114.54

var (
	insight001 = agentRun{runsOf + "rust_multi/tr110/baseline-vs-chimera/test001/run_3/metrics.json", "insight"}
	agent004   = agentRun{runsOf + "rust_multi/tr115/runtime-async-std/chimera_homo_gpu80_ctx512/run_5/run_1/metrics.json", "collector"}
	single002  = agentRun{runsOf + "rust_single/gpu80_ctx1024_temp0p6_v2/data/metrics.json", "baseline"}
)

func (a agentRun) labels() string { return "file=" + a.file + ",role=" + a.role }

// stages asks samples of both stages of the agent.
func (a agentRun) stage(stage string) string {
	return "experiment=" + a.file + ",workload=" + a.role + "/" + stage
}

var stages = []string{"analysis", "report"}

// calls pools a metric over the agent's calls.
func (b *book) calls(metric string, a agentRun) pool {
	return pooledOf(func(yield func(pool)) {
		for _, s := range stages {
			if p := b.pool(metric, a.stage(s)); p.n > 0 {
				yield(p)
			}
		}
	})
}

// pooledOf merges pools.
func pooledOf(each func(yield func(pool))) (out pool) {
	var all []pool
	each(func(p pool) { all = append(all, p) })
	for _, p := range all {
		out.n, out.planned, out.sum = out.n+p.n, out.planned+p.planned, out.sum+p.sum
	}
	out.mean = out.sum / float64(out.n)
	ss := 0.0
	for _, p := range all {
		if p.n > 1 {
			ss += float64(p.n-1) * p.sd * p.sd
		}
		ss += float64(p.n) * (p.mean - out.mean) * (p.mean - out.mean)
	}
	out.sd = math.Sqrt(ss / float64(out.n-1))
	return out
}

// evalSum is the time of all calls' decoding: tokens by their pooled rate.
func (b *book) evalSum(a agentRun) (sum float64) {
	for _, s := range stages {
		for _, phase := range phases {
			where := a.stage(s)
			counts := b.phase(tokens, "mean", where, phase)
			rates := b.phase(rate, "ratio_of_sums", where, phase)
			for i, f := range counts {
				if f.N > 0 {
					sum += float64(f.N) * f.Value.Or(0) / rates[i].Value.Or(0)
				}
			}
		}
	}
	return sum
}

func (b *book) agents() {
	for id, a := range map[string]agentRun{"001": insight001, "004": agent004, "002": single002} {
		b.entry(b.calls(rate, a).mean, "%s.tps", id)
		b.entry(1e3*b.poolReadings("client_ttft", a.labels()).mean, "%s.ttft", id)
		b.entry(1e3*b.poolReadings("client_duration", a.labels()).sum, "%s.total_duration_ms", id)
		b.entry(b.calls(tokens, a).sum, "%s.tokens_generated", id)
		b.entry(1e3*b.calls("prompt_eval_time", a).sum, "%s.prompt_eval_duration_ms", id)
		b.entry(1e3*b.evalSum(a), "%s.eval_duration_ms", id)
		b.entry(1e3*b.calls(load, a).sum, "%s.load_duration_ms", id)
		run := ""
		if id == "002" {
			run = ",repeat=3" // the document prints its third run
		}
		for name, series := range map[string]string{"total_seconds": "total_time", "ingest_seconds": "ingest_time", "analysis_seconds": "analysis_time", "report_seconds": "report_time"} {
			b.entry(b.value(series, "kind=agent-workflow,"+a.labels()+run), "%s.%s", id, name)
		}
	}
	rates, firsts := b.calls(rate, single002), b.poolReadings("client_ttft", single002.labels())
	b.entry(rates.sd, "002.tps_std")
	b.entry(1e3*firsts.sd, "002.ttft_std")
	b.entry(100*rates.sd/rates.mean, "002.cv_tps")
	b.entry(100*firsts.sd/firsts.mean, "002.cv_ttft")
	for call := 1; call <= 6; call++ {
		c := b.call(single002, call)
		for _, name := range []string{"ttft_ms", "throughput_tokens_per_sec", "tokens_generated", "total_duration_ms"} {
			b.entry(c[name], "002.call%d.%s", call, name)
		}
	}
	b.single()
	b.pair("insight_001", insight001.file)
	b.pair("chimera_a_004", agent004.file)
}

// call asks each figure of one call.
func (b *book) call(a agentRun, n int) map[string]any {
	label := fmt.Sprintf("%s,call=%d", a.labels(), n)
	where := fmt.Sprintf("%s,block=%d", a.stage(stages[(n-1)%2]), (n-1)/2)
	p := b.pool(tokens, where)
	if p.n == 0 {
		return nil
	}
	return map[string]any{
		"ttft_ms": b.millis("client_ttft", label), "total_duration_ms": b.millis("client_duration", label),
		"tokens_generated": p.sum, "throughput_tokens_per_sec": b.pool(rate, where).mean,
		"eval_duration_ms": 1e3 * p.sum / b.pool(rate, where).mean, "load_duration_ms": 1e3 * b.pool(load, where).mean,
		"prompt_eval_duration_ms": 1e3 * b.pool("prompt_eval_time", where).mean,
	}
}

// single is the agent alone: its default against chosen options.
func (b *book) single() {
	set := func(value any, path ...string) {
		b.set(value, append([]string{"agent_runs", "baseline_002"}, path...)...)
	}
	chosen := agentRun{single002.file, "chimera"}
	for i := range 6 {
		for name, v := range b.call(single002, i+1) {
			set(v, "baseline_calls", fmt.Sprint(i), name)
		}
		c := b.call(chosen, i+1)
		for name, v := range c {
			set(v, "chimera_calls", fmt.Sprint(i), name)
		}
		if c == nil {
			b.cutCall(chosen, i, set)
		}
	}
	for _, s := range stages {
		p := b.pool(rate, single002.stage(s))
		set(p.n, "baseline_by_stage", s, "n")
		set(p.mean, "baseline_by_stage", s, "mean")
		set(p.sd, "baseline_by_stage", s, "std")
	}
	warm := b.poolReadings("client_ttft", single002.labels()+",phase=measure")
	set(1e3*warm.mean, "ttft_without_first_cold_call", "mean")
	set(1e3*warm.sd, "ttft_without_first_cold_call", "std")
	set(b.calls(tokens, single002).sum/b.evalSum(single002), "pooled_decode_tok_s")
	set(b.endToEnd(), "end_to_end_tok_s")
	valid := b.calls(rate, chosen)
	set(valid.mean, "chimera_average_valid_calls")
	set(100*(valid.mean/b.calls(rate, single002).mean-1), "corrected_improvement_pct")
	// What the program said, with the call without tokens averaged as 0.
	set(b.value("average_rate", "kind=claim,"+chosen.labels()), "chimera_average_as_reported")
	set(100*b.value("rate_improvement", "kind=claim,file="+single002.file), "reported_improvement_pct")
}

func (b *book) endToEnd() float64 {
	return b.calls(tokens, single002).sum / b.poolReadings("client_duration", single002.labels()).sum
}

// cutCall is the call whose zeros are a failure. Its client's figures are in
// the row, verbatim, and in no reading.
func (b *book) cutCall(a agentRun, i int, set func(any, ...string)) {
	for _, s := range b.samples {
		if s.Experiment != a.file || s.Outcome != sample.Cut {
			continue
		}
		for _, name := range []string{"eval_duration_ms", "load_duration_ms", "prompt_eval_duration_ms", "throughput_tokens_per_sec", "tokens_generated"} {
			set(failed{s.Failure.Message}, "chimera_calls", fmt.Sprint(i), name)
		}
		for _, name := range []string{"ttft_ms", "total_duration_ms"} {
			set(verbatim(b, s, name), "chimera_calls", fmt.Sprint(i), name)
		}
	}
}

// pair is two agents at once.
func (b *book) pair(id, file string) {
	set := func(value any, path ...string) { b.set(value, append([]string{"agent_runs", id}, path...)...) }
	claim := func(series string) float64 { return b.value(series, "kind=claim,repeat="+b.runOf(file)+",file="+file) }
	wall := b.value("concurrent_wall_time", "file="+file)
	for name, v := range map[string]float64{
		"collector_throughput": claim("collector_rate"), "insight_throughput": claim("insight_rate"),
		"collector_ttft_ms": 1e3 * claim("collector_ttft"), "insight_ttft_ms": 1e3 * claim("insight_ttft"),
		"concurrency_speedup": claim("concurrency_speedup"), "efficiency_percent": 100 * claim("concurrency_efficiency"),
		"sequential_estimated_s": claim("sequential_estimate"), "throughput_delta": claim("rate_difference"),
		"ttft_delta_ms": 1e3 * claim("ttft_difference"), "concurrent_wall_time_s": wall,
	} {
		set(v, "summary", name)
	}
	scope := b.read("concurrent_wall_time", "median", "file="+file, "scenario", "repeat", "resource_contention_detected")[0].Scope
	set(scope["scenario"], "summary", "scenario")
	set(scope["resource_contention_detected"], "summary", "resource_contention_detected")
	set(float(scope["repeat"]), "summary", "run_number")
	count := 0.0
	for _, role := range []string{"collector", "insight"} {
		count += b.calls(tokens, agentRun{file, role}).sum
	}
	set(count, "tokens")
	set(count/wall, "aggregate_tok_per_wall_s")
	if id == "insight_001" {
		set(b.endToEnd(), "solo_reference_end_to_end_tok_s", "0")
		set(count/wall/b.endToEnd(), "token_normalised_speedup", "0")
		other := b.expected["agent_runs"].(map[string]any)[id].(map[string]any)["solo_reference_end_to_end_tok_s"].([]any)[1].(float64)
		set(count/wall/other, "token_normalised_speedup", "1")
		set(claim("collector_rate")/publishedSolo, "decode_rate_retained_per_agent", "0")
		set(claim("insight_rate")/publishedSolo, "decode_rate_retained_per_agent", "1")
		set((claim("collector_rate")+claim("insight_rate"))/(2*publishedSolo), "sum_rate_over_two_solo")
		return
	}
	last := agentRun{file, "insight"}.stage("report")
	for _, s := range b.samples {
		if s.Experiment == file && strings.HasSuffix(last, "workload="+s.Workload) {
			set(s.Text.Or(""), "agent_b_report_text")
		}
	}
	set(b.pool(tokens, last).sum, "agent_b_report_tokens")
}

// verbatim is a field of a row as its file has it.
func verbatim(b *book, s *sample.Sample, name string) float64 {
	var row map[string]any
	if err := json.Unmarshal(s.Server, &row); err != nil {
		b.t.Fatal(err)
	}
	if text, ok := row[name].(string); ok {
		return float(text)
	}
	return row[name].(float64)
}

func float(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err) // the caller took it from a file of numbers
	}
	return v
}

// runOf is the number that the program gave the run of a file.
func (b *book) runOf(file string) string {
	return b.read("concurrent_wall_time", "median", "file="+file, "repeat")[0].Scope["repeat"]
}

// phase asks one metric in one phase.
func (b *book) phase(metric, aggregate, where string, phase sample.Phase) (out []fact.Fact) {
	for _, f := range b.ask(metric, aggregate, where) {
		if f.Phase == phase {
			out = append(out, f)
		}
	}
	return out
}
