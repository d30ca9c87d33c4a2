package audit

import (
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// marks stand before a claim in the annotated text; the word stands beside, so
// that colour is never needed.
var marks = map[Verdict]string{Supported: "✓", Misleading: "≈", Contradicted: "✗", Unverifiable: "?", Malformed: "!"}

// Markdown writes the document with a numbered mark behind each claim, and
// the claims below it.
func (r *Report) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "> Audit of %s: %s\n\n", r.Name, r.headline())
	text := r.Document.Text
	at := 0
	for _, i := range r.byEnd() {
		c := r.Claims[i]
		if c.End < at {
			continue
		}
		b.WriteString(text[at:c.End])
		fmt.Fprintf(&b, "[%s%d]", marks[c.Verdict], i+1)
		at = c.End
	}
	b.WriteString(text[at:])
	if !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
	b.WriteString("\n---\n\n# Claims\n\n| # | line | verdict | claim | why | what the rows say |\n|--:|--:|---|---|---|---|\n")
	for i, c := range r.Claims {
		fmt.Fprintf(&b, "| %d | %d | %s %s | %s | %s | %s |\n", i+1, c.Line, marks[c.Verdict], c.Verdict, cellText(clip(c.Text, 120)), cellText(c.Why), cellText(c.Truth))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cellText(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "`", "'").Replace(text)
}

// byEnd orders claims by where they end: marks stand behind what they judge.
func (r *Report) byEnd() []int {
	order := make([]int, len(r.Claims))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return r.Claims[a].End - r.Claims[b].End })
	return order
}

func (r *Report) headline() string {
	var parts []string
	for _, v := range Verdicts {
		parts = append(parts, fmt.Sprintf("%d %s", r.Summary.Of(v), v))
	}
	return fmt.Sprintf("%d claims: %s", len(r.Claims), strings.Join(parts, ", "))
}

// Of is how many claims have a verdict.
func (s Summary) Of(v Verdict) int {
	switch v {
	case Supported:
		return s.Supported
	case Misleading:
		return s.Misleading
	case Contradicted:
		return s.Contradicted
	case Unverifiable:
		return s.Unverifiable
	}
	return s.Malformed
}

const style = `:root{color-scheme:light dark;--bg:#fff;--fg:#1b1b1b;--soft:#666;--line:#ddd;--ok:#005a8c;--warn:#8a5a00;--bad:#a02000;--none:#555}
@media(prefers-color-scheme:dark){:root{--bg:#16181b;--fg:#e6e6e6;--soft:#a0a0a0;--line:#383c42;--ok:#6bb8e8;--warn:#e8b45a;--bad:#ff8a66;--none:#b0b0b0}}
body{margin:2rem auto;max-width:76rem;padding:0 1rem;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:14px/1.55 ui-monospace,monospace;border:1px solid var(--line);padding:1rem}
mark{background:none;color:inherit;border-bottom:3px solid var(--none)}mark a{color:inherit;font-size:.8em;text-decoration:none;vertical-align:super}
.supported{border-color:var(--ok)}.misleading{border-bottom-style:dashed;border-color:var(--warn)}.contradicted,.malformed{border-bottom-style:double;border-color:var(--bad)}.unverifiable{border-bottom-style:dotted}
table{border-collapse:collapse;width:100%;font-size:.9rem}td,th{text-align:left;vertical-align:top;border-bottom:1px solid var(--line);padding:.35rem .6rem}td:nth-child(-n+2){text-align:right}
b.supported{color:var(--ok)}b.misleading{color:var(--warn)}b.contradicted,b.malformed{color:var(--bad)}b.unverifiable{color:var(--none)}:focus-visible{outline:3px solid var(--ok)}`

// HTML writes one page that opens offline: the verdicts first, the document
// with each claim marked where it stands, and every claim with its reason.
func (r *Report) HTML(w io.Writer) error {
	var b strings.Builder
	name := html.EscapeString(r.Name)
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>Audit of %s</title><style>%s</style></head><body>\n<h1>Audit of %s</h1>\n<p>%s.</p>\n", name, style, name, html.EscapeString(r.headline()))
	fmt.Fprintf(&b, "<p>Support rate %.0f %%; at most %.0f %% of such claims are wrong, with 95 %% confidence.</p>\n", r.Score.Support*100, r.Score.Upper*100)
	b.WriteString("<h2>The document</h2>\n<pre>")
	r.marked(&b)
	b.WriteString("</pre>\n<h2>Claims</h2>\n<table><thead><tr><th>#</th><th>line</th><th>verdict</th><th>claim</th><th>why</th><th>what the rows say</th></tr></thead><tbody>\n")
	for i, c := range r.Claims {
		rows := ""
		if len(c.Facts) > 0 && len(c.Facts[0].Evidence.Rows) > 0 {
			rows = fmt.Sprintf(" (%s, first %s)", plural(len(c.Facts[0].Evidence.Rows), "row"), c.Facts[0].Evidence.Rows[0])
		}
		fmt.Fprintf(&b, "<tr id=\"c%d\"><td><a href=\"#m%d\">%d</a></td><td>%d</td><td><b class=\"%s\">%s %s</b></td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
			i+1, i+1, i+1, c.Line, c.Verdict, marks[c.Verdict], c.Verdict, html.EscapeString(clip(c.Text, 200)), html.EscapeString(c.Why), html.EscapeString(c.Truth+rows))
	}
	b.WriteString("</tbody></table>\n</body></html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// marked writes the document's text, each claim in a mark. Of claims that
// overlap, the shorter is marked and the longer has its number at its end.
func (r *Report) marked(b *strings.Builder) {
	text := r.Document.Text
	covered := 0
	var later []int
	flush := func(upTo int) {
		for len(later) > 0 && r.Claims[later[0]].End <= upTo {
			i := later[0]
			later = later[1:]
			if end := r.Claims[i].End; end > covered {
				b.WriteString(html.EscapeString(safe(text[covered:end])))
				covered = end
			}
			r.number(b, i)
		}
	}
	for i, c := range r.Claims {
		if i+1 < len(r.Claims) && r.Claims[i+1].Start < c.End || c.Start < covered {
			at, _ := slices.BinarySearchFunc(later, c.End, func(k, end int) int { return r.Claims[k].End - end })
			later = slices.Insert(later, at, i)
			continue
		}
		flush(c.Start)
		b.WriteString(html.EscapeString(safe(text[covered:c.Start])))
		fmt.Fprintf(b, "<mark class=\"%s\" title=\"%s\">%s", c.Verdict, html.EscapeString(string(c.Verdict)+": "+clip(c.Why, 300)), html.EscapeString(safe(text[c.Start:c.End])))
		covered = c.End
		r.number(b, i)
		b.WriteString("</mark>")
	}
	flush(len(text))
	b.WriteString(html.EscapeString(safe(text[covered:])))
}

func (r *Report) number(b *strings.Builder, i int) {
	c := r.Claims[i]
	fmt.Fprintf(b, "<a id=\"m%d\" href=\"#c%d\" title=\"%s\">%s%d</a>", i+1, i+1, html.EscapeString(string(c.Verdict)+": "+clip(c.Why, 300)), marks[c.Verdict], i+1)
}

// safe takes out what no page may hold.
func safe(text string) string {
	return strings.Map(func(c rune) rune {
		if c == utf8.RuneError || c < 0x20 && c != '\n' && c != '\t' {
			return ' '
		}
		return c
	}, text)
}

// Add adds the counts of another document.
func (s *Summary) Add(o Summary) {
	s.Supported += o.Supported
	s.Misleading += o.Misleading
	s.Contradicted += o.Contradicted
	s.Unverifiable += o.Unverifiable
	s.Malformed += o.Malformed
}
