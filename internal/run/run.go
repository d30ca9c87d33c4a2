// Package run conducts a plan: check, load, warm up, measure, drain, seal.
//
// It is the only place where plan, load, target, telemetry and recorder meet,
// and it meets them through interfaces. It changes nothing that the plan fixed
// and repairs nothing that a row shows: what went wrong is written beside the
// row. Every trial of the plan ends in exactly one final row, whatever happens
// between the first request and the seal: an interrupted run has rows that say
// so, and Resume conducts their blocks again. Where each request follows from
// the answers before it, the plan grows as they are asked: that is a Session.
package run

import (
	"context"
	"time"

	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/target"
	"chimera/internal/telemetry"
)

// Job is one run to conduct. Conduct only reads it.
type Job struct {
	ID      string     // the run's id, as store.CheckID wants it
	Spec    *spec.Spec // frozen
	Plan    *spec.Plan // expanded from it
	Targets map[string]target.Target
	// Simulated names the targets whose time lines are invented.
	Simulated map[string]bool

	// LoadTimeout bounds one load or unload of a model; 0 is 10 minutes.
	LoadTimeout time.Duration
	// Preflight is how long the machine is watched for other work before the
	// run; 0 leaves that out, and the manifest says so.
	Preflight time.Duration
	// Collectors are read at the spec's telemetry interval. The caller closes
	// them, and the targets.
	Collectors []telemetry.Collector

	Tool   sample.Build
	Host   sample.Host
	Absent map[string]string // fields of the manifest that could not be read, and why

	// FreeBytes says how much room is left where rows are kept; nil where
	// that cannot be asked.
	FreeBytes func() (uint64, error)

	Recorder Recorder
	Reporter Reporter // nil reports nothing
}

// Recorder keeps what is conducted. Every method makes durable what it was
// given before it returns; store.Recorder is one.
type Recorder interface {
	CreateRun(ctx context.Context, m sample.Manifest, plan *spec.Plan) error
	Extend(ctx context.Context, run string, trials ...spec.Trial) error // of a Session alone
	AddSession(ctx context.Context, run string, s sample.Session) error
	Append(ctx context.Context, run string, rows ...*sample.Sample) error
	AppendReadings(ctx context.Context, run string, rows ...*sample.Reading) error
	UpdateManifest(ctx context.Context, run string, change func(*sample.Manifest)) error
	Seal(ctx context.Context, run string, status store.Status, at time.Time) (string, error)
	Reopen(ctx context.Context, run string) error
}

// Result is what came of a run.
type Result struct {
	Run      string
	Session  int          // the one that ended here
	Status   store.Status // how it was sealed
	Digest   string       // of the seal
	Outcomes store.Counts // of every planned trial, kept ones of a resumed run included
	Loads    Loads
	Warnings []string // of this session; they stand in the manifest too
	Took     time.Duration
}

// Loads accounts for every load of a model in a session.
type Loads struct {
	Planned   int // loads that the plan asked for and that were done
	Failed    int // loads that the plan asked for and that went wrong
	Unplanned int // loads that a request ran into
}

// Conduct conducts a new run. While send lives, requests may start; while live
// lives, started ones may finish: cancelling send drains and seals a partial
// run, cancelling live (its parent) seals it at once. The error is a fault:
// Runtime if a target or the recorder failed, Invalid if no request was
// answered, Interrupted if the run was stopped. The Result holds what is known
// in each case.
func Conduct(live, send context.Context, job Job) (Result, error) {
	c, err := begin(live, send, job, 0)
	if err != nil {
		return Result{Run: job.ID}, err
	}
	defer c.end()
	if err := c.check(); err != nil {
		return Result{Run: job.ID}, err
	}
	if err := c.create(); err != nil {
		return Result{Run: job.ID}, err
	}
	return c.conduct(job.Plan.Trials)
}
