// Package cli is the thin skin: it parses, wires rooms together, prints and
// exits.
//
// It is the only reader of arguments, environment and signals, and nobody
// imports it but the command. What it prints for people may change; what it
// prints with --json, the exit codes and the flags are promises
// (docs/formats/).
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"chimera/internal/fault"

	"github.com/spf13/cobra"
)

// app is one invocation: the environment and the global flags.
type app struct {
	Env
	store   string
	json    bool
	quiet   bool
	noColor bool
	yes     bool
}

// Run executes one command line and returns its exit code. It prints errors
// and hints itself.
func Run(ctx context.Context, env Env) fault.Code {
	a := &app{Env: env}
	root := a.root()
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return fault.OK
	}
	fmt.Fprintf(env.Stderr, "chimera: %s\n", err)
	if hint := fault.HintOf(err); hint != "" {
		fmt.Fprintf(env.Stderr, "hint: %s\n", hint)
	}
	return fault.CodeOf(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "chimera",
		Short: "Measure, tune, explain and prove LLM inference performance",
		Long: `chimera measures LLM inference on real runtimes and on its own embedded engine.
It plans an experiment before the first request, keeps every raw row, and refuses
to print a number that the rows do not carry.`,
		Example: `  chimera quickstart                                   the whole lab on this machine, no network
  chimera bench --url http://127.0.0.1:11434 --model gemma3:270m
  chimera spec init > sweep.yaml && chimera run sweep.yaml`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.store, "store", "", "where runs are kept (default ./.chimera/chimera.db, or $CHIMERA_STORE)")
	flags.BoolVar(&a.json, "json", false, "print one JSON document on standard output; messages go to standard error")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress")
	flags.BoolVar(&a.noColor, "no-color", false, "no colour (also NO_COLOR)")
	flags.BoolVarP(&a.yes, "yes", "y", false, "answer yes where a command would ask")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages |", fmt.Sprintf(".FlagUsagesWrapped %d |", maxWidth)))
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		a.quickstartCmd(), a.benchCmd(),
		a.specCmd(), a.planCmd(), a.runCmd(), a.runsCmd(), a.importCmd(), a.queryCmd(), a.analyzeCmd(), a.qualityCmd(), a.reportCmd(), a.compareCmd(), a.auditCmd(), a.agentCmd(), a.mcpCmd(), a.metricsCmd(),
		a.modelCmd(), a.fakeCmd(), a.doctorCmd(), a.versionCmd(), a.manCmd(),
	)
	strictBuiltins(root)
	usageErrors(root)
	return root
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(subs...)
	return c
}

// printJSON writes v as one indented document on standard output.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// note prints a line for people, on standard error, unless they asked for
// quiet.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.Stderr, format+"\n", args...)
	}
}

// readInput reads a file, or standard input for "-", of at most limit bytes.
func (a *app) readInput(path string, limit int64) ([]byte, error) {
	var r io.Reader = a.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("there is no file %s", path)
		}
		if err != nil {
			return nil, fault.With(err, fault.Usage, "check the path; `chimera spec init > sweep.yaml` writes a first spec")
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, fault.With(fmt.Errorf("%s is a folder, not a file", path), fault.Usage, "name the file inside it")
		}
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fault.With(fmt.Errorf("read %s: %w", path, err), fault.Usage, "")
	}
	if int64(len(b)) > limit {
		return nil, fault.With(fmt.Errorf("%s is larger than %d bytes", path, limit), fault.Usage, "a spec names workloads by file instead of holding them")
	}
	return b, nil
}
