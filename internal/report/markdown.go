package report

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/finding"
)

// Markdown writes d for a repository: GitHub's dialect, tables with pipes, each
// number a link to its fact at the end, figures as the files that picture names
// relative to the document ("figures/x.svg"). Foreign text is escaped to the
// last mark, so that no name opens a link, a tag or a table.
func Markdown(w io.Writer, d Document, picture func(figure string) string) error {
	if err := d.Check(); err != nil {
		return fmt.Errorf("write markdown: %w", err)
	}
	m := markdown{l: d.Ledger, picture: picture}
	m.line("# " + escape(d.Title))
	m.line(m.start(d.Meta))
	for i, s := range d.Sections {
		m.line(anchor(s.ID))
		if i > 0 {
			m.line("## " + escape(s.Title))
		}
		for _, b := range s.Blocks {
			m.block(b)
		}
	}
	m.line("---")
	m.line("Every number links to its fact. Make this page again with " + code(d.Rederive) + ".")
	_, err := io.WriteString(w, strings.Join(m.out, "\n\n")+"\n")
	return err
}

type markdown struct {
	l       *Ledger
	picture func(string) string
	out     []string
}

func (m *markdown) line(s string) { m.out = append(m.out, s) }

func (m *markdown) block(b Block) {
	switch b := b.(type) {
	case Answer:
		lines := []string{"**" + m.text(b.Lead) + "**"}
		for _, t := range b.How {
			lines = append(lines, m.start(t))
		}
		m.line("> " + strings.Join(lines, "\n>\n> "))
	case Paragraph:
		text := m.start(b.Text)
		if b.Verdict != "" {
			text = "- **" + escape(string(b.Verdict)) + "**: " + text
		}
		if len(b.More) > 0 {
			text += " *" + m.text(b.More) + "*"
		}
		m.line(text)
	case Heading:
		m.line("### " + escape(b.Title))
	case Table:
		m.table(b)
	case Figure:
		m.line(fmt.Sprintf("![%s](%s)", m.text(b.Title), m.picture(b.Drawing.ID())))
		if b.How != "" {
			m.line("*" + escape(b.How) + "*")
		}
		m.facts(b.Facts)
	case Checks:
		rows := [][]string{}
		for _, c := range b.Items {
			var found []string
			for _, t := range c.Found {
				found = append(found, m.text(t))
			}
			rows = append(rows, []string{escape(c.Name), "**" + escape(string(c.State)) + "**", strings.Join(found, "<br>")})
		}
		m.rows([]string{"check", "state", "what was found"}, []bool{true, true, true}, rows)
	case Fold:
		m.line("<details><summary>" + escapeHTML(b.Title) + "</summary>")
		for _, inner := range b.Blocks {
			m.block(inner)
		}
		m.line("</details>")
	case List:
		var items []string
		for i, t := range b.Items {
			mark := "- "
			if b.Numbered {
				mark = strconv.Itoa(i+1) + ". "
			}
			items = append(items, mark+m.text(t))
		}
		m.line(strings.Join(items, "\n"))
	case Quote:
		m.line(fenced(b.Text))
	case Terms:
		for _, t := range b.Items {
			m.line("- **" + escape(t.Name) + "**: " + escape(t.Text))
		}
	case Properties:
		rows := [][]string{}
		for _, p := range b.Items {
			value := code(p.Value)
			if p.Absent != "" {
				value = "*not known: " + escape(p.Absent) + "*"
			}
			rows = append(rows, []string{escape(p.Name), value})
		}
		m.rows([]string{"", ""}, []bool{true, true}, rows)
	}
}

func (m *markdown) text(t Text) string {
	var b strings.Builder
	for _, s := range textView(m.l, t) {
		b.WriteString(m.span(s))
	}
	return b.String()
}

// start is a text that begins a line: it must not begin a list or a heading.
func (m *markdown) start(t Text) string {
	return item.ReplaceAllString(bullet.ReplaceAllString(m.text(t), `$1\$2`), `$1\$2`)
}

func (m *markdown) span(s spanView) string {
	switch {
	case s.Fact != "":
		f, _ := m.l.Fact(s.Fact)
		return link(number{value: s.Value, interval: s.Interval, tail: s.Tail}.String(), f)
	case s.Missing != "":
		return "*not measured*" + " (" + escape(s.Missing) + ")"
	case s.Code:
		return code(s.Text)
	}
	return escape(s.Text)
}

// link leads to a fact, and says in its title what a page's popover says.
func link(text string, f fact.Fact) string {
	about := []string{f.Metric, f.Aggregate}
	if f.Phase != "" {
		about = append(about, string(f.Phase))
	}
	about = append(about, fmt.Sprintf("n = %d of %d", f.N, f.Planned), f.Method)
	return "[" + escape(text) + "](#" + strings.ToLower(f.ID) + ` "` + title(strings.Join(about, " · ")) + `")`
}

// title makes a text fit for a link's title.
func title(s string) string {
	return strings.NewReplacer(`"`, "'", `\`, "/").Replace(escapeHTML(s))
}

// facts lists the facts that a figure draws.
func (m *markdown) facts(ids []string) {
	if len(ids) == 0 {
		return
	}
	var said []string
	for _, id := range slices.Compact(slices.Clone(ids)) {
		f, _ := m.l.Fact(id)
		n := sentenceNumber(f, finding.AsBoth)
		if n.missing == "" {
			said = append(said, escape(about(f))+" "+link(n.String(), f))
		}
	}
	m.line("Drawn: " + strings.Join(said, "; ") + ".")
}

func (m *markdown) table(t Table) {
	if len(t.Caption) > 0 {
		m.line(m.start(t.Caption))
	}
	heads, words := make([]string, 0, len(t.Columns)), make([]bool, 0, len(t.Columns))
	for _, c := range t.Columns {
		head := escape(c.Name)
		if c.Unit != "" {
			head += ", " + escape(c.Unit)
		}
		heads, words = append(heads, head), append(words, c.Words)
	}
	rows := [][]string{}
	for _, r := range t.Rows {
		var cells []string
		for i, c := range r.Cells {
			text, _, _ := cellText(m.l, c)
			cell := ""
			for _, s := range text {
				cell += m.span(s)
			}
			if r.Winner && i == 0 {
				cell = "**" + cell + "**"
			}
			if c.Note != "" {
				cell += " *" + escape(c.Note) + "*"
			}
			if i == 0 && r.ID != "" {
				cell = anchor(r.ID) + cell
			}
			cells = append(cells, cell)
		}
		rows = append(rows, cells)
	}
	m.rows(heads, words, rows)
}

func (m *markdown) rows(heads []string, words []bool, rows [][]string) {
	rule := make([]string, len(heads))
	for i, w := range words {
		rule[i] = "---:"
		if w {
			rule[i] = "---"
		}
	}
	lines := []string{"| " + strings.Join(heads, " | ") + " |", "| " + strings.Join(rule, " | ") + " |"}
	for _, r := range rows {
		lines = append(lines, "| "+strings.Join(r, " | ")+" |")
	}
	m.line(strings.Join(lines, "\n"))
}

func anchor(id string) string { return `<a id="` + strings.ToLower(id) + `"></a>` }

// escape makes text mean itself: every mark that Markdown or HTML could read is
// written so that it cannot, and the text stays on one line.
func escape(s string) string {
	var b strings.Builder
	for _, r := range valid(s) {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*_{}[]()#+!|~^$", r):
			b.WriteString("\\" + string(r))
		case r == '@':
			b.WriteString("&#64;") // no mention, no address of mail
		case r < ' ' || r == '\u2028' || r == '\u2029':
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return addresses.Replace(b.String())
}

// valid is a text without what is none; see tame.
func valid(s string) string { return strings.Map(tamed, strings.ToValidUTF8(s, "\uFFFD")) }

var (
	// addresses keeps bare addresses from becoming links.
	addresses = strings.NewReplacer("://", "&#58;//", "www.", "www&#46;", "WWW.", "WWW&#46;")
	inTags    = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "/", "`", "&#96;", "\n", " ", "\r", " ", "\u2028", " ", "\u2029", " ")
	// bullet and item find what would make a text a list or a heading.
	bullet = regexp.MustCompile(`^(\s*)([-=])`)
	item   = regexp.MustCompile(`^(\s*\d+)(\.)`)
)

// escapeHTML makes text fit between tags and into quotes, where Markdown reads
// code before all else, and ends at the end of a line.
func escapeHTML(s string) string {
	return inTags.Replace(valid(s))
}

// fenced sets text of several lines as it is, in a fence that it does not hold.
func fenced(s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + "\n" + strings.TrimRight(valid(s), "\n") + "\n" + fence
}

// code sets text as code, in a fence that it does not contain. A pipe would end
// a table's cell even there.
func code(s string) string {
	s = strings.NewReplacer("\n", " ", "\r", " ", "|", "¦").Replace(valid(s))
	if s == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return fence + s + fence
}
