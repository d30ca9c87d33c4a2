package draft

import (
	"strings"

	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/unit"
)

// terms are the words for metrics, the long ones before those that they hold.
// The first of a metric is how we call it ourselves.
var terms = []struct{ metric, words string }{
	{"ttft_server_est", "time to first token by the runtime's clock"}, {"ttft_sched", "time to first token from schedule"},
	{"ttft", "time to first token"}, {"ttft_server_est", "time to first token"}, {"ttft_sched", "time to first token"},
	{"ttfc", "time to first content"}, {"server_decode_rate", "decode rate by the runtime's clock"}, {"server_rate_naive", "token rate by the runtime's clock"},
	{"decode_rate", "decode rate"}, {"server_decode_rate", "decode rate"}, {"server_rate_naive", "token rate"}, {"decode_rate", "token rate"}, {"server_decode_rate", "token rate"},
	{"output_rate", "output rate"}, {"request_rate", "request rate"}, {"prefill_rate", "prefill rate"}, {"tpot", "time per token"}, {"icl", "gap between chunks"},
	{"e2e", "time to the last token"}, {"e2e", "time to last token"}, {"load_time", "load time"}, {"prompt_eval_time", "prompt time"}, {"eval_time", "decoding time"},
	{"output_tokens", "output tokens"}, {"prompt_tokens", "prompt tokens"}, {"cached_tokens", "cached tokens"}, {"tokens_per_chunk", "tokens per chunk"},
	{"tokens_per_wall_second", "token rate by the wall clock"}, {"mean_time", "mean time"}, {"min_time", "minimum call time"}, {"max_time", "maximum call time"}, {"compile_time", "compile time"}, {"break_even_calls", "number of calls that pay its compilation back"},
	{"model_size", "model size"}, {"file_bytes", "file size"}, {"resident_bytes", "resident memory"}, {"rss_bytes", "resident memory"}, {"vram_bytes", "device memory"},
	{"energy", "energy"}, {"energy_per_token", "energy per token"}, {"overhead", "overhead"}, {"goodput", "goodput"},
}

// classes are words for metrics of one sort.
var classes = map[string]func(fact.Fact) bool{
	"throughput": isRate, "rate": isRate, "rates": isRate, "token rates": isRate,
	"speed": isSpeed, "speeds": isSpeed, "performance": isSpeed, "as fast as": func(f fact.Fact) bool { return isRate(f) || speedup(f) }, "as long as": isLatency,
	"latency": isLatency, "latencies": isLatency, "time": isLatency, "duration": isLatency,
	"size": isSize, "sizes": isSize, "memory": isSize,
	"tokens": func(f fact.Fact) bool { return strings.Contains(f.Metric, "tokens") || f.Unit == unit.Token },
}

func isRate(f fact.Fact) bool {
	return f.Unit == unit.TokenPerSecond || f.Unit == unit.PerSecond || strings.HasSuffix(f.Metric, "_rate") || f.Metric == "server_rate_naive" || f.Metric == "goodput" || f.Metric == "tokens_per_wall_second"
}

func isTime(f fact.Fact) bool {
	def, err := metric.Lookup(f.Metric)
	return err == nil && (def.Unit == unit.Second || def.Unit == unit.SecondPerToken) || f.Unit == unit.Second || strings.HasSuffix(f.Metric, "_time")
}

// isSpeed and isLatency know that a ratio of speeds is no ratio of times, even
// where the metric is the same.
func isSpeed(f fact.Fact) bool {
	return isRate(f) || isTime(f) && (!isRatio(f) || speedup(f))
}

func isLatency(f fact.Fact) bool { return isTime(f) && !(isRatio(f) && speedup(f)) }

func isSize(f fact.Fact) bool {
	return f.Unit == unit.Byte || strings.HasSuffix(f.Metric, "_bytes") || f.Metric == "model_size"
}

// fits reports whether a word for a metric is one for this fact's.
func fits(words string, f fact.Fact) bool {
	if of, ok := classes[words]; ok {
		return of(f)
	}
	for _, t := range terms {
		if t.metric == f.Metric && t.words == words {
			return true
		}
	}
	return label(f.Metric) == words
}

// label is what a metric is called.
func label(id string) string {
	for _, t := range terms {
		if t.metric == id {
			return t.words
		}
	}
	return strings.ReplaceAll(id, "_", " ")
}

// aggregates are words for aggregates.
var aggregates = map[string][]string{
	"mean": {"mean", "geometric_mean", "mean_without_slowest"}, "average": {"mean"}, "median": {"median"}, "typical": {"median"},
	"maximum": {"max"}, "peak": {"max"}, "minimum": {"min"}, "sum": {"sum"}, "total": {"sum", "count"},
	"variation": {"cv", "cv_within"}, "coefficient of variation": {"cv", "cv_within"}, "varies": {"cv", "cv_within", "range"}, "vary": {"cv", "cv_within", "range"}, "standard deviation": {"sd"},
	"scatter": {"cv", "cv_within"}, "scatters": {"cv", "cv_within"}, "spread": {"cv", "cv_within", "sd", "range"},
	"range": {"range"}, "noise floor": {"noise_floor"}, "geometric mean": {"geometric_mean"},
}

// plainAggregates need no word: a reader takes them for the value itself, or
// their form says what they are.
var plainAggregates = map[string]bool{"mean": true, "median": true, "value": true, "count": true, "sum": true, "ratio": true, "ratio_of_sums": true, "p": true, "per_gb": true, "geometric_mean": true}

// what is the noun for what a fact is a value of.
func what(f fact.Fact) string {
	name := label(f.Metric)
	switch f.Aggregate {
	case "count", "sum":
		return "number of " + name
	case "value", "ratio_of_sums", "":
		return name
	case "cv", "cv_within":
		return "variation of the " + name
	case "p":
		return "p-value of the " + name
	case "ratio", "geometric_mean":
		if speedup(f) {
			return "ratio of speeds"
		}
		return "ratio of the " + name
	case "range":
		return "range of the " + name
	case "needed_n":
		return "number of repeats that would decide the " + name
	case "null_range":
		return "range by chance of the " + name
	case "per_gb":
		return name + " per GB"
	case "eta_squared":
		return "share of the variance of the " + name
	}
	return strings.ReplaceAll(f.Aggregate, "_", " ") + " " + name
}

// isRatio reports a fact that says how many times one thing's value is another's.
func isRatio(f fact.Fact) bool { return f.Aggregate == "ratio" || f.Aggregate == "geometric_mean" }

// shownRatio reports a ratio whose interval excludes one.
func shownRatio(f fact.Fact, beyond float64) bool {
	lo, okLo := f.Lo.Get()
	hi, okHi := f.Hi.Get()
	return isRatio(f) && okLo && okHi && (lo > 1+beyond || hi < 1/(1+beyond))
}

// speedup reports a ratio of speeds although its metric is a time: kernels and
// backends are compared so (docs/formats/finding.md).
func speedup(f fact.Fact) bool { return f.Metric == "mean_time" || f.Metric == "min_time" }

// sides are the names of a ratio's two things: the value of the first is so
// many times that of the second.
func sides(f fact.Fact) (of, to string, ok bool) {
	s := f.Scope
	switch {
	case !isRatio(f):
		return "", "", false
	case s["of"] != "" && s["to"] != "":
		return s["of"], s["to"], true
	case s["subject"] != "" && s["against"] != "":
		return s["subject"], s["against"], true
	case f.Aggregate == "geometric_mean" && s["backend"] != "":
		return s["backend"], "eager", true
	case f.Metric == "model_size" && s["method"] != "":
		return s["method"], "baseline", true
	}
	return "", "", false
}

// way says which side of a shown ratio has more of the metric, and whether that
// is good for the first side.
func way(f fact.Fact) (more, good bool) {
	more = f.Value.Or(1) > 1
	if speedup(f) {
		return !more, more
	}
	return more, more == higherIsBetter(f)
}

func higherIsBetter(f fact.Fact) bool {
	if def, err := metric.Lookup(f.Metric); err == nil && def.Direction != metric.Neutral {
		return def.Direction == metric.Higher
	}
	return !isTime(f) && !isSize(f)
}

// neutral reports a metric of which neither more nor less is better.
func neutral(f fact.Fact) bool {
	def, err := metric.Lookup(f.Metric)
	return err == nil && def.Direction == metric.Neutral
}
