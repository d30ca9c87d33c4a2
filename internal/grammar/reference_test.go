package grammar_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// A plain grammar is what the tests compare with: rules of bodies of symbols,
// and a recogniser after Earley that knows no stacks, states or masks.
type plain struct {
	rules [][][]sym // rule 0 is the root
}

// sym is a rule, or a text of which it takes one character.
type sym struct {
	rule  int // if class is ""
	class string
}

// drawPlain makes a random grammar. Rule i calls first only rules after i, so
// that few are left-recursive, and any rule later in a body.
func drawPlain(t *rapid.T) plain {
	n := rapid.IntRange(1, 5).Draw(t, "rules")
	var p plain
	for i := range n {
		var bodies [][]sym
		for range rapid.IntRange(1, 3).Draw(t, "bodies") {
			var body []sym
			for j := range rapid.IntRange(0, 3).Draw(t, "symbols") {
				low := 0
				if j == 0 {
					low = i + 1
				}
				if low < n && rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
					body = append(body, sym{rule: rapid.IntRange(low, n-1).Draw(t, "rule")})
				} else {
					body = append(body, sym{class: rapid.SampledFrom([]string{"a", "b", "é", "ab", "aé€", "bé"}).Draw(t, "class")})
				}
			}
			bodies = append(bodies, body)
		}
		p.rules = append(p.rules, bodies)
	}
	return p
}

// gbnf writes the grammar as text.
func (p plain) gbnf() string {
	name := func(i int) string {
		if i == 0 {
			return "root"
		}
		return fmt.Sprintf("rule-%d", i)
	}
	var out strings.Builder
	for i, bodies := range p.rules {
		var texts []string
		for _, body := range bodies {
			parts := []string{`""`}
			for _, s := range body {
				if s.class == "" {
					parts = append(parts, name(s.rule))
				} else {
					parts = append(parts, "["+s.class+"]")
				}
			}
			texts = append(texts, strings.Join(parts, " "))
		}
		fmt.Fprintf(&out, "%s ::= %s\n", name(i), strings.Join(texts, " | "))
	}
	return out.String()
}

// finite drops the bodies that no finite text matches.
func (p plain) finite() plain {
	good := make([]bool, len(p.rules))
	ok := func(body []sym) bool {
		return !slices.ContainsFunc(body, func(s sym) bool { return s.class == "" && !good[s.rule] })
	}
	for range p.rules {
		for i, bodies := range p.rules {
			good[i] = good[i] || slices.ContainsFunc(bodies, ok)
		}
	}
	out := plain{}
	for _, bodies := range p.rules {
		var kept [][]sym
		for _, body := range bodies {
			if ok(body) {
				kept = append(kept, body)
			}
		}
		out.rules = append(out.rules, kept)
	}
	return out
}

type item struct{ rule, body, dot, from int }

// chart runs Earley's recogniser over the characters of text. It returns whether
// text is a prefix of the language (p is finite), whether it is in it, and which
// characters can come next.
func (p plain) chart(text []rune) (prefix, whole bool, next map[rune]bool) {
	sets := make([]map[item]bool, len(text)+1)
	for i := range sets {
		sets[i] = map[item]bool{}
	}
	for b := range p.rules[0] {
		sets[0][item{0, b, 0, 0}] = true
	}
	for at := range sets {
		p.complete(sets, at)
		if at == len(text) {
			break
		}
		for it := range sets[at] {
			if body := p.rules[it.rule][it.body]; it.dot < len(body) && strings.ContainsRune(body[it.dot].class, text[at]) {
				it.dot++
				sets[at+1][it] = true
			}
		}
	}
	next = map[rune]bool{}
	last := sets[len(text)]
	for it := range last {
		body := p.rules[it.rule][it.body]
		if it.dot < len(body) {
			for _, r := range body[it.dot].class {
				next[r] = true
			}
		}
		whole = whole || it.rule == 0 && it.from == 0 && it.dot == len(body)
	}
	return len(last) > 0, whole, next
}

// complete predicts and completes until nothing is new.
func (p plain) complete(sets []map[item]bool, at int) {
	set := sets[at]
	for grown := true; grown; {
		before := len(set)
		for it := range set {
			body := p.rules[it.rule][it.body]
			switch {
			case it.dot == len(body):
				for up := range sets[it.from] {
					if b := p.rules[up.rule][up.body]; up.dot < len(b) && b[up.dot] == (sym{rule: it.rule}) {
						up.dot++
						set[up] = true
					}
				}
			case body[it.dot].class == "":
				for b := range p.rules[body[it.dot].rule] {
					set[item{body[it.dot].rule, b, 0, at}] = true
				}
			}
		}
		grown = len(set) > before
	}
}

// prefixBytes reports whether bytes, which may end within a character, begin a
// text of the language, and whether they are one.
func (p plain) prefixBytes(b string) (prefix, whole bool) {
	cut := len(b)
	for cut > 0 && b[cut-1]&0xC0 == 0x80 {
		cut--
	}
	if cut > 0 && b[cut-1] >= 0xC0 {
		cut--
	}
	head, tail := b[:cut], b[cut:]
	if strings.ToValidUTF8(b, "") == b {
		head, tail = b, ""
	}
	if strings.ToValidUTF8(head, "") != head {
		return false, false
	}
	prefix, whole, next := p.chart([]rune(head))
	if tail == "" {
		return prefix, whole
	}
	for r := range next {
		if strings.HasPrefix(string(r), tail) {
			return true, false
		}
	}
	return false, false
}
