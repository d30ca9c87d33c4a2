package fact

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"chimera/internal/fault"
	"chimera/internal/metric"
	"chimera/internal/sample"
)

// Query answers q from the rows of the ledger: the facts that Query.Run makes
// of the samples behind them, with the same ids. Beside a row's own fields, any
// label of the ledger may make a scope. A metric that has several values a
// request is not kept in a ledger; asking for it is an error.
func (l *Ledger) Query(q Query) ([]Fact, error) {
	a, err := q.begin()
	if err != nil {
		return nil, err
	}
	a.in = l
	if a.def.Basis != metric.Request {
		return nil, fault.With(fmt.Errorf("%s has several values a request, and a ledger keeps one", q.Metric), fault.Usage, "ask the run itself: `chimera query "+q.Metric+" --run RUN`")
	}
	var rows []*Row
	for _, r := range l.Rows {
		if r.Kind == KindRequest && r.Phase == q.Phase {
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b *Row) int { return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.Order, b.Order)) })
	for _, r := range rows {
		sc, err := a.scopeAt(func(field string) (string, error) { return l.Field(r, field) }, r.Synthetic, r.Simulated)
		if err != nil {
			return nil, err
		}
		if sc != nil {
			l.enter(a, sc, r)
		}
	}
	return a.facts()
}

// textFact makes the fact of a metric of text from a ledger's rows, as the
// answer's own does from samples.
func (l *Ledger) textFact(a *answer, sc *scope) Fact {
	s := NewScores(a.def, sc.Column)
	s.Unit = sc.Unit
	var texts []string
	for _, r := range sc.kept {
		prompt := r.Labels["workload"] + "\x00" + r.Labels["prompt"]
		if r.Text != "" {
			texts = append(texts, prompt+"\x00"+r.Labels[LabelSubject]+"\x00"+r.Text)
		}
		num, den, why := l.partsOf(r, a.Metric)
		if why != "" {
			s.Missing[why]++
			continue
		}
		s.Add(r.Run, strings.TrimPrefix(r.ID, r.Run+"/"), prompt, num, den)
	}
	s.Caveats = append(sc.caveats(), repeated(texts)...)
	return a.scored(s)
}

// partsOf are the two sides of a row's value, or why it has none.
func (l *Ledger) partsOf(r *Row, id string) (num, den float64, why string) {
	if r.Outcome != sample.OK {
		return 0, 0, string(r.Outcome)
	}
	c, _ := r.Cell(id)
	v, ok := c.Value.Get()
	switch {
	case !ok:
		return 0, 0, l.lackOf(r, id)
	case c.Parts != nil:
		return c.Parts[0], c.Parts[1], ""
	}
	return v, 1, ""
}

// enter counts a row in its scope, with its value if it has one.
func (l *Ledger) enter(a *answer, sc *scope, r *Row) {
	sc.Planned++
	if a.def.Text {
		sc.kept = append(sc.kept, r)
		return
	}
	num, den, why := l.partsOf(r, a.Metric)
	if why != "" {
		sc.Missing[why]++
		return
	}
	sc.enter(a, r.Run, strings.TrimPrefix(r.ID, r.Run+"/"), num, den)
}

// Among finds the facts that answer q, in their order: all that can be said
// where there are no rows.
func (q Query) Among(facts []Fact) []Fact {
	var out []Fact
	for _, f := range facts {
		fits := f.Metric == q.Metric && f.Aggregate == q.Aggregate && (f.Phase == "" || f.Phase == q.Phase)
		for _, label := range q.By {
			_, has := f.Scope[label]
			fits = fits && has
		}
		for _, c := range q.Where {
			fits = fits && c.Matches(f.Scope[c.Field])
		}
		if fits {
			out = append(out, f)
		}
	}
	return out
}

// lackOf says why a row has no value of a metric.
func (l *Ledger) lackOf(row *Row, id string) string {
	if row.Lack > 0 && row.Lack <= len(l.Lacks) {
		if why := l.Lacks[row.Lack-1][id]; why != "" {
			return why
		}
	}
	return "the ledger does not say why"
}

// Field returns a scope field of a request's row, as Field does of a sample's;
// beside those, any label that the ledger has ("" where this row lacks it).
func (l *Ledger) Field(row *Row, field string) (string, error) {
	switch field {
	case "run":
		return row.Run, nil
	case "block":
		n, err := strconv.Atoi(row.Labels[field])
		if err != nil {
			return row.Labels[field], nil
		}
		return fmt.Sprintf("%04d", n), nil
	case "config":
		return ConfigText(row.Config()), nil
	}
	if v, ok := row.Labels[field]; ok {
		return v, nil
	}
	if strings.HasPrefix(field, "config.") {
		return "default", nil
	}
	if _, known := l.values[field]; known {
		return "", nil
	}
	_, err := Field(&sample.Sample{}, field)
	return "", err
}

// Config is the requested configuration that a row's labels hold.
func (r *Row) Config() map[string]any {
	config := map[string]any{}
	for label, v := range r.Labels {
		if name, ok := strings.CutPrefix(label, "config."); ok {
			config[name] = v
		}
	}
	return config
}

// Readings answers q from the rows of the ledger, as ReadingQuery.Run does from
// the readings behind them.
func (l *Ledger) Readings(q ReadingQuery) ([]Fact, error) {
	var all []*sample.Reading
	started := map[string]time.Time{}
	for _, r := range l.Inventory.Runs {
		started[r.ID] = r.Started
	}
	for _, row := range l.Rows {
		for _, c := range row.Cells {
			if c.Metric == q.Series {
				all = append(all, row.reading(c, started[row.Run]))
			}
		}
	}
	return q.Run(all)
}

// reading is a cell as the reading that it was.
func (r *Row) reading(c Cell, origin time.Time) *sample.Reading {
	out := &sample.Reading{Run: r.Run, Kind: r.Kind, Series: c.Metric, Unit: c.Unit, Value: c.Value, Reason: c.Reason, Labels: map[string]string{}}
	for k, v := range r.Labels {
		out.Labels[k] = v
	}
	if r.Phase != "" {
		out.Labels[LabelPhase] = string(r.Phase)
	}
	if file, row, ok := strings.Cut(strings.TrimPrefix(r.ID, r.Run+"/"), "#"); ok && file == r.Labels[LabelFile] {
		out.Labels["row"], out.Provenance = row, sample.Imported
	}
	if !r.At.IsZero() {
		out.At = r.At.Sub(origin)
	}
	return out
}
