// Package gobench reads the text of Go benchmarks (go.dev/design/14313-benchmark-format).
//
// Each measurement of each line is a reading: its series is the benchmark's
// name without its parameters and the unit, so that different benchmarks are
// never pooled; the parameters and the configuration lines are labels. A unit
// of ours is the unit of the reading, any other stays as it is written.
package gobench

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"

	"golang.org/x/perf/benchfmt"
)

// Format reads the output of `go test -bench`, and what other tools write in
// its form.
func Format() importer.Format { return importer.Format{Name: "go-bench", Read: read} }

const kind = "gobench"

// result is a line with a measurement: name, iterations, value, unit.
var result = regexp.MustCompile(`(?m)^Benchmark[^\s]*[ \t]+[0-9]+[ \t]+[^\s]+[ \t]+[^\s]+`)

// foreign begins the names of Ollama's bench, whose lines belong together.
var foreign = []byte("BenchmarkModel/name=")

// isText reports whether the bytes hold a benchmark's line that is not of
// Ollama's bench. Benchmarks inside a document or a program are prose.
func isText(s *importer.Source) bool {
	if s.Has(".md") || s.Has(".markdown") || s.Has(".html") || s.Has(".go") || s.Has(".json") || s.Has(".jsonl") {
		return false
	}
	if !bytes.Contains(s.Bytes, []byte("Benchmark")) { // what the pattern begins with is found faster alone
		return false
	}
	for rest := s.Bytes; ; {
		at := result.FindIndex(rest)
		switch {
		case at == nil:
			return false
		case !bytes.HasPrefix(rest[at[0]:], foreign):
			return true
		}
		rest = rest[at[1]:]
	}
}

func read(s *importer.Source) (*importer.Content, error) {
	if !isText(s) {
		return nil, nil
	}
	c := &importer.Content{Kind: "go-bench"}
	r := benchfmt.NewReader(bytes.NewReader(s.Bytes), s.Name())
	for r.Scan() && len(c.Rows) < importer.MaxRows {
		row := importer.Row{Number: len(c.Rows) + 1}
		switch record := r.Result().(type) {
		case *benchfmt.Result:
			row.Readings = readings(record)
		case *benchfmt.SyntaxError:
			row.Skip = importer.Clip(fmt.Sprintf("line %d: %s", record.Line, record.Msg), 200)
		default: // metadata of units
			continue
		}
		c.Rows = append(c.Rows, row)
	}
	if err := r.Err(); err != nil {
		c.Reason = fmt.Sprintf("it cannot be read on: %v", err)
	}
	return c, nil
}

func readings(r *benchfmt.Result) []sample.Reading {
	base, labels := labels(r)
	var out []sample.Reading
	for _, v := range r.Values {
		u, value := baseUnit(v)
		reading := sample.Reading{Kind: kind, Series: importer.Clip(kind+"."+base+"."+v.Unit, 300), Unit: u, Value: importer.Value(value), Labels: labels}
		if v.OrigUnit != "" {
			reading.Labels = with(labels, "field_unit", importer.Clip(v.OrigUnit, 60))
		}
		if !reading.Value.OK() {
			reading.Reason = fmt.Sprintf("%v is no measurement", value)
		}
		out = append(out, reading)
	}
	return append(out, sample.Reading{Kind: kind, Series: importer.Clip(kind+"."+base+".iterations", 300), Value: sample.Some(float64(r.Iters)), Labels: labels})
}

// baseUnit finds the unit of a value that benchfmt has tidied. What stands
// behind the first slash ("sec/op", "sec/ttft") says what was measured; it
// stands in the series. A value in ns is divided, which keeps its digits.
func baseUnit(v benchfmt.Value) (unit.Unit, float64) {
	value := v.Value
	if v.OrigUnit == "ns" || strings.HasPrefix(v.OrigUnit, "ns/") {
		value = v.OrigValue / 1e9
	}
	switch head, rest, _ := strings.Cut(v.Unit, "/"); {
	case head == "sec" && (rest == "token" || strings.HasPrefix(rest, "token/")):
		return unit.SecondPerToken, value
	case head == "sec" || head == "s":
		return unit.Second, value
	case head == "B" && (rest == "s" || rest == "sec" || strings.HasPrefix(rest, "s/")):
		return unit.BytePerSecond, value
	case head == "B":
		return unit.Byte, value
	case head == "token" && (rest == "s" || rest == "sec" || strings.HasPrefix(rest, "s/")):
		return unit.TokenPerSecond, value
	case head == "token":
		return unit.Token, value
	case v.Unit == "allocs/op":
		return unit.None, value
	}
	return unit.Unit(importer.Clip(v.Unit, 60)), value
}

// maxLabels bounds what a line may carry.
const maxLabels = 60

// labels are the configuration of a line and the parameters in its name:
// "/size=10" as size, "/fast" as its place, "-8" as gomaxprocs.
func labels(r *benchfmt.Result) (base string, labels map[string]string) {
	labels = map[string]string{"name": importer.Clip(r.Name.String(), 300)}
	put := func(key, value string) {
		if len(labels) < maxLabels && value != "" {
			labels[importer.Clip(key, 60)] = importer.Clip(value, 200)
		}
	}
	for _, c := range r.Config {
		put(c.Key, string(c.Value))
	}
	name, parts := r.Name.Parts()
	for i, p := range parts {
		key, value, pair := strings.Cut(string(p[1:]), "=")
		switch {
		case p[0] == '-':
			put("gomaxprocs", string(p[1:]))
		case pair && key != "":
			put(key, value)
		default:
			put(fmt.Sprintf("/%d", i+1), string(p[1:]))
		}
	}
	return string(name), labels
}

func with(labels map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	for k, v := range labels {
		out[k] = v
	}
	return out
}
