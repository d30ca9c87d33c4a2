package sqlite_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"chimera/internal/fault"
	"chimera/internal/store"
	"chimera/internal/store/sqlite"
	"chimera/internal/store/storetest"
)

func TestOpenCreatesForTheOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new folder", "odd ?#%&name.db")
	s := open(t, path)
	if err := s.CreateRun(t.Context(), storetest.Manifest("r1", 1), storetest.Plan(1)); err != nil {
		t.Fatal(err)
	}
	if s.Path() != path || s.ReadOnly() {
		t.Errorf("opened %q, read-only %t", s.Path(), s.ReadOnly())
	}
	if runtime.GOOS == "windows" { // its files have no such modes
		return
	}
	for file, want := range map[string]fs.FileMode{filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-r1.lock": 0o600} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", file, info.Mode().Perm(), want)
		}
	}
}

func TestCloseLeavesOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chimera.db")
	s := open(t, path)
	if err := s.CreateRun(t.Context(), storetest.Manifest("r1", 1), storetest.Plan(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestOpenRefusesWhatIsNoStore(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	database := func(name, statement string) string {
		path := filepath.Join(dir, name)
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	future := filepath.Join(dir, "future.db")
	s := open(t, future)
	if _, err := s.Writer().Exec(`PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want, hint string }{
		{"a text", write("notes.txt", "hello, this is no database"), "not a SQLite file", "chimera import"},
		{"less than a header", write("short", "SQL"), "not a SQLite file", "chimera import"},
		{"a folder", dir, "directory", "path of a file"},
		{"another program's database", database("other.db", `CREATE TABLE t (x)`), "not a chimera store", "--store"},
		{"a store of the future", future, "schema is version 99, this build reads 1 to 3", "newer chimera"},
	} {
		before, _ := os.ReadFile(c.path)
		_, err := sqlite.Open(t.Context(), c.path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(fault.HintOf(err), c.hint) || fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v (code %d, hint %q), want %q", c.name, err, fault.CodeOf(err), fault.HintOf(err), c.want)
		}
		if after, _ := os.ReadFile(c.path); string(before) != string(after) && c.name != "another program's database" {
			t.Errorf("%s was changed", c.name)
		}
	}
	if _, err := sqlite.OpenExisting(t.Context(), filepath.Join(dir, "absent.db")); !errors.Is(err, fs.ErrNotExist) || fault.CodeOf(err) != fault.Usage {
		t.Errorf("no store at all: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "absent.db")); err == nil {
		t.Error("OpenExisting created a file")
	}
}

// A kill while a store is made leaves one that can be made: the mark
// is durable before the migrations' table and its first row are, which come at once.
func TestAStoreThatWasBegunIsFinished(t *testing.T) {
	const mark, table = `PRAGMA application_id = 1128811858`, `CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))`
	for name, done := range map[string][]string{
		"nothing":   nil,
		"the mark":  {mark},
		"its start": {mark, table, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1)`},
	} {
		path := filepath.Join(t.TempDir(), "begun.db")
		db, err := sql.Open("sqlite", path+"?_pragma=journal_mode(WAL)")
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range done {
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(db.Ping(), db.Close()); err != nil {
			t.Fatal(err)
		}
		s, err := sqlite.OpenExisting(t.Context(), path)
		if err != nil {
			t.Errorf("%s was written: %v", name, err)
			continue
		}
		if runs, err := s.Runs(t.Context(), store.Filter{}); err != nil || len(runs) > 0 {
			t.Errorf("%s was written: %v, %v", name, runs, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestManyMaySetUpOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chimera.db")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			s, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
