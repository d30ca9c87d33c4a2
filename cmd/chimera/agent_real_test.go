package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chimera/internal/cli"
)

// legacyWorkspace is a folder of an earlier lab's files.
func legacyWorkspace(t testing.TB) string {
	t.Helper()
	root := filepath.Join("..", "..", "..", "shared", "legacy", "workspace")
	if _, err := os.Stat(root); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("needs the files of the earlier lab: ", err)
	}
	return root
}

// published runs a command of agents and returns its document, after holding the
// audit of what it published to its promise.
func published(t *testing.T, args ...string) map[string]any {
	t.Helper()
	folder := t.TempDir()
	var out, errs bytes.Buffer
	code := cli.Run(t.Context(), cli.Env{Args: append(args, "--json", "-q", "--store", filepath.Join(folder, "chimera.db"), "-o", filepath.Join(folder, "out")),
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }})
	if code != 0 {
		t.Fatalf("%v: exit %d: %s", args, code, errs.String())
	}
	var doc map[string]any
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	summary := doc["audit"].(map[string]any)["summary"].(map[string]any)
	if summary["contradicted"].(float64)+summary["malformed"].(float64)+summary["unverifiable"].(float64) > 0 || summary["supported"].(float64) < 20 {
		t.Errorf("%v: the audit found %v", args[:2], summary)
	}
	for _, a := range doc["agents"].([]any) {
		w := a.(map[string]any)
		t.Logf("%s: %s kept %v dropped %d score %v planner %v seconds %v audit %v", args[1], w["role"], len(w["kept"].(map[string]any)), len(w["dropped"].([]any)), w["score"], w["planner"], w["seconds"], summary)
	}
	return doc
}

// small are budgets with which a small model on two cores ends in minutes.
var small = []string{"--table", "600", "--max-tokens", "160", "--max-tools", "1"}

// Reports of a real model over a real workspace hold, on every runtime: whatever
// the model makes of it, each published claim is supported.
func TestRealAgents(t *testing.T) {
	runtimes := map[string][]string{
		"native":      {"--model", given(t, "CHIMERA_GEMMA_GGUF")},
		"llamaserver": {"--url", given(t, "CHIMERA_LLAMA_URL"), "--model", given(t, "CHIMERA_LLAMA_MODEL")},
		"ollama":      {"--url", given(t, "CHIMERA_OLLAMA_URL"), "--model", given(t, "CHIMERA_OLLAMA_MODEL")},
	}
	tuned := map[string]string{"native": "threads=1", "llamaserver": "temperature=0.2", "ollama": "num_ctx=3072"}
	workspace := legacyWorkspace(t)
	for kind, at := range runtimes {
		t.Run(kind, func(t *testing.T) {
			calls := "2" // a summary and a report
			if kind == "native" {
				calls = "5" // and a tool
			}
			with := func(args ...string) []string { return slices.Concat(args, at, small, []string{"--max-calls", calls}) }
			doc := published(t, with("agent", "run", workspace)...)
			first := doc["agents"].([]any)[0].(map[string]any)
			if n := len(first["calls"].([]any)); n < 2 {
				t.Errorf("%d calls were made", n)
			}
			if tools := len(first["tools"].([]any)); kind == "native" && tools != 1 {
				t.Errorf("%d tools were called", tools)
			}
			published(t, with("agent", "compare", workspace, "--set", tuned[kind], "--runs", "1", "--equal-tokens", "8")...)
			published(t, with("agent", "pair", workspace, "--runs", "1", "--equal-tokens", "8")...) // both personas
		})
	}
}
