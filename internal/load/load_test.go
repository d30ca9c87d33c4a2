package load_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"chimera/internal/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A sleeper does each shot by sleeping, and notes what happened.
type sleeper struct {
	takes func(index int) time.Duration
	now   load.Clock

	mu struct {
		sync.Mutex
		done    []shot
		dropped []drop
		flight  int
		most    int
	}
}

type shot struct {
	Index, Stream    int
	Sched, From, End time.Duration
	Cut              string
}

type drop struct {
	Index int
	Cause string
}

func (s *sleeper) Do(ctx context.Context, at load.Shot) {
	got := shot{Index: at.Index, Stream: at.Stream, Sched: at.Sched, From: s.now()}
	s.mu.Lock()
	s.mu.flight++
	s.mu.most = max(s.mu.most, s.mu.flight)
	s.mu.Unlock()
	timer := time.NewTimer(s.takes(at.Index))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		got.Cut = context.Cause(ctx).Error()
	}
	got.End = s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.flight--
	s.mu.done = append(s.mu.done, got)
}

func (s *sleeper) Drop(index int, cause error) {
	s.mu.dropped = append(s.mu.dropped, drop{index, cause.Error()})
}

func origin() load.Clock {
	from := time.Now()
	return func() time.Duration { return time.Since(from) }
}

func always(d time.Duration) func(int) time.Duration {
	return func(int) time.Duration { return d }
}

const second = time.Second

func TestOneStreamStartsEachShotWhenTheLastIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sleeper{takes: always(2 * second), now: origin()}
		load.Closed(t.Context(), t.Context(), 3, 1, s.now, s)
		want := []shot{
			{Index: 0, Sched: 0, From: 0, End: 2 * second},
			{Index: 1, Sched: 2 * second, From: 2 * second, End: 4 * second},
			{Index: 2, Sched: 4 * second, From: 4 * second, End: 6 * second},
		}
		if diff := cmp.Diff(want, s.mu.done); diff != "" {
			t.Error(diff)
		}
	})
}

func TestASlowShotHoldsOnlyItsOwnStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		takes := []time.Duration{5 * second, second, second, 2500 * time.Millisecond, second}
		s := &sleeper{takes: func(i int) time.Duration { return takes[i] }, now: origin()}
		load.Closed(t.Context(), t.Context(), 5, 2, s.now, s)
		want := []shot{ // in the order of their ends
			{Index: 1, Stream: 1, Sched: 0, From: 0, End: second},
			{Index: 2, Stream: 1, Sched: second, From: second, End: 2 * second},
			{Index: 3, Stream: 1, Sched: 2 * second, From: 2 * second, End: 4500 * time.Millisecond},
			{Index: 0, Stream: 0, Sched: 0, From: 0, End: 5 * second},
			{Index: 4, Stream: 1, Sched: 4500 * time.Millisecond, From: 4500 * time.Millisecond, End: 5500 * time.Millisecond},
		}
		if diff := cmp.Diff(want, s.mu.done); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCancellingSendDrainsAndDropsTheRestWithTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		send, stop := context.WithCancelCause(t.Context())
		s := &sleeper{takes: always(4 * second), now: origin()}
		time.AfterFunc(5*second, func() { stop(errors.New("interrupt")) })
		load.Closed(t.Context(), send, 6, 2, s.now, s)
		if diff := cmp.Diff([]drop{{4, "interrupt"}, {5, "interrupt"}}, s.mu.dropped); diff != "" {
			t.Error(diff)
		}
		for _, d := range s.mu.done {
			if d.End-d.From != 4*second || d.Cut != "" {
				t.Errorf("shot %d was not left to finish: %+v", d.Index, d)
			}
		}
		if got := s.now(); got != 8*second {
			t.Errorf("drained at %v, want 8s", got)
		}
	})
}

func TestCancellingLiveStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live, stop := context.WithCancelCause(t.Context())
		send, cancel := context.WithCancel(live)
		defer cancel()
		s := &sleeper{takes: always(time.Hour), now: origin()}
		time.AfterFunc(3*second, func() { stop(errors.New("second interrupt")) })
		load.Closed(live, send, 3, 1, s.now, s)
		want := []shot{{Index: 0, End: 3 * second, Cut: "second interrupt"}}
		if diff := cmp.Diff(want, s.mu.done); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]drop{{1, "second interrupt"}, {2, "second interrupt"}}, s.mu.dropped); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNothingToDoReturnsAtOnce(t *testing.T) {
	s := &sleeper{now: origin()}
	load.Closed(t.Context(), t.Context(), 0, 4, s.now, s)
	if s.mu.done != nil || s.mu.dropped != nil {
		t.Errorf("did %v, dropped %v of no shots", s.mu.done, s.mu.dropped)
	}
}

// Whatever the number of shots and streams, however long each takes and
// whenever the phase ends: every shot is done or dropped exactly once, no more
// than streams are in flight, and intended instants increase with the index.
func TestEveryShotIsDoneOrDroppedOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 30).Draw(rt, "n")
		streams := rapid.IntRange(1, 6).Draw(rt, "streams")
		takes := rapid.SliceOfN(rapid.IntRange(0, 9), n, n).Draw(rt, "takes")
		end := rapid.IntRange(0, 60).Draw(rt, "end")
		synctest.Test(t, func(t *testing.T) {
			send, stop := context.WithTimeout(t.Context(), time.Duration(end)*second+1)
			defer stop()
			s := &sleeper{takes: func(i int) time.Duration { return time.Duration(takes[i]) * second }, now: origin()}
			load.Closed(t.Context(), send, n, streams, s.now, s)

			seen := make([]int, n)
			sched := make([]time.Duration, n)
			for _, d := range s.mu.done {
				seen[d.Index]++
				sched[d.Index] = d.Sched
				if d.From != d.Sched {
					t.Errorf("shot %d began at %v, intended %v", d.Index, d.From, d.Sched)
				}
			}
			for i := 1; i < len(s.mu.done); i++ {
				if sched[i] < sched[i-1] {
					t.Errorf("shot %d is intended for %v, before shot %d at %v", i, sched[i], i-1, sched[i-1])
				}
			}
			for _, d := range s.mu.dropped {
				seen[d.Index]++
			}
			for i, times := range seen {
				if times != 1 {
					t.Errorf("shot %d was done or dropped %d times", i, times)
				}
			}
			if s.mu.most > streams {
				t.Errorf("%d shots in flight with %d streams", s.mu.most, streams)
			}
		})
	})
}

type nothing struct{}

func (nothing) Do(context.Context, load.Shot) {}
func (nothing) Drop(int, error)               {}

// The cost of our own pacing between two requests: ns/op is of 1000 shots.
func BenchmarkClosed(b *testing.B) {
	b.ReportAllocs()
	now := origin()
	for b.Loop() {
		load.Closed(b.Context(), b.Context(), 1000, 1, now, nothing{})
	}
}
