package fake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxBody bounds a request's body.
const maxBody = 64 << 20

// Handler serves the simulator over HTTP, in three protocols at once:
//
//	Ollama     /api/version /api/tags /api/ps /api/show /api/generate /api/chat
//	OpenAI     /v1/models /v1/chat/completions /v1/completions
//	llama.cpp  /health /props /slots /tokenize /completion
//
// GET /truth answers the log of all requests that have ended, as JSON lines.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /truth", s.truth)

	mux.HandleFunc("GET /api/version", s.ollamaVersion)
	mux.HandleFunc("GET /api/tags", s.ollamaTags)
	mux.HandleFunc("GET /api/ps", s.ollamaPS)
	mux.HandleFunc("POST /api/show", s.ollamaShow)
	mux.HandleFunc("POST /api/generate", s.ollamaGenerate)
	mux.HandleFunc("POST /api/chat", s.ollamaChat)

	mux.HandleFunc("GET /v1/models", s.openaiModels)
	mux.HandleFunc("POST /v1/chat/completions", s.openaiChat)
	mux.HandleFunc("POST /v1/completions", s.openaiCompletion)

	mux.HandleFunc("GET /health", s.llamaHealth)
	mux.HandleFunc("GET /props", s.llamaProps)
	mux.HandleFunc("GET /slots", s.llamaSlots)
	mux.HandleFunc("POST /tokenize", s.llamaTokenize)
	mux.HandleFunc("POST /completion", s.llamaCompletion)
	return mux
}

func (s *Simulator) truth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jsonl")
	enc := json.NewEncoder(w)
	for _, r := range s.Truth() {
		if enc.Encode(r) != nil {
			return // the reader has gone
		}
	}
}

// reply writes one JSON document. An error means that the client has gone,
// which no handler can answer.
func reply(w http.ResponseWriter, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(status)
	w.Write(raw)
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return false
	}
	return true
}

// A dialect writes one protocol's records.
type dialect interface {
	// piece is the record of a piece of text, terminator included.
	piece(b []byte, text string, reasoning bool, tokens int) []byte
	// final is what ends the answer.
	final(b []byte, a answer) []byte
	// failed is an error inside the stream.
	failed(b []byte, err error) []byte
	// whole is the answer to a request that asked for no stream.
	whole(text string, a answer) any
	contentType() string
}

// httpSink writes an answer as it comes, or collects it.
type httpSink struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	d       dialect
	stream  bool
	started bool
	buf     []byte
	text    []byte
}

func (k *httpSink) piece(text string, reasoning bool, n int) error {
	if !k.stream {
		if !reasoning {
			k.text = append(k.text, text...)
		}
		return nil
	}
	k.buf = k.d.piece(k.buf[:0], text, reasoning, n)
	return k.flush()
}

func (k *httpSink) flush() error {
	if !k.started {
		k.started = true
		k.w.Header().Set("Content-Type", k.d.contentType())
	}
	if _, err := k.w.Write(k.buf); err != nil {
		return err
	}
	return k.rc.Flush()
}

// answer plays q over HTTP.
func (s *Simulator) answer(w http.ResponseWriter, r *http.Request, q ask, stream bool, d dialect) {
	k := &httpSink{w: w, rc: http.NewResponseController(w), d: d, stream: stream}
	a, err := s.serve(r.Context(), q, k)
	if err != nil {
		k.fail(err)
		return
	}
	if !stream {
		reply(w, http.StatusOK, d.whole(string(k.text), a))
		return
	}
	k.buf = d.final(k.buf[:0], a)
	_ = k.flush() // the answer is over: a client that has gone is its own business
}

// fail shows a failure as the protocol and the moment allow.
func (k *httpSink) fail(err error) {
	status, isStatus := errors.AsType[*errStatus](err)
	unknown, isUnknown := errors.AsType[*errUnknownModel](err)
	switch {
	case isStatus:
		if status.retryAfter > 0 {
			k.w.Header().Set("Retry-After", strconv.Itoa(int((status.retryAfter+time.Second-1)/time.Second)))
		}
		reply(k.w, status.status, map[string]string{"error": status.Error()})
	case isUnknown:
		reply(k.w, http.StatusNotFound, map[string]string{"error": unknown.Error()})
	case errors.Is(err, errServer) && k.stream:
		k.buf = k.d.failed(k.buf[:0], err)
		_ = k.flush()
	case errors.Is(err, errServer):
		reply(k.w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
	case errors.Is(err, errCut):
		if !k.started {
			k.buf = k.buf[:0]
			_ = k.flush()
		}
	case errors.Is(err, context.Canceled):
		// The client has gone.
	default: // a broken connection, or a simulator that was closed
		panic(http.ErrAbortHandler)
	}
}

// number reads a JSON number that may be absent.
func number(config map[string]any, name string, otherwise int) int {
	if v, ok := config[name].(float64); ok {
		return int(v)
	}
	return otherwise
}

// pick keeps the options that the simulator knows.
func pick(config map[string]any) map[string]any {
	out := map[string]any{}
	for _, o := range Options {
		if v, ok := config[o.Name]; ok {
			out[o.Name] = v
		}
	}
	return out
}

func appendString(b []byte, text string) []byte { return append(b, encoded(text)...) }

func encoded(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil { // only what is plain gets here
		panic(fmt.Sprintf("fake: %v", err))
	}
	return raw
}
