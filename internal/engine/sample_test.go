package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"chimera/internal/tokenizer"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// keptBy returns the ids that survive truncation, best first.
func keptBy(s Sampling, logits ...float32) []int32 {
	c := newChooser(s, nil)
	c.keep(slices.Clone(logits))
	slices.SortFunc(c.kept, better)
	var ids []int32
	for _, x := range c.kept {
		ids = append(ids, x.id)
	}
	return ids
}

func TestTruncation(t *testing.T) {
	ln := func(p float64) float32 { return float32(math.Log(p)) }
	// Probabilities 0.5, 0.3, 0.15, 0.05, out of order.
	logits := []float32{ln(0.15), ln(0.5), ln(0.05), ln(0.3)}
	for _, c := range []struct {
		name string
		s    Sampling
		want []int32
	}{
		{"nothing", Sampling{}, []int32{1, 3, 0, 2}},
		{"top-k", Sampling{TopK: 2}, []int32{1, 3}},
		{"top-k beyond the vocabulary", Sampling{TopK: 99}, []int32{1, 3, 0, 2}},
		{"top-p reached by one", Sampling{TopP: 0.4}, []int32{1}},
		{"top-p reached by two", Sampling{TopP: 0.7}, []int32{1, 3}},
		{"top-p of all", Sampling{TopP: 1}, []int32{1, 3, 0, 2}},
		{"top-p counts what top-k left: 0.5/0.95 is enough", Sampling{TopK: 3, TopP: 0.52}, []int32{1}},
		{"min-p is relative to the best", Sampling{MinP: 0.25}, []int32{1, 3, 0}},
		{"min-p after top-k", Sampling{TopK: 2, MinP: 0.9}, []int32{1}},
	} {
		if d := cmp.Diff(c.want, keptBy(c.s, logits...)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestTopPOverALargeVocabulary(t *testing.T) {
	// 3000 tokens of falling probability: the first 256 do not reach 0.9.
	logits := make([]float32, 3000)
	for i := range logits {
		logits[len(logits)-1-i] = -float32(i) / 1000
	}
	got := keptBy(Sampling{TopP: 0.9}, logits...)
	total, want, sum := 0.0, 0, 0.0
	for i := range logits {
		total += math.Exp(-float64(i) / 1000)
	}
	for ; sum < 0.9*total; want++ {
		sum += math.Exp(-float64(want) / 1000)
	}
	if len(got) < want-1 || len(got) > want+1 || got[0] != 2999 {
		t.Errorf("%d kept, want %d", len(got), want)
	}
}

func TestDrawFollowsTheDistribution(t *testing.T) {
	const n = 20000
	logits := []float32{1, 0, -1, float32(math.Inf(-1))}
	for _, temperature := range []float64{0.5, 1, 2} {
		c := newChooser(Sampling{Temperature: temperature, Seed: 5}, nil)
		counts := make([]float64, len(logits))
		for range n {
			counts[c.choose(slices.Clone(logits), nil)]++
		}
		total := 0.0
		for _, l := range logits {
			total += math.Exp(float64(l) / temperature)
		}
		for id, l := range logits {
			p := math.Exp(float64(l)/temperature) / total
			// Five standard errors: the seed is fixed, so this never flickers.
			if d := math.Abs(counts[id]/n - p); d > 5*math.Sqrt(p*(1-p)/n) {
				t.Errorf("temperature %g: token %d in %.4f of draws, want %.4f", temperature, id, counts[id]/n, p)
			}
		}
	}
}

func TestRepeatPenalty(t *testing.T) {
	c := newChooser(Sampling{RepeatPenalty: 2, RepeatLastN: 3}, []int32{4})
	logits := []float32{5, 4, -1, 9, 99}
	// Token 3 is recent (9 → 4.5), 2 is recent and negative (−1 → −2), 0 is too
	// long ago, 3 counts once, 4 is banned.
	if got := c.choose(logits, []int32{0, 3, 2, 3}); got != 0 {
		t.Errorf("chose %d", got)
	}
	if d := cmp.Diff([]float32{5, 4, -2, 4.5, float32(math.Inf(-1))}, logits); d != "" {
		t.Error(d)
	}
}

func TestBestMatchesSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		logits := rapid.SliceOfN(rapid.Float32Range(-3, 3), 1, 60).Draw(t, "logits")
		for i := range logits { // make equal ones
			logits[i] = float32(math.Round(float64(logits[i])))
		}
		k := rapid.IntRange(1, 70).Draw(t, "k")
		want := all(nil, logits)
		slices.SortFunc(want, better)
		want = want[:min(k, len(want))]
		if got := best(nil, logits, k); !slices.Equal(got, want) {
			t.Fatalf("best %d of %v = %v, want %v", k, logits, got, want)
		}
	})
}

func TestScoreNormalizes(t *testing.T) {
	logits := make([]float32, 5000)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range logits {
		logits[i] = float32(r.NormFloat64() * 8)
	}
	s := scorer{top: 3}
	total := 0.0
	for id := range logits {
		total += math.Exp(s.score(logits, int32(id)).LogProb)
	}
	if math.Abs(total-1) > 1e-5 {
		t.Errorf("probabilities add up to %v", total)
	}
	top := s.score(logits, 0).Top
	if len(top) != 3 || top[0].ID != argmax(logits) || top[0].LogProb < top[1].LogProb || top[1].LogProb < top[2].LogProb {
		t.Errorf("top = %v", top)
	}
}

// byteTokens is a vocabulary of the 256 bytes, token id = byte.
func byteTokens(t interface{ Fatal(...any) }) *tokenizer.Tokenizer {
	v := tokenizer.Vocabulary{Kind: tokenizer.SentencePiece, BOS: tokenizer.None, EOS: tokenizer.None, EOT: tokenizer.None, UNK: tokenizer.None}
	for b := range 256 {
		v.Tokens, v.Types, v.Scores = append(v.Tokens, fmt.Sprintf("<0x%02X>", b)), append(v.Types, tokenizer.Byte), append(v.Scores, 0)
	}
	tok, err := tokenizer.New(v)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// However text arrives, what comes out is the text before the first stop string,
// in whole runes, and nothing that comes out is taken back.
func TestWriterStopsExactly(t *testing.T) {
	tok := byteTokens(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("abé👍"))).Draw(t, "text")
		stops := rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom([]rune("abé")), 1, 4, -1), 0, 3).Draw(t, "stops")
		w := writer{decoder: tok.NewDecoder(false), stops: stops}
		got, stopped := "", false
		for i := 0; i < len(text) && !stopped; i++ {
			var piece string
			piece, stopped = w.push(int32(text[i]))
			if !utf8.ValidString(piece) {
				t.Fatalf("piece %q splits a rune", piece)
			}
			got += piece
		}
		if !stopped {
			piece, hit := w.flush()
			got, stopped = got+piece, hit
		}
		// The stop that is complete first wins; of those, the earliest beginning.
		want, end := text, len(text)+1
		for i := range len(text) + 1 {
			for _, s := range stops {
				if strings.HasSuffix(text[:i], s) && (i < end || i == end && i-len(s) < len(want)) {
					want, end = text[:i-len(s)], i
				}
			}
		}
		if got != want || stopped != (end <= len(text)) || w.out.String() != got {
			t.Fatalf("%q with stops %q: %q (%v), want %q", text, stops, got, stopped, want)
		}
	})
}
