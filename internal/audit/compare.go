package audit

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/pattern"
)

// outdoes are verbs that need no "than".
var outdoes = pattern.MustCompile(`(?i)\b(?:outperforms?|beats|exceeds)\b`)

// comparison judges "A … higher … than B".
func (w *words) comparison() {
	than := strings.Index(strings.ToLower(w.sentence), " than ")
	verb := outdoes.FindStringIndex(w.sentence)
	pivot := than
	if pivot < 0 && verb != nil {
		pivot = verb[0]
	}
	if pivot < 0 {
		return
	}
	pivot += w.span.Start
	for _, label := range compared {
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
		rs := w.s.ratiosBy(i, w.s.warmOrAll(g), label, nil, xs, ys)
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
		if strings.HasSuffix(strings.ToLower(w.sentence[:verb[0]]), " to ") {
			continue // what it is for, not what it did
		}
		name := strings.ToLower(w.sentence[verb[0]:verb[1]])
		mm, ok := w.objectOf(verb, name)
		if !ok {
			continue
		}
		for _, i := range w.s.series_(mm.series) {
			for _, label := range compared {
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
