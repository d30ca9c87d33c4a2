package report

import (
	"chimera/internal/finding"
)

// Draw makes the figures of one finding as a report shows them. Subjects, in the
// order in which reports name them, keep the colours that they have there.
func Draw(a *finding.Analysis, f finding.Finding, subjects ...string) []Figure {
	b := builder{Input: Input{Analysis: a}, ledger: &Ledger{}, slots: map[string]int{}, ids: map[string]int{}}
	b.ledger.Add(a.Facts...)
	for _, s := range subjects {
		b.colour(s)
	}
	var out []Figure
	for _, g := range f.Figures {
		for _, block := range b.draw(f, g) {
			if fig, ok := block.(Figure); ok {
				out = append(out, fig)
			}
		}
	}
	return out
}
