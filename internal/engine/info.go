package engine

import (
	"fmt"

	"chimera/internal/gguf"
	"chimera/internal/quant"
)

// Info describes a model.
type Info struct {
	Name         string // as the file calls itself, "" if it does not
	Architecture string
	Layers       int
	Width        int // of the residual stream
	Heads        int
	KVHeads      int
	HeadDim      int
	FFN          int
	Vocabulary   int
	Context      int   // positions it was trained for
	Parameters   int64 // weights of all tensors
	Quantization string
	TiedHead     bool // the output head is the embedding
	FileBytes    int64
	WeightBytes  int64 // all tensors; a decode step reads these less an untied embedding
	CacheBytes   int64 // KV cache of one session with the options in effect
	Synthetic    bool  // weights are random: speed is real, text is noise
	ChatTemplate bool  // the file holds one
	BOS, EOS     int32 // tokenizer.None where absent
}

// SyntheticKey marks files whose weights are random.
const SyntheticKey = "general.chimera.synthetic"

// fileTypes are llama.cpp's names for general.file_type.
var fileTypes = map[uint64]string{0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1",
	10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M",
	18: "Q6_K", 32: "BF16"}

// Info describes the model.
func (m *Model) Info() Info {
	p, meta := &m.params, &m.file.Metadata
	out := Info{
		Architecture: p.arch, Layers: p.layers, Width: p.width, Heads: p.heads, KVHeads: p.kvHeads,
		HeadDim: p.headDim, FFN: p.ffn, Vocabulary: p.vocab, Context: p.context,
		TiedHead: m.weights.tied, FileBytes: m.file.Size(), Quantization: Quantization(m.file),
	}
	for _, t := range m.file.Tensors {
		out.Parameters += int64(t.Elems())
		out.WeightBytes += int64(len(t.Data))
	}
	// Keys of another type were not what their names promise: they count as absent.
	out.Name, _, _ = meta.String("general.name")
	out.Synthetic, _, _ = meta.Bool(SyntheticKey)
	_, out.ChatTemplate, _ = meta.String("tokenizer.chat_template")
	out.BOS, _ = m.tok.BOS()
	out.EOS, _ = m.tok.EOS()
	out.CacheBytes, _ = m.cacheBytes() // Open has checked it
	return out
}

// Quantization is the label of a model file, or the type that holds most of its
// weights.
func Quantization(f *gguf.File) string {
	id, ok, err := f.Metadata.Uint("general.file_type")
	if label := fileTypes[id]; ok && err == nil && label != "" {
		return label
	}
	count := map[quant.Type]int{}
	best := quant.F32
	for _, t := range f.Tensors {
		count[t.Type] += t.Elems()
		if count[t.Type] > count[best] {
			best = t.Type
		}
	}
	return fmt.Sprintf("mostly %v", best)
}
