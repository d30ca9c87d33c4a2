package draft_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"chimera/internal/audit"
	"chimera/internal/claim"
	"chimera/internal/draft"
	"chimera/internal/golden"
)

// markdown prints what was kept as a report would.
func markdown(s *draft.Sheet, kept []draft.Kept) string {
	var b strings.Builder
	b.WriteString("# What was measured\n")
	section := ""
	for _, k := range kept {
		if k.Section != section {
			section = k.Section
			fmt.Fprintf(&b, "\n## %s\n\n", section)
		}
		fmt.Fprintf(&b, "- %s\n", k.Text.Print(s.Fact))
	}
	return b.String()
}

func TestPlanOverTheEarlierLabsData(t *testing.T) {
	s := legacySheet(t, 0)
	kept, dropped := s.Check(s.Plan())
	if len(dropped) != 0 || len(kept) < 10 {
		t.Errorf("%d kept, dropped %+v", len(kept), dropped)
	}
	golden.Equal(t, "plan.md", []byte(markdown(s, kept)))
	t.Logf("%+v", draft.Rate(kept, dropped, s.Wanted()))
}

// What the planner writes holds: the auditor contradicts none of it.
func TestPlansAreAudited(t *testing.T) {
	auditor := audit.New(legacyData(t).ledger)
	for _, budget := range []int{4000, 8000, 40000} {
		s := legacySheet(t, budget)
		kept, _ := s.Check(s.Plan())
		audited(t, auditor, markdown(s, kept))
	}
}

// audited fails for each claim that the auditor finds false or malformed.
func audited(t *testing.T, auditor *audit.Auditor, text string) {
	t.Helper()
	d, err := claim.Parse("plan.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := auditor.Audit(d)
	for _, c := range r.Claims {
		if c.Verdict != audit.Supported && c.Verdict != audit.Misleading {
			t.Logf("%s: %q in %q: %s %s", c.Verdict, c.Text, c.Sentence, c.Why, c.Truth)
		}
	}
	if r.Failed() || r.Summary.Supported == 0 {
		t.Errorf("%+v", r.Summary)
	}
	t.Logf("%+v", r.Summary)
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
