package importer

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Table is a CSV file with a head. A record that does not fit the head is kept
// with the reason.
type Table struct {
	Head    []string
	Records []Record
	Err     error // why the file cannot be read on, or at all

	at     map[string]int
	quoted [][]byte // the head as JSON
	text   string   // all cells of all records, one behind the other
	ends   []uint32 // where each cell ends
}

// Record is one row of data.
type Record struct {
	Number int // from 1
	Err    error
	table  *Table
	from   int // its first cell in table.ends
	cells  int
}

// cell returns a cell as it is in the file.
func (r *Record) cell(i int) string {
	at, begin := r.from+i, uint32(0)
	if at > 0 {
		begin = r.table.ends[at-1]
	}
	return r.table.text[begin:r.table.ends[at]]
}

// Table reads the file as CSV. It never fails: what could not be read is in
// Err and in the records.
func (s *Source) Table() *Table {
	if s.table == nil {
		s.table = readTable(bytes.TrimPrefix(s.Bytes, bom))
	}
	return s.table
}

func readTable(b []byte) *Table {
	t := &Table{at: map[string]int{}}
	r := csv.NewReader(bytes.NewReader(b))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	var text strings.Builder
	defer func() { t.text = text.String() }()
	for n := 0; ; n++ {
		cells, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return t
		case err != nil:
			t.Err = err
			return t
		case len(cells) > MaxColumns:
			t.Err = fmt.Errorf("row %d has %d cells, more than %d", n, len(cells), MaxColumns)
			return t
		case n > MaxRows:
			t.Err = fmt.Errorf("it has more than %d rows", MaxRows)
			return t
		case n == 0:
			t.setHead(cells)
			continue
		}
		record := Record{Number: n, table: t, from: len(t.ends), cells: len(cells)}
		for _, c := range cells {
			text.WriteString(c)
			t.ends = append(t.ends, uint32(text.Len())) // a file is smaller than 4 GiB
		}
		if len(cells) != len(t.Head) {
			record.Err = fmt.Errorf("it has %d cells under %d heads", len(cells), len(t.Head))
		}
		t.Records = append(t.Records, record)
	}
}

func (t *Table) setHead(cells []string) {
	for i, c := range cells {
		c = strings.TrimSpace(c)
		t.Head, t.quoted = append(t.Head, c), append(t.quoted, quote(c))
		if _, twice := t.at[c]; !twice {
			t.at[c] = i
		}
	}
}

// Is reports whether the head is exactly this, written with commas.
func (t *Table) Is(head string) bool { return slices.Equal(t.Head, strings.Split(head, ",")) }

// Has reports whether the head has all these columns.
func (t *Table) Has(columns ...string) bool {
	for _, c := range columns {
		if _, ok := t.at[c]; !ok {
			return false
		}
	}
	return true
}

// Cell returns a cell's text without the blanks around it; "" if there is none.
func (r Record) Cell(column string) string {
	if i, ok := r.table.at[column]; ok && i < r.cells {
		return strings.TrimSpace(r.cell(i))
	}
	return ""
}

// Number reads a cell. An empty cell is absent; a cell that is no number is an
// error.
func (r Record) Float(column string) (v float64, ok bool, err error) {
	text := r.Cell(column)
	if text == "" {
		return 0, false, nil
	}
	v, err = ParseNumber(text)
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", column, err)
	}
	return v, true, nil
}

// JSON renders the row verbatim: an object of the head's names and the cells'
// texts, in the order of the columns.
func (r Record) JSON() json.RawMessage {
	n := 2
	for i := range r.cells {
		n += len(r.cell(i)) + 4
		if i < len(r.table.quoted) {
			n += len(r.table.quoted[i])
		}
	}
	out := append(make([]byte, 0, n), '{')
	for i := range r.cells {
		if i > 0 {
			out = append(out, ',')
		}
		if i < len(r.table.quoted) {
			out = append(out, r.table.quoted[i]...)
		} else {
			out = appendQuoted(out, fmt.Sprintf("column %d", i+1))
		}
		out = appendQuoted(append(out, ':'), r.cell(i))
	}
	return append(out, '}')
}

func quote(text string) []byte { return appendQuoted(make([]byte, 0, len(text)+2), text) }

func appendQuoted(b []byte, text string) []byte {
	if plain(text) {
		return append(append(append(b, '"'), text...), '"')
	}
	out := bytes.NewBuffer(b)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(text); err != nil { // a string always encodes
		panic("importer: " + err.Error())
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// plain reports whether JSON writes the text as it is.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// Compact renders a JSON value verbatim on one line. Bytes that are no JSON
// are kept as a JSON string.
func Compact(raw []byte) json.RawMessage {
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		return quote(string(raw))
	}
	return out.Bytes()
}

// Member is one member of a JSON object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Members returns an object's members in the order of the document, each name
// once; nil if raw is no JSON object.
func Members(raw []byte) []Member {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(raw, bom)))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var out []Member
	at := map[string]int{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil
		}
		key, _ := name.(string)
		if i, twice := at[key]; twice { // as encoding/json has it: the last counts
			out[i].Value = v
			continue
		}
		at[key] = len(out)
		out = append(out, Member{key, v})
	}
	return out
}
