package fact

import (
	"fmt"
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
	def, aggregate, err := q.definition()
	if err != nil {
		return nil, err
	}
	if def.Basis != metric.Request {
		return nil, fault.With(fmt.Errorf("%s has several values a request, and a ledger keeps one", def.ID), fault.Usage, "ask the run itself: `chimera query "+def.ID+" --run RUN`")
	}
	var all []observed
	for _, row := range l.Rows {
		if row.Kind == KindRequest && row.Phase == q.Phase {
			all = append(all, observedRow{row, l})
		}
	}
	return q.answer(def, aggregate, all)
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

// observedRow is a request as a ledger keeps it.
type observedRow struct {
	*Row
	in *Ledger
}

func (r observedRow) place() (string, string, int) {
	return r.Run, strings.TrimPrefix(r.ID, r.Run+"/"), r.Order
}

func (r observedRow) ended() sample.Outcome              { return r.Outcome }
func (r observedRow) marks() (synthetic, simulated bool) { return r.Synthetic, r.Simulated }
func (r observedRow) field(name string) (string, error)  { return r.in.Field(r.Row, name) }

func (r observedRow) values(def metric.Metric) ([]float64, string, bool) {
	c, ok := r.Cell(def.ID)
	if v, has := c.Value.Get(); ok && has {
		return []float64{v}, "", true
	}
	return nil, r.in.lackOf(r.Row, def.ID), false
}

func (r observedRow) parts(def metric.Metric) (num, den float64, ok bool) {
	c, ok := r.Cell(def.ID)
	v, has := c.Value.Get()
	switch {
	case !ok || !has:
		return 0, 0, false
	case c.Parts != nil:
		return c.Parts[0], c.Parts[1], true
	}
	return v, 1, true
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
