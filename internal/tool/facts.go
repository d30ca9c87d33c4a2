package tool

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
)

func (s *Source) listFields(r *request) []field {
	return []field{
		{name: "ids", kind: "strings", doc: "these facts only", most: maxItems, list: &r.ids},
		{name: "metric", kind: "string", doc: "metric of the facts", offered: s.factMetrics(), text: &r.metric},
		{name: "agg", kind: "string", doc: "aggregate of the facts", offered: s.aggregates(), text: &r.aggregate},
		{name: "phase", kind: "string", doc: "phase of the rows behind the facts", allowed: phases(), text: &r.phase},
		whereField("where", whereDoc+" on the facts' scopes: "+clip(joined(s.scopeFields()), maxText), &r.where, false),
		{name: "kind", kind: "string", doc: "facts of findings of this kind, with the findings", allowed: findingKinds(), text: &r.kind},
		{name: "verdict", kind: "string", doc: "facts of findings with this verdict, with the findings", allowed: verdicts(), text: &r.verdict},
		{name: "finding", kind: "string", doc: "facts of this finding, with it", text: &r.finding},
		offsetField(r),
	}
}

// listFacts answers from what the analysis made.
func (b *Box) listFacts(_ context.Context, r request, a *answer) error {
	where, err := conditions(r.where, b.scopeFields())
	if err != nil {
		return err
	}
	if known := b.allMetrics(); r.metric != "" && !slices.Contains(known, r.metric) {
		return unknown("metric", r.metric, known)
	}
	if known := b.aggregates(); r.aggregate != "" && !slices.Contains(known, r.aggregate) {
		return unknown("aggregate", r.aggregate, known)
	}
	facts, err := b.chosen(r, a)
	if err != nil {
		return err
	}
	for _, f := range facts {
		if fits(f, r, where) {
			a.add(f)
		}
	}
	a.page(r.offset)
	if a.found == 0 {
		a.add(nothing(r, where, "the analysis has no such fact; query asks the rows"))
	}
	return nil
}

// chosen are the facts of ids, of findings, or all. Findings that were asked for
// are put into the answer before their facts.
func (b *Box) chosen(r request, a *answer) ([]fact.Fact, error) {
	if len(r.ids) > 0 {
		return b.byID(r.ids)
	}
	if r.kind == "" && r.verdict == "" && r.finding == "" {
		return b.inOrder(), nil
	}
	if _, ok := b.findings[r.finding]; r.finding != "" && !ok {
		return nil, fault.With(fmt.Errorf("there is no finding %q", clip(r.finding, maxName)), fault.Usage, "inventory with part=findings lists them")
	}
	var all []fact.Fact
	seen := map[string]bool{}
	for _, f := range b.Analysis.Findings {
		if r.kind != "" && string(f.Kind) != r.kind || r.verdict != "" && string(f.Verdict) != r.verdict || r.finding != "" && f.ID != r.finding {
			continue
		}
		a.also("findings", claimOf(f, b.Analysis.Fact))
		for _, id := range f.Facts {
			if x, ok := b.Analysis.Fact(id); ok && !seen[id] {
				seen[id] = true
				all = append(all, x)
			}
		}
	}
	return all, nil
}

// inOrder are the facts of the analysis, those first that its first findings
// use.
func (s *Source) inOrder() []fact.Fact {
	all := make([]fact.Fact, 0, len(s.order))
	for _, id := range s.order {
		f, _ := s.Analysis.Fact(id) // order lists only what there is
		all = append(all, f)
	}
	return all
}

// factID is the shape of a fact's id.
var factID = regexp.MustCompile(`^F[0-9a-f]{10}$`)

func (b *Box) byID(ids []string) ([]fact.Fact, error) {
	var out []fact.Fact
	for _, id := range ids {
		f, ok := b.Fact(id)
		if !ok {
			return nil, fault.With(fmt.Errorf("there is no fact %q", clip(id, maxName)), fault.Usage, "list_facts and query give facts with their ids")
		}
		out = append(out, f)
	}
	return out, nil
}

func (s *Source) factMetrics() []string {
	var names []string
	for _, f := range s.Analysis.Facts {
		if !slices.Contains(names, f.Metric) {
			names = append(names, f.Metric)
		}
	}
	slices.Sort(names)
	return names
}

func (s *Source) aggregates() []string {
	known := fact.Aggregates()
	for _, f := range s.Analysis.Facts {
		if !slices.Contains(known, f.Aggregate) {
			known = append(known, f.Aggregate)
		}
	}
	slices.Sort(known)
	return known
}

func fits(f fact.Fact, r request, where fact.Conditions) bool {
	if r.metric != "" && f.Metric != r.metric || r.aggregate != "" && f.Aggregate != r.aggregate || r.phase != "" && string(f.Phase) != r.phase {
		return false
	}
	for _, c := range where {
		if !c.Matches(f.Scope[c.Field]) {
			return false
		}
	}
	return true
}

// nothing is a fact of what was not measured: it has an id, a scope and a
// reason, and no value.
func nothing(r request, where fact.Conditions, why string) fact.Fact {
	f := fact.Fact{Metric: orElse(r.metric, "any"), Version: 1, Aggregate: orElse(r.aggregate, "any"), Scope: map[string]string{},
		Reason: string(finding.NotMeasured) + ": " + why, Method: "none", Evidence: fact.Evidence{Rows: []string{}}}
	for _, c := range where {
		if c.Op == "=" {
			f.Scope[c.Field] = c.Value
		}
	}
	f, err := fact.Identify(f)
	if err != nil {
		panic("tool: " + err.Error()) // a fact of strings can be written as JSON
	}
	return f
}
