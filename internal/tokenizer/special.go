package tokenizer

import (
	"slices"
	"strings"
)

// A fragment is a piece of raw text (id None) or one token found in it.
type fragment struct {
	text string
	id   int32
}

// A matcher is a token that is found in raw text before any merging: always if
// the vocabulary defines it for users, only on request if it is a control token.
type matcher struct {
	text    string
	id      int32
	control bool
}

func (t *Tokenizer) prepareMatchers() {
	for id, text := range t.vocab.Tokens {
		typ := t.typeOf(int32(id))
		if text == "" || (typ != UserDefined && typ != Control && typ != Unknown) {
			continue
		}
		t.matchers = append(t.matchers, matcher{text, int32(id), typ != UserDefined})
	}
	// The longest token takes its places first, wherever they are (llama.cpp's order).
	slices.SortStableFunc(t.matchers, func(a, b matcher) int { return len(b.text) - len(a.text) })
}

// partition cuts text at the tokens that matchers find. It takes one pass to
// see which pairs of bytes occur, so that thousands of tokens that cannot match
// cost nothing, and one search for each of the few that can.
func (t *Tokenizer) partition(text string, parseSpecial bool) []fragment {
	if text == "" {
		return nil
	}
	parts := []fragment{{text, None}}
	if len(t.matchers) == 0 {
		return parts
	}
	var seen pairSet
	seen.addAll(text)
	for _, m := range t.matchers {
		if (m.control && !parseSpecial) || !seen.mayContain(m.text) {
			continue
		}
		parts = cut(parts, m)
	}
	return parts
}

// cut replaces every occurrence of m in the raw fragments, from the left.
func cut(parts []fragment, m matcher) []fragment {
	found := func(f fragment) bool { return f.id == None && strings.Contains(f.text, m.text) }
	if !slices.ContainsFunc(parts, found) {
		return parts
	}
	out := make([]fragment, 0, len(parts)+2)
	for _, f := range parts {
		if f.id != None {
			out = append(out, f)
			continue
		}
		for rest := f.text; rest != ""; {
			before, after, ok := strings.Cut(rest, m.text)
			if before != "" {
				out = append(out, fragment{before, None})
			}
			if ok {
				out = append(out, fragment{m.text, m.id})
			}
			rest = after
		}
	}
	return out
}

// A pairSet holds the bytes and the pairs of neighbouring bytes of a text.
type pairSet struct {
	single [4]uint64
	pairs  [1 << 10]uint64
}

func (s *pairSet) addAll(text string) {
	for i := range len(text) {
		s.single[text[i]>>6] |= 1 << (text[i] & 63)
		if i > 0 {
			p := uint(text[i-1])<<8 | uint(text[i])
			s.pairs[p>>6] |= 1 << (p & 63)
		}
	}
}

// mayContain is false only if the text cannot contain token.
func (s *pairSet) mayContain(token string) bool {
	if len(token) == 1 {
		return s.single[token[0]>>6]&(1<<(token[0]&63)) != 0
	}
	for i := 1; i < len(token); i++ {
		p := uint(token[i-1])<<8 | uint(token[i])
		if s.pairs[p>>6]&(1<<(p&63)) == 0 {
			return false
		}
	}
	return true
}
