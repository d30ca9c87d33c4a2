package grammar

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// A runeSet is a list of pairs lo, hi: sorted, apart and not touching once
// normal has seen it. Surrogates are no runes and are left out.
type runeSet []rune

func (s runeSet) normal() runeSet {
	type span struct{ lo, hi rune }
	var spans []span
	for i := 0; i+1 < len(s); i += 2 {
		lo, hi := max(s[i], 0), min(s[i+1], utf8.MaxRune)
		for _, part := range []span{{lo, min(hi, 0xD7FF)}, {max(lo, 0xE000), hi}} {
			if part.lo <= part.hi {
				spans = append(spans, part)
			}
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo - b.lo) })
	var out runeSet
	for _, p := range spans {
		if n := len(out); n > 0 && p.lo <= out[n-1]+1 {
			out[n-1] = max(out[n-1], p.hi)
			continue
		}
		out = append(out, p.lo, p.hi)
	}
	return out
}

// not returns the runes that are not in the normal set s.
func (s runeSet) not() runeSet {
	var out runeSet
	next := rune(0)
	for i := 0; i < len(s); i += 2 {
		if next < s[i] {
			out = append(out, next, s[i]-1)
		}
		next = s[i+1] + 1
	}
	if next <= utf8.MaxRune {
		out = append(out, next, utf8.MaxRune)
	}
	return out.normal()
}

// and returns the runes of both normal sets.
func (s runeSet) and(t runeSet) runeSet {
	return append(append(runeSet{}, s.not()...), t.not()...).normal().not()
}

func (s runeSet) has(r rune) bool {
	for i := 0; i < len(s); i += 2 {
		if s[i] <= r && r <= s[i+1] {
			return true
		}
	}
	return false
}

// runes returns one symbol for any rune of the set in UTF-8.
func (b *builder) runes(s runeSet) symbol {
	s = s.normal()
	key := fmt.Sprint(s)
	if id, ok := b.memo[key]; ok {
		return id
	}
	id := b.choice("", b.encodings(s)...)
	b.memo[key] = id
	return id
}

// encodings returns bodies for the UTF-8 of the runes in s: all single bytes in
// one, and one for each range of equally long sequences.
func (b *builder) encodings(s runeSet) [][]symbol {
	var ascii byteSet
	var bodies [][]symbol
	for i := 0; i < len(s); i += 2 {
		lo, hi := s[i], s[i+1]
		if lo < utf8.RuneSelf {
			ascii.addRange(byte(lo), byte(min(hi, utf8.RuneSelf-1)))
		}
		for _, limit := range [][2]rune{{0x80, 0x7FF}, {0x800, 0xFFFF}, {0x10000, utf8.MaxRune}} {
			if from, to := max(lo, limit[0]), min(hi, limit[1]); from <= to {
				bodies = b.sequences(bodies, nil, utf8.AppendRune(nil, from), utf8.AppendRune(nil, to))
			}
		}
	}
	if ascii != (byteSet{}) {
		bodies = append([][]symbol{{b.set(ascii)}}, bodies...)
	}
	return bodies
}

// sequences adds bodies for all byte strings from lo to hi, which are equally
// long and whose bytes after the first may be anything from 80 to BF.
func (b *builder) sequences(bodies [][]symbol, prefix []symbol, lo, hi []byte) [][]symbol {
	return b.between(bodies, prefix, lo, hi, 0x80, 0xBF)
}

// between adds bodies for the strings from lo to hi in order, which are equally
// long and whose bytes after the first are of least to most.
func (b *builder) between(bodies [][]symbol, prefix []symbol, lo, hi []byte, least, most byte) [][]symbol {
	span := func(from, to byte) []symbol {
		var s byteSet
		s.addRange(from, to)
		return append(slices.Clone(prefix), b.set(s))
	}
	if len(lo) == 1 {
		return append(bodies, span(lo[0], hi[0]))
	}
	lowest, highest := slices.Repeat([]byte{least}, len(lo)-1), slices.Repeat([]byte{most}, len(lo)-1)
	from, to := lo[0], hi[0]
	if from == to {
		return b.between(bodies, span(from, from), lo[1:], hi[1:], least, most)
	}
	if !slices.Equal(lo[1:], lowest) {
		bodies = b.between(bodies, span(from, from), lo[1:], highest, least, most)
		from++
	}
	var tail [][]symbol
	if !slices.Equal(hi[1:], highest) {
		tail = b.between(nil, span(to, to), lowest, hi[1:], least, most)
		to--
	}
	if from <= to {
		bodies = b.between(bodies, span(from, to), lowest, highest, least, most)
	}
	return append(bodies, tail...)
}
