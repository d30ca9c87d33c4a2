package metric_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/metric"
	"chimera/internal/quality"
	"chimera/internal/sample"
	"chimera/internal/unit"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func get(t *testing.T, id string) *metric.Metric {
	t.Helper()
	m, err := metric.Lookup(id)
	if err != nil {
		t.Fatal(err)
	}
	return &m
}

// Every metric of the design is there, with its unit and a full definition.
func TestRegistryIsComplete(t *testing.T) {
	type row struct {
		unit      unit.Unit
		direction metric.Direction
		basis     metric.Basis
	}
	want := map[string]row{
		"ttft": {"s", "lower", "request"}, "ttft_sched": {"s", "lower", "request"}, "ttfc": {"s", "lower", "request"},
		"e2e": {"s", "lower", "request"}, "tpot": {"s/token", "lower", "request"}, "decode_rate": {"token/s", "higher", "request"},
		"icl": {"s", "lower", "chunk"}, "tokens_per_chunk": {"token/chunk", "neutral", "request"},
		"load_time": {"s", "lower", "request"}, "prompt_eval_time": {"s", "lower", "request"}, "prefill_rate": {"token/s", "higher", "request"},
		"server_decode_rate": {"token/s", "higher", "request"}, "server_rate_naive": {"token/s", "higher", "request"},
		"ttft_server_est": {"s", "lower", "request"}, "overhead": {"s", "lower", "request"},
		"output_rate": {"token/s", "higher", "system"}, "request_rate": {"1/s", "higher", "system"},
		"goodput": {"1/s", "higher", "system"}, "slo_attainment": {"ratio", "higher", "system"},
		"output_tokens": {"token", "neutral", "request"}, "prompt_tokens": {"token", "neutral", "request"}, "cached_tokens": {"token", "neutral", "request"},
		"cpu_seconds": {"s", "lower", "machine"}, "rss_bytes": {"B", "lower", "machine"}, "vram_bytes": {"B", "lower", "machine"},
		"energy": {"J", "lower", "machine"}, "energy_per_token": {"J/token", "lower", "machine"},
		"quality_contract": {"ratio", "higher", "request"}, "quality_contract_loose": {"ratio", "higher", "request"},
		"quality_instructions": {"ratio", "higher", "request"}, "quality_instructions_loose": {"ratio", "higher", "request"},
		"quality_words": {"", "neutral", "request"}, "quality_emoji": {"", "neutral", "request"}, "quality_readability": {"", "neutral", "request"},
		"quality_seq_rep_1": {"ratio", "lower", "request"}, "quality_seq_rep_2": {"ratio", "lower", "request"},
		"quality_seq_rep_3": {"ratio", "lower", "request"}, "quality_seq_rep_4": {"ratio", "lower", "request"},
		"quality_repeat": {"ratio", "lower", "request"}, "quality_loop": {"ratio", "lower", "request"},
		"quality_utf8": {"ratio", "higher", "request"}, "quality_mixed_script": {"ratio", "lower", "request"},
		"quality_recall": {"ratio", "higher", "request"}, "quality_relevance": {"ratio", "higher", "request"},
		"quality_distinct_1": {"ratio", "higher", "group"}, "quality_distinct_2": {"ratio", "higher", "group"},
		"quality_compression": {"", "lower", "group"}, "quality_self_repetition": {"ratio", "lower", "group"},
		"quality_self_bleu": {"ratio", "lower", "group"}, "quality_duplicates": {"ratio", "lower", "group"},
		"quality_opener_entropy": {"ratio", "higher", "group"},
		"quality_perplexity":     {"", "neutral", "stored"}, "quality_bits_per_byte": {"bit/byte", "neutral", "stored"},
	}
	for _, c := range quality.Checks() {
		want["quality_check_"+c.String()] = row{"ratio", "higher", "request"}
	}
	got := map[string]row{}
	for _, m := range metric.All() {
		if _, twice := got[m.ID]; twice {
			t.Errorf("%s is defined twice", m.ID)
		}
		got[m.ID] = row{m.Unit, m.Direction, m.Basis}
		if m.Version < 1 || m.Formula == "" || len(m.Needs) == 0 || !strings.HasSuffix(m.Doc, ".") {
			t.Errorf("%s is not defined in full: %+v", m.ID, m)
		}
		if m.Allows(metric.RatioOfSums) != m.Ratio || !m.Allows(metric.Median) || m.Allows("p42") {
			t.Errorf("%s allows the wrong aggregates", m.ID)
		}
		if m.AggregateUnit(metric.CV) != unit.Ratio || m.AggregateUnit(metric.P95) != m.Unit {
			t.Errorf("%s has aggregates in the wrong unit", m.ID)
		}
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(row{})); d != "" {
		t.Error(d)
	}
	if _, err := metric.Lookup("throughput"); err == nil {
		t.Error("a metric without a meaning was found")
	}
	newer := get(t, "ttft")
	newer.Version++
	if metric.Comparable(*get(t, "ttft"), *newer) || !metric.Comparable(*newer, *newer) {
		t.Error("versions do not count")
	}
}

func ms(v float64) sample.Opt[time.Duration] {
	return sample.Some(time.Duration(v * float64(time.Millisecond)))
}

// stream is an answer of n tokens in chunks of equal distance, all instants in
// milliseconds.
func stream(n, chunks int, send, first, last float64) *sample.Sample {
	s := &sample.Sample{Run: "r", Trial: "t"}
	s.Outcome = sample.OK
	s.T = sample.Timeline{Sched: ms(send), Send: ms(send), Headers: ms(send), First: ms(first), Last: ms(last), End: ms(last + 50)}
	s.Chunks = append(s.Chunks, sample.Chunk{At: s.T.Send.Or(0), Kind: sample.Role})
	for i := range chunks {
		at := first
		if chunks > 1 {
			at += (last - first) * float64(i) / float64(chunks-1)
		}
		s.Chunks = append(s.Chunks, sample.Chunk{At: ms(at).Or(0), Chars: 4, Kind: sample.Content})
	}
	s.Chunks = append(s.Chunks, sample.Chunk{At: s.T.End.Or(0), Kind: sample.Usage}, sample.Chunk{At: s.T.End.Or(0), Kind: sample.Done})
	s.Tokens = sample.Tokens{Prompt: sample.Some(30), Cached: sample.Some(10), Output: sample.Some(n), Source: sample.FromServer}
	s.Times = sample.ServerTimes{Load: ms(200), PromptEval: ms(50), Eval: ms(1000), EvalSteps: sample.Some(n - 1), Total: ms(1260)}
	return s
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Max(math.Abs(a), math.Abs(b)) }

// answers are the published vectors; the file lies beside the repository.
func answers(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	b, err := os.ReadFile("../../../shared/known_answers.json")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the known answers are missing: %v", err)
		}
		t.Skipf("the known answers are missing: %v", err)
	}
	var groups map[string]json.RawMessage
	if err := json.Unmarshal(b, &groups); err != nil {
		t.Fatal(err)
	}
	return groups
}

func decode(t *testing.T, b json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func TestKnownStreamingMetrics(t *testing.T) {
	var k map[string]float64
	decode(t, answers(t)["streaming_metrics"], &k)
	s := stream(int(k["output_tokens_usage"]), int(k["chunks_nonempty"]), k["send_s"]*1e3, k["first_nonempty_s"]*1e3, k["last_token_s"]*1e3)
	s.T.End = ms(k["stream_end_s"] * 1e3)
	s.Times.Eval = ms((k["last_token_s"] - k["first_nonempty_s"]) * 1e3)
	for id, want := range map[string]float64{
		"ttft": k["ttft_ms"] / 1e3, "ttft_sched": k["ttft_ms"] / 1e3, "ttfc": k["ttft_ms"] / 1e3,
		"tpot": k["tpot_excl_first_ms"] / 1e3, "decode_rate": k["decode_tok_s"], "server_decode_rate": k["decode_tok_s"],
		"server_rate_naive": k["naive_N_over_T_tok_s"], "tokens_per_chunk": k["tokens_per_chunk_excl_first"], "e2e": k["last_token_s"],
	} {
		if v, why, ok := get(t, id).Compute(s); !ok || !near(v, want) {
			t.Errorf("%s = %v (%s), want %v", id, v, why, want)
		}
	}
	gaps, why, ok := get(t, "icl").Values(s)
	sum := 0.0
	for _, g := range gaps {
		sum += g
	}
	if !ok || len(gaps) != 25 || !near(sum/25, k["mean_inter_chunk_ms"]/1e3) {
		t.Errorf("icl: %d gaps with mean %v (%s)", len(gaps), sum/25, why)
	}
}

// Sums of parts give the ratio of sums; values give the mean of rates.
func TestKnownRateAggregation(t *testing.T) {
	var k struct {
		Calls [][2]float64
		Mean  float64 `json:"mean_of_rates"`
		Ratio float64 `json:"ratio_of_sums"`
	}
	decode(t, answers(t)["rate_aggregation"], &k)
	m := get(t, "server_rate_naive")
	var num, den, rates float64
	for _, c := range k.Calls {
		s := stream(int(c[0]), 2, 0, 1, 2)
		s.Times.Eval = ms(c[1] * 1e3)
		n, d, _, _ := m.Parts(s)
		v, _, _ := m.Compute(s)
		num, den, rates = num+n, den+d, rates+v
	}
	if !near(num/den, k.Ratio) || !near(rates/float64(len(k.Calls)), k.Mean) {
		t.Errorf("ratio of sums %v, mean of rates %v, want %v, %v", num/den, rates/2, k.Ratio, k.Mean)
	}
}

func TestKnownOffByOneBias(t *testing.T) {
	var k map[string]float64
	decode(t, answers(t)["decode_off_by_one_bias_pct"], &k)
	for text, want := range k {
		n := 0
		decode(t, json.RawMessage(text), &n)
		s := stream(n, n, 0, 1, 2)
		naive, _, _ := get(t, "server_rate_naive").Compute(s)
		right, _, _ := get(t, "server_decode_rate").Compute(s)
		if got := 100 * (naive/right - 1); !near(got, want) {
			t.Errorf("N = %d: the naive rate is %v %% too high, want %v", n, got, want)
		}
	}
}

func TestKnownGoodput(t *testing.T) {
	var k struct {
		SLO      map[string]float64
		Requests [][2]*float64 `json:"requests_ttft_tpot"`
		Good     int
	}
	decode(t, answers(t)["goodput"], &k)
	var set []*sample.Sample
	for _, r := range k.Requests {
		ttft := *r[0] * 1e3
		s := stream(1, 1, 0, ttft, ttft)
		if r[1] != nil {
			s = stream(101, 101, 0, ttft, ttft+*r[1]*1e3*100)
		}
		set = append(set, s)
	}
	slo := []metric.Objective{{"ttft", k.SLO["ttft_s"]}, {"tpot", k.SLO["tpot_s"]}}
	w, _, _ := metric.WindowOf(set)
	if v, why, ok := get(t, "goodput").Overall(set, slo...); !ok || !near(v*(w.To-w.From).Seconds(), float64(k.Good)) {
		t.Errorf("goodput %v (%s): %v requests, want %d", v, why, v*(w.To-w.From).Seconds(), k.Good)
	}
	if v, why, ok := get(t, "slo_attainment").Overall(set, slo...); !ok || !near(v, float64(k.Good)/float64(len(set))) {
		t.Errorf("slo_attainment %v (%s)", v, why)
	}
}

// TestValues goes through the odd answers that real runtimes give.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*sample.Sample)
		id     string
		want   float64 // NaN: absent
		why    string
	}{
		{"processed tokens only", nil, "prefill_rate", 20 / 0.05, ""},
		{"nothing cached", func(s *sample.Sample) { s.Tokens.Cached = sample.Some(0) }, "prefill_rate", 30 / 0.05, ""},
		{"all cached", func(s *sample.Sample) { s.Tokens.Cached = sample.Some(30) }, "prefill_rate", math.NaN(), "the whole prompt was cached"},
		{"cached unknown", func(s *sample.Sample) { s.Tokens.Cached = sample.None[int]() }, "prefill_rate", math.NaN(), "they would pass for work"},
		{"cached unknown is not 0", func(s *sample.Sample) { s.Tokens.Cached = sample.None[int]() }, "cached_tokens", math.NaN(), "not counted"},
		{"cached zero is 0", func(s *sample.Sample) { s.Tokens.Cached = sample.Some(0) }, "cached_tokens", 0, ""},
		{"more cached than there is", func(s *sample.Sample) { s.Tokens.Cached = sample.Some(31) }, "prefill_rate", math.NaN(), "cannot be cached"},
		{"no prompt evaluation", func(s *sample.Sample) { s.Times.PromptEval = sample.None[time.Duration]() }, "prefill_rate", math.NaN(), "did not report prompt_eval"},
		{"a zero duration", func(s *sample.Sample) { s.Times.PromptEval = ms(0) }, "prefill_rate", math.NaN(), "not a duration"},
		{"a zero duration is no time", func(s *sample.Sample) { s.Times.Load = ms(0) }, "load_time", math.NaN(), "not a duration"},
		{"load and prompt", nil, "ttft_server_est", 0.25, ""},
		{"without load", func(s *sample.Sample) { s.Times.Load = sample.None[time.Duration]() }, "ttft_server_est", math.NaN(), "did not report load"},
		{"what remains", nil, "overhead", 0.01, ""},
		{"without total", func(s *sample.Sample) { s.Times.Total = sample.None[time.Duration]() }, "overhead", math.NaN(), "did not report total"},
		{"one token", func(s *sample.Sample) { *s = *stream(1, 1, 0, 300, 300) }, "tpot", math.NaN(), "one token"},
		{"one token has no rate", func(s *sample.Sample) { *s = *stream(1, 1, 0, 300, 300) }, "decode_rate", math.NaN(), "one token"},
		{"one token has a first", func(s *sample.Sample) { *s = *stream(1, 1, 0, 300, 300) }, "ttft", 0.3, ""},
		{"one token on the server", func(s *sample.Sample) { *s = *stream(1, 1, 0, 300, 300) }, "server_decode_rate", math.NaN(), "0 token steps"},
		{"no tokens", func(s *sample.Sample) { s.Tokens.Output = sample.Some(0) }, "tpot", math.NaN(), "0 tokens"},
		{"no tokens have no rate", func(s *sample.Sample) { s.Tokens.Output = sample.Some(0) }, "server_rate_naive", math.NaN(), "0 tokens"},
		{"uncounted tokens", func(s *sample.Sample) { s.Tokens.Output = sample.None[int]() }, "decode_rate", math.NaN(), "not counted"},
		{"unknown steps", func(s *sample.Sample) { s.Times.EvalSteps = sample.None[int]() }, "server_decode_rate", math.NaN(), "how many token steps"},
		{"steps of a clock that starts before the first token", func(s *sample.Sample) { s.Times.EvalSteps = sample.Some(51) }, "server_decode_rate", 51, ""},
		{"all in one chunk", func(s *sample.Sample) { s.T.Last = s.T.First }, "tpot", math.NaN(), "one instant"},
		{"all in one chunk has no tokens per chunk", func(s *sample.Sample) { s.Chunks = s.Chunks[:2] }, "tokens_per_chunk", math.NaN(), "fewer than two"},
		{"no chunks kept", func(s *sample.Sample) { s.Chunks = nil }, "ttfc", math.NaN(), "no chunks were recorded"},
		{"reasoning, then content", func(s *sample.Sample) {
			for i := range 11 {
				s.Chunks[i].Kind = sample.Reasoning
			}
		}, "ttfc", 0.7, ""},
		{"reasoning counts for the first token", func(s *sample.Sample) { s.Chunks[1].Kind = sample.Reasoning }, "ttft", 0.3, ""},
		{"a tool call only", func(s *sample.Sample) {
			for i := range s.Chunks {
				s.Chunks[i].Kind = sample.Tool
			}
		}, "ttfc", math.NaN(), "only reasoning or tool calls"},
		{"an empty chunk is not the first", func(s *sample.Sample) { s.Chunks[1].Kind = sample.Empty }, "ttfc", 0.34, ""},
		{"no first chunk", func(s *sample.Sample) {
			s.T.First, s.T.Last = sample.None[time.Duration](), sample.None[time.Duration]()
		}, "ttft", math.NaN(), "no chunk carried text"},
		{"never scheduled", func(s *sample.Sample) { s.T.Sched = sample.None[time.Duration]() }, "ttft_sched", math.NaN(), "t.sched was not observed"},
		{"waiting counts", func(s *sample.Sample) { s.T.Sched, s.T.Send = ms(0), ms(100) }, "ttft_sched", 0.3, ""},
		{"waiting is not the server's", func(s *sample.Sample) { s.T.Sched, s.T.Send = ms(0), ms(100) }, "ttft", 0.2, ""},
		{"first before send", func(s *sample.Sample) { s.T.Send = ms(400) }, "ttft", math.NaN(), "lies before"},
		{"the trailing record does not count", nil, "e2e", 1.3, ""},
		{"a failure is no speed", func(s *sample.Sample) {
			s.Outcome, s.Failure = sample.Timeout, &sample.Failure{Message: "no end\nwithin 2m"}
		}, "ttft", math.NaN(), "ended as timeout: no end within 2m"},
		{"prompt tokens", nil, "prompt_tokens", 30, ""},
		{"output tokens", nil, "output_tokens", 51, ""},
		{"one request has no system rate", nil, "output_rate", math.NaN(), "metric of one system"},
		{"one request has no machine", nil, "energy", math.NaN(), "metric of one machine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stream(51, 26, 0, 300, 1300)
			if c.change != nil {
				c.change(s)
			}
			v, why, ok := get(t, c.id).Compute(s)
			if math.IsNaN(c.want) {
				if ok || v != 0 || !strings.Contains(why, c.why) {
					t.Errorf("%s = %v, %q, %v; want absent: %q", c.id, v, why, ok, c.why)
				}
			} else if !ok || why != "" || !near(v, c.want) {
				t.Errorf("%s = %v, %q, %v; want %v", c.id, v, why, ok, c.want)
			}
		})
	}
}

func TestChunkGaps(t *testing.T) {
	icl := get(t, "icl")
	s := stream(4, 4, 0, 100, 400)
	s.Chunks[2].At = s.Chunks[1].At // two chunks came in one read
	if g, _, ok := icl.Values(s); !ok || !slices.Equal(g, []float64{0, 0.2, 0.1}) {
		t.Errorf("gaps %v", g)
	}
	for _, c := range []struct {
		why    string
		change func()
	}{
		{"lies before", func() { s.Chunks[3].At = 0 }},
		{"fewer than two", func() { s.Chunks = s.Chunks[:2] }},
		{"no chunks were recorded", func() { s.Chunks = nil }},
		{"ended as cut", func() { s.Outcome = sample.Cut }},
	} {
		c.change()
		if g, why, ok := icl.Values(s); ok || g != nil || !strings.Contains(why, c.why) {
			t.Errorf("gaps %v, %q, want %q", g, why, c.why)
		}
	}
	if v, _, ok := icl.Compute(stream(4, 4, 0, 1, 2)); ok {
		t.Errorf("one gap for a whole answer: %v", v)
	}
	if v, _, ok := get(t, "ttft").Values(stream(4, 4, 0, 100, 200)); !ok || !slices.Equal(v, []float64{0.1}) {
		t.Errorf("the values of ttft are %v", v)
	}
}

// Whatever is missing from a row, a metric is a finite number or a reason.
func TestNeverZeroForMissing(t *testing.T) {
	at := func(t *rapid.T, name string) sample.Opt[time.Duration] {
		if rapid.Bool().Draw(t, name+" absent") {
			return sample.None[time.Duration]()
		}
		return sample.Some(time.Duration(rapid.Int64Range(-5, 1e10).Draw(t, name)))
	}
	n := func(t *rapid.T, name string) sample.Opt[int] {
		if rapid.Bool().Draw(t, name+" absent") {
			return sample.None[int]()
		}
		return sample.Some(rapid.IntRange(-1, 300).Draw(t, name))
	}
	rapid.Check(t, func(t *rapid.T) {
		s := &sample.Sample{}
		s.Outcome = rapid.SampledFrom(sample.Outcomes).Draw(t, "outcome")
		s.T = sample.Timeline{Sched: at(t, "sched"), Send: at(t, "send"), First: at(t, "first"), Last: at(t, "last"), End: at(t, "end")}
		s.Tokens = sample.Tokens{Prompt: n(t, "prompt"), Cached: n(t, "cached"), Output: n(t, "output")}
		s.Times = sample.ServerTimes{Load: at(t, "load"), PromptEval: at(t, "prompt_eval"), Eval: at(t, "eval"), Total: at(t, "total"), EvalSteps: n(t, "steps")}
		for range rapid.IntRange(0, 4).Draw(t, "chunks") {
			s.Chunks = append(s.Chunks, sample.Chunk{At: at(t, "chunk").Or(0), Kind: rapid.SampledFrom([]sample.Kind{sample.Content, sample.Reasoning, sample.Role, sample.Empty}).Draw(t, "kind")})
		}
		for _, m := range metric.All() {
			v, why, ok := m.Compute(s)
			if ok == (why != "") || !ok && v != 0 || math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%s = %v, %q, %v", m.ID, v, why, ok)
			}
			if ok && s.Outcome != sample.OK {
				t.Fatalf("%s = %v for an attempt that ended as %s", m.ID, v, s.Outcome)
			}
			if ok && v <= 0 && m.Unit != unit.Token && m.ID != "overhead" {
				t.Fatalf("%s = %v", m.ID, v)
			}
			values, why, ok := m.Values(s)
			if ok == (why != "") || ok != (len(values) > 0) {
				t.Fatalf("%s: %v, %q, %v", m.ID, values, why, ok)
			}
		}
	})
}
