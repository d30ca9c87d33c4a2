package grammar_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"chimera/internal/grammar"
)

// words is a vocabulary of texts; the last one ends a text.
type words []string

func (w words) piece(dst []byte, id int32) []byte { return append(dst, w[id]...) }
func (w words) end() int32                        { return int32(len(w) - 1) }

func (w words) vocabulary(t testing.TB) *grammar.Vocabulary {
	t.Helper()
	v, err := grammar.NewVocabulary(len(w), w.piece, []int32{w.end()})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// bytesAnd returns all 256 bytes, more, and an end.
func bytesAnd(more ...string) words {
	var w words
	for b := range 256 {
		w = append(w, string([]byte{byte(b)}))
	}
	return append(append(w, more...), "<end>")
}

var pieces = bytesAnd("ab", "aa", "ba", "abab", "éa", "aé", "é", "€", "\xa9a", "a\xc3", "bb", "\x82\xac", "\xe2\x82", "é", "abc", "")

// Every allowed token keeps the text a prefix of the language, every other one
// does not, the end is allowed where a text may end; and with a budget, what is
// allowed can still be finished.
func TestMasksAreExact(t *testing.T) {
	vocabulary := pieces.vocabulary(t)
	refused, deep := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlain(t)
		a := bind(t, p, vocabulary)
		if a == nil {
			refused++
			return
		}
		c, text := a.Start(), ""
		p = p.finite()
		for step := range 6 {
			mask, err := c.Mask(1 << 20)
			if err != nil {
				t.Fatalf("after %q: %v\n%s", text, err, p.gbnf())
			}
			allowed := checkMask(t, p, text, mask)
			id := rapid.SampledFrom(allowed).Draw(t, "token")
			if err := c.Advance(id); err != nil {
				t.Fatal(err)
			}
			if id == pieces.end() {
				return
			}
			text += pieces[id]
			deep = max(deep, step)
		}
	})
	if deep < 3 {
		t.Errorf("no text had more than %d tokens (%d grammars refused): nothing was tested", deep, refused)
	}
}

// bind returns nil if the grammar is one that must be refused.
func bind(t *rapid.T, p plain, v *grammar.Vocabulary) *grammar.Automaton {
	g, err := grammar.ParseGBNF(p.gbnf())
	hopeless := len(p.finite().rules[0]) == 0
	switch {
	case err != nil && strings.Contains(err.Error(), "left-recursive"):
		return nil
	case (err != nil) != hopeless:
		t.Fatalf("hopeless: %t, but %v\n%s", hopeless, err, p.gbnf())
	case err != nil:
		return nil
	}
	a, err := grammar.Bind(g, v)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func checkMask(t *rapid.T, p plain, text string, mask *grammar.Mask) (allowed []int32) {
	for id, piece := range pieces {
		var want bool
		switch {
		case id == int(pieces.end()):
			_, want = p.prefixBytes(text)
		case piece != "":
			want, _ = p.prefixBytes(text + piece)
		}
		if mask.Has(int32(id)) != want {
			t.Fatalf("token %d %q after %q: allowed %t, want %t\n%s", id, piece, text, !want, want, p.gbnf())
		}
		if want {
			allowed = append(allowed, int32(id))
		}
	}
	return allowed
}

// With any budget that holds the shortest text, every choice of allowed tokens
// ends in a text of the language, and within the budget.
func TestEveryBudgetIsKept(t *testing.T) {
	vocabulary := pieces.vocabulary(t)
	rapid.Check(t, func(t *rapid.T) {
		drawn := drawPlain(t)
		a := bind(t, drawn, vocabulary)
		if a == nil {
			return
		}
		p := drawn.finite()
		c, text := a.Start(), ""
		if _, err := c.Mask(a.Shortest() - 1); err == nil {
			t.Fatalf("%d tokens are enough, but %d were accepted", a.Shortest(), a.Shortest()-1)
		}
		for budget := a.Shortest() + rapid.IntRange(0, 6).Draw(t, "spare"); ; budget-- {
			mask, err := c.Mask(budget)
			if err != nil {
				t.Fatalf("after %q with %d left: %v\n%s", text, budget, err, p.gbnf())
			}
			var allowed []int32
			for id := range pieces {
				if mask.Has(int32(id)) {
					allowed = append(allowed, int32(id))
				}
			}
			// Favour going on, so that budgets are used up.
			id := rapid.SampledFrom(allowed).Draw(t, "token")
			if id == pieces.end() && len(allowed) > 1 {
				id = allowed[0]
			}
			if err := c.Advance(id); err != nil {
				t.Fatal(err)
			}
			if id == pieces.end() {
				break
			}
			text += pieces[id]
		}
		if _, whole := p.prefixBytes(text); !whole {
			t.Fatalf("%q is not of the language\n%s", text, p.gbnf())
		}
		g, err := grammar.ParseGBNF(drawn.gbnf())
		if err != nil || !g.Accepts(text) || g.Accepts(text+"?") {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func TestTokensThatCannotBeChosenAreRefused(t *testing.T) {
	g, err := grammar.ParseGBNF(`root ::= "ab" | "c"`)
	if err != nil {
		t.Fatal(err)
	}
	a, err := grammar.Bind(g, pieces.vocabulary(t))
	if err != nil {
		t.Fatal(err)
	}
	empty := int32(slices.Index(pieces, ""))
	for _, id := range []int32{'b', pieces.end(), -1, int32(len(pieces)), empty} {
		if err := a.Start().Advance(id); err == nil {
			t.Errorf("token %d was accepted", id)
		}
	}
	c := a.Start()
	for _, id := range []int32{'c', pieces.end()} {
		if err := c.Advance(id); err != nil {
			t.Fatal(err)
		}
	}
	_, maskErr := c.Mask(5)
	if err := errors.Join(c.Advance('a'), maskErr); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("after the end: %v", err)
	}
}
