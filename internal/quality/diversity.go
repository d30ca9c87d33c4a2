package quality

import (
	"bytes"
	"compress/gzip"
	"math"
	"strings"
	"sync"
)

// DistinctBudget is how many words of all answers a distinct-n is of: more words
// repeat more, so lengths must be equal.
const DistinctBudget = 50

// Diversity is how several answers to one prompt, under one configuration,
// differ.
type Diversity struct {
	Distinct       [2]Score // distinct n-grams by n-grams of DistinctBudget words, n = 1, 2
	Compression    Score    // bytes by gzipped bytes of all answers together: higher is more alike
	SelfRepetition Score    // share of an answer's 4-grams that stand in another one, mean
	SelfBLEU       Score    // BLEU of an answer against the others, mean
	Duplicates     Score    // answers that are the text of an earlier one, by answers
	Openers        Score    // entropy of the first two words by its largest value
}

// Compare scores answers to one prompt, in the order given; of more than
// MaxAnswers the first count.
func Compare(texts []string) *Diversity {
	texts = texts[:min(len(texts), MaxAnswers)]
	d := &Diversity{}
	if len(texts) < 2 {
		d.all(absent("one answer differs from nothing: at least two are needed"))
		return d
	}
	lists, cut := make([][]string, len(texts)), make([]string, len(texts))
	for i, t := range texts {
		cut[i] = bounded(t)
		lists[i] = words(cut[i])
	}
	d.Distinct = [2]Score{distinctAt(lists, 1), distinctAt(lists, 2)}
	d.Compression, d.Duplicates, d.Openers = compression(cut), duplicates(cut), openerEntropy(lists)
	d.SelfRepetition, d.SelfBLEU = selfRepetition(lists), selfBLEU(lists)
	return d
}

func (d *Diversity) all(s Score) {
	*d = Diversity{[2]Score{s, s}, s, s, s, s, s}
}

// distinctAt takes the budget's words evenly from the beginnings of the answers.
func distinctAt(lists [][]string, n int) Score {
	total := 0
	for _, w := range lists {
		total += len(w)
	}
	if total < DistinctBudget {
		return absent("the answers together have fewer words than the budget of 50")
	}
	part := make([][]string, len(lists))
	for left := DistinctBudget; left > 0; {
		for i, w := range lists {
			if k := len(part[i]); k < len(w) && left > 0 {
				part[i] = w[:k+1]
				left--
			}
		}
	}
	unique, all := distinct(part, n)
	if all == 0 {
		return absent("no answer is as long as one n-gram")
	}
	return value(float64(unique) / float64(all))
}

// packers are reused: a new one costs more than the answers do.
var packers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// compression is the ratio of Shaib et al. (2024, arXiv 2403.00553).
func compression(texts []string) Score {
	raw := strings.Join(texts, "\n")
	if strings.TrimSpace(raw) == "" {
		return absent("the answers are empty")
	}
	var packed bytes.Buffer
	z := packers.Get().(*gzip.Writer)
	defer packers.Put(z)
	z.Reset(&packed)
	if _, err := z.Write([]byte(raw)); err != nil {
		return absent(err.Error())
	}
	if err := z.Close(); err != nil {
		return absent(err.Error())
	}
	return value(float64(len(raw)) / float64(packed.Len()))
}

func duplicates(texts []string) Score {
	seen := map[string]bool{}
	for _, t := range texts {
		seen[strings.TrimSpace(t)] = true
	}
	return value(1 - float64(len(seen))/float64(len(texts)))
}

func openerEntropy(lists [][]string) Score {
	counts, n := map[string]int{}, 0
	for _, w := range lists {
		if len(w) > 0 {
			counts[strings.Join(w[:min(2, len(w))], " ")]++
			n++
		}
	}
	if n < 2 {
		return absent("fewer than two answers have words")
	}
	h := 0.0
	for _, k := range counts {
		p := float64(k) / float64(n)
		h -= p * math.Log(p)
	}
	return value(max(0, h) / math.Log(float64(n)))
}

// grams counts the n-grams of a word list.
func grams(w []string, n int) map[string]int {
	out := map[string]int{}
	for i := 0; i+n <= len(w); i++ {
		out[strings.Join(w[i:i+n], "\x00")]++
	}
	return out
}

// selfRepetition is after Salkar et al. (2022), as a share instead of a count.
func selfRepetition(lists [][]string) Score {
	const n = 4
	in := map[string]int{} // answers that hold the n-gram
	each := make([]map[string]int, len(lists))
	for i, w := range lists {
		each[i] = grams(w, n)
		for g := range each[i] {
			in[g]++
		}
	}
	sum, counted := 0.0, 0
	for _, own := range each {
		if len(own) == 0 {
			continue
		}
		again := 0
		for g := range own {
			if in[g] > 1 {
				again++
			}
		}
		sum, counted = sum+float64(again)/float64(len(own)), counted+1
	}
	if counted < 2 {
		return absent("fewer than two answers have four words")
	}
	return value(sum / float64(counted))
}

// selfBLEU is the mean BLEU-4 of each answer against all others as references
// (Zhu et al. 2018; BLEU of Papineni et al. 2002 with the add-one smoothing of
// Lin and Och 2004 above unigrams).
func selfBLEU(lists [][]string) Score {
	const most = 4
	var used [][]string
	for _, w := range lists {
		if len(w) > 0 {
			used = append(used, w)
		}
	}
	if len(used) < 2 {
		return absent("fewer than two answers have words")
	}
	counts := make([][most]map[string]int, len(used))
	for i, w := range used {
		for n := range most {
			counts[i][n] = grams(w, n+1)
		}
	}
	sum := 0.0
	for i, w := range used {
		logs := 0.0
		for n := range most {
			hit, all := clipped(counts, i, n), max(0, len(w)-n)
			if n > 0 {
				hit, all = hit+1, all+1
			}
			if hit == 0 {
				logs = math.Inf(-1)
				break
			}
			logs += math.Log(float64(hit)/float64(all)) / most
		}
		sum += math.Exp(logs + brevity(used, i))
	}
	return value(sum / float64(len(used)))
}

// clipped counts the n-grams of answer i that the best other answer also has.
func clipped(counts [][4]map[string]int, i, n int) (hit int) {
	for g, k := range counts[i][n] {
		best := 0
		for j := range counts {
			if j != i {
				best = max(best, counts[j][n][g])
			}
		}
		hit += min(k, best)
	}
	return hit
}

// brevity is the logarithm of BLEU's penalty for an answer shorter than the
// closest other one.
func brevity(lists [][]string, i int) float64 {
	own, closest := len(lists[i]), -1
	for j, w := range lists {
		if gap := abs(len(w) - own); j != i && (closest < 0 || gap < abs(closest-own) || gap == abs(closest-own) && len(w) < closest) {
			closest = len(w)
		}
	}
	if own >= closest {
		return 0
	}
	return 1 - float64(closest)/float64(own)
}

func abs(n int) int { return max(n, -n) }
