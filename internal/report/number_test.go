package report_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"chimera/internal/report"
	"chimera/internal/report/reporttest"
)

var (
	digit     = regexp.MustCompile(`[0-9]`)
	footnotes = regexp.MustCompile(`\[(?:\\.|[^\]\\])*\]\(#f[0-9a-f]{10} "[^"]*"\)`)
	codes     = regexp.MustCompile("`+[^`]*`+")
)

func numbers(t *testing.T, html []byte) []string {
	t.Helper()
	found, err := reporttest.Numbers(html)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestEveryNumberIsAFact is the law of a report: no number stands in it that
// the ledger does not have.
func TestEveryNumberIsAFact(t *testing.T) {
	d := build(t, input(t))
	if bad := numbers(t, page(t, d)); len(bad) > 0 {
		t.Errorf("numbers without a fact in the page: %q", bad)
	}
	md := markdown(t, d)
	body, _, _ := bytes.Cut(md, []byte(`<a id="method"></a>`))
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "![") || strings.HasPrefix(line, "*") || strings.HasPrefix(line, "- **") && !strings.Contains(line, "](#f") {
			continue
		}
		rest := codes.ReplaceAllString(footnotes.ReplaceAllString(line, ""), "")
		for _, name := range []string{"270m", "1b-it-qat", "gemma3-variants", "7f3a19c2", "2026-11-02 10:30 UTC", "over 3 pairs", "temperature=0.2", "sha256:c0ffee"} {
			rest = strings.ReplaceAll(rest, name, "")
		}
		if rest = regexp.MustCompile(`<a id="[^"]*"></a>|&#?\w+;`).ReplaceAllString(rest, ""); digit.MatchString(rest) {
			t.Errorf("a number without a fact: %q in %q", rest, line)
		}
	}
}

// The check itself must see what it forbids.
func TestANumberWithoutAFactIsSeen(t *testing.T) {
	for text, want := range map[string]int{
		`<p>about 12 times</p>`: 1,
		`<p>about <a class="f" data-f="F0123456789">12</a> times</p>`: 0,
		`<p>about <a class="f">12</a> times</p>`:                      1,
		`<p><span class="n">gemma3</span></p>`:                        0,
		`<td>7</td><code>8</code>`:                                    1,
	} {
		if got := numbers(t, []byte("<main>"+text+"</main>")); len(got) != want {
			t.Errorf("%s: found %q, want %d", text, got, want)
		}
	}
}

func markdown(t *testing.T, d report.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.Markdown(&b, d, func(id string) string { return fmt.Sprintf("figures/%s.svg", id) }); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
