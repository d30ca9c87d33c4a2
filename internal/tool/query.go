package tool

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/metric"
	"chimera/internal/sample"
)

func (s *Source) queryFields(r *request) []field {
	return []field{
		s.metricField(r, true), aggregateField(r), phaseField(r),
		{name: "by", kind: "strings", doc: "labels that make a scope; without: all rows together", offered: s.scopes(), most: maxItems, list: &r.by},
		whereField("where", whereDoc, &r.where, false),
		offsetField(r),
	}
}

// query asks the rows. What it compares beside the values, it compares in the
// same way as every finding does.
func (b *Box) query(_ context.Context, r request, a *answer) error {
	r.aggregate, r.phase = orElse(r.aggregate, usual(r.metric)), orElse(r.phase, string(sample.Measure))
	where, err := b.rowConditions(r.where)
	if err != nil {
		return err
	}
	for _, l := range r.by {
		if known := b.rowFields(); !slices.Contains(known, l) && !strings.HasPrefix(l, "config.") {
			return unknown("label", l, known)
		}
	}
	facts, err := b.rowsAsked(r, where)
	if err != nil {
		return err
	}
	a.add(facts...)
	a.page(r.offset)
	if len(facts) < 2 || r.offset > 0 {
		return nil
	}
	asked := finding.Asked{Series: b.seriesOf(r.metric), Compared: comparedIn(facts...), Planned: b.planned}
	sides := b.sides(facts)
	if len(sides) != len(facts) || !slices.Contains(finding.Centres, r.aggregate) {
		return nil
	}
	ranks, why, err := asked.Ranks(sides)
	if err != nil {
		return err
	}
	if len(ranks) == 0 {
		a.set("ranks", "none: "+why)
	}
	a.add(ranks...)
	if len(r.by) != 1 || !numeric(facts, r.by[0]) {
		return nil
	}
	slope, why, err := asked.Trend(r.by[0], sides)
	switch {
	case err != nil:
		return err
	case why != "":
		a.set("trend", "none: "+why)
	default:
		a.add(slope)
	}
	return nil
}

// usual is the aggregate of a question that names none.
func usual(name string) string {
	def, _ := metric.Lookup(name) // of a series of readings it is the median too
	return string(def.Usual())
}

// numeric reports whether every fact's label is a number.
func numeric(facts []fact.Fact, label string) bool {
	return !slices.ContainsFunc(facts, func(f fact.Fact) bool {
		return !(fact.Condition{Field: label, Op: ">", Value: "-1e300"}).Matches(f.Scope[label])
	})
}

func (b *Box) rowConditions(texts []string) (fact.Conditions, error) {
	known := b.rowFields()
	for _, t := range texts {
		c, err := fact.ParseCondition(t)
		switch {
		case err == nil && strings.HasPrefix(c.Field, "config."):
			known = append(known, c.Field)
		case err == nil && c.Field == fact.LabelPhase && !slices.Contains(known, fact.LabelPhase):
			return nil, fault.With(fmt.Errorf("phase is no label of rows"), fault.Usage, "it is an argument of its own: measure, cold or warmup")
		}
	}
	return conditions(texts, known)
}

// rowsAsked answers from rows; where there are none, from the analysis. What
// nothing answers is a fact that says so.
func (b *Box) rowsAsked(r request, where fact.Conditions) ([]fact.Fact, error) {
	def, err := metric.Lookup(r.metric)
	series := b.seriesOf(r.metric)
	if err != nil && series.Name == "" && len(b.Ledger.Rows) > 0 {
		return nil, unknown("metric", r.metric, b.rowMetrics())
	}
	by := slices.Clone(r.by)
	for _, c := range where { // a fact says what it is of
		if c.Op == "=" && !slices.Contains(by, c.Field) {
			by = append(by, c.Field)
		}
	}
	var facts []fact.Fact
	why := fmt.Sprintf("no row of phase %s fits", r.phase)
	switch {
	case len(b.Ledger.Rows) == 0:
		q := fact.Query{Metric: r.metric, Aggregate: r.aggregate, Phase: sample.Phase(r.phase), Where: where, By: r.by}
		facts, why = q.Among(b.inOrder()), "this ledger has no rows, and no such fact"
	case err == nil && slices.Contains(series.Kinds, fact.KindRequest) && def.Basis == metric.Request:
		facts, err = b.Ledger.Query(fact.Query{Metric: r.metric, Aggregate: r.aggregate, Phase: sample.Phase(r.phase), Where: where, By: by})
	case series.Name == "":
		err, why = nil, "no row has it"
	default:
		why = "no reading fits"
		if slices.Contains(series.Kinds, fact.KindClaim) && !slices.ContainsFunc(where, func(c fact.Condition) bool { return c.Field == "kind" }) {
			where = append(where, fact.Condition{Field: "kind", Op: "!=", Value: fact.KindClaim})
			why = "nobody observed it; what an earlier program said stands under kind=claim"
		}
		facts, err = b.Ledger.Readings(fact.ReadingQuery{Series: r.metric, Aggregate: r.aggregate, Where: where, By: by})
	}
	if err == nil && len(facts) == 0 {
		facts = []fact.Fact{nothing(r, where, why)}
	}
	return facts, err
}

// seriesOf is the metric as the ledger has it; its name is empty if no row has
// it.
func (s *Source) seriesOf(name string) fact.Series {
	for _, m := range s.Ledger.Metrics() {
		if m.Name == name {
			return m
		}
	}
	return fact.Series{}
}

func (s *Source) planned(run string) bool {
	return slices.ContainsFunc(s.Ledger.Inventory.Runs, func(r fact.RunEntry) bool { return r.ID == run && r.Randomised })
}

// sides are the facts with their rows; a fact whose rows are not all known is
// left out.
func (s *Source) sides(facts []fact.Fact) []finding.Side {
	var out []finding.Side
	common := comparedIn(facts...)
	for _, f := range facts {
		if rows, ok := s.rowsBehind(f); ok {
			out = append(out, finding.Side{Name: nameOf(f, common), Fact: f, Rows: rows})
		}
	}
	return out
}

// rowsBehind finds the rows that a fact stands on.
func (s *Source) rowsBehind(f fact.Fact) ([]*fact.Row, bool) {
	switch {
	case len(f.Evidence.From) > 0 && len(f.Evidence.Rows) == 0:
		return nil, false
	case f.Evidence.Total > 0: // not all are named
		return s.rowsIn(f)
	}
	rows := make([]*fact.Row, 0, len(f.Evidence.Rows))
	for _, id := range f.Evidence.Rows {
		row := s.rows[id]
		for _, end := range []string{"/" + f.Metric, " " + f.Metric} {
			if at, ok := strings.CutSuffix(id, end); ok && row == nil {
				row = s.rows[at]
			}
		}
		if row == nil {
			return nil, false
		}
		rows = append(rows, row)
	}
	return rows, true
}

// rowsIn finds the requests of a fact by its scope; ok is false if they are not
// as many as the fact says.
func (s *Source) rowsIn(f fact.Fact) (rows []*fact.Row, ok bool) {
	for _, r := range s.Ledger.Rows {
		if _, has := r.Cell(f.Metric); !has || r.Kind != fact.KindRequest || r.Phase != f.Phase {
			continue
		}
		fits := true
		for l, want := range f.Scope {
			if v, err := s.Ledger.Field(r, l); err != nil || v != want {
				fits = false
				break
			}
		}
		if fits {
			rows = append(rows, r)
		}
	}
	return rows, len(rows) == f.N
}

// comparedIn lists the labels in which scopes differ.
func comparedIn(facts ...fact.Fact) []string {
	var out []string
	for _, f := range facts {
		for k, v := range f.Scope {
			if !slices.Contains(out, k) && slices.ContainsFunc(facts, func(o fact.Fact) bool { return o.Scope[k] != v }) {
				out = append(out, k)
			}
		}
	}
	slices.Sort(out)
	return out
}

// nameOf names a fact by what tells it from the others.
func nameOf(f fact.Fact, labels []string) string {
	var parts []string
	for _, l := range labels {
		switch v := f.Scope[l]; {
		case v == "":
		case l == fact.LabelSubject || l == "config":
			parts = append(parts, v)
		default:
			parts = append(parts, l+"="+v)
		}
	}
	return orElse(strings.Join(parts, " "), f.Metric)
}
