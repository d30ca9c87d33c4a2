// Package tokenizer turns text into token ids and back.
//
// Two algorithms cover the models that matter on a single machine: SentencePiece
// as llama.cpp runs it (merge the best-scored pair, fall back to bytes) and the
// byte-level BPE of GPT-2 and its heirs (split by a pattern, merge by rank). Both
// are built from a plain [Vocabulary], so the package knows nothing about files,
// and both are exact: a token id that differs from the reference makes every
// count, cost and log-probability after it a different experiment.
//
// Text that looks like a control token ("<eos>") is text unless the caller says
// otherwise: a prompt must not be able to end itself.
package tokenizer

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Kind is the algorithm of a vocabulary.
type Kind int

const (
	SentencePiece Kind = iota // score-driven merges of characters, byte fallback ("llama" in GGUF)
	ByteLevelBPE              // rank-driven merges of bytes after a split by pattern ("gpt2" in GGUF)
)

// TokenType is the role of a token; the numbers are those of
// tokenizer.ggml.token_type in GGUF.
type TokenType int32

const (
	Normal      TokenType = 1
	Unknown     TokenType = 2
	Control     TokenType = 3
	UserDefined TokenType = 4
	Unused      TokenType = 5
	Byte        TokenType = 6
)

// None is the id of a special token that a vocabulary does not have.
const None int32 = -1

// Vocabulary is all that a tokenizer is built from. Token ids are indices of
// Tokens. New keeps the slices; the caller must not change them afterwards.
type Vocabulary struct {
	Kind   Kind
	Tokens []string
	Scores []float32   // SentencePiece: one per token, larger merges first
	Types  []TokenType // one per token; nil means all Normal
	Merges []string    // ByteLevelBPE: "left right", best first
	Pre    string      // ByteLevelBPE: name of the split pattern, see PreTokenizers

	BOS, EOS, EOT, UNK int32 // None where absent

	AddBOS, AddEOS bool // what Options.AddSpecial adds
	AddSpacePrefix bool // SentencePiece: text begins with a space that is not there
}

// Options of one encoding.
type Options struct {
	AddSpecial   bool // add BOS and EOS as the vocabulary asks
	ParseSpecial bool // read control tokens written in the text as such
}

// A Tokenizer is immutable and safe for concurrent use.
type Tokenizer struct {
	vocab    Vocabulary
	ids      map[string]int32 // the last of equal texts wins, as in llama.cpp
	longest  int              // bytes of the longest token
	byteID   [256]int32       // token of one byte, None where absent
	bigrams  map[uint64]merge // ByteLevelBPE
	split    splitter         // ByteLevelBPE
	wholes   bool             // ByteLevelBPE: a word that is a token is not merged
	matchers []matcher        // tokens found in raw text, longest first
	ends     map[int32]bool   // tokens that end a generation
}

// New checks v and builds its tokenizer. It refuses a vocabulary that cannot
// encode every text: one without byte tokens and without an unknown token.
func New(v Vocabulary) (*Tokenizer, error) {
	if err := v.check(); err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	t := &Tokenizer{vocab: v, ids: make(map[string]int32, len(v.Tokens))}
	for id, text := range v.Tokens {
		t.ids[text] = int32(id)
		t.longest = max(t.longest, len(text))
	}
	var err error
	switch v.Kind {
	case SentencePiece:
		t.prepareSentencePiece()
	case ByteLevelBPE:
		err = t.prepareBPE()
	}
	if err == nil {
		err = t.checkCoverage()
	}
	if err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	t.prepareMatchers()
	t.prepareEnds()
	return t, nil
}

func (v *Vocabulary) check() error {
	n := len(v.Tokens)
	if n == 0 {
		return fmt.Errorf("it has no tokens")
	}
	if n > math.MaxInt32 {
		return fmt.Errorf("%d tokens, and an id has 31 bits", n)
	}
	if v.Types != nil && len(v.Types) != n {
		return fmt.Errorf("%d token types for %d tokens", len(v.Types), n)
	}
	for _, s := range []struct {
		name string
		id   int32
	}{{"BOS", v.BOS}, {"EOS", v.EOS}, {"EOT", v.EOT}, {"unknown", v.UNK}} {
		if s.id < None || int(s.id) >= n {
			return fmt.Errorf("the %s token is %d, and ids end at %d", s.name, s.id, n-1)
		}
	}
	if v.AddBOS && v.BOS == None {
		return fmt.Errorf("it asks for a BOS token at the start of a text and has none")
	}
	if v.AddEOS && v.EOS == None {
		return fmt.Errorf("it asks for an EOS token at the end of a text and has none")
	}
	switch v.Kind {
	case ByteLevelBPE:
		return nil
	case SentencePiece:
		return v.checkScores()
	}
	return fmt.Errorf("unknown kind %d", v.Kind)
}

func (v *Vocabulary) checkScores() error {
	if len(v.Scores) != len(v.Tokens) {
		return fmt.Errorf("%d scores for %d tokens", len(v.Scores), len(v.Tokens))
	}
	for id, s := range v.Scores {
		if s != s {
			return fmt.Errorf("the score of token %d %q is not a number", id, v.Tokens[id])
		}
	}
	return nil
}

func (t *Tokenizer) checkCoverage() error {
	if t.vocab.UNK != None {
		return nil
	}
	for b, id := range t.byteID {
		if id == None {
			return fmt.Errorf("byte 0x%02X has no token and there is no unknown token: such text could not be encoded", b)
		}
	}
	return nil
}

// endTexts are tokens that end a turn or a text under the names that published
// models give them: many files name only one of theirs in the metadata.
var endTexts = []string{"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<EOT>"}

func (t *Tokenizer) prepareEnds() {
	t.ends = map[int32]bool{}
	for _, id := range []int32{t.vocab.EOS, t.vocab.EOT} {
		if id != None {
			t.ends[id] = true
		}
	}
	for _, text := range endTexts {
		if id, ok := t.ids[text]; ok && (t.typeOf(id) == Control || t.typeOf(id) == UserDefined) {
			t.ends[id] = true
		}
	}
}

// Size is the number of tokens.
func (t *Tokenizer) Size() int { return len(t.vocab.Tokens) }

// BOS returns the token that starts a text, if there is one.
func (t *Tokenizer) BOS() (id int32, ok bool) { return t.vocab.BOS, t.vocab.BOS != None }

// EOS returns the token that ends a text, if there is one.
func (t *Tokenizer) EOS() (id int32, ok bool) { return t.vocab.EOS, t.vocab.EOS != None }

// IsEnd reports whether id ends a generation: EOS, EOT or a token that
// published models use so.
func (t *Tokenizer) IsEnd(id int32) bool { return t.ends[id] }

// Lookup returns the id of the token with exactly this stored text.
func (t *Tokenizer) Lookup(text string) (id int32, ok bool) {
	id, ok = t.ids[text]
	return id, ok
}

func (t *Tokenizer) typeOf(id int32) TokenType {
	if t.vocab.Types == nil {
		return Normal
	}
	return t.vocab.Types[id]
}

// Encode returns the ids of text. Every text can be encoded; bytes that are not
// UTF-8 become byte tokens.
func (t *Tokenizer) Encode(text string, opt Options) []int32 {
	out := make([]int32, 0, len(text)/3+2)
	if opt.AddSpecial && t.vocab.AddBOS {
		out = append(out, t.vocab.BOS)
	}
	afterSpecial := true // the start of the text counts as one
	for _, f := range t.partition(text, opt.ParseSpecial) {
		if f.id != None {
			out = append(out, f.id)
			afterSpecial = true
			continue
		}
		out = t.encodeRaw(out, f.text, afterSpecial)
		afterSpecial = false
	}
	if opt.AddSpecial && t.vocab.AddEOS {
		out = append(out, t.vocab.EOS)
	}
	return out
}

func (t *Tokenizer) encodeRaw(out []int32, text string, first bool) []int32 {
	if t.vocab.Kind == ByteLevelBPE {
		return t.encodeBPE(out, text)
	}
	if first && t.vocab.AddSpacePrefix {
		text = " " + text
	}
	return t.encodeSentencePiece(out, strings.ReplaceAll(text, " ", spaceMark))
}

// Ends lists the tokens that end a generation, in order of their ids.
func (t *Tokenizer) Ends() []int32 { return slices.Sorted(maps.Keys(t.ends)) }
