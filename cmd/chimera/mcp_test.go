package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chimera/internal/cli"
	"chimera/internal/fault"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// imported makes a store with an import in it, and returns the store, the
// import's id and a ledger.json of it.
func imported(t *testing.T) (store, id, ledger string) {
	t.Helper()
	dir := t.TempDir()
	store, ledger = filepath.Join(dir, "chimera.db"), filepath.Join(dir, "report", "ledger.json")
	csv := "num_gpu,num_ctx,temperature,config_name,ttft_s,tokens_s,load_s,prompt_eval_s,eval_s,eval_count,error\n"
	for _, name := range []string{"gemma3_small_param_tuning.csv", "gemma3_large_param_tuning.csv"} {
		rate := map[bool]string{true: "200.0", false: "100.0"}[strings.Contains(name, "small")]
		rows := "999,1024,0.2,g999_c1024_t0.2,0.11," + rate + ",0.10,0.01,1.0," + strings.TrimSuffix(rate, ".0") + ",\n999,2048,0.2,g999_c2048_t0.2,0.11," + rate + ",0.10,0.01,1.0," + strings.TrimSuffix(rate, ".0") + ",\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(csv+rows), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var doc struct{ Import string }
	if err := json.Unmarshal([]byte(command(t, "--store", store, "--json", "import", dir)), &doc); err != nil {
		t.Fatal(err)
	}
	command(t, "--store", store, "report", "--import", doc.Import, "--format", "json", "-o", filepath.Dir(ledger))
	return store, doc.Import, ledger
}

func command(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	env := cli.Env{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }}
	if code := cli.Run(t.Context(), env); code != fault.OK {
		t.Fatalf("chimera %s: code %d: %s", strings.Join(args, " "), code, &errs)
	}
	return out.String()
}

func askMCP(t *testing.T, transport mcp.Transport) *mcp.ClientSession {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(ctx, transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	tools, err := s.ListTools(ctx, nil)
	if err != nil || len(tools.Tools) != 5 {
		t.Fatalf("%v, tools %+v", err, tools)
	}
	r, err := s.CallTool(ctx, &mcp.CallToolParams{Name: "query", Arguments: map[string]any{"metric": "server_rate_naive", "by": []string{"subject"}}})
	if err != nil || r.IsError {
		t.Fatalf("%v %+v", err, r)
	}
	if text := r.Content[0].(*mcp.TextContent).Text; !strings.Contains(text, `"value":200`) || !strings.Contains(text, `"value":100`) {
		t.Errorf("query answers %s", text)
	}
	for _, finding := range findingIDs(t, s) {
		r, err := s.CallTool(ctx, &mcp.CallToolParams{Name: "plot", Arguments: map[string]any{"id": finding, "format": "svg"}})
		if err != nil {
			t.Fatal(err)
		}
		if !r.IsError {
			if p, ok := r.Content[len(r.Content)-1].(*mcp.EmbeddedResource); !ok || !strings.HasPrefix(p.Resource.Text, "<svg") {
				t.Errorf("the picture of %s: %+v", finding, r.Content)
			}
			return s
		}
	}
	t.Error("no finding has a picture")
	return s
}

// findingIDs lists the findings by the tool that lists them.
func findingIDs(t *testing.T, s *mcp.ClientSession) []string {
	t.Helper()
	r, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: "inventory", Arguments: map[string]any{"part": "findings"}})
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Findings []struct{ ID string } }
	if err := json.Unmarshal([]byte(r.Content[0].(*mcp.TextContent).Text), &doc); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range doc.Findings {
		ids = append(ids, f.ID)
	}
	return ids
}

// TestAssistantAsksTheBinary: a session over standard input and output with
// rows from a store, then with a ledger.json; each call is logged.
func TestAssistantAsksTheBinary(t *testing.T) {
	store, id, ledger := imported(t)
	log := filepath.Join(t.TempDir(), "calls.jsonl")
	for _, args := range [][]string{{"mcp", "--store", store, "--import", id, "--log", log}, {"mcp", "--ledger", ledger}} {
		c := exec.Command("chimera", args...)
		var errs bytes.Buffer
		c.Stderr = &errs
		s := askMCP(t, &mcp.CommandTransport{Command: c})
		if err := s.Close(); err != nil {
			t.Errorf("%v ends with %v: %s", args, err, &errs)
		}
		if code := c.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%v exits with %d: %s", args, code, &errs)
		}
	}
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	var first struct {
		N         int
		Tool      string
		Arguments string
		Facts     []string
		Digest    string
		Took      int64
	}
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || first.N != 1 || first.Tool != "query" || len(first.Facts) == 0 || first.Digest == "" || first.Took <= 0 {
		t.Errorf("the log begins with %s (%v)", lines[0], err)
	}
}

// TestInterruptEndsTheAssistantsServer: Ctrl-C is how a server ends.
func TestInterruptEndsTheAssistantsServer(t *testing.T) {
	_, _, ledger := imported(t)
	c := startRun(t, "mcp", "--ledger", ledger)
	c.until(t, "answering an assistant")
	c.interrupt(t)
	if code := c.exits(t); code != fault.OK || c.stdout.Len() > 0 {
		t.Errorf("code %d, standard output %q:\n%s", code, &c.stdout, &c.stderr)
	}
}

func TestAssistantAsksTheBinaryOverHTTP(t *testing.T) {
	_, _, ledger := imported(t)
	c := exec.Command("chimera", "mcp", "--ledger", ledger, "--http", "127.0.0.1:0", "--quiet")
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill() }() // has ended, unless the test failed
	out := bufio.NewReader(pipe)
	address, err := out.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	askMCP(t, &mcp.StreamableClientTransport{Endpoint: strings.TrimSpace(address)})
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(out); err != nil || len(rest) > 0 {
		t.Errorf("standard output goes on with %q (%v)", rest, err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("ends with %v while a session is open", err)
	}
}
