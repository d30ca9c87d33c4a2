package tool

import (
	"fmt"
	"strings"

	"chimera/internal/finding"
)

// Text is every finding in plain text: question, verdict, sentence with the ids
// of its facts, notes and the checks that failed.
func (s *Source) Text() string {
	var b strings.Builder
	asked := ""
	for _, f := range s.Analysis.Findings {
		if f.Question != asked {
			asked = f.Question
			fmt.Fprintf(&b, "%s\n", oneLine(asked))
		}
		fmt.Fprintf(&b, "  %s %s: %s%s\n", f.ID, f.Verdict, oneLine(f.Sentence.Print(s.Analysis.Fact)), cited(f.Sentence))
		for _, n := range f.Notes {
			fmt.Fprintf(&b, "    %s%s\n", oneLine(n.Print(s.Analysis.Fact)), cited(n))
		}
		for _, c := range f.Checks {
			if c.Status == finding.Fail {
				fmt.Fprintf(&b, "    failed %s: %s%s\n", c.ID, oneLine(c.Why.Print(s.Analysis.Fact)), cited(c.Why))
			}
		}
	}
	if b.Len() == 0 {
		return "no question that chimera asks can be put to these rows\n"
	}
	return b.String()
}

func cited(s finding.Sentence) string {
	if ids := s.Facts(); len(ids) > 0 {
		return " (" + strings.Join(ids, ", ") + ")"
	}
	return ""
}

// oneLine keeps names that hold line breaks from looking like findings.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
