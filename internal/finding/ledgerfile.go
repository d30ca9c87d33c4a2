package finding

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/sample"
)

// LedgerFile is ledger.json: what may be said about some runs, and on what it
// stands (docs/formats/ledger.md). Rows, facts and findings may each be absent:
// an audit writes rows alone, a report of a very long run leaves them out.
type LedgerFile struct {
	*fact.Ledger           // schema, inventory, rows, lacks, facts
	Title        string    `json:"title,omitempty"`    // of the report
	Template     string    `json:"template,omitempty"` // of the report
	Runs         []Sealed  `json:"runs,omitempty"`
	Tables       []string  `json:"tables,omitempty"` // files of the rows beside this one, relative to it
	Findings     []Finding `json:"findings,omitempty"`
	Audit        *Audited  `json:"audit,omitempty"` // of the report, before it was published
}

// Audited counts what the audit of a report found, by verdict.
type Audited struct {
	Claims       int       `json:"claims"`
	Supported    int       `json:"supported"`
	Misleading   int       `json:"misleading"`
	Contradicted int       `json:"contradicted"`
	Unverifiable int       `json:"unverifiable"`
	Malformed    int       `json:"malformed"`
	Dropped      []Dropped `json:"dropped"` // not in the report, and in none of the counts
}

// Dropped is a sentence that did not pass an audit.
type Dropped struct {
	Text string `json:"text"`
	Why  string `json:"why"`
}

// Sealed names a run whose rows the facts stand on.
type Sealed struct {
	Run      string          `json:"run"`
	Name     string          `json:"name"`
	Status   string          `json:"status"`
	Digest   string          `json:"digest,omitempty"`
	Manifest sample.Manifest `json:"manifest"`
}

// Write renders the file as one indented document.
func (f *LedgerFile) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	if err := enc.Encode(f); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}

// ReadLedger reads a ledger.json of this or an older version. A fact or finding
// whose id is not that of its content was changed after it was written, and is
// an error.
func ReadLedger(r io.Reader) (*LedgerFile, error) {
	b, err := io.ReadAll(io.LimitReader(r, fact.MaxLedger+1))
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	f := &LedgerFile{}
	if f.Ledger, err = fact.ReadLedger(bytes.NewReader(b)); err != nil {
		return nil, err
	}
	// The ledger is read already; this reads what stands around it.
	var around struct {
		Title    string    `json:"title"`
		Template string    `json:"template"`
		Runs     []Sealed  `json:"runs"`
		Tables   []string  `json:"tables"`
		Findings []Finding `json:"findings"`
		Audit    *Audited  `json:"audit"`
	}
	if err := json.Unmarshal(b, &around); err != nil {
		return nil, fault.With(fmt.Errorf("the ledger is no JSON of the right shape: %w", err), fault.Usage, "docs/formats/ledger.md describes ledger.json")
	}
	f.Title, f.Template, f.Runs, f.Tables, f.Findings, f.Audit = around.Title, around.Template, around.Runs, around.Tables, around.Findings, around.Audit
	for _, g := range f.Findings {
		if again, err := identify(g); err != nil || again.ID != g.ID {
			return nil, fault.With(fmt.Errorf("the ledger's finding %q is not the one that its id names", g.ID), fault.Usage, "it was changed after it was written: write the report again")
		}
	}
	return f, nil
}

// Analysis is the findings of the file with the facts that it holds.
func (f *LedgerFile) Analysis() *Analysis {
	a := &Analysis{Schema: Schema, Runs: []string{}, Rows: Rows{Outcomes: map[string]int{}, Phases: map[string]int{}}, Findings: append([]Finding{}, f.Findings...), Facts: append([]fact.Fact{}, f.Cited...), byID: map[string]int{}}
	for _, r := range f.Runs {
		a.Runs = append(a.Runs, r.Run)
	}
	for _, r := range f.Inventory.Runs {
		if !slices.Contains(a.Runs, r.ID) {
			a.Runs = append(a.Runs, r.ID)
		}
	}
	slices.Sort(a.Runs)
	for _, r := range f.Ledger.Rows {
		if r.Kind == fact.KindRequest {
			a.Rows.Samples++
			a.Rows.Outcomes[string(r.Outcome)]++
			a.Rows.Phases[string(r.Phase)]++
		} else {
			a.Rows.Readings++
		}
	}
	slices.SortFunc(a.Facts, func(x, y fact.Fact) int { return strings.Compare(x.ID, y.ID) })
	a.Facts = slices.CompactFunc(a.Facts, func(x, y fact.Fact) bool { return cmp.Compare(x.ID, y.ID) == 0 })
	for i, x := range a.Facts {
		a.byID[x.ID] = i
	}
	return a
}
