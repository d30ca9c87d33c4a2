package finding_test

import (
	"regexp"
	"strings"
	"testing"

	"chimera/internal/finding"
)

var claimsSameness = regexp.MustCompile(`\b(has|have|give|is) the same\b`)

// checkWords holds every finding to the price of its words: "because" needs a
// drawn, unaliased factor, sameness the verdict same, a winner a verdict that
// names one, a refusal its reason.
func checkWords(t testing.TB, a *finding.Analysis) {
	t.Helper()
	for _, f := range a.Findings {
		text := f.Sentence.Print(a.Fact)
		if strings.Contains(text, "because") && (f.Verdict != finding.Better || status(f, finding.OrderRandomised) != finding.Pass || status(f, finding.Unaliased) == finding.Fail) {
			t.Errorf("%s, order %s, aliases %s: %s", f.Verdict, status(f, finding.OrderRandomised), status(f, finding.Unaliased), text)
		}
		if claimsSameness.MatchString(text) && f.Verdict != finding.Same {
			t.Errorf("%s: %s", f.Verdict, text)
		}
		if strings.Contains(text, "significant") {
			t.Errorf("the word needs its test beside it: %s", text)
		}
		if (f.Verdict == finding.NotComparable) != (f.Forbids != "") {
			t.Errorf("%s, forbidden by %q: %s", f.Verdict, f.Forbids, text)
		}
		if f.Needed != "" && f.Verdict != finding.Inconclusive {
			t.Errorf("%s with a needed n: %s", f.Verdict, text)
		}
		if len(f.Winners) > 0 && (f.Verdict == finding.Worse || f.Verdict == finding.NotMeasured) {
			t.Errorf("%s with winners %v", f.Verdict, f.Winners)
		}
		if status(f, finding.OrderRandomised) == finding.Fail && (f.Verdict == finding.Better || f.Verdict == finding.Worse || f.Verdict == finding.Same) {
			t.Errorf("%s %s although the order was not drawn: %s", f.Kind, f.Verdict, text)
		}
		marked := 0
		for _, tab := range f.Tables {
			for _, r := range tab.Rows {
				if r.Winner {
					marked++
				}
			}
		}
		for _, g := range f.Figures {
			for _, p := range g.Panels {
				for _, m := range p.Points {
					if m.Winner {
						marked++
					}
				}
			}
		}
		if marked > 0 && len(f.Winners) == 0 {
			t.Errorf("%s %s marks %d winners and names none", f.Kind, f.Verdict, marked)
		}
	}
}

func TestWordsHaveTheirPriceInTheEarlierLabsData(t *testing.T) {
	for _, part := range []string{sweepDir, kernelDir, quantDir, backendDir, agentDir, "workspace"} {
		checkWords(t, legacyAnalysis(t, part))
	}
}
