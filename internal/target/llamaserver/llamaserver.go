// Package llamaserver measures llama.cpp's HTTP server through its native API.
//
// The native /completion tells more than the OpenAI-compatible endpoints: the
// server's own timings, how much of the prompt came from its cache, and a
// switch for either. By default nothing is reused from an earlier prompt, so
// that every request does the work it names. The server has one model, loaded
// when it started: cold measurements are not possible through it.
package llamaserver

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
)

const kind = "llamaserver"

// Options are what a spec may set on this kind of target: sampling only. What
// forces a reload (context, layers, threads, batch) is set when the server is
// started.
var Options = []spec.Option{
	{Name: "temperature", Type: spec.Float, Min: 0, Max: 2, Doc: "sampling temperature; 0 takes the likeliest token"},
	{Name: "top_k", Type: spec.Int, Min: 0, Max: 1 << 20, Doc: "sample from this many likeliest tokens; 0: from all"},
	{Name: "top_p", Type: spec.Float, Min: 0, Max: 1, Doc: "sample from the smallest set of tokens with this probability mass"},
	{Name: "min_p", Type: spec.Float, Min: 0, Max: 1, Doc: "drop tokens below this share of the likeliest one's probability"},
	{Name: "typical_p", Type: spec.Float, Min: 0, Max: 1, Doc: "locally typical sampling; 1 is off"},
	{Name: "repeat_last_n", Type: spec.Int, Min: -1, Max: 1 << 24, Doc: "tokens that the repeat penalty looks back; -1: the context"},
	{Name: "repeat_penalty", Type: spec.Float, Min: 0, Max: 10, Doc: "penalty on repeated tokens; 1 is off"},
	{Name: "presence_penalty", Type: spec.Float, Min: -2, Max: 2, Doc: "penalty on tokens that have appeared"},
	{Name: "frequency_penalty", Type: spec.Float, Min: -2, Max: 2, Doc: "penalty on tokens by how often they have appeared"},
	{Name: "seed", Type: spec.Int, Min: 0, Max: 1<<31 - 1, Doc: "seed of the sampler, instead of the trial's own"},
}

// Kind is this adapter, for a spec's `kind: llamaserver`.
var Kind = target.Kind{Name: kind, Options: Options, Constraints: []target.Notation{target.JSONSchema, target.GBNF}, Open: Open}

var _ target.Target = (*Target)(nil)

// Target is one llama.cpp server. It is safe for concurrent use.
type Target struct {
	client *target.Client
	api    target.API
}

// Open checks cfg; it does no I/O. The default API is completion.
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

// Close closes idle connections.
func (t *Target) Close() error { return t.client.Close() }

type props struct {
	Alias   string `json:"model_alias"`
	Path    string `json:"model_path"`
	FType   string `json:"model_ftype"`
	Build   string `json:"build_info"`
	Slots   int    `json:"total_slots"`
	Default struct {
		Context int `json:"n_ctx"`
	} `json:"default_generation_settings"`
}

type models struct {
	Data []struct {
		ID      string
		Aliases []string
		Meta    struct {
			Params  uint64 `json:"n_params"`
			Trained int    `json:"n_ctx_train"`
			Size    uint64
			FType   string
		}
	}
}

// Describe asks /props and /v1/models. The server answers any model's name
// with the model it has, so the name is checked here: it must be the server's
// alias, or the model file's path or name.
func (t *Target) Describe(ctx context.Context, model string) (target.Description, error) {
	var p props
	if err := t.client.JSON(ctx, http.MethodGet, "/props", nil, &p); err != nil {
		return target.Description{}, fmt.Errorf("describe model %q: %w", model, err)
	}
	var list models
	if err := t.client.JSON(ctx, http.MethodGet, "/v1/models", nil, &list); err != nil {
		return target.Description{}, fmt.Errorf("describe model %q: %w", model, err)
	}
	names := p.names()
	for _, m := range list.Data {
		names = append(append(names, m.ID), m.Aliases...)
	}
	if !slices.Contains(names, model) {
		slices.Sort(names)
		return target.Description{}, target.UnknownModel("the llama.cpp server at "+t.client.Base(), model,
			"it serves one model, under these names: "+strings.Join(slices.Compact(names), ", "))
	}
	return p.description(model, list), nil
}

// names are what a model file may be called.
func (p props) names() []string {
	var names []string
	for _, full := range []string{p.Alias, p.Path} {
		if full != "" {
			file := path.Base(strings.ReplaceAll(full, `\`, "/"))
			names = append(names, full, file, strings.TrimSuffix(file, ".gguf"))
		}
	}
	return names
}

func (p props) description(model string, list models) target.Description {
	d := target.Description{Server: "llama.cpp " + p.Build, Model: model, Quant: p.FType, Facts: map[string]string{}}
	for name, v := range map[string]int{"total_slots": p.Slots, "n_ctx": p.Default.Context} {
		if v > 0 {
			d.Facts[name] = fmt.Sprint(v)
		}
	}
	if p.Path != "" {
		d.Facts["model_file"] = path.Base(strings.ReplaceAll(p.Path, `\`, "/"))
	}
	if len(list.Data) == 0 {
		return d
	}
	meta := list.Data[0].Meta
	if d.Quant == "" {
		d.Quant = meta.FType
	}
	if meta.Params > 0 {
		d.Parameters = sample.Some(meta.Params)
	}
	if meta.Trained > 0 {
		d.TrainedCtx = sample.Some(meta.Trained)
	}
	if meta.Size > 0 { // of the tensors, which is less than the file
		d.Facts["tensor_bytes"] = fmt.Sprint(meta.Size)
	}
	return d
}

// Healthy reports whether the server is up and has loaded its model.
func (t *Target) Healthy(ctx context.Context) error {
	return t.client.JSON(ctx, http.MethodGet, "/health", nil, nil)
}

// A Slot is one of the sequences that the server decodes at once.
type Slot struct {
	ID      int  `json:"id"`
	Context int  `json:"n_ctx"`
	Busy    bool `json:"is_processing"`
}

// Slots asks /slots, which a server may have been started without.
func (t *Target) Slots(ctx context.Context) ([]Slot, error) {
	var slots []Slot
	err := t.client.JSON(ctx, http.MethodGet, "/slots", nil, &slots)
	return slots, err
}

// Tokenize returns the token ids of text in the served model's vocabulary;
// special adds the tokens that open a prompt.
func (t *Target) Tokenize(ctx context.Context, text string, special bool) ([]int, error) {
	var answer struct{ Tokens []int }
	err := t.client.JSON(ctx, http.MethodPost, "/tokenize", map[string]any{"content": text, "add_special": special}, &answer)
	return answer.Tokens, err
}

// Effective returns requested: the server clamps no sampling option.
func (t *Target) Effective(_ target.Description, requested map[string]any) map[string]any {
	return maps.Clone(requested)
}

// ReloadKey is the same for every configuration.
func (t *Target) ReloadKey(requested map[string]any) string {
	return spec.ReloadKey(Options, requested)
}

// Load reports that the server keeps its model.
func (t *Target) Load(context.Context, string, map[string]any) (target.Loaded, error) {
	return target.Loaded{Residency: target.Unmanaged}, nil
}

// Unload reports that the server keeps its model.
func (t *Target) Unload(context.Context, string) (target.Residency, error) {
	return target.Unmanaged, nil
}
