package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"chimera/internal/fault"
	"chimera/internal/spec"

	"github.com/spf13/cobra"
)

// Inputs are bounded before they are parsed.
const (
	maxSpec     = 1 << 20
	maxWorkload = spec.MaxFile
)

func (a *app) specCmd() *cobra.Command {
	return group("spec", "Write, check and explain experiment specs", a.specInitCmd(), a.specSchemaCmd(), a.specValidateCmd())
}

func (a *app) specInitCmd() *cobra.Command {
	return &cobra.Command{
		Use: "init", Short: "Print a commented example spec", Args: cobra.NoArgs,
		Example: "  chimera spec init > sweep.yaml",
		RunE: func(*cobra.Command, []string) error {
			_, err := a.Stdout.Write(spec.Example())
			return err
		},
	}
}

func (a *app) specSchemaCmd() *cobra.Command {
	var kind string
	cmd := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of a spec", Args: cobra.NoArgs,
		Example: "  chimera spec schema --target ollama > chimera.schema.json",
		RunE: func(*cobra.Command, []string) error {
			out, err := spec.Schema(catalogue(), kind)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Stdout, "%s\n", out)
			return nil
		},
	}
	cmd.Flags().StringVar(&kind, "target", "", "only the options of this kind of target")
	return cmd
}

func (a *app) specValidateCmd() *cobra.Command {
	return &cobra.Command{
		Use: "validate SPEC", Short: "Check a spec and say everything that is wrong with it", Args: cobra.ExactArgs(1),
		Example: "  chimera spec validate sweep.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := a.readSpec(args[0])
			if err != nil {
				return err
			}
			d, err := s.Digest()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"valid": true, "name": s.Name, "spec_sha256": d, "trials": s.Trials(catalogue())})
			}
			fmt.Fprintf(a.Stdout, "%s is valid: %d subjects, %d experiments, at most %d trials\n", args[0], len(s.Subjects), len(s.Experiments), s.Trials(catalogue()))
			return nil
		},
	}
}

// readSpec parses a spec file; the files it names lie beside it.
func (a *app) readSpec(path string) (*spec.Spec, error) {
	src, err := a.readInput(path, maxSpec)
	if err != nil {
		return nil, err
	}
	folder := "."
	if path != "-" {
		folder = filepath.Dir(path)
	}
	return spec.Parse(path, src, catalogue(), func(name string) ([]byte, error) { return readBeside(folder, name) })
}

// readBeside reads a file below folder. A spec from elsewhere must not be able
// to read the machine's other files into a run's prompts.
func readBeside(folder, name string) ([]byte, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, fault.New(fault.Usage, "%s lies outside the spec's folder", name)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Usage, "there is no file %s beside the spec", name)
	}
	if err != nil {
		return nil, fault.With(fmt.Errorf("read %s: %w", name, inner(err)), fault.Usage, "")
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fault.New(fault.Usage, "%s is not a regular file", name)
	}
	return io.ReadAll(io.LimitReader(f, maxWorkload+1))
}

// inner drops the name of the system call that failed.
func inner(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
