package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"chimera/internal/store"
)

// Stores of every schema ever released open forever, are brought up to date,
// and hold the same rows under the same digest: neither the schema nor the rule
// of the digest may leave an old run behind. The files are copies of stores
// with one partial and then complete run "r1" of two sessions and one open run.
func TestCorpusStoresOpenAndVerify(t *testing.T) {
	digests := map[string]string{
		"store-v1.db": "53833218731e94a101077e1b1408f7200aa88aa0a539e119673316930985b3fd",
		"store-v3.db": "53833218731e94a101077e1b1408f7200aa88aa0a539e119673316930985b3fd",
	}
	files, err := filepath.Glob(filepath.Join("testdata", "corpus", "*.db"))
	if err != nil || len(files) != len(digests) {
		t.Fatalf("%d stores in the corpus, want %d: %v", len(files), len(digests), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(t.TempDir(), "chimera.db")
			if err := os.WriteFile(copied, b, 0o600); err != nil {
				t.Fatal(err)
			}
			s := open(t, copied)
			runs, err := s.Runs(t.Context(), store.Filter{})
			if err != nil || len(runs) != 2 || runs[0].ID() != "open" || runs[0].Status != store.Open {
				t.Fatalf("%+v, %v", runs, err)
			}
			want := store.Counts{Planned: 4, OK: 3, Error: 1}
			digest, _ := runs[1].Digest()
			if runs[1].Outcomes != want || len(runs[1].Seals) != 2 || digest != digests[filepath.Base(file)] {
				t.Errorf("digest %s: %+v", digest, runs[1])
			}
			if v, err := s.Verify(t.Context(), "r1"); err != nil || !v.OK() {
				t.Errorf("%+v, %v", v, err)
			}
			n, superseded := 0, 0
			for r, err := range s.Samples(t.Context(), "r1") {
				if err != nil {
					t.Fatal(err)
				}
				n++
				if r.Superseded {
					superseded++
				}
			}
			if n != 5 || superseded != 1 {
				t.Errorf("%d rows, %d superseded, want 5 and 1", n, superseded)
			}
			if err := s.Reopen(t.Context(), "open"); err != nil {
				t.Errorf("an old open run cannot be resumed: %v", err)
			}
		})
	}
}
