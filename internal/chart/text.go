package chart

import (
	"strings"

	"chimera/internal/chart/paint"
)

// fit cuts text to a width in pixels, with an ellipsis.
func fit(text string, size float64, bold bool, width float64) string {
	if paint.Width(text, size, bold) <= width {
		return text
	}
	runes := []rune(text)
	lo, hi := 0, len(runes)
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if paint.Width(string(runes[:mid])+"…", size, bold) <= width {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return strings.TrimRight(string(runes[:lo]), " ") + "…"
}

// wrap breaks text at plain spaces into lines no wider than width; a longer
// word is cut.
func wrap(text string, size float64, bold bool, width float64) []string {
	var lines []string
	current := ""
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }) {
		for paint.Width(word, size, bold) > width {
			if current != "" {
				lines, current = append(lines, current), ""
			}
			head := strings.TrimSuffix(fit(word, size, bold, width), "…")
			if head == "" {
				break
			}
			lines = append(lines, head)
			word = strings.TrimPrefix(word, head)
		}
		switch {
		case current == "":
			current = word
		case paint.Width(current+" "+word, size, bold) <= width:
			current += " " + word
		default:
			lines, current = append(lines, current), word
		}
	}
	if current != "" {
		lines = append(lines, current)
	}
	return lines
}

// inherited are the names that every JavaScript object answers to. The library
// remembers the widths of texts in a plain object, by the text: these would be
// found before they were measured, and __proto__ would change every object.
var inherited = map[string]bool{
	"__proto__": true, "constructor": true, "hasOwnProperty": true, "isPrototypeOf": true, "propertyIsEnumerable": true,
	"toLocaleString": true, "toString": true, "valueOf": true, "__defineGetter__": true, "__defineSetter__": true,
	"__lookupGetter__": true, "__lookupSetter__": true,
}

// inert ends a line that is such a name with a character that is not seen.
func inert(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if inherited[strings.TrimSpace(l)] {
			lines[i] = l + "\u2060"
		}
	}
	return strings.Join(lines, "\n")
}
