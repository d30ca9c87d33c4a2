package cli

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"chimera/internal/agent"
	"chimera/internal/fault"

	"github.com/google/go-cmp/cmp"
)

var updateAgent = flag.Bool("update-agent", false, "rewrite testdata/agent_legacy.md")

var (
	linkTo = regexp.MustCompile(`\]\(#f[0-9a-f]+ "[^"\n]*"\)`)
	inRun  = regexp.MustCompile(`in run [0-9a-f]{8}`)
)

// plainReport is a report without the targets of its links, and without what no
// two runs share: ids of runs and times.
func plainReport(text string) string {
	text, _, _ = strings.Cut(text, `<a id="work"></a>`)
	return inRun.ReplaceAllString(linkTo.ReplaceAllString(text, "]"), "in run XXXXXXXX")
}

// The planner's report over the earlier lab's files is the same every time.
func TestAgentOverLegacyWorkspace(t *testing.T) {
	workspace := filepath.Join("..", "..", "..", "shared", "legacy", "workspace")
	if _, err := os.Stat(workspace); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("needs the files of the earlier lab: ", err)
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "chimera.db")
	var reports []string
	for _, out := range []string{"one", "two"} {
		printed, errs, code := onStore(t, path, "agent", "run", workspace, "--model", "none", "--json", "-o", filepath.Join(folder, out))
		if code != fault.OK {
			t.Fatalf("exit %d: %s", code, errs)
		}
		var doc struct {
			Audit struct {
				Summary map[string]int
			}
			Agents []struct{ Persona struct{ Text string } }
		}
		if err := json.Unmarshal([]byte(printed), &doc); err != nil {
			t.Fatal(err)
		}
		if s := doc.Audit.Summary; s["supported"] < 100 || s["misleading"]+s["contradicted"]+s["unverifiable"]+s["malformed"] > 0 {
			t.Errorf("the audit found %v", s)
		}
		p, err := agent.Embedded(agent.Insight)
		if err != nil || doc.Agents[0].Persona.Text != p.Text() {
			t.Errorf("the document's persona is another one (%v)", err)
		}
		text, err := os.ReadFile(filepath.Join(folder, out, "report.md"))
		if err != nil {
			t.Fatal(err)
		}
		reports = append(reports, plainReport(string(text)))
	}
	if diff := cmp.Diff(reports[0], reports[1]); diff != "" {
		t.Errorf("equal files give two reports:\n%s", diff)
	}
	golden := filepath.Join("testdata", "agent_legacy.md")
	if *updateAgent {
		if err := os.WriteFile(golden, []byte(reports[0]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), reports[0]); diff != "" {
		t.Errorf("the report changed (go test ./internal/cli -run LegacyWorkspace -update-agent):\n%s", diff)
	}
}
