package audit

import (
	"fmt"
	"slices"
	"strings"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/pattern"
)

// A number is contradicted only by the rows of the very thing that it is of.
// What follows reads the words that put it out of their reach.

var (
	// derived names what is computed from values and is none of them.
	derived = pattern.MustCompile(`(?i)\b(?:penalt(?:y|ies)|spikes?|spiking|deltas?|overheads?|difference|differences|gap|headroom|penali[sz]ed|adding|adds|added|saves?|savings?|costs|extra|additional|swings?|threshold|margins?|tolerance|budget|limits?|ceiling|efficiency|contention|saturation|degradation|variance|range|interval|jitter|slope|residual|product|bandwidth|headline|idle)\b|Δ|[a-z]/s\s*/|\bper (?:gb|mb|gib|mib|w|watt|dollar|layer|core)\b|±\s*$`)
	// differs are those of them that a change of two values may be called.
	differs = pattern.MustCompile(`(?i)^(?:penalt|delta|Δ|saving|saves|extra|additional|difference|gap|degradation|adds|adding|overhead)`)
	// assumed names what nobody measured.
	assumed = pattern.MustCompile(`(?i)\b(?:expected?|expects|estimated?|estimates|predict(?:s|ed|ion)|projected|theoretical(?:ly)?|hypothetical(?:ly)?|assum(?:e|es|ed|ing)|target(?:s|ed)?|would|could|should|simulated|ideal(?:ly)?|goal|worst-case|best-case)\b`)
	// numbered names one of several of a kind by its number or letter.
	numbered = pattern.MustCompile(`(?i:\b(?:tests?|trials?|scenarios?|phases?|cases?|agents?|experiments?|sessions?|rounds?|iterations?|stud(?:y|ies)|cohorts?|batch(?:es)?|sites?|patients?|lots?|workers?|nodes?|groups?|arms?|teams?|days?|weeks?)\s+#?)(?:\d{1,4}|[A-Z])\b`)
	// attributed names another report as the origin of what is said.
	attributed = pattern.MustCompile(`\b(?:TR|Technical Report|Report|Paper|Study|Whitepaper)[\s#-]*(\d{1,4})\b|(?i:\baccording to\b|\bas (?:reported|published|shown|found) (?:in|by)\b|\breported (?:in|by)\b|\b(?:previous|prior|earlier|their) (?:report|study|work|paper|findings)\b|\bet al\b)`)
	// aside names a number in brackets: "(first call: 7.8 s, later: 0.1 s)".
	aside = pattern.MustCompile(`\([^()]*?([A-Za-z][A-Za-z -]{2,30}):\s*$`)
	// stranger may be the name of a thing.
	stranger = pattern.MustCompile(`\b(?:of|for|on|by|with)\s+(?:the\s+)?([A-Z][A-Za-z0-9:._-]{2,})|^\s*([A-Z][A-Za-z0-9:._-]{2,})\s+(?:has|needs|averages|shows|reaches|takes|runs|needed|took|reached|averaged|showed)\b`)
	pronoun  = pattern.MustCompile(`(?i)^(?:it|this|that|each|they|all|both|which|one|none|every|everything|nothing|warm|cold|gpu|cpu|cuda|ttft|january|february|march|april|may|june|july|august|september|october|november|december)$`)
	// identifier is a name that a program would give.
	identifier = pattern.MustCompile(`\b[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9.]+){2,}`)
	// reckoned joins a number to another by arithmetic.
	reckonedBefore = pattern.MustCompile(`\d[^\s*]*\s*(?:[a-zA-Z%/]+\s*)?(?:[×÷+−/]\s*| \* )$`)
	reckonedAfter  = pattern.MustCompile(`^(?:\s*[×÷+−/]\s*| \* )\d`)
	equation       = pattern.MustCompile(`\d[^=]*(?:[×÷+−/]\s*| \* )\d[^=]*=\s*$`)
	setup          = pattern.MustCompile(`(?i)^[\W_]*(?:test |benchmark |run |model |default |base(?:line)? )?(?:config(?:uration)?|settings?|parameters|set-?up)\b[^:=]{0,20}:`)
)

// reach is how far the words of a number may stand from it, in bytes.
const reach = 400

// outOfReach says why the rows cannot refute a number: its words name a
// quantity, an instance, a setting or an origin that the rows do not hold. It
// is "" where everything that the words name is in the rows.
func (s *session) outOfReach(a at, sc scope) string {
	text, q := a.c.text, a.q
	lo, hi := sentenceAround(text, q.Start)
	if a.cell {
		lo, hi = 0, len(text)
	}
	lo, hi = max(lo, q.Start-reach), min(hi, q.End+reach)
	if from := s.quotedFrom(text[lo:hi]); from != "" {
		return "it is quoted from " + from + ", whose rows are not here"
	}
	left, right := clause(text, q, lo, hi)
	for _, part := range []claim.Span{left, right} {
		if w := s.derivedIn(a, part); w != "" && !(s.isChange(a) && differs.MatchString(w)) {
			return fmt.Sprintf("%q is no value of a row", w)
		}
	}
	if w := assumed.FindString(text[lo:hi]); w != "" {
		return fmt.Sprintf("%q: nobody says that it was measured", w)
	}
	if reckonedBefore.MatchString(text[lo:q.Start]) || reckonedAfter.MatchString(text[q.End:hi]) || equation.MatchString(text[lo:q.Start]) {
		return "a step of a computation, not a value of a row"
	}
	if w := s.strangerIn(a, left); w != "" {
		return "no row is of " + w
	}
	if w := s.unknownIdentifier(text[lo:q.Start]); w != "" {
		return "no row is of " + w
	}
	if m := aside.FindStringSubmatch(text[lo:q.Start]); m != nil && s.unknownName(m[1]) && !isAggregate(m[1]) {
		return fmt.Sprintf("no row says which is %q", m[1])
	}
	if w := s.instance(a, lo, hi); w != "" {
		return fmt.Sprintf("no row says which is %q", w)
	}
	if w := s.absentSetting(a, sc, lo, hi); w != "" && s.open() {
		return "no row of it has " + w
	}
	for _, m := range a.c.found.things {
		if len(sc.series) == 0 || m.weak || m.start < lo || m.end > hi || m.start < q.End && q.Start < m.end || !slices.ContainsFunc(sc.hard, func(h mention) bool { return h.start == m.start && h.words == m.words }) {
			continue
		}
		if !slices.ContainsFunc(sc.series, func(i int) bool { return s.applies(i, m) }) {
			return fmt.Sprintf("no row with %s says of which %s it is", s.describeMetric(sc), m.words)
		}
	}
	return ""
}

func (s *session) describeMetric(sc scope) string {
	if sc.metric == "" {
		return "such a value"
	}
	return sc.metric
}

// clause is the part of a sentence that a number stands in, before and behind it.
func clause(text string, q claim.Quantity, lo, hi int) (left, right claim.Span) {
	left, right = claim.Span{Start: lo, End: q.Start}, claim.Span{Start: q.End, End: hi}
	if i := strings.LastIndexAny(text[lo:q.Start], ",;"); i >= 0 && !digitsAround(text, lo+i) {
		left.Start = lo + i
	}
	if i := strings.IndexAny(text[q.End:hi], ",;()|"); i >= 0 {
		right.End = q.End + i
	}
	right.End = min(right.End, q.End+32)
	return left, right
}

func digitsAround(text string, i int) bool {
	return i > 0 && i+1 < len(text) && text[i-1] >= '0' && text[i-1] <= '9' && text[i+1] >= '0' && text[i+1] <= '9'
}

// derivedIn finds a word of a derived quantity that no metric of the ledger has
// in its name.
func (s *session) derivedIn(a at, in claim.Span) string {
	for _, m := range derived.FindAllStringIndex(a.c.text[in.Start:in.End], 8) {
		start, end := in.Start+m[0], in.Start+m[1]
		named := slices.ContainsFunc(a.c.found.metrics, func(m metricMention) bool { return m.start <= start && end <= m.end })
		if !named {
			return strings.TrimSpace(a.c.text[start:end])
		}
	}
	return ""
}

// quotedFrom is the other report that a sentence names as an origin.
func (s *session) quotedFrom(sentence string) string {
	m := attributed.FindStringSubmatch(sentence)
	if m == nil || m[1] != "" && containsWord(strings.ToLower(s.doc.Title()), m[1]) {
		return ""
	}
	if m[1] == "" {
		return "elsewhere"
	}
	return m[0]
}

// instance is a numbered thing (test 2, scenario B) of which no label tells,
// named by the sentence or by the lines above.
func (s *session) instance(a at, lo, hi int) string {
	if w := s.unknownInstance(a.c.text[lo:hi]); w != "" {
		return w
	}
	title := s.doc.Title()
	for _, l := range a.c.outer {
		if w := s.unknownInstance(l.text); w != "" && !strings.Contains(title, w) {
			return w // what the whole document is about narrows nothing in it
		}
	}
	return ""
}

func (s *session) unknownInstance(text string) string {
	for _, m := range numbered.FindAllStringIndex(text, 4) {
		known := slices.ContainsFunc(s.vocab.find(text).things, func(t mention) bool { return t.start <= m[0] && m[1] <= t.end })
		if !known {
			return text[m[0]:m[1]]
		}
	}
	return ""
}

// absentSetting is a setting, or several together, that no row of the scope
// has. A paragraph of the same section may state them.
func (s *session) absentSetting(a at, sc scope, lo, hi int) string {
	texts := []string{a.c.text[lo:hi]}
	for _, l := range a.c.outer {
		texts = append(texts, l.text)
	}
	texts = append(texts, s.setups[strings.Join(a.p.Section, "\x00")]...)
	var held []mention
	for _, text := range texts {
		known, absent := s.settingsOf(text)
		if absent != "" {
			return absent
		}
		for _, m := range known {
			if !slices.ContainsFunc(held, func(h mention) bool { return slices.Equal(h.labels(), m.labels()) }) {
				held = append(held, m)
			}
		}
	}
	if len(held) == 0 {
		return ""
	}
	var things []mention
	for _, m := range sc.hard {
		if isThing(m) {
			things = append(things, m)
		}
	}
	names := make([]string, len(held))
	for i, m := range held {
		names[i] = m.words + " = " + m.terms[0].value
	}
	for _, i := range sc.series {
		g, _ := s.rowsOf(i, things, s.sources)
		if len(g.Rows) > 0 && slices.ContainsFunc(g.Rows, func(r *fact.Row) bool {
			return !slices.ContainsFunc(held, func(m mention) bool { return !holds(r, m) })
		}) {
			return ""
		}
	}
	return strings.Join(names, ", ")
}

// holdsThing reports whether the words right around a number name the thing
// that it is of: its sentence or row, or the two lines next above.
func (s *session) holdsThing(a at, sc scope, near bool) bool {
	texts := [][]mention{a.c.found.things, a.c.siblings}
	if !near {
		for _, l := range a.c.outer[:min(2, len(a.c.outer))] {
			texts = append(texts, l.found.things)
		}
	}
	lo, hi := sentenceAround(a.c.text, a.q.Start)
	for k, things := range texts {
		for _, m := range things {
			if !isThing(m) || k == 0 && !a.cell && (m.start < lo || m.end > hi) {
				continue
			}
			if slices.ContainsFunc(sc.hard, func(h mention) bool { return h.words == m.words }) && slices.ContainsFunc(sc.series, func(i int) bool { return s.applies(i, m) }) {
				return true
			}
		}
	}
	return false
}

// open reports whether rows may be missing that the report stands on: it names
// no sources, and the ledger was imported.
func (s *session) open() bool { return s.sources == nil && !s.allOwn() }

// oneOrigin reports whether the rows of a group come from one file or one run.
func oneOrigin(g fact.Group) bool {
	for _, r := range g.Rows {
		if r.Labels["file"] != g.Rows[0].Labels["file"] || r.Run != g.Rows[0].Run {
			return false
		}
	}
	return len(g.Rows) > 0
}

// within are the rows of the declared sources, or all where those have none.
func (s *session) within(i int, hard []mention) fact.Group {
	g, _ := s.rowsOf(i, hard, s.sources)
	if len(g.Rows) == 0 && s.sources != nil {
		g, _ = s.rowsOf(i, hard, nil)
	}
	return g
}

// strangerIn is a name that no row has, right where that of a thing would
// stand: "the pick time of Marlin is", "Marlin needs".
func (s *session) strangerIn(a at, in claim.Span) string {
	for _, m := range stranger.FindAllStringSubmatchIndex(a.c.text[in.Start:in.End], 8) {
		i := 2
		if m[i] < 0 {
			i = 4
		}
		start, end := in.Start+m[i], in.Start+m[i+1]
		over := func(from, to int) bool { return from < end && start < to }
		switch {
		case slices.ContainsFunc(a.c.found.things, func(o mention) bool { return over(o.start, o.end) || !o.weak && o.start > start && o.end <= a.q.Start }),
			slices.ContainsFunc(a.c.found.metrics, func(o metricMention) bool { return over(o.start, o.end) }),
			slices.ContainsFunc(a.c.found.factors, func(o factorMention) bool { return over(o.start, o.end) }),
			slices.ContainsFunc(a.c.names.Hidden, func(o claim.Span) bool { return over(o.Start, o.End) }),
			plainWords[strings.ToLower(a.c.text[start:end])], isAggregate(a.c.text[start:end]), pronoun.MatchString(a.c.text[start:end]):
			continue
		}
		return a.c.text[start:end]
	}
	return ""
}

// unknownIdentifier is a name of several parts, such as a file's without its
// extension, of which some part names nothing.
func (s *session) unknownIdentifier(text string) string {
	for _, m := range identifier.FindAllStringIndex(text, 8) {
		name := text[m[0]:m[1]]
		f := s.vocab.find(name)
		if strings.HasPrefix(text[m[1]:], "=") || len(f.metrics) > 0 {
			continue // a key
		}
		parts := tokens(name)
		ofFile := slices.ContainsFunc(s.ledger.Inventory.Files, func(e fact.FileEntry) bool {
			if e.Rows == 0 {
				return false // its numbers are not among the rows
			}
			words := strings.Fields(normal(stem(e.Path)))
			return !slices.ContainsFunc(parts, func(t token) bool { return !slices.Contains(words, t.text) })
		})
		named := func(t token) bool {
			return slices.ContainsFunc(f.things, func(o mention) bool { return o.start <= t.start && t.end <= o.end && o.terms[0].label != "file" }) ||
				slices.ContainsFunc(f.factors, func(o factorMention) bool { return o.start <= t.start && t.end <= o.end })
		}
		if !ofFile && slices.ContainsFunc(parts, func(t token) bool { return !named(t) }) {
			return name
		}
	}
	return ""
}

// single reports whether a row of a scope alone has the value of a number.
func (s *session) single(sc scope, q claim.Quantity) bool {
	for _, i := range s.mostNarrowed(sc, sc.hard, nil) {
		g := s.within(i, sc.hard)
		if !q.Least && !q.Most && slices.ContainsFunc(s.valuesOf(g), func(v float64) bool { return equal(q, v) || s.roundedParts(g, q, v) }) {
			return true
		}
	}
	return false
}

// sameRow reports whether the numbers of a table's line are together those of
// one row of the scope: they then say which row it is.
func (s *session) sameRow(a at, sc scope) bool {
	if !a.cell {
		return false
	}
	var numbers []claim.Quantity
	exact := 0
	for _, cell := range a.p.Cells {
		text := strings.Trim(s.doc.Text[cell.Start:cell.End], "*_ `")
		qs := claim.Quantities(text, nil)
		if len(qs) != 1 || qs[0].Start != 0 || qs[0].Range || qs[0].Word {
			continue
		}
		q := qs[0]
		if d := unitOfHead(cell.Head); !q.HasUnit && d.Unit != "" {
			q.Dim, q.HasUnit = d, true
		}
		if numbers = append(numbers, q); significant(q) >= 3 {
			exact++
		}
	}
	if len(numbers) < 2 || exact < 2 {
		return false
	}
	for _, i := range sc.series {
		for _, r := range s.within(i, sc.hard).Rows {
			hits := 0
			for _, q := range numbers {
				if slices.ContainsFunc(r.Cells, func(c fact.Cell) bool {
					v, ok := c.Value.Get()
					return ok && equal(q, v)
				}) {
					hits++
				}
			}
			if hits == len(numbers) || hits >= 3 && hits == len(numbers)-1 {
				return true
			}
		}
	}
	return false
}

// largest finds the extreme value that a number without an aggregate is.
func (s *session) largest(sc scope, res result, q claim.Quantity) (fact.Fact, string, bool) {
	if sc.agg != "" || q.Range || q.Spreads || significant(q) < 4 {
		return fact.Fact{}, "", false
	}
	for _, i := range sc.series {
		if s.series[i].said || s.series[i].agg != "" {
			continue
		}
		g := s.within(i, sc.hard)
		for _, part := range s.parts(g, sc, res.applied > 0) {
			if len(s.valuesOf(part)) < 3 {
				continue
			}
			for _, agg := range []string{"max", "min"} {
				f, err := s.fact(part, agg)
				if err != nil {
					continue
				}
				if x, ok := f.Value.Get(); ok && equal(q, x) && !q.Least && !q.Most {
					word := map[string]string{"max": "largest", "min": "smallest"}[agg]
					return f, fmt.Sprintf("it is the %s of %d values of %s, and the text does not say so", word, len(s.valuesOf(part)), s.nameOf(part)), true
				}
			}
		}
	}
	return fact.Fact{}, "", false
}
