package claim_test

import (
	"fmt"
	"slices"
	"testing"

	"chimera/internal/claim"
)

// A report with citations is read as it is shown, line by line.
func TestCitedMarkdown(t *testing.T) {
	src := "# A \\_b\\_\n\n**x\\|y** has [1.5 \\[1.4, 1.6\\] s](#f0123456789 \"ttft · n = 3 of 3\") &lt;here&gt;.\n\n[2](#f00112233aa) rows, [a link](#there)\n"
	d, err := claim.Parse("r.md", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if want := "# A _b_\n\nx¦y has 1.5 [1.4, 1.6] s <here>.\n\n2 rows, [a link](#there)\n"; d.Text != want {
		t.Errorf("text is %q, want %q", d.Text, want)
	}
	var got []string
	for _, c := range d.Cites {
		got = append(got, c.Fact+" "+d.Text[c.Start:c.End])
	}
	if len(got) != 2 || got[0] != "F0123456789 1.5 [1.4, 1.6] s" || got[1] != "F00112233aa 2" {
		t.Errorf("citations are %q", got)
	}
	plain := "A \\_b\\_ [text](#there)\n"
	if d, err = claim.Parse("r.md", []byte(plain)); err != nil || d.Text != plain {
		t.Errorf("a report without citations is read as %q (%v)", d.Text, err)
	}
}

// A page leads its numbers to facts by links, and shows what it shows.
func TestCitedHTML(t *testing.T) {
	src := `<p>It takes <a class="f" href="#F0123456789" data-f="x">1.5 [1.4, 1.6] s</a> of <a href="#there">2</a>, <a href="#F00112233aa">3<p>4</a>.</p>
<script>"<a href='#F0123456789'>9</a>"</script><table><tr><th>id<th>value</tr>
<tr id="F00112233aa"><td><code>F00112233aa</code></td><td>a|b<p><a href="#F0123456789">2</a></p></td></tr></table>[7](#f0123456789)`
	d, err := claim.Parse("r.html", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range d.Cites {
		got = append(got, fmt.Sprintf("%s %q %v", c.Fact, d.Text[c.Start:c.End], c.Row))
	}
	want := []string{`F0123456789 "1.5 [1.4, 1.6] s" false`, `F00112233aa "| F00112233aa | a¦b 2" true`}
	if !slices.Equal(got, want) {
		t.Errorf("citations are %q, want %q, in %q", got, want, d.Text)
	}
	last := d.Passages[len(d.Passages)-2]
	if last.Kind != claim.Row || len(last.Cells) != 2 || last.Cells[1].Head != "value" {
		t.Errorf("the ledger's row is %+v of %q", last, d.Text)
	}
}
