package report

import (
	_ "embed" // the notebook's code
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"chimera/internal/digest"
)

//go:embed asset/notebook.py
var notebookCode string

// Names of the files that a notebook reads; they lie beside it.
const (
	LedgerName  = "ledger.json"
	ParquetName = "rows.parquet"
	CSVName     = "rows.csv"
)

// Notebook writes a Jupyter notebook (nbformat 4.5) that computes the headline
// numbers again from the rows beside it, with pandas, and asserts that they are
// the ledger's. Its code is the same for every report: what differs it reads
// from the ledger's file, so that no text of a run is ever code.
func Notebook(w io.Writer, d Document) error {
	if err := d.Check(); err != nil {
		return fmt.Errorf("write notebook: %w", err)
	}
	m := markdown{l: d.Ledger, picture: func(string) string { return "" }}
	for _, b := range d.Sections[0].Blocks {
		if a, ok := b.(Answer); ok {
			m.line("> **" + m.plainText(a.Lead) + "**")
		}
	}
	cells := []cell{words1("# "+escape(d.Title), m.plainText(d.Meta), strings.Join(m.out, "\n\n"),
		"Numbers are those of the ledger. The cells below read the rows beside this file, compute the numbers again, and fail if one differs.")}
	for _, part := range strings.Split(notebookCode, "\n# %%\n") {
		note, source, _ := strings.Cut(strings.TrimPrefix(part, "# %%\n"), "\n")
		cells = append(cells, words1(strings.TrimPrefix(note, "# ")), python(strings.TrimSpace(source)))
	}
	for i := range cells {
		cells[i].ID = fmt.Sprintf("%02d-%s", i, digest.Text(strings.Join(cells[i].Source, ""))[:8])
	}
	nb := notebook{Cells: cells, Format: 4, Minor: 5}
	nb.Metadata.Kernel = kernel{"Python 3", "python", "python3"}
	nb.Metadata.Language = map[string]string{"name": "python"}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	if err := enc.Encode(nb); err != nil {
		return fmt.Errorf("write notebook: %w", err)
	}
	return nil
}

type (
	notebook struct {
		Cells    []cell `json:"cells"`
		Metadata struct {
			Kernel   kernel            `json:"kernelspec"`
			Language map[string]string `json:"language_info"`
		} `json:"metadata"`
		Format int `json:"nbformat"`
		Minor  int `json:"nbformat_minor"`
	}
	kernel struct {
		Display  string `json:"display_name"`
		Language string `json:"language"`
		Name     string `json:"name"`
	}
	cell struct {
		Type     string         `json:"cell_type"`
		ID       string         `json:"id"`
		Metadata map[string]any `json:"metadata"`
		Count    *count0        `json:"execution_count,omitempty"`
		Outputs  *[]any         `json:"outputs,omitempty"`
		Source   []string       `json:"source"`
	}
	// count0 is the execution count of a cell that was not run yet: null.
	count0 struct{}
)

func (count0) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func words1(paragraphs ...string) cell {
	return cell{Type: "markdown", Metadata: map[string]any{}, Source: strings.SplitAfter(strings.Join(paragraphs, "\n\n"), "\n")}
}

func python(source string) cell {
	return cell{Type: "code", Metadata: map[string]any{}, Count: &count0{}, Outputs: &[]any{}, Source: strings.SplitAfter(source, "\n")}
}

// plainText is a text whose numbers do not link: a notebook has no ledger to
// lead to.
func (m *markdown) plainText(t Text) string {
	var b strings.Builder
	for _, s := range textView(m.l, t) {
		if s.Fact != "" {
			b.WriteString(escape(number{value: s.Value, interval: s.Interval, tail: s.Tail}.String()))
			continue
		}
		b.WriteString(m.span(s))
	}
	return b.String()
}
