package draft_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"chimera/internal/draft"
	"chimera/internal/finding"
	"chimera/internal/importer"
	"chimera/internal/importer/legacy"
	"chimera/internal/sample"
)

// workspace is the earlier lab's data, imported and analysed.
var workspace = sync.OnceValues(func() (*finding.Analysis, error) {
	m, err := importer.Gather(context.Background(), sample.Build{Version: "test"}, legacy.Formats(), filepath.Join("..", "..", "..", "shared", "legacy", "workspace"))
	if err != nil {
		return nil, err
	}
	return finding.Analyze(m.Samples, m.Readings, &m.Manifest)
})

func legacySheet(t testing.TB, budget int) *draft.Sheet {
	t.Helper()
	if _, err := os.Stat(filepath.Join("..", "..", "..", "shared", "legacy", "workspace")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the earlier lab's data are not there: %v", err)
		}
		t.Skipf("the earlier lab's data are not there: %v", err)
	}
	a, err := workspace()
	if err != nil {
		t.Fatal(err)
	}
	s, err := draft.New(draft.Input{Analysis: a, Budget: budget})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
