package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chimera/internal/agent"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/spec"
	"chimera/internal/target"

	"github.com/spf13/cobra"
)

func (a *app) agentCompareCmd() *cobra.Command {
	g := agentFlags{personas: make([]string, 1)}
	cmd := &cobra.Command{
		Use: "compare [FOLDER] --set NAME=VALUE…", Short: "Compare the baseline agent with the tuned one", Args: cobra.MaximumNArgs(1),
		Long: `Compare the baseline agent, which has the runtime's defaults, with the tuned one, which has the
options of --set. In every run both do equal work, the same prompts with answers of the same
length, in an order that is drawn from --seed; then each writes its report. Where a runtime
cannot be held to a length, what the answers differ in is told and rates are compared.`,
		Example: "  chimera agent compare out/ --model gemma3-270m.gguf --set threads=1 --runs 6\n  chimera agent compare out/ --url http://127.0.0.1:11434 --model gemma3:270m --set num_ctx=1024",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := g.checkContest(cmd.Context(), args); err != nil {
				return err
			}
			tuned, err := g.e.values()
			if err != nil {
				return err
			}
			if len(tuned) == 0 {
				return fault.With(errors.New("the tuned agent has no option of its own"), fault.Usage, "set one, for example --set num_ctx=4096")
			}
			p, err := a.persona(g.personas[0])
			if err != nil {
				return err
			}
			return a.contest(cmd.Context(), g, args, "agent compare", "Is the tuned agent faster than the baseline agent?", func(ctx context.Context, b *agentBench, c agent.Contest) ([]*agent.Written, error) {
				subject := b.spec.Subjects[0].ID
				c.Rivals = []agent.Rival{{Role: "baseline", Agent: agent.Agent{Persona: p, Subject: subject}}, {Role: "tuned", Agent: agent.Agent{Persona: p, Subject: subject, Settings: tuned}}}
				return c.Compare(ctx)
			})
		},
	}
	cmd.Flags().StringVar(&g.personas[0], "persona", agent.Insight, strings.Join(agent.Personas(), ", ")+", or a file that ends in .yaml")
	g.flags(cmd)
	g.contestFlags(cmd)
	return cmd
}

// contestFlags are what the commands of several agents share.
func (g *agentFlags) contestFlags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&g.equal, "equal-tokens", 64, "length of each answer that is compared")
	cmd.Flags().Lookup("runs").DefValue = "4"
	g.runs = 4
}

func (g *agentFlags) checkContest(ctx context.Context, args []string) error {
	if g.e.model == noModel {
		return fault.With(errors.New("agents cannot be compared without a model"), fault.Usage, "name one with --model")
	}
	if g.equal < 2 {
		return fault.With(fmt.Errorf("--equal-tokens is %d, but must be at least 2", g.equal), fault.Usage, "")
	}
	return g.check(ctx, args)
}

// contest opens a session, lets agents compete in it, and publishes what came
// of it.
func (a *app) contest(ctx context.Context, g agentFlags, args []string, name, question string, compete func(context.Context, *agentBench, agent.Contest) ([]*agent.Written, error)) error {
	live, send, stop := a.drainable(ctx)
	defer stop()
	b, err := a.openAgents(live, send, g, name, question)
	if err != nil {
		return err
	}
	defer func() { b.close() }()
	m, err := a.material(live, args, g.against, b.Now)
	if err != nil {
		_, sealed := b.Seal(err)
		return errors.Join(err, ignoreInvalid(sealed))
	}
	c := agent.Contest{Material: m, Model: b, Runs: g.runs, Tokens: g.equal, Seed: g.seed, Options: agent.Options{Budget: g.budget, Notify: a.agentEvents()}}
	c.Options.Freedom = freedom(live, g, b)
	all, worked := compete(live, b, c)
	result, sealed := b.Seal(worked)
	if len(all) == 0 {
		return errors.Join(worked, sealed)
	}
	own, err := a.analyze(live, []string{result.Run}, nil)
	if err != nil {
		own = nil // no call was answered: the seal says so
	}
	out, err := a.publish(live, b, m, all, result, g, own)
	if err != nil {
		return errors.Join(worked, err)
	}
	if own != nil && !a.json {
		a.printWork(own)
	}
	return errors.Join(worked, sealed, a.printAgents(out))
}

// ignoreInvalid leaves out that a session that never began has no answers.
func ignoreInvalid(err error) error {
	if fault.CodeOf(err) == fault.Invalid {
		return nil
	}
	return err
}

// printWork says what the agents' own calls show.
func (a *app) printWork(own *finding.Analysis) {
	for _, kind := range []finding.Kind{finding.Agents, finding.Concurrency, finding.Contention, "scaling"} {
		for _, f := range own.Of(kind) {
			paragraph(a.Stdout, "  "+string(f.Verdict)+"  ", f.Sentence.Print(own.Fact))
		}
	}
	fmt.Fprintln(a.Stdout)
}

// pairFlags are what a pair of agents is told beside.
type pairFlags struct {
	scenario   string
	setA, setB []string
	arms       []string
	levels     []int
	manage     management
}

// scenarios say how the settings of two agents differ.
var scenarios = []string{"baseline-vs-tuned", "heterogeneous", "homogeneous"}

// pairArms are the ways to let two agents work at once.
var pairArms = []string{"serial", "parallel", "two-servers"}

func (a *app) agentPairCmd() *cobra.Command {
	g := agentFlags{personas: make([]string, 2)}
	var p pairFlags
	cmd := &cobra.Command{
		Use: "pair [FOLDER]", Short: "Let two agents work alone and at once, and see what they gain", Args: cobra.MaximumNArgs(1),
		Long: `Let two agents, a collector and an insight agent, do equal work alone and at once, in blocks
whose order is drawn; the first one begins with each alone. Then the collector writes, and the
insight agent reads what it wrote and writes. Reported are speedup at equal tokens, slowdown of
each agent, fairness, overlap under its own name, and contention with what is seen beside it.

Arms: serial (one server that answers one request at a time), parallel (one server that answers
several), two-servers. --manage starts the servers that they need. The embedded engine needs
none: it answers at once (parallel), or as two engines (two-servers).
Scenarios: baseline-vs-tuned (--set is the second agent's), heterogeneous (--set-a and --set-b),
homogeneous (--set is both agents').`,
		Example: "  chimera agent pair results/ --model gemma3-270m.gguf --scenario homogeneous --runs 6\n  chimera agent pair results/ --manage ollama --model gemma3:270m --arms serial,parallel,two-servers\n  chimera agent pair results/ --model gemma3-270m.gguf --levels 1,2,3,4,6,8",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.check(&g, cmd.Flags().Changed("arms")); err != nil {
				return err
			}
			if err := g.checkContest(cmd.Context(), args); err != nil {
				return err
			}
			g.managed = targetKinds[p.manage.kind]
			rivals, err := a.rivals(g, p)
			if err != nil {
				return err
			}
			return a.contest(cmd.Context(), g, args, "agent pair", "Do two agents at once get more done than one after the other?", func(ctx context.Context, b *agentBench, c agent.Contest) ([]*agent.Written, error) {
				arms, err := a.openArms(ctx, b, g, p)
				if err != nil {
					return nil, err
				}
				c.Rivals, c.Options.Freedom = rivals, freedom(ctx, g, b)
				return c.Pair(ctx, agent.PairPlan{Scenario: p.scenario, Arms: arms, Levels: p.levels})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&g.personas[0], "persona-a", agent.Collector, "persona of the first agent")
	f.StringVar(&g.personas[1], "persona-b", agent.Insight, "persona of the second agent, which reads what the first one wrote")
	f.StringVar(&p.scenario, "scenario", "homogeneous", strings.Join(scenarios, ", "))
	f.StringArrayVar(&p.setA, "set-a", nil, "heterogeneous: an option of the first agent, NAME=VALUE")
	f.StringArrayVar(&p.setB, "set-b", nil, "heterogeneous: an option of the second agent, NAME=VALUE")
	f.StringSliceVar(&p.arms, "arms", nil, "serial, parallel, two-servers (default: what the runtime can)")
	f.IntSliceVar(&p.levels, "levels", nil, "streams at once for a law of scaling, such as 1,2,3,4,6,8")
	g.flags(cmd)
	g.contestFlags(cmd)
	p.manage.flags(cmd)
	return cmd
}

// check refuses what cannot be meant, and fills in the arms that a runtime has.
func (p *pairFlags) check(g *agentFlags, chosen bool) error {
	if err := p.manage.check(g.e.url); err != nil {
		return err
	}
	if !slices.Contains(scenarios, p.scenario) {
		return fault.With(fmt.Errorf("--scenario is %q, but must be one of %s", p.scenario, strings.Join(scenarios, ", ")), fault.Usage, "")
	}
	switch own := len(p.setA)+len(p.setB) > 0; {
	case own != (p.scenario == "heterogeneous"):
		return fault.With(errors.New("--set-a and --set-b are for heterogeneous agents, and only for those"), fault.Usage, "--scenario heterogeneous --set-a threads=1 --set-b threads=2")
	case p.scenario == "baseline-vs-tuned" && len(g.sets) == 0:
		return fault.With(errors.New("the tuned agent has no option of its own"), fault.Usage, "set one, for example --set num_ctx=4096")
	}
	can := []string{"parallel"} // one server as it was found
	switch {
	case p.manage.on():
		can = pairArms
	case g.e.url == "":
		can = []string{"parallel", "two-servers"}
	}
	if !chosen {
		p.arms = can
	}
	for i, arm := range p.arms {
		if !slices.Contains(can, arm) || slices.Contains(p.arms[:i], arm) {
			return fault.With(fmt.Errorf("--arms %q: here are possible %s, each once", arm, strings.Join(can, ", ")), fault.Usage, "--manage ollama or llama-server starts the servers of all arms")
		}
	}
	for _, n := range p.levels {
		if n < 1 || n > 64 {
			return fault.With(fmt.Errorf("--levels %d, but must be from 1 to 64", n), fault.Usage, "")
		}
	}
	return nil
}

// rivals are the two agents of a scenario.
func (a *app) rivals(g agentFlags, p pairFlags) ([]agent.Rival, error) {
	set := func(options []string) (map[string]any, error) {
		e := endpoint{options: options}
		return e.values()
	}
	one, two := g.sets, g.sets
	switch p.scenario {
	case "baseline-vs-tuned":
		one = nil
	case "heterogeneous":
		one, two = p.setA, p.setB
	}
	var out []agent.Rival
	for i, options := range [][]string{one, two} {
		settings, err := set(options)
		if err != nil {
			return nil, err
		}
		persona, err := a.persona(g.personas[i])
		if err != nil {
			return nil, err
		}
		out = append(out, agent.Rival{Role: []string{"collector", "insight"}[i], Agent: agent.Agent{Persona: persona, Settings: settings}})
	}
	return out, nil
}

// openArms makes the servers of every arm, and joins their models to the session.
func (a *app) openArms(ctx context.Context, b *agentBench, g agentFlags, p pairFlags) ([]agent.ArmPlan, error) {
	var arms []agent.ArmPlan
	for _, name := range p.arms {
		servers := 1
		if name == "two-servers" {
			servers = 2
		}
		var subjects []string
		for i := range servers {
			id, err := a.seat(ctx, b, g, p, name, i)
			if err != nil {
				return nil, err
			}
			subjects = append(subjects, id)
		}
		arms = append(arms, agent.ArmPlan{Name: name, Subjects: []string{subjects[0], subjects[len(subjects)-1]}})
	}
	return arms, nil
}

// seat is the subject of one server of an arm: the session's own where it will
// do, else one that joins.
func (a *app) seat(ctx context.Context, b *agentBench, g agentFlags, p pairFlags, arm string, n int) (string, error) {
	if !p.manage.on() && n == 0 {
		return b.spec.Subjects[0].ID, nil
	}
	id := fmt.Sprintf("%s-%d", arm, n+1)
	sub := spec.Subject{ID: subjectID(g.e.model) + "-" + id, Target: id, Model: g.e.model, Raw: g.e.raw}
	var open target.Target
	at := spec.Target{ID: id, Kind: "native"}
	if p.manage.on() {
		parallel := 1
		if arm == "parallel" {
			parallel = 2
		}
		if len(p.levels) > 0 && arm == "parallel" {
			parallel = max(parallel, slices.Max(p.levels))
		}
		server, err := a.startServer(ctx, p.manage, need{id: id, model: g.e.model, api: g.e.api, parallel: parallel}, b.ID())
		if err != nil {
			return "", err
		}
		open, at = server, server.spec
	} else {
		var err error
		if open, err = a.openTarget(at); err != nil {
			return "", err
		}
	}
	b.keep(open)
	return sub.ID, b.Join(ctx, sub, at, open, false)
}

// keep closes a target with the bench.
func (b *agentBench) keep(t target.Target) {
	if b.target == nil {
		b.target = t
	}
	before := b.close
	b.close = func() { _ = t.Close(); before() }
}
