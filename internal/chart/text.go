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
