// Package tool is what a model or an assistant may ask the lab: which facts
// there are, a metric over any rows, one thing against another, what was
// measured at all, and the data of a figure.
//
// An answer is made of facts with ids and of nothing else: no tool reads a file,
// runs a command or changes anything, so whoever asks can at worst waste its
// budget. A question about what was not measured is answered "not measured",
// with the reason, never with a zero. Arguments come from a model and are
// trusted as little as a stranger's: they are bounded, unknown fields are
// refused, and a wrong name is answered with the nearest right one. Every call
// is logged, and every fact that was handed out is remembered, so that what is
// written afterwards can be held against what was given.
package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
)

// Source is what the tools answer from. It is only read, so that many boxes may
// share one. Build it with NewSource.
type Source struct {
	Ledger   *fact.Ledger      // rows; a ledger without rows answers from Analysis alone
	Analysis *finding.Analysis // findings and their facts; may be empty
	// Draw makes the figures of a finding as SVG; nil where nothing can draw.
	Draw func(context.Context, finding.Finding) ([]Figure, error)

	order    []string // ids of the analysis' facts, in the order in which findings use them
	findings map[string]finding.Finding
	rows     map[string]*fact.Row
}

// Figure is one picture.
type Figure struct {
	ID    string
	Title string
	SVG   []byte
}

// NewSource makes a source of a ledger and an analysis of the same rows; either
// may be nil.
func NewSource(l *fact.Ledger, a *finding.Analysis, draw func(context.Context, finding.Finding) ([]Figure, error)) *Source {
	if l == nil {
		l = fact.NewLedger()
	}
	if a == nil {
		a = &finding.Analysis{}
	}
	s := &Source{Ledger: l, Analysis: a, Draw: draw, findings: map[string]finding.Finding{}, rows: map[string]*fact.Row{}}
	seen := map[string]bool{}
	var use func(id string)
	use = func(id string) {
		f, ok := a.Fact(id)
		if !ok || seen[id] {
			return
		}
		seen[id] = true
		s.order = append(s.order, id)
		for _, from := range f.Evidence.From {
			use(from)
		}
	}
	for _, f := range a.Findings {
		s.findings[f.ID] = f
		for _, id := range f.Facts {
			use(id)
		}
	}
	for _, f := range a.Facts {
		use(f.ID)
	}
	for _, r := range l.Rows {
		s.rows[r.ID] = r
	}
	return s
}

// Limits bound what one box gives away. A field that is not set has its
// default.
type Limits struct {
	Calls     int // in all; default 64
	Facts     int // in one answer; default 40
	Bytes     int // of one answer; default 16 KiB
	Arguments int // bytes of one call's arguments; default 8 KiB
	Rows      int // names of rows behind all facts, which the box remembers; default 1,000,000
}

func (l Limits) orDefault() Limits {
	for _, d := range []struct {
		at *int
		to int
	}{{&l.Calls, 64}, {&l.Facts, 40}, {&l.Bytes, 16 << 10}, {&l.Arguments, 8 << 10}, {&l.Rows, 1_000_000}} {
		if *d.at <= 0 {
			*d.at = d.to
		}
	}
	return l
}

// Box holds the tools of one conversation: its budget, its log and the facts
// that it gave. It is safe for concurrent use.
type Box struct {
	*Source
	// Watch is told of each call when it has ended, one at a time. Set it before
	// the first call.
	Watch func(Call)

	limits Limits
	clock  func() time.Time

	mu struct {
		sync.Mutex
		calls []Call
		given []string // ids, in the order in which they were first given
		rows  int      // names of rows behind them
		facts map[string]fact.Fact
	}
}

// New opens a box. The clock stamps the log; without one the log has no times.
func New(s *Source, l Limits, clock func() time.Time) *Box {
	b := &Box{Source: s, limits: l.orDefault(), clock: clock}
	b.mu.facts = map[string]fact.Fact{}
	return b
}

// Call is one entry of the log.
type Call struct {
	N         int           `json:"n"` // from 1
	Tool      string        `json:"tool"`
	Arguments string        `json:"arguments"` // as sent, at most Limits.Arguments bytes
	Bytes     int           `json:"bytes"`     // of the answer
	Digest    string        `json:"digest"`    // of the answer
	Facts     []string      `json:"facts"`     // ids that the answer gave
	Cut       bool          `json:"cut,omitempty"`
	Error     string        `json:"error,omitempty"`
	At        time.Time     `json:"at,omitzero"`
	Took      time.Duration `json:"took,omitzero"`
}

// Answer is what a call gives.
type Answer struct {
	JSON    json.RawMessage // compact, at most Limits.Bytes: what the asker reads
	Facts   []fact.Fact     // the facts in it, in order
	Figures []Figure        // of plot, where pictures were asked for
	Cut     bool            // more would have fitted the question than the budget
	Err     error           // the question was refused; JSON says so too
}

// ErrSpent says that the box gives nothing more.
var ErrSpent = errors.New("the budget is spent")

// Call asks a tool by its name. It never fails: a refusal is an answer too.
func (b *Box) Call(ctx context.Context, name string, arguments json.RawMessage) Answer {
	started := b.now()
	n, left := b.enter()
	a := &answer{limits: b.limits}
	err := context.Cause(ctx)
	switch {
	case err != nil:
	case left < 0:
		err = fault.With(fmt.Errorf("%w: %d calls, facts of %d rows", ErrSpent, b.limits.Calls, b.limits.Rows), fault.Usage, "answer from the facts that you have")
	case len(arguments) > b.limits.Arguments:
		err = fault.With(fmt.Errorf("the arguments have %d bytes, and at most %d are read", len(arguments), b.limits.Arguments), fault.Usage, "ask for less at once")
	default:
		err = b.ask(ctx, name, arguments, a)
	}
	out := a.done(max(left, 0), err)
	b.leave(n, name, arguments, out, started)
	return out
}

// Log lists the calls so far, in the order in which they came.
func (b *Box) Log() []Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mu.calls)
}

// Given lists every fact that an answer held, in the order in which they were
// first given: what a writer may speak of, and what an auditor must know.
func (b *Box) Given() []fact.Fact {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]fact.Fact, 0, len(b.mu.given))
	for _, id := range b.mu.given {
		out = append(out, b.mu.facts[id])
	}
	return out
}

// Fact finds a fact that was given, or that the analysis has.
func (b *Box) Fact(id string) (fact.Fact, bool) {
	b.mu.Lock()
	f, ok := b.mu.facts[id]
	b.mu.Unlock()
	if ok {
		return f, true
	}
	return b.Analysis.Fact(id)
}

func (b *Box) now() time.Time {
	if b.clock == nil {
		return time.Time{}
	}
	return b.clock()
}

// enter takes one call out of the budget; left is negative if there was none.
func (b *Box) enter() (n, left int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.calls = append(b.mu.calls, Call{})
	n = len(b.mu.calls)
	if b.mu.rows > b.limits.Rows {
		return n, -1
	}
	return n, b.limits.Calls - n
}

// leave logs a call and remembers the facts that it gave.
func (b *Box) leave(n int, name string, arguments json.RawMessage, a Answer, started time.Time) {
	c := Call{N: n, Tool: clip(name, maxName), Arguments: clip(string(arguments), b.limits.Arguments), Bytes: len(a.JSON), Digest: digest.Bytes(a.JSON), Facts: []string{}, Cut: a.Cut}
	if a.Err != nil {
		c.Error = a.Err.Error()
	}
	if b.clock != nil {
		c.At = started
		c.Took = b.clock().Sub(started)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range a.Facts {
		c.Facts = append(c.Facts, f.ID)
		if _, known := b.mu.facts[f.ID]; !known {
			b.mu.given = append(b.mu.given, f.ID)
			b.mu.facts[f.ID] = f
			b.mu.rows += len(f.Evidence.Rows) + len(f.Evidence.From)
		}
	}
	b.mu.calls[n-1] = c
	if b.Watch != nil {
		b.Watch(c)
	}
}
