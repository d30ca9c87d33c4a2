package spec

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"chimera/internal/fault"
)

// Fault is one thing that is wrong with a spec, and where.
type Fault struct {
	File    string `json:"file"`
	Line    int    `json:"line"`           // from 1
	Column  int    `json:"column"`         // from 1, in characters
	Path    string `json:"path,omitempty"` // "experiments[1].factors.num_ctxt"
	Message string `json:"message"`
	Note    string `json:"note,omitempty"` // what would be right, in a few words
	Hint    string `json:"hint,omitempty"` // where to read on

	excerpt string
}

// Error prints the place, the key path, the message and the source line with
// the place marked.
func (f Fault) Error() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s:%d:%d: ", f.File, f.Line, f.Column)
	if f.Path != "" {
		out.WriteString(f.Path + ": ")
	}
	out.WriteString(f.Message)
	switch {
	case f.excerpt != "":
		out.WriteString("\n" + f.excerpt)
	case f.Note != "":
		out.WriteString(" (" + f.Note + ")")
	}
	return out.String()
}

// Faults is everything that is wrong with a spec, in the order of the file.
type Faults []Fault

const (
	maxPrinted = 20   // more are counted, not shown
	maxFaults  = 1000 // more are not looked for
)

// Error prints the faults one below the other. A hint stands below the last of
// the faults that share it; the hint of the last fault is left to the caller,
// who prints it below everything (fault.HintOf).
func (fs Faults) Error() string {
	shown := fs[:min(len(fs), maxPrinted)]
	var out strings.Builder
	for i, f := range shown {
		if i > 0 {
			out.WriteByte('\n')
			if before := shown[i-1].Hint; before != "" && before != f.Hint {
				out.WriteString("hint: " + before + "\n")
			}
		}
		out.WriteString(f.Error())
	}
	if more := len(fs) - len(shown); more > 0 {
		fmt.Fprintf(&out, "\nand %d more", more)
	}
	return out.String()
}

// Unwrap lets errors.Is and errors.As see each fault.
func (fs Faults) Unwrap() []error {
	errs := make([]error, len(fs))
	for i, f := range fs {
		errs[i] = f
	}
	return errs
}

// asError gives the faults an exit code and the last shown hint; nil if none.
func (fs Faults) asError() error {
	if len(fs) == 0 {
		return nil
	}
	return fault.With(fs, fault.Usage, fs[min(len(fs), maxPrinted)-1].Hint)
}

const (
	excerptWidth = 80 // characters of a source line that are shown
	excerptLead  = 40 // of these, at most so many before the place
)

// secrets are the parts of a line in which someone may have written a key.
var secrets = regexp.MustCompile(`://[^/@\s]*@|key_env["']?\s*:\s*("[^"]*"?|'[^']*'?|[^\s,}#]+)`)

// masked hides what may be a key, character by character, so that columns
// keep their places.
func masked(line string) string {
	return secrets.ReplaceAllStringFunc(line, func(s string) string {
		keep := strings.IndexByte(s, ':') + 1
		return s[:keep] + strings.Map(func(r rune) rune {
			if strings.ContainsRune(` /@"'`, r) {
				return r
			}
			return '•'
		}, s[keep:])
	})
}

// excerpt shows a source line with width characters from column marked.
func excerpt(line string, number, column, width int, note string) string {
	text := []rune(masked(line))
	at := min(max(column-1, 0), len(text))
	lead := ""
	if at > excerptLead && len(text) > excerptWidth {
		text, at, lead = text[at-excerptLead:], excerptLead, "…"
	}
	tail := ""
	if len(text) > excerptWidth {
		text, tail = text[:excerptWidth], "…"
	}
	var shown, blank strings.Builder
	for i, r := range text {
		if r != '\t' && !unicode.IsPrint(r) {
			r = '·' // a control character could rewrite the terminal
		}
		shown.WriteRune(r)
		if i >= at {
			continue
		}
		if r != '\t' {
			r = ' '
		}
		blank.WriteRune(r)
	}
	marks := strings.Repeat("^", max(1, min(width, len(text)-at)))
	if note != "" {
		marks += " " + note
	}
	margin := fmt.Sprintf("%4d", number)
	return fmt.Sprintf("%s | %s%s%s\n%s | %s%s%s", margin, lead, shown.String(), tail,
		strings.Repeat(" ", len(margin)), strings.Repeat(" ", utf8.RuneCountInString(lead)), blank.String(), marks)
}

// suggest words a note: the nearest known word, or the choice if it is short.
func suggest(word string, known []string) string {
	if k := fault.Nearest(word, known); k != "" {
		return "did you mean " + k + "?"
	}
	if list := strings.Join(known, ", "); len(known) > 0 && len(list) <= 60 {
		return "allowed: " + list
	}
	return ""
}
