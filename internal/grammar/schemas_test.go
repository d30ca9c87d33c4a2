package grammar_test

import (
	"encoding/json"
	"os"
	"testing"
)

// schemas are what the tests write texts of, each a keyword's case. The tests of
// other rooms read them too.
func schemas(t testing.TB) (list []struct {
	Name   string
	Schema json.RawMessage
}) {
	t.Helper()
	b, err := os.ReadFile("testdata/schemas.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	return list
}
