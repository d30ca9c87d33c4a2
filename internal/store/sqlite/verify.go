package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/store"
)

// verify digests everything again and looks for the rows that differ: a line
// that is not the one stored, or a column that is not its line's copy.
func verify(ctx context.Context, tx *sql.Tx, num int64, repeats store.Repeats, run string, status store.Status, seal store.Seal) (store.Verification, error) {
	v := store.Verification{Run: run, Status: status, Sealed: seal.Digest}
	w, err := walkRun(ctx, tx, num, repeats, func(r sampleRow, s *sample.Sample, err error) {
		v.Differences = append(v.Differences, checkRow(r, s, err)...)
	})
	if page, ok := errors.AsType[*pageError](err); ok { // what lies behind it cannot be told
		v.Differences = append(v.Differences, page.difference())
		return v, nil
	}
	if err != nil {
		return v, err
	}
	parts := w.parts
	if v.Recomputed, err = parts.Digest(run, status); err != nil {
		return v, err
	}
	v.Differences = append(v.Differences, store.Diff(seal.Parts, parts)...)
	copies, err := checkCopies(ctx, tx, num, w)
	if err != nil {
		return v, err
	}
	v.Differences = append(v.Differences, copies...)
	if status != seal.Status {
		v.Differences = append(v.Differences, store.Difference{Part: "seal", Row: "status", Want: string(seal.Status), Got: string(status)})
	}
	if whole, err := seal.Parts.Digest(run, seal.Status); err != nil || whole != seal.Digest {
		v.Differences = append(v.Differences, store.Difference{Part: "seal", Row: "digest", Want: whole, Got: seal.Digest})
	}
	return v, nil
}

// checkCopies looks at what a seal leaves beside the rows.
func checkCopies(ctx context.Context, tx *sql.Tx, num int64, w whole) ([]store.Difference, error) {
	all, err := checkColumns(ctx, tx, num, w.columns)
	if err != nil {
		return nil, err
	}
	counted, ok, err := sealedOutcomes(ctx, tx, num)
	if err != nil || !ok {
		return all, err
	}
	if w.outcomes != counted {
		all = append(all, store.Difference{Part: "seal", Row: "outcomes", Want: fmt.Sprintf("%+v", w.outcomes), Got: fmt.Sprintf("%+v", counted)})
	}
	return all, nil
}

func checkRow(r sampleRow, s *sample.Sample, err error) []store.Difference {
	name := r.String()
	if got := digest.Bytes(r.line); !r.paged && got != r.sha256 {
		return []store.Difference{{Part: "samples", Row: name, Want: r.sha256, Got: got}}
	}
	if err != nil {
		return []store.Difference{{Part: "samples", Row: name, Want: "a readable sample", Got: err.Error()}}
	}
	if r.paged {
		return nil // its line is all there is
	}
	columns := fmt.Sprintf("experiment %s, block %d, %s, outcome %s, final %t", r.experiment, r.block, name, r.outcome, r.final)
	line := fmt.Sprintf("experiment %s, block %d, order %d, session %d, attempt %d, outcome %s, final %t",
		s.Experiment, s.Block, s.Order, s.Session, s.Attempt, s.Outcome, s.Final)
	if columns != line {
		return []store.Difference{{Part: "samples", Row: name, Want: line, Got: columns}}
	}
	return nil
}
