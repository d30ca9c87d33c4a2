package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chimera/internal/store/sqlite"
)

// overHTTP is a spec for a simulator at a URL: two subjects, a suite and a
// sweep, some requests of which fail.
func overHTTP(url string, blocks int) string {
	return fmt.Sprintf(`version: 1
name: killed
targets:
  - {id: box, kind: ollama, url: %q}
subjects:
  - {id: a, target: box, model: a}
  - {id: b, target: box, model: b}
workloads:
  - {id: w, suite: banter, max_tokens: 6}
experiments:
  - {id: suite, kind: suite, workloads: [w], blocks: %d}
  - {id: sweep, kind: grid, subjects: [a], workloads: [w], factors: {num_ctx: [1024, 2048], temperature: [0, 0.8]}, blocks: %d}
design: {warmup: 1, cold_loads: 1, timeout: 5s}
telemetry: {interval: 100ms}
`, url, blocks, blocks)
}

// killAfter runs chimera in a process of its own and kills it so long after
// its start; it reports whether the process was still there to be killed.
func killAfter(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	cmd := exec.Command("chimera", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	killer.Stop()
	if err != nil && cmd.ProcessState.ExitCode() >= 0 {
		t.Fatalf("chimera %v: %v\n%s", args, err, stderr.String())
	}
	return err != nil
}

// rowsOf returns the rows of a run by session, trial and attempt, without the
// mark that a resume may set, and how many have it.
func rowsOf(t *testing.T, store, run string) (rows map[string]string, superseded int) {
	t.Helper()
	got := chimera(t, "", nil, "runs", "export", run, "--store", store)
	if got.code != 0 {
		t.Fatalf("export: %s", got.stderr)
	}
	rows = map[string]string{}
	for line := range strings.Lines(got.stdout) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		if row["superseded"] == true {
			superseded++
		}
		delete(row, "superseded")
		b, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		rows[fmt.Sprint(row["session"], row["trial"], row["attempt"])] = string(b)
	}
	return rows, superseded
}

// theRun returns the id of a store's only run, or "" if there is none yet, and
// its JSON document.
func theRun(t *testing.T, store string) (id string, doc any) {
	t.Helper()
	got := chimera(t, "", nil, "runs", "ls", "--json", "--store", store)
	if got.code != 0 {
		t.Fatalf("runs ls: %s", got.stderr)
	}
	doc, err := oneDocument([]byte(got.stdout))
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := lookup(doc, "runs.len"); n == "0" {
		return "", nil
	} else if n != "1" {
		t.Fatalf("%s runs in the store", n)
	}
	if id, err = lookup(doc, "runs.0.manifest.run"); err != nil {
		t.Fatal(err)
	}
	return id, doc
}

// TestKilledRunGoesOn kills runs and their resumes at random instants. Every
// row that was in the store after a kill is there in the end, word for word;
// the run is completed, sealed and verified, and its outcomes add up.
func TestKilledRunGoesOn(t *testing.T) {
	kills, chain := 20, 4
	if testing.Short() {
		kills = 4
	}
	url := simulated(t, "model=a&model=b*1.5&load=2ms&overhead=0s&first=1ms&gap=500us&slots=2&fault=http:17:500&fault=cut:23:3")
	folder := t.TempDir()
	file := filepath.Join(folder, "x.yaml")
	if err := os.WriteFile(file, []byte(overHTTP(url, 3)), 0o600); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if killAfter(t, time.Minute, "run", file, "--preflight", "0", "-q", "--store", filepath.Join(folder, "whole.db")) {
		t.Fatal("an uninterrupted run took a minute")
	}
	whole := time.Since(begun)

	random := rand.New(rand.NewPCG(5, 20))
	done, kept, replaced, chains := 0, 0, 0, 0
	for done < kills {
		store := filepath.Join(folder, fmt.Sprintf("%d.db", chains))
		chains++
		setUp(t, store)
		before := map[string]string{}
		for range chain {
			if done == kills || !killAfter(t, time.Duration(random.Int64N(int64(whole))), startOrResume(t, store, file)...) {
				break
			}
			done++
			id, doc := theRun(t, store)
			if id == "" {
				continue // it was killed before it began
			}
			rows, _ := rowsOf(t, store, id)
			lost(t, before, rows)
			before = rows
			if expect(doc, "runs.0.status=complete") == nil {
				break // it was killed after it was sealed
			}
		}
		kept += len(before)
		replaced += finish(t, store, file, before)
	}
	t.Logf("%d kills in %d runs of %s: %d rows in the store after the last kill of each, all kept, %d superseded; took %s",
		done, chains, whole.Round(time.Millisecond), kept, replaced, time.Since(begun).Round(time.Millisecond))
	if kept == 0 || replaced == 0 {
		t.Errorf("%d rows kept, %d superseded: nothing was tested", kept, replaced)
	}
}

// setUp makes an empty store: the kills are to fall into runs.
func setUp(t *testing.T, path string) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// startOrResume are the arguments that take the store's run further.
func startOrResume(t *testing.T, store, file string) []string {
	t.Helper()
	args := []string{"run", file}
	if id, _ := theRun(t, store); id != "" {
		args = []string{"run", "--resume", id}
	}
	return append(args, "--preflight", "0", "-q", "--store", store)
}

// finish completes the store's run and judges it; it returns how many rows
// were superseded.
func finish(t *testing.T, store, file string, before map[string]string) int {
	t.Helper()
	if _, doc := theRun(t, store); doc == nil || expect(doc, "runs.0.status=complete") != nil {
		if got := chimera(t, "", nil, startOrResume(t, store, file)...); got.code != 0 {
			t.Fatalf("exit %d: %s", got.code, got.stderr)
		}
	}
	id, doc := theRun(t, store)
	if err := expect(doc, "runs.0.status=complete"); err != nil {
		t.Error(err)
	}
	if got := chimera(t, "", nil, "runs", "verify", id, "--store", store); got.code != 0 {
		t.Errorf("verify: %s", got.stderr)
	}
	rows, superseded := rowsOf(t, store, id)
	lost(t, before, rows)
	if planned, ended := countsOf(t, doc); planned != ended || planned == 0 {
		t.Errorf("%d planned, %d ended: %v", planned, ended, doc)
	}
	return superseded
}

// countsOf returns what was planned and the sum of all outcomes.
func countsOf(t *testing.T, doc any) (planned, ended int) {
	t.Helper()
	text, err := lookup(doc, "runs.0.outcomes.planned")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(text, &planned); err != nil {
		t.Fatal(err)
	}
	for _, o := range []string{"ok", "error", "timeout", "dropped", "cut", "degenerate"} {
		n := 0
		if text, err := lookup(doc, "runs.0.outcomes."+o); err != nil {
			t.Fatal(err)
		} else if _, err := fmt.Sscan(text, &n); err != nil {
			t.Fatal(err)
		}
		ended += n
	}
	return planned, ended
}

// lost fails if a row of before is not in now, or is another.
func lost(t *testing.T, before, now map[string]string) {
	t.Helper()
	for key, row := range before {
		if now[key] != row {
			t.Errorf("row %s was\n%s\nand is\n%s", key, row, now[key])
		}
	}
}

// TestKilledImportIsDoneAgain kills an import at random instants. Importing the
// same files again gives the whole import, byte for byte, whatever was left.
func TestKilledImportIsDoneAgain(t *testing.T) {
	folder := t.TempDir()
	row := "999,1024,0.4,g,0.112,103.5,0.1,0.012,4.1,424,\n"
	text := "num_gpu,num_ctx,temperature,config_name,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,eval_count,error\n" + strings.Repeat(row, 12_000)
	file := filepath.Join(folder, "gemma3_270m_param_tuning.csv")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	digestOf := func(store string) string {
		got := chimera(t, "", nil, "import", file, "--json", "--store", store)
		doc, err := oneDocument([]byte(got.stdout))
		if err != nil || got.code != 0 {
			t.Fatalf("%v %s", err, got.stderr)
		}
		sum, err := lookup(doc, "digest")
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	begun := time.Now()
	if killAfter(t, time.Minute, "import", file, "--store", filepath.Join(folder, "whole.db")) {
		t.Fatal("an uninterrupted import took a minute")
	}
	whole := time.Since(begun)
	want := digestOf(filepath.Join(folder, "whole.db"))
	random := rand.New(rand.NewPCG(5, 21))
	halves := 0
	for i := range 8 {
		store := filepath.Join(folder, fmt.Sprintf("killed%d.db", i))
		killAfter(t, time.Duration(random.Int64N(int64(whole))), "import", file, "-q", "--store", store)
		if _, doc := theRun(t, store); doc != nil {
			if status, err := lookup(doc, "runs.0.status"); err == nil && status == "open" {
				halves++
			}
		}
		if got := digestOf(store); got != want {
			t.Errorf("killed and done again its digest is %s, want %s", got, want)
		}
		id, _ := theRun(t, store)
		if got := chimera(t, "", nil, "runs", "verify", id, "--store", store); got.code != 0 {
			t.Errorf("verify: %s%s", got.stdout, got.stderr)
		}
	}
	if halves == 0 {
		t.Log("no kill met an import half stored")
	}
}
