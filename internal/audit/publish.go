package audit

import (
	"slices"
	"strings"

	"chimera/internal/claim"
	"chimera/internal/fact"
)

// Own audits a report of our own before it is published: Markdown whose numbers
// lead to the cited facts, against the rows that these were made of.
func Own(rows *fact.Ledger, cited []fact.Fact, markdown []byte) (*Report, error) {
	d, err := claim.Parse("report.md", markdown)
	if err != nil {
		return nil, err
	}
	l := *rows
	l.Cited = slices.Clone(cited)
	return New(&l).Audit(d), nil
}

// Failing are the claims that keep a report from being published: whatever is
// not supported.
func (r *Report) Failing() []Claim {
	var out []Claim
	for _, c := range r.Claims {
		if c.Verdict != Supported && c.Verdict != Misleading {
			out = append(out, c)
		}
	}
	return out
}

// In reports whether a printed sentence is the one that the claim stands in: it
// holds the claim's text, and one of the two holds the other's words.
func (c Claim) In(printed string) bool {
	p, s := letters(printed), strings.TrimSuffix(letters(c.Sentence), "…")
	return strings.Contains(p, letters(c.Text)) && (strings.Contains(s, p) || strings.Contains(p, s))
}

// letters leaves out marks and spaces, in which renderings differ.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" *_\\`[]()>-\u202f", r) {
			return -1
		}
		return r
	}, s)
}
