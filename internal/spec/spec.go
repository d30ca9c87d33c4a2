// Package spec decides everything that can be decided before the first
// request: what is compared, which settings vary, in which order the trials
// run, and with which seeds.
//
// A spec is parsed, completed with defaults, validated and frozen, in that
// order and by four functions of which only the last hands out a value. What
// cannot be run is refused here, with the place in the file and the nearest
// legal word, because a mistake found after an hour of measuring costs an hour.
// Expand then lays the frozen spec out as a Plan. It reads no clock and no
// file; all randomness comes from the seed in the spec.
package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"chimera/internal/digest"
	"chimera/internal/quality"
)

// Version is the version of the spec format that this build reads.
const Version = 1

// Spec is a frozen experiment design: every default is filled in, every
// reference resolves, every prompt's text is present. It is shared and must
// not be changed. Its JSON form goes into the manifest; Decode reads it back.
type Spec struct {
	Version     int          `json:"version" jsonschema:"required,enum=1" jsonschema_description:"Version of the spec format: 1."`
	Name        string       `json:"name" jsonschema:"required,minLength=1,maxLength=100" jsonschema_description:"Short name of the run, on one line."`
	Question    string       `json:"question,omitempty" jsonschema:"maxLength=1000" jsonschema_description:"What the run is to answer; printed at the top of the report."`
	Targets     []Target     `json:"targets" jsonschema:"required,minItems=1" jsonschema_description:"Runtimes that answer requests."`
	Subjects    []Subject    `json:"subjects" jsonschema:"required,minItems=1" jsonschema_description:"What is compared: a model on a target."`
	Workloads   []Workload   `json:"workloads" jsonschema:"required,minItems=1" jsonschema_description:"Prompts with an output budget."`
	Experiments []Experiment `json:"experiments" jsonschema:"required,minItems=1" jsonschema_description:"What is run, in this order."`
	Design      Design       `json:"design" jsonschema_description:"How it is run."`
	Telemetry   Telemetry    `json:"telemetry" jsonschema_description:"How the machine is observed meanwhile."`
}

// Target is a runtime that answers requests.
type Target struct {
	ID   string `json:"id" jsonschema:"required" jsonschema_description:"Name of the target within the spec."`
	Kind string `json:"kind" jsonschema:"required" jsonschema_description:"Which adapter speaks to it."`
	URL  string `json:"url,omitempty" jsonschema_description:"Base URL, without user name or key; for in-process kinds a model folder. Empty: the kind's default; of native, the folder of chimera's own models, then the working folder."`
	API  API    `json:"api,omitempty" jsonschema:"enum=chat,enum=completion" jsonschema_description:"Which of the runtime's interfaces to use; default: the kind's own."`
	// KeyEnv names an environment variable. The key itself never enters a spec.
	KeyEnv string `json:"key_env,omitempty" jsonschema:"pattern=^[A-Za-z_][A-Za-z0-9_]*$" jsonschema_description:"Environment variable that holds the API key. Never the key itself."`
}

// API chooses among the ways to ask one runtime: "chat", "completion", or ""
// for the default.
type API string

// Subject is a model on a target.
type Subject struct {
	ID      string `json:"id" jsonschema:"required" jsonschema_description:"Name of the subject within the spec."`
	Target  string `json:"target" jsonschema:"required" jsonschema_description:"Id of the target that serves it."`
	Model   string `json:"model" jsonschema:"required,minLength=1" jsonschema_description:"The runtime's name of the model, or a file."`
	Options Config `json:"options,omitempty" jsonschema_description:"Options set in every request; a factor of the same name overrides it."`
	API     API    `json:"api,omitempty" jsonschema:"enum=chat,enum=completion" jsonschema_description:"Overrides the target's api."`
	Raw     bool   `json:"raw,omitempty" jsonschema_description:"Send prompts without the model's chat template, where the runtime has a choice."`
}

// Config is a requested configuration: float64, string or bool by option name.
type Config map[string]any

// Workload is a set of prompts with an output budget. Exactly one of Suite,
// File, Synthetic and the written prompts is its source; in a frozen spec
// Prompts holds the texts whatever the source was.
type Workload struct {
	ID        string       `json:"id" jsonschema:"required" jsonschema_description:"Name of the workload within the spec."`
	Suite     string       `json:"suite,omitempty" jsonschema_description:"A built-in set of prompts."`
	File      string       `json:"file,omitempty" jsonschema_description:"A file of prompts, relative to the spec: *.jsonl holds one {\"id\", \"text\", \"required\"} a line, any other file one prompt a line."`
	Prompts   []PromptText `json:"prompts,omitempty" jsonschema:"minItems=1" jsonschema_description:"The prompts themselves."`
	Synthetic *Synthetic   `json:"synthetic,omitempty" jsonschema_description:"Generated prompts of a given shape."`
	MaxTokens int          `json:"max_tokens,omitempty" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"Output budget of each request, in tokens; default 128."`
	// Expect is what every answer must keep; nil demands nothing beyond what any
	// answer must. It changes nothing in what is sent.
	Expect *quality.Contract `json:"expect,omitempty" jsonschema_description:"What every answer must keep; a built-in suite has its own. It is checked, not sent."`
}

// PromptText is one prompt of a workload. In a spec it may be written as bare
// text; its id is then p1, p2 … by position.
type PromptText struct {
	ID   string `json:"id,omitempty" jsonschema_description:"Name of the prompt within the workload."`
	Text string `json:"text" jsonschema:"required,minLength=1" jsonschema_description:"What is asked."`
	// Required is what the answer to this prompt must contain, beside what the
	// workload expects.
	Required []string `json:"required,omitempty" jsonschema_description:"What the answer to this prompt must contain, in any case."`
}

// Synthetic is a shape of work. Lengths are in words of a list in which nearly
// every word is one token for common vocabularies; what the server counted is
// in the samples.
type Synthetic struct {
	InputTokens  int `json:"input_tokens" jsonschema:"required,minimum=1,maximum=1000000" jsonschema_description:"Length of each prompt, in words of about one token."`
	OutputTokens int `json:"output_tokens" jsonschema:"required,minimum=1,maximum=1000000" jsonschema_description:"Output budget of each request, in tokens."`
	Count        int `json:"count,omitempty" jsonschema:"minimum=1,maximum=10000" jsonschema_description:"How many different prompts; default 5."`
}

// Kind of an experiment.
type Kind string

const (
	KindSuite Kind = "suite" // the workloads on every subject
	KindGrid  Kind = "grid"  // every combination of factor levels
	KindCold  Kind = "cold"  // unload, load, first request
)

// Experiment is one part of a run. A frozen experiment names its subjects and
// workloads.
type Experiment struct {
	ID        string   `json:"id" jsonschema:"required" jsonschema_description:"Name of the experiment within the spec."`
	Kind      Kind     `json:"kind" jsonschema:"required,enum=suite,enum=grid,enum=cold" jsonschema_description:"suite: the prompts on every subject. grid: every combination of the factors' levels. cold: unload, load, first request."`
	Subjects  []string `json:"subjects,omitempty" jsonschema:"minItems=1,uniqueItems=true" jsonschema_description:"Ids of subjects; default: all."`
	Workloads []string `json:"workloads,omitempty" jsonschema:"minItems=1,uniqueItems=true" jsonschema_description:"Ids of workloads; default: all, or the first one for kind cold, which asks the first prompt of each."`
	Factors   Factors  `json:"factors,omitempty" jsonschema_description:"Options that vary, with their levels."`
	Blocks    int      `json:"blocks,omitempty" jsonschema:"minimum=1,maximum=10000" jsonschema_description:"Randomised passes over all configurations; for kind cold the loads of each; default 3."`
	Repeats   int      `json:"repeats,omitempty" jsonschema:"minimum=1,maximum=10000" jsonschema_description:"Visits of every configuration and prompt within a block; default 1."`
	Streams   int      `json:"streams,omitempty" jsonschema:"minimum=1,maximum=1024" jsonschema_description:"Requests in flight at once (closed loop); default 1."`
}

// Factor is an option that varies, with its levels in the order written:
// float64, string or bool.
type Factor struct {
	Name   string
	Levels []any
}

// Factors keep the order in which they were written. The order is for display:
// a plan does not depend on it.
type Factors []Factor

// MarshalJSON writes an object in order.
func (f Factors) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, factor := range f {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(factor.Name)
		if err != nil {
			return nil, err
		}
		levels, err := json.Marshal(factor.Levels)
		if err != nil {
			return nil, fmt.Errorf("factor %s: %w", factor.Name, err)
		}
		out = append(append(append(out, name...), ':'), levels...)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON reads an object and keeps its order.
func (f *Factors) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("factors must be an object, but begin with %v", t)
	}
	*f = nil
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		factor := Factor{Name: name.(string)}
		if err := dec.Decode(&factor.Levels); err != nil {
			return fmt.Errorf("factor %s: %w", factor.Name, err)
		}
		*f = append(*f, factor)
	}
	return nil
}

// Cache says what a runtime's prefix cache may see.
type Cache string

const (
	UniquePrefix Cache = "unique-prefix" // a nonce goes first in every prompt
	AsIs         Cache = "as-is"         // prompts go out as written
)

// AliasRule says what to do with requested configurations that are one
// effective configuration.
type AliasRule string

const (
	Keep AliasRule = "keep" // run them all: together they are an A/A control
	Drop AliasRule = "drop" // run the first one written
)

// Design is how a run is conducted.
type Design struct {
	Seed      int64     `json:"seed" jsonschema:"minimum=0,maximum=9007199254740991" jsonschema_description:"Source of all randomness: order, samplers, nonces; default 1."`
	Warmup    int       `json:"warmup" jsonschema:"minimum=0,maximum=1000" jsonschema_description:"Requests recorded but not counted at the start of each plot; default 2."`
	ColdLoads int       `json:"cold_loads" jsonschema:"minimum=0,maximum=1000" jsonschema_description:"Cold loads of each subject, measured first as experiment cold; default 0."`
	Cache     Cache     `json:"cache" jsonschema:"enum=unique-prefix,enum=as-is" jsonschema_description:"unique-prefix puts a nonce first in every prompt so that no cached prefix matches; as-is does not; default unique-prefix."`
	Timeout   Duration  `json:"timeout" jsonschema_description:"Longest time for one request; default 120s."`
	Retries   int       `json:"retries" jsonschema:"minimum=0,maximum=10" jsonschema_description:"Attempts after a failed one; every attempt stays a row; default 0."`
	Aliases   AliasRule `json:"aliases" jsonschema:"enum=keep,enum=drop" jsonschema_description:"Requested configurations that are one effective configuration: keep runs all, drop runs the first; default keep."`
	// FixedLength asks for exactly the output budget, where the runtime can.
	FixedLength bool `json:"fixed_length" jsonschema_description:"Ask for exactly max_tokens tokens, where the runtime can; default false."`
}

// Telemetry is how the machine is observed.
type Telemetry struct {
	Interval Duration `json:"interval" jsonschema_description:"Time between two readings, 10ms to 1h; 0s switches telemetry off; default 1s."`
}

// Duration is written with a unit: "120s", "1m30s".
type Duration time.Duration

// D returns d as the standard type.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String prints d without trailing zero units: "2m", not "2m0s".
func (d Duration) String() string {
	text := time.Duration(d).String()
	for _, zero := range []struct{ long, short string }{{"m0s", "m"}, {"h0m", "h"}} {
		if cut, ok := bytes.CutSuffix([]byte(text), []byte(zero.long)); ok {
			text = string(cut) + zero.short
		}
	}
	return text
}

func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d *Duration) UnmarshalText(b []byte) error {
	if !durationForm.Match(b) {
		return fmt.Errorf("%s is not a duration such as 90s or 1m30s", strconv.Quote(string(b)))
	}
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// The forms that the schema and the parser share.
const (
	idPattern       = `^[A-Za-z0-9][A-Za-z0-9._:+-]{0,63}$`
	durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	envPattern      = `^[A-Za-z_][A-Za-z0-9_]*$`
)

var (
	idForm       = regexp.MustCompile(idPattern)
	durationForm = regexp.MustCompile(durationPattern)
	envForm      = regexp.MustCompile(envPattern)
)

// Target returns the target with this id.
func (s *Spec) Target(id string) (Target, bool) {
	return find(s.Targets, id, func(t Target) string { return t.ID })
}

// Subject returns the subject with this id.
func (s *Spec) Subject(id string) (Subject, bool) {
	return find(s.Subjects, id, func(t Subject) string { return t.ID })
}

// Workload returns the workload with this id.
func (s *Spec) Workload(id string) (Workload, bool) {
	return find(s.Workloads, id, func(t Workload) string { return t.ID })
}

func find[T any](list []T, id string, idOf func(T) string) (T, bool) {
	for _, v := range list {
		if idOf(v) == id {
			return v, true
		}
	}
	var none T
	return none, false
}

// Digest names the frozen spec: equal specs have equal digests, whatever their
// files looked like.
func (s *Spec) Digest() (string, error) { return digest.JSON(s) }

// Decode reads the JSON form of a frozen spec, as a manifest keeps it. It is
// not for specs written by people: it reports no places and fills in nothing.
func Decode(frozen []byte) (*Spec, error) {
	dec := json.NewDecoder(bytes.NewReader(frozen))
	dec.DisallowUnknownFields()
	var s Spec
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("frozen spec: %w", err)
	}
	if s.Version != Version {
		return nil, fmt.Errorf("frozen spec: version is %d, this build reads %d", s.Version, Version)
	}
	return &s, nil
}
