package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
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

func sharedPath(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the earlier lab's files are not here: %v", err)
	}
	return path
}

var legacyLedger = sync.OnceValues(func() (*fact.Ledger, error) {
	root := filepath.Join("..", "..", "..", "shared", "legacy")
	m, err := importer.Gather(context.Background(), sample.Build{Version: "test"}, legacy.Formats(), filepath.Join(root, "workspace"), filepath.Join(root, "agent_runs"))
	if err != nil {
		return nil, err
	}
	var files []fact.FileEntry
	for _, f := range m.Files {
		files = append(files, fact.FileEntry{Path: f.Path, Kind: f.Kind, Rows: f.Rows, Failed: f.Failed, Reason: f.Reason})
	}
	return fact.NewLedger(fact.RunRows{Manifest: m.Manifest, Samples: m.Samples, Readings: m.Readings, Files: files, Imported: true}), nil
})

func ledgerOfLegacy(t testing.TB) *fact.Ledger {
	t.Helper()
	sharedPath(t, "legacy/workspace")
	l, err := legacyLedger()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func auditFile(t testing.TB, a *audit.Auditor, path string) *audit.Report {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := claim.Parse(filepath.Base(path), b)
	if err != nil {
		t.Fatal(err)
	}
	return a.Audit(d)
}

// place says where a labelled claim stands: the claims that hold text in a
// sentence that holds near are its verdicts.
type place struct{ text, near string }

// places are found by what the labels quote; where a label words a claim anew,
// by the words of the document.
var places = map[string]place{
	"c001": {"108 parameter combinations", ""}, "c002": {"delivers highest throughput", ""}, "c003": {"102.85 tok/s", "delivers"}, "c004": {"15-20%", ""},
	"c005": {"remains critical for all", ""}, "c006": {"offers optimal balance", ""}, "c007": {"significantly impact TTFT", ""}, "c008": {"Best TTFT: 1b-it-qat", ""},
	"c009": {"Best Throughput: 270m", ""}, "c010": {"stability is highest", ""}, "c011": {"show consistent performance", ""}, "c012": {"Throughput: 103.16", ""},
	"c013": {"Full-precision, highest quality", ""}, "c014": {"8000", ""}, "c015": {"567.12 tok/s/MB", ""}, "c016": {"LATEST: Most sensitive", ""}, "c017": {"120", "num_gpu"},
	"c018": {"214.4%", ""}, "c019": {"0.9%", ""}, "c020": {"12+ Visualizations", ""},
	"c021": {"101", "Total files analyzed"}, "c022": {"42 files", ""}, "c023": {"35 files", ""}, "c024": {"24 files", ""}, "c025": {"28", "accounts for"}, "c026": {"Time to First Test", ""},
	"c027": {"0.138 s", "`ttft_s`"}, "c028": {"187.175 s", ""}, "c029": {"14.106 s", ""}, "c030": {"experienced by 95%", ""}, "c031": {"14.106 tokens per second", ""},
	"c032": {"57.72s", ""}, "c033": {"40.19 tok/s", ""},
	"c034": {"October 26, 2023", ""}, "c035": {"44", "CSV (44)"}, "c036": {"425", "Markdown (425)"}, "c037": {"44", "JSON (44)"}, "c038": {"44 files", ""}, "c039": {"late-November", ""},
	"c040": {"441,517 bytes", ""}, "c041": {"12.5", "Inference Latency"}, "c042": {"800", "QPS"}, "c043": {"256 MB", ""}, "c044": {"30", "Compilation Time"}, "c045": {"114.98", ""}, "c046": {"1310.19", ""},
	"c047": {"2.2%", ""}, "c048": {"133.9%", ""}, "c049": {"<unused3979>", ""},
	"c050": {"15x", ""}, "c051": {"INT8 quantization maintains", ""}, "c052": {"FP8 provides minimal", ""}, "c053": {"8.7x", ""}, "c054": {"120x+", ""}, "c055": {"0.00 ms", "transformer"},
	"c056": {"ALL REAL DATA", ""}, "c057": {"QAT shows significant", ""}, "c058": {"24.62 ms", ""}, "c059": {"Tensor Core utilization provides", ""}, "c060": {"ONNX Runtime delivers", ""},
	"c061": {"Triton shows promise", ""}, "c062": {"1.1x", ""},
	"c063": {"13.12", ""}, "c064": {"19.78", ""}, "c065": {"conv_cuda_bench_memory_allocation_test.json", ""}, "c066": {"25%", ""}, "c067": {"18%", ""}, "c068": {"statistically significant", ""},
	"c069": {"generally exhibited higher", ""}, "c070": {"Int8 Quantization Aware", ""}, "c071": {"directly proportional", ""}, "c072": {"108.33 tok/s", ""}, "c073": {"primarily formatted", ""},
}

type labelled struct{ ID, Seed, Text, Kind, Label string }

func labels(t *testing.T) []labelled {
	t.Helper()
	b, err := os.ReadFile(sharedPath(t, "claims.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var out []labelled
	for line := range bytes.Lines(b) {
		var l labelled
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	if len(out) != 73 {
		t.Fatalf("%d labelled claims, want 73", len(out))
	}
	return out
}

// numeric are the kinds of labels that are about a number.
var numeric = map[string]bool{"value": true, "count": true, "ratio": true}

// The labelled claims of five reports: every wrong number is flagged, no right
// one is called wrong, and of the words at least nine in ten are judged as labelled.
func TestLabelledClaims(t *testing.T) {
	a := audit.New(ledgerOfLegacy(t))
	reports := map[string]*audit.Report{}
	files, err := filepath.Glob(filepath.Join(sharedPath(t, "legacy/source"), "*"))
	if err != nil || len(files) != 5 {
		t.Fatalf("%d reports, %v", len(files), err)
	}
	for _, f := range files {
		reports[filepath.Base(f)[:3]] = auditFile(t, a, f)
	}
	words, right, exact := 0, 0, 0
	for _, l := range labels(t) {
		got := verdictAt(reports[l.Seed], places[l.ID])
		flagged := got == audit.Contradicted || got == audit.Malformed
		wrong := l.Label == "contradicted" || l.Label == "malformed"
		agrees := string(got) == l.Label || l.Label == "supported" && got == audit.Misleading
		if agrees {
			exact++
		} else {
			t.Logf("%s %q: %s, labelled %s", l.ID, l.Text, got, l.Label)
		}
		switch {
		case got == "":
			t.Errorf("%s %q: no verdict", l.ID, l.Text)
		case l.Label == "supported" && flagged:
			t.Errorf("%s %q: %s, but it is right", l.ID, l.Text, got)
		case numeric[l.Kind] && wrong && !flagged:
			t.Errorf("%s %q: %s, but it is %s", l.ID, l.Text, got, l.Label)
		}
		if !numeric[l.Kind] {
			words++
			if agrees {
				right++
			}
		}
	}
	t.Logf("%d of 73 as labelled; of the words %d of %d", exact, right, words)
	if right*10 < words*9 {
		t.Errorf("of %d claims in words %d are judged as labelled", words, right)
	}
}

// verdictAt is the gravest verdict at a place: the claim that holds the text,
// or the sentence-long one that does.
func verdictAt(r *audit.Report, p place) audit.Verdict {
	order := map[audit.Verdict]int{audit.Unverifiable: 1, audit.Supported: 2, audit.Misleading: 3, audit.Contradicted: 4, audit.Malformed: 5}
	var best audit.Verdict
	for _, c := range r.Claims {
		if !strings.Contains(c.Sentence, p.near) {
			continue
		}
		exact := c.Text == p.text || strings.HasPrefix(c.Text, p.text) && len(p.text) > 3
		if (exact || len(p.text) > 8 && strings.Contains(c.Text, p.text)) && (best == "" || exact && order[c.Verdict] > order[best]) {
			best = c.Verdict
		}
	}
	return best
}
