// Package importertest is what tests of importers share: files that other tools
// made, the truth beside them, files that are broken in one place, and the law
// that what an importer makes of any bytes must keep. Only tests import it.
package importertest

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"chimera/internal/importer"
	"chimera/internal/sample"
)

// Shared returns where a file or folder lies beside the repository, seen from
// the folder of an importer. Where it is not there the test is skipped; where CI
// must have it, it fails.
func Shared(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", "..", "shared", filepath.FromSlash(name))
	_, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") != "true":
		t.Skipf("%s is not beside the repository", name)
	case err != nil:
		t.Fatal(err)
	}
	return path
}

// Made returns a file that a tool itself made.
func Made(t testing.TB, tool, name string) string {
	t.Helper()
	b, err := os.ReadFile(Shared(t, "formats/"+tool+"/"+name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Truth is what the server did of a request that a tool measured.
type Truth struct {
	UnixNS       int64   `json:"unix_ns"` // when it came
	PromptTokens int     `json:"prompt_tokens"`
	Tokens       int     `json:"tokens"`
	TokenNS      []int64 `json:"token_ns"` // when each token was sent
}

// Truths returns the truth beside a tool's files, a request each, in order.
func Truths(t testing.TB, tool string) (out []Truth) {
	t.Helper()
	for line := range strings.Lines(Made(t, tool, "truth.jsonl")) {
		var one Truth
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		out = append(out, one)
	}
	return out
}

// With is a text in which one passage, which must stand there once, is another.
func With(t testing.TB, text, old, passage string) string {
	t.Helper()
	if n := strings.Count(text, old); n != 1 {
		t.Fatalf("%q is there %d times, want once", old, n)
	}
	return strings.Replace(text, old, passage, 1)
}

// Samples are the rows that are requests.
func Samples(c *importer.Content) (out []importer.Row) {
	for _, r := range c.Rows {
		if r.Sample != nil {
			out = append(out, r)
		}
	}
	return out
}

// Check holds what an importer made of any bytes to the law: an error or rows,
// each row kept or skipped with a reason, no sample that cannot be stored, and
// no reading with both a value and a reason, or neither.
func Check(t testing.TB, c *importer.Content, err error) {
	t.Helper()
	if err != nil && c != nil {
		t.Fatal("an error and rows")
	}
	if c == nil {
		return
	}
	for _, row := range c.Rows {
		if (row.Skip == "") == (row.Sample == nil && len(row.Readings) == 0) {
			t.Fatalf("row %d is neither kept nor skipped with a reason, or both", row.Number)
		}
		if s := row.Sample; s != nil {
			if _, err := sample.Encode(s); err != nil {
				t.Fatalf("row %d: %v", row.Number, err)
			}
			if (s.Failure == nil) != (s.Outcome == sample.OK) {
				t.Fatalf("row %d: %s with %+v", row.Number, s.Outcome, s.Failure)
			}
		}
		for _, r := range row.Readings {
			if v, ok := r.Value.Get(); ok == (r.Reason != "") || math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("row %d: reading %+v", row.Number, r)
			}
		}
	}
}
