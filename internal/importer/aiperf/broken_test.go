package aiperf_test

import (
	"strings"
	"testing"
	"time"

	"chimera/internal/importer"
	"chimera/internal/importer/aiperf"
	"chimera/internal/importer/importertest"
	"chimera/internal/sample"
)

const one = `{"metadata":{"x_request_id":"a","credit_issued_ns":1795464701300000000,"request_start_ns":1795464701400000000,"request_ack_ns":1795464701410000000,"request_end_ns":1795464702000000000,"benchmark_phase":"profiling","was_cancelled":false},"metrics":{"time_to_first_token":{"value":100.5,"unit":"ms"},"time_to_first_output_token":{"value":110.5,"unit":"ms"},"request_latency":{"value":120.5,"unit":"ms"},"inter_chunk_latency":{"value":[10.0,10.0],"unit":"ms"},"output_sequence_length":{"value":3,"unit":"tokens"},"input_sequence_length":{"value":5,"unit":"tokens"}}}`

func only(t *testing.T, text string) importer.Row {
	t.Helper()
	c, err := read("profile_export.jsonl", text)
	if err != nil || c == nil || len(c.Rows) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	return c.Rows[0]
}

func TestReasoningEndsWhereTheFirstOutputTokenComes(t *testing.T) {
	s := only(t, one).Sample
	kinds := []sample.Kind{s.Chunks[0].Kind, s.Chunks[1].Kind, s.Chunks[2].Kind}
	if kinds[0] != sample.Reasoning || kinds[1] != sample.Content || kinds[2] != sample.Content {
		t.Errorf("the kinds are %v", kinds)
	}
	if s.Tokens.Source != "aiperf" || s.Tokens.Output != sample.Some(3) || s.Tokens.Prompt != sample.Some(5) {
		t.Errorf("the tokens of AIPerf's tokenizer are %+v", s.Tokens)
	}
	if s.T.First != sample.Some(time.Duration(1795464701500500000)) {
		t.Errorf("first is %v", s.T.First)
	}
}

func TestWhatIsNotToldStaysAbsent(t *testing.T) {
	s := only(t, importertest.With(t, one, `"time_to_first_output_token":{"value":110.5,"unit":"ms"},`, ``)).Sample
	if len(s.Chunks) != 0 || !strings.Contains(strings.Join(s.Notes, ";"), "where reasoning ends") || !s.T.First.OK() {
		t.Errorf("chunks of unknown kind: %v, %q", s.Chunks, s.Notes)
	}
	s = only(t, importertest.With(t, one, `[10.0,10.0]`, `[10.0,9.0]`)).Sample
	if len(s.Chunks) != 0 || !strings.Contains(strings.Join(s.Notes, ";"), "they end at 119.5ms of 120.5ms") {
		t.Errorf("chunks that contradict the latency: %v, %q", s.Chunks, s.Notes)
	}
	s = only(t, importertest.With(t, one, `"request_ack_ns":1795464701410000000`, `"request_ack_ns":null`)).Sample
	if s.T.Headers.OK() {
		t.Errorf("headers appeared: %v", s.T.Headers)
	}
}

func TestOutcomes(t *testing.T) {
	failed := func(e string) string { return strings.TrimSuffix(one, "}") + `,"error":` + e + `}` }
	for _, c := range []struct {
		name, text string
		outcome    sample.Outcome
		class      string
	}{
		{"a status", failed(`{"code":503,"type":"Service Unavailable","message":"busy"}`), sample.Error, sample.ClassHTTP},
		{"a timeout", failed(`{"type":"TimeoutError","message":""}`), sample.Timeout, sample.ClassTimeout},
		{"no connection", failed(`{"type":"ClientConnectorError","message":"refused"}`), sample.Error, sample.ClassConnect},
		{"a broken one", failed(`{"type":"ServerDisconnectedError","message":"gone"}`), sample.Error, sample.ClassReset},
		{"anything else", failed(`{"type":null,"message":"odd"}`), sample.Error, sample.ClassServer},
		{"cancelled", importertest.With(t, one, `"was_cancelled":false`, `"was_cancelled":true`), sample.Cut, sample.ClassInterrupted},
		{"no token", importertest.With(t, one, `"output_sequence_length":{"value":3`, `"output_sequence_length":{"value":0`), sample.Degenerate, sample.ClassNoTokens},
	} {
		s := only(t, c.text).Sample
		if s == nil || s.Outcome != c.outcome || s.Failure == nil || s.Failure.Class != c.class {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

func TestBrokenRecords(t *testing.T) {
	for _, c := range []struct{ name, text, skip string }{
		{"half a line", one + "\n" + one[:200], "unexpected end"},
		{"no JSON", one + "\nnothing", "neither { nor ["},
		{"a list", one + "\n[1]", "no JSON object"},
		{"another object", one + "\n{}", "no record of AIPerf"},
		{"NaN", one + "\n" + importertest.With(t, one, `100.5`, `NaN`), "invalid character"},
		{"deep", one + "\n" + strings.Repeat("[", 200), "deeper than"},
		{"a warm-up", one + "\n" + importertest.With(t, one, `"profiling"`, `"warmup"`), `phase "warmup"`},
		{"a start that is a text", one + "\n" + importertest.With(t, one, `"request_start_ns":1795464701400000000`, `"request_start_ns":"x"`), "cannot unmarshal string"},
		{"a start of zero", one + "\n" + importertest.With(t, one, `"request_start_ns":1795464701400000000`, `"request_start_ns":0`), "outside of 1990"},
		{"a start beyond 64 bits", one + "\n" + importertest.With(t, one, `"request_start_ns":1795464701400000000`, `"request_start_ns":99999999999999999999`), "cannot unmarshal number"},
		{"an end of long ago", one + "\n" + importertest.With(t, one, `"request_end_ns":1795464702000000000`, `"request_end_ns":-1`), "request_end_ns"},
		{"a TTFT that is a list", one + "\n" + importertest.With(t, one, `100.5`, `[100.5]`), "time_to_first_token"},
		{"a negative TTFT", one + "\n" + importertest.With(t, one, `100.5`, `-1`), "is no time"},
		{"a TTFT of a year", one + "\n" + importertest.With(t, one, `100.5`, `3e10`), "is no time"},
		{"a TTFT in parsecs", one + "\n" + importertest.With(t, one, `100.5,"unit":"ms"`, `100.5,"unit":"pc"`), "is no time"},
		{"gaps that are texts", one + "\n" + importertest.With(t, one, `[10.0,10.0]`, `["a"]`), "inter_chunk_latency"},
		{"a gap below zero", one + "\n" + importertest.With(t, one, `[10.0,10.0]`, `[-10.0]`), "inter_chunk_latency"},
		{"half a token", one + "\n" + importertest.With(t, one, `"output_sequence_length":{"value":3`, `"output_sequence_length":{"value":2.5`), "no count"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read("profile_export.jsonl", c.text)
			if err != nil || got == nil || len(got.Rows) != 2 {
				t.Fatalf("%+v, %v", got, err)
			}
			if got.Rows[0].Sample == nil {
				t.Errorf("the good line was lost: %s", got.Rows[0].Skip)
			}
			if bad := got.Rows[1]; bad.Sample != nil || !strings.Contains(bad.Skip, c.skip) || !strings.Contains(bad.Skip, "line 2") {
				t.Errorf("skipped with %q, want %q", bad.Skip, c.skip)
			}
		})
	}
}

const sum = `{"schema_version": "1.4", "aiperf_version": "0.13.0", "input_config": {"models": {"items": [{"name": "m"}]}, "endpoint": {"urls": ["http://u:p@h:1/?key=s"]}}, "was_cancelled": false, "error_summary": [], "request_latency": {"unit": "ms", "avg": 2000.0, "count": 2, "std": null}}`

func TestSummaries(t *testing.T) {
	for _, c := range []struct {
		name, text, err, skip, reason string
		claimed                       bool
	}{
		{"as it is", sum, "", "", "", true},
		{"half", sum[:100], "", "", "", false},
		{"another tool's", `{"metrics": {"unit": "ms"}}`, "", "", "", false},
		{"of the future", importertest.With(t, sum, `"1.4"`, `"2.0"`), `schema "2.0"`, "", "", true},
		{"no schema", importertest.With(t, sum, `"schema_version": "1.4", `, ``), `schema ""`, "", "", true},
		{"a schema that is a number", importertest.With(t, sum, `"1.4"`, `1.4`), "cannot unmarshal number", "", "", true},
		{"without a metric", importertest.With(t, sum, `"unit": "ms", `, ``), "without a metric", "", "", true},
		{"an unknown unit", importertest.With(t, sum, `"unit": "ms"`, `"unit": "parsec"`), "", `unit "parsec"`, "", true},
		{"a unit that is a number", importertest.With(t, sum, `"unit": "ms"`, `"unit": 5`), "", "its unit", "", true},
		{"an average that is a text", importertest.With(t, sum, `2000.0`, `"2"`), "", "request_latency.avg", "", true},
		{"an average beyond a double", importertest.With(t, sum, `2000.0`, `1e999`), "", "request_latency.avg", "", true},
		{"no average", importertest.With(t, sum, `"avg": 2000.0, "count": 2, `, ``), "", "has no value", "", true},
		{"cancelled", importertest.With(t, sum, `"was_cancelled": false`, `"was_cancelled": true`), "", "", "cancelled", true},
		{"errors", importertest.With(t, sum, `"error_summary": []`, `"error_summary": [{"count": 3}]`), "", "", `"count":3`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read("profile_export_aiperf.json", c.text)
			if claimed := got != nil || err != nil; claimed != c.claimed {
				t.Fatalf("claimed: %t (%v)", claimed, err)
			}
			if (c.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("got %v, want %q", err, c.err)
			}
			if got == nil {
				return
			}
			if row := got.Rows[0]; (c.skip == "") != (row.Skip == "") || !strings.Contains(row.Skip, c.skip) {
				t.Errorf("skipped %q, want %q", row.Skip, c.skip)
			}
			if !strings.Contains(got.Reason, c.reason) || (c.reason == "") != (got.Reason == "") {
				t.Errorf("the reason is %q", got.Reason)
			}
			if got.Subjects[0].URL != "http://h:1/" {
				t.Errorf("the address keeps what is secret: %s", got.Subjects[0].URL)
			}
		})
	}
}

const csvHead = "Metric,avg,min,max,sum,p1,p5,p10,p25,p50,p75,p90,p95,p99,std\n"

func TestTables(t *testing.T) {
	for _, c := range []struct {
		name, text string
		claimed    bool
		kept       int
		skip       string
	}{
		{"both tables", csvHead + "Request Latency (ms),1.00,1.00,1.00,1.00,,,,,,,,,,0.00\n\nMetric,Value\nRequest Count,2.00\n", true, 2, ""},
		{"a third table", csvHead + "\nMetric,Value\nRequest Count,2.00\nEndpoint,GPU,Name\n0,1,2\n", true, 1, "not read"},
		{"an unknown unit", csvHead + "Joy (smiles/sec),1.00,1,1,1,1,1,1,1,1,1,1,1,1,1\n", true, 0, "smiles/sec"},
		{"a word for a number", csvHead + "Request Latency (ms),fast,1,1,1,1,1,1,1,1,1,1,1,1,1\n", true, 0, "no finite number"},
		{"infinite", csvHead + "Request Latency (ms),inf,1,1,1,1,1,1,1,1,1,1,1,1,1\n", true, 0, "no finite number"},
		{"empty cells", csvHead + "Request Latency (ms),,,,,,,,,,,,,,\n", true, 0, "no value"},
		{"another head", "Metric,Value\nx,1\n", false, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read("profile_export_aiperf.csv", c.text)
			if err != nil || (got != nil) != c.claimed {
				t.Fatalf("%+v, %v", got, err)
			}
			if got == nil {
				return
			}
			kept, skips := 0, ""
			for _, row := range got.Rows {
				if skips += row.Skip; row.Skip == "" {
					kept++
				}
			}
			if kept != c.kept || !strings.Contains(skips, c.skip) {
				t.Errorf("kept %d, want %d; skipped %q, want %q", kept, c.kept, skips, c.skip)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add("a.jsonl", []byte(one+"\n{"))
	f.Add("a.json", []byte(sum))
	f.Add("a.csv", []byte(csvHead+"Request Latency (ms),1.00,,,,,,,,,,,,,0.00\n\nMetric,Value\nRequest Count,2.00\n"))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		c, err := aiperf.Format().Read(&importer.Source{Path: name, Bytes: b})
		importertest.Check(t, c, err)
	})
}
