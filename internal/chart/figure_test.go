package chart_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"sync"
	"testing"

	"chimera/internal/chart"
	"chimera/internal/golden"
)

// wellFormed fails unless all of a document is XML, and returns its text.
func wellFormed(t testing.TB, document []byte) string {
	t.Helper()
	var text strings.Builder
	d := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return text.String()
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, document)
		}
		if s, ok := token.(xml.CharData); ok {
			text.Write(s)
			text.WriteByte('\n')
		}
	}
}

func svg(t testing.TB, d chart.Drawing, theme chart.Theme) []byte {
	t.Helper()
	b, err := d.SVG(t.Context(), theme)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The pictures are compared in words, because a reviewer can read them: each
// golden file is the drawing in colour names.
func TestGolden(t *testing.T) {
	for _, e := range examples() {
		t.Run(e.name, func(t *testing.T) {
			b := svg(t, chart.Draw(e.figure), chart.Page)
			wellFormed(t, b)
			golden.Equal(t, e.name+".svg", b)
		})
	}
}

func TestDrawingsAreTheSameBytesEachTime(t *testing.T) {
	all := examples()
	want := make([][]byte, len(all))
	for i, e := range all {
		want[i] = svg(t, chart.Draw(e.figure), chart.Dark)
	}
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			for i := range all {
				i = len(all) - 1 - i // another order
				b, err := chart.Draw(all[i].figure).SVG(t.Context(), chart.Dark)
				if err != nil || !bytes.Equal(b, want[i]) {
					t.Errorf("%s is drawn otherwise the second time (%v)", all[i].name, err)
				}
			}
		})
	}
	wait.Wait()
}

func TestOptionsAreJSONWithoutAnEndOfScript(t *testing.T) {
	for _, e := range examples() {
		option := chart.Draw(e.figure).Option()
		if !json.Valid(option) || bytes.Contains(option, []byte("<")) {
			t.Errorf("%s: its option cannot stand in a page:\n%.300s", e.name, option)
		}
	}
}
