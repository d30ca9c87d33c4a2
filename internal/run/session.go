package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
	"chimera/internal/telemetry"
)

// Session is a run whose requests nobody could plan, because each follows from
// the answers before it: an agent at work. Its plan grows by one trial with
// each question, before that is sent; all else is as in a run that Conduct
// conducts. It cannot be resumed. Methods are safe for concurrent use.
type Session struct {
	c       *conductor
	loading chan struct{}  // held during a load: two at once would time each other
	working sync.WaitGroup // calls that use the recorder

	mu      sync.Mutex
	closed  bool
	asked   int   // trials in the plan
	refused error // why a question was not taken any more

	watching sync.Mutex
	unwatch  func()
}

// Question is one request of a session.
type Question struct {
	Experiment string            // the part of the session: "solo", "parallel"
	Block      int               // from 0: which pass over the part
	Workload   string            // who asks, and in which stage: "baseline/analysis"
	Prompt     string            // the prompt's id in the workload: the stage
	Text       string            // the prompt
	Nonce      string            // goes first in the prompt, which no cached prefix then fits; may be empty
	MaxTokens  int               // above 0
	Fixed      bool              // exactly so many, where the runtime can and the answer is free
	Constraint target.Constraint // what the answer must follow
	Subject    string            // id of a subject of the spec, or of one that joined
	Config     map[string]any
	Seed       int64
	Stream     int  // which of the streams asks, from 0
	Streams    int  // how many ask at once in this part; 0 is 1
	Warmup     bool // to be left out of every mean
}

// Open begins a session: it checks as Conduct does, then writes the manifest.
// Job.Plan is not used; send and live are those of Conduct. Whoever opened the
// session must seal it.
func Open(live, send context.Context, job Job) (*Session, error) {
	job.Plan = &spec.Plan{Schema: spec.PlanSchema, Name: job.Spec.Name, Seed: job.Spec.Design.Seed, Prompts: map[string]spec.Prompt{}, Grows: true}
	c, err := begin(live, send, job, 0)
	if err != nil {
		return nil, err
	}
	err = c.check()
	if err == nil {
		err = c.create()
	}
	if err != nil {
		c.end()
		return nil, err
	}
	c.rows = newWriter(c.keep, job.Recorder, job.ID, c.kept, c.abort)
	return &Session{c: c, loading: make(chan struct{}, 1), unwatch: c.watch()}, nil
}

// ID is the run's.
func (s *Session) ID() string { return s.c.job.ID }

// Now is the time since the run's origin.
func (s *Session) Now() time.Duration { return s.c.now() }

// Ask sends one request and returns its final row, which is durable then. A
// request that went wrong is a row, not an error; retries are rows before it.
// The first request after a load is cold, and so is one that asks for another
// load than the last one did: it brings that about by itself, as any client's
// would. An error says that there is no such row: the question is impossible,
// the session is over, or the recorder broke. A canceled ctx ends this request
// alone, as an interrupt; a deadline of ctx ends it as a timeout.
func (s *Session) Ask(ctx context.Context, q Question) (*sample.Sample, error) {
	leave, err := s.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	sub, err := s.check(q)
	if err != nil {
		return nil, err
	}
	live, endLive := either(ctx, s.c.live)
	defer endLive()
	send, endSend := either(ctx, s.c.send)
	defer endSend()
	if send.Err() != nil {
		return nil, s.stopped(send)
	}
	t := q.trial(sub)
	unloaded := s.load(send, sub, &t, false)
	r, err := s.plan(sub, &t, q)
	if err != nil {
		return nil, err
	}
	var row *sample.Sample
	if unloaded != nil {
		row, err = r.drop(send, 0, unloaded)
	} else {
		row, err = r.do(live, send, s.c.now())
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: record trial %s: %w", s.ID(), t.ID, err)
	}
	return row, nil
}

// Prepare makes resident what a question needs, so that the load does not fall
// into what the caller times. A question that was not prepared is prepared when
// it is asked, unless its model is loaded with another configuration.
func (s *Session) Prepare(ctx context.Context, q Question) error {
	return s.managing(ctx, q, func(ctx context.Context, sub *subject) error {
		t := q.trial(sub)
		return s.load(ctx, sub, &t, true)
	})
}

// Unload frees the model of a question, so that the next request for it finds
// nothing loaded. A runtime that keeps its model says so.
func (s *Session) Unload(ctx context.Context, q Question) (r target.Residency, err error) {
	err = s.managing(ctx, q, func(ctx context.Context, sub *subject) error {
		free, err := s.hold(ctx)
		if err != nil {
			return err
		}
		defer free()
		r, err = s.c.unload(ctx, sub.target, sub.place())
		return err
	})
	return r, err
}

// managing runs do while the session lives and may send.
func (s *Session) managing(ctx context.Context, q Question, do func(context.Context, *subject) error) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	sub, ok := s.c.subject(q.Subject)
	if !ok {
		return fault.New(fault.Usage, "question: there is no subject %q", q.Subject)
	}
	send, end := either(ctx, s.c.send)
	defer end()
	return do(send, sub)
}

// Join adds a subject to a session that goes on, on a target that was opened
// after it: a server that one part of the session starts for itself.
func (s *Session) Join(ctx context.Context, sub spec.Subject, at spec.Target, open target.Target, simulated bool) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	joining := bind(sub, at, open, simulated)
	ctx, end := either(ctx, s.c.send)
	defer end()
	if err := s.c.ask(ctx, joining); err != nil {
		return err
	}
	if !s.c.join(joining) {
		return fault.New(fault.Usage, "subject %q is in the session already", sub.ID)
	}
	return s.c.job.Recorder.UpdateManifest(s.c.keep, s.ID(), func(m *sample.Manifest) {
		m.Subjects = append(m.Subjects, joining.record())
	})
}

// Watch reads these collectors from now on, in place of those before. The
// caller closes them, after the session is sealed or watches others.
func (s *Session) Watch(collectors ...telemetry.Collector) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	s.watching.Lock()
	defer s.watching.Unlock()
	s.unwatch()
	s.c.job.Collectors = collectors
	s.unwatch = s.c.watch()
	return nil
}

// AppendReadings records what else was measured; it is durable on return. At
// is on the clock of Now. A reading without provenance is measured.
func (s *Session) AppendReadings(readings ...sample.Reading) error {
	leave, err := s.enter()
	if err != nil {
		return err
	}
	defer leave()
	rows := slices.Clone(readings)
	for i := range rows {
		if rows[i].Provenance == "" {
			rows[i].Provenance = sample.Measured
		}
	}
	if err := s.c.rows.hand(item{readings: rows}, true); err != nil {
		return fmt.Errorf("run %s: record readings: %w", s.ID(), err)
	}
	return nil
}

// Seal waits for the requests in flight and ends the run, once. Early is why
// the session ends before it was done, or nil. A session that ended early, had
// a request stopped, or was asked after an interrupt is sealed as partial. The
// error is as Conduct's.
func (s *Session) Seal(early error) (Result, error) {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	if was {
		return Result{Run: s.ID()}, s.over()
	}
	defer s.c.end()
	s.working.Wait()
	s.unwatch()
	lost := s.c.rows.close()
	s.c.checkClock()
	if early == nil {
		early = s.refused
	}
	if early != nil && lost == nil {
		s.c.early = early
		s.c.warn("ended_early: %v", early)
	}
	return s.c.seal(lost)
}

// enter counts a call in, or says that the session is over.
func (s *Session) enter() (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, s.over()
	}
	s.working.Add(1)
	return s.working.Done, nil
}

func (s *Session) over() error { return fmt.Errorf("run %s: the session is over", s.ID()) }

func (s *Session) stopped(send context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == nil && s.c.send.Err() != nil {
		s.refused = context.Cause(send)
	}
	return fault.With(context.Cause(send), fault.Interrupted, "")
}

// check refuses a question that no row could describe.
func (s *Session) check(q Question) (*subject, error) {
	sub, ok := s.c.subject(q.Subject)
	switch {
	case !ok:
		return nil, fault.New(fault.Usage, "question: there is no subject %q", q.Subject)
	case q.Experiment == "" || q.Workload == "" || q.Prompt == "":
		return nil, fault.New(fault.Usage, "question: experiment %q, workload %q and prompt %q must not be empty", q.Experiment, q.Workload, q.Prompt)
	case q.Constraint.JSONSchema != "" && q.Constraint.GBNF != "":
		return nil, fault.New(fault.Usage, "question: an answer can follow a JSON Schema or a grammar, not both")
	case q.MaxTokens <= 0:
		return nil, fault.New(fault.Usage, "question: at most %d tokens are asked for, but must be 1 or more", q.MaxTokens)
	}
	for name, v := range q.Config {
		switch v.(type) {
		case float64, string, bool:
		default:
			return nil, fault.New(fault.Usage, "question: option %s is %v (%T), but must be a float64, a string or a bool", name, v, v)
		}
	}
	return sub, nil
}

// trial is the question's trial, before it has its place in the plan.
func (q *Question) trial(s *subject) spec.Trial {
	config := maps.Clone(q.Config)
	if config == nil {
		config = map[string]any{}
	}
	return spec.Trial{
		Experiment: q.Experiment, Subject: s.ID, Target: s.Target, Workload: q.Workload, Prompt: q.Workload + "/" + q.Prompt,
		Config: config, Block: q.Block, Phase: spec.Measure, Streams: max(1, q.Streams), Seed: q.Seed, Nonce: q.Nonce,
		Asked: &spec.Prompt{Workload: q.Workload, ID: q.Prompt, Text: q.Text, SHA256: digest.Text(q.Text), MaxTokens: q.MaxTokens,
			Fixed: q.Fixed, JSONSchema: q.Constraint.JSONSchema, GBNF: q.Constraint.GBNF},
	}
}

// hold waits for its turn to load or unload.
func (s *Session) hold(ctx context.Context) (free func(), err error) {
	select {
	case s.loading <- struct{}{}:
		return func() { <-s.loading }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// load loads what a trial needs, unless the model is resident; if exact, with
// the trial's configuration.
func (s *Session) load(ctx context.Context, sub *subject, t *spec.Trial, exact bool) error {
	free, err := s.hold(ctx)
	if err != nil {
		return err
	}
	defer free()
	have, ok := s.c.residentAt(sub.place())
	if ok && (!exact || have.unmanaged || have.key == sub.target.ReloadKey(t.Config)) {
		return nil
	}
	return s.c.load(ctx, sub, t)
}

// plan gives a trial its phase and its place in the plan.
func (s *Session) plan(sub *subject, t *spec.Trial, q Question) (*request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cold := s.c.meet(sub, t.Config); q.Warmup {
		t.Phase = spec.Warmup
	} else if cold {
		t.Phase = spec.Cold
	}
	t.Order, t.ID = s.asked, fmt.Sprintf("%s/b%d/%04d", t.Experiment, t.Block, s.asked)
	if err := s.c.job.Recorder.Extend(s.c.keep, s.ID(), *t); err != nil {
		s.c.abort(err)
		return nil, fmt.Errorf("run %s: plan trial %s: %w", s.ID(), t.ID, err)
	}
	s.asked++
	s.c.mu.Lock()
	s.c.mu.outcomes.Planned++
	s.c.mu.Unlock()
	return &request{c: s.c, subject: sub, trial: t, prompt: *t.Asked, stream: q.Stream, wait: true}, nil
}

// meet notes that a request is about to meet a load, and reports whether it is
// the first that does, or will bring about another one.
func (c *conductor) meet(s *subject, config map[string]any) (cold bool) {
	key := s.target.ReloadKey(config)
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.mu.resident[s.place()]
	if !ok || r.unmanaged {
		return !ok
	}
	cold = r.fresh
	r.fresh = false
	if r.key != key {
		r, cold = resident{key: key, config: config}, true
	}
	c.mu.resident[s.place()] = r
	return cold
}

func (c *conductor) subject(id string) (*subject, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.subjects[id]
	return s, ok
}

func (c *conductor) join(s *subject) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subjects[s.ID] != nil {
		return false
	}
	c.subjects[s.ID] = s
	return true
}

// either returns a context that ends when one of two does.
func either(a, b context.Context) (context.Context, func()) {
	ctx, end := context.WithCancelCause(a)
	if b.Err() != nil {
		end(context.Cause(b)) // at once: AfterFunc would take its time
	}
	stop := context.AfterFunc(b, func() { end(context.Cause(b)) })
	return ctx, func() { stop(); end(errDone) }
}

var errDone = errors.New("the request is over")
