package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"chimera/internal/audit"
	"chimera/internal/claim"
	"chimera/internal/fault"

	"github.com/spf13/cobra"
)

func (a *app) auditCmd() *cobra.Command {
	var against []string
	var markdown, page, ledgerOut string
	cmd := &cobra.Command{
		Use: "audit FILE…", Short: "Hold a report against the rows it speaks of", Args: cobra.MinimumNArgs(1),
		Long: `Read a report (Markdown, text, HTML or a notebook; ours or anybody's) and judge each claim:
numbers with their unit, aggregate and thing, counts, settings, ratios, superlatives, words such
as "significant" and "all", dates and files. A claim is supported, misleading (true, but it hides
what matters), contradicted (with what the rows say), unverifiable or malformed. Rules decide, no
language model does. The exit code is 1 if any claim is contradicted or malformed.`,
		Example: "  chimera audit report.md --against 7f3a\n  chimera audit notebook.ipynb --against c4b3 --html audit.html\n  chimera audit *.md --against ledger.json --json | jq .summary",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(against) == 0 {
				return fault.With(errors.New("audit: nothing to hold the report against"), fault.Usage, "name a run, an import or a ledger.json with --against; `chimera runs ls` lists them")
			}
			l, err := a.ledger(cmd.Context(), against)
			if err != nil {
				return err
			}
			if ledgerOut != "" {
				if err := writeOut(ledgerOut, l.Write); err != nil {
					return err
				}
			}
			if len(args) > 1 && (markdown != "" || page != "") {
				return fault.With(errors.New("audit: one annotated file is of one report"), fault.Usage, "name one FILE, or leave out --html and --markdown")
			}
			return a.audit(audit.New(l), args, markdown, page)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&against, "against", nil, "run, import or ledger.json to hold it against (may be given several times)")
	f.StringVar(&page, "html", "", "write the report as a page with each claim marked in place")
	f.StringVar(&markdown, "markdown", "", "write the report as Markdown with each claim marked in place")
	f.StringVar(&ledgerOut, "write-ledger", "", "write the rows as ledger.json")
	return cmd
}

// audit judges the files, prints what came of them and closes the gate.
func (a *app) audit(auditor *audit.Auditor, files []string, markdown, page string) error {
	var reports []*audit.Report
	wrong := 0
	for _, name := range files {
		r, err := auditFile(auditor, name)
		if err != nil {
			return err
		}
		reports = append(reports, r)
		wrong += r.Summary.Contradicted + r.Summary.Malformed
		if markdown != "" {
			if err := writeOut(markdown, r.Markdown); err != nil {
				return err
			}
		}
		if page != "" {
			if err := writeOut(page, r.HTML); err != nil {
				return err
			}
		}
	}
	if err := a.printAudit(reports); err != nil {
		return err
	}
	if wrong > 0 {
		return fault.With(fmt.Errorf("audit: %s contradicted or malformed", countOf(wrong, "claim is", "claims are")), fault.Gate, "--html FILE marks them in the report")
	}
	return nil
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func auditFile(auditor *audit.Auditor, name string) (*audit.Report, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fault.With(fmt.Errorf("audit: %w", err), fault.Usage, "name a report")
	}
	if info.IsDir() || info.Size() > claim.MaxDocument {
		return nil, fault.With(fmt.Errorf("audit: %s is no file of at most %d MiB", name, claim.MaxDocument>>20), fault.Usage, "name a report")
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.With(fmt.Errorf("audit: %w", err), fault.Usage, "name a report that can be read")
	}
	d, err := claim.Parse(filepath.ToSlash(name), b)
	if err != nil {
		return nil, fault.With(fmt.Errorf("audit: %w", err), fault.Usage, "name Markdown, text, HTML or a notebook")
	}
	return auditor.Audit(d), nil
}

func writeOut(name string, write func(io.Writer) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return fault.With(fmt.Errorf("audit: %w", err), fault.Usage, "name a file that can be written")
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}

// printAudit prints one document, or for people what is wrong and a count.
func (a *app) printAudit(reports []*audit.Report) error {
	if a.json {
		return a.printJSON(auditDocument(reports))
	}
	for _, r := range reports {
		fmt.Fprintf(a.Stdout, "%s: %s\n", printable(r.Name), countOf(len(r.Claims), "claim", "claims"))
		t := newTable(">line", "verdict", "claim", "why")
		for _, c := range r.Claims {
			if c.Verdict == audit.Contradicted || c.Verdict == audit.Malformed || c.Verdict == audit.Misleading {
				t.row(fmt.Sprint(c.Line), string(c.Verdict), short(printable(c.Text), 32), short(printable(joinTruth(c)), 38))
			}
		}
		t.write(a.Stdout, "  ", a.style())
		for _, v := range audit.Verdicts {
			fmt.Fprintf(a.Stdout, "  %-13s %d\n", v, r.Summary.Of(v))
		}
		if len(r.Claims) > 0 {
			fmt.Fprintf(a.Stdout, "  support rate  %.0f %%\n", r.Score.Support*100)
		}
	}
	return nil
}

func joinTruth(c audit.Claim) string {
	if c.Truth == "" {
		return c.Why
	}
	return c.Truth + "; " + c.Why
}

func short(text string, n int) string {
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	return string(r[:n-1]) + "…"
}

type auditedClaim struct {
	File string `json:"file,omitempty"`
	audit.Claim
}

// auditDocument is the document of --json. Of several reports, each claim
// names its file.
func auditDocument(reports []*audit.Report) map[string]any {
	claims := []auditedClaim{}
	var sum audit.Summary
	var files []map[string]any
	for _, r := range reports {
		for _, c := range r.Claims {
			one := auditedClaim{Claim: c}
			if len(reports) > 1 {
				one.File = r.Name
			}
			claims = append(claims, one)
		}
		sum.Add(r.Summary)
		files = append(files, map[string]any{"file": r.Name, "summary": r.Summary, "score": r.Score, "truncated": r.Truncated})
	}
	return map[string]any{"claims": claims, "summary": sum, "files": files}
}
