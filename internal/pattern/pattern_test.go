package pattern_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"chimera/internal/pattern"

	"pgregory.net/rapid"
)

// same holds a pattern against package regexp.
func same(t interface {
	Helper()
	Fatalf(string, ...any)
}, expr, text string) {
	t.Helper()
	p, re := pattern.MustCompile(expr), regexp.MustCompile(expr)
	if got, want := p.FindAllStringSubmatchIndex(text, -1), re.FindAllStringSubmatchIndex(text, -1); !reflect.DeepEqual(got, want) {
		t.Fatalf("%s in %q: %v, want %v", expr, text, got, want)
	}
	if got, want := p.ReplaceAllString(text, "_"), re.ReplaceAllString(text, "_"); got != want {
		t.Fatalf("%s in %q: %q, want %q", expr, text, got, want)
	}
}

var expressions = []string{
	`(?i)\b(?:best|worst|most (?:stable|sensitive))\b`, `\b(\d{4})-(\d{2})-(\d{2})\b`, `[a-z]/s\s*/|±\s*$|Δ`, `(?i)Δ|\bdelta\b`, `(Jan|May|Dec)\.?\s+(\d{1,2})(?:st|th)?`,
	`\b\d+(?:\s?[x×]\s?\d+)+\b`, `^[\s#*>\-•]*\d+[.)]\s`, `\b[0-9a-f]{12,64}\b`, `(?:ab?)*c`, `x*`, `(?i)k|s`, `(?i)[ks]`, `a|`, `(?:a|b*)c+d`, `\bre(?:duc(?:e|tion)|commend\w*)\b`, ``,
}

func TestAPatternAnswersAsRegexp(t *testing.T) {
	words := []string{"best", "Worst", "beſt", "most stable", "K", "ſ", "K", "2026-01-02", "12/s /", "m/s/", "±", "Δ", "δ", "delta", "May 3rd", "Dec. 12th", "3 x 4", "3×4", "1. ", "deadbeef0123", "abc", "c", "ccd", "reduction", "recommended", "\xff", "\t", "\n", " ", ", "}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(words), rapid.String()), 0, 6).Draw(t, "text"), rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
		same(t, rapid.SampledFrom(expressions).Draw(t, "expr"), text)
	})
}

// Any expression at all, made of parts that need each other's derivation.
func TestAnyExpressionAnswersAsRegexp(t *testing.T) {
	var expr func(depth int) *rapid.Generator[string]
	expr = func(depth int) *rapid.Generator[string] {
		leaf := rapid.SampledFrom([]string{"a", "b", "ab", "Ab", "[ab]", "[a-c]", "[^a]", ".", "1", `\d`, `\s`, `\b`, "^", "$", "k", "(?i:k)", "(?i:as)", "ſ", "×", "(?i:δ)", ""})
		if depth == 0 {
			return leaf
		}
		return rapid.Custom(func(t *rapid.T) string {
			one := func() string { return expr(depth-1).Draw(t, "part") }
			switch rapid.IntRange(0, 4).Draw(t, "shape") {
			case 0:
				return "(" + one() + "|" + one() + ")"
			case 1:
				return "(?:" + one() + ")" + rapid.SampledFrom([]string{"*", "+", "?", "{2}", "{1,3}", "+?"}).Draw(t, "times")
			case 2:
				return leaf.Draw(t, "leaf")
			default:
				return one() + one()
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("abABcsSkKſ\u212a×δΔ19 \n")), 0, 12, -1).Draw(t, "text")
		same(t, expr(4).Draw(t, "expr"), text)
	})
}

func BenchmarkMissing(b *testing.B) {
	p := pattern.MustCompile(`(?i)\b(?:reduc(?:e|es|ed|ing|tion)|increas(?:e|es|ed|ing)|improv(?:e|es|ed|ing|ement))\b`)
	text := "The median decode rate of subjectc is 22.2 tok/s over all runs of the first sweep."
	b.ReportAllocs()
	for b.Loop() {
		if p.MatchString(text) {
			b.Fatal("nothing in it matches")
		}
	}
}
