package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"chimera/internal/export"
	"chimera/internal/fault"
	"chimera/internal/store"

	"github.com/spf13/cobra"
)

func (a *app) runsExportCmd() *cobra.Command {
	var format, output string
	var noText bool
	cmd := &cobra.Command{
		Use: "export RUN", Short: "Write a run's rows as JSONL, CSV, Parquet or Go benchmark text", Args: cobra.ExactArgs(1),
		Long: `Write the rows of a run, one sample a line (docs/formats/sample.md). An absent value
is an absent key or an empty cell, never a zero.`,
		Example: "  chimera runs export 7f3a --format jsonl > rows.jsonl\n  chimera runs export 7f3a --format parquet -o rows.parquet\n  chimera runs export 7f3a --format gobench | benchstat -",
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := export.ParseFormat(format)
			if err != nil {
				return withHint(err, "`chimera runs export --help` shows one of each format")
			}
			return a.withStore(cmd.Context(), func(s store.Store) error {
				r, err := s.Run(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				plan, err := s.Plan(cmd.Context(), r.ID())
				if err != nil {
					return err
				}
				o := export.Options{NoText: noText, Factors: export.FactorsOf(plan), Metrics: exportMetrics()}
				write := func(w io.Writer) error {
					return export.Write(w, f, r, asked(&r.Manifest, s.Samples(cmd.Context(), r.ID())), o)
				}
				if output == "" || output == "-" {
					out := bufio.NewWriter(a.Stdout)
					return errors.Join(write(out), out.Flush())
				}
				return writeFile(output, write)
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "jsonl", "jsonl, csv, parquet or gobench")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this file instead of standard output")
	cmd.Flags().BoolVar(&noText, "no-text", false, "leave the answers' texts out; their digests stay")
	return cmd
}

// writeFile writes a file whole or not at all: a reader never sees a half.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".chimera-*")
	if err != nil {
		return fault.With(fmt.Errorf("write %s: %w", path, err), fault.Usage, "name a file in a folder that can be written")
	}
	defer os.Remove(f.Name()) // gone already if all went well
	out := bufio.NewWriter(f)
	err = errors.Join(write(out), out.Flush(), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fault.With(fmt.Errorf("write %s: %w", path, err), fault.Runtime, "")
	}
	return nil
}
