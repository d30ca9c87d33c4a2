package sqlite_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/store"
	"chimera/internal/store/storetest"
)

// The test binary is also its own child: `binary crasher|reader PATH`.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 {
		child, ok := map[string]func(*testing.T, string){"crasher": crasher, "reader": reader}[os.Args[1]]
		if ok {
			path := os.Args[2]
			os.Args = []string{os.Args[0], "-test.v"}
			tests := []testing.InternalTest{{Name: "child", F: func(t *testing.T) { child(t, path) }}}
			testing.Main(func(_, _ string) (bool, error) { return true, nil }, tests, nil, nil)
		}
	}
	os.Exit(m.Run())
}

// reader is the child of TestReadOnlyStore.
func reader(t *testing.T, path string) {
	s := open(t, path)
	n := 0
	for _, err := range s.Samples(t.Context(), "r1") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	t.Logf("read-only %t, %d samples", s.ReadOnly(), n)
	err := s.Reopen(t.Context(), "r1")
	if fault.CodeOf(err) != fault.Runtime || fault.HintOf(err) == "" {
		t.Errorf("writing: %v", err)
	}
	t.Log(err)
	if _, err := s.Run(t.Context(), "r2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a run that is not there: %v", err)
	}
}

const crashBlocks = 1000

// crasher resumes the run, or begins it, and says of each row that it is
// committed, until it is killed.
func crasher(t *testing.T, path string) {
	s := open(t, path)
	session := 0
	if run, err := s.Run(t.Context(), "r1"); err == nil {
		session = len(run.Manifest.Sessions)
		err := errors.Join(s.Reopen(t.Context(), "r1"), s.AddSession(t.Context(), "r1", sample.Session{Number: session}))
		if err != nil {
			t.Fatal(err)
		}
	} else if err := s.CreateRun(t.Context(), storetest.Manifest("r1", crashBlocks), storetest.Plan(crashBlocks)); err != nil {
		t.Fatal(err)
	}
	done := map[int]bool{}
	for r, err := range s.Samples(t.Context(), "r1") {
		if err != nil {
			t.Fatal(err)
		}
		done[r.Order] = true
	}
	fmt.Println("begin")
	for _, trial := range storetest.Plan(crashBlocks).Trials {
		if done[trial.Order] {
			continue
		}
		if err := s.Append(t.Context(), "r1", storetest.Sample("r1", trial, session, sample.OK)); err != nil {
			t.Fatal(err)
		}
		fmt.Println("row", trial.Order)
	}
	fmt.Println("end")
}

func TestKilledProcessLosesNoCommittedRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chimera.db")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	committed := map[int]bool{}
	for kill := range 20 {
		after, delay := random.IntN(8), time.Duration(random.IntN(3_000))*time.Microsecond
		for _, order := range crash(t, self, path, after, delay) {
			committed[order] = true
		}
		s := open(t, path)
		check(t, s)
		stored := map[int]bool{}
		for r, err := range s.Samples(t.Context(), "r1") {
			if err != nil {
				t.Fatal(err)
			}
			stored[r.Order] = true
		}
		for order := range committed {
			if !stored[order] {
				t.Fatalf("kill %d: row %d was reported as committed and is lost", kill, order)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(committed) < 20 {
		t.Errorf("only %d rows in 20 kills: nothing was tested", len(committed))
	}

	s := open(t, path)
	if err := s.Reopen(t.Context(), "r1"); err != nil { // nobody's lease is in the way
		t.Fatal(err)
	}
	if _, err := s.Seal(t.Context(), "r1", store.Partial, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Verify(t.Context(), "r1"); err != nil || !v.OK() {
		t.Errorf("%+v, %v", v, err)
	}
}

// crash runs a crasher, kills it the delay after it reported so many rows (so
// that a slow machine kills it no earlier in its work), and returns the rows
// that it reported.
func crash(t *testing.T, self, path string, after int, delay time.Duration) (rows []int) {
	cmd := exec.Command(self, "crasher", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var killer *time.Timer
	var other []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if number, ok := strings.CutPrefix(lines.Text(), "row "); ok {
			n, err := strconv.Atoi(number)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, n)
		} else if lines.Text() != "begin" {
			other = append(other, lines.Text())
			continue
		}
		if killer == nil && len(rows) == after {
			killer = time.AfterFunc(delay, func() { _ = cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	if killer == nil || err == nil {
		t.Fatalf("the child was not killed while it wrote: %v\n%s", err, strings.Join(other, "\n"))
	}
	killer.Stop()
	return rows
}
