package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/importer"
	"chimera/internal/store"
)

// ledger gathers the rows and facts of runs, imports and ledger files, in any
// mix. A run that a file holds too counts once.
func (a *app) ledger(ctx context.Context, names []string) (*fact.Ledger, error) {
	if len(names) == 0 {
		return nil, fault.With(errors.New("no rows are named"), fault.Usage, "name a run, an import or a ledger.json; `chimera runs ls` lists runs and imports")
	}
	var all []*fact.Ledger
	var stored []string
	for _, name := range names {
		if !strings.HasSuffix(name, ".json") {
			stored = append(stored, name)
			continue
		}
		f, err := readLedger(name)
		if err != nil {
			return nil, err
		}
		all = append(all, f.Ledger)
	}
	if len(stored) > 0 {
		var runs []fact.RunRows
		err := a.withStore(ctx, func(s store.Store) error {
			for _, id := range stored {
				rows, err := rowsOf(ctx, s, id)
				if err != nil {
					return err
				}
				runs = append(runs, rows)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		all = append([]*fact.Ledger{fact.NewLedger(runs...)}, all...)
	}
	return fact.Join(all...), nil
}

func readLedger(name string) (*finding.LedgerFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fault.With(err, fault.Usage, "name a ledger.json: `chimera report RUN --format json` writes one")
	}
	defer func() { _ = f.Close() }() // only read
	l, err := finding.ReadLedger(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return l, nil
}

// rowsOf reads the rows of a stored run as a ledger wants them.
func rowsOf(ctx context.Context, s store.Store, id string) (fact.RunRows, error) {
	r, err := s.Run(ctx, id)
	if err != nil {
		return fact.RunRows{}, err
	}
	out := ledgerRun(r)
	if out.Samples, err = withTexts(&r.Manifest, s.Samples(ctx, r.ID())); err != nil {
		return *out, err
	}
	for reading, err := range s.Readings(ctx, r.ID()) {
		if err != nil {
			return *out, err
		}
		out.Readings = append(out.Readings, reading)
	}
	return *out, nil
}

// ledgerRun is a stored run without its rows.
func ledgerRun(r store.Run) *fact.RunRows {
	out := &fact.RunRows{Manifest: r.Manifest, Imported: importer.IsImport(r.Manifest)}
	if files, ok := importer.FilesOf(r.Manifest); ok {
		for _, f := range files {
			out.Files = append(out.Files, fact.FileEntry{Path: f.Path, Kind: f.Kind, Rows: f.Rows, Failed: f.Failed, Reason: f.Reason})
		}
	}
	return out
}
