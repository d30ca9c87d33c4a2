package store_test

import (
	"errors"
	"strings"
	"testing"

	"chimera/internal/sample"
	"chimera/internal/store"

	"pgregory.net/rapid"
)

// Whatever is asked, the answer is an id that fits and the only one that does.
func FuzzResolve(f *testing.F) {
	f.Add("ab", "ab1 ab2 b")
	f.Add("b", "ab b bc")
	f.Add("", "a")
	f.Add("%", "a% %")
	f.Fuzz(func(t *testing.T, ask, list string) {
		ids := strings.Fields(list)
		got, err := store.Resolve(ask, ids)
		fits, exact := 0, false
		for _, id := range ids {
			exact = exact || id == ask
			if strings.HasPrefix(id, ask) {
				fits++
			}
		}
		switch {
		case exact:
			if got != ask || err != nil {
				t.Fatalf("%q of %q: %q, %v", ask, ids, got, err)
			}
		case ask == "" || fits == 0:
			if !errors.Is(err, store.ErrNotFound) {
				t.Fatalf("%q of %q: %q, %v", ask, ids, got, err)
			}
		case fits > 1:
			if !errors.Is(err, store.ErrAmbiguous) {
				t.Fatalf("%q of %q: %q, %v", ask, ids, got, err)
			}
		default:
			if err != nil || !strings.HasPrefix(got, ask) {
				t.Fatalf("%q of %q: %q, %v", ask, ids, got, err)
			}
		}
	})
}

func TestAmbiguousPrefixListsAtMostTen(t *testing.T) {
	_, err := store.Resolve("r", strings.Fields("r1 r2 r3 r4 r5 r6 r7 r8 r9 ra rb rc"))
	if err == nil || !strings.Contains(err.Error(), "ra and 2 more") {
		t.Error(err)
	}
}

func TestCheckID(t *testing.T) {
	for id, ok := range map[string]bool{"a": true, "2026-03-01.a_b": true, strings.Repeat("a", 100): true,
		"": false, ".a": false, "-a": false, "a/b": false, `a\b`: false, "a b": false, "ä": false, strings.Repeat("a", 101): false, "a\n": false} {
		if err := store.CheckID(id); (err == nil) != ok {
			t.Errorf("CheckID(%q) = %v", id, err)
		}
	}
}

// Of any rows of one block, only the last session that repeated it counts.
func TestOnlyTheLastRepeatCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sessions []sample.Session
		last := 0
		for n, repeats := range rapid.SliceOfN(rapid.Bool(), 1, 6).Draw(t, "repeats") {
			s := sample.Session{Number: n}
			if repeats && n > 0 {
				s.Repeats = []string{store.BlockKey("sweep", 7), store.BlockKey("other", 8)}
				last = n
			}
			sessions = append(sessions, s)
		}
		r := store.RepeatsOf(sessions)
		for n := range sessions {
			if got := r.Supersede("sweep", 7, n); got != (n < last) {
				t.Fatalf("session %d of %+v: superseded %t", n, sessions, got)
			}
			if r.Supersede("sweep", 8, n) {
				t.Fatal("another block was superseded")
			}
		}
	})
}

func TestUnknownOutcomeIsNotCounted(t *testing.T) {
	var c store.Counts
	if err := c.Add("fine", 1); err == nil || c != (store.Counts{}) || c.Of("fine") != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	for _, o := range sample.Outcomes {
		if err := c.Add(o, 2); err != nil || c.Of(o) != 2 {
			t.Errorf("%s: %d, %v", o, c.Of(o), err)
		}
	}
	if c.Ended() != 2*len(sample.Outcomes) {
		t.Errorf("%+v", c)
	}
}
