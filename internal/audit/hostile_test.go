package audit_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"chimera/internal/audit"
)

// A hostile report costs its length, up to the most claims that are judged.
func TestHostileReports(t *testing.T) {
	w := newWorld(3)
	a := audit.New(w.l)
	for name, text := range map[string]string{
		"line":      strings.Repeat("7", 10<<20),
		"sentences": strings.Repeat("The median decode rate of "+w.subjects[0]+" is 12.5 tok/s. ", 500),
		"numbers":   strings.Repeat("1.5 tok/s ", 1<<10),
		"words":     strings.Repeat(w.subjects[0]+" "+w.subjects[1]+" highest decode rate ", 1<<12),
		"table":     "|a|b|\n|-|-|\n" + strings.Repeat("|"+w.subjects[0]+"|7|\n", 100_000),
		"leads":     strings.Repeat(w.subjects[0]+":\n  rate: 5 tok/s\n", 500),
		"dates":     strings.Repeat("2024-01-02 May 3, 2024 ", 1<<14),
		"html":      "<html>" + strings.Repeat("<div>", 1<<18) + "5 tok/s",
	} {
		start := time.Now()
		r, err := auditText(a, text)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Claims) > 2*audit.MaxClaims {
			t.Errorf("%s: %d claims", name, len(r.Claims))
		}
		t.Logf("%s: %d claims in %v", name, len(r.Claims), time.Since(start).Round(time.Millisecond))
		if took := time.Since(start); took > 60*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// The same report and ledger give the same bytes, and every claim is marked.
func TestAnnotationsAreDeterministic(t *testing.T) {
	w := newWorld(4)
	var lines []string
	for _, l := range w.report() {
		lines = append(lines, l.text)
	}
	lines = append(lines, "<script>alert(1)</script> 5 tok/s & \"quotes\" | `code`")
	var first [2]string
	for i := range 3 {
		r, err := auditText(audit.New(w.l), strings.Join(lines, "\n\n"))
		if err != nil {
			t.Fatal(err)
		}
		var page, marked bytes.Buffer
		if r.HTML(&page) != nil || r.Markdown(&marked) != nil {
			t.Fatal("a buffer cannot be written")
		}
		if n := strings.Count(page.String(), `id="m`); n != len(r.Claims) {
			t.Errorf("%d of %d claims are marked in the page", n, len(r.Claims))
		}
		if strings.Contains(page.String(), "<script") || strings.Contains(page.String(), "http") {
			t.Error("the page holds a script or an address")
		}
		if i == 0 {
			first = [2]string{page.String(), marked.String()}
		} else if first != [2]string{page.String(), marked.String()} {
			t.Error("another time, other bytes")
		}
	}
}

func FuzzAudit(f *testing.F) {
	w := newWorld(5)
	a := audit.New(w.l)
	for _, l := range w.report() {
		f.Add(l.text)
	}
	f.Add("p = 0.03 (n = 5) 1-2% ± 3x faster than | 5 |")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := auditText(a, text)
		if err != nil {
			return
		}
		for _, c := range r.Claims {
			if c.Start < 0 || c.End < c.Start || c.End > len(r.Document.Text) || c.Line < 1 || c.Verdict == "" || c.Why == "" {
				t.Fatalf("%+v", c)
			}
		}
		var b bytes.Buffer
		if r.HTML(&b) != nil || r.Markdown(&b) != nil {
			t.Fatal("not written")
		}
		if n := strings.Count(b.String(), `id="m`); n != len(r.Claims) {
			t.Fatalf("%d of %d claims are marked", n, len(r.Claims))
		}
	})
}
