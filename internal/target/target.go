// Package target speaks to runtimes: it stamps bytes first and parses after.
//
// A target adapter turns one request into one observation. It notes the
// instant of every read before anything is decoded, keeps the runtime's own
// fields as they came, and reports a failure as an observation with a reason:
// a measuring client that returns an error has lost a row. An adapter never
// decides when to send, never retries and never computes a rate.
package target

import (
	"context"
	"net"
	"time"

	"chimera/internal/sample"
	"chimera/internal/spec"
)

// Clock returns the time since the run's origin. It is monotonic and cheap,
// and safe for concurrent use.
type Clock func() time.Duration

// Target is one runtime that answers requests. Every method is safe for
// concurrent use. Deadlines come with ctx.
type Target interface {
	// Describe asks what the runtime knows about model. An unknown model is an
	// error with a hint; a fact that the runtime does not tell is absent.
	Describe(ctx context.Context, model string) (Description, error)

	// Effective maps a requested configuration to the one the runtime would
	// really use, as far as d lets it know: clamped, defaulted, unknown keys
	// kept. It does no I/O and does not change requested.
	Effective(d Description, requested map[string]any) map[string]any

	// ReloadKey names the load that a configuration needs: two configurations
	// with equal keys share a loaded model.
	ReloadKey(requested map[string]any) string

	// Load makes the model resident with this configuration and returns when it
	// is. A runtime that cannot load on demand reports Residency Unmanaged.
	Load(ctx context.Context, model string, config map[string]any) (Loaded, error)

	// Unload frees the model, and returns when it is gone.
	Unload(ctx context.Context, model string) (Residency, error)

	// Stream sends one request and returns what happened, whatever happened:
	// failures are observations. It never returns later than ctx allows by
	// more than the time of one read.
	Stream(ctx context.Context, req Request, now Clock) sample.Observation

	// Close frees connections or memory. It is idempotent.
	Close() error
}

// Residency says whether loads are under chimera's control.
type Residency string

const (
	Managed   Residency = "managed"   // the runtime loads and unloads on demand
	Unmanaged Residency = "unmanaged" // it keeps its model; cold measurements are not possible
)

// Loaded is what a load told.
type Loaded struct {
	Residency Residency
	Took      sample.Opt[time.Duration] // as the client saw it
	Effective map[string]any            // read back from the runtime, where it can be
	Bytes     sample.Opt[uint64]        // resident size
	VRAM      sample.Opt[uint64]        // of which on an accelerator
	PID       sample.Opt[int]           // the runtime's process, if it is on this machine and known
}

// Description is what a runtime says about itself and a model.
type Description struct {
	Server     string // name and version: "ollama 0.17.4"
	Model      string
	Digest     string
	Quant      string
	Arch       string
	Layers     sample.Opt[int]
	TrainedCtx sample.Opt[int]
	Parameters sample.Opt[uint64]
	FileBytes  sample.Opt[uint64]
	Synthetic  bool
	Facts      map[string]string // anything else worth keeping in the manifest
}

// Request is one question. The adapter translates it and adds nothing.
type Request struct {
	Model     string
	API       API
	Prompt    string
	MaxTokens int // output budget, > 0
	Seed      int64
	Config    map[string]any // runtime and sampling options, by the names of Options
	// Raw sends the prompt without the model's chat template, where the API
	// has a choice.
	Raw bool
	// Cache allows the runtime to reuse a cached prompt prefix, where it lets
	// the client choose.
	Cache bool
	// Fixed asks for exactly MaxTokens tokens, where the runtime can (ignore
	// the end-of-sequence token).
	Fixed bool
	// Constraint is what the answer's text must follow; the zero value is free
	// text. It does not go with Fixed: what it describes has an end of its own.
	Constraint Constraint
	// Ended, if not nil, is called once when the answer's last byte has been
	// stamped, if any work is left after it; that work waits until it returns.
	// So another request can go out before this one's bytes are parsed.
	Ended func()
}

// API chooses among the ways to ask one runtime.
type API string

const (
	Chat       API = "chat"       // messages, with the model's template
	Completion API = "completion" // bare text
)

// Config says how to reach a target. Secret is never stored, logged or
// printed: its String is a placeholder.
type Config struct {
	ID     string
	URL    string // base URL, or a model folder for in-process targets
	API    API    // "" = the kind's default
	Secret Secret
	Limits Limits // a zero field means DefaultLimits'
	// Proxy is the URL of an HTTP proxy; "" means none. The environment's proxy
	// settings are never read: a measured path must stand in the manifest.
	Proxy string
	// Dial opens connections; nil means TCP. For other transports and for tests.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Limits bound what a server can make the client hold.
type Limits struct {
	Line     int // longest line, bytes
	Response int // longest response body, bytes
}

// DefaultLimits leave room for a 1 MiB line and a very long answer.
var DefaultLimits = Limits{Line: 8 << 20, Response: 256 << 20}

// Secret is an API key. It prints as a placeholder, everywhere.
type Secret string

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[secret]"
}

// GoString keeps %#v from showing the key.
func (s Secret) GoString() string { return s.String() }

// MarshalText keeps encoders from writing the key.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Reveal returns the key itself, for an Authorization header and nothing else.
func (s Secret) Reveal() string { return string(s) }

// A Kind is an adapter that can be named in a spec.
type Kind struct {
	Name    string // ollama, openai, llamaserver, native, fake
	Options []spec.Option
	// Constraints are the notations that its adapters can pass on. An API of a
	// runtime may have no place for them and refuse them all the same.
	Constraints []Notation
	Open        func(Config) (Target, error)
}
