package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"chimera/internal/compare"
	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"

	"github.com/spf13/cobra"
)

// comparing is what the command line asks of a comparison.
type comparing struct {
	metrics, margins, allow, experiments, subjects []string
	phase, format                                  string
	strict, rerun                                  bool
	runOptions                                     // of a rerun
}

func (a *app) compareCmd() *cobra.Command {
	var c comparing
	cmd := &cobra.Command{
		Use: "compare A B", Short: "Say whether run B is slower than run A, or why nobody can know", Args: twoRuns,
		Long: `Compare two runs, scope by scope: ratio with its 95 % interval, p, and a verdict.
A ratio below 1 is worse, whichever way the metric points. Blocks are what is
counted: one value is the geometric mean of a block's prompts.

  REGRESSION    the whole interval lies beyond the margin          exit 1
  SUSPECT       worse, but not shown to be beyond the margin       exit 3 (1 with --strict)
  INCONCLUSIVE  the rows decide nothing                            exit 3 (1 with --strict)
  SAME          the 90 % interval lies within the margin           exit 0
  IMPROVED      the whole interval lies beyond, on the better side exit 0

Runs that differ in machine, model, server, prompts or conditions are not compared
(exit 4), unless --allow names the difference as what is meant. Margins are 3 % of
a rate, 5 % of a time per token, 10 % of a time and 15 % of a tail; earlier runs of
the same kind in the store raise them to twice their noise.`,
		Example: "  chimera compare 7f3a 81c0\n  chimera compare 7f3a 81c0 --margin 5% --margin ttft=20% --strict\n  chimera compare 7f3a 81c0 --allow server-build --json | jq .verdict\n  chimera compare 7f3a 81c0 --format gobench | benchstat -col run -",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.compare(cmd.Context(), args[0], args[1], c) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&c.metrics, "metric", compare.Defaults, "metrics to compare, each METRIC or METRIC:p95")
	f.StringSliceVar(&c.margins, "margin", nil, "change that matters: 3% for all, or METRIC=10% (may be given several times)")
	f.StringSliceVar(&c.allow, "allow", nil, "differences that are meant, such as server-build, model-digest, config, hardware, environment")
	f.StringSliceVar(&c.experiments, "experiment", nil, "only these experiments")
	f.StringSliceVar(&c.subjects, "subject", nil, "only these subjects")
	f.StringVar(&c.phase, "phase", string(sample.Measure), "rows to compare: measure (warm) or cold")
	f.StringVar(&c.format, "format", "text", "text, or gobench: the compared values for benchstat")
	f.BoolVar(&c.rerun, "rerun", false, "if something is suspect, run B's spec once more with twice the blocks, and decide by that")
	f.DurationVar(&c.preflight, "preflight", 2*time.Second, "watch the machine for other work this long before a --rerun (0 = do not)")
	f.BoolVar(&c.strict, "strict", false, "a suspicion or an open question fails the gate too (exit 1)")
	return cmd
}

// twoRuns checks the arguments of compare.
func twoRuns(cmd *cobra.Command, args []string) error {
	if len(args) == 2 {
		return nil
	}
	return fault.With(fmt.Errorf("two runs are compared, but %d are given", len(args)), fault.Usage, "name both, the old one first: "+cmd.CommandPath()+" A B")
}

func (a *app) compare(ctx context.Context, idA, idB string, c comparing) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	var r compare.Result
	err = a.withStore(ctx, func(s store.Store) error {
		r, err = c.read(ctx, s, idA, idB, o)
		return err
	})
	if err == nil && c.rerun && r.Verdict == compare.Suspect {
		r, err = a.rerun(ctx, r, c, o)
	}
	if err != nil {
		return err
	}
	switch {
	case a.json:
		err = a.printJSON(r)
	case r.Verdict == compare.NotComparable:
		a.printResidue(r)
	case c.format == "gobench":
		err = compare.WriteBenchmarks(a.Stdout, r)
	default:
		a.printComparison(r)
	}
	return errors.Join(err, verdictError(r, c.strict))
}

func (c comparing) options() (compare.Options, error) {
	if c.phase != string(sample.Measure) && c.phase != string(sample.Cold) {
		return compare.Options{}, fault.With(fmt.Errorf("rows of phase %q are not compared", c.phase), fault.Usage, "use --phase measure or --phase cold")
	}
	if c.format != "text" && c.format != "gobench" {
		return compare.Options{}, fault.With(fmt.Errorf("the format is %q, but must be text or gobench", c.format), fault.Usage, "--json prints one document")
	}
	measures, err := compare.ParseMeasures(c.metrics, c.margins)
	if err != nil {
		return compare.Options{}, err
	}
	kinds, err := compare.ParseKinds(c.allow)
	return compare.Options{Measures: measures, Allow: kinds}, err
}

// read compares two runs of the store.
func (c comparing) read(ctx context.Context, s store.Reader, idA, idB string, o compare.Options) (compare.Result, error) {
	runA, err := s.Run(ctx, idA)
	if err != nil {
		return compare.Result{}, err
	}
	runB, err := s.Run(ctx, idB)
	if err != nil {
		return compare.Result{}, err
	}
	if runA.ID() == runB.ID() {
		return compare.Result{}, fault.With(fmt.Errorf("run %s is given twice: a run compared with itself shows nothing", runA.ID()), fault.Usage,
			"run its spec again and compare the two runs; `chimera runs ls` lists what is there")
	}
	var sides [2]*compare.Run
	for i, r := range []store.Run{runA, runB} {
		if sides[i], err = c.collect(ctx, s, r, o); err != nil {
			return compare.Result{}, err
		}
	}
	past, err := c.history(ctx, s, runA, runB, o)
	if err != nil {
		return compare.Result{}, err
	}
	return compare.Compare(sides[0], sides[1], past, o)
}

// rerun conducts B's spec once more with twice the blocks and compares A with
// that. It is declared before anything is seen and happens once: looking again
// until a difference shows would find one anywhere.
func (a *app) rerun(ctx context.Context, suspect compare.Result, c comparing, o compare.Options) (compare.Result, error) {
	var frozen *spec.Spec
	err := a.withStore(ctx, func(s store.Store) error {
		b, err := s.Run(ctx, suspect.B.Run)
		if err == nil {
			frozen, err = spec.Decode(b.Manifest.Spec)
		}
		return err
	})
	if err != nil {
		return suspect, fmt.Errorf("run the spec of %s again: %w", suspect.B.Run, err)
	}
	for i := range frozen.Experiments {
		frozen.Experiments[i].Blocks *= 2
	}
	a.note("%s is suspect: its spec runs once more with twice the blocks", suspect.B.Run)
	again, err := a.conduct(ctx, frozen, c.runOptions)
	if err != nil {
		return suspect, err
	}
	var r compare.Result
	err = a.withStore(ctx, func(s store.Store) error {
		r, err = c.read(ctx, s, suspect.A.Run, again.Run, o)
		return err
	})
	if err == nil {
		r.Remarks = append(r.Remarks, fmt.Sprintf("run %s was suspect; run %s is its spec with twice the blocks, run once", suspect.B.Run, again.Run))
	}
	return r, err
}

// collect reads a run that is over.
func (c comparing) collect(ctx context.Context, s store.Reader, r store.Run, o compare.Options) (*compare.Run, error) {
	if !r.Status.Sealed() {
		return nil, fault.With(fmt.Errorf("run %s is not over", r.ID()), fault.Usage, "wait for it; if its process died, `chimera run --resume "+r.ID()+"` goes on with it")
	}
	sum, _ := r.Digest()
	source := compare.Source{Manifest: r.Manifest, Status: string(r.Status), Answered: r.Outcomes.OK, Digest: sum}
	rows := briefly(ctx, s, r.ID(), nil)
	if slices.ContainsFunc(o.Measures, func(m compare.Measure) bool { return fact.Query{Metric: m.Metric.ID}.Whole() }) {
		rows = s.Samples(ctx, r.ID())
	}
	run, err := compare.Collect(source, c.chosen(rows), sample.Phase(c.phase), o.Measures)
	if err != nil {
		return nil, err
	}
	return run, run.Watch(s.Readings(ctx, r.ID()))
}

// chosen are the rows of the experiments and subjects that were asked for.
func (c comparing) chosen(rows iter.Seq2[*sample.Sample, error]) iter.Seq2[*sample.Sample, error] {
	if len(c.experiments) == 0 && len(c.subjects) == 0 {
		return rows
	}
	in := func(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }
	return func(yield func(*sample.Sample, error) bool) {
		for s, err := range rows {
			if (err != nil || in(c.experiments, s.Experiment) && in(c.subjects, s.Subject)) && !yield(s, err) {
				return
			}
		}
	}
}

// history reads the older of two runs and the runs of its kind before it: what
// came later may hold the change that is looked for.
func (c comparing) history(ctx context.Context, s store.Reader, x, y store.Run, o compare.Options) ([]*compare.Run, error) {
	older, newer := x, y
	if y.Manifest.Clock.Origin.Before(x.Manifest.Clock.Origin) {
		older, newer = y, x
	}
	runs, err := s.Runs(ctx, store.Filter{Name: older.Manifest.Name, Status: store.Complete})
	if err != nil {
		return nil, err
	}
	past := []store.Run{older}
	for _, r := range runs {
		earlier := r.Manifest.Clock.Origin.Before(older.Manifest.Clock.Origin)
		if earlier && r.ID() != newer.ID() && len(past) < compare.MostHistory && compare.Kin(older.Manifest, r.Manifest) {
			past = append(past, r)
		}
	}
	if len(past) == 1 {
		return nil, nil
	}
	var all []*compare.Run
	for _, r := range past {
		run, err := c.collect(ctx, s, r, o)
		if err != nil {
			return nil, err
		}
		all = append(all, run)
	}
	return all, nil
}

// verdictError is the verdict as an exit code with what to do next.
func verdictError(r compare.Result, strict bool) error {
	code := r.Verdict.Code(strict)
	if code == fault.OK {
		return nil
	}
	var named []string
	needed := 0
	for _, c := range r.Metrics {
		if c.Verdict == r.Verdict {
			named = append(named, c.Measure()+" of "+c.Scope.String())
			needed = max(needed, c.Needed.Or(0))
		}
	}
	if n := len(named) - 3; n > 0 {
		named = append(named[:3], fmt.Sprintf("%d more", n))
	}
	where := strings.Join(named, ", ")
	switch r.Verdict {
	case compare.Regression:
		return fault.With(fmt.Errorf("regression: %s", where), code, "`chimera runs show` prints each run; a change that is wanted needs a new baseline")
	case compare.NotComparable:
		return fault.With(errors.New("not comparable: the two runs differ in more than was asked about"), code, allowHint(r))
	}
	return fault.With(fmt.Errorf("%s: %s", strings.ToLower(string(r.Verdict)), where), code, moreHint(r.Verdict, needed))
}

// tooMany is the number of blocks that nobody runs.
const tooMany = 200

// moreHint says how an open question can be closed. Running again until a
// difference shows would find one anywhere, so the next run is the last.
func moreHint(v compare.Verdict, needed int) string {
	switch {
	case needed > tooMany:
		return fmt.Sprintf("with this spread it takes about %d blocks a run: find a quieter machine, or widen --margin", needed)
	case v == compare.Suspect:
		return fmt.Sprintf("run both once again with %d blocks, or B with --rerun, and decide by that", needed)
	}
	return fmt.Sprintf("%d blocks a run would decide: raise `blocks` (--blocks of bench), or widen --margin", needed)
}

// allowHint says how to go on with runs that differ.
func allowHint(r compare.Result) string {
	var kinds []string
	for _, d := range r.Residue {
		if !d.Allowed && slices.Contains(compare.Kinds, d.What) && !slices.Contains(kinds, string(d.What)) {
			kinds = append(kinds, string(d.What))
		}
	}
	switch {
	case len(kinds) == 0:
		return "`chimera runs show` prints what each run holds"
	case slices.Equal(kinds, []string{string(compare.Environment)}):
		return "run again on a quiet machine, or take the risk: --allow environment"
	}
	return "if this is what you mean to compare: --allow " + strings.Join(kinds, ",")
}
