package sqlite

import (
	"context"
	"errors"
	"fmt"

	"chimera/internal/fault"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// advice says for SQLite's primary result codes what the user can do.
var advice = map[int]string{
	lib.SQLITE_FULL:     "the disk is full: make room, then `chimera run --resume RUN`; what was committed is safe",
	lib.SQLITE_READONLY: "the store cannot be written: check the permissions of the file and its folder, or choose another with --store",
	lib.SQLITE_CANTOPEN: "check the permissions of the file and its folder; SQLite also writes FILE-wal and FILE-shm beside it",
	lib.SQLITE_BUSY:     "another process has been writing to the store for over 10 s: wait for it, or choose another with --store",
	lib.SQLITE_LOCKED:   "another process has been writing to the store for over 10 s: wait for it, or choose another with --store",
	lib.SQLITE_CORRUPT:  "the file is damaged: restore a copy; `sqlite3 FILE .recover` may save rows",
	lib.SQLITE_NOTADB:   "the file is damaged or no SQLite file: restore a copy",
	lib.SQLITE_IOERR:    "the disk refused: look into the system's log; a store must lie on a local disk",
}

// wrap names the store and the operation, and says what to do about SQLite's
// own errors. An error of the store keeps its code and hint.
func (s *Store) wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("store %s: %s: %w", s.path, op, context.Cause(ctx))
	}
	err = fmt.Errorf("store %s: %s: %w", s.path, op, err)
	if e, ok := errors.AsType[*driver.Error](err); ok {
		return fault.With(err, fault.Runtime, advice[e.Code()&0xff])
	}
	return err
}
