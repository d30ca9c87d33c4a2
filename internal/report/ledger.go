package report

import (
	"io"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/finding"
)

// JSON writes what d, which was built from in, stands on as ledger.json
// (docs/formats/ledger.md), one indented document. Tables are the files of the
// rows that stand beside it.
func JSON(w io.Writer, in Input, d Document, tables []string) error {
	f := finding.LedgerFile{Ledger: &fact.Ledger{Rows: []*fact.Row{}}, Title: d.Title, Template: string(in.Template), Tables: append([]string{}, tables...),
		Audit: d.Audit, Findings: append([]finding.Finding{}, in.Analysis.Findings...)}
	if in.Ledger != nil {
		whole := *in.Ledger
		f.Ledger = &whole
	}
	f.Schema, f.Cited = fact.LedgerSchema, d.Ledger.Facts()
	f.Inventory.Runs = slices.Clone(f.Inventory.Runs)
	for _, r := range public(in.Runs) {
		f.Runs = append(f.Runs, finding.Sealed{Run: r.Manifest.Run, Name: r.Manifest.Name, Status: r.Status, Digest: r.Digest, Manifest: r.Manifest})
		for i, e := range f.Inventory.Runs {
			if e.ID == r.Manifest.Run {
				f.Inventory.Runs[i].Subjects = r.Manifest.Subjects
			}
		}
	}
	return f.Write(w)
}
