package compare

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"chimera/internal/unit"
)

// WriteBenchmarks writes the values that were compared in the Go benchmark
// format, one line each, with the run as a configuration key:
//
//	chimera compare A B --format gobench | benchstat -col run -
//
// benchstat then prints the same medians, intervals and p. Tails of rows have
// no place in it and are left out.
func WriteBenchmarks(w io.Writer, r Result) error {
	out := bufio.NewWriter(w)
	said := map[string]bool{}
	for _, c := range r.Metrics {
		if name, _ := benchUnit(c); c.Aggregate == median && !said[name] {
			said[name] = true
			fmt.Fprintf(out, "Unit %s better=%s\n", name, c.Better)
		}
	}
	for _, side := range []struct {
		run string
		of  func(Comparison) []float64
	}{{r.A.Run, func(c Comparison) []float64 { return c.a }}, {r.B.Run, func(c Comparison) []float64 { return c.b }}} {
		fmt.Fprintf(out, "\nrun: %s\n", side.run)
		for _, c := range r.Metrics {
			if c.Aggregate != median {
				continue
			}
			name, factor := benchUnit(c)
			for _, v := range side.of(c) {
				fmt.Fprintf(out, "Benchmark%s-%d 1 %s %s\n", benchName(c), r.cores, strconv.FormatFloat(v*factor, 'g', -1, 64), name)
			}
		}
	}
	return out.Flush()
}

// benchUnit names a metric as the exports do: times are in ns.
func benchUnit(c Comparison) (name string, factor float64) {
	switch c.Unit {
	case unit.Second, unit.SecondPerToken:
		return "n" + string(c.Unit) + "/" + c.Metric, 1e9
	default:
		return string(c.Unit) + "/" + c.Metric, 1
	}
}

func benchName(c Comparison) string {
	parts := []string{title(word(c.Scope.Experiment)), "subject=" + word(c.Scope.Subject)}
	for _, o := range c.options {
		parts = append(parts, word(o))
	}
	return strings.Join(parts, "/")
}

// word keeps a name's parts apart: no spaces and no slashes inside one.
func word(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '/':
			return ':'
		case unicode.IsSpace(r) || unicode.IsControl(r):
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
