package export_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/export"
	"chimera/internal/fault"
	"chimera/internal/golden"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/unit"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"golang.org/x/perf/benchfmt"
)

var run = store.Run{
	Status: store.Complete,
	Seals:  []store.Seal{{Status: store.Complete, Digest: "d1"}},
	Manifest: sample.Manifest{Run: "r1", Name: "variants", Tool: sample.Build{Version: "1.0.0"},
		Host: sample.Host{OS: "linux", Arch: "amd64", CPU: "Some\nCPU @ 2 GHz", Cores: 2}},
}

// rows hold one of each: answered, failed, superseded, cold, simulated with
// hostile text.
func rows() []*sample.Sample {
	base := func(order int, outcome sample.Outcome) *sample.Sample {
		ms := func(n int) sample.Opt[time.Duration] {
			return sample.Some(time.Duration(order*1000+n) * time.Millisecond)
		}
		s := &sample.Sample{Schema: 1, Run: "r1", Trial: "sweep/b0/000" + string(rune('0'+order)), Experiment: "sweep", Subject: "270m",
			Target: "box", Workload: "banter", Prompt: "banter/loot", PromptSHA256: "aa", Config: map[string]any{"num_ctx": 1024.0, "flash": true},
			Order: order, Phase: sample.Measure, Provenance: sample.Measured, Final: true}
		s.Outcome = outcome
		s.T.Sched, s.T.Send, s.T.End = ms(0), ms(0), ms(31)
		if outcome == sample.OK {
			s.T.Headers, s.T.First, s.T.Last = ms(2), ms(10), ms(30)
			s.Chunks = []sample.Chunk{{At: ms(10).Or(0), Chars: 3, Kind: sample.Content}, {At: ms(30).Or(0), Chars: 4, Kind: sample.Content}}
			s.Tokens = sample.Tokens{Prompt: sample.Some(12), Cached: sample.Some(0), Output: sample.Some(2), Source: sample.FromServer}
			s.Times = sample.ServerTimes{Eval: sample.Some(20 * time.Millisecond), EvalSteps: sample.Some(1)}
			s.Effective = map[string]any{"num_ctx": 1024.0}
			s.Server = []byte(`{"eval_count":2}`)
			s.SetText("Hi <b> & \"you\"\nbye")
		} else {
			s.Failure = &sample.Failure{Class: sample.ClassHTTP, Message: "503 busy", Status: sample.Some(503), RetryAfter: sample.Some(time.Second)}
		}
		return s
	}
	failed, old, cold, fake := base(1, sample.Error), base(2, sample.OK), base(3, sample.OK), base(4, sample.OK)
	failed.Final = false
	cold.ConstraintSHA256 = "bb"
	old.Superseded = true
	cold.Phase, cold.Planned = sample.Cold, sample.Some(sample.Measure)
	fake.Provenance, fake.Synthetic, fake.Session, fake.Notes = sample.Simulated, true, 1, []string{"a", "b"}
	fake.SetText("=HYPERLINK(\"http://x\")")
	return []*sample.Sample{base(0, sample.OK), failed, old, cold, fake}
}

// metrics stand for the registry's.
func metrics() []export.Metric {
	return []export.Metric{
		{ID: "ttft", Unit: unit.Second, Better: "lower", Of: func(s *sample.Sample) (float64, bool) {
			d, ok := sample.Sub(s.T.First, s.T.Send).Get()
			return d.Seconds(), ok
		}},
		{ID: "decode_rate", Unit: unit.TokenPerSecond, Better: "higher", Of: func(s *sample.Sample) (float64, bool) {
			d, ok := sample.Sub(s.T.Last, s.T.First).Get()
			return 1 / d.Seconds(), ok
		}},
		{ID: "undefined", Of: func(*sample.Sample) (float64, bool) { return math.NaN(), false }},
	}
}

func options() export.Options {
	return export.Options{Metrics: metrics(), Factors: []export.Factor{{Name: "flash", Type: export.Bool}, {Name: "kv_type", Type: export.Text}, {Name: "num_ctx", Type: export.Number}}}
}

func seq(rows []*sample.Sample) iter.Seq2[*sample.Sample, error] {
	return func(yield func(*sample.Sample, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func write(t *testing.T, f export.Format, o export.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, f, run, seq(rows()), o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	bare := options()
	bare.NoText, bare.Rows = true, export.Live
	all := options()
	all.Rows = export.All
	for _, c := range []struct {
		file   string
		format export.Format
		o      export.Options
	}{
		{"default.jsonl", export.JSONL, options()},
		{"live-no-text.jsonl", export.JSONL, bare},
		{"default.csv", export.CSV, options()},
		{"all.csv", export.CSV, all},
		{"live-no-text.csv", export.CSV, bare},
		{"default.bench", export.GoBench, options()},
	} {
		t.Run(c.file, func(t *testing.T) {
			golden.Equal(t, c.file, write(t, c.format, c.o))
		})
	}
}

// What is exported as JSON lines reads back as it was.
func TestJSONLReadsBack(t *testing.T) {
	var again []*sample.Sample
	if err := sample.Read(bytes.NewReader(write(t, export.JSONL, export.Options{})), func(s *sample.Sample) error {
		again = append(again, s)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := export.Write(&b, export.JSONL, run, seq(again), export.Options{}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(write(t, export.JSONL, export.Options{})), b.String()); d != "" || len(again) != 5 {
		t.Error(len(again), d)
	}
}

// Law 1 in tables: absent is an empty cell and a null, a real zero is a 0, and
// CSV and Parquet agree in every cell.
func TestTablesAgreeAndAbsentIsNotZero(t *testing.T) {
	o := options()
	o.Rows = export.All
	records, err := csv.NewReader(bytes.NewReader(write(t, export.CSV, o))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	names, values := readParquet(t, write(t, export.Parquet, o))
	if d := cmp.Diff(records[0], names); d != "" {
		t.Fatal(d)
	}
	if len(values) != 5 || len(records) != 6 {
		t.Fatalf("%d and %d rows, want 5", len(values), len(records)-1)
	}
	for r, row := range values {
		for c, v := range row {
			cell := records[r+1][c]
			if v.Kind() == parquet.ByteArray {
				cell = export.Unguard(cell)
			}
			if v.IsNull() != (cell == "") || !v.IsNull() && v.String() != cell {
				t.Errorf("row %d, %s: CSV has %q, Parquet %v", r, names[c], cell, v)
			}
		}
	}
	at := func(row int, name string) string { return records[row+1][slices.Index(names, name)] }
	for _, c := range []struct {
		row        int
		name, want string
	}{
		{0, "t_sched_ns", "0"}, {0, "cached_tokens", "0"}, {1, "cached_tokens", ""}, {1, "t_first_ns", ""}, {1, "ttft_s", ""},
		{1, "error_status", "503"}, {0, "error_status", ""}, {0, "ttft_s", "0.01"}, {0, "decode_rate_token_per_s", "50"},
		{0, "undefined", ""}, {0, "config.flash", "true"}, {0, "config.kv_type", ""}, {0, "config.num_ctx", "1024"},
		{1, "effective", ""}, {2, "superseded", "true"}, {3, "planned_phase", "measure"}, {4, "text", `'=HYPERLINK("http://x")`},
	} {
		if got := at(c.row, c.name); got != c.want {
			t.Errorf("row %d, %s is %q, want %q", c.row, c.name, got, c.want)
		}
	}
}

func readParquet(t *testing.T, b []byte) (names []string, rows []parquet.Row) {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if id, _ := f.Lookup("chimera.run"); id != "r1" {
		t.Errorf("the file's run is %q", id)
	}
	for _, field := range f.Schema().Fields() {
		if !field.Optional() {
			t.Errorf("column %s cannot be null", field.Name())
		}
		names = append(names, field.Name())
	}
	for _, g := range f.RowGroups() {
		reader := g.Rows()
		buffer := make([]parquet.Row, 10)
		n, err := reader.ReadRows(buffer)
		for _, r := range buffer[:n] {
			rows = append(rows, r.Clone())
		}
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
		if n == 0 && err != nil {
			t.Fatal(err)
		}
	}
	return names, rows
}

// benchstat's own reader reads the Go benchmark format: only warm answered
// rows, in base units, invented and synthetic ones under their own name.
func TestGoBenchIsReadByBenchfmt(t *testing.T) {
	reader := benchfmt.NewReader(bytes.NewReader(write(t, export.GoBench, options())), "test")
	var got []string
	for reader.Scan() {
		switch r := reader.Result().(type) {
		case *benchfmt.Result:
			ttft, ok := r.Value("sec/ttft")
			if !ok || math.Abs(ttft-0.01) > 1e-12 {
				t.Errorf("%s: ttft %v, %t", r.Name, ttft, ok)
			}
			if rate, ok := r.Value("token/s/decode_rate"); !ok || rate != 50 {
				t.Errorf("%s: decode rate %v, %t", r.Name, rate, ok)
			}
			if r.GetConfig("run") != "r1" || r.GetConfig("cpu") != "Some CPU @ 2 GHz" {
				t.Errorf("configuration: %v", r.Config)
			}
			got = append(got, r.Name.String())
		case *benchfmt.UnitMetadata:
			got = append(got, r.Unit+" "+r.Key+"="+r.Value)
		case *benchfmt.SyntaxError:
			t.Error(r)
		}
	}
	want := []string{"sec/ttft better=lower", "token/s/decode_rate better=higher",
		"Sweep/subject=270m/prompt=banter:loot/flash=true/num_ctx=1024-2",
		"Sweep/subject=270m/prompt=banter:loot/flash=true/num_ctx=1024/provenance=simulated/synthetic=true-2"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Law 11: equal rows give equal bytes.
func TestExportsAreDeterministic(t *testing.T) {
	for _, f := range export.Formats {
		if !bytes.Equal(write(t, f, options()), write(t, f, options())) {
			t.Errorf("two exports as %s differ", f)
		}
	}
}

// Rows are streamed: the writer has seen bytes long before the last row.
func TestExportsStream(t *testing.T) {
	for _, f := range export.Formats {
		var out bytes.Buffer
		const n = 9000
		first := -1
		row := rows()[0]
		err := export.Write(&out, f, run, func(yield func(*sample.Sample, error) bool) {
			for i := range n {
				if out.Len() > 0 && first < 0 {
					first = i
				}
				if !yield(row, nil) {
					return
				}
			}
		}, options())
		if err != nil || first < 0 || first > n/2 {
			t.Errorf("%s: the first byte came at row %d of %d, %v", f, first, n, err)
		}
	}
}

func TestErrorsEndAnExport(t *testing.T) {
	broken := errors.New("broken")
	for _, f := range export.Formats {
		err := export.Write(&bytes.Buffer{}, f, run, func(yield func(*sample.Sample, error) bool) { yield(nil, broken) }, options())
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "export run r1 as "+string(f)) {
			t.Errorf("%s: an error of the rows gave %v", f, err)
		}
		if err := export.Write(full{}, f, run, seq(rows()), options()); !errors.Is(err, errFull) {
			t.Errorf("%s: an error of the writer gave %v", f, err)
		}
	}
	if err := export.Write(&bytes.Buffer{}, "xml", run, seq(nil), options()); fault.CodeOf(err) != fault.Usage {
		t.Errorf("an unknown format gave %v", err)
	}
	for _, f := range export.Formats {
		if got, err := export.ParseFormat(string(f)); got != f || err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestFactorsOf(t *testing.T) {
	plan := &spec.Plan{Trials: []spec.Trial{
		{Config: map[string]any{"num_ctx": 1024.0, "mixed": 1.0, "kv_type": "f16"}},
		{Config: map[string]any{"num_ctx": 2048.0, "mixed": "auto", "flash": false}},
		{Config: map[string]any{"mixed": 2.0}},
	}}
	want := []export.Factor{{"flash", export.Bool}, {"kv_type", export.Text}, {"mixed", export.Text}, {"num_ctx", export.Number}}
	if d := cmp.Diff(want, export.FactorsOf(plan)); d != "" {
		t.Error(d)
	}
}

func TestColumnName(t *testing.T) {
	for u, want := range map[unit.Unit]string{unit.Second: "x_s", unit.SecondPerToken: "x_s_per_token", unit.PerSecond: "x_per_s",
		unit.None: "x", unit.Celsius: "x_degC", unit.FlopPerSecond: "x_FLOP_per_s"} {
		if got := export.ColumnName("x", u); got != want {
			t.Errorf("%s: %s, want %s", u, got, want)
		}
	}
}

// A cell is never a formula, and the text behind it is not lost. (A CSV reader
// may end lines inside a cell in its own way, so those are left out.)
func FuzzGuard(f *testing.F) {
	for _, s := range []string{"", "=1+1", "'=1", "''", "@x", "-1", "+1", "\tx", "\rx", "a=b", "ü", "a\",\n\"b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cell := export.Guard(text)
		if export.Unguard(cell) != text {
			t.Fatalf("%q became %q", text, export.Unguard(cell))
		}
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			t.Fatalf("%q is a formula", cell)
		}
		if strings.Contains(text, "\r") {
			return
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.Write([]string{cell, "end"}); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if got, err := csv.NewReader(&b).Read(); err != nil || got[0] != cell {
			t.Fatalf("%q was read as %q, %v", cell, got, err)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	all := slices.Repeat(rows(), 200)
	for _, f := range export.Formats {
		b.Run(string(f), func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				var out bytes.Buffer
				if err := export.Write(&out, f, run, seq(all), options()); err != nil {
					b.Fatal(err)
				}
				n += len(all)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
