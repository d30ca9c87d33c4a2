// Package openai measures any server that speaks OpenAI's HTTP API.
//
// The API says little about the machine behind it, and this adapter fills no
// gap: what a server does not report is absent. Token counts come from the
// usage record only, never from counting chunks. The options are those of the
// standard, with one exception that its doc names; a vendor's extension that a
// server ignores in silence would look like a factor without effect.
package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
)

const kind = "openai"

// Options are what a spec may set on this kind of target. None reloads
// anything: the server keeps its model.
var Options = []spec.Option{
	{Name: "temperature", Type: spec.Float, Min: 0, Max: 2, Doc: "sampling temperature; 0 takes the likeliest token"},
	{Name: "top_p", Type: spec.Float, Min: 0, Max: 1, Doc: "sample from the smallest set of tokens with this probability mass"},
	{Name: "presence_penalty", Type: spec.Float, Min: -2, Max: 2, Doc: "penalty on tokens that have appeared"},
	{Name: "frequency_penalty", Type: spec.Float, Min: -2, Max: 2, Doc: "penalty on tokens by how often they have appeared"},
	{Name: "seed", Type: spec.Int, Min: 0, Max: 1<<31 - 1, Doc: "seed of the sampler, instead of the trial's own"},
	{Name: "reasoning_effort", Type: spec.Enum, Enum: []string{"none", "minimal", "low", "medium", "high"}, Doc: "how long a reasoning model may think"},
	{Name: "ignore_eos", Type: spec.Bool, Doc: "generate the whole budget; an extension of vLLM, SGLang and llama.cpp that other servers refuse or ignore"},
}

// Kind is this adapter, for a spec's `kind: openai`.
var Kind = target.Kind{Name: kind, Options: Options, Constraints: []target.Notation{target.JSONSchema}, Open: Open}

var _ target.Target = (*Target)(nil)

// Target is one OpenAI-compatible server. It is safe for concurrent use.
type Target struct {
	client *target.Client
	api    target.API
	prefix string
}

// versioned matches a base path that already names the API's version.
var versioned = regexp.MustCompile(`/v\d+$`)

// Open checks cfg; it does no I/O. The base URL may or may not end in /v1. The
// default API is chat.
func Open(cfg target.Config) (target.Target, error) {
	client, err := target.NewClient(cfg)
	if err != nil {
		return nil, err
	}
	t := &Target{client: client, api: cfg.API, prefix: "/v1"}
	if t.api == "" {
		t.api = target.Chat
	}
	if versioned.MatchString(client.Base()) {
		t.prefix = ""
	}
	return t, nil
}

type model struct {
	ID      string `json:"id"`
	Owner   string `json:"owned_by"`
	Context int    `json:"max_model_len"` // vLLM
	Root    string `json:"root"`          // vLLM: what the name stands for
}

// Describe asks /v1/models.
func (t *Target) Describe(ctx context.Context, name string) (target.Description, error) {
	var list struct {
		Data []model `json:"data"`
	}
	if err := t.client.JSON(ctx, http.MethodGet, t.prefix+"/models", nil, &list); err != nil {
		return target.Description{}, fmt.Errorf("describe model %q: %w", name, err)
	}
	ids := []string{}
	for _, m := range list.Data {
		if m.ID == name {
			return m.describe(t.client.Base()), nil
		}
		ids = append(ids, m.ID)
	}
	return target.Description{}, target.UnknownModel("the server at "+t.client.Base(), name, known(ids))
}

func known(ids []string) string {
	const most = 8
	if len(ids) == 0 {
		return "it lists no model at all"
	}
	if len(ids) > most {
		return fmt.Sprintf("it has %s and %d more", strings.Join(ids[:most], ", "), len(ids)-most)
	}
	return "it has " + strings.Join(ids, ", ")
}

func (m model) describe(base string) target.Description {
	d := target.Description{Server: "OpenAI-compatible server", Model: m.ID, Facts: map[string]string{"url": base}}
	if m.Owner != "" {
		d.Facts["owned_by"] = m.Owner
	}
	if m.Root != "" && m.Root != m.ID {
		d.Facts["root"] = m.Root
	}
	if m.Context > 0 {
		d.Facts["max_model_len"] = fmt.Sprint(m.Context)
	}
	return d
}

// Effective returns requested: the API tells nothing by which to clamp it.
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

// Close closes idle connections.
func (t *Target) Close() error { return t.client.Close() }

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Stream sends one request. Raw and Cache have no place in this API; Fixed has
// none either, so a trial that needs equal work asks for the option ignore_eos.
func (t *Target) Stream(ctx context.Context, req target.Request, now target.Clock) sample.Observation {
	path, body, err := t.encode(req)
	if err != nil {
		return target.Refused(now, err)
	}
	stream := &target.ChatStream{}
	return t.client.Stream(ctx, target.Call{Path: path, Body: body,
		Framing: (*target.Tape).SSE, Final: target.ChatFinal, Decode: stream.Decode, Ended: req.Ended}, now)
}

func (t *Target) encode(req target.Request) (path string, body []byte, err error) {
	if err := target.CheckRequest(Kind, req); err != nil {
		return "", nil, err
	}
	fields := map[string]any{
		"model": req.Model, "max_tokens": req.MaxTokens, "seed": req.Seed,
		"stream": true, "stream_options": map[string]any{"include_usage": true},
	}
	maps.Copy(fields, req.Config)
	api := req.API
	if api == "" {
		api = t.api
	}
	if schema := req.Constraint.JSONSchema; schema != "" {
		if err := constrain(fields, schema, api); err != nil {
			return "", nil, err
		}
	}
	switch api {
	case target.Chat:
		path, fields["messages"] = t.prefix+"/chat/completions", []message{{"user", req.Prompt}}
	case target.Completion:
		path, fields["prompt"] = t.prefix+"/completions", req.Prompt
	default:
		return "", nil, fmt.Errorf("the api must be chat or completion, but is %q", api)
	}
	body, err = json.Marshal(fields)
	return path, body, err
}

// constrain asks for an answer that follows a schema. The standard has a place
// for that in chats only; elsewhere a server would pass over it in silence.
func constrain(fields map[string]any, schema string, api target.API) error {
	if api != target.Chat {
		return fault.With(errors.New("OpenAI's completions have no place for a JSON Schema"), fault.Usage, "ask through `api: chat`")
	}
	if on, _ := fields["ignore_eos"].(bool); on {
		return fault.With(errors.New("an answer that follows a JSON Schema ends where the schema says, but ignore_eos is set"),
			fault.Usage, "leave out ignore_eos")
	}
	fields["response_format"] = map[string]any{"type": "json_schema",
		"json_schema": map[string]any{"name": "answer", "strict": true, "schema": json.RawMessage(schema)}}
	return nil
}
