//go:build unix

package launch_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"chimera/internal/launch"
)

var tied = runtime.GOOS == "linux"

func init() {
	plays["stubborn"] = func() int {
		signal.Ignore(syscall.SIGTERM)
		return family()
	}
	plays["family"] = family
}

// family is a server that leaves a child behind.
func family() int {
	self, err := os.Executable()
	if err != nil {
		return 4
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), play+"=sleep")
	if err := child.Start(); err != nil {
		return 5
	}
	fmt.Println("child", child.Process.Pid)
	return serve(200)
}

// A server that ignores the request to stop is killed, and so is what it
// started.
func TestTheWholeGroupIsEnded(t *testing.T) {
	for _, part := range []string{"family", "stubborn"} {
		t.Run(part, func(t *testing.T) {
			o := options(t, part)
			o.Grace = time.Second
			s, err := launch.Start(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			log, err := os.ReadFile(s.Log())
			if err != nil {
				t.Fatal(err)
			}
			_, rest, _ := strings.Cut(string(log), "child ")
			line, _, _ := strings.Cut(rest, "\n")
			child, err := strconv.Atoi(line)
			if err != nil || !lives(child) {
				t.Fatalf("child %d of %q: %v", child, log, err)
			}
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
			silent(t, s)
			if lives(child) {
				t.Errorf("child %d lives", child)
			}
		})
	}
}

// lives reports whether a process runs; one that only waits to be reaped does
// not.
func lives(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
