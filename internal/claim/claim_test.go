package claim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"chimera/internal/claim"

	"github.com/google/go-cmp/cmp"
)

func describe(q claim.Quantity) string {
	s := fmt.Sprintf("%g", q.Value)
	if q.Range {
		s += fmt.Sprintf("..%g", q.Hi)
	}
	if q.Spreads {
		s += fmt.Sprintf("±%g", q.Spread)
	}
	for _, f := range []struct {
		on   bool
		mark string
	}{{q.Approx, "~"}, {q.Least, ">"}, {q.Most, "<"}, {q.Word, "w"}} {
		if f.on {
			s += f.mark
		}
	}
	if q.HasUnit {
		s += " " + q.Dim.Symbol
	}
	return s
}

func TestQuantities(t *testing.T) {
	for text, want := range map[string][]string{
		"delivers 102.85 tok/s":                   {"102.85 tok/s"},
		"mean 0.548s, max 2,326 ms":               {"0.548 s", "2326 ms"},
		"yields 15-20% more":                      {"15..20 %"},
		"100.8 - 103.2 tok/s":                     {"100.8..103.2 tok/s"},
		"1310.19 ± 1753.96 ms":                    {"1310.19±1753.96 ms"},
		"a 15x speedup, 120x+ in all":             {"15 x", "120> x"},
		"2.8× as fast, twice the rate":            {"2.8 ×", "2w ×"},
		"about 100 tokens per second":             {"100~ tokens per second"},
		"more than 12+ files":                     {"12>"},
		"at most 3e-5 s or 1.5×10^-3 s":           {"3e-05< s", "0.0015 s"},
		"it makes 1.01·10^6 token/s":              {"1.01e+06 token/s"},
		"gemma3:270m, 1b-it-qat, INT8, p95, v2.0": nil,
		"RTX 4080 and Technical Report 108":       nil,
		"three variants":                          {"3w"},
		"-36.2% and +0.0%":                        {"-36.2 %", "0 %"},
		"accuracy=0.750, loss=0.608":              {"0.75", "0.608"},
		"567.12 tok/s/MB":                         {"567.12 tok/s/MB"},
		"441,517 bytes":                           {"441517 bytes"},
		"see run.csv:200-346 and 512x512x512":     nil,
		"12,3 and 1,2345":                         {"12", "3", "1", "2345"},
		"3 percentage points":                     {"3 percentage points"},
		"at 2025-11-14 18:53:30 UTC, 7 s later":   {"7 s"},
	} {
		var got []string
		for _, q := range claim.Quantities(text, claim.NamesOf(text).Hidden) {
			got = append(got, describe(q))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

func TestDates(t *testing.T) {
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	for text, want := range map[string][2]time.Time{
		"Date: October 26, 2023":       {day(2023, 10, 26), day(2023, 10, 26)},
		"on November 14th, 2025.":      {day(2025, 11, 14), day(2025, 11, 14)},
		"October 2-3, 2025":            {day(2025, 10, 2), day(2025, 10, 3)},
		"modified 2025-11-14 18:53:30": {day(2025, 11, 14), day(2025, 11, 14)},
		"late-November 2025":           {day(2025, 11, 21), day(2025, 11, 30)},
		"3rd of May 2024":              {day(2024, 5, 3), day(2024, 5, 3)},
		"during February 2024 we":      {day(2024, 2, 1), day(2024, 2, 29)},
	} {
		names := claim.NamesOf(text)
		if len(names.Dates) != 1 || !names.Dates[0].From.Equal(want[0]) || !names.Dates[0].To.Equal(want[1]) {
			t.Errorf("%q: %+v, want %v", text, names.Dates, want)
		}
	}
}

func parse(t testing.TB, name, text string) *claim.Document {
	t.Helper()
	d, err := claim.Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// rows lists the table rows of a document as "head=cell".
func rows(d *claim.Document) []string {
	var out []string
	for _, p := range d.Passages {
		var cells []string
		for _, c := range p.Cells {
			cells = append(cells, c.Head+"="+d.Text[c.Start:c.End])
		}
		if len(cells) > 0 {
			out = append(out, strings.Join(cells, " "))
		}
	}
	return out
}

func TestTables(t *testing.T) {
	want := []string{"Name=a Rate=1 Note=x", "Name=b Rate=2 Note=y"}
	for name, text := range map[string]string{
		"t.md":   "# T\n\n| Name | Rate | Note |\n|---|--:|---|\n| a | 1 | x |\n| b | 2 | y |\n\ntext",
		"t.html": "<h1>T</h1><table><tr><th>Name<th>Rate<th>Note</tr><tr><td>a</td><td>1</td><td>x</td></tr><tr><td>b</td><td>2</td><td>y</td></tr></table>",
	} {
		if d := cmp.Diff(want, rows(parse(t, name, text))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	grid := "```\n         rate      time      \n         mean  sd  mean   sd\nname                        \n1b-it   183.7 1.7   2.2  3.0\n270m    286.5 9.5   0.4  0.6\n```\n"
	if d := cmp.Diff([]string{"=1b-it rate mean=183.7 rate sd=1.7 time mean=2.2 time sd=3.0", "=270m rate mean=286.5 rate sd=9.5 time mean=0.4 time sd=0.6"}, rows(parse(t, "g.md", grid))); d != "" {
		t.Error(d)
	}
}

func TestNotebook(t *testing.T) {
	nb := `{"cells":[{"cell_type":"markdown","source":["# Title\n","The rate is 5 tok/s."]},{"cell_type":"code","source":"x = 8000","outputs":[{"text":["rate: 5 tok/s\n"]}]}]}`
	d := parse(t, "n.ipynb", nb)
	var got []string
	for _, p := range d.Passages {
		got = append(got, string(p.Kind)+":"+d.PassageText(p))
	}
	if diff := cmp.Diff([]string{"heading:# Title", "prose:The rate is 5 tok/s.", "code:x = 8000", "output:rate: 5 tok/s"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := claim.Parse("n.ipynb", []byte("{")); err == nil {
		t.Error("a broken notebook is read")
	}
}

func TestHTMLShowsWhatAReaderSees(t *testing.T) {
	d := parse(t, "x.html", `<html><style>p{width:7px}</style><script>var a="9 tok/s"</script><p>5&nbsp;&lt; 6 tok/s<br>next<!-- 8 --></p><ul><li>one</ul>`)
	for _, hidden := range []string{"width", "9 tok/s", "8"} {
		if strings.Contains(d.Text, hidden) {
			t.Errorf("%q is shown: %q", hidden, d.Text)
		}
	}
	if !strings.Contains(d.Text, "5 < 6 tok/s\nnext") || !strings.Contains(d.Text, "- one") {
		t.Errorf("%q", d.Text)
	}
}

// A hostile document costs its length: one endless line, a deep page, a row of
// a million cells.
func TestHostileDocuments(t *testing.T) {
	const size = 10 << 20
	for name, text := range map[string]string{
		"line.md":   strings.Repeat("7", size),
		"words.md":  strings.Repeat("1.5 tok/s ", size/10),
		"deep.html": strings.Repeat("<div>", size/10) + "5 tok/s" + strings.Repeat("</div>", size/10),
		"open.html": strings.Repeat("<", size/8),
		"cells.md":  "|a|b|\n|-|-|\n|" + strings.Repeat("1|", size/4),
		"lead.md":   strings.Repeat(" x:\n", size/16),
		"title.md":  strings.Repeat("# x\n", size/16),
		"brackets":  strings.Repeat("In [1]:\n", size/32),
	} {
		start := time.Now()
		d := parse(t, name, text)
		n := 0
		for _, p := range d.Passages {
			if p.End-p.Start > 1<<16 || len(p.Cells) > 256 || len(p.Section)+len(p.Leads) > 64 {
				t.Fatalf("%s: a passage of %d bytes, %d cells", name, p.End-p.Start, len(p.Cells))
			}
			if n++; n < 200 {
				text := d.PassageText(p)
				claim.Quantities(text, claim.NamesOf(text).Hidden)
				claim.Sentences(text)
			}
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"# T\n\n- a: 5 tok/s (1 | 2)\n", "| a | b |\n|--|--|\n| 1 ± 2 | 3-4% |", "<table><tr><td>1", `<tr id="F0123456789"><td>a|b<td><p><a href=#f00112233aa>1</a></tr><a href="#F00112233aa"> 2<br></a>`, "In [1]:\nx = 1\n\n  a  b\n0 1 2\n", "```\n5\n", "−5×10^-3 late-May 2024 a/b.csv", "\xff\xfe"} {
		f.Add("x.md", []byte(s))
		f.Add("x.html", []byte(s))
	}
	f.Add("x.ipynb", []byte(`{"cells":[{"cell_type":"code","source":"1","outputs":[{"data":{"text/plain":"2"}}]}]}`))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		d, err := claim.Parse(name, b)
		if err != nil {
			return
		}
		cited := 0
		for _, c := range d.Cites {
			if c.Start < cited || c.End < c.Start || c.End > len(d.Text) {
				t.Fatalf("citation %+v after %d in %d bytes", c, cited, len(d.Text))
			}
			cited = c.End
		}
		for _, p := range d.Passages {
			if p.Start < 0 || p.End < p.Start || p.End > len(d.Text) || p.Line < 1 {
				t.Fatalf("passage %+v of %d bytes", p, len(d.Text))
			}
			for _, c := range p.Cells {
				if c.Start < p.Start || c.End > p.End || c.End < c.Start {
					t.Fatalf("cell %+v of passage %+v", c, p)
				}
			}
			text := d.PassageText(p)
			last := 0
			for _, q := range claim.Quantities(text, claim.NamesOf(text).Hidden) {
				if q.Start < last || q.End <= q.Start || q.End > len(text) {
					t.Fatalf("%q: quantity %d–%d after %d", text, q.Start, q.End, last)
				}
				last = q.End
			}
			at := 0
			for _, s := range claim.Sentences(text) {
				if s.Start < at || s.End > len(text) || s.End < s.Start {
					t.Fatalf("%q: sentence %+v after %d", text, s, at)
				}
				at = s.End
			}
		}
	})
}
