package draft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"chimera/internal/fault"
)

// Bounds of a draft. A writer that says more is not read further.
const (
	MaxDraft     = 256 << 10 // bytes
	maxSentences = 200
	maxParts     = 64
	maxText      = 1000 // characters of one sentence
	maxRefs      = 32
)

// Parse reads what a writer gave back: JSON of the sheet's schema, with parts or
// with text, alone or inside other text; or plain lines with slots under
// headings. JSON that was cut off is read up to the last whole sentence. Nothing
// is checked but the shape. Errors are of code Invalid and say what was expected.
func (s *Sheet) Parse(text string) (Draft, error) {
	if len(text) > MaxDraft {
		return Draft{}, invalid("the draft has %d bytes, and may have %d", len(text), MaxDraft)
	}
	text = strings.ToValidUTF8(text, "")
	if at := strings.IndexByte(text, '{'); at >= 0 && !strings.HasPrefix(text[at:], "{{") {
		if d, ok := parseJSON([]byte(text[at:])); ok {
			return d, nil
		}
	}
	if d := s.lines(text); len(d.Sections) > 0 {
		return d, nil
	}
	return Draft{}, invalid("the draft is neither JSON with sections nor lines with slots such as {{F0001}}")
}

func invalid(format string, args ...any) error {
	return fault.With(fmt.Errorf(format, args...), fault.Invalid, "docs/formats/draft.md describes a draft")
}

func parseJSON(b []byte) (Draft, bool) {
	var d Draft
	if json.NewDecoder(bytes.NewReader(b)).Decode(&d) == nil {
		return d, len(d.Sections) > 0
	}
	for _, whole := range closings(b) {
		d = Draft{}
		if json.Unmarshal(whole, &d) == nil {
			return d, len(d.Sections) > 0
		}
	}
	return Draft{}, false
}

// closings returns a JSON text cut behind its last objects, each with what
// closes it; the longest first.
func closings(b []byte) [][]byte {
	const most = 32
	type cut struct {
		at   int
		open string
	}
	var cuts []cut
	var open []byte
	text, escaped := false, false
	for i, c := range b {
		switch {
		case escaped:
			escaped = false
		case text && c == '\\':
			escaped = true
		case c == '"':
			text = !text
		case text:
		case c == '{':
			open = append(open, '}')
		case c == '[':
			open = append(open, ']')
		case c == '}' || c == ']':
			if len(open) == 0 || open[len(open)-1] != c {
				return nil
			}
			open = open[:len(open)-1]
			if c == '}' && len(open) < most {
				cuts = append(cuts, cut{i + 1, string(open)})
			}
		}
		if len(open) > 100 {
			return nil
		}
	}
	var out [][]byte
	for i := len(cuts) - 1; i >= 0 && len(out) < most; i-- {
		whole := bytes.Clone(b[:cuts[i].at])
		for k := len(cuts[i].open) - 1; k >= 0; k-- {
			whole = append(whole, cuts[i].open[k])
		}
		out = append(out, whole)
	}
	return out
}

// lines reads plain text: headings open sections, every other line with a slot
// is a sentence. Lines without one are no claim about this sheet and not read.
func (s *Sheet) lines(text string) Draft {
	var d Draft
	title := s.sections[0]
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if named, ok := s.heading(line); ok {
			title = named
			continue
		}
		if !slot.MatchString(line) {
			continue
		}
		line = strings.TrimLeft(line, "-*•> \t")
		if n := len(d.Sections); n == 0 || d.Sections[n-1].Title != title {
			d.Sections = append(d.Sections, Section{Title: title})
		}
		last := &d.Sections[len(d.Sections)-1]
		last.Sentences = append(last.Sentences, Sentence{Kind: kindOf(title), Text: line})
	}
	return d
}

// heading recognises a section's title, with what writers put around it.
func (s *Sheet) heading(line string) (string, bool) {
	line = strings.Trim(line, "#*_: ")
	for _, t := range s.sections {
		if strings.EqualFold(line, t) {
			return t, true
		}
	}
	return "", false
}

// kindOf guesses the kind of a section's sentences by its title.
func kindOf(title string) Kind {
	low := strings.ToLower(title)
	switch {
	case strings.Contains(low, "recommend"), strings.Contains(low, "optimi"), strings.Contains(low, "action"), strings.Contains(low, "next"):
		return Recommendation
	case strings.Contains(low, "caveat"), strings.Contains(low, "risk"), strings.Contains(low, "limit"), strings.Contains(low, "sure"):
		return Caveat
	}
	return Finding
}

// slot is the template form of a slot: {{F0001}}, {{F0001|times}}.
var slot = regexp.MustCompile(`\{\{\s*([FTN]\d{4})\s*(?:\|\s*([a-z-]{1,16})\s*)?\}\}`)

// template cuts a text with slots into parts.
func template(text string) []Part {
	var out []Part
	at := 0
	for _, m := range slot.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > at {
			out = append(out, Part{Text: text[at:m[0]]})
		}
		p := Part{Slot: text[m[2]:m[3]]}
		if m[4] >= 0 {
			p.As = text[m[4]:m[5]]
		}
		out, at = append(out, p), m[1]
	}
	if at < len(text) {
		out = append(out, Part{Text: text[at:]})
	}
	return out
}

// parts returns a sentence in parts, however it was written, or what is wrong
// with its size or its slots. Slots inside the text of a part count as slots.
func (s *Sheet) parts(in Sentence) ([]Part, error) {
	var out []Part
	size := utf8.RuneCountInString(in.Text)
	for i, p := range in.Parts {
		if size += utf8.RuneCountInString(p.Text); i >= maxParts || size > maxText {
			return nil, fmt.Errorf("the sentence is longer than %d parts or %d characters", maxParts, maxText)
		}
		if p.Slot != "" {
			out = append(out, p)
		} else {
			out = append(out, template(p.Text)...)
		}
	}
	if size > maxText {
		return nil, fmt.Errorf("the sentence is longer than %d characters", maxText)
	}
	if len(in.Parts) == 0 {
		out = template(in.Text)
	}
	for _, p := range out {
		if p.Slot != "" && !s.has(p.Slot) {
			return nil, fmt.Errorf("there is no %q on the sheet", bounded(p.Slot, 16))
		}
	}
	return out, nil
}

// has reports whether a short id is on the sheet.
func (s *Sheet) has(id string) bool {
	return s.factByID[id] != nil || s.thingByID[id] != nil || s.claimByID[id] != nil
}

// written is a sentence as its writer gave it, bounded, for a message.
func written(in Sentence) string {
	var b strings.Builder
	b.WriteString(in.Text)
	for _, p := range in.Parts {
		switch {
		case p.Slot != "" && p.As != "":
			b.WriteString("{{" + p.Slot + "|" + p.As + "}}")
		case p.Slot != "":
			b.WriteString("{{" + p.Slot + "}}")
		default:
			b.WriteString(p.Text)
		}
		if b.Len() > 4*maxText {
			break
		}
	}
	return bounded(b.String(), 300)
}
