package tokenizer_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"chimera/internal/tokenizer"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDecoderHoldsAnUnfinishedRune(t *testing.T) {
	v := spm("a")
	tok := build(t, v)
	d := tok.NewDecoder(false)
	var got []string
	for _, b := range []byte("aé👍") {
		id, ok := tok.Lookup(map[byte]string{'a': "a"}[b])
		if !ok {
			id = 4 + int32(b)
		}
		got = append(got, d.Push(id))
	}
	got = append(got, d.Flush())
	if diff := cmp.Diff([]string{"a", "", "é", "", "", "", "👍", ""}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecoderReplacesWhatCannotBecomeARune(t *testing.T) {
	d := build(t, spm("a")).NewDecoder(false)
	a := int32(4 + 256)
	for _, c := range []struct {
		id   int32
		want string
	}{
		{4 + 0xE2, ""},          // may still become a rune
		{a, "\uFFFDa"},          // now it cannot
		{4 + 0xFF, "\uFFFD"},    // never could
		{-1, ""}, {1 << 30, ""}, // no such token
		{4 + 0xC3, ""},
	} {
		if got := d.Push(c.id); got != c.want {
			t.Errorf("Push(%d) = %q, want %q", c.id, got, c.want)
		}
	}
	if got := d.Flush(); got != "\uFFFD" {
		t.Errorf("Flush = %q", got)
	}
}

func TestControlTokensAreShownOnRequest(t *testing.T) {
	tok := build(t, spm("a"))
	ids := tok.Encode("a</s>", tokenizer.Options{AddSpecial: true, ParseSpecial: true})
	if got := tok.Decode(ids, false); got != "a" {
		t.Errorf("hidden: %q", got)
	}
	if got := tok.Decode(ids, true); got != "<s>a</s>" {
		t.Errorf("shown: %q", got)
	}
}

func TestStreamedPiecesAreTheText(t *testing.T) {
	toks := []*tokenizer.Tokenizer{build(t, spm("▁", "a", "é")), build(t, bpe("gpt-2", "a b"))}
	rapid.Check(t, func(t *rapid.T) {
		for _, tok := range toks {
			ids := rapid.SliceOf(rapid.Int32Range(0, int32(tok.Size())-1)).Draw(t, "ids")
			d := tok.NewDecoder(false)
			var got strings.Builder
			for _, id := range ids {
				piece := d.Push(id)
				if !utf8.ValidString(piece) {
					t.Fatalf("piece %q splits a rune", piece)
				}
				got.WriteString(piece)
			}
			got.WriteString(d.Flush())
			if want := tok.Decode(ids, false); got.String() != want {
				t.Fatalf("streamed %q, whole %q", got.String(), want)
			}
		}
	})
}
