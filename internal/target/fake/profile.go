package fake

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"chimera/internal/fault"
)

// A Profile is the truth that a simulator plays: every duration and count is
// known, so that what a client measured can be judged.
type Profile struct {
	Models []Model
	// Slots is how many requests are answered at once; further ones wait in
	// order of arrival, after their model is loaded and before its clocks start.
	Slots int
	// Noise is the relative standard deviation of a request's pace: one factor,
	// drawn per request, scales its prompt evaluation and its gaps.
	Noise float64
	// Drift is the relative change of every pace per minute since New.
	Drift float64
	// ReloadEvery makes every n-th request of a model that is loaded load it
	// again, though nothing asked for that; 0 never.
	ReloadEvery int
	Effects     []Effect
	Faults      []Fault
	Seed        uint64 // of noise, jitter and text
	// Answer scripts what is said; where ok is false, and where it is nil, the
	// simulator makes something up. What it returns is cut at the budget and held
	// to no constraint. It must be safe for concurrent use. Only code can set it.
	Answer func(Question) (text string, ok bool)
}

// A Model is one thing that can be asked.
type Model struct {
	Name       string
	Digest     string
	Quant      string
	Layers     int // num_gpu is clamped to Layers+1
	TrainedCtx int // num_ctx is clamped to it
	Parameters uint64
	Bytes      uint64

	Load     time.Duration // until the model is resident
	Overhead time.Duration // of every request, before it may queue for a slot
	First    time.Duration // constant part of the prompt's evaluation
	Prefill  float64       // prompt tokens/s beyond that; 0: they cost nothing
	Gap      time.Duration // from one token to the next
	Jitter   float64       // a token is up to Jitter·Gap early or late, in [0, 0.5)

	Tokens         int // natural length of an answer; 0: the whole budget
	TokensPerChunk int // from the second chunk on; the first holds one token
	Reasoning      int // how many of the first tokens are reasoning
}

// An Effect scales the pace of requests whose effective configuration has
// Option at Value. Factors of several effects multiply.
type Effect struct {
	Option string
	Value  string // as fmt.Sprint writes the value
	Gap    float64
	First  float64 // of the whole prompt evaluation
}

// A Fault makes every Every-th request misbehave, the Every-th first.
type Fault struct {
	Mode       Mode
	Every      int           // > 0; 1: every request
	After      int           // tokens before it happens: reset, cut, stall, server
	Status     int           // mode http
	RetryAfter time.Duration // mode http; 0: no such header
}

// Mode is a way to fail.
type Mode string

const (
	FaultHTTP    Mode = "http"     // an answer with Status
	FaultServer  Mode = "server"   // an error inside the stream
	FaultReset   Mode = "reset"    // the connection breaks
	FaultCut     Mode = "cut"      // the stream ends without its final record
	FaultStall   Mode = "stall"    // the stream stops and stays open
	FaultSilent  Mode = "silent"   // nothing ever comes
	FaultEmpty   Mode = "empty"    // an answer without tokens
	FaultNoUsage Mode = "no-usage" // a final record without counts and durations
)

var modes = []Mode{FaultHTTP, FaultServer, FaultReset, FaultCut, FaultStall, FaultSilent, FaultEmpty, FaultNoUsage}

// DefaultModel is a small model on a fast machine.
func DefaultModel() Model {
	return Model{
		Name: "fake", Digest: "sha256:fa4e", Quant: "Q4_K_M", Layers: 18, TrainedCtx: 32768, Parameters: 268_098_176, Bytes: 253_113_294,
		Load: 200 * time.Millisecond, Overhead: time.Millisecond, First: 20 * time.Millisecond, Prefill: 10_000,
		Gap: 5 * time.Millisecond, TokensPerChunk: 1,
	}
}

// DefaultProfile serves DefaultModel, one request at a time.
func DefaultProfile() Profile { return Profile{Models: []Model{DefaultModel()}, Slots: 1, Seed: 1} }

// ParseProfile reads a profile from the form of a URL's query, which may
// follow "fake:", "fake://" or "?". An empty text is DefaultProfile.
//
//	model=a&model=b*1.5           two models; b is 1.5 times as slow as a
//	load overhead first gap       durations ("20ms") of the first model
//	prefill                       prompt tokens/s
//	jitter noise drift            relative: 0.1
//	tokens tokens_per_chunk reasoning layers trained_ctx slots reload_every seed   counts
//	effect=num_thread:4:0.8       gap ×0.8 where num_thread is 4 (a 4th part scales the first token)
//	fault=cut:7:3                 every 7th request is cut after 3 tokens
//	fault=http:5:429:2s           every 5th request gets status 429, Retry-After 2 s
func ParseProfile(text string) (Profile, error) {
	p := DefaultProfile()
	query := text
	for _, prefix := range []string{"fake:", "//", "?"} {
		query = strings.TrimPrefix(query, prefix)
	}
	values, err := url.ParseQuery(query)
	if err != nil || strings.Contains(query, "://") {
		return p, fault.With(fmt.Errorf("fake profile %q is not in the form key=value&key=value", text), fault.Usage,
			`write it like "fake:?gap=20ms&first=100ms", or choose the kind that the server at this address speaks`)
	}
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if err := p.set(key, values[key]); err != nil {
			return p, fault.With(fmt.Errorf("fake profile: %w", err), fault.Usage, "the keys are "+strings.Join(profileKeys(), ", "))
		}
	}
	if err := p.name(values["model"]); err != nil {
		return p, fault.With(fmt.Errorf("fake profile: %w", err), fault.Usage, `write it like "model=a&model=b*1.5"`)
	}
	if err := p.validate(); err != nil {
		return p, fault.With(fmt.Errorf("fake profile: %w", err), fault.Usage, "")
	}
	return p, nil
}

func profileKeys() []string {
	keys := []string{"model", "effect", "fault"}
	p := DefaultProfile()
	for key := range p.fields() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// fields maps the keys with one value to where they are kept.
func (p *Profile) fields() map[string]any {
	m := &p.Models[0]
	return map[string]any{
		"load": &m.Load, "overhead": &m.Overhead, "first": &m.First, "gap": &m.Gap,
		"prefill": &m.Prefill, "jitter": &m.Jitter, "noise": &p.Noise, "drift": &p.Drift,
		"tokens": &m.Tokens, "tokens_per_chunk": &m.TokensPerChunk, "reasoning": &m.Reasoning,
		"layers": &m.Layers, "trained_ctx": &m.TrainedCtx, "slots": &p.Slots, "reload_every": &p.ReloadEvery, "seed": &p.Seed,
	}
}

func (p *Profile) set(key string, values []string) error {
	switch key {
	case "model":
		return nil
	case "effect":
		return each(values, func(v string) error { return p.addEffect(v) })
	case "fault":
		return each(values, func(v string) error { return p.addFault(v) })
	}
	into, ok := p.fields()[key]
	if !ok {
		return fmt.Errorf("key %q is unknown", key)
	}
	if len(values) != 1 {
		return fmt.Errorf("key %q is given %d times", key, len(values))
	}
	var err error
	switch into := into.(type) {
	case *time.Duration:
		*into, err = time.ParseDuration(values[0])
	case *float64:
		*into, err = strconv.ParseFloat(values[0], 64)
	case *int:
		*into, err = strconv.Atoi(values[0])
	case *uint64:
		*into, err = strconv.ParseUint(values[0], 10, 64)
	}
	if err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	return nil
}

func each(values []string, do func(string) error) error {
	for _, v := range values {
		if err := do(v); err != nil {
			return err
		}
	}
	return nil
}

// name lays out the models: each a copy of the first, slowed by its factor.
func (p *Profile) name(names []string) error {
	if len(names) == 0 {
		return nil
	}
	first := p.Models[0]
	p.Models = nil
	for _, text := range names {
		name, slow, scaled := strings.Cut(text, "*")
		m := first
		m.Name, m.Digest = name, "sha256:"+name
		if scaled {
			k, err := strconv.ParseFloat(slow, 64)
			if err != nil || k <= 0 {
				return fmt.Errorf("model %q: the factor must be a number above 0, but is %q", name, slow)
			}
			m.First, m.Gap, m.Load = stretch(m.First, k), stretch(m.Gap, k), stretch(m.Load, k)
			m.Prefill /= k
		}
		p.Models = append(p.Models, m)
	}
	return nil
}

func (p *Profile) addEffect(text string) error {
	parts := strings.Split(text, ":")
	if len(parts) < 3 || len(parts) > 4 {
		return fmt.Errorf("effect %q must be option:value:factor or option:value:factor:factor", text)
	}
	e := Effect{Option: parts[0], Value: parts[1], Gap: 1, First: 1}
	for i, into := range []*float64{&e.Gap, &e.First}[:len(parts)-2] {
		k, err := strconv.ParseFloat(parts[2+i], 64)
		if err != nil {
			return fmt.Errorf("effect %q: %w", text, err)
		}
		*into = k
	}
	p.Effects = append(p.Effects, e)
	return nil
}

func (p *Profile) addFault(text string) error {
	parts := strings.Split(text, ":")
	f := Fault{Mode: Mode(parts[0]), Every: 1, Status: 503}
	number := func(i int, into *int) error {
		if len(parts) <= i {
			return nil
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return fmt.Errorf("fault %q: %w", text, err)
		}
		*into = n
		return nil
	}
	third := &f.After
	if f.Mode == FaultHTTP {
		third = &f.Status
	}
	for i, into := range []*int{&f.Every, third} {
		if err := number(i+1, into); err != nil {
			return err
		}
	}
	if len(parts) > 3 {
		wait, err := time.ParseDuration(parts[3])
		if err != nil {
			return fmt.Errorf("fault %q: %w", text, err)
		}
		f.RetryAfter = wait
	}
	p.Faults = append(p.Faults, f)
	return nil
}

func (p *Profile) validate() error {
	if len(p.Models) == 0 {
		return fmt.Errorf("there must be at least one model")
	}
	if p.Slots < 1 {
		return fmt.Errorf("slots must be at least 1, but is %d", p.Slots)
	}
	if p.Noise < 0 || p.Noise > 1 {
		return fmt.Errorf("noise must lie in [0, 1], but is %v", p.Noise)
	}
	for i := range p.Models {
		if err := p.Models[i].validate(); err != nil {
			return fmt.Errorf("model %q: %w", p.Models[i].Name, err)
		}
	}
	for _, e := range p.Effects {
		if e.Gap <= 0 || e.First <= 0 {
			return fmt.Errorf("the effect of %s = %s must have factors above 0, but has %v and %v", e.Option, e.Value, e.Gap, e.First)
		}
	}
	for _, f := range p.Faults {
		if !slices.Contains(modes, f.Mode) {
			return fmt.Errorf("the fault's mode must be one of %v, but is %q", modes, f.Mode)
		}
		if f.Every < 1 {
			return fmt.Errorf("fault %s must happen every 1 or more requests, but every %d", f.Mode, f.Every)
		}
	}
	return nil
}

func (m *Model) validate() error {
	switch {
	case m.Name == "":
		return fmt.Errorf("the name is empty")
	case m.Gap < 0 || m.First < 0 || m.Load < 0 || m.Overhead < 0:
		return fmt.Errorf("durations must not be negative")
	case m.Jitter < 0 || m.Jitter >= 0.5:
		return fmt.Errorf("jitter must lie in [0, 0.5), but is %v", m.Jitter)
	case m.Prefill < 0 || m.Tokens < 0 || m.Reasoning < 0:
		return fmt.Errorf("prefill, tokens and reasoning must not be negative")
	case m.TokensPerChunk < 1:
		return fmt.Errorf("tokens per chunk must be at least 1, but is %d", m.TokensPerChunk)
	case m.Layers < 1 || m.TrainedCtx < 1:
		return fmt.Errorf("layers and trained context must be at least 1, but are %d and %d", m.Layers, m.TrainedCtx)
	}
	return nil
}

func stretch(d time.Duration, k float64) time.Duration { return time.Duration(float64(d) * k) }
