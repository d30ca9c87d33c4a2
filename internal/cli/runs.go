package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/store"

	"github.com/spf13/cobra"
)

func (a *app) runsCmd() *cobra.Command {
	return group("runs", "List, show, export, verify, seal and remove stored runs",
		a.runsLsCmd(), a.runsShowCmd(), a.runsExportCmd(), a.runsVerifyCmd(), a.runsSealCmd(), a.runsRmCmd())
}

func (a *app) runsLsCmd() *cobra.Command {
	var f store.Filter
	cmd := &cobra.Command{
		Use: "ls", Short: "List runs, the newest first", Args: cobra.NoArgs,
		Example: "  chimera runs ls --limit 10\n  chimera runs ls --json | jq '.runs[].manifest.run'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(s store.Store) error {
				runs, err := s.Runs(cmd.Context(), f)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"runs": append([]store.Run{}, runs...)})
				}
				if len(runs) == 0 {
					fmt.Fprintln(a.Stdout, "no runs here yet")
					a.note("hint: `chimera quickstart` makes a first one")
					return nil
				}
				t := newTable("run", "name", "started (UTC)", "status", ">ok", ">planned")
				for _, r := range runs {
					t.row(digest.Short(r.ID(), 8), clip(r.Manifest.Name, 32), startedAt(r.Manifest.Clock, "2006-01-02 15:04:05"),
						string(r.Status), fmt.Sprint(r.Outcomes.OK), fmt.Sprint(r.Outcomes.Planned))
				}
				t.write(a.Stdout, "", a.style())
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&f.Name, "name", "", "only runs of the spec with this name")
	cmd.Flags().IntVar(&f.Limit, "limit", 0, "at most so many (0 = all)")
	return cmd
}

func (a *app) runsShowCmd() *cobra.Command {
	var trial string
	cmd := &cobra.Command{
		Use: "show RUN", Short: "Show what a run measured", Args: cobra.ExactArgs(1),
		Long: `Show a run: what was planned and how it ended, a table per experiment, and what to know about it.
RUN is an id or the beginning of one. With --trial show one request: what was asked and answered.`,
		Example: "  chimera runs show 7f3a\n  chimera runs show 7f3a --json | jq .manifest.host\n  chimera runs show 7f3a --trial run/b0/0002",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(s store.Store) error {
				r, err := s.Run(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				switch {
				case trial != "":
					return a.showTrial(cmd.Context(), s, r, trial)
				case a.json:
					return a.printJSON(r)
				}
				return a.showRun(cmd.Context(), s, r)
			})
		},
	}
	cmd.Flags().StringVar(&trial, "trial", "", "show one request, by the trial's id: its prompt and its answers")
	return cmd
}

// startedAt is when a run began, in UTC. An import's files need not say.
func startedAt(c sample.Clock, layout string) string {
	if c.Origin.IsZero() {
		return "not recorded"
	}
	return c.Origin.UTC().Format(layout)
}

// showRun prints a run for people.
func (a *app) showRun(ctx context.Context, s store.Reader, r store.Run) error {
	m := r.Manifest
	fmt.Fprintf(a.Stdout, "run %s · %s · %s\n", m.Run, m.Name, startedAt(m.Clock, time.RFC3339))
	if m.Question != "" {
		fmt.Fprintf(a.Stdout, "  question  %s\n", m.Question)
	}
	fmt.Fprintf(a.Stdout, "  status    %s\n", statusLine(r))
	for _, sub := range m.Subjects {
		fmt.Fprintf(a.Stdout, "  subject   %s\n", subjectLine(sub))
	}
	if _, err := os.Stat(a.logsOf(m.Run)); err == nil {
		fmt.Fprintf(a.Stdout, "  logs      %s\n", a.logsOf(m.Run))
	}
	fmt.Fprintln(a.Stdout)
	if files, ok := importer.FilesOf(m); ok { // another tool's experiments have no common table
		a.printFiles(files)
		a.remarks(m)
		return nil
	}
	rows, err := measuredIn(ctx, s, r)
	if err != nil {
		return err
	}
	if err := a.tables(rows); err != nil {
		return err
	}
	if err := a.written(rows); err != nil {
		return err
	}
	a.remarks(m)
	return nil
}

// statusLine says how the run ended: planned is the sum of all outcomes, or
// the difference is named.
func statusLine(r store.Run) string {
	parts := []string{}
	for _, o := range sample.Outcomes {
		if n := r.Outcomes.Of(o); n > 0 || o == sample.OK {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
	}
	line := fmt.Sprintf("%s: %d planned = %s", r.Status, r.Outcomes.Planned, strings.Join(parts, " + "))
	if left := r.Outcomes.Planned - r.Outcomes.Ended(); left > 0 {
		line += fmt.Sprintf(" + %d not run yet", left)
	}
	return line
}

func subjectLine(s sample.SubjectRecord) string {
	parts := []string{s.ID + ": " + s.Model}
	for _, p := range []string{s.Server, s.Quant, digest.Short(strings.TrimPrefix(s.Digest, "sha256:"), 12)} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if s.Synthetic {
		parts = append(parts, "synthetic: speed is real, text is noise")
	}
	return strings.Join(parts, " · ")
}

// remarks prints what a reader must know before believing a table.
func (a *app) remarks(m sample.Manifest) {
	seen := map[string]bool{} // an alias foreseen and then confirmed is said once
	for _, al := range m.Aliases {
		line := fmt.Sprintf("%s: one configuration asked for as %s", al.Subject, configList(al.Requested))
		if !seen[line] {
			paragraph(a.Stdout, "  alias     ", line)
		}
		seen[line] = true
	}
	for _, w := range m.Warnings {
		paragraph(a.Stdout, "  "+a.style().bad("warning")+"   ", w)
	}
}

func (a *app) runsVerifyCmd() *cobra.Command {
	return &cobra.Command{
		Use: "verify RUN…", Short: "Recompute the digest of sealed runs", Args: cobra.MinimumNArgs(1),
		Example: "  chimera runs verify 7f3a",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(s store.Store) error {
				var all []store.Verification
				var bad []string
				for _, arg := range args {
					r, err := s.Run(cmd.Context(), arg)
					if err != nil {
						return err
					}
					v, err := s.Verify(cmd.Context(), r.ID())
					if err != nil {
						return err
					}
					all = append(all, v)
					if !v.OK() {
						bad = append(bad, v.Run)
					}
					if !a.json {
						a.printVerification(v)
					}
				}
				if a.json {
					if err := a.printJSON(map[string]any{"runs": all}); err != nil {
						return err
					}
				}
				if len(bad) > 0 {
					return fault.With(fmt.Errorf("not as sealed: %s", strings.Join(bad, ", ")), fault.Gate, "the rows were changed after the run; do not use them as evidence")
				}
				return nil
			})
		},
	}
}

func (a *app) runsSealCmd() *cobra.Command {
	return &cobra.Command{
		Use: "seal RUN…", Short: "Seal what a run measured that was killed", Args: cobra.MinimumNArgs(1),
		Long: `Seal a run whose process died, as partial: what was measured until then gets its
digest, and nothing is measured any more. A run that was planned can go on instead,
with chimera run --resume; one whose requests nobody could plan, an agent's, cannot.`,
		Example: "  chimera runs seal 7f3a",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(s store.Store) error {
				sealed := map[string]string{}
				for _, arg := range args {
					r, err := s.Run(cmd.Context(), arg)
					if err != nil {
						return err
					}
					if r.Status.Sealed() {
						return fault.With(fmt.Errorf("run %s is sealed as %s", r.ID(), r.Status), fault.Usage, "`chimera runs verify "+r.ID()+"` checks its rows")
					}
					if err := s.Reopen(cmd.Context(), r.ID()); err != nil {
						return err
					}
					sum, err := s.Seal(cmd.Context(), r.ID(), store.Partial, time.Now())
					if err != nil {
						return err
					}
					sealed[r.ID()] = sum
					if !a.json {
						fmt.Fprintf(a.Stdout, "%s  sealed as partial  sha256:%s\n", r.ID(), sum)
					}
				}
				if a.json {
					return a.printJSON(map[string]any{"sealed": sealed})
				}
				return nil
			})
		},
	}
}

func (a *app) printVerification(v store.Verification) {
	if v.OK() {
		fmt.Fprintf(a.Stdout, "%s  %s  sha256:%s\n", v.Run, a.style().good("as sealed"), v.Sealed)
		return
	}
	fmt.Fprintf(a.Stdout, "%s  %s\n", v.Run, a.style().bad("not as sealed"))
	for _, d := range v.Differences {
		fmt.Fprintf(a.Stdout, "  %s %s: was %s, is %s\n", d.Part, d.Row, d.Want, d.Got)
	}
}

func (a *app) runsRmCmd() *cobra.Command {
	return &cobra.Command{
		Use: "rm RUN…", Short: "Remove runs with all their rows and logs", Args: cobra.MinimumNArgs(1),
		Example: "  chimera runs rm 7f3a --yes",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(s store.Store) error {
				var runs []store.Run
				for _, arg := range args {
					r, err := s.Run(cmd.Context(), arg)
					if err != nil {
						return err
					}
					runs = append(runs, r)
				}
				for _, r := range runs {
					if err := a.confirm("remove run %s (%s, %d rows of evidence)?", r.ID(), r.Manifest.Name, r.Outcomes.Ended()); err != nil {
						return err
					}
					if err := s.Remove(cmd.Context(), r.ID()); err != nil {
						return err
					}
					if err := os.RemoveAll(a.logsOf(r.ID())); err != nil {
						return fault.With(fmt.Errorf("remove the logs of run %s: %w", r.ID(), err), fault.Runtime, "")
					}
					a.note("removed %s", r.ID())
				}
				return nil
			})
		},
	}
}

// confirm asks a yes-or-no question; --yes answers it, and so does nobody: a
// closed standard input is a no.
func (a *app) confirm(format string, args ...any) error {
	if a.yes {
		return nil
	}
	fmt.Fprintf(a.Stderr, format+" [y/N] ", args...)
	line, err := readLine(a.Stdin)
	if err != nil {
		return fault.With(err, fault.Usage, "")
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer == "y" || answer == "yes" {
		return nil
	}
	return fault.With(errors.New("not confirmed"), fault.Usage, "answer y, or give --yes")
}

// readLine reads up to the end of a line, byte by byte: what follows belongs to
// the next question.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < 100; {
		n, err := r.Read(one)
		if n == 1 && one[0] == '\n' || errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		line = append(line, one[:n]...)
	}
	return string(line), nil
}
