package tool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

func (s *Source) compareFields(r *request) []field {
	const side = ` to compare: one fact's id alone, or conditions such as "subject=270m" or "config.num_ctx=2048"`
	return []field{
		whereField("a", "what"+side, &r.a, true),
		whereField("b", "with what"+side, &r.b, true),
		s.metricField(r, false), aggregateField(r), phaseField(r),
		whereField("where", "of both sides: "+whereDoc, &r.where, false),
	}
}

// compare holds one thing against another. Where a finding of the analysis has
// compared just these, its answer stands.
func (b *Box) compare(_ context.Context, r request, a *answer) error {
	x, err := b.sideOf("a", r.a, r)
	if err != nil {
		return err
	}
	r.metric, r.aggregate, r.phase = orElse(r.metric, x.Metric), orElse(r.aggregate, x.Aggregate), orElse(r.phase, string(x.Phase))
	y, err := b.sideOf("b", r.b, r)
	if err != nil {
		return err
	}
	if x.ID == y.ID {
		return fault.With(errors.New("a and b are the same"), fault.Usage, "name two facts, or two choices of rows")
	}
	if f, ok := b.compared(x.ID, y.ID); ok {
		a.also("findings", claimOf(f, b.Analysis.Fact))
		for _, id := range f.Facts {
			if d, ok := b.Analysis.Fact(id); ok && (id == x.ID || id == y.ID || standsOn(d, x.ID, y.ID)) {
				a.add(d)
			}
		}
		return nil
	}
	f, facts, err := b.hold(x, y)
	if err != nil {
		return err
	}
	byID := map[string]fact.Fact{}
	for _, d := range facts {
		byID[d.ID] = d
	}
	a.also("findings", claimOf(f, func(id string) (fact.Fact, bool) { d, ok := byID[id]; return d, ok }))
	a.add(facts...)
	return nil
}

// hold puts the question to the rows behind two facts.
func (b *Box) hold(x, y fact.Fact) (finding.Finding, []fact.Fact, error) {
	labels := comparedIn(x, y)
	sides := make([]finding.Side, 2)
	for i, f := range []fact.Fact{x, y} {
		rows, _ := b.rowsBehind(f) // without rows nothing can be laid side by side, and the answer says so
		sides[i] = finding.Side{Name: nameOf(f, labels), Fact: f, Rows: rows}
	}
	series := b.seriesOf(x.Metric)
	if series.Name == "" {
		series = fact.Series{Name: x.Metric, Unit: x.Unit}
	}
	rowLabels := b.rowLabels(labels)
	asked := finding.Asked{Series: series, Compared: rowLabels, Planned: b.planned}
	return asked.Answer(sides[0], sides[1], b.pairs(x, rowLabels))
}

// sideOf is the fact of one side: the one that is named, or that of the rows
// that conditions choose.
func (b *Box) sideOf(name string, texts []string, r request) (fact.Fact, error) {
	if len(texts) == 1 && factID.MatchString(texts[0]) {
		all, err := b.byID(texts)
		if err != nil {
			return fact.Fact{}, err
		}
		return all[0], nil
	}
	if r.metric == "" {
		return fact.Fact{}, fault.With(fmt.Errorf("%s chooses rows, but of which metric is not said", name), fault.Usage, "give metric, or facts' ids on both sides")
	}
	r.aggregate, r.phase = orElse(r.aggregate, usual(r.metric)), orElse(r.phase, string(sample.Measure))
	where, err := b.rowConditions(slices.Concat(texts, r.where))
	if err != nil {
		return fact.Fact{}, err
	}
	r.by = nil
	facts, err := b.rowsAsked(r, where)
	if err != nil {
		return fact.Fact{}, err
	}
	if len(facts) > 1 {
		return fact.Fact{}, fault.With(fmt.Errorf("%s chooses %d things, not one", name, len(facts)), fault.Usage, "add conditions until one is left: "+strings.Join(comparedIn(facts...), ", "))
	}
	return facts[0], nil
}

// compared finds the finding of the analysis that has held two facts against
// each other.
func (s *Source) compared(x, y string) (finding.Finding, bool) {
	for _, f := range s.Analysis.Findings {
		for _, id := range f.Facts {
			if d, ok := s.Analysis.Fact(id); ok && standsOn(d, x, y) && d.Aggregate == "ratio" {
				return f, true
			}
		}
	}
	return finding.Finding{}, false
}

func standsOn(f fact.Fact, x, y string) bool {
	return slices.Contains(f.Evidence.From, x) && slices.Contains(f.Evidence.From, y)
}

// rowLabels are the labels of rows that stand behind those of scopes.
func (s *Source) rowLabels(labels []string) []string {
	out := slices.Clone(labels)
	if slices.Contains(labels, "config") || slices.Contains(labels, "level") {
		for _, l := range s.Ledger.Dimensions() {
			if strings.HasPrefix(l, "config.") {
				out = append(out, l)
			}
		}
	}
	return out
}

// pairs is how many pairs could have been asked: of all values that the
// compared labels have in rows with the metric. Who picks two of them has
// picked out of all.
func (s *Source) pairs(f fact.Fact, labels []string) int {
	seen := map[string]bool{}
	for _, r := range s.Ledger.Rows {
		if r.Phase != f.Phase {
			continue
		}
		if _, ok := r.Cell(f.Metric); !ok {
			continue
		}
		var key strings.Builder
		for _, l := range labels {
			v, err := s.Ledger.Field(r, l)
			if err != nil {
				continue
			}
			key.WriteString(v + "\x00")
		}
		seen[key.String()] = true
	}
	return max(1, len(seen)*(len(seen)-1)/2)
}
