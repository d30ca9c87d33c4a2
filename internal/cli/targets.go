package cli

import (
	"context"
	"errors"
	"fmt"

	"chimera/internal/fault"
	"chimera/internal/spec"
	"chimera/internal/target"
	"chimera/internal/target/fake"
	"chimera/internal/target/llamaserver"
	"chimera/internal/target/native"
	"chimera/internal/target/ollama"
	"chimera/internal/target/openai"
)

// kinds are all adapters of this build.
var kinds = []target.Kind{ollama.Kind, openai.Kind, llamaserver.Kind, native.Kind(Version), fake.Kind}

// catalogue lists what each kind can set.
func catalogue() spec.Catalogue {
	c := spec.Catalogue{}
	for _, k := range kinds {
		c[k.Name] = k.Options
	}
	return c
}

// targets are open adapters by target id.
type targets map[string]target.Target

// openTargets opens every target that the spec names. Keys come from the
// environment variables that it names, and go nowhere else.
func (a *app) openTargets(s *spec.Spec) (targets, error) {
	open := targets{}
	for _, t := range s.Targets {
		one, err := a.openTarget(t)
		if err != nil {
			open.close()
			return nil, err
		}
		open[t.ID] = one
	}
	return open, nil
}

func (a *app) openTarget(t spec.Target) (target.Target, error) {
	cfg := target.Config{ID: t.ID, URL: t.URL, API: target.API(t.API)}
	if t.KeyEnv != "" {
		key := a.Getenv(t.KeyEnv)
		if key == "" {
			return nil, fault.With(fmt.Errorf("target %q: environment variable %s is empty", t.ID, t.KeyEnv), fault.Usage, "export it with the API key, or leave out key_env")
		}
		cfg.Secret = target.Secret(key)
	}
	for _, k := range kinds {
		if k.Name == t.Kind {
			return k.Open(cfg)
		}
	}
	return nil, fault.New(fault.Usage, "target %q: there is no kind of target %q", t.ID, t.Kind)
}

func (ts targets) close() error {
	var all []error
	for _, t := range ts {
		all = append(all, t.Close())
	}
	return errors.Join(all...)
}

// effective asks each target about its models and returns what each requested
// configuration would be.
func (ts targets) effective(ctx context.Context, s *spec.Spec) (func(string, map[string]any) map[string]any, error) {
	known := map[string]target.Description{}
	at := map[string]target.Target{}
	for _, sub := range s.Subjects {
		d, err := ts[sub.Target].Describe(ctx, sub.Model)
		if err != nil {
			return nil, fmt.Errorf("subject %q: %w", sub.ID, err)
		}
		known[sub.ID], at[sub.ID] = d, ts[sub.Target]
	}
	return func(subject string, requested map[string]any) map[string]any {
		return at[subject].Effective(known[subject], requested)
	}, nil
}
