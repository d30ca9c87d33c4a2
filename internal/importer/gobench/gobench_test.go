package gobench_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"chimera/internal/importer"
	"chimera/internal/importer/gobench"
	"chimera/internal/importer/importertest"
	"chimera/internal/sample"
	"chimera/internal/unit"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/perf/benchfmt"
	"pgregory.net/rapid"
)

const text = `goos: linux
goarch: amd64
pkg: example.org/quant
BenchmarkDot/type=q4_0/n=4096-8         	  598842	        1995 ns/op	8211.5 MB/s	       0 B/op	       0 allocs/op
BenchmarkDot/type=q8_0/n=4096-8         	  812345	      1477 ns/op
pkg: example.org/engine
BenchmarkDecode/fast 	1	 12.5 tok/s 0.25 ratio 3 widgets
BenchmarkBaseline/subject=270m/prompt=a:b-2 1 100345000 ns/ttft 3520000 ns/token/tpot 284.1 token/s/decode_rate 64 token/output_tokens
PASS
ok  	example.org/engine	1.2s
`

func read(name, text string) (*importer.Content, error) {
	return gobench.Format().Read(&importer.Source{Path: name, Bytes: []byte(text)})
}

func TestEveryMeasurementIsAReading(t *testing.T) {
	c, err := read("out.txt", text)
	if err != nil || c == nil {
		t.Fatalf("%+v, %v", c, err)
	}
	var got []string
	for _, row := range c.Rows {
		for _, r := range row.Readings {
			got = append(got, fmt.Sprintf("%d %s = %v %q", row.Number, r.Series, r.Value.Or(math.NaN()), r.Unit))
		}
	}
	want := []string{
		`1 gobench.Dot.sec/op = 1.995e-06 "s"`, `1 gobench.Dot.B/s = 8.2115e+09 "B/s"`, `1 gobench.Dot.B/op = 0 "B"`, `1 gobench.Dot.allocs/op = 0 ""`, `1 gobench.Dot.iterations = 598842 ""`,
		`2 gobench.Dot.sec/op = 1.477e-06 "s"`, `2 gobench.Dot.iterations = 812345 ""`,
		`3 gobench.Decode.tok/s = 12.5 "tok/s"`, `3 gobench.Decode.ratio = 0.25 "ratio"`, `3 gobench.Decode.widgets = 3 "widgets"`, `3 gobench.Decode.iterations = 1 ""`,
		`4 gobench.Baseline.sec/ttft = 0.100345 "s"`, `4 gobench.Baseline.sec/token/tpot = 0.00352 "s/token"`,
		`4 gobench.Baseline.token/s/decode_rate = 284.1 "token/s"`, `4 gobench.Baseline.token/output_tokens = 64 "token"`, `4 gobench.Baseline.iterations = 1 ""`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestParametersAndConfigurationAreLabels(t *testing.T) {
	c, err := read("out.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]string{
		{"name": "Dot/type=q4_0/n=4096-8", "type": "q4_0", "n": "4096", "gomaxprocs": "8", "goos": "linux", "goarch": "amd64", "pkg": "example.org/quant", "field_unit": "ns/op"},
		{"name": "Dot/type=q8_0/n=4096-8", "type": "q8_0", "n": "4096", "gomaxprocs": "8", "goos": "linux", "goarch": "amd64", "pkg": "example.org/quant", "field_unit": "ns/op"},
		{"name": "Decode/fast", "/1": "fast", "goos": "linux", "goarch": "amd64", "pkg": "example.org/engine"},
		{"name": "Baseline/subject=270m/prompt=a:b-2", "subject": "270m", "prompt": "a:b", "gomaxprocs": "2", "goos": "linux", "goarch": "amd64", "pkg": "example.org/engine", "field_unit": "ns/ttft"},
	} {
		if d := cmp.Diff(want, c.Rows[i].Readings[0].Labels); d != "" {
			t.Errorf("row %d: %s", i+1, d)
		}
	}
}

func TestVariants(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		claimed          bool
		kept             int
		skip             string
	}{
		{"nothing", "a.txt", "", false, 0, ""},
		{"words", "a.txt", "Benchmarks are fun\n", false, 0, ""},
		{"names only, as -v prints them", "a.txt", "BenchmarkA\nBenchmarkB\n", false, 0, ""},
		{"in a document", "a.md", text, false, 0, ""},
		{"in a program", "a.go", text, false, 0, ""},
		{"of Ollama's bench", "a.txt", "BenchmarkModel/name=m/step=load 1 15 ns/op\nBenchmarkModel/name=m/step=total 1 25 ns/op\n", false, 0, ""},
		{"beside Ollama's bench", "a.txt", "BenchmarkModel/name=m/step=load 1 15 ns/op\nBenchmarkX 1 25 ns/op\n", true, 2, ""},
		{"a value that is a word", "a.txt", "BenchmarkA 1 5 ns/op\nBenchmarkB 1 fast ns/op\n", true, 1, "line 2: parsing measurement"},
		{"no unit", "a.txt", "BenchmarkA 1 5 ns/op\nBenchmarkB 1 5\n", true, 1, "line 2: missing units"},
		{"no measurement", "a.txt", "BenchmarkA 1 5 ns/op\nBenchmarkB 1\n", true, 1, "line 2: missing measurements"},
		{"iterations that are a word", "a.txt", "BenchmarkA 1 5 ns/op\nBenchmarkB x 5 ns/op\n", true, 1, "line 2: parsing iteration count"},
		{"huge iterations", "a.txt", "BenchmarkA 99999999999999999999 5 ns/op\n", true, 0, "parsing iteration count"},
		{"cut short", "a.txt", "BenchmarkA 1 5 ns/op\nBenchm", true, 1, ""},
		{"units of metadata", "a.txt", "Unit ns/op better=lower\nBenchmarkA 1 5 ns/op\n", true, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(c.file, c.text)
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
			if kept != c.kept || (c.skip == "") != (skips == "") || !strings.Contains(skips, c.skip) {
				t.Errorf("kept %d, want %d; skipped %q, want %q", kept, c.kept, skips, c.skip)
			}
		})
	}
}

func TestNoNumberIsAbsentWithItsReason(t *testing.T) {
	c, err := read("a.txt", "BenchmarkA 1 NaN ns/op 5 B/op\n")
	if err != nil || c == nil {
		t.Fatalf("%+v, %v", c, err)
	}
	if r := c.Rows[0].Readings[0]; r.Value.OK() || r.Reason == "" || !c.Rows[0].Failed() {
		t.Errorf("%+v", r)
	}
	if r := c.Rows[0].Readings[1]; r.Value != sample.Some(5.0) {
		t.Errorf("%+v", r)
	}
}

func TestALongLineEndsTheFile(t *testing.T) {
	c, err := read("a.txt", "BenchmarkA 1 5 ns/op\nBenchmarkB 1 "+strings.Repeat("5 ns/op ", 1<<20)+"\n")
	if err != nil || len(c.Rows) < 1 || c.Reason == "" {
		t.Errorf("%d rows, %q, %v", len(c.Rows), c.Reason, err)
	}
}

// Whatever benchfmt writes is read back with its values.
func TestWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Z][a-z]{0,8}(/[a-z]{1,4}=[a-z0-9]{1,4}){0,3}`).Draw(t, "name")
		ns := rapid.Float64Range(1e-3, 1e12).Draw(t, "ns")
		var out bytes.Buffer
		w := benchfmt.NewWriter(&out)
		err := w.Write(&benchfmt.Result{Name: benchfmt.Name(name), Iters: 1, Values: []benchfmt.Value{{Value: ns / 1e9, Unit: "sec/op", OrigValue: ns, OrigUnit: "ns/op"}}})
		if err != nil {
			t.Fatal(err)
		}
		c, err := read("a.txt", out.String())
		if err != nil || c == nil || len(c.Rows) != 1 {
			t.Fatalf("%q: %+v, %v", out.String(), c, err)
		}
		r := c.Rows[0].Readings[0]
		if got := r.Value.Or(0); math.Abs(got-ns/1e9) > 1e-12*ns/1e9 || r.Unit != unit.Second || r.Labels["name"] != name {
			t.Fatalf("%q became %v %+v", out.String(), got, r.Labels)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(text))
	f.Add([]byte("Unit ns/op better=lower\nBenchmarkA-8 1 NaN x/y\nBenchmark/=/ 1 5 ns"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := gobench.Format().Read(&importer.Source{Path: "x.txt", Bytes: b})
		importertest.Check(t, c, err)
	})
}
