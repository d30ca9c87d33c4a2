package llamaserver_test

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

func timings(c targettest.Counts) string {
	return fmt.Sprintf(`"timings":{"cache_n":%d,"prompt_n":%d,"prompt_ms":%g,"predicted_n":%d,"predicted_ms":%g}`,
		c.Cached, c.Prompt-c.Cached, float64(c.PromptEval)/1e6, c.Output, float64(c.Eval)/1e6)
}

func failed(message string) string {
	return `data: {"error":{"code":500,"message":` + quote(message) + `,"type":"server_error"}}` + "\n\n"
}

func native() targettest.Dialect {
	return targettest.Dialect{
		Open: open, SSE: true, Ends: []sample.Kind{sample.Done}, Error: failed,
		Content: func(text string) string {
			return `data: {"index":0,"content":` + quote(text) + `,"tokens":[1],"stop":false,"id_slot":-1,"tokens_predicted":1,"tokens_evaluated":6}` + "\n\n"
		},
		Final: func(c targettest.Counts) string {
			told := ""
			if !c.Nothing {
				told = fmt.Sprintf(`,"tokens_predicted":%d,"tokens_evaluated":%d,`, c.Output, c.Prompt) + timings(c)
			}
			return `data: {"index":0,"content":"","tokens":[],"id_slot":1,"stop":true,"prompt":"why?","stop_type":"limit"` + told + "}\n\n"
		},
	}
}

func TestCompletionStreams(t *testing.T) { targettest.Streams(t, native()) }

func TestCompletionServers(t *testing.T) { targettest.Servers(t, native()) }

func TestChatStreams(t *testing.T) {
	d := native()
	d.Open = func(t *testing.T, cfg target.Config) target.Target {
		cfg.API = target.Chat
		return open(t, cfg)
	}
	delta := func(fields, finish string) string {
		return `data: {"choices":[{"finish_reason":` + finish + `,"index":0,"delta":{` + fields + `}}],"object":"chat.completion.chunk"}` + "\n\n"
	}
	d.Ends = []sample.Kind{sample.Done, sample.Usage}
	d.Role = func() string { return delta(`"role":"assistant","content":null`, "null") }
	d.Content = func(text string) string { return delta(`"content":`+quote(text), "null") }
	d.Reasoning = func(text string) string { return delta(`"reasoning_content":`+quote(text), "null") }
	d.Final = func(c targettest.Counts) string {
		end := delta("", `"length"`)
		tail := `data: {"choices":[],"usage":{}}` + "\n\n"
		if !c.Nothing {
			tail = fmt.Sprintf(`data: {"choices":[],"usage":{"completion_tokens":%d,"prompt_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}},`, c.Output, c.Prompt, c.Cached) + timings(c) + "}\n\n"
		}
		return end + tail + "data: [DONE]\n\n"
	}
	targettest.Streams(t, d)
}
