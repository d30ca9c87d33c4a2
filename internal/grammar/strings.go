package grammar

import (
	"fmt"
	"regexp/syntax"
	"unicode"
	"unicode/utf8"
)

var everyRune = runeSet{0, 0xD7FF, 0xE000, utf8.MaxRune}

// formats are the values of "format" that are kept, as patterns: each text is
// of the format, and not every text of the format is reached.
var formats = map[string]string{
	"date":      `^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$`,
	"time":      `^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$`,
	"date-time": `^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$`,
	"uuid":      `^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
	"ipv4":      `^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])$`,
}

func (s *schema) stringOf(p place) symbol {
	low, high, ok := s.counts(p, "minLength", "maxLength")
	pattern := p.v.get("pattern")
	if f := p.v.get("format"); f != nil {
		text, known := formats[f.text]
		if !known || pattern != nil {
			return s.bad(p, "the format %s is not supported; supported are date, time, date-time, uuid and ipv4, without a pattern", f.write(nil))
		}
		pattern = &value{kind: 's', text: text}
	}
	switch {
	case !ok || s.b.err != nil:
		return s.never()
	case pattern == nil:
		return s.text(low, high)
	case pattern.kind != 's':
		return s.bad(p, "pattern must be a string")
	}
	re, err := syntax.Parse(pattern.text, syntax.Perl)
	if err != nil {
		return s.bad(p, "pattern %q: %v", pattern.text, err)
	}
	x := &expression{s: s, p: p, text: pattern.text}
	if low > 0 || high != unbounded {
		body, ok := x.counted(re, low, high)
		if !ok {
			return s.bad(p, "a length can be combined with a pattern of one repeated class only, as ^[a-z]+$, but it is %q", pattern.text)
		}
		return s.b.choice("", s.then(`"`, body, `"`))
	}
	return s.b.choice("", s.then(`"`, x.part(re, true, true, 0), `"`))
}

// text returns a string of low to high characters.
func (s *schema) text(low, high int) symbol {
	return s.b.choice("", s.then(`"`, s.b.repeat(s.character(everyRune), low, high), `"`))
}

// character returns a character of a JSON string: as it is where that is
// allowed, or escaped where JSON has a short form or demands it.
func (s *schema) character(set runeSet) symbol {
	set = set.normal()
	key := "json" + fmt.Sprint(set)
	if id, ok := s.b.memo[key]; ok {
		return id
	}
	plain := set.and(runeSet{' ', '!', '#', '[', ']', utf8.MaxRune}.normal())
	bodies := s.b.encodings(plain)
	var short byteSet
	for c, r := range map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'} {
		if set.has(r) {
			short.add(c)
		}
	}
	if short != (byteSet{}) {
		bodies = append(bodies, s.then(`\`, s.b.set(short)))
	}
	for high := range 2 {
		var low byteSet
		for i, digits := range []string{"00", "11", "22", "33", "44", "55", "66", "77", "88", "99", "aA", "bB", "cC", "dD", "eE", "fF"} {
			if set.has(rune(high*16 + i)) {
				low.add(digits[0])
				low.add(digits[1])
			}
		}
		if low != (byteSet{}) {
			bodies = append(bodies, s.then(fmt.Sprintf(`\u00%d`, high), s.b.set(low)))
		}
	}
	id := s.b.rule("", bodies...)
	s.b.memo[key] = id
	return id
}

// expression translates one regular expression into the inside of a JSON string.
type expression struct {
	s    *schema
	p    place
	text string
}

func (x *expression) anything() symbol { return x.s.b.repeat(x.s.character(everyRune), 0, unbounded) }

// part translates re. A pattern may match anywhere in the string: at the head
// anything may come before what is not anchored, and at the tail after it.
func (x *expression) part(re *syntax.Regexp, head, tail bool, depth int) symbol {
	if depth > MaxNesting {
		return x.s.bad(x.p, "pattern %q is nested deeper than %d", x.text, MaxNesting)
	}
	var body []symbol
	switch re.Op {
	case syntax.OpBeginText, syntax.OpEndText:
		if re.Op == syntax.OpBeginText && !head || re.Op == syntax.OpEndText && !tail {
			return x.s.bad(x.p, "pattern %q: ^ and $ are supported at its ends only", x.text)
		}
		if head && tail {
			body = append(body, x.anything())
		}
		return x.s.b.choice("", body)
	case syntax.OpCapture:
		return x.part(re.Sub[0], head, tail, depth+1)
	case syntax.OpConcat:
		for i, sub := range re.Sub {
			body = append(body, x.part(sub, head && i == 0, tail && i == len(re.Sub)-1, depth+1))
		}
		return x.s.b.choice("", body)
	case syntax.OpAlternate:
		bodies := [][]symbol{}
		for _, sub := range re.Sub {
			bodies = append(bodies, []symbol{x.part(sub, head, tail, depth+1)})
		}
		return x.s.b.choice("", bodies...)
	}
	if head {
		body = append(body, x.anything())
	}
	body = append(body, x.inner(re, depth)...)
	if tail {
		body = append(body, x.anything())
	}
	return x.s.b.choice("", body)
}

// inner translates what no anchor concerns.
func (x *expression) inner(re *syntax.Regexp, depth int) []symbol {
	if set, ok := runesOf(re); ok {
		return []symbol{x.s.character(set)}
	}
	times := func(low, high int) []symbol {
		return []symbol{x.s.b.repeat(x.part(re.Sub[0], false, false, depth+1), low, high)}
	}
	switch re.Op {
	case syntax.OpEmptyMatch:
		return nil
	case syntax.OpNoMatch:
		return []symbol{x.s.never()}
	case syntax.OpLiteral:
		var body []symbol
		for _, r := range re.Rune {
			body = append(body, x.s.character(spellings(r, re.Flags)))
		}
		return body
	case syntax.OpStar:
		return times(0, unbounded)
	case syntax.OpPlus:
		return times(1, unbounded)
	case syntax.OpQuest:
		return times(0, 1)
	case syntax.OpRepeat:
		return times(re.Min, re.Max) // Max is −1 where there is none
	}
	return []symbol{x.s.bad(x.p, "pattern %q: %q is not supported", x.text, re.String())}
}

// runesOf returns the characters that re matches one of.
func runesOf(re *syntax.Regexp) (runeSet, bool) {
	switch re.Op {
	case syntax.OpCharClass:
		return runeSet(re.Rune), true
	case syntax.OpAnyChar:
		return everyRune, true
	case syntax.OpAnyCharNotNL: // line ends of ECMA-262
		return runeSet{'\n', '\n', '\r', '\r', '\u2028', '\u2029'}.normal().not(), true
	case syntax.OpLiteral:
		if len(re.Rune) == 1 {
			return spellings(re.Rune[0], re.Flags), true
		}
	case syntax.OpCapture:
		return runesOf(re.Sub[0])
	}
	return nil, false
}

// spellings returns r, and where case does not count its other cases.
func spellings(r rune, flags syntax.Flags) runeSet {
	set := runeSet{r, r}
	if flags&syntax.FoldCase != 0 {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			set = append(set, f, f)
		}
	}
	return set.normal()
}

// counted translates an anchored repetition of one class, so that the whole has
// low to high characters.
func (x *expression) counted(re *syntax.Regexp, low, high int) (symbol, bool) {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	if re.Op != syntax.OpConcat || len(re.Sub) != 3 || re.Sub[0].Op != syntax.OpBeginText || re.Sub[2].Op != syntax.OpEndText {
		return 0, false
	}
	unit := re.Sub[1]
	least, most := 1, 1
	switch unit.Op {
	case syntax.OpStar:
		least, most = 0, unbounded
	case syntax.OpPlus:
		least, most = 1, unbounded
	case syntax.OpQuest:
		least, most = 0, 1
	case syntax.OpRepeat:
		least, most = unit.Min, unit.Max
	}
	if least != 1 || most != 1 {
		unit = unit.Sub[0]
	}
	set, ok := runesOf(unit)
	if !ok {
		return 0, false
	}
	low = max(low, least)
	if high == unbounded || most != unbounded && most < high {
		high = most
	}
	if high != unbounded && high < low {
		return x.s.never(), true
	}
	return x.s.b.repeat(x.s.character(set), low, high), true
}
