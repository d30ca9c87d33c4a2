package fake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"chimera/internal/target"
)

// ollamaUnlimited is the budget of a request without num_predict.
const ollamaUnlimited = 128

type ollamaRequest struct {
	Model    string
	Prompt   string
	Messages []chatMessage
	Options  map[string]any
	Stream   *bool
	Format   json.RawMessage // a JSON Schema
	// KeepAlive is a number of seconds or a duration's text; 0 unloads.
	KeepAlive any `json:"keep_alive"`
}

type chatMessage struct{ Role, Content string }

func (s *Simulator) ollamaVersion(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]string{"version": "0.0.0-chimera-fake"})
}

func (m *Model) ollamaDetails() map[string]any {
	return map[string]any{"format": "gguf", "family": "fake", "families": []string{"fake"},
		"parameter_size": fmt.Sprintf("%.2fM", float64(m.Parameters)/1e6), "quantization_level": m.Quant}
}

func (m *Model) ollamaEntry() map[string]any {
	return map[string]any{"name": m.Name, "model": m.Name, "size": m.Bytes, "digest": m.Digest, "details": m.ollamaDetails()}
}

func (s *Simulator) ollamaTags(w http.ResponseWriter, _ *http.Request) {
	list := []map[string]any{}
	for i := range s.profile.Models {
		list = append(list, s.profile.Models[i].ollamaEntry())
	}
	reply(w, http.StatusOK, map[string]any{"models": list})
}

func (s *Simulator) ollamaPS(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	resident := s.mu.resident
	s.mu.Unlock()
	list := []map[string]any{}
	if m, ok := s.model(resident); ok {
		entry := m.ollamaEntry()
		entry["size_vram"], entry["context_length"] = 0, min(4096, m.TrainedCtx)
		list = append(list, entry)
	}
	reply(w, http.StatusOK, map[string]any{"models": list})
}

func (s *Simulator) ollamaShow(w http.ResponseWriter, r *http.Request) {
	var q struct{ Model string }
	if !read(w, r, &q) {
		return
	}
	m, ok := s.model(q.Model)
	if !ok {
		reply(w, http.StatusNotFound, map[string]string{"error": (&errUnknownModel{q.Model}).Error()})
		return
	}
	reply(w, http.StatusOK, map[string]any{"details": m.ollamaDetails(), "model_info": map[string]any{
		"general.architecture": "fake", "general.parameter_count": m.Parameters,
		"fake.block_count": m.Layers, "fake.context_length": m.TrainedCtx}})
}

func (s *Simulator) ollamaGenerate(w http.ResponseWriter, r *http.Request) {
	var q ollamaRequest
	if read(w, r, &q) {
		s.ollama(w, r, q, q.Prompt, false)
	}
}

func (s *Simulator) ollamaChat(w http.ResponseWriter, r *http.Request) {
	var q ollamaRequest
	if read(w, r, &q) {
		s.ollama(w, r, q, lastMessage(q.Messages), true)
	}
}

func lastMessage(messages []chatMessage) string {
	if len(messages) == 0 {
		return ""
	}
	return messages[len(messages)-1].Content
}

func (s *Simulator) ollama(w http.ResponseWriter, r *http.Request, q ollamaRequest, prompt string, chat bool) {
	d := &ollamaDialect{model: q.Model, chat: chat}
	if prompt == "" {
		s.ollamaLoad(w, r, q)
		return
	}
	budget := number(q.Options, "num_predict", ollamaUnlimited)
	if budget < 1 {
		budget = ollamaUnlimited
	}
	s.answer(w, r, ask{protocol: "ollama", model: q.Model, prompt: prompt, budget: budget,
		seed: int64(number(q.Options, "seed", 0)), cache: true, config: pick(q.Options), follow: target.Constraint{JSONSchema: string(q.Format)}}, q.Stream == nil || *q.Stream, d)
}

// ollamaLoad answers a request without a prompt: it loads, or unloads.
func (s *Simulator) ollamaLoad(w http.ResponseWriter, r *http.Request, q ollamaRequest) {
	m, ok := s.model(q.Model)
	if !ok {
		reply(w, http.StatusNotFound, map[string]string{"error": (&errUnknownModel{q.Model}).Error()})
		return
	}
	reason := "load"
	if keep, isNumber := q.KeepAlive.(float64); isNumber && keep == 0 {
		reason = "unload"
		s.unload(q.Model)
	} else if _, err := s.Target().Load(r.Context(), m.Name, pick(q.Options)); err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	reply(w, http.StatusOK, map[string]any{"model": m.Name, "response": "", "done": true, "done_reason": reason})
}

type ollamaDialect struct {
	model string
	chat  bool
}

func (d *ollamaDialect) contentType() string { return "application/x-ndjson" }

func (d *ollamaDialect) head(b []byte) []byte {
	b = append(b, `{"model":`...)
	b = appendString(b, d.model)
	b = append(b, `,"created_at":"`...)
	b = time.Now().UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"', ',')
}

func (d *ollamaDialect) text(b []byte, field, text string) []byte {
	if d.chat {
		b = append(b, `"message":{"role":"assistant","content":`...)
		if field != "content" {
			b = append(b, `"","thinking":`...)
		}
		return append(appendString(b, text), '}')
	}
	if field == "content" {
		field = "response"
	}
	b = append(append(append(b, '"'), field...), `":`...)
	return appendString(b, text)
}

func (d *ollamaDialect) piece(b []byte, text string, reasoning bool, _ int) []byte {
	field := "content"
	if reasoning {
		field = "thinking"
	}
	return append(d.text(d.head(b), field, text), `,"done":false}`+"\n"...)
}

func (d *ollamaDialect) final(b []byte, a answer) []byte {
	b = d.text(d.head(b), "content", "")
	b = append(b, `,"done":true,"done_reason":"`+a.finish+`"`...)
	if !a.silent {
		for _, f := range ollamaFields(a) {
			if f.value > 0 { // the real one leaves zeros out
				b = append(b, `,"`+f.name+`":`...)
				b = strconv.AppendInt(b, f.value, 10)
			}
		}
	}
	return append(b, "}\n"...)
}

type ollamaField struct {
	name  string
	value int64
}

func ollamaFields(a answer) []ollamaField {
	return []ollamaField{{"total_duration", int64(a.total)}, {"load_duration", int64(a.load)},
		{"prompt_eval_count", int64(a.prompt)}, {"prompt_eval_cached_count", int64(a.cached)},
		{"prompt_eval_duration", int64(a.promptEval)}, {"eval_count", int64(a.output)}, {"eval_duration", int64(a.eval)}}
}

func (d *ollamaDialect) failed(b []byte, err error) []byte {
	return append(appendString(append(b, `{"error":`...), err.Error()), "}\n"...)
}

func (d *ollamaDialect) whole(text string, a answer) any {
	out := map[string]any{"model": d.model, "done": true, "done_reason": a.finish}
	if d.chat {
		out["message"] = map[string]string{"role": "assistant", "content": text}
	} else {
		out["response"] = text
	}
	if !a.silent {
		for _, f := range ollamaFields(a) {
			if f.value > 0 {
				out[f.name] = f.value
			}
		}
	}
	return out
}
