package run

import (
	"time"

	"chimera/internal/sample"
	"chimera/internal/store"
)

// Reporter follows a run. Report gets one event at a time. It returns at once:
// a single stream's next request waits for it.
type Reporter interface{ Report(Event) }

// Event is one thing that happened. Text is a complete plain line.
type Event struct {
	Kind     EventKind
	At       time.Duration // since the run's origin
	Text     string
	Row      *sample.Sample // of TrialDone, Stopped and Retrying: to read, not to keep or change
	Progress Progress
}

// EventKind says what happened.
type EventKind string

const (
	Checking  EventKind = "check"   // a check of targets or machine begins
	Loading   EventKind = "load"    // a model is about to be loaded
	Starting  EventKind = "start"   // a stretch of requests of one phase begins
	TrialDone EventKind = "trial"   // a trial's final row is durable
	Stopped   EventKind = "stopped" // likewise, of a trial that an interrupt ended or kept from beginning
	Retrying  EventKind = "retry"   // an attempt failed and is repeated
	Warned    EventKind = "warning" // something that will stand in the manifest
	Sealing   EventKind = "seal"    // no request is in flight any more
)

// Progress is how far the run is.
type Progress struct {
	Outcomes store.Counts
	Rate     float64       // trials ended per second of this session; 0 before the first
	Left     time.Duration // at that rate; meaningless while Rate is 0
}
