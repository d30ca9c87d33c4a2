package engine

import (
	"fmt"
	"math"
	"strings"

	"chimera/internal/gguf"
	"chimera/internal/tensor"
)

// Bounds of hyper-parameters: several times what any published model has, and
// small enough that no product of three of them overflows.
const (
	maxLayers  = 1024
	maxWidth   = 1 << 17
	maxHeads   = 1024
	maxHeadDim = 2048
	maxFFN     = 1 << 20
	maxTrained = 1 << 24
)

// params are the hyper-parameters of a model, checked against each other.
type params struct {
	arch    string
	layers  int
	width   int
	ffn     int
	heads   int // query heads
	kvHeads int // divides heads
	headDim int // of queries, keys and values alike
	context int // positions it was trained for
	vocab   int // set from the embedding's shape

	eps        float32
	rotation   tensor.Rotation
	rotated    int     // elements of a head that rotate
	ropeBase   float64 // of global layers
	ropeLocal  float64 // of layers with a window
	stretch    float64 // linear context extension of global layers
	window     int     // positions a local layer sees, 0 without such layers
	pattern    int     // every pattern-th layer is global
	attnScale  float32
	embedScale float32
	logitCap   float32 // 0 for none
	gelu       bool
	sandwich   bool // norms after attention and feed-forward, and of queries and keys
}

// local reports whether layer i sees a window only.
func (p *params) local(i int) bool { return p.window > 0 && (i+1)%p.pattern != 0 }

// architectures are the families of models that run here.
var architectures = []string{"gemma3", "llama"}

// reader reads the keys of one architecture and keeps the first error.
type reader struct {
	meta *gguf.Metadata
	arch string
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// size reads a number from 1 to limit; absent takes the place of a missing key,
// and 0 there means that the key is required.
func (r *reader) size(name string, limit, absent int) int {
	key := r.arch + "." + name
	n, ok, err := r.meta.Uint32(key, uint32(limit))
	switch {
	case err != nil:
		r.fail("%w", err)
	case !ok && absent == 0:
		r.fail("key %s is missing", key)
	case !ok:
		return absent
	case n == 0:
		r.fail("key %s must be at least 1, but is 0", key)
	}
	return max(n, 1)
}

// real reads a positive number up to limit, or absent.
func (r *reader) real(name string, limit, absent float64) float64 {
	key := r.arch + "." + name
	v, ok, err := r.meta.Float(key)
	switch {
	case err != nil:
		r.fail("%w", err)
	case !ok && absent == 0:
		r.fail("key %s is missing", key)
	case !ok:
		return absent
	case !(v > 0 && v <= limit):
		r.fail("key %s must be above 0 and at most %g, but is %g", key, limit, v)
	}
	return v
}

func readParams(meta *gguf.Metadata) (params, error) {
	arch, ok, err := meta.String("general.architecture")
	if err != nil {
		return params{}, err
	}
	if !ok {
		return params{}, fmt.Errorf("key general.architecture is missing")
	}
	r := &reader{meta: meta, arch: arch}
	var p params
	switch arch {
	case "llama":
		p = r.common()
		p.rotation, p.embedScale = tensor.Interleaved, 1
	case "gemma3":
		p = r.common()
		r.gemma3(&p)
	default:
		return p, fmt.Errorf("architecture %q is not supported; supported are %s", arch, strings.Join(architectures, " and "))
	}
	r.consistent(&p)
	return p, r.err
}

func (r *reader) common() params {
	p := params{
		arch:    r.arch,
		layers:  r.size("block_count", maxLayers, 0),
		width:   r.size("embedding_length", maxWidth, 0),
		ffn:     r.size("feed_forward_length", maxFFN, 0),
		heads:   r.size("attention.head_count", maxHeads, 0),
		context: r.size("context_length", maxTrained, 0),
		eps:     float32(r.real("attention.layer_norm_rms_epsilon", 1, 0)),
		pattern: 1,
	}
	p.kvHeads = r.size("attention.head_count_kv", maxHeads, p.heads)
	p.headDim = r.size("attention.key_length", maxHeadDim, max(1, p.width/p.heads))
	if v := r.size("attention.value_length", maxHeadDim, p.headDim); v != p.headDim {
		r.fail("values of %d elements and keys of %d: only equal lengths are supported", v, p.headDim)
	}
	p.rotated = r.size("rope.dimension_count", maxHeadDim, p.headDim)
	p.ropeBase = r.real("rope.freq_base", 1e12, 10000)
	p.ropeLocal = p.ropeBase
	p.stretch = r.stretch()
	p.attnScale = float32(1 / math.Sqrt(float64(p.headDim)))
	if r.arch == "llama" {
		if n := r.size("expert_count", 1<<16, 1); n > 1 {
			r.fail("mixtures of experts are not supported, and this is one of %d", n)
		}
	}
	return p
}

// stretch reads the linear extension of the context.
func (r *reader) stretch() float64 {
	key := r.arch + ".rope.scaling.type"
	kind, ok, err := r.meta.String(key)
	if err != nil {
		r.fail("%w", err)
	}
	switch {
	case ok && kind == "none":
		return 1
	case ok && kind != "linear":
		r.fail("key %s must be none or linear, but is %q", key, kind)
	}
	return r.real("rope.scaling.factor", 1e6, r.real("rope.scale_linear", 1e6, 1))
}

func (r *reader) gemma3(p *params) {
	p.rotation, p.gelu, p.sandwich = tensor.HalfSplit, true, true
	p.ropeBase = r.real("rope.freq_base", 1e12, 1e6)
	p.ropeLocal = r.real("rope.freq_base_swa", 1e12, 10000)
	p.window = r.size("attention.sliding_window", maxTrained, 0)
	p.pattern = r.size("attention.sliding_window_pattern", maxLayers, 6)
	p.embedScale = float32(math.Sqrt(float64(p.width)))
	const largest = 62 // layers of the 27B model, which alone scales by width per head
	if p.layers == largest {
		p.attnScale = float32(1 / math.Sqrt(float64(p.width)/float64(p.heads)))
	}
	if _, ok := r.meta.Lookup(r.arch + ".final_logit_softcapping"); ok {
		p.logitCap = float32(r.real("final_logit_softcapping", 1e6, 0))
	}
}

func (r *reader) consistent(p *params) {
	switch {
	case p.heads%p.kvHeads != 0:
		r.fail("%d query heads cannot share %d key-value heads evenly", p.heads, p.kvHeads)
	case p.headDim%2 != 0:
		r.fail("heads must have an even number of elements to rotate, but have %d", p.headDim)
	case p.rotated > p.headDim || p.rotated%2 != 0:
		r.fail("%d elements of each head rotate, but must be even and at most the head's %d", p.rotated, p.headDim)
	}
}
