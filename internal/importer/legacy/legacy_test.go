package legacy_test

import (
	"context"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"chimera/internal/importer"
	"chimera/internal/importer/importertest"
	"chimera/internal/importer/legacy"
	"chimera/internal/sample"
)

// shared returns a folder of the earlier lab's files.
func shared(t testing.TB, name string) string {
	t.Helper()
	return importertest.Shared(t, "legacy/"+name)
}

func gather(t testing.TB, roots ...string) *importer.Import {
	t.Helper()
	m, err := importer.Gather(context.Background(), sample.Build{Version: "test"}, legacy.Formats(), roots...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var whole = sync.OnceValues(func() (*importer.Import, error) {
	root := filepath.Join("..", "..", "..", "..", "shared", "legacy")
	return importer.Gather(context.Background(), sample.Build{Version: "test"}, legacy.Formats(),
		filepath.Join(root, "workspace"), filepath.Join(root, "agent_runs"))
})

// imported is the workspace and the agents' runs, read once.
func imported(t testing.TB) *importer.Import {
	t.Helper()
	shared(t, "workspace")
	m, err := whole()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Every file is accounted for, and every row of it.
func TestWorkspaceIsAccountedFor(t *testing.T) {
	m := gather(t, shared(t, "workspace"))
	extensions, kinds := map[string]int{}, map[string]int{}
	for _, f := range m.Files {
		extensions[path.Ext(f.Path)]++
		kinds[f.Kind]++
		if f.Rows-f.Skipped == 0 && f.Reason == "" {
			t.Errorf("%s yields nothing, and does not say why", f.Path)
		}
		if f.Failed+f.Skipped > 0 && f.Reason == "" {
			t.Errorf("%s: %d failed, %d skipped without a reason", f.Path, f.Failed, f.Skipped)
		}
		if len(f.SHA256) != 64 {
			t.Errorf("%s: digest %q", f.Path, f.SHA256)
		}
	}
	for ext, want := range map[string]int{".csv": 28, ".json": 44, ".md": 29} {
		if extensions[ext] != want {
			t.Errorf("%d %s files, want %d", extensions[ext], ext, want)
		}
	}
	want := map[string]int{"legacy/suite": 18, "legacy/sweep": 5, "legacy/app-test": 4, "legacy/kernels": 1, "legacy/quantization": 1,
		"legacy/backends": 9, "legacy/timing": 10, "legacy/system": 2, "legacy/profile": 1, "legacy/summary": 20, "prose": 29, "unknown": 1}
	for kind, n := range want {
		if kinds[kind] != n {
			t.Errorf("%d files of kind %s, want %d", kinds[kind], kind, n)
		}
		delete(kinds, kind)
	}
	if len(kinds) > 0 {
		t.Errorf("more kinds: %v", kinds)
	}
}

func outcomes(m *importer.Import, of func(*sample.Sample) bool) map[sample.Outcome]int {
	n := map[sample.Outcome]int{}
	for _, s := range m.Samples {
		if of(s) {
			n[s.Outcome]++
		}
	}
	return n
}

// The failures that look like zeros, time-outs and successes in the files.
func TestFailuresAreFailedRows(t *testing.T) {
	m := imported(t)
	sweep := outcomes(m, func(s *sample.Sample) bool {
		return strings.HasPrefix(s.Subject, "gemma3:") && strings.HasSuffix(s.Experiment, "_param_tuning.csv")
	})
	if sweep[sample.OK] != 106 || sweep[sample.Timeout] != 2 || len(sweep) != 2 {
		t.Errorf("sweep: %v, want 106 of 108 and 2 time-outs", sweep)
	}
	suites := outcomes(m, func(s *sample.Sample) bool { return strings.HasSuffix(s.Experiment, "_runs.csv") })
	if suites[sample.Error] != 75 || suites[sample.OK] != 25 {
		t.Errorf("suites: %v, want 75 failed of 100", suites)
	}
	app := outcomes(m, func(s *sample.Sample) bool { return s.Workload == "app-test" })
	if app[sample.Error] != 9 || app[sample.OK] != 6 {
		t.Errorf("app tests: %v, want 5 error texts and 4 errors of 15", app)
	}
	agents := outcomes(m, func(s *sample.Sample) bool { return strings.HasSuffix(s.Experiment, "metrics.json") })
	if agents[sample.Cut] != 1 || agents[sample.OK] != 23 {
		t.Errorf("agent calls: %v, want one without its final record of 24", agents)
	}
	backends := map[string]string{}
	for _, r := range m.Readings {
		if r.Kind == legacy.KindBackend && r.Series == "mean_time" && !r.Value.OK() {
			backends[r.Labels["file"]+" "+r.Labels["backend"]] = r.Reason
		}
	}
	if len(backends) != 5 {
		t.Errorf("%d failed backends, want 5: %v", len(backends), backends)
	}
	for _, s := range m.Samples {
		if s.Outcome != sample.OK && (s.Times != sample.ServerTimes{} || s.Tokens != sample.Tokens{}) {
			t.Errorf("%s is %s, but carries numbers", s.Trial, s.Outcome)
		}
		for _, err := range s.Validate() {
			t.Errorf("%s: %v", s.Trial, err)
		}
	}
	for _, r := range m.Readings {
		if r.Value.OK() == (r.Reason != "") || r.Provenance != sample.Imported || r.Labels["file"] == "" || r.Labels["row"] == "" {
			t.Errorf("reading %+v", r)
		}
	}
}

// The same bytes and the same events count once.
func TestCopiesCountOnce(t *testing.T) {
	m := imported(t)
	byFile := map[string]importer.File{}
	for _, f := range m.Files {
		byFile[f.Path] = f
	}
	for name, why := range map[string]string{
		"workspace/reports/llama3/ollama_param_tuning.csv":      "same bytes as workspace/csv_data/ollama_param_tuning.csv",
		"workspace/reports/gemma3/gemma3_270m_baseline.csv":     "same event as in workspace/reports/gemma3/gemma3_270m_baseline.json",
		"workspace/csv_data/baseline_performance_summary.csv":   "same event as in workspace/csv_data/baseline_test_results_1759099000.json",
		"workspace/reports/gemma3/gemma3_270m_param_tuning.csv": "2 × timed out",
	} {
		f := byFile[name]
		if !strings.Contains(f.Reason, why) {
			t.Errorf("%s: %+v, want %q", name, f, why)
		}
		if strings.HasPrefix(why, "same") && f.Skipped != f.Rows {
			t.Errorf("%s: %d of %d skipped", name, f.Skipped, f.Rows)
		}
	}
}

// Cold rows are those that paid for loading the model.
func TestColdRowsAreTold(t *testing.T) {
	m := imported(t)
	cold := map[string]int{}
	for _, s := range m.Samples {
		if s.Phase == sample.Cold && strings.HasSuffix(s.Experiment, "_param_tuning.csv") && strings.HasPrefix(s.Subject, "gemma3") {
			cold[s.Subject]++
			if s.Config["temperature"] != 0.2 {
				t.Errorf("%s is cold at temperature %v", s.Trial, s.Config["temperature"])
			}
		}
	}
	if cold["gemma3:latest"] != 8 || cold["gemma3:270m"] != 11 || cold["gemma3:1b-it-qat"] != 12 {
		t.Errorf("cold rows: %v, want 8, 11 and 12", cold)
	}
}
