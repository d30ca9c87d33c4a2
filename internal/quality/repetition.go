package quality

import (
	"slices"
	"strings"
	"unicode"
)

// distinct counts the different n-grams of word lists, and all of them. An
// n-gram does not reach from one list into the next.
func distinct(lists [][]string, n int) (unique, all int) {
	seen := map[string]bool{}
	var key []byte
	for _, w := range lists {
		for i := 0; i+n <= len(w); i++ {
			key = key[:0]
			for _, word := range w[i : i+n] {
				key = append(append(key, word...), 0)
			}
			seen[string(key)] = true
			all++
		}
	}
	return len(seen), all
}

// seqRep is 1 − distinct n-grams by n-grams (Welleck et al. 2020).
func seqRep(w []string, n int) Score {
	unique, all := distinct([][]string{w}, n)
	if all == 0 {
		return absent("the answer is shorter than one n-gram")
	}
	return value(1 - float64(unique)/float64(all))
}

const (
	loopLength = 30 // more equal ones in a row than this are a loop: Ollama aborts there
	loopPeriod = 8  // words of the longest unit that is looked for
)

// loops reports whether a unit of 1 to 8 words, or one character that is no
// rule or leader, repeats without end: more than 30 words or characters of it
// stand where the unit before stood.
func loops(text string, w []string) bool {
	for p := 1; p <= loopPeriod; p++ {
		run := 0
		for i := p; i < len(w); i++ {
			if run++; w[i] != w[i-p] {
				run = 0
			}
			if run >= loopLength {
				return true
			}
		}
	}
	run, before := 0, rune(-1)
	for _, r := range text {
		if run++; r != before || unicode.IsSpace(r) || strings.ContainsRune("-=_*.~─·|", r) {
			run = 0
		}
		if run >= loopLength {
			return true
		}
		before = r
	}
	return false
}

// repeat is the length of the longest substring that occurs twice, overlaps
// allowed, by the length of the text, both in characters.
func repeat(text string) Score {
	runes := []rune(text)
	if len(runes) < 2 {
		return value(0)
	}
	return value(float64(longestRepeat(runes)) / float64(len(runes)))
}

// longestRepeat is the largest common prefix of neighbours in the suffix array.
// It takes O(n log n) time whatever the text: prefix doubling with counting
// sorts (Manber and Myers 1993), then Kasai et al. (2001).
func longestRepeat(s []rune) int {
	order, rank := suffixes(s)
	best, common := 0, 0
	for i := range s { // in text order, the common prefix shrinks by at most one
		if rank[i] == 0 {
			common = 0
			continue
		}
		j := int(order[rank[i]-1])
		for i+common < len(s) && j+common < len(s) && s[i+common] == s[j+common] {
			common++
		}
		best = max(best, common)
		common = max(0, common-1)
	}
	return best
}

// suffixes returns the suffixes of s in order, and the place of each in it.
func suffixes(s []rune) (order, rank []int32) {
	n := len(s)
	order, rank = make([]int32, n), make([]int32, n)
	letters := slices.Clone(s)
	slices.Sort(letters)
	letters = slices.Compact(letters)
	for i, r := range s {
		at, _ := slices.BinarySearch(letters, r)
		rank[i] = int32(at)
	}
	count, second, next := make([]int32, max(n, len(letters))+1), make([]int32, n), make([]int32, n)
	for i := range second {
		second[i] = int32(i)
	}
	sortBy(second, rank, count, order)
	for k := 1; ; k *= 2 {
		// Those with nothing k further on come first; the others in the order of
		// what stands there.
		at := 0
		for i := max(0, n-k); i < n; i++ {
			second[at] = int32(i)
			at++
		}
		for _, i := range order {
			if int(i) >= k {
				second[at] = i - int32(k)
				at++
			}
		}
		sortBy(second, rank, count, order)
		classes := int32(0)
		next[order[0]] = 0
		for i := 1; i < n; i++ {
			if a, b := order[i-1], order[i]; rank[a] != rank[b] || after(rank, a, k) != after(rank, b, k) {
				classes++
			}
			next[order[i]] = classes
		}
		rank, next = next, rank
		if int(classes) == n-1 || k >= n {
			return order, rank
		}
	}
}

func after(rank []int32, i int32, k int) int32 {
	if int(i)+k < len(rank) {
		return rank[int(i)+k]
	}
	return -1
}

// sortBy puts from in the order of rank into to, equal ones as they stand.
func sortBy(from, rank, count, to []int32) {
	clear(count)
	for _, i := range from {
		count[rank[i]+1]++
	}
	for c := 1; c < len(count); c++ {
		count[c] += count[c-1]
	}
	for _, i := range from {
		to[count[rank[i]]] = i
		count[rank[i]]++
	}
}
