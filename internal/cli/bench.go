package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"chimera/internal/fault"
	"chimera/internal/spec"

	"github.com/spf13/cobra"
)

// endpoint is a server and model named on the command line.
type endpoint struct {
	url, model, kind, api, keyEnv string
	raw                           bool
	options                       []string
}

func (e *endpoint) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&e.url, "url", "", "base URL of the server, such as http://127.0.0.1:11434; without it the embedded engine")
	f.StringVar(&e.model, "model", "", "the server's name of the model, or a GGUF file for the embedded engine")
	f.StringVar(&e.kind, "kind", "", "ollama, openai, llamaserver, native or fake (default: asked of the server)")
	f.StringVar(&e.api, "api", "", "chat or completion (default: the kind's own)")
	f.StringVar(&e.keyEnv, "key-env", "", "environment variable that holds the API key")
	f.BoolVar(&e.raw, "raw", false, "send prompts without the model's chat template, where the server has a choice")
	f.StringArrayVar(&e.options, "option", nil, "set an option in every request: NAME=VALUE (may be given several times)")
}

// complete fills in the kind and refuses what cannot be asked.
func (e *endpoint) complete(ctx context.Context) error {
	if e.model == "" {
		return fault.With(errors.New("no model given"), fault.Usage, "name it with --model, as the server calls it")
	}
	if e.kind == "" && e.url == "" {
		e.kind = "native"
	}
	if e.kind == "" {
		kind, err := detectKind(ctx, e.url)
		if err != nil {
			return err
		}
		e.kind = kind
	}
	return nil
}

// detectKind asks a server what it is, by paths that only one kind has.
func detectKind(ctx context.Context, base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fault.With(fmt.Errorf("--url %q is not a http or https URL", base), fault.Usage, "for example --url http://127.0.0.1:11434")
	}
	if u.User != nil {
		return "", fault.With(errors.New("--url must not hold a user name or a key"), fault.Usage, "put the key into an environment variable and name it with --key-env")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	for _, probe := range []struct{ path, key, kind string }{{"api/version", "version", "ollama"}, {"props", "default_generation_settings", "llamaserver"}} {
		ok, err := answersWith(ctx, client, u.JoinPath(probe.path).String(), probe.key)
		if err != nil {
			return "", fault.With(fmt.Errorf("no answer from %s: %w", u, err), fault.Runtime, "start the server, or correct --url; `chimera doctor` looks around")
		}
		if ok {
			return probe.kind, nil
		}
	}
	return "openai", nil
}

// answersWith reports whether the server answers with a JSON object that has
// the key: some servers answer every path with a page.
func answersWith(ctx context.Context, client *http.Client, path, key string) (bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return false, err
	}
	resp, err := client.Do(req)
	if at, ok := errors.AsType[*url.Error](err); ok {
		err = at.Err // without the URL, which the caller names
	}
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return false, nil
	}
	var answer map[string]json.RawMessage
	if json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer) != nil {
		return false, nil
	}
	_, ok := answer[key]
	return ok, nil
}

// values parses NAME=VALUE options; what looks like a number or a truth value
// is one.
func (e *endpoint) values() (map[string]any, error) {
	out := map[string]any{}
	for _, o := range e.options {
		name, text, ok := strings.Cut(o, "=")
		if !ok || name == "" {
			return nil, fault.With(fmt.Errorf("--option %q is not NAME=VALUE", o), fault.Usage, "for example --option num_ctx=2048")
		}
		if _, twice := out[name]; twice {
			return nil, fault.With(fmt.Errorf("--option %s is given twice", name), fault.Usage, "give it once; several levels are a factor of a spec")
		}
		if v, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			out[name] = v
		} else if v, err := strconv.ParseBool(text); err == nil {
			out[name] = v
		} else {
			out[name] = text
		}
	}
	return out, nil
}

// draft is a spec made of flags. It goes through the same parser as a file:
// what a file may not say, flags may not say either.
type draft map[string]any

func (d draft) parse(name string) (*spec.Spec, error) {
	src, err := json.Marshal(d)
	if err != nil {
		return nil, fault.With(fmt.Errorf("%s: %w", name, err), fault.Usage, "")
	}
	s, err := spec.Parse(name, src, catalogue(), nil)
	var faults spec.Faults
	if errors.As(err, &faults) {
		return nil, fault.With(withoutPlaces(faults), fault.Usage, "`chimera "+name+" --help` lists what can be set")
	}
	return s, err
}

// withoutPlaces prints what is wrong without line and column: nobody wrote a
// file.
func withoutPlaces(faults spec.Faults) error {
	var all []error
	for _, f := range faults {
		text := f.Path + ": " + f.Message
		if f.Note != "" {
			text += " (" + f.Note + ")"
		}
		all = append(all, errors.New(text))
	}
	return errors.Join(all...)
}

func (a *app) benchCmd() *cobra.Command {
	var e endpoint
	var o runOptions
	var prompts []string
	var maxTokens, blocks, repeats, streams, warmup, cold int
	var seed int64
	var asIs bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "bench --url URL --model MODEL", Short: "Measure one model on one server, without a spec file", Args: cobra.NoArgs,
		Long: `Measure one model: decode rate, time to first token, and the server's own rate
beside the client's. The prompts are the built-in suite or those given. The rows
are stored like those of any run.`,
		Example: "  chimera bench --url http://127.0.0.1:11434 --model gemma3:270m\n  chimera bench --url http://127.0.0.1:8080 --model default --streams 8 --blocks 20\n  chimera bench --model gemma.gguf --option threads=2",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := e.complete(cmd.Context()); err != nil {
				return err
			}
			options, err := e.values()
			if err != nil {
				return err
			}
			workload := map[string]any{"id": "prompts", "suite": "banter", "max_tokens": maxTokens}
			if len(prompts) > 0 {
				delete(workload, "suite")
				workload["prompts"] = prompts
			}
			cache := "unique-prefix"
			if asIs {
				cache = "as-is"
			}
			s, err := draft{
				"version": 1, "name": "bench",
				"targets":   []any{e.target("server")},
				"subjects":  []any{e.subject("server", options)},
				"workloads": []any{workload},
				"experiments": []any{map[string]any{"id": "bench", "kind": "suite", "workloads": []string{"prompts"},
					"blocks": blocks, "repeats": repeats, "streams": streams}},
				"design": map[string]any{"seed": seed, "warmup": warmup, "cold_loads": cold, "cache": cache, "timeout": timeout.String()},
			}.parse("bench")
			if err != nil {
				return err
			}
			return a.conductAndShow(cmd.Context(), s, o)
		},
	}
	e.flags(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&prompts, "prompt", nil, "ask this instead of the built-in suite (may be given several times)")
	f.IntVar(&maxTokens, "max-tokens", 64, "output budget of a request")
	f.IntVar(&blocks, "blocks", 5, "randomised passes over the prompts")
	f.IntVar(&repeats, "repeats", 1, "visits of each prompt in a block")
	f.IntVar(&streams, "streams", 1, "requests in flight at once")
	f.IntVar(&warmup, "warmup", 2, "requests after each load that do not count")
	f.IntVar(&cold, "cold", 0, "cold loads to measure first, where the server can unload")
	f.Int64Var(&seed, "seed", 1, "of order, samplers and nonces")
	f.BoolVar(&asIs, "as-is", false, "send prompts as written: a cached prefix may answer")
	f.DurationVar(&timeout, "timeout", 2*time.Minute, "longest time for one request")
	f.DurationVar(&o.preflight, "preflight", 2*time.Second, "watch the machine for other work this long before the run, shortly before each block (0 = do not)")
	return cmd
}

// target and subject are the endpoint in the words of a spec.
func (e *endpoint) target(id string) map[string]any {
	t := map[string]any{"id": id, "kind": e.kind}
	for k, v := range map[string]string{"url": e.url, "api": e.api, "key_env": e.keyEnv} {
		if v != "" {
			t[k] = v
		}
	}
	return t
}

func (e *endpoint) subject(target string, options map[string]any) map[string]any {
	s := map[string]any{"id": subjectID(e.model), "target": target, "model": e.model}
	if len(options) > 0 {
		s["options"] = options
	}
	if e.raw {
		s["raw"] = true
	}
	return s
}

// subjectID turns a model's name or file into what tables call it.
func subjectID(model string) string {
	id := strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._:+-", r)) {
			return r
		}
		return '-'
	}, strings.TrimSuffix(filepath.Base(model), ".gguf"))
	if id = strings.TrimLeft(id, "._:+-"); id == "" {
		return "model"
	}
	return id[:min(len(id), 64)]
}
