package native

import (
	"fmt"
	"math"

	"chimera/internal/engine"
	"chimera/internal/gguf"
	"chimera/internal/spec"
	"chimera/internal/target"
	"chimera/internal/tensor"
)

// Options are what a spec can set on this target. Names that other runtimes
// have too are theirs.
var Options = []spec.Option{
	{Name: "num_ctx", Type: spec.Int, Min: 8, Max: 1 << 20, Reload: true, Doc: "context, in tokens; clamped to what the model was trained for"},
	{Name: "num_batch", Type: spec.Int, Min: 1, Max: 4096, Reload: true, Doc: "prompt tokens per forward pass"},
	{Name: "threads", Type: spec.Int, Min: 1, Max: 256, Reload: true, Doc: "worker threads; default: one per core"},
	{Name: "kv_type", Type: spec.Enum, Enum: []string{"f32", "f16", "q8_0"}, Reload: true, Doc: "format of the KV cache"},
	{Name: "numerics", Type: spec.Enum, Enum: []string{"fast", "exact"}, Reload: true, Doc: "fast: 8-bit activations; exact: float32 activations and KV cache"},
	{Name: "temperature", Type: spec.Float, Min: 0, Max: 10, Doc: "0 is greedy"},
	{Name: "top_k", Type: spec.Int, Min: 0, Max: 1 << 20, Doc: "keep the k best tokens; 0: all"},
	{Name: "top_p", Type: spec.Float, Min: 0, Max: 1, Doc: "keep the fewest best tokens whose probability reaches p; 1: all"},
	{Name: "min_p", Type: spec.Float, Min: 0, Max: 1, Doc: "keep tokens of at least p times the best one's probability; 0: all"},
	{Name: "repeat_penalty", Type: spec.Float, Min: 0.1, Max: 10, Doc: "1: none"},
	{Name: "repeat_last_n", Type: spec.Int, Min: 0, Max: 1 << 20, Doc: "tokens that count as recent; 0: 64"},
	{Name: "stop", Type: spec.Text, Doc: "the text ends before this string"},
}

// defaults of the options that have a fixed one.
var defaults = map[string]any{
	"num_ctx": 4096.0, "num_batch": 256.0, "kv_type": "f16", "numerics": "fast",
}

// engineOptions translates a configuration for the model at path, whose trained
// context it asks for: a larger one is clamped to it, as other runtimes do.
func engineOptions(config map[string]any, path string) (engine.Options, error) {
	o := engine.Options{
		Threads: int(number(config, "threads", 0)),
		Context: int(number(config, "num_ctx", 0)),
		Batch:   int(number(config, "num_batch", 0)),
	}
	o.Numerics = tensor.Fast
	if config["numerics"] == "exact" {
		o.Numerics = tensor.Exact
	}
	o.KVType, _ = config["kv_type"].(string)
	trained, err := trainedContext(path)
	if err != nil {
		return o, err
	}
	o.Context = min(o.Context, trained)
	return o, nil
}

// trainedContext reads one number of a model file's head.
func trainedContext(path string) (int, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	arch, _, err := f.Metadata.String("general.architecture")
	if err != nil {
		return 0, err
	}
	n, ok, err := f.Metadata.Uint32(arch+".context_length", math.MaxInt32)
	if err == nil && !ok {
		err = fmt.Errorf("%s: no %s.context_length", path, arch)
	}
	return n, err
}

func effectiveOptions(o engine.Options) map[string]any {
	numerics := "fast"
	if o.Numerics == tensor.Exact {
		numerics = "exact"
	}
	return map[string]any{"threads": float64(o.Threads), "num_ctx": float64(o.Context),
		"num_batch": float64(o.Batch), "kv_type": o.KVType, "numerics": numerics}
}

// engineRequest translates a request; its constraint may be one that the engine
// does not honour.
func engineRequest(r target.Request) (engine.Request, error) {
	constraint, err := r.Constraint.Grammar()
	if err != nil {
		return engine.Request{}, err
	}
	out := engine.Request{
		Prompt: r.Prompt, MaxTokens: r.MaxTokens, IgnoreEOS: r.Fixed, CachePrompt: r.Cache, Grammar: constraint,
		Sampling: engine.Sampling{
			Temperature:   number(r.Config, "temperature", 0),
			TopK:          int(number(r.Config, "top_k", 0)),
			TopP:          number(r.Config, "top_p", 1),
			MinP:          number(r.Config, "min_p", 0),
			RepeatPenalty: number(r.Config, "repeat_penalty", 1),
			RepeatLastN:   int(number(r.Config, "repeat_last_n", 0)),
			Seed:          uint64(r.Seed),
		},
	}
	if stop, ok := r.Config["stop"].(string); ok && stop != "" {
		out.Stop = []string{stop}
	}
	return out, nil
}

// number reads an option that the spec has checked to be a number.
func number(config map[string]any, name string, otherwise float64) float64 {
	if v, ok := config[name].(float64); ok {
		return v
	}
	return otherwise
}
