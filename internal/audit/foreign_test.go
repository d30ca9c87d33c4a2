package audit_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"chimera/internal/audit"
	"chimera/internal/stats"
)

// judged is one claim of a report of the earlier lab, drawn at random and
// judged by hand from the raw rows: where it stands, and its verdict.
type judged struct {
	file string // below legacy/workspace/reports
	line int
	text string
	want audit.Verdict
}

const (
	sup = audit.Supported
	mis = audit.Misleading
	con = audit.Contradicted
	unv = audit.Unverifiable
)

// Of the reports, some print what these rows hold, some another run of the same
// settings, some runs that are not here: only the first two can be refuted.
var judgedClaims = []judged{
	// drawn from what an earlier auditor called contradicted
	{"Technical_Report_109.md", 774, "32.0", unv},
	{"Technical_Report_108.md", 467, "102.31 tok/s", unv},
	{"Technical_Report_108.md", 331, "0.131", con},
	{"Technical_Report_108.md", 1360, "0.093s", con},
	{"compilation/compilation_benchmark_lessons_20251002.md", 32, "0.0600", con},
	{"Technical_Report_110.md", 696, "178 tokens", unv},
	{"Technical_Report_108.md", 330, "101.75", con},
	{"gemma3/Gemma3_Benchmark_Report.md", 37, "102.22", con},
	{"Technical_Report_108.md", 328, "0.114", con},
	{"Technical_Report_108.md", 376, "3x", unv},
	{"Technical_Report_108.md", 604, "0.344s", unv},
	{"Technical_Report_109.md", 494, "465 ± 45 ms", unv},
	{"Technical_Report_110.md", 176, "154.8s", unv},
	{"Technical_Report_108.md", 681, "2.5", unv},
	{"Technical_Report_109.md", 230, "256-1024", unv},
	{"Technical_Report_108.md", 1360, "0.088s", con},
	{"Technical_Report_108.md", 644, "78.42 tok/s", mis},
	{"performance_digest.md", 14, "0.308", unv},
	{"Technical_Report_108.md", 655, "0.83x", unv},
	{"Technical_Report_108.md", 379, "60ms", unv},
	{"gemma3/Gemma3_Benchmark_Report.md", 62, "0.121", con},
	{"gemma3/Gemma3_Benchmark_Report.md", 54, "0.142", con},
	{"Technical_Report_108.md", 327, "0.144", con},
	{"Technical_Report_108.md", 570, "303.9 tok/s", mis},
	{"Technical_Report_108.md", 309, "0.122", unv},
	{"gemma3/Gemma3_Benchmark_Report.md", 43, "0.344s", con},
	{"performance_digest.md", 16, "0.308", unv},
	{"compilation/transformer_cuda_triton2508_summary.md", 7, "1.138", con},
	{"Technical_Report_108.md", 681, "187.2", mis},
	{"Technical_Report_108.md", 424, "-0.8%", unv},
	{"Technical_Report_109.md", 21, "- Temperature settings significantly impact agent output", unv},
	{"Technical_Report_108.md", 652, "3.87x", unv},
	{"README.md", 97, "0.165 s", unv},
	{"Technical_Report_110.md", 1013, "1,400ms", unv},
	// drawn from what this one calls contradicted
	{"gemma3/Gemma3_Benchmark_Report.md", 35, "102.34", con},
	{"Technical_Report_108.md", 325, "0.130", con},
	{"gemma3/Gemma3_Benchmark_Report.md", 73, "102.31 tokens/s", con},
	{"compilation/transformer_cuda_triton2508_summary.md", 9, "0.055", con},
	{"Technical_Report_108.md", 332, "0.126", con},
	{"Technical_Report_108.md", 327, "101.89", con},
	{"gemma3/Gemma3_Benchmark_Report.md", 62, "0.108", con},
	{"gemma3/Gemma3_Benchmark_Report.md", 140, "102.03 tokens/second", con},
	{"Technical_Report_108.md", 423, "77.77 tok/s", unv},
	{"Technical_Report_108.md", 327, "0.132", con},
	{"gemma3/Gemma3_Benchmark_Report.md", 59, "101.75", con},
	{"Technical_Report_108.md", 535, "46.57", con},
	{"Technical_Report_108.md", 431, "102.31 tok/s", con},
	{"Technical_Report_108.md", 329, "0.125", con},
	{"Technical_Report_108.md", 532, "102.31", con},
	{"performance_digest.md", 6, "1.138", unv},
	// drawn from what an earlier auditor called supported
	{"gemma3/Gemma3_Benchmark_Report.md", 254, "295.0", sup},
	{"compilation/transformer_cuda_bench_20251002-172126.md", 10, "0.152", sup},
	{"compilation/mlp_bench_20251002-165750.md", 7, "0.285", sup},
	{"Technical_Report_110.md", 619, "12s", unv},
	{"Technical_Report_108.md", 228, "77.93", sup},
	{"compilation/conv_bench_20251002-170837.md", 9, "0.643", sup},
	{"Technical_Report_108.md", 563, "65.18 tok/s", sup},
	{"gemma3/BENCHMARK_COMPLETION_SUMMARY.md", 99, "0.13s", sup},
	{"Technical_Report_108.md", 194, "46.57", sup},
	{"compilation/transformer_cuda_bench_20251002-172126.md", 7, "0.744", sup},
	{"compilation/transformer_bench_20251002-170914.md", 8, "5.114", sup},
	{"compilation/transformer_cuda_torchtrt_20251003-033530.md", 8, "0.544", sup},
	// named by hand: what no row can refute
	{"Technical_Report_110.md", 486, "32,304 ms", unv},
	{"Technical_Report_110.md", 194, "89.1%", unv},
	{"Technical_Report_110.md", 482, "31.7-second", unv},
	{"Technical_Report_110.md", 949, "131,072 tokens", unv},
	{"Technical_Report_110.md", 714, "93%", unv},
}

// Reports that the rules were not written for are judged as by hand, at nearly
// every claim, and hardly anything is called wrong that may be right.
func TestForeignReports(t *testing.T) {
	a := audit.New(ledgerOfLegacy(t))
	root := sharedPath(t, "legacy/workspace/reports")
	reports := map[string]*audit.Report{}
	right, called, truly, missed := 0, 0, 0, 0
	for _, j := range judgedClaims {
		r := reports[j.file]
		if r == nil {
			r = auditFile(t, a, filepath.Join(root, filepath.FromSlash(j.file)))
			reports[j.file] = r
		}
		got := verdictOn(r, j)
		place := fmt.Sprintf("%s:%d %q", j.file, j.line, j.text)
		switch {
		case got == j.want || got == mis && j.want == sup:
			right++
		default:
			t.Logf("%s: %s, by hand %s", place, got, j.want)
		}
		if got == con {
			called++
			if j.want == con {
				truly++
			}
		}
		if j.want == con && got != con {
			missed++
		}
		if got == con && (j.want == sup || j.want == mis) {
			t.Errorf("%s is called wrong, and is right", place)
		}
	}
	p, err := stats.Wilson(truly, called, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d as by hand; of %d called contradicted %d are (95 %%: %.2f to %.2f); %d missed", right, len(judgedClaims), called, truly, p.Lo, p.Hi, missed)
	if right*100 < len(judgedClaims)*95 || truly*100 < called*95 || missed > 1 {
		t.Errorf("%d of %d as by hand, %d of %d called contradicted are, %d missed", right, len(judgedClaims), truly, called, missed)
	}
}

// verdictOn is the verdict on a claim at its place; unverifiable where nothing
// is claimed.
func verdictOn(r *audit.Report, j judged) audit.Verdict {
	for _, c := range r.Claims {
		if c.Line == j.line && (c.Text == j.text || len(j.text) > 20 && strings.HasPrefix(c.Text, j.text)) {
			return c.Verdict
		}
	}
	return audit.Unverifiable
}
