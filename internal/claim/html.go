package claim

import (
	"html"
	"regexp"
	"strings"
)

// In HTML, a number leads to its fact by a link, and a fact's own row in a
// printed ledger has its id.
var (
	factLink = regexp.MustCompile(`\s(?i:href)\s*=\s*["']?#[Ff]([0-9a-f]{10,16})(?:["'\s]|$)`)
	factRow  = regexp.MustCompile(`\s(?i:id)\s*=\s*["']?[Ff]([0-9a-f]{10,16})(?:["'\s]|$)`)
)

// plain turns HTML into the text that a reader sees, in the marks of Markdown:
// titles, items and tables keep their meaning, and the numbers that lead to
// facts are cited. It never recurses.
func plain(source string) (string, []Cite) {
	var b strings.Builder
	b.Grow(len(source) / 2)
	c := converter{b: &b}
	for at := 0; at < len(source); {
		open := strings.IndexByte(source[at:], '<')
		if open < 0 {
			c.text(source[at:])
			break
		}
		c.text(source[at : at+open])
		at += open
		if strings.HasPrefix(source[at:], "<!--") {
			end := strings.Index(source[at:], "-->")
			if end < 0 {
				break
			}
			at += end + 3
			continue
		}
		if at+1 < len(source) && !letterOrSlash(source[at+1]) {
			c.text("<")
			at++
			continue
		}
		end := strings.IndexByte(source[at:], '>')
		if end < 0 {
			break
		}
		tag := source[at+1 : at+end]
		name, closing := tagName(tag)
		at += end + 1
		if !closing && (name == "script" || name == "style" || name == "svg" || name == "template" || name == "noscript") {
			end := indexFold(source, at, "</"+name)
			if end < 0 {
				break
			}
			at = end
			continue
		}
		if name == "a" || name == "tr" {
			c.cite(name, tag, closing)
		}
		c.tag(name, closing)
	}
	return b.String(), c.cites
}

// indexFold finds an ASCII text in any case, from an offset.
func indexFold(s string, from int, sub string) int {
	for i := from; i+len(sub) <= len(s); i++ {
		j := strings.IndexByte(s[i:], '<')
		if j < 0 {
			return -1
		}
		i += j
		if i+len(sub) <= len(s) && strings.EqualFold(s[i:i+len(sub)], sub) {
			return i
		}
	}
	return -1
}

func letterOrSlash(b byte) bool {
	return b == '/' || b == '!' || b == '?' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

func tagName(tag string) (name string, closing bool) {
	tag = strings.TrimLeft(tag, " ")
	closing = strings.HasPrefix(tag, "/")
	tag = strings.TrimPrefix(tag, "/")
	if i := strings.IndexAny(tag, " \t\r\n/"); i >= 0 {
		tag = tag[:i]
	}
	return strings.ToLower(tag), closing
}

type converter struct {
	b     *strings.Builder
	pre   bool
	cells int // cells so far of the open row
	head  bool
	rows  int
	row   bool // a row is open, which is one line
	last  byte
	open  Cite // the citation that was begun, or none: its fact is ""
	cites []Cite
}

// cite begins and ends citations. None holds another: within a fact's own row,
// links are part of it.
func (c *converter) cite(name, tag string, closing bool) {
	if c.open.Row && name == "a" {
		return
	}
	if closing {
		c.cited()
	}
	c.open = Cite{}
	if closing {
		return
	}
	leads := factLink
	if name == "tr" {
		leads = factRow
	}
	if m := leads.FindStringSubmatch(tag); m != nil {
		c.open = Cite{Span{c.b.Len(), 0}, "F" + m[1], name == "tr"}
	}
}

// cited keeps the open citation, if it stands in one line and is no essay.
func (c *converter) cited() {
	const longest = 200
	at := c.open
	shown := c.b.String()[at.Start:]
	if at.Fact == "" || !at.Row && len(shown) > longest {
		return
	}
	at.Start += len(shown) - len(strings.TrimLeft(shown, " \n"))
	shown = strings.TrimSpace(shown)
	if shown == "" || strings.Contains(shown, "\n") {
		return
	}
	at.End = at.Start + len(shown)
	c.cites = append(c.cites, at)
}

func (c *converter) text(s string) {
	s = html.UnescapeString(s)
	if c.row {
		s = strings.ReplaceAll(s, "|", "¦") // a pipe would end a cell
	}
	if !c.pre {
		s = collapse(s, c.last == ' ' || c.last == '\n' || c.last == 0)
	}
	c.write(s)
}

func (c *converter) write(s string) {
	if s != "" {
		c.b.WriteString(s)
		c.last = s[len(s)-1]
	}
}

// collapse makes one blank of white space; none after a blank.
func collapse(s string, blank bool) string {
	var b strings.Builder
	for _, r := range s {
		if r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\u00A0' {
			if !blank {
				b.WriteByte(' ')
			}
			blank = true
			continue
		}
		b.WriteRune(r)
		blank = false
	}
	return b.String()
}

func (c *converter) newline(n int) {
	if c.last == 0 {
		return
	}
	if c.row { // a paragraph within a cell
		if c.last != ' ' {
			c.write(" ")
		}
		return
	}
	if c.last == '\n' {
		n--
	}
	for range n {
		c.write("\n")
	}
}

func (c *converter) tag(name string, closing bool) {
	switch name {
	case "h1", "h2", "h3", "h4", "h5", "h6":
		c.newline(2)
		if !closing && !c.row {
			c.write(strings.Repeat("#", int(name[1]-'0')) + " ")
		}
	case "p", "div", "section", "article", "header", "footer", "main", "figure", "figcaption", "blockquote", "ul", "ol", "dl", "details", "summary", "nav", "aside", "caption":
		c.newline(2)
	case "br", "dt", "dd":
		c.newline(1)
	case "li":
		c.newline(1)
		if !closing {
			c.write("- ")
		}
	case "pre":
		if c.row {
			return
		}
		c.newline(1)
		c.write("```\n")
		c.pre = !closing
	case "table":
		c.row = false
		c.newline(2)
		c.rows = 0
	case "tr":
		c.tableRow(closing)
	case "td", "th":
		if !closing && c.cells < maxColumns {
			c.cells++
			c.head = c.head || name == "th"
			c.write("| ")
		} else {
			c.write(" ")
		}
	}
}

func (c *converter) tableRow(closing bool) {
	c.row = false
	if !closing {
		c.newline(1)
		c.cells, c.head, c.row = 0, false, true
		return
	}
	c.write("|\n")
	c.rows++
	if c.rows == 1 {
		c.write(strings.Repeat("|---", c.cells) + "|\n")
	}
}
