package ollama_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"chimera/internal/sample"
	"chimera/internal/target"
	"chimera/internal/target/ollama"
	"chimera/internal/target/targettest"
)

func TestRequests(t *testing.T) {
	req := target.Request{Model: "m", Prompt: "why?", MaxTokens: 16, Seed: 3, Raw: true,
		Config: map[string]any{"num_ctx": 1024.0, "temperature": 0.5, "keep_alive": "30m"}}
	options := map[string]any{"num_ctx": 1024.0, "temperature": 0.5, "seed": 3.0, "num_predict": 16.0}
	for api, want := range map[target.API]targettest.Sent{
		target.Completion: {Path: "/api/generate", Body: map[string]any{"model": "m", "prompt": "why?", "raw": true, "stream": true, "keep_alive": "30m", "options": options}},
		target.Chat: {Path: "/api/chat", Body: map[string]any{"model": "m", "stream": true, "keep_alive": "30m", "options": options,
			"messages": []any{map[string]any{"role": "user", "content": "why?"}}}},
	} {
		req.API = api
		req.Constraint = target.Constraint{}
		req.Fixed = true // the API has no word for it
		if diff := cmp.Diff(want, targettest.Sends(t, open, req)); diff != "" {
			t.Errorf("%s:\n%s", api, diff)
		}
		req.Fixed, req.Constraint.JSONSchema = false, `{"type": "null"}`
		want.Body["format"] = map[string]any{"type": "null"}
		if diff := cmp.Diff(want, targettest.Sends(t, open, req)); diff != "" {
			t.Errorf("%s, constrained:\n%s", api, diff)
		}
	}
}

// The levels 40, 60, 80 and 999 of num_gpu are one configuration of every
// model with fewer layers, and −1 is another; each is a load of its own.
func TestEffective(t *testing.T) {
	tgt := open(t, target.Config{ID: "x", URL: "http://127.0.0.1:1"})
	defer tgt.Close()
	for _, layers := range []int{18, 26, 34} {
		d := target.Description{Layers: sample.Some(layers), TrainedCtx: sample.Some(32768)}
		loads := map[string]bool{}
		for _, gpu := range []float64{40, 60, 80, 999} {
			config := map[string]any{"num_gpu": gpu, "num_ctx": 1e6, "temperature": 0.2}
			want := map[string]any{"num_gpu": float64(layers + 1), "num_ctx": 32768.0, "temperature": 0.2}
			if diff := cmp.Diff(want, tgt.Effective(d, config)); diff != "" {
				t.Errorf("%d layers, num_gpu %v:\n%s", layers, gpu, diff)
			}
			loads[tgt.ReloadKey(config)] = true
		}
		if len(loads) != 4 {
			t.Errorf("%d loads for 4 values of num_gpu", len(loads))
		}
		for _, gpu := range []float64{-1, 0, 5} {
			if got := tgt.Effective(d, map[string]any{"num_gpu": gpu})["num_gpu"]; got != gpu {
				t.Errorf("num_gpu %v became %v", gpu, got)
			}
		}
	}
	unknown := map[string]any{"num_gpu": 999.0, "num_ctx": 1e6}
	if diff := cmp.Diff(unknown, tgt.Effective(target.Description{}, unknown)); diff != "" {
		t.Errorf("clamped by an unknown model:\n%s", diff)
	}
}

func TestOptionsAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range ollama.Options {
		if seen[o.Name] || o.Doc == "" {
			t.Errorf("option %q is named twice or has no doc", o.Name)
		}
		seen[o.Name] = true
	}
}
