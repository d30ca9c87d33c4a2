package draft

import (
	"slices"
	"strings"

	"chimera/internal/finding"
)

// Most sentences of each sort in a plan.
const (
	planFindings = 8
	planCaveats  = 6
	planAdvice   = 3
)

// Plan writes a draft without a model: the answer, what else is decided, what
// weakens it and what is not known, what to do; each by how much it matters.
// Check keeps every sentence of it.
func (s *Sheet) Plan() Draft {
	decided, open, advice := s.sorted()
	said := map[string][]Sentence{}
	tell := func(titles []string, kind Kind, ids []string) {
		for i, id := range ids {
			if len(titles) > 0 { // evenly, the weightier ones in the earlier sections
				t := titles[i*len(titles)/len(ids)]
				said[t] = append(said[t], Sentence{Kind: kind, Parts: []Part{{Slot: id}}})
			}
		}
	}
	titles := map[Kind][]string{}
	for _, t := range s.sections {
		titles[kindOf(t)] = append(titles[kindOf(t)], t)
	}
	if plain := titles[Finding]; len(plain) > 1 && len(decided) > 0 {
		tell(plain[:1], Finding, decided[:1])
		tell(plain[1:], Finding, decided[1:])
	} else {
		tell(plain, Finding, decided)
	}
	tell(titles[Caveat], Caveat, open)
	tell(titles[Recommendation], Recommendation, advice)
	var d Draft
	for _, t := range s.sections {
		if len(said[t]) > 0 {
			d.Sections = append(d.Sections, Section{t, said[t]})
		}
	}
	return d
}

// sorted picks what a plan says: what is decided, or the facts where nothing is;
// what weakens the answer, failed or stayed open; and what follows.
func (s *Sheet) sorted() (decided, open, advice []string) {
	var again []string
	for _, c := range s.claims {
		if isDecided(c.Finding) {
			decided = append(decided, c.id)
		} else {
			open = append(open, c.id)
		}
		switch {
		case s.advice(c) == nil:
		case c.Verdict == finding.Better:
			advice = append(advice, c.id)
		default:
			again = append(again, c.id)
		}
	}
	if len(decided) > 0 && s.weakness(s.claimByID[decided[0]]) != nil {
		open = append([]string{decided[0]}, open...)
	}
	slices.SortStableFunc(open, func(a, b string) int { return s.urgency(a) - s.urgency(b) })
	for _, x := range s.facts {
		if len(s.claims) == 0 {
			decided = append(decided, x.id)
		}
	}
	advice = append(advice[:min(planAdvice-1, len(advice))], again[:min(1, len(again))]...)
	return decided[:min(planFindings, len(decided))], open[:min(planCaveats, len(open))], advice
}

// urgency puts what weakens the answer before what failed, and both before what
// stayed open.
func (s *Sheet) urgency(id string) int {
	switch c := s.claimByID[id]; {
	case isDecided(c.Finding):
		return 0
	case c.Kind == finding.Failures:
		return 1
	}
	return 2
}

// weakness words the checks that a decided finding failed; nil if it failed none.
func (s *Sheet) weakness(c *claim) finding.Sentence {
	if !isDecided(c.Finding) {
		return nil
	}
	var out finding.Sentence
	for _, check := range c.Checks {
		if check.Status != finding.Fail {
			continue
		}
		if out == nil {
			out = finding.Sentence{{Text: "What weakens the finding on " + strings.ReplaceAll(string(c.Kind), "-", " ") + " by " + label(c.Metric) + ": "}}
		} else {
			out = append(out, finding.Part{Text: "; "})
		}
		out = append(out, cleaned(check.Why)...)
	}
	if out == nil {
		return nil
	}
	return append(out, finding.Part{Text: "."})
}

// advice words what a finding recommends, as far as its metric decides; nil if
// nothing follows from it.
func (s *Sheet) advice(c *claim) finding.Sentence {
	use := c.Winners
	if c.Pick != "" {
		use = []string{c.Pick}
	}
	switch {
	case c.Verdict == finding.Better && len(use) > 0 && c.Metric != "":
		out := finding.Sentence{{Text: "Where the " + label(c.Metric) + " decides, use "}}
		for i, name := range use {
			switch {
			case i == 0:
			case i == len(use)-1:
				out = append(out, finding.Part{Text: " or "})
			default:
				out = append(out, finding.Part{Text: ", "})
			}
			out = append(out, finding.Part{Name: safe(name)})
		}
		return append(append(out, finding.Part{Text: ". "}), s.told(c.Finding)...)
	case c.Verdict == finding.Inconclusive && c.Needed != "":
		for _, n := range c.Notes {
			if slices.Contains(n.Facts(), c.Needed) {
				out := append(finding.Sentence{{Text: "Measure it again. "}}, s.told(c.Finding)...)
				return append(append(out, finding.Part{Text: " "}), cleaned(n)...)
			}
		}
	}
	return nil
}
