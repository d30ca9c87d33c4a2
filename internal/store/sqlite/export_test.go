package sqlite

import (
	"context"
	"database/sql"
	"testing"
)

// Writer is the connection that writes, for tests that damage what they test.
func (s *Store) Writer() *sql.DB { return s.write }

// Stretch makes stretches of columns as short as a test has rows.
func Stretch(t *testing.T, rows int) {
	before := stretch
	stretch = rows
	t.Cleanup(func() { stretch = before })
}

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
