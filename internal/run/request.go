package run

import (
	"context"
	"errors"
	"strings"
	"time"

	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
)

// A request is one trial on its way: its attempts become the trial's rows.
type request struct {
	c       *conductor
	subject *subject
	trial   *spec.Trial
	prompt  spec.Prompt
	stream  int
	wait    bool   // for each row to be durable before anything else is done
	ended   func() // target.Request.Ended, of a trial that is not repeated
}

var errTimeout = errors.New("the time allowed for one request is over")

// do makes the attempts, and returns the final row and, if it waited, why that
// could not be kept. Cancelling live ends an attempt; after send ended, none
// begins.
func (q *request) do(live, send context.Context, sched time.Duration) (*sample.Sample, error) {
	for attempt := 0; ; attempt++ {
		row := q.row(attempt)
		row.Observation = q.attempt(live)
		row.T.Sched = sample.Some(sched)
		pause, again := q.retry(send, row)
		row.Final = !again
		q.c.observe(q.subject, row)
		err := q.c.rows.put(row, q.wait)
		if !again || err != nil {
			return row, err
		}
		if !sleep(send, pause) {
			return q.drop(send, attempt+1, context.Cause(send))
		}
		sched = q.c.now()
	}
}

// drop records that an attempt was never made, and the trial ended with that.
func (q *request) drop(send context.Context, attempt int, cause error) (*sample.Sample, error) {
	row := q.row(attempt)
	class := sample.ClassLoad
	if send.Err() != nil {
		class = sample.ClassInterrupted // such rows are repeated by a resumed run
	}
	row.Final, row.Outcome = true, sample.Dropped
	row.Failure = &sample.Failure{Class: class, Message: short(cause.Error())}
	row.Effective = q.c.predict(q.subject, q.trial.Config)
	return row, q.c.rows.put(row, q.wait)
}

// attempt sends one request. The deadline is of this attempt alone.
func (q *request) attempt(ctx context.Context) sample.Observation {
	c, s, t := q.c, q.subject, q.trial
	limited, cancel := context.WithTimeoutCause(ctx, c.job.Spec.Design.Timeout.D(), errTimeout)
	defer cancel()
	constraint := q.constraint()
	seen := s.target.Stream(limited, target.Request{
		Model: s.Model, API: s.api, Raw: s.Raw, Fixed: (c.job.Spec.Design.FixedLength || q.prompt.Fixed) && constraint.Free(), Constraint: constraint,
		Prompt: t.Text(q.prompt), MaxTokens: q.prompt.MaxTokens, Seed: t.Seed,
		Config: t.Config, Cache: t.Nonce == "", Ended: q.ended,
	}, c.now)
	if !seen.T.End.OK() {
		seen.T.End = sample.Some(c.now())
	}
	if seen.Outcome != sample.OK && errors.Is(ctx.Err(), context.Canceled) {
		// Only the conductor knows that it was stopped: to the adapter this
		// looks like any other broken stream.
		seen.Failure = &sample.Failure{Class: sample.ClassInterrupted, Message: short(context.Cause(ctx).Error())}
	}
	return seen
}

// constraint is what the answer must follow.
func (q *request) constraint() target.Constraint {
	return target.Constraint{JSONSchema: q.prompt.JSONSchema, GBNF: q.prompt.GBNF}
}

// row is a row before anything was observed.
func (q *request) row(attempt int) *sample.Sample {
	s, t := q.subject, q.trial
	return &sample.Sample{
		Schema: sample.Schema, Run: q.c.job.ID, Session: q.c.session.Number,
		Trial: t.ID, Attempt: attempt, Experiment: t.Experiment, Subject: t.Subject, Target: s.Target,
		Workload: t.Workload, Prompt: q.prompt.ID, PromptSHA256: q.prompt.SHA256, ConstraintSHA256: q.constraint().Digest(), Config: t.Config,
		Block: t.Block, Order: t.Order, Stream: q.stream, Phase: sample.Phase(t.Phase),
		Provenance: s.provenance, Synthetic: s.describe.Synthetic,
	}
}

const (
	firstPause = 500 * time.Millisecond // doubled with each attempt
	mostPause  = 30 * time.Second       // also of what a server may ask for
)

// retry says whether a failed attempt is repeated, and after which pause. A
// cold request has one attempt, since the next would find a loaded model; so
// has a request that the server refused for what it is.
func (q *request) retry(send context.Context, row *sample.Sample) (time.Duration, bool) {
	if row.Attempt >= q.c.job.Spec.Design.Retries || row.Phase == sample.Cold || send.Err() != nil || row.Failure == nil {
		return 0, false
	}
	switch row.Outcome {
	case sample.Error, sample.Timeout, sample.Cut:
	default:
		return 0, false
	}
	if status, ok := row.Failure.Status.Get(); ok && status >= 400 && status < 500 && status != 408 && status != 429 {
		return 0, false
	}
	pause := firstPause << min(row.Attempt, 10)
	if asked, ok := row.Failure.RetryAfter.Get(); ok {
		pause = max(pause, asked)
	}
	return min(pause, mostPause), true
}

// short bounds a message for a row.
func short(message string) string {
	const most = 500
	if len(message) <= most {
		return message
	}
	return strings.ToValidUTF8(message[:most], "") + "…"
}
