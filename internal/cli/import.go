package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"chimera/internal/fault"
	"chimera/internal/importer"
	"chimera/internal/importer/aiperf"
	"chimera/internal/importer/gobench"
	"chimera/internal/importer/guidellm"
	"chimera/internal/importer/legacy"
	"chimera/internal/importer/llamabench"
	"chimera/internal/importer/ollamabench"
	"chimera/internal/importer/vllm"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"

	"github.com/spf13/cobra"
)

// formats are the tools whose files can be imported.
func formats() []importer.Format {
	return append([]importer.Format{guidellm.Format(), aiperf.Format(), vllm.Format(), llamabench.Format(),
		ollamabench.Format(), gobench.Format()}, legacy.Formats()...)
}

func (a *app) importCmd() *cobra.Command {
	return &cobra.Command{
		Use: "import PATH…", Short: "Read other tools' files into a stored run", Args: cobra.MinimumNArgs(1),
		Long: `Read files of other tools, or folders of them, into one stored run whose rows are marked
as imported. Each file is accounted for: its rows, those that failed, those that were not
imported and why. The same bytes count once; importing them again changes nothing. What is
not understood is listed, never guessed (docs/formats/import.md).`,
		Example: "  chimera import results/\n  chimera import sweep.csv kernels.json --json | jq '.files[] | select(.reason)'\n  chimera query server_rate_naive --import c4b3 --by subject",
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := importer.Look(cmd.Context(), build(), formats(), args...)
			if err != nil {
				return err
			}
			if m.Samples+m.Readings == 0 {
				a.warnOfFiles(m.Files)
				return fault.With(errors.New("import: no file has a row that is understood"), fault.Invalid, "docs/formats/import.md lists what can be read")
			}
			r, known, err := a.keep(cmd.Context(), m.Manifest, m.Rows)
			if err != nil {
				return err
			}
			a.warnOfFiles(m.Files)
			if a.json {
				sum, _ := r.Digest()
				return a.printJSON(map[string]any{"import": r.ID(), "known": known, "store": a.storePath(), "digest": sum, "files": m.Files,
					"samples": m.Samples, "readings": m.Readings, "outcomes": r.Outcomes})
			}
			a.printImport(m, r, known)
			return nil
		},
	}
}

// maker makes the rows of an import.
type maker func(importer.Sink) (sample.Manifest, *spec.Plan, error)

// keep stores an import as a sealed run. One that is there already is left as
// it is; one that another process left half-written is written anew.
func (a *app) keep(ctx context.Context, m sample.Manifest, rows maker) (r store.Run, known bool, err error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return r, false, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r, err = s.Run(ctx, m.Run)
	switch {
	case err == nil && r.ID() == m.Run && r.Status.Sealed():
		return r, true, nil
	case err == nil && r.ID() == m.Run:
		if err := s.Remove(ctx, m.Run); err != nil {
			return r, false, err
		}
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return r, false, err
	}
	if err := a.record(ctx, s, m, rows); err != nil {
		return r, false, err
	}
	r, err = s.Run(ctx, m.Run)
	return r, false, err
}

// counting shows how many rows went to a sink.
type counting struct {
	importer.Sink
	done *bar
	rows int // since done was told
}

func (c *counting) Add(t spec.Trial, s *sample.Sample) error {
	if c.rows++; c.rows == 1000 {
		c.done.steps(c.rows, true)
		c.rows = 0
	}
	return c.Sink.Add(t, s)
}

// record stores an import's rows as they are made.
func (a *app) record(ctx context.Context, s store.Store, m sample.Manifest, rows maker) (err error) {
	w, err := s.Load(ctx, m)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	done := a.rowBar("storing", m.Planned)
	defer done.end()
	manifest, plan, err := rows(&counting{Sink: w, done: done})
	if err != nil {
		return err
	}
	// The seal's time is that of the rows: the same files give the same bytes.
	_, err = w.Seal(manifest, plan, manifest.Clock.Origin)
	return err
}

// warnOfFiles prints one line for each file that could not be read.
func (a *app) warnOfFiles(files []importer.File) {
	for _, f := range files {
		if f.Broken() {
			a.note("warning: %s: %s", printable(f.Path), printable(f.Reason))
		}
	}
}

// printable takes control characters out of what a file says: they could move
// a terminal's cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}

// printImport prints what came of the files: a line per kind, then each reason
// once. The whole list is in --json.
func (a *app) printImport(m *importer.Survey, r store.Run, known bool) {
	a.printFiles(m.Files)
	state := "imported"
	if known {
		state = "known already, nothing changed"
	}
	fmt.Fprintf(a.Stdout, "\nimport %s · %s\n  samples   %s\n  readings  %d\n", r.ID(), state, statusLine(r), m.Readings)
	fmt.Fprintf(a.Stdout, "  earliest  %s\n", startedAt(m.Manifest.Clock, time.RFC3339))
	a.note("hint: `chimera query METRIC --import %s` asks these rows; --json lists every file", r.ID()[:8])
}

func (a *app) printFiles(files []importer.File) {
	t := newTable("kind", ">files", ">rows", ">imported", ">failed", ">skipped")
	for _, group := range byKind(files) {
		var sum importer.File
		for _, f := range group {
			sum.Rows, sum.Failed, sum.Skipped = sum.Rows+f.Rows, sum.Failed+f.Failed, sum.Skipped+f.Skipped
		}
		t.row(group[0].Kind, fmt.Sprint(len(group)), fmt.Sprint(sum.Rows), fmt.Sprint(sum.Imported()), fmt.Sprint(sum.Failed), fmt.Sprint(sum.Skipped))
	}
	t.write(a.Stdout, "", a.style())
	fmt.Fprintln(a.Stdout)
	for _, line := range reasons(files) {
		paragraph(a.Stdout, "  ", line)
	}
}

// byKind groups files by their kind, in the order of the kinds' names.
func byKind(files []importer.File) [][]importer.File {
	groups := map[string][]importer.File{}
	for _, f := range files {
		groups[f.Kind] = append(groups[f.Kind], f)
	}
	var out [][]importer.File
	for _, kind := range slices.Sorted(maps.Keys(groups)) {
		out = append(out, groups[kind])
	}
	return out
}

// reasons says each reason once, with the files that it is about.
func reasons(files []importer.File) []string {
	const named = 2
	about := map[string][]string{}
	var order []string
	for _, f := range files {
		reason := f.Reason
		if reason == "" || f.Kind == importer.Prose {
			continue
		}
		if len(about[reason]) == 0 {
			order = append(order, reason)
		}
		about[reason] = append(about[reason], f.Path)
	}
	var out []string
	for _, reason := range order {
		paths := about[reason]
		line := strings.Join(paths[:min(named, len(paths))], ", ")
		if more := len(paths) - named; more > 0 {
			line += fmt.Sprintf(" and %d more", more)
		}
		out = append(out, printable(line+": "+reason))
	}
	return out
}
