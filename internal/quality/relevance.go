package quality

import "slices"

// keywords are the stems of a prompt's content words, each once, sorted.
func keywords(text string) []string {
	var out []string
	for _, w := range words(text) {
		if len([]rune(w)) >= 3 && !stopWords[w] || len(w) > 0 && spaceless([]rune(w)[0]) {
			out = append(out, stem(w))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// relevance is how many of the prompt's content words the answer takes up, and
// by how much that is more than of other prompts: an answer that would fit any
// prompt has a relevance of about 0.
func (t *Task) relevance(w []string) (own, net Score) {
	if len(t.about) == 0 {
		why := "the prompt is not known"
		return absent(why), absent(why)
	}
	said := map[string]bool{}
	for _, word := range w {
		said[stem(word)] = true
	}
	own = value(recall(said, t.about))
	if len(t.controls) == 0 {
		return own, absent("the workload has no other prompt to hold the answer against")
	}
	sum := 0.0
	for _, other := range t.controls {
		sum += recall(said, other)
	}
	return own, value(own.Value - sum/float64(len(t.controls)))
}

func recall(said map[string]bool, about []string) float64 {
	found := 0
	for _, w := range about {
		if said[w] {
			found++
		}
	}
	return float64(found) / float64(len(about))
}
