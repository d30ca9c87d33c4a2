package vllm_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"chimera/internal/importer"
	"chimera/internal/importer/importertest"
	"chimera/internal/importer/vllm"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// detailed has the layout that vllm/benchmarks/serve.py writes at commit
// 009e6d4 with --save-detailed: three requests, of which one failed.
const detailed = `{"date": "20260101-120000", "endpoint_type": "openai-chat", "backend": "openai-chat", "label": null, "model_id": "org/m", "tokenizer_id": "org/m",
 "num_prompts": 3, "tp": "2", "request_rate": "inf", "burstiness": 1.0, "max_concurrency": null,
 "duration": 4.125, "completed": 2, "failed": 1, "total_input_tokens": 30, "total_output_tokens": 7, "request_throughput": 0.48484848484848486,
 "request_goodput": null, "output_throughput": 1.696969696969697, "total_token_throughput": 8.969696969696969,
 "input_lens": [10, 20, 10], "output_lens": [3, 4, 0], "ttfts": [0.10050000000000001, 0.2, 0.0], "itls": [[0.02, 0.021], [0.03, 0.03, 0.03], []],
 "latencies": [0.1415, 0.29, 0.0], "start_times": [100.5, 101.25, 102.0], "queue_times": [1e-05, 2e-05, 3e-05], "generated_texts": ["a b c", "d", ""],
 "errors": ["", "", "Traceback (most recent call last):\n  File \"x.py\"\naiohttp.client_exceptions.ServerDisconnectedError: Server disconnected\n"],
 "max_output_tokens_per_s": 4.0, "max_concurrent_requests": 2, "rtfx": 0.0,
 "mean_ttft_ms": 150.25, "median_ttft_ms": 150.25, "std_ttft_ms": 49.75, "p99_ttft_ms": 199.005,
 "mean_tpot_ms": 25.25, "median_tpot_ms": 25.25, "std_tpot_ms": 4.75, "p99.9_tpot_ms": 29.99}`

func read(t *testing.T, text string) (*importer.Content, error) {
	t.Helper()
	return vllm.Format().Read(&importer.Source{Path: "r.json", Bytes: []byte(text)})
}

// with is the detailed result with another text in one place.
func with(t *testing.T, old, text string) string {
	t.Helper()
	return importertest.With(t, detailed, old, text)
}

func readings(rows []importer.Row) map[string]sample.Reading {
	out := map[string]sample.Reading{}
	for _, row := range rows {
		for _, r := range row.Readings {
			out[r.Series] = r
		}
	}
	return out
}

func TestRequestsAreSamplesWithoutInstants(t *testing.T) {
	c, err := read(t, detailed)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range []struct {
		outcome        sample.Outcome
		prompt, output sample.Opt[int]
		text, server   string
		ttft           float64
	}{
		{sample.OK, sample.Some(10), sample.Some(3), "a b c", `{"errors":"","input_lens":10,"itls":[0.02,0.021],"latencies":0.1415,"output_lens":3,"queue_times":1e-05,"start_times":100.5,"ttfts":0.10050000000000001}`, 0.10050000000000001},
		{sample.OK, sample.Some(20), sample.Some(4), "d", `"itls":[0.03,0.03,0.03]`, 0.2},
		{sample.Error, sample.Some(10), sample.None[int](), "", `"start_times":102.0`, math.NaN()},
	} {
		row := c.Rows[i]
		s := row.Sample
		if s == nil || s.Outcome != w.outcome || s.Tokens.Prompt != w.prompt || s.Tokens.Output != w.output || s.Text.Or("?") != w.text || s.Subject != "org/m" {
			t.Fatalf("request %d is %+v", i, s)
		}
		if !strings.Contains(string(s.Server), w.server) || !json.Valid(s.Server) {
			t.Errorf("request %d: the entries are %s", i, s.Server)
		}
		if s.T != (sample.Timeline{}) || len(s.Chunks) != 0 || len(s.Validate()) != 0 {
			t.Errorf("request %d has instants, or contradicts itself: %+v, %v", i, s.T, s.Validate())
		}
		r := readings([]importer.Row{row})["vllm.ttfts"]
		if v, ok := r.Value.Get(); ok != !math.IsNaN(w.ttft) || ok && v != w.ttft || !ok && r.Reason == "" {
			t.Errorf("request %d: the time to the first chunk is %v, %q", i, r.Value, r.Reason)
		}
	}
	if f := c.Rows[2].Sample.Failure; f.Class != sample.ClassReset || !strings.HasPrefix(f.Message, "aiohttp.") || strings.Contains(f.Message, "\n") {
		t.Errorf("the failure is %+v", f)
	}
}

// vLLM's first token may be an empty chunk, so it must not become our ttft.
func TestNoTimeOfTheirsBecomesOurs(t *testing.T) {
	c, err := read(t, detailed)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"ttft", "e2e", "tpot", "decode_rate"} {
		m, err := metric.Lookup(id)
		if err != nil {
			t.Fatal(err)
		}
		if v, why, ok := m.Compute(c.Rows[0].Sample); ok || why == "" {
			t.Errorf("%s is %v, want an absence with its reason", id, v)
		}
	}
	for series := range readings(c.Rows) {
		if _, err := metric.Lookup(series); err == nil || !strings.HasPrefix(series, "vllm.") {
			t.Errorf("%s could be taken for ours", series)
		}
	}
}

func TestAggregatesAtFullPrecision(t *testing.T) {
	c, err := read(t, detailed)
	if err != nil {
		t.Fatal(err)
	}
	got := readings(c.Rows[3:])
	for series, w := range map[string]struct {
		v float64
		u unit.Unit
	}{
		"duration": {4.125, unit.Second}, "completed": {2, unit.None}, "failed": {1, unit.None},
		"total_input_tokens": {30, unit.Token}, "total_output_tokens": {7, unit.Token}, "request_throughput": {0.48484848484848486, unit.PerSecond},
		"output_throughput": {1.696969696969697, unit.TokenPerSecond}, "total_token_throughput": {8.969696969696969, unit.TokenPerSecond},
		"max_output_tokens_per_s": {4, unit.PerSecond}, "max_concurrent_requests": {2, unit.None}, "rtfx": {0, unit.None},
		"mean_ttft_ms": {0.15025, unit.Second}, "median_ttft_ms": {0.15025, unit.Second}, "std_ttft_ms": {0.04975, unit.Second}, "p99_ttft_ms": {199.005 / 1e3, unit.Second},
		"mean_tpot_ms": {0.02525, unit.Second}, "median_tpot_ms": {0.02525, unit.Second}, "std_tpot_ms": {0.00475, unit.Second}, "p99.9_tpot_ms": {29.99 / 1e3, unit.Second},
	} {
		r, ok := got["vllm."+series]
		if v, there := r.Value.Get(); !ok || !there || v != w.v || r.Unit != w.u {
			t.Errorf("%s is %v %s, want %v %s", series, r.Value, r.Unit, w.v, w.u)
		}
		if r.Labels["tp"] != "2" || r.Labels["burstiness"] != "1.0" || r.Labels["request_rate"] != "inf" || r.Labels["subject"] != "org/m" {
			t.Errorf("%s: the conditions are %v", series, r.Labels)
		}
		delete(got, "vllm."+series)
	}
	for series := range got {
		t.Errorf("%s is not a figure of the result", series)
	}
}

func TestZeroIsNoMeasurement(t *testing.T) {
	none := strings.NewReplacer(`"completed": 2`, `"completed": 0`, `0.48484848484848486`, `0.0`, `1.696969696969697`, `0.0`, `150.25`, `0.0`, `49.75`, `0.0`).Replace(detailed)
	c, err := read(t, none)
	if err != nil {
		t.Fatal(err)
	}
	got := readings(c.Rows[3:])
	for _, series := range []string{"request_throughput", "output_throughput", "mean_ttft_ms", "median_ttft_ms", "std_ttft_ms"} {
		if r := got["vllm."+series]; r.Value.OK() || r.Reason != "no request completed" {
			t.Errorf("%s is %v, %q", series, r.Value, r.Reason)
		}
	}
	if r := got["vllm.completed"]; r.Value != sample.Some(0.0) {
		t.Errorf("that no request completed is a count: %v", r.Value)
	}
	c, err = read(t, strings.NewReplacer(`150.25`, `0.0`, `49.75`, `0.0`, `"std_tpot_ms": 4.75`, `"std_tpot_ms": 0.0`).Replace(detailed))
	if err != nil {
		t.Fatal(err)
	}
	got = readings(c.Rows[3:])
	if r := got["vllm.mean_ttft_ms"]; r.Value.OK() || r.Reason == "" {
		t.Errorf("an endpoint that does not stream has no time to the first token: %v", r.Value)
	}
	if r := got["vllm.std_ttft_ms"]; r.Value.OK() {
		t.Errorf("nor a deviation of it: %v", r.Value)
	}
	if r := got["vllm.std_tpot_ms"]; r.Value != sample.Some(0.0) {
		t.Errorf("equal values deviate by 0: %v", r.Value)
	}
}

func TestOutcomes(t *testing.T) {
	const old = `"Traceback (most recent call last):\n  File \"x.py\"\naiohttp.client_exceptions.ServerDisconnectedError: Server disconnected\n"`
	for _, c := range []struct {
		text    string
		outcome sample.Outcome
		class   string
	}{
		{`"Too Many Requests"`, sample.Error, sample.ClassHTTP},
		{`"Traceback\nTimeoutError"`, sample.Timeout, sample.ClassTimeout},
		{`"Traceback\naiohttp.ClientConnectorError: refused"`, sample.Error, sample.ClassConnect},
		{`"Traceback\nKeyError: 'delta'"`, sample.Error, sample.ClassServer},
		{`"Never received a valid chunk to calculate TTFT.This response will be marked as failed!"`, sample.Degenerate, sample.ClassNoTokens},
		{`""`, sample.Degenerate, sample.ClassNoTokens},
	} {
		got, err := read(t, with(t, old, c.text))
		if err != nil {
			t.Fatal(err)
		}
		s := got.Rows[2].Sample
		if s.Outcome != c.outcome || s.Failure == nil || s.Failure.Class != c.class || s.Tokens.Output.OK() {
			t.Errorf("%s: %s, %+v, %v", c.text, s.Outcome, s.Failure, s.Tokens.Output)
		}
	}
}

func TestVariants(t *testing.T) {
	line := strings.ReplaceAll(detailed, "\n", "")
	for _, c := range []struct {
		name, text    string
		claimed       bool
		samples, rows int
		skip          string
	}{
		{"detailed", detailed, true, 3, 22, ""},
		{"half", detailed[:400], false, 0, 0, ""},
		{"NaN", with(t, `150.25, "med`, `NaN, "med`), false, 0, 0, ""},
		{"in a list", "[" + detailed + "]", false, 0, 0, ""},
		{"a benchmark without a tokenizer", with(t, `"tokenizer_id": "org/m",`, ``), false, 0, 0, ""},
		{"an older one, without endpoint_type", with(t, `"endpoint_type": "openai-chat", `, ``), true, 3, 22, ""},
		{"one of between, without backend", with(t, ` "backend": "openai-chat",`, ``), true, 3, 22, ""},
		{"neither", with(t, `"endpoint_type": "openai-chat", "backend": "openai-chat",`, ``), false, 0, 0, ""},
		{"appended", line + "\n" + line + "\n", true, 6, 44, ""},
		{"appended and cut", line + "\n" + line[:300], true, 3, 23, "line 2: unexpected end"},
		{"appended to another", line + "\n{}", true, 3, 23, "no result of vLLM"},
		{"nested too deep", strings.Repeat("[", 100), false, 0, 0, ""},
		{"not detailed", with(t, `"errors": [`, `"errors_of_old": [`), true, 0, 22, ""},
		{"lists of two lengths", with(t, `[10, 20, 10]`, `[10, 20]`), true, 0, 20, "input_lens has 2 entries, errors has 3"},
		{"a list that is a text", with(t, `[10, 20, 10]`, `"10"`), true, 0, 20, "input_lens: json"},
		{"half a token", with(t, `[10, 20, 10]`, `[10, 0.5, 10]`), true, 2, 22, "request 1: input_lens: 0.5"},
		{"an error that is a number", with(t, `"errors": ["", `, `"errors": [7, `), true, 2, 22, "request 0: errors: json"},
		{"a text that is a number", with(t, `"a b c"`, `7`), true, 2, 22, "generated_texts"},
		{"a time that is a text", with(t, `[0.10050000000000001, 0.2`, `["x", 0.2`), true, 2, 22, "ttfts"},
		{"a time beyond a double", with(t, `[0.10050000000000001, 0.2`, `[1e999, 0.2`), true, 2, 22, "1e999"},
		{"completed is a text", with(t, `"completed": 2`, `"completed": "2"`), true, 0, 1, "completed: json"},
		{"a figure that is a text", with(t, `"duration": 4.125`, `"duration": "4"`), true, 3, 22, "duration: json"},
		{"a figure of unknown unit", with(t, `"rtfx": 0.0`, `"joy": 0.5`), true, 3, 22, "joy: its unit is not known"},
		{"a model that is a number", with(t, `"model_id": "org/m"`, `"model_id": 5`), true, 3, 23, "model_id: its unit"},
		{"the misspelt goodput of 0.6", with(t, `"request_goodput": null`, `"request_goodput:": 0.25`), true, 3, 23, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(t, c.text)
			if err != nil || (got != nil) != c.claimed {
				t.Fatalf("%+v, %v", got, err)
			}
			if got == nil {
				return
			}
			samples, skips := 0, ""
			for _, row := range got.Rows {
				if skips += row.Skip; row.Sample != nil {
					samples++
				}
			}
			if samples != c.samples || len(got.Rows) != c.rows || (c.skip == "") != (skips == "") || !strings.Contains(skips, c.skip) {
				t.Errorf("%d samples in %d rows, want %d in %d; skipped %q, want %q", samples, len(got.Rows), c.samples, c.rows, skips, c.skip)
			}
		})
	}
}

func TestAppendedResultsStayApart(t *testing.T) {
	line := strings.ReplaceAll(detailed, "\n", "")
	c, err := read(t, line+"\n"+line)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := c.Rows[0].Sample.Experiment, c.Rows[22].Sample.Experiment; a == b || a == "" {
		t.Errorf("the experiments are %q and %q", a, b)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(detailed))
	f.Add([]byte(strings.ReplaceAll(detailed, "\n", "") + "\n{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := vllm.Format().Read(&importer.Source{Path: "x.json", Bytes: b})
		importertest.Check(t, c, err)
	})
}
