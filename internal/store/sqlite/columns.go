package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/store"
)

// stretch is how many rows stand in one blob of columns: many enough that what
// they have in common costs nothing, few enough to be held at once. Only tests
// change it.
var stretch = 32_768

// stretches gathers rows into columns, and gives each full stretch away.
type stretches struct {
	full func(*sample.Columns) error
	part *sample.Columns
}

func (w *stretches) add(s *sample.Sample) error {
	if w.part == nil {
		w.part = &sample.Columns{}
	}
	if err := w.part.Add(s); err != nil {
		return err
	}
	if w.part.Len() < stretch {
		return nil
	}
	return w.end()
}

// end gives the last stretch away, which may be short.
func (w *stretches) end() error {
	if w.part == nil {
		return nil
	}
	part := w.part
	w.part = nil
	return w.full(part)
}

// encoder is stretches that end as blobs.
func encoder(into *[][]byte) *stretches {
	return &stretches{full: func(c *sample.Columns) error {
		*into = append(*into, c.Encode())
		return nil
	}}
}

// decodeRow reads a stored sample.
func decodeRow(r sampleRow) (*sample.Sample, error) {
	s, err := sample.Decode(r.line)
	if err != nil {
		return nil, fmt.Errorf("stored sample of %v: %w", r, err)
	}
	return s, nil
}

// Columns implements store.Reader. Those that a seal left are read; where there
// are none of this version, or they are damaged, they are made of the rows, and
// kept for the next reader of a sealed run.
func (s *Store) Columns(ctx context.Context, run string) iter.Seq2[*sample.Columns, error] {
	return func(yield func(*sample.Columns, error) bool) {
		var made [][]byte
		var seal store.Seal
		stopped := false // yield must not be called again, whatever comes after
		err := s.reading(ctx, "read the columns of run "+run, func(tx *sql.Tx) error {
			num, repeats, err := repeatsOf(ctx, tx, run)
			if err != nil {
				return err
			}
			give := func(c *sample.Columns) error {
				c.Mark(func(s *sample.Sample) bool { return repeats.Supersede(s.Experiment, s.Block, s.Session) })
				if stopped = !yield(c, nil); stopped {
					return errStop
				}
				return nil
			}
			if seal, err = lastSeal(ctx, tx, num); err != nil {
				return err
			}
			given, err := keptColumns(ctx, tx, num, seal, give)
			if err != nil || seal.Digest != "" && given == seal.Parts.NSamples {
				return err
			}
			made, err = makeColumns(ctx, tx, num, given, give)
			return err
		})
		if err != nil && !stopped {
			yield(nil, err)
		}
		if err == nil && seal.Digest != "" && made != nil && !s.readOnly {
			// Who cannot keep a copy (a full disk, a busy store) has read his rows all the same.
			_ = s.keepColumns(ctx, run, seal.Digest, made)
		}
	}
}

// lastSeal is the seal of a run that is sealed; the zero Seal of another.
func lastSeal(ctx context.Context, tx *sql.Tx, num int64) (store.Seal, error) {
	var status store.Status
	if err := tx.QueryRowContext(ctx, `SELECT status FROM runs WHERE num = ?`, num).Scan(&status); err != nil || !status.Sealed() {
		return store.Seal{}, err
	}
	seals, err := selectSeals(ctx, tx, num)
	if err != nil || len(seals) == 0 {
		return store.Seal{}, err
	}
	return seals[len(seals)-1], nil
}

// keptColumns gives the stretches that are kept for a seal, as far as they are
// whole, and returns how many rows they had.
func keptColumns(ctx context.Context, tx *sql.Tx, num int64, seal store.Seal, give func(*sample.Columns) error) (given int, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT first, bytes FROM columns WHERE run = ? AND sealed = ? ORDER BY first`, num, seal.Digest)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var first int
		var b sql.RawBytes
		if err := rows.Scan(&first, &b); err != nil {
			return given, err
		}
		c, err := sample.DecodeColumns(b)
		if err != nil || first != given || given+c.Len() > seal.Parts.NSamples {
			return given, nil
		}
		given += c.Len()
		if err := give(c); err != nil {
			return given, err
		}
	}
	return given, rows.Err()
}

// makeColumns makes the columns of all rows, encoded, and gives the stretches
// behind those that were given.
func makeColumns(ctx context.Context, tx *sql.Tx, num int64, given int, give func(*sample.Columns) error) (made [][]byte, err error) {
	seen := 0
	w := stretches{full: func(c *sample.Columns) error {
		made = append(made, c.Encode())
		if seen += c.Len(); seen <= given {
			return nil
		}
		return give(c)
	}}
	if err := sampleRows(ctx, tx, num, func(r sampleRow) error {
		row, err := decodeRow(r)
		if err != nil {
			return err
		}
		return w.add(row)
	}); err != nil {
		return nil, err
	}
	return made, w.end()
}

// keepColumns stores columns for the next reader, unless the run was reopened
// since they were made.
func (s *Store) keepColumns(ctx context.Context, run, sealed string, made [][]byte) error {
	return s.writing(ctx, "keep the columns of run "+run, func() error {
		return s.tx(ctx, func(tx *sql.Tx) error {
			var status string
			num, err := one(ctx, tx, run, "status", &status)
			if err != nil {
				return err
			}
			now, err := lastSeal(ctx, tx, num)
			if err != nil || now.Digest != sealed {
				return err
			}
			return insertColumns(ctx, tx, num, sealed, made)
		})
	})
}

// insertColumns replaces the columns of a run.
func insertColumns(ctx context.Context, tx *sql.Tx, num int64, sealed string, made [][]byte) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM columns WHERE run = ?`, num); err != nil {
		return err
	}
	for i, b := range made {
		if _, err := tx.ExecContext(ctx, `INSERT INTO columns (run, first, sealed, bytes) VALUES (?, ?, ?, ?)`, num, i*stretch, sealed, b); err != nil {
			return err
		}
	}
	return nil
}

// checkColumns compares the columns that are kept with those that the rows
// make now. Columns of another version are nobody's, and are made again by who
// reads them.
func checkColumns(ctx context.Context, tx *sql.Tx, num int64, made [][]byte) (all []store.Difference, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT first, bytes FROM columns WHERE run = ?`, num)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var first int
		var b sql.RawBytes
		if err := rows.Scan(&first, &b); err != nil {
			return nil, err
		}
		if _, err := sample.DecodeColumns(b); errors.Is(err, sample.ErrColumnsVersion) {
			continue
		}
		want := "no such stretch"
		if at := first / stretch; first%stretch == 0 && at >= 0 && at < len(made) {
			want = digest.Bytes(made[at])
		}
		if got := digest.Bytes(b); got != want {
			all = append(all, store.Difference{Part: "columns", Row: fmt.Sprintf("row %d and those after it", first), Want: want, Got: got})
		}
	}
	return all, rows.Err()
}
