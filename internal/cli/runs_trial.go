package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
)

// showTrial prints one request of a run: what was asked, and what came of each
// attempt.
func (a *app) showTrial(ctx context.Context, s store.Reader, r store.Run, id string) error {
	plan, err := s.Plan(ctx, r.ID())
	if err != nil {
		return err
	}
	at := slices.IndexFunc(plan.Trials, func(t spec.Trial) bool { return t.ID == id })
	if at < 0 {
		return fault.With(fmt.Errorf("run %s has no trial %q", r.ID(), id), fault.Usage, "`chimera runs export "+r.ID()+" --format csv --no-text` lists them")
	}
	trial := plan.Trials[at]
	prompt, _ := plan.PromptOf(&trial) // an import may not have the text
	attempts := []*sample.Sample{}
	for row, err := range s.Samples(ctx, r.ID()) {
		if err != nil {
			return err
		}
		if row.Trial == id {
			attempts = append(attempts, row)
		}
	}
	if a.json {
		return a.printJSON(map[string]any{"trial": trial, "prompt": trial.Text(prompt), "samples": attempts})
	}
	fmt.Fprintf(a.Stdout, "trial %s · %s · %s · %s\n", trial.ID, trial.Subject, trial.Workload, configText(trial.Config))
	a.quote("asked", trial.Text(prompt))
	for _, row := range attempts {
		a.quote(attemptLine(row), row.Text.Or(""))
	}
	return nil
}

// attemptLine says how an attempt went.
func attemptLine(row *sample.Sample) string {
	parts := []string{fmt.Sprintf("attempt %d, %s: %s", row.Attempt+1, row.Phase, row.Outcome)}
	if row.Failure != nil {
		parts = append(parts, row.Failure.Message)
	}
	for _, d := range []struct {
		name string
		took sample.Opt[time.Duration]
	}{{"first text after", sample.Sub(row.T.First, row.T.Send)}, {"end after", sample.Sub(row.T.End, row.T.Send)}} {
		if v, ok := d.took.Get(); ok {
			parts = append(parts, fmt.Sprintf("%s %.3g s", d.name, v.Seconds()))
		}
	}
	if n, ok := row.Tokens.Output.Get(); ok {
		parts = append(parts, fmt.Sprintf("%d tokens", n))
	}
	return strings.Join(append(parts, row.Notes...), " · ")
}

// quote prints a text as it is, but without what a terminal would obey.
func (a *app) quote(head, text string) {
	fmt.Fprintf(a.Stdout, "\n  %s\n", printable(head))
	if text == "" {
		return
	}
	for line := range strings.Lines(text) {
		fmt.Fprintf(a.Stdout, "    | %s\n", printable(strings.TrimRight(line, "\n")))
	}
}
