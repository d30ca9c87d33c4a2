package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
)

// reading runs do on one instant of the store.
func (s *Store) reading(ctx context.Context, op string, do func(*sql.Tx) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s.wrap(ctx, op, err)
	}
	err = do(tx)
	return s.wrap(ctx, op, errors.Join(err, rollback(tx)))
}

// Run implements store.Reader.
func (s *Store) Run(ctx context.Context, idOrPrefix string) (run store.Run, err error) {
	err = s.reading(ctx, "find run", func(tx *sql.Tx) error {
		var ids []string
		if err := lines(ctx, tx, func(id []byte) error { ids = append(ids, string(id)); return nil },
			`SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY num DESC`, idOrPrefix); err != nil {
			return err
		}
		id, err := store.Resolve(idOrPrefix, ids)
		if err != nil {
			return err
		}
		found, err := selectRuns(ctx, tx, `WHERE id = ?`, id)
		if err != nil {
			return err
		}
		run = found[0]
		return nil
	})
	return run, err
}

// Runs implements store.Reader.
func (s *Store) Runs(ctx context.Context, f store.Filter) (runs []store.Run, err error) {
	err = s.reading(ctx, "list runs", func(tx *sql.Tx) (err error) {
		limit := -1 // none
		if f.Limit > 0 {
			limit = f.Limit
		}
		runs, err = selectRuns(ctx, tx, `WHERE (?1 = '' OR name = ?1) AND (?2 = '' OR status = ?2) ORDER BY num DESC LIMIT ?3`,
			f.Name, string(f.Status), limit)
		return err
	})
	return runs, err
}

func selectRuns(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]store.Run, error) {
	rows, err := tx.QueryContext(ctx, `SELECT num, status, manifest FROM runs `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var runs []store.Run
	var nums []int64
	for rows.Next() {
		var r store.Run
		var num int64
		var line sql.RawBytes
		if err := rows.Scan(&num, &r.Status, &line); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(line, &r.Manifest); err != nil {
			return nil, fmt.Errorf("manifest of run number %d: %w", num, err)
		}
		runs, nums = append(runs, r), append(nums, num)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i, num := range nums {
		if runs[i].Seals, err = selectSeals(ctx, tx, num); err != nil {
			return nil, err
		}
		if runs[i].Outcomes, err = outcomesOf(ctx, tx, num, runs[i]); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// outcomesOf are those that the seal counted, or are counted now.
func outcomesOf(ctx context.Context, tx *sql.Tx, num int64, r store.Run) (store.Counts, error) {
	if r.Status.Sealed() {
		if counts, ok, err := sealedOutcomes(ctx, tx, num); ok || err != nil {
			return counts, err
		}
	}
	return countOutcomes(ctx, tx, num, r.Manifest.Planned, store.RepeatsOf(r.Manifest.Sessions))
}

// sealedOutcomes are those of the last seal; ok is false if it did not count.
func sealedOutcomes(ctx context.Context, tx *sql.Tx, num int64) (counts store.Counts, ok bool, err error) {
	var line sql.Null[[]byte]
	err = tx.QueryRowContext(ctx, `SELECT outcomes FROM seals WHERE run = ? ORDER BY number DESC LIMIT 1`, num).Scan(&line)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !line.Valid {
		return counts, false, nil
	}
	if err == nil {
		err = json.Unmarshal(line.V, &counts)
	}
	return counts, err == nil, err
}

func countOutcomes(ctx context.Context, tx *sql.Tx, num int64, planned int, repeats store.Repeats) (store.Counts, error) {
	counts := store.Counts{Planned: planned}
	rows, err := tx.QueryContext(ctx, `SELECT experiment, block, session, outcome, count(*) FROM samples
		WHERE run = ? AND final = 1 GROUP BY experiment, block, session, outcome`, num)
	if err != nil {
		return counts, err
	}
	defer rows.Close()
	for rows.Next() {
		var experiment string
		var block, session, n int
		var outcome sample.Outcome
		if err := rows.Scan(&experiment, &block, &session, &outcome, &n); err != nil {
			return counts, err
		}
		if repeats.Supersede(experiment, block, session) {
			continue
		}
		if err := counts.Add(outcome, n); err != nil {
			return counts, err
		}
	}
	return counts, rows.Err()
}

func selectSeals(ctx context.Context, tx *sql.Tx, num int64) ([]store.Seal, error) {
	rows, err := tx.QueryContext(ctx, `SELECT status, at, digest, parts FROM seals WHERE run = ? ORDER BY number`, num)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var seals []store.Seal
	for rows.Next() {
		var s store.Seal
		var at string
		var parts sql.RawBytes
		if err := rows.Scan(&s.Status, &at, &s.Digest, &parts); err != nil {
			return nil, err
		}
		if s.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return nil, fmt.Errorf("time of a seal: %w", err)
		}
		if err := json.Unmarshal(parts, &s.Parts); err != nil {
			return nil, fmt.Errorf("parts of a seal: %w", err)
		}
		seals = append(seals, s)
	}
	return seals, rows.Err()
}

// one finds a run by its full id.
func one(ctx context.Context, tx *sql.Tx, run string, column string, into any) (num int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT num, `+column+` FROM runs WHERE id = ?`, run).Scan(&num, into)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, store.NotFound(run)
	}
	return num, err
}

// Plan implements store.Reader.
func (s *Store) Plan(ctx context.Context, run string) (plan *spec.Plan, err error) {
	err = s.reading(ctx, "read the plan of run "+run, func(tx *sql.Tx) error {
		var header []byte
		num, err := one(ctx, tx, run, "plan", &header)
		if err != nil {
			return err
		}
		plan = new(spec.Plan)
		if err := json.Unmarshal(header, plan); err != nil {
			return err
		}
		return linesOf(ctx, tx, num, trialPages, func(line []byte) error {
			var t spec.Trial
			if err := json.Unmarshal(line, &t); err != nil {
				return fmt.Errorf("stored trial %d: %w", len(plan.Trials), err)
			}
			plan.Trials = append(plan.Trials, t)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return plan, nil
}

// repeatsOf finds a run and its repeated blocks.
func repeatsOf(ctx context.Context, tx *sql.Tx, run string) (num int64, repeats store.Repeats, err error) {
	var line []byte
	if num, err = one(ctx, tx, run, "manifest", &line); err != nil {
		return 0, nil, err
	}
	var m sample.Manifest
	if err := json.Unmarshal(line, &m); err != nil {
		return 0, nil, fmt.Errorf("stored manifest: %w", err)
	}
	return num, store.RepeatsOf(m.Sessions), nil
}

// errStop ends a walk whose consumer has had enough.
var errStop = errors.New("stop")

// Samples implements store.Reader.
func (s *Store) Samples(ctx context.Context, run string) iter.Seq2[*sample.Sample, error] {
	return func(yield func(*sample.Sample, error) bool) {
		stopped := false // yield must not be called again, whatever comes after
		err := s.reading(ctx, "read the samples of run "+run, func(tx *sql.Tx) error {
			num, repeats, err := repeatsOf(ctx, tx, run)
			if err != nil {
				return err
			}
			return sampleRows(ctx, tx, num, func(r sampleRow) error {
				row, err := decodeRow(r)
				if err != nil {
					return err
				}
				row.Superseded = repeats.Supersede(row.Experiment, row.Block, row.Session)
				if stopped = !yield(row, nil); stopped {
					return errStop
				}
				return nil
			})
		})
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}

// Readings implements store.Reader.
func (s *Store) Readings(ctx context.Context, run string) iter.Seq2[*sample.Reading, error] {
	return func(yield func(*sample.Reading, error) bool) {
		stopped := false // yield must not be called again, whatever comes after
		err := s.reading(ctx, "read the readings of run "+run, func(tx *sql.Tx) error {
			var status string
			num, err := one(ctx, tx, run, "status", &status)
			if err != nil {
				return err
			}
			return linesOf(ctx, tx, num, readingPages, func(line []byte) error {
				row := new(sample.Reading)
				if err := json.Unmarshal(line, row); err != nil {
					return fmt.Errorf("stored reading: %w", err)
				}
				if stopped = !yield(row, nil); stopped {
					return errStop
				}
				return nil
			})
		})
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}

// Verify implements store.Reader.
func (s *Store) Verify(ctx context.Context, run string) (v store.Verification, err error) {
	err = s.reading(ctx, "verify run "+run, func(tx *sql.Tx) error {
		num, repeats, err := repeatsOf(ctx, tx, run)
		if err != nil {
			return err
		}
		var status store.Status
		if err := tx.QueryRowContext(ctx, `SELECT status FROM runs WHERE num = ?`, num).Scan(&status); err != nil {
			return err
		}
		seals, err := selectSeals(ctx, tx, num)
		if err != nil {
			return err
		}
		if !status.Sealed() || len(seals) == 0 {
			return fault.With(store.ErrNotSealed, fault.Usage, "`chimera run --resume "+run+"` goes on, `chimera runs seal "+run+"` seals what there is")
		}
		v, err = verify(ctx, tx, num, repeats, run, status, seals[len(seals)-1])
		return err
	})
	return v, err
}
