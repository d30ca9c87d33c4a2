package openai_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chimera/internal/target"
	"chimera/internal/target/targettest"
)

func TestRequests(t *testing.T) {
	// What the API has no place for (Raw, Cache, Fixed) is not invented.
	req := target.Request{Model: "m", Prompt: "why?", MaxTokens: 16, Seed: 3, Raw: true, Cache: true, Fixed: true, Config: map[string]any{"top_p": 0.9}}
	body := func(more map[string]any) map[string]any {
		out := map[string]any{"model": "m", "max_tokens": 16.0, "seed": 3.0, "top_p": 0.9, "stream": true,
			"stream_options": map[string]any{"include_usage": true}}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	messages := map[string]any{"messages": []any{map[string]any{"role": "user", "content": "why?"}}}
	for name, c := range map[string]struct {
		url  string
		api  target.API
		want targettest.Sent
	}{
		"chat":             {"http://pipe", target.Chat, targettest.Sent{Path: "/v1/chat/completions", Body: body(messages)}},
		"completion":       {"http://pipe", target.Completion, targettest.Sent{Path: "/v1/completions", Body: body(map[string]any{"prompt": "why?"})}},
		"versioned base":   {"http://pipe/v1/", "", targettest.Sent{Path: "/v1/chat/completions", Body: body(messages)}},
		"base with a path": {"http://pipe/openai", "", targettest.Sent{Path: "/openai/v1/chat/completions", Body: body(messages)}},
	} {
		req.API = c.api
		got := targettest.Sends(t, func(t *testing.T, cfg target.Config) target.Target {
			cfg.URL = c.url
			return open(t, cfg)
		}, req)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestSchemaInAChat(t *testing.T) {
	req := target.Request{Model: "m", Prompt: "why?", MaxTokens: 16, Constraint: target.Constraint{JSONSchema: `{"type": "null"}`}}
	want := map[string]any{"type": "json_schema",
		"json_schema": map[string]any{"name": "answer", "strict": true, "schema": map[string]any{"type": "null"}}}
	if diff := cmp.Diff(want, targettest.Sends(t, open, req).Body["response_format"]); diff != "" {
		t.Error(diff)
	}
	tgt := open(t, target.Config{ID: "x", URL: "http://127.0.0.1:1"})
	defer tgt.Close()
	req.Config = map[string]any{"ignore_eos": true}
	if o := tgt.Stream(t.Context(), req, targettest.Clock()); o.T.Send.OK() || !strings.Contains(o.Failure.Message, "ignore_eos") {
		t.Errorf("with ignore_eos: %+v", o.Failure)
	}
}
