package fake

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// A Record is what really happened to one request. Instants are offsets from
// the simulator's origin on its monotonic clock, in nanoseconds when written.
type Record struct {
	Request      int           `json:"request"` // in order of arrival, from 0
	Protocol     string        `json:"protocol"`
	Model        string        `json:"model"`
	PromptSHA256 string        `json:"prompt_sha256"`
	Seed         int64         `json:"seed"`
	Visit        int           `json:"visit"` // how often the same request came before
	WallNS       int64         `json:"wall_ns"`
	Arrival      time.Duration `json:"arrival"`
	Load         time.Duration `json:"load"`  // of which loading the model
	Ready        time.Duration `json:"ready"` // from arrival until it could queue: load and overhead
	Wait         time.Duration `json:"wait"`  // for a slot
	Reload       bool          `json:"reload,omitempty"`
	Emitted      []Emission    `json:"emitted"`
	End          time.Duration `json:"end"`
	Prompt       int           `json:"prompt_tokens"`
	Cached       int           `json:"cached_tokens"`
	Output       int           `json:"output_tokens"` // planned; fewer are emitted if it failed
	Fault        string        `json:"fault,omitempty"`
	Failed       string        `json:"failed,omitempty"`
}

// An Emission is the instant just before a piece of text was handed over.
type Emission struct {
	At     time.Duration
	Tokens int
}

// MarshalJSON writes [ns, tokens].
func (e Emission) MarshalJSON() ([]byte, error) {
	return json.Marshal([2]int64{int64(e.At), int64(e.Tokens)})
}

func (e *Emission) UnmarshalJSON(b []byte) error {
	var pair [2]int64
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	e.At, e.Tokens = time.Duration(pair[0]), int(pair[1])
	return nil
}

// Truth returns the records of all requests that have ended, by arrival.
func (s *Simulator) Truth() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Record, len(s.mu.truth))
	for i, r := range s.mu.truth {
		out[i] = *r
	}
	slices.SortFunc(out, func(a, b Record) int { return a.Request - b.Request })
	return out
}

// admit numbers a request and decides whether it will fail.
func (s *Simulator) admit(q ask, arrival time.Duration) (*Record, Fault) {
	rec := &Record{Protocol: q.protocol, Model: q.model, PromptSHA256: sha(q.prompt), Seed: q.seed,
		WallNS: s.origin.Add(arrival).UnixNano(), Arrival: arrival}
	s.mu.Lock()
	defer s.mu.Unlock()
	rec.Request = s.mu.served
	s.mu.served++
	rec.Visit = s.mu.seen[rec.PromptSHA256]
	s.mu.seen[rec.PromptSHA256]++
	if n := s.profile.ReloadEvery; n > 0 {
		rec.Reload = s.mu.served%n == 0
	}
	for _, f := range s.profile.Faults {
		if s.mu.served%f.Every == 0 {
			rec.Fault = string(f.Mode)
			return rec, f
		}
	}
	return rec, Fault{}
}

// log keeps a record once its request is over.
func (s *Simulator) log(rec *Record, err error) {
	rec.End = s.now()
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		rec.Failed = "canceled by the client"
	default:
		rec.Failed = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.truth = append(s.mu.truth, rec)
}

// alarm waits for instants of the simulator's clock, with one timer.
type alarm struct {
	s     *Simulator
	timer *time.Timer
}

func newAlarm(s *Simulator) *alarm {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &alarm{s, t}
}

func (a *alarm) stop() { a.timer.Stop() }

// until returns at the instant, or at once if it has passed: a deadline missed
// never moves the next one.
func (a *alarm) until(ctx context.Context, instant time.Duration) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	d := instant - a.s.now()
	if d <= 0 {
		return nil
	}
	a.timer.Reset(d)
	select {
	case <-a.timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-a.s.closed:
		return errClosed
	}
}
