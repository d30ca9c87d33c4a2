package export

import (
	"encoding/csv"
	"io"
	"iter"
	"strconv"
	"strings"

	"chimera/internal/sample"
)

func writeCSV(w io.Writer, rows iter.Seq2[*sample.Sample, error], o Options) error {
	table := columns(o)
	out := csv.NewWriter(w)
	record := make([]string, len(table))
	for i, c := range table {
		record[i] = c.name
	}
	if err := out.Write(record); err != nil {
		return err
	}
	for s, err := range rows {
		if err != nil {
			return err
		}
		for i, c := range table {
			record[i] = cell(c.value(s))
		}
		if err := out.Write(record); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func cell(v any) string {
	switch v := v.(type) {
	case string:
		return Guard(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return "" // absent
}

// Guard puts an apostrophe before text that a spreadsheet would take for a
// formula, and before text that begins with one, so that Unguard is exact.
func Guard(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r'", rune(text[0])) {
		return "'" + text
	}
	return text
}

// Unguard returns the text that Guard was given.
func Unguard(cell string) string { return strings.TrimPrefix(cell, "'") }
