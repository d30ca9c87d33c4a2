package finding_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"chimera/internal/audit"
	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/importer"
	"chimera/internal/importer/legacy"
	"chimera/internal/sample"
)

// wrongOfText are those that only a text claims. No row speaks of them, so that
// nothing is found; what the audit says of the sentences is in claimed.
func wrongOfText() []contradiction {
	return []contradiction{
		{number: 41, wrong: "ttft_s 0.138 is an average, and a time to first test"},
		{number: 42, wrong: "14.106 s, a rate of another program's words"},
		{number: 43, wrong: "42, 35 and 24 files; 44, 44 and 425"},
		{number: 44, wrong: "28 files are of gemma3"},
		{number: 45, wrong: "44 files, or around 10, are of compilation"},
		{number: 46, wrong: "dates that no file has"},
		{number: 48, wrong: "pinned memory gives 25 %, in a file that does not exist"},
		{number: 50, wrong: "it-qat is Int8 quantization-aware training"},
		{number: 52, wrong: "placeholders as results, and debris of tokens"},
	}
}

// A saying is a sentence of a document, found by a part of it, and the verdict
// of the audit on a claim in it.
type saying struct {
	document, near, claim string
	verdict               audit.Verdict
}

const (
	against = audit.Contradicted
	unknown = audit.Unverifiable
	broken  = audit.Malformed
	partly  = audit.Misleading
)

// claimed are the sentences of the documents that make a contradiction.
var claimed = map[int][]saying{
	1:  {{"000", "delivers highest throughput", "delivers highest throughput", against}, {"000", "delivers highest throughput", "102.85 tok/s", against}},
	2:  {{"000", "across all variants", "15-20%", against}},
	3:  {{"000", "remains critical for all", "remains critical for all", against}},
	4:  {{"000", "num_gpu): 60, 80, 120", "120", against}},
	5:  {{"000", "significantly impact TTFT", "significantly impact TTFT", against}},
	6:  {{"000", "Best TTFT: 1b-it-qat", "Best TTFT: 1b-it-qat", against}},
	9:  {{"000", "stability is highest for latest", "stability is highest for latest", against}},
	10: {{"000", "consistent performance across different prompts", "consistent performance across different prompts", against}},
	11: {{"000", "latest           8000", "8000", against}, {"000", "270m            500", "500", against}, {"000", "1b-it-qat           2000", "2000", against}, {"000", "Full-precision", "Full-precision", unknown}},
	12: {{"000", "567.12 tok/s/MB", "567.12 tok/s/MB", broken}},
	14: {{"000", "108 parameter combinations", "108 parameter combinations", partly}},
	18: {{"000", "12+ Visualizations", "12+ Visualizations", unknown}},
	19: {{"003", "ALL REAL DATA", "ALL REAL DATA", against}},
	20: {{"003", "8.7x", "8.7x", against}},
	21: {{"003", "15x speedup", "15x", partly}},
	22: {{"003", "120x+", "120x+", against}},
	23: {{"003", "INT8 quantization maintains", "INT8 quantization maintains", against}},
	24: {{"003", "FP8 provides minimal", "FP8 provides minimal", against}},
	25: {{"003", "requiring careful tuning", "QAT shows significant", against}},
	26: {{"003", "3789 bytes", "-36.2%", against}},
	27: {{"003", "99.185ms", "99.185ms", unknown}, {"003", "81.288ms", "81.288ms", unknown}, {"003", "58.972ms", "58.972ms", unknown}, {"003", "50.090ms", "50.090ms", unknown}},
	28: {{"003", "50.0ms overhead", "50.0ms", unknown}, {"003", "200.0ms overhead", "200.0ms", unknown}, {"003", "500.0ms overhead", "500.0ms", unknown}},
	29: {{"003", "transformer: 0.00 ms", "0.00 ms", broken}},
	31: {{"003", "acceleration for large matrices", "acceleration for large matrices", unknown}},
	32: {{"003", "ONNX Runtime delivers", "ONNX Runtime delivers", against}},
	33: {{"003", "Triton shows promise", "Triton shows promise", unknown}},
	35: {{"003", "15+ Visualizations", "15+ Visualizations", unknown}},
	39: {{"001", "`p95_latency`", "15.584 s", unknown}, {"001", "`p95_latency`", "| `p95_latency`", broken}, {"001", "experienced by 95%", "experienced by 95%", against}},
	40: {{"001", "`mean_tokens_s`", "187.175 s", broken}},
	41: {{"001", "`ttft_s` (Time to First Test) |", "0.138 s", unknown}, {"001", "*  `ttft_s`", "Time to First Test", against}},
	42: {{"001", "`mean_tokens_per_second`", "14.106 s", broken}, {"001", "Average token throughput", "14.106 tokens per second", against}},
	43: {{"001", "* CSV", "42 files", against}, {"001", "* JSON", "35 files", against}, {"001", "* Markdown", "24 files", against},
		{"002", "* CSV (44)", "44", against}, {"002", "* Markdown (425)", "425", against}},
	44: {{"001", "accounts for 28 of the 101 files", "28", against}, {"002", "The largest portion of the dataset", "28 files", against}},
	45: {{"002", "involves compilation benchmarks", "44 files", against}, {"001", "around 10 files", "10 files", against}},
	46: {{"002", "October 26, 2023", "October 26, 2023", against}, {"001", "November 15th, 2025", "November 15th, 2025", unknown},
		{"002", "late-November", "late-November", against}, {"004", "mid-October", "mid-October", against}},
	47: {{"004", "mid-October", "13.12 tokens per second", against}, {"004", "mid-October", "19.78 tokens per second", against}},
	48: {{"004", "'pinned'", "conv_cuda_bench_memory_allocation_test.json", against}, {"004", "'pinned'", "25%", unknown}},
	49: {{"004", "by a factor of 2", "18%", unknown}},
	50: {{"004", "Int8 Quantization Aware", "Int8 Quantization Aware", against}},
	51: {{"004", "larger models can achieve higher", "larger models can achieve higher", unknown}},
	52: {{"002", "Inference Latency", "12.5", unknown}, {"002", "QPS", "800", unknown}, {"002", "Peak Memory Usage", "256 MB", unknown}, {"002", "Compilation Time", "30", unknown},
		{"002", "<unused3979>", "<unused3979>", broken}, {"002", "<unused3979>", "مليار", broken}, {"004", "irradiated by", "here’s a structured", broken}},
	55: {{"002", "Execution time: 22.73s", "22.73s", unknown}},
}

// fits reports a verdict at least as hard as the one that is wanted: the audit
// may come to refute what it abstained from, and call broken what it refuted.
func (s saying) fits(v audit.Verdict) bool {
	switch s.verdict {
	case unknown:
		return v == unknown || v == against || v == broken
	case against, broken:
		return v == against || v == broken
	}
	return v == s.verdict
}

// judged wants the verdict on each claim of that wording in the sentence; where
// there is none, on those that hold the words.
func (s saying) judged(t *testing.T) error {
	t.Helper()
	var exact, holding []audit.Claim
	for _, c := range auditOf(t, s.document).Claims {
		switch {
		case !strings.Contains(c.Sentence, s.near):
		case c.Text == s.claim:
			exact = append(exact, c)
		case strings.Contains(c.Text, s.claim):
			holding = append(holding, c)
		}
	}
	if len(exact) == 0 {
		exact = holding
	}
	for _, c := range exact {
		if !s.fits(c.Verdict) {
			return fmt.Errorf("the audit finds %q %s, want %s: %s", c.Text, c.Verdict, s.verdict, c.Why)
		}
	}
	if len(exact) == 0 {
		return fmt.Errorf("the audit of %s judges no %q near %q", s.document, s.claim, s.near)
	}
	return nil
}

var audited = map[string]*audit.Report{}

// auditOf audits one of the five documents by all rows of the earlier lab.
func auditOf(t *testing.T, document string) *audit.Report {
	t.Helper()
	if r, ok := audited[document]; ok {
		return r
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "legacy", "source", document+"-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d documents %s, %v", len(files), document, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	d, err := claim.Parse(filepath.Base(files[0]), b)
	if err != nil {
		t.Fatal(err)
	}
	legacyImport(t, sweepDir) // says so where the data are not there
	l, err := wholeLedger()
	if err != nil {
		t.Fatal(err)
	}
	audited[document] = audit.New(l).Audit(d)
	return audited[document]
}

// wholeLedger is every row of the earlier lab.
var wholeLedger = sync.OnceValues(func() (*fact.Ledger, error) {
	root := filepath.Join("..", "..", "..", "shared", "legacy")
	m, err := importer.Gather(context.Background(), sample.Build{Version: "test"}, legacy.Formats(), filepath.Join(root, "workspace"), filepath.Join(root, "agent_runs"))
	if err != nil {
		return nil, err
	}
	return ledgerOf(m), nil
})

// ledgerOf is an import as a ledger.
func ledgerOf(m *importer.Import) *fact.Ledger {
	rows := fact.RunRows{Manifest: m.Manifest, Samples: m.Samples, Readings: m.Readings, Imported: true}
	for _, f := range m.Files {
		rows.Files = append(rows.Files, fact.FileEntry{Path: f.Path, Kind: f.Kind, Rows: f.Rows, Failed: f.Failed, Reason: f.Reason})
	}
	return fact.NewLedger(rows)
}
