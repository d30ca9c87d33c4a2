package storetest

import (
	"fmt"
	"testing"
	"time"

	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/unit"
)

// Manifest is a run's manifest that fits Plan(blocks).
func Manifest(run string, blocks int) sample.Manifest {
	return sample.Manifest{
		Schema: 1, Run: run, Name: "variants", Question: "which is fastest at <1 % & equal work?",
		Tool: sample.Build{Version: "1.0.0", Go: "go1.26"}, Host: sample.Host{OS: "linux", Arch: "amd64", Cores: 2},
		Subjects: []sample.SubjectRecord{{ID: "270m", Target: "box", Kind: "fake", Model: "gemma3:270m", Layers: sample.Some(18)}},
		Spec:     []byte(`{"version":1,"name":"variants"}`), SpecDigest: "5", PlanDigest: "9",
		Prompts: []sample.PromptRecord{{Workload: "banter", ID: "loot", SHA256: "a"}},
		Seed:    1, Planned: 2 * blocks,
		Clock:    sample.Clock{Origin: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Source: "monotonic"},
		Sessions: []sample.Session{{Number: 0, Started: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}},
	}
}

// Plan has two trials in each of so many blocks of experiment "sweep".
func Plan(blocks int) *spec.Plan {
	p := &spec.Plan{Schema: 1, Name: "variants", Seed: 1, Prompts: map[string]spec.Prompt{
		"banter/loot": {Workload: "banter", ID: "loot", Text: "Say <hello> & go", SHA256: "a", MaxTokens: 64}}}
	for i := range 2 * blocks {
		p.Trials = append(p.Trials, spec.Trial{ID: fmt.Sprintf("sweep/b%d/%04d", i/2, i), Experiment: "sweep",
			Subject: "270m", Target: "box", Workload: "banter", Prompt: "banter/loot", Config: map[string]any{"num_ctx": 1024.0},
			Block: i / 2, Order: i, Phase: spec.Measure, Streams: 1, Seed: int64(i)})
	}
	return p
}

// Sample is the final row of one of a plan's trials, in the given session.
func Sample(run string, t spec.Trial, session int, outcome sample.Outcome) *sample.Sample {
	ms := func(n int) sample.Opt[time.Duration] {
		return sample.Some(time.Duration(t.Order*1000+n) * time.Millisecond)
	}
	s := &sample.Sample{
		Schema: sample.Schema, Run: run, Session: session, Trial: t.ID, Experiment: t.Experiment, Subject: t.Subject, Target: t.Target,
		Workload: t.Workload, Prompt: t.Prompt, PromptSHA256: "a", Config: t.Config, Block: t.Block, Order: t.Order,
		Phase: sample.Phase(t.Phase), Provenance: sample.Simulated, Final: true,
	}
	s.Outcome = outcome
	s.T = sample.Timeline{Sched: ms(0), Send: ms(0), End: ms(31)}
	if outcome != sample.OK {
		s.Failure = &sample.Failure{Class: sample.ClassConnect, Message: "connection refused"}
		return s
	}
	s.T.First, s.T.Last = ms(10), ms(30)
	s.Chunks = []sample.Chunk{{At: ms(10).Or(0), Chars: 3, Kind: sample.Content}, {At: ms(30).Or(0), Chars: 4, Kind: sample.Content}}
	s.Tokens = sample.Tokens{Prompt: sample.Some(12), Cached: sample.Some(0), Output: sample.Some(2), Source: sample.FromServer}
	s.Server = []byte(`{"eval_count":2}`)
	s.SetText("Hi <b> & \u2028 bye")
	return s
}

// Samples are the final rows of all trials, each ok.
func Samples(run string, p *spec.Plan) []*sample.Sample {
	var all []*sample.Sample
	for _, t := range p.Trials {
		all = append(all, Sample(run, t, 0, sample.OK))
	}
	return all
}

// Readings are a value and an absence.
func Readings(run string) []*sample.Reading {
	return []*sample.Reading{
		{Run: run, Kind: "telemetry", Series: "gpu.power", Unit: unit.Watt, At: time.Second, Value: sample.Some(0.0), Provenance: sample.Measured},
		{Run: run, Kind: "telemetry", Series: "gpu.temperature", Unit: unit.Celsius, At: time.Second, Reason: "no sensor",
			Labels: map[string]string{"gpu": "0"}, Provenance: sample.Measured},
	}
}

// created returns a store with an open run of so many blocks.
func created(t *testing.T, s store.Store, run string, blocks int) *spec.Plan {
	t.Helper()
	p := Plan(blocks)
	must(t, s.CreateRun(t.Context(), Manifest(run, blocks), p))
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
