package grammar

import (
	"fmt"
	"math/big"
	"strings"
)

// Numbers have so many digits at most: enough for what a float64 keeps.
const (
	wholeDigits = 15 // before the point, where nothing bounds the number
	partDigits  = 15 // after the point
	mostDigits  = 18 // with the bounds of a schema
)

var ten = big.NewInt(10)

func pow10(n int) *big.Int { return new(big.Int).Exp(ten, big.NewInt(int64(n)), nil) }

// bounds are the inclusive bounds of a number, in units of 10^-places.
type bounds struct {
	low, high *big.Int
	places    int
}

func (s *schema) numberOf(p place, integer bool) symbol {
	if m := p.v.get("multipleOf"); m != nil {
		if r, ok := rational(m.text); m.kind != 'n' || !ok || r.Cmp(big.NewRat(1, 1)) != 0 {
			return s.bad(p, "multipleOf is supported as 1 only, but is %s", m.write(nil))
		}
		integer = true
	}
	places := 0
	bounded := false
	for _, keyword := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} {
		v := p.v.get(keyword)
		if v == nil {
			continue
		}
		bounded = true
		r, ok := rational(v.text)
		if v.kind != 'n' || !ok {
			return s.bad(p, "%s must be a number of at most 40 digits, but is %s", keyword, v.write(nil))
		}
		n, _ := r.FloatPrec() // digits after the point; of a JSON number they end
		places = max(places, n)
	}
	switch {
	case !bounded && integer:
		return s.b.choice("", s.then(s.b.repeat(s.b.text("-")[0], 0, 1), s.whole()))
	case !bounded:
		return s.freeNumber()
	}
	whole := s.spelled(s.bounds(p, 0))
	if integer {
		return whole
	}
	if places = max(places, 2); places > 9 {
		return s.bad(p, "the bounds have %d digits after the point, and may have 9", places)
	}
	return s.b.choice("", []symbol{whole}, []symbol{s.spelled(s.bounds(p, places))})
}

// bounds reads the keywords, in units of 10^-places and cut to the digits that a
// number may have.
func (s *schema) bounds(p place, places int) bounds {
	unit := new(big.Rat).SetInt(pow10(places))
	limit := new(big.Int).Sub(pow10(mostDigits), big.NewInt(1))
	usual := new(big.Int).Sub(pow10(min(mostDigits, wholeDigits+places)), big.NewInt(1))
	b := bounds{places: places}
	for _, side := range []struct {
		keyword string
		lower   bool
		beyond  int64 // 1: the bound itself is excluded
	}{{"minimum", true, 0}, {"exclusiveMinimum", true, 1}, {"maximum", false, 0}, {"exclusiveMaximum", false, 1}} {
		v := p.v.get(side.keyword)
		if v == nil {
			continue
		}
		r, _ := rational(v.text)
		r.Mul(r, unit)
		n := new(big.Int).Div(r.Num(), r.Denom()) // rounded down
		switch {
		case side.lower && (!r.IsInt() || side.beyond == 1):
			n.Add(n, big.NewInt(1))
		case !side.lower && r.IsInt():
			n.Sub(n, big.NewInt(side.beyond))
		}
		if side.lower && (b.low == nil || n.Cmp(b.low) > 0) {
			b.low = n
		}
		if !side.lower && (b.high == nil || n.Cmp(b.high) < 0) {
			b.high = n
		}
	}
	if b.low == nil {
		b.low = negative(larger(usual, negative(b.high)))
	}
	if b.high == nil {
		b.high = larger(usual, b.low)
	}
	if b.low.CmpAbs(limit) > 0 && b.low.Sign() < 0 {
		b.low = negative(limit)
	}
	if b.high.Cmp(limit) > 0 {
		b.high = limit
	}
	return b
}

// negative returns −x, and nil for nil.
func negative(x *big.Int) *big.Int {
	if x == nil {
		return nil
	}
	return new(big.Int).Neg(x)
}

// larger returns usual, or the most that may be if x leaves no room below usual.
func larger(usual, x *big.Int) *big.Int {
	if x != nil && x.Cmp(usual) >= 0 {
		return new(big.Int).Sub(pow10(mostDigits), big.NewInt(1))
	}
	return usual
}

// whole is 0 or up to wholeDigits digits that begin with another.
func (s *schema) whole() symbol {
	return s.b.choice("", s.then("0"), s.then(s.digit('1'), s.b.repeat(s.digit('0'), 0, wholeDigits-1)))
}

func (s *schema) digit(from byte) symbol {
	var set byteSet
	set.addRange(from, '9')
	return s.b.set(set)
}

func (s *schema) oneOf(chars string) symbol {
	var set byteSet
	for i := range len(chars) {
		set.add(chars[i])
	}
	return s.b.set(set)
}

func (s *schema) freeNumber() symbol {
	part := s.b.choice("", s.then(".", s.b.repeat(s.digit('0'), 1, partDigits)))
	exponent := s.b.choice("", s.then(s.oneOf("eE"), s.b.repeat(s.oneOf("+-"), 0, 1), s.b.repeat(s.digit('0'), 1, 2)))
	return s.b.choice("", s.then(s.b.repeat(s.oneOf("-"), 0, 1), s.whole(), s.b.repeat(part, 0, 1), s.b.repeat(exponent, 0, 1)))
}

// spelled returns the numbers within bounds, with exactly so many places.
func (s *schema) spelled(b bounds) symbol {
	id := s.b.rule("")
	zero := new(big.Int)
	if b.low.Sign() < 0 && b.low.Cmp(b.high) <= 0 {
		least := big.NewInt(1)
		if b.high.Sign() < 0 {
			least = negative(b.high)
		}
		s.magnitudes(id, "-", least, negative(b.low), b.places)
	}
	if b.high.Sign() >= 0 {
		low := b.low
		if low.Sign() < 0 {
			low = zero
		}
		s.magnitudes(id, "", low, b.high, b.places)
	}
	return id
}

// magnitudes adds the numbers from low ≥ 0 to high after a sign, one range of
// equally many digits after the other.
func (s *schema) magnitudes(id symbol, sign string, low, high *big.Int, places int) {
	for digits := places + 1; digits <= mostDigits; digits++ {
		from, to := new(big.Int), new(big.Int).Sub(pow10(digits), big.NewInt(1))
		if digits > places+1 {
			from = pow10(digits - 1)
		}
		if low.Cmp(from) > 0 {
			from = low
		}
		if high.Cmp(to) < 0 {
			to = high
		}
		if from.Cmp(to) > 0 {
			continue
		}
		for _, body := range s.b.between(nil, nil, padded(from, digits), padded(to, digits), '0', '9') {
			if places > 0 {
				body = s.then(body[:digits-places], ".", body[digits-places:])
			}
			s.b.add(id, s.then(sign, body))
		}
	}
}

func padded(n *big.Int, digits int) []byte {
	text := n.String()
	return fmt.Append(nil, strings.Repeat("0", digits-len(text)), text)
}
