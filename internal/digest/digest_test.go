package digest_test

import (
	"math"
	"strings"
	"testing"

	"chimera/internal/digest"

	"pgregory.net/rapid"
)

func TestKnownDigest(t *testing.T) {
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, appendix B.1
	if got := digest.Text("abc"); got != abc {
		t.Errorf("Text(abc) = %s", got)
	}
	if got, err := digest.Reader(strings.NewReader("abc")); err != nil || got != abc {
		t.Errorf("Reader(abc) = %s, %v", got, err)
	}
	if digest.Short(abc, 4) != "ba78" || digest.Short("ab", 4) != "ab" {
		t.Error("Short must cut, and never panic")
	}
}

func TestCanonicalSortsKeysAndKeepsNumbers(t *testing.T) {
	type z struct {
		B int     `json:"b"`
		A float64 `json:"a"`
		T string  `json:"t"`
	}
	got, err := digest.Canonical(z{B: 9007199254740993, A: 0.1, T: "<&>"})
	if err != nil || string(got) != `{"a":0.1,"b":9007199254740993,"t":"<&>"}` {
		t.Errorf("Canonical = %s, %v", got, err)
	}
	if _, err := digest.JSON(math.NaN()); err == nil {
		t.Error("NaN has no canonical form and must be refused")
	}
}

func TestEqualMapsHaveEqualDigests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.MapOf(rapid.String(), rapid.Float64Range(-1e9, 1e9)).Draw(t, "m")
		twin := map[string]any{}
		for k, v := range m {
			twin[k] = v
		}
		a, _ := digest.JSON(m)
		b, _ := digest.JSON(twin)
		if a != b {
			t.Fatalf("%v: %s != %s", m, a, b)
		}
	})
}

func TestChainFramesItsRecords(t *testing.T) {
	sum := func(records ...string) string {
		var c digest.Chain
		for _, r := range records {
			c.Add([]byte(r))
		}
		return c.Sum()
	}
	seen := map[string][]string{}
	for _, records := range [][]string{{}, {""}, {"ab", "c"}, {"a", "bc"}, {"abc"}, {"c", "ab"}} {
		s := sum(records...)
		if other, ok := seen[s]; ok {
			t.Errorf("%q and %q share a digest", records, other)
		}
		seen[s] = records
	}
}
