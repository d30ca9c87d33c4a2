package launch

import (
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strconv"

	"chimera/internal/fault"
)

// Kinds of runtimes.
const (
	Ollama      = "ollama"
	LlamaServer = "llama-server"
)

// A kind knows how one runtime is told what to do.
type kind struct {
	health  string // path that answers 200 once requests can be answered
	prefix  string // of the environment variables that concern it
	check   func(Options) error
	command func(o Options, port int) *exec.Cmd
}

var kinds = map[string]kind{
	Ollama: {
		health: "/api/version", prefix: "OLLAMA_",
		check: func(o Options) error {
			if o.Model != "" {
				return fault.New(fault.Usage, "launch ollama: it has a folder of models, not one model file: %s", o.Model)
			}
			return nil
		},
		command: func(o Options, port int) *exec.Cmd {
			vars := map[string]string{"OLLAMA_HOST": address(port)}
			if o.Models != "" {
				// Servers that share a folder must not tidy it up for each other.
				vars["OLLAMA_MODELS"], vars["OLLAMA_NOPRUNE"] = o.Models, "1"
			}
			set(vars, "OLLAMA_NUM_PARALLEL", o.Parallel)
			set(vars, "OLLAMA_CONTEXT_LENGTH", o.Context)
			set(vars, "OLLAMA_MAX_LOADED_MODELS", o.MaxLoaded)
			return command(o, vars, "serve")
		},
	},
	LlamaServer: {
		health: "/health", prefix: "LLAMA_",
		check: func(o Options) error {
			if o.Model == "" {
				return fault.New(fault.Usage, "launch llama-server: no model file is given")
			}
			return nil
		},
		command: func(o Options, port int) *exec.Cmd {
			args := []string{"-m", o.Model, "--host", "127.0.0.1", "--port", strconv.Itoa(port)}
			if o.Parallel > 0 {
				args = append(args, "--parallel", strconv.Itoa(o.Parallel))
			}
			if o.Context > 0 { // its -c is of all slots together
				args = append(args, "-c", strconv.Itoa(o.Context*max(1, o.Parallel)))
			}
			return command(o, nil, args...)
		},
	},
}

func set(vars map[string]string, name string, n int) {
	if n > 0 {
		vars[name] = strconv.Itoa(n)
	}
}

// command is a process in the caller's environment, with these variables and
// arguments before the caller's own.
func command(o Options, vars map[string]string, args ...string) *exec.Cmd {
	cmd := exec.Command(o.Binary, append(args, o.Args...)...)
	cmd.Env = slices.Clone(o.Environ)
	for _, more := range []map[string]string{vars, o.Vars} {
		for _, name := range slices.Sorted(maps.Keys(more)) {
			cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%s", name, more[name]))
		}
	}
	return cmd
}
