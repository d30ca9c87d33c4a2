package cli

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/store"

	"github.com/spf13/cobra"
)

// analyzeFlags say what of an analysis is printed.
type analyzeFlags struct {
	imports        []string
	kinds          []string
	checks, tables bool
}

func (a *app) analyzeCmd() *cobra.Command {
	var q analyzeFlags
	cmd := &cobra.Command{
		Use: "analyze RUN… | --import ID", Short: "Say what stored rows show, with verdicts and validity checks",
		Long: `Ask the rows of runs or imports every question that they can carry: which subject is best
at equal work, what a cold start costs, which settings cannot be told apart from the best,
what each factor and prompt changes, how far equal requests scatter, speed per GB, who is
beaten at everything; for imports also quantization, kernels, backends and agents.
Each finding has a verdict (better, worse, same, inconclusive, not comparable, not measured),
a sentence whose every number is a fact with an id, and checks: order drawn? aliases? cold
rows? failures? cache hits? throttling? degenerate answers? enough n? (docs/formats/finding.md)`,
		Example: "  chimera analyze 7f3a\n  chimera analyze 7f3a --kind ranking,sensitivity --tables\n  chimera analyze --import c4b3 --checks\n  chimera analyze 7f3a --json | jq '.findings[] | {kind, verdict, winners}'",
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, k := range q.kinds {
				if !slices.Contains(finding.Kinds, finding.Kind(k)) {
					return fault.With(fmt.Errorf("unknown kind of finding %q", k), fault.Usage, "use "+joinKinds())
				}
			}
			analysis, err := a.analyze(cmd.Context(), args, q.imports)
			if err != nil {
				return err
			}
			if len(q.kinds) > 0 {
				analysis = analysis.Only(func(f finding.Finding) bool { return slices.Contains(q.kinds, string(f.Kind)) })
			}
			if a.json {
				return a.printJSON(analysis)
			}
			a.printAnalysis(analysis, q)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&q.imports, "import", nil, "import to analyse (may be given several times)")
	f.StringSliceVar(&q.kinds, "kind", nil, "only findings of these kinds: "+joinKinds())
	f.BoolVar(&q.checks, "checks", false, "all checks, not only those that fail")
	f.BoolVar(&q.tables, "tables", false, "the tables of facts behind each finding")
	return cmd
}

func joinKinds() string {
	names := make([]string, len(finding.Kinds))
	for i, k := range finding.Kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

// analyze streams the rows of runs and imports through a collector: they never
// stand in memory together.
func (a *app) analyze(ctx context.Context, runs, imports []string) (*finding.Analysis, error) {
	if len(runs)+len(imports) == 0 {
		return nil, fault.With(fmt.Errorf("no run given"), fault.Usage, "name runs, or imports with --import; `chimera runs ls` lists them")
	}
	var out *finding.Analysis
	err := a.withStore(ctx, func(s store.Store) error {
		var all []store.Run
		var manifests []*sample.Manifest
		for _, id := range append(slices.Clone(runs), imports...) {
			r, err := s.Run(ctx, id)
			if err != nil {
				return err
			}
			if len(all) >= len(runs) && !importer.IsImport(r.Manifest) {
				return fault.With(fmt.Errorf("%s is a run that chimera measured, no import", r.ID()), fault.Usage, "name it without --import")
			}
			if !slices.ContainsFunc(all, func(o store.Run) bool { return o.ID() == r.ID() }) {
				all, manifests = append(all, r), append(manifests, &r.Manifest)
			}
		}
		c, err := finding.NewCollector(manifests...)
		if err != nil {
			return err
		}
		done := a.rowBar("reading", plannedOf(all))
		defer done.end()
		for _, r := range all {
			if err := collect(ctx, s, r, c, done); err != nil {
				return err
			}
		}
		out, err = c.Analyze()
		return err
	})
	if err == nil && out.Rows.Outcomes[string(sample.OK)] == 0 && out.Rows.Readings == 0 {
		err = fault.With(fmt.Errorf("analyze: no request of %s was answered", strings.Join(out.Runs, ", ")), fault.Invalid, "`chimera runs show` says how its requests ended")
	}
	return out, err
}

// plannedOf is how many trials runs have.
func plannedOf(runs []store.Run) (n int) {
	for _, r := range runs {
		n += r.Manifest.Planned
	}
	return n
}

func collect(ctx context.Context, s store.Reader, r store.Run, c *finding.Collector, done *bar) error {
	for row, err := range analysed(ctx, s, r, done) {
		if err != nil {
			return err
		}
		c.Sample(row)
	}
	for reading, err := range s.Readings(ctx, r.ID()) {
		if err != nil {
			return err
		}
		c.Reading(reading)
	}
	return nil
}

// analysed yields the rows of a run, each until the next: with their texts where
// a trained model wrote them, else without their bulk.
func analysed(ctx context.Context, s store.Reader, r store.Run, done *bar) iter.Seq2[*sample.Sample, error] {
	return func(yield func(*sample.Sample, error) bool) {
		rows := briefly(ctx, s, r.ID(), done)
		if writes(r.Manifest) {
			texts, err := hasTexts(ctx, s, r.ID())
			if err != nil {
				yield(nil, err)
				return
			}
			if texts {
				rows = s.Samples(ctx, r.ID())
			}
		}
		rows(yield)
	}
}

// hasTexts reports whether any row of a run has a text: rows of most imports
// have none.
func hasTexts(ctx context.Context, s store.Reader, id string) (bool, error) {
	for part, err := range s.Columns(ctx, id) {
		if err != nil || part.Texts() {
			return err == nil, err
		}
	}
	return false, nil
}

// writes reports whether a trained model may have written a run's answers.
func writes(m sample.Manifest) bool {
	return slices.ContainsFunc(m.Subjects, func(s sample.SubjectRecord) bool { return !s.Synthetic && s.Kind != "fake" })
}

// briefly yields the rows of a run without their bulk, each until the next, and
// tells done, if it is not nil, how many.
func briefly(ctx context.Context, s store.Reader, id string, done *bar) iter.Seq2[*sample.Sample, error] {
	return func(yield func(*sample.Sample, error) bool) {
		for part, err := range s.Columns(ctx, id) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range part.Rows() {
				if !yield(row, nil) {
					return
				}
			}
			if done != nil {
				done.steps(part.Len(), true)
			}
		}
	}
}

// printAnalysis prints the answer, then each finding under its question.
func (a *app) printAnalysis(an *finding.Analysis, q analyzeFlags) {
	st := a.style()
	paragraph(a.Stdout, "analysis of ", strings.Join(an.Runs, ", "))
	var counts []string
	for _, o := range sample.Outcomes {
		if n := an.Rows.Outcomes[string(o)]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, o))
		}
	}
	paragraph(a.Stdout, "", fmt.Sprintf("%d requests (%s), %d readings", an.Rows.Samples, strings.Join(counts, ", "), an.Rows.Readings))
	switch {
	case len(an.Findings) == 0 && len(q.kinds) > 0:
		fmt.Fprintf(a.Stdout, "\nno finding of kind %s\n", strings.Join(q.kinds, ", "))
		return
	case len(an.Findings) == 0:
		fmt.Fprintln(a.Stdout, "\nno question that chimera asks can be put to these rows")
		return
	}
	var questions []string
	answers := map[string][]finding.Finding{}
	for _, f := range an.Findings {
		if answers[f.Question] == nil {
			questions = append(questions, f.Question)
		}
		answers[f.Question] = append(answers[f.Question], f)
	}
	for _, question := range questions {
		fmt.Fprintf(a.Stdout, "\n%s\n", st.bold(question))
		for _, f := range answers[question] {
			a.printFinding(an, f, q)
		}
	}
}

// verdictWidth is the column of the verdict word.
const verdictWidth = 18

func (a *app) printFinding(an *finding.Analysis, f finding.Finding, q analyzeFlags) {
	st := a.style()
	word := fmt.Sprintf("  %-*s", verdictWidth-2, f.Verdict)
	switch f.Verdict {
	case finding.Better, finding.Same:
		word = st.good(word)
	case finding.Worse, finding.NotComparable:
		word = st.bad(word)
	}
	a.tell(word, f.Sentence, an)
	indent := strings.Repeat(" ", verdictWidth)
	if where := whereOf(f); where != "" {
		for _, line := range wrap(where, maxWidth-verdictWidth) {
			fmt.Fprintln(a.Stdout, indent+st.dim(line))
		}
	}
	for _, n := range f.Notes {
		a.tell(indent, n, an)
	}
	if f.Verdict == finding.NotMeasured && !q.checks {
		return // nothing was compared, so there is nothing to check
	}
	var passed, unknown []string
	for _, c := range f.Checks {
		switch {
		case q.checks || c.Status == finding.Fail:
			status := string(c.Status)
			if c.Status == finding.Fail {
				status = st.bad(status)
			}
			a.tell(indent+status+" "+string(c.ID)+": ", c.Why, an)
		case c.Status == finding.Pass:
			passed = append(passed, string(c.ID))
		default:
			unknown = append(unknown, string(c.ID))
		}
	}
	if len(unknown) > 0 {
		paragraph(a.Stdout, indent+"unknown: ", strings.Join(unknown, ", "))
	}
	if len(passed) > 0 {
		paragraph(a.Stdout, indent+"pass: ", strings.Join(passed, ", "))
	}
	if q.tables {
		for _, t := range f.Tables {
			a.printTable(an, t)
		}
	}
}

// tell prints a sentence; a number is not torn from its unit or its interval.
func (a *app) tell(label string, s finding.Sentence, an *finding.Analysis) {
	const glue = "\x1f" // stands for a space within a number, until lines are broken
	var text, out strings.Builder
	for _, p := range s {
		printed := p.Print(an.Fact)
		if p.Fact != "" {
			printed = strings.ReplaceAll(printed, " ", glue)
		}
		text.WriteString(printed)
	}
	paragraph(&out, label, text.String())
	fmt.Fprint(a.Stdout, strings.ReplaceAll(out.String(), glue, " "))
}

// whereOf names the rows of a finding as far as its sentence does not.
func whereOf(f finding.Finding) string {
	var parts []string
	for _, field := range []string{"experiment", "file", "workload"} {
		if v := f.Scope[field]; v != "" && v != importer.NotRecorded {
			parts = append(parts, field+" "+v)
		}
	}
	return strings.Join(parts, ", ")
}

// maxHead is the widest head of a column; beyond it the metric's id stands
// there.
const maxHead = 24

// printTable prints a table of facts; a missing cell says why, below.
func (a *app) printTable(an *finding.Analysis, t finding.Table) {
	heads := slices.Clone(t.Labels)
	for _, c := range t.Columns {
		head := c.Head
		if visible(head) > maxHead && c.Metric != "" {
			head = strings.TrimSpace(c.Metric + " " + c.Aggregate)
		}
		heads = append(heads, ">"+head)
	}
	out := newTable(heads...)
	var reasons []string
	for _, r := range t.Rows {
		line := slices.Clone(r.Names)
		for i, c := range r.Cells {
			line = append(line, cellText(an, t.Columns[i].As, c))
			if c.Missing != "" && !slices.Contains(reasons, c.Missing) {
				reasons = append(reasons, c.Missing)
			}
		}
		out.row(line...)
	}
	const indent = "    "
	out.write(a.Stdout, indent, a.style())
	for _, why := range reasons {
		paragraph(a.Stdout, indent+"–  ", why)
	}
}

func cellText(an *finding.Analysis, form finding.Form, c finding.Cell) string {
	switch {
	case c.Missing != "":
		return "–"
	case c.Fact != "":
		if f, ok := an.Fact(c.Fact); ok {
			return finding.Show(f, form)
		}
	}
	return c.Word
}
