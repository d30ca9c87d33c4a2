package audit

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// quoteKey is how many bytes of a quote, after its first letter, it is found by.
const quoteKey = 8

// quotes finds what a report of ours repeats from the ledger word for word: how
// a fact was made, why there is none, what a metric means. A digit that differs
// makes it another text, which is then judged as anybody's.
func (s *session) quotes(text string) []claim.Span {
	s.quoting.Do(func() { s.quoted = s.ledgerWords() })
	var out []claim.Span
	for at := 1; at+quoteKey <= len(text); at++ {
		for _, q := range s.quoted[text[at:at+quoteKey]] {
			if strings.HasPrefix(text[at:], q[1:]) && strings.EqualFold(text[at-1:at], q[:1]) && ends(text[at+len(q)-1:]) {
				out = append(out, claim.Span{Start: at - 1, End: at - 1 + len(q)})
				at += len(q) - 1
				break // the longest stands first
			}
		}
	}
	return out
}

// recorded reports whether a row of two cells says of a machine or a model what
// is on record of it.
func (s *session) recorded(p *claim.Passage) bool {
	if len(p.Cells) != 2 {
		return false
	}
	cell := func(i int) string { return strings.Trim(s.doc.Text[p.Cells[i].Start:p.Cells[i].End], " `") }
	is := func(name, value string) bool { return cell(0) == name && cell(1) == value }
	bytes := func(o sample.Opt[uint64]) string { return unit.Byte.Format(float64(o.Or(0))) }
	for _, r := range s.ledger.Inventory.Runs {
		if is("logical cores", fmt.Sprint(r.Host.Cores)) || is("memory", bytes(r.Host.MemoryBytes)) {
			return true
		}
		for _, m := range r.Subjects {
			if is("layers", fmt.Sprint(m.Layers.Or(0))) || is("trained context", fmt.Sprint(m.TrainedCtx.Or(0))) || is("parameters", fmt.Sprint(m.Parameters.Or(0))) || is("file", bytes(m.FileBytes)) {
				return true
			}
		}
	}
	return false
}

// ends reports whether a number or word that a quote ends in ends there too.
func ends(rest string) bool {
	for _, r := range rest {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '%'
	}
	return true
}

// ledgerWords are the texts of facts and definitions that hold a digit or a mark
// of a model, whole and clause by clause, by their key.
func (a *Auditor) ledgerWords() map[string][]string {
	seen := map[string]bool{}
	add := func(text string) {
		text = strings.ReplaceAll(oneLine(text), "|", "¦")
		for _, part := range append(strings.Split(text, "; "), text) {
			if len(part) > quoteKey && part[0] < 0x80 && strings.ContainsAny(part, "0123456789[<") {
				seen[part] = true
			}
		}
	}
	for _, f := range a.ledger.Cited {
		add(f.Method)
		add(f.Reason)
		for _, c := range f.Caveats {
			add(c)
		}
	}
	for _, r := range a.ledger.Inventory.Runs {
		for _, w := range r.Warnings {
			add(w)
			if _, said, ok := strings.Cut(w, ": "); ok {
				add(said)
			}
		}
		for _, m := range r.Subjects {
			add(m.Model)
		}
	}
	add(fmt.Sprintf("Of %g %% confidence", 100*fact.Level))
	add(fmt.Sprintf("its test at α = %g", finding.Alpha))
	for _, m := range metric.All() {
		add(m.Doc)
		add(m.Formula)
	}
	out := map[string][]string{}
	for q := range seen {
		out[q[1:1+quoteKey]] = append(out[q[1:1+quoteKey]], q)
	}
	for _, all := range out {
		slices.SortFunc(all, func(x, y string) int { return len(y) - len(x) })
	}
	return out
}
