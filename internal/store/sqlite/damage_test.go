package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/store"
	"chimera/internal/store/sqlite"
	"chimera/internal/store/storetest"
)

// begun is a store with an open run of so many blocks and no rows.
func begun(t testing.TB, blocks int) *sqlite.Store {
	t.Helper()
	s := open(t, filepath.Join(t.TempDir(), "chimera.db"))
	if err := s.CreateRun(t.Context(), storetest.Manifest("r1", blocks), storetest.Plan(blocks)); err != nil {
		t.Fatal(err)
	}
	return s
}

func execute(t testing.TB, s *sqlite.Store, statement string, args ...any) {
	t.Helper()
	if _, err := s.Writer().ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, s *sqlite.Store) {
	t.Helper()
	var verdict string
	if err := s.Writer().QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %s, %v", verdict, err)
	}
}

func TestFullDiskLosesNothingThatWasCommitted(t *testing.T) {
	const blocks = 200
	s := begun(t, blocks)
	p := storetest.Plan(blocks)
	var pages int
	if err := s.Writer().QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	execute(t, s, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+20))
	committed := 0
	var err error
	for _, r := range storetest.Samples("r1", p) {
		if err = s.Append(t.Context(), "r1", r); err != nil {
			break
		}
		committed++
	}
	if err == nil || fault.CodeOf(err) != fault.Runtime || !strings.Contains(fault.HintOf(err), "disk is full") || !strings.Contains(err.Error(), "append samples to run r1") {
		t.Fatalf("after %d rows: %v, hint %q", committed, err, fault.HintOf(err))
	}
	run, err := s.Run(t.Context(), "r1")
	if err != nil || run.Outcomes.Ended() != committed || committed == 0 {
		t.Errorf("%d rows were committed, there are %+v, %v", committed, run.Outcomes, err)
	}
	check(t, s)

	execute(t, s, `PRAGMA max_page_count = 1000000`) // room was made
	if err := s.Append(t.Context(), "r1", storetest.Samples("r1", p)[committed:]...); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Seal(t.Context(), "r1", store.Complete, time.Unix(0, 0)); err != nil {
		t.Error(err)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	rows := storetest.Samples("r1", storetest.Plan(1))
	t.Run("another process holds the file", func(t *testing.T) {
		s := begun(t, 1)
		if err := s.Busy(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		other := open(t, s.Path())
		tx, err := other.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		wantHint(t, s.Append(t.Context(), "r1", rows...), "another process")
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err := s.Append(t.Context(), "r1", rows...); err != nil {
			t.Errorf("after the other was done: %v", err)
		}
	})
	t.Run("the disk became read-only", func(t *testing.T) {
		s := begun(t, 1)
		execute(t, s, `PRAGMA query_only = 1`)
		wantHint(t, s.Append(t.Context(), "r1", rows...), "cannot be written")
	})
	t.Run("the file is damaged", func(t *testing.T) {
		s := begun(t, 300)
		if err := errors.Join(s.Append(t.Context(), "r1", storetest.Samples("r1", storetest.Plan(300))...), s.Close()); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(s.Path())
		if err != nil {
			t.Fatal(err)
		}
		for i := range b[len(b)/3:] { // past the schema, so that it opens
			b[len(b)/3+i] = 0xa5
		}
		if err := os.WriteFile(s.Path(), b, 0o600); err != nil {
			t.Fatal(err)
		}
		broken := open(t, s.Path())
		var last error
		for _, err := range broken.Samples(t.Context(), "r1") {
			last = err
		}
		wantHint(t, last, "damaged")
	})
}

func wantHint(t *testing.T, err error, hint string) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != fault.Runtime || !strings.Contains(fault.HintOf(err), hint) {
		t.Errorf("%v (code %d, hint %q), want hint %q", err, fault.CodeOf(err), fault.HintOf(err), hint)
	}
}

// Law: a sealed run is what it was. Whatever is changed behind the store's
// back is found, and named.
func TestVerifyNamesWhatWasChanged(t *testing.T) {
	for _, c := range []struct {
		name, statement string
		part, row       string
	}{
		{"a manifest's word", `UPDATE runs SET manifest = replace(manifest, 'fastest', 'slowest')`, "manifest", ""},
		{"a prompt", `UPDATE runs SET plan = replace(plan, 'hello', 'bye')`, "plan", ""},
		{"a trial's level", `UPDATE trials SET line = replace(line, '1024', '2048') WHERE ord = 1`, "plan", ""},
		{"a trial too many", `INSERT INTO trials SELECT run, 99, 'x', line FROM trials WHERE ord = 1`, "plan", ""},
		{"a sample's instant", `UPDATE samples SET line = replace(line, '10000000', '90000000') WHERE ord = 0`, "samples", "order 0, session 0, attempt 0"},
		{"a sample's column", `UPDATE samples SET outcome = 'ok' WHERE ord = 1`, "samples", "order 1, session 0, attempt 0"},
		{"a sample deleted", `DELETE FROM samples WHERE ord = 1`, "samples", ""},
		{"a reading", `UPDATE readings SET line = replace(line, '"value":0', '"value":1')`, "readings", ""},
		{"the status", `UPDATE runs SET status = 'partial'`, "seal", "status"},
		{"a copy by column", `UPDATE columns SET bytes = CAST(bytes || 'x' AS BLOB)`, "columns", "row 0 and those after it"},
		{"a count of outcomes", `UPDATE seals SET outcomes = replace(outcomes, '"error":1', '"error":0')`, "seal", "outcomes"},
		{"the digest", `UPDATE seals SET digest = 'abc'`, "seal", "digest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := begun(t, 1)
			rows := storetest.Samples("r1", storetest.Plan(1))
			rows[1] = storetest.Sample("r1", storetest.Plan(1).Trials[1], 0, sample.Error)
			if err := errors.Join(s.Append(t.Context(), "r1", rows...), s.AppendReadings(t.Context(), "r1", storetest.Readings("r1")...)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Seal(t.Context(), "r1", store.Complete, time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
			execute(t, s, c.statement)
			v, err := s.Verify(t.Context(), "r1")
			if err != nil || v.OK() || len(v.Differences) == 0 {
				t.Fatalf("not found: %+v, %v", v, err)
			}
			for _, d := range v.Differences {
				if d.Part == c.part && (c.row == "" || d.Row == c.row) && d.Want != d.Got {
					return
				}
			}
			t.Errorf("want %s %s, got %+v", c.part, c.row, v.Differences)
		})
	}
}

// Columns are a copy: whatever becomes of it, readers get the rows, and the
// copy is made again for the next reader.
func TestColumnsAreMadeAgainOfTheRows(t *testing.T) {
	for _, c := range []struct{ name, statement string }{
		{"gone", `DELETE FROM columns`},
		{"the last gone", `DELETE FROM columns WHERE first > 0`},
		{"changed", `UPDATE columns SET bytes = CAST(bytes || 'x' AS BLOB) WHERE first > 0`},
		{"of another version", `UPDATE columns SET bytes = CAST(X'63' || substr(bytes, 2) AS BLOB)`},
		{"of another seal", `UPDATE columns SET sealed = 'abc'`},
		{"out of place", `UPDATE columns SET first = first + 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			sqlite.Stretch(t, 7)
			const blocks = 9 // more rows than fit into two stretches
			s := begun(t, blocks)
			rows := storetest.Samples("r1", storetest.Plan(blocks))
			if err := s.Append(t.Context(), "r1", rows...); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Seal(t.Context(), "r1", store.Complete, time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
			kept := columnBytes(t, s)
			execute(t, s, c.statement)
			n := 0
			for part, err := range s.Columns(t.Context(), "r1") {
				if err != nil {
					t.Fatal(err)
				}
				for _, got := range part.Rows() {
					if want := rows[n]; got.Trial != want.Trial || got.T != want.T || got.Outcome != want.Outcome {
						t.Fatalf("row %d is %s, want %s", n, got.Trial, want.Trial)
					}
					n++
				}
			}
			if n != len(rows) {
				t.Errorf("%d rows, want %d", n, len(rows))
			}
			if again := columnBytes(t, s); !slices.Equal(kept, again) {
				t.Errorf("%d blobs were kept again, of %d, or others", len(again), len(kept))
			}
		})
	}
}

// A page that cannot be read is named, and no reader gets less than all rows
// without an error.
func TestVerifyNamesTheDamagedPage(t *testing.T) {
	for _, c := range []struct{ name, statement, part, row string }{
		{"rows changed", `UPDATE pages SET bytes = CAST(substr(bytes, 1, 60) || X'00' || substr(bytes, 62) AS BLOB) WHERE kind = 'samples'`, "samples", "rows 0 to 3"},
		{"rows cut", `UPDATE pages SET bytes = substr(bytes, 1, length(bytes) - 5) WHERE kind = 'samples'`, "samples", "rows 0 to 3"},
		{"rows miscounted", `UPDATE pages SET lines = 3 WHERE kind = 'samples'`, "samples", "rows 0 to 2"},
		{"trials changed", `UPDATE pages SET bytes = X'00' WHERE kind = 'trials'`, "trials", "rows 0 to 3"},
		{"rows gone", `DELETE FROM pages WHERE kind = 'samples'`, "samples", ""},
		{"readings gone", `DELETE FROM pages WHERE kind = 'readings'`, "readings", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, filepath.Join(t.TempDir(), "chimera.db"))
			p, m := storetest.Plan(2), storetest.Manifest("r1", 2)
			w, err := s.Load(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range storetest.Samples("r1", p) {
				if err := w.Add(p.Trials[i], row); err != nil {
					t.Fatal(err)
				}
			}
			for _, r := range storetest.Readings("r1") {
				if err := w.Reading(r); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.Seal(m, p, time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
			execute(t, s, c.statement)
			v, err := s.Verify(t.Context(), "r1")
			if err != nil || v.OK() {
				t.Fatalf("not found: %+v, %v", v, err)
			}
			if !slices.ContainsFunc(v.Differences, func(d store.Difference) bool { return d.Part == c.part && (c.row == "" || d.Row == c.row) }) {
				t.Errorf("want %s %s, got %+v", c.part, c.row, v.Differences)
			}
		})
	}
}

// columnBytes are the digests of the columns that a store keeps.
func columnBytes(t *testing.T, s *sqlite.Store) (all []string) {
	t.Helper()
	rows, err := s.Writer().Query(`SELECT first, sealed, bytes FROM columns ORDER BY first`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var first int
		var sealed string
		var b []byte
		if err := rows.Scan(&first, &sealed, &b); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(first, sealed, digest.Bytes(b)))
	}
	if len(all) < 2 {
		t.Fatalf("%d stretches are kept: %v", len(all), rows.Err())
	}
	return all
}

// The schema's number in the file and the migrations' must not part.
func TestSchemaVersionIsThatOfTheLastMigration(t *testing.T) {
	s := begun(t, 1)
	var file, steps int
	if err := s.Writer().QueryRow(`SELECT (SELECT user_version FROM pragma_user_version), (SELECT max(version_id) FROM goose_db_version)`).Scan(&file, &steps); err != nil {
		t.Fatal(err)
	}
	if file != steps || file == 0 {
		t.Errorf("user_version is %d, the last migration %d", file, steps)
	}
}
