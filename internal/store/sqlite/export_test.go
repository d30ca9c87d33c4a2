package sqlite

import (
	"context"
	"database/sql"
)

// Writer is the connection that writes, for tests that damage what they test.
func (s *Store) Writer() *sql.DB { return s.write }

// Busy makes the writer wait for others only so long.
func (s *Store) Busy(ctx context.Context, pragma string) error {
	_, err := s.write.ExecContext(ctx, "PRAGMA busy_timeout = "+pragma)
	return err
}

// WithLock holds the lock on path while do runs.
func WithLock(path string, do func()) error {
	l, err := lockFile(path, true)
	if err != nil {
		return err
	}
	do()
	return l.release()
}
