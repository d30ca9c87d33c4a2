package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"chimera/internal/fault"
	"chimera/internal/sample"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// Version is the release this source tree becomes.
const Version = "0.1.0"

// build names this binary for manifests and `chimera version`.
func build() sample.Build {
	b := sample.Build{Version: Version, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Dirty = s.Value == "true"
		}
	}
	return b
}

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this build", Args: cobra.NoArgs,
		Example: "  chimera version --json",
		RunE: func(*cobra.Command, []string) error {
			b := build()
			if a.json {
				return a.printJSON(struct {
					sample.Build
					OS   string `json:"os"`
					Arch string `json:"arch"`
				}{b, runtime.GOOS, runtime.GOARCH})
			}
			commit := ""
			if b.Commit != "" {
				commit = " · commit " + b.Commit[:min(12, len(b.Commit))]
				if b.Dirty {
					commit += " (modified)"
				}
			}
			fmt.Fprintf(a.Stdout, "chimera %s%s · %s/%s · %s\n", b.Version, commit, runtime.GOOS, runtime.GOARCH, b.Go)
			return nil
		},
	}
}

func (a *app) manCmd() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write manual pages for every command", Args: cobra.ExactArgs(1), Hidden: true,
		Example: "  chimera man /usr/local/share/man/man1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fault.With(err, fault.Usage, "name a folder that can be written")
			}
			head := &doc.GenManHeader{Title: "CHIMERA", Section: "1", Source: "chimera " + Version}
			if err := doc.GenManTree(cmd.Root(), head, filepath.Clean(args[0])); err != nil {
				return fault.With(err, fault.Runtime, "")
			}
			return nil
		},
	}
}
