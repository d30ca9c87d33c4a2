package audit

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/pattern"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// sayWords records a claim of a sentence. A number's claim in the same sentence
// keeps its own span; of two on the whole sentence the graver counts.
func (s *session) sayWords(p *claim.Passage, start, end int, kind Kind, v Verdict, why, truth string, facts ...fact.Fact) {
	s.say(p, start, end, kind, v, why, truth, facts...)
}

var (
	fileDay   = pattern.MustCompile(`20[0-9]{2}[01][0-9][0-3][0-9]`)
	control   = pattern.MustCompile(`<unused\d+>|<\|[^|<>]{1,40}\|>|\[/?INST\]|</?s>|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>`)
	filler    = pattern.MustCompile(`(?i)(?:^|[\s*-])(?:okay, here['’]s|sure, here['’]s|here['’]s a (?:structured|breakdown of)|let me know if you|do you want me to|would you like me to|as an ai(?: language model)?|i hope this helps)`)
	realData  = pattern.MustCompile(`(?i)\b(?:all real data|real data|actual measurements|100 ?% real|no synthetic)\b`)
	dateLine  = pattern.MustCompile(`(?i)^\W*(?:report )?date\W*:`)
	runID     = pattern.MustCompile(`(?i)\b(?:run|import|run id)\s*:?\s+\W?([0-9a-f]{6,64})\b`)
	expansion = pattern.MustCompile("[`‘'\"“]?([A-Za-z][A-Za-z0-9_\\-]{0,15})[`’'\"”]?\\s*\\(([A-Z][A-Za-z0-9\\- ]{4,60})\\)")
	tail      = pattern.MustCompile(`(?i)\bp_?9[059](?:\b|_)|\b(9[059]|99)th percentile\b`)
	tailWrong = pattern.MustCompile(`(?i)\b(?:experienced|reached|exceeded|suffered|seen|hit)\s+by\s+(9[059]|99)\s?%`)
	fileRank  = pattern.MustCompile(`(?i)\b(?:primarily|mostly|mainly|predominantly)\b[^.]*?\b(csv|json|markdown|md|html)\b(?:\s+and\s+(csv|json|markdown|md|html)\b)?[^.]*?\b(?:smaller number|fewer|small number|few|minority|less)\b[^.]*?\b(csv|json|markdown|md|html)\b`)
)

// lint finds what no writer meant to print.
func (s *session) lint(p *claim.Passage, text string, c context) {
	raw := s.doc.Text[p.Start:p.End]
	for _, m := range control.FindAllStringIndex(raw, 8) {
		if covers(c.cited, m[0]) {
			continue // a definition names the tokens that it looks for
		}
		s.say(p, p.Start+m[0], p.Start+m[1], Text, Malformed, "a control token of a model leaked into the text", "")
	}
	for _, m := range filler.FindAllStringIndex(raw, 4) {
		s.say(p, p.Start+m[0], p.Start+m[1], Text, Malformed, "the chatter of an assistant, not a report", "")
	}
	if span, ok := s.foreign(raw); ok {
		s.say(p, p.Start+span.Start, p.Start+span.End, Text, Malformed, "a word in another script than the report's", "")
	}
	if p.Kind == claim.Row && len(p.Cells) > 1 {
		key := fmt.Sprint(p.Table, strings.Join(strings.Fields(text), " "))
		if s.rows == nil {
			s.rows = map[string]int{}
		}
		if line, ok := s.rows[key]; ok {
			s.say(p, p.Start, p.End, Text, Malformed, fmt.Sprintf("the same row stands in line %d", line), "")
		} else {
			s.rows[key] = p.Line
		}
	}
}

// foreign finds a word in a script that the document hardly uses.
func (s *session) foreign(raw string) (claim.Span, bool) {
	if !s.latin() {
		return claim.Span{}, false
	}
	start := -1
	for i, r := range raw {
		odd := unicode.In(r, unicode.Arabic, unicode.Cyrillic, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana, unicode.Hebrew, unicode.Thai, unicode.Devanagari)
		switch {
		case odd && start < 0:
			start = i
		case !odd && start >= 0 && !unicode.Is(unicode.Mn, r):
			return claim.Span{Start: start, End: i}, true
		}
	}
	if start >= 0 {
		return claim.Span{Start: start, End: len(raw)}, true
	}
	return claim.Span{}, false
}

// latin reports whether the document is written in Latin letters.
func (s *session) latin() bool {
	if s.script == 0 {
		latin, other := 0, 0
		for _, r := range s.doc.Text[:min(len(s.doc.Text), 1<<16)] {
			if unicode.Is(unicode.Latin, r) {
				latin++
			} else if unicode.IsLetter(r) {
				other++
			}
		}
		s.script = 2
		if latin > 9*other {
			s.script = 1
		}
	}
	return s.script == 1
}

// provenance holds "all real data" against the report's own code.
func (s *session) provenance(p *claim.Passage, text string) {
	m := realData.FindStringIndex(text)
	if m == nil {
		return
	}
	start := p.Start
	if i := strings.Index(s.doc.PassageText(*p), text); i > 0 {
		start += i
	}
	if len(s.invented) > 0 {
		s.say(p, start+m[0], start+m[1], Provenance, Contradicted, "the report's own code makes data up", strings.Join(s.invented[:min(3, len(s.invented))], "; "))
		return
	}
	s.say(p, start+m[0], start+m[1], Provenance, Unverifiable, "what is not from the rows cannot be seen", "")
}

// glossary is what the field's short forms stand for.
var glossary = map[string][]string{
	"ttft": {"time to first token"}, "tpot": {"time per output token"}, "itl": {"inter token latency"}, "qat": {"quantization aware training", "quantization-aware trained", "quantisation aware training"},
	"it": {"instruction tuned", "instruction tuning", "instruct"}, "cv": {"coefficient of variation"}, "ci": {"confidence interval"}, "sd": {"standard deviation"},
	"slo": {"service level objective"}, "kv": {"key value"}, "rps": {"requests per second"}, "qps": {"queries per second"}, "tps": {"tokens per second", "transactions per second"},
	"ptq": {"post training quantization"}, "rss": {"resident set size"}, "gqa": {"grouped query attention"}, "mha": {"multi head attention"}, "moe": {"mixture of experts"}, "anova": {"analysis of variance"},
	"ttfc": {"time to first content", "time to first chunk"}, "e2e": {"end to end"}, "gguf": {"gpt generated unified format", "georgi gerganov universal format"}, "p95": {"95th percentile"}, "p99": {"99th percentile"}, "p50": {"50th percentile", "median"},
}

// definitions holds "TERM (what it stands for)" against the glossary, and the
// sense of a percentile against its definition.
func (s *session) definitions(p *claim.Passage, t string, span claim.Span) {
	for _, m := range expansion.FindAllStringSubmatchIndex(t, 8) {
		term, meaning := strings.ToLower(t[m[2]:m[3]]), normal(t[m[4]:m[5]])
		if len(strings.Fields(meaning)) < 2 {
			continue
		}
		for _, suffix := range []string{"_s", "_ms", "_mean"} {
			term = strings.TrimSuffix(term, suffix)
		}
		term = strings.TrimPrefix(term, "mean_")
		parts := strings.FieldsFunc(term, func(r rune) bool { return r == '-' || r == '_' })
		var missing []string
		known := len(parts) > 0
		for _, part := range parts {
			means, ok := glossary[part]
			if !ok {
				known = false
				break
			}
			if !slices.ContainsFunc(means, func(g string) bool { return strings.Contains(meaning, normal(g)) }) {
				missing = append(missing, fmt.Sprintf("%s: %s", part, means[0]))
			}
		}
		if !known || len(missing) == len(parts) && !initials(term, meaning) {
			continue
		}
		start, end := p.Start+span.Start+m[0], p.Start+span.Start+m[1]
		if len(missing) > 0 {
			s.say(p, start, end, Definition, Contradicted, "that is not what it stands for", strings.Join(missing, "; "))
		} else {
			s.say(p, start, end, Definition, Supported, "as the field defines it", "")
		}
	}
	if m := tailWrong.FindStringIndex(t); m != nil && tail.MatchString(t) {
		s.say(p, p.Start+span.Start+m[0], p.Start+span.Start+m[1], Definition, Contradicted, "a percentile is the value that so many lie at or below, not what they experience", "")
	}
}

// initials reports whether a word of a meaning begins with a letter of its
// term: what stands in brackets is else no expansion of it.
func initials(term, meaning string) bool {
	return slices.ContainsFunc(strings.Fields(meaning), func(w string) bool { return strings.Contains(term, w[:1]) })
}

// fileOrder judges "mostly X and Y, fewer Z" by the number of files.
func (s *session) fileOrder(p *claim.Passage, t string, span claim.Span, c context) {
	m := fileRank.FindStringSubmatchIndex(t)
	if m == nil || len(s.ledger.Inventory.Files) == 0 {
		return
	}
	count := func(i int) int {
		if m[2*i] < 0 {
			return math.MaxInt
		}
		n := 0
		for _, e := range s.ledger.Inventory.Files {
			if root := s.root(); root == "" || strings.HasPrefix(e.Path, root+"/") {
				if strings.HasSuffix(strings.ToLower(e.Path), fileType(strings.ToLower(t[m[2*i]:m[2*i+1]]))) {
					n++
				}
			}
		}
		return n
	}
	many, few := min(count(1), count(2)), count(3)
	truth := fmt.Sprintf("%d at least of the former, %d of the latter", many, few)
	v, why := Supported, "by the number of files"
	if few >= many {
		v, why = Contradicted, "the files that are called fewer are not fewer"
	}
	s.say(p, p.Start+span.Start+m[0], p.Start+span.Start+m[1], Comparison, v, why, truth)
}

// runIDs holds the ids of runs against those of the ledger.
func (s *session) runIDs(p *claim.Passage, t string, span claim.Span) {
	for _, m := range runID.FindAllStringSubmatchIndex(t, 8) {
		id := strings.ToLower(t[m[2]:m[3]])
		if strings.Trim(id, "0123456789") == "" && len(id) < 8 {
			continue
		}
		start, end := p.Start+span.Start+m[2], p.Start+span.Start+m[3]
		if slices.ContainsFunc(s.ledger.Inventory.Runs, func(r fact.RunEntry) bool { return strings.HasPrefix(r.ID, id) }) {
			s.say(p, start, end, Entity, Supported, "a run of the ledger", "")
		} else {
			s.say(p, start, end, Entity, Contradicted, "no such run is in the ledger", "")
		}
	}
}

// datesIn judges dates by the instants of the rows.
func (s *session) datesIn(p *claim.Passage, text string, c context) {
	for _, d := range c.names.Dates {
		if len(s.dates) >= MaxClaims {
			return
		}
		s.dates = append(s.dates, dateAt{p, d, dateLine.MatchString(text)})
	}
}

// judgeDates runs once the whole document is read: a vague date is also held
// against the exact ones of the same report.
func (s *session) judgeDates() {
	days := map[string]bool{}
	for _, r := range s.ledger.Rows {
		if !r.At.IsZero() {
			days[day(r.At)] = true
		}
	}
	for _, r := range s.ledger.Inventory.Runs {
		if !r.Imported && !r.Started.IsZero() {
			days[day(r.Started)] = true
		}
	}
	first, last := s.ledger.Inventory.First, s.ledger.Inventory.Last
	for _, f := range s.ledger.Inventory.Files {
		if m := fileDay.FindString(f.Path); m != "" {
			if d, err := time.Parse("20060102", m); err == nil {
				days[day(d)] = true
				if first.IsZero() || d.Before(first) {
					first = d
				}
				if d.After(last) {
					last = d
				}
			}
		}
	}
	if first.IsZero() {
		return
	}
	for _, at := range s.dates {
		from, to := at.date.From, at.date.To
		if !at.date.HasYear {
			from = from.AddDate(last.Year()-from.Year(), 0, 0)
			to = to.AddDate(last.Year()-to.Year(), 0, 0)
		}
		start, end := at.passage.Start+at.date.Start, at.passage.Start+at.date.End
		truth := fmt.Sprintf("rows and files from %s to %s", day(first), day(last))
		exact := from.Equal(to)
		hit := s.anyDay(days, from, to)
		vague := !exact && !at.headline && to.Sub(from) < 15*24*time.Hour && !strings.ContainsAny(s.doc.Text[start:end], "0123456789")
		switch {
		case hit:
			s.say(at.passage, start, end, DateKind, Supported, "rows are of that time", "")
		case to.Before(first.Truncate(24*time.Hour)) && at.headline:
			s.say(at.passage, start, end, DateKind, Contradicted, "the report would be older than what it reports", truth)
		case vague && !s.statedBetween(from, to):
			s.say(at.passage, start, end, DateKind, Contradicted, "no row and no date of this report lies there", truth)
		case s.allOwn() && exact:
			s.say(at.passage, start, end, DateKind, Contradicted, "no run of the ledger is of that day", truth)
		default:
			s.say(at.passage, start, end, DateKind, Unverifiable, "no row says when", truth)
		}
	}
}

func (s *session) anyDay(days map[string]bool, from, to time.Time) bool {
	for d, n := from, 0; !d.After(to) && n < 400; d, n = d.AddDate(0, 0, 1), n+1 {
		if days[day(d)] {
			return true
		}
	}
	return false
}

// statedBetween reports whether the report gives an exact date in a window.
func (s *session) statedBetween(from, to time.Time) bool {
	return slices.ContainsFunc(s.dates, func(o dateAt) bool {
		return o.date.HasYear && o.date.From.Equal(o.date.To) && !o.date.From.Before(from) && !o.date.From.After(to)
	})
}

func isP(text string, q claim.Quantity) bool {
	if q.HasUnit || q.Value < 0 || q.Value > 1 {
		return false
	}
	before := strings.ToLower(strings.TrimRight(text[max(0, q.Start-12):q.Start], " *_`"))
	for _, w := range []string{"p =", "p=", "p <", "p<", "p ≤", "p >", "p>", "p-value:", "p-value of", "p value of", "p-value =", "p ≈"} {
		if strings.HasSuffix(before, w) && boundaryBefore(before, len(before)-len(w)) {
			return true
		}
	}
	return q.Key == "p"
}

func boundaryBefore(text string, i int) bool { return i <= 0 || !isLetter(text[i-1]) }

// configured names a configuration by its values alone: (60/512/0.8).
var configured = pattern.MustCompile(`\(\d+(?:\.\d+)?(?:/\d+(?:\.\d+)?)+\)`)

// pValue recomputes a test of the two things that the sentence compares.
func (s *session) pValue(a at) {
	lo, hi := sentenceAround(a.c.text, a.q.Start)
	sc := s.scopeAt(a.c, a.q.Start, a.q.End)
	p := s.sidesOf(a, lo, hi)
	if p.label == "" || !sc.named || configured.MatchString(a.c.text[lo:hi]) || s.outOfReach(a, sc) != "" {
		s.say(a.p, a.start, a.end, Significance, Unverifiable, "of which test it is, nobody says", "")
		return
	}
	var list []string
	low := strings.ToLower(a.c.text[max(0, a.q.Start-6):a.q.Start])
	less := strings.ContainsAny(low, "<≤")
	more := strings.Contains(low, ">")
	for _, i := range s.series_(sc.series) {
		g, _ := s.rowsOf(i, nil, s.sources)
		for _, part := range append(s.parts(g, sc, true), g) {
			x, y := valuesOf(part, p.label, p.x), valuesOf(part, p.label, p.y)
			for _, test := range []struct {
				name string
				run  func() (stats.Test, error)
			}{{"Welch", func() (stats.Test, error) { return stats.Welch(x, y) }}, {"Mann-Whitney", func() (stats.Test, error) { return stats.MannWhitney(x, y, 0.05) }}} {
				t, err := test.run()
				if err != nil || len(x) < 2 || len(y) < 2 {
					continue
				}
				list = append(list, fmt.Sprintf("%s p = %.3g", test.name, t.P))
				if equal(a.q, t.P) && !less && !more || less && t.P <= a.q.Value || more && t.P >= a.q.Value {
					s.say(a.p, a.start, a.end, Significance, Supported, fmt.Sprintf("%s, %d against %d rows", test.name, len(x), len(y)), "")
					return
				}
			}
		}
	}
	if len(list) == 0 {
		s.say(a.p, a.start, a.end, Significance, Unverifiable, "too few rows for a test", "")
		return
	}
	s.say(a.p, a.start, a.end, Significance, Contradicted, "no test of these rows gives it", strings.Join(list[:min(4, len(list))], ", "))
}

// sidesOf are the first two things of one label in a sentence.
func (s *session) sidesOf(a at, lo, hi int) pairing {
	for _, label := range compared {
		var sides [][]string
		for _, m := range a.c.found.things {
			if vs := m.values(label); m.start >= lo && m.end <= hi && len(vs) > 0 && (len(sides) == 0 || !slices.Equal(sides[0], vs)) {
				sides = append(sides, vs)
			}
		}
		if len(sides) >= 2 {
			return pairing{label: label, x: sides[0], y: sides[1]}
		}
	}
	return pairing{}
}

func valuesOf(g fact.Group, label string, in []string) []float64 {
	var out []float64
	for i, r := range g.Rows {
		if v, ok := g.Cells[i].Value.Get(); ok && slices.Contains(in, r.Labels[label]) {
			out = append(out, v)
		}
	}
	return out
}

// blocks judges a line of parts and their total: "57.72s (0.03s | 25.63s | 32.06s)".
func (s *session) blocks(p *claim.Passage, index int, c context) {
	open := strings.IndexByte(c.text, '(')
	if open < 0 {
		return
	}
	end := strings.IndexByte(c.text[open:], ')')
	if end < 0 {
		return
	}
	var total claim.Quantity
	var parts []claim.Quantity
	for _, q := range claim.Quantities(c.text, c.names.Hidden) {
		switch {
		case !q.HasUnit || q.Dim.Unit == unit.Ratio || q.Range || q.Spreads:
		case q.End <= open:
			total = q
		case q.Start > open && q.End <= open+end+1:
			parts = append(parts, q)
		}
	}
	if total.End == 0 || len(parts) < 2 || !strings.ContainsAny(c.text[open:open+end], "|+") {
		return
	}
	sum, slack := 0.0, total.Half()*factor(total)
	for _, q := range parts {
		if q.Dim.Unit != total.Dim.Unit {
			return
		}
		sum, slack = sum+base(q), slack+q.Half()*factor(q)
	}
	if d := math.Abs(sum - base(total)); d > slack*(1+1e-9)+1e-9 {
		s.say(p, p.Start+total.Start, p.Start+open+end+1, Value, Contradicted, "the parts do not make the total", fmt.Sprintf("%.6g %s", sum/factor(total), total.Dim.Symbol))
	}
}

// whole runs the checks that need the whole document.
func (s *session) whole() {
	s.judgeDates()
	s.consistency()
	s.ownRanks()
	s.summed()
	s.headlines()
	s.borrowed()
}

// consistency holds the report against itself: a mean between its extremes,
// percentiles in order, a cv that is sd by mean.
func (s *session) consistency() {
	type key struct {
		thing, what string
		block       int
	}
	groups := map[key]map[string]stated{}
	var order []key
	for _, st := range s.stated {
		k := key{st.thing, st.what, st.at.p.Block}
		if groups[k] == nil {
			groups[k] = map[string]stated{}
			order = append(order, k)
		}
		agg := st.agg
		if agg == "" {
			agg = "mean"
		}
		if _, ok := groups[k][agg]; !ok {
			groups[k][agg] = st
		}
	}
	for _, k := range order {
		g := groups[k]
		for _, pair := range [][2]string{{"min", "mean"}, {"mean", "max"}, {"min", "max"}, {"p50", "p90"}, {"p50", "p95"}, {"p90", "p95"}, {"p95", "p99"}, {"p50", "p99"}, {"min", "median"}, {"median", "max"}} {
			a, ok1 := g[pair[0]]
			b, ok2 := g[pair[1]]
			if !ok1 || !ok2 || a.at.q.HasUnit != b.at.q.HasUnit {
				continue
			}
			if a.value > b.value+(a.at.q.Half()*factor(a.at.q)+b.at.q.Half()*factor(b.at.q)) {
				s.say(b.at.p, b.at.start, b.at.end, Value, Contradicted, fmt.Sprintf("the report itself says %s %s in line %d: %s cannot be below %s", pair[0], format(a.unit, a.value), a.line, pair[1], pair[0]), "")
			}
		}
		mean, ok1 := g["mean"]
		sd, ok2 := g["sd"]
		cv, ok3 := g["cv"]
		if ok1 && ok2 && ok3 && mean.value != 0 {
			want := sd.value / mean.value
			slack := cv.at.q.Half()*factor(cv.at.q) + want*(sd.at.q.Half()*factor(sd.at.q)/math.Abs(sd.value)+mean.at.q.Half()*factor(mean.at.q)/math.Abs(mean.value))
			if math.Abs(want-cv.value) > slack*(1+1e-6) {
				s.say(cv.at.p, cv.at.start, cv.at.end, Value, Contradicted, "not the standard deviation by the mean that the report itself gives", fmt.Sprintf("%.3g %%", want*100))
			}
		}
	}
}

// ranked is a superlative that was judged by the rows.
type ranked struct {
	w         *words
	label     string
	values    []string
	agg       string
	series    int
	ascending bool
}

// ownRanks holds superlatives against the figures of the same report: a table
// that says otherwise refutes the prose.
func (s *session) ownRanks() {
	given := map[string][]map[string]stated{}
	for _, r := range s.ranked {
		key := fmt.Sprint(r.series, r.agg, r.label)
		if _, ok := given[key]; !ok {
			given[key] = s.givenFor(r)
		}
		for _, section := range given[key] {
			if s.refutes(r, section) {
				break
			}
		}
	}
}

// givenFor are the figures by which a report itself ranks things: those of each
// section that gives several.
func (s *session) givenFor(r ranked) []map[string]stated {
	sections := map[string]map[string]stated{}
	var order []string
	for _, st := range s.stated {
		if st.agg != r.agg && !(st.agg == "" && r.agg == "mean") || !slices.Contains(st.series, r.series) {
			continue
		}
		name := thingOf(st.hard, r.label)
		if name == "" {
			continue
		}
		place := strings.Join(st.at.p.Section, "/") + "/" + strings.Join(st.at.p.Leads[:max(0, len(st.at.p.Leads)-1)], "/")
		if sections[place] == nil {
			sections[place] = map[string]stated{}
			order = append(order, place)
		}
		if _, ok := sections[place][name]; !ok {
			sections[place][name] = st
		}
	}
	var out []map[string]stated
	for _, place := range order {
		if len(sections[place]) > 1 {
			out = append(out, sections[place])
		}
	}
	return out
}

func thingOf(hard []mention, label string) string {
	for _, m := range hard {
		if vs := m.values(label); len(vs) == 1 {
			return vs[0]
		}
	}
	return ""
}

func (s *session) refutes(r ranked, given map[string]stated) bool {
	var own, best string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if slices.Contains(r.values, name) {
			own = name
		}
		if best == "" || given[name].value != given[best].value && (given[name].value < given[best].value) == r.ascending {
			best = name
		}
	}
	if own == "" || best == own || len(given) < 2 {
		return false
	}
	a, b := given[own], given[best]
	text := func(a at) string { return oneLine(s.doc.Text[a.start:a.end]) }
	r.w.say(Superlative, Contradicted, fmt.Sprintf("the report itself says otherwise: %s %s (line %d), %s %s (line %d)", best, text(b.at), b.line, own, text(a.at), a.line), "")
	return true
}
