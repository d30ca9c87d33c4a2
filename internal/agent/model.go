package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"chimera/internal/fault"
	"chimera/internal/sample"
)

// Model answers questions, whatever runs it. Every call becomes a row that is
// durable when Ask returns, also one that went wrong; an error says that there
// is no row, and nothing further can be asked. Implementations are safe for
// concurrent use.
type Model interface {
	Ask(ctx context.Context, q Question) (*sample.Sample, error)
	// Prepare loads what a question needs, so that its load is not timed.
	Prepare(ctx context.Context, q Question) error
	// Record keeps readings with the rows.
	Record(readings ...sample.Reading) error
	// Now is the time since the run's origin.
	Now() time.Duration
}

// Question is one call of an agent.
type Question struct {
	Part    string // of the run: "run", "compare", "solo", "serial", "parallel", "two-servers"
	Run     int    // from 0: which repeat of the part
	Role    string // who asks: "agent", "baseline", "tuned", "collector", "insight"
	Stage   string // "summary", "analysis", "report"
	Agent   Agent
	Prompt  string
	Schema  string // JSON Schema of the answer; "" for free text
	Tokens  int    // at most; exactly, where Fixed and the runtime can
	Fixed   bool
	Seed    int64
	Nonce   string // goes first in the prompt, so that no cached prefix answers; may be empty
	Stream  int    // which of Streams asks, from 0
	Streams int    // how many ask at once
	Warmup  bool
}

// Agent is a persona on a subject with settings of its own. Settings that are
// not set are the runtime's defaults.
type Agent struct {
	Persona  Persona
	Subject  string
	Settings map[string]any
}

// Stages of an agent's run; ingest is code's.
const (
	StageIngest   = "ingest"
	StageSummary  = "summary"
	StageAnalysis = "analysis"
	StageReport   = "report"
)

// Stages that ask the model, in order.
var Stages = []string{StageSummary, StageAnalysis, StageReport}

// Budget bounds what one agent may cost in one run. A field that is not set has
// its default.
type Budget struct {
	Tokens  int           // of one answer; default 512
	Calls   int           // in all; default 16
	Tools   int           // calls of tools; default 6
	Retries int           // of the report, with what was wrong; default 2, at most 2
	Wall    time.Duration // from the first question; default 10 min
	Table   int           // characters of the table of facts; default 5000
}

// orDefault fills in what is not set.
func (b Budget) orDefault() Budget {
	for _, d := range []struct {
		at *int
		to int
	}{{&b.Tokens, 512}, {&b.Calls, 16}, {&b.Tools, 6}, {&b.Retries, 2}, {&b.Table, 5000}} {
		if *d.at == 0 {
			*d.at = d.to
		}
	}
	if b.Wall == 0 {
		b.Wall = 10 * time.Minute
	}
	b.Retries = min(max(b.Retries, 0), 2)
	return b
}

// Call is one call as a report shows it.
type Call struct {
	Question Question
	Attempt  int // from 0, within its stage
	Row      *sample.Sample
	Unusable string // why the answer serves no purpose, though it came; "" if it does
}

// errSpent ends an agent's questions; what it has so far is told.
var errSpent = errors.New("the budget is spent")

// desk asks the questions of one agent within its budget.
type desk struct {
	model  Model
	budget Budget
	base   Question // part, run, role, agent and streams of every question
	ctx    context.Context
	end    context.CancelFunc
	notify func(Event)

	mu    sync.Mutex
	calls []Call
	ended string // why no more is asked
}

func newDesk(ctx context.Context, m Model, b Budget, base Question, notify func(Event)) *desk {
	d := &desk{model: m, budget: b.orDefault(), base: base, notify: notify}
	d.ctx, d.end = context.WithTimeoutCause(ctx, d.budget.Wall, fmt.Errorf("%w: %s have passed", errSpent, d.budget.Wall))
	return d
}

// ask sends one question. An answer that cannot be used is a row with a reason;
// errSpent says that none was asked.
func (d *desk) ask(stage, prompt, schema string, attempt int) (string, error) {
	d.mu.Lock()
	n := len(d.calls)
	d.mu.Unlock()
	if n >= d.budget.Calls {
		return "", d.stop(fmt.Errorf("%w: %d calls", errSpent, d.budget.Calls))
	}
	if err := context.Cause(d.ctx); err != nil {
		return "", d.stop(err)
	}
	q := d.base
	q.Stage, q.Prompt, q.Schema, q.Tokens = stage, prompt, schema, d.budget.Tokens
	q.Seed = q.Seed*1000 + int64(q.Run)*100 + int64(n)
	d.notify(Event{Kind: Asking, Role: q.Role, Stage: stage, Run: q.Run})
	row, err := d.model.Ask(d.ctx, q)
	if err != nil {
		if cause := context.Cause(d.ctx); cause != nil {
			return "", d.stop(cause)
		}
		return "", err
	}
	text := row.Text.Or("")
	c := Call{Question: q, Attempt: attempt, Row: row, Unusable: unusable(row, text)}
	d.mu.Lock()
	d.calls = append(d.calls, c)
	d.mu.Unlock()
	d.notify(Event{Kind: Answered, Role: q.Role, Stage: stage, Run: q.Run, Call: &c})
	return text, nil
}

// left is how many calls the budget has left.
func (d *desk) left() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.budget.Calls - len(d.calls)
}

// stop notes why nothing more is asked. An interrupt by the user goes on as
// such.
func (d *desk) stop(why error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended == "" {
		d.ended = why.Error()
	}
	if !errors.Is(why, errSpent) {
		return fault.With(why, fault.Interrupted, "")
	}
	return why
}

// unusable says what is wrong with an answer that came: nothing in it, nothing
// but refusal, or the same again and again. Such a row is left out of means.
func unusable(row *sample.Sample, text string) string {
	trimmed := strings.TrimSpace(text)
	switch {
	case row.Outcome != sample.OK:
		return string(row.Outcome)
	case trimmed == "":
		return "an answer without text"
	case repeats(trimmed):
		return "it repeats itself"
	}
	return ""
}

// repeats reports a text of which one line, or one stretch of words, makes up
// more than half, four times or more. JSON of one line is judged by its words.
func repeats(text string) bool {
	words := strings.Fields(text)
	const window = 4
	if len(words) < 8*window {
		return false
	}
	seen := map[string]int{}
	most := 0
	for i := 0; i+window <= len(words); i++ {
		key := strings.Join(words[i:i+window], " ")
		seen[key]++
		most = max(most, seen[key])
	}
	return most >= 4 && most*window*2 > len(words)
}

// Event is something that happened, for whoever watches.
type Event struct {
	Kind  EventKind
	Role  string
	Stage string
	Run   int
	Text  string
	Call  *Call // of Answered
}

// EventKind names events.
type EventKind string

// Kinds of events.
const (
	Ingesting EventKind = "ingesting"
	Asking    EventKind = "asking"
	Answered  EventKind = "answered"
	Tooling   EventKind = "tool"
	Checked   EventKind = "checked"
	Auditing  EventKind = "auditing"
	Arm       EventKind = "arm"
)

// compact is JSON on one line; what cannot be written is an empty object.
func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "{}"
	}
	return string(b)
}
