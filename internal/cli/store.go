package cli

import (
	"context"
	"errors"
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
	path := a.storePath()
	if strings.Contains(path, "://") {
		return nil, fault.With(errors.New("store: a database server is not supported by this build"), fault.Usage, "give --store a file path")
	}
	return sqlite.Open(ctx, path)
}

// withStore runs do with the store open.
func (a *app) withStore(ctx context.Context, do func(store.Store) error) error {
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
