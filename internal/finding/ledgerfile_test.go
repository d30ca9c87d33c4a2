package finding_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/sample"

	"github.com/google/go-cmp/cmp"
)

func readCorpus(t *testing.T, name string) (*finding.LedgerFile, []byte) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	f, err := finding.ReadLedger(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f, b
}

// Ledgers of every version are read: what an audit wrote, and what a report did.
func TestLedgersOfAllVersionsAreRead(t *testing.T) {
	const rate = "server_rate_naive"
	for _, c := range []struct {
		name     string
		rows     int
		findings bool
	}{{"ledger-1-rows.json", 4, false}, {"ledger-1-report.json", 0, true}, {"ledger-2-report.json", 4, true}} {
		f, _ := readCorpus(t, c.name)
		if len(f.Ledger.Rows) != c.rows || (len(f.Findings) > 0) != c.findings || (len(f.Cited) > 0) != c.findings {
			t.Errorf("%s has %d rows, %d findings, %d facts", c.name, len(f.Ledger.Rows), len(f.Findings), len(f.Cited))
		}
		a := f.Analysis()
		for _, g := range a.Findings {
			for _, id := range g.Facts {
				if _, ok := a.Fact(id); !ok {
					t.Errorf("%s: finding %s uses the fact %s that is not there", c.name, g.ID, id)
				}
			}
		}
		if c.rows == 0 {
			continue
		}
		facts, err := f.Query(fact.Query{Metric: rate, Aggregate: "median", Phase: sample.Measure, By: []string{"subject"}})
		if err != nil || len(facts) != 2 || facts[0].ID != "Fa0614c94e8" || facts[1].ID != "F90f06f9e3f" {
			t.Errorf("%s answers %v %+v", c.name, err, facts)
		}
	}
}

func TestLedgerIsWrittenAsItWasRead(t *testing.T) {
	f, want := readCorpus(t, "ledger-2-report.json")
	var got bytes.Buffer
	if err := f.Write(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
}

// A number that was changed in the file is found: ids are digests.
func TestForgedLedgersAreRefused(t *testing.T) {
	_, b := readCorpus(t, "ledger-2-report.json")
	for _, c := range []struct{ name, old, new string }{
		{"a fact's value", `"aggregate": "mean"`, `"aggregate": "max"`},
		{"a finding's verdict", `"verdict": "better"`, `"verdict": "same"`},
		{"a newer version", `"schema": 2`, `"schema": 99`},
		{"no ledger", `{`, `[`},
	} {
		if !strings.Contains(string(b), c.old) {
			t.Fatalf("%s: the corpus has no %s", c.name, c.old)
		}
		_, err := finding.ReadLedger(strings.NewReader(strings.Replace(string(b), c.old, c.new, 1)))
		if fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
			t.Errorf("%s: error %v, hint %q", c.name, err, fault.HintOf(err))
		}
	}
}
