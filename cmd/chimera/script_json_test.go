package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// json FILE [PATH | PATH=VALUE]… fails unless FILE (stdout, stderr or a file)
// is exactly one JSON document that has every PATH. A path's parts are keys or
// indices with dots between them; len is the number of a list's items.
func jsonDocument(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: json FILE [PATH[=VALUE]]…")
	}
	doc, err := oneDocument([]byte(ts.ReadFile(args[0])))
	if err != nil {
		ts.Fatalf("%s: %v", args[0], err)
	}
	for _, arg := range args[1:] {
		if err := expect(doc, arg); err != nil {
			ts.Fatalf("%s: %v", args[0], err)
		}
	}
}

// jsonl FILE N [PATH[=VALUE]]… is json for a file of N lines, each a document
// that has every PATH.
func jsonLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: jsonl FILE N [PATH[=VALUE]]…")
	}
	lines := strings.Split(strings.TrimSuffix(ts.ReadFile(args[0]), "\n"), "\n")
	if got := fmt.Sprint(len(lines)); got != args[1] {
		ts.Fatalf("%s has %s lines, want %s", args[0], got, args[1])
	}
	for i, line := range lines {
		doc, err := oneDocument([]byte(line))
		if err != nil {
			ts.Fatalf("%s:%d: %v", args[0], i+1, err)
		}
		for _, arg := range args[2:] {
			if err := expect(doc, arg); err != nil {
				ts.Fatalf("%s:%d: %v", args[0], i+1, err)
			}
		}
	}
}

// let NAME FILE PATH puts a value of a JSON document into the variable NAME.
func let(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: let NAME FILE PATH")
	}
	doc, err := oneDocument([]byte(ts.ReadFile(args[1])))
	ts.Check(err)
	v, err := lookup(doc, args[2])
	ts.Check(err)
	ts.Setenv(args[0], v)
}

// narrow FILE fails if a line of FILE is wider than 100 columns, or carries an
// escape.
func narrow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: narrow FILE")
	}
	for i, line := range strings.Split(ts.ReadFile(args[0]), "\n") {
		if n := utf8.RuneCountInString(line); n > 100 {
			ts.Fatalf("%s:%d is %d columns wide: %s", args[0], i+1, n, line)
		}
		if strings.ContainsRune(line, '\x1b') {
			ts.Fatalf("%s:%d is coloured: %q", args[0], i+1, line)
		}
	}
}

func oneDocument(b []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("no JSON document: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON document")
	}
	return doc, nil
}

func expect(doc any, arg string) error {
	path, want, valued := strings.Cut(arg, "=")
	got, err := lookup(doc, path)
	if err == nil && valued && got != want {
		err = fmt.Errorf("%s is %s, want %s", path, got, want)
	}
	return err
}

// lookup returns the value at a path, as text.
func lookup(doc any, path string) (string, error) {
	for _, part := range strings.Split(path, ".") {
		switch at := doc.(type) {
		case map[string]any:
			v, ok := at[part]
			if !ok {
				return "", fmt.Errorf("no %q in path %s", part, path)
			}
			doc = v
		case []any:
			i, err := strconv.Atoi(part)
			switch {
			case part == "len":
				return strconv.Itoa(len(at)), nil
			case err != nil || i < 0 || i >= len(at):
				return "", fmt.Errorf("no item %q of %d in path %s", part, len(at), path)
			}
			doc = at[i]
		default:
			return "", fmt.Errorf("nothing below %q in path %s", part, path)
		}
	}
	return fmt.Sprint(doc), nil
}
