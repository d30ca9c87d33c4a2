// Package ollama measures an Ollama server through its native API.
//
// Ollama loads models on demand, so this adapter controls residency: a load is
// a generate call without a prompt, an unload one with keep_alive 0 that is
// awaited. Its final record tells durations in nanoseconds; what the field
// names promise is not quite what they hold, and the comments here say what
// they hold. A field that is zero or left out is absent, since the server
// leaves zeros out: an absent prompt_eval_count is a cache hit of an old
// version, not an empty prompt.
package ollama

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
)

const kind = "ollama"

// Options are what a spec may set on this kind of target. The server compares
// those marked Reload as requested: two values that it clamps to the same
// still load the model again.
var Options = []spec.Option{
	{Name: "num_ctx", Type: spec.Int, Min: 1, Max: 1 << 24, Reload: true, Doc: "context, tokens; clamped to the trained context"},
	{Name: "num_batch", Type: spec.Int, Min: 1, Max: 1 << 16, Reload: true, Doc: "prompt tokens evaluated at once"},
	{Name: "num_gpu", Type: spec.Int, Min: -1, Max: 9999, Reload: true, Doc: "layers on the accelerator; -1 lets the server choose; clamped to layers+1"},
	{Name: "main_gpu", Type: spec.Int, Min: 0, Max: 63, Reload: true, Doc: "index of the accelerator for small tensors"},
	{Name: "use_mmap", Type: spec.Bool, Reload: true, Doc: "map the model file instead of reading it"},
	{Name: "num_thread", Type: spec.Int, Min: 0, Max: 1024, Reload: true, Doc: "threads; 0 lets the server choose"},
	{Name: "temperature", Type: spec.Float, Min: 0, Max: 2, Doc: "sampling temperature; 0 takes the likeliest token"},
	{Name: "top_k", Type: spec.Int, Min: 0, Max: 1 << 20, Doc: "sample from this many likeliest tokens; 0: from all"},
	{Name: "top_p", Type: spec.Float, Min: 0, Max: 1, Doc: "sample from the smallest set of tokens with this probability mass"},
	{Name: "min_p", Type: spec.Float, Min: 0, Max: 1, Doc: "drop tokens below this share of the likeliest one's probability"},
	{Name: "typical_p", Type: spec.Float, Min: 0, Max: 1, Doc: "locally typical sampling; 1 is off"},
	{Name: "repeat_last_n", Type: spec.Int, Min: -1, Max: 1 << 24, Doc: "tokens that the repeat penalty looks back; -1: the context"},
	{Name: "repeat_penalty", Type: spec.Float, Min: 0, Max: 10, Doc: "penalty on repeated tokens; 1 is off"},
	{Name: "presence_penalty", Type: spec.Float, Min: -2, Max: 2, Doc: "penalty on tokens that have appeared"},
	{Name: "frequency_penalty", Type: spec.Float, Min: -2, Max: 2, Doc: "penalty on tokens by how often they have appeared"},
	{Name: "num_keep", Type: spec.Int, Min: -1, Max: 1 << 24, Doc: "prompt tokens kept when the context is shifted"},
	{Name: "seed", Type: spec.Int, Min: 0, Max: 1<<31 - 1, Doc: "seed of the sampler, instead of the trial's own"},
	{Name: keepAlive, Type: spec.Text, Doc: `how long the model stays resident after a request, as "30m"; the server's default is 5m`},
}

// keepAlive is an option of the spec, but a field of the request.
const keepAlive = "keep_alive"

// Kind is this adapter, for a spec's `kind: ollama`.
var Kind = target.Kind{Name: kind, Options: Options, Constraints: []target.Notation{target.JSONSchema}, Open: Open}

var _ target.Target = (*Target)(nil)

// Target is one Ollama server. It is safe for concurrent use.
type Target struct {
	client *target.Client
	api    target.API
}

// Open checks cfg; it does no I/O. The default API is completion (generate).
func Open(cfg target.Config) (target.Target, error) {
	client, err := target.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	api := cfg.API
	if api == "" {
		api = target.Completion
	}
	return &Target{client: client, api: api}, nil
}

// Close closes idle connections. The models stay as they are.
func (t *Target) Close() error { return t.client.Close() }

type entry struct {
	Name     string
	Model    string
	Size     uint64
	VRAM     *uint64 `json:"size_vram"`
	Context  int     `json:"context_length"`
	Digest   string
	Expires  string `json:"expires_at"`
	Modified string `json:"modified_at"`
}

// is matches names as the server does: without a tag they mean latest.
func (e entry) is(name string) bool {
	return tagged(e.Name) == tagged(name) || tagged(e.Model) == tagged(name)
}

func tagged(name string) string {
	if strings.Contains(name[strings.LastIndexByte(name, '/')+1:], ":") {
		return name
	}
	return name + ":latest"
}

func (t *Target) entries(ctx context.Context, path string) ([]entry, error) {
	var list struct{ Models []entry }
	err := t.client.JSON(ctx, http.MethodGet, path, nil, &list)
	return list.Models, err
}

// resident returns the model's entry in /api/ps, if it is loaded.
func (t *Target) resident(ctx context.Context, model string) (entry, bool, error) {
	list, err := t.entries(ctx, "/api/ps")
	for _, e := range list {
		if e.is(model) {
			return e, true, nil
		}
	}
	return entry{}, false, err
}

// Describe asks /api/version, /api/show and /api/tags.
func (t *Target) Describe(ctx context.Context, model string) (target.Description, error) {
	var version struct{ Version string }
	if err := t.client.JSON(ctx, http.MethodGet, "/api/version", nil, &version); err != nil {
		return target.Description{}, fmt.Errorf("describe model %q: %w", model, err)
	}
	var show show
	if err := t.client.JSON(ctx, http.MethodPost, "/api/show", map[string]string{"model": model}, &show); err != nil {
		return target.Description{}, t.unknown(model, fmt.Errorf("describe model %q: %w", model, err))
	}
	d := show.description(version.Version, model)
	list, err := t.entries(ctx, "/api/tags")
	if err != nil {
		return target.Description{}, fmt.Errorf("describe model %q: %w", model, err)
	}
	for _, e := range list {
		if e.is(model) {
			d.Digest = e.Digest
			d.FileBytes = sample.Some(e.Size)
		}
	}
	return d, nil
}

// unknown turns a 404 about a model into an error with the way out.
func (t *Target) unknown(model string, err error) error {
	if status, ok := errors.AsType[*target.StatusError](err); ok && status.Status == http.StatusNotFound {
		return fault.With(err, fault.Usage, "ollama pull "+model)
	}
	return err
}

type show struct {
	Details struct {
		Family string
		Format string
		Size   string `json:"parameter_size"`
		Quant  string `json:"quantization_level"`
	}
	Parameters string
	Template   string
	Info       map[string]json.RawMessage `json:"model_info"`
}

func (s show) description(version, model string) target.Description {
	d := target.Description{Server: "ollama " + version, Model: model, Quant: s.Details.Quant, Arch: s.Details.Family, Facts: map[string]string{}}
	if arch := s.text("general.architecture"); arch != "" {
		d.Arch = arch
	}
	if n, ok := s.count(d.Arch + ".block_count"); ok {
		d.Layers = sample.Some(int(n))
	}
	if n, ok := s.count(d.Arch + ".context_length"); ok {
		d.TrainedCtx = sample.Some(int(n))
	}
	if n, ok := s.count("general.parameter_count"); ok {
		d.Parameters = sample.Some(n)
	}
	for name, value := range map[string]string{"format": s.Details.Format, "parameter_size": s.Details.Size, "parameters": s.Parameters, "template": s.Template} {
		if value != "" {
			d.Facts[name] = value
		}
	}
	return d
}

func (s show) text(key string) string {
	var v string
	if json.Unmarshal(s.Info[key], &v) != nil {
		return ""
	}
	return v
}

func (s show) count(key string) (uint64, bool) {
	var v uint64
	if json.Unmarshal(s.Info[key], &v) != nil || v == 0 {
		return 0, false
	}
	return v, true
}

// Effective clamps as the server does: num_gpu to layers+1 (the output layer
// counts; −1 stays, it means automatic) and num_ctx to the trained context. On
// a host without accelerator every num_gpu is one; what is known of that comes
// from Load, which reads it back.
func (t *Target) Effective(d target.Description, requested map[string]any) map[string]any {
	out := maps.Clone(requested)
	clamp := func(name string, most sample.Opt[int], plus int) {
		n, known := most.Get()
		if v, ok := out[name].(float64); ok && known && v > float64(n+plus) {
			out[name] = float64(n + plus)
		}
	}
	clamp("num_gpu", d.Layers, 1)
	clamp("num_ctx", d.TrainedCtx, 0)
	return out
}

// ReloadKey covers what the server compares before it keeps a runner.
func (t *Target) ReloadKey(requested map[string]any) string {
	return spec.ReloadKey(Options, requested)
}

// Load makes the model resident with this configuration. Took is the call's
// duration as the client saw it: also of a call that found the model resident.
// Effective holds the context that the server reports, and num_gpu 0 if
// nothing of the model is on an accelerator.
func (t *Target) Load(ctx context.Context, model string, config map[string]any) (target.Loaded, error) {
	if err := target.CheckOptions(kind, Options, config); err != nil {
		return target.Loaded{}, fmt.Errorf("load model %q: %w", model, err)
	}
	body := map[string]any{"model": model, "stream": false}
	place(body, config)
	begin := time.Now()
	if err := t.client.JSON(ctx, http.MethodPost, "/api/generate", body, nil); err != nil {
		return target.Loaded{}, t.unknown(model, fmt.Errorf("load model %q: %w", model, err))
	}
	took := time.Since(begin)
	e, ok, err := t.resident(ctx, model)
	if err != nil {
		return target.Loaded{}, fmt.Errorf("load model %q: %w", model, err)
	}
	if !ok {
		return target.Loaded{}, fault.With(fmt.Errorf("load model %q: the server does not list it as resident afterwards", model),
			fault.Runtime, "give it a keep_alive that outlasts the load")
	}
	return loaded(e, took, config), nil
}

func loaded(e entry, took time.Duration, config map[string]any) target.Loaded {
	l := target.Loaded{Residency: target.Managed, Took: sample.Some(took), Effective: maps.Clone(config)}
	if l.Effective == nil {
		l.Effective = map[string]any{}
	}
	if e.Size > 0 {
		l.Bytes = sample.Some(e.Size)
	}
	if e.VRAM != nil {
		l.VRAM = sample.Some(*e.VRAM)
		if *e.VRAM == 0 {
			l.Effective["num_gpu"] = 0.0
		}
	}
	if e.Context > 0 {
		l.Effective["num_ctx"] = float64(e.Context)
	}
	return l
}

// place puts a configuration where the request has it.
func place(body map[string]any, config map[string]any) {
	options := map[string]any{}
	for name, v := range config {
		if name == keepAlive {
			body[keepAlive] = v
		} else {
			options[name] = v
		}
	}
	body["options"] = options
}

const (
	unloadTimeout = 30 * time.Second
	pollEvery     = 20 * time.Millisecond
)

// Unload asks the server to free the model and waits until it is no longer
// listed, for at most 30 s.
func (t *Target) Unload(ctx context.Context, model string) (target.Residency, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, unloadTimeout, fmt.Errorf("the model is still resident after %v", unloadTimeout))
	defer cancel()
	body := map[string]any{"model": model, "stream": false, keepAlive: 0}
	if err := t.client.JSON(ctx, http.MethodPost, "/api/generate", body, nil); err != nil {
		return "", t.unknown(model, fmt.Errorf("unload model %q: %w", model, err))
	}
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		_, ok, err := t.resident(ctx, model)
		if err != nil {
			return "", fmt.Errorf("unload model %q: %w", model, err)
		}
		if !ok {
			return target.Managed, nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return "", fmt.Errorf("unload model %q: %w", model, context.Cause(ctx))
		}
	}
}
