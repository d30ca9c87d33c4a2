package aiperf

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"chimera/internal/importer"
	"chimera/internal/sample"
)

func isSummary(o map[string]json.RawMessage) bool {
	return importer.Holds(o, "aiperf_version", "input_config") || importer.Holds(o, "schema_version", "aiperf_version")
}

type head struct {
	Schema    string          `json:"schema_version"`
	Version   string          `json:"aiperf_version"`
	Cancelled bool            `json:"was_cancelled"`
	Errors    json.RawMessage `json:"error_summary"`
	Config    struct {
		Models struct {
			Items []struct {
				Name string `json:"name"`
			} `json:"items"`
		} `json:"models"`
		Endpoint struct {
			URLs []string `json:"urls"`
		} `json:"endpoint"`
	} `json:"input_config"`
}

// summary reads the aggregates: a row for each member that has a unit.
func summary(s *importer.Source) (*importer.Content, error) {
	var h head
	if err := json.Unmarshal(s.Bytes, &h); err != nil {
		return nil, fmt.Errorf("a summary of AIPerf: %w", err)
	}
	if !strings.HasPrefix(h.Schema, "1.") {
		return nil, fmt.Errorf("a summary of AIPerf of the schema %q: read is 1", importer.Clip(h.Schema, 20))
	}
	c := &importer.Content{Kind: "aiperf/summary"}
	more := map[string]string{"tool_version": h.Version}
	if len(h.Config.Models.Items) == 1 {
		model := h.Config.Models.Items[0].Name
		more[importer.LabelSubject] = model
		c.Subjects = []sample.SubjectRecord{{ID: model, Target: "imported", Kind: "imported", URL: h.address(), Model: model}}
	}
	if h.Cancelled {
		c.Reason = "the run was cancelled"
	}
	if errs := strings.TrimSpace(string(h.Errors)); errs != "" && errs != "[]" && errs != "null" {
		c.Reason = strings.TrimPrefix(c.Reason+"; it had errors: "+importer.Clip(string(importer.Compact(h.Errors)), 200), "; ")
	}
	o := s.Object()
	for _, tag := range slices.Sorted(maps.Keys(o)) {
		if row, ok := metric(s, tag, o[tag], more); ok {
			row.Number = len(c.Rows) + 1
			c.Rows = append(c.Rows, row)
		}
	}
	if len(c.Rows) == 0 {
		return nil, fmt.Errorf("a summary of AIPerf without a metric")
	}
	return c, nil
}

// address is that of a single server, without what must not be stored.
func (h *head) address() string {
	if len(h.Config.Endpoint.URLs) != 1 {
		return ""
	}
	u, err := url.Parse(h.Config.Endpoint.URLs[0])
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// metric reads one member; ok is false for one that is no metric.
func metric(s *importer.Source, tag string, raw json.RawMessage, more map[string]string) (row importer.Row, ok bool) {
	var stats map[string]json.RawMessage
	if json.Unmarshal(raw, &stats) != nil || !importer.Holds(stats, "unit") {
		return row, false
	}
	row = importer.Row{Key: key(s, tag), Detail: 2}
	var fileUnit string
	if err := json.Unmarshal(stats["unit"], &fileUnit); err != nil {
		return importer.Row{Skip: fmt.Sprintf("%s: its unit: %v", tag, err)}, true
	}
	m, known := measures[fileUnit]
	if !known {
		return importer.Row{Skip: fmt.Sprintf("%s: the unit %q is not known", tag, importer.Clip(fileUnit, 40))}, true
	}
	for _, stat := range slices.Sorted(maps.Keys(stats)) {
		if stat == "unit" {
			continue
		}
		var v *float64
		if err := json.Unmarshal(stats[stat], &v); err != nil {
			return importer.Row{Skip: importer.Clip(fmt.Sprintf("%s.%s: %v", tag, stat, err), 200)}, true
		}
		if v != nil {
			m := m.of(stat)
			row.Readings = append(row.Readings, sample.Reading{Kind: kind, Series: kind + "." + tag + "." + importer.Clip(stat, 20),
				Unit: m.unit, Value: importer.Value(m.base(*v)), Labels: labels(fileUnit, m, more)})
		}
	}
	if len(row.Readings) == 0 {
		row.Skip = tag + " has no value"
	}
	return row, true
}

// key is equal for the rows of the two files in which AIPerf writes one summary.
func key(s *importer.Source, tag string) string {
	return kind + "\x00" + path.Join(s.Folder(), s.Stem()) + "\x00" + tag
}
