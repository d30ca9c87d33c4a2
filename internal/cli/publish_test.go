package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"chimera/internal/finding"
)

// What the earlier lab measured is reported without a single claim that its rows
// do not support, whatever a template asks for.
func TestReportsOnTheEarlierLabHoldAgainstTheirRows(t *testing.T) {
	earlier := filepath.Join("..", "..", "..", "shared", "legacy")
	if _, err := os.Stat(earlier); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("the earlier lab's files are not here: %v", err)
	}
	for _, c := range []struct {
		folder    string
		templates []string
	}{
		{"workspace", []string{"", "variants", "deepdive"}},
		{"agent_runs", []string{""}},
	} {
		l := importedLab(t, filepath.Join(earlier, c.folder))
		for _, template := range c.templates {
			t.Run(c.folder+"/"+template, func(t *testing.T) {
				var done struct{ Audit finding.Audited }
				l.document(t, &done, "report", l.id, "--template", template, "--format", "json", "-o", t.TempDir())
				a := done.Audit
				if a.Claims < 1000 || a.Supported+a.Misleading != a.Claims || a.Contradicted+a.Malformed+a.Unverifiable+len(a.Dropped) > 0 {
					t.Errorf("the score is %+v", a)
				}
			})
		}
	}
}
