package audit

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/pattern"
	"chimera/internal/sample"
)

// lastNone is no fact.
var lastNone = fact.Fact{}

// what a number may count, by the nouns beside it.
var countNouns = map[string]string{"file": "files", "files": "files", "configuration": "configs", "configurations": "configs", "combination": "configs", "combinations": "configs", "configs": "configs",
	"run": "runs", "runs": "runs", "row": "rows", "rows": "rows", "sample": "rows", "samples": "rows", "request": "rows", "requests": "rows", "call": "rows", "calls": "rows", "trial": "rows", "trials": "rows",
	"measurements": "rows", "tests": "rows", "records": "rows", "observations": "rows", "operations": "operation", "prompts": "prompt", "variants": "subject", "models": "subject", "subjects": "subject",
	"backends": "backend", "techniques": "method", "methods": "method", "devices": "device", "failures": "failed", "errors": "failed", "failed": "failed", "timeouts": "failed"}

// nounAfter is the noun that follows a number, past adjectives.
func nounAfter(text string, end int) string {
	rest := text[end:]
	toks := tokens(rest[:min(len(rest), 60)])
	for i, t := range toks {
		if i > 2 || t.start > 0 && strings.ContainsAny(rest[prevEnd(toks, i):t.start], ".,;:()|") {
			break
		}
		if _, ok := countNouns[t.text]; ok {
			return t.text
		}
	}
	if len(toks) > 0 && toks[0].start <= 1 {
		return toks[0].text
	}
	return ""
}

func prevEnd(toks []token, i int) int {
	if i == 0 {
		return 0
	}
	return toks[i-1].end
}

// nounEnd is how far the noun reaches, for the claim's span.
func (s *session) nounEnd(text string, end int) int {
	toks := tokens(text[end:min(len(text), end+60)])
	if len(toks) == 0 {
		return 0
	}
	return toks[0].end
}

// outOf is the rest of "28 of the 101 files".
var outOf = pattern.MustCompile(`^ (?:out )?of (?:the |all )?[\d,]+ (?:\w+ )?(\w+)`)

// countedBy returns what a number counts.
func countedBy(c context, q claim.Quantity) string {
	text := c.text
	if q.HasUnit && !(q.Dim.Unit == "token") || q.Decimals > 0 || q.Range || q.Spreads || q.Value < 0 {
		return ""
	}
	if noun := nounAfter(text, q.End); countNouns[noun] != "" {
		return countNouns[noun]
	}
	if m := outOf.FindStringSubmatch(text[q.End:]); m != nil {
		return countNouns[strings.ToLower(m[1])]
	}
	// "Files analyzed: 101", "CSV Files (28)", "CSV (44)"
	before := strings.TrimRight(text[:q.Start], " *`")
	if !strings.HasSuffix(before, ":") && !strings.HasSuffix(before, "(") && !strings.HasSuffix(before, "totaling") && !strings.HasSuffix(before, "- ") {
		return ""
	}
	after := strings.TrimLeft(text[q.End:], " *`")
	if strings.HasSuffix(before, ":") && after != "" && isLetter(after[0]|0x20) {
		return "" // "configurations: 60 layers" counts layers
	}
	if strings.HasSuffix(before, "(") && !strings.HasPrefix(after, ")") {
		return ""
	}
	toks := tokens(before)
	for i := len(toks) - 1; i >= max(0, len(toks)-5); i-- {
		if kind := countNouns[toks[i].text]; kind != "" {
			return kind
		}
		if fileType(toks[i].text) != "" && i == len(toks)-1 && filesAround(c) {
			return "files"
		}
	}
	return ""
}

// filesAround reports whether the lines around speak of files.
func filesAround(c context) bool {
	if strings.Contains(strings.ToLower(c.text), "file") {
		return true
	}
	return slices.ContainsFunc(c.outer, func(l layer) bool {
		low := strings.ToLower(l.text)
		return strings.Contains(low, "file") || strings.Contains(low, "dataset") || strings.Contains(low, "data ")
	})
}

func fileType(word string) string {
	switch word {
	case "csv", "csvs":
		return ".csv"
	case "json":
		return ".json"
	case "markdown", "md":
		return ".md"
	case "html":
		return ".html"
	case "jsonl":
		return ".jsonl"
	case "txt", "png", "svg", "pdf", "ipynb", "yaml", "yml", "log", "parquet":
		return "." + word
	}
	return ""
}

func (s *session) isCount(a at) bool { return countedBy(a.c, a.q) != "" }

func (s *session) isN(a at) bool {
	if a.q.HasUnit || a.q.Decimals > 0 {
		return false
	}
	before := strings.ToLower(strings.TrimRight(a.c.text[:a.q.Start], " "))
	return a.q.Key == "n" || strings.HasSuffix(before, "n =") || strings.HasSuffix(before, "n=") || strings.HasPrefix(normal(a.head)+" ", "n ") || strings.HasSuffix(normal(a.head), " n")
}

// sizeOf judges "n = 12" by the fact before it.
func (s *session) sizeOf(a at) {
	s.grimOf(a)
	f := s.last
	if f.ID == "" {
		s.say(a.p, a.start, a.end, Count, Unverifiable, "n of what, nobody says", "")
		return
	}
	switch v := int(a.q.Value); {
	case slices.Contains(s.lastSizes, v):
		s.say(a.p, a.start, a.end, Count, Supported, "values behind the figure before it", "", f)
	case v == f.Planned:
		s.say(a.p, a.start, a.end, Count, Misleading, fmt.Sprintf("rows planned; %d have a value", f.N), fmt.Sprint(f.N), f)
	default:
		s.say(a.p, a.start, a.end, Count, Contradicted, fmt.Sprintf("the figure before it stands on %s", plural(f.N, "value")), fmt.Sprint(f.N), f)
	}
}

func (s *session) count(a at) {
	kind := countedBy(a.c, a.q)
	if before := strings.ToLower(strings.TrimRight(a.c.text[:a.q.Start], " ")); strings.HasSuffix(before, "top") || strings.HasSuffix(before, "first") || strings.HasSuffix(before, "best") {
		return // "top 10" chooses, it does not count
	}
	if strings.HasPrefix(strings.ToLower(strings.TrimLeft(a.c.text[a.q.End:], " ")), "more") {
		return
	}
	end := a.end
	if noun := nounAfter(a.c.text, a.q.End); countNouns[noun] != "" && !a.cell {
		if i := strings.Index(strings.ToLower(a.c.text[a.q.End:]), noun); i >= 0 {
			end = min(a.p.End, a.end+i+len(noun))
		}
	}
	if kind == "files" {
		s.countFiles(a, end)
		return
	}
	s.countRows(a, end, kind)
}

// allowed are the counts that the words may mean, each with what it counts.
type allowed map[int]string

func (s *session) countRows(a at, end int, kind string) {
	sc := s.scopeAt(a.c, a.q.Start, a.q.End)
	rows := s.rowsNamed(sc)
	counts, failed := allowed{}, 0
	byFile := map[string][]*fact.Row{}
	for _, r := range rows {
		place := r.Labels["file"]
		byFile[place] = append(byFile[place], r)
	}
	for _, m := range a.c.found.things {
		var some []*fact.Row
		for _, r := range rows {
			if slices.Contains(m.values("file"), r.Labels["file"]) {
				some = append(some, r)
			}
		}
		if m.weak && len(some) > 0 {
			byFile[m.words] = some
		}
	}
	switch kind {
	case "configs":
		failed = s.countConfigs(rows, counts)
	case "runs", "rows", "failed":
		failed = countAll(rows, byFile, kind, counts)
	default:
		countLabel(rows, byFile, kind, counts)
	}
	n := int(a.q.Value)
	name := map[string]string{"configs": "configurations", "failed": "failed rows"}[kind]
	if name == "" {
		name = kind
	}
	switch what, ok := counts[n]; {
	case ok && failed > 0 && kind == "configs":
		s.say(a.p, a.start, end, Count, Misleading, fmt.Sprintf("%s; %s of them failed and have no value", what, plural(failed, "row")), "")
	case ok:
		s.say(a.p, a.start, end, Count, Supported, what, "")
	case a.q.Least && slices.ContainsFunc(slices.Collect(maps.Keys(counts)), func(c int) bool { return c >= n }):
		s.say(a.p, a.start, end, Count, Supported, "at least so many", "")
	case len(counts) == 0:
		s.say(a.p, a.start, end, Count, Unverifiable, "no row counts "+name, "")
	case kind == "configs" && (s.sources != nil || !s.open() && n > slices.Max(slices.Collect(maps.Keys(counts)))) || s.sources != nil && kind != "runs" && kind != "rows" || s.allOwn():
		s.say(a.p, a.start, end, Count, Contradicted, "no count of "+name+" gives it", listCounts(counts))
	default:
		s.say(a.p, a.start, end, Count, Unverifiable, "of which rows it is, nobody says; counts of "+name+": "+listCounts(counts), "")
	}
}

func (s *session) allOwn() bool {
	return len(s.ledger.Inventory.Runs) > 0 && !slices.ContainsFunc(s.ledger.Inventory.Runs, func(r fact.RunEntry) bool { return r.Imported })
}

func listCounts(counts allowed) string {
	keys := slices.Sorted(maps.Keys(counts))
	var parts []string
	for _, k := range keys[:min(len(keys), 6)] {
		parts = append(parts, fmt.Sprintf("%d (%s)", k, counts[k]))
	}
	return strings.Join(parts, ", ")
}

// rowsNamed are the request rows and bench rows that a scope allows.
func (s *session) rowsNamed(sc scope) []*fact.Row {
	var out []*fact.Row
	for _, r := range s.ledger.Rows {
		if r.Kind == fact.KindClaim || s.sources != nil && !s.sources[r.Labels["file"]] || r.Phase == sample.Warmup {
			continue
		}
		ok := true
		for _, m := range sc.hard {
			if !holdsOrLacks(r, m) {
				ok = false
			}
		}
		if ok {
			out = append(out, r)
		}
	}
	return out
}

func holdsOrLacks(r *fact.Row, m mention) bool {
	has := false
	for _, t := range m.terms {
		if _, ok := r.Labels[t.label]; ok && t.label != "file" {
			has = true
		}
	}
	return !has && m.weak || holds(r, m)
}

func (s *session) countConfigs(rows []*fact.Row, counts allowed) (failed int) {
	perSubject := map[string]map[string]bool{}
	all := map[string]bool{}
	planned := 0
	for _, r := range rows {
		config := configOf(r)
		if r.Kind != fact.KindRequest || config == "" {
			continue
		}
		place := r.Labels["subject"] + "\x00" + r.Labels["file"]
		if perSubject[place] == nil {
			perSubject[place] = map[string]bool{}
		}
		perSubject[place][config] = true
		all[config] = true
		planned++
		if r.Outcome != sample.OK {
			failed++
		}
	}
	sum := 0
	for _, place := range slices.Sorted(maps.Keys(perSubject)) {
		n := len(perSubject[place])
		if n < 2 {
			continue
		}
		sum += n
		subject, file, _ := strings.Cut(place, "\x00")
		counts[n] = fmt.Sprintf("configurations of %s in %s", subject, path.Base(file))
	}
	if sum > 0 {
		counts[sum] = fmt.Sprintf("configurations of %d sweeps together", len(perSubject))
		counts[len(all)] = "distinct configurations"
	}
	return failed
}

func configOf(r *fact.Row) string {
	var parts []string
	for k, v := range r.Labels {
		if strings.HasPrefix(k, "config.") {
			parts = append(parts, k+"="+v)
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

func countAll(rows []*fact.Row, byFile map[string][]*fact.Row, kind string, counts allowed) (failed int) {
	note := func(set []*fact.Row, what string) {
		ok, bad := 0, 0
		subjects := map[string]int{}
		runs := map[string]bool{}
		for _, r := range set {
			if r.Outcome != "" && r.Outcome != sample.OK {
				bad++
			} else {
				ok++
			}
			if v := r.Labels["subject"]; v != "" {
				subjects[v]++
			}
			if v := r.Labels["run"]; v != "" {
				runs[v] = true
			}
		}
		if kind == "failed" {
			counts[bad] = "failed rows of " + what
			return
		}
		counts[ok+bad], counts[ok] = "rows of "+what, "rows with a value of "+what
		for _, v := range slices.Sorted(maps.Keys(subjects)) {
			counts[subjects[v]] = "rows of " + v + " in " + what
		}
		if len(runs) > 0 {
			counts[len(runs)] = "runs of " + what
		}
		failed += bad
	}
	note(rows, "all")
	for _, f := range slices.Sorted(maps.Keys(byFile)) {
		note(byFile[f], cmpOr(path.Base(f), "the run"))
	}
	return failed
}

func cmpOr(a, b string) string {
	if a == "" || a == "." {
		return b
	}
	return a
}

func countLabel(rows []*fact.Row, byFile map[string][]*fact.Row, label string, counts allowed) {
	note := func(set []*fact.Row, what string) {
		seen := map[string]bool{}
		for _, r := range set {
			if v := r.Labels[label]; v != "" && v != "not-recorded" {
				seen[v] = true
			}
		}
		if len(seen) > 0 {
			counts[len(seen)] = label + "s of " + what
		}
	}
	note(rows, "all")
	for _, f := range slices.Sorted(maps.Keys(byFile)) {
		note(byFile[f], cmpOr(path.Base(f), "the run"))
	}
}

// capability tells what a thing could do from what it was set to.
var capability = pattern.MustCompile(`(?i)\b(?:max|maximum|supports?|native|trained|up to|limit)\b`)

func everySeries(s *session) []int {
	out := make([]int, len(s.series))
	for i := range out {
		out[i] = i
	}
	return out
}

// listed reports whether a number is one of several levels.
func listed(a at) bool {
	rest := strings.TrimLeft(a.c.text[a.q.End:], " *`")
	before := strings.TrimRight(a.c.text[:a.q.Start], " *`")
	return a.cell || strings.HasPrefix(rest, ", ") && len(rest) > 2 && rest[2] >= '0' && rest[2] <= '9' || strings.HasSuffix(before, ",") || strings.HasSuffix(before, "and")
}

// levels are the values of a parameter: of the rows that a scope allows, and of
// all rows.
type levels struct {
	here, anywhere, origins map[string]bool
	silent                  bool // declared rows do not record the parameter
}

func (s *session) levelsOf(fm factorMention, hard []mention) levels {
	key := strings.Join(fm.labels, " ")
	for _, m := range hard {
		key += "|" + m.words + fmt.Sprint(len(m.terms), m.terms[0])
	}
	return remembered(s.levels, key, true, func() levels {
		l := levels{map[string]bool{}, map[string]bool{}, map[string]bool{}, s.silentOn(fm)}
		for _, label := range fm.labels {
			for _, v := range s.ledger.Values(label) {
				l.anywhere[v] = true
			}
		}
		var things []mention
		for _, m := range hard {
			if isThing(m) {
				things = append(things, m)
			}
		}
		for _, r := range s.candidates(things) {
			if s.sources != nil && !s.sources[r.Labels["file"]] || slices.ContainsFunc(things, func(m mention) bool { return !holds(r, m) }) {
				continue
			}
			for _, label := range fm.labels {
				if v, ok := r.Labels[label]; ok {
					l.here[v], l.origins[r.Labels["file"]] = true, true
				}
			}
		}
		return l
	})
}

// silentOn reports whether a request of the declared sources does not record a
// parameter.
func (s *session) silentOn(fm factorMention) bool {
	return s.sources != nil && slices.ContainsFunc(s.ledger.Rows, func(r *fact.Row) bool {
		return r.Kind == fact.KindRequest && s.sources[r.Labels["file"]] && !slices.ContainsFunc(fm.labels, func(l string) bool { return r.Labels[l] != "" })
	})
}

// setting judges a parameter's value: it must be one of the levels.
func (s *session) setting(a at, fm factorMention) {
	sc := s.scopeAt(a.c, a.q.Start, a.q.End)
	sc.hard = slices.DeleteFunc(sc.hard, func(m mention) bool {
		return slices.ContainsFunc(m.labels(), func(l string) bool { return slices.Contains(fm.labels, l) })
	})
	l := s.levelsOf(fm, sc.hard)
	levels, anywhere := l.here, l.anywhere
	if len(levels) == 0 {
		if s.sources == nil {
			levels = anywhere
		}
		if len(levels) == 0 {
			s.say(a.p, a.start, a.end, Setting, Unverifiable, "no row has the parameter "+fm.words, "")
			return
		}
	}
	for _, v := range sortedNumbers(levels) {
		if x, err := strconv.ParseFloat(v, 64); err == nil && equal(a.q, x) {
			s.say(a.p, a.start, a.end, Setting, Supported, fmt.Sprintf("%s is a level of %s", v, fm.words), "")
			return
		}
	}
	if s.open() && (len(l.origins) != 1 || !s.holdsThing(a, scope{hard: sc.hard, series: everySeries(s)}, false)) || capability.MatchString(a.c.text) || l.silent && !listed(a) {
		s.say(a.p, a.start, a.end, Setting, Unverifiable, fmt.Sprintf("no row has %s = %g, and rows of other runs may", fm.words, a.q.Value), "levels: "+strings.Join(sortedNumbers(levels), ", "))
		return
	}
	s.say(a.p, a.start, a.end, Setting, Contradicted, fmt.Sprintf("no row has %s = %g", fm.words, a.q.Value), "levels: "+strings.Join(sortedNumbers(levels), ", "))
}

func isThing(m mention) bool {
	return !m.weak && !strings.HasPrefix(m.terms[0].label, "config.")
}

func sortedNumbers(levels map[string]bool) []string {
	out := slices.Collect(maps.Keys(levels))
	slices.SortFunc(out, func(a, b string) int {
		x, _ := strconv.ParseFloat(a, 64)
		y, _ := strconv.ParseFloat(b, 64)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return strings.Compare(a, b)
	})
	return out
}
