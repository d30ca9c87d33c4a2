package llamabench

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"chimera/internal/importer"
)

// insert is llama-bench's statement for one test, on one line.
var insert = regexp.MustCompile(`^INSERT INTO (?:llama_bench|test) \(([a-z0-9_, ]+)\) VALUES \((.*)\);$`)

// isSQL knows the output by the columns of its first statement.
func isSQL(s *importer.Source) bool {
	for line := range bytes.Lines(s.Bytes) {
		if m := insert.FindSubmatch(bytes.TrimSpace(line)); m != nil {
			columns := map[string]bool{}
			for _, c := range strings.Split(string(m[1]), ", ") {
				columns[c] = true
			}
			for _, c := range testColumns {
				if !columns[c] {
					return false
				}
			}
			return true
		}
	}
	return false
}

func sql(s *importer.Source) *importer.Content {
	c := &importer.Content{Kind: "llama-bench/sql"}
	n := 0
	for line := range bytes.Lines(s.Bytes) {
		n++
		line = bytes.TrimSpace(line)
		if !bytes.HasPrefix(line, []byte("INSERT ")) || len(c.Rows) == importer.MaxRows {
			continue
		}
		f, err := statement(string(line))
		if err != nil {
			add(c, importer.Row{Skip: importer.Clip(fmt.Sprintf("line %d: %v", n, err), 200)})
			continue
		}
		keep(c, f, test1)
	}
	return c
}

func statement(line string) (fields, error) {
	m := insert.FindStringSubmatch(line)
	if m == nil {
		return fields{}, errors.New("it is no statement of llama-bench")
	}
	columns := strings.Split(m[1], ", ")
	values, err := literals(m[2])
	if err != nil {
		return fields{}, err
	}
	if len(values) != len(columns) {
		return fields{}, fmt.Errorf("it has %d values for %d columns", len(values), len(columns))
	}
	f := fields{text: map[string]string{}}
	for i, c := range columns {
		f.text[c] = values[i]
	}
	return f, nil
}

// literals reads a list of SQL texts: 'a', 'b'; a quote inside is doubled.
func literals(list string) (out []string, err error) {
	for rest := list; ; {
		var text strings.Builder
		if !strings.HasPrefix(rest, "'") {
			return nil, errors.New("a value that is no text in quotes")
		}
		rest = rest[1:]
		for {
			before, after, closed := strings.Cut(rest, "'")
			if !closed {
				return nil, errors.New("a text without its closing quote")
			}
			text.WriteString(before)
			if rest = after; !strings.HasPrefix(rest, "'") {
				break
			}
			text.WriteByte('\'')
			rest = rest[1:]
		}
		out = append(out, text.String())
		if rest == "" {
			return out, nil
		}
		var more bool
		if rest, more = strings.CutPrefix(rest, ", "); !more {
			return nil, errors.New("values that are not separated by a comma")
		}
	}
}
