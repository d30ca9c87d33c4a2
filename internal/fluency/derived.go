package fluency

import (
	"encoding/json"
	"fmt"

	"chimera/internal/digest"
	"chimera/internal/sample"
	"chimera/internal/spec"
)

// Rules is the version of how texts become readings. It is part of a derived
// run's id.
const Rules = 1

// Source is the run whose answers are judged.
type Source struct {
	Manifest sample.Manifest
	Digest   string // of its last seal
}

// judged stands for the spec in a derived run's manifest.
type judged struct {
	Of        string `json:"quality_of"`       // the source run
	Digest    string `json:"of_sha256"`        // its seal: the rows that were read
	Reference string `json:"reference_sha256"` // the model file
	Model     string `json:"reference_model"`
	Rules     int    `json:"rules"`
}

// Derived is the run that holds the readings of a source under a reference. A
// sealed run never changes, so what is learned of it later is a run of its own
// that names it. The same source and reference give the same run.
func (r *Reference) Derived(src Source, tool sample.Build) (sample.Manifest, *spec.Plan, error) {
	asked := judged{Of: src.Manifest.Run, Digest: src.Digest, Reference: r.Digest(), Model: r.name, Rules: Rules}
	text, err := json.Marshal(asked)
	if err != nil {
		return sample.Manifest{}, nil, fmt.Errorf("derive a run: %w", err)
	}
	plan := &spec.Plan{Schema: 1, Name: "quality of " + src.Manifest.Name, Prompts: map[string]spec.Prompt{}, Trials: []spec.Trial{}}
	planSum, err := digest.JSON(plan)
	if err != nil {
		return sample.Manifest{}, nil, fmt.Errorf("derive a run: %w", err)
	}
	sum := digest.Bytes(text)
	m := sample.Manifest{Schema: 1, Run: digest.Short(sum, 16), Name: plan.Name, Tool: tool, Host: src.Manifest.Host, Subjects: src.Manifest.Subjects,
		Spec: text, SpecDigest: sum, PlanDigest: planSum, Prompts: src.Manifest.Prompts, Seed: src.Manifest.Seed,
		Clock:    sample.Clock{Origin: src.Manifest.Clock.Origin, Source: "run " + src.Manifest.Run},
		Sessions: []sample.Session{{Started: src.Manifest.Clock.Origin}},
		Warnings: []string{"derived: readings of the answers of run " + src.Manifest.Run + " under the reference " + r.Digest()}}
	return m, plan, nil
}
