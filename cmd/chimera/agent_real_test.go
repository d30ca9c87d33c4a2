package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
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
var small = []string{"--table", "600", "--max-tokens", "160", "--max-calls", "4", "--max-tools", "1"}

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
			with := func(args ...string) []string { return append(append(args, at...), small...) }
			for _, persona := range []string{"InsightAgent", "DataCollector-9000"} {
				doc := published(t, with("agent", "run", workspace, "--persona", persona)...)
				first := doc["agents"].([]any)[0].(map[string]any)
				if len(first["calls"].([]any)) == 0 {
					t.Errorf("%s: no call was made", persona)
				}
			}
			published(t, with("agent", "compare", workspace, "--set", tuned[kind], "--runs", "2", "--equal-tokens", "12")...)
			published(t, with("agent", "pair", workspace, "--runs", "2", "--equal-tokens", "12")...)
		})
	}
}
