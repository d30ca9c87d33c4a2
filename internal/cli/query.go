package cli

import (
	"fmt"
	"strings"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/store"

	"github.com/spf13/cobra"
)

func (a *app) queryCmd() *cobra.Command {
	var q fact.Query
	var phase, where string
	var runs []string
	cmd := &cobra.Command{
		Use: "query METRIC --run RUN", Short: "Ask stored rows for one metric, with n, interval and evidence", Args: cobra.ExactArgs(1),
		Long: `Ask the rows of one or more runs for one metric, aggregated one way, for each scope.
The answer is facts: value, unit, n of planned rows, 95 % interval, method, caveats,
and the rows behind it. Rows of different phases never enter one fact.`,
		Example: "  chimera query decode_rate --run 7f3a --by subject\n  chimera query ttft --agg p95 --run 7f3a --by subject,config.num_ctx --where 'workload=banter'\n  chimera query ttft --phase cold --run 7f3a --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Metric, q.Phase = args[0], sample.Phase(phase)
			if len(runs) == 0 {
				return fault.With(fmt.Errorf("no run given"), fault.Usage, "name it with --run; `chimera runs ls` lists them")
			}
			if q.Phase != sample.Measure && q.Phase != sample.Cold && q.Phase != sample.Warmup {
				return fault.With(fmt.Errorf("unknown phase %q", phase), fault.Usage, "use --phase measure, cold or warmup")
			}
			var err error
			if q.Where, err = fact.ParseWhere(where); err != nil {
				return err
			}
			var rows []*sample.Sample
			err = a.withStore(cmd.Context(), func(s store.Store) error {
				for _, id := range runs {
					r, err := s.Run(cmd.Context(), id)
					if err != nil {
						return err
					}
					part, err := usable(s.Samples(cmd.Context(), r.ID()))
					if err != nil {
						return err
					}
					rows = append(rows, part...)
				}
				return nil
			})
			if err != nil {
				return err
			}
			facts, err := q.Run(rows)
			if err != nil {
				return err
			}
			return a.printFacts(q, facts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Aggregate, "agg", "median", strings.Join(fact.Aggregates(), ", "))
	f.StringSliceVar(&q.By, "by", []string{"subject"}, "fields that make a scope: run, experiment, subject, target, workload, prompt, block, config, config.NAME")
	f.StringVar(&where, "where", "", "only rows for which all hold: subject=270m,config.num_ctx<=2048")
	f.StringVar(&phase, "phase", "measure", "measure, cold or warmup")
	f.StringSliceVar(&runs, "run", nil, "run to ask (may be given several times)")
	return cmd
}

func (a *app) printFacts(q fact.Query, facts []fact.Fact) error {
	if a.json {
		return a.printJSON(map[string]any{"facts": facts})
	}
	if len(facts) == 0 {
		fmt.Fprintf(a.Stdout, "no rows of phase %s fit\n", q.Phase)
		return nil
	}
	scale := columnScale(facts)
	heads := append(append([]string{"fact"}, q.By...), ">"+q.Aggregate+" "+q.Metric+", "+scale.Symbol, ">n", ">planned")
	t := newTable(heads...)
	for _, f := range facts {
		line := []string{f.ID}
		for _, field := range q.By {
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
