package audit_test

import (
	"strings"
	"testing"

	"chimera/internal/audit"
)

// What a report says against itself is found without any row.
func TestReportsAgainstThemselves(t *testing.T) {
	a := audit.New(newRobots(2).ledger(nil, 1, ""))
	for _, c := range []struct {
		name, text, at string // at is what is flagged; "" for nothing
		why            string
	}{
		{"a right share", "It failed in 7 of 9 runs (78 %), and 93% (28/30 runs) held.", "", ""},
		{"a wrong share", "It failed in 7 of 9 runs (87 %).", "7 of 9 runs (87 %)", "another share"},
		{"a wrong share before its counts", "Of all, 83% (28/30 runs) held.", "83% (28/30", "another share"},
		{"an interval around its value", "The lid weighs 12.4 kB [11.8, 13.0].", "", ""},
		{"an interval beside its value", "The lid weighs 14.4 kB [11.8, 13.0].", "[11.8, 13.0]", "outside its own interval"},
		{"an interval turned round", "The lid weighs 12.4 kB [13.0, 11.8].", "[13.0, 11.8]", "lower end"},
		{"parts and their total", "| bay | parcels |\n|---|--:|\n| north | 12 |\n| south | 30 |\n| Total | 42 |", "", ""},
		{"parts and another total", "| bay | parcels |\n|---|--:|\n| north | 12 |\n| south | 30 |\n| Total | 52 |", "52", "do not make this total"},
		{"a mean below the others", "| bay | mean wait (s) |\n|---|--:|\n| north | 12 |\n| south | 30 |\n| Total | 21 |", "", ""},
		{"headline and body", "## Summary\n\nIn test 4, Brontes has a mean battery draw of 31.25 J.\n\n## Bays\n\nIn test 4, Brontes has a mean battery draw of 77.5 J.", "31.25 J", "the body of the report says"},
		{"percentiles in order", "Brontes: p50 pick time 3.1 s, p95 pick time 2.2 s.", "2.2 s", ""},
	} {
		r, err := auditText(a, "# Notes\n\n"+c.text)
		if err != nil {
			t.Fatal(err)
		}
		found := ""
		for _, claim := range r.Claims {
			wrong := claim.Verdict == audit.Contradicted || claim.Verdict == audit.Malformed
			if wrong && c.at == "" {
				t.Errorf("%s: %q is %s: %s", c.name, claim.Text, claim.Verdict, claim.Why)
			}
			if wrong && claim.Text == c.at && strings.Contains(claim.Why, c.why) {
				found = claim.Text
			}
		}
		if found != c.at {
			t.Errorf("%s: %q is not flagged in %+v", c.name, c.at, r.Claims)
		}
	}
}

// A mean of n whole numbers is a multiple of 1/n.
func TestMeansOfWholeNumbers(t *testing.T) {
	a := audit.New(newWorld(1).l)
	for text, flagged := range map[string]bool{
		"- In test 2, mean output tokens 12.25 tokens (n = 8)": false,
		"- In test 2, mean output tokens 12.37 tokens (n = 8)": false, // 99/8 = 12.375
		"- In test 2, mean output tokens 12.31 tokens (n = 8)": true,
		"- In test 2, mean output tokens 12.3 tokens (n = 80)": false,
	} {
		r, err := auditText(a, text)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, c := range r.Claims {
			found = found || strings.Contains(c.Why, "whole numbers")
		}
		if found != flagged {
			t.Errorf("%q: %v, want %v", text, found, flagged)
		}
	}
}

// A figure that one line quotes from another report is not this report's own in
// the next.
func TestBorrowedFigures(t *testing.T) {
	r, err := auditText(audit.New(newRobots(2).ledger(nil, 1, "")), "# Report 14\n\nReport 12 measured a pick time of 812.5 s for the Marlin.\n\nOur Marlin needs a pick time of 812.5 s.")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Claims {
		if c.Line == 5 && c.Kind == audit.Provenance && strings.Contains(c.Why, "Report 12") {
			return
		}
	}
	t.Errorf("%+v", r.Claims)
}
