package llamabench

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

const (
	kind        = "llama-bench"
	batchedKind = "llama-batched-bench"
)

// figure is a measured field and its unit in the file.
type figure struct {
	field string
	unit  unit.Unit
	div   float64
}

var (
	repetitions = []figure{{"samples_ns", unit.Second, 1e9}, {"samples_ts", unit.TokenPerSecond, 1}}
	means       = []figure{{"avg_ns", unit.Second, 1e9}, {"stddev_ns", unit.Second, 1e9}, {"avg_ts", unit.TokenPerSecond, 1}, {"stddev_ts", unit.TokenPerSecond, 1}}
	batched     = []figure{{"t_pp", unit.Second, 1}, {"speed_pp", unit.TokenPerSecond, 1}, {"t_tg", unit.Second, 1}, {"speed_tg", unit.TokenPerSecond, 1},
		{"t", unit.Second, 1}, {"speed", unit.TokenPerSecond, 1}}
)

// test1 makes readings of one test: its repetitions, where the format has them,
// and its means.
func test1(f fields) (importer.Row, error) {
	test, err := f.test()
	if err != nil {
		return importer.Row{}, err
	}
	at, err := f.time()
	if err != nil {
		return importer.Row{}, err
	}
	labels := f.labels(test)
	row := importer.Row{Detail: 1}
	// Two outputs of one run (-o and -oe) tell of the same test.
	row.Key = strings.Join([]string{kind, f.text["test_time"], f.text["model_filename"], test.name, f.text["n_threads"], f.text["avg_ns"], f.text["stddev_ns"]}, "\x00")
	for _, g := range repetitions {
		for i, v := range f.samples[g.field] {
			row.Detail = 2
			r := reading(test.series(g.field), g, v, at, labels)
			r.Labels = with(r.Labels, "trial", strconv.Itoa(i+1)) // which repetition
			row.Readings = append(row.Readings, r)
		}
	}
	if n, m := len(f.samples["samples_ns"]), len(f.samples["samples_ts"]); n != m {
		return importer.Row{}, fmt.Errorf("%d times and %d rates of repetitions", n, m)
	}
	for _, g := range means {
		v, ok, err := f.number(g.field)
		if err != nil {
			return importer.Row{}, err
		}
		if ok {
			row.Readings = append(row.Readings, reading(test.series(g.field), g, v, at, labels))
		}
	}
	if len(row.Readings) == 0 {
		return importer.Row{}, fmt.Errorf("%s has no value", test.name)
	}
	return row, nil
}

// batch makes readings of one line of llama-batched-bench.
func batch(f fields) (importer.Row, error) {
	labels := map[string]string{}
	for name, text := range f.text {
		labels[name] = text
	}
	for _, g := range batched {
		delete(labels, g.field)
	}
	labels = bounded(labels)
	var row importer.Row
	for _, g := range batched {
		v, ok, err := f.number(g.field)
		if err != nil {
			return importer.Row{}, err
		}
		if ok {
			r := reading(batchedKind+"."+g.field, g, v, 0, labels)
			r.Kind = batchedKind
			row.Readings = append(row.Readings, r)
		}
	}
	if len(row.Readings) == 0 {
		return importer.Row{}, fmt.Errorf("it has no value")
	}
	return row, nil
}

// reading takes a value as it is, in base units. A time or a rate of 0 or less
// is no measurement; a spread of 0 is one of a single repetition.
func reading(series string, g figure, v float64, at time.Duration, labels map[string]string) sample.Reading {
	r := sample.Reading{Kind: kind, Series: series, Unit: g.unit, At: at, Value: importer.Value(v / g.div), Labels: with(labels, "field", g.field)}
	if g.div != 1 {
		r.Labels["field_unit"] = "ns"
	}
	if v < 0 || v == 0 && !strings.HasPrefix(g.field, "stddev") {
		r.Value, r.Reason = sample.None[float64](), fmt.Sprintf("%s is %v: no measurement", g.field, v)
	}
	return r
}

// test is what was evaluated: a prompt (pp), generation (tg) or both in a row
// (pp+tg), behind a context of some depth.
type test struct{ kind, name string }

func (t test) series(field string) string { return kind + "." + t.kind + "." + field }

func (f fields) test() (test, error) {
	var n [3]int
	for i, field := range []string{"n_prompt", "n_gen", "n_depth"} {
		v, ok, err := f.number(field)
		if err == nil && ok {
			n[i], err = importer.Count(v)
		}
		if err != nil {
			return test{}, fmt.Errorf("%s: %w", field, err)
		}
	}
	return newTest(n[0], n[1], n[2])
}

func newTest(prompt, gen, depth int) (test, error) {
	var t test
	switch {
	case prompt > 0 && gen > 0:
		t = test{"pp+tg", fmt.Sprintf("pp%d+tg%d", prompt, gen)}
	case prompt > 0:
		t = test{"pp", fmt.Sprintf("pp%d", prompt)}
	case gen > 0:
		t = test{"tg", fmt.Sprintf("tg%d", gen)}
	default:
		return test{}, fmt.Errorf("a test of no token")
	}
	if depth > 0 {
		t.name += fmt.Sprintf(" @ d%d", depth)
	}
	return t, nil
}

// time is when the test began; 0 if the file does not say.
func (f fields) time() (time.Duration, error) {
	text := f.text["test_time"]
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, fmt.Errorf("test_time: %q is no time with a zone", importer.Clip(text, 40))
	}
	at, err := importer.Epoch(t)
	if err != nil {
		return 0, fmt.Errorf("test_time: %w", err)
	}
	return at, nil
}

func (f fields) number(field string) (v float64, ok bool, err error) {
	text, ok := f.text[field]
	if !ok || text == "" {
		return 0, false, nil
	}
	if v, err = importer.ParseNumber(text); err != nil {
		return 0, false, fmt.Errorf("%s: %w", field, err)
	}
	return v, true, nil
}

// labels are all parameters of the test, as the file has them.
func (f fields) labels(t test) map[string]string {
	labels := map[string]string{"test": t.name, importer.LabelSubject: f.model()}
	for name, text := range f.text {
		labels[name] = text
	}
	for _, g := range means {
		delete(labels, g.field)
	}
	delete(labels, "test_time")
	return bounded(labels)
}

// bounded drops empty labels, and all of a row that has too many to be one of
// llama-bench's.
func bounded(labels map[string]string) map[string]string {
	out := map[string]string{}
	for name, text := range labels {
		if text != "" && len(name) <= 60 && len(labels) <= 100 {
			out[name] = importer.Clip(text, 300)
		}
	}
	return out
}

func with(labels map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	for k, v := range labels {
		out[k] = v
	}
	return out
}

// model is the file's name without folders, or what stands in its place.
func (f fields) model() string {
	name := strings.TrimSuffix(path.Base(strings.ReplaceAll(f.text["model_filename"], `\`, "/")), ".gguf")
	if name == "." || name == "" {
		return f.text["model_type"]
	}
	return name
}

func (f fields) subject() (s sample.SubjectRecord, ok bool) {
	if s.ID = f.model(); s.ID == "" {
		return s, false
	}
	s.Target, s.Kind, s.Model = "imported", "imported", s.ID
	if commit := f.text["build_commit"]; commit != "" {
		s.Server = fmt.Sprintf("llama.cpp %s (%s)", commit, f.text["build_number"])
	}
	if n, there, err := f.number("model_n_params"); err == nil && there && n > 0 && n < 1e15 {
		s.Parameters = sample.Some(uint64(n))
	}
	return s, true
}
