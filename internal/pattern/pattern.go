// Package pattern matches regular expressions against many short texts.
//
// Most expressions match few sentences, and the expression itself knows why:
// something that it requires is not there. What an expression requires is read
// from its syntax, so that no list of words beside it can go out of date. A text
// without it is answered by one scan; every other is left to package regexp,
// and so every answer is that of package regexp.
package pattern

import (
	"regexp"
	"regexp/syntax"
)

// Regexp is a regular expression that looks before it matches. Its methods
// answer as those of the same names in package regexp. It is safe for
// concurrent use.
type Regexp struct {
	re    *regexp.Regexp
	needs []need
}

// need is a set of literals of which a matching text has at least one.
type need [][]gram

// MustCompile is regexp.MustCompile.
func MustCompile(expr string) *Regexp {
	r := &Regexp{re: regexp.MustCompile(expr)}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		panic(err) // regexp has just parsed it
	}
	for _, literals := range required(tree.Simplify()).needs() {
		var n need
		for _, l := range literals {
			n = append(n, gramsOf(l))
		}
		r.needs = append(r.needs, n)
	}
	return r
}

// may reports whether a text has what the expression requires.
func (r *Regexp) may(text string) bool {
	if len(r.needs) == 0 {
		return true
	}
	var s sieve
	if !s.add(text) {
		return true
	}
	for _, n := range r.needs {
		if !s.hasOne(n) {
			return false
		}
	}
	return true
}

// MatchString reports whether the text contains a match.
func (r *Regexp) MatchString(text string) bool { return r.may(text) && r.re.MatchString(text) }

// FindString returns the leftmost match.
func (r *Regexp) FindString(text string) string {
	if !r.may(text) {
		return ""
	}
	return r.re.FindString(text)
}

// FindStringIndex returns the place of the leftmost match.
func (r *Regexp) FindStringIndex(text string) []int {
	if !r.may(text) {
		return nil
	}
	return r.re.FindStringIndex(text)
}

// FindStringSubmatch returns the leftmost match and its groups.
func (r *Regexp) FindStringSubmatch(text string) []string {
	if !r.may(text) {
		return nil
	}
	return r.re.FindStringSubmatch(text)
}

// FindStringSubmatchIndex returns the places of the leftmost match and its groups.
func (r *Regexp) FindStringSubmatchIndex(text string) []int {
	if !r.may(text) {
		return nil
	}
	return r.re.FindStringSubmatchIndex(text)
}

// FindAllString returns at most n matches, all of them for n < 0.
func (r *Regexp) FindAllString(text string, n int) []string {
	if !r.may(text) {
		return nil
	}
	return r.re.FindAllString(text, n)
}

// FindAllStringIndex returns the places of at most n matches.
func (r *Regexp) FindAllStringIndex(text string, n int) [][]int {
	if !r.may(text) {
		return nil
	}
	return r.re.FindAllStringIndex(text, n)
}

// FindAllStringSubmatch returns at most n matches with their groups.
func (r *Regexp) FindAllStringSubmatch(text string, n int) [][]string {
	if !r.may(text) {
		return nil
	}
	return r.re.FindAllStringSubmatch(text, n)
}

// FindAllStringSubmatchIndex returns the places of at most n matches and their groups.
func (r *Regexp) FindAllStringSubmatchIndex(text string, n int) [][]int {
	if !r.may(text) {
		return nil
	}
	return r.re.FindAllStringSubmatchIndex(text, n)
}

// ReplaceAllString returns the text with its matches replaced.
func (r *Regexp) ReplaceAllString(text, with string) string {
	if !r.may(text) {
		return text
	}
	return r.re.ReplaceAllString(text, with)
}
