package tokenizer

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// spaceMark stands for a space inside SentencePiece tokens. A text that holds
// the mark itself decodes to a space: the format cannot tell them apart.
const spaceMark = "\u2581"

func (t *Tokenizer) prepareSentencePiece() {
	for b := range t.byteID {
		t.byteID[b] = None
		if id, ok := t.ids[fmt.Sprintf("<0x%02X>", b)]; ok {
			t.byteID[b] = id
		}
	}
}

func (t *Tokenizer) encodeSentencePiece(out []int32, text string) []int32 {
	// Symbols index the text with 32 bits; longer texts are merged in halves.
	if len(text) > math.MaxInt32/2 {
		cut := runeStart(text, len(text)/2)
		return t.encodeSentencePiece(t.encodeSentencePiece(out, text[:cut]), text[cut:])
	}
	m := merger{symbols: make([]symbol, 0, len(text)), pair: func(l, r *symbol) (float64, int32, bool) {
		size := int(l.size + r.size)
		if size > t.longest {
			return 0, None, false
		}
		id, ok := t.ids[text[l.start:int(l.start)+size]]
		if !ok {
			return 0, None, false
		}
		return -float64(t.vocab.Scores[id]), id, true
	}}
	for i := 0; i < len(text); {
		_, n := utf8.DecodeRuneInString(text[i:])
		id, ok := t.ids[text[i:i+n]]
		if !ok {
			id = None
		}
		m.add(i, n, id)
		i += n
	}
	m.run()
	for i := int32(0); i >= 0 && len(m.symbols) > 0; i = m.symbols[i].next {
		s := m.symbols[i]
		if s.id != None {
			out = append(out, s.id)
			continue
		}
		piece := text[s.start : s.start+s.size]
		if piece == spaceMark {
			piece = " " // a vocabulary without the mark still has the byte
		}
		for _, b := range []byte(piece) {
			out = t.appendByte(out, b)
		}
	}
	return out
}

// appendByte adds the token of b, or one unknown token for a stretch without.
func (t *Tokenizer) appendByte(out []int32, b byte) []int32 {
	if id := t.byteID[b]; id != None {
		return append(out, id)
	}
	return append(out, t.vocab.UNK)
}

// runeStart moves i back to the start of a rune.
func runeStart(s string, i int) int {
	for j := i; j > max(0, i-utf8.UTFMax); j-- {
		if utf8.RuneStart(s[j]) {
			return j
		}
	}
	return i
}

// sentencePieceBytes appends what a SentencePiece token stands for.
func (t *Tokenizer) sentencePieceBytes(dst []byte, id int32) []byte {
	text := t.vocab.Tokens[id]
	switch t.typeOf(id) {
	case UserDefined:
		return append(dst, text...)
	case Byte:
		if b, ok := byteOf(text); ok {
			return append(dst, b)
		}
	}
	return append(dst, strings.ReplaceAll(text, spaceMark, " ")...)
}

// byteOf reads the text of a byte token, "<0x41>".
func byteOf(text string) (byte, bool) {
	if len(text) != 6 || text[:3] != "<0x" || text[5] != '>' {
		return 0, false
	}
	hi, lo := hexDigit(text[3]), hexDigit(text[4])
	return byte(hi<<4 | lo), hi >= 0 && lo >= 0
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
