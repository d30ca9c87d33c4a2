package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"chimera/internal/report"
)

var (
	digit     = regexp.MustCompile(`[0-9]`)
	verbatim  = regexp.MustCompile(`(?s)<(script|style)[^>]*>.*?</(script|style)>`)
	sentence  = regexp.MustCompile(`F[0-9a-f]{10}`)
	footnotes = regexp.MustCompile(`\[(?:\\.|[^\]\\])*\]\(#f[0-9a-f]{10} "[^"]*"\)`)
	codes     = regexp.MustCompile("`+[^`]*`+")
)

// numbers returns the texts of a page that hold a digit and stand in no element
// that may: a link to a fact, a name, a heading, a definition, a property, the
// ledger itself, code, or a drawing (whose numbers are listed as facts below it
// and whose captions are the method's text).
func numbers(t *testing.T, html []byte) []string {
	t.Helper()
	var found []string
	var path []string
	free := func() bool { return !slices.Contains(path, "free") }
	dec := xml.NewDecoder(bytes.NewReader(verbatim.ReplaceAll(html, nil)))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("the page does not parse: %v", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			kind := "bound"
			if allowed(tok) {
				kind = "free"
			}
			path = append(path, kind)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if free() && digit.Match(tok) {
				found = append(found, strings.TrimSpace(string(tok)))
			}
		}
	}
}

func allowed(e xml.StartElement) bool {
	attr := map[string]string{}
	for _, a := range e.Attr {
		attr[a.Name.Local] = a.Value
	}
	classes := strings.Fields(attr["class"])
	has := func(c string) bool { return slices.Contains(classes, c) }
	switch e.Name.Local {
	case "a":
		return has("f") && sentence.MatchString(attr["data-f"])
	case "title", "h1", "h2", "h3", "code", "svg":
		return true
	case "dl":
		return has("terms") || has("props")
	case "span":
		return has("n")
	case "figure":
		return has("cx")
	}
	return false
}

// TestEveryNumberIsAFact is the law of a report: no number stands in it that
// the ledger does not have.
func TestEveryNumberIsAFact(t *testing.T) {
	d := build(t, input(t))
	if bad := numbers(t, page(t, d)); len(bad) > 0 {
		t.Errorf("numbers without a fact in the page: %q", bad)
	}
	md := markdown(t, d)
	body, _, _ := bytes.Cut(md, []byte(`<a id="method"></a>`))
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "![") || strings.HasPrefix(line, "*") || strings.HasPrefix(line, "- **") && !strings.Contains(line, "](#f") {
			continue
		}
		rest := codes.ReplaceAllString(footnotes.ReplaceAllString(line, ""), "")
		for _, name := range []string{"270m", "1b-it-qat", "gemma3-variants", "7f3a19c2", "2026-11-02 10:30 UTC", "over 3 pairs", "temperature=0.2", "sha256:c0ffee"} {
			rest = strings.ReplaceAll(rest, name, "")
		}
		if rest = regexp.MustCompile(`<a id="[^"]*"></a>|&#?\w+;`).ReplaceAllString(rest, ""); digit.MatchString(rest) {
			t.Errorf("a number without a fact: %q in %q", rest, line)
		}
	}
}

// The check itself must see what it forbids.
func TestANumberWithoutAFactIsSeen(t *testing.T) {
	for text, want := range map[string]int{
		`<p>about 12 times</p>`: 1,
		`<p>about <a class="f" data-f="F0123456789">12</a> times</p>`: 0,
		`<p>about <a class="f">12</a> times</p>`:                      1,
		`<p><span class="n">gemma3</span></p>`:                        0,
		`<td>7</td><code>8</code>`:                                    1,
	} {
		if got := numbers(t, []byte("<main>"+text+"</main>")); len(got) != want {
			t.Errorf("%s: found %q, want %d", text, got, want)
		}
	}
}

func markdown(t *testing.T, d report.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.Markdown(&b, d, func(id string) string { return fmt.Sprintf("figures/%s.svg", id) }); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
