// Package store says what keeping a run means; the databases that do it are
// its subfolders, and all of them pass store/storetest.
//
// A store keeps and finds rows, and never computes with them. A row that was
// appended is durable when the call returns: the process may be killed at any
// instant. A row is never changed: a repeated block supersedes the rows before
// it, and a run that is sealed is refused every further write. Whoever holds
// the sealed rows can recompute the seal's digest (docs/formats/run.md).
package store

import (
	"context"
	"iter"
	"time"

	"chimera/internal/sample"
	"chimera/internal/spec"
)

// Recorder writes runs. Creating or reopening a run takes its lease: until it
// is sealed, or the store is closed, or the process dies, no other store
// handle may write to that run. Methods are safe for concurrent use; run is
// always the full id.
type Recorder interface {
	// CreateRun stores the manifest and the plan of a new run and takes its
	// lease. The run's id is m.Run (see CheckID), m.Planned the number of the
	// plan's trials.
	CreateRun(ctx context.Context, m sample.Manifest, plan *spec.Plan) error

	// Extend appends trials to a plan that grows, and their number and prompts
	// to the manifest: all or none. Each trial's order follows the last one's.
	Extend(ctx context.Context, run string, trials ...spec.Trial) error

	// AddSession appends s to the manifest. Its number follows the last one.
	// From then on, earlier sessions' rows of the blocks in s.Repeats are
	// superseded.
	AddSession(ctx context.Context, run string, s sample.Session) error

	// Append commits rows together: all or none. A row must belong to a trial
	// of the plan, and a trial may have only one final row that is not
	// superseded. Rows are not retained; their Superseded field is ignored.
	Append(ctx context.Context, run string, rows ...*sample.Sample) error

	// AppendReadings commits readings together: all or none. A reading has a
	// value or a reason why not.
	AppendReadings(ctx context.Context, run string, rows ...*sample.Reading) error

	// UpdateManifest lets change alter what is known only after the run began:
	// the manifest's warnings, aliases, subjects and reasons of absence. A
	// change of anything else is refused.
	UpdateManifest(ctx context.Context, run string, change func(*sample.Manifest)) error

	// Seal ends the run, gives up its lease and returns its digest. A run is
	// complete only if each planned trial has its final row.
	Seal(ctx context.Context, run string, status Status, at time.Time) (string, error)

	// Reopen takes the lease of a partial run, or of an open one whose process
	// died. The partial seal stays on record in Run.Seals.
	Reopen(ctx context.Context, run string) error
}

// Reader finds runs and streams their rows. Methods are safe for concurrent
// use, also while a run is being written: each call sees one instant.
type Reader interface {
	// Run finds a run by its id or a prefix that only it has.
	Run(ctx context.Context, idOrPrefix string) (Run, error)
	// Runs lists runs, the newest first.
	Runs(ctx context.Context, f Filter) ([]Run, error)
	// Plan returns the run's plan as it was created.
	Plan(ctx context.Context, run string) (*spec.Plan, error)
	// Samples yields the rows in plan order, then by session and attempt, with
	// Superseded computed. The consumer owns them. An error ends the sequence.
	Samples(ctx context.Context, run string) iter.Seq2[*sample.Sample, error]
	// Columns yields the same rows in the same order, without their bulk
	// (sample.Columns), in stretches that the consumer owns: a run of a million
	// rows is read so in a second, once it is sealed.
	Columns(ctx context.Context, run string) iter.Seq2[*sample.Columns, error]
	// Readings yields the readings in the order in which they were appended.
	Readings(ctx context.Context, run string) iter.Seq2[*sample.Reading, error]
	// Verify recomputes a sealed run's digest and names what differs.
	Verify(ctx context.Context, run string) (Verification, error)
}

// Store is all that a database backend offers. Consumers declare the few
// methods that they need.
type Store interface {
	Recorder
	Reader
	// Load begins a run that ended before it was stored: an import. It takes
	// the run's lease and stores m, of which Run must be right; the rest is
	// given once more to Loading.Seal.
	Load(ctx context.Context, m sample.Manifest) (Loading, error)
	// Remove deletes a run that nobody is conducting.
	Remove(ctx context.Context, run string) error
	// Close gives up all leases; runs that were not sealed stay open on record.
	Close() error
}

// Loading is a run being loaded: every trial has one final row, in plan order.
// Rows are stored as they come, many at a time; a process that dies leaves an
// open run, which only Remove takes away. Not safe for concurrent use.
type Loading interface {
	// Add takes the next trial of the plan with its row, and owns both. An
	// error may be that of a row before it.
	Add(t spec.Trial, s *sample.Sample) error
	// Reading takes the next reading, and owns it.
	Reading(r *sample.Reading) error
	// Seal ends the run as complete and returns its digest. The trials of plan
	// do not count, and m.PlanDigest is filled in: the digest of its lines.
	Seal(m sample.Manifest, plan *spec.Plan, at time.Time) (string, error)
	// Close removes a run that was not sealed; it may be called again.
	Close() error
}
