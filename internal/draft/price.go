package draft

import (
	"fmt"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/finding"
)

// pay holds every word that claims something to what carries it. An adverb that
// nothing carries is taken out where the sentence stands without it.
func (l *line) pay() error {
	for i := len(l.toks) - 1; i >= 0; i-- {
		t := l.toks[i]
		if t.kind != wordToken {
			continue
		}
		price, ok := prices[t.sense.class]
		if !ok || price.paid(l, i) {
			continue
		}
		if isAdverb(t.text) && l.removable(i) {
			l.remove(i)
			continue
		}
		return fmt.Errorf("%q needs %s in the same sentence, about the things that it names", t.text, price.needs)
	}
	return nil
}

// price is what carries a class of words.
type price struct {
	needs string
	paid  func(l *line, at int) bool
}

var prices map[class]price

func init() {
	prices = map[class]price{
		superlative: {"a finding that ranks all of its winners as better", (*line).ranks},
		optimal:     {"a finding that has it as a winner", (*line).ranks},
		choose:      {"a finding that has it as a winner", (*line).chooses},
		comparative: {"a ratio whose interval excludes no difference, in this direction", (*line).compares},
		significant: {"a test that finds it", (*line).tests},
		steadiness:  {"a finding about scatter with that verdict, or a variation", (*line).steady},
		sameness:    {"a finding that shows equivalence", (*line).same},
		trend:       {"a trend", (*line).trends},
		cause:       {"a factor that was drawn at random, is no alias, and has an effect beyond the margin", (*line).causes},
		universal:   {"the same verdict for every thing of that sort", (*line).all},
		repeat: {"a finding that is not decided", func(l *line, _ int) bool {
			return l.verdict(finding.Inconclusive, finding.NotMeasured, finding.NotComparable)
		}},
		notMeasured:   {"a finding or a fact that was not measured", (*line).absent},
		notComparable: {"a finding that forbids the comparison", func(l *line, _ int) bool { return l.verdict(finding.NotComparable) }},
		undecided:     {"a finding that is not decided", (*line).open},
		failure:       {"a count of what failed", (*line).failed},
		phase:         {"a fact of that phase", (*line).phased},
		aggregate:     {"a fact of that aggregate", (*line).aggregated},
		metricWord:    {"a fact of that metric", (*line).metrics},
		evaluative:    {"a measure, which it has not", func(*line, int) bool { return false }},
	}
}

// about reports whether a finding is about every thing that the sentence names.
func (l *line) about(c *claim) bool {
	for _, n := range names(l.toks) {
		if !c.names[n] && n != "cold" && n != "warm" {
			return false
		}
	}
	return true
}

func (l *line) verdict(any ...finding.Verdict) bool {
	return l.carried(func(c *claim) bool { return slices.Contains(any, c.Verdict) && l.about(c) })
}

// ranking kinds name their winners as the best of all that were compared. A
// backend's winners only beat their baseline.
var ranking = []finding.Kind{finding.Ranking, finding.Efficiency, finding.Configuration, finding.Sensitivity}

// same judges "the same" by equivalence; "no effect is shown" says less, and an
// open finding carries it.
func (l *line) same(at int) bool {
	if l.verdict(finding.Same) {
		return true
	}
	denied := strings.HasPrefix(strings.ToLower(l.toks[at].text), "no ")
	return denied && slices.ContainsFunc(l.toks[at:], func(t token) bool {
		return slices.Contains([]string{"shown", "seen", "found", "detected"}, strings.ToLower(t.text))
	}) && l.verdict(finding.Inconclusive)
}

func (l *line) ranks(at int) bool {
	word := strings.ToLower(l.toks[at].text)
	from, to := l.clause(at)
	return l.carried(func(c *claim) bool {
		if c.Verdict != finding.Better || !slices.Contains(ranking, c.Kind) || len(c.Winners) == 0 || !l.metricAfter(at, to, c) {
			return false
		}
		said := unscoped(names(l.toks[from:at]), c.Scope)
		if len(said) == 0 {
			said = unscoped(names(l.toks[at:to]), c.Scope)
			said = said[:min(1, len(said))]
		}
		if len(said) == 0 {
			return false
		}
		if strings.HasSuffix(word, "est") && speedWord(word) && !isSpeed(fact.Fact{Metric: c.Metric}) {
			return false
		}
		switch direction(l.toks[at].sense, c.Metric) {
		case good:
			return l.winners(c, said, from, to, word)
		case bad:
			return loser(c, said)
		}
		return false
	})
}

func speedWord(word string) bool {
	return word == "fastest" || word == "slowest" || word == "quickest"
}

// winners reports whether the things said are the winners: all of them, or some
// among them and said so. The cheapest is the pick.
func (l *line) winners(c *claim, said []string, from, to int, word string) bool {
	if word == "cheapest" {
		return c.Pick != "" && len(said) == 1 && said[0] == c.Pick
	}
	for _, n := range said {
		if !slices.Contains(c.Winners, n) {
			return false
		}
	}
	among := slices.ContainsFunc(l.toks[from:to], func(t token) bool { return strings.EqualFold(t.text, "among") })
	return among || !slices.ContainsFunc(c.Winners, func(w string) bool { return !slices.Contains(said, w) })
}

// loser reports whether the thing said is the other one of a ranking of two.
func loser(c *claim, said []string) bool {
	if c.Kind != finding.Ranking || len(said) != 1 || len(c.Winners) != 1 || len(c.Tables) == 0 || len(c.Tables[0].Rows) != 2 {
		return false
	}
	return slices.ContainsFunc(c.Tables[0].Rows, func(r finding.Row) bool { return len(r.Names) > 0 && r.Names[0] == said[0] }) && said[0] != c.Winners[0]
}

// direction turns more and less into good and bad, by the metric.
func direction(s sense, metric string) string {
	if s.class == optimal {
		return good
	}
	f := fact.Fact{Metric: metric}
	switch {
	case s.arg == good || s.arg == bad:
		return s.arg
	case neutral(f):
		return ""
	case (s.arg == up) == higherIsBetter(f):
		return good
	}
	return bad
}

// metricAfter reports whether the metric that stands behind a word is the
// finding's, if one stands there.
func (l *line) metricAfter(at, to int, c *claim) bool {
	for _, t := range l.toks[at+1 : to] {
		if t.kind == slotToken {
			break
		}
		if t.sense.class == metricWord {
			return fits(t.sense.arg, fact.Fact{Metric: c.Metric})
		}
	}
	return true
}

func unscoped(all []string, scope map[string]string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(n string) bool { return scoped(n, scope) || n == "cold" || n == "warm" })
}

func (l *line) chooses(at int) bool {
	from, to := l.clause(at)
	return l.carried(func(c *claim) bool {
		if c.Verdict != finding.Better || len(c.Winners) == 0 {
			return false
		}
		said, _ := l.apart(at, to)
		if said = unscoped(said, c.Scope); len(said) == 0 {
			said = unscoped(names(l.toks[from:at]), c.Scope)
		}
		return len(said) > 0 && !slices.ContainsFunc(said, func(n string) bool { return !slices.Contains(c.Winners, n) && n != c.Pick })
	})
}

// compares judges "A is faster than B": a ratio must carry every pair.
func (l *line) compares(at int) bool {
	all := l.ratios()
	from, to := l.clause(at)
	within := func(in []string) []string {
		return slices.DeleteFunc(slices.Clone(in), func(n string) bool {
			return slices.ContainsFunc(all, func(f fact.Fact) bool {
				a, b, _ := sides(f)
				return n != a && n != b && scoped(n, f.Scope)
			})
		})
	}
	subjects, against := l.apart(from, at)
	subjects, against = within(subjects), within(against)
	others := within(l.saidNames(at, to))
	if len(others) == 0 {
		others = without(against, subjects...)
	}
	if len(others) == 0 {
		others = without(within(l.saidNames(0, len(l.toks))), subjects...)
	}
	if len(subjects) == 0 || len(others) == 0 {
		return false
	}
	for _, a := range subjects {
		for _, b := range others {
			if !slices.ContainsFunc(all, func(f fact.Fact) bool { return l.ahead(f, a, b, at) }) {
				return false
			}
		}
	}
	return true
}

// against are the words behind which stands what something is compared with.
var against = []string{"than", "over", "against", "versus", "compared with", "compared to", "relative to", "instead of", "rather than"}

// apart divides the names of a stretch: those that it is about, and those that it
// is compared with.
func (l *line) apart(from, to int) (about, others []string) {
	behind := false
	for i := from; i < to; i++ {
		t := l.toks[i]
		said := l.saidNames(i, i+1)
		switch {
		case len(said) > 0 && behind:
			others = append(others, said...)
		case len(said) > 0:
			about = append(about, said...)
		case t.kind == wordToken && slices.Contains(against, strings.ToLower(t.text)):
			behind = true
			continue
		case t.kind == wordToken && (isFunction(t.text) || strings.EqualFold(t.text, "a")):
			continue // "than that of"
		}
		behind = false
	}
	return about, others
}

// saidNames are the names of a stretch, with words that name a side.
func (l *line) saidNames(from, to int) []string {
	out := names(l.toks[from:to])
	for _, t := range l.toks[from:to] {
		if t.kind == wordToken && strings.EqualFold(t.text, "baseline") {
			out = append(out, "baseline")
		}
	}
	return out
}

// ahead reports whether a ratio shows a against b in the direction of a word. A
// ratio that the sentence prints must be that of a by b, or it would be misread.
func (l *line) ahead(f fact.Fact, a, b string, at int) bool {
	of, to, ok := sides(f)
	if !ok {
		return false
	}
	more, better := way(f)
	switch {
	case of == a && to == b:
	case of == b && to == a && !l.prints(f.ID):
		more, better = !more, !better
	default:
		return false
	}
	_, end := l.clause(at)
	if !l.metricAfter(at, end, &claim{Finding: finding.Finding{Metric: f.Metric}}) {
		return false
	}
	switch l.toks[at].sense.arg {
	case up:
		return more
	case down:
		return !more
	case good:
		return better && !neutral(f)
	}
	return !better && !neutral(f)
}

func (l *line) prints(id string) bool {
	return slices.ContainsFunc(l.toks, func(t token) bool { return t.kind == slotToken && t.item.ID == id })
}
