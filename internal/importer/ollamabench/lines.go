package ollamabench

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"chimera/internal/importer"
	"chimera/internal/sample"
)

// step is one line of the bench.
type step struct {
	model, name string
	count       sample.Opt[int]           // tokens of prefill and generate
	took        sample.Opt[time.Duration] // of load, total and ttft; in Markdown of every step
	perToken    sample.Opt[float64]       // ns
	rate        sample.Opt[float64]       // token/s
}

var (
	prefix = []byte("BenchmarkModel/name=")
	line   = regexp.MustCompile(`^BenchmarkModel/name=(\S+) ([0-9]+) ([0-9.]+) (ns/\w+)(?: ([0-9.]+) token/sec)?$`)
	others = regexp.MustCompile(`(?m)^Benchmark[^\s]*[ \t]+[0-9]+[ \t]+[^\s]+[ \t]+[^\s]+`)
)

// isBenchstat wants every benchmark of the file to be one of Ollama's.
func isBenchstat(s *importer.Source) bool {
	if s.Has(".md") || s.Has(".markdown") || s.Has(".html") || s.Has(".go") || s.Has(".json") || s.Has(".jsonl") {
		return false
	}
	if !bytes.Contains(s.Bytes, prefix) {
		return false
	}
	some := false
	for rest := s.Bytes; ; {
		at := others.FindIndex(rest)
		switch {
		case at == nil:
			return some
		case !bytes.HasPrefix(rest[at[0]:], prefix):
			return false
		}
		some, rest = true, rest[at[1]:]
	}
}

func (b *builder) benchstat(s *importer.Source) {
	n := 0
	for raw := range bytes.Lines(s.Bytes) {
		n++
		text := strings.TrimSpace(string(raw))
		switch {
		case strings.HasPrefix(text, "# Model: "):
			b.modelLine(text)
		case strings.HasPrefix(text, string(prefix)):
			st, err := benchmark(text)
			if err != nil {
				b.broken(fmt.Sprintf("line %d: %v", n, err))
				continue
			}
			b.step(st)
		}
	}
}

// benchmark reads one line. Up to 0.17 its iterations were the tokens and times
// were per request; since then the iterations are 1 and the tokens are not told.
func benchmark(text string) (s step, err error) {
	m := line.FindStringSubmatch(text)
	if m == nil {
		return s, fmt.Errorf("%q is no line of Ollama's bench", importer.Clip(text, 60))
	}
	s.model, s.name = m[1], "total"
	if at := strings.LastIndex(m[1], "/step="); at >= 0 {
		s.model, s.name = m[1][:at], m[1][at+len("/step="):]
	}
	value, err := importer.ParseNumber(m[3])
	if err != nil {
		return s, err
	}
	switch perToken := m[4] == "ns/token"; {
	case perToken && (s.name == "prefill" || s.name == "generate") && m[5] != "":
		return s, s.rates(m[2], value, m[5])
	case !perToken && (s.name == "ttft" || s.name == "load" || s.name == "total"):
		s.took = importer.Duration(value / 1e9)
		return s, nil
	}
	return s, fmt.Errorf("a step %q in %s", importer.Clip(s.name, 40), m[4])
}

// rates takes the two figures of a step; iterations of 1 are no count.
func (s *step) rates(iterations string, perToken float64, rate string) error {
	r, err := importer.ParseNumber(rate)
	if err != nil {
		return err
	}
	n, err := importer.ParseNumber(iterations)
	if err != nil {
		return err
	}
	s.perToken, s.rate = positive(perToken), positive(r)
	if n == 1 {
		return nil
	}
	count, err := importer.Count(n)
	s.count = sample.Some(count)
	return err
}

// positive is absent for 0, which the bench prints where it has no tokens.
func positive(v float64) sample.Opt[float64] {
	if v > 0 {
		return importer.Value(v)
	}
	return sample.None[float64]()
}

func (b *builder) csv(s *importer.Source) {
	for _, r := range s.Table().Records {
		name := r.Cell("NAME")
		if strings.HasPrefix(name, "# Model: ") {
			b.modelLine(name)
			continue
		}
		st, err := record(r)
		if err != nil {
			b.broken(fmt.Sprintf("row %d: %v", r.Number, err))
			continue
		}
		b.step(st)
	}
	if err := s.Table().Err; err != nil {
		b.broken(err.Error())
	}
}

func record(r importer.Record) (s step, err error) {
	if r.Err != nil {
		return s, r.Err
	}
	s.model, s.name = r.Cell("NAME"), r.Cell("STEP")
	var v [3]float64
	for i, column := range []string{"COUNT", "NS_PER_COUNT", "TOKEN_PER_SEC"} {
		ok := false
		if v[i], ok, err = r.Float(column); err != nil {
			return s, err
		}
		if !ok {
			return s, fmt.Errorf("%s is empty", column)
		}
	}
	switch s.name {
	case "prefill", "generate":
		n, err := importer.Count(v[0])
		s.count, s.perToken, s.rate = sample.Some(n), positive(v[1]), positive(v[2])
		return s, err
	case "ttft", "load", "total":
		s.took = importer.Duration(v[1] / 1e9)
		return s, nil
	}
	return s, fmt.Errorf("a step %q", importer.Clip(s.name, 40))
}

func (b *builder) markdown(s *importer.Source) {
	n := 0
	for raw := range bytes.Lines(s.Bytes) {
		n++
		text := strings.TrimSpace(string(raw))
		if text == "" || text == markHead || strings.Trim(text, "|-: ") == "" {
			continue
		}
		st, err := cells(text)
		if err != nil {
			b.broken(fmt.Sprintf("line %d: %v", n, err))
			continue
		}
		b.step(st)
	}
}

func cells(text string) (s step, err error) {
	c := strings.Split(strings.Trim(text, "|"), " | ")
	if len(c) != 6 {
		return s, fmt.Errorf("%d cells, want 6", len(c))
	}
	for i := range c {
		c[i] = strings.TrimSpace(c[i])
	}
	s.model, s.name = c[0], c[1]
	took, err := time.ParseDuration(c[3])
	if err != nil {
		return s, fmt.Errorf("%q is no duration", importer.Clip(c[3], 40))
	}
	s.took = importer.Duration(took.Seconds())
	switch s.name {
	case "load", "total", "ttft":
		return s, nil
	case "prefill", "generate":
	default:
		return s, fmt.Errorf("a step %q", importer.Clip(s.name, 40))
	}
	n, err := importer.ParseNumber(c[2])
	if err != nil {
		return s, err
	}
	count, err := importer.Count(n)
	if err != nil {
		return s, err
	}
	s.count = sample.Some(count)
	if count == 0 { // the rates are then NaN or infinite
		return s, nil
	}
	perToken, err := importer.ParseNumber(c[4])
	if err != nil {
		return s, err
	}
	rate, err := importer.ParseNumber(c[5])
	s.perToken, s.rate = positive(perToken), positive(rate)
	return s, err
}
