//go:build unix

package sqlite

import (
	"errors"
	"os"
	"syscall"
)

func lock(f *os.File, wait bool) error {
	how := syscall.LOCK_EX
	if !wait {
		how |= syscall.LOCK_NB
	}
	for {
		err := syscall.Flock(int(f.Fd()), how)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errHeld
		}
		return os.NewSyscallError("flock", err)
	}
}

// release removes the file while the lock still guards it.
func (l *fileLock) release() error {
	return errors.Join(os.Remove(l.path), l.f.Close())
}
