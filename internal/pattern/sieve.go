package pattern

import "strings"

// longS and kelvin are the two letters beyond ASCII that are ASCII letters in
// another case.
const longS, kelvin = '\u017f', '\u212a'

// folded makes one byte of those that expressions seldom tell apart: letters of
// both cases, all digits, all white space.
var folded = func() (t [256]byte) {
	for i := range t {
		b := byte(i)
		switch {
		case b >= 'A' && b <= 'Z':
			b += 'a' - 'A'
		case b >= '0' && b <= '9':
			b = '0'
		case b >= '\t' && b <= '\r':
			b = ' '
		}
		t[i] = b
	}
	return t
}()

func fold(text string) string {
	out := []byte(text)
	for i, b := range out {
		out[i] = folded[b]
	}
	return string(out)
}

// gram is the place in a sieve of one to three neighbouring bytes.
type gram uint16

// bits of a sieve: a sentence of 100 bytes fills a twelfth of it.
const bits = 1 << 12

func gram1(a byte) gram    { return gram(uint32(a)*0x9E3779B1>>20) % bits }
func gram2(a, b byte) gram { return gram((uint32(a)<<8|uint32(b)|1<<24)*0x9E3779B1>>20) % bits }
func gram3(a, b, c byte) gram {
	return gram((uint32(a)<<16|uint32(b)<<8|uint32(c)|2<<24)*0x9E3779B1>>20) % bits
}

// gramsOf are the longest grams of a literal: a text that holds it has all.
func gramsOf(literal string) (out []gram) {
	switch l := literal; len(l) {
	case 1:
		return []gram{gram1(l[0])}
	case 2:
		return []gram{gram2(l[0], l[1])}
	default:
		for i := 2; i < len(l); i++ {
			out = append(out, gram3(l[i-2], l[i-1], l[i]))
		}
		return out
	}
}

// sieve remembers which grams a text has, and perhaps some that it has not.
type sieve [bits / 64]uint64

func (s *sieve) put(g gram)      { s[g/64] |= 1 << (g % 64) }
func (s *sieve) has(g gram) bool { return s[g/64]&(1<<(g%64)) != 0 }

// add puts a text in. It reports false for a text that it cannot fold.
func (s *sieve) add(text string) bool {
	var a, b byte
	for i := range len(text) {
		c := folded[text[i]]
		if c == 0xC5 && strings.HasPrefix(text[i:], string(longS)) || c == 0xE2 && strings.HasPrefix(text[i:], string(kelvin)) {
			return false
		}
		s.put(gram1(c))
		if i > 0 {
			s.put(gram2(b, c))
		}
		if i > 1 {
			s.put(gram3(a, b, c))
		}
		a, b = b, c
	}
	return true
}

// hasOne reports whether all grams of one of some literals are in.
func (s *sieve) hasOne(literals need) bool {
	for _, grams := range literals {
		all := true
		for _, g := range grams {
			if !s.has(g) {
				all = false
				break
			}
		}
		if all {
			return true
		}
	}
	return false
}
