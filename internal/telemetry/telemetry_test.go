package telemetry_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"chimera/internal/sample"
	"chimera/internal/telemetry"
	"chimera/internal/unit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted returns one set of readings for each call, after a pause.
type scripted struct {
	calls int
	pause func(call int) time.Duration
	gives func(call int) []sample.Reading
}

func (s *scripted) Collect(ctx context.Context) []sample.Reading {
	call := s.calls
	s.calls++
	if s.pause != nil {
		timer := time.NewTimer(s.pause(call))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return s.gives(call)
}

func (s *scripted) Close() error { return nil }

func record(t *testing.T, for_ time.Duration, c telemetry.Collector) []sample.Reading {
	t.Helper()
	origin := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), for_)
	defer cancel()
	var got []sample.Reading
	telemetry.Run(ctx, time.Second, func() time.Duration { return time.Since(origin) },
		[]telemetry.Collector{c}, func(r []sample.Reading) { got = append(got, r...) })
	return got
}

func at(d time.Duration, r sample.Reading) sample.Reading {
	r.At, r.Kind, r.Provenance = d, telemetry.Kind, sample.Measured
	return r
}

func diff(want, got []sample.Reading) string {
	return cmp.Diff(want, got, cmp.AllowUnexported(sample.Opt[float64]{}), cmpopts.EquateEmpty())
}

func TestRunReadsOnAGridFromNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := func(call int) sample.Reading {
			return telemetry.Point(telemetry.Load1, unit.None, float64(call), nil)
		}
		got := record(t, 2500*time.Millisecond, &scripted{
			pause: func(int) time.Duration { return 100 * time.Millisecond }, // must not shift the grid
			gives: func(call int) []sample.Reading { return []sample.Reading{load(call)} },
		})
		want := []sample.Reading{at(0, load(0)), at(time.Second, load(1)), at(2*time.Second, load(2))}
		if d := diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestASlowCollectorMissesTicksAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := telemetry.Point(telemetry.Load1, unit.None, 1, nil)
		got := record(t, 6500*time.Millisecond, &scripted{
			pause: func(call int) time.Duration { return []time.Duration{0, 3200 * time.Millisecond, 0, 0, 0}[call] },
			gives: func(int) []sample.Reading { return []sample.Reading{one} },
		})
		want := []sample.Reading{
			at(0, one), at(time.Second, one), // this one lasts until 4.2 s: ticks 2 and 3 pass, 4 is late
			at(4200*time.Millisecond, telemetry.Point(telemetry.MissedTicks, unit.None, 2, nil)),
			at(4200*time.Millisecond, one),
			at(5*time.Second, one), at(6*time.Second, one),
		}
		if d := diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestAnAbsentSeriesIsSaidOnceAndAgainWhenTheReasonChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reasons := []string{"no sensor", "no sensor", "", "gone", "gone", "no sensor"}
		gpu := map[string]string{"gpu": "0"}
		reading := func(reason string) sample.Reading {
			if reason == "" {
				return telemetry.Point(telemetry.GPUPower, unit.Watt, 9, gpu)
			}
			return telemetry.Absent(telemetry.GPUPower, unit.Watt, reason, gpu)
		}
		got := record(t, 5500*time.Millisecond, &scripted{gives: func(call int) []sample.Reading {
			return []sample.Reading{reading(reasons[call])}
		}})
		want := []sample.Reading{
			at(0, reading("no sensor")), at(2*time.Second, reading("")),
			at(3*time.Second, reading("gone")), at(5*time.Second, reading("no sensor")),
		}
		if d := diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		origin := time.Now()
		got := record(t, 1500*time.Millisecond, &scripted{
			pause: func(int) time.Duration { return time.Hour },
			gives: func(int) []sample.Reading { return nil },
		})
		if took := time.Since(origin); took != 1500*time.Millisecond || got != nil {
			t.Errorf("ended after %v with %v, want 1.5s and nothing", took, got)
		}
	})
}
