package spec

import (
	"strings"

	"chimera/internal/digest"
)

// An Option is a parameter that a kind of target lets a spec set, as a factor
// or in a subject's options.
type Option struct {
	Name   string
	Type   OptionType
	Min    float64  // for Int and Float: smallest value; used only if Min < Max
	Max    float64  // for Int and Float: largest value
	Enum   []string // for Enum: the allowed values
	Reload bool     // changing it makes the runtime load the model again
	Doc    string   // one line, with unit
}

// OptionType is the type of an option's values.
type OptionType string

const (
	Int   OptionType = "int"
	Float OptionType = "float"
	Bool  OptionType = "bool"
	Enum  OptionType = "enum"
	Text  OptionType = "text"
)

// Catalogue says for each kind of target which options it can set.
type Catalogue map[string][]Option

// ReloadKey names the load a configuration needs: the canonical form of its
// values for the options that force a reload. Requested values count, not
// effective ones: real runtimes reload even between two values that they
// clamp to the same.
func ReloadKey(options []Option, config map[string]any) string {
	key := map[string]any{}
	for _, o := range options {
		if v, ok := config[o.Name]; ok && o.Reload {
			key[o.Name] = v
		}
	}
	return ConfigID(key)
}

// ConfigID is the canonical text of a configuration: equal configurations have
// equal ids. Values are float64, string or bool.
func ConfigID(config map[string]any) string {
	b, err := digest.Canonical(config)
	if err != nil { // only a value that no parser here makes (NaN, func) gets here
		panic("spec: configuration is not canonical: " + err.Error())
	}
	return strings.Clone(string(b))
}

// Phase of a planned trial; the words are those of package sample.
type Phase string

const (
	Cold    Phase = "cold"
	Warmup  Phase = "warmup"
	Measure Phase = "measure"
)

// Plan is a frozen spec laid out in the order in which it is to be run. The
// same spec and seed give the same plan, byte for byte.
type Plan struct {
	Schema  int               `json:"schema"`
	Name    string            `json:"name"`
	Seed    int64             `json:"seed"`
	Prompts map[string]Prompt `json:"prompts"` // by "workload/id"
	Trials  []Trial           `json:"trials"`
	Aliases []Alias           `json:"aliases,omitempty"`
	// Grows says that nobody could know the trials before the run, since each
	// request follows from the answers before it: trials are appended as they
	// are asked, with their prompts in Trial.Asked.
	Grows bool `json:"grows,omitempty"`
}

// PromptOf returns what a trial of the plan asks.
func (p *Plan) PromptOf(t *Trial) (Prompt, bool) {
	if t.Asked != nil {
		return *t.Asked, true
	}
	prompt, ok := p.Prompts[t.Prompt]
	return prompt, ok
}

// Prompt is one text with its output budget.
type Prompt struct {
	Workload  string `json:"workload"`
	ID        string `json:"id"`
	Text      string `json:"text"`
	SHA256    string `json:"sha256"`
	MaxTokens int    `json:"max_tokens"`
	// Fixed asks for exactly MaxTokens tokens, where the runtime can.
	Fixed bool `json:"fixed,omitempty"`
	// What the answer must follow, one of them at most; both empty: any text.
	JSONSchema string `json:"json_schema,omitempty"`
	GBNF       string `json:"gbnf,omitempty"`
}

// Alias is a set of requested configurations known to be one effective
// configuration before anything was measured.
type Alias struct {
	Subject   string           `json:"subject"`
	Effective map[string]any   `json:"effective"`
	Requested []map[string]any `json:"requested"`
}

// Trial is one planned request.
type Trial struct {
	ID         string         `json:"id"` // unique in the plan, stable: "sweep/b2/0041"
	Experiment string         `json:"experiment"`
	Subject    string         `json:"subject"`
	Target     string         `json:"target"`
	Workload   string         `json:"workload"`
	Prompt     string         `json:"prompt"` // "workload/id", key into Plan.Prompts
	Config     map[string]any `json:"config"`
	Block      int            `json:"block"`  // from 0, within the experiment
	Repeat     int            `json:"repeat"` // from 0: the n-th visit of this cell within the block
	Order      int            `json:"order"`  // position in Plan.Trials
	Phase      Phase          `json:"phase"`
	// Plot numbers the stretches of trials that share one load of one model;
	// it increases along the plan. The conductor loads (and, for cold trials,
	// first unloads) the model where a plot begins, then runs its trials in
	// order, Streams at a time.
	Plot    int    `json:"plot"`
	Streams int    `json:"streams"`
	Seed    int64  `json:"seed"`            // for the runtime's sampler
	Nonce   string `json:"nonce,omitempty"` // goes first in the prompt; empty when the cache mode is as-is
	// Asked is the prompt of a trial in a plan that grows.
	Asked *Prompt `json:"asked,omitempty"`
}

// Text is what is sent: the nonce, if any, and the prompt.
func (t Trial) Text(p Prompt) string {
	if t.Nonce == "" {
		return p.Text
	}
	return "[" + t.Nonce + "] " + p.Text
}
