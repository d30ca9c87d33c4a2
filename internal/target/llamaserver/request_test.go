package llamaserver_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"chimera/internal/target"
	"chimera/internal/target/targettest"
)

func TestRequests(t *testing.T) {
	req := target.Request{Model: "m", Prompt: "why?", MaxTokens: 16, Seed: 3, Config: map[string]any{"top_k": 40.0}}
	fixed := req
	fixed.Fixed, fixed.Cache = true, true
	chat := req
	chat.API = target.Chat
	schema, grammar := req, chat
	schema.Constraint.JSONSchema, grammar.Constraint.GBNF = `{"type": "null"}`, `root ::= "x"`
	for name, c := range map[string]struct {
		req  target.Request
		want targettest.Sent
	}{
		"completion": {req, targettest.Sent{Path: "/completion", Body: map[string]any{"prompt": "why?", "n_predict": 16.0, "seed": 3.0, "top_k": 40.0,
			"stream": true, "cache_prompt": false, "ignore_eos": false}}},
		"fixed and cached": {fixed, targettest.Sent{Path: "/completion", Body: map[string]any{"prompt": "why?", "n_predict": 16.0, "seed": 3.0, "top_k": 40.0,
			"stream": true, "cache_prompt": true, "ignore_eos": true}}},
		"chat": {chat, targettest.Sent{Path: "/v1/chat/completions", Body: map[string]any{"model": "m", "max_tokens": 16.0, "seed": 3.0, "top_k": 40.0,
			"stream": true, "cache_prompt": false, "ignore_eos": false, "stream_options": map[string]any{"include_usage": true},
			"messages": []any{map[string]any{"role": "user", "content": "why?"}}}}},
		"JSON Schema": {schema, targettest.Sent{Path: "/completion", Body: map[string]any{"prompt": "why?", "n_predict": 16.0, "seed": 3.0, "top_k": 40.0,
			"stream": true, "cache_prompt": false, "ignore_eos": false, "json_schema": map[string]any{"type": "null", "x-guidance": map[string]any{"whitespace_flexible": false}}}}},
		"grammar in a chat": {grammar, targettest.Sent{Path: "/v1/chat/completions", Body: map[string]any{"model": "m", "max_tokens": 16.0, "seed": 3.0, "top_k": 40.0,
			"stream": true, "cache_prompt": false, "ignore_eos": false, "stream_options": map[string]any{"include_usage": true}, "grammar": `root ::= "x"`,
			"messages": []any{map[string]any{"role": "user", "content": "why?"}}}}},
	} {
		if diff := cmp.Diff(c.want, targettest.Sends(t, open, c.req)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
