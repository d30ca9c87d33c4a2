package guidellm_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"chimera/internal/importer"
	"chimera/internal/importer/guidellm"
	"chimera/internal/importer/importertest"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

func read(t *testing.T, text string) (*importer.Content, error) {
	t.Helper()
	return guidellm.Format().Read(&importer.Source{Path: "report.json", Bytes: []byte(text)})
}

func report(t *testing.T) *importer.Content {
	t.Helper()
	c, err := read(t, importertest.Made(t, "guidellm", "report.json"))
	if err != nil || c == nil {
		t.Fatalf("the report was not read: %v", err)
	}
	return c
}

func reading(t *testing.T, rows []importer.Row, series string) sample.Reading {
	t.Helper()
	for _, row := range rows {
		for _, r := range row.Readings {
			if r.Series == series {
				return r
			}
		}
	}
	t.Fatalf("no reading %s", series)
	return sample.Reading{}
}

// What the client saw lies at most 5 ms from what the server did.
func TestSamplesAgreeWithTheServer(t *testing.T) {
	rows, want := importertest.Samples(report(t)), importertest.Truths(t, "guidellm")
	if len(rows) != len(want) || len(rows) != 30 {
		t.Fatalf("%d samples of %d requests, want 30", len(rows), len(want))
	}
	const slack = 5 * time.Millisecond
	for i, row := range rows {
		s, w := row.Sample, want[i]
		if s.Outcome != sample.OK || s.Tokens.Output != sample.Some(w.Tokens) || s.Tokens.Prompt != sample.Some(w.PromptTokens) {
			t.Errorf("request %d: %s, %v tokens to %v, want %d to %d", i, s.Outcome, s.Tokens.Prompt, s.Tokens.Output, w.PromptTokens, w.Tokens)
		}
		for _, c := range []struct {
			name string
			got  sample.Opt[time.Duration]
			want int64
		}{{"send", s.T.Send, w.UnixNS}, {"first", s.T.First, w.UnixNS + w.TokenNS[0]}, {"last", s.T.Last, w.UnixNS + w.TokenNS[len(w.TokenNS)-1]}} {
			got, ok := c.got.Get()
			if off := got - time.Duration(c.want); !ok || off < -slack || off > slack {
				t.Errorf("request %d: %s is %v from the server's instant", i, c.name, off)
			}
		}
		if s.T.Headers.OK() || len(s.Chunks) != 0 {
			t.Errorf("request %d has instants that the report does not hold", i)
		}
		if len(s.Notes) != 0 {
			t.Errorf("request %d: %q", i, s.Notes)
		}
		if !strings.Contains(s.Text.Or(""), "tok63") || row.Prompt == "" || s.Config["max_completion_tokens"] != 64.0 || s.Config["ignore_eos"] != true {
			t.Errorf("request %d: text, prompt or options are missing: %v", i, s.Config)
		}
	}
}

func TestInstantsAreTakenOverToTheLastDigit(t *testing.T) {
	s := importertest.Samples(report(t))[0].Sample
	for _, c := range []struct {
		name string
		got  sample.Opt[time.Duration]
		want time.Duration
	}{
		{"sched", s.T.Sched, 1795464644421044000}, {"send", s.T.Send, 1795464644427687000}, {"first", s.T.First, 1795464644528692200},
		{"last", s.T.Last, 1795464645791100700}, {"end", s.T.End, 1795464645791548300},
	} {
		if c.got != sample.Some(c.want) {
			t.Errorf("%s is %v, want %d", c.name, c.got, c.want)
		}
	}
}

// Our metrics, from GuideLLM's instants, against GuideLLM's own figures: equal
// where the definitions are, and not where they are not.
func TestOurMetricsBesideGuideLLMs(t *testing.T) {
	const clock = 1e-6 // s: seconds since 1970 as a double are 0.24 µs apart
	for i, row := range importertest.Samples(report(t)) {
		one := []importer.Row{row}
		ours := func(id string) float64 {
			m, err := metric.Lookup(id)
			if err != nil {
				t.Fatal(err)
			}
			v, why, ok := m.Compute(row.Sample)
			if !ok {
				t.Fatalf("request %d has no %s: %s", i, id, why)
			}
			return v
		}
		theirs := func(series string) float64 { return reading(t, one, series).Value.Or(math.NaN()) }
		if d := math.Abs(ours("ttft") - theirs("guidellm.time_to_first_token_ms")); !(d < clock) {
			t.Errorf("request %d: ttft differs by %v s", i, d)
		}
		if d := math.Abs(ours("tpot") - theirs("guidellm.inter_token_latency_ms")); !(d < clock) {
			t.Errorf("request %d: tpot differs by %v s from the inter-token latency", i, d)
		}
		with := (row.Sample.T.Last.Or(0) - row.Sample.T.Send.Or(0)).Seconds() / 64
		if d := math.Abs(with - theirs("guidellm.time_per_output_token_ms")); !(d < clock) {
			t.Errorf("request %d: their TPOT is %v s from (last − send)/N", i, d)
		}
		if ours("tpot") > 0.97*theirs("guidellm.time_per_output_token_ms") {
			t.Errorf("request %d: their TPOT holds the first token and cannot be ours", i)
		}
	}
}

// Every finite figure of every summary of at least one request is a reading in
// base units, and nothing else is.
func TestAggregatesAtFullPrecision(t *testing.T) {
	var doc struct {
		Benchmarks []struct {
			Metrics map[string]any `json:"metrics"`
		} `json:"benchmarks"`
	}
	if err := json.Unmarshal([]byte(importertest.Made(t, "guidellm", "report.json")), &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case float64:
			want["guidellm."+name] = v
		case map[string]any:
			if n, ok := v["count"].(float64); ok && (n == 0 || strings.Contains(name, "round_trip") && v["max"] == 0.0) {
				return // zeros where nothing was measured
			}
			for k, v := range v {
				if k != "variance" {
					walk(name+"."+k, v)
				}
			}
		}
	}
	for name, v := range doc.Benchmarks[0].Metrics {
		switch name {
		case "text", "image", "video", "audio", "tool_call", "slo_determined_requests":
		default:
			walk(name, v)
		}
	}
	got := map[string]float64{}
	for _, row := range report(t).Rows {
		if row.Sample != nil {
			continue
		}
		for _, r := range row.Readings {
			v, ok := r.Value.Get()
			if _, twice := got[r.Series]; !ok || twice {
				t.Errorf("%s is absent or there twice", r.Series)
			}
			if strings.Contains(r.Series, "_ms.") && !strings.HasSuffix(r.Series, ".count") {
				if r.Unit != unit.Second && r.Unit != unit.SecondPerToken || r.Labels["field_unit"] != "ms" {
					t.Errorf("%s is in %q, from %q", r.Series, r.Unit, r.Labels["field_unit"])
				}
				v *= 1e3
			}
			if r.At != 1795464685571601200 {
				t.Errorf("%s is of %d, not of the benchmark's end", r.Series, r.At)
			}
			got[r.Series] = v
		}
	}
	if len(want) < 500 {
		t.Fatalf("the report holds only %d figures", len(want))
	}
	for series, w := range want {
		if g, ok := got[series]; !ok || math.Abs(g-w) > 1e-15*math.Abs(w)*4 {
			t.Errorf("%s is %v, want %v", series, g, w)
		}
	}
	for series := range got {
		if _, ok := want[series]; !ok {
			t.Errorf("%s is not in the report", series)
		}
	}
}

func TestNoSeriesHasAnIDOfOurs(t *testing.T) {
	for _, row := range report(t).Rows {
		for _, r := range row.Readings {
			if _, err := metric.Lookup(r.Series); err == nil || !strings.HasPrefix(r.Series, "guidellm.") || r.Kind != "guidellm" {
				t.Errorf("%s of kind %s could be taken for ours", r.Series, r.Kind)
			}
		}
	}
}
