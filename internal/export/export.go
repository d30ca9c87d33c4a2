// Package export writes a run's rows for other tools: JSON lines that chimera
// reads back, CSV and Parquet tables, and the Go benchmark format.
//
// An export adds nothing to what was observed and hides nothing of it: an
// absent value is an absent key, an empty cell or a null, never a zero. The
// metrics in a table are computed by whoever passes them in. Rows are streamed;
// equal rows give equal bytes. docs/formats/export.md describes every format.
package export

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/unit"
)

// Format is an export format.
type Format string

const (
	JSONL   Format = "jsonl"
	CSV     Format = "csv"
	Parquet Format = "parquet"
	GoBench Format = "gobench"
)

// Formats lists all formats.
var Formats = []Format{JSONL, CSV, Parquet, GoBench}

// ParseFormat finds a format by its name.
func ParseFormat(name string) (Format, error) {
	if f := Format(name); slices.Contains(Formats, f) {
		return f, nil
	}
	return "", fault.With(fmt.Errorf("the format is %q, but must be one of %v", name, Formats), fault.Usage, "")
}

// Rows says what to do with superseded rows.
type Rows int

const (
	Default Rows = iota // JSONL has them, marked; the other formats do not
	All                 // with superseded rows, marked; the Go benchmark format never has them
	Live                // without superseded rows
)

// Options of an export. The zero value is the default of every format.
type Options struct {
	NoText  bool     // leave the answers' texts out; their digests stay
	Rows    Rows     // superseded rows in or out
	Factors []Factor // columns of the tables, one for each factor: see FactorsOf
	Metrics []Metric // columns of the tables, values of the Go benchmark format
}

// A Metric is a computed value of a sample.
type Metric struct {
	ID     string
	Unit   unit.Unit
	Better string // "lower", "higher" or ""
	// Of returns the value, or false where the sample does not support it.
	Of func(*sample.Sample) (float64, bool)
}

// A Factor is a configuration key, with a type that all its levels have.
type Factor struct {
	Name string
	Type FactorType
}

// FactorType is the type of a factor's levels.
type FactorType string

const (
	Number FactorType = "number"
	Bool   FactorType = "bool"
	Text   FactorType = "text" // also for levels of several types
)

// FactorsOf collects the keys of all configurations of a plan, by name.
func FactorsOf(plan *spec.Plan) []Factor {
	types := map[string]FactorType{}
	for _, t := range plan.Trials {
		for name, level := range t.Config {
			is := typeOf(level)
			if was, ok := types[name]; ok && was != is {
				is = Text
			}
			types[name] = is
		}
	}
	var factors []Factor
	for name, is := range types {
		factors = append(factors, Factor{name, is})
	}
	slices.SortFunc(factors, func(a, b Factor) int { return strings.Compare(a.Name, b.Name) })
	return factors
}

func typeOf(level any) FactorType {
	switch level.(type) {
	case float64:
		return Number
	case bool:
		return Bool
	}
	return Text
}

// Write writes the rows of a run to w. It returns at the first error of rows
// or of w; what was written by then is no valid file.
func Write(w io.Writer, f Format, run store.Run, rows iter.Seq2[*sample.Sample, error], o Options) error {
	var err error
	switch f {
	case JSONL:
		err = writeJSONL(w, filter(rows, o.Rows == Live), o)
	case CSV:
		err = writeCSV(w, filter(rows, o.Rows != All), o)
	case Parquet:
		err = writeParquet(w, run, filter(rows, o.Rows != All), o)
	case GoBench:
		err = writeGoBench(w, run, filter(rows, true), o)
	default:
		_, err = ParseFormat(string(f))
	}
	if err != nil {
		return fmt.Errorf("export run %s as %s: %w", run.ID(), f, err)
	}
	return nil
}

// filter leaves superseded rows out, if it is to.
func filter(rows iter.Seq2[*sample.Sample, error], live bool) iter.Seq2[*sample.Sample, error] {
	if !live {
		return rows
	}
	return func(yield func(*sample.Sample, error) bool) {
		for s, err := range rows {
			if (err != nil || !s.Superseded) && !yield(s, err) {
				return
			}
		}
	}
}

func writeJSONL(w io.Writer, rows iter.Seq2[*sample.Sample, error], o Options) error {
	out := bufio.NewWriter(w)
	for s, err := range rows {
		if err != nil {
			return err
		}
		if o.NoText {
			bare := *s
			bare.Text = sample.None[string]()
			s = &bare
		}
		if err := sample.Write(out, s); err != nil {
			return err
		}
	}
	return out.Flush()
}
