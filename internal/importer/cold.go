package importer

import (
	"fmt"
	"slices"
	"time"

	"chimera/internal/sample"
)

// coldFloor is the load duration below which no row is called cold.
const coldFloor = 500 * time.Millisecond

// coldRule tells the rows of one subject in one file that paid for loading the
// model: those whose own load duration is longer than 0.5 s and than five times
// the median of the rows below that. The files do not say which rows were cold;
// a note on each says by which rule it was decided. All rows are seen first,
// then the rule is settled, then each is judged.
type coldRule struct {
	warm  []time.Duration
	limit time.Duration
	why   string
}

func (c *coldRule) see(s *sample.Sample) {
	if load, ok := s.Times.Load.Get(); ok && load <= coldFloor {
		c.warm = append(c.warm, load)
	}
}

func (c *coldRule) settle() {
	c.limit, c.why = coldFloor, "no row below it to compare with"
	if len(c.warm) > 0 {
		slices.Sort(c.warm)
		median := c.warm[len(c.warm)/2]
		c.limit = max(coldFloor, 5*median)
		c.why = fmt.Sprintf("the larger of 0.5 s and 5 × the warm median of %.3g s", median.Seconds())
	}
	c.warm = nil
}

func (c *coldRule) judge(s *sample.Sample) {
	s.Phase = sample.Measure
	if load, ok := s.Times.Load.Get(); ok && load > c.limit {
		s.Phase = sample.Cold
		s.Notes = append(s.Notes, fmt.Sprintf("cold by rule: the load of %.3g s exceeds %.3g s (%s)", load.Seconds(), c.limit.Seconds(), c.why))
	}
}
