package audit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"chimera/internal/claim"
	"chimera/internal/fact"
	"chimera/internal/pattern"
)

// filesNamed resolves a file that a text names to those of the inventory.
func (s *session) filesNamed(f claim.File) []fact.FileEntry {
	name := strings.TrimLeft(path.Clean(f.Path), "./")
	for strings.HasPrefix(name, "../") {
		name = name[3:]
	}
	var out []fact.FileEntry
	for _, e := range s.ledger.Inventory.Files {
		full := e.Path
		switch {
		case full == name || strings.HasSuffix(full, "/"+name):
			out = append(out, e)
		case f.Glob:
			if ok, err := path.Match(path.Base(name), path.Base(full)); err == nil && ok && (path.Dir(name) == "." || strings.HasSuffix(path.Dir(full), path.Dir(name))) {
				out = append(out, e)
			}
		}
	}
	return out
}

// checklist is a line that says what is still to be done.
var checklist = pattern.MustCompile(`^\s*[-*] \[[ x]\]`)

// files judges whether the data files that a text names exist. Pictures and
// pages that the report itself writes are no data.
func (s *session) files(p *claim.Passage, text string, c context) {
	for _, f := range c.names.Files {
		ext := strings.ToLower(path.Ext(f.Path))
		if ext != ".csv" && ext != ".json" && ext != ".jsonl" && ext != ".parquet" && ext != ".md" && ext != ".gguf" && ext != ".db" || strings.HasPrefix(path.Base(f.Path), ".") {
			continue
		}
		start, end := p.Start+f.Start, p.Start+f.End
		found := s.filesNamed(f)
		switch {
		case len(found) > 0:
			s.say(p, start, end, Entity, Supported, fmt.Sprintf("%s, %d rows", found[0].Path, found[0].Rows), "")
		case len(s.ledger.Inventory.Files) == 0:
			s.say(p, start, end, Entity, Unverifiable, "no files were imported", "")
		case ext == ".md" || ext == ".gguf" || ext == ".db":
			s.say(p, start, end, Entity, Unverifiable, "no such file was imported", "")
		case s.open() && (strings.ContainsAny(text, "├└│") || checklist.MatchString(text)):
			s.say(p, start, end, Entity, Unverifiable, "no such file was imported", s.like(f.Path))
		default:
			s.say(p, start, end, Entity, Contradicted, "there is no such file", s.like(f.Path))
		}
	}
}

// like names the files that begin like one which does not exist.
func (s *session) like(name string) string {
	base := stem(name)
	best, length := "", 5
	for _, e := range s.ledger.Inventory.Files {
		n := 0
		for other := stem(e.Path); n < min(len(base), len(other)) && base[n] == other[n]; n++ {
		}
		if n > length {
			best, length = e.Path, n
		}
	}
	if best == "" {
		return ""
	}
	return "the nearest is " + best
}

// root is the folder below which the files that a document names stand; "" for
// the whole inventory.
func (s *session) root() string {
	if s.rootKnown {
		return s.rootFolder
	}
	s.rootKnown = true
	votes := map[string]int{}
	for i := range s.doc.Passages {
		p := &s.doc.Passages[i]
		for _, f := range claim.NamesOf(s.doc.PassageText(*p)).Files {
			name := strings.TrimLeft(path.Clean(f.Path), "./")
			if !strings.Contains(name, "/") {
				continue
			}
			for _, e := range s.ledger.Inventory.Files {
				if strings.HasSuffix(e.Path, "/"+name) {
					votes[strings.TrimSuffix(e.Path, "/"+name)]++
				}
			}
		}
	}
	best := 0
	for folder, n := range votes {
		if n > best || n == best && folder < s.rootFolder {
			s.rootFolder, best = folder, n
		}
	}
	return s.rootFolder
}

// countFiles judges a number of files, of a type or of a thing.
func (s *session) countFiles(a at, end int) {
	if len(s.ledger.Inventory.Files) == 0 {
		s.say(a.p, a.start, end, Count, Unverifiable, "no files were imported", "")
		return
	}
	ext, word, ratherOf := s.fileWords(a)
	n, what := 0, "files"
	folders := map[string]int{}
	for _, e := range s.ledger.Inventory.Files {
		if root := s.root(); root != "" && !strings.HasPrefix(e.Path, root+"/") {
			continue
		}
		if ext != "" && !strings.EqualFold(path.Ext(e.Path), ext) || word != "" && !strings.Contains(strings.ToLower(e.Path), word) {
			continue
		}
		n++
		folders[top(e.Path)]++
	}
	switch {
	case ext != "":
		what = strings.TrimPrefix(ext, ".") + " files"
	case word != "":
		what = fmt.Sprintf("files with %q in their path", word)
	}
	v := int(a.q.Value)
	declared := 0
	for f := range s.sources {
		if ext != "" && !strings.EqualFold(path.Ext(f), ext) || word != "" && !strings.Contains(strings.ToLower(f), word) {
			continue
		}
		declared++
	}
	switch {
	case declared > 0 && v == declared:
		s.say(a.p, a.start, end, Count, Supported, fmt.Sprintf("%d of the files that the report names as its sources", declared), "")
	case ext == "" && v == s.allFiles():
		s.say(a.p, a.start, end, Count, Supported, fmt.Sprintf("%d files in all", v), "")
	case v == n || s.root() == "" && (inValues(folders, v) || s.readFiles(v, ext, word)):
		s.say(a.p, a.start, end, Count, Supported, fmt.Sprintf("%d %s", v, what), "")
	case a.q.Approx && abs(v-n) <= max(1, n/10):
		s.say(a.p, a.start, end, Count, Supported, fmt.Sprintf("%d %s", n, what), "")
	case n == 0:
		s.say(a.p, a.start, end, Count, Unverifiable, "no such files were imported", "")
	default:
		why := fmt.Sprintf("there are %d %s", n, what)
		if other := s.otherCount(v, ratherOf); other != "" {
			why += "; the number is that of " + other
		}
		s.say(a.p, a.start, end, Count, Contradicted, why, fmt.Sprint(n))
	}
}

// allFiles counts the files below the root.
func (s *session) allFiles() int {
	n := 0
	for _, e := range s.ledger.Inventory.Files {
		if root := s.root(); root == "" || strings.HasPrefix(e.Path, root+"/") {
			n++
		}
	}
	return n
}

func abs(v int) int { return max(v, -v) }

func inValues(m map[string]int, v int) bool {
	for _, n := range m {
		if n == v {
			return true
		}
	}
	return false
}

func top(p string) string {
	if i := strings.IndexByte(p, '/'); i > 0 {
		return p[:i]
	}
	return "."
}

// readFiles reports whether the program of an imported run said so itself of
// how many files it read.
func (s *session) readFiles(v int, ext, word string) bool {
	if ext != "" || word != "" {
		return false
	}
	for _, r := range s.ledger.Rows {
		if c, ok := r.Cell("files_analyzed"); ok {
			if x, ok := c.Value.Get(); ok && int(x) == v {
				return true
			}
		}
	}
	return false
}

func (s *session) otherCount(v int, not string) string {
	counts := map[string]int{}
	for _, e := range s.ledger.Inventory.Files {
		if root := s.root(); root == "" || strings.HasPrefix(e.Path, root+"/") {
			counts[strings.ToLower(path.Ext(e.Path))]++
		}
	}
	for _, ext := range []string{".csv", ".json", ".md", ".html", ".txt"} {
		if counts[ext] == v && ext != not {
			return "the " + ext + " files"
		}
	}
	return ""
}

// fileWords reads which files a number counts: a type, or those of a thing.
func (s *session) fileWords(a at) (ext, word, rather string) {
	text := strings.ToLower(a.c.text)
	lo, hi := sentenceAround(a.c.text, a.q.Start)
	if before := tokens(text[lo:a.q.Start]); a.cell || strings.HasSuffix(strings.TrimRight(text[:a.q.Start], " "), "(") {
		reach := 3
		if a.cell {
			reach = len(before)
		}
		for i := len(before) - 1; i >= max(0, len(before)-reach); i-- {
			if e := fileType(before[i].text); e != "" {
				return e, "", e
			}
		}
	}
	// A type stands right before ("CSV: 42 files", "CSV (44)") or right behind ("28 CSV files").
	for _, t := range tokens(text[a.q.End:min(len(text), a.q.End+24)]) {
		if e := fileType(t.text); e != "" {
			return e, "", e
		}
		if t.text == "files" || t.text == "file" {
			break
		}
	}
	toks := tokens(text[lo:a.q.Start])
	for i := len(toks) - 1; i >= max(0, len(toks)-2); i-- {
		if e := fileType(toks[i].text); e != "" {
			return e, "", e
		}
	}
	if totalFiles(text[lo:a.q.Start]) {
		return "", "", ""
	}
	all := tokens(text[lo:a.q.Start])
	for i := len(all) - 1; i >= max(0, len(all)-16); i-- {
		if w := s.pathWord(all[i].text); w != "" {
			return "", w, ""
		}
	}
	after := tokens(text[a.q.End:hi])
	for _, t := range after[:min(len(after), 8)] {
		if w := s.pathWord(t.text); w != "" {
			return "", w, ""
		}
	}
	return "", "", ""
}

// totalFiles reports whether the words before a number speak of all files.
func totalFiles(before string) bool {
	before = strings.TrimRight(before, " *`:-")
	for _, w := range []string{"total files", "files analyzed", "dataset size"} {
		if strings.Contains(before, w) {
			return true
		}
	}
	for _, w := range []string{"dataset of", "total of", "of the", "all", "consists of", "comprises", "contains", "totaling", "set of", "number of files ("} {
		if strings.HasSuffix(before, w) {
			return true
		}
	}
	return false
}

var pathStop = []string{"files", "file", "data", "benchmark", "benchmarks", "related", "results", "involves", "reports", "report", "analysis", "particularly", "those", "performance", "bench", "inference", "model", "models", "around", "summary"}

// pathWord returns a word, or its stem, that some but not all paths hold.
func (s *session) pathWord(word string) string {
	if len(word) < 4 || slices.Contains(pathStop, word) {
		return ""
	}
	for _, w := range []string{word, strings.TrimSuffix(word, "s"), strings.TrimSuffix(word, "ing")} {
		if slices.Contains(pathStop, w) {
			return ""
		}
		n := 0
		for _, e := range s.ledger.Inventory.Files {
			if strings.Contains(strings.ToLower(e.Path), w) {
				n++
			}
		}
		if n > 0 && n < len(s.ledger.Inventory.Files) {
			return w
		}
	}
	return ""
}
