package draft

import (
	"strings"

	"chimera/internal/finding"
)

// Table prints the sheet for a writer: a line for each finding, fact and thing.
// Names are data: they are bounded, on one line, and in quotation marks where
// they could read as anything else.
func (s *Sheet) Table() string {
	var b strings.Builder
	b.WriteString("findings: id | verdict | about | the finding, which is a whole sentence of its own\n")
	for _, c := range s.claims {
		b.WriteString(s.claimLine(c))
	}
	b.WriteString("facts: id | what | of | value | n\n")
	for _, x := range s.facts {
		b.WriteString(s.factLine(x))
	}
	b.WriteString("things: id | name\n")
	for _, t := range s.things {
		b.WriteString(s.thingLine(t))
	}
	return b.String()
}

func (s *Sheet) claimLine(c *claim) string {
	return c.id + " | " + string(c.Verdict) + " | " + strings.ReplaceAll(string(c.Kind), "-", " ") + " | " + s.told(c.Finding).Print(s.known) + "\n"
}

func (s *Sheet) factLine(x *item) string {
	names := make([]string, 0, len(x.identity))
	for _, n := range x.identity {
		names = append(names, safe(n))
	}
	if of, to, ok := sides(x.Fact); ok {
		names = append([]string{safe(of) + " by " + safe(to)}, without(names, safe(of), safe(to))...)
	}
	value := "not measured: " + safe(x.Reason)
	if x.Value.OK() {
		value = finding.Show(x.Fact, form(x.Fact, ""))
	}
	if x.Phase == "cold" {
		value += " (cold)"
	}
	return x.id + " | " + what(x.Fact) + " | " + strings.Join(names, ", ") + " | " + value + " | " + finding.Show(x.Fact, finding.AsN) + "\n"
}

func (s *Sheet) thingLine(t *thing) string { return t.id + " | " + safe(t.name) + "\n" }

// cleaned is a sentence whose names are safe to print.
func cleaned(s finding.Sentence) finding.Sentence {
	out := make(finding.Sentence, len(s))
	for i, p := range s {
		p.Name = safe(p.Name)
		out[i] = p
	}
	return out
}

func without(all []string, some ...string) []string {
	var out []string
next:
	for _, x := range all {
		for _, y := range some {
			if x == y {
				continue next
			}
		}
		out = append(out, x)
	}
	return out
}
