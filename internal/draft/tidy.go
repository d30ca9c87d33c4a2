package draft

import (
	"strings"
)

// tidy takes out the words that only praise or blame, where the rest still
// stands: before a noun or another such word; and what a number makes needless,
// "times" behind it and "only" before it. Elsewhere they stay, and nothing
// carries them.
func (l *line) tidy() {
	for i := len(l.toks) - 1; i >= 0; i-- {
		t := l.toks[i]
		if t.kind != wordToken {
			continue
		}
		low := strings.ToLower(t.text)
		needless := low == "times" && i > 0 && l.toks[i-1].kind == slotToken || (low == "only" || low == "just") && i+1 < len(l.toks) && l.toks[i+1].kind == slotToken
		if needless || t.sense.class == evaluative && l.removable(i) {
			l.remove(i)
		}
	}
}

// removable reports whether the sentence stands without a word.
func (l *line) removable(i int) bool {
	if i+1 >= len(l.toks) || l.toks[i+1].kind == markToken {
		return false
	}
	next := l.toks[i+1]
	if i > 0 && conjoins(l.toks[i-1]) || conjoins(next) {
		return false
	}
	if isAdverb(l.toks[i].text) {
		return next.kind == wordToken
	}
	return next.kind == wordToken && next.sense.class != evaluative && !isFunction(next.text) || next.kind == nameToken
}

func isAdverb(word string) bool {
	low := strings.ToLower(word)
	return strings.HasSuffix(low, "ly") || low == "very" || low == "quite" || low == "truly"
}

// function words cannot be what an adjective belongs to.
var function = map[string]bool{}

func init() {
	for _, w := range strings.Fields(`a an the this that these those of in on at by for with from to into and or is are was were be been has have had as than if when where which who so yet still even too here there at`) {
		function[w] = true
	}
}

func isFunction(word string) bool { return function[strings.ToLower(word)] }

func conjoins(t token) bool {
	return t.kind == wordToken && (strings.EqualFold(t.text, "and") || strings.EqualFold(t.text, "or")) || t.kind == markToken && t.text == ","
}

// remove takes a token out, and gives the article before it the form that the
// next word asks for.
func (l *line) remove(i int) {
	l.removed = append(l.removed, l.toks[i].text)
	l.toks = append(l.toks[:i:i], l.toks[i+1:]...)
	if i == 0 || i >= len(l.toks) {
		return
	}
	article := &l.toks[i-1]
	if low := strings.ToLower(article.text); article.kind == wordToken && (low == "a" || low == "an") {
		article.text = article.text[:1]
		if strings.ContainsRune("aeiouAEIOU", rune(l.toks[i].text[0])) {
			article.text += "n"
		}
	}
}
