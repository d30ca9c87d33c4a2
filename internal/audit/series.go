package audit

import (
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/unit"
)

// series is a metric as reports speak of it: some files keep one series per
// aggregate (mean_time, std_time), which are one metric with several aggregates.
type series struct {
	fact.Series
	base string // "time" of mean_time
	agg  string // "mean" of mean_time; "" where rows are single values
	said bool   // what an earlier program computed
}

var aggregatePrefixes = map[string]string{"mean": "mean", "average": "mean", "avg": "mean", "std": "sd", "stddev": "sd", "sd": "sd", "min": "min", "max": "max",
	"median": "median", "p50": "p50", "p90": "p90", "p95": "p95", "p99": "p99"}

func seriesOf(l *fact.Ledger) []series {
	var out []series
	for _, m := range l.Metrics() {
		s := series{Series: m, base: m.Name, said: len(m.Kinds) == 1 && m.Kinds[0] == fact.KindClaim}
		if head, rest, ok := strings.Cut(m.Name, "_"); ok && aggregatePrefixes[head] != "" {
			s.base, s.agg = rest, aggregatePrefixes[head]
		}
		out = append(out, s)
	}
	return out
}

// names are how reports call metrics that many tools have. A phrase may name
// several: they measure the same thing at different places.
var names = map[string][]string{
	"decode_rate":          {"throughput", "decode rate", "decoding rate", "decode speed", "generation speed", "token rate", "inference speed", "speed", "tokens s", "tokens per second", "tok s", "token throughput", "tokens per sec"},
	"server_decode_rate":   {"throughput", "decode rate", "decoding rate", "decode speed", "generation speed", "token rate", "inference speed", "speed", "tokens s", "tokens per second", "tok s", "token throughput"},
	"server_rate_naive":    {"throughput", "decode rate", "decoding rate", "generation speed", "token rate", "inference speed", "speed", "tokens s", "tokens per second", "tok s", "token throughput", "tokens per sec", "rate"},
	"ttft":                 {"ttft", "time to first token", "first token latency", "ttft s", "ttft ms", "time to first"},
	"ttft_server_est":      {"ttft", "time to first token", "first token latency", "ttft s", "ttft ms", "time to first"},
	"client_ttft":          {"ttft", "time to first token", "first token latency", "ttft s", "ttft ms", "time to first"},
	"load_time":            {"load time", "load duration", "loading time", "load s", "load", "model load"},
	"prompt_eval_time":     {"prompt eval", "prompt eval duration", "prompt evaluation", "prompt eval s", "prefill time"},
	"eval_time":            {"eval duration", "eval time", "evaluation time", "eval s", "decode time"},
	"client_duration":      {"total duration", "call duration", "duration", "llm call duration", "request duration"},
	"e2e":                  {"end to end latency", "latency", "e2e latency", "total latency", "request latency", "duration", "response time"},
	"tpot":                 {"time per output token", "tpot", "inter token latency", "time per token"},
	"output_tokens":        {"tokens generated", "output tokens", "generated tokens", "tokens", "token count", "eval count"},
	"prompt_tokens":        {"prompt tokens", "input tokens", "prompt eval count"},
	"total_time":           {"execution time", "total time", "workflow time"},
	"execution_time":       {"execution time"},
	"ingest_time":          {"ingest", "ingestion time", "ingest time"},
	"analysis_time":        {"analysis", "analysis time"},
	"report_time":          {"report", "report time", "report generation"},
	"compile_time":         {"compile time", "compilation time", "compilation overhead", "compile"},
	"model_size":           {"model size", "size", "size bytes", "size change", "size reduction"},
	"accuracy":             {"accuracy"},
	"loss":                 {"loss"},
	"concurrent_wall_time": {"wall time", "concurrent wall time"},
	"energy_per_token":     {"energy per token"},
	"prefill_rate":         {"prefill rate", "prompt throughput", "prefill speed", "prompt processing speed"},
	"overhead":             {"server overhead"},
}

// generic names of a time that a series keeps under a base name alone.
var timeNames = []string{"time", "latency", "execution time", "duration", "speed", "performance", "run time", "runtime", "mean time", "average time"}

// phrases are all the names of a series, as normal words.
func (s series) phrases() []string {
	var out []string
	add := func(p string) {
		if p = normal(p); p != "" && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	add(s.Name)
	if s.agg != "" {
		add(s.base)
	}
	for _, f := range s.Fields {
		add(f)
	}
	for _, p := range names[s.Name] {
		add(p)
	}
	if s.agg != "" && s.base == "time" {
		for _, p := range timeNames {
			add(p)
		}
	}
	if s.Unit == unit.TokenPerSecond && !s.said {
		add("throughput")
	}
	return out
}

// better says which direction of a series is the good one.
func (s series) better() metric.Direction {
	if s.Direction == metric.Higher || s.Direction == metric.Lower {
		return s.Direction
	}
	switch s.Unit {
	case unit.TokenPerSecond, unit.PerSecond, unit.BytePerSecond, unit.FlopPerSecond:
		return metric.Higher
	case unit.Second, unit.SecondPerToken, unit.Joule, unit.JoulePerToken, unit.Byte, unit.Watt:
		return metric.Lower
	}
	switch {
	case strings.Contains(s.Name, "accuracy") || strings.Contains(s.Name, "score"):
		return metric.Higher
	case strings.Contains(s.Name, "loss") || strings.Contains(s.Name, "error"):
		return metric.Lower
	}
	return metric.Neutral
}
