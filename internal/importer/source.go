package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// Bounds on what is read. A file beyond one is listed with that reason.
const (
	MaxFile    = 64 << 20 // bytes of one file
	MaxLine    = 4 << 20  // bytes of one line of a file made of lines
	MaxNesting = 64       // levels of a JSON document
	MaxRows    = 500_000  // rows of one file
	MaxColumns = 4096     // cells of one row
	MaxFiles   = 20_000   // files of one import
	MaxTotal   = 1 << 30  // bytes of one import
)

// Source is one file's bytes, and the ways to look at them. What is parsed is
// kept, so that each format may ask again.
type Source struct {
	Path   string // relative, with slashes
	Bytes  []byte
	SHA256 string

	json  *document
	table *Table
}

// Name is the file's name without its folders.
func (s *Source) Name() string { return path.Base(s.Path) }

// Stem is the name without its extension.
func (s *Source) Stem() string { return strings.TrimSuffix(s.Name(), path.Ext(s.Path)) }

// Folder is the folder's path, "." for none.
func (s *Source) Folder() string { return path.Dir(s.Path) }

// Has reports whether the name ends so, whatever its case.
func (s *Source) Has(extension string) bool {
	return strings.EqualFold(path.Ext(s.Path), extension)
}

type document struct {
	object map[string]json.RawMessage
	list   []json.RawMessage
	err    error
}

// Object returns the members of the JSON object that the file is, or nil.
func (s *Source) Object() map[string]json.RawMessage { return s.document().object }

// List returns the items of the JSON list that the file is, or nil.
func (s *Source) List() []json.RawMessage { return s.document().list }

// JSONError says why the file is no JSON object or list; nil if it is one.
func (s *Source) JSONError() error { return s.document().err }

func (s *Source) document() *document {
	if s.json == nil {
		d := parse(bytes.TrimSpace(bytes.TrimPrefix(s.Bytes, bom)))
		s.json = &d
	}
	return s.json
}

var bom = []byte("\xef\xbb\xbf")

func parse(b []byte) (d document) {
	if len(b) == 0 || b[0] != '{' && b[0] != '[' {
		d.err = errors.New("it begins with neither { nor [")
		return d
	}
	if err := CheckNesting(b); err != nil {
		d.err = err
		return d
	}
	into := any(&d.object)
	if b[0] == '[' {
		into = &d.list
	}
	if d.err = json.Unmarshal(b, into); d.err != nil {
		d.object, d.list = nil, nil
		if e, ok := errors.AsType[*json.SyntaxError](d.err); ok {
			d.err = fmt.Errorf("%w at byte %d of %d", d.err, e.Offset, len(b))
		}
	}
	return d
}

// CheckNesting refuses a document that is nested deeper than MaxNesting before
// anything recursive reads it.
func CheckNesting(b []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted:
			if c == '\\' {
				i++
			} else if c == '"' {
				quoted = false
			}
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			if depth++; depth > MaxNesting {
				return fmt.Errorf("it is nested deeper than %d levels", MaxNesting)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// Holds reports whether a JSON object has all these members.
func Holds(object map[string]json.RawMessage, keys ...string) bool {
	for _, k := range keys {
		if _, ok := object[k]; !ok {
			return false
		}
	}
	return object != nil
}

// Line is one line of a file of JSON objects.
type Line struct {
	Number int // from 1, empty lines included
	Bytes  []byte
	Object map[string]json.RawMessage
	Err    error // why it is no JSON object
}

// Lines returns the lines that are not empty, each parsed on its own, so that
// one broken line does not lose the others.
func (s *Source) Lines() []Line {
	var out []Line
	n := 0
	for line := range bytes.Lines(bytes.TrimPrefix(s.Bytes, bom)) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if len(out) == MaxRows {
			break
		}
		d := parse(line)
		if d.err == nil && d.object == nil {
			d.err = errors.New("it is no JSON object")
		}
		out = append(out, Line{Number: n, Bytes: line, Object: d.object, Err: d.err})
	}
	return out
}

// FirstLine returns the first line that is not empty as a JSON object, or nil.
func (s *Source) FirstLine() map[string]json.RawMessage {
	for line := range bytes.Lines(bytes.TrimPrefix(s.Bytes, bom)) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if len(line) > MaxLine {
				return nil
			}
			return parse(line).object
		}
	}
	return nil
}

// checkText says why the bytes are not text in UTF-8, or nil.
func checkText(b []byte) error {
	switch {
	case len(bytes.TrimSpace(b)) == 0:
		return errors.New("it is empty")
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}), bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return errors.New("it is UTF-16, not UTF-8")
	case bytes.HasPrefix(b, []byte("\u00ff\u00fe")), bytes.HasPrefix(b, []byte("\u00fe\u00ff")):
		return fmt.Errorf("it is UTF-16 that was encoded a second time as UTF-8: %q", firstWords(undouble(b)))
	case bytes.IndexByte(b, 0) >= 0:
		return fmt.Errorf("byte %d is 0: it is no text", bytes.IndexByte(b, 0))
	case !utf8.Valid(b):
		return errors.New("it is not valid UTF-8")
	}
	return nil
}

// undouble undoes UTF-16 that was read byte by byte as Latin-1.
func undouble(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r == 0 || r > 0x7e {
			return -1
		}
		return r
	}, string(b))
}

// firstWords is a text's beginning on one line.
func firstWords(text string) string {
	return Clip(strings.Join(strings.Fields(text), " "), 60)
}

// Clip shortens text to at most n runes.
func Clip(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}

// longestLine returns the number and the length of the longest line.
func longestLine(b []byte) (number, length int) {
	n := 0
	for line := range bytes.Lines(b) {
		n++
		if len(line) > length {
			number, length = n, len(line)
		}
	}
	return number, length
}
