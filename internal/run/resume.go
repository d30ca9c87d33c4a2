package run

import (
	"context"
	"fmt"
	"iter"
	"time"

	"chimera/internal/digest"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
)

// Past is what is stored of a run that did not end.
type Past struct {
	Manifest sample.Manifest
	Samples  iter.Seq2[*sample.Sample, error] // as store.Reader yields them
}

// Resume goes on with a run that was interrupted or killed. Job is that of the
// first session, its plan the stored one. Blocks in which every trial ended
// are kept; every other block is conducted as a whole, so that drift still
// falls between blocks, and the manifest's session names those that had begun.
// Offsets go on from the run's origin by the calendar.
func Resume(live, send context.Context, job Job, past Past) (Result, error) {
	if job.Plan.Grows {
		err := fault.New(fault.Usage, "run %s cannot go on: its requests followed from the answers before them", job.ID)
		return Result{Run: job.ID}, fault.Hint(err, "start it again; `chimera runs seal %s` seals what there is", job.ID)
	}
	number := 0
	for _, s := range past.Manifest.Sessions {
		number = max(number, s.Number+1)
	}
	c, err := begin(live, send, job, number)
	if err != nil {
		return Result{Run: job.ID, Session: number}, err
	}
	defer c.end()
	c.session.Offset = c.session.Started.Sub(past.Manifest.Clock.Origin)
	todo, err := c.recall(past)
	if err == nil {
		err = c.recheck(past.Manifest)
	}
	if err == nil {
		err = job.Recorder.Reopen(c.keep, job.ID)
	}
	if err == nil {
		err = job.Recorder.AddSession(c.keep, job.ID, c.session)
	}
	if err != nil {
		return Result{Run: job.ID, Session: number}, err
	}
	return c.conduct(todo)
}

// recall sorts the plan's blocks into kept and to do, and takes over what the
// kept rows tell.
func (c *conductor) recall(past Past) ([]spec.Trial, error) {
	repeats := store.RepeatsOf(past.Manifest.Sessions)
	ended := map[string]bool{} // by trial
	begun := map[string]bool{} // by block
	var rows []*sample.Sample  // without their bulk
	var latest time.Duration
	for row, err := range past.Samples {
		if err != nil {
			return nil, fmt.Errorf("run %s: read what was measured: %w", c.job.ID, err)
		}
		if repeats.Supersede(row.Experiment, row.Block, row.Session) {
			continue
		}
		begun[store.BlockKey(row.Experiment, row.Block)] = true
		if row.Final && !interrupted(row) {
			ended[row.Trial] = true
		}
		rows = append(rows, memo(row))
		latest = max(latest, row.T.End.Or(0))
	}
	if c.session.Offset < latest {
		c.warn("clock_stepped: by the calendar the session began %s after the run, but a request before it ended after %s", c.session.Offset, latest)
		c.session.Offset = latest
	}
	open := map[string]bool{}
	for _, t := range c.job.Plan.Trials {
		if block := store.BlockKey(t.Experiment, t.Block); !ended[t.ID] && !open[block] {
			open[block] = true
			if begun[block] {
				c.session.Repeats = append(c.session.Repeats, block)
			}
		}
	}
	for _, row := range rows {
		if !open[store.BlockKey(row.Experiment, row.Block)] {
			c.keepRow(row)
		}
	}
	var todo []spec.Trial
	for _, t := range c.job.Plan.Trials {
		if open[store.BlockKey(t.Experiment, t.Block)] {
			todo = append(todo, t)
		}
	}
	return todo, nil
}

// memo is the part of a row that recall needs.
func memo(row *sample.Sample) *sample.Sample {
	return &sample.Sample{
		Experiment: row.Experiment, Block: row.Block, Subject: row.Subject, Phase: row.Phase, Config: row.Config, Final: row.Final,
		Observation: sample.Observation{Outcome: row.Outcome, Effective: row.Effective, Times: row.Times},
	}
}

func (c *conductor) keepRow(row *sample.Sample) {
	c.count(row)
	s := c.subjects[row.Subject]
	if took, ok := row.Times.Load.Get(); ok && s != nil && row.Phase != sample.Cold && took <= s.loads.threshold() {
		s.loads.warmed(took)
	}
}

// recheck refuses to mix rows of two things under one name, then checks as
// before a new run.
func (c *conductor) recheck(m sample.Manifest) error {
	plan, err := digest.JSON(c.job.Plan)
	if err != nil {
		return fmt.Errorf("digest of the plan: %w", err)
	}
	if m.Run != c.job.ID || plan != m.PlanDigest {
		return fault.New(fault.Usage, "run %s: its plan is %s, but the one to resume is %s", m.Run, digest.Short(m.PlanDigest, 12), digest.Short(plan, 12))
	}
	if err := c.check(); err != nil {
		return err
	}
	for _, was := range m.Subjects {
		s := c.subjects[was.ID]
		if s == nil {
			return fault.New(fault.Usage, "run %s: there is no subject %q any more", m.Run, was.ID)
		}
		is := s.record()
		for _, f := range []struct{ what, was, is string }{{"model digest", was.Digest, is.Digest}, {"server", was.Server, is.Server}} {
			if f.was != f.is {
				err := fault.New(fault.NotComparable, "run %s: the %s of subject %q was %q, but is %q now", m.Run, f.what, was.ID, f.was, f.is)
				return fault.Hint(err, "start a new run: rows of both under one name could not be told apart")
			}
		}
	}
	return nil
}
