package report_test

import (
	"bytes"
	"testing"

	"chimera/internal/golden"
)

// The Markdown shows what every writer is given, up to the figures, whose words
// are chart's; the ledger behind them is compared fact by fact elsewhere.
func TestGoldenMarkdown(t *testing.T) {
	md, _, ok := bytes.Cut(markdown(t, build(t, input(t))), []byte(`<a id="figures"></a>`))
	if !ok {
		t.Fatal("the report has no figures")
	}
	golden.Equal(t, "report.md", md)
}

func TestGoldenNotebook(t *testing.T) {
	golden.Equal(t, "report.ipynb", notebook(t, build(t, input(t))))
}
