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
	"chimera/internal/sample"
	"chimera/internal/unit"
)

var changeWords = pattern.MustCompile(`(?i)\b(?:improv\w*|increas\w*|decreas\w*|reduc\w*|faster|slower|quicker|higher|lower|larger|smaller|greater|fewer|less|gain\w*|drop\w*|speed-?ups?|degrad\w*|change[sd]?|vs\.?|versus|compared|relative to|than|regress\w*|saving\w*|boost\w*|accelerat\w*|as fast|penalty|difference|delta)\b`)

func (s *session) isChange(a at) bool {
	q := a.q
	if !q.HasUnit || q.Dim.Unit != unit.Ratio {
		return false
	}
	if q.Dim.Times || q.Dim.Points {
		return !q.Word || changeWords.MatchString(a.c.text) || strings.Contains(strings.ToLower(a.c.text), "as ")
	}
	lo, hi := sentenceAround(a.c.text, q.Start)
	if agg, _ := aggregateIn(a.c.text[lo:q.Start]); agg == "cv" || strings.Contains(strings.ToLower(a.head), "cv") {
		return false
	}
	if strings.HasPrefix(strings.TrimSpace(a.c.text[q.End:]), "of ") {
		return false
	}
	return tied(a.c.text, q, lo, hi) || q.Signed
}

// tied reports whether a word of change belongs to a percentage: it stands near
// it, with nothing between that ends a clause.
func tied(text string, q claim.Quantity, lo, hi int) bool {
	before, after := text[max(lo, q.Start-40):q.Start], text[q.End:min(hi, q.End+48)]
	if i := strings.LastIndexAny(before, ",;()|"); i >= 0 {
		before = before[i:]
	}
	if i := strings.IndexAny(after, ",;()|"); i >= 0 {
		after = after[:i]
	}
	return changeWords.MatchString(before) || changeWords.MatchString(after)
}

var (
	composed = pattern.MustCompile(`(?i)\b(?:combined|cumulative|compound\w*|stacked|together|end-to-end|overall)\b.*\b(?:speed-?up|faster|improvement|gain|acceleration)`)
	altered  = pattern.MustCompile(`(?i)\b(?:altering|changing|switching|setting|enabling|disabling|increasing|decreasing|doubling|adjusting|moving)\b`)
)

// change judges a ratio or a relative difference.
func (s *session) change(a at) {
	sc := s.scopeAt(a.c, a.q.Start, a.q.End)
	lo, hi := sentenceAround(a.c.text, a.q.Start)
	sentence := a.c.text[lo:hi]
	near := inSpan(a.c.found.factors, lo, hi)
	pairs := s.pairs(a, sc, lo, hi)
	valued := slices.ContainsFunc(near, func(f factorMention) bool { return holdsValue(a.c.text, f) })
	switch out := s.outOfReach(a, scope{}); {
	case s.miscalculated(a, lo, hi):
	case out != "" && !pairs.explicit:
		s.say(a.p, a.start, a.end, Change, Unverifiable, out, "")
	case composed.MatchString(sentence) && a.q.Dim.Times:
		s.composition(a, sc)
	case len(near) > 0 && !pairs.explicit && !sc.named:
		s.say(a.p, a.start, a.end, Change, Unverifiable, "of which metric it is, nobody says", "")
	case valued && !pairs.explicit:
		s.say(a.p, a.start, a.end, Change, Unverifiable, "against which other setting, nobody says", "")
	case len(near) > 0 && !pairs.explicit:
		s.factorChange(a, sc, near[0], sentence)
	case altered.MatchString(sentence) && !pairs.explicit:
		s.say(a.p, a.start, a.end, Change, Unverifiable, "no such parameter was varied in these rows", "")
	default:
		s.pairChange(a, sc, pairs, sentence)
	}
}

// holdsValue reports whether a parameter is named with a value: "GPU=80", "the
// 2048-token context". It is then a setting, and not what was varied.
func holdsValue(text string, f factorMention) bool {
	after := strings.TrimLeft(text[f.end:min(len(text), f.end+12)], " =:*`")
	before := strings.TrimRight(text[max(0, f.start-12):f.start], " -*`")
	before = strings.TrimSuffix(strings.TrimSuffix(before, "token"), "layer")
	before = strings.TrimRight(before, " -")
	return after != "" && after[0] >= '0' && after[0] <= '9' || before != "" && before[len(before)-1] >= '0' && before[len(before)-1] <= '9'
}

func inSpan(in []factorMention, lo, hi int) (out []factorMention) {
	for _, f := range in {
		if f.start >= lo && f.end <= hi {
			out = append(out, f)
		}
	}
	return out
}

// composition refuses a product of speedups: only a run of everything together
// could show it.
func (s *session) composition(a at, sc scope) {
	most, of := 0.0, ""
	for i := range s.series {
		ser := s.series[i]
		if ser.said || slices.Contains(overheads, ser.Name) || ser.agg != "" && ser.agg != "mean" || ser.Unit != unit.Second && ser.Unit != unit.TokenPerSecond {
			continue
		}
		g, _ := s.rowsOf(i, nil, s.sources)
		for _, label := range rivals {
			if !s.labelsOf(i)[label] {
				continue
			}
			for _, c := range s.ratios(i, g, label, nil, nil) {
				if c.ratio > most {
					most, of = c.ratio, c.what
				}
			}
		}
	}
	truth := "not measured"
	if most > 0 {
		truth = fmt.Sprintf("the largest ratio of any two comparable rows is %.3g× (%s)", most, of)
	}
	if most > 0 && a.q.Value > most {
		s.say(a.p, a.start, a.end, Change, Contradicted, "no run has these together: speedups of different work were multiplied, which no row shows", truth)
		return
	}
	s.say(a.p, a.start, a.end, Change, Unverifiable, "no run has these together: speedups are not multiplied", truth)
}

// compared labels tell things apart that reports compare.
var compared = []string{"subject", "backend", "method", "operation", "device", "model", "role", "stage", "provider", "precision"}

// overheads are times that are no measure of how fast a thing works.
var overheads = []string{"load_time", "compile_time", "overhead"}

// works are the labels that tell different work apart: a ratio across them
// compares nothing.
var works = []string{"subject", "backend", "method", "operation", "device", "model", "role", "stage"}

// rivals are the labels whose values do the same work.
var rivals = []string{"subject", "backend", "method", "operation", "provider", "precision"}

// pairing is what a sentence compares: values of one label.
type pairing struct {
	explicit bool // both sides are named
	label    string
	x, y     []string // sides; empty for any
	things   []mention
}

// pairs finds the two sides of a comparison in a sentence.
func (s *session) pairs(a at, sc scope, lo, hi int) pairing {
	var in []mention
	for _, m := range a.c.found.things {
		if m.start >= lo && m.end <= hi && (!m.weak || baselineWord(m.words)) {
			in = append(in, m)
		}
	}
	text := strings.ToLower(a.c.text)
	pivot := -1
	for _, w := range pivots {
		if i := strings.Index(text[lo:hi], w); i >= 0 {
			pivot = lo + i
			break
		}
	}
	for _, label := range compared {
		var before, behind []string
		for _, m := range in {
			vs := m.values(label)
			if pivot >= 0 && m.start > pivot {
				behind = append(behind, vs...)
			} else {
				before = append(before, vs...)
			}
		}
		if len(before) == 0 && len(behind) > 0 {
			for _, l := range a.c.outer {
				for _, m := range l.found.things {
					if !m.weak && len(before) == 0 && !slices.Equal(m.values(label), behind) {
						before = m.values(label)
					}
				}
			}
		}
		if len(behind) == 0 && len(before) > 0 && pivot < 0 {
			behind = referenceAbove(a.c, label)
		}
		if len(before) > 0 && len(behind) > 0 && !slices.Equal(before, behind) {
			return pairing{explicit: true, label: label, x: before, y: behind, things: in}
		}
	}
	return pairing{things: in}
}

// pivots stand between what is compared and what it is compared with.
var pivots = []string{" than ", " over ", " vs ", " vs. ", " versus ", " compared to ", " compared with ", " relative to ", " against ", " fast as ", " slow as ", " much as ", " many as ", " large as ", " high as "}

// referenceAbove is what the lines right above compare everything with:
// "Relative performance vs X (baseline):".
func referenceAbove(c context, label string) []string {
	for _, l := range c.outer[:min(2, len(c.outer))] {
		low := strings.ToLower(l.text)
		for _, w := range pivots {
			if i := strings.Index(low, w); i >= 0 {
				for _, m := range l.found.things {
					if vs := m.values(label); m.start > i && len(vs) > 0 {
						return vs
					}
				}
			}
		}
	}
	return nil
}

func baselineWord(w string) bool {
	switch w {
	case "baseline", "eager", "default", "defaults", "original", "unoptimized", "reference", "fp32", "none":
		return true
	}
	return false
}

// ratio is the quotient of two values of the same work.
type ratio struct {
	ratio  float64 // better by so much: for times y/x, for rates x/y
	x, y   float64
	what   string
	xf, yf fact.Fact
	row    *fact.Row
	yrow   *fact.Row
	pooled bool
}

// ratios compares the values of a label within each file and each other thing.
// xs and ys bound the two sides.
func (s *session) ratios(i int, g fact.Group, label string, xs, ys []string) []ratio {
	others := []string{"file", "experiment", "group"}
	for _, l := range works {
		if l != label && s.labelsOf(i)[l] && !(l == "model" && label == "subject") && !(l == "subject" && label == "model") {
			others = append(others, l)
		}
	}
	out := slices.Clone(s.ratiosBy(i, g, label, others, xs, ys))
	if label == "subject" || label == "model" || len(out) == 0 {
		for _, r := range s.ratiosBy(i, g, label, nil, xs, ys) {
			r.pooled = true
			out = append(out, r)
		}
		if w := s.ratiosBy(i, s.warmOnly(g), label, nil, xs, ys); len(w) > 0 {
			out = append(out, w...)
		}
	}
	return out
}

func (m memory) warmOnly(g fact.Group) fact.Group {
	parts := m.split(g, nil, []sample.Phase{sample.Measure})
	if len(parts) == 0 {
		return fact.Group{Series: g.Series}
	}
	return parts[0]
}

func (s *session) ratiosBy(i int, g fact.Group, label string, others []string, xs, ys []string) []ratio {
	return remembered(s.quotients, question{keyOf(g), fmt.Sprint(i, label, others, "|", xs, "|", ys)}, len(g.Rows) > 0, func() []ratio {
		return s.quotientsBy(i, g, label, others, xs, ys)
	})
}

func (s *session) quotientsBy(i int, g fact.Group, label string, others []string, xs, ys []string) []ratio {
	var out []ratio
	ser := s.series[i]
	for _, context := range s.split(g, others, nil) {
		sides := s.split(context, []string{label}, nil)
		for _, x := range sides {
			for _, y := range sides {
				xv, yv := x.Scope[label], y.Scope[label]
				if xv == yv || xv == "" || yv == "" || len(xs) > 0 && !slices.Contains(xs, xv) || len(ys) > 0 && !slices.Contains(ys, yv) {
					continue
				}
				for _, agg := range []string{"mean", "median"} {
					xf, err1 := s.fact(x, agg)
					yf, err2 := s.fact(y, agg)
					a, ok1 := xf.Value.Get()
					b, ok2 := yf.Value.Get()
					if err1 != nil || err2 != nil || !ok1 || !ok2 || a == 0 || b == 0 {
						continue
					}
					r := ratio{ratio: a / b, x: a, y: b, xf: xf, yf: yf, row: x.Rows[0], yrow: y.Rows[0], what: fmt.Sprintf("%s by %s, %s", xv, yv, s.nameOf(context))}
					if ser.better() == metric.Lower {
						r.ratio = b / a
					}
					out = append(out, r)
					if xf.N == 1 && yf.N == 1 {
						break
					}
				}
			}
		}
	}
	return out
}

// pairChange judges "A is 2.8× as fast as B" and "A: 15× speedup".
func (s *session) pairChange(a at, sc scope, p pairing, sentence string) {
	var all []ratio
	named, against := false, false
	for _, i := range s.changing(sc, a.q) {
		for _, label := range s.labelsFor(i, p) {
			var keep []mention
			var xs, ys []string
			if p.explicit && label == p.label {
				xs, ys = p.x, p.y
			}
			for _, m := range sc.hard {
				if vs := m.values(label); len(vs) > 0 {
					if !p.explicit && !baselineWord(m.words) {
						xs = append(xs, vs...)
					}
					continue
				}
				keep = append(keep, m)
			}
			g, applied := s.rowsOf(i, keep, s.sources)
			if applied < countApplying(s, i, keep) || len(s.valuesOf(g)) == 0 || len(xs) == 0 && applied == 0 {
				continue
			}
			if len(ys) == 0 {
				ys = s.baselines(i, label, xs)
				against = against || len(xs) > 0 && len(ys) > 0 && sc.named
			}
			rs := s.ratios(i, g, label, xs, ys)
			if p.explicit && s.open() {
				rs = append(rs, s.acrossFiles(i, g, label, xs, ys)...)
			}
			if len(rs) > 0 && (len(xs) > 0 || applied > 0 && len(s.split(g, []string{label}, nil)) == 2) {
				named = true
			}
			all = append(all, rs...)
		}
	}
	for _, r := range all {
		if s.changeFits(a, sentence, r) {
			facts := []fact.Fact{r.xf, r.yf}
			if why := s.dominatedPair(r); why != "" {
				s.say(a.p, a.start, a.end, Change, Misleading, why, fmt.Sprintf("%.4g× (%s)", r.ratio, r.what), facts...)
				return
			}
			s.say(a.p, a.start, a.end, Change, Supported, fmt.Sprintf("%.4g×: %s", r.ratio, r.what), "", facts...)
			return
		}
	}
	if out := s.outOfReach(a, sc); out != "" {
		s.say(a.p, a.start, a.end, Change, Unverifiable, out, "")
		return
	}
	if _, _, ok := operands(a, sentence); ok && s.open() {
		s.say(a.p, a.start, a.end, Change, Unverifiable, "it follows from the two figures beside it; no two rows have this ratio", listRatios(all), factsOf(all)...)
		return
	}
	if !named || !p.explicit && (len(p.things) == 0 || !against) || p.explicit && s.open() && between(a.q, all) {
		s.say(a.p, a.start, a.end, Change, Unverifiable, "no two rows compare what it compares", "")
		return
	}
	s.say(a.p, a.start, a.end, Change, Contradicted, "no two comparable rows have this ratio", listRatios(all), factsOf(all)...)
}

// operands are the two numbers that a change is computed of, as its own
// sentence gives them: "34 % faster (102.85 vs 76.59 tok/s)".
func operands(a at, sentence string) (x, y claim.Quantity, ok bool) {
	qs := claim.Quantities(sentence, nil)
	for i := 1; i < len(qs); i++ {
		x, y = qs[i-1], qs[i]
		if !x.HasUnit {
			x.Dim, x.HasUnit = y.Dim, y.HasUnit
		}
		switch strings.TrimSpace(sentence[qs[i-1].End:qs[i].Start]) {
		case "vs", "vs.", "versus", "against", "→", "->", "compared to":
		default:
			continue
		}
		if x.Dim.Unit == y.Dim.Unit && x.Dim.Unit != unit.Ratio && x.Value > 0 && y.Value > 0 && !x.Range && !y.Range {
			return x, y, true
		}
	}
	return x, y, false
}

// miscalculated holds a change against the two numbers that its sentence gives
// for it, each as far as it was rounded.
func (s *session) miscalculated(a at, lo, hi int) bool {
	sentence := a.c.text[lo:hi]
	x, y, ok := operands(a, sentence)
	q := a.q
	if !ok || q.Range || len(claim.Quantities(sentence, nil)) > 4 {
		return false
	}
	whole := 100.0 // a change in percent is of this much
	if q.Dim.Times {
		whole = 1
	}
	for _, r := range readings(base(x), base(y), q.Dim.Times) {
		slack := q.Half() + (x.Half()/x.Value+y.Half()/y.Value)*(math.Abs(r)+whole)
		if q.Approx || q.Least || q.Most {
			slack = max(slack, 0.05*math.Abs(q.Value)+2*q.Half())
		}
		if math.Abs(math.Abs(q.Value)-math.Abs(r)) <= slack*(1+1e-9) {
			return false
		}
	}
	change := readings(base(x), base(y), q.Dim.Times)[0]
	s.say(a.p, a.start, a.end, Change, Contradicted, "it does not follow from the two figures beside it", fmt.Sprintf("%.4g %s", change, q.Dim.Symbol))
	return true
}

// readings are the changes that two numbers may be called to have, the likeliest
// first: "3× faster" is a ratio to some and a gain to others.
func readings(x, y float64, times bool) []float64 {
	r := max(x/y, y/x)
	if times {
		return []float64{r, r - 1, 1 / r}
	}
	return []float64{(r - 1) * 100, (1 - 1/r) * 100, r * 100, 100 / r}
}

// acrossFiles compares the mean of each file's rows of one side with that of
// each file's rows of the other: an import has the sides in files of their own.
func (s *session) acrossFiles(i int, g fact.Group, label string, xs, ys []string) []ratio {
	var out []ratio
	parts := s.split(g, []string{label, "file"}, nil)
	if len(parts) > 64 {
		return nil
	}
	for _, x := range parts {
		for _, y := range parts {
			if x.Scope["file"] == y.Scope["file"] || !slices.Contains(xs, x.Scope[label]) || !slices.Contains(ys, y.Scope[label]) {
				continue
			}
			xf, err1 := s.fact(x, "mean")
			yf, err2 := s.fact(y, "mean")
			a, ok1 := xf.Value.Get()
			b, ok2 := yf.Value.Get()
			if err1 != nil || err2 != nil || !ok1 || !ok2 || a == 0 || b == 0 {
				continue
			}
			r := ratio{ratio: a / b, x: a, y: b, xf: xf, yf: yf, row: x.Rows[0], yrow: y.Rows[0], what: fmt.Sprintf("%s by %s", s.nameOf(x), s.nameOf(y))}
			if s.series[i].better() == metric.Lower {
				r.ratio = b / a
			}
			out = append(out, r)
		}
	}
	return out
}

// between reports whether a change lies between those of the ratios.
func between(q claim.Quantity, all []ratio) bool {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, r := range all {
		v := r.ratio
		if !q.Dim.Times {
			v = math.Abs(r.x-r.y) / math.Abs(r.y) * 100
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	return q.Value >= lo && q.Value <= hi
}

func factsOf(all []ratio) []fact.Fact {
	var out []fact.Fact
	for _, r := range all[:min(len(all), 4)] {
		out = append(out, r.xf, r.yf)
	}
	return out
}

func listRatios(all []ratio) string {
	var parts []string
	for _, r := range all[:min(len(all), 6)] {
		parts = append(parts, fmt.Sprintf("%.3g× (%s)", r.ratio, r.what))
	}
	return strings.Join(parts, "; ")
}

func countApplying(s *session, i int, in []mention) int {
	n := 0
	for _, m := range in {
		if !m.weak && s.applies(i, m) {
			n++
		}
	}
	return n
}

// changing are the series that a change may be of.
func (s *session) changing(sc scope, q claim.Quantity) []int {
	var out []int
	pick := sc.series
	if !sc.named || sc.metric == "speed" || sc.metric == "performance" {
		pick = nil
		for i := range s.series {
			pick = append(pick, i)
		}
	}
	for _, i := range pick {
		ser := s.series[i]
		if ser.said || ser.agg != "" && ser.agg != "mean" {
			continue
		}
		if !sc.named && ser.Unit != unit.Second && ser.Unit != unit.TokenPerSecond && ser.Unit != unit.SecondPerToken {
			continue
		}
		if !sc.named && slices.Contains(overheads, ser.Name) {
			continue
		}
		out = append(out, i)
	}
	return out
}

func (s *session) labelsFor(i int, p pairing) []string {
	if p.explicit {
		return []string{p.label}
	}
	var out []string
	for _, l := range compared {
		if s.labelsOf(i)[l] {
			out = append(out, l)
		}
	}
	return out
}

// baselines are the values of a label that others are compared with.
func (s *session) baselines(i int, label string, xs []string) []string {
	var out []string
	for _, v := range s.ledger.Values(label) {
		for _, w := range strings.Fields(normal(v)) {
			if baselineWord(w) && !slices.Contains(xs, v) && !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}

// changeFits compares a printed change with a ratio, each way it may be meant.
func (s *session) changeFits(a at, sentence string, r ratio) bool {
	low := strings.ToLower(sentence + " " + a.head)
	q := a.q
	q.Dim.Factor, q.HasUnit = 1, true
	up := r.x > r.y
	if q.Dim.Times {
		for _, v := range []float64{r.ratio, r.ratio - 1} {
			if v == r.ratio-1 && !strings.Contains(low, "times faster") && !strings.Contains(low, "times more") {
				continue
			}
			if s.slower(low) {
				v = 1 / v
			}
			if equal(q, v) {
				return true
			}
		}
		// A quotient of values, whatever is better.
		if containsAny(low, "as much", "as large", "as high", "as many") || containsWord(low, "ratio") || containsWord(low, "higher") || containsWord(low, "larger") || containsWord(low, "more") {
			return equal(q, r.x/r.y)
		}
		return false
	}
	delta := (r.x - r.y) / r.y * 100
	change := []float64{delta}
	if strings.Contains(low, "speed") || strings.Contains(low, "faster") {
		change = append(change, (r.ratio-1)*100)
	}
	for _, v := range change {
		if q.Signed {
			want := v
			if strings.Contains(low, "reduction") || strings.Contains(low, "saving") {
				want = -v
			}
			if equal(q, want) {
				return true
			}
			continue
		}
		if !equal(q, math.Abs(v)) {
			continue
		}
		switch {
		case containsAny(low, "reduc", "decreas", "lower", "less", "smaller", "drop", "fewer", "saving"):
			return !up
		case containsAny(low, "increas", "higher", "larger", "more", "greater"):
			return up
		case containsAny(low, "improv", "faster", "gain", "better", "speedup", "speed-up", "boost"):
			return r.ratio > 1
		case containsAny(low, "slower", "worse", "degrad", "regress", "penalty"):
			return r.ratio < 1
		}
		return true
	}
	return false
}

func (s *session) slower(low string) bool { return containsAny(low, "slower", "slowdown") }

func containsAny(text string, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// dominatedPair tells a ratio of means that a single slow value makes.
func (s *session) dominatedPair(r ratio) string {
	i := s.indexOf(r.xf.Metric)
	ser := s.series[i]
	if ser.agg != "mean" || r.xf.N != 1 || r.yf.N != 1 {
		return ""
	}
	for _, row := range []*fact.Row{r.row, r.yrow} {
		if why := s.dominated(ser, row); why != "" {
			if least, ok := s.ratioOf(ser, "min", r); ok {
				why += fmt.Sprintf("; the ratio of the smallest values is %.3g×", least)
			}
			return why
		}
	}
	return ""
}

func (s *session) ratioOf(ser series, agg string, r ratio) (float64, bool) {
	for _, o := range s.series {
		if o.base != ser.base || o.agg != agg {
			continue
		}
		x, ok1 := r.row.Cell(o.Name)
		y, ok2 := r.yrow.Cell(o.Name)
		a, ok3 := x.Value.Get()
		b, ok4 := y.Value.Get()
		if ok1 && ok2 && ok3 && ok4 && a > 0 {
			return b / a, true
		}
	}
	return 0, false
}

// factorChange judges a gain by a parameter: the spread of its levels' means,
// for each subject.
func (s *session) factorChange(a at, sc scope, fm factorMention, sentence string) {
	effects := s.effects(sc, fm)
	if len(effects) == 0 {
		s.say(a.p, a.start, a.end, Change, Unverifiable, fmt.Sprintf("%s was not varied in the rows that it speaks of", fm.words), "")
		return
	}
	q := a.q
	q.Dim.Factor = 1
	fit := 0
	for _, e := range effects {
		share := e.share * 100
		if q.Dim.Times {
			share = e.share + 1
		}
		if q.Range && share >= q.Value-q.Half() && share <= q.Hi+q.Half() || !q.Range && equal(q, share) {
			fit++
		}
	}
	universal := pattern.MustCompile(`(?i)\b(?:all|every|each)\b`).MatchString(sentence)
	if fit == len(effects) || fit > 0 && !universal {
		s.say(a.p, a.start, a.end, Change, Supported, "spread of the levels' means", listEffects(effects))
		return
	}
	s.say(a.p, a.start, a.end, Change, Contradicted, fmt.Sprintf("the means of the levels of %s lie closer or farther", fm.words), listEffects(effects))
}

// effect is what a parameter did for one thing: the spread of its levels' means.
type effect struct {
	subject string
	factor  string
	ser     series
	lo, hi  float64 // smallest and largest mean of a level
	share   float64 // (hi − lo) / lo
	p       float64 // Kruskal-Wallis over warm rows; NaN if it cannot be told
	cold    string  // the only level that has cold rows, if one has them all
	random  bool    // the order was randomised
	rows    int
}

func listEffects(in []effect) string {
	var parts []string
	for _, e := range in[:min(len(in), 6)] {
		text := fmt.Sprintf("%s: %.2g %%", cmpOr(e.subject, "all"), e.share*100)
		if !math.IsNaN(e.p) {
			text += fmt.Sprintf(" (p = %.2g)", e.p)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}
