package sqlite

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// The locked byte lies far behind the process id, which others may read.
const lockedByte = 1 << 20

func lock(f *os.File, wait bool) error {
	flags := uint32(windows.LOCKFILE_EXCLUSIVE_LOCK)
	if !wait {
		flags |= windows.LOCKFILE_FAIL_IMMEDIATELY
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{Offset: lockedByte})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	return os.NewSyscallError("LockFileEx", err)
}

// release closes first: an open file cannot be removed here. Whoever opened it
// in between keeps it from being removed, and that is as well.
func (l *fileLock) release() error {
	err := l.f.Close()
	_ = os.Remove(l.path)
	return err
}
