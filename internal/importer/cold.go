package importer

import (
	"fmt"
	"slices"
	"time"

	"chimera/internal/sample"
)

// coldFloor is the load duration below which no row is called cold.
const coldFloor = 500 * time.Millisecond

// classify marks the rows of one subject in one file that paid for loading the
// model: those whose own load duration is longer than 0.5 s and than five times
// the median of the rows below that. The files do not say which rows were cold;
// a note on each says by which rule it was decided.
func classify(rows []*sample.Sample) {
	var warm []time.Duration
	for _, s := range rows {
		if load, ok := s.Times.Load.Get(); ok && load <= coldFloor {
			warm = append(warm, load)
		}
	}
	limit, why := coldFloor, "no row below it to compare with"
	if len(warm) > 0 {
		slices.Sort(warm)
		median := warm[len(warm)/2]
		limit = max(coldFloor, 5*median)
		why = fmt.Sprintf("the larger of 0.5 s and 5 × the warm median of %.3g s", median.Seconds())
	}
	for _, s := range rows {
		s.Phase = sample.Measure
		if load, ok := s.Times.Load.Get(); ok && load > limit {
			s.Phase = sample.Cold
			s.Notes = append(s.Notes, fmt.Sprintf("cold by rule: the load of %.3g s exceeds %.3g s (%s)", load.Seconds(), limit.Seconds(), why))
		}
	}
}
