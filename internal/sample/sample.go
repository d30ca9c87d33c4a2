// Package sample holds what was observed, and nothing that was computed.
//
// A sample is one attempt at one planned request: who asked what, in which
// order, when each byte came back, and how it ended. Failures are samples too.
// What was not observed is absent (Opt), never zero. Rates, percentiles and
// verdicts are computed elsewhere, from rows like these, so that any old run
// can be analysed again with better arithmetic.
package sample

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"chimera/internal/digest"
	"chimera/internal/quality"
)

// Schema is the version of the sample line (docs/formats/sample.md).
const Schema = 1

// Outcome says how a trial ended. Every planned trial ends in exactly one.
type Outcome string

const (
	OK         Outcome = "ok"         // answered, and the answer ended as asked
	Error      Outcome = "error"      // the runtime or the connection refused or broke
	Timeout    Outcome = "timeout"    // no end within the time allowed
	Dropped    Outcome = "dropped"    // never sent: no free slot in time, or the run was stopped
	Cut        Outcome = "cut"        // the stream ended without its final record
	Degenerate Outcome = "degenerate" // answered, but with nothing to measure (no tokens)
)

// Outcomes lists every outcome in the order in which counts are printed.
var Outcomes = []Outcome{OK, Error, Timeout, Dropped, Cut, Degenerate}

// Phase separates rows that must never share a mean.
type Phase string

const (
	Cold    Phase = "cold"    // the first request after a load, measured as such
	Warmup  Phase = "warmup"  // discarded by plan
	Measure Phase = "measure" // warm and counted
)

// Provenance says where a row comes from.
type Provenance string

const (
	Measured  Provenance = "measured"  // chimera watched it happen
	Imported  Provenance = "imported"  // read from another tool's file
	Simulated Provenance = "simulated" // the fake target's invented time line
)

// Chunk is one piece of the answer as it arrived.
type Chunk struct {
	At    time.Duration // since the run's origin, when its last byte was read
	Chars int           // Unicode code points of text it carries; 0 for role, usage and done records
	Kind  Kind
}

// Kind says what a chunk carries.
type Kind string

const (
	Content   Kind = "content"
	Reasoning Kind = "reasoning"
	Tool      Kind = "tool"
	Role      Kind = "role"  // a first chunk without text
	Empty     Kind = "empty" // a content chunk with empty text
	Usage     Kind = "usage"
	Done      Kind = "done"
)

var kinds = []Kind{Content, Reasoning, Tool, Role, Empty, Usage, Done}

// Carries reports whether a chunk of this kind holds generated text: only such
// a chunk can be the first or the last of an answer.
func (k Kind) Carries() bool { return k == Content || k == Reasoning || k == Tool }

// MarshalJSON writes [ns, chars, kind]. A long answer has thousands of chunks,
// so this takes one allocation and no reflection.
func (c Chunk) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 48)
	b = append(b, '[')
	b = strconv.AppendInt(b, c.At.Nanoseconds(), 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, int64(c.Chars), 10)
	b = append(b, ',')
	b = strconv.AppendQuote(b, string(c.Kind)) // kinds are a closed list of plain words
	return append(b, ']'), nil
}

var errChunk = errors.New("a chunk is [ns, chars, kind]")

// UnmarshalJSON reads [ns, chars, kind].
func (c *Chunk) UnmarshalJSON(b []byte) error {
	inner, ok := bytes.CutPrefix(bytes.TrimSpace(b), []byte("["))
	inner, closed := bytes.CutSuffix(inner, []byte("]"))
	at, rest, two := bytes.Cut(inner, []byte(","))
	chars, kind, three := bytes.Cut(rest, []byte(","))
	if !ok || !closed || !two || !three {
		return errChunk
	}
	ns, err := strconv.ParseInt(string(bytes.TrimSpace(at)), 10, 64)
	if err != nil {
		return fmt.Errorf("%w: %w", errChunk, err)
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(chars)))
	if err != nil {
		return fmt.Errorf("%w: %w", errChunk, err)
	}
	word, err := kindOf(bytes.TrimSpace(kind))
	if err != nil {
		return err
	}
	*c = Chunk{At: time.Duration(ns), Chars: n, Kind: word}
	return nil
}

// kindOf reads a JSON string; the known kinds without an allocation.
func kindOf(b []byte) (Kind, error) {
	if len(b) > 2 && b[0] == '"' {
		for _, k := range kinds {
			if string(b[1:len(b)-1]) == string(k) && b[len(b)-1] == '"' {
				return k, nil
			}
		}
	}
	var k Kind
	if err := json.Unmarshal(b, &k); err != nil {
		return "", fmt.Errorf("%w: %w", errChunk, err)
	}
	if strings.ContainsFunc(string(k), func(r rune) bool { return r < 'a' || r > 'z' }) {
		return "", fmt.Errorf("%w: kind %.20q is not a word", errChunk, k)
	}
	return k, nil
}

// Timeline holds the instants of one attempt, as offsets from the run's
// monotonic origin, in nanoseconds when written.
type Timeline struct {
	Sched   Opt[time.Duration] `json:"sched,omitzero"`   // when it should have been sent
	Send    Opt[time.Duration] `json:"send,omitzero"`    // just before the first byte was written
	Headers Opt[time.Duration] `json:"headers,omitzero"` // response headers read
	First   Opt[time.Duration] `json:"first,omitzero"`   // first chunk that carries text
	Last    Opt[time.Duration] `json:"last,omitzero"`    // last chunk that carries text
	End     Opt[time.Duration] `json:"end,omitzero"`     // the attempt was over, however it ended
}

// Tokens are counts by whoever is best placed to count.
type Tokens struct {
	Prompt Opt[int] `json:"prompt,omitzero"` // all prompt tokens, cached ones included
	Cached Opt[int] `json:"cached,omitzero"` // prompt tokens served from a cache
	Output Opt[int] `json:"output,omitzero"` // generated tokens, reasoning included
	Source string   `json:"source,omitempty"`
}

// Sources of token counts.
const (
	FromServer = "server" // the runtime's own final record
	FromEngine = "engine" // counted in process
)

// ServerTimes are the runtime's own durations in one vocabulary; the fields as
// the runtime wrote them stand in Observation.Server.
type ServerTimes struct {
	Load       Opt[time.Duration] `json:"load,omitzero"`        // Ollama: also request handling, so never 0 on a warm call
	PromptEval Opt[time.Duration] `json:"prompt_eval,omitzero"` // uncached prompt tokens only
	Eval       Opt[time.Duration] `json:"eval,omitzero"`        // spans EvalTokens−1 or EvalTokens steps, see EvalSteps
	Total      Opt[time.Duration] `json:"total,omitzero"`
	// EvalSteps is how many token steps Eval spans: N−1 where the clock starts
	// at the first token, N where it starts before it.
	EvalSteps Opt[int] `json:"eval_steps,omitzero"`
}

// Failure says why an attempt did not end well.
type Failure struct {
	Class   string   `json:"class"`           // closed list: see Class constants
	Message string   `json:"message"`         // bounded, without secrets
	Status  Opt[int] `json:"status,omitzero"` // HTTP status, where there was one
	// RetryAfter is the server's own wish, from the Retry-After header.
	RetryAfter Opt[time.Duration] `json:"retry_after,omitzero"`
}

// Failure classes.
const (
	ClassConnect     = "connect"       // no connection, or it was refused
	ClassReset       = "reset"         // the connection broke mid-stream
	ClassHTTP        = "http"          // a status other than 2xx
	ClassServer      = "server"        // an error inside a 200 stream
	ClassProtocol    = "protocol"      // bytes that the protocol does not allow
	ClassTooLarge    = "too-large"     // a line or a response beyond the bound
	ClassNoEnd       = "no-end"        // the stream ended without its final record
	ClassNoTokens    = "no-tokens"     // an answer without any token
	ClassFirstToken  = "timeout-first" // nothing carried text before the deadline
	ClassTimeout     = "timeout"       // text came, the end did not
	ClassLoad        = "load"          // the load that the request needs did not come about
	ClassInterrupted = "interrupted"   // the user stopped the run
	ClassEngine      = "engine"        // the embedded engine failed
)

// Observation is what a target adapter saw of one attempt. It owns its slices.
type Observation struct {
	Outcome   Outcome         `json:"outcome"`
	Failure   *Failure        `json:"error,omitempty"`
	T         Timeline        `json:"t"`
	Chunks    []Chunk         `json:"chunks,omitempty"`
	Tokens    Tokens          `json:"tokens"`
	Times     ServerTimes     `json:"server_times"`
	Finish    string          `json:"finish,omitempty"` // stop, length, tool_calls … as the runtime says it
	Server    json.RawMessage `json:"server,omitempty"` // the runtime's own final fields, verbatim
	Text      Opt[string]     `json:"text,omitzero"`
	TextHash  Opt[string]     `json:"text_sha256,omitzero"`
	Effective map[string]any  `json:"effective,omitempty"` // what the runtime said it used
}

// SetText records the answer's text and its digest.
func (o *Observation) SetText(text string) {
	o.Text, o.TextHash = Some(text), Some(digest.Text(text))
}

// Sample is one attempt at one trial.
type Sample struct {
	Schema       int    `json:"schema"`
	Run          string `json:"run"`
	Session      int    `json:"session"` // 0 at first; +1 for each resume
	Trial        string `json:"trial"`
	Attempt      int    `json:"attempt"` // 0 at first; +1 for each retry
	Experiment   string `json:"experiment"`
	Subject      string `json:"subject"`
	Target       string `json:"target"`
	Workload     string `json:"workload"`
	Prompt       string `json:"prompt"`
	PromptSHA256 string `json:"prompt_sha256"`
	// ConstraintSHA256 names what the answer's text had to follow, a schema or a
	// grammar; "" for free text. Constrained tokens cost other time than free ones.
	ConstraintSHA256 string         `json:"constraint_sha256,omitempty"`
	Config           map[string]any `json:"config"` // as requested; float64, string or bool values
	Block            int            `json:"block"`
	Order            int            `json:"order"` // position in the plan, from 0
	Stream           int            `json:"stream"`
	Phase            Phase          `json:"phase"`
	// Planned is the phase the plan gave this trial, where the run had to
	// change it (an unplanned reload makes a warm row cold).
	Planned    Opt[Phase] `json:"planned_phase,omitzero"`
	Provenance Provenance `json:"provenance"`
	Synthetic  bool       `json:"synthetic,omitempty"` // random weights: speed is real, text is noise
	// Superseded rows belong to a block that was interrupted and repeated. They
	// are kept and never analysed.
	Superseded bool `json:"superseded,omitempty"`
	// Final is false for an attempt that was retried.
	Final bool     `json:"final"`
	Notes []string `json:"notes,omitempty"`
	Observation
	// Task is what the prompt asks for, where the reader of the row has taken it
	// from the run's spec (fact.Tasks). It is shared and never stored with rows.
	Task *quality.Task `json:"-"`
}

// Asked identifies what the row's request asked for: the prompt's digest or, of
// a constrained one, that of both together.
func (s *Sample) Asked() string {
	if s.ConstraintSHA256 == "" {
		return s.PromptSHA256
	}
	return digest.Text(s.PromptSHA256 + "+" + s.ConstraintSHA256)
}
