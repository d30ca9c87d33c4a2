// Package telemetry samples the machine on the run's clock.
//
// A slow machine and a slow model look the same from the client; only readings
// taken beside the requests tell them apart. So the machine is read at a fixed
// interval, on the same origin as the requests. A reading that cannot be taken
// is said once, with its reason, when that becomes known; a tick that was
// missed is said too, and never made up for by a burst.
package telemetry

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"chimera/internal/sample"
	"chimera/internal/unit"
)

// Kind of every reading made here.
const Kind = "telemetry"

// Series, with their units. Labels tell apart what one series has several of.
const (
	CPUUtilisation  = "cpu.utilisation"  // ratio of all cores, since the reading before
	CPUFrequency    = "cpu.frequency"    // Hz; label of: min, mean or max over the cores
	Load1           = "cpu.load1"        // runnable tasks, one-minute average
	MemoryUsed      = "memory.used"      // B
	MemoryAvailable = "memory.available" // B
	SwapUsed        = "swap.used"        // B
	ProcessCPU      = "process.cpu"      // s of CPU time since its start, children included; labels target, pid
	ProcessRSS      = "process.rss"      // B resident, children included; labels target, pid
	GPUUtilisation  = "gpu.utilisation"  // ratio of time with a kernel running; label gpu
	GPUMemoryUsed   = "gpu.memory_used"  // B; label gpu
	GPUClock        = "gpu.clock_sm"     // Hz; label gpu
	GPUPower        = "gpu.power"        // W; label gpu
	GPUTemperature  = "gpu.temperature"  // °C; label gpu
	GPUThrottle     = "gpu.throttle"     // clocks event reasons, a bit set as NVML has it; label gpu
	Energy          = "cpu.energy"       // J since the first reading; label domain
	MissedTicks     = "telemetry.missed" // ticks that passed while a collector was still busy
)

// A Collector reads a part of the machine. Its methods are called from one
// goroutine at a time.
type Collector interface {
	// Collect returns what can be read now: series, unit, value and labels, or
	// the reason why there is no value. Run fills in the rest.
	Collect(ctx context.Context) []sample.Reading

	// Close frees what the collector holds. It is idempotent.
	Close() error
}

// Point is a reading with a value.
func Point(series string, u unit.Unit, value float64, labels map[string]string) sample.Reading {
	return sample.Reading{Series: series, Unit: u, Value: sample.Some(value), Labels: labels}
}

// Absent is a reading without a value.
func Absent(series string, u unit.Unit, reason string, labels map[string]string) sample.Reading {
	return sample.Reading{Series: series, Unit: u, Reason: reason, Labels: labels}
}

// Clock returns the time since the run's origin.
type Clock func() time.Duration

// Run reads all collectors now and then every interval (above 0) until ctx
// ends, and hands what they read to out. Ticks lie on a grid from the first:
// a collector that takes longer than the interval costs the ticks it covers,
// which are counted in one reading.
func Run(ctx context.Context, interval time.Duration, now Clock, collectors []Collector, out func([]sample.Reading)) {
	var absent absences
	first := now()
	for tick := time.Duration(0); ; tick++ {
		missed := (now()-first)/interval - tick
		var readings []sample.Reading
		if missed > 0 {
			tick += missed
			readings = append(readings, stamp(Point(MissedTicks, unit.None, float64(missed), nil), now()))
		}
		readings = append(readings, Read(ctx, now, collectors)...)
		if ctx.Err() != nil {
			return
		}
		if readings = absent.news(readings); len(readings) > 0 {
			out(readings)
		}
		timer := time.NewTimer(first + (tick+1)*interval - now())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// Read asks every collector once.
func Read(ctx context.Context, now Clock, collectors []Collector) []sample.Reading {
	var readings []sample.Reading
	for _, c := range collectors {
		at := now()
		for _, r := range c.Collect(ctx) {
			readings = append(readings, stamp(r, at))
		}
	}
	return readings
}

func stamp(r sample.Reading, at time.Duration) sample.Reading {
	r.Kind, r.At, r.Provenance = Kind, at, sample.Measured
	return r
}

// absences remembers for each series why it was last absent.
type absences map[string]string

// news drops readings that only repeat that a series is absent.
func (a *absences) news(readings []sample.Reading) []sample.Reading {
	if *a == nil {
		*a = absences{}
	}
	return slices.DeleteFunc(readings, func(r sample.Reading) bool {
		key := name(r)
		if r.Value.OK() {
			delete(*a, key)
			return false
		}
		before, known := (*a)[key]
		(*a)[key] = r.Reason
		return known && before == r.Reason
	})
}

func name(r sample.Reading) string {
	var b strings.Builder
	b.WriteString(r.Series)
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		b.WriteString("\x00" + k + "\x00" + r.Labels[k])
	}
	return b.String()
}
