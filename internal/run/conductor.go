package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/target"
	"chimera/internal/telemetry"
)

// conductor is one session of one run.
type conductor struct {
	job     Job
	session sample.Session
	started time.Time // the session's origin, with its monotonic reading
	now     target.Clock

	live, send context.Context
	keep       context.Context // for what must be written even after an interrupt
	abort      func(error)     // ends live and send
	read       bool            // there is telemetry
	early      error           // why a session ended before it was done, once that is known
	rows       *writer

	subjects map[string]*subject
	blocks   blockWatch

	reporting sync.Mutex // one event at a time; taken before mu
	mu        struct {
		sync.Mutex
		outcomes  store.Counts
		fresh     int // trials that ended in this session
		stopped   int // of these, the ones that an interrupt ended
		loads     Loads
		resident  map[place]resident
		warnings  []string
		effective effectives
		absent    map[string]string
	}
}

// sealing bounds the writes that follow the end of a run.
const sealing = time.Minute

var (
	errAbandoned = errors.New("the run ended")
	errStopped   = errors.New("requests were stopped")
)

// begin makes the conductor of a session that starts now.
func begin(live, send context.Context, job Job, number int) (*conductor, error) {
	c := &conductor{job: job, started: time.Now(), keep: context.WithoutCancel(live)}
	c.session = sample.Session{Number: number, Started: c.started.Round(0).UTC()}
	c.now = func() time.Duration { return c.session.Offset + time.Since(c.started) }
	if err := c.wire(); err != nil {
		return nil, err
	}
	var endLive, endSend context.CancelCauseFunc
	c.live, endLive = context.WithCancelCause(live)
	c.send, endSend = context.WithCancelCause(send)
	c.abort = func(cause error) { endLive(cause); endSend(cause) }
	context.AfterFunc(c.live, func() { endSend(context.Cause(c.live)) })
	c.mu.outcomes.Planned = len(job.Plan.Trials)
	c.mu.resident = map[place]resident{}
	c.mu.effective = effectives{}
	c.mu.absent = map[string]string{}
	return c, nil
}

// end frees the session's contexts.
func (c *conductor) end() { c.abort(errAbandoned) }

// conduct does trials, which lie in plan order, then seals.
func (c *conductor) conduct(trials []spec.Trial) (Result, error) {
	c.rows = newWriter(c.keep, c.job.Recorder, c.job.ID, c.kept, c.abort)
	endTelemetry := c.watch()
	var block blockID
	for i, plot := range plots(trials) {
		if c.job.Preflight > 0 && i > 0 && blockOf(&plot[0]) != block {
			endTelemetry() // collectors tell what changed since they were last asked
			c.watchBlock(&plot[0])
			endTelemetry = c.watch()
		}
		block = blockOf(&plot[0])
		c.plot(plot)
	}
	endTelemetry()
	c.warnOfBlocks()
	lost := c.rows.close()
	c.checkClock()
	return c.seal(lost)
}

// blockID tells one block from the next.
type blockID struct {
	experiment string
	number     int
}

func blockOf(t *spec.Trial) blockID { return blockID{t.Experiment, t.Block} }

// watch runs telemetry until the returned function is called.
func (c *conductor) watch() (end func()) {
	interval := c.job.Spec.Telemetry.Interval.D()
	if interval <= 0 || len(c.job.Collectors) == 0 {
		return func() {}
	}
	c.read = true
	ctx, cancel := context.WithCancel(c.live)
	var done sync.WaitGroup
	done.Go(func() {
		telemetry.Run(ctx, interval, telemetry.Clock(c.now), c.job.Collectors, c.rows.readings)
	})
	return func() { cancel(); done.Wait() }
}

// seal ends the session's record; lost is why rows could not be kept, if so.
func (c *conductor) seal(lost error) (Result, error) {
	c.report(Event{Kind: Sealing, Text: "sealing the run"})
	ctx, cancel := context.WithTimeoutCause(c.keep, sealing, fmt.Errorf("no seal within %s", sealing))
	defer cancel()
	r := c.result()
	if lost != nil {
		r.Status = store.Open
		err := fmt.Errorf("run %s: record what was measured: %w", c.job.ID, lost)
		return r, fault.With(err, fault.Runtime, "what was committed is kept; once the store can be written again: "+c.next())
	}
	err := c.job.Recorder.UpdateManifest(ctx, c.job.ID, c.complete)
	if err != nil {
		return r, fmt.Errorf("run %s: complete the manifest: %w", c.job.ID, err)
	}
	r.Digest, err = c.job.Recorder.Seal(ctx, c.job.ID, r.Status, time.Now().UTC())
	if err != nil {
		return r, fmt.Errorf("run %s: seal: %w", c.job.ID, err)
	}
	return r, c.verdict(r)
}

func (c *conductor) result() Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := Result{
		Run: c.job.ID, Session: c.session.Number, Status: store.Complete, Outcomes: c.mu.outcomes,
		Loads: c.mu.loads, Warnings: c.warnings(), Took: time.Since(c.started),
	}
	switch {
	case c.mu.stopped > 0 || c.early != nil && c.send.Err() != nil:
		r.Status = store.Partial
	case r.Outcomes.OK == 0 && len(c.job.Spec.Subjects) > 0: // a session without a model keeps readings alone
		r.Status = store.Invalid
	case c.early != nil:
		r.Status = store.Partial
	}
	return r
}

// verdict is the error that a sealed run ends with, or nil.
func (c *conductor) verdict(r Result) error {
	switch r.Status {
	case store.Partial:
		cause, code := cmp.Or(c.early, context.Cause(c.send), errStopped), fault.Interrupted
		if c.send.Err() == nil {
			code = fault.Runtime
		}
		err := fmt.Errorf("run %s: %w: %d of %d trials were answered", r.Run, cause, r.Outcomes.OK, r.Outcomes.Planned)
		return fault.With(err, code, "to go on: "+c.next())
	case store.Invalid:
		err := fault.New(fault.Invalid, "run %s: none of %d requests was answered", r.Run, r.Outcomes.Planned)
		return fault.Hint(err, "`chimera runs show %s` lists the failures", r.Run)
	}
	return nil
}

// next is what to do about a run that did not end.
func (c *conductor) next() string {
	if c.job.Plan.Grows {
		return "start it again; chimera runs show " + c.job.ID + " shows what was measured"
	}
	return "chimera run --resume " + c.job.ID
}

// checkClock warns if the calendar and the monotonic clock disagree: then the
// machine slept, or someone set the clock, and offsets mean less than they say.
func (c *conductor) checkClock() {
	now := time.Now()
	monotonic, wall := now.Sub(c.started), now.Round(0).Sub(c.started.Round(0))
	if gap := (wall - monotonic).Abs(); gap > max(time.Second, monotonic/1000) {
		c.warn("clock_stepped: by the calendar the session took %s, by the monotonic clock %s", wall.Round(time.Millisecond), monotonic.Round(time.Millisecond))
	}
}

func (c *conductor) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.mu.Lock()
	c.mu.warnings = append(c.mu.warnings, text)
	c.mu.Unlock()
	c.report(Event{Kind: Warned, Text: text})
}

func (c *conductor) report(e Event) {
	if c.job.Reporter == nil {
		return
	}
	c.reporting.Lock()
	defer c.reporting.Unlock()
	e.At, e.Progress = c.now(), c.progress()
	c.job.Reporter.Report(e)
}

func (c *conductor) progress() Progress {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := Progress{Outcomes: c.mu.outcomes}
	if took := time.Since(c.started); c.mu.fresh > 0 && took > 0 {
		p.Rate = float64(c.mu.fresh) / took.Seconds()
		left := p.Outcomes.Planned - p.Outcomes.Ended()
		p.Left = time.Duration(float64(left) / p.Rate * float64(time.Second))
	}
	return p
}
