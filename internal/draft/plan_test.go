package draft_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"chimera/internal/audit"
	"chimera/internal/claim"
	"chimera/internal/draft"
	"chimera/internal/fact"
	"chimera/internal/golden"
	"chimera/internal/report"
)

// markdown prints what was kept as a report does: each number leads to its fact.
func markdown(t *testing.T, s *draft.Sheet, kept []draft.Kept) (text string, cited []fact.Fact) {
	t.Helper()
	d := report.Document{Name: "draft", Title: "What was measured?", Ledger: &report.Ledger{}, Rederive: "chimera"}
	for _, k := range kept {
		if n := len(d.Sections); n == 0 || d.Sections[n-1].ID != k.Section {
			d.Sections = append(d.Sections, report.Section{ID: k.Section, Title: k.Section})
		}
		last := &d.Sections[len(d.Sections)-1]
		last.Blocks = append(last.Blocks, report.Paragraph{Text: k.Text})
		for _, id := range k.Facts {
			f, _ := s.Fact(id)
			d.Ledger.Add(f)
		}
	}
	var b strings.Builder
	if err := report.Markdown(&b, d, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	return b.String(), d.Ledger.Facts()
}

// plain prints what was kept, a sentence a line.
func plain(s *draft.Sheet, kept []draft.Kept) string {
	var b strings.Builder
	for _, k := range kept {
		fmt.Fprintf(&b, "%s, %s: %s\n", k.Section, k.Kind, k.Text.Print(s.Fact))
	}
	return b.String()
}

func TestPlanOverTheEarlierLabsData(t *testing.T) {
	s := legacySheet(t, 0)
	kept, dropped := s.Check(s.Plan())
	if len(dropped) != 0 || len(kept) < 10 {
		t.Errorf("%d kept, dropped %+v", len(kept), dropped)
	}
	golden.Equal(t, "plan.txt", []byte(plain(s, kept)))
	t.Logf("%+v", draft.Rate(kept, dropped, s.Wanted()))
}

// What the planner writes holds: the auditor, who has the rows and the facts that
// are cited, finds nothing false in it.
func TestPlansAreAudited(t *testing.T) {
	for _, budget := range []int{4000, 8000, 40000} {
		s := legacySheet(t, budget)
		kept, _ := s.Check(s.Plan())
		text, cited := markdown(t, s, kept)
		d, err := claim.Parse("plan.md", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		l := *legacyData(t).ledger
		l.Cited = cited
		r := audit.New(&l).Audit(d)
		for _, c := range r.Claims {
			if c.Verdict != audit.Supported && c.Verdict != audit.Misleading {
				t.Logf("%s: %q in %q: %s %s", c.Verdict, c.Text, c.Sentence, c.Why, c.Truth)
			}
		}
		if r.Failed() || r.Summary.Supported < 20 {
			t.Errorf("%+v", r.Summary)
		}
	}
}

// A plan that says what matters first is worth more than the same sentences in
// any order, and a longer one covers more.
func TestScoresTellGoodFromBad(t *testing.T) {
	s := legacySheet(t, 0)
	kept, dropped := s.Check(s.Plan())
	plan := draft.Rate(kept, dropped, s.Wanted())
	if plan.Ranking <= 0 || plan.Ranking > 1 || plan.Coverage <= 0 || plan.Coverage > 1 || plan.Sentences != len(kept) {
		t.Errorf("%+v", plan)
	}
	r := rand.New(rand.NewPCG(1, 2))
	worse, rounds := 0, 200
	for range rounds {
		mixed := append([]draft.Kept{}, kept...)
		r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		if score := draft.Rate(mixed, dropped, s.Wanted()); score.Ranking < plan.Ranking && score.Coverage == plan.Coverage {
			worse++
		}
	}
	if worse < rounds*9/10 {
		t.Errorf("of %d random orders only %d rank worse than the plan", rounds, worse)
	}
	if short := draft.Rate(kept[:2], nil, s.Wanted()); short.Coverage >= plan.Coverage {
		t.Errorf("two sentences cover %g, the plan %g", short.Coverage, plan.Coverage)
	}
	if none := draft.Rate(nil, nil, s.Wanted()); none.Coverage != 0 || none.Ranking != 0 {
		t.Errorf("%+v", none)
	}
	if nothing := draft.Rate(kept, nil, nil); nothing.Coverage != 0 || nothing.Ranking != 0 {
		t.Errorf("%+v", nothing)
	}
}
