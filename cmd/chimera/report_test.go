package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chimera/internal/fault"
	"chimera/internal/report/reporttest"
)

// reportSpec has two subjects, of which one is three times as fast.
const reportSpec = `version: 1
name: sim
question: Which of the two is faster?
targets:
  - {id: box, kind: fake, url: "fake:?model=slow&load=1ms&first=2ms&gap=3ms&jitter=0.1"}
  - {id: other, kind: fake, url: "fake:?model=fast&load=1ms&first=1ms&gap=1ms&jitter=0.1"}
subjects:
  - {id: slow, target: box, model: slow}
  - {id: fast, target: other, model: fast}
workloads:
  - {id: w, suite: banter, max_tokens: 8}
experiments:
  - {id: baseline, kind: suite, workloads: [w], blocks: 5}
design: {warmup: 1, cold_loads: 2, timeout: 5s, seed: 3}
`

// simulatedRun makes a run in a fresh folder and returns its id.
func simulatedRun(t *testing.T) string {
	t.Helper()
	t.Chdir(t.TempDir())
	got := chimera(t, "", nil, "run", save(t, "sim.yaml", reportSpec), "--preflight", "0", "--json", "--quiet")
	if got.code != fault.OK {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	_, id, _ := strings.Cut(got.stdout, `"run": "`)
	id, _, _ = strings.Cut(id, `"`)
	return id
}

// TestReportWithoutABrowser: the PDF is refused in a sentence, and all else is
// written.
func TestReportWithoutABrowser(t *testing.T) {
	run := simulatedRun(t)
	t.Setenv("PATH", t.TempDir())
	got := chimera(t, "", nil, "report", run, "--format", "html,pdf", "-o", "out")
	if got.code != fault.Runtime || !strings.Contains(got.stderr, "no Chromium or Chrome is installed") || !strings.Contains(got.stderr, "hint: install Chromium") {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	if _, err := os.Stat(filepath.Join("out", "index.html")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join("out", "report.pdf")); err == nil {
		t.Error("there is a PDF")
	}
}

// TestReportPDF prints a page twice: a PDF is one, and the same one.
func TestReportPDF(t *testing.T) {
	if !slices.ContainsFunc([]string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}, func(name string) bool {
		_, err := exec.LookPath(name)
		return err == nil
	}) {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium is installed, but CI must have one")
		}
		t.Skip("no Chromium is installed")
	}
	run := simulatedRun(t)
	var pdfs [][]byte
	for _, dir := range []string{"a", "b"} {
		if got := chimera(t, "", nil, "report", run, "--format", "pdf", "-o", dir); got.code != fault.OK {
			t.Fatalf("exit %d: %s", got.code, got.stderr)
		}
		pdf, err := os.ReadFile(filepath.Join(dir, "report.pdf"))
		if err != nil {
			t.Fatal(err)
		}
		pdfs = append(pdfs, pdf)
	}
	if !bytes.HasPrefix(pdfs[0], []byte("%PDF-")) || len(pdfs[0]) < 20_000 {
		t.Errorf("%d bytes that begin %q", len(pdfs[0]), pdfs[0][:min(8, len(pdfs[0]))])
	}
	if !bytes.Equal(pdfs[0], pdfs[1]) {
		t.Error("two PDFs of the same rows differ")
	}
}

// TestReportOfTheEarlierLab reports on real files of another lab, through both
// templates: each speaks of all its topics, the values are those that were
// computed independently, and no number stands without its fact.
func TestReportOfTheEarlierLab(t *testing.T) {
	files, err := filepath.Abs("../../../shared/legacy/workspace")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(files); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("the earlier lab's files are not beside the repository")
	}
	t.Chdir(t.TempDir())
	got := chimera(t, "", nil, "import", files, "--json", "--quiet")
	if got.code != fault.OK {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	_, id, _ := strings.Cut(got.stdout, `"import": "`)
	id, _, _ = strings.Cut(id, `"`)
	for template, want := range map[string][]string{
		"variants": {"Variants", "Cold starts and warm answers", "Best settings", "What each setting changes", "Prompts", "Stability and drift",
			"Speed for its size", "What to choose, by what matters", "102.5", "294.9", "183.1", "2.88×"},
		"deepdive": {"Weight formats", "Kernels", "Execution backends", "All of it together", "1.06×", "8.71×"},
	} {
		got := chimera(t, "", nil, "report", "--import", id, "--template", template, "-o", template)
		if got.code != fault.OK {
			t.Fatalf("%s: exit %d: %s", template, got.code, got.stderr)
		}
		html, err := os.ReadFile(filepath.Join(template, "index.html"))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(html), w) {
				t.Errorf("%s lacks %q", template, w)
			}
		}
		if bad, err := reporttest.Numbers(html); err != nil || len(bad) > 0 {
			t.Errorf("%s: %v, numbers without a fact: %q", template, err, bad)
		}
	}
	if got := chimera(t, "", nil, "report", "--import", "0000", "-o", "x"); got.code != fault.Usage {
		t.Errorf("an unknown import: exit %d", got.code)
	}
}
