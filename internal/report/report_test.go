package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"chimera/internal/chart"
	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/report"
	"chimera/internal/sample"

	"github.com/google/go-cmp/cmp"
)

func build(t *testing.T, in report.Input) report.Document {
	t.Helper()
	d, err := report.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func page(t *testing.T, d report.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.HTML(t.Context(), &b, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func notebook(t *testing.T, d report.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.Notebook(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func ledger(t *testing.T, in report.Input, d report.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.JSON(&b, in, d, []string{report.ParquetName}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSectionsStandInOrder: the answer first, the proof last.
func TestSectionsStandInOrder(t *testing.T) {
	var ids []string
	for _, s := range build(t, input(t)).Sections {
		ids = append(ids, s.ID)
	}
	want := "answer certainty tables figures checks method environment appendix"
	if got := strings.Join(ids, " "); got != want {
		t.Errorf("sections are %s, want %s", got, want)
	}
}

func TestTheAnswerIsTheRanking(t *testing.T) {
	d := build(t, input(t))
	a, ok := d.Sections[0].Blocks[0].(report.Answer)
	if !ok {
		t.Fatalf("the first block is a %T", d.Sections[0].Blocks[0])
	}
	if got := a.Lead.Print(d.Ledger.Fact); !strings.HasPrefix(got, "270m decodes 2.87× as fast as latest") {
		t.Errorf("the answer is %q", got)
	}
}

// TestEqualRowsGiveEqualBytes, in every format and over several builds.
func TestEqualRowsGiveEqualBytes(t *testing.T) {
	write := func() map[string][]byte {
		in := input(t)
		d := build(t, in)
		return map[string][]byte{"page": page(t, d), "markdown": markdown(t, d), "notebook": notebook(t, d), "ledger": ledger(t, in, d)}
	}
	a := write()
	for range 2 {
		for name, got := range write() {
			if !bytes.Equal(a[name], got) {
				t.Errorf("two %ss of the same rows differ", name)
			}
		}
	}
}

func TestWithoutFactsThereIsNoReport(t *testing.T) {
	in := input(t)
	in.Analysis = &finding.Analysis{}
	_, err := report.Build(in)
	if !errors.Is(err, report.ErrEmpty) || fault.CodeOf(err) != fault.Invalid {
		t.Errorf("error is %v with code %d, want ErrEmpty with code %d", err, fault.CodeOf(err), fault.Invalid)
	}
	if err := report.HTML(t.Context(), &bytes.Buffer{}, report.Document{}); !errors.Is(err, report.ErrEmpty) {
		t.Errorf("a page without facts: %v", err)
	}
}

func TestASlotWithoutAFactIsRefused(t *testing.T) {
	d := build(t, input(t))
	d.Sections[0].Blocks = append(d.Sections[0].Blocks, report.Paragraph{Text: report.Text{{Fact: "F0000000000"}}})
	if err := report.HTML(t.Context(), &bytes.Buffer{}, d); err == nil || !strings.Contains(err.Error(), "F0000000000") {
		t.Errorf("error is %v", err)
	}
}

// TestTemplatesSayWhatIsMissing: a template speaks of each of its topics.
func TestTemplatesSayWhatIsMissing(t *testing.T) {
	for template, want := range map[report.Template][]string{
		report.Variants: {"no experiment varies a setting", "no request was repeated", "no runtime told the size of a model file", "no answer was judged"},
		report.DeepDive: {"no weight format was measured", "no kernel was timed", "no backend was timed", "speedups of parts are never multiplied"},
	} {
		in := input(t)
		in.Template = template
		got := string(page(t, build(t, in)))
		for _, w := range want {
			if w == "no experiment varies a setting" {
				continue // the fixture has a sensitivity finding
			}
			if !strings.Contains(strings.ToLower(got), w) {
				t.Errorf("template %s does not say %q", template, w)
			}
		}
	}
	if _, err := report.ParseTemplate("poster"); fault.CodeOf(err) != fault.Usage {
		t.Errorf("an unknown template: %v", err)
	}
}

// hostile names try to leave the text they stand in.
var hostile = []string{`</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "| a | b |\n# heading [x](javascript:alert(1)) `code` $x$ https://evil.example @all", "'''\nimport os; os.remove('x')\n'''"}

func TestHostileNamesStayText(t *testing.T) {
	in := input(t, hostile...)
	in.Runs[0].Manifest.Name, in.Runs[0].Manifest.Question = hostile[0], hostile[2]
	in.Runs[0].Manifest.Warnings = hostile
	d := build(t, in)
	html := string(page(t, d))
	for _, bad := range []string{"<script>alert", "<img src=x", "onerror=alert(1)>"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	md := withoutCode(string(markdown(t, d)))
	for _, bad := range []string{"<script", "<img", "](javascript", "https://evil", "\n# heading"} {
		if strings.Contains(md, bad) {
			t.Errorf("the Markdown holds %q", bad)
		}
	}
	var nb struct {
		Cells []struct {
			Type   string   `json:"cell_type"`
			Source []string `json:"source"`
		} `json:"cells"`
	}
	if err := json.Unmarshal(notebook(t, d), &nb); err != nil {
		t.Fatal(err)
	}
	for _, c := range nb.Cells {
		text := strings.Join(c.Source, "")
		if c.Type == "code" && strings.Contains(text, "os.remove") {
			t.Errorf("foreign text became code: %s", text)
		}
		if c.Type == "markdown" && regexp.MustCompile(`<(script|img)`).MatchString(text) {
			t.Errorf("foreign text became markup: %s", text)
		}
	}
}

// withoutCode removes code spans as CommonMark reads them: from a run of
// backticks to the next run of the same length; an escaped one opens none.
func withoutCode(md string) string {
	var out strings.Builder
	for md != "" {
		at := strings.IndexByte(md, '`')
		if at < 0 {
			break
		}
		fence := md[at:]
		fence = fence[:len(fence)-len(strings.TrimLeft(fence, "`"))]
		rest := md[at+len(fence):]
		if at > 0 && md[at-1] == '\\' {
			out.WriteString(md[:at+1])
			md = md[at+1:]
			continue
		}
		out.WriteString(md[:at])
		end := regexp.MustCompile("(?:^|[^`])(" + fence + ")(?:[^`]|$)").FindStringSubmatchIndex(rest)
		if end == nil {
			md = rest
			continue
		}
		md = rest[end[3]:]
	}
	return out.String() + md
}

// TestNotebookCodeIsTheSameForAll: nothing of a run is in a code cell.
func TestNotebookCodeIsTheSameForAll(t *testing.T) {
	code := func(in report.Input) string {
		var nb struct {
			Cells []struct {
				Type   string   `json:"cell_type"`
				ID     string   `json:"id"`
				Source []string `json:"source"`
			} `json:"cells"`
			Format int `json:"nbformat"`
			Minor  int `json:"nbformat_minor"`
		}
		if err := json.Unmarshal(notebook(t, build(t, in)), &nb); err != nil {
			t.Fatal(err)
		}
		if nb.Format != 4 || nb.Minor != 5 {
			t.Errorf("nbformat is %d.%d", nb.Format, nb.Minor)
		}
		all, seen := "", map[string]bool{}
		for _, c := range nb.Cells {
			if !regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`).MatchString(c.ID) || seen[c.ID] {
				t.Errorf("cell id %q is not one of its own", c.ID)
			}
			seen[c.ID] = true
			if c.Type == "code" {
				all += strings.Join(c.Source, "") + "\n"
			}
		}
		return all
	}
	if a, b := code(input(t)), code(input(t, hostile...)); a != b || len(a) < 500 {
		t.Error("code cells differ between reports")
	}
}

// TestThePageAsksNobody: no address of another machine is loaded.
func TestThePageAsksNobody(t *testing.T) {
	html := string(page(t, build(t, input(t))))
	if !strings.Contains(html, `content="default-src &#39;none&#39;`) {
		t.Error("the page has no policy")
	}
	body := regexp.MustCompile(`(?s)<script.*?</script>`).ReplaceAllString(html, "")
	for _, m := range regexp.MustCompile(`(?i)\b(src|href|srcset|action|poster)\s*=\s*["']?([^"'\s>]+)`).FindAllStringSubmatch(body, -1) {
		if !strings.HasPrefix(m[2], "#") {
			t.Errorf("the page refers to %s", m[0])
		}
	}
	if regexp.MustCompile(`@import|url\(`).MatchString(body) {
		t.Error("the style loads something")
	}
}

func TestLedgerHasEveryFactOfTheReport(t *testing.T) {
	in := input(t)
	d := build(t, in)
	var f finding.LedgerFile
	if err := json.Unmarshal(ledger(t, in, d), &f); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, x := range f.Cited {
		ids[x.ID] = true
	}
	for _, m := range regexp.MustCompile(`data-f="(F[0-9a-f]{10})"`).FindAllStringSubmatch(string(page(t, d)), -1) {
		if !ids[m[1]] {
			t.Errorf("the ledger lacks %s", m[1])
		}
	}
	if len(f.Findings) != len(in.Analysis.Findings) || f.Schema != fact.LedgerSchema || len(f.Runs) != 1 {
		t.Errorf("the ledger has %d findings, schema %d, %d runs", len(f.Findings), f.Schema, len(f.Runs))
	}
}

// TestFiguresAreOfTheFindings: each panel that has points is drawn, with the
// facts it draws, and what to choose is drawn from the rankings.
func TestFiguresAreOfTheFindings(t *testing.T) {
	d := build(t, input(t))
	ids := map[string]int{}
	for _, f := range d.Figures() {
		ids[f.Drawing.ID()] = len(f.Facts)
		if f.Drawing.Nothing() != "" {
			t.Errorf("figure %s has no data: %s", f.Drawing.ID(), f.Drawing.Nothing())
		}
	}
	want := map[string]int{"fig-decision": 0, "fig-ranking-decode-rate-rates": 3, "fig-cold-warm-ttft-cold": 3, "fig-prompt-effect-decode-rate-prompts": 15}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
}

// TestReferencesAreDrawn: what a panel is held against stands in its figure,
// whichever shape the figure has, and ratios are multiples and not percentages.
func TestReferencesAreDrawn(t *testing.T) {
	for _, kind := range []finding.FigureKind{finding.Intervals, finding.Ratios} {
		in := input(t)
		for i := range in.Analysis.Findings {
			for j := range in.Analysis.Findings[i].Figures {
				g := &in.Analysis.Findings[i].Figures[j]
				for k := range g.Panels {
					g.Panels[k].Lines = []finding.Reference{{Label: "the limit", Y: sample.Some(1.0)}, {Label: "the noise", Y: sample.Some(2.0), Y2: sample.Some(3.0)}}
				}
				if g.Kind == finding.Intervals {
					g.Kind = kind
				}
			}
		}
		drawn, multiples := 0, 0
		for _, f := range build(t, in).Figures() {
			svg, err := f.Drawing.SVG(t.Context(), chart.Light)
			if err != nil {
				t.Fatal(err)
			}
			named := strings.Contains(f.Drawing.Caption(), "Dashed: the limit. Dashed frame: the noise.")
			if named != bytes.Contains(svg, []byte("stroke-dasharray")) {
				t.Errorf("%s: %s names its references: %t", kind, f.Drawing.ID(), named)
			}
			if named {
				drawn++
			}
			if bytes.Contains(svg, []byte("× (log)")) {
				multiples++
			}
		}
		if drawn != 2 || multiples > 0 != (kind == finding.Ratios) {
			t.Errorf("%s: %d figures have references, %d an axis of multiples", kind, drawn, multiples)
		}
	}
}

// TestTablesOfOneShapeBecomeOne: what tells their rows apart becomes a column,
// and a row that stands in each of them stands once.
func TestTablesOfOneShapeBecomeOne(t *testing.T) {
	in := input(t)
	first := in.Analysis.Findings[0]
	for _, experiment := range []string{"sweep", "again"} {
		f := first
		f.ID, f.Scope = f.ID+experiment, map[string]string{"experiment": experiment, "workload": "banter"}
		in.Analysis.Findings = append(in.Analysis.Findings, f, f)
	}
	for _, s := range build(t, in).Sections {
		for _, b := range s.Blocks {
			if table, ok := b.(report.Table); ok && strings.HasPrefix(table.ID, "t-ranking") {
				if table.Columns[0].Name != "experiment" || len(table.Rows) != 9 {
					t.Errorf("the first column is %q, and there are %d rows", table.Columns[0].Name, len(table.Rows))
				}
				return
			}
		}
	}
	t.Error("there is no ranking table")
}

// TestFoldersStayAtHome: a report is passed on; the folders of the machine that
// made it are nobody's business.
func TestFoldersStayAtHome(t *testing.T) {
	in := input(t)
	in.Runs[0].Manifest.Subjects[0].URL = "/home/ada/models/quickstart"
	in.Runs[0].Manifest.Spec = json.RawMessage(`{"targets":[{"url":"/home/ada/models/quickstart"}]}`)
	d := build(t, in)
	for name, b := range map[string][]byte{"page": page(t, d), "markdown": markdown(t, d), "ledger": ledger(t, in, d)} {
		if bytes.Contains(b, []byte("/home/ada")) {
			t.Errorf("the %s names a folder of this machine", name)
		}
	}
	if in.Runs[0].Manifest.Subjects[0].URL != "/home/ada/models/quickstart" {
		t.Error("the manifest that was given is changed")
	}
}
