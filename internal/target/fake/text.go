package fake

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"unicode/utf8"

	"chimera/internal/grammar"
	"chimera/internal/target"
)

// A Question is what a scripted answer may depend on.
type Question struct {
	Model, Prompt string
	Config        map[string]any // must not be changed
	Constraint    target.Constraint
	Visit         int // how often the same prompt came before
}

// said is the text of an answer, before anyone knows when it comes.
type said struct {
	tokens    []string // each of whole runes
	reasoning int      // how many of the first ones are
	finish    string
}

// compose decides what the answer to q says: what the profile's script has for
// it, else a text that follows the constraint, else words.
func (s *Simulator) compose(q ask, m *Model, visit int) (said, error) {
	if s.profile.Answer != nil {
		if text, ok := s.profile.Answer(Question{q.model, q.prompt, q.config, q.follow, visit}); ok {
			return within(q.budget, split(text)), nil
		}
	}
	rng := s.source(q)
	if q.follow.Free() {
		return s.words(q, m, rng), nil
	}
	text, err := write(q.follow, 2*q.budget, rng) // a token holds 2.5 bytes or more of a long text
	return within(q.budget, split(text)), err
}

// source draws what is said: greedy decoding depends on the prompt alone,
// sampling on the seed too.
func (s *Simulator) source(q ask) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s", q.model, q.prompt)
	if t, ok := q.config["temperature"].(float64); ok && t > 0 {
		fmt.Fprintf(h, "\x00%d", q.seed)
	}
	return rand.New(rand.NewPCG(h.Sum64(), 2))
}

var vocabulary = []string{" the", " a", " machine", " answers", " quickly", " für", " alle", " tokens", " 日本", " and",
	" waits", " naïve", " until", " its", " clock", " says", " so", " again", " 🦜", " done"}

func (s *Simulator) words(q ask, m *Model, rng *rand.Rand) said {
	n, out := q.budget, said{reasoning: m.Reasoning, finish: "length"}
	if m.Tokens > 0 && !q.fixed && m.Tokens <= q.budget {
		n, out.finish = m.Tokens, "stop"
	}
	for range n {
		out.tokens = append(out.tokens, vocabulary[rng.IntN(len(vocabulary))])
	}
	return out
}

// within ends an answer at its budget.
func within(budget int, tokens []string) said {
	if len(tokens) > budget {
		return said{tokens: tokens[:budget], finish: "length"}
	}
	return said{tokens: tokens, finish: "stop"}
}

// split cuts a text into tokens of up to 4 bytes, between runes.
func split(text string) []string {
	var tokens []string
	for len(text) > 0 {
		end := 0
		for end < len(text) {
			_, n := utf8.DecodeRuneInString(text[end:])
			if end > 0 && end+n > 4 {
				break
			}
			end += n
		}
		tokens, text = append(tokens, text[:end]), text[end:]
	}
	return tokens
}

// endOfText is the token after those of the 256 bytes.
const endOfText = 256

// bytewise is the vocabulary of a model that writes byte by byte.
var bytewise = sync.OnceValues(func() (*grammar.Vocabulary, error) {
	piece := func(dst []byte, id int32) []byte { return append(dst, byte(id)) }
	return grammar.NewVocabulary(endOfText+1, piece, []int32{endOfText})
})

// write lets a model without an opinion write a text of at most so many bytes:
// of the bytes that may come next, any. It makes few more than it must.
func write(c target.Constraint, most int, rng *rand.Rand) (string, error) {
	g, err := c.Grammar()
	if err != nil {
		return "", err
	}
	v, err := bytewise()
	if err != nil {
		return "", err
	}
	a, err := grammar.Bind(g, v)
	if err != nil {
		return "", err
	}
	left := min(most+1, a.Shortest()*3/2+32)
	var text []byte
	for cursor := a.Start(); ; left-- {
		mask, err := cursor.Mask(left)
		if err != nil {
			return "", err
		}
		id := choose(mask, rng)
		if err := cursor.Advance(id); err != nil {
			return "", err
		}
		if id == endOfText {
			return string(text), nil
		}
		text = append(text, byte(id))
	}
}

func choose(mask *grammar.Mask, rng *rand.Rand) int32 {
	var allowed []int32
	for id := range int32(endOfText + 1) {
		if mask.Has(id) {
			allowed = append(allowed, id)
		}
	}
	return allowed[rng.IntN(len(allowed))]
}
