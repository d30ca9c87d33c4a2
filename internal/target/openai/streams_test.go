package openai_test

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

func delta(fields string) string {
	return `data: {"id":"c","choices":[{"index":0,"delta":{` + fields + `},"finish_reason":null}]}` + "\n\n"
}

func usage(c targettest.Counts) string {
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}}`,
		c.Prompt, c.Output, c.Prompt+c.Output, c.Cached)
}

func chat() targettest.Dialect {
	return targettest.Dialect{
		Open: open, SSE: true, NoTimes: true,
		Ends:      []sample.Kind{sample.Done, sample.Usage},
		Content:   func(text string) string { return delta(`"content":` + quote(text)) },
		Role:      func() string { return delta(`"role":"assistant","content":null`) },
		Reasoning: func(text string) string { return delta(`"reasoning_content":` + quote(text)) },
		Tool: func(name, arguments string) string {
			return delta(`"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":` + quote(name) + `,"arguments":` + quote(arguments) + `}}]`)
		},
		Error: func(message string) string {
			return "event: error\ndata: {\"error\":{\"message\":" + quote(message) + ",\"type\":\"server_error\"}}\n\n"
		},
		Final: func(c targettest.Counts) string {
			end := `data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
			tail := `data: {"id":"c","choices":[],"usage":{}}` + "\n\n"
			if !c.Nothing {
				tail = `data: {"id":"c","choices":[],"usage":` + usage(c) + "}\n\n"
			}
			return end + tail + "data: [DONE]\n\n"
		},
	}
}

func TestChatStreams(t *testing.T) { targettest.Streams(t, chat()) }

func TestChatServers(t *testing.T) { targettest.Servers(t, chat()) }

func TestCompletionStreams(t *testing.T) {
	d := chat()
	d.Open = func(t *testing.T, cfg target.Config) target.Target {
		cfg.API = target.Completion
		return open(t, cfg)
	}
	d.Role, d.Reasoning, d.Tool = nil, nil, nil
	d.Ends = []sample.Kind{sample.Done, sample.Usage}
	// Ollama's /v1/completions writes a usage of zeros into every chunk.
	const zeros = `,"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`
	d.Content = func(text string) string {
		return `data: {"choices":[{"text":` + quote(text) + `,"index":0,"finish_reason":null}]` + zeros + "}\n\n"
	}
	d.Final = func(c targettest.Counts) string {
		end := `data: {"choices":[{"text":"","index":0,"finish_reason":"length"}]` + zeros + "}\n\n"
		tail := `data: {"choices":[]` + zeros + "}\n\n"
		if !c.Nothing {
			tail = `data: {"choices":[],"usage":` + usage(c) + "}\n\n"
		}
		return end + tail + "data: [DONE]\n\n"
	}
	targettest.Streams(t, d)
}

// What ends an answer: [DONE], or a finish reason and a clean end of the body.
// A usage counts from the finish reason on; without one there is no count.
func TestEndsAndCounts(t *testing.T) {
	const end = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	const finishing = `data: {"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}` + "\n\n"
	const running = `data: {"choices":[{"index":0,"delta":{"content":"lo"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}}` + "\n\n"
	hel := delta(`"content":"Hel"`)
	text := hel + delta(`"content":"lo"`)
	both := []sample.Kind{sample.Content, sample.Content}
	ok := func(name, body string, kinds ...sample.Kind) targettest.Stream {
		return targettest.Stream{Name: name, Body: body, Outcome: sample.OK, Text: "Hello", Kinds: append(both[:2:2], kinds...)}
	}
	counted := func(s targettest.Stream) targettest.Stream {
		s.Tokens = sample.Tokens{Prompt: sample.Some(3), Output: sample.Some(2), Source: sample.FromServer}
		return s
	}
	cut := ok("a running usage, then the end of the body", hel+running)
	cut.Outcome, cut.Class = sample.Cut, sample.ClassNoEnd
	torn := ok("a finish reason, then a reset", text+end, sample.Done)
	torn.Outcome, torn.Class, torn.End = sample.Error, sample.ClassReset, targettest.Break
	targettest.Play(t, chat(), []targettest.Stream{
		ok("[DONE] missing after the finish reason", text+end, sample.Done),
		ok("no usage record", text+end+"data: [DONE]\n\n", sample.Done),
		ok("[DONE] without a finish reason", text+"data: [DONE]\n\n"),
		ok("[DONE] without the last empty line", text+end+"data: [DONE]", sample.Done),
		counted(ok("usage beside the finish reason", hel+finishing+"data: [DONE]\n\n")),
		cut, torn,
		{Name: "an error in place of a stream", Body: `{"error":{"message":"model overloaded"}}`, Outcome: sample.Error, Class: sample.ClassServer, Message: "model overloaded"},
		{Name: "a page in place of a stream", Body: "<html>hello</html>\n", Outcome: sample.Error, Class: sample.ClassProtocol, Message: "no event stream"},
		{Name: "reasoning under its newer name", Body: delta(`"reasoning":"hm"`) + text + end + "data: [DONE]\n\n", Outcome: sample.OK, Text: "Hello",
			Kinds: []sample.Kind{sample.Reasoning, sample.Content, sample.Content, sample.Done}},
	})
}
