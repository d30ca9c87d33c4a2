package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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

func TestDump(t *testing.T) {
	a := audit.New(ledgerOfLegacy(t))
	files, _ := filepath.Glob(filepath.Join(sharedPath(t, "legacy/source"), os.Getenv("DUMP")+"*"))
	for _, f := range files {
		r := auditFile(t, a, f)
		fmt.Println("=====", f, r.Summary)
		for _, c := range r.Claims {
			fmt.Printf("%4d %-12s %-12s %q | %s | %s\n", c.Line, c.Verdict, c.Kind, clipped(c.Text, 90), clipped(c.Why, 150), clipped(c.Truth, 160))
		}
	}
}

func clipped(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}
