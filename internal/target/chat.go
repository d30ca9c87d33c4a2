package target

import (
	"bytes"
	"encoding/json"

	"chimera/internal/sample"
)

// A ChatStream decodes the event stream of OpenAI's chat completions and
// completions, which several runtimes speak beside their own protocol. One
// ChatStream decodes one answer.
//
// Token counts come from a final usage record only. Chunks are never counted:
// a chunk may hold any number of tokens. Some runtimes write a usage of zeros
// into every chunk before the real one, and some write a running count: so a
// usage counts only from the finish reason on, and a count of zero beside text
// is no count.
type ChatStream struct {
	// Extra sees each whole record, for fields of one runtime only; nil for none.
	Extra func(a *Answer, record []byte)

	finished  bool
	usage     json.RawMessage
	timings   json.RawMessage
	spoken    bool
	signature string
}

type chatRecord struct {
	Choices []chatChoice    `json:"choices"`
	Usage   json.RawMessage `json:"usage"`
	Error   json.RawMessage `json:"error"`
	// System is the build of the served model.
	System string `json:"system_fingerprint"`
	// Timings is llama.cpp's own account, which it adds for any client.
	Timings json.RawMessage `json:"timings"`
}

type chatChoice struct {
	Text   string    `json:"text"` // completions
	Delta  chatDelta `json:"delta"`
	Finish string    `json:"finish_reason"`
}

type chatDelta struct {
	Role             string            `json:"role"`
	Content          string            `json:"content"`
	ReasoningContent string            `json:"reasoning_content"` // DeepSeek, vLLM, SGLang, llama.cpp
	Reasoning        string            `json:"reasoning"`         // Ollama, OpenRouter, newer vLLM
	Refusal          string            `json:"refusal"`
	ToolCalls        []chatTool        `json:"tool_calls"`
	FunctionCall     *chatToolFunction `json:"function_call"`
}

type chatTool struct {
	Function chatToolFunction `json:"function"`
}

type chatToolFunction struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

type usage struct {
	Prompt     *int `json:"prompt_tokens"`
	Completion *int `json:"completion_tokens"`
	Details    *struct {
		Cached *int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

var chatDone = []byte("[DONE]")

// ChatFinal reports whether a line is the marker `data: [DONE]`.
func ChatFinal(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("data:"))
	return ok && bytes.Equal(bytes.TrimSpace(rest), chatDone)
}

// Decode adds one event to a.
func (s *ChatStream) Decode(a *Answer, e Event) {
	if bytes.Equal(bytes.TrimSpace(e.Data), chatDone) {
		a.Ended = true
		return
	}
	var r chatRecord
	if err := json.Unmarshal(e.Data, &r); err != nil {
		if e.Name == "error" {
			a.Refuse(string(e.Data))
			return
		}
		a.Break("an event is not the expected JSON: %v", err)
		return
	}
	if text := ErrorText(r.Error); text != "" || e.Name == "error" {
		if text == "" {
			text = messageOf(e.Data)
		}
		a.Refuse(text)
		return
	}
	s.signature = r.System
	for i := range r.Choices {
		s.choice(a, e, &r.Choices[i])
	}
	s.count(a, e, &r)
	if hasValue(r.Timings) {
		s.timings = append(s.timings[:0], r.Timings...)
		a.Server = s.server()
	}
	if s.Extra != nil {
		s.Extra(a, e.Data)
	}
}

func (s *ChatStream) choice(a *Answer, e Event, c *chatChoice) {
	before := len(a.Chunks)
	for _, piece := range [...]struct {
		kind sample.Kind
		text string
	}{
		{sample.Reasoning, c.Delta.ReasoningContent},
		{sample.Reasoning, c.reasoning()},
		{sample.Content, c.Delta.Content},
		{sample.Content, c.Delta.Refusal},
		{sample.Content, c.Text},
		{sample.Tool, c.tools()},
	} {
		if piece.text != "" {
			a.Say(e.At, piece.kind, piece.text)
			s.spoken = true
		}
	}
	if len(a.Chunks) == before {
		a.Mark(e.At, s.silent(c))
	}
	if c.Finish != "" {
		a.Finish, a.EndsWithBody, s.finished = c.Finish, true, true
	}
}

// reasoning returns the newer field, unless the runtime writes both.
func (c *chatChoice) reasoning() string {
	if c.Delta.ReasoningContent != "" {
		return ""
	}
	return c.Delta.Reasoning
}

func (c *chatChoice) tools() string {
	text := ""
	for _, t := range c.Delta.ToolCalls {
		text += t.Function.Name + t.Function.Arguments
	}
	if f := c.Delta.FunctionCall; f != nil {
		text += f.Name + f.Arguments
	}
	return text
}

// silent names a chunk without text.
func (s *ChatStream) silent(c *chatChoice) sample.Kind {
	switch {
	case c.Finish != "":
		return sample.Done
	case c.Delta.Role != "" && !s.spoken:
		return sample.Role
	}
	return sample.Empty
}

func (s *ChatStream) count(a *Answer, e Event, r *chatRecord) {
	if len(r.Choices) == 0 {
		kind := sample.Empty
		if hasValue(r.Usage) {
			kind = sample.Usage
		}
		a.Mark(e.At, kind)
	}
	if !hasValue(r.Usage) || !s.finished {
		return
	}
	var u usage
	if err := json.Unmarshal(r.Usage, &u); err != nil {
		a.Break("the usage record is not the expected JSON: %v", err)
		return
	}
	s.usage = append(s.usage[:0], r.Usage...)
	a.Tokens = u.tokens(s.spoken)
	a.Server = s.server()
}

func (u usage) tokens(spoken bool) sample.Tokens {
	var t sample.Tokens
	if u.Prompt != nil && *u.Prompt > 0 {
		t.Prompt = sample.Some(*u.Prompt)
	}
	if n := u.Completion; n != nil && (*n > 0 || *n == 0 && !spoken) {
		t.Output = sample.Some(*n)
	}
	if u.Details != nil && u.Details.Cached != nil && t.Prompt.OK() {
		t.Cached = sample.Some(*u.Details.Cached)
	}
	if t != (sample.Tokens{}) {
		t.Source = sample.FromServer
	}
	return t
}

// server keeps the runtime's own final fields as it wrote them.
func (s *ChatStream) server() json.RawMessage {
	return Fields(map[string]json.RawMessage{"usage": s.usage, "timings": s.timings, "system_fingerprint": quoted(s.signature)})
}

// Fields builds a JSON object of verbatim values; empty values are left out.
func Fields(values map[string]json.RawMessage) json.RawMessage {
	kept := map[string]json.RawMessage{}
	for name, v := range values {
		if len(v) > 0 {
			kept[name] = v
		}
	}
	raw, err := json.Marshal(kept)
	if err != nil { // a value that is no JSON never parsed to get here
		return nil
	}
	return raw
}

func quoted(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	raw, err := json.Marshal(text)
	if err != nil {
		return nil
	}
	return raw
}

func hasValue(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }
