package finding_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"chimera/internal/finding"
	"chimera/internal/importer"
	"chimera/internal/importer/legacy"
	"chimera/internal/sample"
)

var (
	analysed = map[string]*finding.Analysis{}
	gathered = map[string]*importer.Import{}
)

// legacyAnalysis imports a part of the earlier lab's data and analyses it.
func legacyAnalysis(t *testing.T, path string) *finding.Analysis {
	t.Helper()
	if a, ok := analysed[path]; ok {
		return a
	}
	m := legacyImport(t, path)
	a, err := finding.Analyze(m.Samples, m.Readings, &m.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	checkSentences(t, a)
	analysed[path] = a
	return a
}

// legacyImport imports a part of the earlier lab's data, once.
func legacyImport(t *testing.T, path string) *importer.Import {
	t.Helper()
	if m, ok := gathered[path]; ok {
		return m
	}
	root := filepath.Join("..", "..", "..", "shared", "legacy", path)
	if _, err := os.Stat(root); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the earlier lab's data are not there: %v", err)
		}
		t.Skipf("the earlier lab's data are not there: %v", err)
	}
	m, err := importer.Gather(context.Background(), sample.Build{Version: "test"}, legacy.Formats(), root)
	if err != nil {
		t.Fatal(err)
	}
	gathered[path] = m
	return m
}
