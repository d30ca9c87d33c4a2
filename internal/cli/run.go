package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"chimera/internal/fault"
	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/store"
	"chimera/internal/store/sqlite"

	"github.com/spf13/cobra"
)

// runOptions are what a run can be told beside its spec.
type runOptions struct {
	preflight time.Duration
}

func (a *app) runCmd() *cobra.Command {
	var resume string
	var o runOptions
	cmd := &cobra.Command{
		Use: "run SPEC | run --resume RUN", Short: "Run an experiment and seal its rows", Args: cobra.MaximumNArgs(1),
		Long: `Run the experiment that a spec describes. Rows are committed as they arrive: a run
that is killed goes on with --resume, keeps its finished blocks and repeats the one
that was interrupted. The first Ctrl-C lets requests in flight finish and seals
what was measured; the second stops at once.`,
		Example: "  chimera run sweep.yaml\n  chimera run --resume 7f3a\n  chimera run sweep.yaml --json | jq .outcomes",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case resume != "" && len(args) == 1:
				return fault.With(errors.New("give a spec or --resume, not both"), fault.Usage, "a resumed run has its spec in the store")
			case resume != "":
				return a.resume(cmd.Context(), resume, o)
			case len(args) == 0:
				return fault.With(errors.New("no spec given"), fault.Usage, "`chimera spec init > sweep.yaml` writes one; `chimera run sweep.yaml` runs it")
			}
			s, err := a.readSpec(args[0])
			if err != nil {
				return err
			}
			return a.conductAndShow(cmd.Context(), s, o)
		},
	}
	cmd.Flags().StringVar(&resume, "resume", "", "go on with a run that was interrupted")
	cmd.Flags().DurationVar(&o.preflight, "preflight", 2*time.Second, "watch the machine for other work this long before the run, shortly before each block (0 = do not)")
	return cmd
}

// conductAndShow runs a spec and prints what came of it.
func (a *app) conductAndShow(ctx context.Context, s *spec.Spec, o runOptions) error {
	result, err := a.conduct(ctx, s, o)
	return a.finish(ctx, result, err)
}

// conduct runs a spec into the store.
func (a *app) conduct(ctx context.Context, s *spec.Spec, o runOptions) (run.Result, error) {
	id := newRunID()
	plan, err := a.expand(ctx, s, id, true)
	if err != nil {
		return run.Result{}, err
	}
	job, done, err := a.job(ctx, id, s, plan, o)
	if err != nil {
		return run.Result{}, err
	}
	defer done()
	live, send, stop := a.drainable(ctx)
	defer stop()
	return run.Conduct(live, send, job)
}

// resume goes on with a stored run.
func (a *app) resume(ctx context.Context, id string, o runOptions) error {
	path, err := a.storeFile()
	if err != nil {
		return err
	}
	st, err := sqlite.OpenExisting(ctx, path)
	if err != nil {
		return err
	}
	defer st.Close()
	r, err := st.Run(ctx, id)
	if err != nil {
		return err
	}
	if r.Status == store.Complete {
		return fault.With(fmt.Errorf("run %s is complete", r.ID()), fault.Usage, "`chimera runs show "+r.ID()+"` shows it")
	}
	s, err := spec.Decode(r.Manifest.Spec)
	if err != nil {
		return err
	}
	plan, err := st.Plan(ctx, r.ID())
	if err != nil {
		return err
	}
	job, done, err := a.jobIn(ctx, st, r.ID(), s, plan, o)
	if err != nil {
		return err
	}
	defer done()
	live, send, stop := a.drainable(ctx)
	defer stop()
	result, err := run.Resume(live, send, job, run.Past{Manifest: r.Manifest, Samples: st.Samples(ctx, r.ID())})
	done()
	st.Close()
	return a.finish(ctx, result, err)
}

// job opens the store and the targets of a run. The returned function closes
// them, once.
func (a *app) job(ctx context.Context, id string, s *spec.Spec, plan *spec.Plan, o runOptions) (run.Job, func(), error) {
	st, err := a.openStore(ctx)
	if err != nil {
		return run.Job{}, nil, err
	}
	job, done, err := a.jobIn(ctx, st, id, s, plan, o)
	if err != nil {
		st.Close()
		return run.Job{}, nil, err
	}
	return job, func() { done(); st.Close() }, nil
}

func (a *app) jobIn(ctx context.Context, st *sqlite.Store, id string, s *spec.Spec, plan *spec.Plan, o runOptions) (run.Job, func(), error) {
	open, err := a.openTargets(s)
	if err != nil {
		return run.Job{}, nil, err
	}
	collectors, closeCollectors := collectorsFor(s)
	host, absent := hostFacts(ctx)
	job := run.Job{
		ID: id, Spec: s, Plan: plan, Targets: open, Simulated: simulated(s),
		Preflight: o.preflight, Collectors: collectors,
		Tool: build(), Host: host, Absent: absent,
		FreeBytes: freeBytes(st.Path()), Recorder: st, Reporter: a.reporter(plan),
	}
	roomy := a.frugal()
	return job, func() { roomy(); open.close(); closeCollectors() }, nil
}

// frugal has garbage collected earlier while requests are measured: the answers
// of hundreds of streams are short-lived, and a client should not take the
// memory that a model on the same machine needs. GOGC in the environment wins.
func (a *app) frugal() (restore func()) {
	if a.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(50)
	return func() { debug.SetGCPercent(before) }
}

// simulated names the targets whose time lines are invented.
func simulated(s *spec.Spec) map[string]bool {
	out := map[string]bool{}
	for _, t := range s.Targets {
		out[t.ID] = t.Kind == "fake"
	}
	return out
}

// newRunID returns a name that no other run of a person's stores has.
func newRunID() string {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// finish prints what came of a run, whatever it was; err goes on to the exit
// code.
func (a *app) finish(ctx context.Context, r run.Result, err error) error {
	if r.Status == "" {
		return err // nothing was recorded
	}
	if a.json {
		outcomes := map[string]int{"planned": r.Outcomes.Planned}
		for _, o := range sample.Outcomes {
			outcomes[string(o)] = r.Outcomes.Of(o)
		}
		return errors.Join(err, a.printJSON(map[string]any{
			"run": r.Run, "status": r.Status, "digest": r.Digest, "outcomes": outcomes, "store": a.storePath(),
			"loads":   map[string]int{"planned": r.Loads.Planned, "failed": r.Loads.Failed, "unplanned": r.Loads.Unplanned},
			"seconds": r.Took.Seconds(), "warnings": append([]string{}, r.Warnings...),
		}))
	}
	shown := a.withStore(ctx, func(s store.Store) error {
		stored, err := s.Run(ctx, r.Run)
		if err != nil {
			return err
		}
		fmt.Fprintln(a.Stdout)
		if err := a.showRun(ctx, s, stored); err != nil {
			return err
		}
		fmt.Fprintf(a.Stdout, "\n  rows      chimera runs export %s --format jsonl\n", r.Run)
		return nil
	})
	if err != nil {
		return err
	}
	return shown
}
