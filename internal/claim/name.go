package claim

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"chimera/internal/pattern"
)

// Date is a day, a month or a stretch of days that a text names.
type Date struct {
	Span
	From, To time.Time // first and last day; equal for a day
	HasYear  bool
}

// File is a file that a text names.
type File struct {
	Span
	Path string
	Glob bool
}

var (
	isoDate   = pattern.MustCompile(`\b(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?`)
	clock     = pattern.MustCompile(`\b\d{1,2}:\d{2}(?::\d{2})?\b(?:\s?[AaPp][Mm])?`)
	months    = `(January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\.?`
	dayDate   = pattern.MustCompile(`\b` + months + `\s+(\d{1,2})(?:st|nd|rd|th)?(?:\s*[-–]\s*(\d{1,2})(?:st|nd|rd|th)?)?(?:,?\s+(\d{4}))?\b`)
	euDate    = pattern.MustCompile(`\b(\d{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?` + months + `(?:,?\s+(\d{4}))?\b`)
	partDate  = pattern.MustCompile(`(?i)\b(early|mid|late)[-\s]+` + months + `(?:,?\s+(\d{4}))?\b`)
	monthDate = pattern.MustCompile(`\b` + months + `,?\s+(\d{4})\b`)
	stamp     = pattern.MustCompile(`\b20\d{6}[-_]\d{6}\b`)

	filePath  = pattern.MustCompile(`[A-Za-z0-9_.*\-][A-Za-z0-9_./\\*\-:]*\.(?:csv|jsonl|json|md|html?|ipynb|txt|ya?ml|png|svg|pdf|parquet|gguf|log|xlsx|py|rs|go|toml|db)\b`)
	url       = pattern.MustCompile(`\b(?:https?|file)://[^\s)>\]]+`)
	folder    = pattern.MustCompile(`(?:\.\.?[/\\])?[A-Za-z0-9_\-]+(?:[/\\][A-Za-z0-9_\-]+)+(?:\.\d+\b)?[/\\]?`)
	hash      = pattern.MustCompile(`\b[0-9a-f]{12,64}\b`)
	numbered  = pattern.MustCompile(`\b(?:Report|Figure|figure|Fig\.?|Table|Section|section|Chapter|Step|Appendix|Version|version|Lines?|lines?|Page|page|pages|Port|port|Issue|Cell|RTX|GTX|CUDA|Python|Ubuntu|Windows|Seed|seed|Gen|i[3579]|driver)\s+\d[\d.\-–]*`)
	order     = pattern.MustCompile(`^[\s#*>\-•]*\d+(?:\.\d+)*[.)]\s`)
	reference = pattern.MustCompile(`\b\w+:\d+[-–]\d+\b`)
	rowOf     = pattern.MustCompile(`\.(?:csv|jsonl?)#\d+(?:\.\d+)?\b`) // a row of an imported file, in its id
	shape     = pattern.MustCompile(`\b\d+(?:\s?[x×]\s?\d+(?:[.,]\d+)*)+\b`)
)

var monthNumber = map[string]time.Month{"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}

// Names are what a passage names, and the spans in which no number is read.
type Names struct {
	Dates  []Date
	Files  []File
	Hidden []Span // in order, apart
}

// NamesOf reads the names of a text.
func NamesOf(text string) Names {
	var n Names
	for _, re := range []*pattern.Regexp{url, hash, stamp, order, numbered, reference, rowOf, shape} {
		for _, m := range re.FindAllStringIndex(text, -1) {
			n.Hidden = append(n.Hidden, Span{m[0], m[1]})
		}
	}
	for _, m := range filePath.FindAllStringIndex(text, -1) {
		if covered(n.Hidden, m[0]) {
			continue
		}
		path := strings.ReplaceAll(text[m[0]:m[1]], `\`, "/")
		n.Files = append(n.Files, File{Span: Span{m[0], m[1]}, Path: path, Glob: strings.Contains(path, "*")})
		n.Hidden = append(n.Hidden, Span{m[0], m[1]})
	}
	for _, m := range folder.FindAllStringIndex(text, -1) {
		part := text[m[0]:m[1]]
		if _, isUnit := ParseUnit(part); !isUnit && !startsDigit(part) {
			n.Hidden = append(n.Hidden, Span{m[0], m[1]})
		}
	}
	n.dates(text)
	for _, re := range []*pattern.Regexp{clock} {
		for _, m := range re.FindAllStringIndex(text, -1) {
			n.Hidden = append(n.Hidden, Span{m[0], m[1]})
		}
	}
	n.Hidden = Merge(n.Hidden)
	return n
}

func (n *Names) dates(text string) {
	add := func(m []int, from, to time.Time, year bool) {
		if covered(n.Hidden, m[0]) {
			return
		}
		n.Dates = append(n.Dates, Date{Span{m[0], m[1]}, from, to, year})
		n.Hidden = append(n.Hidden, Span{m[0], m[1]})
	}
	group := func(m []int, i int) string {
		if m[2*i] < 0 {
			return ""
		}
		return text[m[2*i]:m[2*i+1]]
	}
	for _, m := range isoDate.FindAllStringSubmatchIndex(text, -1) {
		if day, err := time.Parse("2006-01-02", text[m[0]:m[0]+10]); err == nil {
			add(m, day, day, true)
		}
	}
	for _, m := range partDate.FindAllStringSubmatchIndex(text, -1) {
		month, year := monthOf(group(m, 2)), atoi(group(m, 3))
		from, to := map[string][2]int{"early": {1, 10}, "mid": {11, 20}, "late": {21, 31}}[strings.ToLower(group(m, 1))], 0
		to = from[1]
		first := time.Date(year, month, from[0], 0, 0, 0, 0, time.UTC)
		last := time.Date(year, month, min(to, daysIn(year, month)), 0, 0, 0, 0, time.UTC)
		add(m, first, last, year > 0)
	}
	for _, m := range dayDate.FindAllStringSubmatchIndex(text, -1) {
		month, day, to, year := monthOf(group(m, 1)), atoi(group(m, 2)), atoi(group(m, 3)), atoi(group(m, 4))
		first := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
		add(m, first, time.Date(year, month, max(day, to), 0, 0, 0, 0, time.UTC), year > 0)
	}
	for _, m := range euDate.FindAllStringSubmatchIndex(text, -1) {
		day := time.Date(atoi(group(m, 3)), monthOf(group(m, 2)), atoi(group(m, 1)), 0, 0, 0, 0, time.UTC)
		add(m, day, day, group(m, 3) != "")
	}
	for _, m := range monthDate.FindAllStringSubmatchIndex(text, -1) {
		month, year := monthOf(group(m, 1)), atoi(group(m, 2))
		add(m, time.Date(year, month, 1, 0, 0, 0, 0, time.UTC), time.Date(year, month, daysIn(year, month), 0, 0, 0, 0, time.UTC), true)
	}
	slices.SortFunc(n.Dates, func(a, b Date) int { return cmp.Compare(a.Start, b.Start) })
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func monthOf(name string) time.Month {
	name = strings.ToLower(name)
	return monthNumber[name[:min(3, len(name))]]
}

func atoi(text string) int {
	v, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return v
}

func covered(spans []Span, at int) bool {
	return slices.ContainsFunc(spans, func(s Span) bool { return s.Start <= at && at < s.End })
}

// Merge orders spans and joins those that overlap.
func Merge(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End)) })
	var out []Span
	for _, s := range spans {
		if len(out) > 0 && s.Start < out[len(out)-1].End {
			out[len(out)-1].End = max(out[len(out)-1].End, s.End)
			continue
		}
		out = append(out, s)
	}
	return out
}

// Sentences cuts a text at the ends of sentences; a point between digits or in
// an abbreviation ends none.
func Sentences(text string) []Span {
	var out []Span
	start := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '.' && c != '!' && c != '?' && c != ';' {
			continue
		}
		j := i + 1
		for j < len(text) && strings.IndexByte(`"')*_`, text[j]) >= 0 {
			j++
		}
		if j < len(text) && text[j] != ' ' {
			continue
		}
		if c == '.' && abbreviated(text[max(0, i-8):i]) {
			continue
		}
		out = append(out, Span{start, j})
		for j < len(text) && text[j] == ' ' {
			j++
		}
		start, i = j, j-1
	}
	if strings.TrimSpace(text[start:]) != "" {
		out = append(out, Span{start, len(text)})
	}
	return out
}

func abbreviated(before string) bool {
	before = strings.ToLower(before)
	for _, a := range []string{"e.g", "i.e", "vs", "approx", "ca", "etc", "fig", "no", "cf", " dr", " mr"} {
		if strings.HasSuffix(before, a) {
			return true
		}
	}
	// A list's number at the start of a line.
	trimmed := strings.TrimLeft(before, " *#->")
	return trimmed != "" && strings.Trim(trimmed, "0123456789") == "" && len(before) < 6
}
