//go:build unix

package sqlite_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"chimera/internal/store/storetest"
)

// The store of another user, or on a read-only disk, can be read. As root,
// permissions mean nothing, so the reader is a child without privileges.
func TestReadOnlyStore(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "chimera.db")
	s := open(t, path)
	p := storetest.Plan(1)
	if err := errors.Join(s.CreateRun(t.Context(), storetest.Manifest("r1", 1), p), s.Append(t.Context(), "r1", storetest.Samples("r1", p)...), s.Close()); err != nil {
		t.Fatal(err)
	}
	for file, mode := range map[string]fs.FileMode{filepath.Dir(dir): 0o755, dir: 0o555, path: 0o444} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	cmd := exec.Command("/proc/self/exe", "reader", path)
	if self, err := os.Executable(); runtime.GOOS != "linux" && err == nil {
		cmd.Path = self
	}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "read-only true, 2 samples") || !strings.Contains(string(out), "the file can only be read") {
		t.Errorf("%v: %s", err, out)
	}
}
