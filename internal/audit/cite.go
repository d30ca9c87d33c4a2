package audit

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/pattern"
	"chimera/internal/unit"
)

// cites judges the numbers of a passage that lead to facts, and returns where
// they stand: no other rule reads them. A citation names its fact, so nothing
// is searched for. The fact must be in the ledger, what is printed must be what
// the fact says in that unit, and the words around must not name another thing.
func (s *session) cites(p *claim.Passage, text string, c context) []claim.Span {
	var taken []claim.Span
	if len(s.doc.Cites) > 0 {
		taken = append(taken, s.quotes(text)...)
		for _, m := range inQuotes.FindAllStringSubmatchIndex(text, -1) {
			if s.isName(text[m[2]:m[3]]) {
				taken = append(taken, claim.Span{Start: m[0], End: m[1]})
			}
		}
		if s.recorded(p) {
			taken = append(taken, claim.Span{Start: p.Cells[1].Start - p.Start, End: p.Cells[1].End - p.Start})
		}
		for _, cell := range p.Cells {
			if s.isName(s.doc.Text[cell.Start:cell.End]) {
				taken = append(taken, claim.Span{Start: cell.Start - p.Start, End: cell.End - p.Start})
			}
		}
	}
	for _, cite := range s.doc.CitesIn(p.Start, p.End) {
		at := claim.Span{Start: cite.Start - p.Start, End: min(cite.End, p.End) - p.Start}
		taken = append(taken, at)
		f, ok := s.cited(cite.Fact)
		taken = append(taken, s.scopeWords(f, p, text)...)
		if !ok {
			s.say(p, cite.Start, cite.End, Value, Contradicted, "it cites a fact that is not in the ledger", "")
			continue
		}
		if cite.Row {
			if why := s.misfiled(f, p); why != "" {
				s.say(p, cite.Start, at.End+p.Start, Value, Contradicted, why, about(f), f)
			} else {
				s.say(p, cite.Start, at.End+p.Start, Value, Supported, "the ledger's own line of this fact", about(f), f)
			}
			continue
		}
		if why, truth := misprinted(f, text[at.Start:at.End], s.headOf(p, cite.Start)); why != "" {
			s.say(p, cite.Start, cite.End, Value, Contradicted, why, truth, f)
			continue
		}
		if why := s.amiss(f, p, at, c); why != "" {
			s.say(p, cite.Start, cite.End, Value, Contradicted, why, about(f), f)
			continue
		}
		s.say(p, cite.Start, cite.End, Value, Supported, "as the cited fact says", about(f), f)
	}
	return taken
}

// scopeWords are the places where a passage says a number of the cited fact's own
// scope: "2 streams" beside a fact with streams=2, or that number below the head
// "streams".
func (s *session) scopeWords(f fact.Fact, p *claim.Passage, text string) []claim.Span {
	var out []claim.Span
	for k, v := range f.Scope {
		if v == "" || strings.Trim(v, "0123456789") != "" {
			continue
		}
		for _, cell := range p.Cells {
			if normal(cell.Head) == normal(k) && strings.TrimSpace(s.doc.Text[cell.Start:cell.End]) == v {
				out = append(out, claim.Span{Start: cell.Start - p.Start, End: cell.End - p.Start})
			}
		}
		for at, phrase := 0, v+" "+k; ; at++ {
			i := strings.Index(text[at:], phrase)
			if i < 0 {
				break
			}
			at += i
			out = append(out, claim.Span{Start: at, End: at + len(phrase)})
		}
	}
	return out
}

// inQuotes is how a report of ours writes a name that reads like a sentence.
var inQuotes = pattern.MustCompile(`“([^“”]{1,400})”`)

// isName reports whether a text is the name of something in the ledger, whole or
// cut short: whatever it says, it is no claim.
func (s *session) isName(text string) bool {
	const least = 12 // letters of a name that was cut, or that could be a claim
	bare := bareName(text)
	if len(bare) < least {
		return false
	}
	s.naming.Do(func() {
		for _, label := range s.ledger.Dimensions() {
			for _, v := range s.ledger.Values(label) {
				s.bare = append(s.bare, bareName(v))
			}
		}
		slices.Sort(s.bare)
	})
	i, ok := slices.BinarySearch(s.bare, bare)
	return ok || strings.HasSuffix(strings.TrimSpace(text), "…") && i < len(s.bare) && strings.HasPrefix(s.bare[i], bare)
}

// bareName is a name's letters and digits, which every rendering keeps.
func bareName(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// cited finds a fact by its id.
func (a *Auditor) cited(id string) (fact.Fact, bool) {
	a.byID.Do(func() {
		a.facts = make(map[string]fact.Fact, len(a.ledger.Cited))
		for _, f := range a.ledger.Cited {
			a.facts[f.ID] = f
		}
	})
	f, ok := a.facts[id]
	return f, ok
}

// headOf is the head of the table column that a place stands in, or "".
func (s *session) headOf(p *claim.Passage, at int) string {
	for _, cell := range p.Cells {
		if cell.Start <= at && at < cell.End {
			return cell.Head
		}
	}
	return ""
}

// misprinted says why a text is not what the fact prints as. The first number
// is the value (or how many values there are), those behind it its interval.
func misprinted(f fact.Fact, text, head string) (why, truth string) {
	text = strings.NewReplacer("\u202f", "", "−", "-").Replace(text)
	if !hasNumber(text) {
		return "", "" // "not measured"
	}
	numbers, dim := numbersOf(text)
	if len(numbers) == 0 {
		return "it holds no number that can be read", about(f)
	}
	if dim.Unit == "" {
		dim = unitBehind(head)
	}
	if dim.Symbol == string(f.Unit) {
		dim = claim.Dim{Unit: f.Unit, Factor: 1, Symbol: dim.Symbol} // a quotient of units, such as token/s/GB
	}
	if dim.Unit != "" && dim.Unit != f.Unit && !(dim.Unit == unit.Ratio && f.Unit == unit.None) && !(dim.Unit == unit.Token && f.Unit == unit.TokenPerChunk) {
		return fmt.Sprintf("it is printed in %s, and the fact is in %s", dim.Symbol, cmpOr(string(f.Unit), "no unit")), about(f)
	}
	v, ok := f.Value.Get()
	lo, _ := f.Lo.Get()
	hi, _ := f.Hi.Get()
	rest := numbers
	if !strings.HasPrefix(strings.TrimSpace(text), "[") {
		q := numbers[0]
		whole := dim.Unit == "" && q.Decimals == 0
		switch {
		case whole && (q.Value == float64(f.N) || q.Value == float64(f.Planned)):
		case ok && strings.HasPrefix(text, "<") && v < q.Value:
		case ok && !strings.HasPrefix(text, "<") && prints(q, dim, v, f.Unit):
		default:
			return "the cited fact has another value", about(f)
		}
		rest = numbers[1:]
	}
	for _, q := range rest {
		if !f.Lo.OK() || !prints(q, dim, lo, f.Unit) && !prints(q, dim, hi, f.Unit) {
			return "the cited fact has another interval", about(f)
		}
	}
	return "", ""
}

// misfiled says what is wrong in a fact's own row of a printed ledger.
func (s *session) misfiled(f fact.Fact, p *claim.Passage) string {
	for _, cell := range p.Cells {
		text := strings.TrimSpace(s.doc.Text[cell.Start:cell.End])
		if !hasNumber(text) || strings.HasPrefix(strings.Trim(text, "*"), "not measured") {
			continue
		}
		switch head := normal(cell.Head); head {
		case "value", "interval":
			if why, _ := misprinted(f, text, ""); why != "" {
				return head + ": " + why
			}
		case "n", "planned":
			if want := map[string]int{"n": f.N, "planned": f.Planned}[head]; text != fmt.Sprint(want) {
				return fmt.Sprintf("its %s is %d", head, want)
			}
		}
	}
	return ""
}

// unitBehind is the unit that a column's head ends in: "time, mean, µs".
func unitBehind(head string) claim.Dim {
	if i := strings.LastIndex(head, ", "); i >= 0 {
		if d, ok := claim.ParseUnit(head[i+2:]); ok {
			return d
		}
	}
	return unitOfHead(head)
}

// numbersOf reads the numbers of a citation and the unit behind the last.
func numbersOf(text string) (numbers []claim.Quantity, dim claim.Dim) {
	for _, q := range claim.Quantities(strings.NewReplacer("[", " ", "]", " ", ", ", " ; ", "< ", "").Replace(text), nil) {
		if q.HasUnit {
			dim = q.Dim
		}
		if !q.Word {
			numbers = append(numbers, q)
		}
	}
	return numbers, dim
}

// prints reports whether a value rounds to a printed number in a unit. A ratio
// may be printed as such, in percent, or as the change that it is.
func prints(q claim.Quantity, dim claim.Dim, v float64, of unit.Unit) bool {
	factor := dim.Factor
	if dim.Unit == "" {
		factor = 1
	}
	near := func(x float64) bool {
		return math.Abs(x/factor-q.Value) <= q.Half()*(1+1e-9)+1e-9*math.Abs(q.Value)
	}
	return near(v) || dim.Percent && (of == unit.Ratio || of == unit.None) && near(v-1)
}

// about says which fact it is.
func about(f fact.Fact) string {
	var scope []string
	for _, k := range sortedKeys(f.Scope) {
		scope = append(scope, f.Scope[k])
	}
	value := f.Reason
	if v, ok := f.Value.Get(); ok {
		value = f.Unit.Format(v)
	}
	return strings.Join(append([]string{fmt.Sprintf("%s of %s: %s", f.Aggregate, f.Metric, value), fmt.Sprintf("n=%d", f.N)}, scope...), " · ")
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// amiss says which other thing the words beside a citation name: the sentence up
// to it, or its whole table row. Words that name nothing of the fact's own kind
// say nothing against it, and where its own thing is named too, the reader has it.
func (s *session) amiss(f fact.Fact, p *claim.Passage, at claim.Span, c context) string {
	near := s.beside(p, at, c.text)
	other := ""
	var own []string
	for _, m := range c.found.things {
		if m.weak || m.start < near.Start || m.end > near.End || m.start < at.End && at.Start < m.end || partOfScope(f, m.words) {
			continue
		}
		for _, label := range m.labels() {
			mine := s.ofScope(f, label)
			switch {
			case slices.ContainsFunc(m.values(label), func(v string) bool { return slices.Contains(mine, v) || inScope(f, v) }):
				return ""
			case len(mine) > 0 && label != "file":
				other, own = m.words, mine
			}
		}
	}
	said := strings.ToLower(c.text[near.Start:near.End])
	if other == "" || slices.ContainsFunc(own, func(v string) bool { return strings.Contains(said, strings.ToLower(v)) }) {
		return ""
	}
	return fmt.Sprintf("the words name %s, and the cited fact is of %s", other, strings.Join(own, ", "))
}

// partOfScope reports whether words are part of a name in the fact's own scope:
// "servers" of the arm "two-servers" names no other thing.
func partOfScope(f fact.Fact, words string) bool {
	for _, own := range f.Scope {
		if strings.Contains(" "+normal(own)+" ", " "+words+" ") {
			return true
		}
	}
	return false
}

func inScope(f fact.Fact, v string) bool {
	for _, own := range f.Scope {
		if own == v {
			return true
		}
	}
	return false
}

// beside is what a reader takes a number with: what its sentence said so far, or
// its whole row.
func (s *session) beside(p *claim.Passage, at claim.Span, text string) claim.Span {
	if p.Kind == claim.Row {
		return claim.Span{Start: 0, End: len(text)}
	}
	lo, _ := sentenceAround(text, at.Start)
	return claim.Span{Start: lo, End: at.Start}
}

// ofScope are the values of a label that a fact's scope holds; a comparison has
// two sides.
func (s *session) ofScope(f fact.Fact, label string) []string {
	var own []string
	if v := f.Scope[label]; v != "" {
		own = append(own, v)
	}
	for _, side := range []string{"of", "to", "against"} {
		if v := f.Scope[side]; v != "" && slices.Contains(s.ledger.Values(label), v) {
			own = append(own, v)
		}
	}
	return own
}

// carried reports whether a sentence cites a fact that carries words of
// comparison: one that was computed from others, a ratio with its interval or
// the p of a test. Its words are then those of the finding that made it; where
// only plain values are cited, the words are judged by the rows.
func (s *session) carried(p *claim.Passage, span claim.Span) bool {
	for text := s.doc.PassageText(*p); strings.HasSuffix(strings.TrimSpace(text[span.Start:span.End]), ";") && span.End < len(text); {
		rest := claim.Sentences(text[span.End:]) // what follows a semicolon is of the same claim
		if len(rest) == 0 {
			break
		}
		span.End += max(rest[0].End, 1)
	}
	for _, cite := range s.doc.CitesIn(p.Start+span.Start, p.Start+span.End) {
		if f, ok := s.cited(cite.Fact); ok && len(f.Evidence.From) > 0 {
			return true
		}
	}
	return false
}
