package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"chimera/internal/chart"
	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/report"
	"chimera/internal/report/reporttest"
	"chimera/internal/sample"

	"pgregory.net/rapid"
)

// named is a document that says a name wherever a name can stand.
func named(t *testing.T, name string) report.Document {
	t.Helper()
	f, err := fact.Identify(fact.Fact{Metric: "ttft", Version: 1, Aggregate: "median", Unit: "s", Value: sample.Some(0.25), N: 3, Planned: 3,
		Scope: map[string]string{"subject": name}, Method: name, Caveats: []string{name}, Evidence: fact.Evidence{Rows: []string{name}}})
	if err != nil {
		t.Fatal(err)
	}
	l := &report.Ledger{}
	l.Add(f)
	text := report.Text{{Name: name}, {Text: " takes "}, {Fact: f.ID, As: finding.AsBoth}}
	return report.Document{Name: name, Title: name, Meta: text, Ledger: l, Rederive: name, Sections: []report.Section{{ID: "answer", Title: name, Blocks: []report.Block{
		report.Answer{Lead: text, How: []report.Text{text}},
		report.Heading{Title: name},
		report.Paragraph{Verdict: "better", Text: text, More: text},
		report.Fold{Title: name, Blocks: []report.Block{report.Paragraph{Text: text}}},
		report.Table{ID: "t", Title: name, Caption: text, Columns: []report.Column{{Name: name, Words: true}, {Name: "b", Unit: name}, {Name: "c"}}, Rows: []report.Row{
			{ID: "r", Winner: true, Cells: []report.Cell{{Text: text, Note: name}, {Fact: f.ID, As: finding.AsBoth}, {Missing: name}}},
			{Cells: []report.Cell{{Text: report.Text{{Name: name}}, Code: true}, {}, {}}}}},
		report.Checks{Items: []report.Check{{Name: name, State: "pass", Found: []report.Text{text}}}},
		report.Terms{Items: []report.Term{{Name: name, Text: name}}},
		report.Properties{Items: []report.Property{{Name: name, Value: name}, {Name: name, Absent: name}}},
	}}}}
}

// shape lists the elements of a page in order, with their attributes' names.
func shape(t *testing.T, html []byte) []string {
	t.Helper()
	var out []string
	dec := reporttest.Decoder(html)
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("the page does not parse: %v", err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			tag := e.Name.Local
			for _, a := range e.Attr {
				if a.Name.Local != "data-v" { // an empty name is not sorted
					tag += " " + a.Name.Local
				}
			}
			out = append(out, tag)
		}
	}
}

// FuzzNamesStayText: whatever a name holds, the page has the same elements, the
// Markdown no markup of its own, and the notebook the same code.
func FuzzNamesStayText(f *testing.F) {
	for _, name := range append(hostile, "270m", "a\x00b\u202ec", "``", "- x", "12. x", "<!--", "]]>", "&lt;", `\`, "http://a.b", "\u2028", "\u202e") {
		f.Add(name)
	}
	f.Fuzz(staysText)
}

// The same for drawn names: a fuzzer is slow here, as what draws figures is large.
func TestNamesStayText(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) { staysText(t, rapid.String().Draw(r, "name")) })
	alphabet := []rune("<>&\"'`[]()!#*_~|\\-=.:/@$ \n\ta1")
	rapid.Check(t, func(r *rapid.T) { staysText(t, rapid.StringOf(rapid.SampledFrom(alphabet)).Draw(r, "name")) })
}

func staysText(t *testing.T, name string) {
	if len(name) > 300 || strings.TrimSpace(name) == "" {
		return // an empty name leaves elements out, and a long one says nothing new
	}
	write := func(name string) (html, md, nb bytes.Buffer) {
		d := named(t, name)
		if err := errors.Join(report.HTML(t.Context(), &html, d), report.Markdown(&md, d, func(string) string { return "" }), report.Notebook(&nb, d)); err != nil {
			t.Fatal(err)
		}
		return html, md, nb
	}
	html, md, nb := write(name)
	plainHTML, plainMD, plainNB := write("plain")
	if a, b := shape(t, plainHTML.Bytes()), shape(t, html.Bytes()); !slices.Equal(a, b) {
		t.Fatalf("%q: the page has other elements: %d, want %d", name, len(b), len(a))
	}
	if a, b := marks(plainMD.String()), marks(md.String()); a != b {
		t.Fatalf("%q: the Markdown has other marks: %s, want %s", name, b, a)
	}
	if a, b := codeOf(t, plainNB.Bytes()), codeOf(t, nb.Bytes()); a != b {
		t.Fatalf("%q: the notebook has other code", name)
	}
}

// marks are what Markdown reads in a text: brackets, tags, lines and pipes that
// are not escaped, outside code.
func marks(md string) string {
	md = entity.ReplaceAllString(withoutCode(quoted.ReplaceAllString(md, "${1})")), "")
	var out strings.Builder
	for i := 0; i < len(md); i++ {
		switch md[i] {
		case '\\':
			i++
		case '[', ']', '<', '>', '|', '*', '#', '\n', '!', '_', '~', '$':
			out.WriteByte(md[i])
		}
	}
	return out.String()
}

var (
	entity = regexp.MustCompile(`&(#\d+|\w+);`)
	// quoted finds what stands in quotes: a link's title, which must have none of
	// its own, and between the tags of a fold.
	quoted = regexp.MustCompile(`(\(#f[0-9a-f]{10}) "[^"` + "`" + `\\\n<>]*"\)|<details><summary>[^<>\n]*`)
)

func codeOf(t *testing.T, nb []byte) string {
	t.Helper()
	var all struct {
		Cells []struct {
			Type   string   `json:"cell_type"`
			Source []string `json:"source"`
		} `json:"cells"`
	}
	if err := json.Unmarshal(nb, &all); err != nil {
		t.Fatal(err)
	}
	code := ""
	for _, c := range all.Cells {
		if c.Type == "code" {
			code += strings.Join(c.Source, "")
		}
	}
	return code
}

// The library that draws figures is not changed by what is done to a page.
func TestTheLibraryIsNotTouched(t *testing.T) {
	if html := page(t, build(t, input(t))); !bytes.Contains(html, []byte(chart.Script())) {
		t.Error("the page holds another script than the one its policy allows")
	}
}
