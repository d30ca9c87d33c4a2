package draft_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"chimera/internal/draft"
	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/importer"
	"chimera/internal/importer/legacy"
	"chimera/internal/sample"
)

// earlier is the earlier lab's data: analysed, and as a ledger for an audit.
type earlier struct {
	*finding.Analysis
	ledger *fact.Ledger
}

var workspace = sync.OnceValues(func() (earlier, error) {
	m, err := importer.Gather(context.Background(), sample.Build{Version: "test"}, legacy.Formats(), filepath.Join("..", "..", "..", "shared", "legacy", "workspace"))
	if err != nil {
		return earlier{}, err
	}
	a, err := finding.Analyze(m.Samples, m.Readings, &m.Manifest)
	if err != nil {
		return earlier{}, err
	}
	var files []fact.FileEntry
	for _, f := range m.Files {
		files = append(files, fact.FileEntry{Path: f.Path, Kind: f.Kind, Rows: f.Rows, Failed: f.Failed, Reason: f.Reason})
	}
	return earlier{a, fact.NewLedger(fact.RunRows{Manifest: m.Manifest, Samples: m.Samples, Readings: m.Readings, Files: files, Imported: true})}, nil
})

func legacyData(t testing.TB) earlier {
	t.Helper()
	if _, err := os.Stat(filepath.Join("..", "..", "..", "shared", "legacy", "workspace")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the earlier lab's data are not there: %v", err)
		}
		t.Skipf("the earlier lab's data are not there: %v", err)
	}
	e, err := workspace()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func legacySheet(t testing.TB, budget int) *draft.Sheet {
	t.Helper()
	s, err := draft.New(draft.Input{Analysis: legacyData(t).Analysis, Budget: budget})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
