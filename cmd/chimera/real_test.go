package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chimera/internal/cli"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/store"
	"chimera/internal/store/sqlite"

	"github.com/google/go-cmp/cmp"
)

// Tests named Real need servers and a model that scripts/real/serve starts;
// .ci/real runs them all. Their specs stand in testdata/real, with the names of
// environment variables where a server's address belongs.

// given returns a variable that scripts/real/serve sets.
func given(t testing.TB, name string) string {
	t.Helper()
	if os.Getenv("CHIMERA_REAL") == "" {
		t.Skip("needs real servers: scripts/real/serve -- go test -run Real ./cmd/chimera")
	}
	switch v := os.Getenv(name); {
	case name == "CHIMERA_LLAMA_MODEL":
		return llamaModel(t)
	case v == "":
		t.Fatalf("CHIMERA_REAL is set, but %s is not", name)
		return ""
	default:
		return v
	}
}

// llamaModel asks the llama.cpp server how it calls its only model.
func llamaModel(t testing.TB) string {
	t.Helper()
	resp, err := http.Get(given(t, "CHIMERA_LLAMA_URL") + "/v1/models")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct{ Data []struct{ ID string } }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil || len(list.Data) != 1 {
		t.Fatalf("the llama.cpp server lists %d models: %v", len(list.Data), err)
	}
	return list.Data[0].ID
}

// realSpec writes a spec of testdata/real with the servers of this machine.
func realSpec(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "real", name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(os.Expand(string(text), func(v string) string { return given(t, v) })), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A session is command lines that share a store.
type session struct {
	t     testing.TB
	store string
}

func newSession(t testing.TB) session {
	t.Helper()
	return session{t, filepath.Join(t.TempDir(), "chimera.db")}
}

// chimera runs a command line that must go well and returns its standard output.
func (s session) chimera(stdin string, args ...string) string {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(s.t.Context(), cli.Env{
		Args: append([]string{"--store", s.store}, args...), Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
		Getenv: func(name string) string {
			return map[string]string{"CHIMERA_CACHE": filepath.Join(filepath.Dir(s.store), "cache"), "PATH": os.Getenv("PATH")}[name]
		},
	})
	if code != fault.OK {
		s.t.Fatalf("chimera %s: exit %d\n%s%s", strings.Join(args, " "), code, stdout.String(), stderr.String())
	}
	return stdout.String()
}

func (s session) json(into any, args ...string) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.chimera("", append(args, "--json", "--quiet")...)), into); err != nil {
		s.t.Fatalf("chimera %s: %v", strings.Join(args, " "), err)
	}
}

// A conducted run is what `run` and `bench` print, and what is stored of it.
type conducted struct {
	Run, Status string
	Outcomes    map[string]int
	Loads       struct{ Planned, Failed, Unplanned int }
	Seconds     float64
	Warnings    []string

	stored   store.Run
	rows     []*sample.Sample
	readings map[string][]float64 // by series
}

// conduct runs an experiment and checks what every complete run must keep:
// each planned request ended in one outcome, and the rows are as sealed.
func (s session) conduct(args ...string) conducted {
	t := s.t
	t.Helper()
	var c conducted
	s.json(&c, args...)
	t.Logf("%s: %s in %.0f s, %v, loads %+v", c.Run, c.Status, c.Seconds, c.Outcomes, c.Loads)
	for _, w := range c.Warnings {
		t.Log("warning: ", w)
	}
	s.json(&c.stored, "runs", "show", c.Run)
	err := sample.Read(strings.NewReader(s.chimera("", "runs", "export", c.Run)), func(row *sample.Sample) error {
		c.rows = append(c.rows, row)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.chimera("", "runs", "verify", c.Run)
	c.readings = s.readings(c.Run)

	ended := 0
	for _, o := range sample.Outcomes {
		ended += c.Outcomes[string(o)]
	}
	planned := c.stored.Manifest.Planned
	if c.Status != string(store.Complete) || c.Outcomes["planned"] != planned || ended != planned || len(c.rows) != planned || c.Outcomes["ok"] != planned {
		t.Errorf("%s: %d planned, outcomes %v, %d rows", c.Status, planned, c.Outcomes, len(c.rows))
	}
	for _, row := range c.rows {
		if row.Outcome != sample.OK {
			t.Errorf("%s: %s %+v", row.Trial, row.Outcome, row.Failure)
		}
		for _, broken := range row.Validate() {
			t.Errorf("%s: %v", row.Trial, broken)
		}
	}
	return c
}

func (s session) readings(run string) map[string][]float64 {
	s.t.Helper()
	st, err := sqlite.Open(s.t.Context(), s.store)
	if err != nil {
		s.t.Fatal(err)
	}
	defer st.Close()
	all := map[string][]float64{}
	for r, err := range st.Readings(s.t.Context(), run) {
		if err != nil {
			s.t.Fatal(err)
		}
		all[r.Series] = append(all[r.Series], r.Value.Or(math.NaN()))
	}
	return all
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// The earlier lab found differences between four levels of num_gpu that are one,
// and averaged over the loads that each change of an option forces. The same grid
// here: one level comes out, and every load is planned, or marked where it hit.
func TestRealLegacyGrid(t *testing.T) {
	c := newSession(t).conduct("run", realSpec(t, "legacy-grid.yaml"), "--preflight", "0")

	t.Run("num_gpu is one effective level", func(t *testing.T) {
		levels := map[any]int{}
		for _, row := range c.rows {
			if row.Experiment == "grid" {
				levels[row.Effective["num_gpu"]]++
			}
		}
		if len(levels) != 1 {
			t.Errorf("effective levels of num_gpu and their rows: %v", levels)
		}
		for _, known := range []string{"before", "after"} {
			sets := 0
			for _, a := range c.stored.Manifest.Aliases {
				if a.Known == known && len(a.Requested) == 4 {
					sets++
				}
			}
			if sets != 9 { // num_ctx × temperature
				t.Errorf("%d sets of four aliases are known %s the run, want 9", sets, known)
			}
		}
	})

	t.Run("every load is accounted for", func(t *testing.T) {
		loads, resident, marked := 0, "", 0
		warmest := 0.0
		for _, row := range c.rows { // in plan order
			key := fmt.Sprint(row.Config["num_gpu"], row.Config["num_ctx"])
			if row.Experiment == "cold" || key != resident {
				loads++
			}
			resident = key
			if reloaded := slices.ContainsFunc(row.Notes, func(n string) bool { return strings.HasPrefix(n, "unplanned reload") }); reloaded {
				marked++
				if row.Phase == sample.Measure {
					t.Errorf("%s ran into a load, but counts as warm", row.Trial)
				}
			} else if row.Phase == sample.Measure {
				warmest = max(warmest, row.Times.Load.Or(0).Seconds())
			}
		}
		took := c.readings["load.took"]
		t.Logf("%d loads, %d unplanned; a load takes %.2f s (median, %.2f at least), the slowest warm request told of %.2f s",
			c.Loads.Planned, c.Loads.Unplanned, median(took), slices.Min(took), warmest)
		if c.Loads.Planned != loads || len(took) != loads || c.Loads.Failed != 0 {
			t.Errorf("loads %+v and %d readings of them, but the plan changes what must be loaded %d times", c.Loads, len(took), loads)
		}
		if marked != c.Loads.Unplanned || marked != len(c.readings["load.unplanned"]) {
			t.Errorf("%d unplanned loads, %d rows marked, readings %v", c.Loads.Unplanned, marked, c.readings["load.unplanned"])
		}
		if warmest >= slices.Min(took) {
			t.Errorf("a request that counts as warm loaded for %.2f s; the shortest load took %.2f s", warmest, slices.Min(took))
		}
	})

	t.Run("cold rows stand apart", func(t *testing.T) {
		phases := map[sample.Phase]int{}
		for _, row := range c.rows {
			phases[row.Phase]++
			if row.Phase == sample.Cold && row.Experiment != "cold" && (!row.Planned.OK() || len(row.Notes) == 0) {
				t.Errorf("%s is cold without a reason", row.Trial)
			}
			if row.Experiment == "cold" && row.Phase != sample.Cold {
				t.Errorf("%s is of the cold experiment, but %s", row.Trial, row.Phase)
			}
		}
		if phases[sample.Cold] < 3 || phases[sample.Measure] < 60 {
			t.Errorf("rows by phase: %v", phases)
		}
	})

	rates := map[string][]float64{}
	for _, row := range c.rows {
		if client, server, ok := rowRates(row); ok && row.Phase == sample.Measure {
			for _, option := range []string{"num_gpu", "num_ctx", "temperature"} {
				level := fmt.Sprintf("%s=%v", option, row.Config[option])
				rates[level] = append(rates[level], client)
				rates[level+" (server)"] = append(rates[level+" (server)"], server)
			}
		}
	}
	for _, level := range slices.Sorted(maps.Keys(rates)) {
		t.Logf("%-24s %6.2f token/s, median of %d", level, median(rates[level]), len(rates[level]))
	}
}

// rowRates are (N − 1) steps over the client's time and over the server's own.
func rowRates(row *sample.Sample) (client, server float64, ok bool) {
	n, counted := row.Tokens.Output.Get()
	first, started := row.T.First.Get()
	last, _ := row.T.Last.Get()
	if !counted || !started || n < 2 || last <= first {
		return 0, 0, false
	}
	client, server = float64(n-1)/(last-first).Seconds(), math.NaN()
	if eval, ok := row.Times.Eval.Get(); ok {
		server = float64(n-1) / eval.Seconds()
	}
	return client, server, true
}

// agreement is how far the client's rate may be from the server's own.
const agreement = 0.08

// One spec and one command: the same file on Ollama, on llama.cpp through both
// of its APIs, and on the embedded engine. The client's decode rate is each
// runtime's own. The OpenAI API has no times; its server is llama.cpp, which
// adds an account that is kept with the row.
func TestRealRuntimesAgreeWithTheirOwnClocks(t *testing.T) {
	c := newSession(t).conduct("run", realSpec(t, "runtimes.yaml"), "--preflight", "0")
	clients, servers, ratios := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for _, row := range c.rows {
		client, server, ok := rowRates(row)
		if !ok || row.Phase != sample.Measure {
			continue
		}
		if math.IsNaN(server) {
			server = toldRate(t, row)
		}
		clients[row.Subject] = append(clients[row.Subject], client)
		servers[row.Subject] = append(servers[row.Subject], server)
		ratios[row.Subject] = append(ratios[row.Subject], client/server)
	}
	for _, s := range c.stored.Manifest.Subjects {
		off := median(ratios[s.ID]) - 1
		t.Logf("%-12s %-28s client %6.2f token/s, server %6.2f, difference %+.1f %% (median of %d requests)",
			s.ID, s.Server, median(clients[s.ID]), median(servers[s.ID]), 100*off, len(ratios[s.ID]))
		if n := len(ratios[s.ID]); n < 15 {
			t.Errorf("%s: %d requests with a rate, want 15", s.ID, n)
		}
		if !(math.Abs(off) <= agreement) {
			t.Errorf("%s: the client's rate differs by %+.1f %% from the server's own, at most %.0f %%", s.ID, 100*off, 100*agreement)
		}
	}
}

// toldRate is the server's rate by the timings that llama.cpp adds to any
// answer: predicted_ms spans predicted_n − 1 steps.
func toldRate(t *testing.T, row *sample.Sample) float64 {
	t.Helper()
	var told struct {
		Timings struct {
			N  int     `json:"predicted_n"`
			MS float64 `json:"predicted_ms"`
		}
	}
	if err := json.Unmarshal(row.Server, &told); err != nil || told.Timings.N < 2 {
		t.Fatalf("%s: no timings in %s: %v", row.Trial, row.Server, err)
	}
	return float64(told.Timings.N-1) / told.Timings.MS * 1000
}

// BenchmarkRealEngine is the engine's speed by llama.cpp's, both by their own
// clocks and in one alternating run: the median over blocks of the ratio within
// a block, since a noisy machine is noisy for both.
func BenchmarkRealEngine(b *testing.B) {
	for b.Loop() {
		c := newSession(b).conduct("run", realSpec(b, "speed.yaml"), "--preflight", "0")
		type block struct{ prefill, decode float64 }
		blocks := map[string]map[int]block{}
		for _, row := range c.rows {
			if row.Phase != sample.Measure {
				continue
			}
			_, decode, _ := rowRates(row)
			fresh := float64(row.Tokens.Prompt.Or(0) - row.Tokens.Cached.Or(0))
			if blocks[row.Subject] == nil {
				blocks[row.Subject] = map[int]block{}
			}
			blocks[row.Subject][row.Block] = block{fresh / row.Times.PromptEval.Or(0).Seconds(), decode}
		}
		var prefill, decode, prefills, decodes []float64
		for n, native := range blocks["native"] {
			other := blocks["llamacpp"][n]
			prefill, decode = append(prefill, native.prefill/other.prefill), append(decode, native.decode/other.decode)
			prefills, decodes = append(prefills, native.prefill), append(decodes, native.decode)
		}
		b.ReportMetric(median(prefill), "prefill-ratio")
		b.ReportMetric(median(decode), "decode-ratio")
		b.ReportMetric(median(prefills), "prefill-token/s")
		b.ReportMetric(median(decodes), "decode-token/s")
	}
}

func TestRealBenchFindsOutTheKind(t *testing.T) {
	for kind, at := range map[string][2]string{
		"ollama":      {given(t, "CHIMERA_OLLAMA_URL"), given(t, "CHIMERA_OLLAMA_MODEL")},
		"llamaserver": {given(t, "CHIMERA_LLAMA_URL"), given(t, "CHIMERA_LLAMA_MODEL")},
	} {
		t.Run(kind, func(t *testing.T) {
			c := newSession(t).conduct("bench", "--url", at[0], "--model", at[1], "--raw", "--api", "completion",
				"--prompt", "The capital of France is", "--max-tokens", "8", "--blocks", "2", "--warmup", "1", "--preflight", "0")
			if s := c.stored.Manifest.Subjects[0]; s.Kind != kind || s.Server == "" {
				t.Errorf("the server is taken for %q (%s)", s.Kind, s.Server)
			}
		})
	}
}

func TestRealQuickstart(t *testing.T) {
	s := newSession(t)
	out := s.chimera("", "quickstart", "--url", given(t, "CHIMERA_OLLAMA_URL"), "--model", given(t, "CHIMERA_OLLAMA_MODEL"))
	t.Log(out)
	for _, want := range []string{"sealed", "complete", "decode", "TTFT warm", "TTFT cold", "quality"} {
		if !strings.Contains(out, want) {
			t.Errorf("quickstart does not print %q", want)
		}
	}
	var list struct{ Runs []store.Run }
	s.json(&list, "runs", "ls")
	if len(list.Runs) != 1 || list.Runs[0].Status != store.Complete || list.Runs[0].Outcomes.Ended() != list.Runs[0].Outcomes.Planned {
		t.Errorf("runs: %+v", list.Runs)
	}
}

func TestRealDoctor(t *testing.T) {
	given(t, "CHIMERA_REAL")
	var report struct {
		Checks []struct{ What, State, Found string }
	}
	newSession(t).json(&report, "doctor")
	for _, c := range report.Checks {
		t.Logf("%-12s %-8s %s", c.What, c.State, c.Found)
		if c.What == "" || c.Found == "" || c.State == "problem" {
			t.Errorf("%+v", c)
		}
	}
	if len(report.Checks) < 6 {
		t.Errorf("only %d checks", len(report.Checks))
	}
}

// golden is what llama.cpp says of the real model.
type golden struct {
	Tokenizer []struct {
		Text       string
		IDs        []int32
		IDsSpecial []int32 `json:"ids_special"`
	}
	Greedy []struct {
		Prompt       string
		PromptTokens int `json:"prompt_tokens"`
		IDs          []int32
		Text         string
		Logprobs     []float64
	} `json:"greedy_f32"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "gemma3_270m_golden.json"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the golden file is missing: %v", err)
		}
		t.Skipf("the golden file is missing: %v", err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Tokenizer) == 0 || len(g.Greedy) < 3 {
		t.Fatal("the golden file is empty")
	}
	return g
}

// eachLine sends requests as JSON lines to a command and decodes its answers.
func eachLine[Q, A any](t *testing.T, requests []Q, args ...string) []A {
	t.Helper()
	var in strings.Builder
	for _, q := range requests {
		b, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(b, '\n'))
	}
	lines := strings.Split(strings.TrimSuffix(newSession(t).chimera(in.String(), args...), "\n"), "\n")
	if len(lines) != len(requests) {
		t.Fatalf("%d answers to %d lines", len(lines), len(requests))
	}
	answers := make([]A, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal([]byte(line), &answers[i]); err != nil {
			t.Fatalf("answer %d: %v", i+1, err)
		}
	}
	return answers
}

func TestRealTokenizeLines(t *testing.T) {
	type line struct {
		Text    string `json:"text"`
		Special bool   `json:"special"`
	}
	var lines []line
	var want [][]int32
	for _, c := range readGolden(t).Tokenizer {
		lines = append(lines, line{c.Text, false}, line{c.Text, true})
		want = append(want, c.IDs, c.IDsSpecial)
	}
	got := eachLine[line, struct{ IDs []int32 }](t, lines, "model", "tokenize", given(t, "CHIMERA_GEMMA_GGUF"))
	for i := range got {
		if diff := cmp.Diff(want[i], got[i].IDs); diff != "" {
			t.Errorf("%+v:\n%s", lines[i], diff)
		}
	}
}

func TestRealGenerateLines(t *testing.T) {
	type line struct {
		Prompt   string  `json:"prompt"`
		ForceIDs []int32 `json:"force_ids"`
		Logprobs int     `json:"logprobs"`
	}
	type answer struct {
		IDs          []int32
		Text         string
		PromptTokens int `json:"prompt_tokens"`
		Logprobs     []float64
		Top          [][][2]float64
	}
	want := readGolden(t).Greedy[:3]
	var lines []line
	for _, c := range want {
		lines = append(lines, line{c.Prompt, c.IDs, 5})
	}
	worst := 0.0
	for i, a := range eachLine[line, answer](t, lines, "model", "generate", given(t, "CHIMERA_GEMMA_GGUF"), "--numerics", "exact") {
		w := want[i]
		if !slices.Equal(a.IDs, w.IDs) || a.Text != w.Text || a.PromptTokens != w.PromptTokens || len(a.Logprobs) != len(w.IDs) || len(a.Top) != len(w.IDs) {
			t.Errorf("%q: %+v", w.Prompt, a)
			continue
		}
		for step := range w.Logprobs {
			worst = max(worst, math.Abs(a.Logprobs[step]-w.Logprobs[step]))
		}
	}
	t.Logf("log-probabilities differ by at most %.4f", worst)
	if worst > 0.02 {
		t.Errorf("log-probabilities differ by up to %.4f, at most 0.02", worst)
	}
}
