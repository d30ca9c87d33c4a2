package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/store"
)

// errHeld says that another handle holds a lock.
var errHeld = errors.New("the lock is held")

// A fileLock is a lock of the operating system on a file of its own: it ends
// with the process, however that ends, so that no lease is ever stale.
type fileLock struct {
	f    *os.File
	path string
}

// lockFile takes the lock; if another handle has it, it waits or gives errHeld.
func lockFile(path string, wait bool) (*fileLock, error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
		if err := lock(f, wait); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		// The holder before may have removed the file between our open and our
		// lock: then this lock guards nothing, and another try finds the new file.
		ours, err := f.Stat()
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock: %w", err), f.Close())
		}
		if now, err := os.Stat(path); err == nil && os.SameFile(ours, now) {
			return &fileLock{f, path}, nil
		}
		if err := f.Close(); err != nil {
			return nil, fmt.Errorf("lock: %w", err)
		}
	}
}

func (s *Store) leasePath(run string) string { return s.path + "-" + run + ".lock" }

// takeLease locks a run for this handle.
func (s *Store) takeLease(run string) (*fileLock, error) {
	path := s.leasePath(run)
	l, err := lockFile(path, false)
	if errors.Is(err, errHeld) {
		return nil, fault.With(fmt.Errorf("run %s: %w%s", run, store.ErrConducted, holder(path)), fault.Runtime,
			"wait for that process, or stop it; its run can then be resumed")
	}
	if err != nil {
		return nil, err
	}
	if err := l.f.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("lock: %w", err), l.release())
	}
	if _, err := l.f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0); err != nil {
		return nil, errors.Join(fmt.Errorf("lock: %w", err), l.release())
	}
	return l, nil
}

// holder names the process that wrote its id into the lock, for people only.
func holder(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 20))
	if pid, bad := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && bad == nil {
		return fmt.Sprintf(" by process %d", pid)
	}
	return ""
}
