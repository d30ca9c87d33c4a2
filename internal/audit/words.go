package audit

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/pattern"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

var (
	superlative  = pattern.MustCompile(`(?i)\b(?:highest|lowest|best|worst|fastest|slowest|quickest|largest|smallest|greatest|shortest|longest|leads|tops|winner|most (?:efficient|stable|sensitive|consistent|accurate|compact|reliable)|least (?:stable|sensitive|efficient))\b`)
	optimal      = pattern.MustCompile(`(?i)\b(?:optimal|ideal|perfect)\b`)
	muchOf       = pattern.MustCompile(`(?i)\bsignificant\w* (?:amount|portion|number|focus|investment|activity|concentration|part|bottleneck|variation|share|collection|effort|research|skew)`)
	asserts      = pattern.MustCompile(`(?i)\b(?:is|are|was|were|offers?|provides?|delivers?|achieves?|gives?|yields?|shows?|remains?)\b`)
	promising    = pattern.MustCompile(`(?i)\b(?:shows? (?:great )?promise|promising|excellent|superior|outstanding)\b`)
	comparing    = pattern.MustCompile(`(?i)\b(?:higher|lower|faster|slower|better|worse|larger|smaller|greater|shorter|longer|more|less|fewer|outperforms?|beats|exceeds)\b`)
	significant_ = pattern.MustCompile(`(?i)\b(?:statistically )?significant(?:ly)?\b`)
	causal       = pattern.MustCompile(`(?i)\b(?:impacts?|affects?|influences?|critical|crucial|drives?|determines?|depends? on|because of|due to|sensitive to|matters)\b`)
	proportion   = pattern.MustCompile(`(?i)\b(?:proportional to|linear(?:ly)? (?:in|with)|scales? (?:linearly )?with|correlat\w+ (?:with|between)|grows with)\b`)
	steady       = pattern.MustCompile(`(?i)\b(?:consistent|stable|steady|uniform|reliable)\b`)
	universal    = pattern.MustCompile(`(?i)\b(?:all|every|each|always|both|across all)\b`)
	advice       = pattern.MustCompile(`(?i)\b(?:should|could|would|may|might|recommend\w*|suggest\w*|consider|optimi[sz]e|investigate|explore|whether|if|determine the|identify|implement|evaluate|please|need(?:s|ed)? to|will|can be|aim|ensure|conduct|perform|analy[sz]e the|measure|use|choose|prioriti[sz]e|understand|confirm|document|establish|track|introduce|utili[sz]e|further|focus(?:es|ed)? on|for example|e\.g)\b`)
	effectVerb   = pattern.MustCompile(`(?i)\b(?:reduc(?:e|es|ed|ing|tion)|increas(?:e|es|ed|ing)|improv(?:e|es|ed|ing|ement)|degrad(?:e|es|ed|ing|ation)|maintain(?:s|ed|ing)?|lower(?:s|ed|ing)|rais(?:e|es|ed|ing)|preserv(?:e|es|ed|ing)|decreas(?:e|es|ed|ing))\b`)
)

// sentence judges the words of one sentence.
func (s *session) sentence(p *claim.Passage, text string, span claim.Span, c context) {
	t := text[span.Start:span.End]
	s.definitions(p, t, span)
	s.provenance(p, t)
	s.fileOrder(p, t, span, c)
	s.runIDs(p, t, span)
	if advice.MatchString(t) || strings.HasSuffix(strings.TrimSpace(t), "?") || len(strings.Fields(t)) < 2 {
		return
	}
	if s.carried(p, span) {
		return
	}
	w := words{s: s, p: p, text: text, sentence: t, span: span, c: c}
	w.things = within_(c.found.things, span)
	for _, f := range c.found.factors {
		if f.start >= span.Start && f.end <= span.End {
			w.factors = append(w.factors, f)
		}
	}
	for _, m := range c.found.metrics {
		if m.start >= span.Start && m.end <= span.End {
			w.metrics = append(w.metrics, m)
		}
	}
	w.judge()
}

func within_(in []mention, span claim.Span) (out []mention) {
	for _, m := range in {
		if m.start >= span.Start && m.end <= span.End {
			out = append(out, m)
		}
	}
	return out
}

// words is one sentence and what it names.
type words struct {
	s        *session
	p        *claim.Passage
	text     string // of the passage
	sentence string
	span     claim.Span
	c        context
	things   []mention
	factors  []factorMention
	metrics  []metricMention
}

func (w *words) say(kind Kind, v Verdict, why, truth string, facts ...fact.Fact) {
	start, end := w.p.Start+w.span.Start, w.p.Start+w.span.End
	w.s.sayWords(w.p, start, end, kind, v, why, truth, facts...)
}

func (w *words) judge() {
	switch {
	case superlative.MatchString(w.sentence):
		w.superlative()
	case optimal.MatchString(w.sentence) && asserts.MatchString(w.sentence) && len(w.strong()) > 0:
		w.say(Judgement, Unverifiable, "optimal by which measure, the report does not declare", "")
	}
	if significant_.MatchString(w.sentence) && !leveled.MatchString(w.sentence) && !muchOf.MatchString(w.sentence) {
		w.significance()
	} else if causal.MatchString(label.ReplaceAllString(w.sentence, "")) && !strings.HasSuffix(strings.TrimRight(w.sentence, "* "), ":") && !strings.Contains(strings.ToLower(w.sentence), "more than") {
		w.causal()
	}
	if m := proportion.FindString(w.sentence); m != "" {
		w.proportion(m)
	}
	if steady.MatchString(w.sentence) && !superlative.MatchString(w.sentence) {
		w.steady()
	}
	if comparing.MatchString(w.sentence) {
		w.comparison()
	}
	if effectVerb.MatchString(w.sentence) {
		w.effect()
	}
	if promising.MatchString(w.sentence) && !superlative.MatchString(w.sentence) {
		w.say(Judgement, Unverifiable, "a judgement without a measure", "")
	}
}

// label is the bold name that a line begins with.
var label = pattern.MustCompile(`^[\s\-*•>]*(?:\d+[.)]\s*)?\*\*[^*]{1,60}:\*\*`)

// strong are the things of everyday measure that a sentence names.
func (w *words) strong() []mention {
	var out []mention
	for _, m := range w.things {
		if !m.weak {
			out = append(out, m)
		}
	}
	return out
}

// margin is the share below which a difference does not matter in practice.
const margin = 0.05

func (w *words) scope() scope {
	sc := scope{}
	taken := labelsTaken{}
	for _, m := range w.strong() {
		if taken.free(m) {
			taken.take(m)
			sc.hard = append(sc.hard, m)
		}
	}
	for _, l := range w.c.outer {
		for _, m := range l.found.things {
			if !m.weak && taken.free(m) {
				taken.take(m)
				sc.hard = append(sc.hard, m)
			}
		}
	}
	for _, m := range w.metrics {
		if len(w.s.series_(m.series)) > 0 {
			sc.series, sc.named, sc.metric = m.series, true, m.words
			break
		}
	}
	return sc
}

// causal judges "X is critical for Y": the parameter's effect must be of a
// size that matters, and no accident of the order of runs.
func (w *words) causal() {
	sc := w.scope()
	for _, f := range w.factors {
		effects := w.s.effects(sc, f)
		if len(effects) == 0 {
			continue
		}
		if w.s.open() && !sc.named || holdsValue(w.text, f) {
			w.say(Causal, Unverifiable, "an effect on what, the rows do not measure", "")
			return
		}
		if denied.MatchString(w.sentence) {
			w.denial(effects)
			return
		}
		w.effectVerdict(effects, Causal)
		return
	}
	if len(w.factors) > 0 && len(w.metrics) > 0 {
		w.say(Causal, Unverifiable, "that parameter was not varied in these rows", "")
	}
}

var denied = pattern.MustCompile(`(?i)\b(?:minimal(?:ly)?|no|little|negligibl[ey]|not|barely|hardly|without|marginal(?:ly)?|unaffected)\b`)

// denial judges "X has no impact": no effect may reach the margin.
func (w *words) denial(effects []effect) {
	for _, e := range effects {
		if e.share >= margin && !(e.p > 0.05) {
			w.say(Causal, Contradicted, fmt.Sprintf("for %s the means of its levels lie %.2g %% apart", cmpOr(e.subject, "one"), e.share*100), listEffects(effects))
			return
		}
	}
	w.say(Causal, Supported, fmt.Sprintf("no effect reaches %g %% in warm rows", margin*100), listEffects(effects))
}

func (w *words) effectVerdict(effects []effect, kind Kind) {
	small, confounded := 0, true
	for _, e := range effects {
		if e.share < margin || !math.IsNaN(e.p) && e.p > 0.05 {
			small++
		}
		confounded = confounded && !e.random
	}
	truth := listEffects(effects)
	switch {
	case small == len(effects) || small > 0 && universal.MatchString(w.sentence):
		why := fmt.Sprintf("for %d of %d the effect is below %g %% or no test finds it", small, len(effects), margin*100)
		if c := effects[0].cold; c != "" {
			why += fmt.Sprintf("; all cold rows lie on the level %s, so what it seems to do is the load", c)
		}
		w.say(kind, Contradicted, why, truth)
	case confounded:
		w.say(kind, Unverifiable, "the order of the runs was not randomised: drift may look like an effect", truth)
	default:
		w.say(kind, Supported, "the effect is larger than the margin, in randomised order", truth)
	}
}

// significance judges the word by a test.
func (w *words) significance() {
	low := strings.ToLower(w.sentence)
	negated := containsAny(low, "not significant", "n't significant", "not statistically", "n't statistically", "n't always", "not always", "no significant", "insignificant")
	sc := w.scope()
	for _, f := range w.factors {
		if effects := w.s.effects(sc, f); len(effects) > 0 {
			w.significantEffects(effects, negated)
			return
		}
	}
	if len(w.metrics) == 0 {
		if containsAny(low, "statistically") || containsAny(low, "accelerat", "speedup", "faster", "slower") && len(w.things) > 0 {
			w.say(Significance, Unverifiable, "no test of it was run", "")
		}
		return
	}
	for _, i := range w.s.series_(w.metrics[0].series) {
		if w.testThings(i, sc, negated) {
			return
		}
	}
	w.say(Significance, Unverifiable, "the rows compare nothing that could be tested", "")
}

func (w *words) significantEffects(effects []effect, negated bool) {
	found := 0
	for _, e := range effects {
		if e.p <= 0.05 {
			found++
		}
	}
	truth := listEffects(effects)
	switch {
	case negated == (found == 0):
		w.say(Significance, Supported, "Kruskal-Wallis over warm rows", truth)
	case found == 0:
		why := "no test over warm rows finds it"
		if effects[0].cold != "" {
			why += fmt.Sprintf("; every cold row lies on the level %s", effects[0].cold)
		}
		w.say(Significance, Contradicted, why, truth)
	case found < len(effects) && !negated:
		w.say(Significance, Misleading, fmt.Sprintf("for %d of %d only", found, len(effects)), truth)
	default:
		w.say(Significance, Contradicted, "a test over warm rows finds it", truth)
	}
}

// testThings tests a metric between things: those named, or all of a label.
func (w *words) testThings(i int, sc scope, negated bool) bool {
	low := strings.ToLower(w.sentence)
	for _, label := range compared {
		if !w.s.labelsOf(i)[label] {
			continue
		}
		var named []string
		var keep []mention
		for _, m := range w.weakThings() {
			if vs := m.values(label); len(vs) > 0 {
				named = append(named, vs...)
			} else if !m.weak {
				keep = append(keep, m)
			}
		}
		if len(named) == 0 && !strings.Contains(low, "between") {
			continue
		}
		g, _ := w.s.rowsOf(i, keep, w.s.sources)
		sides := w.s.split(w.s.warmOrAll(g), []string{label}, nil)
		if len(named) == 1 {
			named = append(named, w.s.baselines(i, label, named)...)
		}
		var groups [][]float64
		var names []string
		for _, side := range sides {
			if v := side.Scope[label]; v != "" && (len(named) == 0 || slices.Contains(named, v)) {
				groups, names = append(groups, w.s.valuesOf(side)), append(names, v)
			}
		}
		if len(groups) < 2 {
			continue
		}
		w.testGroups(i, names, groups, negated)
		return true
	}
	return false
}

func (m memory) warmOrAll(g fact.Group) fact.Group {
	if w := m.warmOnly(g); len(w.Rows) > 0 {
		return w
	}
	return g
}

func (w *words) testGroups(i int, names []string, groups [][]float64, negated bool) {
	ser := w.s.series[i]
	list := strings.Join(names, ", ")
	small := slices.ContainsFunc(groups, func(g []float64) bool { return len(g) < 2 })
	p, how := math.NaN(), ""
	switch {
	case small && ser.Unit == unit.Ratio && len(groups) == 2:
		k, n, ok := smallestCounts(groups[0][0], groups[1][0])
		if ok {
			if test, err := stats.FisherExact(k[0], n, k[1], n); err == nil {
				p, how = test.P, fmt.Sprintf("Fisher, %d and %d of %d, the smallest counts with these shares; the number of trials is not recorded", k[0], k[1], n)
			}
		}
	case !small:
		if test, err := stats.KruskalWallis(groups); err == nil {
			p, how = test.P, "Kruskal-Wallis over warm rows"
		}
	}
	truth := fmt.Sprintf("%s: p = %.2g (%s)", list, p, how)
	switch {
	case math.IsNaN(p):
		w.say(Significance, Unverifiable, "one value each: no test is possible", "")
	case (p <= 0.05) != negated:
		w.say(Significance, Supported, "the test finds it", truth)
	default:
		w.say(Significance, Contradicted, "the test does not bear it out", truth)
	}
}

// smallestCounts finds the smallest n for which two shares are whole counts.
func smallestCounts(a, b float64) (k [2]int, n int, ok bool) {
	for n = 2; n <= 1000; n++ {
		x, y := a*float64(n), b*float64(n)
		if math.Abs(x-math.Round(x)) < 1e-6 && math.Abs(y-math.Round(y)) < 1e-6 && a >= 0 && a <= 1 && b >= 0 && b <= 1 {
			return [2]int{int(math.Round(x)), int(math.Round(y))}, n, true
		}
	}
	return k, 0, false
}

// proportion judges a law of growth: the other quantity must have been varied.
func (w *words) proportion(what string) {
	sc := w.scope()
	for _, f := range w.factors {
		if effects := w.s.effects(sc, f); len(effects) > 0 && sc.named {
			w.effectVerdict(effects, Causal)
			return
		}
	}
	if len(w.factors) > 0 && !sc.named {
		w.say(Causal, Unverifiable, fmt.Sprintf("%q of what, the rows do not measure", strings.ToLower(what)), "")
		return
	}
	w.say(Causal, Unverifiable, fmt.Sprintf("%q of something that was not varied in these rows", strings.ToLower(what)), "")
}

// steady judges "consistent" and "stable" by the coefficient of variation.
func (w *words) steady() {
	var series []int
	for _, m := range w.metrics {
		series = append(series, m.series...)
	}
	if strings.Contains(strings.ToLower(w.sentence), "performance") {
		series = append(series, w.s.speedSeries()...)
		series = append(series, w.s.vocab.metrics["ttft"]...)
	}
	if leveled.MatchString(w.sentence) {
		return // it is said of a level
	}
	var printed []int
	for _, q := range claim.Quantities(w.sentence, nil) {
		for _, i := range series {
			if q.HasUnit && w.s.series[i].Unit == q.Dim.Unit {
				printed = append(printed, i)
			}
		}
	}
	if len(printed) > 0 {
		series = printed // the number beside the word says what is steady
	}
	if len(series) == 0 {
		return
	}
	slices.Sort(series)
	series = slices.Compact(series)
	sc := w.scope()
	worst, calmest, judged := 0.0, math.Inf(1), false
	var list []string
	for _, i := range series {
		ser := w.s.series[i]
		if ser.said || w.s.unmet(i, w.strong()) || w.s.unmet(i, sc.hard) {
			continue
		}
		if ser.agg == "mean" {
			if cv, what := w.storedCV(i, sc); what != "" {
				worst, judged, list = max(worst, cv), true, append(list, what)
			}
			continue
		}
		if ser.agg != "" {
			continue
		}
		g, _ := w.s.rowsOf(i, sc.hard, w.s.sources)
		for _, part := range w.s.split(g, []string{"subject", "file"}, nil) {
			f, err := w.s.fact(part, "cv")
			if v, ok := f.Value.Get(); err == nil && ok && f.N >= 3 && w.s.pooledIn(part) == "" {
				worst, calmest, judged = max(worst, v), min(calmest, v), true
				if v > margin {
					list = append(list, fmt.Sprintf("%s: cv %.0f %%", w.s.nameOf(part), v*100))
				}
			}
		}
	}
	switch {
	case !judged:
		return
	case worst > margin && calmest <= margin && w.s.open() && len(w.strong()) == 0 && !universal.MatchString(w.sentence):
		w.say(Universal, Unverifiable, "some rows are, and some are not; of which it is said, nobody says", strings.Join(list[:min(len(list), 6)], "; "))
	case worst > margin:
		w.say(Universal, Contradicted, fmt.Sprintf("a coefficient of variation above %g %% is not consistent", margin*100), strings.Join(list[:min(len(list), 6)], "; "))
	default:
		w.say(Universal, Supported, "every coefficient of variation is small", fmt.Sprintf("at most %.2g %%", worst*100))
	}
}

// storedCV is the spread of a stored mean by the stored standard deviation.
func (w *words) storedCV(i int, sc scope) (float64, string) {
	ser := w.s.series[i]
	g, applied := w.s.rowsOf(i, sc.hard, w.s.sources)
	if applied == 0 {
		return 0, ""
	}
	worst, what := 0.0, ""
	for k, row := range g.Rows {
		mean, ok := g.Cells[k].Value.Get()
		if !ok || mean == 0 {
			continue
		}
		for _, o := range w.s.series {
			if o.base == ser.base && o.agg == "sd" {
				if c, ok := row.Cell(o.Name); ok {
					if sd, ok := c.Value.Get(); ok && sd/mean > worst {
						worst, what = sd/mean, fmt.Sprintf("%s: cv %.0f %%", w.s.nameOf(fact.Group{Series: ser.Series, Rows: []*fact.Row{row}}), sd/mean*100)
					}
				}
			}
		}
	}
	return worst, what
}
