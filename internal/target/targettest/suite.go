// Package targettest holds what every target adapter must keep, as tests.
//
// Run is the contract: the fake runtime keeps it in every test run, real ones
// where their servers are there. Streams is the byte path: what an adapter
// makes of each stream that a runtime may send, however the network cuts it.
package targettest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
)

// A Subject is one adapter with a runtime behind it.
type Subject struct {
	// Open returns the adapter on a runtime that answers Model. It is called
	// inside the bubble where Bubble is set.
	Open   func(t *testing.T) target.Target
	Kind   target.Kind
	Model  string
	Prompt string // "" = a sentence
	Config map[string]any
	Bubble bool // run in a synctest bubble: the runtime is simulated

	Managed   bool // loads on demand
	Fixed     bool // can generate exactly the budget
	OneModel  bool // answers any model's name with the one it has
	NoTimings bool // reports no durations of its own
	FreeText  bool // its API has no place for a constraint
	// Slow is a budget that takes at least twice as long as Moment; the prompt's
	// first token comes within Moment.
	Slow   int
	Moment time.Duration
}

// Run holds s to the contract of target.Target.
func Run(t *testing.T, s Subject) {
	if s.Config == nil {
		s.Config = map[string]any{}
	}
	if s.Prompt == "" {
		s.Prompt = "Once upon a time there was a clock"
	}
	for _, c := range []struct {
		name string
		test func(*testing.T, Subject, target.Target)
	}{
		{"describes its model", describes},
		{"refuses an unknown model with a hint", refusesUnknownModel},
		{"maps a configuration without changing it", effective},
		{"names the load that a configuration needs", reloadKey},
		{"loads and unloads, or says that it does not", loads},
		{"answers with a complete observation", answers},
		{"answers with one token", answersOne},
		{"generates a fixed budget", fixed},
		{"answers many at once", answersMany},
		{"follows a constraint", followsConstraint},
		{"reports a deadline before the first text", deadlineFirst},
		{"reports a deadline after the first text", deadlineMid},
		{"reports an interruption before the request", interruptedBefore},
		{"reports an interruption in mid-stream", interruptedMid},
		{"refuses what it cannot send", refuses},
		{"refuses a constraint that it cannot pass on", refusesConstraint},
		{"closes twice", closes},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func(t *testing.T) {
				target := s.Open(t)
				c.test(t, s, target)
				if err := target.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}
			if s.Bubble {
				synctest.Test(t, run)
			} else {
				run(t)
			}
		})
	}
}

// Clock returns a run's clock that starts now.
func Clock() target.Clock {
	origin := time.Now()
	return func() time.Duration { return time.Since(origin) }
}

// Serve runs h on a pipe until the test ends and returns how to reach it.
func Serve(t *testing.T, h http.Handler) target.Config {
	t.Helper()
	pipe := Listen()
	server := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- server.Serve(pipe) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	return target.Config{ID: "pipe", URL: "http://pipe", Dial: pipe.Dial}
}

func (s Subject) request(tokens int) target.Request {
	return target.Request{Model: s.Model, Prompt: s.Prompt, MaxTokens: tokens, Seed: 7, Raw: true, Fixed: s.Fixed, Config: maps.Clone(s.Config)}
}

// Valid fails the test if o breaks an invariant that a row alone can break.
func Valid(t *testing.T, o sample.Observation) {
	t.Helper()
	s := sample.Sample{Observation: o}
	for _, err := range s.Validate() {
		t.Errorf("invalid observation: %v", err)
	}
	if !o.T.End.OK() {
		t.Error("no end instant")
	}
}

func describes(t *testing.T, s Subject, target target.Target) {
	d, err := target.Describe(t.Context(), s.Model)
	if err != nil {
		t.Fatal(err)
	}
	if d.Server == "" || d.Model == "" {
		t.Errorf("description without server or model: %+v", d)
	}
	if n, ok := d.Layers.Get(); ok && n < 1 {
		t.Errorf("%d layers", n)
	}
}

func refusesUnknownModel(t *testing.T, s Subject, target target.Target) {
	_, err := target.Describe(t.Context(), "no-such-model:0b")
	if err == nil {
		t.Fatal("an unknown model was described")
	}
	if fault.HintOf(err) == "" {
		t.Errorf("error without a hint: %v", err)
	}
	if s.OneModel {
		return
	}
	req := s.request(4)
	req.Model = "no-such-model:0b"
	o := target.Stream(t.Context(), req, Clock())
	Valid(t, o)
	if o.Outcome != sample.Error || o.Failure.Class != sample.ClassHTTP {
		t.Errorf("outcome %s %+v, want error http", o.Outcome, o.Failure)
	}
}

func effective(t *testing.T, s Subject, target target.Target) {
	d, err := target.Describe(t.Context(), s.Model)
	if err != nil {
		t.Fatal(err)
	}
	requested := map[string]any{"a key of nobody": "kept"}
	for _, o := range s.Kind.Options {
		if o.Type == spec.Int && o.Min < o.Max {
			requested[o.Name] = o.Max
		}
	}
	before := maps.Clone(requested)
	got := target.Effective(d, requested)
	if diff := cmp.Diff(before, requested); diff != "" {
		t.Errorf("requested was changed:\n%s", diff)
	}
	if got["a key of nobody"] != "kept" {
		t.Errorf("an unknown key was not kept: %v", got)
	}
	if diff := cmp.Diff(got, target.Effective(d, got)); diff != "" {
		t.Errorf("the effective configuration is not its own:\n%s", diff)
	}
}

func reloadKey(t *testing.T, s Subject, target target.Target) {
	base := target.ReloadKey(map[string]any{})
	for _, o := range s.Kind.Options {
		value := any(o.Min + 1)
		switch o.Type {
		case spec.Bool:
			value = true
		case spec.Enum:
			value = o.Enum[0]
		case spec.Text:
			value = "1"
		}
		config := map[string]any{o.Name: value}
		if changed := target.ReloadKey(config) != base; changed != o.Reload {
			t.Errorf("option %s: the key changed: %t, but Reload is %t", o.Name, changed, o.Reload)
		}
		if target.ReloadKey(config) != target.ReloadKey(maps.Clone(config)) {
			t.Errorf("option %s: equal configurations have different keys", o.Name)
		}
	}
}

func loads(t *testing.T, s Subject, tgt target.Target) {
	loaded, err := tgt.Load(t.Context(), s.Model, map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	residency, err := tgt.Unload(t.Context(), s.Model)
	if err != nil {
		t.Fatal(err)
	}
	want := target.Unmanaged
	if s.Managed {
		want = target.Managed
		if took, ok := loaded.Took.Get(); !ok || took <= 0 {
			t.Errorf("a load took %v (observed: %t)", took, ok)
		}
	}
	if loaded.Residency != want || residency != want {
		t.Errorf("residency %s at load, %s at unload, want %s", loaded.Residency, residency, want)
	}
	if !s.Managed {
		return
	}
	again, err := tgt.Load(t.Context(), s.Model, map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	warm, err := tgt.Load(t.Context(), s.Model, map[string]any{})
	if err != nil {
		t.Fatal(err)
	}
	if cold, warm := again.Took.Or(0), warm.Took.Or(0); warm >= cold {
		t.Errorf("loading a resident model took %v, an absent one %v", warm, cold)
	}
}

func answers(t *testing.T, s Subject, target target.Target) {
	now := Clock()
	before := now()
	o := target.Stream(t.Context(), s.request(8), now)
	after := now()
	Valid(t, o)
	if o.Outcome != sample.OK {
		t.Fatalf("outcome %s: %+v", o.Outcome, o.Failure)
	}
	complete(t, s, o, 8)
	for name, at := range map[string]sample.Opt[time.Duration]{"send": o.T.Send, "headers": o.T.Headers, "first": o.T.First, "last": o.T.Last, "end": o.T.End} {
		if v, ok := at.Get(); !ok || v < before || v > after {
			t.Errorf("%s at %v (observed: %t), outside [%v, %v]", name, v, ok, before, after)
		}
	}
	if o.T.Sched.OK() {
		t.Error("an adapter does not know when a request was planned")
	}
}

// complete checks what a good answer of at most budget tokens holds.
func complete(t *testing.T, s Subject, o sample.Observation, budget int) {
	t.Helper()
	text, ok := o.Text.Get()
	if !ok || text == "" || o.TextHash.Or("") != digest.Text(text) {
		t.Errorf("text %q (observed: %t) with digest %q", text, ok, o.TextHash.Or(""))
	}
	chars := 0
	for _, c := range o.Chunks {
		if c.Kind == sample.Content {
			chars += c.Chars
		}
	}
	if want := utf8.RuneCountInString(text); chars != want {
		t.Errorf("the chunks hold %d characters, the text %d", chars, want)
	}
	if n, ok := o.Tokens.Output.Get(); !ok || n < 1 || n > budget || o.Tokens.Source == "" {
		t.Errorf("%d output tokens (observed: %t, source %q), want 1 to %d", n, ok, o.Tokens.Source, budget)
	}
	if n, ok := o.Tokens.Prompt.Get(); !ok || n < 1 {
		t.Errorf("%d prompt tokens (observed: %t)", n, ok)
	}
	if o.Finish == "" || len(o.Server) == 0 {
		t.Errorf("finish %q, server fields %q", o.Finish, o.Server)
	}
	n := o.Tokens.Output.Or(0)
	if steps, ok := o.Times.EvalSteps.Get(); !s.NoTimings && n > 1 && (!ok || steps != n && steps != n-1) {
		t.Errorf("the evaluation of %d tokens spans %d steps (observed: %t)", n, steps, ok)
	}
}

func answersOne(t *testing.T, s Subject, target target.Target) {
	o := target.Stream(t.Context(), s.request(1), Clock())
	Valid(t, o)
	if o.Outcome != sample.OK {
		t.Fatalf("outcome %s: %+v", o.Outcome, o.Failure)
	}
	complete(t, s, o, 1)
	if o.T.First != o.T.Last {
		t.Errorf("one token, but first at %v and last at %v", o.T.First.Or(0), o.T.Last.Or(0))
	}
	if o.Times.Eval.OK() || o.Times.EvalSteps.OK() {
		t.Error("one token has no step between tokens, so no evaluation time")
	}
}

func fixed(t *testing.T, s Subject, target target.Target) {
	req := s.request(24)
	req.Fixed = true
	o := target.Stream(t.Context(), req, Clock())
	Valid(t, o)
	if o.Outcome != sample.OK {
		t.Fatalf("outcome %s: %+v", o.Outcome, o.Failure)
	}
	if n := o.Tokens.Output.Or(0); s.Fixed && n != 24 || n > 24 {
		t.Errorf("%d tokens of a fixed budget of 24", n)
	}
}

func answersMany(t *testing.T, s Subject, target target.Target) {
	const streams = 4
	got := make([]sample.Observation, streams)
	now := Clock()
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			req := s.request(6)
			req.Prompt = fmt.Sprintf("[%d] %s", i, req.Prompt)
			got[i] = target.Stream(t.Context(), req, now)
		})
	}
	all.Wait()
	for _, o := range got {
		Valid(t, o)
		if o.Outcome != sample.OK {
			t.Errorf("outcome %s: %+v", o.Outcome, o.Failure)
			continue
		}
		complete(t, s, o, 6)
	}
}

func deadlineFirst(t *testing.T, s Subject, target target.Target) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
	defer cancel()
	o := target.Stream(ctx, s.request(8), Clock())
	Valid(t, o)
	expect(t, o, sample.Timeout, sample.ClassFirstToken)
}

func deadlineMid(t *testing.T, s Subject, target target.Target) {
	moment := warm(t, s, target)
	ctx, cancel := context.WithTimeoutCause(t.Context(), moment, errors.New("the test's patience ended"))
	defer cancel()
	now := Clock()
	o := target.Stream(ctx, s.request(s.Slow), now)
	if late := now() - moment; late > moment {
		t.Errorf("returned %v after its deadline", late)
	}
	Valid(t, o)
	expect(t, o, sample.Timeout, sample.ClassTimeout)
	if len(o.Chunks) == 0 || o.Text.Or("") == "" {
		t.Error("what came before the deadline was not kept")
	}
}

func interruptedBefore(t *testing.T, s Subject, target target.Target) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the user went home"))
	o := target.Stream(ctx, s.request(8), Clock())
	Valid(t, o)
	expect(t, o, sample.Dropped, sample.ClassInterrupted)
}

func interruptedMid(t *testing.T, s Subject, target target.Target) {
	moment := warm(t, s, target)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer time.AfterFunc(moment, func() { cancel(errors.New("the user went home")) }).Stop()
	o := target.Stream(ctx, s.request(s.Slow), Clock())
	Valid(t, o)
	expect(t, o, sample.Error, sample.ClassInterrupted)
	if len(o.Chunks) == 0 {
		t.Error("what came before the interruption was not kept")
	}
}

// warm makes the model resident and returns how long a test may wait for the
// middle of an answer: Moment, or longer on a machine that is busy now.
func warm(t *testing.T, s Subject, target target.Target) time.Duration {
	t.Helper()
	var o sample.Observation
	for range 2 { // the first may load
		if o = target.Stream(t.Context(), s.request(1), Clock()); o.Outcome != sample.OK {
			t.Fatalf("warm up: outcome %s: %+v", o.Outcome, o.Failure)
		}
	}
	if s.Bubble {
		return s.Moment
	}
	return max(s.Moment, 4*o.T.End.Or(0))
}

func expect(t *testing.T, o sample.Observation, outcome sample.Outcome, class string) {
	t.Helper()
	if o.Outcome != outcome || o.Failure == nil || o.Failure.Class != class {
		t.Errorf("outcome %s %+v, want %s (%s)", o.Outcome, o.Failure, outcome, class)
	}
}

func refuses(t *testing.T, s Subject, tgt target.Target) {
	unknown, nothing := s.request(4), s.request(0)
	unknown.Config["no_such_option"] = 1.0
	for name, req := range map[string]target.Request{"an unknown option": unknown, "no budget": nothing} {
		notSent(t, name, tgt, req)
	}
}

func notSent(t *testing.T, name string, tgt target.Target, req target.Request) {
	t.Helper()
	o := tgt.Stream(t.Context(), req, Clock())
	Valid(t, o)
	expect(t, o, sample.Error, sample.ClassProtocol)
	if o.T.Send.OK() {
		t.Errorf("%s was sent", name)
	}
}

func closes(t *testing.T, _ Subject, target target.Target) {
	if err := target.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
