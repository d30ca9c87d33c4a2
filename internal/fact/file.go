package fact

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"chimera/internal/fault"
)

// Write renders the ledger as ledger.json.
func (l *Ledger) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}

// MaxLedger bounds the bytes of a ledger.json.
const MaxLedger = 256 << 20

// ReadLedger reads a ledger.json.
func ReadLedger(r io.Reader) (*Ledger, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxLedger+1))
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	if len(b) > MaxLedger {
		return nil, fault.With(fmt.Errorf("the ledger is larger than %d MiB", MaxLedger>>20), fault.Usage, "name the run instead")
	}
	l := &Ledger{}
	if err := json.Unmarshal(b, l); err != nil {
		return nil, fault.With(fmt.Errorf("the ledger is no JSON of the right shape: %w", err), fault.Usage, "docs/formats/ledger.md describes ledger.json")
	}
	if l.Schema < 1 || l.Schema > LedgerSchema {
		return nil, fault.With(fmt.Errorf("the ledger has schema %d, and this build reads 1 to %d", l.Schema, LedgerSchema), fault.Usage, "use the build that wrote it")
	}
	if slices.Contains(l.Rows, nil) {
		return nil, fault.With(fmt.Errorf("the ledger has a row that is null"), fault.Usage, "write it again")
	}
	for _, f := range l.Cited {
		if again, err := Identify(f); err != nil || again.ID != f.ID {
			return nil, fault.With(fmt.Errorf("the ledger's fact %q is not the one that its id names", f.ID), fault.Usage, "it was changed after it was written: write it again")
		}
	}
	if l.Schema == 1 {
		l.mark()
	}
	l.Schema = LedgerSchema
	l.index()
	return l, nil
}

// mark fills in what rows of schema 1 do not say of themselves.
func (l *Ledger) mark() {
	type subject struct{ run, id string }
	synthetic := map[subject]bool{}
	for _, r := range l.Inventory.Runs {
		for _, s := range r.Subjects {
			synthetic[subject{r.ID, s.ID}] = s.Synthetic
		}
	}
	for _, r := range l.Rows {
		r.Synthetic = r.Kind == KindRequest && synthetic[subject{r.Run, r.Labels[LabelSubject]}]
	}
}

// Join returns a ledger of the rows and facts of several. A run that several of
// them have counts once, as the first has it.
func Join(ledgers ...*Ledger) *Ledger {
	out := &Ledger{Schema: LedgerSchema}
	runs, files, facts := map[string]bool{}, map[FileEntry]bool{}, map[string]bool{}
	for _, l := range ledgers {
		fresh := map[string]bool{}
		for _, r := range l.Inventory.Runs {
			if !runs[r.ID] {
				runs[r.ID], fresh[r.ID] = true, true
				out.Inventory.Runs = append(out.Inventory.Runs, r)
			}
		}
		for _, f := range l.Inventory.Files {
			if !files[f] {
				files[f] = true
				out.Inventory.Files = append(out.Inventory.Files, f)
			}
		}
		lacks := len(out.Lacks)
		out.Lacks = append(out.Lacks, l.Lacks...)
		for _, r := range l.Rows {
			if !fresh[r.Run] {
				continue
			}
			if r.Lack > 0 && lacks > 0 {
				moved := *r
				moved.Lack += lacks
				r = &moved
			}
			out.Rows = append(out.Rows, r)
		}
		for _, f := range l.Cited {
			if !facts[f.ID] {
				facts[f.ID] = true
				out.Cited = append(out.Cited, f)
			}
		}
	}
	out.index()
	return out
}
