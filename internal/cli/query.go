package cli

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/importer"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/store"

	"github.com/spf13/cobra"
)

// question is what the user asks of stored rows: a metric of samples, or a
// series of readings.
type question struct {
	name, aggregate, where, phase string
	by, runs, imports, ledgers    []string
	byGiven, phaseGiven           bool
}

func (a *app) queryCmd() *cobra.Command {
	var q question
	cmd := &cobra.Command{
		Use: "query METRIC", Short: "Ask stored rows for one metric, with n, interval and evidence", Args: cobra.ExactArgs(1),
		Long: `Ask the rows of one or more runs or imports for one metric, or for one series of readings,
aggregated one way, for each scope. The answer is facts: value, unit, n of planned rows, 95 %
interval, method, caveats, and the rows behind it. Rows of different phases never enter one fact.`,
		Example: "  chimera query decode_rate --run 7f3a --by subject\n  chimera query ttft --agg p95 --run 7f3a --by subject,config.num_ctx --where 'workload=banter'\n  chimera query ttft --phase cold --run 7f3a --json\n  chimera query quality_contract --run 7f3a --by subject,prompt\n  chimera query mean_time --import c4b3 --where kind=backend --by model,device,backend",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.name = args[0]
			q.byGiven, q.phaseGiven = cmd.Flags().Changed("by"), cmd.Flags().Changed("phase")
			facts, by, err := a.ask(cmd.Context(), q)
			if err != nil {
				return err
			}
			return a.printFacts(q, by, facts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.aggregate, "agg", "", "by default median, of scores of text mean or ratio_of_sums; or "+strings.Join(fact.Aggregates(), ", "))
	f.StringSliceVar(&q.by, "by", []string{"subject"}, "fields that make a scope: run, experiment, subject, target, workload, prompt, block, config, config.NAME; of readings any label, run, kind")
	f.StringVar(&q.where, "where", "", "only rows for which all hold: subject=270m,config.num_ctx<=2048")
	f.StringVar(&q.phase, "phase", "measure", "measure, cold or warmup (of readings: only where given)")
	f.StringSliceVar(&q.runs, "run", nil, "run to ask (may be given several times)")
	f.StringSliceVar(&q.imports, "import", nil, "import to ask (may be given several times)")
	f.StringSliceVar(&q.ledgers, "ledger", nil, "ledger.json to ask, alone or beside runs and imports")
	return cmd
}

// ask answers a question, with the fields that made its scopes.
func (a *app) ask(ctx context.Context, q question) ([]fact.Fact, []string, error) {
	if len(q.runs)+len(q.imports)+len(q.ledgers) == 0 {
		return nil, nil, fault.With(fmt.Errorf("no run given"), fault.Usage, "name it with --run or --import, or a file with --ledger; `chimera runs ls` lists them")
	}
	phase := sample.Phase(q.phase)
	if phase != sample.Measure && phase != sample.Cold && phase != sample.Warmup {
		return nil, nil, fault.With(fmt.Errorf("unknown phase %q", q.phase), fault.Usage, "use --phase measure, cold or warmup")
	}
	def, unknown := metric.Lookup(q.name)
	if def.Basis == metric.Stored {
		unknown = fault.Hint(fault.New(fault.Usage, "these rows have no readings of %s", q.name), "`chimera quality RUN --reference MODEL.gguf` makes them, in a run of their own")
	}
	if len(q.ledgers) > 0 {
		return a.askLedger(ctx, q, phase, unknown)
	}
	var facts []fact.Fact
	by := q.by
	err := a.withStore(ctx, func(s store.Store) error {
		runs, err := q.resolve(ctx, s)
		if err != nil {
			return err
		}
		if unknown == nil {
			facts, err = q.samples(ctx, s, runs, phase)
			return err
		}
		facts, by, err = q.readings(ctx, s, runs, unknown)
		return err
	})
	return facts, by, err
}

// resolve finds the runs and imports by their ids or prefixes.
func (q question) resolve(ctx context.Context, s store.Store) ([]store.Run, error) {
	var all []store.Run
	for _, id := range append(slices.Clone(q.runs), q.imports...) {
		r, err := s.Run(ctx, id)
		if err != nil {
			return nil, err
		}
		if len(all) >= len(q.runs) && !importer.IsImport(r.Manifest) {
			return nil, fault.With(fmt.Errorf("%s is a run that chimera measured, no import", r.ID()), fault.Usage, "ask it with --run")
		}
		if !slices.ContainsFunc(all, func(o store.Run) bool { return o.ID() == r.ID() }) {
			all = append(all, r)
		}
	}
	return all, nil
}

func (q question) samples(ctx context.Context, s store.Reader, runs []store.Run, phase sample.Phase) ([]fact.Fact, error) {
	where, err := fact.ParseWhere(q.where)
	if err != nil {
		return nil, err
	}
	ask := fact.Query{Metric: q.name, Aggregate: q.aggregate, Phase: phase, Where: where, By: q.by}
	if !ask.Whole() {
		return ask.Columns(columns(ctx, s, runs))
	}
	var rows []*sample.Sample
	for _, r := range runs {
		part, err := withTexts(&r.Manifest, s.Samples(ctx, r.ID()))
		if err != nil {
			return nil, err
		}
		rows = append(rows, part...)
	}
	return ask.Run(rows)
}

// columns yields the rows of runs, in the order of the runs' ids.
func columns(ctx context.Context, s store.Reader, runs []store.Run) iter.Seq2[*sample.Columns, error] {
	runs = slices.SortedFunc(slices.Values(runs), func(a, b store.Run) int { return strings.Compare(a.ID(), b.ID()) })
	return func(yield func(*sample.Columns, error) bool) {
		for _, r := range runs {
			for part, err := range s.Columns(ctx, r.ID()) {
				if !yield(part, err) {
					return
				}
			}
		}
	}
}

// readings answers a question about a series. Where no reading is of that name,
// the question was about a metric, and unknown says what is wrong with it.
func (q question) readings(ctx context.Context, s store.Reader, runs []store.Run, unknown error) ([]fact.Fact, []string, error) {
	asked, err := q.ofReadings()
	if err != nil {
		return nil, nil, err
	}
	var rows []*sample.Reading
	series := map[string]bool{}
	for _, r := range runs {
		for reading, err := range s.Readings(ctx, r.ID()) {
			if err != nil {
				return nil, nil, err
			}
			series[reading.Series] = true
			if reading.Series == q.name {
				rows = append(rows, reading)
			}
		}
	}
	if !series[q.name] {
		return nil, nil, noSeries(unknown, q.name, slices.Sorted(maps.Keys(series)))
	}
	facts, err := asked.Run(rows)
	return facts, splitBy(asked.By, facts), err
}

// ofReadings is the question about a series of readings.
func (q question) ofReadings() (fact.ReadingQuery, error) {
	where, err := fact.ParseLabels(q.where)
	asked := fact.ReadingQuery{Series: q.name, Aggregate: cmp.Or(q.aggregate, "median"), Where: where}
	if q.byGiven {
		asked.By = q.by
	}
	if q.phaseGiven {
		asked.Where = append(asked.Where, fact.Condition{Field: fact.LabelPhase, Op: "=", Value: q.phase})
	}
	return asked, err
}

// splitBy adds the phase to the fields of a table where it made scopes.
func splitBy(by []string, facts []fact.Fact) []string {
	for _, f := range facts {
		if _, split := f.Scope[fact.LabelPhase]; split && !slices.Contains(by, fact.LabelPhase) {
			by = append(slices.Clone(by), fact.LabelPhase)
		}
	}
	return by
}

// askLedger answers from ledger files, and from runs beside them.
func (a *app) askLedger(ctx context.Context, q question, phase sample.Phase, unknown error) ([]fact.Fact, []string, error) {
	l, err := a.ledger(ctx, slices.Concat(q.runs, q.imports, q.ledgers))
	if err != nil {
		return nil, nil, err
	}
	where, err := fact.ParseLabels(q.where)
	if err != nil {
		return nil, nil, err
	}
	asked := fact.Query{Metric: q.name, Aggregate: q.aggregate, Phase: phase, Where: where, By: q.by}
	if len(l.Rows) == 0 {
		facts := asked.Among(l.Cited)
		if len(facts) == 0 {
			err = fault.With(fmt.Errorf("the ledger has no rows, and no fact that is the %s of %s by %s", q.aggregate, q.name, strings.Join(q.by, ", ")), fault.Usage, "ask the run itself with --run")
		}
		return facts, q.by, err
	}
	if unknown == nil {
		facts, err := l.Query(asked)
		return facts, q.by, err
	}
	var have []string
	for _, s := range l.Metrics() {
		have = append(have, s.Name)
	}
	if !slices.Contains(have, q.name) {
		return nil, nil, noSeries(unknown, q.name, have)
	}
	readings, err := q.ofReadings()
	if err != nil {
		return nil, nil, err
	}
	facts, err := l.Readings(readings)
	return facts, splitBy(readings.By, facts), err
}

// noSeries says what the rows have instead of a name that nothing has.
func noSeries(unknown error, name string, have []string) error {
	if _, err := metric.Lookup(name); len(have) == 0 || err == nil {
		return unknown
	}
	near := slices.DeleteFunc(slices.Clone(have), func(s string) bool {
		return !strings.Contains(s, name) && !strings.Contains(name, s)
	})
	if len(near) == 0 {
		near = have
	}
	if len(near) > 12 {
		near = append(near[:12:12], fmt.Sprintf("and %d more", len(near)-12))
	}
	return fault.With(fmt.Errorf("%w; and no reading here is named so", unknown), fault.Usage,
		"`chimera metrics` lists metrics; these rows have readings of "+strings.Join(near, ", "))
}

func (a *app) printFacts(q question, by []string, facts []fact.Fact) error {
	if a.json {
		return a.printJSON(map[string]any{"facts": facts})
	}
	if len(facts) == 0 {
		fmt.Fprintf(a.Stdout, "no rows of phase %s fit\n", q.phase)
		return nil
	}
	scale := columnScale(facts)
	head := facts[0].Aggregate + " " + q.name
	if scale.Symbol != "" {
		head += ", " + scale.Symbol
	}
	heads := append(append([]string{"fact"}, by...), ">"+head, ">n", ">planned")
	t := newTable(heads...)
	for _, f := range facts {
		line := []string{f.ID}
		for _, field := range by {
			line = append(line, f.Scope[field])
		}
		t.row(append(line, factCell(f, scale), fmt.Sprint(f.N), fmt.Sprint(f.Planned))...)
	}
	t.write(a.Stdout, "", a.style())
	said := map[string]bool{}
	for _, f := range facts {
		for _, c := range append(f.Caveats, f.Reason) {
			if c != "" && !said[c] {
				said[c] = true
				paragraph(a.Stdout, f.ID+"  ", c)
			}
		}
	}
	return nil
}
