package legacy

import (
	"encoding/json"
	"fmt"
	"maps"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// cells are named texts, of a table's row or of a JSON object.
type cells interface {
	// Cell returns a field's text; "" if it is absent, empty or null.
	Cell(name string) string
}

// record is one row, which can also be had verbatim.
type record interface {
	cells
	JSON() json.RawMessage
}

// object is a JSON object.
type object map[string]json.RawMessage

// document is a JSON object as a record: its bytes are kept.
type document struct {
	object
	raw json.RawMessage
}

func documentOf(raw json.RawMessage) document { return document{objectOf(raw), raw} }

// JSON renders the object as it stands in the file, on one line.
func (d document) JSON() json.RawMessage { return importer.Compact(d.raw) }

func objectOf(raw json.RawMessage) object {
	var o object
	if json.Unmarshal(raw, &o) != nil {
		return nil
	}
	return o
}

func listOf(raw json.RawMessage) []json.RawMessage {
	var l []json.RawMessage
	if json.Unmarshal(raw, &l) != nil {
		return nil
	}
	return l
}

func (o object) Cell(name string) string {
	raw, ok := o[name]
	if !ok || string(raw) == "null" {
		return ""
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func (o object) object(name string) object { return objectOf(o[name]) }

// number reads a field; absent is no error.
func number(r cells, name string) (float64, bool, error) {
	text := r.Cell(name)
	if text == "" {
		return 0, false, nil
	}
	v, err := importer.ParseNumber(text)
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", name, err)
	}
	return v, true, nil
}

// A field is one column or member that becomes a reading.
type field struct {
	name   string // in the file
	series string
	unit   unit.Unit // base unit of the series
	from   string    // unit in the file, where it is another
	per    float64   // so many of the file's units are one base unit; 0 for 1
}

const (
	labelField = "field"      // the name in the file
	labelUnit  = "field_unit" // the unit in the file, where it is not the base unit
)

func millis(name, series string) field { return field{name, series, unit.Second, "ms", 1e3} }

// readings turns the fields that are there into readings.
func readings(kind string, r cells, fields []field, labels map[string]string) ([]sample.Reading, error) {
	var out []sample.Reading
	for _, f := range fields {
		v, ok, err := number(r, f.name)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, f.reading(kind, v, labels))
		}
	}
	return out, nil
}

func (f field) reading(kind string, v float64, labels map[string]string) sample.Reading {
	if f.per != 0 {
		v /= f.per
	}
	return sample.Reading{Kind: kind, Series: f.series, Unit: f.unit, Value: importer.Value(v), Labels: f.labels(labels)}
}

// absent makes a reading without a value.
func (f field) absent(kind, reason string, labels map[string]string) sample.Reading {
	return sample.Reading{Kind: kind, Series: f.series, Unit: f.unit, Reason: reason, Labels: f.labels(labels)}
}

func (f field) labels(labels map[string]string) map[string]string {
	all := maps.Clone(labels)
	if all == nil {
		all = map[string]string{}
	}
	all[labelField] = f.name
	if f.from != "" {
		all[labelUnit] = f.from
	}
	return all
}

// with adds the fields of a record that are there as labels under their names.
func with(labels map[string]string, r cells, names ...string) map[string]string {
	all := maps.Clone(labels)
	if all == nil {
		all = map[string]string{}
	}
	for _, n := range names {
		if v := r.Cell(n); v != "" {
			all[n] = importer.Clip(v, 200)
		}
	}
	return all
}

// readingsRow is a row that is no request.
func readingsRow(number int, all []sample.Reading, err error) importer.Row {
	switch {
	case err != nil:
		return importer.Row{Number: number, Skip: err.Error()}
	case len(all) == 0:
		return importer.Row{Number: number, Skip: "it has no number that is known"}
	}
	return importer.Row{Number: number, Readings: all}
}
