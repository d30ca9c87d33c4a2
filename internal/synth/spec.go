// Package synth writes model files with random weights: the shape of a real
// model without its gigabytes, its licence or its meaning.
//
// Speed depends on shapes and block formats, never on what the weights say, so a
// synthetic model measures as fast as a trained one of its shape. What it says
// is noise, and the file admits it (engine.SyntheticKey), so that no quality is
// ever read into it. The same spec gives the same bytes on every machine: the
// weights come from integer arithmetic on a seeded generator.
package synth

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/quant"
)

// A Spec says what to write. Zero fields take the value of the named size.
type Spec struct {
	Architecture string // "llama" or "gemma3"
	Size         string // one of Sizes(Architecture); "": "tiny"
	Quantization string // a block format ("Q4_0", "F16") or a mixture ("Q4_K_M", "Q5_K_M"); "": "Q8_0"
	Seed         uint64

	Layers     int // 1 to 512
	Width      int // multiple of 32, to 32768
	Heads      int // query heads, 1 to 256
	KVHeads    int // divides Heads
	HeadDim    int // even, 2 to 1024
	FFN        int // multiple of 32, to 262144
	Vocabulary int // 512 to 1 << 20 tokens
	Context    int // trained positions, 16 to 1 << 24
}

// sizes are shapes by architecture and name. Those named by parameters are the
// published models' own: Llama 3.2 1B, Gemma 3 270M and 1B.
var sizes = map[string]map[string]Spec{
	"llama": {
		"tiny":   {Layers: 6, Width: 256, Heads: 4, KVHeads: 2, HeadDim: 64, FFN: 768, Vocabulary: 2048, Context: 2048},
		"small":  {Layers: 6, Width: 512, Heads: 8, KVHeads: 4, HeadDim: 64, FFN: 1536, Vocabulary: 8192, Context: 4096},
		"medium": {Layers: 12, Width: 768, Heads: 12, KVHeads: 4, HeadDim: 64, FFN: 2048, Vocabulary: 32000, Context: 4096},
		"1b":     {Layers: 16, Width: 2048, Heads: 32, KVHeads: 8, HeadDim: 64, FFN: 8192, Vocabulary: 128256, Context: 131072},
	},
	"gemma3": {
		"tiny":   {Layers: 6, Width: 256, Heads: 4, KVHeads: 1, HeadDim: 64, FFN: 768, Vocabulary: 4096, Context: 2048},
		"small":  {Layers: 6, Width: 512, Heads: 4, KVHeads: 1, HeadDim: 128, FFN: 1536, Vocabulary: 16384, Context: 4096},
		"medium": {Layers: 12, Width: 768, Heads: 4, KVHeads: 1, HeadDim: 192, FFN: 2304, Vocabulary: 65536, Context: 8192},
		"270m":   {Layers: 18, Width: 640, Heads: 4, KVHeads: 1, HeadDim: 256, FFN: 2048, Vocabulary: 262144, Context: 32768},
		"1b":     {Layers: 26, Width: 1152, Heads: 4, KVHeads: 1, HeadDim: 256, FFN: 6912, Vocabulary: 262144, Context: 32768},
	},
}

// Architectures names what can be written, sorted.
func Architectures() []string { return slices.Sorted(maps.Keys(sizes)) }

// Sizes names the shapes of an architecture, smallest first; nil for an unknown one.
func Sizes(architecture string) []string {
	shapes := sizes[architecture]
	weights := func(name string) int {
		s := shapes[name]
		return s.Vocabulary*s.Width + s.Layers*s.Width*(s.FFN*3+s.Heads*s.HeadDim*2)
	}
	return slices.SortedFunc(maps.Keys(shapes), func(a, b string) int { return weights(a) - weights(b) })
}

// Quantizations names the block formats and mixtures that can be written.
func Quantizations() []string {
	var names []string
	for _, t := range quant.All() {
		names = append(names, t.String())
	}
	return append(names, slices.Sorted(maps.Keys(mixtures))...)
}

// Complete fills what is left open and checks the rest. Errors carry fault.Usage.
func (s Spec) Complete() (Spec, error) {
	shapes, ok := sizes[s.Architecture]
	if !ok {
		return s, fault.New(fault.Usage, "synthetic model: the architecture must be %s, but is %q", strings.Join(Architectures(), " or "), s.Architecture)
	}
	if s.Size == "" {
		s.Size = "tiny"
	}
	base, ok := shapes[s.Size]
	if !ok {
		return s, fault.New(fault.Usage, "synthetic model: the size must be one of %s, but is %q", strings.Join(Sizes(s.Architecture), ", "), s.Size)
	}
	if s.HeadDim == 0 && s.Heads != 0 && s.Width != 0 {
		s.HeadDim = s.Width / s.Heads
	}
	if s.KVHeads == 0 && s.Heads != 0 {
		s.KVHeads = s.Heads
	}
	for _, f := range s.fields() {
		if *f.value == 0 {
			*f.value = *f.of(&base)
		}
	}
	if s.Quantization == "" {
		s.Quantization = "Q8_0"
	}
	s.Quantization = strings.ToUpper(s.Quantization)
	if err := s.check(); err != nil {
		return s, fault.With(fmt.Errorf("synthetic model: %w", err), fault.Usage, "")
	}
	return s, nil
}

type field struct {
	name         string
	value        *int
	of           func(*Spec) *int
	lo, hi, step int
}

func (s *Spec) fields() []field {
	var out []field
	add := func(name string, of func(*Spec) *int, lo, hi, step int) {
		out = append(out, field{name, of(s), of, lo, hi, step})
	}
	add("layers", func(s *Spec) *int { return &s.Layers }, 1, 512, 1)
	add("width", func(s *Spec) *int { return &s.Width }, 32, 32768, 32)
	add("heads", func(s *Spec) *int { return &s.Heads }, 1, 256, 1)
	add("key-value heads", func(s *Spec) *int { return &s.KVHeads }, 1, 256, 1)
	add("elements of a head", func(s *Spec) *int { return &s.HeadDim }, 2, 1024, 2)
	add("feed-forward width", func(s *Spec) *int { return &s.FFN }, 32, 262144, 32)
	add("vocabulary", func(s *Spec) *int { return &s.Vocabulary }, minVocabulary, 1<<20, 1)
	add("context", func(s *Spec) *int { return &s.Context }, 16, 1<<24, 1)
	return out
}

func (s *Spec) check() error {
	for _, f := range s.fields() {
		if *f.value < f.lo || *f.value > f.hi || *f.value%f.step != 0 {
			multiple := ""
			if f.step > 1 {
				multiple = fmt.Sprintf("a multiple of %d ", f.step)
			}
			return fmt.Errorf("the %s must be %sfrom %d to %d, but is %d", f.name, multiple, f.lo, f.hi, *f.value)
		}
	}
	if s.Heads%s.KVHeads != 0 {
		return fmt.Errorf("%d query heads cannot share %d key-value heads evenly", s.Heads, s.KVHeads)
	}
	if queries := s.Heads * s.HeadDim; queries%32 != 0 {
		return fmt.Errorf("heads × elements must be a multiple of 32, but is %d", queries)
	}
	if _, err := s.formats(); err != nil {
		return err
	}
	return nil
}

// Name tells synthetic models apart: "synthetic llama tiny Q8_0 seed 1".
func (s Spec) Name() string {
	return fmt.Sprintf("synthetic %s %s %s seed %d", s.Architecture, s.Size, s.Quantization, s.Seed)
}
