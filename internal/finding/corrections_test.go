package finding_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"chimera/internal/finding"
)

// A figure is one line of a table of corrections.
type figure struct {
	printed, given, instead number
	word, why               string
}

type number struct {
	v  float64
	ok bool
}

// figuresOf reads the tables of corrections about one role of one file.
func figuresOf(t *testing.T, a *finding.Analysis, file, role string) map[string]figure {
	t.Helper()
	found := slices.DeleteFunc(told(a, finding.Corrections, "file", file), func(f finding.Finding) bool { return f.Scope["role"] != role })
	if len(found) != 1 {
		t.Fatalf("%d corrections of %s in %s", len(found), role, file)
	}
	out := map[string]figure{}
	for _, tab := range found[0].Tables {
		for _, r := range tab.Rows {
			value := func(i int) number {
				f, _ := a.Fact(r.Cells[i].Fact)
				v, ok := f.Value.Get()
				return number{v, ok}
			}
			out[r.Names[0]] = figure{printed: value(0), given: value(1), instead: value(5), word: r.Cells[4].Word, why: r.Note}
		}
	}
	return out
}

// stageCell finds a cell of a table about an agent's stages by its row and head.
func stageCell(t *testing.T, a *finding.Analysis, file, role, table, name, head string) number {
	t.Helper()
	found := told(a, finding.Stages, "file", file, "role", role)
	if len(found) != 1 {
		t.Fatalf("%d findings about %s in %s", len(found), role, file)
	}
	tab := tableOf(t, found[0], table)
	at := slices.IndexFunc(tab.Columns, func(c finding.Column) bool { return c.Head == head })
	for _, r := range tab.Rows {
		if at >= 0 && r.Names[0] == name {
			f, _ := a.Fact(r.Cells[at].Fact)
			v, ok := f.Value.Get()
			return number{v, ok}
		}
	}
	return number{}
}

// The three reports of agents, derived anew from their records: each of the 73
// figures that the program itself printed in them comes out, at the decimals
// that it has there, with a word on whether it holds.
func TestEveryFigureOfTheThreeAgentReportsComesOut(t *testing.T) {
	a := legacyAnalysis(t, agentDir)
	document := map[string][3]string{ // file, role, run of the printed times
		"001": {"test001", "insight", "3"}, "002": {"rust_single", "baseline", "3"}, "004": {"async-std", "collector", "1"}}
	aggregate := map[string]struct {
		figure string
		scale  float64
	}{"tps": {"average token rate", 1}, "ttft": {"average time to first token", 1e3}, "total_duration_ms": {"time of all calls", 1e3}, "tokens_generated": {"output tokens of all calls", 1},
		"prompt_eval_duration_ms": {"prompt time of all calls", 1e3}, "eval_duration_ms": {"decoding time of all calls", 1e3}, "load_duration_ms": {"load time of all calls", 1e3},
		"tps_std": {"scatter of the token rate", 1}, "ttft_std": {"scatter of the time to first token", 1e3}, "cv_tps": {"variation of the token rate", 100}, "cv_ttft": {"variation of the time to first token", 100}}
	heads := map[string]struct {
		head  string
		scale float64
	}{"total_seconds": {"total time", 1}, "ingest_seconds": {"ingest time", 1}, "analysis_seconds": {"analysis time", 1}, "report_seconds": {"report time", 1},
		"files": {"files analyzed", 1}, "files.csv": {"files csv", 1}, "files.json": {"files json", 1}, "files.markdown": {"files markdown", 1},
		"ttft_ms": {"client ttft", 1e3}, "throughput_tokens_per_sec": {"token rate by the runtime's clock", 1}, "tokens_generated": {"output", 1}, "total_duration_ms": {"client duration", 1e3}}
	count := 0
	for _, e := range agentFigures(t) {
		doc, name, _ := strings.Cut(e.ID, ".")
		at := document[doc]
		var got number
		scale, remark := 1.0, ""
		call, field, isCall := strings.Cut(strings.TrimPrefix(name, "call"), ".")
		switch {
		case strings.HasPrefix(name, "call") && isCall:
			got, scale = stageCell(t, a, at[0], at[1], "calls", call, heads[field].head), heads[field].scale
		case aggregate[name].figure != "":
			f := figuresOf(t, a, at[0], at[1])[aggregate[name].figure]
			got, scale, remark = f.given, aggregate[name].scale, f.word
			if f.printed != f.given && math.Abs(f.printed.v-f.given.v) > 1e-9*math.Abs(f.given.v) {
				t.Errorf("%s: printed %v, the rows give %v", e.ID, f.printed, f.given)
			}
			if remark == "" || remark != "holds" && f.why == "" {
				t.Errorf("%s: %q without a reason", e.ID, remark)
			}
		default:
			got, scale = stageCell(t, a, at[0], at[1], "workflows", at[2], heads[name].head), heads[name].scale
		}
		count++
		if text := strconv.FormatFloat(got.v*scale, 'f', e.Decimals, 64); !got.ok || text != e.Printed {
			t.Errorf("%s: %s comes out as %s", e.ID, e.Printed, text)
		}
	}
	if count != 73 {
		t.Errorf("%d figures, want 73", count)
	}
}

type expectedFigure struct {
	ID       string          `json:"id"`
	Where    string          `json:"where"`
	Printed  string          `json:"seed_printed"`
	Raw      json.RawMessage `json:"decimals"`
	Decimals int             `json:"-"`
}

// agentFigures are the figures that programs, not models, printed in the three
// reports.
func agentFigures(t *testing.T) (out []expectedFigure) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "legacy", "expected.json"))
	if err != nil {
		t.Fatal(err) // legacyAnalysis has found its folder
	}
	var all struct{ Entries []expectedFigure }
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	for _, e := range all.Entries {
		if doc, _, _ := strings.Cut(e.ID, "."); !slices.Contains([]string{"001", "002", "004"}, doc) || strings.HasPrefix(e.Where, "LLM-written") {
			continue
		}
		if n, err := strconv.Atoi(string(e.Raw)); err == nil {
			e.Decimals = n
		}
		out = append(out, e)
	}
	return out
}

// What was printed and does not stand is corrected, with its reason and with
// what stands instead.
func TestWrongFiguresOfAgentsAreCorrected(t *testing.T) {
	a := legacyAnalysis(t, agentDir)
	for _, c := range []struct {
		file, role, figure      string
		printed, given, instead float64 // NaN: none
		word, why               string
	}{
		{"rust_single", "chimera", "average token rate", 96.68708, 116.02450, math.NaN(), "corrected", "(cut) was counted as an answer"},
		{"rust_single", "chimera by baseline", "gain in token rate", -0.1590939, 0.009087351, math.NaN(), "corrected", "(cut)"},
		{"rust_single", "baseline", "average token rate", 114.9796, 114.9796, math.NaN(), "holds, but", "no repeats of each other"},
		{"rust_single", "baseline", "scatter of the token rate", 2.541133, 2.541133, 0.2199116, "holds, but", "no repeats of each other"},
		{"rust_single", "baseline", "average time to first token", 1.310194, 1.310194, 0.5945546, "holds, but", "cold calls"},
		{"rust_single", "baseline", "scatter of the time to first token", 1.753962, 1.753962, 0.06652972, "holds, but", "cold calls"},
		{"test001", "the agents at once", "speedup", 1.975603, 1.975603, 0.7924228, "holds, but", "side by side"},
		{"test001", "the agents at once", "efficiency", 0.9878016, 0.9878016, 0.7924228, "holds, but", "side by side"},
		{"test001", "the agents at once", "time one after the other", 116.8874, 116.8874, math.NaN(), "holds, but", "nothing ran alone"},
		{"test001", "insight", "average token rate", 40.19159, 40.19159, math.NaN(), "holds", ""},
		{"async-std", "the agents at once", "speedup", 0.9998988, 0.9998988, 0.9732642, "holds, but", "side by side"},
		{"async-std", "insight", "average token rate", 111.0600, 109.8036, math.NaN(), "corrected", "far shorter than its like"},
		{"async-std", "insight", "output tokens of all calls", 1025, 1025, math.NaN(), "holds", ""},
	} {
		f, ok := figuresOf(t, a, c.file, c.role)[c.figure]
		if !ok || f.word != c.word || !strings.Contains(f.why, c.why) {
			t.Errorf("%s, %s, %s: %q, %q", c.file, c.role, c.figure, f.word, f.why)
		}
		for _, x := range []struct {
			what string
			got  number
			want float64
		}{{"printed", f.printed, c.printed}, {"given", f.given, c.given}, {"instead", f.instead, c.instead}} {
			if x.got.ok != !math.IsNaN(x.want) || x.got.ok && math.Abs(x.got.v-x.want) > 1e-6*math.Abs(x.want) {
				t.Errorf("%s, %s, %s: %s %v, want %v", c.file, c.role, c.figure, x.what, x.got, x.want)
			}
		}
	}
	// What was said of contention stands on nothing; a sweep kept no calls.
	pair := told(a, finding.Corrections, "file", "test001", "role", "the agents at once")[0]
	if text := pair.Notes[len(pair.Notes)-1].Print(a.Fact); !strings.Contains(text, "contention was detected: false") || !strings.Contains(text, "nobody can know") {
		t.Errorf("contention: %s", text)
	}
	if f := told(a, finding.Corrections, "file", "python_sweep"); len(f) != 2 || f[0].Verdict != finding.NotMeasured {
		t.Errorf("figures without calls: %d findings", len(f))
	}
}
