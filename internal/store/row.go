package store

import (
	"fmt"
	"iter"
	"strconv"
	"time"

	"chimera/internal/sample"
)

// Status says how far a run came.
type Status string

const (
	Open     Status = "open"     // being conducted, or its process died
	Complete Status = "complete" // every planned trial has its final row
	Partial  Status = "partial"  // stopped early; may be reopened
	Invalid  Status = "invalid"  // ended, with nothing usable measured
)

// Sealed reports whether a run of this status is closed for writing.
func (s Status) Sealed() bool { return s == Complete || s == Partial || s == Invalid }

// Run is one stored run without its rows.
type Run struct {
	Manifest sample.Manifest `json:"manifest"`
	Status   Status          `json:"status"`
	Outcomes Counts          `json:"outcomes"`
	Seals    []Seal          `json:"seals,omitempty"` // oldest first; all but the last are partial
}

// ID is the run's full id.
func (r Run) ID() string { return r.Manifest.Run }

// Digest is that of the last seal; it is absent while the run is open.
func (r Run) Digest() (string, bool) {
	if !r.Status.Sealed() || len(r.Seals) == 0 {
		return "", false
	}
	return r.Seals[len(r.Seals)-1].Digest, true
}

// Filter selects runs; a zero field selects all.
type Filter struct {
	Name   string // of the spec, exactly
	Status Status
	Limit  int // at most so many
}

// Counts are the outcomes of a run's trials: of each trial the one final row
// that is not superseded.
type Counts struct {
	Planned    int `json:"planned"`
	OK         int `json:"ok"`
	Error      int `json:"error"`
	Timeout    int `json:"timeout"`
	Dropped    int `json:"dropped"`
	Cut        int `json:"cut"`
	Degenerate int `json:"degenerate"`
}

// Count counts the rows of a run of which planned trials were planned.
func Count(planned int, rows iter.Seq2[*sample.Sample, error]) (Counts, error) {
	c := Counts{Planned: planned}
	for s, err := range rows {
		if err != nil {
			return Counts{}, err
		}
		if !s.Final || s.Superseded {
			continue
		}
		if err := c.Add(s.Outcome, 1); err != nil {
			return Counts{}, err
		}
	}
	return c, nil
}

// Add counts n trials that ended in o.
func (c *Counts) Add(o sample.Outcome, n int) error {
	at := c.of(o)
	if at == nil {
		return fmt.Errorf("the outcome is %q, but must be one of %v", o, sample.Outcomes)
	}
	*at += n
	return nil
}

// Of returns how many trials ended in o.
func (c Counts) Of(o sample.Outcome) int {
	if at := c.of(o); at != nil {
		return *at
	}
	return 0
}

func (c *Counts) of(o sample.Outcome) *int {
	switch o {
	case sample.OK:
		return &c.OK
	case sample.Error:
		return &c.Error
	case sample.Timeout:
		return &c.Timeout
	case sample.Dropped:
		return &c.Dropped
	case sample.Cut:
		return &c.Cut
	case sample.Degenerate:
		return &c.Degenerate
	}
	return nil
}

// Ended is the number of trials that have an outcome.
func (c Counts) Ended() int {
	return c.OK + c.Error + c.Timeout + c.Dropped + c.Cut + c.Degenerate
}

// BlockKey names a block in Session.Repeats: "experiment/block".
func BlockKey(experiment string, block int) string {
	return experiment + "/" + strconv.Itoa(block)
}

// Repeats holds for each repeated block the last session that repeated it.
type Repeats map[string]int

// RepeatsOf collects the repeated blocks of a run's sessions.
func RepeatsOf(sessions []sample.Session) Repeats {
	r := Repeats{}
	for _, s := range sessions {
		for _, block := range s.Repeats {
			r[block] = max(r[block], s.Number)
		}
	}
	return r
}

// Supersede reports whether rows that a session took in a block were repeated
// by a later session.
func (r Repeats) Supersede(experiment string, block, session int) bool {
	return session < r[BlockKey(experiment, block)]
}

// Seal is the end of a run, or of a part of it.
type Seal struct {
	Status Status    `json:"status"`
	At     time.Time `json:"at"` // UTC
	Digest string    `json:"digest"`
	Parts  Parts     `json:"parts"`
}
