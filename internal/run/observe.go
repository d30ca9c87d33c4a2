package run

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"chimera/internal/sample"
	"chimera/internal/unit"
)

// predict is the configuration that a request should meet: what the target
// makes of it, corrected by what it told when the model was loaded.
func (c *conductor) predict(s *subject, config map[string]any) map[string]any {
	effective := maps.Clone(s.target.Effective(s.describe, config))
	if effective == nil {
		effective = map[string]any{}
	}
	if r, ok := c.residentAt(s.place()); ok {
		maps.Copy(effective, r.tells(config))
	}
	return effective
}

// observe completes a row by what the adapter cannot know: the effective
// configuration, whether a reload made a warm row cold, and which invariants
// the row breaks. It flags and never repairs.
func (c *conductor) observe(s *subject, row *sample.Sample) {
	effective := c.predict(s, row.Config)
	maps.Copy(effective, row.Effective)
	row.Effective = effective
	if !slices.Contains(sample.Outcomes, row.Outcome) {
		row.Failure = &sample.Failure{Class: sample.ClassProtocol, Message: fmt.Sprintf("the target adapter gave the outcome %q", row.Outcome)}
		row.Outcome = sample.Error
	}
	if took, threshold, ok := c.reloaded(s, row); ok {
		row.Notes = append(row.Notes, fmt.Sprintf("unplanned reload: the server loaded for %s, over %s", took, threshold))
		if row.Phase == sample.Measure {
			row.Planned, row.Phase = sample.Some(row.Phase), sample.Cold
		}
		c.rows.readings([]sample.Reading{{
			Kind: KindLoad, Series: SeriesReload, Unit: unit.Second, At: row.T.End.Or(c.now()),
			Value: sample.Some(took.Seconds()), Provenance: s.provenance,
			Labels: map[string]string{"subject": s.ID, "target": s.Target, "experiment": row.Experiment,
				"block": strconv.Itoa(row.Block), "trial": row.Trial},
		}})
	}
	for _, broken := range row.Validate() {
		row.Notes = append(row.Notes, "invalid: "+broken.Error())
	}
}

// leastReload is the shortest server-side load that is taken for a reload.
const leastReload = 500 * time.Millisecond

// reloaded reports whether a row that should be warm ran into a load, by what
// the server told of its own loading.
func (c *conductor) reloaded(s *subject, row *sample.Sample) (took, threshold time.Duration, yes bool) {
	took, ok := row.Times.Load.Get()
	if !ok || row.Phase == sample.Cold {
		return 0, 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if threshold = s.loads.threshold(); took > threshold {
		c.mu.loads.Unplanned++
		return took, threshold, true
	}
	s.loads.warmed(took)
	return took, threshold, false
}

// loadTimes are what is known of a subject's loads.
type loadTimes struct {
	warm    []time.Duration // of warm rows, as the server told, sorted
	planned time.Duration   // the shortest load that the plan asked for; 0 before the first
}

func (l *loadTimes) warmed(d time.Duration) {
	at, _ := slices.BinarySearch(l.warm, d)
	l.warm = slices.Insert(l.warm, at, d)
}

func (l *loadTimes) loaded(d time.Duration) {
	if d > 0 && (l.planned == 0 || d < l.planned) {
		l.planned = d
	}
}

// threshold is the load above which a row is not warm: max(0.5 s, 5 × the
// median of the warm rows so far) (method §2.2). Where warm calls tell of 0.2
// to 0.3 s, as with Ollama 0.17, five times that hides a reload of 0.8 s; so a
// load of 70 % of a planned one is a reload too, if it is twice the median. Of
// an even number of rows the lower median counts.
func (l *loadTimes) threshold() time.Duration {
	if len(l.warm) == 0 {
		return leastReload
	}
	median := l.warm[(len(l.warm)-1)/2]
	limit := 5 * median
	if l.planned > 0 {
		limit = min(limit, max(2*median, l.planned*7/10))
	}
	return max(leastReload, limit)
}

// kept is told of each row of this session once it is durable.
func (c *conductor) kept(row *sample.Sample) {
	c.count(row)
	e := Event{Kind: TrialDone, Text: row.Trial + ": " + string(row.Outcome), Row: row}
	if row.Failure != nil {
		e.Text += ": " + row.Failure.Message
	}
	switch {
	case !row.Final:
		e.Kind = Retrying
	case interrupted(row):
		e.Kind = Stopped
	default:
		c.mu.Lock()
		c.mu.fresh++
		c.mu.Unlock()
	}
	c.report(e)
}

// count adds a row to the outcomes, if it is final, and to what is known of
// aliases.
func (c *conductor) count(row *sample.Sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if row.Outcome == sample.OK { // of any other, a part may not have been read back
		c.mu.effective.add(row)
	}
	if !row.Final {
		return
	}
	if err := c.mu.outcomes.Add(row.Outcome, 1); err != nil {
		panic("run: " + err.Error()) // observe and the store leave no row without an outcome of the closed list
	}
	if interrupted(row) {
		c.mu.stopped++
	}
}

// interrupted reports whether a row only says that the run was stopped.
func interrupted(row *sample.Sample) bool {
	return row.Failure != nil && row.Failure.Class == sample.ClassInterrupted
}
