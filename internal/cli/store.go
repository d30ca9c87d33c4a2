package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/store"
	"chimera/internal/store/sqlite"
)

// storePath is where runs are kept: the flag, the environment, or the folder
// in which the user works.
func (a *app) storePath() string {
	switch {
	case a.store != "":
		return a.store
	case a.Getenv("CHIMERA_STORE") != "":
		return a.Getenv("CHIMERA_STORE")
	}
	return filepath.Join(".chimera", "chimera.db")
}

// openStore opens the store for writing, and makes it if it is not there.
func (a *app) openStore(ctx context.Context) (*sqlite.Store, error) {
	path, err := a.storeFile()
	if err != nil {
		return nil, err
	}
	return sqlite.Open(ctx, path)
}

// storeFile is storePath, of a kind that this build can open.
func (a *app) storeFile() (string, error) {
	path := a.storePath()
	if strings.Contains(path, "://") {
		return "", fault.With(errors.New("store: a database server is not supported by this build"), fault.Usage, "give --store a file path")
	}
	return path, nil
}

// withStore runs do with the store open. Looking for runs makes no store:
// where there is none, there are no runs.
func (a *app) withStore(ctx context.Context, do func(store.Store) error) error {
	path, err := a.storeFile()
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return do(noStore{path: path})
	}
	s, err := a.openStore(ctx)
	if err != nil {
		return err
	}
	err = do(s)
	if closed := s.Close(); err == nil {
		err = closed
	}
	return err
}

// noStore is a store that is not there. It lists no runs and finds none, which
// is all that a command may ask before it has found a run.
type noStore struct {
	store.Store
	path string
}

func (noStore) Runs(context.Context, store.Filter) ([]store.Run, error) { return nil, nil }

func (n noStore) Run(_ context.Context, id string) (store.Run, error) {
	return store.Run{}, fault.With(fmt.Errorf("no run %q: there is no store at %s", id, n.path), fault.Usage,
		"`chimera run` makes a store, --store names another")
}
