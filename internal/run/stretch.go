package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"chimera/internal/load"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
)

// A stretch is trials of one subject, load, phase and concurrency. It is the
// load.Doer of its trials: each shot becomes the rows of one trial.
type stretch struct {
	c       *conductor
	subject *subject
	trials  []spec.Trial
	late    *lateWork
}

func (st *stretch) String() string {
	t := &st.trials[0]
	requests := "requests"
	if len(st.trials) == 1 {
		requests = "request"
	}
	return fmt.Sprintf("%s, block %d: %s, %d %s %s with %s", t.Experiment, t.Block+1, t.Subject, len(st.trials), t.Phase, requests, spec.ConfigID(t.Config))
}

var errTimeout = errors.New("the time allowed for one request is over")

// Do does one trial. Among several streams it returns when the answer has
// arrived, and parses and records it behind the next request: streams that
// started together end together, and a request that waited for its neighbours'
// answers to be parsed would be late. A lone stream has nobody to keep waiting,
// and no work beside its requests. Whether a trial is repeated is known only
// when its answer was parsed.
func (st *stretch) Do(ctx context.Context, shot load.Shot) {
	if st.trials[shot.Index].Streams <= 1 || st.c.job.Spec.Design.Retries > 0 {
		st.trial(ctx, shot, nil)
		return
	}
	st.late.do(ctx, shot.Stream, func(ended func()) { st.trial(ctx, shot, ended) })
}

// trial makes the attempts of one trial.
func (st *stretch) trial(ctx context.Context, shot load.Shot, ended func()) {
	t := &st.trials[shot.Index]
	sched := shot.Sched
	for attempt := 0; ; attempt++ {
		row := st.row(t, attempt, shot.Stream)
		row.Observation = st.attempt(ctx, t, ended)
		row.T.Sched = sample.Some(sched)
		pause, again := st.retry(row)
		row.Final = !again
		st.c.observe(st.subject, row)
		// A single stream commits between two requests, when nothing is timed.
		st.c.rows.put(row, t.Streams <= 1)
		if !again {
			return
		}
		if !sleep(st.c.send, pause) {
			next := st.row(t, attempt+1, shot.Stream)
			st.drop(next, context.Cause(st.c.send))
			return
		}
		sched = st.c.now()
	}
}

// Drop records a trial that was never started.
func (st *stretch) Drop(index int, cause error) {
	st.drop(st.row(&st.trials[index], 0, 0), cause)
}

// dropAll records that no trial of the stretch could be started.
func (st *stretch) dropAll(cause error) {
	for i := range st.trials {
		st.Drop(i, cause)
	}
}

func (st *stretch) drop(row *sample.Sample, cause error) {
	class := sample.ClassLoad
	if st.c.send.Err() != nil {
		class = sample.ClassInterrupted // such rows are repeated by a resumed run
	}
	row.Final, row.Outcome = true, sample.Dropped
	row.Failure = &sample.Failure{Class: class, Message: short(cause.Error())}
	row.Effective = st.c.predict(st.subject, st.c.trial(row))
	st.c.rows.put(row, false)
}

// attempt sends one request. The deadline is of this attempt alone.
func (st *stretch) attempt(ctx context.Context, t *spec.Trial, ended func()) sample.Observation {
	prompt := st.c.job.Plan.Prompts[t.Prompt]
	limited, cancel := context.WithTimeoutCause(ctx, st.c.job.Spec.Design.Timeout.D(), errTimeout)
	defer cancel()
	seen := st.subject.target.Stream(limited, target.Request{
		Model: st.subject.Model, API: st.subject.api, Raw: st.subject.Raw, Fixed: st.c.job.Spec.Design.FixedLength,
		Prompt: t.Text(prompt), MaxTokens: prompt.MaxTokens, Seed: t.Seed,
		Config: t.Config, Cache: t.Nonce == "", Ended: ended,
	}, st.c.now)
	if !seen.T.End.OK() {
		seen.T.End = sample.Some(st.c.now())
	}
	if seen.Outcome != sample.OK && ctx.Err() != nil {
		// Only the conductor knows that it was stopped: to the adapter this
		// looks like any other broken stream.
		seen.Failure = &sample.Failure{Class: sample.ClassInterrupted, Message: short(context.Cause(ctx).Error())}
	}
	return seen
}

// row is a row before anything was observed.
func (st *stretch) row(t *spec.Trial, attempt, stream int) *sample.Sample {
	s, prompt := st.subject, st.c.job.Plan.Prompts[t.Prompt]
	return &sample.Sample{
		Schema: sample.Schema, Run: st.c.job.ID, Session: st.c.session.Number,
		Trial: t.ID, Attempt: attempt, Experiment: t.Experiment, Subject: t.Subject, Target: s.Target,
		Workload: t.Workload, Prompt: prompt.ID, PromptSHA256: prompt.SHA256, Config: t.Config,
		Block: t.Block, Order: t.Order, Stream: stream, Phase: sample.Phase(t.Phase),
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
func (st *stretch) retry(row *sample.Sample) (time.Duration, bool) {
	if row.Attempt >= st.c.job.Spec.Design.Retries || row.Phase == sample.Cold || st.c.send.Err() != nil || row.Failure == nil {
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
