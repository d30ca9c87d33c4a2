package audit

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/sample"
)

// scope is what a claim is about, as far as the text says.
type scope struct {
	hard    []mention // named in the sentence, the row or the lines right above
	near    []mention // everyday words of the sentence and the lines above: preferred
	head    []mention // named by the head of the document: preferred
	series  []int     // metrics that it may mean
	named   bool      // by name, not only by its unit
	metric  string    // the words that named it
	agg     string    // aggregate; "" if not said
	extreme bool      // "best", "optimal", "peak": the end of a range is meant
	phase   sample.Phase
	layers  []string // lower-cased texts, nearest first, for cues
}

// labelsTaken are the labels that nearer mentions settle.
type labelsTaken map[string]bool

func (t labelsTaken) free(m mention) bool {
	return !slices.ContainsFunc(m.labels(), func(l string) bool { return t[l] })
}

func (t labelsTaken) take(m mention) {
	for _, l := range m.labels() {
		if l != "file" {
			t[l] = true
		}
	}
}

// scopeAt gathers the scope of a number that stands at [start, end) of a
// passage: things and metrics near it, then those of the lines above.
func (s *session) scopeAt(c context, start, end int) scope {
	var sc scope
	taken := labelsTaken{}
	add := func(m mention, head bool) {
		if !taken.free(m) {
			return
		}
		taken.take(m)
		switch {
		case head:
			sc.head = append(sc.head, m)
		case m.weak:
			sc.near = append(sc.near, m)
		default:
			sc.hard = append(sc.hard, m)
		}
	}
	lo, hi := sentenceAround(c.text, start)
	for _, m := range nearest(c.text, c.found.things, start, end, lo, hi) {
		add(m, false)
	}
	for _, m := range nearestSettings(c.settings, start, lo, hi) {
		add(m, false)
	}
	for _, m := range c.siblings {
		add(m, false)
	}
	for _, l := range c.outer {
		for _, m := range l.found.things {
			add(m, false)
		}
		for _, m := range l.settings {
			add(m, false)
		}
	}
	for _, m := range s.head {
		add(m, true)
	}
	s.metricAt(&sc, c, start, end, lo, hi)
	sc.layers = append(sc.layers, strings.ToLower(c.text[lo:hi]))
	for _, l := range c.outer {
		sc.layers = append(sc.layers, strings.ToLower(l.text))
	}
	sc.agg = s.aggregateAt(c, start, end, lo)
	if sc.phase = phaseOf(sc.layers[0]); sc.phase == "" {
		sc.phase = nearestPhase(strings.ToLower(c.text[lo:start]))
	}
	if sc.phase == "" {
		for _, l := range sc.layers[1:] {
			if sc.phase = phaseOf(l); sc.phase != "" {
				break
			}
		}
	}
	sc.extreme = slices.ContainsFunc(sc.layers[:min(3, len(sc.layers))], saysExtreme)
	return sc
}

func saysExtreme(text string) bool {
	for _, w := range []string{"best", "optimal", "peak", "highest", "lowest", "fastest", "slowest", "maximum", "minimum", "max", "min", "worst", "top"} {
		if containsWord(text, w) {
			return true
		}
	}
	return false
}

func phaseOf(text string) sample.Phase {
	cold := containsWord(text, "cold") || strings.Contains(text, "cold-start") || strings.Contains(text, "first request")
	warm := containsWord(text, "warm") || strings.Contains(text, "steady-state")
	switch {
	case cold && !warm:
		return sample.Cold
	case warm && !cold:
		return sample.Measure
	}
	return ""
}

// nearestPhase is the phase that a text names last.
func nearestPhase(before string) sample.Phase {
	cold, warm := strings.LastIndex(before, "cold"), strings.LastIndex(before, "warm")
	switch {
	case cold > warm:
		return sample.Cold
	case warm > cold:
		return sample.Measure
	}
	return ""
}

func containsWord(text, word string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		i += at
		before := i == 0 || !isLetter(text[i-1])
		after := i+len(word) >= len(text) || !isLetter(text[i+len(word)])
		if before && after {
			return true
		}
		at = i + 1
	}
}

func isLetter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '_' }

func sentenceAround(text string, at int) (lo, hi int) {
	for _, span := range claim.Sentences(text) {
		if span.Start <= at && at < span.End {
			return span.Start, span.End
		}
	}
	return 0, len(text)
}

// nearest orders the things of a sentence by how likely the number is theirs:
// one joined right behind it ("183 tok/s for 1b"), then the nearest before,
// then the nearest behind.
func nearest(text string, things []mention, start, end, lo, hi int) []mention {
	var joined, before, behind []mention
	for _, m := range things {
		switch {
		case m.end <= start && m.start >= lo:
			before = append(before, m)
		case m.start >= end && m.end <= hi:
			gap := strings.ToLower(text[end:m.start])
			if joins(gap) {
				joined = append(joined, m)
			} else {
				behind = append(behind, m)
			}
		}
	}
	slices.Reverse(before)
	return append(append(joined, before...), behind...)
}

// joins reports whether a text ties what follows it to the number before.
func joins(gap string) bool {
	gap = strings.TrimSpace(strings.Trim(gap, " *_`("))
	if len(gap) > 28 || strings.ContainsAny(gap, ".;,|") {
		return false
	}
	for _, w := range []string{"for", "on", "with", "of", "in", "by"} {
		if gap == w || strings.HasPrefix(gap, w+" ") && !strings.ContainsAny(gap, "0123456789") || strings.HasSuffix(gap, " "+w) || strings.HasSuffix(gap, " "+w+" the") || gap == w+" the" {
			return true
		}
	}
	return false
}

func nearestSettings(settings []mention, start, lo, hi int) []mention {
	var out []mention
	for _, m := range settings {
		if m.start >= lo && m.end <= hi && !(m.end > start && m.start < start) && m.end != start {
			out = append(out, m)
		}
	}
	slices.Reverse(out)
	return out
}

// metricAt finds the metric of a number: named right behind it, named before
// it, or named by the lines above.
func (s *session) metricAt(sc *scope, c context, start, end, lo, hi int) {
	take := func(m metricMention) { sc.series, sc.named, sc.metric = m.series, true, m.words }
	for _, m := range c.found.metrics {
		if m.start >= end && m.end <= hi && m.start-end <= 4 && !tight[m.words] && !strings.ContainsAny(c.text[end:m.start], "|,;") {
			take(m)
			return
		}
	}
	for i := len(c.found.metrics) - 1; i >= 0; i-- {
		if m := c.found.metrics[i]; m.end <= start && m.start >= lo && (!tight[m.words] || start-m.end <= 3) {
			take(m)
			return
		}
	}
	for _, m := range c.found.metrics {
		if m.start >= end && m.end <= hi && !tight[m.words] {
			take(m)
			return
		}
	}
	if c.own {
		return // a column with a name of its own
	}
	for _, l := range c.outer {
		for i := len(l.found.metrics) - 1; i >= 0; i-- {
			if m := l.found.metrics[i]; !tight[m.words] && !loose[m.words] {
				take(m)
				return
			}
		}
	}
}

// tight names are everyday words: metrics only right before a number.
var tight = map[string]bool{"analysis": true, "report": true, "ingest": true, "load": true, "compile": true, "rate": true, "tokens": true}

// loose names say too little to be taken from a title.
var loose = map[string]bool{"performance": true, "speed": true, "run time": true, "runtime": true, "size": true}

var aggregateWords = []struct{ word, agg string }{
	{"coefficient of variation", "cv"}, {"standard deviation", "sd"}, {"std dev", "sd"}, {"stddev", "sd"}, {"std", "sd"}, {"sd", "sd"}, {"cv", "cv"}, {"variation", "cv"},
	{"geometric mean", "geomean"}, {"geomean", "geomean"}, {"median", "median"}, {"average", "mean"}, {"averaged", "mean"}, {"averages", "mean"}, {"averaging", "mean"}, {"mean", "mean"}, {"avg", "mean"},
	{"minimum", "min"}, {"min", "min"}, {"maximum", "max"}, {"max", "max"}, {"peak", "max"},
	{"p50", "p50"}, {"p90", "p90"}, {"p95", "p95"}, {"p99", "p99"}, {"95th percentile", "p95"}, {"99th percentile", "p99"}, {"90th percentile", "p90"}, {"50th percentile", "p50"},
	{"total", "sum"}, {"sum", "sum"}, {"in total", "sum"},
}

// aggregateIn returns the aggregate that a text names last, and where.
func aggregateIn(text string) (agg string, at int) {
	low := strings.ToLower(text)
	spaced := strings.NewReplacer("_", " ", "-", " ").Replace(low)
	at = -1
	for _, w := range aggregateWords {
		for from := 0; from < len(spaced); {
			i := strings.Index(spaced[from:], w.word)
			if i < 0 {
				break
			}
			i += from
			if (i == 0 || !isLetter(spaced[i-1])) && (i+len(w.word) >= len(spaced) || !isLetter(spaced[i+len(w.word)])) && i > at {
				agg, at = w.agg, i
			}
			from = i + len(w.word)
		}
	}
	return agg, at
}

func (s *session) aggregateAt(c context, start, end, lo int) string {
	from := lo
	// What stands before an earlier number's unit is that number's.
	if agg, at := aggregateIn(c.text[from:start]); at >= 0 {
		return agg
	}
	if agg, at := aggregateIn(c.text[end:min(len(c.text), end+16)]); at >= 0 && at <= 3 {
		return agg
	}
	for i, l := range c.outer {
		if i > 1 {
			break
		}
		if agg, at := aggregateIn(l.text); at >= 0 && agg != "sum" {
			return agg
		}
	}
	return ""
}

// rowsOf returns the rows of a series that hold all mentions. A mention whose
// labels no row of the series has says nothing about it; applied counts those
// that do.
func (s *session) rowsOf(i int, mentions []mention, within map[string]bool) (fact.Group, int) {
	key := strconv.AppendBool(strconv.AppendInt(nil, int64(i), 10), within == nil)
	for _, m := range mentions {
		key = strconv.AppendInt(append(append(key, '|'), m.words...), int64(len(m.terms)), 10)
		key = append(strconv.AppendBool(key, m.weak), m.terms[0].label...)
		key = append(append(key, '='), m.terms[0].value...)
	}
	if r, ok := s.groups[string(key)]; ok {
		return r.group, r.applied
	}
	g, applied := s.gather(i, mentions, within)
	if len(s.groups) < 4096 {
		s.groups[string(key)] = gathered{g, applied}
	}
	return g, applied
}

// gathered is an answer of rowsOf, kept: reports ask the same again and again.
type gathered struct {
	group   fact.Group
	applied int
}

func (s *session) gather(i int, mentions []mention, within map[string]bool) (fact.Group, int) {
	g := fact.Group{Series: s.series[i].Series}
	applied := 0
	var use []mention
	for _, m := range mentions {
		if s.applies(i, m) {
			use = append(use, m)
			if !m.weak {
				applied++
			}
		}
	}
	rows := s.candidates(use)
	g.Rows, g.Cells = make([]*fact.Row, 0, len(rows)), make([]fact.Cell, 0, len(rows))
	for _, row := range rows {
		if row.Phase == sample.Warmup || within != nil && !within[row.Labels["file"]] {
			continue
		}
		cell, ok := row.Cell(g.Series.Name)
		if !ok || slices.ContainsFunc(use, func(m mention) bool { return !holds(row, m) }) {
			continue
		}
		g.Rows, g.Cells = append(g.Rows, row), append(g.Cells, cell)
	}
	if len(g.Rows) < len(rows)/2 {
		g.Rows, g.Cells = slices.Clone(g.Rows), slices.Clone(g.Cells) // what is kept takes no more than it needs
	}
	return g, applied
}

// applies reports whether rows of a series have a label of the mention.
func (s *session) applies(i int, m mention) bool {
	have := s.labelsOf(i)
	for _, t := range m.terms {
		if t.label == "file" {
			continue
		}
		if have[t.label] {
			return true
		}
	}
	// A word of a file's name narrows only where it is nothing else.
	for _, t := range m.terms {
		if t.label != "file" {
			return false
		}
	}
	return have["file"]
}

var noLabels = map[string]bool{}

func (s *session) labelsOf(i int) map[string]bool {
	if i < 0 || i >= len(s.series) {
		return noLabels
	}
	s.once.Do(func() {
		s.labels = make([]map[string]bool, len(s.series))
		index := map[string]int{}
		for k, ser := range s.series {
			s.labels[k], index[ser.Name] = map[string]bool{}, k
		}
		for _, row := range s.ledger.Rows {
			for _, cell := range row.Cells {
				for label := range row.Labels {
					s.labels[index[cell.Metric]][label] = true
				}
			}
		}
	})
	return s.labels[i]
}

func holds(row *fact.Row, m mention) bool {
	plain := false
	for _, t := range m.terms {
		if t.label == "file" {
			continue
		}
		if v, ok := row.Labels[t.label]; ok {
			plain = true
			if v == t.value {
				return true
			}
		}
	}
	if plain {
		return false
	}
	for _, t := range m.terms {
		if t.label == "file" && row.Labels["file"] == t.value {
			return true
		}
	}
	return false
}

// partitions are the ways in which rows that the text does not tell apart may
// still be told apart: by the file or the run that they came from.
var partitions = [][]string{{}, {"file"}, {"file", "run"}, {"file", "role"}, {"file", "run", "role"}, {"experiment"}, {"experiment", "workload"}}

// split cuts a group by labels and by whether phases are mixed.
func split(g fact.Group, by []string, phases []sample.Phase) []fact.Group {
	parts := map[string]*fact.Group{}
	var key []byte
	for i, row := range g.Rows {
		if phases != nil && row.Phase != "" && !slices.Contains(phases, row.Phase) {
			continue
		}
		key = key[:0]
		for _, l := range by {
			key = append(append(key, row.Labels[l]...), 0)
		}
		part := parts[string(key)]
		if part == nil {
			part = &fact.Group{Series: g.Series, Scope: map[string]string{}}
			if len(phases) == 1 {
				part.Phase = phases[0]
			}
			for _, l := range by {
				if v := row.Labels[l]; v != "" {
					part.Scope[l] = v
				}
			}
			parts[string(key)] = part
		}
		part.Rows, part.Cells = append(part.Rows, row), append(part.Cells, g.Cells[i])
	}
	out := make([]fact.Group, 0, len(parts))
	for _, k := range slices.Sorted(maps.Keys(parts)) {
		out = append(out, *parts[k])
	}
	return out
}

// say names a group for a reader: what all its rows have in common.
func nameOf(g fact.Group) string {
	if len(g.Rows) == 0 {
		return g.Series.Name
	}
	parts := []string{g.Series.Name}
	for _, label := range []string{"subject", "model", "method", "backend", "device", "group", "operation", "role", "stage", "run", "experiment", "file"} {
		v := g.Rows[0].Labels[label]
		if v == "" || v == "not-recorded" || label == "experiment" && g.Rows[0].Labels["file"] != "" || label == "model" && v == g.Rows[0].Labels["subject"] {
			continue
		}
		if !slices.ContainsFunc(g.Rows, func(r *fact.Row) bool { return r.Labels[label] != v }) {
			if label == "run" {
				v = "run " + v
			}
			parts = append(parts, v)
		}
	}
	if g.Phase != "" {
		parts = append(parts, map[sample.Phase]string{sample.Measure: "warm rows", sample.Cold: "cold rows"}[g.Phase])
	}
	return strings.Join(parts, " · ")
}

// pooled returns a label in which the rows differ though the text names none:
// of which subject the number is, nobody said.
func pooled(g fact.Group) string {
	for _, label := range []string{"subject", "model", "method", "backend", "group", "operation", "test", "device"} {
		seen := ""
		for _, r := range g.Rows {
			v := r.Labels[label]
			if v == "" {
				continue
			}
			if seen != "" && v != seen {
				return label
			}
			seen = v
		}
	}
	return ""
}

func (s *session) describe(sc scope) string {
	var parts []string
	for _, m := range sc.hard {
		parts = append(parts, m.words)
	}
	if sc.metric != "" {
		parts = append(parts, sc.metric)
	}
	if len(parts) == 0 {
		return "it"
	}
	return fmt.Sprintf("%q", strings.Join(parts, " "))
}

// softer are the sets of preferred mentions to try, the most demanding first.
func (sc scope) softer() [][]mention {
	var strong, things []mention
	for _, m := range sc.head {
		if !m.weak {
			strong = append(strong, m)
			if !strings.HasPrefix(m.terms[0].label, "config.") {
				things = append(things, m)
			}
		}
	}
	near := sc.near[:min(len(sc.near), 4)]
	join := func(more []mention) []mention { return append(slices.Clone(near), more...) }
	tries := [][]mention{join(sc.head), join(strong), join(things), near}
	for k := len(near) - 1; k > 0; k-- {
		tries = append(tries, append(slices.Clone(near[:k]), things...), near[:k])
	}
	tries = append(tries, strong, things, nil)
	var out [][]mention
	for _, t := range tries {
		if !slices.ContainsFunc(out, func(o []mention) bool { return len(o) == len(t) && sameMentions(o, t) }) {
			out = append(out, t)
		}
	}
	return out
}

func sameMentions(a, b []mention) bool {
	for i := range a {
		if a[i].start != b[i].start || a[i].words != b[i].words {
			return false
		}
	}
	return true
}
