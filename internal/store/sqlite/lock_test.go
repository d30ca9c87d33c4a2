package sqlite_test

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"chimera/internal/store/sqlite"
)

// The lock's file is removed by its holder and made anew by the next: still
// only one holds it at any instant.
func TestLockIsHeldByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.lock")
	var holders, held atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				if err := sqlite.WithLock(path, func() {
					if n := holders.Add(1); n != 1 {
						t.Errorf("%d hold the lock", n)
					}
					held.Add(1)
					holders.Add(-1)
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if held.Load() != 800 {
		t.Errorf("held %d times, want 800", held.Load())
	}
}
