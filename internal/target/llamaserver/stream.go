package llamaserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"chimera/internal/sample"
	"chimera/internal/target"
)

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Stream sends one request to /completion, or to /v1/chat/completions for the
// chat API. Both tell the server's timings, and both obey Fixed and Cache.
func (t *Target) Stream(ctx context.Context, req target.Request, now target.Clock) sample.Observation {
	call, err := t.call(req)
	if err != nil {
		return target.Refused(now, err)
	}
	return t.client.Stream(ctx, call, now)
}

func (t *Target) call(req target.Request) (target.Call, error) {
	if err := target.CheckRequest(Kind, req); err != nil {
		return target.Call{}, err
	}
	fields := map[string]any{"stream": true, "seed": req.Seed, "cache_prompt": req.Cache, "ignore_eos": req.Fixed}
	maps.Copy(fields, req.Config)
	constrain(fields, req.Constraint)
	call := target.Call{Framing: (*target.Tape).SSE, Ended: req.Ended}
	api := req.API
	if api == "" {
		api = t.api
	}
	switch api {
	case target.Completion:
		call.Path, call.Final, call.Decode = "/completion", isFinal, decode
		fields["prompt"], fields["n_predict"] = req.Prompt, req.MaxTokens
	case target.Chat:
		chat := &target.ChatStream{Extra: chatTimings}
		call.Path, call.Final, call.Decode = "/v1/chat/completions", target.ChatFinal, chat.Decode
		fields["model"], fields["max_tokens"] = req.Model, req.MaxTokens
		fields["messages"] = []message{{"user", req.Prompt}}
		fields["stream_options"] = map[string]any{"include_usage": true}
	default:
		return target.Call{}, fmt.Errorf("the api must be chat or completion, but is %q", api)
	}
	var err error
	call.Body, err = json.Marshal(fields)
	return call, err
}

// constrain adds the server's own fields, which both APIs have.
func constrain(fields map[string]any, c target.Constraint) {
	if c.JSONSchema != "" {
		fields["json_schema"] = json.RawMessage(compact(c.JSONSchema))
	}
	if c.GBNF != "" {
		fields["grammar"] = c.GBNF
	}
}

// compact asks a server that was built with llguidance for JSON without white
// space. By itself it allows any amount between two values, and a small model
// writes it until the budget ends. llama.cpp's own converter, which bounds it,
// passes over the keyword.
func compact(schema string) string {
	const keyword = `"x-guidance"`
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(schema), &fields) != nil || len(fields) == 0 || strings.Contains(schema, keyword) {
		return schema // true, {}, or the caller's own wish
	}
	return `{` + keyword + `: {"whitespace_flexible": false}, ` + strings.TrimPrefix(strings.TrimSpace(schema), "{")
}

// stopMark cannot stand inside a JSON string, where its quotes are escaped.
var stopMark = []byte(`"stop":true`)

// isFinal reports whether a line is the final record; only a likely one is
// parsed.
func isFinal(line []byte) bool {
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok || !bytes.Contains(data, stopMark) {
		return false
	}
	var r struct{ Stop bool }
	return json.Unmarshal(data, &r) == nil && r.Stop
}

type record struct {
	Content   string          `json:"content"`
	Stop      bool            `json:"stop"`
	StopType  string          `json:"stop_type"`
	Predicted *int            `json:"tokens_predicted"`
	Evaluated *int            `json:"tokens_evaluated"` // the whole prompt, cached part included
	Timings   json.RawMessage `json:"timings"`
	Error     json.RawMessage `json:"error"`
}

// decode adds one event of /completion to the answer.
func decode(a *target.Answer, e target.Event) {
	if bytes.Equal(bytes.TrimSpace(e.Data), []byte("[DONE]")) {
		return // some versions write it behind their own final record
	}
	var r record
	if err := json.Unmarshal(e.Data, &r); err != nil {
		a.Break("an event is not the expected JSON: %v", err)
		return
	}
	if text := target.ErrorText(r.Error); text != "" || e.Name == "error" {
		if text == "" {
			text = string(e.Data)
		}
		a.Refuse(text)
		return
	}
	switch {
	case r.Content != "":
		a.Say(e.At, sample.Content, r.Content)
	case !r.Stop:
		a.Mark(e.At, sample.Empty)
	}
	if r.Stop {
		a.Mark(e.At, sample.Done)
		r.finish(a)
		a.Server = server(e.Data)
	}
}

func (r *record) finish(a *target.Answer) {
	a.Ended = true
	a.Finish = finish[r.StopType]
	if a.Finish == "" {
		a.Finish = r.StopType
	}
	// The counts beside the timings serve where the timings are missing.
	if n := r.Evaluated; n != nil && *n > 0 {
		a.Tokens.Prompt, a.Tokens.Source = sample.Some(*n), sample.FromServer
	}
	if n := r.Predicted; n != nil && (*n > 0 || !a.T.First.OK()) {
		a.Tokens.Output, a.Tokens.Source = sample.Some(*n), sample.FromServer
	}
	applyTimings(a, r.Timings)
}

// finish says the server's reasons in the words that other runtimes use.
var finish = map[string]string{"limit": "length", "eos": "stop", "word": "stop"}

type timings struct {
	CacheN      *int    `json:"cache_n"`
	PromptN     *int    `json:"prompt_n"`
	PromptMS    float64 `json:"prompt_ms"`
	PredictedN  *int    `json:"predicted_n"`
	PredictedMS float64 `json:"predicted_ms"`
}

// applyTimings reads the server's timings. prompt_n is what was evaluated and
// cache_n what was not; prompt_ms covers the former alone. The clock of
// predicted_ms starts when the first token has been sampled, so it spans
// predicted_n − 1 steps: for one token it is a floor of 1 µs, not a duration.
func applyTimings(a *target.Answer, raw json.RawMessage) {
	var t timings
	if len(raw) == 0 || json.Unmarshal(raw, &t) != nil {
		return
	}
	if t.PromptN != nil && t.CacheN != nil && *t.PromptN+*t.CacheN > 0 {
		a.Tokens.Prompt, a.Tokens.Cached = sample.Some(*t.PromptN+*t.CacheN), sample.Some(*t.CacheN)
		a.Tokens.Source = sample.FromServer
	}
	if n := t.PredictedN; n != nil && (*n > 0 || !a.T.First.OK()) {
		a.Tokens.Output, a.Tokens.Source = sample.Some(*n), sample.FromServer
		a.Times.EvalSteps = sample.Some(*n - 1)
	}
	a.Times.PromptEval = sample.Some(milliseconds(t.PromptMS)) // zeros are dropped when the answer is concluded
	a.Times.Eval = sample.Some(milliseconds(t.PredictedMS))
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// chatTimings reads the timings that the server adds to a chat's last record.
func chatTimings(a *target.Answer, data []byte) {
	var r struct {
		Timings json.RawMessage `json:"timings"`
	}
	if !bytes.Contains(data, []byte(`"timings"`)) || json.Unmarshal(data, &r) != nil || len(r.Timings) == 0 {
		return
	}
	applyTimings(a, r.Timings)
}

// server keeps the final record's own fields as they were written, without
// what is no measurement: the text, the prompt and the token ids.
func server(data []byte) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return nil
	}
	for _, name := range []string{"content", "prompt", "tokens", "model", "index"} {
		delete(fields, name)
	}
	return target.Fields(fields)
}
