package cli

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

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
	if t.Kind == "native" && t.URL == "" {
		cfg.URL = a.modelDir() // where quickstart's models are; a spec need not name a folder of this machine
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
			return nil, serverHint(fmt.Errorf("subject %q: %w", sub.ID, err))
		}
		known[sub.ID], at[sub.ID] = d, ts[sub.Target]
	}
	return func(subject string, requested map[string]any) map[string]any {
		return at[subject].Effective(known[subject], requested)
	}, nil
}

// serverHint says what to do about a server that answers otherwise than its
// kind does. An error that tells nothing keeps its own hint.
func serverHint(err error) error {
	if answer, ok := errors.AsType[*target.StatusError](err); ok {
		switch {
		case answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden:
			return fault.Hint(err, "export the API key, and name its variable in key_env of the target (--key-env on the command line)")
		case answer.Status/100 == 3:
			return fault.Hint(err, "no request follows a server elsewhere: give the URL that it leads to, if you trust it")
		case answer.Status/100 == 5:
			return fault.Hint(err, "the server is there, but in trouble: look into its log")
		}
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fault.Hint(err, "this machine does not trust the certificate: add its authority to the system's (SSL_CERT_FILE)")
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fault.Hint(err, "something else answers there: check the URL and the kind of the target")
	}
	return withHint(err, "`chimera doctor` looks for servers on this machine")
}
