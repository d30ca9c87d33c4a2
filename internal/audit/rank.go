package audit

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/pattern"
	"chimera/internal/unit"
)

// leveled begins with a level: "- 1024: 78.4 tok/s".
var leveled = pattern.MustCompile(`^[\s\-*•|]*[\d.,]+\s*[:=|]`)

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

var mostSensitive = pattern.MustCompile(`(?i)\bmost sensitive\b.*\bis\b`)

// superlative judges "X has the highest Y" by the ranking of everything like X.
func (w *words) superlative() {
	if mostSensitive.MatchString(w.sentence) {
		w.mostSensitive()
		return
	}
	if len(within_(w.c.settings, w.span)) > 0 && len(w.strong()) == 0 {
		return // a level is praised; its number is judged
	}
	things := w.strong()
	if len(things) == 0 {
		things = w.weakThings()
	}
	if at := superlative.FindStringIndex(w.sentence); len(things) == 0 && at != nil && strings.Contains(w.sentence[at[1]:min(len(w.sentence), at[1]+40)], ":") {
		return // "best latency: 5 ms" under a thing is the best of its own rows
	}
	if len(things) == 0 && leveled.MatchString(w.sentence) {
		return // the best of a list of levels
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
					ok = ok || applied > 0 && len(w.s.valuesOf(g)) > 0
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
		for _, label := range compared {
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
			if w.s.series[i].agg == "" {
				if wg := w.s.warmOnly(g); len(wg.Rows) > 0 && len(wg.Rows) < len(g.Rows) {
					warm = w.s.ranking(i, wg, label, agg, ascending)
				}
			}
			if len(all) < 2 {
				w.say(Superlative, Unverifiable, "nothing like it was measured", "")
				return
			}
			w.rankVerdict(g, values, all, warm, i, agg, label, ascending)
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

func (w *words) rankVerdict(g fact.Group, values []string, all, warm []standing, i int, agg, label string, ascending bool) {
	ser := w.s.series[i]
	first := func(in []standing) bool { return len(in) > 0 && slices.Contains(values, in[0].name) }
	truth := listStandings(warm, ser, agg)
	w.s.ranked = append(w.s.ranked, ranked{w: w, label: label, values: values, agg: agg, series: i, ascending: ascending})
	var facts []fact.Fact
	for _, st := range warm[:min(len(warm), 4)] {
		facts = append(facts, st.f)
	}
	where := ""
	if !first(all) && !first(warm) && w.s.open() {
		where = w.firstWithin(g, i, label, agg, ascending, first)
	}
	switch {
	case where != "":
		w.say(Superlative, Misleading, fmt.Sprintf("first of what %s holds; over all rows %s is", where, warm[0].name), truth, facts...)
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

// firstWithin names a file in which a thing is first of several.
func (w *words) firstWithin(g fact.Group, i int, label, agg string, ascending bool, first func([]standing) bool) string {
	for _, part := range w.s.split(g, []string{"file"}, nil) {
		if part.Scope["file"] == "" {
			continue
		}
		if in := w.s.ranking(i, part, label, agg, ascending); len(in) > 1 && first(in) {
			return part.Scope["file"]
		}
	}
	return ""
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
