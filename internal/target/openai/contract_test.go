package openai_test

import (
	"testing"
	"time"

	"chimera/internal/target"
	"chimera/internal/target/fake"
	"chimera/internal/target/openai"
	"chimera/internal/target/targettest"
)

func TestContract(t *testing.T) {
	for _, api := range []target.API{target.Chat, target.Completion} {
		t.Run(string(api), func(t *testing.T) {
			targettest.Run(t, targettest.Subject{
				Open:  func(t *testing.T) target.Target { return openFake(t, "fake:?gap=20ms&first=100ms&slots=4", api) },
				Model: "fake", Kind: openai.Kind, Bubble: true, NoTimings: true, FreeText: api == target.Completion,
				Slow: 100, Moment: 500 * time.Millisecond,
			})
		})
	}
}

// openFake returns the adapter on a simulator behind an in-memory connection.
func openFake(t *testing.T, profile string, api target.API) target.Target {
	t.Helper()
	p, err := fake.ParseProfile(profile)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := fake.New(p)
	if err != nil {
		t.Fatal(err)
	}
	cfg := targettest.Serve(t, sim.Handler())
	cfg.API = api
	return open(t, cfg)
}

func open(t *testing.T, cfg target.Config) target.Target {
	t.Helper()
	tgt, err := openai.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tgt
}
