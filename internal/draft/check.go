package draft

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/finding"
)

// Check keeps the sentences of a draft that hold, in the order of the sheet's
// sections, and lists the others with the reason. A sentence that was kept before
// is not kept again. It never fails: what is no draft keeps nothing.
func (s *Sheet) Check(d Draft) (kept []Kept, dropped []Dropped) {
	kept, dropped = []Kept{}, []Dropped{}
	seen := map[string]bool{}
	left := maxSentences
	for _, title := range s.outline(d) {
		for _, section := range d.Sections {
			if s.titled(section.Title) != title {
				continue
			}
			for _, in := range section.Sentences {
				if left--; left < 0 {
					return kept, append(dropped, Dropped{title, "", fmt.Sprintf("only the first %d sentences are read", maxSentences)})
				}
				k, err := s.sentence(in)
				if err == nil && seen[k.Text.Print(s.known)] {
					err = errors.New("it was said before")
				}
				if err != nil {
					dropped = append(dropped, Dropped{title, written(in), err.Error()})
					continue
				}
				k.Section = title
				seen[k.Text.Print(s.known)] = true
				kept = append(kept, k)
			}
		}
	}
	return kept, dropped
}

// titled is the sheet's title that a section's title means: a title is a claim,
// too, so one that is not the sheet's counts as the first.
func (s *Sheet) titled(title string) string {
	for _, t := range s.sections {
		if strings.EqualFold(t, strings.TrimSpace(title)) {
			return t
		}
	}
	return s.sections[0]
}

// outline lists the titles that a draft has, in the sheet's order.
func (s *Sheet) outline(d Draft) []string {
	return slices.DeleteFunc(slices.Clone(s.sections), func(t string) bool {
		return !slices.ContainsFunc(d.Sections, func(x Section) bool { return s.titled(x.Title) == t })
	})
}

// sentence checks one sentence and words it.
func (s *Sheet) sentence(in Sentence) (Kept, error) {
	kind := in.Kind
	if !slices.Contains(Kinds, kind) {
		kind = Finding
	}
	parts, err := s.parts(in)
	if err != nil {
		return Kept{}, err
	}
	for _, p := range parts {
		if c := s.claimByID[p.Slot]; c != nil { // it says itself; what stands around it cannot bend it
			return s.whole(c, kind)
		}
	}
	l := &line{s: s, kind: kind}
	if err := l.refer(in.Refs); err != nil {
		return Kept{}, err
	}
	if l.toks, err = s.tokens(parts); err != nil {
		return Kept{}, err
	}
	if x, ok := l.alone(); ok && kind != Recommendation {
		return Kept{Kind: kind, Text: stated(x), Facts: []string{x.ID}}, nil
	}
	if err := l.check(); err != nil {
		return Kept{}, err
	}
	k := Kept{Kind: kind, Text: l.render(), Facts: []string{}, Removed: l.removed}
	for _, x := range l.facts() {
		if !slices.Contains(k.Facts, x.ID) {
			k.Facts = append(k.Facts, x.ID)
		}
	}
	for _, c := range l.cited {
		k.Findings = append(k.Findings, c.ID)
	}
	return k, nil
}

// whole is a finding as a sentence: what it says, what weakens it if it is a
// caveat that failed checks, what follows if it is a recommendation.
func (s *Sheet) whole(c *claim, kind Kind) (Kept, error) {
	text := s.told(c.Finding)
	if weak := s.weakness(c); kind == Caveat && weak != nil {
		text = weak
	}
	if kind == Recommendation {
		if text = s.advice(c); text == nil {
			return Kept{}, fmt.Errorf("%s recommends nothing: it is %s", c.id, c.Verdict)
		}
	}
	return Kept{Kind: kind, Text: text, Verdict: c.Verdict, Facts: factsOf(text), Findings: []string{c.ID}}, nil
}

func factsOf(text finding.Sentence) []string {
	if ids := text.Facts(); ids != nil {
		return ids
	}
	return []string{}
}

// line is a sentence being checked.
type line struct {
	s       *Sheet
	kind    Kind
	toks    []token
	behind  []*item  // facts that are referred to and not printed
	cited   []*claim // findings that are referred to
	removed []string
}

// refer resolves what a sentence stands on beside what it prints.
func (l *line) refer(refs []string) error {
	if len(refs) > maxRefs {
		return fmt.Errorf("the sentence has %d refs, and may have %d", len(refs), maxRefs)
	}
	for _, id := range refs {
		switch {
		case l.s.factByID[id] != nil:
			l.behind = append(l.behind, l.s.factByID[id])
		case l.s.claimByID[id] != nil:
			l.cited = append(l.cited, l.s.claimByID[id])
		case l.s.thingByID[id] == nil:
			return fmt.Errorf("there is no %q on the sheet", bounded(id, 16))
		}
	}
	return nil
}

// alone returns the only slot of a sentence without words.
func (l *line) alone() (*item, bool) {
	var found *item
	for _, t := range l.toks {
		switch {
		case t.kind == slotToken && found == nil:
			found = t.item
		case t.kind != markToken:
			return nil, false
		}
	}
	return found, found != nil
}

// facts are those that a sentence prints and those it refers to.
func (l *line) facts() []*item {
	var out []*item
	for _, t := range l.toks {
		if t.kind == slotToken {
			out = append(out, t.item)
		}
	}
	return append(out, l.behind...)
}

// carriers are the findings that may carry a word: those cited, and those about
// the same metric that use a fact of the sentence.
func (l *line) carriers() []*claim {
	out := slices.Clone(l.cited)
	for _, x := range l.facts() {
		for _, c := range x.claims {
			if (c.Metric == "" || c.Metric == x.Metric || x.Aggregate == "count") && !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// carried finds a finding that carries a word.
func (l *line) carried(ok func(*claim) bool) bool { return slices.ContainsFunc(l.carriers(), ok) }

// check holds the whole sentence to its price.
func (l *line) check() error {
	l.tidy()
	if err := l.lint(); err != nil {
		return err
	}
	if len(l.facts())+len(l.cited) == 0 {
		return errors.New("it stands on no fact: print one, or refer to one")
	}
	if err := l.pay(); err != nil {
		return err
	}
	if l.kind == Recommendation && !l.has(choose) && !l.has(repeat) {
		return errors.New("a recommendation says what to use, or what to measure again")
	}
	if !slices.ContainsFunc(l.toks, func(t token) bool { return t.kind == wordToken }) {
		return errors.New("it has no words")
	}
	return l.bind()
}

func (l *line) has(c class) bool {
	return slices.ContainsFunc(l.toks, func(t token) bool { return t.sense.class == c })
}

// lint refuses what may never be typed.
func (l *line) lint() error {
	for _, t := range l.toks {
		if t.kind != wordToken {
			continue
		}
		switch t.sense.class {
		case number:
			return fmt.Errorf("%q is a number: numbers come from slots", t.text)
		case date:
			return fmt.Errorf("%q is a date or a time span: those come from slots", t.text)
		case dimension:
			return fmt.Errorf("%q is a unit: a slot prints its own", t.text)
		case negation:
			return fmt.Errorf("%q turns a claim around: say what was found, or one of %s", t.text, "not measured, not comparable, not shown, cannot be told apart, no effect, no difference")
		case unknown:
			return fmt.Errorf("%q is not a word that can be checked", bounded(t.text, 40))
		}
	}
	return nil
}

// names are the names that a stretch of tokens says, in order. A phase is the
// name of a side of what it costs to load.
func names(toks []token) []string {
	var out []string
	for _, t := range toks {
		switch {
		case t.kind == nameToken:
			out = append(out, t.name)
		case t.kind == slotToken && t.as == AsOf:
			out = append(out, t.item.identity...)
		case t.sense.class == phase:
			out = append(out, t.sense.arg)
		}
	}
	return out
}

// says reports whether a name is said, as a name or as a word.
func (l *line) says(name string) bool {
	if slices.Contains(names(l.toks), name) {
		return true
	}
	return slices.ContainsFunc(l.toks, func(t token) bool { return t.kind == wordToken && strings.EqualFold(t.text, name) })
}

// clause returns the bounds of the clause around a token.
func (l *line) clause(at int) (from, to int) {
	ends := func(t token) bool {
		return t.kind == markToken && strings.ContainsAny(t.text, ".;:–—!?") || t.kind == wordToken && slices.Contains([]string{"while", "whereas", "but"}, strings.ToLower(t.text))
	}
	from, to = 0, len(l.toks)
	for i := at - 1; i >= 0; i-- {
		if ends(l.toks[i]) {
			from = i + 1
			break
		}
	}
	for i := at + 1; i < len(l.toks); i++ {
		if ends(l.toks[i]) {
			to = i
			break
		}
	}
	return from, to
}

// scoped reports whether a name only says where: it is of the finding's or the
// fact's scope, and not one of the things compared.
func scoped(name string, scope map[string]string) bool {
	for k := range scope {
		if k != "of" && k != "to" && k != "against" && nameOf(k, scope) == name {
			return true
		}
	}
	return false
}

// ratios are the shown ratios that may carry a comparison.
func (l *line) ratios() []fact.Fact {
	var out []fact.Fact
	seen := map[string]bool{}
	add := func(f fact.Fact, by *claim) {
		if !seen[f.ID] && allowed(f, by) {
			seen[f.ID] = true
			out = append(out, f)
		}
	}
	for _, c := range l.carriers() {
		for _, id := range c.Sentence.Facts() {
			if f, ok := l.s.known(id); ok {
				add(f, c)
			}
		}
	}
	for _, x := range l.facts() {
		if len(x.claims) == 0 {
			add(x.Fact, nil)
		}
	}
	return out
}

// unknownOrder is how far a ratio must lie from one where nobody knows in which
// order its sides ran (package finding has the same).
const unknownOrder = 0.25

// allowed reports whether a ratio shows a difference, by its interval and by the
// finding that it belongs to: one that forbids the comparison forbids it here.
func allowed(f fact.Fact, by *claim) bool {
	beyond := 0.0
	if by != nil {
		if by.Verdict != finding.Better && by.Verdict != finding.Worse {
			return false
		}
		for _, c := range by.Checks {
			if c.ID == finding.OrderRandomised && c.Status != finding.Pass {
				beyond = unknownOrder
			}
		}
	}
	return shownRatio(f, beyond)
}
