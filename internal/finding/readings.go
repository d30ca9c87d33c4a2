package finding

import (
	"math"
	"time"

	"chimera/internal/sample"
	"chimera/internal/telemetry"
)

// gauge sums up one series of telemetry of one run.
type gauge struct {
	read, absent int
	reason       string
	bits         uint64 // of gpu.throttle: all reasons seen
	withBits     int    // readings in which a thermal or hardware reason was set
	capped       int    // readings with the software power cap set
	max          float64
	points       []moment // of series that are asked of a part of the run
}

// moment is one reading in time.
type moment struct {
	at    time.Duration
	value float64
}

// Clocks event reasons of NVML: what slows a GPU for heat or by hardware, and
// what holds it to its power limit.
const (
	throttleHeat  = 0x8 | 0x20 | 0x40 | 0x80
	throttlePower = 0x4
)

// Reading adds one reading. Telemetry is summed up, all else is kept.
func (c *Collector) Reading(r *sample.Reading) {
	c.rowCount.Readings++
	if r.Kind != "telemetry" {
		c.readings = append(c.readings, r)
		return
	}
	key := r.Run + "\x00" + r.Series
	g := c.telemetry[key]
	if g == nil {
		g = &gauge{max: math.Inf(-1)}
		c.telemetry[key] = g
	}
	v, ok := r.Value.Get()
	if !ok {
		g.absent++
		g.reason = max(g.reason, r.Reason)
		return
	}
	g.read++
	g.max = max(g.max, v)
	if r.Series == telemetry.GPUThrottle || r.Series == telemetry.CPUUtilisation {
		g.points = append(g.points, moment{r.At, v})
	}
	if r.Series == telemetry.GPUThrottle && v >= 0 {
		bits := uint64(v)
		g.bits |= bits
		if bits&throttleHeat != 0 {
			g.withBits++
		}
		if bits&throttlePower != 0 {
			g.capped++
		}
	}
}
