package run_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/target"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	second = time.Second
	milli  = time.Millisecond
)

// server is a runtime in virtual time: it holds one model, reloads it when
// num_ctx changes (4 s), answers with 3 tokens (first after 1 s, then one a
// second), and clamps num_ctx to 4096.
type server struct {
	script    func(call int, req target.Request, o *sample.Observation) // alters an answer
	loadFails func(config map[string]any) error
	unmanaged bool
	loadTakes time.Duration // 0: 4 s
	parses    time.Duration // after the last byte of an answer
	describe  error
	digest    string

	mu struct {
		sync.Mutex
		log    []string
		asked  int
		flight int
		most   int
	}
}

var _ target.Target = (*server)(nil)

func (s *server) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.log = append(s.mu.log, fmt.Sprintf(format, args...))
}

func (s *server) Describe(_ context.Context, model string) (target.Description, error) {
	if s.describe != nil {
		return target.Description{}, s.describe
	}
	return target.Description{Server: "bubble 1.0", Model: model, Digest: model + s.digest, Layers: sample.Some(18),
		Facts: map[string]string{"slots": "4", "template": strings.Repeat("{", 3000)}}, nil
}

func (s *server) Effective(_ target.Description, requested map[string]any) map[string]any {
	return maps.Clone(requested) // clamping shows only when the model is loaded
}

func (s *server) ReloadKey(config map[string]any) string { return fmt.Sprint(config["num_ctx"]) }

func (s *server) Load(ctx context.Context, model string, config map[string]any) (target.Loaded, error) {
	if s.unmanaged {
		return target.Loaded{Residency: target.Unmanaged}, nil
	}
	s.note("load %s %v", model, config["num_ctx"])
	takes := cmp.Or(s.loadTakes, 4*second)
	if err := wait(ctx, takes); err != nil {
		return target.Loaded{}, err
	}
	if s.loadFails != nil {
		if err := s.loadFails(config); err != nil {
			return target.Loaded{}, err
		}
	}
	effective := maps.Clone(config) // all of them, as some adapters have it
	if n, ok := config["num_ctx"].(float64); ok {
		effective["num_ctx"] = min(n, 4096)
	}
	return target.Loaded{Residency: target.Managed, Took: sample.Some(takes), Effective: effective, Bytes: sample.Some[uint64](1e9)}, nil
}

func (s *server) Unload(_ context.Context, model string) (target.Residency, error) {
	if s.unmanaged {
		return target.Unmanaged, nil
	}
	s.note("unload %s", model)
	return target.Managed, nil
}

func (s *server) Close() error { return nil }

func (s *server) Stream(ctx context.Context, req target.Request, now target.Clock) (o sample.Observation) {
	s.mu.Lock()
	call := s.mu.asked
	s.mu.asked++
	s.mu.flight++
	s.mu.most = max(s.mu.most, s.mu.flight)
	s.mu.log = append(s.mu.log, fmt.Sprintf("ask %s %q", req.Model, req.Prompt))
	s.mu.Unlock()
	arrived := sync.OnceFunc(func() {
		s.mu.Lock()
		s.mu.flight--
		s.mu.Unlock()
		o.T.End = sample.Some(now())
		if req.Ended != nil {
			req.Ended()
		}
	})
	defer arrived()
	o.T.Send = sample.Some(now())
	for i := range 3 {
		if wait(ctx, second) != nil {
			o.Outcome = sample.Timeout
			o.Failure = &sample.Failure{Class: sample.ClassTimeout, Message: "no answer in time"}
			return o
		}
		at := now()
		if i == 0 {
			o.T.First = sample.Some(at)
		}
		o.T.Last = sample.Some(at)
		o.Chunks = append(o.Chunks, sample.Chunk{At: at, Chars: 3, Kind: sample.Content})
	}
	arrived()
	wait(ctx, s.parses)
	o.Outcome = sample.OK
	o.Times.Load = sample.Some(200 * milli)
	o.Tokens = sample.Tokens{Output: sample.Some(3), Source: sample.FromServer}
	if s.script != nil {
		s.script(call, req, &o)
	}
	return o
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func fails(o *sample.Observation, outcome sample.Outcome, class string) {
	*o = sample.Observation{Outcome: outcome, T: sample.Timeline{Send: o.T.Send}, Failure: &sample.Failure{Class: class, Message: "scripted"}}
}

// memory is a recorder that holds to the contract of store.Recorder and can
// break at the n-th append.
type memory struct {
	breakAt int // fails the n-th append and every later one; 0 never
	mends   bool
	takes   time.Duration

	mu struct {
		sync.Mutex
		manifest *sample.Manifest
		plan     *spec.Plan
		rows     []*sample.Sample
		readings []*sample.Reading
		status   store.Status
		appends  int
		seals    int
	}
}

var _ run.Recorder = (*memory)(nil)

var errDisk = errors.New("no space left on device")

func (m *memory) CreateRun(_ context.Context, manifest sample.Manifest, plan *spec.Plan) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.manifest != nil {
		return store.ErrExists
	}
	m.mu.manifest, m.mu.plan, m.mu.status = &manifest, plan, store.Open
	return nil
}

func (m *memory) Extend(_ context.Context, id string, trials ...spec.Trial) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.status.Sealed() || !m.mu.plan.Grows || m.mu.manifest.Run != id {
		return fmt.Errorf("run %s cannot be extended", id)
	}
	for _, t := range trials {
		if t.Order != len(m.mu.plan.Trials) || t.Asked == nil {
			return fmt.Errorf("a trial that does not fit: %+v", t)
		}
		m.mu.plan.Trials = append(m.mu.plan.Trials, t)
		m.mu.manifest.Planned++
	}
	return nil
}

func (m *memory) AddSession(_ context.Context, _ string, s sample.Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.Number != len(m.mu.manifest.Sessions) {
		return fmt.Errorf("session %d follows %d", s.Number, len(m.mu.manifest.Sessions))
	}
	m.mu.manifest.Sessions = append(m.mu.manifest.Sessions, s)
	return nil
}

func (m *memory) Append(ctx context.Context, id string, rows ...*sample.Sample) error {
	if err := wait(ctx, m.takes); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.appends++; m.breakAt > 0 && (m.mu.appends == m.breakAt || m.mu.appends > m.breakAt && !m.mends) {
		return errDisk
	}
	if m.mu.status.Sealed() {
		return store.ErrSealed
	}
	for _, row := range rows {
		if row.Run != id || row.Trial != m.mu.plan.Trials[row.Order].ID || !slices.Contains(sample.Outcomes, row.Outcome) {
			return fmt.Errorf("a row that no plan knows: %+v", row)
		}
		for _, have := range m.live() {
			if row.Final && have.Final && have.Trial == row.Trial {
				return fmt.Errorf("trial %s has its final row", row.Trial)
			}
		}
		m.mu.rows = append(m.mu.rows, row)
	}
	return nil
}

func (m *memory) AppendReadings(_ context.Context, id string, rows ...*sample.Reading) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range rows {
		if r.Run != id || r.Kind == "" || r.Provenance == "" || r.Value.OK() == (r.Reason != "") {
			return fmt.Errorf("a reading without run, kind, provenance, or either value or reason: %+v", r)
		}
	}
	m.mu.readings = append(m.mu.readings, rows...)
	return nil
}

func (m *memory) UpdateManifest(_ context.Context, _ string, change func(*sample.Manifest)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m.mu.manifest)
	return nil
}

func (m *memory) Seal(_ context.Context, _ string, status store.Status, _ time.Time) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	finals := 0
	for _, row := range m.live() {
		if row.Final {
			finals++
		}
	}
	if status == store.Complete && finals != len(m.mu.plan.Trials) {
		return "", store.ErrIncomplete
	}
	m.mu.status = status
	m.mu.seals++
	return "digest", nil
}

func (m *memory) Reopen(context.Context, string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.status != store.Partial && m.mu.status != store.Open {
		return store.ErrSealed
	}
	m.mu.status = store.Open
	return nil
}

// live are the rows that are not superseded. The caller holds the lock or is
// alone.
func (m *memory) live() []*sample.Sample {
	repeats := store.RepeatsOf(m.mu.manifest.Sessions)
	var rows []*sample.Sample
	for _, r := range m.mu.rows {
		if !repeats.Supersede(r.Experiment, r.Block, r.Session) {
			rows = append(rows, r)
		}
	}
	return rows
}

// past is what a store would yield: rows in plan order.
func (m *memory) past() run.Past {
	rows := slices.Clone(m.mu.rows)
	slices.SortStableFunc(rows, func(a, b *sample.Sample) int { return a.Order - b.Order })
	return run.Past{Manifest: *m.mu.manifest, Samples: both(rows)}
}

func both(rows []*sample.Sample) iter.Seq2[*sample.Sample, error] {
	return func(yield func(*sample.Sample, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// trial is one planned request of a test's plan.
type trial struct {
	experiment string
	block      int
	plot       int
	phase      spec.Phase
	subject    string
	ctx        float64
	temp       float64
	streams    int
}

func planOf(trials ...trial) *spec.Plan {
	p := &spec.Plan{Schema: 1, Name: "test", Seed: 1, Prompts: map[string]spec.Prompt{
		"w/p": {Workload: "w", ID: "p", Text: "say", SHA256: "sha", MaxTokens: 3},
	}}
	for i, t := range trials {
		p.Trials = append(p.Trials, spec.Trial{
			ID: fmt.Sprintf("%s/b%d/%04d", t.experiment, t.block, i), Experiment: t.experiment, Subject: t.subject, Target: "box",
			Workload: "w", Prompt: "w/p", Config: map[string]any{"num_ctx": t.ctx}, Block: t.block, Order: i, Phase: t.phase,
			Plot: t.plot, Streams: t.streams, Seed: 7, Nonce: fmt.Sprint(i),
		})
		if t.temp > 0 {
			p.Trials[i].Config["temperature"] = t.temp
		}
	}
	return p
}

// warm is n trials of one plot, the first of them a warm-up.
func warm(n int, t trial) []trial {
	all := make([]trial, n)
	for i := range all {
		all[i] = t
		all[i].phase = spec.Measure
		if i == 0 {
			all[i].phase = spec.Warmup
		}
	}
	return all
}

func one(n int) *spec.Plan {
	return planOf(warm(n, trial{experiment: "e", subject: "a", ctx: 2048, streams: 1})...)
}

func jobOf(plan *spec.Plan, s *server, m *memory) run.Job {
	return run.Job{
		ID: "r1", Plan: plan, Recorder: m, Targets: map[string]target.Target{"box": s},
		Spec: &spec.Spec{
			Version: 1, Name: "test", Targets: []spec.Target{{ID: "box", Kind: "bubble", URL: "http://me:key@host/v1?key=k"}},
			Subjects: []spec.Subject{{ID: "a", Target: "box", Model: "alpha"}, {ID: "b", Target: "box", Model: "beta"}},
			Design:   spec.Design{Timeout: spec.Duration(time.Minute)},
		},
	}
}

// outcomes are the final, live rows' outcomes by trial.
func outcomes(rows []*sample.Sample) map[string]sample.Outcome {
	all := map[string]sample.Outcome{}
	for _, r := range rows {
		if r.Final {
			all[r.Trial] = r.Outcome
		}
	}
	return all
}

func contains(list []string, part string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, part) })
}
