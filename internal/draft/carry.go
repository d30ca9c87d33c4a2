package draft

import (
	"math"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

// tests judges "significant" by a test's p: a fact of the sentence, or one that
// a finding behind it prints.
func (l *line) tests(at int) bool {
	found := l.toks[at].sense.arg == yes
	ok := func(f fact.Fact) bool {
		p, has := f.Value.Get()
		return f.Aggregate == "p" && has && (p < finding.Alpha) == found && l.covers(f)
	}
	if slices.ContainsFunc(l.facts(), func(x *item) bool { return ok(x.Fact) }) {
		return true
	}
	return l.carried(func(c *claim) bool {
		return slices.ContainsFunc(c.Sentence.Facts(), func(id string) bool {
			f, known := l.s.known(id)
			return known && ok(f)
		})
	})
}

// covers reports whether a fact's scope has every name that the sentence says.
func (l *line) covers(f fact.Fact) bool {
	own := identity(f)
	for _, n := range names(l.toks) {
		if !slices.Contains(own, n) && n != "cold" && n != "warm" && f.Scope["subject"] != n {
			return false
		}
	}
	return true
}

// steadyCV is the variation up to which a thing counts as steady (package
// finding has the same).
const steadyCV = 0.05

func (l *line) steady(at int) bool {
	want := finding.Better
	if l.toks[at].sense.arg == no {
		want = finding.Worse
	}
	said := names(l.toks)
	if len(said) == 0 {
		return l.carried(func(c *claim) bool { return c.Kind == finding.Stability && c.Verdict == want }) && l.has(universal)
	}
	for _, n := range said {
		byFinding := l.carried(func(c *claim) bool { return c.Kind == finding.Stability && c.Verdict == want && c.names[n] })
		byFact := want == finding.Better && slices.ContainsFunc(l.facts(), func(x *item) bool {
			return (x.Aggregate == "cv" || x.Aggregate == "cv_within") && x.Hi.Or(math.Inf(1)) <= steadyCV && slices.Contains(x.identity, n)
		})
		if !byFinding && !byFact {
			return false
		}
	}
	return true
}

// trends judges "grows with" by a slope whose interval has one sign.
func (l *line) trends(at int) bool {
	return slices.ContainsFunc(l.facts(), func(x *item) bool {
		lo, okLo := x.Lo.Get()
		hi, okHi := x.Hi.Get()
		if x.Aggregate != "slope" && x.Aggregate != "trend" || !okLo || !okHi || lo*hi <= 0 || !l.covers(x.Fact) {
			return false
		}
		switch rising[strings.ToLower(l.toks[at].text)] {
		case up:
			return lo > 0
		case down:
			return hi < 0
		}
		return true
	})
}

// rising says which way a word of growth points; the others say only that there
// is a trend.
var rising = map[string]string{"increases": up, "increase": up, "increasing": up, "grows": up, "grow": up, "growing": up, "rises": up, "rise": up, "rising": up, "raises": up, "raise": up,
	"decreases": down, "decrease": down, "decreasing": down, "falls": down, "fall": down, "falling": down, "drops": down, "drop": down, "reduces": down, "reduce": down, "reducing": down,
	"proportional": up}

// causes judges "because of X" by what package finding asks of the word, and an
// effect that matters.
func (l *line) causes(at int) bool {
	beyond := 0.0
	if word := strings.ToLower(l.toks[at].text); word == "critical" || word == "crucial" {
		beyond = finding.Margin
	}
	return l.carried(func(c *claim) bool {
		factor := c.Scope["factor"]
		switch {
		case c.Kind == finding.PromptEffect:
			factor = "prompt"
			if !l.says(factor) && !l.says("prompts") {
				return false
			}
		case c.Kind != finding.Sensitivity || !l.says(factor):
			return false
		}
		return c.Verdict == finding.Better && passed(c, finding.OrderRandomised) && !failedCheck(c, finding.Unaliased) && l.about(c) && l.matters(c, beyond)
	})
}

func passed(c *claim, id finding.CheckID) bool {
	return slices.ContainsFunc(c.Checks, func(x finding.Check) bool { return x.ID == id && x.Status == finding.Pass })
}

func failedCheck(c *claim, id finding.CheckID) bool {
	return slices.ContainsFunc(c.Checks, func(x finding.Check) bool { return x.ID == id && x.Status == finding.Fail })
}

// matters reports an effect of at least the margin; its interval must lie beyond.
func (l *line) matters(c *claim, beyond float64) bool {
	return slices.ContainsFunc(c.Sentence.Facts(), func(id string) bool {
		f, ok := l.s.known(id)
		return ok && f.Aggregate == "range" && f.Value.Or(0) >= 1+finding.Margin && f.Lo.Or(0) > 1+beyond
	})
}

// all judges a universal word: with a word that says a verdict, every finding
// that asks the same must have that verdict; "both" is about two names; and a
// fact of all planned rows is one of all of them.
func (l *line) all(at int) bool {
	if strings.EqualFold(l.toks[at].text, "both") {
		return len(distinct(names(l.toks))) == 2
	}
	for _, v := range []struct {
		class    class
		verdicts []finding.Verdict
	}{{steadiness, []finding.Verdict{finding.Better, finding.Worse}}, {sameness, []finding.Verdict{finding.Same}}, {notMeasured, []finding.Verdict{finding.NotMeasured}},
		{notComparable, []finding.Verdict{finding.NotComparable}}} {
		if l.has(v.class) {
			return l.carried(func(c *claim) bool {
				peers := l.s.peers[peerKey(c.Finding)]
				return slices.Contains(v.verdicts, c.Verdict) && len(peers) == 1 && peers[c.Verdict] > 1
			})
		}
	}
	if l.has(superlative) || l.has(comparative) || l.has(cause) || l.has(significant) || l.has(optimal) || l.has(failure) || l.has(undecided) {
		return false
	}
	whole := l.facts()
	return len(whole) > 0 && !slices.ContainsFunc(whole, func(x *item) bool { return x.N == 0 || x.N != x.Planned })
}

func distinct(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

func (l *line) absent(int) bool {
	return l.verdict(finding.NotMeasured) || slices.ContainsFunc(l.facts(), func(x *item) bool { return !x.Value.OK() && l.covers(x.Fact) })
}

// open judges "cannot be told apart" and its like: an open verdict, or a set of
// winners that holds the names.
func (l *line) open(int) bool {
	if l.verdict(finding.Inconclusive, finding.NotComparable, finding.NotMeasured) {
		return true
	}
	return l.carried(func(c *claim) bool {
		said := unscoped(names(l.toks), c.Scope)
		return len(c.Winners) > 1 && len(said) > 1 && !slices.ContainsFunc(said, func(n string) bool { return !slices.Contains(c.Winners, n) })
	})
}

func (l *line) failed(int) bool {
	return l.carried(func(c *claim) bool { return c.Kind == finding.Failures && l.about(c) }) || slices.ContainsFunc(l.facts(), func(x *item) bool {
		return x.Aggregate == "count" && l.covers(x.Fact) && (x.Metric == "failures" || strings.Contains(x.Metric, "without a value") || x.Scope["outcome"] != "" && x.Scope["outcome"] != string(sample.OK))
	})
}

func (l *line) phased(at int) bool {
	word := l.toks[at].sense.arg
	return slices.ContainsFunc(l.facts(), func(x *item) bool {
		return x.Phase != "" && phaseWord(x.Phase) == word || x.Scope["of"] == word || x.Scope["to"] == word
	}) || slices.ContainsFunc(l.cited, func(c *claim) bool { return c.Kind == finding.ColdWarm || word == "warm" })
}

func (l *line) aggregated(at int) bool {
	wanted := aggregates[l.toks[at].sense.arg]
	return slices.ContainsFunc(l.facts(), func(x *item) bool { return slices.Contains(wanted, x.Aggregate) })
}

func (l *line) metrics(at int) bool {
	arg := l.toks[at].sense.arg
	return slices.ContainsFunc(l.facts(), func(x *item) bool { return fits(arg, x.Fact) }) ||
		slices.ContainsFunc(l.cited, func(c *claim) bool { return fits(arg, fact.Fact{Metric: c.Metric}) })
}
