package draft

import (
	"slices"

	"chimera/internal/finding"
)

// advice words what a finding recommends; nil if nothing follows from it.
func (s *Sheet) advice(c *claim) finding.Sentence {
	text := func(t string) finding.Part { return finding.Part{Text: t} }
	switch {
	case c.Verdict == finding.Better && c.Pick != "":
		return append(finding.Sentence{text("Use "), {Name: safe(c.Pick)}, text(": ")}, cleaned(c.Sentence)...)
	case c.Verdict == finding.Better && len(c.Winners) > 0:
		out := finding.Sentence{text("Use ")}
		for i, w := range c.Winners {
			switch {
			case i == 0:
			case i == len(c.Winners)-1:
				out = append(out, text(" or "))
			default:
				out = append(out, text(", "))
			}
			out = append(out, finding.Part{Name: safe(w)})
		}
		return append(append(out, text(": ")), cleaned(c.Sentence)...)
	case c.Verdict == finding.Inconclusive && c.Needed != "":
		for _, n := range c.Notes {
			if slices.Contains(n.Facts(), c.Needed) {
				return append(append(finding.Sentence{text("Measure it again. ")}, cleaned(c.Sentence)...), append(finding.Sentence{text(" ")}, cleaned(n)...)...)
			}
		}
	}
	return nil
}
