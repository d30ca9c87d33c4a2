//go:build unix

package launch_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chimera/internal/launch"
)

// real returns a variable of the real-runtime stage.
func real(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		if os.Getenv("CHIMERA_REAL") == "1" {
			t.Fatal(name + " is not set in the real-runtime stage")
		}
		t.Skip(name + " is not set: scripts/real/serve sets it")
	}
	return v
}

// post sends one request and decodes the answer.
func post(t *testing.T, url, body string, into any) {
	t.Helper()
	r, err := http.Post(url, "application/json", bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s, %v", url, r.Status, b, err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
}

// create gives an Ollama the real model, under the name "launched".
func create(t *testing.T, binary, url string, environ []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Modelfile")
	if err := os.WriteFile(file, []byte("FROM "+real(t, "CHIMERA_GEMMA_GGUF")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "create", "launched", "-f", file)
	cmd.Env = append(environ, "OLLAMA_HOST="+url)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// answers has an Ollama load the model and answer.
func answers(t *testing.T, url string) {
	t.Helper()
	var answer struct {
		Done  bool `json:"done"`
		Count int  `json:"eval_count"`
	}
	post(t, url+"/api/generate", `{"model":"launched","prompt":"The capital of France is","raw":true,"stream":false,"options":{"num_predict":4}}`, &answer)
	if !answer.Done || answer.Count == 0 {
		t.Errorf("%s answered %+v", url, answer)
	}
}

// A killed chimera takes the server along, and the runner that the server has
// started for its model.
func TestRealDeadChimeraLeavesNoOllama(t *testing.T) {
	binary, home := real(t, "CHIMERA_OLLAMA_BIN"), "HOME="+t.TempDir()
	chimera, url, pid := another(t, binary, home, "LAUNCH_TEST_MODELS="+t.TempDir())
	create(t, binary, url, append(os.Environ(), home))
	answers(t, url)
	if members := groupOf(t, pid); len(members) < 2 {
		t.Errorf("a server with a model has processes %v", members)
	}
	kill(t, chimera, func() bool { return len(groupOf(t, pid)) == 0 })
}

// Two servers with one folder of models: what one makes, the other answers
// with; and when they are stopped, nothing that they started is left.
func TestRealOllamasShareTheirModels(t *testing.T) {
	o := launch.Options{Kind: launch.Ollama, Binary: real(t, "CHIMERA_OLLAMA_BIN"), Logs: t.TempDir(), Models: t.TempDir(),
		Environ: append(os.Environ(), "HOME="+t.TempDir()), Parallel: 2, Context: 2048, MaxLoaded: 1}
	one, two := started(t, o), started(t, o)
	create(t, o.Binary, one.URL(), o.Environ)
	for _, s := range []*launch.Server{one, two} {
		answers(t, s.URL())
		var loaded struct {
			Models []struct {
				Context int `json:"context_length"`
			} `json:"models"`
		}
		r, err := http.Get(s.URL() + "/api/ps")
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(r.Body).Decode(&loaded)
		r.Body.Close()
		if err != nil || len(loaded.Models) != 1 || loaded.Models[0].Context != 2048 {
			t.Errorf("loaded is %+v, %v; want one with a context of 2048", loaded, err)
		}
	}
	for _, s := range []*launch.Server{one, two} {
		if members := groupOf(t, s.PID()); len(members) < 2 {
			t.Errorf("a server with a model has processes %v: its runner is not in its group", members)
		}
		began := time.Now()
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		t.Logf("stopped in %s", time.Since(began).Round(time.Millisecond))
		silent(t, s)
		if left := groupOf(t, s.PID()); len(left) > 0 {
			t.Errorf("processes %v are left", left)
		}
	}
}

// llamaServer is a llama-server: the real llama.cpp comes as a library here, and
// a script gives it that name and those options.
func llamaServer(t *testing.T) string {
	t.Helper()
	script, err := filepath.Abs("../../scripts/real/llama_server.py")
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "llama-server")
	if err := os.WriteFile(binary, []byte(fmt.Sprintf("#!/bin/sh\nexec '%s' '%s' \"$@\"\n", real(t, "CHIMERA_LLAMA_PYTHON"), script)), 0o700); err != nil {
		t.Fatal(err)
	}
	return binary
}

func TestRealLlamaServer(t *testing.T) {
	binary, model := llamaServer(t), real(t, "CHIMERA_GEMMA_GGUF")
	s := started(t, launch.Options{Kind: launch.LlamaServer, Binary: binary, Environ: os.Environ(), Model: model, Parallel: 3, Context: 512, Logs: t.TempDir()})
	var answer struct {
		Content string `json:"content"`
	}
	post(t, s.URL()+"/completion", `{"prompt":"The capital of France is","n_predict":4}`, &answer)
	if answer.Content == "" {
		t.Error("no answer")
	}
	r, err := http.Get(s.URL() + "/slots")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var slots []struct {
		Context int `json:"n_ctx"`
	}
	if err := json.NewDecoder(r.Body).Decode(&slots); err != nil || len(slots) != 3 || slots[0].Context < 512 {
		t.Errorf("slots are %+v, %v; want three of 512 tokens", slots, err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	silent(t, s)
}

// A model that cannot be read ends the server before it answers.
func TestRealLlamaServerWithABrokenModel(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.gguf")
	if err := os.WriteFile(broken, []byte("GGUF and then nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := launch.Start(t.Context(), launch.Options{Kind: launch.LlamaServer, Binary: llamaServer(t), Environ: os.Environ(), Model: broken,
		Logs: t.TempDir(), Wait: 20 * time.Second})
	if err == nil {
		t.Error(s.Stop())
		t.Fatal("a server without a model came up")
	}
	if !strings.Contains(err.Error(), "ended before it answered: exit status 1; its log ends with\n") {
		t.Error(err)
	}
}

// groupOf lists the processes of a group that run.
func groupOf(t *testing.T, leader int) []string {
	t.Helper()
	out, err := exec.Command("ps", "-eo", "pid=,pgid=,stat=,comm=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var members []string
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 3 && f[1] == fmt.Sprint(leader) && !strings.HasPrefix(f[2], "Z") {
			members = append(members, f[3])
		}
	}
	return members
}
