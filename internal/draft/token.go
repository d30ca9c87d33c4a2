package draft

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind int

const (
	wordToken tokenKind = iota // one word of the lexicon, or one phrase of it
	nameToken                  // the name of a thing
	slotToken                  // a fact
	markToken                  // punctuation
)

// token is one piece of a sentence in which every word has its sense.
type token struct {
	kind  tokenKind
	text  string // as written
	sense sense
	name  string // of a thing
	item  *item  // of a slot
	as    string
}

// vocabulary finds names in running text.
type vocabulary map[rune][]string // by first rune, lower case; longer names first

// newVocabulary takes the names that cannot be mistaken for words: one that is
// itself a word of the lexicon is a name in a slot only.
func (s *Sheet) newVocabulary() vocabulary {
	v := vocabulary{}
	for _, t := range s.things {
		if len(t.name) < 2 || lexicon[strings.ToLower(t.name)].class != unknown {
			continue
		}
		first, _ := utf8.DecodeRuneInString(strings.ToLower(t.name))
		v[first] = append(v[first], t.name)
	}
	for _, names := range v {
		slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	}
	return v
}

// at returns the longest name that text begins with, and ends as a word there.
func (v vocabulary) at(text string) string {
	first, _ := utf8.DecodeRuneInString(text)
	for _, name := range v[unicode.ToLower(first)] {
		if len(name) <= len(text) && strings.EqualFold(text[:len(name)], name) && !continues(text[len(name):]) {
			return name
		}
	}
	return ""
}

// continues reports that a name goes on: gemma3 is not named by gemma3:270m.
func continues(rest string) bool {
	r, size := utf8.DecodeRuneInString(rest)
	if isWordRune(r) {
		return size > 0 && rest != ""
	}
	next, _ := utf8.DecodeRuneInString(rest[min(size, len(rest)):])
	return strings.ContainsRune(":=./|-", r) && len(rest) > size && (unicode.IsLetter(next) || unicode.IsDigit(next))
}

func isWordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) || r == '_')
}

// marks are the only signs that may stand between words.
const marks = ".,;:()?!–—-'\"’“”/="

// emphasis is what writers put around words for the eye; it is dropped.
const emphasis = "*`_#>"

// tokens cuts parts into tokens, or says what may not stand there.
func (s *Sheet) tokens(parts []Part) ([]token, error) {
	var out []token
	for _, p := range parts {
		if p.Slot != "" {
			if x := s.factByID[p.Slot]; x != nil {
				out = append(out, token{kind: slotToken, item: x, as: p.As})
			} else {
				t := s.thingByID[p.Slot]
				out = append(out, token{kind: nameToken, name: t.name, text: t.name})
			}
			continue
		}
		words, err := s.words(p.Text)
		if err != nil {
			return nil, err
		}
		out = append(out, words...)
	}
	return s.phrases(out), nil
}

// words cuts running text.
func (s *Sheet) words(text string) ([]token, error) {
	var out []token
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case unicode.IsSpace(r) || strings.ContainsRune(emphasis, r):
			text = text[size:]
			continue
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			if name := s.vocab.at(text); name != "" {
				out, text = append(out, token{kind: nameToken, name: name, text: name}), text[len(name):]
				continue
			}
			end := strings.IndexFunc(text, func(r rune) bool { return !isWordRune(r) && r != '-' && r != '\'' && r != '’' })
			if end < 0 {
				end = len(text)
			}
			word := strings.TrimRight(text[:end], "-'’")
			if strings.ContainsFunc(word, unicode.IsNumber) {
				return nil, fmt.Errorf("%q holds a digit: numbers and names come from slots", bounded(word, 40))
			}
			out, text = append(out, token{kind: wordToken, text: word}), text[len(word):]
		case strings.ContainsRune(marks, r):
			out, text = append(out, token{kind: markToken, text: string(r)}), text[size:]
		default:
			return nil, fmt.Errorf("the sign %q may not stand in a sentence", r)
		}
	}
	return out, nil
}

// phrases joins words that are one entry of the lexicon, the longest first, and
// gives every word its sense.
func (s *Sheet) phrases(in []token) []token {
	var out []token
	for i := 0; i < len(in); {
		if in[i].kind != wordToken {
			out = append(out, in[i])
			i++
			continue
		}
		n := 1
		for n < longest && i+n < len(in) && in[i+n].kind == wordToken {
			n++
		}
		for ; n > 1; n-- {
			if s.sense(lower(in[i:i+n])).class != unknown {
				break
			}
		}
		t := token{kind: wordToken, text: joined(in[i : i+n])}
		if t.sense = s.sense(lower(in[i : i+n])); t.sense.class == unknown {
			t.sense = inflected(lower(in[i : i+n]))
		}
		if i == 0 && strings.EqualFold(t.text, "set") {
			t.sense = sense{class: choose} // as the first word it advises
		}
		out = append(out, t)
		i += n
	}
	return out
}

// sense looks a word or phrase up: in the lexicon, and among what the sheet's own
// metrics are called.
func (s *Sheet) sense(words string) sense {
	if found, ok := lexicon[words]; ok || !s.labels[words] {
		return found
	}
	return sense{metricWord, words}
}

// inflected finds what a word of unknown form may be: a number (tenfold), or
// praise.
func inflected(word string) sense {
	switch {
	case strings.HasSuffix(word, "fold") && len(word) > 4, strings.HasSuffix(word, "th") && lexicon[strings.TrimSuffix(word, "th")].class == number:
		return sense{class: number}
	case strings.Contains(word, "-"):
		for part := range strings.SplitSeq(word, "-") {
			if c := lexicon[part].class; c == number || c == unknown && strings.HasSuffix(part, "fold") {
				return sense{class: number}
			}
		}
	case looksEvaluative(word):
		return sense{class: evaluative}
	}
	return sense{}
}

func joined(in []token) string {
	texts := make([]string, len(in))
	for i, t := range in {
		texts[i] = t.text
	}
	return strings.Join(texts, " ")
}

func lower(in []token) string { return strings.ToLower(strings.ReplaceAll(joined(in), "’", "'")) }

// bounded cuts a foreign text for a message.
func bounded(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
