//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFullStore: a store that cannot grow (here by the limit on the size of
// files, since a small file system needs privileges) ends a run with one clear
// line; what was committed can be listed, read and, with room, gone on with.
func TestFullStore(t *testing.T) {
	folder := t.TempDir()
	file, store := filepath.Join(folder, "x.yaml"), filepath.Join(folder, "runs.db")
	if err := os.WriteFile(file, []byte(strings.Replace(goodSpec, "blocks: 1", "blocks: 100", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	setUp(t, store)
	cmd := exec.Command("sh", "-c", `ulimit -f 1200; exec chimera run "$0" --preflight 0 --json --store "$1"`, file, store)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 6 {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	for _, want := range []string{"chimera: run ", "record what was measured", "\nhint: what was committed is kept", "chimera run --resume"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q in:\n%s", want, stderr.String())
		}
	}
	if strings.Contains(stderr.String(), "goroutine") {
		t.Errorf("it crashed:\n%s", stderr.String())
	}
	if doc, err := oneDocument([]byte(stdout.String())); err != nil {
		t.Error(err)
	} else if err := expect(doc, "status=open"); err != nil {
		t.Error(err)
	}

	id, doc := theRun(t, store)
	if planned, ended := countsOf(t, doc); planned != 500 || ended == 0 || ended == planned {
		t.Errorf("%d of %d trials are in the store", ended, planned)
	}
	if got := chimera(t, "", nil, "runs", "verify", id, "--store", store); got.code != 2 || !strings.Contains(got.stderr, "not sealed") || !strings.Contains(got.stderr, "--resume "+id) {
		t.Errorf("verify: exit %d: %s", got.code, got.stderr)
	}
	before, _ := rowsOf(t, store, id)
	finish(t, store, file, before)
}
