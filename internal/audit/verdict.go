package audit

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// supported says so, unless what is true would still mislead.
func (s *session) supported(a at, sc scope, res result) {
	f := *res.hit
	s.luckiest(a, sc, f)
	if why := s.misleads(sc, res); why != "" {
		s.say(a.p, a.start, a.end, Value, Misleading, why, s.print(f, res.group, a.q), f)
		return
	}
	why := fmt.Sprintf("%s of %s", f.Aggregate, s.nameOf(res.group))
	if f.N > 1 {
		why += fmt.Sprintf(", n=%d", f.N)
	}
	if f.Aggregate == "mean" && sc.agg == "" && f.Unit == unit.TokenPerSecond {
		why += "; the aggregate is not stated"
	}
	s.say(a.p, a.start, a.end, Value, Supported, why, "", f)
}

// misleads looks for what a true mean hides: cold rows among warm ones, and a
// few rows that make the whole value.
func (s *session) misleads(sc scope, res result) string {
	f, g := *res.hit, res.group
	if f.Mixed() && (f.Aggregate == "mean" || f.Aggregate == "sd" || f.Aggregate == "cv") {
		if warm := s.split(g, nil, []sample.Phase{sample.Measure}); len(warm) == 1 {
			w, err := s.fact(warm[0], f.Aggregate)
			x, ok1 := f.Value.Get()
			y, ok2 := w.Value.Get()
			if err == nil && ok1 && ok2 && math.Abs(x-y) > 0.1*math.Abs(y) {
				return fmt.Sprintf("it pools cold and warm rows: the %s of the %d warm rows alone is %s", f.Aggregate, w.N, format(w.Unit, y))
			}
		}
	}
	ser := s.series[s.indexOf(f.Metric)]
	if ser.agg == "mean" && len(g.Rows) == 1 {
		if why := s.dominated(ser, g.Rows[0]); why != "" {
			return why
		}
	}
	if f.Aggregate == "mean" && f.N >= 3 && ser.better() != metric.Neutral {
		med, err := s.fact(g, "median")
		x, _ := f.Value.Get()
		y, ok := med.Value.Get()
		if err == nil && ok && y > 0 && (x > 2*y || x < y/2) {
			return fmt.Sprintf("a few rows make this mean: the median of the same %d rows is %s", f.N, format(med.Unit, y))
		}
	}
	return ""
}

// dominated tells a stored mean that one value makes.
func (s *session) dominated(ser series, row *fact.Row) string {
	value := func(agg string) (float64, bool) {
		for _, o := range s.series {
			if o.base == ser.base && o.agg == agg {
				if c, ok := row.Cell(o.Name); ok {
					return c.Value.Get()
				}
			}
		}
		return 0, false
	}
	mean, ok1 := value("mean")
	sd, ok2 := value("sd")
	least, ok3 := value("min")
	most, ok4 := value("max")
	if ok1 && ok2 && mean > 0 && sd > mean {
		why := fmt.Sprintf("outliers make this mean: the standard deviation is %s", format(ser.Unit, sd))
		if ok3 && ok4 {
			why += fmt.Sprintf(", the smallest value %s, the largest %s", format(ser.Unit, least), format(ser.Unit, most))
		}
		return why
	}
	return ""
}

func (s *session) indexOf(name string) int {
	for i, ser := range s.series {
		if ser.Name == name {
			return i
		}
	}
	return 0
}

// missed decides what a number is that no reading of its words supports.
func (s *session) missed(a at, sc scope, res result) {
	q := a.q
	var facts []fact.Fact
	if res.fact != nil {
		facts = append(facts, *res.fact)
	}
	elsewhere := s.elsewhere(sc, q)
	if elsewhere != "" {
		elsewhere = "; the digits are those of " + elsewhere
	}
	unverifiable := func(why string) { s.say(a.p, a.start, a.end, Value, Unverifiable, why, "") }
	if !sc.named && !(res.applied > 0 && (q.Dim.Unit == unit.TokenPerSecond || a.p.Kind == claim.Output || a.cell && !a.c.own)) {
		unverifiable("of which metric it is, nobody says")
		return
	}
	if res.outside {
		s.say(a.p, a.start, a.end, Value, Contradicted, fmt.Sprintf("no aggregate of %s in the files that the report names as its sources; the digits are those of %s", s.describe(sc), s.nameOf(res.group)), res.truth, facts...)
		return
	}
	if why := s.outOfReach(a, sc); why != "" {
		unverifiable(why + elsewhere)
		return
	}
	near := !s.open() || s.holdsThing(a, sc, false)
	whole := near && res.label == "" && (res.applied > 0 || s.alone(sc, res)) // all rows are of what the words name
	generic := loose[sc.metric] || slices.Contains(timeNames, strings.TrimSuffix(sc.metric, "s"))
	if generic && s.open() && !s.holdsThing(a, sc, true) {
		near, whole = false, false
	}
	switch f, why, ok := s.largest(sc, res, q); {
	case a.c.paired:
		unverifiable("of which of the two it is, nobody says" + elsewhere)
	case a.c.vague && s.sameRow(a, sc):
		s.say(a.p, a.start, a.end, Value, Supported, "the numbers of this line are together those of one row", "")
	case a.c.vague && (s.open() || s.single(sc, q) || res.inRange && sc.agg != ""):
		unverifiable("of which rows it is, their names do not say" + elsewhere)
	case whole && sc.agg == "" && (s.open() || significant(q) > 3) && !ok && s.single(sc, q):
		unverifiable("it is the value of one of its rows; of which, nobody says")
	case res.applied == 0 && slices.ContainsFunc(sc.hard, isThing):
		unverifiable("no row measures " + s.describe(sc))
	case s.slip(a, sc, facts):
	case whole && ok:
		s.say(a.p, a.start, a.end, Value, Misleading, why, "", f)
	case whole && (sc.agg != "" || !res.inRange || !s.open() || res.origin):
		s.say(a.p, a.start, a.end, Value, Contradicted, fmt.Sprintf("no %s of %s rounds to it", aggregateName(sc.agg), s.describe(sc))+elsewhere, res.truth, facts...)
	case whole:
		unverifiable("no aggregate is named, and rows of several files lie on both sides of it" + elsewhere)
	case !res.inRange && (near && res.applied > 0 || !generic && (sc.agg != "" || !s.open())):
		s.say(a.p, a.start, a.end, Value, Contradicted, fmt.Sprintf("every row of %s lies on one side of it", s.describe(sc)), res.truth, facts...)
	case res.label != "":
		unverifiable(fmt.Sprintf("the rows differ in %s, and the text names none", res.label) + elsewhere)
	default:
		unverifiable("of which rows it is, nobody says" + elsewhere)
	}
}

func aggregateName(agg string) string {
	if agg == "" {
		return "aggregate"
	}
	return agg
}

// alone reports whether the words leave one thing only that was measured.
func (s *session) alone(sc scope, res result) bool {
	return sc.named && res.label == "" && res.rows > 0
}

// slip finds a number whose digits are right in another power of a thousand.
func (s *session) slip(a at, sc scope, facts []fact.Fact) bool {
	q := a.q
	if !q.HasUnit || significant(q) < 4 || q.Least || q.Most {
		return false
	}
	for _, k := range []float64{1e3, 1e-3, 1e6, 1e-6} {
		scaled := q
		scaled.Dim.Factor *= k
		for i, ser := range s.series {
			if ser.Unit != q.Dim.Unit || sc.agg != "" && ser.agg != sc.agg && !strings.HasPrefix(ser.Name, sc.agg) {
				continue
			}
			g, applied := s.rowsOf(i, sc.hard, nil)
			if applied < len(sc.hard) && len(sc.hard) > 0 {
				continue
			}
			for _, part := range s.split(g, []string{"file"}, nil) {
				for _, agg := range []string{"mean", "max"} {
					x, ok := s.value(part, agg)
					if !ok || !equal(scaled, x) {
						continue
					}
					if f, err := s.fact(part, agg); err == nil {
						s.say(a.p, a.start, a.end, Value, Contradicted, fmt.Sprintf("the unit is wrong by a factor of %g: the digits are those of %s", 1/k, s.nameOf(part)), format(f.Unit, x), f)
						return true
					}
				}
			}
		}
	}
	return false
}

func significant(q claim.Quantity) int {
	text := fmt.Sprintf("%.*f", max(q.Decimals, 0), math.Abs(q.Value))
	if q.Decimals <= 0 {
		text = strings.TrimRight(text, "0") // of 1,400 nobody knows more than two
	}
	return len(strings.TrimLeft(strings.ReplaceAll(text, ".", ""), "0"))
}

// elsewhere names a thing whose number this is, to help whoever mends it.
func (s *session) elsewhere(sc scope, q claim.Quantity) string {
	if significant(q) < 3 {
		return ""
	}
	for _, i := range sc.series {
		g, _ := s.rowsOf(i, nil, nil)
		for _, label := range []string{"subject", "model", "method", "backend", "operation"} {
			if !s.labelsOf(i)[label] {
				continue
			}
			for _, part := range s.split(g, []string{"file", label}, nil) {
				for _, agg := range []string{"mean", "median", "max", "min"} {
					if x, ok := s.value(part, agg); ok && equal(q, x) {
						return fmt.Sprintf("the %s of %s", agg, s.nameOf(part))
					}
				}
			}
		}
	}
	return ""
}

// stated is a value that the report gave for a thing.
type stated struct {
	thing  string
	what   string
	value  float64
	unit   unit.Unit
	agg    string
	line   int
	at     at
	hard   []mention
	series []int
}

// remember keeps what a report says of a thing for the checks within it.
func (s *session) remember(a at, sc scope) {
	var words []string
	for _, m := range sc.hard {
		words = append(words, m.words)
	}
	u := a.q.Dim.Unit
	if u == "" && len(sc.series) > 0 {
		u = s.series[sc.series[0]].Unit
	}
	s.stated = append(s.stated, stated{strings.Join(words, " "), sc.metric, base(a.q), u, sc.agg, a.p.Line, a, sc.hard, sc.series})
}

// compound checks a quotient of two values that the report states, such as
// tok/s/MB: its digits may be right in another power of a thousand.
func (s *session) compound(a at, sc scope) {
	per, ok := claim.ParseUnit(a.q.Dim.Per)
	if !ok {
		per = claim.Dim{Factor: 1}
	}
	printed := a.q.Value
	for _, x := range s.stated {
		if x.unit != a.q.Dim.Unit || x.value == 0 {
			continue
		}
		for _, y := range s.sizes {
			if y.thing == "" || x.thing == "" || !strings.Contains(x.thing, y.thing) && !strings.Contains(y.thing, x.thing) {
				continue
			}
			quotient := x.value / a.q.Dim.Factor / (y.value / per.Factor)
			for _, k := range []float64{1, 1e3, 1e-3, 1e6, 1e-6} {
				if math.Abs(printed-quotient*k) > 1e-4*math.Abs(printed)+a.q.Half() {
					continue
				}
				if k == 1 {
					s.say(a.p, a.start, a.end, Value, Unverifiable, fmt.Sprintf("the quotient of two figures of this report (line %d); no row measures the second", y.line), "")
				} else {
					s.say(a.p, a.start, a.end, Value, Malformed, fmt.Sprintf("the unit is wrong by a factor of %g: %.6g by %.6g is %.4g %s", k, x.value/a.q.Dim.Factor, y.value/per.Factor, quotient, a.q.Dim.Symbol), fmt.Sprintf("%.4g %s", quotient, a.q.Dim.Symbol))
				}
				return
			}
		}
	}
	s.say(a.p, a.start, a.end, Value, Unverifiable, "no two figures of this report give this quotient", "")
}

// luckiest notes a configuration that is called the best by its only run.
func (s *session) luckiest(a at, sc scope, f fact.Fact) {
	config := slices.ContainsFunc(sc.hard, func(m mention) bool { return strings.HasPrefix(m.terms[0].label, "config.") })
	called := slices.ContainsFunc(sc.layers, func(l string) bool { return containsAny(l, "optimal", "best") })
	if f.N != 1 || !config || !called || a.cell {
		return
	}
	s.say(a.p, a.p.Start, a.p.End, Superlative, Unverifiable, "the best of many configurations with one run each: chance alone has a best, and nothing separates it from the rest", "")
}
