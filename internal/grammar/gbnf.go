package grammar

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// ParseGBNF reads a grammar in llama.cpp's notation; its rule "root" is the
// language. Rules are `name ::= alternatives`, with "text", [classes], [^classes],
// `.` for any character, ( groups ), | and the repetitions * + ? {m} {m,} {m,n};
// a # begins a comment. A rule ends at the end of its line, but for newlines in
// groups and after | and ::=. Token references as <think> are refused. Errors
// carry fault.Usage and the line.
func ParseGBNF(text string) (*Grammar, error) {
	if len(text) > MaxSource {
		return nil, usage("the grammar has %d bytes, and may have %d", len(text), MaxSource)
	}
	if !utf8.ValidString(text) {
		return nil, usage("the grammar is not UTF-8")
	}
	p := &gbnf{b: newBuilder(), text: text, ids: map[string]symbol{}, defined: map[symbol]bool{}, first: map[symbol]int{}}
	if err := p.grammar(); err != nil {
		return nil, err
	}
	return p.b.finish("gbnf\x00"+text, p.ids["root"])
}

type gbnf struct {
	b       *builder
	text    string
	at      int
	depth   int
	ids     map[string]symbol
	defined map[symbol]bool
	first   map[symbol]int // where it is used first
}

func (p *gbnf) errorf(format string, args ...any) error {
	line := 1 + strings.Count(p.text[:min(p.at, len(p.text))], "\n")
	return usage("grammar line %d: "+format, append([]any{line}, args...)...)
}

func (p *gbnf) grammar() error {
	for p.space(true); p.at < len(p.text); p.space(true) {
		if err := p.rule(); err != nil {
			return err
		}
	}
	if root, ok := p.ids["root"]; !ok || !p.defined[root] {
		return usage("the grammar has no rule named root")
	}
	for _, name := range slices.Sorted(maps.Keys(p.ids)) {
		if id := p.ids[name]; !p.defined[id] {
			p.at = p.first[id]
			return p.errorf("rule %q is not defined", name)
		}
	}
	return p.b.err
}

// space skips blanks and comments, and newlines if asked.
func (p *gbnf) space(newlines bool) {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == ' ' || c == '\t', newlines && (c == '\n' || c == '\r'):
			p.at++
		case c == '#':
			if i := strings.IndexByte(p.text[p.at:], '\n'); i >= 0 {
				p.at += i
			} else {
				p.at = len(p.text)
			}
		default:
			return
		}
	}
}

func (p *gbnf) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

func (p *gbnf) word() (string, error) {
	from := p.at
	for wordByte(p.peek()) {
		p.at++
	}
	if from == p.at {
		return "", p.errorf("expected the name of a rule at %q", p.rest())
	}
	return p.text[from:p.at], nil
}

// rest is what comes next, short enough for an error.
func (p *gbnf) rest() string {
	r := []rune(p.text[p.at:min(len(p.text), p.at+80)])
	return string(r[:min(len(r), 16)])
}

func (p *gbnf) id(name string) symbol {
	id, ok := p.ids[name]
	if !ok {
		id = p.b.rule(name)
		p.ids[name] = id
		p.first[id] = p.at
	}
	return id
}

func (p *gbnf) rule() error {
	name, err := p.word()
	if err != nil {
		return err
	}
	id := p.id(name)
	if p.defined[id] {
		return p.errorf("rule %q is defined twice", name)
	}
	p.defined[id] = true
	p.space(false)
	if !strings.HasPrefix(p.text[p.at:], "::=") {
		return p.errorf("expected ::= after %q, but there is %q", name, p.rest())
	}
	p.at += 3
	p.space(true)
	bodies, err := p.alternatives(false)
	if err != nil {
		return err
	}
	for _, body := range bodies {
		p.b.add(id, body)
	}
	if c := p.peek(); p.at < len(p.text) && c != '\n' && c != '\r' {
		return p.errorf("unexpected %q in rule %q", p.rest(), name)
	}
	return nil
}

func (p *gbnf) alternatives(group bool) ([][]symbol, error) {
	if p.depth++; p.depth > MaxNesting {
		return nil, p.errorf("groups are nested deeper than %d", MaxNesting)
	}
	defer func() { p.depth-- }()
	var bodies [][]symbol
	for {
		body, err := p.sequence(group)
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
		if p.peek() != '|' {
			return bodies, p.b.err
		}
		p.at++
		p.space(true)
	}
}

func (p *gbnf) sequence(group bool) ([]symbol, error) {
	var body []symbol
	last := 0 // where the last item begins: what a repetition is of
	for p.at < len(p.text) {
		at := len(body)
		switch c := p.peek(); {
		case c == '"':
			text, err := p.literal()
			if err != nil {
				return nil, err
			}
			body = append(body, p.b.text(text)...)
		case c == '[':
			set, err := p.class()
			if err != nil {
				return nil, err
			}
			body = append(body, p.b.runes(set))
		case c == '.':
			p.at++
			body = append(body, p.b.runes(runeSet{0, utf8.MaxRune}))
		case c == '(':
			p.at++
			p.space(true)
			bodies, err := p.alternatives(true)
			if err != nil {
				return nil, err
			}
			if p.peek() != ')' {
				return nil, p.errorf("a group is not closed before %q", p.rest())
			}
			p.at++
			body = append(body, p.b.choice("", bodies...))
		case c == '*' || c == '+' || c == '?' || c == '{':
			if last == len(body) && at == 0 {
				return nil, p.errorf("%q repeats nothing", p.rest())
			}
			low, high, err := p.times()
			if err != nil {
				return nil, err
			}
			unit := p.b.choice("", append([]symbol{}, body[last:]...))
			body = append(body[:last], p.b.repeat(unit, low, high))
			at = last
		case wordByte(c):
			name, err := p.word()
			if err != nil {
				return nil, err
			}
			body = append(body, p.id(name))
		case c == '<' || c == '!':
			return nil, p.errorf("references to tokens are not supported: %q", p.rest())
		default:
			return body, nil
		}
		last = at
		p.space(group)
	}
	return body, nil
}

// times reads a repetition.
func (p *gbnf) times() (low, high int, err error) {
	c := p.peek()
	p.at++
	switch c {
	case '*':
		return 0, unbounded, nil
	case '+':
		return 1, unbounded, nil
	case '?':
		return 0, 1, nil
	}
	p.space(true)
	if low, err = p.number(); err != nil {
		return 0, 0, err
	}
	high = low
	if p.space(true); p.peek() == ',' {
		p.at++
		high = unbounded
		if p.space(true); p.peek() != '}' {
			if high, err = p.number(); err != nil {
				return 0, 0, err
			}
		}
	}
	p.space(true)
	if p.peek() != '}' {
		return 0, 0, p.errorf("a repetition is {m}, {m,} or {m,n}, but there is %q", p.rest())
	}
	p.at++
	if high != unbounded && high < low {
		return 0, 0, p.errorf("a repetition of at least %d is of at most %d", low, high)
	}
	return low, high, nil
}

func (p *gbnf) number() (int, error) {
	n, from := 0, p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		if n = n*10 + int(c-'0'); n > MaxSymbols {
			return 0, p.errorf("a repetition of more than %d", MaxSymbols)
		}
		p.at++
	}
	if from == p.at {
		return 0, p.errorf("expected a number at %q", p.rest())
	}
	return n, nil
}

func (p *gbnf) literal() (string, error) {
	var out strings.Builder
	for p.at++; p.peek() != '"'; {
		r, err := p.char("a text")
		if err != nil {
			return "", err
		}
		out.WriteRune(r)
	}
	p.at++
	return out.String(), nil
}

func (p *gbnf) class() (runeSet, error) {
	p.at++
	negative := p.peek() == '^'
	if negative {
		p.at++
	}
	var set runeSet
	for p.peek() != ']' {
		lo, err := p.char("a class")
		if err != nil {
			return nil, err
		}
		hi := lo
		if p.peek() == '-' && p.at+1 < len(p.text) && p.text[p.at+1] != ']' {
			p.at++
			if hi, err = p.char("a class"); err != nil {
				return nil, err
			}
		}
		if hi < lo {
			return nil, p.errorf("the range %q-%q is empty", lo, hi)
		}
		set = append(set, lo, hi)
	}
	p.at++
	set = set.normal()
	if negative {
		set = set.not()
	}
	if len(set) == 0 {
		return nil, p.errorf("a class has no characters")
	}
	return set, nil
}

var gbnfEscapes = map[byte]rune{'n': '\n', 't': '\t', 'r': '\r', '\\': '\\', '"': '"', '[': '[', ']': ']', '-': '-', '^': '^', '/': '/'}

// char reads one character of a text or a class.
func (p *gbnf) char(where string) (rune, error) {
	if p.at >= len(p.text) || p.peek() == '\n' {
		return 0, p.errorf("%s is not closed", where)
	}
	if p.peek() != '\\' {
		r, n := utf8.DecodeRuneInString(p.text[p.at:])
		p.at += n
		return r, nil
	}
	p.at++
	c := p.peek()
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
	if digits == 0 {
		r, ok := gbnfEscapes[c]
		if !ok {
			return 0, p.errorf("unknown escape \\%s", p.rest())
		}
		p.at++
		return r, nil
	}
	p.at++
	r := 0
	for range digits {
		d := strings.IndexByte("0123456789abcdefABCDEF", p.peek())
		if d < 0 {
			return 0, p.errorf("\\%c needs %d hexadecimal digits", c, digits)
		}
		if d > 15 {
			d -= 6
		}
		r = min(r<<4|d, 1<<30)
		p.at++
	}
	if !utf8.ValidRune(rune(r)) {
		return 0, p.errorf("\\%c%x is not a character", c, r)
	}
	return rune(r), nil
}
