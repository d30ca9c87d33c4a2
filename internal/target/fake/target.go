package fake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
)

const kind = "fake"

// Kind is the simulator as a target, for a spec's `kind: fake`; its url is a
// profile (ParseProfile).
var Kind = target.Kind{Name: kind, Options: Options, Constraints: []target.Notation{target.JSONSchema, target.GBNF}, Open: Open}

// Open starts a simulator with the profile in cfg.URL.
func Open(cfg target.Config) (target.Target, error) {
	p, err := ParseProfile(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", cfg.ID, err)
	}
	s, err := New(p)
	if err != nil {
		return nil, fmt.Errorf("target %q: %w", cfg.ID, err)
	}
	return s.Target(), nil
}

// Target returns the simulator as a target in process. Closing it closes the
// simulator.
func (s *Simulator) Target() *Target { return &Target{s} }

// Target asks a simulator without a network. It is safe for concurrent use.
type Target struct{ *Simulator }

var _ target.Target = (*Target)(nil)

// Describe returns the model's facts, all of them invented.
func (t *Target) Describe(_ context.Context, name string) (target.Description, error) {
	m, ok := t.model(name)
	if !ok {
		return target.Description{}, target.UnknownModel("the simulator", name, "it has "+strings.Join(t.modelNames(), ", "))
	}
	return target.Description{
		Server: "chimera fake", Model: m.Name, Digest: m.Digest, Quant: m.Quant, Arch: "fake", Synthetic: true,
		Layers: sample.Some(m.Layers), TrainedCtx: sample.Some(m.TrainedCtx),
		Parameters: sample.Some(m.Parameters), FileBytes: sample.Some(m.Bytes),
		Facts: map[string]string{"slots": fmt.Sprint(t.profile.Slots), "seed": fmt.Sprint(t.profile.Seed)},
	}, nil
}

func (s *Simulator) modelNames() []string {
	names := make([]string, len(s.profile.Models))
	for i, m := range s.profile.Models {
		names[i] = m.Name
	}
	return names
}

// Effective clamps num_gpu to layers+1 and num_ctx to the trained context.
func (t *Target) Effective(d target.Description, requested map[string]any) map[string]any {
	m := Model{Layers: 1 << 30, TrainedCtx: 1 << 30}
	if n, ok := d.Layers.Get(); ok {
		m.Layers = n
	}
	if n, ok := d.TrainedCtx.Get(); ok {
		m.TrainedCtx = n
	}
	return effective(&m, requested)
}

// ReloadKey covers num_ctx, num_gpu, num_thread and num_batch as requested.
func (t *Target) ReloadKey(requested map[string]any) string {
	return spec.ReloadKey(Options, requested)
}

// Load makes the model resident; with the same configuration it already is.
func (t *Target) Load(ctx context.Context, name string, config map[string]any) (target.Loaded, error) {
	m, ok := t.model(name)
	if !ok {
		return target.Loaded{}, target.UnknownModel("the simulator", name, "it has "+strings.Join(t.modelNames(), ", "))
	}
	if err := target.CheckOptions(kind, Options, config); err != nil {
		return target.Loaded{}, fmt.Errorf("load model %q: %w", name, err)
	}
	clock := newAlarm(t.Simulator)
	defer clock.stop()
	begin := t.now()
	if _, err := t.load(ctx, m, t.ReloadKey(config), false, clock); err != nil {
		return target.Loaded{}, fmt.Errorf("load model %q: %w", name, err)
	}
	return target.Loaded{Residency: target.Managed, Took: sample.Some(t.now() - begin),
		Effective: effective(m, config), Bytes: sample.Some(m.Bytes)}, nil
}

// Unload frees the model at once, if it is the resident one.
func (t *Target) Unload(_ context.Context, name string) (target.Residency, error) {
	t.unload(name)
	return target.Managed, nil
}

func (s *Simulator) unload(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.resident == name {
		s.mu.resident, s.mu.key = "", ""
		clear(s.mu.cached)
	}
}

// Stream plays one request on the caller's clock.
func (t *Target) Stream(ctx context.Context, req target.Request, now target.Clock) sample.Observation {
	if err := target.CheckRequest(Kind, req); err != nil {
		return target.Refused(now, err)
	}
	a := &inProcess{now: now}
	if ctx.Err() != nil {
		a.T.End = sample.Some(now())
		return a.Conclude(ctx, ctx.Err())
	}
	a.T.Send = sample.Some(now())
	m, _ := t.model(req.Model)
	got, err := t.serve(ctx, ask{protocol: "in-process", model: req.Model, prompt: req.Prompt, budget: req.MaxTokens,
		seed: req.Seed, fixed: req.Fixed, cache: req.Cache, config: req.Config, follow: req.Constraint}, a)
	a.T.End = sample.Some(now())
	if err != nil {
		return a.failed(ctx, err)
	}
	a.final(got)
	a.Effective = effective(m, req.Config)
	return a.Conclude(ctx, nil)
}

// inProcess is the sink of an in-process request.
type inProcess struct {
	target.Answer
	now target.Clock
}

func (a *inProcess) piece(text string, reasoning bool, _ int) error {
	at := a.now()
	if !a.T.Headers.OK() {
		a.T.Headers = sample.Some(at)
	}
	k := sample.Content
	if reasoning {
		k = sample.Reasoning
	}
	a.Say(at, k, text)
	return nil
}

func (a *inProcess) final(got answer) {
	a.Ended = true
	a.Finish = got.finish
	a.Mark(a.now(), sample.Done)
	if got.silent {
		return
	}
	a.Tokens = sample.Tokens{Prompt: sample.Some(got.prompt), Cached: sample.Some(got.cached),
		Output: sample.Some(got.output), Source: sample.FromServer}
	a.Times = sample.ServerTimes{Load: sample.Some(got.load), PromptEval: sample.Some(got.promptEval),
		Eval: sample.Some(got.eval), Total: sample.Some(got.total), EvalSteps: sample.Some(got.output - 1)}
	raw, err := json.Marshal(map[string]int64{
		"total_duration": int64(got.total), "load_duration": int64(got.load), "prompt_eval_count": int64(got.prompt),
		"prompt_eval_cached_count": int64(got.cached), "prompt_eval_duration": int64(got.promptEval),
		"eval_count": int64(got.output), "eval_duration": int64(got.eval)})
	if err == nil {
		a.Server = raw
	}
}

// failed shows a simulated failure as the network would have.
func (a *inProcess) failed(ctx context.Context, err error) sample.Observation {
	status, isStatus := errors.AsType[*errStatus](err)
	_, unknown := errors.AsType[*errUnknownModel](err)
	switch {
	case unknown:
		status, isStatus = &errStatus{status: 404}, true
		a.Failure = &sample.Failure{Class: sample.ClassHTTP, Message: err.Error()}
	case isStatus:
		a.Failure = &sample.Failure{Class: sample.ClassHTTP, Message: err.Error()}
	case errors.Is(err, errServer):
		a.Refuse(err.Error())
	case errors.Is(err, errCut):
		return a.Conclude(ctx, nil)
	case errors.Is(err, errReset), errors.Is(err, errClosed):
		a.Failure = &sample.Failure{Class: sample.ClassReset, Message: err.Error()}
	}
	if a.Failure != nil {
		a.Outcome = sample.Error
	}
	if isStatus {
		a.T.Headers = a.T.End
		a.Failure.Status = sample.Some(status.status)
		if status.retryAfter > 0 {
			a.Failure.RetryAfter = sample.Some[time.Duration](status.retryAfter)
		}
	}
	return a.Conclude(ctx, err)
}
