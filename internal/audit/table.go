package audit

import (
	"slices"
	"strings"
	"unicode"

	"chimera/internal/claim"
)

// tableRow judges the cells of a row. Each number is read as a reader does: the
// row's name, the column's head, the number, its unit.
func (s *session) tableRow(p *claim.Passage, c context) {
	if cites := s.doc.CitesIn(p.Start, p.End); len(cites) > 0 && cites[0].Row {
		return
	}
	var label []string
	var own []mention
	unitCell := ""
	lefts := make([]int, len(p.Cells)) // labels to the left of each cell
	for i, cell := range p.Cells {
		text := strings.TrimSpace(s.doc.Text[cell.Start:cell.End])
		head := normal(cell.Head)
		lefts[i] = len(label)
		switch {
		case head == "unit" || head == "units":
			unitCell = text
		case isNote(head), len(text) > 60 && len(label) > 0:
		case !hasNumber(text) || s.named(text):
			label = append(label, text)
			if _, ok := s.vocab.metrics[head]; !ok && head != "" && len(label) == 1 {
				continue
			}
		default:
			own = append(own, s.keyed(head, text)...)
		}
	}
	name := s.carry(p, strings.Join(label, " · "))
	s.last = lastNone
	for i, cell := range p.Cells {
		text := strings.TrimSpace(s.doc.Text[cell.Start:cell.End])
		head := normal(cell.Head)
		if isNote(head) {
			continue
		}
		if text == "" || head == "unit" || head == "units" || head == "#" || head == "rank" || head == "index" || !hasNumber(text) {
			s.cellWords(p, cell, name, c)
			continue
		}
		if len(s.doc.CitesIn(cell.Start, cell.End)) > 0 {
			continue // judged by the facts that it leads to
		}
		if coversNumbers(c, cell.Start-p.Start, cell.End-p.Start) || len(s.doc.Cites) > 0 && s.isName(text) {
			continue // a name, of the scope of a fact that the row cites, or in the ledger's own words
		}
		if of := s.carry(p, strings.Join(label[:lefts[i]], " · ")); s.namesThing(of) {
			s.numberCell(p, cell, i, text, of, unitCell, own, c)
			continue
		}
		s.numberCell(p, cell, i, text, name, unitCell, own, c)
	}
}

// coversNumbers reports whether each digit of a stretch was judged already.
func coversNumbers(c context, from, to int) bool {
	for at := from; at < to; at++ {
		if b := c.text[at]; b >= '0' && b <= '9' && !covers(c.cited, at) {
			return false
		}
	}
	return true
}

func covers(spans []claim.Span, at int) bool {
	return slices.ContainsFunc(spans, func(s claim.Span) bool { return s.Start <= at && at < s.End })
}

// carry completes the name of a row whose first cell is empty by that of the
// row above: tables print what repeats once.
func (s *session) carry(p *claim.Passage, name string) string {
	first := p.Cells[0]
	text := strings.TrimSpace(s.doc.Text[first.Start:first.End])
	switch {
	case text != "" && !hasNumber(text):
		s.above = above{p.Table, text}
	case text == "" && s.above.table == p.Table && name != "":
		return s.above.name + " · " + name
	}
	return name
}

// above is the name that the last full row of a table began with.
type above struct {
	table int
	name  string
}

// named reports whether a cell is a name: it holds one, and no number beside it.
func (s *session) named(text string) bool {
	f := s.vocab.find(text)
	return len(f.things) > 0 && !slices.ContainsFunc(claim.Quantities(text, claim.NamesOf(text).Hidden), func(q claim.Quantity) bool {
		return q.HasUnit && q.Dim.Unit != "B" && !overlapsThing(context{found: f}, q)
	})
}

// namesThing reports whether a text names a thing that was measured.
func (s *session) namesThing(text string) bool {
	return slices.ContainsFunc(s.vocab.find(text).things, func(m mention) bool { return !m.weak })
}

// cellWords reads files and dates are read from the whole row already; a cell
// of prose is judged as prose.
func (s *session) cellWords(p *claim.Passage, cell claim.Cell, name string, c context) {
	if cell.End-cell.Start > 40 {
		s.sentence(p, c.text, claim.Span{Start: cell.Start - p.Start, End: cell.End - p.Start}, c)
	}
}

func isNote(head string) bool {
	return head == "notes" || head == "note" || head == "remark" || head == "remarks" || head == "comment"
}

func hasNumber(text string) bool { return strings.ContainsAny(text, "0123456789") }

// keyed reads the cell of a column that is a parameter or a label of the rows.
func (s *session) keyed(head, text string) []mention {
	value := strings.Trim(text, "`* ")
	var terms []term
	for _, label := range s.vocab.factors[head] {
		terms = append(terms, s.termsOf(label, value)...)
	}
	for _, label := range []string{head, strings.ReplaceAll(head, " ", "_"), "config." + strings.ReplaceAll(head, " ", "_")} {
		terms = append(terms, s.termsOf(label, value)...)
	}
	if len(terms) == 0 {
		return nil
	}
	return []mention{{words: head + " " + value, terms: terms}}
}

func (s *session) termsOf(label, value string) []term {
	var out []term
	for _, v := range s.ledger.Values(label) {
		if strings.EqualFold(v, value) || trimNumber(v) == trimNumber(value) {
			out = append(out, term{label, v})
		}
	}
	return out
}

// numberCell judges one cell with a number, read with its row's name and its
// column's head as one line.
func (s *session) numberCell(p *claim.Passage, cell claim.Cell, column int, text, name, unitCell string, own []mention, c context) {
	if isLabelCell(s, normal(cell.Head), text) {
		s.settingCell(p, cell, text, name, own, c)
		return
	}
	head := strings.Trim(cell.Head, "*` ")
	lead := bareHead(head) + ": "
	if name != "" && !strings.Contains(name, text) {
		lead = name + " · " + bareHead(head) + ": "
	}
	line := lead + text
	inner := context{text: line, names: claim.NamesOf(line), found: s.vocab.find(line), settings: s.settingsIn(line), outer: c.outer, siblings: own}
	outer := unitOfHead(head)
	inner.vague = hasLetters(name) && len(own) == 0 && !isAggregate(name) && s.unknownName(name)
	inner.own = !generalHead(head)
	for _, q := range claim.Quantities(line, inner.names.Hidden) {
		if q.Start < len(lead) || overlapsThing(inner, q) {
			continue
		}
		if !q.HasUnit {
			if d, ok := claim.ParseUnit(unitCell); ok {
				q.Dim, q.HasUnit = d, true
			} else if outer.Unit != "" {
				q.Dim, q.HasUnit = outer, true
			}
		}
		start := cell.Start + q.Start - len(lead)
		end := min(cell.End, cell.Start+q.End-len(lead))
		if start < cell.Start || start >= end {
			continue
		}
		s.size(p, inner, q, head)
		s.quantity(at{p: p, c: inner, q: q, start: start, end: end, cell: true, head: head})
	}
}

// bareHead is a column's head without the unit in brackets at its end.
func bareHead(head string) string {
	if i := strings.LastIndexByte(head, '('); i > 0 && strings.HasSuffix(head, ")") {
		if _, ok := claim.ParseUnit(head[i+1 : len(head)-1]); ok {
			return strings.TrimSpace(head[:i])
		}
	}
	return head
}

// unknownName reports whether a row's name is that of nothing: it names no
// metric and no thing, or everyday words among others that say nothing.
func (s *session) unknownName(name string) bool {
	f := s.vocab.find(name)
	if len(f.metrics) > 0 || slices.ContainsFunc(f.things, func(m mention) bool { return !m.weak }) {
		return false
	}
	return slices.ContainsFunc(tokens(name), func(t token) bool {
		return !slices.ContainsFunc(f.things, func(m mention) bool { return m.start <= t.start && t.end <= m.end })
	})
}

func hasLetters(text string) bool {
	return strings.ContainsFunc(text, unicode.IsLetter)
}

func isAggregate(text string) bool {
	agg, _ := aggregateIn(text)
	return agg != ""
}

// generalHead reports whether a column's head leaves open what its numbers are.
func generalHead(head string) bool {
	if agg, _ := aggregateIn(head); agg != "" || head == "" {
		return true
	}
	switch normal(head) {
	case "value", "result", "results", "measured", "values", "score", "number", "time", "latency", "duration":
		return true
	}
	return false
}

func overlapsThing(c context, q claim.Quantity) bool {
	for _, m := range c.found.things {
		if m.start < q.End && q.Start < m.end {
			return true
		}
	}
	return false
}

// isLabelCell reports whether a cell only says which row it is.
func isLabelCell(s *session, head, text string) bool {
	if hasDecimalUnit(text) {
		return false
	}
	if _, ok := s.vocab.factors[head]; ok {
		return true
	}
	switch head {
	case "run", "call", "block", "repeat", "prompt", "stage", "experiment", "version", "id", "date", "time stamp", "timestamp", "file":
		return true
	}
	return false
}

func hasDecimalUnit(text string) bool {
	for _, q := range claim.Quantities(text, nil) {
		if q.HasUnit && !q.Dim.Times {
			return true
		}
	}
	return false
}

// settingCell judges the cell of a parameter's column: its value must be one
// of the levels.
func (s *session) settingCell(p *claim.Passage, cell claim.Cell, text, name string, own []mention, c context) {
	labels := s.vocab.factors[normal(cell.Head)]
	if len(labels) == 0 {
		return
	}
	for _, q := range claim.Quantities(text, nil) {
		inner := context{text: name + " " + cell.Head + " " + text, outer: c.outer}
		inner.found = s.vocab.find(inner.text)
		s.setting(at{p: p, c: inner, q: shift(q, len(inner.text)-len(text)), start: cell.Start + q.Start, end: cell.Start + q.End, cell: true, head: cell.Head},
			factorMention{words: normal(cell.Head), labels: labels})
	}
}

func shift(q claim.Quantity, by int) claim.Quantity {
	q.Start, q.End = q.Start+by, q.End+by
	return q
}

// size keeps sizes that a report states, for quotients by them.
func (s *session) size(p *claim.Passage, c context, q claim.Quantity, head string) {
	if !q.HasUnit || q.Dim.Unit != "B" {
		return
	}
	var words []string
	for _, m := range c.found.things {
		words = append(words, m.words)
	}
	s.sizes = append(s.sizes, stated{thing: strings.Join(words, " "), what: normal(head), value: base(q), unit: "B", line: p.Line})
}

// unitOfHead reads the unit in a column's head: "TTFT (ms)", "size_mb".
func unitOfHead(head string) claim.Dim {
	if i := strings.LastIndexByte(head, '('); i >= 0 {
		if j := strings.IndexByte(head[i:], ')'); j > 0 {
			if d, ok := claim.ParseUnit(head[i+1 : i+j]); ok {
				return d
			}
		}
	}
	if i := strings.LastIndexAny(head, "_ "); i > 0 {
		tail := strings.ToLower(head[i+1:])
		before := strings.ToLower(strings.TrimRight(head[:i], "_ "))
		switch tail {
		case "mean", "std", "min", "max", "median", "avg", "sd", "p50", "p95", "p99":
			return unitOfHead(head[:i])
		case "s":
			if strings.HasSuffix(before, "tokens") || strings.HasSuffix(before, "tok") {
				return claim.Dim{Unit: "token/s", Factor: 1, Symbol: "tok/s"}
			}
			return claim.Dim{Unit: "s", Factor: 1, Symbol: "s"}
		case "ms", "mb", "gb", "kb", "bytes", "percent", "pct", "us", "ns":
			if tail == "pct" {
				tail = "percent"
			}
			if d, ok := claim.ParseUnit(map[string]string{"mb": "MB", "gb": "GB", "kb": "KB"}[tail]); ok {
				return d
			}
			if d, ok := claim.ParseUnit(tail); ok {
				return d
			}
		}
	}
	return claim.Dim{}
}
