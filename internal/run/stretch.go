package run

import (
	"context"
	"fmt"

	"chimera/internal/load"
	"chimera/internal/spec"
)

// A stretch is trials of one subject, load, phase and concurrency. It is the
// load.Doer of its trials: each shot becomes the rows of one trial.
type stretch struct {
	c       *conductor
	subject *subject
	trials  []spec.Trial
	late    *lateWork
}

func (st *stretch) String() string {
	t := &st.trials[0]
	requests := "requests"
	if len(st.trials) == 1 {
		requests = "request"
	}
	return fmt.Sprintf("%s, block %d: %s, %d %s %s with %s", t.Experiment, t.Block+1, t.Subject, len(st.trials), t.Phase, requests, spec.ConfigID(t.Config))
}

// Do does one trial. Among several streams it returns when the answer has
// arrived, and parses and records it behind the next request: streams that
// started together end together, and a request that waited for its neighbours'
// answers to be parsed would be late. A lone stream has nobody to keep waiting:
// it commits between two requests, when nothing is timed. Whether a trial is
// repeated is known only when its answer was parsed.
func (st *stretch) Do(ctx context.Context, shot load.Shot) {
	q := st.request(shot.Index)
	q.stream, q.wait = shot.Stream, q.trial.Streams <= 1
	if q.wait || st.c.job.Spec.Design.Retries > 0 {
		q.do(ctx, st.c.send, shot.Sched) // what became of its row is the writer's to tell
		return
	}
	st.late.do(ctx, shot.Stream, func(ended func()) {
		q.ended = ended
		q.do(ctx, st.c.send, shot.Sched)
	})
}

// Drop records a trial that was never started.
func (st *stretch) Drop(index int, cause error) {
	q := st.request(index)
	q.drop(st.c.send, 0, cause)
}

func (st *stretch) request(index int) *request {
	t := &st.trials[index]
	prompt, _ := st.c.job.Plan.PromptOf(t) // wire saw that it is there
	return &request{c: st.c, subject: st.subject, trial: t, prompt: prompt}
}
