package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"chimera/internal/fault"
	"chimera/internal/launch"
	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store/sqlite"
	"chimera/internal/target"

	"github.com/spf13/cobra"
)

// TestMain lets this binary play a runtime: a simulator at the address that
// Ollama would listen on.
func TestMain(m *testing.M) {
	if at := os.Getenv("CHIMERA_TEST_SERVE"); at == "1" {
		os.Exit(int(Run(context.Background(), Env{Args: []string{"fake", "--listen", os.Getenv("OLLAMA_HOST"), "--profile", "first=2ms&gap=100us&load=1ms"},
			Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv})))
	}
	os.Exit(m.Run())
}

// playedOllama makes servers of --manage this binary.
func playedOllama(t *testing.T) management {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CHIMERA_TEST_SERVE", "1")
	return management{kind: launch.Ollama, binary: self, models: t.TempDir()}
}

func TestAPartOfASessionHasAServerOfItsOwn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the port of a killed process may linger")
	}
	m := playedOllama(t)
	a := &app{Env: Env{Stderr: os.Stderr, Getenv: func(string) string { return "" }}, store: filepath.Join(t.TempDir(), "chimera.db"), quiet: true}
	st, err := sqlite.Open(t.Context(), a.store)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s := &spec.Spec{Version: 1, Name: "agents", Design: spec.Design{Timeout: spec.Duration(10 * time.Second)}}
	se, err := run.Open(t.Context(), t.Context(), run.Job{ID: "r1", Spec: s, Recorder: st})
	if err != nil {
		t.Fatal(err)
	}
	var ports []string
	for i := range 2 {
		n := need{id: fmt.Sprint("server-", i), model: "fake", parallel: i + 1, maxLoaded: 1}
		server, err := a.startServer(t.Context(), m, n, se.ID())
		if err != nil {
			t.Fatal(err)
		}
		sub := spec.Subject{ID: fmt.Sprint("fake-", i), Target: n.id, Model: "fake"}
		if err := se.Join(t.Context(), sub, server.spec, server, true); err != nil {
			t.Fatal(err)
		}
		q := run.Question{Experiment: "two-servers", Workload: "baseline/report", Prompt: "report", Text: "go", MaxTokens: 4, Subject: sub.ID}
		if row, err := se.Ask(t.Context(), q); err != nil || row.Outcome != sample.OK || row.Target != n.id {
			t.Errorf("%+v, %v", row, err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		ports = append(ports, strings.TrimPrefix(server.spec.URL, "http://"))
		if log, err := os.ReadFile(filepath.Join(filepath.Dir(a.store), "logs", "r1", n.id+".log")); err != nil || !strings.Contains(string(log), "OLLAMA_NUM_PARALLEL="+fmt.Sprint(i+1)) {
			t.Errorf("log %q, %v", log, err)
		}
	}
	if _, err := se.Seal(nil); err != nil {
		t.Fatal(err)
	}
	for _, at := range ports {
		if c, err := net.Dial("tcp", at); err == nil {
			c.Close()
			t.Errorf("%s still answers", at)
		}
	}
	logs := filepath.Join(filepath.Dir(a.store), "logs", "r1")
	if out, errs, _ := onStore(t, a.store, "runs", "show", "r1"); !strings.Contains(out, "logs      "+logs) {
		t.Errorf("%s%s", out, errs)
	}
	stored, err := st.Run(t.Context(), "r1")
	if err != nil || len(stored.Manifest.Subjects) != 2 {
		t.Fatalf("%+v, %v", stored.Manifest.Subjects, err)
	}
	for i, sub := range stored.Manifest.Subjects {
		if how := sub.Facts["started_as"]; !strings.Contains(how, "OLLAMA_NUM_PARALLEL="+fmt.Sprint(i+1)+" ") || !strings.HasSuffix(how, " serve") {
			t.Errorf("subject %s was started as %q", sub.ID, how)
		}
	}
}

func TestLogsGoWithTheirRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chimera.db")
	sessionIn(t, path, "s1")
	kept := filepath.Join(filepath.Dir(path), "logs", "s2")
	gone := filepath.Join(filepath.Dir(path), "logs", "s1")
	for _, folder := range []string{kept, gone} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, errs, code := onStore(t, path, "runs", "rm", "s1", "--yes"); code != fault.OK {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	if _, err := os.Stat(gone); !os.IsNotExist(err) {
		t.Errorf("the logs of a removed run: %v", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
}

func TestFlagsOfManagementGoTogether(t *testing.T) {
	for _, c := range []struct {
		m   management
		url string
		ok  bool
	}{
		{management{}, "", true},
		{management{}, "http://127.0.0.1:1", true},
		{management{kind: "ollama", models: "m"}, "", true},
		{management{kind: "llama-server", binary: "b"}, "", true},
		{management{kind: "vllm"}, "", false},
		{management{kind: "ollama"}, "http://127.0.0.1:1", false},
		{management{binary: "b"}, "", false},
		{management{models: "m"}, "http://127.0.0.1:1", false},
	} {
		err := c.m.check(c.url)
		if c.ok != (err == nil) || !c.ok && (fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "") {
			t.Errorf("%+v with %q: %v", c.m, c.url, err)
		}
	}
	var m management
	cmd := &cobra.Command{}
	m.flags(cmd)
	if err := cmd.ParseFlags([]string{"--manage", "ollama", "--server-binary", "b", "--models", "d"}); err != nil || m != (management{"ollama", "b", "d"}) {
		t.Errorf("%+v, %v", m, err)
	}
	for kind, adapter := range targetKinds {
		found := false
		for _, k := range kinds {
			found = found || k.Name == adapter
		}
		if !found {
			t.Errorf("%s: there is no adapter %s", kind, adapter)
		}
	}
}

func TestAModelFileIsFoundByItsName(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "small.gguf")
	if err := os.WriteFile(file, []byte("GGUF"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ folder, model string }{{folder, "small.gguf"}, {folder, "small"}, {"", file}, {"elsewhere", file}} {
		if got, err := modelFile(c.folder, c.model); got != file {
			t.Errorf("%q in %q: %q, %v", c.model, c.folder, got, err)
		}
	}
	if _, err := modelFile(folder, "large"); fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Error(err)
	}
}

var _ target.Target = (*managed)(nil)
