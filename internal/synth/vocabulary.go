package synth

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"chimera/internal/tokenizer"
)

// minVocabulary leaves room for specials, bytes and all printable ASCII.
const minVocabulary = 512

const (
	idUnknown, idBOS, idEOS = 0, 1, 2
	firstPiece              = 3 + 256 // after the specials and the bytes
	longestPiece            = 12      // bytes
)

// vocabulary makes n tokens of the SentencePiece kind: specials, all bytes,
// printable ASCII, and words grown from the seed by joining two pieces that are
// there already, which is what makes each of them reachable by merging.
func vocabulary(n int, seed uint64, spacePrefix bool) tokenizer.Vocabulary {
	v := tokenizer.Vocabulary{Kind: tokenizer.SentencePiece, UNK: idUnknown, BOS: idBOS, EOS: idEOS, EOT: tokenizer.None,
		AddBOS: true, AddSpacePrefix: spacePrefix}
	seen := make(map[string]bool, n)
	add := func(text string, typ tokenizer.TokenType) {
		seen[text] = true
		v.Tokens = append(v.Tokens, text)
		v.Types = append(v.Types, typ)
		v.Scores = append(v.Scores, -float32(len(v.Tokens)))
	}
	add("<unk>", tokenizer.Unknown)
	add("<s>", tokenizer.Control)
	add("</s>", tokenizer.Control)
	for b := range 256 {
		add(fmt.Sprintf("<0x%02X>", b), tokenizer.Byte)
	}
	const mark = "\u2581"
	add(mark, tokenizer.Normal)
	for c := '!'; c <= '~'; c++ {
		add(string(c), tokenizer.Normal)
	}
	r := rand.New(rand.NewPCG(seed, 0x766f636162))
	letters := strings.Split("etaoinsrhldcumfpgwybvk", "")
	starts := append([]string{mark}, letters...)
	grown := append([]string{}, letters...)
	for len(v.Tokens) < n {
		head := starts[r.IntN(len(starts))]
		tail := grown[r.IntN(len(grown))]
		piece := head + tail
		if len(strings.TrimPrefix(piece, mark)) > longestPiece {
			// Long pieces crowd the pool as it grows: begin again from a letter.
			piece = letters[r.IntN(len(letters))] + letters[r.IntN(len(letters))] + letters[r.IntN(len(letters))]
			if !seen[piece[:2]] {
				piece = piece[:2]
			}
		}
		if seen[piece] {
			continue
		}
		add(piece, tokenizer.Normal)
		starts = append(starts, piece)
		if !strings.HasPrefix(piece, mark) {
			grown = append(grown, piece)
		}
	}
	return v
}
