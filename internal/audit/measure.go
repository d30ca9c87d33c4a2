package audit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/pattern"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// at is where a quantity stands: its context's text may be made up of a
// table's head, row and cell, while its place is that of the cell.
type at struct {
	p          *claim.Passage
	c          context
	q          claim.Quantity
	start, end int // in the document
	cell       bool
	head       string
}

// numbersIn judges the numbers of a passage that is no table.
func (s *session) numbersIn(p *claim.Passage, text string, c context) {
	s.last = fact.Fact{}
	all := claim.Quantities(text, c.names.Hidden)
	for k, q := range all {
		c.vague, c.paired = false, false
		for _, o := range []int{k - 1, k + 1} {
			if o < 0 || o >= len(all) {
				continue
			}
			a, b := all[min(k, o)], all[max(k, o)]
			if between := strings.TrimSpace(text[a.End:b.Start]); between == "vs" || between == "vs." || between == "versus" || between == "against" || between == "→" || between == "->" {
				c.vague, c.paired = true, true
				if !q.HasUnit && o > k {
					q.Dim, q.HasUnit = b.Dim, b.HasUnit
				}
			}
		}
		if slices.ContainsFunc(c.found.things, func(m mention) bool { return m.start < q.End && q.Start < m.end && !(q.HasUnit && q.Dim.Symbol != "B") }) {
			continue // a name such as 270M
		}
		s.quantity(at{p: p, c: c, q: q, start: p.Start + q.Start, end: p.Start + q.End})
	}
}

// quantity judges one number by what it is of.
func (s *session) quantity(a at) {
	text, q := a.c.text, a.q
	if !q.Word {
		if fm, ok := s.factorOf(text, a.c.found, q); ok && !s.unitOfMetric(q) {
			s.setting(a, fm)
			return
		}
	}
	switch {
	case s.isN(a):
		s.sizeOf(a)
	case isP(text, q):
		s.pValue(a)
	case s.isChange(a):
		s.change(a)
	case s.isCount(a):
		s.count(a)
	case q.Word:
	case q.HasUnit && q.Dim.Unit != unit.Token || q.Key != "" || a.cell:
		s.measure(a)
	case s.isLevel(a):
	default:
		sc := s.scopeAt(a.c, q.Start, q.End)
		if sc.named && s.metricBefore(a, sc) && (q.Decimals > 0 || q.HasUnit || keyed(text, q)) {
			s.measure(a)
		} else if q.HasUnit {
			s.measure(a)
		} else if noun := nounAfter(text, q.End); noun != "" && strings.HasSuffix(noun, "s") && !isYear(q) && q.Value > 1 && a.p.Kind != claim.Heading {
			s.say(a.p, a.start, a.end+s.nounEnd(text, q.End), Count, Unverifiable, fmt.Sprintf("no row counts %s", noun), "")
		}
	}
}

// metricKey reports whether the key of key=value is a metric's name, with or
// without its aggregate and its unit: mean_latency_ms.
func (s *session) metricKey(key string) bool {
	words := strings.Fields(normal(key))
	for lo := range words {
		if lo > 0 && aggregatePrefixes[words[lo-1]] == "" {
			break
		}
		for hi := len(words); hi > lo; hi-- {
			if s.vocab.metricSeries(strings.Join(words[lo:hi], " ")) != nil {
				return true
			}
			if _, ok := claim.ParseUnit(words[hi-1]); !ok && aggregatePrefixes[words[hi-1]] == "" {
				break
			}
		}
	}
	return false
}

// isLevel reports whether a bare number is a level of a parameter that its
// sentence names: "temperature mattered little, but 0.4 was best".
func (s *session) isLevel(a at) bool {
	lo, _ := sentenceAround(a.c.text, a.q.Start)
	return a.q.Decimals > 0 && slices.ContainsFunc(inSpan(a.c.found.factors, lo, a.q.Start), func(f factorMention) bool {
		return slices.ContainsFunc(f.labels, func(l string) bool {
			return slices.Contains(s.ledger.Values(l), strconv.FormatFloat(a.q.Value, 'g', -1, 64))
		})
	})
}

// metricBefore reports whether the metric's name stands before the number or
// above its line.
func (s *session) metricBefore(a at, sc scope) bool {
	lo, hi := sentenceAround(a.c.text, a.q.Start)
	inside := false
	for _, m := range a.c.found.metrics {
		if m.words == sc.metric && m.start >= lo && m.end <= hi {
			inside = true
			if m.end <= a.q.Start && (a.q.HasUnit || keyed(a.c.text, a.q) || a.q.Start-m.end <= 12) {
				return true
			}
		}
	}
	return !inside
}

func isYear(q claim.Quantity) bool {
	return !q.HasUnit && q.Decimals == 0 && q.Value >= 1900 && q.Value < 2100
}

// keyed reports whether a number follows a colon: "Loss: 0.608".
func keyed(text string, q claim.Quantity) bool {
	before := strings.TrimRight(text[:q.Start], " *`|")
	return strings.HasSuffix(before, ":") || strings.HasSuffix(before, "=")
}

// unitOfMetric reports whether a number has a unit that no parameter has.
func (s *session) unitOfMetric(q claim.Quantity) bool {
	return q.HasUnit && q.Dim.Unit != unit.Token
}

// measure holds a number against the aggregates of the rows that it may be of.
func (s *session) measure(a at) {
	q := a.q
	sc := s.scopeAt(a.c, q.Start, q.End)
	if s.refused(a, sc) {
		return
	}
	if s.sensitivity(a, sc) {
		return
	}
	if q.Key != "" && len(q.Key) > 1 && !s.metricKey(q.Key) {
		s.say(a.p, a.start, a.end, Value, Unverifiable, "no metric has the name "+q.Key, "")
		return
	}
	if !sc.named {
		sc.series = s.seriesOfUnit(q)
	}
	fits := s.fitting(sc, q)
	if len(fits) == 0 {
		s.unfit(a, sc)
		return
	}
	sc.series = fits
	s.remember(a, sc)
	res := s.search(sc, q)
	switch {
	case res.hit != nil && !(sc.named && significant(q) >= 3) && s.outOfReach(a, sc) != "":
		s.say(a.p, a.start, a.end, Value, Unverifiable, s.outOfReach(a, sc), "")
	case res.hit != nil:
		s.last, s.lastSizes = *res.hit, res.sizes
		s.supported(a, sc, res)
	case res.rows == 0:
		s.say(a.p, a.start, a.end, Value, Unverifiable, "no row measures "+s.describe(sc), "")
	default:
		s.missed(a, sc, res)
	}
}

var difference = pattern.MustCompile(`(?i)Δ|\bdelta\b|\bdifference\b`)

// refused takes numbers that cannot be results: placeholders, constants of the
// report's own code, and work that took no time.
func (s *session) refused(a at, sc scope) bool {
	head := strings.ToLower(a.head)
	if strings.Contains(head, "sample value") || strings.Contains(head, "example") || strings.Contains(head, "placeholder") {
		s.say(a.p, a.start, a.end, Value, Unverifiable, "a placeholder, by the words of its own table", "")
		return true
	}
	if strings.Contains(head, "expected") || strings.Contains(head, "target") || strings.Contains(head, "assumed") {
		s.say(a.p, a.start, a.end, Value, Unverifiable, "an expectation, not a measurement", "")
		return true
	}
	if a.head != "" || a.q.Key != "" {
		name := normal(cmp.Or(a.q.Key, a.head))
		for key, line := range s.literals {
			words, v, _ := strings.Cut(key, "=")
			if v == strconv.FormatFloat(a.q.Value, 'g', -1, 64) && line < a.p.Line && len(words) > 2 && (name == words || strings.HasSuffix(name, " "+words)) && !s.measured(name) {
				s.say(a.p, a.start, a.end, Value, Contradicted, fmt.Sprintf("it is a constant in the report's own code (line %d), told as if it had been measured", line), "not measured")
				return true
			}
		}
	}
	if lo, _ := sentenceAround(a.c.text, a.q.Start); difference.MatchString(a.c.text[lo:a.q.Start]) && !strings.Contains(a.c.text[lo:a.q.Start], ",") || difference.MatchString(a.c.text[a.q.End:min(len(a.c.text), a.q.End+16)]) {
		s.say(a.p, a.start, a.end, Value, Unverifiable, "a difference of two things that it does not name", "")
		return true
	}
	q := a.q
	if q.Value == 0 && s.outOfReach(a, scope{}) != "" {
		return false
	}
	isTime := q.HasUnit && (q.Dim.Unit == unit.Second || q.Dim.Unit == unit.SecondPerToken || q.Dim.Unit == unit.TokenPerSecond)
	if q.Value == 0 && !q.Range && !q.Spreads && isTime && (sc.agg == "" || sc.agg == "mean" || sc.agg == "median" || sc.agg == "min" || sc.agg == "max") {
		why := "no work takes no time: a failed or missing measurement was printed as zero"
		if reason := s.failureOf(sc); reason != "" {
			why += "; the rows say: " + reason
		}
		s.say(a.p, a.start, a.end, Value, Malformed, why, "not measured")
		return true
	}
	return false
}

// measured reports whether a column's name is a metric's.
func (s *session) measured(name string) bool {
	for words := range s.vocab.metrics {
		if words == name {
			return true
		}
	}
	return false
}

// failureOf returns why rows of a scope have no value.
func (s *session) failureOf(sc scope) string {
	for i, ser := range s.series {
		if ser.Unit != unit.Second && ser.Unit != unit.TokenPerSecond {
			continue
		}
		g, n := s.rowsOf(i, sc.hard, s.sources)
		if n == 0 {
			continue
		}
		for _, c := range g.Cells {
			if !c.Value.OK() && c.Reason != "" {
				return clip(c.Reason, 120)
			}
		}
	}
	return ""
}

// seriesOfUnit are the metrics that a bare unit may mean.
func (s *session) seriesOfUnit(q claim.Quantity) []int {
	if !q.HasUnit || q.Dim.Percent || q.Dim.Times || q.Dim.Per != "" {
		return nil
	}
	var out []int
	for i, ser := range s.series {
		if ser.Unit == q.Dim.Unit && !ser.said && ser.Values > 0 {
			out = append(out, i)
		}
	}
	return out
}

// fitting keeps the series whose unit the number can have. A cv and a share
// have no unit but percent.
func (s *session) fitting(sc scope, q claim.Quantity) []int {
	var out []int
	for _, i := range sc.series {
		ser := s.series[i]
		switch {
		case sc.agg == "cv":
			if !q.HasUnit || q.Dim.Percent {
				out = append(out, i)
			}
		case q.Dim.Per != "":
		case !q.HasUnit:
			out = append(out, i)
		case ser.Unit == q.Dim.Unit:
			out = append(out, i)
		}
	}
	return out
}

// unfit tells a wrong dimension from a metric that nobody knows.
func (s *session) unfit(a at, sc scope) {
	q := a.q
	switch {
	case q.Dim.Per != "":
		s.compound(a, sc)
	case !sc.named || len(sc.series) == 0:
		if s.repeatsConstant(a) {
			return
		}
		s.say(a.p, a.start, a.end, Value, Unverifiable, fmt.Sprintf("no row has a value in %s of such a thing", cmp.Or(q.Dim.Symbol, "that unit")), "")
	case q.Dim.Percent:
		s.say(a.p, a.start, a.end, Value, Unverifiable, "a share of what, nobody says", "")
	case s.closeBefore(a, sc) && s.outOfReach(a, scope{}) == "":
		s.say(a.p, a.start, a.end, Value, Malformed, fmt.Sprintf("%s is measured in %s, not in %s", sc.metric, s.series[sc.series[0]].Unit, q.Dim.Symbol), "")
	default:
		s.say(a.p, a.start, a.end, Value, Unverifiable, fmt.Sprintf("no row has a value in %s of such a thing", q.Dim.Symbol), "")
	}
}

// closeBefore reports whether the metric was named for this very number: in
// its own sentence or row, not by a title above.
func (s *session) closeBefore(a at, sc scope) bool {
	lo, hi := sentenceAround(a.c.text, a.q.Start)
	if a.cell {
		lo, hi = 0, len(a.c.text)
	}
	for _, m := range a.c.found.metrics {
		if m.words == sc.metric && m.start >= lo && m.end <= hi {
			gap := a.q.Start - m.end
			if gap < 0 || gap >= 40 || a.q.Dim.Unit == unit.Token || loose[m.words] || strings.ContainsAny(a.c.text[m.end:a.q.Start], ",;/→") {
				return false
			}
			return a.cell || !s.measuredBeside(a, sc, lo, hi)
		}
	}
	return false
}

// measuredBeside reports whether another number of the sentence has the unit
// of the metric: the odd one is then of something else.
func (s *session) measuredBeside(a at, sc scope, lo, hi int) bool {
	return slices.ContainsFunc(claim.Quantities(a.c.text[lo:hi], nil), func(q claim.Quantity) bool {
		return q.HasUnit && lo+q.Start != a.q.Start && slices.ContainsFunc(sc.series, func(i int) bool { return s.series[i].Unit == q.Dim.Unit })
	})
}

// repeatsConstant flags a result that the report's own code holds as a constant.
func (s *session) repeatsConstant(a at) bool {
	line, ok := s.numbers[a.q.Value]
	if !ok || a.p.Kind != claim.Output || a.q.Decimals == 0 {
		return false
	}
	s.say(a.p, a.start, a.end, Value, Unverifiable, fmt.Sprintf("it is a constant in the report's own code (line %d); no row measures it", line), "not measured")
	return true
}

// result is what a search found.
type result struct {
	hit     *fact.Fact // a fact that rounds to the number
	group   fact.Group
	sizes   []int  // n of every reading of the words that gives the number
	rows    int    // rows that the words allow
	applied int    // strong mentions that narrowed them
	truth   string // what the rows say instead
	fact    *fact.Fact
	outside bool // the hit lies outside the report's declared sources
	label   string
	inRange bool // the number lies within the rows' own range
	origin  bool // the rows are of one file or run
}

// search tries the narrowest reading first: with what the head of the document
// prefers, then without.
func (s *session) search(sc scope, q claim.Quantity) result {
	var best result
	for _, soft := range sc.softer() {
		mentions := append(slices.Clone(sc.hard), soft...)
		for _, within := range []map[string]bool{s.sources, nil} {
			if within == nil && s.sources != nil && best.rows > 0 {
				continue
			}
			r := s.searchIn(sc, q, mentions, within)
			if r.hit != nil {
				return r
			}
			if r.rows > 0 {
				best = r // the least that the words require judges a miss
			}
		}
	}
	if s.sources != nil {
		if r := s.searchIn(sc, q, sc.hard, nil); r.hit != nil {
			best.outside, best.fact, best.group = true, r.hit, r.group
		}
	}
	return best
}

func (s *session) searchIn(sc scope, q claim.Quantity, mentions []mention, within map[string]bool) result {
	res := result{}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, i := range s.mostNarrowed(sc, mentions, within) {
		if res.hit != nil {
			break
		}
		g, applied := s.rowsOf(i, mentions, within)
		if len(g.Rows) == 0 || len(s.valuesOf(g)) == 0 {
			continue
		}
		res.rows, res.applied = res.rows+len(g.Rows), max(res.applied, applied)
		res.label = cmp.Or(res.label, s.pooledIn(g))
		b := s.boundsOf(g)
		res.origin = b.single
		lo, hi = min(lo, b.lo), max(hi, b.hi)
		for _, part := range s.parts(g, sc, applied > 0) {
			if f, ok := s.match(part, i, sc, q); ok {
				if res.hit == nil {
					res.hit, res.group = &f, part
				}
				res.sizes = append(res.sizes, f.N)
				continue
			}
			if res.hit != nil {
				continue
			}
			if res.fact == nil {
				if f, ok := s.defaultFact(part, i, sc); ok {
					res.fact, res.group = &f, part
					res.truth = s.print(f, part, q)
				}
			}
		}
	}
	if res.hit != nil {
		return res
	}
	v := base(q)
	slack := math.Abs(v)*1e-9 + q.Half()*factor(q)
	res.inRange = v >= lo-slack && v <= hi+slack || sc.agg == "sd" || sc.agg == "cv" || sc.agg == "sum"
	return res
}

// mostNarrowed keeps the series for which the most of the mentions mean
// something: "TensorRT conv: 0.43 ms" is of a series whose rows have both.
func (s *session) mostNarrowed(sc scope, mentions []mention, within map[string]bool) []int {
	most := 0
	counts := map[int]int{}
	for _, i := range sc.series {
		if s.series[i].said {
			continue
		}
		g, _ := s.rowsOf(i, mentions, within)
		if len(s.valuesOf(g)) == 0 {
			continue
		}
		n := 0
		for _, m := range mentions {
			if !m.weak && s.applies(i, m) {
				n++
			}
		}
		counts[i] = n
		most = max(most, n)
	}
	var out []int
	for _, i := range sc.series {
		if n, ok := counts[i]; ok && n == most {
			out = append(out, i)
		}
	}
	return out
}

// parts are the groups that a text may mean by its words: all rows together or
// those of one file or run; all phases, as others pool them, or warm ones.
func (s *session) parts(g fact.Group, sc scope, narrowed bool) []fact.Group {
	return remembered(s.splits, question{keyOf(g), fmt.Sprint("parts", sc.phase, narrowed)}, len(g.Rows) > 0, func() []fact.Group {
		return s.partsOf(g, sc, narrowed)
	})
}

func (s *session) partsOf(g fact.Group, sc scope, narrowed bool) []fact.Group {
	var out []fact.Group
	phases := [][]sample.Phase{nil, {sample.Measure}}
	switch {
	case sc.phase != "":
		phases = [][]sample.Phase{{sc.phase}}
	case s.ownRows(g):
		phases = [][]sample.Phase{{sample.Measure}, nil}
	}
	have := map[string]bool{}
	for _, ph := range phases {
		for k, by := range partitions {
			if k > 1 && !narrowed && s.pooledIn(g) != "" {
				break // of rows of everything, a part of some size has any value
			}
			for _, part := range s.split(g, by, ph) {
				key := fmt.Sprint(len(part.Rows), part.Rows[0].ID, part.Rows[len(part.Rows)-1].ID, ph)
				if !have[key] {
					have[key] = true
					out = append(out, part)
				}
			}
		}
	}
	return out
}

// ownRows reports whether the rows are of a run that chimera conducted.
func (s *session) ownRows(g fact.Group) bool {
	for _, r := range s.ledger.Inventory.Runs {
		if len(g.Rows) > 0 && r.ID == g.Rows[0].Run {
			return !r.Imported
		}
	}
	return false
}

// aggregates that a number may be, by what the text says and how many values
// there are.
func aggregatesFor(ser series, sc scope, n int) []string {
	if ser.agg != "" {
		same := sc.agg == ser.agg || sc.agg == "median" && ser.agg == "p50" || sc.agg == "p50" && ser.agg == "median"
		if same || sc.agg == "" && (ser.agg == "mean" || ser.agg == "median") || n == 1 && sc.agg == "sum" && ser.agg == "mean" {
			if n == 1 {
				return []string{"mean"}
			}
			return []string{"mean", "median"}
		}
		return nil
	}
	switch sc.agg {
	case "":
		out := []string{"mean", "median", "ratio_of_sums"}
		if sc.extreme {
			if ser.better() == metric.Lower {
				out = append(out, "min")
			} else {
				out = append(out, "max")
			}
		}
		if ser.Unit == unit.Second || ser.Unit == unit.Token || ser.Unit == unit.Joule {
			out = append(out, fact.Sum)
		}
		return out
	case "mean":
		return []string{"mean", "ratio_of_sums"}
	case "sd":
		return []string{"sd", fact.SDn}
	case "max", "min":
		return []string{sc.agg}
	case "sum":
		return []string{fact.Sum, "mean"}
	}
	return []string{sc.agg}
}

// match compares a number with a group's aggregates.
func (s *session) match(g fact.Group, i int, sc scope, q claim.Quantity) (fact.Fact, bool) {
	n := len(s.valuesOf(g))
	if n == 0 {
		return fact.Fact{}, false
	}
	ser := s.series[i]
	if q.Range {
		return s.matchRange(g, ser, q)
	}
	for _, agg := range aggregatesFor(ser, sc, n) {
		if agg == "mean" && sc.agg == "sum" && n > 1 {
			continue
		}
		x, ok := s.value(g, agg)
		if !ok || !equal(q, x) && !s.roundedParts(g, q, x) || q.Spreads && !s.spreadFits(g, ser, q) {
			continue
		}
		if f, err := s.fact(g, agg); err == nil {
			return f, true
		}
	}
	return fact.Fact{}, false
}

// roundedParts widens the value rule by half as much for quotients of imported
// rows: their file has the parts rounded, and its writer had the quotient.
func (s *session) roundedParts(g fact.Group, q claim.Quantity, x float64) bool {
	if g.Cells[0].Parts == nil || s.ownRows(g) || q.Least || q.Most {
		return false
	}
	printed := x / factor(q)
	return math.Abs(printed-q.Value) <= min(1.5*q.Half(), q.Half()+3e-5*math.Abs(printed))
}

func (s *session) matchRange(g fact.Group, ser series, q claim.Quantity) (fact.Fact, bool) {
	if ser.agg != "" && ser.agg != "mean" {
		return fact.Fact{}, false
	}
	lo, err1 := s.fact(g, "min")
	hi, err2 := s.fact(g, "max")
	if err1 != nil || err2 != nil {
		return lo, false
	}
	a, ok1 := lo.Value.Get()
	b, ok2 := hi.Value.Get()
	upper := q
	upper.Value = q.Hi
	if ok1 && ok2 && equal(q, a) && equal(upper, b) {
		return lo, true
	}
	return lo, false
}

func (s *session) spreadFits(g fact.Group, ser series, q claim.Quantity) bool {
	spread := q
	spread.Value = q.Spread
	for _, agg := range []string{"sd", fact.SDn} {
		if f, err := s.fact(g, agg); err == nil {
			if x, ok := f.Value.Get(); ok && equal(spread, x) {
				return true
			}
		}
	}
	for _, agg := range []string{"mean", "median"} {
		f, err := s.fact(g, agg)
		if err != nil {
			continue
		}
		lo, ok1 := f.Lo.Get()
		hi, ok2 := f.Hi.Get()
		if ok1 && ok2 && equal(spread, (hi-lo)/2) {
			return true
		}
	}
	if ser.agg == "mean" {
		for i, other := range s.series {
			if other.base == ser.base && other.agg == "sd" {
				for _, row := range g.Rows {
					if c, ok := row.Cell(s.series[i].Name); ok {
						if x, ok := c.Value.Get(); ok && equal(spread, x) {
							return true
						}
					}
				}
			}
		}
	}
	return false
}

// factor brings a printed number to base units.
func factor(q claim.Quantity) float64 {
	if q.HasUnit && q.Dim.Factor != 0 {
		return q.Dim.Factor
	}
	return 1
}

func base(q claim.Quantity) float64 { return q.Value * factor(q) }

// equal is the value rule: the fact, rounded as the number is printed, is the
// number. "About" widens to a unit of the last place or 2 %, whichever is more.
func equal(q claim.Quantity, x float64) bool {
	k := factor(q)
	printed := x / k
	switch {
	case q.Least && !q.Approx:
		return printed >= q.Value-q.Half()*(1+1e-9)
	case q.Most && !q.Approx:
		return printed <= q.Value+q.Half()*(1+1e-9)
	}
	tolerance := q.Half()
	if q.Approx {
		tolerance = max(2*q.Half(), 0.02*math.Abs(q.Value))
	}
	return math.Abs(printed-q.Value) <= tolerance*(1+1e-9)+1e-12*math.Abs(printed)
}

// defaultFact is what the rows say where the number does not agree.
func (s *session) defaultFact(g fact.Group, i int, sc scope) (fact.Fact, bool) {
	for _, agg := range aggregatesFor(s.series[i], sc, len(s.valuesOf(g))) {
		if f, err := s.fact(g, agg); err == nil && f.Value.OK() {
			return f, true
		}
	}
	return fact.Fact{}, false
}

// print renders a fact in the unit and to the places of the claim, and one more.
func (s *session) print(f fact.Fact, g fact.Group, q claim.Quantity) string {
	v, ok := f.Value.Get()
	if !ok {
		return ""
	}
	text := fmt.Sprintf("%s of %s: %s", f.Aggregate, s.nameOf(g), printed(v, f.Unit, q))
	if f.N > 1 {
		text += fmt.Sprintf(", n=%d", f.N)
	}
	return text
}

func printed(v float64, of unit.Unit, q claim.Quantity) string {
	if q.HasUnit && q.Dim.Unit == of {
		decimals := min(max(q.Decimals+1, 0), 6)
		number := strconv.FormatFloat(v/factor(q), 'f', decimals, 64)
		if q.Dim.Percent || q.Dim.Symbol == "×" || q.Dim.Symbol == "x" {
			return number + q.Dim.Symbol
		}
		return number + " " + q.Dim.Symbol
	}
	return format(of, v)
}
