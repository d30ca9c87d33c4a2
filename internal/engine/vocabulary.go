package engine

import (
	"fmt"
	"math"

	"chimera/internal/gguf"
	"chimera/internal/tokenizer"
)

// Vocabulary reads the tokenizer of a model file.
func Vocabulary(f *gguf.File) (tokenizer.Vocabulary, error) {
	v, err := readVocabulary(&f.Metadata)
	if err != nil {
		return v, fmt.Errorf("vocabulary: %w", err)
	}
	return v, nil
}

func readVocabulary(m *gguf.Metadata) (v tokenizer.Vocabulary, err error) {
	kind, ok, err := m.String("tokenizer.ggml.model")
	if err != nil {
		return v, err
	}
	if !ok {
		return v, fmt.Errorf("key tokenizer.ggml.model is missing")
	}
	if v.Tokens, ok, err = m.Strings("tokenizer.ggml.tokens"); err != nil || !ok {
		return v, missing(err, "tokenizer.ggml.tokens")
	}
	types, ok, err := m.Ints("tokenizer.ggml.token_type")
	if err != nil {
		return v, err
	}
	if ok {
		v.Types = make([]tokenizer.TokenType, len(types))
		for i, t := range types {
			v.Types[i] = tokenizer.TokenType(t)
		}
	}
	switch kind {
	case "llama":
		err = readSentencePiece(m, &v)
	case "gpt2":
		err = readByteLevelBPE(m, &v)
	default:
		err = fmt.Errorf("tokenizer %q is not supported; supported are llama and gpt2", kind)
	}
	if err != nil {
		return v, err
	}
	return v, readSpecials(m, &v)
}

func missing(err error, key string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("key %s is missing", key)
}

// readSentencePiece sets llama.cpp's defaults: BOS and a space in front.
func readSentencePiece(m *gguf.Metadata, v *tokenizer.Vocabulary) error {
	v.Kind = tokenizer.SentencePiece
	v.AddBOS, v.AddSpacePrefix = true, true
	var ok bool
	var err error
	if v.Scores, ok, err = m.Floats("tokenizer.ggml.scores"); err != nil || !ok {
		return missing(err, "tokenizer.ggml.scores")
	}
	return nil
}

func readByteLevelBPE(m *gguf.Metadata, v *tokenizer.Vocabulary) error {
	v.Kind = tokenizer.ByteLevelBPE
	var ok bool
	var err error
	if v.Merges, ok, err = m.Strings("tokenizer.ggml.merges"); err != nil || !ok {
		return missing(err, "tokenizer.ggml.merges")
	}
	if v.Pre, ok, err = m.String("tokenizer.ggml.pre"); err != nil || !ok {
		return missing(err, "tokenizer.ggml.pre")
	}
	return nil
}

func readSpecials(m *gguf.Metadata, v *tokenizer.Vocabulary) error {
	// Files of the "llama" kind name 1 and 2 by default, as SentencePiece does.
	bos, eos, unk := tokenizer.None, tokenizer.None, tokenizer.None
	if v.Kind == tokenizer.SentencePiece && len(v.Tokens) > 2 {
		bos, eos, unk = 1, 2, 0
	}
	for _, s := range []struct {
		key    string
		dst    *int32
		absent int32
	}{
		{"bos_token_id", &v.BOS, bos}, {"eos_token_id", &v.EOS, eos},
		{"eot_token_id", &v.EOT, tokenizer.None}, {"unknown_token_id", &v.UNK, unk},
	} {
		id, ok, err := m.Uint32("tokenizer.ggml."+s.key, math.MaxInt32)
		if err != nil {
			return err
		}
		if *s.dst = int32(id); !ok {
			*s.dst = s.absent
		}
	}
	for _, s := range []struct {
		key string
		dst *bool
	}{
		{"add_bos_token", &v.AddBOS}, {"add_eos_token", &v.AddEOS}, {"add_space_prefix", &v.AddSpacePrefix},
	} {
		b, ok, err := m.Bool("tokenizer.ggml." + s.key)
		if err != nil {
			return err
		}
		if ok {
			*s.dst = b
		}
	}
	return nil
}
