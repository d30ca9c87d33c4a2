package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"chimera/internal/run"
	"chimera/internal/store"

	"github.com/spf13/cobra"
)

func (a *app) quickstartCmd() *cobra.Command {
	var e endpoint
	cmd := &cobra.Command{
		Use: "quickstart", Short: "Run the whole lab once: variants, suite, sweep, table", Args: cobra.NoArgs,
		Long: `Run a first experiment from start to end. Without flags it makes three small
synthetic variants of one model (speed is real, text is noise), asks them the five
prompts of the built-in suite, sweeps two settings, and prints the table, in about
a minute and without a network. With --url and --model it does the same on a real
server.`,
		Example: "  chimera quickstart\n  chimera quickstart --url http://127.0.0.1:11434 --model gemma3:270m",
		RunE: func(cmd *cobra.Command, _ []string) error {
			started := time.Now()
			if e.url == "" && e.model == "" {
				return a.quickstartEmbedded(cmd.Context(), started)
			}
			if err := e.complete(cmd.Context()); err != nil {
				return err
			}
			return a.quickstartServer(cmd.Context(), e)
		},
	}
	e.flags(cmd)
	return cmd
}

// quickstartEmbedded compares synthetic variants on the embedded engine.
func (a *app) quickstartEmbedded(ctx context.Context, started time.Time) error {
	a.note("chimera %s · %s/%s · %d cores · embedded engine, no network", Version, runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	subjects, err := a.quickstartModels(started)
	if err != nil {
		return err
	}
	d := quickstartDraft([]any{map[string]any{"id": "engine", "kind": "native"}}, subjects)
	threads := slices.Compact([]int{1, runtime.NumCPU()})
	sweep := map[string]any{"id": "sweep", "kind": "grid", "workloads": []string{"first"}, "blocks": 6,
		"factors": map[string]any{"threads": threads, "kv_type": []string{"f16", "q8_0"}}}
	d["experiments"] = append(d["experiments"].([]any), sweep)
	return a.quickstartRun(ctx, d)
}

// quickstartServer measures one model of a real server.
func (a *app) quickstartServer(ctx context.Context, e endpoint) error {
	options, err := e.values()
	if err != nil {
		return err
	}
	d := quickstartDraft([]any{e.target("server")}, []any{e.subject("server", options)})
	if _, ok := catalogue().Option(e.kind, "temperature"); ok {
		d["experiments"] = append(d["experiments"].([]any), map[string]any{"id": "sweep", "kind": "grid", "workloads": []string{"first"}, "blocks": 6,
			"factors": map[string]any{"temperature": []float64{0, 0.8}}})
	}
	if e.kind == "openai" || e.kind == "llamaserver" {
		d["design"].(map[string]any)["cold_loads"] = 0 // these keep their model: nothing can be cold
	}
	return a.quickstartRun(ctx, d)
}

// quickstartDraft is the experiment of a first run: the suite on every subject
// in five blocks, and cold loads apart.
func quickstartDraft(targets, subjects []any) draft {
	const coldLoads = 6 // the fewest that give a median an interval; so are the sweep's blocks
	return draft{
		"version": 1, "name": "quickstart", "question": "Which variant answers fastest, and which settings matter?",
		"targets": targets, "subjects": subjects,
		"workloads": []any{
			map[string]any{"id": "banter", "suite": "banter", "max_tokens": 48},
			map[string]any{"id": "first", "prompts": []string{"A rare find in the last crate:"}, "max_tokens": 48},
		},
		"experiments": []any{map[string]any{"id": "baseline", "kind": "suite", "workloads": []string{"banter"}, "blocks": 5}},
		"design":      map[string]any{"seed": 1, "warmup": 1, "cold_loads": coldLoads, "timeout": "60s"},
	}
}

func (a *app) quickstartRun(ctx context.Context, d draft) error {
	s, err := d.parse("quickstart")
	if err != nil {
		return err
	}
	r, err := a.conduct(ctx, s, runOptions{preflight: 2 * time.Second})
	if err != nil || a.json {
		return a.finish(ctx, r, err)
	}
	return a.withStore(ctx, func(st store.Store) error { return a.quickstartShow(ctx, st, r) })
}

func (a *app) quickstartShow(ctx context.Context, st store.Reader, r run.Result) error {
	stored, err := st.Run(ctx, r.Run)
	if err != nil {
		return err
	}
	rows, err := measuredIn(ctx, st, stored)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "\n  sealed  run %s (%s)\n\n", r.Run, statusLine(stored))
	if err := a.factTable(rows.of("baseline", "cold"), []string{"subject"}, []column{columnDecode, columnWarm, columnLoad, columnCold}); err != nil {
		return err
	}
	if part := rows.of("sweep"); len(part.rows) > 0 {
		fmt.Fprintln(a.Stdout)
		if err := a.factTable(part, []string{"subject", "config"}, []column{columnDecode, columnWarm}); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.Stdout, "\n  medians with 95 %% intervals by order statistics; TTFT cold is of the first request after a load\n")
	a.remarks(stored.Manifest)
	if writes(stored.Manifest) {
		if err := a.written(rows); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(a.Stdout, "  not measured  quality: the text of synthetic models is noise\n")
	}
	fmt.Fprintf(a.Stdout, "  rows          chimera runs show %s · chimera runs export %s --format jsonl\n", r.Run, r.Run)
	fmt.Fprintf(a.Stdout, "  explained     chimera analyze %s · chimera report %s -o report\n", r.Run, r.Run)
	if stored.Manifest.Subjects[0].Kind == "native" {
		fmt.Fprintf(a.Stdout, "  next          chimera quickstart --url http://127.0.0.1:11434 --model gemma3:270m   (your Ollama)\n")
	} else {
		fmt.Fprintf(a.Stdout, "  next          chimera spec init > sweep.yaml   (an experiment of your own)\n")
	}
	return nil
}

func (a *app) quickstartFolder() string { return filepath.Join(a.modelDir(), "quickstart") }
