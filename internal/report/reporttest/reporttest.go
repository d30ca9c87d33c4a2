// Package reporttest reads a report's page as its law demands: no number stands
// in it that is not a fact's.
package reporttest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

var (
	digit  = regexp.MustCompile(`[0-9]`)
	factID = regexp.MustCompile(`^F[0-9a-f]{10}$`)

	// Verbatim finds what a page holds beside its text.
	Verbatim = regexp.MustCompile(`(?s)<(script|style)[^>]*>.*?</(script|style)>`)
)

// Decoder reads the elements of a page.
func Decoder(html []byte) *xml.Decoder {
	dec := xml.NewDecoder(bytes.NewReader(Verbatim.ReplaceAll(html, nil)))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	return dec
}

// Numbers returns the texts of a page that hold a digit and stand in no element
// that may: a link to a fact, a name, a heading, a definition, a property, code,
// or a drawing, whose numbers are listed as facts below it and whose caption is
// the method's text.
func Numbers(html []byte) ([]string, error) {
	var found []string
	var path []bool // for each open element: may it hold digits?
	dec := Decoder(html)
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the page does not parse: %w", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			path = append(path, allowed(tok))
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if !slices.Contains(path, true) && digit.Match(tok) {
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
	has := func(class string) bool { return slices.Contains(strings.Fields(attr["class"]), class) }
	switch e.Name.Local {
	case "a":
		return has("f") && factID.MatchString(attr["data-f"])
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
