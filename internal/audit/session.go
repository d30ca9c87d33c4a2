package audit

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"chimera/internal/claim"
	"chimera/internal/pattern"
)

type dateAt struct {
	passage  *claim.Passage
	date     claim.Date
	headline bool // "Date: …"
}

// prepare reads what holds for the whole document: what it says of itself, the
// files it stands on, and the constants of its own code.
func (s *session) prepare() {
	s.literals, s.numbers, s.setups = map[string]int{}, map[float64]int{}, map[string][]string{}
	headings := 0
	for i := range s.doc.Passages {
		p := &s.doc.Passages[i]
		text := s.doc.PassageText(*p)
		switch {
		case p.Kind == claim.Code:
			s.readCode(text, p.Line)
			continue
		case p.Kind == claim.Heading:
			headings++
			if headings == 1 {
				s.prefer(text)
			}
		}
		if headings <= 3 && len(p.Section) <= 2 && headerLine.MatchString(text) {
			s.prefer(text)
		}
		if p.Kind != claim.Row && p.Kind != claim.Heading && setup.MatchString(text) {
			place := strings.Join(p.Section, "\x00")
			s.setups[place] = append(s.setups[place], text)
		}
		if inSources(p) {
			for _, f := range claim.NamesOf(text).Files {
				s.declare(f)
			}
		}
		if low := strings.ToLower(text); strings.Contains(low, "placeholder") && (strings.Contains(low, "real value") || strings.Contains(low, "example value") || strings.Contains(low, "sample value")) {
			s.placeholders = true
		}
	}
}

var headerLine = pattern.MustCompile(`(?i)^\W*(model|subject|configuration|agent type|agent|config|variant)\W*:`)

func inSources(p *claim.Passage) bool {
	for _, t := range append(slices.Clone(p.Section), p.Leads...) {
		low := strings.ToLower(t)
		if strings.Contains(low, "data source") || strings.Contains(low, "sources of data") || strings.HasPrefix(low, "sources") || strings.HasPrefix(low, "source data") {
			return true
		}
	}
	return false
}

// prefer takes what the head of a document names as preferred, never as
// required: its body may speak of other things.
func (s *session) prefer(text string) {
	s.head = append(s.head, s.vocab.find(text).things...)
	s.head = append(s.head, s.settingsIn(text)...)
}

// declare resolves a file that the report stands on to those of the ledger; a
// file whose rows another one reports too stands for that one.
func (s *session) declare(f claim.File) {
	for _, entry := range s.filesNamed(f) {
		if s.sources == nil {
			s.sources = map[string]bool{}
		}
		s.sources[entry.Path] = true
		for _, other := range s.ledger.Inventory.Files {
			if other.Path != entry.Path && (strings.Contains(entry.Reason, other.Path) || path.Dir(other.Path) == path.Dir(entry.Path) && stem(other.Path) == stem(entry.Path) && path.Ext(other.Path) != ".md") {
				s.sources[other.Path] = true
			}
		}
	}
}

var (
	assignment = pattern.MustCompile(`['"]?([A-Za-z_]\w*)['"]?\s*[:=]\s*(\d+(?:\.\d+)?)\b`)
	listNumber = pattern.MustCompile(`[\[,(]\s*(\d+(?:\.\d+)?)\s*[\],)]?`)
	madeUp     = pattern.MustCompile(`(?i)np\.random\.(?:normal|rand|randn|uniform|randint|choice|lognormal|exponential)|random\.(?:gauss|uniform|normalvariate|random)\(|sample (?:latency )?data (?:for|if)|synthetic data|dummy data|mock data|fake data|simulated data|for demonstration`)
)

// readCode keeps the constants that a report's own code sets, and the places
// where it makes data up.
func (s *session) readCode(text string, line int) {
	for _, m := range assignment.FindAllStringSubmatch(text, -1) {
		key := normal(m[1]) + "=" + trimNumber(m[2])
		if _, ok := s.literals[key]; !ok {
			s.literals[key] = line
		}
	}
	for _, m := range listNumber.FindAllStringSubmatch(text, 256) {
		if v, err := strconv.ParseFloat(m[1], 64); err == nil {
			if _, ok := s.numbers[v]; !ok {
				s.numbers[v] = line
			}
		}
	}
	if m := madeUp.FindString(text); m != "" {
		s.invented = append(s.invented, "line "+strconv.Itoa(line)+": "+m)
	}
}

func trimNumber(text string) string {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// passage judges one passage.
func (s *session) passage(p *claim.Passage, index int) {
	text := s.doc.PassageText(*p)
	if p.Kind == claim.Code || s.isQuote(p) {
		return
	}
	c := s.contextOf(p, index, text)
	if taken := s.cites(p, text, c); len(taken) > 0 {
		c.cited = taken
		inside := func(at claim.Span) bool {
			return slices.ContainsFunc(taken, func(s claim.Span) bool { return s.Start <= at.Start && at.Start < s.End })
		}
		c.names.Files = slices.DeleteFunc(c.names.Files, func(f claim.File) bool { return inside(f.Span) })
		c.names.Dates = slices.DeleteFunc(c.names.Dates, func(d claim.Date) bool { return inside(d.Span) })
		c.names.Hidden = claim.Merge(append(c.names.Hidden, taken...))
	}
	s.lint(p, text, c)
	s.shares(p, text)
	if ends := s.intervals(p, text, c); len(ends) > 0 && p.Kind != claim.Row {
		c.names.Hidden = claim.Merge(append(c.names.Hidden, ends...))
	}
	s.files(p, text, c)
	s.datesIn(p, text, c)
	if p.Kind == claim.Heading {
		s.provenance(p, text)
		return
	}
	if p.Kind == claim.Row {
		s.tableRow(p, c)
		return
	}
	s.numbersIn(p, text, c)
	for _, span := range claim.Sentences(text) {
		s.sentence(p, text, span, c)
	}
	s.blocks(p, index, c)
}

// isQuote reports what claims nothing: quoted passages are instructions to a model, not claims about data. So are the
// sentences that an audit dropped, where their numbers are masked.
func (s *session) isQuote(p *claim.Passage) bool {
	if n := len(p.Section); p.Kind == claim.Output && n > 0 && p.Section[n-1] == "Sentences that the audit dropped" && !hasNumber(s.doc.PassageText(*p)) {
		return true
	}
	return p.Kind == claim.Output && slices.ContainsFunc(p.Section, func(t string) bool {
		return strings.Contains(strings.ToLower(t), "prompt") && !strings.Contains(strings.ToLower(t), "per-prompt") && !strings.Contains(strings.ToLower(t), "per prompt")
	})
}

// context is what a passage inherits.
type context struct {
	text     string
	names    claim.Names
	found    found
	settings []mention
	outer    []layer // leads from the inside, then sections from the inside
	siblings []mention
	vague    bool         // it names a thing that the rows do not know
	paired   bool         // one of two numbers for two things: whose it is, is left to the reader
	own      bool         // a table's column has a name that is no metric: no title names it instead
	cited    []claim.Span // numbers that lead to facts: judged already
}

// layer is one line above a passage.
type layer struct {
	text     string
	found    found
	settings []mention
}

func (s *session) contextOf(p *claim.Passage, index int, text string) context {
	c := context{text: text, names: claim.NamesOf(text), found: s.vocab.find(text)}
	c.settings, _ = s.settingsAmong(text, c.found, c.names)
	c.found = s.filesAsScope(c.found, c.names)
	for i := len(p.Leads) - 1; i >= 0; i-- {
		c.outer = append(c.outer, s.layer(p.Leads[i]))
	}
	for i := len(p.Section) - 1; i >= 0 && len(c.outer) < 12; i-- {
		c.outer = append(c.outer, s.layer(p.Section[i]))
	}
	if p.Kind == claim.Output {
		c.siblings = s.siblingsOf(p, index)
	}
	return c
}

// filesAsScope takes the words of a file's name out of what a text names; the
// file itself narrows the rows instead, where it is one of the ledger's.
func (s *session) filesAsScope(f found, names claim.Names) found {
	if len(names.Files) == 0 {
		return f
	}
	inFile := func(start int) bool {
		return slices.ContainsFunc(names.Files, func(file claim.File) bool { return file.Start <= start && start < file.End })
	}
	f.things = slices.DeleteFunc(f.things, func(m mention) bool { return inFile(m.start) })
	f.metrics = slices.DeleteFunc(f.metrics, func(m metricMention) bool { return inFile(m.start) })
	f.factors = slices.DeleteFunc(f.factors, func(m factorMention) bool { return inFile(m.start) })
	return f
}

func (s *session) layer(text string) layer {
	return layer{text, s.vocab.find(text), s.settingsIn(text)}
}

// siblingsOf are the settings that stand in the same printed block: "GPU
// layers: 60" above "Throughput: 103.16" says of which row that is.
func (s *session) siblingsOf(p *claim.Passage, index int) []mention {
	if len(p.Leads) == 0 {
		return nil
	}
	var out []mention
	for i := max(0, index-12); i < index; i++ {
		o := &s.doc.Passages[i]
		if o.Block == p.Block && o.Kind == claim.Output && o.Line > p.Line-12 {
			out = append(out, s.settingsIn(s.doc.PassageText(*o))...)
		}
	}
	return out
}

// settingsIn reads parameters with their values: num_ctx=2048, temp 0.8,
// "Context Size: 2048". Only values that the ledger has become mentions.
func (s *session) settingsIn(text string) []mention {
	out, _ := s.settingsOf(text)
	return out
}

// settingsOf also returns the first setting that no row of the ledger has.
func (s *session) settingsOf(text string) (out []mention, absent string) {
	r := remembered(s.settled, text, true, func() (r settled) {
		if f := s.vocab.find(text); len(f.factors) > 0 {
			r.known, r.absent = s.settingsAmong(text, f, claim.NamesOf(text))
		}
		return r
	})
	return r.known, r.absent
}

// settled are the settings that a text has.
type settled struct {
	known  []mention
	absent string
}

// settingsAmong reads the settings of a text whose names are known.
func (s *session) settingsAmong(text string, f found, names claim.Names) (out []mention, absent string) {
	if len(f.factors) == 0 {
		return nil, ""
	}
	for _, q := range claim.Quantities(text, names.Hidden) {
		fm, ok := s.factorOf(text, f, q)
		if !ok {
			continue
		}
		m := mention{start: fm.start, end: q.End, words: fm.words}
		for _, label := range fm.labels {
			for _, v := range s.ledger.Values(label) {
				if x, err := strconv.ParseFloat(v, 64); err == nil && x == q.Value {
					m.terms = append(m.terms, term{label, v})
				}
			}
		}
		switch {
		case len(m.terms) > 0:
			out = append(out, m)
		case absent == "" && !q.Word:
			absent = fmt.Sprintf("%s = %g", fm.words, q.Value)
		}
	}
	return out, absent
}

// factorOf returns the parameter that a number is a value of: its name stands
// right before, with at most a sign of equality, a colon or "of" between.
func (s *session) factorOf(text string, f found, q claim.Quantity) (factorMention, bool) {
	if q.HasUnit && (q.Dim.Percent || q.Dim.Times) || strings.HasPrefix(text[q.End:], "]") {
		return factorMention{}, false
	}
	for i := len(f.factors) - 1; i >= 0; i-- {
		fm := f.factors[i]
		if fm.end > q.Start {
			continue
		}
		gap := strings.ToLower(text[fm.end:q.Start])
		if len(gap) > 2 && strings.TrimLeft(gap, " ") == "" {
			return fm, false // columns of a printed table stand apart
		}
		gap = strings.NewReplacer("|", ",", "¦", ",").Replace(gap) // num_gpu=40|60: settings that come out as one
		gap = strings.TrimSpace(strings.Trim(strings.TrimSpace(gap), "*_`:=()[]"))
		switch gap {
		case "", "of", "to", "at", "is", "was", "set to", "=", ":", "value", "size", "layers", "settings":
			return fm, true
		}
		if strings.HasPrefix(text[q.End:], "/") {
			return fm, false // "GPU=60, 5/5 runs"
		}
		if strings.Trim(gap, "0123456789., :*()abcdefghijklmnopqrstuvwxyz_") == "" && strings.Contains(gap, ",") && onlyList(gap) {
			return fm, true
		}
		return fm, false
	}
	return factorMention{}, false
}

// onlyList reports whether a text is a list of numbers so far: "60, 80,".
func onlyList(gap string) bool {
	for _, part := range strings.Fields(strings.NewReplacer(",", " ", ":", " ", "*", " ", "(", " ", ")", " ").Replace(gap)) {
		if strings.Trim(part, "0123456789.") != "" && part != "and" && part != "or" && !strings.Contains(part, "_") {
			return false
		}
	}
	return true
}

func day(t time.Time) string { return t.Format("2006-01-02") }
