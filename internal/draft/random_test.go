package draft_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"chimera/internal/audit"
	"chimera/internal/claim"
	"chimera/internal/draft"
)

// A writer without any sense puts names, claims and slots together at random;
// what is kept of it holds against the rows of the earlier lab.
func TestRandomWritersAreAudited(t *testing.T) {
	s := legacySheet(t, 12000)
	r := rand.New(rand.NewPCG(5, 6))
	var facts, names []string
	for _, n := range s.Facts() {
		facts = append(facts, n.Short)
	}
	for line := range strings.Lines(s.Table()) {
		if strings.HasPrefix(line, "T0") {
			names = append(names, line[:5])
		}
	}
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	name := func() string { return "{{" + pick(names...) + "}}" }
	metric := func() string {
		return pick("token rate by the runtime's clock", "time to first token by the runtime's clock", "load time", "mean time", "model size", "speed", "latency", "throughput", "token rate")
	}
	var d draft.Draft
	section := draft.Section{Title: "findings"}
	const drafts, each = 60, 190
	kept, wrote := []draft.Kept{}, 0
	for range drafts {
		section.Sentences = nil
		for range each {
			f := pick(facts...)
			slot := "{{" + f + pick("", "", "|value", "|times", "|change", "|both", "|n") + "}}"
			who := pick(name(), name(), "{{"+f+"|of}}")
			text := pick(
				fmt.Sprintf("%s has a %s of %s.", who, metric(), slot),
				fmt.Sprintf("The %s %s of %s is %s.", pick("cold", "warm", "mean", "median", "maximum", ""), metric(), who, slot),
				fmt.Sprintf("The {{%s|what}} of %s is %s.", f, who, slot),
				fmt.Sprintf("%s is %s than %s: %s.", name(), pick("faster", "slower", "better", "higher", "lower", "larger", "smaller"), name(), slot),
				fmt.Sprintf("%s has a %s %s than %s: %s.", name(), pick("higher", "lower", "better", "worse"), metric(), name(), slot),
				fmt.Sprintf("%s has %s the %s of %s.", name(), slot, metric(), name()),
				fmt.Sprintf("%s has the %s %s, %s.", name(), pick("best", "worst", "highest", "lowest"), metric(), slot),
				fmt.Sprintf("The %s of %s is %s: %s.", metric(), who, pick("stable", "noisy", "the same", "not significant"), slot),
				fmt.Sprintf("Compared with %s, %s is %s faster.", name(), name(), slot),
				fmt.Sprintf("%s is {{%s|times}} faster than %s and %s faster than %s.", name(), pick(facts...), name(), slot, name()),
				fmt.Sprintf("The %s is %s for %s and {{%s}} for %s.", metric(), slot, name(), pick(facts...), name()),
				fmt.Sprintf("%s, %s, is ahead of %s.", name(), slot, name()),
				fmt.Sprintf("%s %s the %s of %s: %s.", name(), pick("affects", "changes", "drives"), metric(), name(), slot))
			section.Sentences = append(section.Sentences, draft.Sentence{Text: text})
		}
		wrote += each
		d.Sections = []draft.Section{section}
		k, _ := s.Check(d)
		kept = append(kept, k...)
	}
	if len(kept) < 100 {
		t.Errorf("of %d sentences only %d were kept: nothing was tested", wrote, len(kept))
	}
	text, cited := markdown(t, s, kept)
	doc, err := claim.Parse("random.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	l := *legacyData(t).ledger
	l.Cited = cited
	report := audit.New(&l).Audit(doc)
	for _, c := range report.Claims {
		if c.Verdict == audit.Contradicted || c.Verdict == audit.Malformed {
			t.Errorf("%s: %q in %q: %s %s", c.Verdict, c.Text, c.Sentence, c.Why, c.Truth)
		}
	}
	t.Logf("%d of %d sentences kept: %+v", len(kept), wrote, report.Summary)
}
