package report

import (
	"encoding/json"
	"fmt"
	"io"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

// LedgerSchema is the version of the ledger's file (docs/formats/report.md).
const LedgerSchema = 1

// LedgerFile is the ledger as a file: what a report printed, and on what.
type LedgerFile struct {
	Schema   int               `json:"schema"`
	Title    string            `json:"title"`
	Template Template          `json:"template,omitempty"`
	Runs     []LedgerRun       `json:"runs"`
	Tables   []string          `json:"tables"` // files of the rows beside this one, relative to it
	Facts    []fact.Fact       `json:"facts"`
	Findings []finding.Finding `json:"findings"`
}

// LedgerRun names a run whose rows the facts stand on.
type LedgerRun struct {
	Run      string          `json:"run"`
	Name     string          `json:"name"`
	Status   string          `json:"status"`
	Digest   string          `json:"digest,omitempty"`
	Manifest sample.Manifest `json:"manifest"`
}

// JSON writes the ledger of d, which was built from in, as one indented
// document. Tables are the files of the rows that stand beside it.
func JSON(w io.Writer, in Input, d Document, tables []string) error {
	f := LedgerFile{Schema: LedgerSchema, Title: d.Title, Template: in.Template, Tables: append([]string{}, tables...), Facts: d.Ledger.Facts(),
		Findings: append([]finding.Finding{}, in.Analysis.Findings...)}
	for _, r := range public(in.Runs) {
		f.Runs = append(f.Runs, LedgerRun{r.Manifest.Run, r.Manifest.Name, r.Status, r.Digest, r.Manifest})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	if err := enc.Encode(f); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}
