package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"chimera/internal/audit"
	"chimera/internal/fact"
	"chimera/internal/sample"
)

// A number that leads to a fact is judged by that fact alone: its value, its
// interval, its unit, and the thing that the words name.
func TestCitations(t *testing.T) {
	w := newWorld(4)
	fast, slow := w.subjects[len(w.subjects)-1], w.subjects[0]
	f := w.value("decode_rate", "median", "subject", fast, sample.Measure)
	f.Scope = map[string]string{"subject": fast}
	f, err := fact.Identify(f)
	if err != nil {
		t.Fatal(err)
	}
	g := f
	g.Scope = map[string]string{"subject": fast, "streams": "4"}
	if g, err = fact.Identify(g); err != nil {
		t.Fatal(err)
	}
	w.l.Cited = []fact.Fact{f, g}
	a := audit.New(w.l)
	v, lo, hi := f.Value.Or(0), f.Lo.Or(0), f.Hi.Or(0)
	number := fmt.Sprintf("%.1f \\[%.1f, %.1f\\] token/s", v, lo, hi)
	link := func(text, id string) string {
		return fmt.Sprintf("[%s](#%s \"decode_rate · median · n = %d of 99\")", text, strings.ToLower(id), f.N)
	}
	for _, c := range []struct {
		name, text string
		verdict    audit.Verdict
	}{
		{"as it is", fast + " decodes at " + link(number, f.ID) + ".", audit.Supported},
		{"how many", "Over " + link(fmt.Sprint(f.N), f.ID) + " requests.", audit.Supported},
		{"in a table", "| subject | decode rate, token/s |\n|---|---:|\n| " + fast + " | " + link(fmt.Sprintf("%.1f", v), f.ID) + " |", audit.Supported},
		{"the number of its scope", fast + " with 4 streams decodes at " + link(number, g.ID) + ".", audit.Supported},
		{"another number of its scope", fast + " with 5 streams decodes at " + link(number, g.ID) + ".", ""},
		{"another value", fast + " decodes at " + link(fmt.Sprintf("%.1f token/s", v+1), f.ID) + ".", audit.Contradicted},
		{"another interval", fast + " decodes at " + link(fmt.Sprintf("%.1f \\[%.1f, %.1f\\] token/s", v, lo-5, hi), f.ID) + ".", audit.Contradicted},
		{"another unit", fast + " takes " + link(fmt.Sprintf("%.1f ms", v), f.ID) + ".", audit.Contradicted},
		{"another unit in the head", "| subject | time, s |\n|---|---:|\n| " + fast + " | " + link(fmt.Sprintf("%.1f", v), f.ID) + " |", audit.Contradicted},
		{"another thing", slow + " decodes at " + link(number, f.ID) + ".", audit.Contradicted},
		{"another row", "| subject | decode rate, token/s |\n|---|---:|\n| " + slow + " | " + link(fmt.Sprintf("%.1f", v), f.ID) + " |", audit.Contradicted},
		{"no such fact", fast + " decodes at " + link(number, "f0123456789") + ".", audit.Contradicted},
	} {
		r, err := auditText(a, "# Report\n\n"+c.text+"\n")
		if err != nil {
			t.Fatal(err)
		}
		if c.verdict == "" {
			if r.Summary.Of(audit.Supported) == len(r.Claims) {
				t.Errorf("%s: all is supported: %+v", c.name, r.Claims)
			}
			continue
		}
		if r.Summary.Of(c.verdict) == 0 || len(r.Claims) != r.Summary.Of(c.verdict) {
			t.Errorf("%s: %+v, want %s only: %+v", c.name, r.Summary, c.verdict, r.Claims)
		}
	}
}
