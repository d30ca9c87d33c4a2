package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"chimera/internal/fault"
	"chimera/internal/telemetry/host"
	"chimera/internal/telemetry/rapl"
	"chimera/internal/tensor"
	"chimera/internal/unit"

	"github.com/spf13/cobra"
)

// diagnosis is one thing that doctor looked at.
type diagnosis struct {
	What  string `json:"what"`
	State string `json:"state"` // ok, missing or problem
	Found string `json:"found"`
	Do    string `json:"do,omitempty"` // what would help
}

const (
	fine    = "ok"
	missing = "missing" // optional: some measurements will be absent
	problem = "problem" // chimera cannot work like this
)

func (a *app) doctorCmd() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Say what is installed, reachable and missing, and what to do", Args: cobra.NoArgs,
		Long:    "Look at this machine, the store, and the servers that usually run on loopback. No request\nleaves the machine.",
		Example: "  chimera doctor\n  chimera doctor --json | jq '.checks[] | select(.state != \"ok\")'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks := a.diagnose(cmd.Context())
			bad := 0
			for _, c := range checks {
				if c.State == problem {
					bad++
				}
			}
			if a.json {
				if err := a.printJSON(map[string]any{"checks": checks}); err != nil {
					return err
				}
			} else {
				a.printDiagnoses(checks)
			}
			if bad > 0 {
				return fault.With(fmt.Errorf("%d of %d checks found a problem", bad, len(checks)), fault.Runtime, "each says what to do")
			}
			return nil
		},
	}
}

func (a *app) printDiagnoses(checks []diagnosis) {
	st := a.style()
	t := newTable("check", "state", "found")
	for _, c := range checks {
		state := c.State
		switch c.State {
		case fine:
			state = st.good(state)
		case problem:
			state = st.bad(state)
		}
		t.row(c.What, state, c.Found)
	}
	t.write(a.Stdout, "", st)
	for _, c := range checks {
		if c.Do != "" {
			paragraph(a.Stdout, c.What+": ", c.Do)
		}
	}
}

func (a *app) diagnose(ctx context.Context) []diagnosis {
	facts, absent := hostFacts(ctx)
	checks := []diagnosis{
		{"chimera", fine, fmt.Sprintf("%s, %s/%s, %s", Version, runtime.GOOS, runtime.GOARCH, runtime.Version()), ""},
		{"processor", fine, fmt.Sprintf("%d cores, %s, %s", facts.Cores, facts.CPU, tensor.Implementation()+" kernels"), ""},
	}
	if memory, ok := facts.MemoryBytes.Get(); ok {
		checks = append(checks, diagnosis{"memory", fine, unit.Byte.Format(float64(memory)), ""})
	}
	checks = append(checks, a.checkStore(), a.checkCache())
	checks = append(checks, optional("governor", facts.Governor, absent["host.governor"], "set the governor to `performance` for steady clocks"))
	gpu := ""
	for _, g := range facts.GPUs {
		gpu = g.Name + ", driver " + g.Driver
	}
	checks = append(checks, optional("GPU", gpu, absent["host.gpus"], ""), energy(ctx))
	return append(checks, a.checkServers(ctx)...)
}

// optional is a check of something that chimera can do without.
func optional(what, found, reason, do string) diagnosis {
	if found != "" {
		return diagnosis{what, fine, found, ""}
	}
	return diagnosis{what, missing, reason, do}
}

func energy(ctx context.Context) diagnosis {
	c := rapl.New(host.System())
	defer c.Close()
	reason := "no RAPL counters"
	for _, r := range c.Collect(ctx) {
		if r.Value.OK() {
			return diagnosis{"energy", fine, "RAPL counters can be read", ""}
		}
		reason = r.Reason
	}
	return diagnosis{"energy", missing, reason, ""}
}

// checkStore looks at the store's place without making a store.
func (a *app) checkStore() diagnosis {
	path := a.storePath()
	folder := filepath.Dir(path)
	for {
		if _, err := os.Stat(folder); err == nil || folder == filepath.Dir(folder) {
			break
		}
		folder = filepath.Dir(folder)
	}
	f, err := os.CreateTemp(folder, ".chimera-doctor-*")
	if err != nil {
		return diagnosis{"store", problem, err.Error(), "give --store a place that can be written"}
	}
	f.Close()
	os.Remove(f.Name())
	found := path + " (made by the first run)"
	if info, err := os.Stat(path); err == nil {
		found = fmt.Sprintf("%s, %s", path, sizeText(info.Size()))
	}
	if free, err := freeBytes(path)(); err == nil {
		found += ", " + unit.Byte.Format(float64(free)) + " free"
	}
	return diagnosis{"store", fine, found, ""}
}

func (a *app) checkCache() diagnosis {
	if err := os.MkdirAll(a.modelDir(), 0o755); err != nil {
		return diagnosis{"cache", problem, err.Error(), "point CHIMERA_CACHE to a folder that can be written"}
	}
	rows, err := listModels(a.modelDir())
	if err != nil {
		return diagnosis{"cache", problem, err.Error(), "point CHIMERA_CACHE to a folder that can be read"}
	}
	return diagnosis{"cache", fine, fmt.Sprintf("%s, %d models", a.modelDir(), len(rows)), ""}
}

// checkServers asks the ports on loopback at which runtimes listen by default.
func (a *app) checkServers(ctx context.Context) []diagnosis {
	var out []diagnosis
	for _, s := range []struct{ name, url, path, do string }{
		{"Ollama", "http://127.0.0.1:11434", "/api/version", "start it with `ollama serve`, then `chimera quickstart --url http://127.0.0.1:11434 --model NAME`"},
		{"llama.cpp", "http://127.0.0.1:8080", "/props", "start it with `llama-server -m MODEL.gguf`, then `chimera bench --url http://127.0.0.1:8080 --model default`"},
		{"vLLM", "http://127.0.0.1:8000", "/v1/models", "start it, then `chimera bench --url http://127.0.0.1:8000 --model NAME`"},
	} {
		if err := ping(ctx, s.url+s.path); err != nil {
			out = append(out, diagnosis{s.name, missing, "no answer at " + s.url, s.do})
			continue
		}
		out = append(out, diagnosis{s.name, fine, "answers at " + s.url, ""})
	}
	return out
}

func ping(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}
