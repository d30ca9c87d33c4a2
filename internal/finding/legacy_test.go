package finding_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chimera/internal/finding"
	"chimera/internal/importer"
	"chimera/internal/importer/legacy"
	"chimera/internal/sample"
)

// legacyAnalysis imports a part of the earlier lab's data and analyses it.
func legacyAnalysis(t *testing.T, path string) *finding.Analysis {
	t.Helper()
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
	a, err := finding.Analyze(m.Samples, m.Readings, &m.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	checkSentences(t, a)
	return a
}

func print(t *testing.T, a *finding.Analysis) {
	t.Helper()
	for _, f := range a.Findings {
		t.Logf("%-14s %s  [%v]\n    %s", f.Kind, strings.ToUpper(string(f.Verdict)), f.Scope, f.Sentence.Print(a.Fact))
		for _, n := range f.Notes {
			t.Logf("    note: %s", n.Print(a.Fact))
		}
		for _, c := range f.Checks {
			t.Logf("    %-16s %-7s %s", c.ID, c.Status, c.Why.Print(a.Fact))
		}
	}
}

func TestPrintLegacy(t *testing.T) {
	print(t, legacyAnalysis(t, os.Getenv("LEGACY")))
}
