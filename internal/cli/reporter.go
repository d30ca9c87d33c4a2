package cli

import (
	"fmt"
	"sync"
	"time"

	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
)

// reporter turns the conductor's events into bars, one per experiment.
type reporter struct {
	a     *app
	p     *progress
	total map[string]int // trials by experiment
	mu    sync.Mutex
	bars  map[string]*bar
}

func (a *app) reporter(plan *spec.Plan) run.Reporter {
	if a.quiet {
		return nil
	}
	r := &reporter{a: a, total: map[string]int{}, bars: map[string]*bar{}}
	r.p = &progress{w: a.Stderr, width: a.Width, st: style{on: a.Width > 0 && a.Getenv("NO_COLOR") == "" && !a.noColor}, now: time.Now}
	for _, t := range plan.Trials {
		r.total[t.Experiment]++
	}
	return r
}

// Report follows one event.
func (r *reporter) Report(e run.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case run.TrialDone:
		b := r.bars[e.Row.Experiment]
		if b == nil {
			b = r.p.start(e.Row.Experiment, fmt.Sprintf("%d requests", r.total[e.Row.Experiment]), r.total[e.Row.Experiment])
			r.bars[e.Row.Experiment] = b
		}
		b.step(e.Row.Outcome == sample.OK)
	case run.Sealing:
		for _, b := range r.bars {
			b.end()
		}
	case run.Checking:
		if r.p.width == 0 {
			r.a.note("%s", e.Text)
		}
	}
}
