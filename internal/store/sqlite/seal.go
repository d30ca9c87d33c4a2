package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
)

// Seal implements store.Recorder.
func (s *Store) Seal(ctx context.Context, run string, status store.Status, at time.Time) (sum string, err error) {
	if !status.Sealed() {
		return "", fmt.Errorf("seal run %s: the status is %q, but must be complete, partial or invalid", run, status)
	}
	var held *fileLock
	err = s.recording(ctx, "seal", run, func(tx *sql.Tx, l *lease) (func(), error) {
		if n := len(l.trials) - len(l.finals); status == store.Complete && n > 0 {
			return nil, fault.Hint(fmt.Errorf("%w: %d of %d", store.ErrIncomplete, n, len(l.trials)), "it can be sealed as partial")
		}
		w, err := walkRun(ctx, tx, l.num, l.repeats, nil)
		if err != nil {
			return nil, err
		}
		sum, err = insertSeal(ctx, tx, l.num, run, status, at, w)
		return func() { held = l.lock; delete(s.mu.leases, run) }, err
	})
	if err != nil {
		return "", err
	}
	return sum, s.wrap(ctx, "seal run "+run, held.release())
}

// insertSeal ends a run of which all is known.
func insertSeal(ctx context.Context, tx *sql.Tx, num int64, run string, status store.Status, at time.Time, w whole) (sum string, err error) {
	if sum, err = w.parts.Digest(run, status); err != nil {
		return "", err
	}
	parts, err := store.Line(w.parts)
	if err != nil {
		return "", err
	}
	outcomes, err := store.Line(w.outcomes)
	if err != nil {
		return "", err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO seals (run, number, status, at, digest, parts, outcomes)
		VALUES (?1, (SELECT count(*) FROM seals WHERE run = ?1), ?2, ?3, ?4, ?5, ?6)`,
		num, string(status), at.UTC().Format(time.RFC3339Nano), sum, string(parts), string(outcomes)); err != nil {
		return "", err
	}
	if err := insertColumns(ctx, tx, num, sum, w.columns); err != nil {
		return "", err
	}
	_, err = tx.ExecContext(ctx, `UPDATE runs SET status = ? WHERE num = ?`, string(status), num)
	return sum, err
}

// whole is what follows from all rows of a run.
type whole struct {
	parts    store.Parts
	outcomes store.Counts
	columns  [][]byte
}

// walkRun reads all lines of a run. each, if not nil, sees every sample's row
// with what it was decoded to, or why not; without it such a row is an error.
func walkRun(ctx context.Context, tx *sql.Tx, num int64, repeats store.Repeats, each func(sampleRow, *sample.Sample, error)) (w whole, err error) {
	var sum store.Summer
	var manifest, header []byte
	if err := tx.QueryRowContext(ctx, `SELECT manifest, plan FROM runs WHERE num = ?`, num).Scan(&manifest, &header); err != nil {
		return w, err
	}
	sum.Manifest(manifest)
	sum.Header(header)
	if err := linesOf(ctx, tx, num, trialPages, func(line []byte) error { sum.Trial(line); return nil }); err != nil {
		return w, err
	}
	columns := encoder(&w.columns)
	if err := sampleRows(ctx, tx, num, func(r sampleRow) error {
		sum.Sample(r.line)
		s, err := decodeRow(r)
		switch {
		case each != nil:
			each(r, s, err)
			if err != nil {
				return nil
			}
		case err != nil:
			return err
		}
		if s.Final && !repeats.Supersede(s.Experiment, s.Block, s.Session) {
			if err := w.outcomes.Add(s.Outcome, 1); err != nil && each == nil {
				return err
			}
		}
		return columns.add(s)
	}); err != nil {
		return w, err
	}
	if err := columns.end(); err != nil {
		return w, err
	}
	err = linesOf(ctx, tx, num, readingPages, func(line []byte) error { sum.Reading(line); return nil })
	w.parts = sum.Parts()
	w.outcomes.Planned = w.parts.Trials
	return w, err
}

// lines feeds each the first column of a query.
func lines(ctx context.Context, tx *sql.Tx, each func([]byte) error, query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var line sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&line); err != nil {
			return err
		}
		if err := each(line); err != nil {
			return err
		}
	}
	return rows.Err()
}

// sampleRow is a sample as the table has it; line is valid until the next row.
// Of a row of a page only line is known, and its number as order.
type sampleRow struct {
	paged                          bool
	order, session, attempt, block int
	experiment, outcome, sha256    string
	final                          bool
	line                           sql.RawBytes
}

func (r sampleRow) String() string {
	if r.paged {
		return fmt.Sprintf("row %d", r.order)
	}
	return fmt.Sprintf("order %d, session %d, attempt %d", r.order, r.session, r.attempt)
}

// sampleRows walks a run's samples in plan order.
func sampleRows(ctx context.Context, tx *sql.Tx, num int64, each func(sampleRow) error) error {
	rows, err := tx.QueryContext(ctx, `SELECT ord, session, attempt, block, experiment, outcome, sha256, final, line
		FROM samples WHERE run = ? ORDER BY ord, session, attempt`, num)
	if err != nil {
		return err
	}
	defer rows.Close()
	var r sampleRow
	for rows.Next() {
		if err := rows.Scan(&r.order, &r.session, &r.attempt, &r.block, &r.experiment, &r.outcome, &r.sha256, &r.final, &r.line); err != nil {
			return err
		}
		if err := each(r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return pageLines(ctx, tx, num, samplePages, func(n int, line []byte) error { return each(sampleRow{paged: true, order: n, line: line}) })
}

// Reopen implements store.Recorder.
func (s *Store) Reopen(ctx context.Context, run string) error {
	return s.writing(ctx, "reopen run "+run, func() (err error) {
		if err := store.CheckID(run); err != nil {
			return err
		}
		l := &lease{trials: map[string]int{}, finals: map[string]final{}}
		if l.lock, err = s.takeLease(run); err != nil {
			return err
		}
		if err := s.tx(ctx, func(tx *sql.Tx) error { return l.load(ctx, tx, run) }); err != nil {
			return errors.Join(err, l.lock.release())
		}
		s.mu.leases[run] = l
		return nil
	})
}

// load reads what a lease knows and opens the run.
func (l *lease) load(ctx context.Context, tx *sql.Tx, run string) error {
	var status store.Status
	var loaded bool
	var line, header []byte
	err := tx.QueryRowContext(ctx, `SELECT num, status, loaded, manifest, plan FROM runs WHERE id = ?`, run).Scan(&l.num, &status, &loaded, &line, &header)
	if errors.Is(err, sql.ErrNoRows) {
		return store.NotFound(run)
	}
	if err != nil {
		return err
	}
	if status != store.Open && status != store.Partial {
		return fault.With(fmt.Errorf("%w as %s", store.ErrSealed, status), fault.Usage, "only a partial run can be resumed; start a new one")
	}
	if loaded {
		return fault.With(errors.New("it was not loaded to its end, and nobody can go on with it"), fault.Usage, "import its files again")
	}
	var m sample.Manifest
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Errorf("stored manifest: %w", err)
	}
	var plan spec.Plan
	if err := json.Unmarshal(header, &plan); err != nil {
		return fmt.Errorf("stored plan: %w", err)
	}
	l.grows, l.sessions, l.repeats = plan.Grows, len(m.Sessions), store.RepeatsOf(m.Sessions)
	if err := l.loadTrials(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM columns WHERE run = ?`, l.num); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE runs SET status = ? WHERE num = ?`, string(store.Open), l.num)
	return err
}

func (l *lease) loadTrials(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT t.id, t.ord, s.experiment, s.block, s.session
		FROM trials t LEFT JOIN samples s ON s.run = t.run AND s.ord = t.ord AND s.final = 1 WHERE t.run = ?`, l.num)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var order int
		var experiment sql.Null[string]
		var block, session sql.Null[int]
		if err := rows.Scan(&id, &order, &experiment, &block, &session); err != nil {
			return err
		}
		l.trials[id] = order
		if experiment.Valid && !l.repeats.Supersede(experiment.V, block.V, session.V) {
			l.finals[id] = final{experiment.V, block.V, session.V}
		}
	}
	return rows.Err()
}

// Remove implements store.Store. The file keeps its size; later runs use the
// room.
func (s *Store) Remove(ctx context.Context, run string) error {
	return s.writing(ctx, "remove run "+run, func() (err error) {
		if err := store.CheckID(run); err != nil {
			return err
		}
		held, err := s.takeLease(run)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, held.release()) }()
		return s.tx(ctx, func(tx *sql.Tx) error {
			r, err := tx.ExecContext(ctx, `DELETE FROM runs WHERE id = ?`, run)
			if err != nil {
				return err
			}
			if n, err := r.RowsAffected(); err != nil || n == 0 {
				return errors.Join(err, store.NotFound(run))
			}
			return nil
		})
	})
}
