package export

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"chimera/internal/sample"
	"chimera/internal/store"
	"chimera/internal/unit"
)

// writeGoBench writes one line for each answered warm request, as benchstat
// reads it (go.dev/design/14313-benchmark-format).
func writeGoBench(w io.Writer, run store.Run, rows iter.Seq2[*sample.Sample, error], o Options) error {
	out := bufio.NewWriter(w)
	benchHead(out, run, o.Metrics)
	procs := max(1, run.Manifest.Host.Cores)
	for s, err := range rows {
		if err != nil {
			return err
		}
		if s.Outcome != sample.OK || s.Phase != sample.Measure || !s.Final {
			continue
		}
		if values := benchValues(s, o.Metrics); values != "" {
			fmt.Fprintf(out, "Benchmark%s-%d 1%s\n", benchName(s), procs, values)
		}
	}
	return out.Flush()
}

// benchHead writes the configuration lines, whose keys begin in lower case,
// and which way is better for each unit.
func benchHead(w io.Writer, run store.Run, metrics []Metric) {
	m := run.Manifest
	digest, _ := run.Digest()
	for _, line := range [][2]string{{"goos", m.Host.OS}, {"goarch", m.Host.Arch}, {"cpu", m.Host.CPU},
		{"run", m.Run}, {"spec", m.Name}, {"digest", digest}, {"tool", m.Tool.Version}} {
		if value := oneLine(line[1]); value != "" {
			fmt.Fprintf(w, "%s: %s\n", line[0], value)
		}
	}
	for _, metric := range metrics {
		if metric.Better != "" {
			name, _ := benchUnit(metric)
			fmt.Fprintf(w, "Unit %s better=%s\n", name, metric.Better)
		}
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// benchUnit names a metric's unit; times are in ns, as testing has them.
func benchUnit(m Metric) (name string, factor float64) {
	switch u := strings.ReplaceAll(string(m.Unit), " ", "_"); m.Unit {
	case unit.Second, unit.SecondPerToken:
		return "n" + u + "/" + m.ID, 1e9
	case unit.None:
		return m.ID, 1
	default:
		return u + "/" + m.ID, 1
	}
}

func benchValues(s *sample.Sample, metrics []Metric) string {
	var b strings.Builder
	for _, m := range metrics {
		v, ok := m.Of(s)
		if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		name, factor := benchUnit(m)
		fmt.Fprintf(&b, " %s %s", strconv.FormatFloat(v*factor, 'g', 12, 64), name)
	}
	return b.String()
}

// benchName is the experiment and what varies in it. Rows that are not
// measurements of a real model say so, so that no tool pools them with others.
func benchName(s *sample.Sample) string {
	parts := []string{title(word(s.Experiment)), "subject=" + word(s.Subject), "prompt=" + word(s.Prompt)}
	var factors []string
	for name, level := range s.Config {
		factors = append(factors, word(name)+"="+word(fmt.Sprint(level)))
	}
	slices.Sort(factors)
	parts = append(parts, factors...)
	if s.Provenance != sample.Measured {
		parts = append(parts, "provenance="+string(s.Provenance))
	}
	if s.Synthetic {
		parts = append(parts, "synthetic=true")
	}
	return strings.Join(parts, "/")
}

// word keeps a name's parts apart: no spaces and no slashes inside one.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' {
			return ':'
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return '_'
		}
		return r
	}, s)
}

// title makes the first letter upper case, as a benchmark's name has it.
func title(s string) string {
	for i, r := range s {
		return string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}
