package run

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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
			st.dropAll(err)
			continue
		}
		c.report(Event{Kind: Starting, Text: st.String()})
		load.Closed(c.live, c.send, len(trials), first.Streams, load.Clock(c.now), st)
		st.late.wait()
	}
}

// resident is the load that a target holds, as far as the plan brought it about.
type resident struct {
	model, key string
	config     map[string]any // with which it was loaded
	effective  map[string]any // read back then
}

// tells reports what the load says about a trial: the options that the trial
// sets as the load did, or leaves alone as the load did. The others are of the
// request that was used for loading.
func (r resident) tells(t *spec.Trial) map[string]any {
	told := map[string]any{}
	for option, value := range r.effective {
		was, wasSet := r.config[option]
		is, isSet := t.Config[option]
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
	want := resident{model: s.Model, key: s.target.ReloadKey(t.Config), config: t.Config}
	have, ok := c.resident[s.Target]
	cold := t.Phase == spec.Cold
	if ok && !cold && have.model == want.model && have.key == want.key {
		return nil
	}
	delete(c.resident, s.Target)
	var leaving []string
	if ok && have.model != want.model {
		leaving = append(leaving, have.model)
	}
	if cold {
		leaving = append(leaving, want.model)
	}
	for _, model := range leaving {
		residency, err := c.unload(s.target, model)
		if err != nil {
			return fmt.Errorf("unload model %q: %w", model, err)
		}
		if cold && residency == target.Unmanaged {
			return errUnmanaged
		}
	}
	loaded, err := c.load(s, t)
	if err != nil {
		return fmt.Errorf("load model %q with %s: %w", s.Model, want.key, err)
	}
	want.effective = loaded.Effective
	c.resident[s.Target] = want
	return nil
}

// bounded is a context for a load: an interrupt ends it, for no request is in
// flight that it could lose.
func (c *conductor) bounded() (context.Context, context.CancelFunc) {
	limit := c.job.LoadTimeout
	if limit <= 0 {
		limit = 10 * time.Minute
	}
	return context.WithTimeoutCause(c.send, limit, fmt.Errorf("not done within %s", limit))
}

func (c *conductor) unload(t target.Target, model string) (target.Residency, error) {
	ctx, cancel := c.bounded()
	defer cancel()
	r, err := t.Unload(ctx, model)
	return r, because(ctx, err)
}

// because replaces an error by the reason why its context ended, if it did.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (c *conductor) load(s *subject, t *spec.Trial) (target.Loaded, error) {
	ctx, cancel := c.bounded()
	defer cancel()
	c.report(Event{Kind: Loading, Text: fmt.Sprintf("loading %s on %s with %s", s.Model, s.Target, spec.ConfigID(t.Config))})
	at := c.now()
	loaded, err := s.target.Load(ctx, s.Model, t.Config)
	err = because(ctx, err)
	c.mu.Lock()
	if err != nil {
		c.mu.loads.Failed++
	} else if loaded.Residency != target.Unmanaged {
		c.mu.loads.Planned++
		s.loads.loaded(loaded.Took.Or(0))
	}
	c.mu.Unlock()
	c.rows.readings(loadReadings(s, t, at, loaded, err))
	return loaded, err
}

// loadReadings are the rows of a planned load.
func loadReadings(s *subject, t *spec.Trial, at time.Duration, l target.Loaded, err error) []sample.Reading {
	took := sample.Reading{
		Kind: KindLoad, Series: SeriesLoad, Unit: unit.Second, At: at, Provenance: s.provenance,
		Labels: map[string]string{
			"subject": s.ID, "target": s.Target, "experiment": t.Experiment, "block": strconv.Itoa(t.Block),
			"phase": string(t.Phase), "config": spec.ConfigID(t.Config), "first_trial": t.ID,
		},
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
