package cli

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/store"
	"chimera/internal/unit"
)

// usable collects the rows of a run that count, without the bulk that no table
// needs.
func usable(rows iter.Seq2[*sample.Sample, error]) ([]*sample.Sample, error) {
	return counted(rows, func(s *sample.Sample) { s.Text, s.Server = sample.None[string](), nil })
}

// withTexts collects them with their texts and what was asked, for metrics of text.
func withTexts(m *sample.Manifest, rows iter.Seq2[*sample.Sample, error]) ([]*sample.Sample, error) {
	return counted(asked(m, rows), func(s *sample.Sample) { s.Server = nil })
}

// asked tells each row what was asked of it, as it is read.
func asked(m *sample.Manifest, rows iter.Seq2[*sample.Sample, error]) iter.Seq2[*sample.Sample, error] {
	ask := fact.Tasks(m)
	return func(yield func(*sample.Sample, error) bool) {
		for s, err := range rows {
			if err == nil {
				ask(s)
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

func counted(rows iter.Seq2[*sample.Sample, error], prepare func(*sample.Sample)) ([]*sample.Sample, error) {
	var out []*sample.Sample
	for s, err := range rows {
		if err != nil {
			return nil, err
		}
		if s.Final && !s.Superseded {
			prepare(s)
			out = append(out, s)
		}
	}
	return out, nil
}

// column is one fact of a table.
type column struct {
	head              string
	metric, aggregate string
	phase             sample.Phase
}

var (
	columnDecode = column{"decode", "decode_rate", "median", sample.Measure}
	columnServer = column{"server's own", "server_decode_rate", "median", sample.Measure}
	columnWarm   = column{"TTFT warm", "ttft", "median", sample.Measure}
	columnCold   = column{"TTFT cold", "ttft", "median", sample.Cold}
	columnLoad   = column{"load", run.SeriesLoad, "median", sample.Cold} // of the model, before the first request
)

// facts answers a column: from the rows, or from the readings of loads.
func (c column) facts(m measured, by []string) ([]fact.Fact, error) {
	if c.metric == run.SeriesLoad {
		return fact.ReadingQuery{Series: c.metric, Aggregate: c.aggregate, Where: fact.Conditions{{Field: fact.LabelPhase, Op: "=", Value: string(c.phase)}}, By: by}.Run(m.readings)
	}
	return fact.Query{Metric: c.metric, Aggregate: c.aggregate, Phase: c.phase, By: by}.Run(m.rows)
}

// measured is what a run's tables are made of.
type measured struct {
	rows     []*sample.Sample  // that count: final, not superseded
	readings []*sample.Reading // of loads
}

// measuredIn reads a run, with texts where a trained model may have written them.
func measuredIn(ctx context.Context, st store.Reader, of store.Run) (measured, error) {
	read := usable
	if writes(of.Manifest) {
		read = func(rows iter.Seq2[*sample.Sample, error]) ([]*sample.Sample, error) {
			return withTexts(&of.Manifest, rows)
		}
	}
	rows, err := read(st.Samples(ctx, of.ID()))
	if err != nil {
		return measured{}, err
	}
	m := measured{rows: rows}
	for r, err := range st.Readings(ctx, of.ID()) {
		if err != nil {
			return measured{}, err
		}
		if r.Kind == run.KindLoad {
			m.readings = append(m.readings, r)
		}
	}
	return m, nil
}

// of keeps the rows of some experiments.
func (m measured) of(experiments ...string) measured {
	m.rows = filterRows(m.rows, func(s *sample.Sample) bool { return slices.Contains(experiments, s.Experiment) })
	return m
}

// tables prints a table for each experiment, warm and cold rows in columns of
// their own.
func (a *app) tables(m measured) error {
	rows := m.rows
	for _, e := range experimentsOf(rows) {
		part := m.of(e)
		warm := slices.ContainsFunc(part.rows, func(s *sample.Sample) bool { return s.Phase == sample.Measure })
		configs := map[string]bool{}
		for _, s := range part.rows {
			c, _ := fact.Field(s, "config")
			configs[c] = true
		}
		by, columns := []string{"subject"}, []column{columnDecode, columnServer, columnWarm}
		if !warm {
			columns = []column{columnLoad, columnCold}
		} else if slices.ContainsFunc(part.rows, func(s *sample.Sample) bool { return s.Phase == sample.Cold }) {
			columns = append(columns, columnCold)
		}
		if len(configs) > 1 {
			by = append(by, "config")
		}
		fmt.Fprintf(a.Stdout, "  %s\n", a.style().bold(e))
		if err := a.factTable(part, by, columns); err != nil {
			return err
		}
		fmt.Fprintln(a.Stdout)
	}
	return nil
}

// written prints how often each subject keeps its contract: a speed is never
// printed without what was written at it, or why that is not known.
func (a *app) written(m measured) error {
	facts, err := fact.Query{Metric: "quality_contract", Phase: sample.Measure, By: []string{"experiment", "subject"}}.Run(m.rows)
	if err != nil {
		return err
	}
	said := map[string]bool{}
	for _, f := range facts {
		line := f.Scope["experiment"] + ", " + f.Scope["subject"] + ": contract kept in " + finding.Show(f, finding.AsPercent) + " " + finding.Show(f, finding.AsPercentCI) + fmt.Sprintf(" of %d answers", f.N)
		if !f.Value.OK() {
			line = "not measured: " + f.Reason
		}
		if !said[line] {
			paragraph(a.Stdout, "  quality   ", line)
		}
		said[line] = true
	}
	return nil
}

func experimentsOf(rows []*sample.Sample) []string {
	var out []string
	for _, s := range rows {
		if !slices.Contains(out, s.Experiment) {
			out = append(out, s.Experiment)
		}
	}
	return out
}

func filterRows(rows []*sample.Sample, keep func(*sample.Sample) bool) []*sample.Sample {
	var out []*sample.Sample
	for _, s := range rows {
		if keep(s) {
			out = append(out, s)
		}
	}
	return out
}

// factTable prints one line per scope: how many of the planned rows were ok,
// then each column's value with its interval.
func (a *app) factTable(m measured, by []string, columns []column) error {
	heads := []string{}
	for _, f := range by {
		heads = append(heads, strings.Replace(f, "config", "configuration", 1))
	}
	heads = append(heads, ">ok")
	cells := map[string][]string{}
	for i, c := range columns {
		facts, err := c.facts(m, by)
		if err != nil {
			return err
		}
		scale := columnScale(facts)
		heads = append(heads, ">"+c.head+", "+scale.Symbol)
		for _, f := range facts {
			key := scopeKey(f, by)
			for len(cells[key]) < i {
				cells[key] = append(cells[key], "")
			}
			cells[key] = append(cells[key], factCell(f, scale))
		}
	}
	t := newTable(heads...)
	for _, scope := range scopes(m.rows, by) {
		line := make([]string, 0, len(heads))
		for _, part := range scope {
			line = append(line, clip(part, 36))
		}
		ok, planned := outcomesOf(m.rows, by, scope)
		line = append(line, fmt.Sprintf("%d/%d", ok, planned))
		t.row(append(line, cells[strings.Join(scope, "\x00")]...)...)
	}
	t.write(a.Stdout, "  ", a.style())
	return nil
}

func scopeKey(f fact.Fact, by []string) string {
	parts := make([]string, 0, len(by))
	for _, field := range by {
		parts = append(parts, f.Scope[field])
	}
	return strings.Join(parts, "\x00")
}

// scopes lists the scopes of the rows that are not warm-ups, in order of first
// appearance of the subject and then by text.
func scopes(rows []*sample.Sample, by []string) [][]string {
	seen := map[string]bool{}
	var out [][]string
	for _, s := range rows {
		if s.Phase == sample.Warmup {
			continue
		}
		scope := scopeOf(s, by)
		if key := strings.Join(scope, "\x00"); !seen[key] {
			seen[key] = true
			out = append(out, scope)
		}
	}
	slices.SortFunc(out, slices.Compare)
	return out
}

func scopeOf(s *sample.Sample, by []string) []string {
	scope := make([]string, 0, len(by))
	for _, field := range by {
		v, _ := fact.Field(s, field)
		scope = append(scope, v)
	}
	return scope
}

// outcomesOf counts the rows of a scope that are not warm-ups.
func outcomesOf(rows []*sample.Sample, by, scope []string) (ok, planned int) {
	for _, s := range rows {
		if s.Phase == sample.Warmup || !slices.Equal(scopeOf(s, by), scope) {
			continue
		}
		planned++
		if s.Outcome == sample.OK {
			ok++
		}
	}
	return ok, planned
}

func columnScale(facts []fact.Fact) unit.Scale {
	var values []float64
	u := unit.None
	for _, f := range facts {
		u = f.Unit
		if v, ok := f.Value.Get(); ok {
			values = append(values, v)
		}
	}
	return u.ScaleFor(values...)
}

// factCell prints a value with its interval, or says that there is none.
func factCell(f fact.Fact, scale unit.Scale) string {
	v, ok := f.Value.Get()
	if !ok {
		return "not measured"
	}
	text := unit.Digits(v*scale.Factor, 3)
	lo, ok := f.Lo.Get()
	hi, _ := f.Hi.Get()
	if !ok {
		return fmt.Sprintf("%s (n = %d)", text, f.N)
	}
	return fmt.Sprintf("%s [%s, %s]", text, unit.Digits(lo*scale.Factor, 3), unit.Digits(hi*scale.Factor, 3))
}
