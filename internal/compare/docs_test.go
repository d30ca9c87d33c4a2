package compare_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"chimera/internal/compare"
)

// Every key of the document and every kind of residue stands in its page.
func TestThePageHasEveryKey(t *testing.T) {
	page, err := os.ReadFile("../../docs/formats/compare.md")
	if err != nil {
		t.Fatal(err)
	}
	said := func(word string) {
		if !strings.Contains(string(page), "`"+word+"`") {
			t.Errorf("docs/formats/compare.md does not explain %q", word)
		}
	}
	text, err := json.Marshal(of(t, shifted("a", 1, 100, 0.05, 0.2), shifted("b", 2, 100, 0.05, 0.2), options(t)))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var metrics []map[string]any
	if err := json.Unmarshal(doc["metrics"], &metrics); err != nil || len(metrics) == 0 {
		t.Fatalf("%d comparisons, %v", len(metrics), err)
	}
	for key := range doc {
		said(key)
	}
	for key := range metrics[0] {
		said(key)
	}
	for _, k := range append(compare.Kinds, compare.Phase, compare.Experiments) {
		said(string(k))
	}
}
