package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"chimera/internal/chart"
	"chimera/internal/digest"
	"chimera/internal/export"
	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/importer"
	"chimera/internal/report"
	"chimera/internal/sample"
	"chimera/internal/store"

	"github.com/spf13/cobra"
)

// reportFormats are the formats of a report, in the order in which they are
// written.
var reportFormats = []string{"json", "csv", "parquet", "svg", "png", "html", "md", "ipynb", "pdf"}

// pngZoom makes a figure's picture about 1800 pixels wide.
const pngZoom = 2

func (a *app) reportCmd() *cobra.Command {
	var formats, imports []string
	var folder, template string
	cmd := &cobra.Command{
		Use: "report RUN…", Short: "Explain runs: one page, Markdown, a notebook, the facts, the rows, the figures",
		Long: `Write what runs and imports say into a folder: the answer to their question, how sure it is and
what was not measured, tables, figures, validity checks, definitions, environment, and the facts
that every number stands on. The page opens offline and asks nobody for anything.

  html     index.html, one file          md       report.md, with figures/ beside it
  ipynb    report.ipynb, which computes the numbers again from the rows beside it
  json     ledger.json: facts, findings, and up to 2000 rows
  csv, parquet   the rows, without the answers' texts
  svg, png figures/, one file each       pdf      report.pdf, printed by Chromium if it is installed

Equal rows give equal files.`,
		Example: "  chimera report 7f3a\n  chimera report 7f3a 81c0 --format html,md,ipynb,png -o report/\n  chimera report --import c4b3 --template variants --format html,pdf -o report/",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args)+len(imports) == 0 {
				return fault.With(errors.New("no run given"), fault.Usage, "name one; `chimera runs ls` lists them")
			}
			t, err := report.ParseTemplate(template)
			if err != nil {
				return err
			}
			wanted, err := parseFormats(formats)
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), func(s store.Store) error {
				w, err := a.newReportWriter(cmd.Context(), s, args, imports, t, folder)
				if err != nil {
					return err
				}
				err = w.all(wanted)
				return errors.Join(err, a.printReport(w))
			})
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&formats, "format", []string{"html"}, strings.Join(reportFormats, ", "))
	f.StringSliceVar(&imports, "import", nil, "import to report on (may be given several times)")
	f.StringVarP(&folder, "output", "o", "chimera-report", "folder to write to")
	f.StringVar(&template, "template", "", "speak of all of these, measured or not: variants (models and settings), deepdive (weight formats, kernels, backends)")
	return cmd
}

// parseFormats returns the formats to write, each once, with those that others
// need.
func parseFormats(formats []string) ([]string, error) {
	wanted := map[string]bool{}
	for _, f := range formats {
		if !slices.Contains(reportFormats, f) {
			return nil, fault.With(fmt.Errorf("the format is %q, but must be one of %s", f, strings.Join(reportFormats, ", ")), fault.Usage, "for example --format html,md")
		}
		wanted[f] = true
	}
	if wanted["ipynb"] {
		wanted["json"] = true
		wanted["parquet"] = wanted["parquet"] || !wanted["csv"]
	}
	if wanted["md"] && !wanted["png"] {
		wanted["svg"] = true
	}
	return slices.DeleteFunc(slices.Clone(reportFormats), func(f string) bool { return !wanted[f] }), nil
}

// reportWriter writes one report, format by format.
type reportWriter struct {
	reading *bar // of rows
	ctx     context.Context
	store   store.Reader
	runs    []store.Run
	in      report.Input
	doc     report.Document
	folder  string
	// rowLedger holds the rows for ledger.json, unless they are too many.
	rowLedger *fact.Ledger
	format    string // being written
	tables    []string
	files     []reportFile
}

// reportFile is one file of a report, its path relative to the folder.
type reportFile struct {
	Path   string `json:"path"`
	Format string `json:"format"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// newReportWriter reads the runs and builds the document.
func (a *app) newReportWriter(ctx context.Context, s store.Reader, ids, imports []string, t report.Template, folder string) (*reportWriter, error) {
	w := &reportWriter{ctx: ctx, store: s, folder: folder}
	var manifests []*sample.Manifest
	for i, id := range slices.Concat(ids, imports) {
		r, err := s.Run(ctx, id)
		if err != nil {
			return nil, err
		}
		if i >= len(ids) && !importer.IsImport(r.Manifest) {
			return nil, fault.With(fmt.Errorf("%s is a run that chimera measured, no import", r.ID()), fault.Usage, "name it without --import")
		}
		if !slices.ContainsFunc(w.runs, func(o store.Run) bool { return o.ID() == r.ID() }) {
			w.runs = append(w.runs, r)
			manifests = append(manifests, &r.Manifest)
		}
	}
	rows := &report.Rows{}
	planned := plannedOf(w.runs)
	rows.Brief = planned > report.MaxRows
	w.reading = a.rowBar("reading", planned)
	defer w.reading.end()
	analysis, err := w.analyse(rows, manifests)
	if err != nil {
		return nil, err
	}
	w.in = report.Input{Analysis: analysis, Rows: rows, Ledger: w.rowLedger, Template: t, Rederive: rederive(w.runs, t)}
	for _, r := range w.runs {
		sum, _ := r.Digest()
		w.in.Runs = append(w.in.Runs, report.Run{Manifest: r.Manifest, Status: string(r.Status), Digest: sum})
	}
	if w.doc, err = report.Build(w.in); err != nil {
		return nil, err
	}
	rowsAudited := w.rowLedger
	if rowsAudited == nil {
		rowsAudited = fact.NewLedger(kept(w.runs)...)
	}
	w.doc, err = audited(rowsAudited, w.doc)
	return w, err
}

// analyse reads all rows once.
func (w *reportWriter) analyse(rows *report.Rows, manifests []*sample.Manifest) (*finding.Analysis, error) {
	c, err := finding.NewCollector(manifests...)
	if err != nil {
		return nil, err
	}
	var kept []fact.RunRows
	for _, r := range w.runs {
		own := ledgerRun(r)
		for s, err := range w.samples(r, rows.Brief) {
			if err == nil {
				err = rows.Add(s)
			}
			if err != nil {
				return nil, err
			}
			c.Sample(s)
			if !rows.Brief {
				s.Server = nil
				own.Samples = append(own.Samples, s)
			}
		}
		for reading, err := range w.store.Readings(w.ctx, r.ID()) {
			if err != nil {
				return nil, err
			}
			c.Reading(reading)
			own.Readings = append(own.Readings, reading)
		}
		kept = append(kept, *own)
	}
	if !rows.Brief {
		w.rowLedger = fact.NewLedger(kept...)
	}
	return c.Analyze()
}

// samples yields the rows of a run, each until the next; whole where they are
// digested.
func (w *reportWriter) samples(r store.Run, brief bool) iter.Seq2[*sample.Sample, error] {
	if !brief {
		return w.store.Samples(w.ctx, r.ID())
	}
	return analysed(w.ctx, w.store, r, w.reading)
}

func rederive(runs []store.Run, t report.Template) string {
	words := []string{"chimera report"}
	for _, r := range runs {
		words = append(words, r.ID())
	}
	if t != report.Auto {
		words = append(words, "--template "+string(t))
	}
	return strings.Join(words, " ")
}

// all writes every wanted format. A missing browser stops only the PDF.
func (w *reportWriter) all(formats []string) error {
	if err := os.MkdirAll(w.folder, 0o755); err != nil {
		return fault.With(fmt.Errorf("make the report's folder: %w", err), fault.Usage, "name a folder that can be made with -o")
	}
	w.tables = w.tableFiles(formats)
	for _, f := range formats {
		w.format = f
		if err := w.write(f); err != nil {
			return err
		}
	}
	return nil
}

func (w *reportWriter) write(format string) error {
	switch format {
	case "html":
		return w.file("index.html", func(out io.Writer) error { return report.HTML(w.ctx, out, w.doc) })
	case "md":
		return w.file("report.md", func(out io.Writer) error {
			return report.Markdown(out, w.doc, func(figure string) string {
				if w.has("figures/" + figure + ".svg") {
					return "figures/" + figure + ".svg"
				}
				return "figures/" + figure + ".png"
			})
		})
	case "ipynb":
		return w.file("report.ipynb", func(out io.Writer) error { return report.Notebook(out, w.doc) })
	case "json":
		return w.file(report.LedgerName, func(out io.Writer) error { return report.JSON(out, w.in, w.doc, w.tables) })
	case "csv", "parquet":
		return w.rows(export.Format(format))
	case "svg":
		return w.figures(".svg", func(d chart.Drawing) ([]byte, error) { return d.SVG(w.ctx, chart.Light) })
	case "png":
		return w.figures(".png", func(d chart.Drawing) ([]byte, error) { return d.PNG(w.ctx, chart.Light, pngZoom) })
	}
	return w.pdf()
}

func (w *reportWriter) has(name string) bool {
	return slices.ContainsFunc(w.files, func(f reportFile) bool { return f.Path == name })
}

// tableFiles names the files of the rows: Parquet where it is wanted, as it
// keeps types.
func (w *reportWriter) tableFiles(formats []string) []string {
	for _, f := range []export.Format{export.Parquet, export.CSV} {
		if slices.Contains(formats, string(f)) {
			var names []string
			for _, r := range w.runs {
				names = append(names, w.tableFile(r, f))
			}
			return names
		}
	}
	return nil
}

func (w *reportWriter) tableFile(r store.Run, f export.Format) string {
	if len(w.runs) == 1 {
		return "rows." + string(f)
	}
	return "rows-" + r.ID() + "." + string(f)
}

func (w *reportWriter) rows(f export.Format) error {
	for _, r := range w.runs {
		plan, err := w.store.Plan(w.ctx, r.ID())
		if err != nil {
			return err
		}
		o := export.Options{NoText: true, Rows: export.All, Factors: export.FactorsOf(plan), Metrics: exportMetrics()}
		err = w.file(w.tableFile(r, f), func(out io.Writer) error {
			return export.Write(out, f, r, asked(&r.Manifest, w.store.Samples(w.ctx, r.ID())), o)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *reportWriter) figures(ext string, render func(chart.Drawing) ([]byte, error)) error {
	if err := os.MkdirAll(filepath.Join(w.folder, "figures"), 0o755); err != nil {
		return fault.With(err, fault.Usage, "")
	}
	for _, f := range w.doc.Figures() {
		b, err := render(f.Drawing)
		if err != nil {
			return err
		}
		if err := w.file(path.Join("figures", f.Drawing.ID()+ext), func(out io.Writer) error { _, err := out.Write(b); return err }); err != nil {
			return err
		}
	}
	return nil
}

// file writes one file of the report, whole or not at all, and keeps its
// digest.
func (w *reportWriter) file(name string, write func(io.Writer) error) error {
	at := filepath.Join(w.folder, filepath.FromSlash(name))
	if err := writeFile(at, write); err != nil {
		return err
	}
	return w.account(name)
}

func (w *reportWriter) account(name string) error {
	f, err := os.Open(filepath.Join(w.folder, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	defer f.Close()
	sum, err := digest.Reader(bufio.NewReader(f))
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	w.files = append(w.files, reportFile{Path: name, Format: w.format, Bytes: info.Size(), SHA256: sum})
	return nil
}

// printReport says what was written.
func (a *app) printReport(w *reportWriter) error {
	verdicts := map[string]int{}
	for _, f := range w.in.Analysis.Findings {
		verdicts[string(f.Verdict)]++
	}
	if a.json {
		return a.printJSON(map[string]any{"audit": w.doc.Audit, "folder": w.folder, "title": w.doc.Title, "template": w.in.Template, "facts": w.doc.Ledger.Len(),
			"findings": verdicts, "files": append([]reportFile{}, w.files...)})
	}
	t := newTable("file", ">kB")
	for _, f := range w.files {
		if f.Format == "html" || path.Dir(f.Path) == "." {
			t.row(filepath.Join(w.folder, filepath.FromSlash(f.Path)), fmt.Sprintf("%.1f", float64(f.Bytes)/1e3))
		}
	}
	for _, ext := range []string{"svg", "png"} {
		var n, bytes int64
		for _, f := range w.files {
			if f.Format == ext {
				n, bytes = n+1, bytes+f.Bytes
			}
		}
		if n > 0 {
			t.row(fmt.Sprintf("%s (%d files)", filepath.Join(w.folder, "figures", "*."+ext), n), fmt.Sprintf("%.1f", float64(bytes)/1e3))
		}
	}
	if len(w.files) > 0 {
		t.write(a.Stdout, "", a.style())
		printAudited(a.Stdout, *w.doc.Audit)
	}
	return nil
}
