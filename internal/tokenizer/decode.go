package tokenizer

import (
	"unicode/utf8"
)

// AppendPiece appends the bytes that id stands for: possibly part of a rune,
// nothing for control tokens unless special is set, nothing for ids outside the
// vocabulary.
func (t *Tokenizer) AppendPiece(dst []byte, id int32, special bool) []byte {
	if id < 0 || int(id) >= len(t.vocab.Tokens) {
		return dst
	}
	if typ := t.typeOf(id); typ == Control || typ == Unknown {
		if special {
			dst = append(dst, t.vocab.Tokens[id]...)
		}
		return dst
	}
	if t.vocab.Kind == ByteLevelBPE {
		return t.bpeBytes(dst, id)
	}
	return t.sentencePieceBytes(dst, id)
}

// Decode returns the text of ids as valid UTF-8. The space that AddSpacePrefix
// put before the text is taken off again.
func (t *Tokenizer) Decode(ids []int32, special bool) string {
	d := t.NewDecoder(special)
	d.stripSpace = t.vocab.Kind == SentencePiece && t.vocab.AddSpacePrefix
	var out []byte
	for _, id := range ids {
		out = append(out, d.Push(id)...)
	}
	return string(append(out, d.Flush()...))
}

// A Decoder turns ids into text as they come. It holds back an unfinished rune,
// so every piece is valid UTF-8; bytes that can never become a rune come out as
// U+FFFD. It keeps a leading space: a continuation has one. Not safe for
// concurrent use.
type Decoder struct {
	t          *Tokenizer
	special    bool
	stripSpace bool
	held       []byte
}

// NewDecoder starts the decoding of one sequence; special shows control tokens.
func (t *Tokenizer) NewDecoder(special bool) *Decoder {
	return &Decoder{t: t, special: special}
}

// Push adds one id and returns the text that is complete now, often "".
func (d *Decoder) Push(id int32) string {
	n := len(d.held)
	d.held = d.t.AppendPiece(d.held, id, d.special)
	if d.stripSpace && len(d.held) > n {
		d.stripSpace = false
		if d.held[0] == ' ' {
			d.held = d.held[1:]
		}
	}
	cut := completeRunes(d.held)
	text := validText(d.held[:cut])
	d.held = append(d.held[:0], d.held[cut:]...)
	return text
}

// Flush returns what is held back, as U+FFFD, and ends the sequence.
func (d *Decoder) Flush() string {
	text := validText(d.held)
	d.held = d.held[:0]
	return text
}

// completeRunes returns the length of b without an unfinished rune at its end.
func completeRunes(b []byte) int {
	for i := len(b) - 1; i >= 0 && i > len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if utf8.FullRune(b[i:]) {
				return len(b)
			}
			return i
		}
	}
	return len(b)
}

// validText replaces each byte that is not part of a rune by U+FFFD.
func validText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out := make([]byte, 0, len(b)+8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		out = utf8.AppendRune(out, r)
		b = b[n:]
	}
	return string(out)
}
