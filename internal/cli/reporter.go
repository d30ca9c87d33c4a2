package cli

import (
	"fmt"
	"sync"

	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
)

// reporter turns the conductor's events into bars, one per experiment.
type reporter struct {
	a    *app
	p    *progress
	plan map[string]*extent // by experiment

	mu struct {
		sync.Mutex
		bars map[string]*bar
	}
}

// extent is how much an experiment asks for.
type extent struct {
	trials                    int
	subjects, prompts, blocks map[string]bool
}

func (a *app) reporter(plan *spec.Plan) run.Reporter {
	if a.quiet {
		return nil
	}
	r := &reporter{a: a, plan: map[string]*extent{}}
	r.mu.bars = map[string]*bar{}
	r.p = a.progress()
	for _, t := range plan.Trials {
		x := r.plan[t.Experiment]
		if x == nil {
			x = &extent{subjects: map[string]bool{}, prompts: map[string]bool{}, blocks: map[string]bool{}}
			r.plan[t.Experiment] = x
		}
		x.trials++
		x.subjects[t.Subject], x.prompts[t.Prompt], x.blocks[fmt.Sprint(t.Block)] = true, true, true
	}
	return r
}

// String says what the trials are made of.
func (x *extent) String() string {
	return fmt.Sprintf("%s × %s × %s", plural(len(x.subjects), "subject"), plural(len(x.prompts), "prompt"), plural(len(x.blocks), "block"))
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// Report follows one event.
func (r *reporter) Report(e run.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case run.TrialDone, run.Stopped:
		r.bar(e.Row.Experiment).step(e.Row.Outcome == sample.OK || e.Kind == run.Stopped)
	case run.Sealing:
		for _, b := range r.mu.bars {
			b.end()
		}
	case run.Checking, run.Warned:
		if r.p.width == 0 {
			for _, line := range wrap(e.Text, maxWidth) {
				r.a.note("%s", line)
			}
		}
	}
}

// bar returns an experiment's bar; its clock starts with the first trial.
func (r *reporter) bar(experiment string) *bar {
	b := r.mu.bars[experiment]
	if b == nil {
		x := r.plan[experiment]
		b = r.p.start(experiment, x.String(), x.trials)
		r.mu.bars[experiment] = b
	}
	return b
}
