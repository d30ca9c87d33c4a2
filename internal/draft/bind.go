package draft

import (
	"fmt"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

// bind holds every number to the things, the metric, the aggregate and the phase
// that the sentence names beside it: a right number of the wrong thing is wrong.
func (l *line) bind() error {
	for _, n := range names(l.toks) {
		if !l.known(n) {
			return fmt.Errorf("no fact of the sentence is about %q", safe(n))
		}
	}
	for i, t := range l.toks {
		if t.kind != slotToken || t.as == AsWhat || t.as == AsOf {
			continue
		}
		if err := l.bound(i, t.item); err != nil {
			return err
		}
	}
	return nil
}

// known reports whether something that the sentence stands on is about a name.
func (l *line) known(name string) bool {
	if name == "cold" || name == "warm" {
		return true // judged by its own price
	}
	return slices.ContainsFunc(l.facts(), func(x *item) bool { return slices.Contains(x.identity, name) }) ||
		l.carried(func(c *claim) bool { return c.names[name] })
}

// bound checks one printed fact.
func (l *line) bound(i int, x *item) error {
	if as := form(x.Fact, l.toks[i].as); as == finding.AsN || as == finding.AsPlanned {
		if l.counts(i) {
			return l.countOf(i, x)
		}
		l.toks[i].as = ""
	}
	if !x.Value.OK() {
		return fmt.Errorf("%s has no value: say that it was not measured", x.id)
	}
	if err := l.ofThings(i, x); err != nil {
		return err
	}
	if !l.ofMetric(i, x.Fact) {
		return fmt.Errorf("%s is the %s, and the words beside it name another metric", x.id, what(x.Fact))
	}
	if !l.ofAggregate(i, x.Fact) {
		return fmt.Errorf("%s is the %s: say so, for example with {{%s|what}}", x.id, what(x.Fact), x.id)
	}
	if !l.ofPhase(i, x.Fact) {
		return fmt.Errorf("%s is of %s requests: say so, and no other", x.id, phaseWord(x.Phase))
	}
	return nil
}

// counted are what a number of rows is a number of.
var counted = map[string]bool{"requests": true, "rows": true, "values": true, "calls": true, "samples": true, "repeats": true, "measurements": true, "runs": true, "planned": true}

// counts reports whether a number of rows stands where one is read as such:
// behind "n =", or before what is counted.
func (l *line) counts(i int) bool {
	if i > 1 && l.toks[i-1].text == "=" && strings.EqualFold(l.toks[i-2].text, "n") {
		return true
	}
	return i+1 < len(l.toks) && counted[strings.ToLower(l.toks[i+1].text)]
}

// countOf checks whose rows are counted: of the number before it, or of the
// things named.
func (l *line) countOf(i int, x *item) error {
	for k := i - 1; k >= 0; k-- {
		if t := l.toks[k]; t.kind == slotToken && t.as != AsWhat && t.as != AsOf {
			if t.item == x {
				return nil
			}
			break
		}
	}
	return l.ofThings(i, x)
}

// ofThings checks that a fact stands with the names of what it is of.
func (l *line) ofThings(i int, x *item) error {
	of, to, pair := sides(x.Fact)
	if pair {
		if !l.says(of) || !l.says(to) {
			return fmt.Errorf("%s is %s by %s: name both", x.id, safe(of), safe(to))
		}
		if !l.inOrder(i, of, to) {
			return fmt.Errorf("%s is %s by %s: name them in that order", x.id, safe(of), safe(to))
		}
	}
	for k := range x.Scope {
		name := nameOf(k, x.Scope)
		if name == "" || !l.s.varied[k] || pair && (name == of || name == to) || k == "factor" && x.Aggregate == "p" && l.says("prompt") {
			continue
		}
		if !l.says(name) {
			return fmt.Errorf("%s is of %s: name it, for example with {{%s|of}}", x.id, safe(name), x.id)
		}
		others := l.s.alternatives(k)
		if x.Scope["against"] == "" && !pair && (l.nearest(i, others) != name || lastOfSeveral(l.toks[:i], name, others)) {
			return fmt.Errorf("%s is of %s, and another name stands nearer", x.id, safe(name))
		}
	}
	return nil
}

// who are the scope keys that hold what is compared: their values are
// alternatives to each other.
var who = []string{"of", "to", "subject", "against", "agent", "role", "backend", "operation", "method"}

// alternatives are the names that could stand where a key's name stands.
func (s *Sheet) alternatives(key string) map[string]bool {
	keys := []string{key}
	if slices.Contains(who, key) {
		keys = who
	}
	out := map[string]bool{}
	for _, x := range s.facts {
		for _, k := range keys {
			if name := nameOf(k, x.Scope); name != "" {
				out[name] = true
			}
		}
	}
	return out
}

// nearest is, of some names, the one that stands right behind a number ("… for
// it"), or the last before it, or the first after it.
func (l *line) nearest(i int, some map[string]bool) string {
	for k := i + 1; k < min(i+4, len(l.toks)); k++ {
		if said := names(l.toks[k : k+1]); len(said) > 0 {
			if some[said[0]] {
				return said[0]
			}
			break
		}
		if !slices.Contains([]string{"for", "of", "with", "on", "when", "if", "in", "using"}, strings.ToLower(l.toks[k].text)) {
			break
		}
	}
	before := slices.DeleteFunc(names(l.toks[:i]), func(n string) bool { return !some[n] })
	if len(before) > 0 {
		return before[len(before)-1]
	}
	after := slices.DeleteFunc(l.saidNames(i, len(l.toks)), func(n string) bool { return !some[n] })
	if len(after) > 0 {
		return after[0]
	}
	return l.wordName(some)
}

// wordName finds a name that is said as a plain word ("error").
func (l *line) wordName(some map[string]bool) string {
	for _, t := range l.toks {
		if low := strings.ToLower(t.text); t.kind == wordToken && some[low] {
			return low
		}
	}
	return ""
}

// inOrder reports whether a ratio stands as "of has so many times that of to":
// the first name of its clause, or of the sentence, is of; the name that follows
// without a stop between, or else the last before it, is to.
func (l *line) inOrder(i int, of, to string) bool {
	some := l.s.alternatives("of")
	some[of], some[to], some["baseline"] = true, true, true
	only := func(in []string) []string {
		return slices.DeleteFunc(in, func(n string) bool { return !some[n] })
	}
	from, _ := l.clause(i)
	about, others := l.apart(from, i)
	if about = only(about); len(about) == 0 {
		from = 0
		about, others = l.apart(0, i)
		about = only(about)
	}
	if len(about) == 0 || about[0] != of || joint(l.toks[from:i], of) {
		return false
	}
	stop := i + 1
	for stop < len(l.toks) && l.toks[stop].kind != markToken && l.toks[stop].kind != slotToken && !conjoins(l.toks[stop]) {
		stop++
	}
	if after := only(l.saidNames(i, stop)); len(after) > 0 {
		return after[0] == to
	}
	before := only(l.saidNames(from, i))
	if last := before[len(before)-1]; last != of {
		return last == to
	}
	others = only(others)
	return len(others) > 0 && others[len(others)-1] == to // "compared with B, A has so many times"
}

// joint reports whether a name is said as one of several at once ("A and B").
func joint(toks []token, name string) bool {
	for i := 2; i < len(toks); i++ {
		if toks[i].kind == nameToken && conjoins(toks[i-1]) && toks[i-2].kind == nameToken && toks[i-2].name == name {
			return true
		}
	}
	return false
}

// lastOfSeveral reports whether a name is said as the last of several at once.
func lastOfSeveral(toks []token, name string, others map[string]bool) bool {
	for i := 2; i < len(toks); i++ {
		before, last := names(toks[i-2:i-1]), names(toks[i:i+1])
		if conjoins(toks[i-1]) && slices.Contains(last, name) && len(before) > 0 && before[0] != name && others[before[0]] {
			return true
		}
	}
	return false
}

// ofMetric checks the word for a metric that stands nearest before a number, or
// first after it.
func (l *line) ofMetric(i int, f fact.Fact) bool {
	fit := func(t token) (is, fit bool) {
		switch {
		case t.kind == wordToken && t.sense.class == metricWord:
			return true, fits(t.sense.arg, f)
		case t.kind == slotToken && t.as == AsWhat:
			return true, t.item.Metric == f.Metric && (t.item.Aggregate == f.Aggregate || isRatio(f) || f.Aggregate == "p")
		}
		return false, false
	}
	for k := i - 1; k >= 0; k-- {
		if is, ok := fit(l.toks[k]); is {
			two := k > 1 && conjoins(l.toks[k-1]) && l.toks[k-2].sense.class == metricWord
			return ok && !two
		}
	}
	for _, t := range l.toks[i+1:] {
		if is, ok := fit(t); is {
			return ok
		}
	}
	return true
}

// ofAggregate checks the word for an aggregate before a number, up to the
// number before it. One that is not typical of the values must be named.
func (l *line) ofAggregate(i int, f fact.Fact) bool {
	for k := i - 1; k >= 0; k-- {
		t := l.toks[k]
		switch {
		case t.kind == wordToken && t.sense.class == aggregate:
			return slices.Contains(aggregates[t.sense.arg], f.Aggregate)
		case t.kind == slotToken && t.as == AsWhat:
			return true // ofMetric compared it
		case t.kind == slotToken && t.as != AsOf:
			return plainAggregates[f.Aggregate]
		}
	}
	return plainAggregates[f.Aggregate] || f.Aggregate == "range" && l.has(cause) // it changes by so much
}

// ofPhase checks that a cold number is called cold, and no warm one is.
func (l *line) ofPhase(i int, f fact.Fact) bool {
	if f.Phase != sample.Cold && f.Phase != sample.Measure || isRatio(f) {
		return true
	}
	some := map[string]bool{"cold": true, "warm": true}
	said := l.nearest(i, some)
	if lastOfSeveral(l.toks, said, some) {
		return false
	}
	return said == "" && f.Phase == sample.Measure || said == phaseWord(f.Phase)
}

func phaseWord(p sample.Phase) string {
	if p == sample.Cold {
		return "cold"
	}
	return "warm"
}
