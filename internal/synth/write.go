package synth

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"

	"chimera/internal/engine"
	"chimera/internal/fault"
	"chimera/internal/gguf"
	"chimera/internal/quant"
)

// Write writes the model that s describes to path, which appears only when it is
// complete.
func Write(path string, s Spec) error {
	w, err := newWriter(s)
	if err != nil {
		return err
	}
	return fault.With(w.WriteFile(path), fault.Runtime, "check the free space and the permissions of the folder")
}

// WriteTo writes the model that s describes to out.
func WriteTo(out io.Writer, s Spec) (int64, error) {
	w, err := newWriter(s)
	if err != nil {
		return 0, err
	}
	return w.WriteTo(out)
}

func newWriter(s Spec) (*gguf.Writer, error) {
	s, err := s.Complete()
	if err != nil {
		return nil, err
	}
	m, err := s.formats()
	if err != nil {
		return nil, err
	}
	b := &builder{spec: s, mix: m, out: gguf.NewWriter(), pools: map[poolKey]*pool{}}
	b.metadata()
	b.tensors()
	if b.err != nil {
		return nil, fmt.Errorf("synthetic model: %w", b.err)
	}
	return b.out, nil
}

// builder collects a file and keeps the first error.
type builder struct {
	spec  Spec
	mix   mixture
	out   *gguf.Writer
	pools map[poolKey]*pool
	count uint64 // tensors so far, each with a generator of its own
	err   error
}

func (b *builder) set(key string, value any) {
	if err := b.out.Set(key, value); b.err == nil {
		b.err = err
	}
}

func (b *builder) metadata() {
	s := &b.spec
	b.set("general.architecture", s.Architecture)
	b.set("general.name", s.Name())
	b.set("general.file_type", b.mix.fileType)
	b.set("general.quantization_version", uint32(2))
	b.set(engine.SyntheticKey, true)
	b.set("general.chimera.seed", s.Seed)
	for _, f := range []struct {
		key   string
		value int
	}{
		{"block_count", s.Layers}, {"context_length", s.Context}, {"embedding_length", s.Width},
		{"feed_forward_length", s.FFN}, {"attention.head_count", s.Heads}, {"attention.head_count_kv", s.KVHeads},
		{"attention.key_length", s.HeadDim}, {"attention.value_length", s.HeadDim}, {"rope.dimension_count", s.HeadDim},
		{"vocab_size", s.Vocabulary},
	} {
		b.set(s.Architecture+"."+f.key, uint32(f.value))
	}
	b.set(s.Architecture+".attention.layer_norm_rms_epsilon", float32(1e-6))
	if s.Architecture == "gemma3" {
		b.set("gemma3.rope.freq_base", float32(1e6))
		b.set("gemma3.attention.sliding_window", uint32(min(512, s.Context)))
	} else {
		b.set("llama.rope.freq_base", float32(5e5))
	}
	b.vocabulary()
}

func (b *builder) vocabulary() {
	v := vocabulary(b.spec.Vocabulary, b.spec.Seed, b.spec.Architecture == "llama")
	types := make([]int32, len(v.Types))
	for i, t := range v.Types {
		types[i] = int32(t)
	}
	b.set("tokenizer.ggml.model", "llama")
	b.set("tokenizer.ggml.tokens", v.Tokens)
	b.set("tokenizer.ggml.scores", v.Scores)
	b.set("tokenizer.ggml.token_type", types)
	b.set("tokenizer.ggml.bos_token_id", uint32(v.BOS))
	b.set("tokenizer.ggml.eos_token_id", uint32(v.EOS))
	b.set("tokenizer.ggml.unknown_token_id", uint32(v.UNK))
	b.set("tokenizer.ggml.add_bos_token", v.AddBOS)
	b.set("tokenizer.ggml.add_eos_token", v.AddEOS)
	b.set("tokenizer.ggml.add_space_prefix", v.AddSpacePrefix)
}

// The standard deviations below keep the stream's size near 1 from layer to
// layer. The embedding is small against what the layers add, so that a tied head
// does not answer with the token it has just read; the last norm spreads the
// logits over some units, so that neither one token nor all are certain.
const (
	embeddingSD = 0.1
	logitSD     = 2.5
	rareFactor  = 1.0 / 32 // of the rows of specials and bytes: noise in words, not in control characters
)

func (b *builder) tensors() {
	s := &b.spec
	tied := s.Architecture == "gemma3"
	fanIn := func(n int) float64 { return 1 / math.Sqrt(float64(n)) }
	embedding := embeddingSD
	lastNorm := float32(logitSD)
	if tied { // Gemma multiplies embeddings by √width
		embedding *= fanIn(s.Width)
		lastNorm /= embeddingSD
	}
	b.matrix("token_embd", b.mix.more, s.Vocabulary, s.Width, embedding, firstPiece)
	b.vector("output_norm", s.Width, lastNorm)
	if !tied {
		b.matrix("output", b.mix.more, s.Vocabulary, s.Width, fanIn(s.Width), firstPiece)
	}
	queries, keys := s.Heads*s.HeadDim, s.KVHeads*s.HeadDim
	for i := range s.Layers {
		name := func(part string) string { return fmt.Sprintf("blk.%d.%s", i, part) }
		generous := b.mix.base
		if moreBits(i, s.Layers) {
			generous = b.mix.more
		}
		b.vector(name("attn_norm"), s.Width, 1)
		b.matrix(name("attn_q"), b.mix.base, queries, s.Width, fanIn(s.Width), 0)
		b.matrix(name("attn_k"), b.mix.base, keys, s.Width, fanIn(s.Width), 0)
		b.matrix(name("attn_v"), generous, keys, s.Width, fanIn(s.Width), 0)
		b.matrix(name("attn_output"), b.mix.base, s.Width, queries, fanIn(queries), 0)
		b.vector(name("ffn_norm"), s.Width, 1)
		b.matrix(name("ffn_gate"), b.mix.base, s.FFN, s.Width, fanIn(s.Width), 0)
		b.matrix(name("ffn_up"), b.mix.base, s.FFN, s.Width, fanIn(s.Width), 0)
		b.matrix(name("ffn_down"), generous, s.Width, s.FFN, fanIn(s.FFN), 0)
		if s.Architecture == "gemma3" {
			b.vector(name("attn_q_norm"), s.HeadDim, 1)
			b.vector(name("attn_k_norm"), s.HeadDim, 1)
			b.vector(name("post_attention_norm"), s.Width, 1)
			b.vector(name("post_ffw_norm"), s.Width, 1)
		}
	}
}

// vector adds a norm: n times value, in F32 as everywhere.
func (b *builder) vector(name string, n int, value float32) {
	data := make([]byte, 4*n)
	for i := range n {
		put32(data[4*i:], value)
	}
	if err := b.out.AddBytes(name+".weight", quant.F32, []int{n}, data); b.err == nil {
		b.err = err
	}
}

// matrix adds rows × cols weights of a standard deviation; that of the first
// rare rows is smaller by rareFactor.
func (b *builder) matrix(name string, t quant.Type, rows, cols int, sd float64, rare int) {
	t = fit(t, cols)
	b.count++
	number := b.count
	if b.err != nil {
		return
	}
	b.err = b.out.Add(name+".weight", t, []int{cols, rows}, func(out io.Writer) error {
		usual, err := b.pool(t, cols, sd)
		if err != nil {
			return err
		}
		small, err := b.pool(t, cols, sd*rareFactor)
		if err != nil {
			return err
		}
		r := rand.NewPCG(b.spec.Seed, number)
		line := make([]byte, 0, cols/usual.elems*usual.bytes)
		for i := range rows {
			from := usual
			if i < rare {
				from = small
			}
			line = from.row(line[:0], r, cols)
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
}
