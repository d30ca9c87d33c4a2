package cli

import (
	"strings"
	"testing"
	"time"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/report"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// printedRate is a document whose one fact is said in a sentence and a table,
// and repeated as bare text where a test plants it.
func printedRate(t *testing.T, said report.Text, cell report.Cell) report.Document {
	t.Helper()
	f, err := fact.Identify(fact.Fact{Metric: "decode_rate", Version: 1, Aggregate: "median", Unit: unit.TokenPerSecond, Phase: sample.Measure, Scope: map[string]string{"subject": "small"},
		Value: sample.Some(102.0), N: 30, Planned: 30, Method: "median over 30 rows", Evidence: fact.Evidence{Rows: []string{}, Digest: digest.Text("rows")}})
	if err != nil {
		t.Fatal(err)
	}
	l := &report.Ledger{}
	l.Add(f)
	slot := report.Text{{Text: "The decode rate is "}, {Fact: f.ID, As: finding.AsValue}, {Text: "."}}
	return report.Document{Name: "planted", Title: "How fast?", Meta: report.Text{{Text: "one run"}}, Ledger: l, Rederive: "chimera report", Sections: []report.Section{
		{ID: "answer", Title: "Answer", Blocks: []report.Block{report.Paragraph{Text: slot}, report.Paragraph{Text: said}}},
		{ID: "tables", Title: "Tables", Blocks: []report.Block{report.Table{ID: "t", Title: "rates", Columns: []report.Column{{Name: "subject", Words: true}, {Name: "median decode rate", Unit: "token/s"}},
			Rows: []report.Row{{Cells: []report.Cell{{Text: report.Text{{Name: "small"}}}, cell}}}}}},
		{ID: "appendix", Title: "Appendix", Blocks: []report.Block{report.FactTable(l)}}}}
}

func smallRows() *fact.Ledger {
	var rows []*sample.Sample
	for i := range 30 {
		rows = append(rows, rateRow(i))
	}
	return fact.NewLedger(fact.RunRows{Manifest: sample.Manifest{Run: "aaaaaaaaaaaaaaaa"}, Samples: rows})
}

// rateRow is a warm request of 102 tokens a second.
func rateRow(i int) *sample.Sample {
	at := func(seconds float64) sample.Opt[time.Duration] { return sample.Some(time.Duration(seconds * 1e9)) }
	start := float64(10 * i)
	s := &sample.Sample{Schema: sample.Schema, Run: "aaaaaaaaaaaaaaaa", Trial: "t" + strings.Repeat("x", i), Experiment: "baseline", Subject: "small", Target: "box", Workload: "w", Prompt: "w/1",
		Order: i, Phase: sample.Measure, Provenance: sample.Measured, Final: true}
	s.Outcome, s.Tokens = sample.OK, sample.Tokens{Output: sample.Some(103), Source: sample.FromServer}
	s.T = sample.Timeline{Send: at(start), First: at(start + 1), Last: at(start + 2), End: at(start + 2)}
	return s
}

// A report says its score; a sentence with another number than the rows' is left
// out and listed; a table with one is no report.
func TestAReportIsAuditedBeforeItIsPublished(t *testing.T) {
	right := report.Cell{Text: report.Text{{Text: "102"}}}
	holds := report.Text{{Text: "The median decode rate of small is 102 token/s."}}
	for _, c := range []struct {
		name    string
		said    report.Text
		cell    report.Cell
		dropped int
		refused bool
	}{
		{"as the rows are", holds, right, 0, false},
		{"a wrong sentence", report.Text{{Text: "The median decode rate of small is 132 token/s."}}, right, 1, false},
		{"a wrong cell", holds, report.Cell{Text: report.Text{{Text: "132"}}}, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := audited(smallRows(), printedRate(t, c.said, c.cell))
			if c.refused {
				if fault.CodeOf(err) != fault.Gate || !strings.Contains(err.Error(), "132") {
					t.Fatalf("the error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			a := d.Audit
			if a == nil || a.Claims == 0 || a.Supported != a.Claims || len(a.Dropped) != c.dropped {
				t.Fatalf("the score is %+v", a)
			}
			var text strings.Builder
			if err := report.Markdown(&text, d, nil); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text.String(), "This report was audited against its ledger before it was published: ") || strings.Contains(text.String(), "132") {
				t.Errorf("%s", text.String())
			}
		})
	}
}
