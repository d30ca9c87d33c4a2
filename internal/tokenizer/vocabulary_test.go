package tokenizer_test

import (
	"fmt"
	"strings"
	"testing"

	"chimera/internal/tokenizer"
)

// spm returns a SentencePiece vocabulary: specials, all bytes, a user-defined
// token, then the given pieces, each scored by its place (the first merges first).
func spm(pieces ...string) tokenizer.Vocabulary {
	v := tokenizer.Vocabulary{Kind: tokenizer.SentencePiece, UNK: 0, BOS: 1, EOS: 2, EOT: tokenizer.None, AddBOS: true}
	add := func(text string, typ tokenizer.TokenType, score float32) {
		v.Tokens = append(v.Tokens, text)
		v.Types = append(v.Types, typ)
		v.Scores = append(v.Scores, score)
	}
	add("<unk>", tokenizer.Unknown, 0)
	add("<s>", tokenizer.Control, 0)
	add("</s>", tokenizer.Control, 0)
	add("<b>", tokenizer.UserDefined, 0)
	for b := range 256 {
		add(fmt.Sprintf("<0x%02X>", b), tokenizer.Byte, 0)
	}
	for i, p := range pieces {
		add(p, tokenizer.Normal, -float32(i))
	}
	return v
}

// bpe returns a byte-level vocabulary: all bytes, then one token per merge, then <end>.
func bpe(pre string, merges ...string) tokenizer.Vocabulary {
	v := tokenizer.Vocabulary{Kind: tokenizer.ByteLevelBPE, Pre: pre, Merges: merges,
		UNK: tokenizer.None, BOS: tokenizer.None, EOT: tokenizer.None}
	for b := range 256 {
		v.Tokens = append(v.Tokens, mapped(string([]byte{byte(b)})))
	}
	for _, m := range merges {
		v.Tokens = append(v.Tokens, strings.Replace(m, " ", "", 1))
	}
	v.EOS = int32(len(v.Tokens))
	v.Tokens = append(v.Tokens, "<end>")
	v.Types = make([]tokenizer.TokenType, len(v.Tokens))
	for i := range v.Types {
		v.Types[i] = tokenizer.Normal
	}
	v.Types[v.EOS] = tokenizer.Control
	return v
}

// mapped is a second writing of GPT-2's byte map: the printable bytes stand for
// themselves, the other 68 are U+0100 to U+0143 in order.
func mapped(s string) string {
	var out strings.Builder
	for _, b := range []byte(s) {
		switch {
		case b >= 33 && b <= 126, b >= 161 && b <= 172, b >= 174:
			out.WriteRune(rune(b))
		case b <= 32:
			out.WriteRune(0x100 + rune(b))
		case b <= 160:
			out.WriteRune(0x121 + rune(b) - 127)
		default:
			out.WriteRune(0x143)
		}
	}
	return out.String()
}

func build(t testing.TB, v tokenizer.Vocabulary) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.New(v)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// texts returns the stored text of each token, which reads better than ids.
func texts(v tokenizer.Vocabulary, ids []int32) []string {
	out := []string{}
	for _, id := range ids {
		out = append(out, v.Tokens[id])
	}
	return out
}

func TestNewRefusesABrokenVocabulary(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(v *tokenizer.Vocabulary)
		want string
	}{
		{"empty", func(v *tokenizer.Vocabulary) { v.Tokens = nil }, "no tokens"},
		{"types cut short", func(v *tokenizer.Vocabulary) { v.Types = v.Types[:3] }, "3 token types for 261 tokens"},
		{"scores cut short", func(v *tokenizer.Vocabulary) { v.Scores = v.Scores[:3] }, "3 scores for 261 tokens"},
		{"a score that orders nothing", func(v *tokenizer.Vocabulary) { v.Scores[7] -= v.Scores[7]; v.Scores[7] /= v.Scores[7] }, "not a number"},
		{"BOS past the end", func(v *tokenizer.Vocabulary) { v.BOS = 261 }, "the BOS token is 261"},
		{"EOS below none", func(v *tokenizer.Vocabulary) { v.EOS = -2 }, "the EOS token is -2"},
		{"BOS wanted and absent", func(v *tokenizer.Vocabulary) { v.BOS = tokenizer.None }, "has none"},
		{"EOS wanted and absent", func(v *tokenizer.Vocabulary) { v.EOS, v.AddEOS = tokenizer.None, true }, "has none"},
		{"unknown kind", func(v *tokenizer.Vocabulary) { v.Kind = 9 }, "unknown kind 9"},
		{"a byte that nothing covers", func(v *tokenizer.Vocabulary) { v.UNK = tokenizer.None; v.Tokens[4+0x41] = "x" }, "byte 0x41 has no token"},
		{"unknown pattern", func(v *tokenizer.Vocabulary) { *v = bpe("nope") }, `unknown pre-tokenizer "nope"; known are deepseek-r1-qwen, gpt-2`},
		{"merge of one part", func(v *tokenizer.Vocabulary) { *v = bpe("gpt-2"); v.Merges = []string{"ab"} }, "not two parts"},
		{"merge of nothing", func(v *tokenizer.Vocabulary) { *v = bpe("gpt-2"); v.Merges = []string{""} }, "not two parts"},
		{"merge into no token", func(v *tokenizer.Vocabulary) { *v = bpe("gpt-2"); v.Merges = []string{"a b"} }, `"ab" is not a token`},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := spm("a")
			c.edit(&v)
			if _, err := tokenizer.New(v); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestEndTokens(t *testing.T) {
	v := spm("<end_of_turn>", "<|eot_id|>")
	v.Types[len(v.Types)-1] = tokenizer.Control
	tok := build(t, v)
	if id, ok := tok.EOS(); !ok || !tok.IsEnd(id) {
		t.Error("EOS must end a generation")
	}
	if id, _ := tok.Lookup("<|eot_id|>"); !tok.IsEnd(id) {
		t.Error("a control token with a published end name must end a generation")
	}
	if id, _ := tok.Lookup("<end_of_turn>"); tok.IsEnd(id) {
		t.Error("a normal token is text, whatever it spells")
	}
	if id, ok := tok.BOS(); !ok || id != 1 || tok.Size() != len(v.Tokens) {
		t.Error("BOS or size wrong")
	}
}
