package run_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chimera/internal/run"
	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/target"
	"chimera/internal/telemetry"
	"chimera/internal/unit"
)

// gauges read the next value of each series at each call.
type gauges struct {
	call  int
	reads map[string][]float64
}

func (g *gauges) Collect(context.Context) []sample.Reading {
	var all []sample.Reading
	for series, values := range g.reads {
		all = append(all, telemetry.Point(series, unit.None, values[min(g.call, len(values)-1)], nil))
	}
	g.call++
	return all
}

func (g *gauges) Close() error { return nil }

func TestABusyMachineIsStamped(t *testing.T) {
	for _, c := range []struct {
		name  string
		reads map[string][]float64
		want  string
	}{
		{"idle", map[string][]float64{telemetry.CPUUtilisation: {0, 0.04}, telemetry.SwapUsed: {5e6, 5e6}, telemetry.GPUUtilisation: {0}}, ""},
		{"CPU", map[string][]float64{telemetry.CPUUtilisation: {0, 0.231}}, "env_dirty: before the run the CPU was 23% busy over 5s, at most 5% is idle"},
		{"GPU", map[string][]float64{telemetry.GPUUtilisation: {0, 0.5}}, "GPU  was 50% busy"},
		{"swap", map[string][]float64{telemetry.SwapUsed: {1e6, 9e6}}, "swap in use grew by 8 MB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &memory{}
				job := jobOf(one(2), &server{}, m)
				job.Preflight, job.Collectors = 5*second, []telemetry.Collector{&gauges{reads: c.reads}}
				r := must(t, job)
				if r.Took != 15*second {
					t.Errorf("the run took %v, want 5 s of watching, 4 s of loading, 6 s of requests", r.Took)
				}
				if c.want == "" && len(m.mu.manifest.Warnings) > 0 || c.want != "" && !contains(m.mu.manifest.Warnings, c.want) {
					t.Errorf("warnings are %q, want %q", m.mu.manifest.Warnings, c.want)
				}
			})
		})
	}
}

// Between blocks nothing of the run is in flight: what is busy then is other
// work, and the run says in how many blocks it was so.
func TestOtherWorkIsLookedForBeforeEveryBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		job := jobOf(one(2), &server{}, m)
		again := job.Plan.Trials[len(job.Plan.Trials)-1]
		for block := 1; block <= 2; block++ {
			again.Block, again.Order, again.ID = block, len(job.Plan.Trials), fmt.Sprint("again", block)
			again.Plot++
			job.Plan.Trials = append(job.Plan.Trials, again)
		}
		job.Preflight = 5 * second
		// two reads before the run, two before each further block
		job.Collectors = []telemetry.Collector{&gauges{reads: map[string][]float64{telemetry.CPUUtilisation: {0, 0, 0, 0, 0, 0.31}}}}
		must(t, job)
		want := "env_dirty: the machine had other work before 1 of 2 further blocks, first: the CPU was 31% busy over 500ms, at most 5% is idle in"
		if got := m.mu.manifest.Warnings; len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("warnings are %q, want %q", got, want)
		}
	})
}

func TestAMachineThatMayChangeItsSpeedIsStamped(t *testing.T) {
	for _, c := range []struct {
		host sample.Host
		want string
	}{
		{sample.Host{Governor: "performance", Power: "ac"}, ""},
		{sample.Host{}, ""}, // not known: the manifest says why
		{sample.Host{Governor: "powersave"}, "env_governor: the frequency governor is powersave"},
		{sample.Host{Governor: "performance", Power: "battery"}, "env_power"},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := &memory{}
			job := jobOf(one(2), &server{}, m)
			job.Host = c.host
			must(t, job)
			if got := m.mu.manifest.Warnings; (c.want == "") != (len(got) == 0) || c.want != "" && !contains(got, c.want) {
				t.Errorf("%+v: warnings are %q, want %q", c.host, got, c.want)
			}
		})
	}
}

func TestTelemetryRunsBesideTheRequestsOnTheirClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		job := jobOf(one(2), &server{}, m)
		job.Spec.Telemetry.Interval = spec.Duration(2 * second)
		job.Collectors = []telemetry.Collector{&gauges{reads: map[string][]float64{telemetry.Load1: {1}}}}
		must(t, job)
		seen := 0
		for _, r := range m.mu.readings {
			if r.Series != telemetry.Load1 {
				continue
			}
			if want := 2 * second * time.Duration(seen); r.At != want || r.Run != "r1" {
				t.Errorf("reading %d of run %q lies at %v, want %v", seen, r.Run, r.At, want)
			}
			seen++
		}
		if seen != 5 && seen != 6 { // at 0 … 8 s; at 10 s the run ends
			t.Errorf("%d readings in 10 s", seen)
		}
	})
}

// instant answers without taking any time.
type instant struct{ *server }

func (instant) Load(context.Context, string, map[string]any) (target.Loaded, error) {
	return target.Loaded{Residency: target.Managed, Took: sample.Some(milli)}, nil
}

func (instant) Stream(_ context.Context, _ target.Request, now target.Clock) sample.Observation {
	at := sample.Some(now())
	return sample.Observation{Outcome: sample.OK, T: sample.Timeline{Send: at, First: at, Last: at, End: at}}
}

// The conductor's own work between two requests of one stream, with rows kept
// in memory: it must stay far below one token's time.
func BenchmarkConduct(b *testing.B) {
	b.ReportAllocs()
	plan := one(200)
	for b.Loop() {
		job := jobOf(plan, nil, &memory{})
		job.Targets["box"] = instant{&server{}}
		if _, err := run.Conduct(b.Context(), b.Context(), job); err != nil {
			b.Fatal(err)
		}
	}
}
