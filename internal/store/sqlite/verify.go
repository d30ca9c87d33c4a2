package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/store"
)

// verify digests everything again and looks for the rows that differ: a line
// that is not the one stored, or a column that is not its line's copy.
func verify(ctx context.Context, tx *sql.Tx, num int64, run string, status store.Status, seal store.Seal) (store.Verification, error) {
	v := store.Verification{Run: run, Status: status, Sealed: seal.Digest}
	parts, err := sumParts(ctx, tx, num, func(r sampleRow) error {
		v.Differences = append(v.Differences, checkRow(r)...)
		return nil
	})
	if err != nil {
		return v, err
	}
	if v.Recomputed, err = parts.Digest(run, status); err != nil {
		return v, err
	}
	v.Differences = append(v.Differences, store.Diff(seal.Parts, parts)...)
	if status != seal.Status {
		v.Differences = append(v.Differences, store.Difference{Part: "seal", Row: "status", Want: string(seal.Status), Got: string(status)})
	}
	if whole, err := seal.Parts.Digest(run, seal.Status); err != nil || whole != seal.Digest {
		v.Differences = append(v.Differences, store.Difference{Part: "seal", Row: "digest", Want: whole, Got: seal.Digest})
	}
	return v, nil
}

func checkRow(r sampleRow) []store.Difference {
	name := fmt.Sprintf("order %d, session %d, attempt %d", r.order, r.session, r.attempt)
	if got := digest.Bytes(r.line); got != r.sha256 {
		return []store.Difference{{Part: "samples", Row: name, Want: r.sha256, Got: got}}
	}
	s, err := sample.Decode(r.line)
	if err != nil {
		return []store.Difference{{Part: "samples", Row: name, Want: "a readable sample", Got: err.Error()}}
	}
	columns := fmt.Sprintf("experiment %s, block %d, %s, outcome %s, final %t", r.experiment, r.block, name, r.outcome, r.final)
	line := fmt.Sprintf("experiment %s, block %d, order %d, session %d, attempt %d, outcome %s, final %t",
		s.Experiment, s.Block, s.Order, s.Session, s.Attempt, s.Outcome, s.Final)
	if columns != line {
		return []store.Difference{{Part: "samples", Row: name, Want: line, Got: columns}}
	}
	return nil
}
