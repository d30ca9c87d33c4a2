package sample

import (
	"fmt"
	"time"
)

// Validate returns every invariant of method §1.6 that the row alone can
// break. A row that breaks one is not evidence: it is flagged, never repaired.
func (s *Sample) Validate() []error {
	var broken []error
	fail := func(format string, args ...any) { broken = append(broken, fmt.Errorf(format, args...)) }

	s.checkOrder(fail)
	s.checkChunks(fail)
	if n, ok := s.Tokens.Output.Get(); ok && n < 0 {
		fail("output tokens are %d, below 0", n)
	}
	if p, ok := s.Tokens.Prompt.Get(); ok {
		if c, ok := s.Tokens.Cached.Get(); ok && (c < 0 || c > p) {
			fail("cached tokens are %d of %d prompt tokens", c, p)
		}
	}
	for name, d := range map[string]Opt[time.Duration]{"load": s.Times.Load, "prompt_eval": s.Times.PromptEval, "eval": s.Times.Eval, "total": s.Times.Total} {
		if v, ok := d.Get(); ok && v <= 0 {
			fail("the server's %s duration is %v: not a duration, so it must be absent", name, v)
		}
	}
	switch {
	case s.Outcome == OK && s.Failure != nil:
		fail("outcome ok with a failure: %s", s.Failure.Message)
	case s.Outcome != OK && s.Failure == nil:
		fail("outcome %s without a reason", s.Outcome)
	case s.Outcome == OK && !s.T.First.OK() && s.Provenance != Imported: // other tools' files often keep durations only
		fail("outcome ok without a first chunk that carries text")
	}
	return broken
}

// checkOrder holds the instants to sched ≤ send ≤ headers ≤ first ≤ last ≤ end.
func (s *Sample) checkOrder(fail func(string, ...any)) {
	type instant struct {
		name string
		at   Opt[time.Duration]
	}
	before := instant{}
	for _, now := range []instant{{"sched", s.T.Sched}, {"send", s.T.Send}, {"headers", s.T.Headers},
		{"first", s.T.First}, {"last", s.T.Last}, {"end", s.T.End}} {
		at, ok := now.at.Get()
		if !ok {
			continue
		}
		if prev, ok := before.at.Get(); ok && at < prev {
			fail("%s at %v lies before %s at %v", now.name, at, before.name, prev)
		}
		before = now
	}
	if s.T.First.OK() != s.T.Last.OK() {
		fail("first and last chunk must both be observed or both be absent")
	}
}

func (s *Sample) checkChunks(fail func(string, ...any)) {
	var prev time.Duration
	for i, c := range s.Chunks {
		if c.At < prev {
			fail("chunk %d at %v lies before chunk %d at %v", i, c.At, i-1, prev)
		}
		if c.Chars < 0 {
			fail("chunk %d has %d characters", i, c.Chars)
		}
		prev = c.At
	}
}
