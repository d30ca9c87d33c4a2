package quality

import (
	"strings"
	"unicode"
)

// words splits a text into lower-case words: runs of letters, marks and digits,
// with apostrophes inside them. Scripts that write no spaces give one word a
// character, so that a length is one there too.
func words(text string) []string {
	var out []string
	from := -1
	flush := func(to int) {
		if from >= 0 {
			out = append(out, strings.ToLower(strings.ReplaceAll(text[from:to], "’", "'")))
			from = -1
		}
	}
	before := ' '
	for i, r := range text {
		switch {
		case spaceless(r):
			flush(i)
			out = append(out, string(r))
		case wordRune(r):
			if from < 0 {
				from = i
			}
		case (r == '\'' || r == '’') && from >= 0 && unicode.IsLetter(before) && letterAfter(text[i:], r):
		default:
			flush(i)
		}
		before = r
	}
	flush(len(text))
	return out
}

func wordRune(r rune) bool {
	if r < 0x80 {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) && r != '\uFE0F'
}

// spaceless scripts put no space between words.
func spaceless(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Khmer, unicode.Lao, unicode.Myanmar) && unicode.IsLetter(r)
}

func letterAfter(rest string, quote rune) bool {
	for _, r := range strings.TrimPrefix(rest, string(quote)) {
		return unicode.IsLetter(r)
	}
	return false
}

// sentences counts the ends of sentences that a space, a closing quote or the
// end of the text follows; a text with words and no end is one sentence.
func sentences(text string) int {
	n, open, ended := 0, false, false
	for _, r := range text {
		switch {
		case strings.ContainsRune("。！？", r):
			if open {
				n, open, ended = n+1, false, false
			}
		case strings.ContainsRune(".!?…", r):
			ended = open
		case ended && (unicode.IsSpace(r) || strings.ContainsRune("\"'”’)*", r)):
			n, open, ended = n+1, false, false
		case wordRune(r) || spaceless(r):
			open, ended = true, false
		}
	}
	if open {
		n++
	}
	return n
}

// stopWords are words of an English prompt that say nothing of its subject:
// function words, and the words of instructions.
var stopWords = set(`a about after again all also am an and any are as ask at be because been before being both but by can cannot could did do does
	doing down during each few for from further give had has have having he her here hers him his how i if in into is it its just let line lines
	make me more most my no nor not now of off on once one only or other our out over own please prompt quote react remark reply response same say
	sentence sentences she short should so some such tell than that the their them then there these they this those through to too two three under
	until up us use very was we were what when where which while who whom why will with word words would write craft you your`)

func set(text string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(text) {
		out[w] = true
	}
	return out
}

// stem takes the ends off a word that inflection adds, so that "captured" meets
// "capture". It is no dictionary: both sides of a comparison go through it.
func stem(w string) string {
	for _, end := range []string{"'s", "ing", "edly", "ed", "es", "ly", "s", "e"} {
		if cut, ok := strings.CutSuffix(w, end); ok && len(cut) >= 3 {
			if n := len(cut); (end == "ing" || end == "ed") && n > 3 && cut[n-1] == cut[n-2] && !strings.ContainsRune("lsz", rune(cut[n-1])) {
				cut = cut[:n-1] // running → run
			}
			if end == "'s" || end == "ing" || end == "ed" {
				return strings.TrimSuffix(cut, "e")
			}
			return cut
		}
	}
	return w
}
