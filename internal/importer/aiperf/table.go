package aiperf

import (
	"fmt"
	"regexp"
	"strings"

	"chimera/internal/importer"
	"chimera/internal/sample"
)

// isTable knows the summary in CSV by the head of its first table.
func isTable(s *importer.Source) bool {
	t := s.Table()
	return len(t.Head) > 0 && t.Head[0] == "Metric" && t.Has("avg", "min", "max", "sum", "p50", "std")
}

// table reads the summary in CSV: a table of distributions, one of single
// values, and others (of GPUs), which are not read. It is the JSON summary
// rounded to two decimals, so that summary counts where both are there.
func table(s *importer.Source) *importer.Content {
	t := s.Table()
	c := &importer.Content{Kind: "aiperf/table", Reason: "its values are rounded to two decimals"}
	if t.Err != nil {
		c.Reason += fmt.Sprintf("; it cannot be read on: %v", t.Err)
	}
	columns := t.Head[1:]
	for _, r := range t.Records {
		first, second := r.Cell(t.Head[0]), r.Cell(t.Head[1])
		switch {
		case first == "Metric" && second == "Value":
			columns = []string{"avg"} // single values stand in the JSON as avg
			continue
		case len(columns) > 1 && r.Err != nil, len(columns) == 1 && r.Cell(t.Head[2]) != "":
			columns = nil // another table begins
		}
		row := importer.Row{Number: r.Number, Skip: "a row of a table that is not read"}
		if columns != nil {
			row = line(s, t, r, columns)
		}
		c.Rows = append(c.Rows, row)
	}
	return c
}

func line(s *importer.Source, t *importer.Table, r importer.Record, columns []string) importer.Row {
	name, fileUnit := splitUnit(r.Cell(t.Head[0]))
	m, known := measures[fileUnit]
	if !known {
		return importer.Row{Number: r.Number, Skip: fmt.Sprintf("%s: the unit %q is not known", name, fileUnit)}
	}
	tag := tagOf(name)
	row := importer.Row{Number: r.Number, Key: key(s, tag), Detail: 1}
	for i, stat := range columns {
		v, ok, err := r.Float(t.Head[i+1])
		if err != nil {
			return importer.Row{Number: r.Number, Skip: fmt.Sprintf("%s: %v", name, err)}
		}
		if ok {
			m := m.of(stat)
			row.Readings = append(row.Readings, sample.Reading{Kind: kind, Series: kind + "." + tag + "." + stat, Unit: m.unit,
				Value: importer.Value(m.base(v)), Labels: labels(fileUnit, m, map[string]string{"rounded": "0.01 " + fileUnit})})
		}
	}
	if len(row.Readings) == 0 {
		row.Skip = name + " has no value"
	}
	return row
}

// splitUnit takes the unit off the end of a title. Brackets that hold no unit
// belong to the name.
func splitUnit(title string) (name, fileUnit string) {
	if open := strings.LastIndex(title, " ("); open >= 0 && strings.HasSuffix(title, ")") {
		if u := title[open+2 : len(title)-1]; measures[u] != (measure{}) || strings.Contains(u, "/") {
			return title[:open], u
		}
	}
	return title, ""
}

var notInTags = regexp.MustCompile(`[^a-z0-9]+`)

// tagOf finds the JSON summary's name of a metric behind its title. Titles are
// the names in words, but for these.
func tagOf(title string) string {
	if tag, ok := map[string]string{
		"Total Output Sequence Length":         "total_osl",
		"Total Input Sequence Length":          "total_isl",
		"Completed Requests (Success + Error)": "completed_request_count",
		"Effective Latency (CO-aware)":         "effective_latency",
		"HTTP Waiting (TTFB)":                  "http_req_waiting",
		"HTTP Duration (excl. conn)":           "http_req_duration",
		"HTTP Total Time":                      "http_req_total",
		"Number of Images":                     "num_images",
		"Inverse Real-Time Factor (RTFx)":      "rtfx",
	}[title]; ok {
		return tag
	}
	words := strings.ReplaceAll(strings.ToLower(title), "%", "pct")
	tag := strings.Trim(notInTags.ReplaceAllString(words, "_"), "_")
	if rest, ok := strings.CutPrefix(tag, "http_"); ok {
		return "http_req_" + rest
	}
	return tag
}
