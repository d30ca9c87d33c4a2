package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"chimera/internal/agent"
	"chimera/internal/fault"
	"chimera/internal/importer"
	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"

	"github.com/spf13/cobra"
)

func (a *app) agentCmd() *cobra.Command {
	c := group("agent", "Let a model report on measurements, with facts only", a.agentRunCmd(), a.agentCompareCmd(), a.agentPairCmd(), a.agentPersonasCmd())
	c.Long = `Let a language model write about a folder of measurements or about stored runs. Files become
rows first; the model sees a table of facts, never a file, and writes sentences whose numbers
are slots. What does not hold is dropped and listed, and the report is audited before it is
published. Every call is a stored row with its prompt and answer.`
	c.Example = "  chimera agent run results/ --model gemma3-270m.gguf\n  chimera agent run results/ --model none\n  chimera agent personas"
	return c
}

// agentFlags are what the commands of agents share.
type agentFlags struct {
	e        endpoint
	against  []string
	personas []string
	sets     []string
	runs     int
	equal    int    // tokens of each answer that is compared
	managed  string // kind of the targets that join later; "" if the endpoint is there from the start
	seed     int64
	folder   string
	formats  []string
	freedom  string
	budget   agent.Budget
	timeout  time.Duration
}

func (g *agentFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&g.e.url, "url", "", "base URL of the server; without it the embedded engine")
	f.StringVar(&g.e.model, "model", "", "the server's name of the model, a GGUF file for the embedded engine, or none")
	f.StringVar(&g.e.kind, "kind", "", "ollama, openai, llamaserver, native or fake (default: asked of the server)")
	f.StringVar(&g.e.api, "api", "", "chat or completion (default: the kind's own)")
	f.StringVar(&g.e.keyEnv, "key-env", "", "environment variable that holds the API key")
	f.BoolVar(&g.e.raw, "raw", false, "send prompts without the model's chat template, where the server has a choice")
	f.StringSliceVar(&g.against, "against", nil, "report on a stored run or import, in place of or beside a folder (may be given several times)")
	f.StringArrayVar(&g.sets, "set", nil, "override an option of the runtime: NAME=VALUE, such as num_ctx=4096 or temperature=0.2")
	f.IntVar(&g.runs, "runs", 1, "how often each agent works")
	f.Int64Var(&g.seed, "seed", 1, "of order and samplers")
	f.StringVarP(&g.folder, "output", "o", "chimera-agent", "folder to write the report to")
	f.StringSliceVar(&g.formats, "format", []string{"md", "html", "json"}, "md, html, json")
	f.StringVar(&g.freedom, "words", "auto", "wording: the model writes words and slots; choosing: it chooses whole sentences; auto: by its size")
	f.IntVar(&g.budget.Tokens, "max-tokens", 512, "output budget of one call")
	f.IntVar(&g.budget.Calls, "max-calls", 16, "calls of one agent in one run")
	f.IntVar(&g.budget.Tools, "max-tools", 6, "calls of tools of one agent in one run")
	f.IntVar(&g.budget.Table, "table", 5000, "characters of the table of facts in a prompt: three of them are about a token, and\nthe model's context must hold them")
	f.DurationVar(&g.budget.Wall, "wall", 10*time.Minute, "longest time of one agent in one run")
	f.DurationVar(&g.timeout, "timeout", 5*time.Minute, "longest time of one call")
}

// noModel is the model that is none: the planner writes.
const noModel = "none"

// check refuses flags that cannot be meant.
func (g *agentFlags) check(ctx context.Context, args []string) error {
	for _, b := range []struct {
		name     string
		v, least int
	}{{"runs", g.runs, 1}, {"max-tokens", g.budget.Tokens, 16}, {"max-calls", g.budget.Calls, 1}, {"max-tools", g.budget.Tools, 1}, {"table", g.budget.Table, 500}} {
		if b.v < b.least {
			return fault.With(fmt.Errorf("--%s is %d, but must be at least %d", b.name, b.v, b.least), fault.Usage, "")
		}
	}
	if g.budget.Wall < time.Second || g.timeout < time.Second {
		return fault.With(errors.New("--wall and --timeout must be at least 1s"), fault.Usage, "")
	}
	switch g.freedom {
	case "auto", "wording", "choosing":
	default:
		return fault.With(fmt.Errorf("--words is %q, but must be auto, wording or choosing", g.freedom), fault.Usage, "")
	}
	for _, f := range g.formats {
		if f != "md" && f != "html" && f != "json" {
			return fault.With(fmt.Errorf("--format is %q, but must be md, html or json", f), fault.Usage, "")
		}
	}
	if len(args)+len(g.against) == 0 {
		return fault.With(errors.New("nothing to report on"), fault.Usage, "name a folder of measurements, or a stored run with --against")
	}
	if g.e.model == noModel {
		if len(g.sets) > 0 {
			return fault.With(errors.New("--set without a model"), fault.Usage, "name one with --model")
		}
		return nil
	}
	g.e.options = g.sets
	return g.e.complete(ctx)
}

func (a *app) agentRunCmd() *cobra.Command {
	var g agentFlags
	cmd := &cobra.Command{
		Use: "run [FOLDER]", Short: "Let one agent report on a folder or on stored runs", Args: cobra.MaximumNArgs(1),
		Long: `Let one agent go through its stages: ingest (files become rows), summary and analysis (the
model chooses what matters, and may ask tools for more facts), report (it writes in slots).
Without --set it is the baseline agent, with the runtime's defaults; with --set the tuned one.
With --model none a planner writes, which is what a model is measured against.
The report, its ledger and the page go to --output; prompts and answers stay in the store.`,
		Example: "  chimera agent run results/ --model none -o report/\n  chimera agent run results/ --model gemma3-270m.gguf --persona DataCollector-9000\n  chimera agent run --against 7f3a --url http://127.0.0.1:11434 --model gemma3:270m --runs 3",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := g.check(cmd.Context(), args); err != nil {
				return err
			}
			p, err := a.persona(g.personas[0])
			if err != nil {
				return err
			}
			return a.agentRun(cmd.Context(), g, p, args)
		},
	}
	g.personas = make([]string, 1)
	cmd.Flags().StringVar(&g.personas[0], "persona", agent.Insight, strings.Join(agent.Personas(), ", ")+", or a file that ends in .yaml")
	g.flags(cmd)
	return cmd
}

// persona is an embedded one, or a file's.
func (a *app) persona(name string) (agent.Persona, error) {
	if ext := strings.ToLower(filepath.Ext(name)); ext != ".yaml" && ext != ".yml" {
		return agent.Embedded(name)
	}
	b, err := a.readInput(name, agent.MaxPersona)
	if err != nil {
		return agent.Persona{}, err
	}
	return agent.ParsePersona(filepath.Base(name), b)
}

func (a *app) agentPersonasCmd() *cobra.Command {
	return &cobra.Command{
		Use: "personas [NAME|FILE…]", Short: "Print personas as models are sent them",
		Long:    "Print personas as they stand in front of every prompt, word for word; without a name the\nembedded ones.",
		Example: "  chimera agent personas\n  chimera agent personas mine.yaml --json | jq .personas[0].sha256",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = agent.Personas()
			}
			var all []map[string]any
			for _, name := range args {
				p, err := a.persona(name)
				if err != nil {
					return err
				}
				all = append(all, map[string]any{"name": p.Name, "text": p.Text(), "sha256": p.Digest()})
			}
			if a.json {
				return a.printJSON(map[string]any{"personas": all})
			}
			for i, p := range all {
				if i > 0 {
					fmt.Fprintln(a.Stdout)
				}
				fmt.Fprint(a.Stdout, p["text"])
			}
			return nil
		},
	}
}

// agentBench is an open session with what its agents need: the rows, and a clock.
type agentBench struct {
	*run.Session
	spec   *spec.Spec
	kind   string        // of its targets; "" without a model
	target target.Target // the first one; nil without a model
	close  func()
}

// openAgents opens a session for agents on the endpoint; without a model it
// keeps only readings.
func (a *app) openAgents(live, send context.Context, g agentFlags, name, question string) (*agentBench, error) {
	s := &spec.Spec{Version: 1, Name: name, Question: question, Design: spec.Design{Seed: g.seed, Timeout: spec.Duration(g.timeout), Cache: spec.AsIs}, Telemetry: spec.Telemetry{Interval: spec.Duration(time.Second)}}
	kind := g.managed
	if g.e.model != noModel && g.managed == "" {
		parsed, err := draft{
			"version": 1, "name": name, "question": question,
			"targets": []any{g.e.target("server")}, "subjects": []any{g.e.subject("server", nil)},
			"workloads":   []any{map[string]any{"id": "agent", "prompts": []string{"agent"}, "max_tokens": g.budget.Tokens}},
			"experiments": []any{map[string]any{"id": "run", "kind": "suite", "workloads": []string{"agent"}, "blocks": 1}},
			"design":      map[string]any{"seed": g.seed, "cache": "as-is", "timeout": g.timeout.String()},
		}.parse(strings.Fields(name)[0])
		if err != nil {
			return nil, err
		}
		parsed.Workloads, parsed.Experiments = nil, nil // nobody knows what will be asked
		s, kind = parsed, parsed.Targets[0].Kind
	}
	open, err := a.openTargets(s)
	if err != nil {
		return nil, err
	}
	st, err := a.openStore(live)
	if err != nil {
		open.close()
		return nil, err
	}
	collectors, closeCollectors := collectorsFor(s)
	if g.e.model == noModel {
		closeCollectors()
		collectors, closeCollectors = nil, func() {}
	}
	host, absent := hostFacts(live)
	b := &agentBench{spec: s, kind: kind, target: open["server"], close: func() { open.close(); closeCollectors(); st.Close() }}
	b.Session, err = run.Open(live, send, run.Job{ID: newRunID(), Spec: s, Targets: open, Simulated: simulated(s), Collectors: collectors,
		Tool: build(), Host: host, Absent: absent, FreeBytes: freeBytes(st.Path()), Recorder: st})
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// Ask, Prepare and Record make a session a model of package agent.
func (b *agentBench) Ask(ctx context.Context, q agent.Question) (*sample.Sample, error) {
	return b.Session.Ask(ctx, b.question(q))
}

func (b *agentBench) Prepare(ctx context.Context, q agent.Question) error {
	return b.Session.Prepare(ctx, b.question(q))
}

func (b *agentBench) Record(readings ...sample.Reading) error {
	return b.AppendReadings(readings...)
}

func (b *agentBench) question(q agent.Question) run.Question {
	workload := q.Stage
	if q.Role != "" {
		workload = q.Role + "/" + q.Stage
	}
	return run.Question{Experiment: q.Part, Block: q.Run, Workload: workload, Nonce: q.Nonce, Prompt: q.Stage, Text: q.Prompt, MaxTokens: q.Tokens,
		Subject: q.Agent.Subject, Config: q.Agent.Settings, Seed: q.Seed, Stream: q.Stream, Streams: q.Streams, Warmup: q.Warmup, Fixed: q.Fixed,
		Constraint: b.constraint(q)}
}

// constraint is what an answer must follow, where the runtime can be told; an
// answer of a fixed length follows nothing.
func (b *agentBench) constraint(q agent.Question) target.Constraint {
	c := target.Constraint{JSONSchema: q.Schema}
	for _, k := range kinds {
		if k.Name == b.kind && k.Honours(c) == nil && !q.Fixed {
			return c
		}
	}
	return target.Constraint{}
}

// agentRun conducts one agent, and publishes what it wrote.
func (a *app) agentRun(ctx context.Context, g agentFlags, p agent.Persona, args []string) error {
	live, send, stop := a.drainable(ctx)
	defer stop()
	b, err := a.openAgents(live, send, g, "agent run", "What do these measurements show?")
	if err != nil {
		return err
	}
	defer func() { b.close() }()
	all, m, worked := a.agentWork(live, b, g, p, args)
	result, sealed := b.Seal(worked)
	if m == nil || len(all) == 0 {
		return errors.Join(worked, sealed)
	}
	out, err := a.publish(live, b, m, all, result, g, nil)
	if err != nil {
		return errors.Join(worked, err)
	}
	return errors.Join(worked, sealed, a.printAgents(out))
}

// agentWork reads the material and lets the agent work on it.
func (a *app) agentWork(ctx context.Context, b *agentBench, g agentFlags, p agent.Persona, args []string) ([]*agent.Written, *agent.Material, error) {
	m, err := a.material(ctx, args, g.against, b.Now)
	if err != nil {
		return nil, nil, err
	}
	o := agent.Options{Budget: g.budget, Freedom: freedom(ctx, g, b), Notify: a.agentEvents()}
	if g.e.model == noModel {
		w, err := agent.Plan(m, p, b.Now, o)
		if err != nil {
			return nil, m, err
		}
		return []*agent.Written{w}, m, b.Record(w.Readings(b.Now())...)
	}
	settings, err := g.e.values()
	if err != nil {
		return nil, m, err
	}
	base := agent.Question{Part: "run", Role: roleOf(settings), Agent: agent.Agent{Persona: p, Subject: b.spec.Subjects[0].ID, Settings: settings}, Seed: g.seed, Streams: 1}
	all, err := agent.Repeat(ctx, m, b, base, g.runs, o)
	return all, m, err
}

func roleOf(settings map[string]any) string {
	if len(settings) > 0 {
		return "tuned"
	}
	return "baseline"
}

// freedom is how much a model may word itself: a small one chooses.
func freedom(ctx context.Context, g agentFlags, b *agentBench) agent.Freedom {
	const small = 1_000_000_000 // parameters
	switch {
	case g.freedom == "choosing":
		return agent.Choosing
	case g.freedom == "wording" || b.target == nil:
		return agent.Wording
	}
	d, err := b.target.Describe(ctx, g.e.model)
	if n, ok := d.Parameters.Get(); err == nil && ok && n < small {
		return agent.Choosing
	}
	return agent.Wording
}

// material is the rows of a folder, of stored runs, or of both.
func (a *app) material(ctx context.Context, folders, against []string, now func() time.Duration) (*agent.Material, error) {
	gather := func(ctx context.Context, root string) (*agent.Material, error) {
		names := against
		var unread []agent.Unread
		if root != "" {
			m, err := importer.Gather(ctx, build(), formats(), root)
			if err != nil {
				return nil, err
			}
			if len(m.Samples)+len(m.Readings) == 0 {
				return nil, fault.With(errors.New("agent: no file of the folder has a row that is understood"), fault.Invalid, "docs/formats/import.md lists what can be read")
			}
			r, _, err := a.keep(ctx, m.Manifest, m.Rows)
			if err != nil {
				return nil, err
			}
			for _, f := range m.Files {
				if f.Imported() == 0 || f.Broken() {
					unread = append(unread, agent.Unread{Path: f.Path, Kind: f.Kind, Reason: f.Reason})
				}
			}
			names = append([]string{r.ID()}, against...)
		}
		l, err := a.ledger(ctx, names)
		if err != nil {
			return nil, err
		}
		analysis, err := a.analyze(ctx, names, nil)
		if err != nil {
			return nil, err
		}
		return &agent.Material{Ledger: l, Analysis: analysis, Unread: unread, Runs: analysis.Runs}, nil
	}
	if len(folders) == 0 {
		return gather(ctx, "")
	}
	return agent.Ingest(ctx, folders[0], gather, now)
}

// agentEvents prints what agents do, one line each.
func (a *app) agentEvents() func(agent.Event) {
	return func(e agent.Event) {
		switch e.Kind {
		case agent.Answered:
			r := e.Call.Row
			took := ""
			if end, ok := r.T.End.Get(); ok {
				took = fmt.Sprintf(" in %.1f s", (end - r.T.Send.Or(end)).Seconds())
			}
			tokens := ""
			if n, ok := r.Tokens.Output.Get(); ok {
				tokens = fmt.Sprintf(", %d tokens", n)
			}
			a.note("%s %s %s: %s%s%s", e.Role, e.Stage, fmt.Sprintf("run %d", e.Run+1), r.Outcome, tokens, took)
		case agent.Tooling, agent.Checked, agent.Arm:
			a.note("%s %s run %d: %s", e.Role, e.Stage, e.Run+1, printable(e.Text))
		}
	}
}

func writeWhole(folder, name string, b []byte) error {
	return writeFile(filepath.Join(folder, name), func(w io.Writer) error { _, err := io.Copy(w, bytes.NewReader(b)); return err })
}

func makeFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fault.With(fmt.Errorf("make the report's folder: %w", err), fault.Usage, "name a folder that can be made with -o")
	}
	return nil
}
