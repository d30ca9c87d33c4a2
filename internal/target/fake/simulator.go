// Package fake simulates a runtime whose truth is known.
//
// A measuring client can only be trusted against something that knows what
// really happened. The simulator decides every instant of an answer before the
// first token, keeps those instants by absolute deadlines (a late token does
// not delay the next), and logs when it really emitted each. One simulator can
// be asked in process and over HTTP, in the protocols of Ollama, OpenAI and
// llama.cpp. In process it runs under testing/synctest, where its instants are
// exact.
//
// Its numbers are simulated and marked so: no report may show them as measured.
package fake

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"chimera/internal/digest"
	"chimera/internal/spec"
	"chimera/internal/target"
)

// Options are what a spec may set on this kind of target. They are those of
// Ollama that matter most; none changes the pace unless the profile has an
// effect for it.
var Options = []spec.Option{
	{Name: "num_ctx", Type: spec.Int, Min: 1, Max: 1 << 24, Reload: true, Doc: "context, tokens; clamped to the trained context"},
	{Name: "num_gpu", Type: spec.Int, Min: -1, Max: 9999, Reload: true, Doc: "layers on the accelerator; -1 lets the runtime choose; clamped to layers+1"},
	{Name: "num_thread", Type: spec.Int, Min: 0, Max: 1024, Reload: true, Doc: "threads; 0 lets the runtime choose"},
	{Name: "num_batch", Type: spec.Int, Min: 1, Max: 1 << 16, Reload: true, Doc: "prompt batch, tokens"},
	{Name: "temperature", Type: spec.Float, Min: 0, Max: 2, Doc: "sampling temperature; above 0 the seed chooses the text"},
	{Name: "top_p", Type: spec.Float, Min: 0, Max: 1, Doc: "probability mass to sample from"},
}

// A Simulator plays a profile. It is safe for concurrent use.
type Simulator struct {
	profile Profile
	origin  time.Time
	slots   chan struct{}
	loader  chan struct{} // held while the resident model changes
	closed  chan struct{}
	close   sync.Once

	mu struct {
		sync.Mutex
		resident string // model name, "" if none
		key      string // its load
		served   int    // requests since New
		seen     map[string]int
		cached   map[string]string // the prompt that a model saw last
		truth    []*Record
	}
}

// New returns a simulator with nothing loaded.
func New(p Profile) (*Simulator, error) {
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("fake profile: %w", err)
	}
	s := &Simulator{profile: p, origin: time.Now(), slots: make(chan struct{}, p.Slots),
		loader: make(chan struct{}, 1), closed: make(chan struct{})}
	s.mu.seen, s.mu.cached = map[string]int{}, map[string]string{}
	return s, nil
}

// Close ends every request in flight. It is idempotent.
func (s *Simulator) Close() error {
	s.close.Do(func() { close(s.closed) })
	return nil
}

func (s *Simulator) now() time.Duration { return time.Since(s.origin) }

func (s *Simulator) model(name string) (*Model, bool) {
	for i := range s.profile.Models {
		if m := &s.profile.Models[i]; m.Name == name {
			return m, true
		}
	}
	return nil, false
}

// ask is one request, whatever protocol brought it.
type ask struct {
	protocol string
	model    string
	prompt   string
	budget   int
	seed     int64
	fixed    bool
	cache    bool
	config   map[string]any
	follow   target.Constraint
}

// answer is what the simulator says after the last token, in the words of a
// runtime's final record. Durations are as its own clock saw them.
type answer struct {
	load, promptEval, eval, total time.Duration
	prompt, cached, output        int
	finish                        string
	silent                        bool // tell no counts and no durations
}

// sink takes an answer's pieces at the moment they exist.
type sink interface {
	// piece takes the text of n tokens.
	piece(text string, reasoning bool, n int) error
}

// Failures that a sink's protocol must show in its own way.
var (
	errReset  = errors.New("the simulator breaks the connection")
	errCut    = errors.New("the simulator leaves out the final record")
	errServer = errors.New("the simulated model failed")
	errClosed = errors.New("the simulator was closed")
)

type errStatus struct {
	status     int
	retryAfter time.Duration
	cause      error // nil: the profile wants it so
}

func (e *errStatus) Error() string {
	if e.cause != nil {
		return e.cause.Error()
	}
	return fmt.Sprintf("the simulator answers with status %d", e.status)
}

type errUnknownModel struct{ name string }

func (e *errUnknownModel) Error() string { return fmt.Sprintf("model '%s' not found", e.name) }

// serve plays one request. Its error is one of the failures above or ctx's.
func (s *Simulator) serve(ctx context.Context, q ask, out sink) (answer, error) {
	arrival := s.now()
	m, ok := s.model(q.model)
	if !ok {
		return answer{}, &errUnknownModel{q.model}
	}
	rec, fail := s.admit(q, arrival)
	a, err := s.play(ctx, q, m, rec, fail, out)
	s.log(rec, err)
	return a, err
}

func (s *Simulator) play(ctx context.Context, q ask, m *Model, rec *Record, fail Fault, out sink) (answer, error) {
	clock := newAlarm(s)
	defer clock.stop()
	switch fail.Mode {
	case FaultHTTP:
		return answer{}, &errStatus{status: fail.Status, retryAfter: fail.RetryAfter}
	case FaultSilent:
		return answer{}, s.wait(ctx)
	}
	said, err := s.compose(q, m, rec.Visit)
	if err != nil {
		return answer{}, &errStatus{status: http.StatusBadRequest, cause: err}
	}
	if err := s.prepare(ctx, q, m, rec, clock); err != nil {
		return answer{}, err
	}
	queued := s.now()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	case <-s.closed:
		return answer{}, errClosed
	}
	start := s.now()
	rec.Wait = start - queued
	script := s.script(q, m, said, rec)
	if err := s.emit(ctx, script, start, fail, clock, rec, out); err != nil {
		return answer{}, err
	}
	return script.answer(rec, start, s.now(), fail), nil
}

// wait holds a request that gets no answer.
func (s *Simulator) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.closed:
		return errClosed
	}
}

// prepare makes the model resident and pays the request's overhead.
func (s *Simulator) prepare(ctx context.Context, q ask, m *Model, rec *Record, clock *alarm) error {
	begin := s.now()
	took, err := s.load(ctx, m, spec.ReloadKey(Options, q.config), rec.Reload, clock)
	if err != nil {
		return err
	}
	rec.Load = took
	if err := clock.until(ctx, s.now()+m.Overhead); err != nil {
		return err
	}
	rec.Ready = s.now() - begin
	return nil
}

// load makes m resident under key and returns how long loading took: 0 if it
// was resident and again is false.
func (s *Simulator) load(ctx context.Context, m *Model, key string, again bool, clock *alarm) (time.Duration, error) {
	select {
	case s.loader <- struct{}{}:
		defer func() { <-s.loader }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-s.closed:
		return 0, errClosed
	}
	if s.resident(m.Name, key) && !again {
		return 0, nil
	}
	s.setResident("", "")
	begin := s.now()
	if err := clock.until(ctx, begin+m.Load); err != nil {
		return 0, err
	}
	s.setResident(m.Name, key)
	return s.now() - begin, nil
}

func (s *Simulator) resident(model, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.resident == model && s.mu.key == key
}

func (s *Simulator) setResident(model, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.resident, s.mu.key = model, key
	clear(s.mu.cached)
}

// script is one answer, decided before its first token.
type script struct {
	first  time.Duration   // from the start of the prompt's evaluation
	tokens []time.Duration // offset of each token from the first
	said   said
	chunk  int
	prompt int
	cached int
}

// script draws when an answer's tokens come. The same request, asked as often
// before, gets the same answer: the draw depends on the seed, the model, the prompt and the
// number of its earlier visits, never on what others ask at the same time.
func (s *Simulator) script(q ask, m *Model, text said, rec *Record) script {
	rng := s.random(q, rec.Visit)
	k := s.scale(q, m, rng)
	sc := script{said: text, chunk: m.TokensPerChunk, prompt: Tokens(q.prompt)}
	if q.cache {
		sc.cached = s.cachedTokens(m.Name, q.prompt)
	}
	s.remember(m.Name, q.prompt)
	sc.first = m.First
	if m.Prefill > 0 {
		sc.first += time.Duration(float64(sc.prompt-sc.cached) / m.Prefill * float64(time.Second))
	}
	sc.first = stretch(sc.first, k.first)
	gap := stretch(m.Gap, k.gap)
	n := len(text.tokens)
	for i := range n {
		shift := 0.0
		if i > 0 && i < n-1 { // the ends stay put, so that (N−1)/(last−first) is exact
			shift = m.Jitter * (2*rng.Float64() - 1)
		}
		sc.tokens = append(sc.tokens, stretch(gap, float64(i)+shift))
	}
	rec.Prompt, rec.Cached, rec.Output = sc.prompt, sc.cached, n
	return sc
}

type scale struct{ gap, first float64 }

// scale multiplies noise, drift and the effects of the request's effective
// configuration.
func (s *Simulator) scale(q ask, m *Model, rng *rand.Rand) scale {
	all := 1 + s.profile.Drift*s.now().Minutes()
	if s.profile.Noise > 0 {
		all *= math.Exp(s.profile.Noise * rng.NormFloat64())
	}
	k := scale{all, all}
	config := effective(m, q.config)
	for _, e := range s.profile.Effects {
		if v, ok := config[e.Option]; ok && fmt.Sprint(v) == e.Value {
			k.gap, k.first = k.gap*e.Gap, k.first*e.First
		}
	}
	return k
}

func (s *Simulator) random(q ask, visit int) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%d\x00%d", q.model, q.prompt, spec.ConfigID(q.config), q.seed, visit)
	return rand.New(rand.NewPCG(s.profile.Seed, h.Sum64()))
}

// Tokens is how many tokens a prompt has here: one for every 4 bytes begun.
func Tokens(prompt string) int { return max(1, (len(prompt)+3)/4) }

// cachedTokens counts the whole tokens that prompt shares with the one before;
// at least one token is always evaluated.
func (s *Simulator) cachedTokens(model, prompt string) int {
	s.mu.Lock()
	before := s.mu.cached[model]
	s.mu.Unlock()
	same := 0
	for same < min(len(before), len(prompt)) && before[same] == prompt[same] {
		same++
	}
	return min(same/4, Tokens(prompt)-1)
}

func (s *Simulator) remember(model, prompt string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.cached[model] = prompt
}

// emit plays the script against absolute deadlines.
func (s *Simulator) emit(ctx context.Context, sc script, start time.Duration, fail Fault, clock *alarm, rec *Record, out sink) error {
	if fail.Mode == FaultEmpty || len(sc.tokens) == 0 {
		rec.Output = 0
		return clock.until(ctx, start+sc.first)
	}
	for i := 0; i < len(sc.tokens); {
		if err := s.misbehave(ctx, fail, i); err != nil {
			return err
		}
		end := i + 1
		if i > 0 {
			end = min(i+sc.chunk, len(sc.tokens))
		}
		reasoning := i < sc.said.reasoning
		if reasoning {
			end = min(end, sc.said.reasoning)
		}
		if err := clock.until(ctx, start+sc.first+sc.tokens[end-1]); err != nil {
			return err
		}
		text := strings.Join(sc.said.tokens[i:end], "")
		rec.Emitted = append(rec.Emitted, Emission{s.now(), end - i})
		if err := out.piece(text, reasoning, end-i); err != nil {
			return err
		}
		i = end
	}
	return s.misbehave(ctx, fail, len(sc.tokens))
}

// misbehave fails the request once enough tokens are out.
func (s *Simulator) misbehave(ctx context.Context, f Fault, emitted int) error {
	if emitted < f.After {
		return nil
	}
	switch f.Mode {
	case FaultReset:
		return errReset
	case FaultCut:
		return errCut
	case FaultServer:
		return errServer
	case FaultStall:
		return s.wait(ctx)
	}
	return nil
}

func (sc script) answer(rec *Record, start, end time.Duration, fail Fault) answer {
	a := answer{load: rec.Ready, prompt: sc.prompt, cached: sc.cached, output: rec.Output, finish: sc.said.finish,
		total: end - rec.Arrival, promptEval: end - start, silent: fail.Mode == FaultNoUsage}
	if n := len(rec.Emitted); n > 0 {
		a.promptEval = rec.Emitted[0].At - start
		a.eval = rec.Emitted[n-1].At - rec.Emitted[0].At
	}
	return a
}

// effective clamps a configuration as the simulated runtime does.
func effective(m *Model, requested map[string]any) map[string]any {
	out := maps.Clone(requested)
	clamp := func(name string, most int) {
		if v, ok := out[name].(float64); ok && v > float64(most) {
			out[name] = float64(most)
		}
	}
	clamp("num_gpu", m.Layers+1)
	clamp("num_ctx", m.TrainedCtx)
	return out
}

func sha(text string) string { return digest.Text(text) }
