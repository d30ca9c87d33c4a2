package grammar

import (
	"chimera/internal/fault"
)

// Limits of what a grammar may ask for: each guards memory or time against
// hostile text, and leaves room for anything a person would write.
const (
	MaxSource  = 1 << 20 // bytes of a grammar or a schema
	MaxSymbols = 1 << 18 // symbols of all rules, after repetitions are unrolled
	MaxNesting = 200     // of groups, patterns and JSON values
)

// A Grammar is a language of texts. It is immutable and safe for concurrent use.
type Grammar struct {
	source string
	rules  []rule
	sets   []byteSet // of the terminals
	// byClass are the same sets, of byte classes.
	byClass []byteSet
	class   [256]uint8
	// classes is the number of byte classes: bytes that no set tells apart.
	classes int
	syms    []symbol // bodies of all rules one after the other, each with its end
}

// Source identifies the grammar: equal sources are equal languages.
func (g *Grammar) Source() string { return g.source }

// A rule is a set of bodies.
type rule struct {
	name   string
	bodies []int32 // where they begin in syms
	empty  bool    // derives the empty text
	order  int32   // callers at the same place come first
}

// A symbol is one step of a body: a rule (≥ 0), a set of bytes, an end.
type symbol int32

const (
	symEnd    symbol = -1 // of a body
	symAccept symbol = -2 // of the text
	symSets   symbol = -3 // set i is symSets − i
)

func setSymbol(i int) symbol { return symSets - symbol(i) }

// set returns the index of the byte set, if s is one.
func (s symbol) set() (int, bool) { return int(symSets - s), s <= symSets }

// byteSet is a set of bytes, and later one of byte classes.
type byteSet [4]uint64

func (s *byteSet) add(b byte)     { s[b>>6] |= 1 << (b & 63) }
func (s byteSet) has(b byte) bool { return s[b>>6]>>(b&63)&1 != 0 }

func (s *byteSet) addRange(lo, hi byte) {
	for b := int(lo); b <= int(hi); b++ {
		s.add(byte(b))
	}
}

// single returns the only byte of the set, if it has one only.
func (s byteSet) single() (byte, bool) {
	n, at := 0, 0
	for b := range 256 {
		if s.has(byte(b)) {
			n, at = n+1, b
		}
	}
	return byte(at), n == 1
}

func usage(format string, args ...any) error { return fault.New(fault.Usage, format, args...) }

// A builder collects rules. Its first error sticks.
type builder struct {
	rules  []draft
	sets   map[byteSet]int
	list   []byteSet
	memo   map[string]symbol // classes of runes
	counts map[counted]symbol
	size   int
	err    error
}

type draft struct {
	name   string
	bodies [][]symbol
}

type counted struct {
	unit     symbol
	min, max int
}

func newBuilder() *builder {
	return &builder{sets: map[byteSet]int{}, memo: map[string]symbol{}, counts: map[counted]symbol{}}
}

func (b *builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// rule makes a new rule; its bodies come later or at once.
func (b *builder) rule(name string, bodies ...[]symbol) symbol {
	b.rules = append(b.rules, draft{name: name})
	id := symbol(len(b.rules) - 1)
	for _, body := range bodies {
		b.add(id, body)
	}
	return id
}

// add gives rule id one more body.
func (b *builder) add(id symbol, body []symbol) {
	if b.size += len(body) + 1; b.size > MaxSymbols {
		b.fail(usage("the grammar needs more than %d symbols when its repetitions are unrolled", MaxSymbols))
		return
	}
	b.rules[id].bodies = append(b.rules[id].bodies, body)
}

func (b *builder) set(s byteSet) symbol {
	i, ok := b.sets[s]
	if !ok {
		i = len(b.list)
		b.sets[s] = i
		b.list = append(b.list, s)
	}
	return setSymbol(i)
}

// text returns the symbols of a literal.
func (b *builder) text(s string) []symbol {
	out := make([]symbol, len(s))
	for i := range len(s) {
		var one byteSet
		one.add(s[i])
		out[i] = b.set(one)
	}
	return out
}

// choice returns one symbol for several bodies.
func (b *builder) choice(name string, bodies ...[]symbol) symbol {
	if len(bodies) == 1 && len(bodies[0]) == 1 {
		return bodies[0][0]
	}
	return b.rule(name, bodies...)
}

const unbounded = -1

// repeat returns a symbol for min to max times unit; max may be unbounded. Each
// count is a rule that calls the next smaller one last, which costs no stack,
// and equal rests of different repetitions share their rules.
func (b *builder) repeat(unit symbol, min, max int) symbol {
	if max != unbounded && max > MaxSymbols {
		b.fail(usage("a repetition of up to %d is more than the %d symbols a grammar may have", max, MaxSymbols))
		return unit
	}
	if min == 1 && max == 1 {
		return unit
	}
	var first, last symbol = 0, -1
	for b.err == nil {
		id, known := b.counts[counted{unit, min, max}]
		if !known {
			id = b.rule("")
			b.counts[counted{unit, min, max}] = id
		}
		if last < 0 {
			first = id
		} else {
			b.add(last, []symbol{unit, id})
		}
		if known {
			break
		}
		if min == 0 {
			b.add(id, nil)
		}
		if max == 0 {
			break
		}
		if min == 0 && max == unbounded {
			b.add(id, []symbol{unit, id})
			break
		}
		if min > 0 {
			min--
		}
		if max > 0 {
			max--
		}
		last = id
	}
	return first
}
