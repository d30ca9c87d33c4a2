// Package native is the target that needs no server: chimera's own engine, in
// process.
//
// One model is resident at a time, as on a small server: loading another one,
// or the same one with other load options, frees the one before. What a
// runtime's client sees across a socket is seen here across a function call,
// so the instants are the engine's own, stamped when each token is known.
package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"chimera/internal/engine"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
)

const name = "native"

var errNoChat = fault.With(errors.New("native continues bare text and has no chat interface"), fault.Usage, "leave out `api: chat`")

// honours is what a request can hold.
var honours = target.Kind{Name: name, Options: Options, Constraints: []target.Notation{target.JSONSchema, target.GBNF}}

// Kind registers the adapter. Config.URL is the folder in which bare model
// names are looked for; "" is the working folder. version names this build.
func Kind(version string) target.Kind {
	k := honours
	k.Open = func(cfg target.Config) (target.Target, error) { return New(cfg.URL, version), nil }
	return k
}

// Target is the in-process runtime. It is safe for concurrent use.
type Target struct {
	folder  string
	version string

	// Requests run inside the gate, a model comes and goes alone in it: it is
	// never freed under a request.
	gate     gate
	resident struct { // guarded by gate
		model *engine.Model
		path  string
		key   string // reload key of the resident model
	}
	idle struct {
		sync.Mutex
		sessions []*engine.Session // of the resident model
	}
}

// New returns a target with no model resident.
func New(folder, version string) *Target { return &Target{folder: folder, version: version} }

// Describe reads the model file's own account of itself. The model is called by
// its file's name: the folder is this machine's business.
func (t *Target) Describe(_ context.Context, model string) (target.Description, error) {
	path, err := t.find(model)
	if err != nil {
		return target.Description{}, err
	}
	info, digest, err := inspect(path)
	if err != nil {
		return target.Description{}, err
	}
	return target.Description{
		Server: "chimera native " + t.version, Model: filepath.Base(path), Digest: "sha256:" + digest,
		Quant: info.Quantization, Arch: info.Architecture,
		Layers: sample.Some(info.Layers), TrainedCtx: sample.Some(info.Context),
		Parameters: sample.Some(uint64(info.Parameters)), FileBytes: sample.Some(uint64(info.FileBytes)),
		Synthetic: info.Synthetic,
	}, nil
}

func inspect(path string) (engine.Info, string, error) {
	m, err := engine.Open(path, engine.Options{Threads: 1, Context: 1})
	if err != nil {
		return engine.Info{}, "", err
	}
	defer m.Close()
	return m.Info(), m.Digest(), nil
}

// find returns the path of a model named by path, or by its file name with or
// without .gguf in the model folder.
func (t *Target) find(model string) (string, error) {
	tried := []string{model}
	if !filepath.IsAbs(model) && t.folder != "" {
		tried = []string{filepath.Join(t.folder, model), filepath.Join(t.folder, model+".gguf"), model}
	}
	for _, path := range tried {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fault.With(fmt.Errorf("model %q: no such file (tried %s)", model, strings.Join(tried, ", ")), fault.Usage,
		"give the path of a GGUF file; `chimera model synth` makes one")
}

// Effective clamps the context to the trained one and the batch to the context,
// and fills in the defaults.
func (t *Target) Effective(d target.Description, requested map[string]any) map[string]any {
	effective := map[string]any{}
	for _, o := range Options {
		if v, ok := defaults[o.Name]; ok {
			effective[o.Name] = v
		}
	}
	effective["threads"] = float64(runtime.NumCPU())
	for k, v := range requested {
		effective[k] = v
	}
	if _, set := requested["kv_type"]; !set && effective["numerics"] == "exact" {
		effective["kv_type"] = "f32"
	}
	if trained, ok := d.TrainedCtx.Get(); ok {
		if ctx, ok := effective["num_ctx"].(float64); ok {
			effective["num_ctx"] = math.Min(ctx, float64(trained))
		}
	}
	if batch, ok := effective["num_batch"].(float64); ok {
		if ctx, ok := effective["num_ctx"].(float64); ok { // no batch is larger than what the context holds
			effective["num_batch"] = math.Min(batch, ctx)
		}
	}
	return effective
}

// ReloadKey names the load a configuration needs.
func (t *Target) ReloadKey(requested map[string]any) string {
	return spec.ReloadKey(Options, requested)
}

// Load makes the model resident. If it is already, with this configuration,
// nothing happens and nothing took time.
func (t *Target) Load(ctx context.Context, model string, config map[string]any) (target.Loaded, error) {
	if err := target.CheckOptions(name, Options, config); err != nil {
		return target.Loaded{}, err
	}
	loaded := target.Loaded{Residency: target.Managed, PID: sample.Some(os.Getpid())}
	var err error
	if loaded.Took, err = t.acquire(ctx, model, config); err != nil {
		return target.Loaded{}, err
	}
	defer t.gate.leave()
	loaded.Effective = effectiveOptions(t.resident.model.Options())
	loaded.Bytes = sample.Some(uint64(t.resident.model.Info().WeightBytes))
	return loaded, nil
}

// acquire returns inside the gate with the model resident, and how long its
// load took if it was not.
func (t *Target) acquire(ctx context.Context, model string, config map[string]any) (took sample.Opt[time.Duration], err error) {
	if ctx.Err() != nil {
		return took, context.Cause(ctx)
	}
	path, err := t.find(model)
	if err != nil {
		return took, err
	}
	key := t.ReloadKey(config)
	if !t.gate.enter(ctx.Done(), false) {
		return took, context.Cause(ctx)
	}
	if t.holds(path, key) {
		return took, nil
	}
	t.gate.leave()
	if !t.gate.enter(ctx.Done(), true) {
		return took, context.Cause(ctx)
	}
	if !t.holds(path, key) { // nobody else brought it about meanwhile
		if err := t.replace(path, key, config); err != nil {
			t.gate.leave()
			return took, err
		}
		took = sample.Some(t.resident.model.LoadTime())
	}
	t.gate.share()
	return took, nil
}

// holds reports whether a load is the resident one. The caller is inside.
func (t *Target) holds(path, key string) bool {
	return t.resident.model != nil && t.resident.path == path && t.resident.key == key
}

// replace frees the resident model and opens another. The caller is alone.
func (t *Target) replace(path, key string, config map[string]any) error {
	options, err := engineOptions(config, path)
	if err != nil {
		return err
	}
	if err := t.free(); err != nil {
		return err
	}
	m, err := engine.Open(path, options)
	if err != nil {
		return err
	}
	t.resident.model, t.resident.path, t.resident.key = m, path, key
	return nil
}

// free drops the resident model, if any. The caller is alone.
func (t *Target) free() error {
	if t.resident.model == nil {
		return nil
	}
	t.idle.Lock()
	t.idle.sessions = nil
	t.idle.Unlock()
	err := t.resident.model.Close()
	t.resident.model, t.resident.path, t.resident.key = nil, "", ""
	return err
}

// Unload frees the model, if it is the resident one.
func (t *Target) Unload(ctx context.Context, model string) (target.Residency, error) {
	path, err := t.find(model)
	if err != nil {
		return target.Managed, err
	}
	if !t.gate.enter(ctx.Done(), true) {
		return target.Managed, context.Cause(ctx)
	}
	defer t.gate.leave()
	if t.resident.path != path {
		return target.Managed, nil
	}
	return target.Managed, t.free()
}

// Close waits for the requests that run and frees the model.
func (t *Target) Close() error {
	t.gate.enter(nil, true)
	defer t.gate.leave()
	return t.free()
}

// Stream generates one answer. A request that finds another model or another
// load resident loads its own first, as a server would, and reports the load.
func (t *Target) Stream(ctx context.Context, req target.Request, now target.Clock) sample.Observation {
	ask, err := prepare(req)
	if err != nil {
		return target.Refused(now, err)
	}
	a := &target.Answer{}
	if ctx.Err() != nil {
		a.T.End = sample.Some(now())
		return a.Conclude(ctx, context.Cause(ctx))
	}
	a.T.Send = sample.Some(now())
	load, err := t.acquire(ctx, req.Model, req.Config)
	if err == nil {
		a.Times.Load = load
		err = t.generate(ctx, ask, now, a)
		t.gate.leave()
	}
	a.T.End = sample.Some(now())
	if err != nil && ctx.Err() == nil {
		a.Refuse(err.Error())
		a.Failure.Class = sample.ClassEngine
	}
	return a.Conclude(ctx, err)
}

// prepare translates a request that the engine can take.
func prepare(req target.Request) (engine.Request, error) {
	if err := target.CheckRequest(honours, req); err != nil {
		return engine.Request{}, err
	}
	if req.API == target.Chat {
		return engine.Request{}, errNoChat
	}
	return engineRequest(req)
}

// generate runs the request in a session of the resident model.
func (t *Target) generate(ctx context.Context, ask engine.Request, now target.Clock, a *target.Answer) error {
	session, err := t.session()
	if err != nil {
		return err
	}
	defer t.keep(session)
	a.Chunks = make([]sample.Chunk, 0, ask.MaxTokens+1)
	a.T.Headers = sample.Some(now()) // the request is accepted: generation begins
	var text spoken
	result, err := session.Generate(ctx, ask, func(tok engine.Token) {
		at := now()
		if tok.End {
			a.Mark(at, sample.Done)
			return
		}
		text.say(a, at, tok.Text)
	})
	if err != nil {
		return err
	}
	record(a, t.resident.model.Options(), result)
	a.Ended = result.Finish != engine.Cancelled
	if !a.Ended {
		return context.Cause(ctx)
	}
	text.rest(a, now(), result.Text)
	return nil
}

// spoken counts the bytes of text that were said: the engine holds back an
// incomplete rune, or the beginning of a stop string, until the end.
type spoken struct{ bytes int }

func (s *spoken) say(a *target.Answer, at time.Duration, text string) {
	s.bytes += len(text)
	a.Say(at, sample.Content, text)
}

func (s *spoken) rest(a *target.Answer, at time.Duration, whole string) {
	if s.bytes < len(whole) {
		s.say(a, at, whole[s.bytes:])
	}
}

// record writes the engine's counts and clock into the answer.
func record(a *target.Answer, used engine.Options, r engine.Result) {
	a.Tokens = sample.Tokens{Prompt: sample.Some(r.PromptTokens), Cached: sample.Some(r.CachedTokens),
		Output: sample.Some(len(r.IDs)), Source: sample.FromEngine}
	a.Times.PromptEval = sample.Some(r.Timing.PromptEval)
	a.Times.Total = sample.Some(r.Timing.Total)
	if len(r.IDs) > 1 {
		a.Times.Eval, a.Times.EvalSteps = sample.Some(r.Timing.Eval), sample.Some(len(r.IDs)-1)
	}
	a.Finish = string(r.Finish)
	a.Effective = effectiveOptions(used)
	fields := map[string]int64{
		"prompt_eval_ns": r.Timing.PromptEval.Nanoseconds(), "eval_ns": r.Timing.Eval.Nanoseconds(),
		"total_ns": r.Timing.Total.Nanoseconds(), "prompt_tokens": int64(r.PromptTokens),
		"cached_tokens": int64(r.CachedTokens), "output_tokens": int64(len(r.IDs)),
	}
	if r.Timing.Masks > 0 { // the answer followed a grammar
		fields["grammar_ns"], fields["masks_ns"] = r.Timing.Grammar.Nanoseconds(), r.Timing.Masks.Nanoseconds()
	}
	a.Server, _ = json.Marshal(fields) // of plain integers: cannot fail
}

// session takes an idle session or makes one. The caller is inside the gate.
func (t *Target) session() (*engine.Session, error) {
	t.idle.Lock()
	defer t.idle.Unlock()
	if n := len(t.idle.sessions); n > 0 {
		s := t.idle.sessions[n-1]
		t.idle.sessions = t.idle.sessions[:n-1]
		return s, nil
	}
	return t.resident.model.NewSession()
}

func (t *Target) keep(s *engine.Session) {
	t.idle.Lock()
	defer t.idle.Unlock()
	t.idle.sessions = append(t.idle.sessions, s)
}
