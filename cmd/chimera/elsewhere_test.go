package main

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A place is a machine as far as a process can tell: a folder to work in, and
// an environment.
type place struct {
	folder string
	env    []string
}

// chimera runs a command there, in a process of its own.
func (p place) chimera(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("chimera", args...)
	cmd.Dir, cmd.Env = p.folder, append([]string{"PATH=" + os.Getenv("PATH")}, p.env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chimera %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// tells returns all that is told of a stored run: files and standard output.
func (p place) tells(t *testing.T, which ...string) map[string][]byte {
	t.Helper()
	told := map[string][]byte{}
	p.chimera(t, append([]string{"report", "-o", "out", "--format", "json,csv,parquet,svg,png,html,md,ipynb"}, which...)...)
	out := filepath.Join(p.folder, "out")
	err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(out, path)
		if err == nil {
			told[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	told["analyze"] = p.chimera(t, append([]string{"analyze", "--json"}, which...)...)
	return told
}

// TestReportsAreTheSameElsewhere: the same store says the same in another
// folder, for another user, in another time zone and language, on another
// number of cores.
func TestReportsAreTheSameElsewhere(t *testing.T) {
	run := simulatedRun(t)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	bench := "goos: linux\npkg: example.com/lab\n" + strings.Repeat("BenchmarkDecode-2 \t 100 \t 1234 ns/op\nBenchmarkDecode-2 \t 100 \t 1250 ns/op\n", 4)
	if err := os.WriteFile("bench.txt", []byte(bench), 0o600); err != nil {
		t.Fatal(err)
	}
	there := filepath.Join(t.TempDir(), "ein anderer Ort", "a-b")
	if err := os.CopyFS(there, os.DirFS(here)); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	places := []place{
		{here, []string{"HOME=" + home, "TZ=UTC", "LANG=C"}},
		{there, []string{"HOME=" + there, "TZ=Asia/Kathmandu", "LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8", "USER=ada", "HOSTNAME=elsewhere", "GOMAXPROCS=1",
			"CHIMERA_CACHE=" + filepath.Join(there, "cache")}},
	}
	var told [2]map[string][]byte
	for i, p := range places {
		told[i] = p.tells(t, run)
		told[i]["rows"] = p.chimera(t, "runs", "export", run)
		told[i]["manifest"] = p.chimera(t, "runs", "show", run, "--json")
		told[i]["table"] = p.chimera(t, "runs", "show", run)
		told[i]["facts"] = p.chimera(t, "query", "decode_rate", "--agg", "median", "--by", "subject", "--run", run, "--json")
		told[i]["import"] = p.chimera(t, "import", "bench.txt", "--json", "--quiet")
		_, id, _ := strings.Cut(string(told[i]["import"]), `"import": "`)
		id, _, _ = strings.Cut(id, `"`)
		told[i]["import's manifest"] = p.chimera(t, "runs", "show", id, "--json")
	}
	names := slices.Sorted(maps.Keys(told[0]))
	if other := slices.Sorted(maps.Keys(told[1])); !slices.Equal(names, other) || len(names) < 15 {
		t.Errorf("here %q, there %q", names, other)
	}
	for _, name := range names {
		a, b := told[0][name], told[1][name]
		if at := differ(a, b); at >= 0 {
			t.Errorf("%s differs at byte %d: %q and %q", name, at, excerpt(a, at), excerpt(b, at))
		}
		for _, p := range places {
			if bytes.Contains(a, []byte(p.folder)) || bytes.Contains(b, []byte(p.folder)) {
				t.Errorf("%s names the folder %s", name, p.folder)
			}
		}
	}
}

// differ returns where two texts part, −1 if they do not.
func differ(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	return at
}

func excerpt(b []byte, at int) []byte { return b[max(0, at-40):min(len(b), at+40)] }
