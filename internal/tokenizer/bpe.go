package tokenizer

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// A merge is one line of a BPE table: its rank (smaller merges first) and the
// token it makes.
type merge struct {
	rank int32
	id   int32
}

// byteToRune is GPT-2's map of bytes to printable characters: those that print
// stand for themselves, the others follow from U+0100 on (encoder.py, bytes_to_unicode).
var byteToRune, runeToByte = func() (fwd [256]rune, back map[rune]byte) {
	back = make(map[rune]byte, 256)
	next := rune(256)
	for b := range fwd {
		r := rune(b)
		if !(b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE) {
			r = next
			next++
		}
		fwd[b] = r
		back[r] = byte(b)
	}
	return fwd, back
}()

func (t *Tokenizer) prepareBPE() error {
	p, ok := preTokenizers[t.vocab.Pre]
	if !ok {
		return fmt.Errorf("unknown pre-tokenizer %q; known are %s", t.vocab.Pre, strings.Join(PreTokenizers(), ", "))
	}
	t.split, t.wholes = p.split, p.wholes
	for b := range t.byteID {
		t.byteID[b] = None
		if id, ok := t.ids[string(byteToRune[b])]; ok {
			t.byteID[b] = id
		}
	}
	t.bigrams = make(map[uint64]merge, len(t.vocab.Merges))
	for rank, line := range t.vocab.Merges {
		if err := t.addMerge(rank, line); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tokenizer) addMerge(rank int, line string) error {
	// A part may begin with the separator only as the byte-mapped "Ġ", so the
	// first space after the first byte separates.
	i := strings.IndexByte(line[min(1, len(line)):], ' ') + 1
	if i <= 0 || i == len(line)-1 {
		return fmt.Errorf("merge %d %q is not two parts separated by a space", rank, line)
	}
	parts := [3]string{line[:i], line[i+1:], line[:i] + line[i+1:]}
	var ids [3]int32
	for k, p := range parts {
		id, ok := t.ids[p]
		if !ok {
			return fmt.Errorf("merge %d %q: %q is not a token", rank, line, p)
		}
		ids[k] = id
	}
	key := bigram(ids[0], ids[1])
	if _, dup := t.bigrams[key]; !dup {
		t.bigrams[key] = merge{int32(rank), ids[2]}
	}
	return nil
}

func bigram(l, r int32) uint64 { return uint64(uint32(l))<<32 | uint64(uint32(r)) }

func (t *Tokenizer) encodeBPE(out []int32, text string) []int32 {
	m := merger{pair: func(l, r *symbol) (float64, int32, bool) {
		if l.id == None || r.id == None {
			return 0, None, false
		}
		b, ok := t.bigrams[bigram(l.id, r.id)]
		return float64(b.rank), b.id, ok
	}}
	t.split(text, func(word string) { out = t.encodeWord(out, &m, word) })
	return out
}

func (t *Tokenizer) encodeWord(out []int32, m *merger, word string) []int32 {
	if len(word) > math.MaxInt32/2 { // symbols index the word with 32 bits
		half := len(word) / 2
		return t.encodeWord(t.encodeWord(out, m, word[:half]), m, word[half:])
	}
	if t.wholes && len(word) <= t.longest {
		if id, ok := t.ids[mapBytes(word)]; ok {
			return append(out, id)
		}
	}
	m.symbols = m.symbols[:0]
	for i := range len(word) {
		m.add(i, 1, t.byteID[word[i]])
	}
	m.run()
	for i := int32(0); i >= 0 && len(m.symbols) > 0; i = m.symbols[i].next {
		id := m.symbols[i].id
		if id == None {
			id = t.vocab.UNK
		}
		out = append(out, id)
	}
	return out
}

func mapBytes(s string) string {
	var b strings.Builder
	b.Grow(2 * len(s))
	for i := range len(s) {
		b.WriteRune(byteToRune[s[i]])
	}
	return b.String()
}

// bpeBytes appends what a byte-level token stands for. Characters outside the
// byte map occur only in tokens that were added as plain text.
func (t *Tokenizer) bpeBytes(dst []byte, id int32) []byte {
	text := t.vocab.Tokens[id]
	if typ := t.typeOf(id); typ == UserDefined || typ == Control || typ == Unknown {
		return append(dst, text...)
	}
	for _, r := range text {
		if b, ok := runeToByte[r]; ok {
			dst = append(dst, b)
			continue
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}
