package ollama

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"chimera/internal/sample"
	"chimera/internal/target"
)

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Stream sends one request to /api/generate or /api/chat. Raw skips the
// model's template (generate only). The API has no way to ask for exactly
// MaxTokens tokens, and none to forbid the reuse of a cached prompt: Fixed and
// Cache change nothing, so equal work needs prompts that do not end early, and
// cold prompts need a prefix of their own.
func (t *Target) Stream(ctx context.Context, req target.Request, now target.Clock) sample.Observation {
	path, body, err := t.encode(req)
	if err != nil {
		return target.Refused(now, err)
	}
	return t.client.Stream(ctx, target.Call{Path: path, Body: body,
		Framing: (*target.Tape).NDJSON, Final: isFinal, Decode: decode, Ended: req.Ended}, now)
}

func (t *Target) encode(req target.Request) (path string, body []byte, err error) {
	if err := target.CheckRequest(Kind, req); err != nil {
		return "", nil, err
	}
	config := map[string]any{"seed": req.Seed}
	for name, v := range req.Config {
		config[name] = v
	}
	config["num_predict"] = req.MaxTokens
	fields := map[string]any{"model": req.Model, "stream": true}
	place(fields, config)
	if schema := req.Constraint.JSONSchema; schema != "" {
		fields["format"] = json.RawMessage(schema)
	}
	api := req.API
	if api == "" {
		api = t.api
	}
	switch api {
	case target.Completion:
		if req.Prompt == "" { // the server would load the model and answer nothing
			return "", nil, fmt.Errorf("the prompt is empty")
		}
		path, fields["prompt"], fields["raw"] = "/api/generate", req.Prompt, req.Raw
	case target.Chat:
		path, fields["messages"] = "/api/chat", []message{{"user", req.Prompt}}
	default:
		return "", nil, fmt.Errorf("the api must be chat or completion, but is %q", api)
	}
	body, err = json.Marshal(fields)
	return path, body, err
}

// doneMark cannot stand inside a JSON string, where its quotes are escaped.
var doneMark = []byte(`"done":true`)

// isFinal reports whether a line is the final record. The search is cheap and
// rarely wrong; only a hit is parsed.
func isFinal(line []byte) bool {
	if !bytes.Contains(line, doneMark) {
		return false
	}
	var r struct{ Done bool }
	return json.Unmarshal(line, &r) == nil && r.Done
}

// record is one line of either API.
type record struct {
	Response string          `json:"response"` // generate
	Thinking string          `json:"thinking"`
	Message  chatMessage     `json:"message"` // chat
	Done     bool            `json:"done"`
	Reason   string          `json:"done_reason"`
	Error    json.RawMessage `json:"error"`

	TotalDuration      int64 `json:"total_duration"` // ns, all of them
	LoadDuration       int64 `json:"load_duration"`
	PromptEvalDuration int64 `json:"prompt_eval_duration"`
	EvalDuration       int64 `json:"eval_duration"`
	PromptEvalCount    *int  `json:"prompt_eval_count"`
	PromptCachedCount  *int  `json:"prompt_eval_cached_count"` // newest versions only
	EvalCount          *int  `json:"eval_count"`
}

type chatMessage struct {
	Content  string `json:"content"`
	Thinking string `json:"thinking"`
	Tools    []struct {
		Function struct {
			Name      string          `json:"name"`
			Arguments json.RawMessage `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// decode adds one line to the answer.
func decode(a *target.Answer, e target.Event) {
	var r record
	if err := json.Unmarshal(e.Data, &r); err != nil {
		a.Break("a line is not the expected JSON: %v", err)
		return
	}
	if text := target.ErrorText(r.Error); text != "" {
		a.Refuse(text)
		return
	}
	if !r.say(a, e.At) {
		if r.Done {
			a.Mark(e.At, sample.Done)
		} else {
			a.Mark(e.At, sample.Empty)
		}
	}
	if r.Done {
		r.finish(a)
		a.Server = server(e.Data)
	}
}

// say adds the record's text; it reports whether there was any.
func (r *record) say(a *target.Answer, at time.Duration) bool {
	said := false
	add := func(kind sample.Kind, text string) {
		if text != "" {
			a.Say(at, kind, text)
			said = true
		}
	}
	add(sample.Reasoning, r.Thinking)
	add(sample.Reasoning, r.Message.Thinking)
	add(sample.Content, r.Response)
	add(sample.Content, r.Message.Content)
	for _, tool := range r.Message.Tools {
		add(sample.Tool, tool.Function.Name+string(tool.Function.Arguments))
	}
	return said
}

// finish reads the final record. eval_duration runs from the first token to
// the last, so it spans one step less than eval_count; load_duration runs from
// the request's arrival, so it is never a load alone.
func (r *record) finish(a *target.Answer) {
	a.Ended = true
	a.Finish = r.Reason
	a.Times = sample.ServerTimes{
		Load:       sample.Some(time.Duration(r.LoadDuration)), // zeros are dropped when the answer is concluded
		PromptEval: sample.Some(time.Duration(r.PromptEvalDuration)),
		Eval:       sample.Some(time.Duration(r.EvalDuration)),
		Total:      sample.Some(time.Duration(r.TotalDuration)),
	}
	var t sample.Tokens
	if n := r.PromptEvalCount; n != nil && *n > 0 {
		t.Prompt = sample.Some(*n)
		if c := r.PromptCachedCount; c != nil {
			t.Cached = sample.Some(*c)
		}
	}
	if n := r.EvalCount; n != nil && (*n > 0 || !a.T.First.OK()) {
		t.Output = sample.Some(*n)
		a.Times.EvalSteps = sample.Some(*n - 1)
	}
	if t != (sample.Tokens{}) {
		t.Source = sample.FromServer
	}
	a.Tokens = t
}

// server keeps the final record's own fields as they were written, without
// what is no measurement: the text and the token ids of the conversation.
func server(line []byte) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(line, &fields) != nil {
		return nil
	}
	for _, name := range []string{"response", "message", "thinking", "context", "logprobs", "model", "created_at"} {
		delete(fields, name)
	}
	return target.Fields(fields)
}
