package ollama_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"chimera/internal/sample"
	"chimera/internal/target"
	"chimera/internal/target/targettest"
)

func quote(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func line(fields string) string {
	return `{"model":"m","created_at":"2026-11-23T20:57:49.684750555Z",` + fields + "}\n"
}

func counts(c targettest.Counts) string {
	if c.Nothing {
		return ""
	}
	return fmt.Sprintf(`,"prompt_eval_count":%d,"prompt_eval_cached_count":%d,"prompt_eval_duration":%d,"eval_count":%d,"eval_duration":%d`,
		c.Prompt, c.Cached, c.PromptEval, c.Output, c.Eval)
}

func failed(message string) string { return `{"error":` + quote(message) + "}\n" }

func generate() targettest.Dialect {
	return targettest.Dialect{
		Open: open, Ends: []sample.Kind{sample.Done}, Error: failed,
		Content:   func(text string) string { return line(`"response":` + quote(text) + `,"done":false`) },
		Reasoning: func(text string) string { return line(`"response":"","thinking":` + quote(text) + `,"done":false`) },
		Final: func(c targettest.Counts) string {
			return line(`"response":"","done":true,"done_reason":"stop","context":[1,2]` + counts(c))
		},
	}
}

func TestGenerateStreams(t *testing.T) { targettest.Streams(t, generate()) }

func TestGenerateServers(t *testing.T) { targettest.Servers(t, generate()) }

func TestChatStreams(t *testing.T) {
	message := func(fields string) string { return `"message":{"role":"assistant",` + fields + `}` }
	d := generate()
	d.Open = func(t *testing.T, cfg target.Config) target.Target {
		cfg.API = target.Chat
		return open(t, cfg)
	}
	d.Content = func(text string) string { return line(message(`"content":`+quote(text)) + `,"done":false`) }
	d.Reasoning = func(text string) string {
		return line(message(`"content":"","thinking":`+quote(text)) + `,"done":false`)
	}
	d.Tool = func(name, arguments string) string {
		return line(message(`"content":"","tool_calls":[{"function":{"name":`+quote(name)+`,"arguments":`+arguments+`}}]`) + `,"done":false`)
	}
	d.Final = func(c targettest.Counts) string {
		return line(message(`"content":""`) + `,"done":true,"done_reason":"stop"` + counts(c))
	}
	targettest.Streams(t, d)
}
