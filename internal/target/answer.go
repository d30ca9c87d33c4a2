package target

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"chimera/internal/sample"
)

// An Answer is an observation while it is being put together. Decoders add
// what each event held; Conclude decides how the attempt ended, by one rule
// for every runtime:
//
//   - the protocol's end was seen, and text: ok
//   - the protocol's end was seen, without text: degenerate (no-tokens)
//   - the runtime reported an error in the stream: error (server)
//   - bytes the protocol does not allow: error (protocol)
//   - a deadline passed: timeout (timeout-first before the first text)
//   - the run was interrupted: dropped if nothing was sent, else error
//     (interrupted)
//   - the connection broke: error (connect or reset)
//   - the body ended by itself without the protocol's end: cut (no-end)
//
// What came before a failure is kept in every case.
type Answer struct {
	sample.Observation
	// Ended says that the protocol's own end was seen.
	Ended bool
	// EndsWithBody says that a clean end of the body is an end too, from now on.
	EndsWithBody bool

	text strings.Builder
}

// Say adds a piece of generated text. Content makes up the answer's text;
// reasoning and tool calls are counted but are not part of it. Empty text is
// recorded as an empty chunk, which is neither first nor last of anything.
func (a *Answer) Say(at time.Duration, kind sample.Kind, text string) {
	if text == "" {
		a.Mark(at, sample.Empty)
		return
	}
	if kind == sample.Content {
		a.text.WriteString(text)
	}
	a.Chunks = append(a.Chunks, sample.Chunk{At: at, Chars: utf8.RuneCountInString(text), Kind: kind})
	if !a.T.First.OK() {
		a.T.First = sample.Some(at)
	}
	a.T.Last = sample.Some(at)
}

// Mark adds a chunk that carries no text.
func (a *Answer) Mark(at time.Duration, kind sample.Kind) {
	a.Chunks = append(a.Chunks, sample.Chunk{At: at, Kind: kind})
}

// Refuse records an error that the runtime put into its stream.
func (a *Answer) Refuse(message string) {
	a.fail(sample.Error, sample.ClassServer, "%s", message)
}

// Break records bytes that the protocol does not allow.
func (a *Answer) Break(format string, args ...any) {
	a.fail(sample.Error, sample.ClassProtocol, format, args...)
}

// Conclude decides the outcome. err is what ended the transport, nil if it
// ended by itself or at the protocol's end; ctx is the caller's.
func (a *Answer) Conclude(ctx context.Context, err error) sample.Observation {
	if a.T.First.OK() {
		a.SetText(a.text.String())
	}
	switch {
	case a.Failure != nil:
	case a.Ended && a.T.First.OK():
		a.Outcome = sample.OK
	case a.Ended:
		a.concludeEmpty()
	case err == nil:
		a.fail(sample.Cut, sample.ClassNoEnd, "the stream ended without its final record")
	case errors.Is(ctx.Err(), context.DeadlineExceeded) && a.T.First.OK():
		a.fail(sample.Timeout, sample.ClassTimeout, "no end before the deadline: %v", context.Cause(ctx))
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		a.fail(sample.Timeout, sample.ClassFirstToken, "no text before the deadline: %v", context.Cause(ctx))
	case ctx.Err() != nil && !a.T.Send.OK():
		a.fail(sample.Dropped, sample.ClassInterrupted, "stopped before the request was sent: %v", context.Cause(ctx))
	case ctx.Err() != nil:
		a.fail(sample.Error, sample.ClassInterrupted, "stopped: %v", context.Cause(ctx))
	default:
		class := classify(err, a.T.Send.OK(), a.T.Headers.OK())
		a.fail(sample.Error, class, "%s: %v", phrase[class], err)
	}
	a.dropEmptyDurations()
	return a.Observation
}

var phrase = map[string]string{
	sample.ClassConnect:  "connect",
	sample.ClassReset:    "the connection broke",
	sample.ClassProtocol: "read the response",
	sample.ClassTooLarge: "read the response",
}

func (a *Answer) concludeEmpty() {
	if n, ok := a.Tokens.Output.Get(); ok {
		a.fail(sample.Degenerate, sample.ClassNoTokens, "the answer holds no text; the runtime counts %d tokens", n)
		return
	}
	a.fail(sample.Degenerate, sample.ClassNoTokens, "the answer holds no text")
}

// dropEmptyDurations keeps method §1.6: a duration of zero is a missing one.
// An Eval that spans no step is no rate's denominator either.
func (a *Answer) dropEmptyDurations() {
	for _, d := range []*sample.Opt[time.Duration]{&a.Times.Load, &a.Times.PromptEval, &a.Times.Eval, &a.Times.Total} {
		if v, ok := d.Get(); ok && v <= 0 {
			*d = sample.None[time.Duration]()
		}
	}
	if steps, ok := a.Times.EvalSteps.Get(); ok && steps < 1 || !a.Times.Eval.OK() {
		a.Times.Eval, a.Times.EvalSteps = sample.None[time.Duration](), sample.None[int]()
	}
}
