package quality

import (
	"slices"
	"unicode"
)

// systems are writing systems of several scripts.
var systems = map[string][]string{"Japanese": {"Han", "Hiragana", "Katakana"}, "Korean": {"Hangul", "Han"}}

// common scripts are looked at first: there are more than 160.
var common = []string{"Latin", "Han", "Cyrillic", "Arabic", "Devanagari", "Hiragana", "Katakana", "Hangul", "Greek", "Hebrew", "Thai", "Bengali", "Tamil", "Telugu"}

// scriptOf names the script of a letter; "" if it belongs to several.
func scriptOf(r rune) string {
	if r < 0x80 {
		return "Latin"
	}
	for _, name := range common {
		if unicode.Is(unicode.Scripts[name], r) {
			return name
		}
	}
	if unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name // scripts do not overlap
		}
	}
	return ""
}

// inScript reports whether every letter is of the script.
func inScript(text, name string) bool {
	allowed := systems[name]
	if allowed == nil {
		allowed = []string{name}
	}
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		if s := scriptOf(r); s != "" && !slices.Contains(allowed, s) {
			return false
		}
	}
	return true
}

// mixedScript is the share of letters that are not of the most frequent script;
// kana and ideographs together are Japanese.
func mixedScript(text string) Score {
	counts, letters := map[string]int{}, 0
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		if s := scriptOf(r); s != "" {
			counts[s]++
			letters++
		}
	}
	if letters == 0 {
		return absent("the answer has no letters")
	}
	if kana := counts["Hiragana"] + counts["Katakana"]; kana > 0 {
		counts["Japanese"] = kana + counts["Han"]
	}
	most := 0
	for _, n := range counts {
		most = max(most, n)
	}
	return value(1 - float64(most)/float64(letters))
}

// emoji counts emoji; one joined of several, or with a skin tone, is one.
func emoji(text string) (n int) {
	joined, flag := false, false
	for _, r := range text {
		switch {
		case r < 0x2190:
			flag = false
			joined = r == 0x200D
		case r >= 0x1F1E6 && r <= 0x1F1FF: // a flag is two of these
			if flag = !flag; flag {
				n++
			}
		case r >= 0x1F3FB && r <= 0x1F3FF, r == 0xFE0F:
		case r >= 0x1F300 && r <= 0x1FAFF, r >= 0x2600 && r <= 0x27BF, r >= 0x2B05 && r <= 0x2B55, r >= 0x1F004 && r <= 0x1F0CF:
			if !joined {
				n++
			}
			joined = false
		default:
			flag, joined = false, r == 0x200D
		}
	}
	return n
}

// readability is the automated readability index (Senter and Smith 1967):
// 4.71·characters/words + 0.5·words/sentences − 21.43, about a school grade of
// English. It needs an alphabet with spaces between words.
func readability(text string, w []string) Score {
	chars := 0
	for _, word := range w {
		for _, r := range word {
			if spaceless(r) {
				return absent("the index is of alphabets with spaces between words")
			}
			if r != '\'' {
				chars++
			}
		}
	}
	return value(4.71*float64(chars)/float64(len(w)) + 0.5*float64(len(w))/float64(max(1, sentences(text))) - 21.43)
}
