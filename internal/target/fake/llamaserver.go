package fake

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"chimera/internal/target"
)

type llamaRequest struct {
	Prompt      string
	NPredict    int `json:"n_predict"`
	Seed        int64
	Stream      bool
	CachePrompt *bool    `json:"cache_prompt"`
	IgnoreEOS   bool     `json:"ignore_eos"`
	Temperature *float64 `json:"temperature"`
	llamaConstraint
}

// llamaConstraint are the fields by which llama.cpp is told what to write.
type llamaConstraint struct {
	JSONSchema json.RawMessage `json:"json_schema"`
	Grammar    string
}

func (c llamaConstraint) constraint() target.Constraint {
	var fields map[string]json.RawMessage
	if json.Unmarshal(c.JSONSchema, &fields) == nil && fields["x-guidance"] != nil {
		delete(fields, "x-guidance") // how llguidance writes JSON, not which
		c.JSONSchema = encoded(fields)
	}
	return target.Constraint{JSONSchema: string(c.JSONSchema), GBNF: c.Grammar}
}

// llamaModel is the one model that a llama.cpp server serves: the first.
func (s *Simulator) llamaModel() *Model { return &s.profile.Models[0] }

func (s *Simulator) llamaHealth(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *Simulator) llamaProps(w http.ResponseWriter, _ *http.Request) {
	m := s.llamaModel()
	reply(w, http.StatusOK, map[string]any{"total_slots": s.profile.Slots, "model_alias": m.Name, "model_path": "/models/" + m.Name + ".gguf",
		"model_ftype": m.Quant, "build_info": "b0-chimera-fake", "default_generation_settings": map[string]any{"n_ctx": min(4096, m.TrainedCtx)}})
}

func (s *Simulator) llamaSlots(w http.ResponseWriter, _ *http.Request) {
	busy := len(s.slots)
	list := make([]map[string]any, s.profile.Slots)
	for i := range list {
		list[i] = map[string]any{"id": i, "n_ctx": min(4096, s.llamaModel().TrainedCtx), "is_processing": i < busy}
	}
	reply(w, http.StatusOK, list)
}

func (s *Simulator) llamaTokenize(w http.ResponseWriter, r *http.Request) {
	var q struct{ Content string }
	if !read(w, r, &q) {
		return
	}
	ids := []int{}
	if q.Content != "" {
		for i := range Tokens(q.Content) {
			ids = append(ids, i)
		}
	}
	reply(w, http.StatusOK, map[string]any{"tokens": ids})
}

func (s *Simulator) llamaCompletion(w http.ResponseWriter, r *http.Request) {
	var q llamaRequest
	if !read(w, r, &q) {
		return
	}
	m := s.llamaModel()
	if q.NPredict < 1 {
		q.NPredict = openaiUnlimited
	}
	config := map[string]any{}
	if q.Temperature != nil {
		config["temperature"] = *q.Temperature
	}
	s.answer(w, r, ask{protocol: "llamaserver", model: m.Name, prompt: q.Prompt, budget: q.NPredict, seed: q.Seed,
		fixed: q.IgnoreEOS, cache: q.CachePrompt == nil || *q.CachePrompt, config: config, follow: q.constraint()}, q.Stream, &llamaDialect{})
}

type llamaDialect struct{ predicted int }

func (d *llamaDialect) contentType() string { return "text/event-stream" }

func (d *llamaDialect) piece(b []byte, text string, _ bool, n int) []byte {
	d.predicted += n
	b = append(b, `data: {"index":0,"content":`...)
	b = appendString(b, text)
	b = append(b, `,"tokens":[],"stop":false,"id_slot":-1,"tokens_predicted":`...)
	b = strconv.AppendInt(b, int64(d.predicted), 10)
	return append(b, "}\n\n"...)
}

func (d *llamaDialect) record(text string, a answer) map[string]any {
	stop := map[string]string{"stop": "eos", "length": "limit"}[a.finish]
	out := map[string]any{"index": 0, "content": text, "tokens": []int{}, "id_slot": 0, "stop": true, "truncated": false,
		"stop_type": stop, "stopping_word": ""}
	if !a.silent {
		out["tokens_predicted"], out["tokens_evaluated"], out["tokens_cached"] = a.output, a.prompt, a.prompt+a.output-1
		out["timings"] = map[string]any{"cache_n": a.cached, "prompt_n": a.prompt - a.cached, "prompt_ms": milliseconds(a.promptEval),
			"predicted_n": a.output, "predicted_ms": max(milliseconds(a.eval), 0.001)} // the real one never says 0
	}
	return out
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (d *llamaDialect) final(b []byte, a answer) []byte {
	return append(append(append(b, "data: "...), encoded(d.record("", a))...), "\n\n"...)
}

func (d *llamaDialect) failed(b []byte, err error) []byte {
	b = append(b, `data: {"error":{"code":500,"message":`...)
	return append(appendString(b, err.Error()), `,"type":"server_error"}}`+"\n\n"...)
}

func (d *llamaDialect) whole(text string, a answer) any { return d.record(text, a) }
