package ollamabench_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chimera/internal/importer"
	"chimera/internal/importer/importertest"
	"chimera/internal/importer/ollamabench"
	"chimera/internal/metric"
	"chimera/internal/sample"

	"pgregory.net/rapid"
)

// The layouts are those of cmd/bench of Ollama 0.17.4 (old) and of the later
// versions that print a time to the first token (new).
const (
	oldText = `sysname: linux
machine: amd64
BenchmarkModel/name=gpt-oss:20b/step=prefill 124 241987.56 ns/token 4132.44 token/sec
BenchmarkModel/name=gpt-oss:20b/step=generate 200 13234219.77 ns/token 75.56 token/sec
BenchmarkModel/name=gpt-oss:20b/step=load 1 121674208 ns/request
BenchmarkModel/name=gpt-oss:20b 1 2861047625 ns/request
`
	newText = `goos: linux
goarch: amd64
# Model: gemma3 | Params: 4.3B | Quant: Q4_K_M | Family: gemma3 | Size: 4080218931 | VRAM: 4080218931 | NumCtx: 4096
BenchmarkModel/name=gemma3/step=prefill 1 78125.00 ns/token 12800.00 token/sec
BenchmarkModel/name=gemma3/step=generate 1 19531.25 ns/token 51200.00 token/sec
BenchmarkModel/name=gemma3/step=ttft 1 45123000 ns/op
BenchmarkModel/name=gemma3/step=load 1 1500000000 ns/op
BenchmarkModel/name=gemma3/step=total 1 2861047625 ns/op
`
	newCSV = `NAME,STEP,COUNT,NS_PER_COUNT,TOKEN_PER_SEC
# Model: gemma3 | Params: 4.3B | Quant: unknown | Family: gemma3
gemma3,prefill,64,78125.00,12800.00
gemma3,generate,100,19531.25,51200.00
gemma3,ttft,1,45123000,0
gemma3,load,1,1500000000,0
gemma3,total,1,2861047625,0
`
	oldMark = `| Model | Step | Count | Duration | nsPerToken | tokensPerSec |
|-------|------|-------|----------|------------|--------------|
| gpt-oss:20b | prefill | 124 | 30.006458ms | 241987.56 | 4132.44 |
| gpt-oss:20b | generate | 200 | 2.646843954s | 13234219.77 | 75.56 |
| gpt-oss:20b | load | 1 | 121.674208ms | - | - |
| gpt-oss:20b | total | 1 | 2.861047625s | - | - |
`
)

func read(name, text string) (*importer.Content, error) {
	return ollamabench.Format().Read(&importer.Source{Path: name, Bytes: []byte(text)})
}

func figures(row importer.Row) map[string]float64 {
	out := map[string]float64{}
	for _, r := range row.Readings {
		out[r.Series] = r.Value.Or(math.NaN())
	}
	return out
}

func TestARequestIsOneSample(t *testing.T) {
	ns := func(n int64) sample.Opt[time.Duration] { return sample.Some(time.Duration(n)) }
	none := sample.None[time.Duration]()
	for _, c := range []struct {
		file, text, kind, subject string
		times                     sample.ServerTimes
		tokens                    sample.Tokens
		figures                   map[string]float64
	}{
		{"a.txt", oldText, "ollama-bench/benchstat", "gpt-oss:20b",
			sample.ServerTimes{PromptEval: ns(30006457), Eval: ns(2646843954), EvalSteps: sample.Some(199), Load: ns(121674208), Total: ns(2861047625)},
			sample.Tokens{Prompt: sample.Some(124), Output: sample.Some(200), Source: sample.FromServer},
			map[string]float64{"ollama-bench.prefill.ns_per_token": 241987.56 / 1e9, "ollama-bench.prefill.token_per_sec": 4132.44,
				"ollama-bench.generate.ns_per_token": 13234219.77 / 1e9, "ollama-bench.generate.token_per_sec": 75.56}},
		{"a.bench", newText, "ollama-bench/benchstat", "gemma3",
			sample.ServerTimes{PromptEval: none, Eval: none, Load: ns(1500000000), Total: ns(2861047625)}, sample.Tokens{},
			map[string]float64{"ollama-bench.prefill.ns_per_token": 78125.0 / 1e9, "ollama-bench.prefill.token_per_sec": 12800,
				"ollama-bench.generate.ns_per_token": 19531.25 / 1e9, "ollama-bench.generate.token_per_sec": 51200, "ollama-bench.ttft": 0.045123}},
		{"a.csv", newCSV, "ollama-bench/csv", "gemma3",
			sample.ServerTimes{PromptEval: ns(5000000), Eval: ns(1953125), EvalSteps: sample.Some(99), Load: ns(1500000000), Total: ns(2861047625)},
			sample.Tokens{Prompt: sample.Some(64), Output: sample.Some(100), Source: sample.FromServer},
			map[string]float64{"ollama-bench.prefill.ns_per_token": 78125.0 / 1e9, "ollama-bench.prefill.token_per_sec": 12800,
				"ollama-bench.generate.ns_per_token": 19531.25 / 1e9, "ollama-bench.generate.token_per_sec": 51200, "ollama-bench.ttft": 0.045123}},
		{"a.md", oldMark, "ollama-bench/markdown", "gpt-oss:20b",
			sample.ServerTimes{PromptEval: ns(30006458), Eval: ns(2646843954), EvalSteps: sample.Some(199), Load: ns(121674208), Total: ns(2861047625)},
			sample.Tokens{Prompt: sample.Some(124), Output: sample.Some(200), Source: sample.FromServer},
			map[string]float64{"ollama-bench.prefill.ns_per_token": 241987.56 / 1e9, "ollama-bench.prefill.token_per_sec": 4132.44,
				"ollama-bench.generate.ns_per_token": 13234219.77 / 1e9, "ollama-bench.generate.token_per_sec": 75.56}},
	} {
		t.Run(c.file, func(t *testing.T) {
			got, err := read(c.file, c.text)
			if err != nil || got == nil || len(got.Rows) != 1 || got.Kind != c.kind {
				t.Fatalf("%+v, %v", got, err)
			}
			s := got.Rows[0].Sample
			if s.Times != c.times || s.Tokens != c.tokens || s.Subject != c.subject || s.Outcome != sample.OK {
				t.Errorf("the sample is %+v", s)
			}
			if s.T != (sample.Timeline{}) || len(s.Notes) != 0 || !strings.Contains(got.Reason, "leaves out requests that failed") {
				t.Errorf("instants %+v, notes %q, reason %q", s.T, s.Notes, got.Reason)
			}
			f := figures(got.Rows[0])
			for series, want := range c.figures {
				if f[series] != want {
					t.Errorf("%s is %v, want %v", series, f[series], want)
				}
			}
			if len(f) != len(c.figures) {
				t.Errorf("the figures are %v", f)
			}
			for series := range f {
				if _, err := metric.Lookup(series); err == nil {
					t.Errorf("%s could be taken for ours", series)
				}
			}
		})
	}
}

// Files that cmd/bench of Ollama 0.17.4 wrote of two requests to each of two
// models, answered by a server that told these durations.
func TestFilesOfTheBench(t *testing.T) {
	want := sample.ServerTimes{PromptEval: sample.Some(time.Duration(21234561)), Eval: sample.Some(time.Duration(81234563)), EvalSteps: sample.Some(52),
		Load: sample.Some(time.Duration(51234567)), Total: sample.Some(time.Duration(161234567))}
	for _, name := range []string{"bench-0.17.4.txt", "bench-0.17.4.csv", "bench-0.17.4.md"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := read(name, string(b))
		if err != nil || len(got.Rows) != 4 {
			t.Fatalf("%s: %+v, %v", name, got, err)
		}
		for i, row := range got.Rows {
			s := row.Sample
			if s == nil || s.Times != want || s.Tokens.Prompt != sample.Some(37) || s.Tokens.Output != sample.Some(53) || s.Subject != []string{"m", "m", "n", "n"}[i] {
				t.Errorf("%s, request %d: %+v, %s", name, i, s, row.Skip)
			}
		}
	}
}

func TestTheModelLineIsTheSubject(t *testing.T) {
	got, err := read("a.txt", newText)
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Subjects[0]; s.ID != "gemma3" || s.Quant != "Q4_K_M" || s.Arch != "gemma3" || s.Parameters.OK() || s.FileBytes.OK() {
		t.Errorf("the subject is %+v", s)
	}
	if e := got.Rows[0].Sample.Effective; e["num_ctx"] != 4096.0 {
		t.Errorf("the context is %v", e)
	}
	got, err = read("a.csv", newCSV)
	if err != nil || got.Subjects[0].Quant != "" || got.Rows[0].Sample.Effective != nil {
		t.Errorf("what is unknown is absent: %+v, %v", got.Subjects, err)
	}
}

// Ollama's clock spans N−1 steps: our rate is lower than the bench's by that.
func TestOurRateIsNotTheBenchs(t *testing.T) {
	got, err := read("a.md", oldMark)
	if err != nil {
		t.Fatal(err)
	}
	m, err := metric.Lookup("server_decode_rate")
	if err != nil {
		t.Fatal(err)
	}
	ours, why, ok := m.Compute(got.Rows[0].Sample)
	if want := 199 / 2.646843954; !ok || math.Abs(ours-want) > 1e-9*want {
		t.Errorf("server_decode_rate is %v (%s), want %v", ours, why, want)
	}
	if theirs := figures(got.Rows[0])["ollama-bench.generate.token_per_sec"]; theirs <= ours {
		t.Errorf("the bench's %v is not above ours, %v", theirs, ours)
	}
}

// What the bench prints of any request comes back: counts as they are, times
// exact up to 100 tokens and to N/200 ns beyond.
func TestPrintedIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 5000).Draw(t, "tokens")
		took := time.Duration(rapid.Int64Range(1000, int64(time.Hour)).Draw(t, "took"))
		per, rate := float64(took.Nanoseconds())/float64(n), float64(n)/took.Seconds()
		for name, text := range map[string]string{
			"a.csv": fmt.Sprintf("NAME,STEP,COUNT,NS_PER_COUNT,TOKEN_PER_SEC\nm,prefill,%[1]d,%.2[2]f,%.2[3]f\nm,generate,%[1]d,%.2[2]f,%.2[3]f\nm,load,1,%[4]d,0\nm,total,1,%[4]d,0\n", n, per, rate, took.Nanoseconds()),
			"a.txt": fmt.Sprintf("BenchmarkModel/name=m/step=prefill %[1]d %.2[2]f ns/token %.2[3]f token/sec\nBenchmarkModel/name=m/step=generate %[1]d %.2[2]f ns/token %.2[3]f token/sec\nBenchmarkModel/name=m/step=load 1 %[4]d ns/request\nBenchmarkModel/name=m 1 %[4]d ns/request\n", n, per, rate, took.Nanoseconds()),
		} {
			c, err := read(name, text)
			if err != nil || c == nil || len(c.Rows) != 1 || c.Rows[0].Sample == nil {
				t.Fatalf("%s: %+v, %v", name, c, err)
			}
			s := c.Rows[0].Sample
			off := (s.Times.Eval.Or(0) - took).Abs()
			if s.Tokens.Output != sample.Some(n) || s.Times.Load != sample.Some(took) || off > time.Duration(n/200+1) || n < 100 && off != 0 {
				t.Fatalf("%s: %d tokens in %v became %+v, off by %v", name, n, took, s.Times, off)
			}
		}
	})
}

func TestVariants(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		claimed          bool
		err              string
		kept             int
		skip             string
	}{
		{"two requests", "a.txt", oldText + oldText, true, "", 2, ""},
		{"two models", "a.csv", newCSV + strings.ReplaceAll(strings.SplitN(newCSV, "\n", 3)[2], "gemma3", "other"), true, "", 2, ""},
		{"cut after the first step", "a.txt", oldText + strings.Join(strings.Split(oldText, "\n")[:3], "\n"), true, "", 1, "the file ends before its total"},
		{"cut inside a line", "a.txt", oldText + "BenchmarkModel/name=gpt-oss:20b/step=prefill 12", true, "", 1, "no line of Ollama's bench"},
		{"a step too few", "a.csv", importertest.With(t, newCSV, "gemma3,generate,100,19531.25,51200.00\n", ""), true, "", 0, "not all its steps"},
		{"a step twice", "a.csv", importertest.With(t, newCSV, "gemma3,ttft,1,45123000,0\n", "gemma3,generate,100,19531.25,51200.00\n"), true, "", 0, "generate of gemma3 follows on generate"},
		{"another model in between", "a.csv", importertest.With(t, newCSV, "gemma3,ttft", "other,ttft"), true, "", 0, "ttft of other follows on generate of gemma3"},
		{"a step nobody knows", "a.csv", importertest.With(t, newCSV, "gemma3,ttft", "gemma3,joy"), true, "", 0, `a step "joy"`},
		{"a word for a number", "a.csv", importertest.With(t, newCSV, "19531.25", "fast"), true, "", 0, "no finite number"},
		{"NaN", "a.csv", importertest.With(t, newCSV, "19531.25", "NaN"), true, "", 0, "no finite number"},
		{"an empty cell", "a.csv", importertest.With(t, newCSV, "19531.25", ""), true, "", 0, "NS_PER_COUNT is empty"},
		{"half a token", "a.csv", importertest.With(t, newCSV, "generate,100", "generate,0.5"), true, "", 0, "no count of tokens"},
		{"a cell too few", "a.csv", newCSV + "gemma3,prefill\n", true, "", 1, "2 cells under 5 heads"},
		{"the head alone", "a.csv", "NAME,STEP,COUNT,NS_PER_COUNT,TOKEN_PER_SEC\n", true, "without a request", 0, ""},
		{"another head", "a.csv", "NAME,STEP,COUNT\nm,load,1\n", false, "", 0, ""},
		{"a duration that is none", "a.md", importertest.With(t, oldMark, "2.646843954s", "long"), true, "", 0, "no duration"},
		{"a cell too few in Markdown", "a.md", importertest.With(t, oldMark, "| 124 | 30.006458ms", "| 124"), true, "", 0, "5 cells, want 6"},
		{"prose", "a.md", "# Results\n\n" + oldMark, false, "", 0, ""},
		{"Go benchmarks", "a.txt", "BenchmarkX-8 100 5 ns/op\n", false, "", 0, ""},
		{"Go benchmarks beside it", "a.txt", oldText + "BenchmarkX-8 100 5 ns/op\n", false, "", 0, ""},
		{"errors between the lines", "a.txt", oldText + "ERROR: Couldn't chat with model 'm': EOF\n" + oldText, true, "", 2, ""},
		{"a context that is a word", "a.txt", importertest.With(t, newText, "NumCtx: 4096", "NumCtx: all"), true, "", 0, "NumCtx"},
		{"a name with slashes", "a.txt", strings.ReplaceAll(oldText, "gpt-oss:20b", "hf.co/a/b:Q4_K_M"), true, "", 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(c.file, c.text)
			if (got != nil || err != nil) != c.claimed || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
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
			if kept != c.kept || (c.skip == "") != (skips == "") || !strings.Contains(skips, c.skip) {
				t.Errorf("kept %d, want %d; skipped %q, want %q", kept, c.kept, skips, c.skip)
			}
		})
	}
}

func TestZeroIsNoMeasurement(t *testing.T) {
	one := func(text string) importer.Row {
		t.Helper()
		c, err := read("a.csv", text)
		if err != nil || len(c.Rows) != 1 || c.Rows[0].Sample == nil {
			t.Fatalf("%+v, %v", c, err)
		}
		return c.Rows[0]
	}
	for _, r := range one(importertest.With(t, newCSV, "ttft,1,45123000", "ttft,1,0")).Readings {
		if told := r.Series != "ollama-bench.ttft"; r.Value.OK() != told || (r.Reason == "") != told {
			t.Errorf("%s is %v, %q", r.Series, r.Value, r.Reason)
		}
	}
	s := one(importertest.With(t, newCSV, "generate,100,19531.25,51200.00", "generate,0,0.00,0.00")).Sample
	if s.Outcome != sample.Degenerate || s.Failure.Class != sample.ClassNoTokens || s.Times.Eval.OK() {
		t.Errorf("an answer without a token is %+v", s)
	}
	s = one(importertest.With(t, newCSV, "prefill,64,78125.00,12800.00", "prefill,0,0.00,0.00")).Sample
	if s.Tokens.Prompt.OK() || s.Times.PromptEval.OK() || s.Outcome != sample.OK {
		t.Errorf("a prompt that Ollama did not count is %+v", s)
	}
	s = one(importertest.With(t, newCSV, "generate,100,19531.25", "generate,1,19531.25")).Sample
	if s.Times.Eval.OK() || s.Times.EvalSteps.OK() || s.Outcome != sample.OK {
		t.Errorf("one token takes no steps: %+v", s.Times)
	}
	c, err := read("a.txt", importertest.With(t, newText, "1 19531.25 ns/token 51200.00 token/sec", "1 0 ns/token 0 token/sec"))
	if err != nil || c.Rows[0].Sample.Outcome != sample.Degenerate {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = read("a.md", importertest.With(t, oldMark, "| 200 | 2.646843954s | 13234219.77 | 75.56 |", "| 0 | 0s | NaN | NaN |"))
	if err != nil || c.Rows[0].Sample.Outcome != sample.Degenerate {
		t.Errorf("%+v, %v", c, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("a.txt", []byte(oldText))
	f.Add("a.txt", []byte(newText))
	f.Add("a.csv", []byte(newCSV))
	f.Add("a.md", []byte(oldMark))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		c, err := ollamabench.Format().Read(&importer.Source{Path: name, Bytes: b})
		importertest.Check(t, c, err)
	})
}
