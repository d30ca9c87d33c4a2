package claim

import (
	"strings"

	"chimera/internal/pattern"
)

// Cite is a stretch of the text that leads to a fact: a report of ours writes
// each number as a link to its fact.
type Cite struct {
	Span
	Fact string // the fact's id, as the ledger writes it
	Row  bool   // the stretch is the fact's own row in a printed ledger
}

// citation is a number with its link: [text](#f0123456789 "about").
var citation = pattern.MustCompile(`\[((?:\\.|[^\\\[\]\n]){1,200})\]\(#f([0-9a-f]{10,16})(?: "[^"\n]*")?\)`)

// ledgerRow begins the row of a fact in a printed ledger.
var ledgerRow = pattern.MustCompile(`^\| *<a id="f([0-9a-f]{10,16})"></a>`)

// citations reports whether a text has links to facts.
func citations(text string) bool { return citation.MatchString(text) }

var (
	entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&#64;", "@", "&#58;", ":", "&#46;", ".", "&#96;", "`")
	tags     = pattern.MustCompile(`</?(?:a|details|summary|br)(?: [a-z]+="[^"<>\n]*")*>`)
)

// cited turns Markdown that links its numbers to facts into what it shows: line
// by line, so that places stay where they are. Marks of escape go, except at
// the start of a line, where they keep a text from being read as a list.
func cited(text string) (string, []Cite) {
	var out strings.Builder
	var cites []Cite
	for line := range strings.Lines(text) {
		cites = append(cites, citedLine(&out, line)...)
	}
	return out.String(), cites
}

func citedLine(out *strings.Builder, line string) (cites []Cite) {
	if m := ledgerRow.FindStringSubmatch(line); m != nil {
		start := out.Len()
		out.WriteString(shown(line, true))
		return []Cite{{Span{start, out.Len()}, "F" + m[1], true}}
	}
	at := 0
	for _, m := range citation.FindAllStringSubmatchIndex(line, -1) {
		out.WriteString(shown(line[at:m[0]], at == 0))
		start := out.Len()
		out.WriteString(shown(line[m[2]:m[3]], false))
		cites = append(cites, Cite{Span{start, out.Len()}, "F" + line[m[4]:m[5]], false})
		at = m[1]
	}
	out.WriteString(shown(line[at:], at == 0))
	return cites
}

// shown resolves escapes, entities, bold marks and the few tags that a report
// writes.
func shown(text string, first bool) string {
	text = strings.ReplaceAll(tags.ReplaceAllString(text, " "), "**", "")
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) || !strings.ContainsRune("\\`*_{}[]()#+-.!|~^$=", rune(text[i+1])) || first && strings.TrimSpace(text[:i]) == "" {
			b.WriteByte(text[i])
			continue
		}
		i++
		if text[i] == '|' {
			b.WriteString("¦") // a pipe would end a cell
			continue
		}
		b.WriteByte(text[i])
	}
	return entities.Replace(b.String())
}

// CitesIn are the citations within a stretch of the text, in order.
func (d *Document) CitesIn(from, to int) []Cite {
	lo, hi := 0, len(d.Cites)
	for lo < hi {
		if mid := (lo + hi) / 2; d.Cites[mid].Start < from {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	end := lo
	for end < len(d.Cites) && d.Cites[end].Start < to {
		end++
	}
	return d.Cites[lo:end]
}
