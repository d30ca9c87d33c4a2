package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"chimera/internal/fault"
	"chimera/internal/store"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// writing runs do as the only writer of this handle.
func (s *Store) writing(ctx context.Context, op string, do func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.mu.closed:
		return s.wrap(ctx, op, sql.ErrConnDone)
	case s.readOnly:
		return s.wrap(ctx, op, fault.With(errors.New("the file can only be read"), fault.Runtime, advice[lib.SQLITE_READONLY]))
	}
	return s.wrap(ctx, op, do())
}

// tx commits what do wrote, or nothing.
func (s *Store) tx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, rollback(tx))
	}
	return tx.Commit()
}

// rollback is silent where SQLite rolled back by itself (disk full, corrupt)
// or database/sql did (context done).
func rollback(tx *sql.Tx) error {
	err := tx.Rollback()
	if e, ok := errors.AsType[*driver.Error](err); ok && e.Code() == lib.SQLITE_ERROR || errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// recording writes to a run that this handle conducts. What do returns is done
// once its writes are committed.
func (s *Store) recording(ctx context.Context, op, run string, do func(*sql.Tx, *lease) (committed func(), err error)) error {
	return s.writing(ctx, op+" run "+run, func() error {
		l, ok := s.mu.leases[run]
		if !ok || l.loading {
			return s.refusal(ctx, run)
		}
		var after func()
		err := s.tx(ctx, func(tx *sql.Tx) (err error) {
			after, err = do(tx, l)
			return err
		})
		if err == nil && after != nil {
			after()
		}
		return err
	})
}

// refusal says why a run cannot be written to without a lease.
func (s *Store) refusal(ctx context.Context, run string) error {
	var status store.Status
	err := s.read.QueryRowContext(ctx, `SELECT status FROM runs WHERE id = ?`, run).Scan(&status)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.NotFound(run)
	case err != nil:
		return err
	case status.Sealed():
		return fmt.Errorf("%w as %s", store.ErrSealed, status)
	}
	return fault.Hint(store.ErrNoLease, "resume it with `chimera run --resume %s`", run)
}
