package sample

import (
	"encoding/json"
	"time"
)

// Manifest is everything about a run that is not a row: what was asked, by
// which build, on which machine, against which models. It is part of the run's
// digest. A field that could not be read is absent, and Absent says why.
type Manifest struct {
	Schema     int               `json:"schema"`
	Run        string            `json:"run"`
	Name       string            `json:"name"`
	Question   string            `json:"question,omitempty"`
	Tool       Build             `json:"tool"`
	Host       Host              `json:"host"`
	Subjects   []SubjectRecord   `json:"subjects"`
	Spec       json.RawMessage   `json:"spec"` // the frozen spec, defaults filled in, no secrets
	SpecDigest string            `json:"spec_sha256"`
	PlanDigest string            `json:"plan_sha256,omitempty"` // absent where the plan grows
	Prompts    []PromptRecord    `json:"prompts"`
	Seed       int64             `json:"seed"`
	Planned    int               `json:"planned"`
	Clock      Clock             `json:"clock"`
	Sessions   []Session         `json:"sessions"`
	Aliases    []Alias           `json:"aliases,omitempty"`
	Warnings   []string          `json:"warnings,omitempty"`
	Absent     map[string]string `json:"absent,omitempty"` // field → why it is not here
}

// Build names the chimera build that conducted the run.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Dirty   bool   `json:"dirty,omitempty"`
	Go      string `json:"go"`
}

// Host is the machine on which chimera ran.
type Host struct {
	OS          string      `json:"os"`
	Kernel      string      `json:"kernel,omitempty"`
	Arch        string      `json:"arch"`
	CPU         string      `json:"cpu,omitempty"`
	Cores       int         `json:"cores"`
	MemoryBytes Opt[uint64] `json:"memory_bytes,omitzero"`
	Governor    string      `json:"governor,omitempty"`
	Power       string      `json:"power,omitempty"` // ac, battery
	GPUs        []GPU       `json:"gpus,omitempty"`
}

// GPU is one accelerator of the host.
type GPU struct {
	Name        string      `json:"name"`
	Driver      string      `json:"driver,omitempty"`
	MemoryBytes Opt[uint64] `json:"memory_bytes,omitzero"`
}

// SubjectRecord is what a target said about a subject before the run.
type SubjectRecord struct {
	ID         string      `json:"id"`
	Target     string      `json:"target"`
	Kind       string      `json:"kind"`
	URL        string      `json:"url,omitempty"` // without user info
	Model      string      `json:"model"`
	Server     string      `json:"server,omitempty"` // name and version of the runtime
	Digest     string      `json:"digest,omitempty"`
	Quant      string      `json:"quantization,omitempty"`
	Arch       string      `json:"architecture,omitempty"`
	Layers     Opt[int]    `json:"layers,omitzero"`
	TrainedCtx Opt[int]    `json:"trained_context,omitzero"`
	Parameters Opt[uint64] `json:"parameters,omitzero"`
	FileBytes  Opt[uint64] `json:"file_bytes,omitzero"`
	Synthetic  bool        `json:"synthetic,omitempty"`
	// Facts are what else the runtime told of itself and the model, by its own
	// names.
	Facts map[string]string `json:"facts,omitempty"`
}

// PromptRecord names a prompt by its text's digest.
type PromptRecord struct {
	Workload string `json:"workload"`
	ID       string `json:"id"`
	SHA256   string `json:"sha256"`
}

// Clock ties the run's offsets to the calendar, once.
type Clock struct {
	Origin time.Time `json:"origin"` // wall time at offset 0, UTC
	Source string    `json:"source"` // "monotonic"
}

// Session is one uninterrupted stretch of a run: the first, or a resume.
type Session struct {
	Number  int           `json:"number"`
	Started time.Time     `json:"started"`
	Offset  time.Duration `json:"offset"` // of its own origin from the run's
	// Repeats names the blocks that the session before left unfinished and
	// that this one ran again: "experiment/block".
	Repeats []string `json:"repeats,omitempty"`
}

// Alias is a set of requested configurations that the runtime treats as one.
type Alias struct {
	Subject   string           `json:"subject"`
	Effective map[string]any   `json:"effective"`
	Requested []map[string]any `json:"requested"`
	Known     string           `json:"known"` // "before" or "after" the run
}
