package audit

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

var (
	superlative  = regexp.MustCompile(`(?i)\b(?:highest|lowest|best|worst|fastest|slowest|quickest|largest|smallest|greatest|shortest|longest|leads|tops|winner|most (?:efficient|stable|sensitive|consistent|accurate|compact|reliable)|least (?:stable|sensitive|efficient))\b`)
	optimal      = regexp.MustCompile(`(?i)\b(?:optimal|ideal|perfect)\b`)
	muchOf       = regexp.MustCompile(`(?i)\bsignificant\w* (?:amount|portion|number|focus|investment|activity|concentration|part|bottleneck|variation|share|collection|effort|research|skew)`)
	asserts      = regexp.MustCompile(`(?i)\b(?:is|are|was|were|offers?|provides?|delivers?|achieves?|gives?|yields?|shows?|remains?)\b`)
	promising    = regexp.MustCompile(`(?i)\b(?:shows? (?:great )?promise|promising|excellent|superior|outstanding)\b`)
	comparing    = regexp.MustCompile(`(?i)\b(?:higher|lower|faster|slower|better|worse|larger|smaller|greater|shorter|longer|more|less|fewer|outperforms?|beats|exceeds)\b`)
	significant_ = regexp.MustCompile(`(?i)\b(?:statistically )?significant(?:ly)?\b`)
	causal       = regexp.MustCompile(`(?i)\b(?:impacts?|affects?|influences?|critical|crucial|drives?|determines?|depends? on|because of|due to|sensitive to|matters)\b`)
	proportion   = regexp.MustCompile(`(?i)\b(?:proportional to|linear(?:ly)? (?:in|with)|scales? (?:linearly )?with|correlat\w+ (?:with|between)|grows with)\b`)
	steady       = regexp.MustCompile(`(?i)\b(?:consistent|stable|steady|uniform|reliable)\b`)
	universal    = regexp.MustCompile(`(?i)\b(?:all|every|each|always|both|across all)\b`)
	advice       = regexp.MustCompile(`(?i)\b(?:should|could|would|may|might|recommend\w*|suggest\w*|consider|investigate|explore|whether|if|determine the|identify|implement|evaluate|please|need(?:s|ed)? to|will|can be|aim|ensure|conduct|perform|analy[sz]e the|measure|use|choose|prioriti[sz]e|understand|confirm|document|establish|track|introduce|utili[sz]e|further|focus(?:es|ed)? on|for example|e\.g)\b`)
	effectVerb   = regexp.MustCompile(`(?i)\b(?:reduc(?:e|es|ed|ing|tion)|increas(?:e|es|ed|ing)|improv(?:e|es|ed|ing|ement)|degrad(?:e|es|ed|ing|ation)|maintain(?:s|ed|ing)?|lower(?:s|ed|ing)|rais(?:e|es|ed|ing)|preserv(?:e|es|ed|ing)|decreas(?:e|es|ed|ing))\b`)
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
	if significant_.MatchString(w.sentence) && !muchOf.MatchString(w.sentence) {
		w.significance()
	} else if causal.MatchString(w.sentence) {
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

// attribute is what a superlative is about.
func (w *words) attribute() (series []int, agg string, known bool) {
	low := strings.ToLower(w.sentence)
	agg = "mean"
	if containsAny(low, "stability", "stable", "consistent", "variance", "variation") {
		agg = "cv"
	}
	if at := superlative.FindStringIndex(w.sentence); at != nil {
		near := low[at[0]:min(len(low), at[1]+30)]
		for _, m := range w.metrics {
			if gap := m.start - w.span.Start - at[1]; gap >= 0 && gap < 30 && !loose[m.words] {
				near = near[:min(len(near), m.start-w.span.Start-at[0])]
				break
			}
		}
		if containsAny(near, "efficien", "quality", "compact", "valuable", "suitable") && !w.namesMetric("efficien", "quality") {
			return nil, agg, false
		}
	}
	for _, m := range w.metrics {
		if !loose[m.words] {
			return m.series, agg, true
		}
	}
	if len(w.metrics) > 0 {
		return append(slices.Clone(w.metrics[0].series), w.s.speedSeries()...), agg, true
	}
	for _, l := range w.c.outer {
		for _, m := range l.found.metrics {
			if containsAny(low, "fastest", "slowest", "best overall") || agg == "cv" {
				return m.series, agg, true
			}
		}
	}
	if containsAny(low, "fastest", "slowest", "quickest") {
		return w.s.speedSeries(), agg, true
	}
	return nil, agg, false
}

func (w *words) namesMetric(parts ...string) bool {
	return slices.ContainsFunc(w.metrics, func(m metricMention) bool { return containsAny(m.words, parts...) })
}

// speedSeries are the rates and times that say how fast a thing is.
func (s *session) speedSeries() []int {
	var out []int
	for i, ser := range s.series {
		if !ser.said && (ser.Unit == unit.TokenPerSecond || ser.base == "time" && ser.agg == "mean") {
			out = append(out, i)
		}
	}
	return out
}

// superlative judges "X has the highest Y" by the ranking of everything like X.
func (w *words) superlative() {
	if regexp.MustCompile(`(?i)\bmost sensitive\b.*\bis\b`).MatchString(w.sentence) {
		w.mostSensitive()
		return
	}
	things := w.strong()
	if len(things) == 0 {
		things = w.weakThings()
	}
	if len(things) == 0 {
		for _, l := range w.c.outer[:min(1, len(w.c.outer))] {
			for _, m := range l.found.things {
				if !m.weak {
					things = append(things, m)
				}
			}
		}
	}
	series, agg, known := w.attribute()
	low := strings.ToLower(w.sentence)
	switch {
	case len(things) == 0:
		return
	case containsAny(low, "balance", "trade-off", "tradeoff") && !w.allMeasured(things[0]):
		w.say(Judgement, Unverifiable, "a balance of things that were not all measured, by no declared weight", "")
		return
	case !known:
		w.say(Superlative, Unverifiable, "what it is best in was not measured", "")
		return
	}
	w.rank(w.chosen(things), series, agg)
}

// chosen is the thing that a superlative praises: the nearest to it.
func (w *words) chosen(things []mention) mention {
	at := superlative.FindStringIndex(w.sentence)
	best := things[0]
	distance := math.MaxInt
	for _, m := range things {
		d := abs(m.start - w.span.Start - at[0])
		if d < distance {
			best, distance = m, d
		}
	}
	return best
}

func (w *words) weakThings() []mention {
	var out []mention
	for _, m := range w.things {
		for _, t := range m.terms {
			if t.label != "file" && !soft[t.label] {
				out = append(out, m)
				break
			}
		}
	}
	return out
}

// allMeasured reports whether every quality that a balance is struck between
// is a metric of the thing's rows.
func (w *words) allMeasured(m mention) bool {
	low := strings.ToLower(w.sentence)
	for _, quality := range []string{"size", "quality", "accuracy", "memory", "cost", "efficiency", "trade"} {
		if !strings.Contains(low, quality) {
			continue
		}
		ok := false
		for _, metric := range w.metrics {
			if strings.Contains(metric.words, quality) {
				for _, i := range metric.series {
					g, applied := w.s.rowsOf(i, []mention{m}, w.s.sources)
					ok = ok || applied > 0 && len(g.Values()) > 0
				}
			}
		}
		if !ok {
			return false
		}
	}
	return len(w.metrics) > 0
}

// rank compares a thing with all that are like it.
func (w *words) rank(m mention, series []int, agg string) {
	low := strings.ToLower(w.sentence)
	for _, i := range w.s.series_(series) {
		for _, label := range comparable {
			values := m.values(label)
			if len(values) == 0 || !w.s.labelsOf(i)[label] || len(values) == len(w.s.ledger.Values(label)) {
				continue
			}
			ascending := w.ascending(low, w.s.series[i], agg)
			var others []mention
			for _, o := range w.strong() {
				if o.start != m.start && len(o.values(label)) == 0 {
					others = append(others, o)
				}
			}
			for _, l := range w.c.outer {
				for _, o := range l.found.things {
					if !o.weak && len(o.values(label)) == 0 {
						others = append(others, o)
					}
				}
			}
			g, _ := w.s.rowsOf(i, others, w.s.sources)
			all := w.s.ranking(i, g, label, agg, ascending)
			if !slices.ContainsFunc(all, func(st standing) bool { return slices.Contains(values, st.name) }) {
				continue
			}
			warm := all
			mixed := false
			if w.s.series[i].agg == "" {
				if wg := warmOnly(g); len(wg.Rows) > 0 && len(wg.Rows) < len(g.Rows) {
					warm, mixed = w.s.ranking(i, wg, label, agg, ascending), true
				}
			}
			if len(all) < 2 {
				w.say(Superlative, Unverifiable, "nothing like it was measured", "")
				return
			}
			w.rankVerdict(values, all, warm, mixed, i, agg, label, ascending)
			return
		}
	}
	w.say(Superlative, Unverifiable, "no row ranks it", "")
}

// series_ drops what an earlier program computed, and keeps of each metric the
// aggregate that ranks.
func (s *session) series_(in []int) []int {
	var out []int
	for _, i := range in {
		if !s.series[i].said && (s.series[i].agg == "" || s.series[i].agg == "mean") {
			out = append(out, i)
		}
	}
	return out
}

// ascending tells whether the first of a ranking is the smallest.
func (w *words) ascending(low string, ser series, agg string) bool {
	better := ser.better()
	if agg == "cv" {
		return !containsAny(low, "lowest stability", "least stable", "worst")
	}
	switch {
	case containsAny(low, "highest", "largest", "greatest", "longest"):
		return false
	case containsAny(low, "lowest", "smallest", "shortest"):
		return true
	case containsAny(low, "worst", "slowest"):
		return better == metric.Higher
	}
	return better == metric.Lower
}

func (w *words) rankVerdict(values []string, all, warm []standing, mixed bool, i int, agg, label string, ascending bool) {
	ser := w.s.series[i]
	first := func(in []standing) bool { return len(in) > 0 && slices.Contains(values, in[0].name) }
	truth := listStandings(warm, ser, agg)
	w.s.ranked = append(w.s.ranked, ranked{w: w, label: label, values: values, agg: agg, series: i, ascending: ascending})
	var facts []fact.Fact
	for _, st := range warm[:min(len(warm), 4)] {
		facts = append(facts, st.f)
	}
	switch {
	case !first(all) && !first(warm):
		w.say(Superlative, Contradicted, fmt.Sprintf("%s is first", all[0].name), listStandings(all, ser, agg), facts...)
	case !first(warm):
		w.say(Superlative, Contradicted, fmt.Sprintf("only cold rows among the warm ones make it so: of the warm rows %s is first", warm[0].name), truth, facts...)
	case !first(all):
		w.say(Superlative, Misleading, "of the warm rows only", truth, facts...)
	case len(warm) > 1 && warm[0].sure && warm[1].sure && warm[0].hi >= warm[1].lo && warm[1].hi >= warm[0].lo:
		w.say(Superlative, Misleading, fmt.Sprintf("first by number, but %s cannot be told apart from it", warm[1].name), truth, facts...)
	default:
		w.say(Superlative, Supported, "first of "+fmt.Sprint(len(warm)), truth, facts...)
	}
}

func listStandings(in []standing, ser series, agg string) string {
	var parts []string
	for _, st := range in[:min(len(in), 6)] {
		switch {
		case agg == "cv":
			parts = append(parts, fmt.Sprintf("%s %.2g %%", st.name, st.value*100))
		case ser.agg == "mean":
			parts = append(parts, fmt.Sprintf("%s %.3g× the geometric mean", st.name, st.value))
		default:
			parts = append(parts, st.name+" "+format(ser.Unit, st.value))
		}
	}
	return agg + " of " + ser.Name + ": " + strings.Join(parts, ", ")
}

// mostSensitive judges which parameter mattered most.
func (w *words) mostSensitive() {
	sc := w.scope()
	if len(w.factors) == 0 {
		return
	}
	named := w.factors[len(w.factors)-1]
	var all []effect
	for _, label := range w.s.ledger.Dimensions() {
		if name, ok := strings.CutPrefix(label, "config."); ok {
			all = append(all, w.s.effects(sc, factorMention{words: name, labels: []string{label}})...)
		}
	}
	if len(all) == 0 {
		w.say(Superlative, Unverifiable, "no parameter was varied", "")
		return
	}
	slices.SortStableFunc(all, func(a, b effect) int {
		if a.share > b.share {
			return -1
		}
		return 1
	})
	list := make([]string, 0, len(all))
	for _, e := range all[:min(6, len(all))] {
		list = append(list, fmt.Sprintf("%s %.2g %%", e.factor, e.share*100))
	}
	truth := strings.Join(list, ", ")
	is := slices.Contains(named.labels, "config."+all[0].factor)
	switch {
	case !is:
		w.say(Superlative, Contradicted, all[0].factor+" has the largest spread of level means", truth)
	case all[0].share < margin:
		w.say(Superlative, Contradicted, fmt.Sprintf("no parameter moved it by %g %%", margin*100), truth)
	case !all[0].random:
		w.say(Superlative, Unverifiable, "the order of the runs was not randomised: the spread may be drift", truth)
	default:
		w.say(Superlative, Supported, "the largest spread of level means", truth)
	}
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
		w.effectVerdict(effects, Causal)
		return
	}
	if len(w.factors) > 0 && len(w.metrics) > 0 {
		w.say(Causal, Unverifiable, "that parameter was not varied in these rows", "")
	}
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
	for _, label := range comparable {
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
		sides := split(warmOrAll(g), []string{label}, nil)
		if len(named) == 1 {
			named = append(named, w.s.baselines(i, label, named)...)
		}
		var groups [][]float64
		var names []string
		for _, side := range sides {
			if v := side.Scope[label]; v != "" && (len(named) == 0 || slices.Contains(named, v)) {
				groups, names = append(groups, side.Values()), append(names, v)
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

func warmOrAll(g fact.Group) fact.Group {
	if w := warmOnly(g); len(w.Rows) > 0 {
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
		if effects := w.s.effects(sc, f); len(effects) > 0 {
			w.effectVerdict(effects, Causal)
			return
		}
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
	if len(series) == 0 {
		return
	}
	slices.Sort(series)
	series = slices.Compact(series)
	sc := w.scope()
	worst, judged := 0.0, false
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
		for _, part := range split(g, []string{"subject", "file"}, nil) {
			f, err := part.Fact("cv")
			if v, ok := f.Value.Get(); err == nil && ok && f.N >= 3 {
				worst, judged = max(worst, v), true
				if v > margin {
					list = append(list, fmt.Sprintf("%s: cv %.0f %%", nameOf(part), v*100))
				}
			}
		}
	}
	switch {
	case !judged:
		return
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
						worst, what = sd/mean, fmt.Sprintf("%s: cv %.0f %%", nameOf(fact.Group{Series: ser.Series, Rows: []*fact.Row{row}}), sd/mean*100)
					}
				}
			}
		}
	}
	return worst, what
}

// comparison judges "A … higher … than B".
func (w *words) comparison() {
	than := strings.Index(strings.ToLower(w.sentence), " than ")
	verb := regexp.MustCompile(`(?i)\b(?:outperforms?|beats|exceeds)\b`).FindStringIndex(w.sentence)
	pivot := than
	if pivot < 0 && verb != nil {
		pivot = verb[0]
	}
	if pivot < 0 {
		return
	}
	pivot += w.span.Start
	for _, label := range comparable {
		var xs, ys []string
		for _, m := range w.weakThings() {
			if m.start > pivot {
				if len(ys) == 0 {
					ys = m.values(label)
				}
			} else if vs := m.values(label); len(vs) > 0 {
				xs = vs
			}
		}
		if len(xs) == 0 || len(ys) == 0 || slices.Equal(xs, ys) {
			continue
		}
		if w.compare(label, xs, ys, pivot) {
			return
		}
	}
}

func (w *words) compare(label string, xs, ys []string, pivot int) bool {
	series := w.s.speedSeries()
	for i, m := range w.metrics {
		if i == 0 || m.end <= pivot {
			series = m.series
		}
	}
	for _, i := range w.s.series_(series) {
		ser := w.s.series[i]
		if !w.s.labelsOf(i)[label] {
			continue
		}
		var keep []mention
		for _, m := range w.strong() {
			if len(m.values(label)) == 0 {
				keep = append(keep, m)
			}
		}
		g, _ := w.s.rowsOf(i, keep, w.s.sources)
		rs := w.s.ratiosBy(i, warmOrAll(g), label, nil, xs, ys)
		if len(rs) == 0 {
			continue
		}
		r := rs[0]
		up := r.x > r.y
		want := ser.better() == metric.Higher
		switch w.comparator(pivot) {
		case "faster", "better", "outperform", "outperforms", "beats", "quicker":
		case "slower", "worse":
			want = !want
		case "lower", "smaller", "shorter", "less", "fewer":
			want = false
		case "higher", "larger", "greater", "longer", "more", "exceeds":
			want = true
		default:
			return false
		}
		truth := fmt.Sprintf("%s against %s (%s)", format(ser.Unit, r.x), format(ser.Unit, r.y), r.what)
		switch {
		case up != want:
			w.say(Comparison, Contradicted, "it is the other way round", truth, r.xf, r.yf)
		case w.s.overlap(r):
			w.say(Comparison, Misleading, "so by number, but the intervals overlap", truth, r.xf, r.yf)
		default:
			w.say(Comparison, Supported, truth, "", r.xf, r.yf)
		}
		return true
	}
	return false
}

// comparator is the word of comparison nearest before the other side.
func (w *words) comparator(pivot int) string {
	best := ""
	for _, m := range comparing.FindAllStringIndex(w.sentence, -1) {
		if m[0]+w.span.Start <= pivot || best == "" {
			best = strings.ToLower(w.sentence[m[0]:m[1]])
		}
	}
	return best
}

func (s *session) overlap(r ratio) bool {
	a, ok1 := r.xf.Lo.Get()
	b, ok2 := r.xf.Hi.Get()
	c, ok3 := r.yf.Lo.Get()
	d, ok4 := r.yf.Hi.Get()
	return ok1 && ok2 && ok3 && ok4 && b >= c && d >= a
}

// effect judges "X reduces Y" against what X is compared with.
func (w *words) effect() {
	if len(w.metrics) == 0 || len(w.factors) > 0 {
		return
	}
	if changes := claim.Quantities(w.sentence, nil); slices.ContainsFunc(changes, func(q claim.Quantity) bool { return q.HasUnit && (q.Dim.Percent || q.Dim.Times) }) {
		return // the number is judged
	}
	for _, m := range w.weakThings() {
		if baselineWord(m.words) {
			continue
		}
		if w.effectOf(m) {
			return
		}
	}
}

func (w *words) effectOf(m mention) bool {
	var wrong, right []string
	var facts []fact.Fact
	for _, verb := range effectVerb.FindAllStringIndex(w.sentence, -1) {
		name := strings.ToLower(w.sentence[verb[0]:verb[1]])
		mm, ok := w.objectOf(verb, name)
		if !ok {
			continue
		}
		for _, i := range w.s.series_(mm.series) {
			for _, label := range comparable {
				xs := m.values(label)
				ys := w.s.baselines(i, label, xs)
				if len(xs) == 0 || len(ys) == 0 || !w.s.labelsOf(i)[label] {
					continue
				}
				g, _ := w.s.rowsOf(i, nil, w.s.sources)
				rs := w.s.ratiosBy(i, g, label, []string{"file"}, xs, ys)
				if len(rs) == 0 {
					continue
				}
				r := rs[0]
				facts = append(facts, r.xf, r.yf)
				text := fmt.Sprintf("%s %s against %s", mm.words, format(w.s.series[i].Unit, r.x), format(w.s.series[i].Unit, r.y))
				if effectHolds(name, r, w.s.series[i]) {
					right = append(right, text)
				} else {
					wrong = append(wrong, text)
				}
			}
		}
	}
	switch {
	case len(wrong) > 0:
		w.say(Change, Contradicted, "the rows show no such change", strings.Join(append(wrong, right...), "; "), facts...)
	case len(right) > 0:
		w.say(Change, Supported, strings.Join(right, "; "), "", facts...)
	default:
		return false
	}
	return true
}

// objectOf is what a verb of change is about: the nearest metric behind it, or
// for a noun ("size reduction") the one right before.
func (w *words) objectOf(verb []int, name string) (metricMention, bool) {
	if strings.HasSuffix(name, "tion") || strings.HasSuffix(name, "ment") {
		for i := len(w.metrics) - 1; i >= 0; i-- {
			if m := w.metrics[i]; m.end-w.span.Start <= verb[0]+len(name) && verb[0]-(m.end-w.span.Start) < 4 || m.start-w.span.Start <= verb[0] && m.end-w.span.Start >= verb[1] {
				return m, true
			}
		}
	}
	for _, m := range w.metrics {
		if at := m.start - w.span.Start; at >= verb[1] && at-verb[1] < 24 {
			return m, true
		}
	}
	return metricMention{}, false
}

func effectHolds(verb string, r ratio, ser series) bool {
	delta := (r.x - r.y) / r.y
	better := r.ratio > 1
	switch {
	case strings.HasPrefix(verb, "reduc"), strings.HasPrefix(verb, "lower"), strings.HasPrefix(verb, "decreas"):
		return delta < -0.001
	case strings.HasPrefix(verb, "increas"), strings.HasPrefix(verb, "rais"):
		return delta > 0.001
	case strings.HasPrefix(verb, "improv"):
		return better && math.Abs(delta) > 0.001
	case strings.HasPrefix(verb, "degrad"):
		return !better && math.Abs(delta) > 0.001
	}
	return math.Abs(delta) <= 0.01 // maintain, preserve
}
