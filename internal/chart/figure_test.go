package chart_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"image/png"
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

func TestPicturesAreTheSameBytesEachTime(t *testing.T) {
	var first []byte
	for range 2 {
		b, err := chart.Draw(examples()[0].figure).PNG(t.Context(), chart.Page, .5)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = b
		}
		if !bytes.Equal(first, b) {
			t.Error("the second picture differs")
		}
	}
	picture, err := png.Decode(bytes.NewReader(first))
	if err != nil || picture.Bounds().Dx() != 448 {
		t.Errorf("%v, %v", picture.Bounds(), err)
	}
}

// TestADocumentOpensOffline: it has one copy of the library, ends no script
// early and refers to nothing outside.
func TestADocumentOpensOffline(t *testing.T) {
	var drawings []chart.Drawing
	for _, e := range examples() {
		drawings = append(drawings, chart.Draw(e.figure))
	}
	drawings = append(drawings, drawings[0])
	page, err := chart.Document(t.Context(), "Figures </title><script>", drawings...)
	if err != nil {
		t.Fatal(err)
	}
	body, _, _ := bytes.Cut(page, []byte("</main>"))
	for _, reference := range []string{"src=", "href=", "url(", "@import", "</title><script>"} {
		if bytes.Contains(body, []byte(reference)) {
			t.Errorf("the page holds %s", reference)
		}
	}
	if n := bytes.Count(page, []byte(chart.Script())); n != 1 {
		t.Errorf("the page holds the library %d times", n)
	}
	if n := bytes.Count(page, []byte("</script")); n != len(drawings)+1 {
		t.Errorf("the page ends %d scripts, and has %d", n, len(drawings)+1)
	}
	for _, id := range []string{`id="throughput"`, `id="throughput-2"`} {
		if n := bytes.Count(page, []byte(id)); n != 1 {
			t.Errorf("%s stands %d times in the page", id, n)
		}
	}
	if len(page) > 2_200_000 {
		t.Errorf("%d figures make a page of %d bytes", len(drawings), len(page))
	}
}

// Every arrow of a dense diagram is drawn, whatever circles it has.
func TestADenseDecisionIsLaidOut(t *testing.T) {
	var d chart.Decision
	r := noise(5)
	name := func() string { return string(rune('A' + int((r.next()+1)*23))) }
	for i := range 46 {
		d.Nodes = append(d.Nodes, chart.Node{ID: string(rune('A' + i)), Text: "a finding with some words"})
	}
	for range 200 {
		d.Edges = append(d.Edges, chart.Edge{From: name(), To: name(), Label: "so"})
	}
	drawing := chart.Draw(d)
	sound(t, drawing)
	if !strings.Contains(drawing.Caption(), "The first 60 of 200 arrows are drawn; 140 are left out.") {
		t.Error(drawing.Caption())
	}
}
