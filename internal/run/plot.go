package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"chimera/internal/load"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
	"chimera/internal/unit"
)

// Readings of loads, beside the rows.
const (
	KindLoad       = "load"
	SeriesLoad     = "load.took"      // s, as the client saw it; at its beginning
	SeriesResident = "load.resident"  // B of the loaded model
	SeriesVRAM     = "load.vram"      // B of which on an accelerator
	SeriesReload   = "load.unplanned" // s, as the server told of the request that ran into it
)

// plots cuts trials into the stretches that share one load.
func plots(trials []spec.Trial) [][]spec.Trial {
	return cut(trials, func(a, b *spec.Trial) bool { return a.Plot == b.Plot })
}

// stretches cuts a plot into trials of one phase and concurrency: one drains
// before the next begins. A cold trial stands alone, since only the first
// request after a load is cold.
func stretches(plot []spec.Trial) [][]spec.Trial {
	return cut(plot, func(a, b *spec.Trial) bool {
		return a.Phase == b.Phase && a.Phase != spec.Cold && a.Streams == b.Streams && a.Subject == b.Subject
	})
}

func cut(trials []spec.Trial, together func(a, b *spec.Trial) bool) [][]spec.Trial {
	var parts [][]spec.Trial
	for len(trials) > 0 {
		n := 1
		for n < len(trials) && together(&trials[n-1], &trials[n]) {
			n++
		}
		parts, trials = append(parts, trials[:n:n]), trials[n:]
	}
	return parts
}

// plot loads what a plot needs and does its trials.
func (c *conductor) plot(plot []spec.Trial) {
	for _, trials := range stretches(plot) {
		first := &trials[0]
		s := c.subjects[first.Subject]
		st := &stretch{c: c, subject: s, trials: trials, late: newLateWork(max(1, first.Streams))}
		if err := c.prepare(s, first); err != nil {
			for i := range trials {
				st.Drop(i, err)
			}
			continue
		}
		c.report(Event{Kind: Starting, Text: st.String()})
		load.Closed(c.live, c.send, len(trials), first.Streams, load.Clock(c.now), st)
		st.late.wait()
	}
}

// place is where a model can be loaded.
type place struct{ target, model string }

func (s *subject) place() place { return place{s.Target, s.Model} }

// resident is a load that a target holds, as far as the run brought it about.
type resident struct {
	key       string         // of the configuration, as target.ReloadKey has it
	config    map[string]any // with which it was loaded
	effective map[string]any // read back then
	fresh     bool           // no request met it yet
	unmanaged bool           // the runtime loaded it by itself, before the run
}

// residentAt returns what is known to be loaded.
func (c *conductor) residentAt(at place) (resident, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.mu.resident[at]
	return r, ok
}

// tells reports what the load says about a request: the options that the
// request sets as the load did, or leaves alone as the load did. The others are
// of the request that was used for loading.
func (r resident) tells(config map[string]any) map[string]any {
	told := map[string]any{}
	for option, value := range r.effective {
		was, wasSet := r.config[option]
		is, isSet := config[option]
		if wasSet == isSet && was == is {
			told[option] = value
		}
	}
	return told
}

// errUnmanaged is why a cold trial on such a runtime is dropped.
var errUnmanaged = errors.New("the runtime keeps its model loaded: a cold measurement is not possible")

// prepare brings about the load that a trial needs: for a cold trial a fresh
// one, for a warm one any with the right key. A model that leaves makes room
// before the next one comes, so that no two share the machine.
func (c *conductor) prepare(s *subject, t *spec.Trial) error {
	if c.send.Err() != nil {
		return context.Cause(c.send)
	}
	cold := t.Phase == spec.Cold
	have, ok := c.residentAt(s.place())
	if ok && !cold && have.key == s.target.ReloadKey(t.Config) {
		return nil
	}
	leaving := c.others(s.place())
	if cold {
		leaving = append(leaving, s.place())
	}
	for _, at := range leaving {
		residency, err := c.unload(c.send, s.target, at)
		if err != nil {
			return err
		}
		if cold && residency == target.Unmanaged {
			return errUnmanaged
		}
	}
	return c.load(c.send, s, t)
}

// others are the further models that a target holds.
func (c *conductor) others(than place) []place {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []place
	for at := range c.mu.resident {
		if at.target == than.target && at != than {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, func(a, b place) int { return strings.Compare(a.model, b.model) })
	return all
}

// bounded is a context for a load: an interrupt ends it, for no request is in
// flight that it could lose.
func (c *conductor) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := c.job.LoadTimeout
	if limit <= 0 {
		limit = 10 * time.Minute
	}
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %s", limit))
}

func (c *conductor) unload(ctx context.Context, t target.Target, at place) (target.Residency, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	c.mu.Lock()
	delete(c.mu.resident, at)
	c.mu.Unlock()
	r, err := t.Unload(ctx, at.model)
	if err != nil {
		return r, fmt.Errorf("unload model %q: %w", at.model, because(ctx, err))
	}
	return r, nil
}

// because replaces an error by the reason why its context ended, if it did.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// load makes a subject resident with a trial's configuration.
func (c *conductor) load(ctx context.Context, s *subject, t *spec.Trial) error {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	key := s.target.ReloadKey(t.Config)
	c.report(Event{Kind: Loading, Text: fmt.Sprintf("loading %s on %s with %s", s.Model, s.Target, spec.ConfigID(t.Config))})
	at := c.now()
	loaded, err := s.target.Load(ctx, s.Model, t.Config)
	err = because(ctx, err)
	c.loaded(s, resident{key: key, config: t.Config, effective: loaded.Effective, fresh: true, unmanaged: loaded.Residency == target.Unmanaged},
		loaded.Took.Or(0), err)
	c.rows.readings(loadReadings(s, t, at, loaded, err))
	if err != nil {
		return fmt.Errorf("load model %q with %s: %w", s.Model, key, err)
	}
	return nil
}

// loaded accounts for a load.
func (c *conductor) loaded(s *subject, r resident, took time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.mu.loads.Failed++
		delete(c.mu.resident, s.place())
		return
	}
	c.mu.resident[s.place()] = r
	if !r.unmanaged {
		c.mu.loads.Planned++
		s.loads.loaded(took)
	}
}

// loadReadings are the rows of a planned load.
func loadReadings(s *subject, t *spec.Trial, at time.Duration, l target.Loaded, err error) []sample.Reading {
	took := sample.Reading{
		Kind: KindLoad, Series: SeriesLoad, Unit: unit.Second, At: at, Provenance: s.provenance,
		Labels: map[string]string{
			"subject": s.ID, "target": s.Target, "experiment": t.Experiment, "block": strconv.Itoa(t.Block),
			"phase": string(t.Phase), "config": spec.ConfigID(t.Config),
		},
	}
	if t.ID != "" { // of a session, the trial is yet to be asked
		took.Labels["first_trial"] = t.ID
	}
	d, ok := l.Took.Get()
	switch {
	case err != nil:
		took.Reason = err.Error()
	case l.Residency == target.Unmanaged:
		took.Reason = "the runtime keeps its model loaded"
	case !ok:
		took.Reason = "the runtime does not tell when a load is done"
	default:
		took.Value = sample.Some(d.Seconds())
	}
	rows := []sample.Reading{took}
	for _, size := range []struct {
		series string
		bytes  sample.Opt[uint64]
	}{{SeriesResident, l.Bytes}, {SeriesVRAM, l.VRAM}} {
		if b, ok := size.bytes.Get(); ok {
			r := took
			r.Series, r.Unit, r.Value, r.Reason = size.series, unit.Byte, sample.Some(float64(b)), ""
			rows = append(rows, r)
		}
	}
	return rows
}
