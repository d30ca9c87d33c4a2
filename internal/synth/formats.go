package synth

import (
	"fmt"
	"strings"

	"chimera/internal/quant"
)

// A mixture gives some matrices more bits than the others, as llama-quantize
// does (llama-quant.cpp, llama_tensor_get_type).
type mixture struct {
	base, more quant.Type
	fileType   uint32
}

var mixtures = map[string]mixture{
	"Q4_K_M": {quant.Q4_K, quant.Q6_K, 15},
	"Q5_K_M": {quant.Q5_K, quant.Q6_K, 17},
}

// fileTypes are llama.cpp's numbers of plain formats, general.file_type.
var fileTypes = map[quant.Type]uint32{quant.F32: 0, quant.F16: 1, quant.Q4_0: 2, quant.Q4_1: 3, quant.Q8_0: 7,
	quant.Q5_0: 8, quant.Q5_1: 9, quant.Q4_K: 14, quant.Q5_K: 16, quant.Q6_K: 18, quant.BF16: 32}

// formats returns the mixture that the spec names; of a plain format both parts
// are the same.
func (s *Spec) formats() (mixture, error) {
	if m, ok := mixtures[s.Quantization]; ok {
		return m, nil
	}
	t, err := quant.ParseType(s.Quantization)
	if err != nil {
		return mixture{}, fmt.Errorf("the quantization must be one of %s, but is %q", strings.Join(Quantizations(), ", "), s.Quantization)
	}
	return mixture{t, t, fileTypes[t]}, nil
}

// fit replaces a format of blocks of 256 by llama-quantize's substitute where
// rows are no multiple of 256.
func fit(t quant.Type, cols int) quant.Type {
	if cols%t.BlockElems() == 0 {
		return t
	}
	switch t {
	case quant.Q4_K:
		return quant.Q5_0
	case quant.Q5_K:
		return quant.Q5_1
	}
	return quant.Q8_0
}

// moreBits tells in which layers a mixture is generous: the first and the last
// eighth, and every third between.
func moreBits(layer, layers int) bool {
	eighth := layers / 8
	return layer < eighth || layer >= 7*layers/8 || (layer-eighth)%3 == 2
}
