package audit

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/claim"
	"chimera/internal/pattern"
	"chimera/internal/unit"
)

// Checks of a report against itself need no rows: what they find is wrong
// whatever was measured.

var (
	shareBehind = pattern.MustCompile(`\b(\d{1,6})\s?(?:/|of|out of)\s?(\d{1,6})\b[^()%\d]{0,24}\(~?(\d+(?:\.\d+)?)\s?%\)`)
	shareBefore = pattern.MustCompile(`\b(\d+(?:\.\d+)?)\s?%\s?\((\d{1,6})\s?(?:/|of|out of)\s?(\d{1,6})\b`)
	bracketed   = pattern.MustCompile(`\[\s*([+\-−]?\d[\d,]*(?:\.\d+)?)\s*(?:,|;|to|–|-)\s*([+\-−]?\d[\d,]*(?:\.\d+)?)\s*[^\]\d]{0,12}\]`)
	summaries   = pattern.MustCompile(`(?i)\b(?:summary|abstract|headline|tl;?dr|conclusions?|key (?:findings|results|takeaways)|highlights|overview)\b`)
	totals      = pattern.MustCompile(`(?i)^[\s*_]*(?:grand |sub)?(?:totals?|sum|overall total)[\s*_:]*$`)
	unsummed    = pattern.MustCompile(`(?i)mean|average|avg|median|rate|ratio|%|percent|p\d\d|min|max|per |/s|speed|score|std|sd|cv`)
)

// shares holds "7 of 9 (78 %)" against itself.
func (s *session) shares(p *claim.Passage, text string) {
	check := func(m []int, k, n, percent int) {
		part, err1 := strconv.ParseFloat(text[m[2*k]:m[2*k+1]], 64)
		whole, err2 := strconv.ParseFloat(text[m[2*n]:m[2*n+1]], 64)
		printed := text[m[2*percent]:m[2*percent+1]]
		v, err3 := strconv.ParseFloat(printed, 64)
		if err1 != nil || err2 != nil || err3 != nil || whole == 0 || part > whole {
			return
		}
		decimals := 0
		if i := strings.IndexByte(printed, '.'); i >= 0 {
			decimals = len(printed) - i - 1
		}
		share := part / whole * 100
		if math.Abs(share-v) > 0.5*math.Pow(10, -float64(decimals))*(1+1e-9)+1e-9 {
			s.say(p, p.Start+m[0], p.Start+m[1], Value, Contradicted, "the counts give another share", strconv.FormatFloat(share, 'f', decimals+1, 64)+" %")
		}
	}
	if !strings.Contains(text, "%") {
		return
	}
	for _, m := range shareBehind.FindAllStringSubmatchIndex(text, 16) {
		check(m, 1, 2, 3)
	}
	for _, m := range shareBefore.FindAllStringSubmatchIndex(text, 16) {
		check(m, 2, 3, 1)
	}
}

// intervals reads "102.2 [101.8, 102.6]": the two ends belong to the number
// before them, which must lie between. It returns where they stand.
func (s *session) intervals(p *claim.Passage, text string, c context) []claim.Span {
	if !strings.Contains(text, "[") {
		return nil
	}
	var taken []claim.Span
	quantities := claim.Quantities(text, c.names.Hidden)
	for _, m := range bracketed.FindAllStringSubmatchIndex(text, 16) {
		lo, err1 := parseEnd(text[m[2]:m[3]])
		hi, err2 := parseEnd(text[m[4]:m[5]])
		if err1 != nil || err2 != nil {
			continue
		}
		if covers(c.cited, m[0]) {
			continue // it leads to its fact, which has its own value
		}
		taken = append(taken, claim.Span{Start: m[0], End: m[1]})
		start, end := p.Start+m[0], p.Start+m[1]
		if lo > hi {
			s.say(p, start, end, Value, Malformed, "an interval whose lower end is the higher", "")
			continue
		}
		var of *claim.Quantity
		for i := range quantities {
			if q := &quantities[i]; q.End <= m[0] && m[0]-q.End < 24 && !q.Range && !(q.HasUnit && q.Dim.Percent) {
				of = q
			}
		}
		if of != nil && (of.Value < lo-of.Half() || of.Value > hi+of.Half()) {
			s.say(p, start, end, Value, Contradicted, fmt.Sprintf("%g lies outside its own interval", of.Value), "")
		}
	}
	return taken
}

func parseEnd(text string) (float64, error) {
	return strconv.ParseFloat(strings.NewReplacer(",", "", "−", "-").Replace(text), 64)
}

// grim holds a mean of whole numbers against how many there are: n of them have
// only means that are a multiple of 1/n (Brown and Heathers 2017).
func grim(q claim.Quantity, n int) bool {
	if n < 1 || q.Decimals < 1 || float64(n) >= math.Pow(10, float64(q.Decimals)) {
		return true // every printed mean is possible
	}
	near := math.Round(q.Value * float64(n))
	for _, k := range []float64{near - 1, near, near + 1} {
		if math.Abs(k/float64(n)-q.Value) <= q.Half()*(1+1e-9) {
			return true
		}
	}
	return false
}

// grimOf applies it to the figure that an n follows, where its metric counts.
func (s *session) grimOf(a at) {
	if len(s.stated) == 0 {
		return
	}
	st := s.stated[len(s.stated)-1]
	if st.at.p != a.p || st.unit != unit.Token || st.agg != "mean" && st.agg != "" || st.at.q.Spreads || st.at.q.Range || st.at.q.Approx {
		return
	}
	if n := int(a.q.Value); !grim(st.at.q, n) {
		s.say(a.p, st.at.start, st.at.end, Value, Contradicted, fmt.Sprintf("no %d whole numbers have this mean", n), "")
	}
}

// summed holds the last row of a table, if it is called the total, against the
// rows above it, column by column.
func (s *session) summed() {
	type column struct {
		sum, slack float64
		n          int
	}
	columns, table := map[int]*column{}, 0
	for i := range s.doc.Passages {
		p := &s.doc.Passages[i]
		if p.Kind != claim.Row || len(p.Cells) < 2 {
			continue
		}
		if p.Table != table {
			columns, table = map[int]*column{}, p.Table
		}
		total := totals.MatchString(s.doc.Text[p.Cells[0].Start:p.Cells[0].End])
		for k, cell := range p.Cells[1:] {
			qs := claim.Quantities(s.doc.Text[cell.Start:cell.End], nil)
			if unsummed.MatchString(cell.Head) || len(qs) != 1 || qs[0].Range || qs[0].Spreads || qs[0].Word || qs[0].HasUnit && qs[0].Dim.Unit == unit.Ratio {
				delete(columns, k)
				continue
			}
			q := qs[0]
			col := columns[k]
			switch {
			case !total && col == nil:
				columns[k] = &column{base(q), q.Half() * factor(q), 1}
			case !total:
				col.sum, col.slack, col.n = col.sum+base(q), col.slack+q.Half()*factor(q), col.n+1
			case col != nil && col.n > 1 && math.Abs(col.sum-base(q)) > (col.slack+q.Half()*factor(q))*(1+1e-9) && q.Decimals >= 0:
				s.say(p, cell.Start+q.Start, cell.Start+q.End, Value, Contradicted, fmt.Sprintf("the %d rows above it do not make this total", col.n), strconv.FormatFloat(col.sum/factor(q), 'f', max(q.Decimals, 0), 64))
			}
		}
	}
}

// headlines holds the figures of a summary against those of the body, where
// these say something of the same thing, metric and aggregate and none agrees.
func (s *session) headlines() {
	key := func(st stated) string { return st.thing + "|" + st.what + "|" + st.agg + "|" + string(st.unit) }
	body := map[string][]stated{}
	var head []stated
	for _, st := range s.stated {
		if st.thing == "" || st.what == "" || loose[st.what] || st.agg == "" || st.at.c.vague || st.at.q.Range {
			continue
		}
		if slices.ContainsFunc(st.at.p.Section, summaries.MatchString) {
			head = append(head, st)
		} else {
			body[key(st)] = append(body[key(st)], st)
		}
	}
	for _, h := range head {
		others := body[key(h)]
		if len(others) == 0 || slices.ContainsFunc(others, func(b stated) bool { return agree(h, b) }) {
			continue
		}
		if i, ok := s.seen[[2]int{h.at.start, h.at.end}]; ok && (s.claims[i].Verdict == Supported || s.claims[i].Verdict == Misleading) {
			continue
		}
		b := others[0]
		s.say(h.at.p, h.at.start, h.at.end, Value, Contradicted, fmt.Sprintf("the body of the report says %s (line %d)", oneLine(s.doc.Text[b.at.start:b.at.end]), b.line), "")
	}
}

// agree reports whether two printed values may be one, as each was rounded.
func agree(a, b stated) bool {
	slack := a.at.q.Half()*factor(a.at.q) + b.at.q.Half()*factor(b.at.q)
	if a.at.q.Approx || b.at.q.Approx {
		slack += 0.02 * math.Abs(a.value)
	}
	return a.at.q.Least || a.at.q.Most || b.at.q.Least || b.at.q.Most || math.Abs(a.value-b.value) <= slack*(1+1e-9)
}

// borrowed tells figures that a report elsewhere quotes from another one, and
// here prints without saying so.
func (s *session) borrowed() {
	type figure struct {
		value float64
		unit  unit.Unit
	}
	from, line := map[figure]string{}, map[figure]int{}
	for i := range s.doc.Passages {
		p := &s.doc.Passages[i]
		text := s.doc.PassageText(*p)
		if p.Kind == claim.Code || p.Kind == claim.Row || !attributed.MatchString(text) {
			continue
		}
		for _, span := range claim.Sentences(text) {
			origin := s.quotedFrom(text[span.Start:span.End])
			if origin == "" || origin == "elsewhere" {
				continue
			}
			for _, q := range claim.Quantities(text[span.Start:span.End], nil) {
				if f := (figure{base(q), q.Dim.Unit}); q.HasUnit && q.Decimals > 0 && !q.Signed && significant(q) >= 3 && line[f] == 0 {
					from[f], line[f] = origin, p.Line
				}
			}
		}
	}
	for _, st := range s.stated {
		f := figure{st.value, st.at.q.Dim.Unit}
		i, ok := s.seen[[2]int{st.at.start, st.at.end}]
		if from[f] == "" || !ok || s.claims[i].Verdict != Unverifiable || line[f] == st.line {
			continue
		}
		s.claims[i].Kind = Provenance
		s.claims[i].Why += fmt.Sprintf("; in line %d the report quotes this figure from %s", line[f], from[f])
	}
}
