package agent_test

import (
	"bytes"
	"strings"
	"testing"

	"chimera/internal/agent"
	"chimera/internal/audit"
	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/report"
	"chimera/internal/sample"
)

// markdown renders a story as the command does.
func markdown(s *agent.Story) ([]byte, error) {
	l := &report.Ledger{}
	l.Add(s.Facts...)
	d := report.Document{Title: s.Title, Meta: s.Meta, Ledger: l, Rederive: "chimera agent run"}
	for _, c := range s.Chapters {
		section := report.Section{ID: c.ID, Title: c.Title}
		for _, b := range c.Blocks {
			switch {
			case b.Heading != "":
				section.Blocks = append(section.Blocks, report.Heading{Title: b.Heading})
			case b.Quote != "":
				section.Blocks = append(section.Blocks, report.Quote{Text: b.Quote})
			case b.Table != nil:
				section.Blocks = append(section.Blocks, report.TableOf(l, *b.Table))
			}
			for _, line := range b.Lines {
				section.Blocks = append(section.Blocks, report.Paragraph{Verdict: line.Verdict, Text: line.Text})
			}
		}
		d.Sections = append(d.Sections, section)
	}
	var out bytes.Buffer
	err := report.Markdown(&out, d, nil)
	return out.Bytes(), err
}

// checkPublished publishes, and holds the report to what every report promises.
func checkPublished(t *testing.T, m *agent.Material, all []*agent.Written, s *script) (*agent.Published, string) {
	t.Helper()
	l := *m.Ledger
	own := fact.RunRows{Manifest: sample.Manifest{Run: "c0ffee01", Name: "agent run"}}
	for _, w := range all {
		for _, c := range w.Calls {
			own.Samples = append(own.Samples, c.Row)
		}
	}
	if s != nil {
		for i := range s.readings {
			own.Readings = append(own.Readings, &s.readings[i])
		}
	}
	more := fact.NewLedger(own)
	l.Rows = append(append([]*fact.Row{}, l.Rows...), more.Rows...)
	l.Inventory.Runs = append(append([]fact.RunEntry{}, l.Inventory.Runs...), more.Inventory.Runs...)
	p, err := agent.Report(m, &l, "What do these measurements show?", finding.Sentence{{Text: "written for a test"}}, all, nil, markdown)
	if err != nil {
		t.Fatal(err)
	}
	text, err := markdown(p.Story)
	if err != nil {
		t.Fatal(err)
	}
	if sum := p.Audit.Summary; sum.Contradicted+sum.Malformed+sum.Unverifiable > 0 || sum.Supported == 0 {
		t.Errorf("the audit found %+v", sum)
	}
	for _, want := range []string{"## Time and coverage", "## Audit", "Persona prompt of"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the report has no %q", want)
		}
	}
	return p, string(text)
}

// The persona that is printed is the persona that was sent.
func TestPersonaPrintedIsPersonaSent(t *testing.T) {
	p := embedded(t, agent.Collector)
	m := materialOf(t, rows("slow"))
	s := &script{answer: sensible(func(agent.Question) string { return choosing(p, "F0001") })}
	w, err := agent.Work(t.Context(), m, s, question(p), "", agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, text := checkPublished(t, m, []*agent.Written{w}, s)
	if !strings.Contains(text, "```\n"+p.Text()+"```") || !strings.Contains(text, p.Digest()[:16]) {
		t.Errorf("the report does not print the persona and its digest:\n%s", text)
	}
	for _, q := range s.asked {
		if !strings.HasPrefix(q.Prompt, p.Text()) {
			t.Errorf("%s was sent another persona", q.Stage)
		}
	}
}

// A report without a model tells what matters, in the persona's sections.
func TestPlannedReport(t *testing.T) {
	m := materialOf(t, rows("slow"))
	now := (&script{}).Now
	for _, name := range agent.Personas() {
		w, err := agent.Plan(m, embedded(t, name), now, agent.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p, text := checkPublished(t, m, []*agent.Written{w}, nil)
		if len(w.Dropped) > 0 || len(w.Kept) == 0 || w.Score.Told != w.Yard.Told {
			t.Errorf("%s: kept %v, dropped %v, score %+v, yard %+v", name, w.Sentences(), w.Dropped, w.Score, w.Yard)
		}
		if name == agent.Insight && (!strings.Contains(text, "quick has the best decode rate") || !strings.Contains(text, "use quick")) {
			t.Errorf("the report does not say what the rows show:\n%s", text)
		}
		if name == agent.Collector && (strings.Contains(text, "has the best") || strings.Contains(text, "use quick")) {
			t.Errorf("the collector judges:\n%s", text)
		}
		again, err := agent.Plan(m, embedded(t, name), now, agent.Options{})
		if err != nil {
			t.Fatal(err)
		}
		q, _ := checkPublished(t, m, []*agent.Written{again}, nil)
		if a, b := p.Story, q.Story; len(a.Facts) != len(b.Facts) || len(a.Chapters) != len(b.Chapters) {
			t.Error("equal rows give another report")
		}
	}
}

// What did not pass is listed without the digits that somebody typed.
func TestDroppedSentencesPrintNoNumber(t *testing.T) {
	p := embedded(t, agent.Insight)
	m := materialOf(t, rows("slow"))
	s := &script{answer: sensible(func(agent.Question) string {
		return `{"sections": {"Summary": [{"kind": "finding", "text": "quick makes 987654 tokens."}, {"kind": "finding", "parts": [{"slot": "N0001"}]}]}}`
	})}
	w, err := agent.Work(t.Context(), m, s, question(p), "", agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	published, text := checkPublished(t, m, []*agent.Written{w}, s)
	if len(w.Dropped) == 0 || len(w.Kept) == 0 || !strings.Contains(text, "quick makes ###### tokens") || strings.Contains(text, "987654") {
		t.Errorf("kept %v, dropped %v:\n%s", w.Sentences(), w.Dropped, text)
	}
	if published.Audit.Summary.Of(audit.Supported) != len(published.Audit.Claims) {
		t.Errorf("%+v", published.Audit.Summary)
	}
}
