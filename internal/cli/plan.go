package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"chimera/internal/spec"

	"github.com/spf13/cobra"
)

func (a *app) planCmd() *cobra.Command {
	var probe bool
	var show int
	cmd := &cobra.Command{
		Use: "plan SPEC", Short: "Print what a spec would run, without running it", Args: cobra.ExactArgs(1),
		Long: `Print the trials of a spec in the order in which they would run, what they would
cost, and which requested configurations are known to be one. Nothing is sent,
unless --probe asks the targets to describe their models.`,
		Example: "  chimera plan sweep.yaml\n  chimera plan sweep.yaml --probe --trials 0\n  chimera plan sweep.yaml --json | jq '.plan.trials | length'",
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.readSpec(args[0])
			if err != nil {
				return err
			}
			plan, err := a.expand(cmd.Context(), s, "", probe)
			if err != nil {
				return err
			}
			est := s.Estimate(plan, catalogue(), guess(s))
			if a.json {
				return a.printJSON(map[string]any{"plan": plan, "estimate": map[string]any{
					"requests": est.Requests, "plots": est.Plots, "loads": est.Loads, "seconds": est.Took.Seconds(), "basis": guessBasis}})
			}
			a.printPlan(s, plan, est, show)
			return nil
		},
	}
	cmd.Flags().BoolVar(&probe, "probe", false, "ask the targets about their models, to find aliases before the run")
	cmd.Flags().IntVar(&show, "trials", 20, "print the first so many trials (0 = none, -1 = all)")
	return cmd
}

// expand lays the spec out. With probe it asks each target about its models
// first, so that aliases are known. run is the run it is for, "" for none.
func (a *app) expand(ctx context.Context, s *spec.Spec, run string, probe bool) (*spec.Plan, error) {
	env := spec.Env{Catalogue: catalogue(), Run: run}
	if probe {
		targets, err := a.openTargets(s)
		if err != nil {
			return nil, err
		}
		defer targets.close()
		if env.Effective, err = targets.effective(ctx, s); err != nil {
			return nil, err
		}
	}
	return spec.Expand(s, env)
}

const guessBasis = "guessed: 40 token/s, 0.1 s to the first token, 1 s a load; a first run knows better"

// guess is what requests cost where nothing was measured yet.
func guess(s *spec.Spec) spec.Costs {
	budget := map[string]int{}
	for _, w := range s.Workloads {
		budget[w.ID] = w.MaxTokens
	}
	return spec.Costs{
		Request: func(t spec.Trial) time.Duration {
			return 100*time.Millisecond + time.Duration(budget[t.Workload])*25*time.Millisecond
		},
		Load: func(spec.Trial) time.Duration { return time.Second },
	}
}

func (a *app) printPlan(s *spec.Spec, p *spec.Plan, est spec.Estimate, show int) {
	paragraph(a.Stdout, "", fmt.Sprintf("%s · seed %d · cache %s", p.Name, p.Seed, s.Design.Cache))
	fmt.Fprintln(a.Stdout)
	t := newTable("experiment", "kind", ">blocks", ">plots", ">cold", ">warm-up", ">measure")
	for _, e := range s.Experiments {
		plots, count := map[int]bool{}, map[spec.Phase]int{}
		for _, tr := range p.Trials {
			if tr.Experiment == e.ID {
				plots[tr.Plot] = true
				count[tr.Phase]++
			}
		}
		t.row(e.ID, string(e.Kind), fmt.Sprint(e.Blocks), fmt.Sprint(len(plots)),
			fmt.Sprint(count[spec.Cold]), fmt.Sprint(count[spec.Warmup]), fmt.Sprint(count[spec.Measure]))
	}
	t.write(a.Stdout, "  ", a.style())
	fmt.Fprintf(a.Stdout, "\n  %d requests, %d loads, about %s\n  %s\n", len(p.Trials), est.Loads, roundTime(est.Took), guessBasis)
	for _, al := range p.Aliases {
		paragraph(a.Stdout, "  alias  ", fmt.Sprintf("%s: %s", al.Subject, configList(al.Requested)))
	}
	if show == 0 || len(p.Trials) == 0 {
		return
	}
	if show < 0 || show > len(p.Trials) {
		show = len(p.Trials)
	}
	fmt.Fprintln(a.Stdout)
	rows := newTable(">order", "trial", "phase", ">plot", "subject", "prompt", "configuration")
	for _, tr := range p.Trials[:show] {
		rows.row(fmt.Sprint(tr.Order), tr.ID, string(tr.Phase), fmt.Sprint(tr.Plot), tr.Subject, tr.Prompt, configText(tr.Config))
	}
	rows.write(a.Stdout, "  ", a.style())
	if left := len(p.Trials) - show; left > 0 {
		fmt.Fprintf(a.Stdout, "  … %d more (--trials -1 prints all)\n", left)
	}
}

// configText prints a configuration with its keys in order.
func configText(config map[string]any) string {
	if len(config) == 0 {
		return "defaults"
	}
	parts := make([]string, 0, len(config))
	for _, k := range slices.Sorted(maps.Keys(config)) {
		parts = append(parts, fmt.Sprintf("%s=%v", k, config[k]))
	}
	return strings.Join(parts, " ")
}

// configList prints configurations in the order of their texts, the first few.
func configList(configs []map[string]any) string {
	parts := make([]string, 0, len(configs))
	for _, c := range configs {
		parts = append(parts, "("+configText(c)+")")
	}
	slices.Sort(parts)
	const most = 3
	if left := len(parts) - most; left > 0 {
		parts = append(parts[:most], fmt.Sprintf("%d more", left))
	}
	return strings.Join(parts, " = ")
}

// roundTime prints a duration as people say it.
func roundTime(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
