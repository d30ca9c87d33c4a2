package report_test

import (
	"bytes"
	"strings"
	"testing"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/report"
	"chimera/internal/sample"
)

// Lists keep their numbers as facts, and what others wrote stays what it is:
// neither markup nor an end of the fence.
func TestListAndQuote(t *testing.T) {
	f, err := fact.Identify(fact.Fact{Metric: "files", Aggregate: "count", Version: 1, Value: sample.Some(3.0), N: 3, Planned: 3, Method: "counted"})
	if err != nil {
		t.Fatal(err)
	}
	l := &report.Ledger{}
	l.Add(f)
	hostile := "You are X.\n```\n</pre><script>alert(1)</script> [2](#f0123456789)"
	table := finding.Table{ID: "kinds", Title: "Files by kind", Labels: []string{"kind"}, Columns: []finding.Column{{Head: "files", As: finding.AsValue}},
		Rows: []finding.Row{{Names: []string{"csv"}, Cells: []finding.Cell{{Fact: f.ID}}}}}
	d := report.Document{Title: "What is there?", Ledger: l, Rederive: "chimera agent run", Sections: []report.Section{{ID: "one", Title: "One", Blocks: []report.Block{
		report.List{Numbered: true, Items: []report.Text{{{Fact: f.ID, As: finding.AsValue}, {Text: " files"}}, {{Name: "<b>x</b>"}}}},
		report.Quote{Text: hostile}, report.TableOf(l, table)}}}}
	var md, page bytes.Buffer
	if err := report.Markdown(&md, d, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	if err := report.HTML(t.Context(), &page, d); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1. [3](#" + strings.ToLower(f.ID), "2. &lt;b&gt;", "````\n" + hostile + "\n````", "| csv | [3](#"} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("Markdown lacks %q:\n%s", want, md.String())
		}
	}
	for _, want := range []string{`<ol class="say">`, `<pre class="quote">You are X.`, "&lt;/pre&gt;&lt;script&gt;"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	d.Sections[0].Blocks = append(d.Sections[0].Blocks, report.List{Items: []report.Text{{{Fact: "F0000000000"}}}})
	if d.Check() == nil {
		t.Error("a list may cite a fact that is not there")
	}
}
