package engine

import "chimera/internal/gguf"

// LoadBytes opens a model from memory, without touching its weights.
func LoadBytes(b []byte) (*Model, error) {
	f, err := gguf.Parse("fuzz.gguf", b)
	if err != nil {
		return nil, err
	}
	return load(f, Options{Threads: 1, Context: 8, Batch: 4})
}

// Restrict excludes the tokens that are not in bits.
var Restrict = restrict
