package tokenizer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func words(pre, text string) []string {
	var out []string
	preTokenizers[pre].split(text, func(w string) { out = append(out, w) })
	return out
}

// The expected splits are those of the published patterns in an engine with lookahead.
func TestSplitPatterns(t *testing.T) {
	for _, c := range []struct {
		pre, text string
		want      []string
	}{
		{"gpt-2", "Hello  world", []string{"Hello", " ", " world"}},
		{"gpt-2", "it's I'LL", []string{"it", "'s", " I", "'", "LL"}},
		{"gpt-2", "a\n\nb \n", []string{"a", "\n", "\n", "b", " \n"}},
		{"gpt-2", "x=12345!!", []string{"x", "=", "12345", "!!"}},
		{"gpt-2", " \t x", []string{" \t", " x"}},
		{"gpt-2", "\u00a0x", []string{"\u00a0", "x"}},
		{"gpt-2", "'", []string{"'"}},
		{"llama-bpe", "it's I'LL", []string{"it", "'s", " I", "'LL"}},
		{"llama-bpe", "x=12345!!\r\n\ny", []string{"x", "=", "123", "45", "!!\r\n\n", "y"}},
		{"llama-bpe", "a  \n \n  b", []string{"a", "  \n \n", " ", " b"}},
		{"llama-bpe", "(foo) .bar\tbaz", []string{"(foo", ")", " .", "bar", "\tbaz"}},
		{"llama-bpe", " 12", []string{" ", "12"}},
		{"llama-bpe", "a   ", []string{"a", "   "}},
		{"llama-bpe", "\u3000日本 ½", []string{"\u3000日本", " ", "½"}},
		{"qwen2", "x 123", []string{"x", " ", "1", "2", "3"}},
		{"smollm", "x 123y", []string{"x", " ", "1", "2", "3", "y"}},
		{"smollm", "", nil},
	} {
		if d := cmp.Diff(c.want, words(c.pre, c.text)); d != "" {
			t.Errorf("%s %q: %s", c.pre, c.text, d)
		}
	}
}

func FuzzSplitKeepsEveryByte(f *testing.F) {
	f.Add("a 'S \r\n12 \xff¿")
	f.Fuzz(func(t *testing.T, s string) {
		for _, pre := range PreTokenizers() {
			if got := strings.Join(words(pre, s), ""); got != s {
				t.Fatalf("%s: %q became %q", pre, s, got)
			}
		}
	})
}
