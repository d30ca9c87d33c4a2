package claim_test

import (
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
