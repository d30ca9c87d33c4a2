package pattern

import (
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// Bounds of what is derived: past them an expression only requires less.
const (
	mostRunes    = 26  // of a class
	mostLiterals = 192 // of one set
)

// requirement is what every text that an expression matches contains: exactly
// one of a set where the expression is finite, and one of each set of all. Its
// literals are folded as a sieve folds texts.
type requirement struct {
	exact []string // all that the expression matches; nil where that is too much
	all   [][]string
}

// needs are the sets worth asking for.
func (r requirement) needs() (out [][]string) {
	for _, set := range append(slices.Clone(r.all), r.exact) {
		if len(set) > 0 && !slices.Contains(set, "") {
			out = append(out, set)
		}
	}
	return out
}

// required derives the requirement of a simplified expression.
func required(re *syntax.Regexp) requirement {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return requirement{exact: []string{""}}
	case syntax.OpLiteral:
		return ofLiteral(re)
	case syntax.OpCharClass:
		return ofClass(re.Rune)
	case syntax.OpCapture:
		return required(re.Sub[0])
	case syntax.OpQuest:
		if sub := required(re.Sub[0]); sub.exact != nil {
			return requirement{exact: union(sub.exact, []string{""})}
		}
	case syntax.OpPlus:
		return requirement{all: required(re.Sub[0]).needs()}
	case syntax.OpConcat:
		return ofConcat(re.Sub)
	case syntax.OpAlternate:
		return ofAlternate(re.Sub)
	}
	return requirement{}
}

func ofLiteral(re *syntax.Regexp) requirement {
	text := string(re.Rune)
	if re.Flags&syntax.FoldCase != 0 && slices.ContainsFunc(re.Rune, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return requirement{} // its other case has other bytes
	}
	return requirement{exact: []string{fold(text)}}
}

func ofClass(pairs []rune) requirement {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1]-pairs[i] > 2*mostRunes {
			return requirement{}
		}
		for r := pairs[i]; r <= pairs[i+1]; r++ {
			if r != longS && r != kelvin {
				out = union(out, []string{fold(string(r))})
			}
		}
	}
	if len(out) == 0 || len(out) > mostRunes {
		return requirement{}
	}
	return requirement{exact: out}
}

// ofConcat joins neighbours for as long as they are finite.
func ofConcat(subs []*syntax.Regexp) requirement {
	var out requirement
	run := []string{""}
	finite := true
	end := func(next []string) {
		out.all = append(out.all, requirement{exact: run}.needs()...)
		run, finite = next, false
	}
	for _, re := range subs {
		sub := required(re)
		switch {
		case sub.exact != nil && len(run)*len(sub.exact) <= mostLiterals:
			run = cross(run, sub.exact)
		case sub.exact != nil:
			end(sub.exact)
		case re.Op == syntax.OpPlus && required(re.Sub[0]).exact != nil:
			one := required(re.Sub[0]).exact // x+ begins and ends with x
			if len(run)*len(one) <= mostLiterals {
				run = cross(run, one)
			}
			end(one)
		default:
			end([]string{""})
			out.all = append(out.all, sub.all...)
		}
	}
	if finite {
		return requirement{exact: run}
	}
	end(nil)
	return out
}

// ofAlternate requires one of what its branches require, each by its longest.
func ofAlternate(subs []*syntax.Regexp) requirement {
	var exact, any []string
	finite := true
	for _, re := range subs {
		sub := required(re)
		if finite = finite && sub.exact != nil; finite {
			exact = union(exact, sub.exact)
		}
		sets := sub.needs()
		if len(sets) == 0 {
			if !finite {
				return requirement{}
			}
			any = append(any, "")
			continue
		}
		any = union(any, slices.MaxFunc(sets, func(a, b []string) int { return shortest(a) - shortest(b) }))
	}
	switch {
	case finite && len(exact) <= mostLiterals:
		return requirement{exact: exact}
	case len(any) > mostLiterals || slices.Contains(any, ""):
		return requirement{}
	}
	return requirement{all: [][]string{any}}
}

func shortest(set []string) int {
	return len(slices.MinFunc(set, func(a, b string) int { return len(a) - len(b) }))
}

func cross(left, right []string) []string {
	var out []string
	for _, l := range left {
		for _, r := range right {
			out = append(out, l+r)
		}
	}
	return union(nil, out)
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
