// Package engine runs decoder-only transformers from GGUF files on the CPU.
//
// It is the target that is always there, the truth the lab calibrates its
// clients against, and the body in which kernels and formats are tried. So it
// is strict where a serving engine is lenient: a tensor it would have to ignore,
// a hyper-parameter that disagrees with a shape, a context that does not fit are
// errors, because a model that runs a little wrong is measured very wrong.
//
// Weights are used where the mapped file has them and are shared by all
// sessions of a model. Sessions may generate at the same time: they take turns
// after every forward pass (one token, or one batch of a prompt), so two of them
// decode at half the speed each. There is no batching across sessions.
package engine

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"chimera/internal/fault"
	"chimera/internal/gguf"
	"chimera/internal/quant"
	"chimera/internal/tensor"
	"chimera/internal/tokenizer"
)

// Options of an open model. The zero value asks for the defaults.
type Options struct {
	Threads  int             // 1 to 256; 0: one per CPU
	Context  int             // positions per session, at most what the model was trained for; 0: that, up to 4096
	Batch    int             // prompt tokens per forward pass, 1 to 4096; 0: 256
	Numerics tensor.Numerics // Exact: float32 activations. Fast: 8-bit activations, as llama.cpp
	KVType   string          // "f32", "f16" or "q8_0"; "": f32 with Exact, f16 with Fast
}

const (
	defaultContext = 4096
	defaultBatch   = 256
	maxBatch       = 4096
	maxThreads     = 256
)

// A Model is an open model. Its methods are safe for concurrent use.
type Model struct {
	file    *gguf.File
	options Options // all set
	kvType  quant.Type
	params  params
	weights weights
	tok     *tokenizer.Tokenizer
	loading time.Duration

	constraints constraints

	mu struct {
		sync.Mutex // held for one forward pass
		pool       *tensor.Pool
		pass       *pass
		closed     bool
	}
}

// Open loads the model at path. It returns when the weights are in memory, so
// that the first request pays for nothing but itself; LoadTime says how long it
// took. Errors carry fault.Usage: the file or an option is wrong.
func Open(path string, opt Options) (*Model, error) {
	start := time.Now()
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	m, err := load(f, opt)
	if err != nil {
		f.Close()
		return nil, fault.With(fmt.Errorf("load %s: %w", path, err), fault.Usage, "`chimera model inspect` shows what the file holds")
	}
	touch(f)
	m.loading = time.Since(start)
	return m, nil
}

func load(f *gguf.File, opt Options) (*Model, error) {
	m := &Model{file: f, options: opt}
	var err error
	if m.params, err = readParams(&f.Metadata); err != nil {
		return nil, err
	}
	vocab, err := Vocabulary(f)
	if err != nil {
		return nil, err
	}
	if m.tok, err = tokenizer.New(vocab); err != nil {
		return nil, err
	}
	if m.weights, err = readWeights(f, &m.params); err != nil {
		return nil, err
	}
	if m.params.vocab != m.tok.Size() {
		return nil, fmt.Errorf("token_embd.weight has %d rows, but the vocabulary has %d tokens", m.params.vocab, m.tok.Size())
	}
	if err := m.setOptions(); err != nil {
		return nil, err
	}
	m.mu.pool = tensor.NewPool(m.options.Threads)
	m.mu.pass = newPass(m)
	return m, nil
}

func (m *Model) setOptions() error {
	o := &m.options
	if o.Threads == 0 {
		o.Threads = min(runtime.NumCPU(), maxThreads)
	}
	if o.Batch == 0 {
		o.Batch = defaultBatch
	}
	if o.Context == 0 {
		o.Context = min(m.params.context, defaultContext)
	}
	if o.KVType == "" {
		o.KVType = map[tensor.Numerics]string{tensor.Exact: "f32", tensor.Fast: "f16"}[o.Numerics]
	}
	o.Batch = min(o.Batch, o.Context)
	switch {
	case o.Threads < 1 || o.Threads > maxThreads:
		return fmt.Errorf("threads must be 1 to %d, but are %d", maxThreads, o.Threads)
	case o.Batch < 1 || o.Batch > maxBatch:
		return fmt.Errorf("the batch must be 1 to %d tokens, but is %d", maxBatch, o.Batch)
	case o.Context < 1 || o.Context > m.params.context:
		return fmt.Errorf("the context must be 1 to %d tokens, which is what the model was trained for, but is %d", m.params.context, o.Context)
	case o.Numerics != tensor.Exact && o.Numerics != tensor.Fast:
		return fmt.Errorf("unknown numerics %d", o.Numerics)
	}
	var known bool
	m.kvType, known = map[string]quant.Type{"f32": quant.F32, "f16": quant.F16, "q8_0": quant.Q8_0}[o.KVType]
	if !known {
		return fmt.Errorf("the KV type must be f32, f16 or q8_0, but is %q", o.KVType)
	}
	if n := m.kvType.BlockElems(); m.params.headDim%n != 0 {
		return fmt.Errorf("a KV cache of %s needs heads of a multiple of %d elements, but they have %d", o.KVType, n, m.params.headDim)
	}
	_, err := m.cacheBytes()
	return err
}

// touch reads one byte per page of the weights: a mapping alone loads nothing.
func touch(f *gguf.File) {
	var sum byte
	for _, t := range f.Tensors {
		for i := 0; i < len(t.Data); i += 4096 {
			sum ^= t.Data[i]
		}
	}
	runtime.KeepAlive(sum) // or the reads could be left out
}

// Close frees the model. Sessions of a closed model return errors. Idempotent.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.mu.closed {
		return nil
	}
	m.mu.closed = true
	m.mu.pool.Close()
	return m.file.Close()
}

// Tokenizer is the model's own; it outlives the model.
func (m *Model) Tokenizer() *tokenizer.Tokenizer { return m.tok }

// Options are those in effect, with no defaults left open.
func (m *Model) Options() Options { return m.options }

// LoadTime is how long Open took.
func (m *Model) LoadTime() time.Duration { return m.loading }

// Digest is the SHA-256 of the model file in hexadecimal. The first call reads
// the whole file. It must not be called after Close.
func (m *Model) Digest() string { return m.file.Digest() }
