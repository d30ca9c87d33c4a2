package guidellm_test

import (
	"strings"
	"testing"

	"chimera/internal/importer"
	"chimera/internal/importer/guidellm"
	"chimera/internal/importer/importertest"
	"chimera/internal/sample"
)

// small is a report of one request of each end, and one metric.
const small = `{"metadata": {"version": 2, "guidellm_version": "0.8.1"}, "benchmarks": [{"type_": "generative_benchmark",
 "config": {"strategy": {"type_": "synchronous"}, "backend": {"model": "m", "target": "http://u:secret@h:1/v1?key=secret"}},
 "end_time": 1795464650.5,
 "metrics": {"request_totals": {"successful": 1, "errored": 1, "incomplete": 1, "total": 3},
  "request_latency": {"successful": {"mean": 1.5, "count": 1}, "errored": {"mean": 0.0, "count": 0}}},
 "requests": {
  "successful": [{"request_id": "a", "request_args": "{\"body\": {\"temperature\": 0.2, \"messages\": [{\"content\": \"hi\"}]}}", "output": "x y",
   "info": {"error": null, "timings": {"request_start": 1795464645.25, "first_token_iteration": 1795464645.5, "last_token_iteration": 1795464646.5, "request_end": 1795464646.75}},
   "input_metrics": {"total_tokens": 3}, "output_metrics": {"total_tokens": 2}, "time_per_output_token_ms": 625.0}],
  "incomplete": [{"request_id": "b", "info": {"error": null, "timings": {"request_start": 1795464644.25}}, "input_metrics": {}, "output_metrics": {}}],
  "errored": [{"request_id": "c", "info": {"error": "Client error '404 Not Found' for url", "timings": {"request_start": 1795464646.25}}, "input_metrics": {}, "output_metrics": {}}]}}]}`

// with is the small report with another text in one place.
func with(t *testing.T, old, text string) string {
	t.Helper()
	return importertest.With(t, small, old, text)
}

func TestSmallReport(t *testing.T) {
	c, err := read(t, small)
	if err != nil {
		t.Fatal(err)
	}
	rows := importertest.Samples(c)
	if len(rows) != 3 || len(c.Rows) != 5 {
		t.Fatalf("%d samples in %d rows, want 3 in 5", len(rows), len(c.Rows))
	}
	for i, w := range []struct {
		outcome sample.Outcome
		class   string
		number  int
	}{{sample.Cut, sample.ClassInterrupted, 2}, {sample.OK, "", 1}, {sample.Error, sample.ClassHTTP, 3}} {
		s := rows[i].Sample
		class := ""
		if s.Failure != nil {
			class = s.Failure.Class
		}
		if s.Outcome != w.outcome || class != w.class || rows[i].Number != w.number {
			t.Errorf("row %d: %s %s, number %d; want %v", i, s.Outcome, class, rows[i].Number, w)
		}
	}
	if rows[2].Sample.Failure.Status != sample.Some(404) {
		t.Errorf("the status is %v", rows[2].Sample.Failure.Status)
	}
	if ok := rows[1].Sample; ok.Config["temperature"] != 0.2 || rows[1].Prompt != "hi" || ok.Subject != "m" || ok.Tokens.Source != "guidellm" {
		t.Errorf("the request is %+v", ok)
	}
	if got := c.Subjects[0].URL; got != "http://h:1/v1" {
		t.Errorf("the address keeps what is secret: %s", got)
	}
	if r := reading(t, rows, "guidellm.time_per_output_token_ms"); r.Value != sample.Some(0.625) {
		t.Errorf("their TPOT is %v", r.Value)
	}
	for _, row := range c.Rows {
		for _, r := range row.Readings {
			if strings.Contains(r.Series, "errored.mean") {
				t.Errorf("a summary of no request became %s = %v", r.Series, r.Value)
			}
		}
	}
}

func TestVariants(t *testing.T) {
	const absent = "absent"
	for _, c := range []struct {
		name, text string
		err        string // "" for none; absent for a file that is not claimed
		skips      string // of a row
		samples    int
	}{
		{"nothing", ``, absent, "", 0},
		{"half of it", small[:len(small)/2], absent, "", 0},
		{"another tool's benchmarks", `{"benchmarks": [{"name": "x"}]}`, absent, "", 0},
		{"a list", `[` + small + `]`, absent, "", 0},
		{"NaN is no JSON", with(t, `"mean": 1.5`, `"mean": NaN`), absent, "", 0},
		{"nested too deep", strings.Repeat(`{"benchmarks":[`, 40) + strings.Repeat(`]}`, 40), absent, "", 0},
		{"before 0.4", `{"benchmarks": [{"type_": "generative_benchmark"}]}`, "before 0.4", "", 0},
		{"no schema version", with(t, `"version": 2, `, ``), "without a schema version", "", 0},
		{"of the future", with(t, `"version": 2`, `"version": 3`), "schema version 3", "", 0},
		{"a version that is a text", with(t, `"version": 2`, `"version": "2"`), "cannot unmarshal string", "", 0},
		{"version 1", with(t, `"version": 2`, `"version": 1`), "", "", 3},
		{"no benchmark", `{"metadata": {"version": 2, "guidellm_version": "0.8.1"}, "benchmarks": []}`, "without a benchmark", "", 0},
		{"benchmarks is null", `{"metadata": {"version": 2, "guidellm_version": "0.8.1"}, "benchmarks": null}`, "without a benchmark", "", 0},
		{"benchmarks is an object", `{"metadata": {"version": 2, "guidellm_version": "0.8.1"}, "benchmarks": {}}`, "benchmarks: json", "", 0},
		{"a benchmark that is a number", `{"metadata": {"version": 2, "guidellm_version": "0.8.1"}, "benchmarks": [5]}`, "", "benchmark 0", 0},
		{"requests is a text", with(t, `"requests": {`, `"requests": "none", "x": {`), "", "benchmark 0", 0},
		{"a request that is a list", with(t, `"successful": [{"request_id"`, `"successful": [[], {"request_id"`), "", "successful request", 3},
		{"an instant that is a text", with(t, `"request_start": 1795464645.25`, `"request_start": "soon"`), "", "invalid number literal", 2},
		{"an instant before 1970", with(t, `"request_start": 1795464645.25`, `"request_start": -5.0`), "", "request_start", 2},
		{"an instant with an exponent", with(t, `"request_start": 1795464645.25`, `"request_start": 1e300`), "", "request_start", 2},
		{"a fraction of a token", with(t, `"total_tokens": 3`, `"total_tokens": 2.5`), "", "no count of tokens", 2},
		{"a huge number of tokens", with(t, `"total_tokens": 3`, `"total_tokens": 1e99`), "", "no count of tokens", 2},
		{"negative tokens", with(t, `"total_tokens": 3`, `"total_tokens": -1`), "", "no count of tokens", 2},
		{"a number beyond a double", with(t, `"total_tokens": 3`, `"total_tokens": 1e999`), "", "1e999", 2},
		{"arguments that are no JSON", with(t, `"{\"body\"`, `"{{\"body\"`), "", "", 3},
		{"a metric of unknown unit", with(t, `"request_latency"`, `"request_joy"`), "", "unit of request_joy", 3},
		{"a metric that is a text", with(t, `"request_latency": {`, `"request_latency": "fast", "x": {`), "", "request_latency: json", 3},
		{"a mean that is a text", with(t, `"mean": 1.5`, `"mean": "1.5"`), "", "request_latency: json", 3},
		{"a sample of the requests", with(t, `"total": 3}`, `"total": 3}, "y": 1`), "", "unit of y", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(t, c.text)
			switch {
			case c.err == absent:
				if got != nil || err != nil {
					t.Fatalf("claimed: %v, %v", got, err)
				}
				return
			case c.err != "":
				if err == nil || !strings.Contains(err.Error(), c.err) || got != nil {
					t.Fatalf("got %v, want %q", err, c.err)
				}
				return
			case err != nil:
				t.Fatal(err)
			}
			var skips []string
			for _, row := range got.Rows {
				if row.Skip != "" {
					skips = append(skips, row.Skip)
				}
			}
			if all := strings.Join(skips, "; "); (c.skips == "") != (all == "") || !strings.Contains(all, c.skips) {
				t.Errorf("skipped %q, want %q", all, c.skips)
			}
			if n := len(importertest.Samples(got)); n != c.samples {
				t.Errorf("%d samples, want %d", n, c.samples)
			}
		})
	}
}

func TestAbsentIsNotZero(t *testing.T) {
	c, err := read(t, with(t, `"output_metrics": {"total_tokens": 2}, `, `"output_metrics": {"total_tokens": null}, "output_tokens": 64, `))
	if err != nil {
		t.Fatal(err)
	}
	s := importertest.Samples(c)[1].Sample
	if s.Tokens.Output.OK() {
		t.Errorf("GuideLLM's count of pieces became %v tokens", s.Tokens.Output)
	}
	if s.T.Sched.OK() || s.T.Headers.OK() {
		t.Errorf("instants appeared: %+v", s.T)
	}
}

func TestASampleOfTheRequestsIsTold(t *testing.T) {
	c, err := read(t, with(t, `"successful": 1, "errored"`, `"successful": 100, "errored"`))
	if err != nil || !strings.Contains(c.Reason, "keeps 1 of 100 successful") {
		t.Errorf("%v, %+v", err, c)
	}
}

func TestAContradictionIsFlaggedAndKept(t *testing.T) {
	c, err := read(t, with(t, `"first_token_iteration": 1795464645.5`, `"first_token_iteration": 1795464640.5`))
	if err != nil {
		t.Fatal(err)
	}
	if s := importertest.Samples(c)[1].Sample; len(s.Notes) == 0 || !strings.HasPrefix(s.Notes[0], "invalid: ") {
		t.Errorf("the notes are %q", s.Notes)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"metadata": {"version": 1, "guidellm_version": "x"}, "benchmarks": [{"requests": {"successful": [{}]}, "metrics": {"request_latency": {"count": 1, "mean": null}}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := guidellm.Format().Read(&importer.Source{Path: "x.json", Bytes: b})
		importertest.Check(t, c, err)
	})
}
