package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"chimera/internal/fault"
	"chimera/internal/launch"
	"chimera/internal/spec"
	"chimera/internal/target"

	"github.com/spf13/cobra"
)

// management says which servers a command starts for itself.
type management struct{ kind, binary, models string }

func (m *management) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&m.kind, "manage", "", "start the servers that are needed and stop them afterwards: ollama or llama-server")
	f.StringVar(&m.binary, "server-binary", "", "the program that --manage starts (default: found in PATH)")
	f.StringVar(&m.models, "models", "", "folder of models that the servers of --manage share: Ollama's own, or one of GGUF files")
}

// on reports whether servers are to be started.
func (m management) on() bool { return m.kind != "" }

// targetKinds are the adapters that speak to what can be started.
var targetKinds = map[string]string{launch.Ollama: "ollama", launch.LlamaServer: "llamaserver"}

// check refuses flags that do not go together.
func (m management) check(url string) error {
	switch {
	case !m.on() && (m.binary != "" || m.models != ""):
		return fault.With(errors.New("--server-binary and --models are for servers that --manage starts"), fault.Usage, "say which with --manage ollama or --manage llama-server")
	case !m.on():
		return nil
	case targetKinds[m.kind] == "":
		return fault.With(fmt.Errorf("--manage %q: there is no such runtime", m.kind), fault.Usage, "choose ollama or llama-server; the embedded engine needs no server")
	case url != "":
		return fault.With(errors.New("--manage starts a server, and --url names one"), fault.Usage, "give one of them")
	}
	return nil
}

// need is what a part of an experiment needs of a server.
type need struct {
	id        string // of the target; also names the log
	model     string // as the subject has it
	api       string
	parallel  int // requests answered at once; 0 leaves it to the runtime
	context   int // tokens of each; 0 leaves it to the runtime
	maxLoaded int // ollama: models loaded at once; 0 leaves it to the runtime
}

// managed is a server of ours with a target on it.
type managed struct {
	target.Target
	spec   spec.Target // as a spec would have it
	server *launch.Server
}

// startServer starts a server for a run, whose folder of logs keeps what it
// prints. It ends with ctx.
func (a *app) startServer(ctx context.Context, m management, n need, run string) (*managed, error) {
	o := launch.Options{Kind: m.kind, Binary: m.binary, Environ: os.Environ(), Name: n.id, Logs: a.logsOf(run),
		Parallel: n.parallel, Context: n.context, MaxLoaded: n.maxLoaded}
	if m.kind == launch.LlamaServer {
		file, err := modelFile(m.models, n.model)
		if err != nil {
			return nil, err
		}
		o.Model = file
	} else {
		o.Models = m.models
	}
	a.note("starting %s for %s", m.kind, n.id)
	server, err := launch.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &managed{server: server, spec: spec.Target{ID: n.id, Kind: targetKinds[m.kind], URL: server.URL(), API: spec.API(n.api)}}
	if s.Target, err = a.openTarget(s.spec); err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	return s, nil
}

// modelFile finds a model in the folder, or by its path.
func modelFile(folder, model string) (string, error) {
	for _, path := range []string{filepath.Join(folder, model), filepath.Join(folder, model+".gguf"), model} {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fault.With(fmt.Errorf("there is no model file %q", model), fault.Usage, "llama-server needs a GGUF file: name it with --model, and its folder with --models")
}

// Describe adds to what the server tells how it was started: that is a
// condition of every number.
func (s *managed) Describe(ctx context.Context, model string) (target.Description, error) {
	d, err := s.Target.Describe(ctx, model)
	if err == nil {
		d.Facts = maps.Clone(d.Facts)
		if d.Facts == nil {
			d.Facts = map[string]string{}
		}
		d.Facts["started_as"] = s.server.Command()
	}
	return d, err
}

// Close stops the server.
func (s *managed) Close() error { return errors.Join(s.Target.Close(), s.server.Stop()) }

// logsOf is the folder of what the servers of a run printed.
func (a *app) logsOf(run string) string {
	return filepath.Join(filepath.Dir(a.storePath()), "logs", run)
}
