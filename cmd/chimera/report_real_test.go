package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRealNotebookComputesTheNumbersAgain executes a report's notebook as a
// reader would, from Parquet and from CSV, and sees that it fails when a number
// of the ledger is not that of the rows.
func TestRealNotebookComputesTheNumbersAgain(t *testing.T) {
	python := given(t, "CHIMERA_JUPYTER_PYTHON")
	s := newSession(t)
	t.Chdir(t.TempDir())
	var run struct{ Run string }
	s.json(&run, "run", save(t, "sim.yaml", reportSpec), "--preflight", "0")
	for _, formats := range []string{"ipynb", "ipynb,csv"} {
		dir := t.TempDir()
		s.chimera("", "report", run.Run, "--format", formats, "-o", dir)
		said, err := execute(t, python, dir)
		if err != nil || !strings.Contains(said, "facts computed again and equal, 0 different") || !ratios.MatchString(said) {
			t.Fatalf("%s: %v\n%s", formats, err, said)
		}
		t.Logf("%s: %s", formats, between(said, `"text": [`, "]"))
		forge(t, filepath.Join(dir, "ledger.json"))
		if said, err := execute(t, python, dir); err == nil || !strings.Contains(said, "these differ") {
			t.Errorf("%s: a changed number passes: %v\n%s", formats, err, said)
		}
	}
}

// ratios is what a notebook prints of the headline: at least one, none different.
var ratios = regexp.MustCompile(`[1-9]\d* ratios computed again and equal, 0 different`)

// execute runs the notebook of a folder and returns what it printed, or why it
// failed.
func execute(t *testing.T, python, dir string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, "-m", "nbconvert", "--to", "notebook", "--execute", "--stdout", "report.ipynb")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "JUPYTER_PLATFORM_DIRS=1", "IPYTHONDIR="+t.TempDir(), "JUPYTER_CONFIG_DIR="+t.TempDir(),
		"PATH="+filepath.Dir(python)+string(os.PathListSeparator)+os.Getenv("PATH"))
	var out, why bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &why
	err := cmd.Run()
	return out.String() + why.String(), err
}

// forge moves one median of a ledger by a hundredth.
func forge(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var ledger map[string]any
	if err := json.Unmarshal(text, &ledger); err != nil {
		t.Fatal(err)
	}
	for _, f := range ledger["facts"].([]any) {
		f := f.(map[string]any)
		if v, ok := f["value"].(float64); ok && f["aggregate"] == "median" && len(f["evidence"].(map[string]any)["rows"].([]any)) > 0 {
			f["value"] = v * 1.01
			if text, err = json.Marshal(ledger); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("the ledger has no median over rows")
}

func between(s, a, b string) string {
	_, s, _ = strings.Cut(s, a)
	s, _, _ = strings.Cut(s, b)
	return strings.TrimSpace(s)
}
