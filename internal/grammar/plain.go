package grammar

import "unicode/utf8"

// Most of a vocabulary is words, and inside a string most words are allowed.
// So that a mask there does not cost a look at each of them, a state knows which
// kinds of bytes only lead on to its like, and a node of the trie which kinds are
// below it: if they agree, all of the node's tokens are allowed at once.

// kinds is a set of kinds of bytes.
type kinds uint64

const (
	control kinds = 1 << iota
	lower
	upper
	digit
	high   // bytes of runes beyond ASCII
	ragged // of a node: a token below it ends within a rune, or is no UTF-8
	symbols
)

// kindOf maps each byte to its kind; each sign is of its own.
var kindOf = func() (out [256]kinds) {
	next := symbols
	for b := range 256 {
		switch c := byte(b); {
		case c >= utf8.RuneSelf:
			out[b] = high
		case c < ' ' || c == 0x7F:
			out[b] = control
		case 'a' <= c && c <= 'z':
			out[b] = lower
		case 'A' <= c && c <= 'Z':
			out[b] = upper
		case '0' <= c && c <= '9':
			out[b] = digit
		default:
			out[b] = next
			next <<= 1
		}
	}
	return out
}()

// describe notes what the tokens under each node of the trie go on with: the
// kinds of their bytes and the most runes.
func (v *Vocabulary) describe() {
	v.below, v.runes = make([]kinds, len(v.bytes)), make([]uint8, len(v.bytes))
	var path [maxTokenBytes]int
	for node := range v.bytes {
		path[v.depth[node]] = node
		if v.first[node] == v.first[node+1] {
			continue
		}
		text := v.piece(v.sorted[v.first[node]])
		var all kinds
		runes := uint8(0)
		for d := len(text) - 1; d > 0; d-- {
			b := text[d]
			if all |= kindOf[b]; b&0xC0 != 0x80 {
				runes++
			}
			up := path[d-1]
			v.below[up] |= all
			if all&high != 0 && v.below[up]&ragged == 0 && !utf8.Valid(text[d:]) {
				v.below[up] |= ragged
			}
			v.runes[up] = max(v.runes[up], runes)
		}
	}
}

// A plain is what a state says about bytes that make no difference to it.
type plain struct {
	next  *state // after any rune of kinds; nil: there are none
	kinds kinds

	// How many of them may come one after the other, and the costs on the way.
	runes        int
	lowest, most int32
	measured     bool
}

// farthest is how many runes ahead a state looks that counts them, as in a string
// of limited length: nearly all tokens are shorter, and each rune is a state.
const farthest = 16

// plainOf works out what s says about words, once.
func (m *machine) plainOf(s *state) *plain {
	p := m.uniform(s)
	if p.measured || p.next == nil {
		return p
	}
	p.measured, p.lowest = true, impossible
	for at := p; at.next != nil && p.kinds&^at.kinds == 0 && p.runes < farthest; {
		p.lowest, p.most = min(p.lowest, at.next.cost), max(p.most, at.next.cost)
		p.runes++
		following := m.uniform(at.next)
		if following == at {
			p.runes = maxTokenBytes
		}
		at = following
	}
	return p
}

// uniform finds the kinds of which every rune leads from s to the same state.
// Where letters do not, none is looked for.
func (m *machine) uniform(s *state) *plain {
	if s.plain != nil {
		return s.plain
	}
	s.plain = &plain{}
	leads := func(b byte) *state { return m.step(s, m.g.class[b]) }
	next := leads('a')
	if next.next == nil || leads('z') != next || leads('e') != next {
		return s.plain
	}
	var other kinds
	for b := range byte(utf8.RuneSelf) {
		if other&kindOf[b] == 0 && leads(b) != next {
			other |= kindOf[b]
		}
	}
	if !m.everyRune(s, next) {
		other |= high
	}
	s.plain.next, s.plain.kinds = next, ^(other | ragged)
	return s.plain
}

// sequences of UTF-8 beyond ASCII: for each byte its first and last value.
var wellFormed = [][][2]byte{
	{{0xC2, 0xDF}, {0x80, 0xBF}},
	{{0xE0, 0xE0}, {0xA0, 0xBF}, {0x80, 0xBF}},
	{{0xE1, 0xEC}, {0x80, 0xBF}, {0x80, 0xBF}},
	{{0xED, 0xED}, {0x80, 0x9F}, {0x80, 0xBF}},
	{{0xEE, 0xEF}, {0x80, 0xBF}, {0x80, 0xBF}},
	{{0xF0, 0xF0}, {0x90, 0xBF}, {0x80, 0xBF}, {0x80, 0xBF}},
	{{0xF1, 0xF3}, {0x80, 0xBF}, {0x80, 0xBF}, {0x80, 0xBF}},
	{{0xF4, 0xF4}, {0x80, 0x8F}, {0x80, 0xBF}, {0x80, 0xBF}},
}

// everyRune reports whether all runes beyond ASCII lead from s to next.
func (m *machine) everyRune(s, next *state) bool {
	for _, sequence := range wellFormed {
		if !m.allLead(s, next, sequence) {
			return false
		}
	}
	return true
}

func (m *machine) allLead(s, next *state, sequence [][2]byte) bool {
	if len(sequence) == 0 {
		return s == next
	}
	if s.next == nil {
		return false
	}
	last := -1
	for b := int(sequence[0][0]); b <= int(sequence[0][1]); b++ {
		class := m.g.class[b]
		if int(class) == last { // as the byte before
			continue
		}
		last = int(class)
		if !m.allLead(m.step(s, class), next, sequence[1:]) {
			return false
		}
	}
	return true
}
