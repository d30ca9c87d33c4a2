package fake

import (
	"encoding/json"
	"net/http"
	"strconv"

	"chimera/internal/target"
)

// openaiUnlimited is the budget of a request without one.
const openaiUnlimited = 128

type openaiRequest struct {
	Model         string
	Prompt        string
	Messages      []chatMessage
	MaxTokens     int `json:"max_tokens"`
	Seed          int64
	Stream        bool
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	IgnoreEOS   bool     `json:"ignore_eos"`
	Temperature *float64 `json:"temperature"`

	ResponseFormat struct { // chats only
		Type       string
		JSONSchema struct{ Schema json.RawMessage } `json:"json_schema"`
	} `json:"response_format"`
	llamaConstraint // llama.cpp has its own fields in this protocol too
}

func (s *Simulator) openaiModels(w http.ResponseWriter, _ *http.Request) {
	list := []map[string]any{}
	for i := range s.profile.Models {
		m := &s.profile.Models[i]
		list = append(list, map[string]any{"id": m.Name, "object": "model", "owned_by": "chimera",
			"meta": map[string]any{"n_ctx_train": m.TrainedCtx, "n_params": m.Parameters, "size": m.Bytes, "ftype": m.Quant}})
	}
	reply(w, http.StatusOK, map[string]any{"object": "list", "data": list})
}

func (s *Simulator) openaiChat(w http.ResponseWriter, r *http.Request) {
	var q openaiRequest
	if read(w, r, &q) {
		s.openai(w, r, q, lastMessage(q.Messages), true)
	}
}

func (s *Simulator) openaiCompletion(w http.ResponseWriter, r *http.Request) {
	var q openaiRequest
	if read(w, r, &q) {
		s.openai(w, r, q, q.Prompt, false)
	}
}

func (s *Simulator) openai(w http.ResponseWriter, r *http.Request, q openaiRequest, prompt string, chat bool) {
	if prompt == "" {
		reply(w, http.StatusBadRequest, map[string]any{"error": map[string]string{"message": "the prompt is empty", "type": "invalid_request_error"}})
		return
	}
	if q.MaxTokens < 1 {
		q.MaxTokens = openaiUnlimited
	}
	config := map[string]any{}
	if q.Temperature != nil {
		config["temperature"] = *q.Temperature
	}
	d := &openaiDialect{model: q.Model, chat: chat, usage: q.StreamOptions.IncludeUsage}
	s.answer(w, r, ask{protocol: "openai", model: q.Model, prompt: prompt, budget: q.MaxTokens, seed: q.Seed,
		fixed: q.IgnoreEOS, cache: true, config: config, follow: q.follow(chat)}, q.Stream, d)
}

func (q *openaiRequest) follow(chat bool) target.Constraint {
	if chat && q.ResponseFormat.Type == "json_schema" {
		return target.Constraint{JSONSchema: string(q.ResponseFormat.JSONSchema.Schema)}
	}
	return q.constraint()
}

type openaiDialect struct {
	model   string
	chat    bool
	usage   bool
	started bool
}

func (d *openaiDialect) contentType() string { return "text/event-stream" }

func (d *openaiDialect) head(b []byte) []byte {
	object := "text_completion"
	if d.chat {
		object = "chat.completion.chunk"
	}
	b = append(b, `data: {"id":"fake","object":"`+object+`","created":1,"model":`...)
	return append(appendString(b, d.model), `,"system_fingerprint":"fake",`...)
}

func (d *openaiDialect) piece(b []byte, text string, reasoning bool, _ int) []byte {
	if d.chat && !d.started {
		b = append(d.head(b), `"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`+"\n\n"...)
	}
	d.started = true
	b = d.head(b)
	switch {
	case !d.chat:
		b = append(b, `"choices":[{"index":0,"text":`...)
		return append(appendString(b, text), `,"finish_reason":null}]}`+"\n\n"...)
	case reasoning:
		b = append(b, `"choices":[{"index":0,"delta":{"reasoning_content":`...)
	default:
		b = append(b, `"choices":[{"index":0,"delta":{"content":`...)
	}
	return append(appendString(b, text), `},"finish_reason":null}]}`+"\n\n"...)
}

func (d *openaiDialect) final(b []byte, a answer) []byte {
	empty := `"text":""`
	if d.chat {
		empty = `"delta":{}`
	}
	b = append(d.head(b), `"choices":[{"index":0,`+empty+`,"finish_reason":"`+a.finish+`"}]}`+"\n\n"...)
	if d.usage && !a.silent {
		b = append(d.head(b), `"choices":[],"usage":{"prompt_tokens":`...)
		b = strconv.AppendInt(b, int64(a.prompt), 10)
		b = append(b, `,"completion_tokens":`...)
		b = strconv.AppendInt(b, int64(a.output), 10)
		b = append(b, `,"total_tokens":`...)
		b = strconv.AppendInt(b, int64(a.prompt+a.output), 10)
		b = append(b, `,"prompt_tokens_details":{"cached_tokens":`...)
		b = strconv.AppendInt(b, int64(a.cached), 10)
		b = append(b, "}}}\n\n"...)
	}
	return append(b, "data: [DONE]\n\n"...)
}

func (d *openaiDialect) failed(b []byte, err error) []byte {
	b = append(b, "event: error\ndata: {\"error\":{\"message\":"...)
	return append(appendString(b, err.Error()), `,"type":"server_error"}}`+"\n\n"...)
}

func (d *openaiDialect) whole(text string, a answer) any {
	choice := map[string]any{"index": 0, "finish_reason": a.finish, "text": text}
	if d.chat {
		delete(choice, "text")
		choice["message"] = map[string]string{"role": "assistant", "content": text}
	}
	out := map[string]any{"id": "fake", "model": d.model, "choices": []any{choice}}
	if !a.silent {
		out["usage"] = map[string]any{"prompt_tokens": a.prompt, "completion_tokens": a.output,
			"total_tokens": a.prompt + a.output, "prompt_tokens_details": map[string]int{"cached_tokens": a.cached}}
	}
	return out
}
