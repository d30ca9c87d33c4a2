// Package sqlite keeps runs in one SQLite file, through a driver without cgo.
//
// The file is in WAL mode with synchronous=NORMAL: a killed process loses no
// row that Append reported as committed; a machine that loses power may lose
// the rows since the last checkpoint (at most a few MB, always a suffix) but
// never corrupts the file. One process writes at a time, for the length of a
// transaction; any number read meanwhile. The file must lie on a local disk.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"chimera/internal/fault"
	"chimera/internal/store"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks a SQLite file as a chimera store: "CHMR".
const applicationID = 0x43484d52

// Store is an open store file. It is safe for concurrent use.
type Store struct {
	path     string
	readOnly bool
	write    *sql.DB // one connection, immediate transactions; nil if readOnly
	read     *sql.DB

	// mu serialises writers and guards what they conduct.
	mu struct {
		sync.Mutex
		closed bool
		leases map[string]*lease // by run
	}
}

var _ store.Store = (*Store)(nil)

// Open opens the store at path, or creates it: the file for its owner only
// (0600), a missing folder likewise (0700). An older schema is brought up to
// date; a newer one, or a file that is no chimera store, is refused unharmed.
// A file that cannot be written is opened for reading.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	return OpenExisting(ctx, path)
}

// OpenExisting is Open for a store that must be there already.
func OpenExisting(ctx context.Context, path string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	s := &Store{path: abs}
	s.mu.leases = map[string]*lease{}
	writable, err := inspect(abs)
	if err != nil {
		return nil, err
	}
	s.readOnly = !writable
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(s.wrap(ctx, "open", err), s.Close())
	}
	return s, nil
}

// Path is the absolute path of the store's file.
func (s *Store) Path() string { return s.path }

// ReadOnly reports whether the file could be opened for reading only.
func (s *Store) ReadOnly() bool { return s.readOnly }

// Close gives up all leases and closes the file; it may be called again.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.closed = true
	var all []error
	for run, l := range s.mu.leases {
		all = append(all, l.lock.release())
		delete(s.mu.leases, run)
	}
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			all = append(all, db.Close())
		}
	}
	return errors.Join(all...)
}

func create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fault.With(fmt.Errorf("create store: %w", err), fault.Runtime, "choose another place with --store")
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fault.With(fmt.Errorf("create store: %w", err), fault.Runtime, "choose another place with --store")
	}
	return f.Close()
}

// inspect looks at the file before SQLite does: SQLite would take any empty
// path for a new database and any wrong file for a broken one.
func inspect(path string) (writable bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	writable = err == nil
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		f, err = os.Open(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, fault.With(fmt.Errorf("open store: %w", err), fault.Usage, "`chimera run` creates a store, --store names another")
	}
	if err != nil {
		return false, fault.With(fmt.Errorf("open store: %w", err), fault.Usage, "--store takes the path of a file")
	}
	defer f.Close()
	const magic = "SQLite format 3\x00"
	head := make([]byte, len(magic))
	n, err := f.Read(head)
	if n > 0 && string(head[:n]) != magic {
		return false, fault.With(fmt.Errorf("open store %s: not a SQLite file", path), fault.Usage,
			"--store takes a chimera store; results of other tools come in with `chimera import`")
	}
	if n == 0 && !writable {
		return false, fault.With(fmt.Errorf("open store %s: the file is empty and cannot be written", path), fault.Usage, "")
	}
	return writable, nil
}

// connect opens both pools and brings the schema up to date. Only one process
// at a time sets up a file.
func (s *Store) connect(ctx context.Context) (err error) {
	if s.readOnly {
		s.read, err = sql.Open("sqlite", s.dsn("mode=ro"+s.immutable(), "query_only(1)"))
		if err != nil {
			return err
		}
		return s.checkSchema(ctx, s.read)
	}
	setup, err := lockFile(s.path+"-setup.lock", true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, setup.release()) }()
	s.write, err = sql.Open("sqlite", s.dsn("_txlock=immediate", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)"))
	if err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if err := s.checkSchema(ctx, s.write); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", s.dsn("mode=rw", "query_only(1)")); err != nil {
		return err
	}
	return s.read.PingContext(ctx)
}

// dsn sets pragmas in the name, so that they hold for every pooled connection.
func (s *Store) dsn(query string, pragmas ...string) string {
	path := filepath.ToSlash(s.path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query
	for _, p := range append([]string{"busy_timeout(10000)"}, pragmas...) {
		dsn += "&_pragma=" + url.QueryEscape(p)
	}
	return dsn
}

// immutable is needed to read a WAL file where its index cannot be written,
// and is right as long as no writer has left a log beside it.
func (s *Store) immutable() string {
	if log, err := os.Stat(s.path + "-wal"); err == nil && log.Size() > 0 {
		return ""
	}
	return "&immutable=1"
}

func (s *Store) checkSchema(ctx context.Context, db *sql.DB) error {
	var id, version, tables int64
	if err := db.QueryRowContext(ctx, `SELECT
		(SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&id, &version, &tables); err != nil {
		return err
	}
	if id != applicationID && tables > 0 {
		return fault.With(errors.New("a SQLite file, but not a chimera store"), fault.Usage, "choose another place with --store")
	}
	if id != applicationID && !s.readOnly {
		// The mark comes first: the migrations' own table is written before the
		// first of them, and a kill between the two must leave a chimera store.
		if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
			return err
		}
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	steps, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	sources := steps.ListSources()
	newest := sources[len(sources)-1].Version
	switch {
	case version > newest:
		return fault.With(fmt.Errorf("its schema is version %d, this build reads 1 to %d", version, newest), fault.Usage,
			"a newer chimera wrote this store: use that build, or another store with --store")
	case version == newest:
		return nil
	case s.readOnly:
		return fault.With(fmt.Errorf("its schema is version %d and cannot be brought to %d: the file is read-only", version, newest), fault.Usage,
			"make the file writable once, or copy it")
	}
	_, err = steps.Up(ctx)
	return err
}
