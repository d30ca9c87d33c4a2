// Package rapl reads the energy counters of Intel and AMD processors as Linux
// shows them in /sys/class/powercap.
//
// A counter counts microjoules and starts again at zero when it is full; what
// is reported is the energy since the first reading, which does not. Most
// systems let only root read it, most virtual machines have none: then there
// is one reading with that reason, and no zero.
package rapl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"chimera/internal/sample"
	"chimera/internal/telemetry"
	"chimera/internal/unit"
)

const powercap = "sys/class/powercap"

// Collector reads every energy domain. Counters that are full more than once
// between two readings (at 300 W after about a quarter of an hour) count once.
type Collector struct {
	root    fs.FS
	domains []*domain
}

type domain struct {
	dir, name string
	full      uint64 // µJ at which the counter starts again
	last      uint64
	started   bool
	joules    float64
}

var _ telemetry.Collector = (*Collector)(nil)

// New returns a collector of the file system with this root: os.DirFS("/").
func New(root fs.FS) *Collector {
	c := &Collector{root: root}
	dirs, _ := fs.Glob(root, powercap+"/intel-rapl:*") // AMD's domains have this name too
	for _, dir := range dirs {
		c.domains = append(c.domains, &domain{dir: dir, name: nameOf(root, dir)})
	}
	return c
}

// nameOf is "package-0", or "package-0/dram" for a part of one.
func nameOf(root fs.FS, dir string) string {
	name, err := line(root, dir+"/name")
	if err != nil {
		return path.Base(dir)
	}
	if i := strings.LastIndex(dir, ":"); strings.Count(path.Base(dir), ":") == 2 {
		return nameOf(root, dir[:i]) + "/" + name
	}
	return name
}

// Collect implements telemetry.Collector.
func (c *Collector) Collect(context.Context) []sample.Reading {
	if len(c.domains) == 0 {
		return []sample.Reading{telemetry.Absent(telemetry.Energy, unit.Joule, "the system shows no energy counter in /"+powercap, nil)}
	}
	readings := make([]sample.Reading, 0, len(c.domains))
	for _, d := range c.domains {
		labels := map[string]string{"domain": d.name}
		if err := d.read(c.root); err != nil {
			readings = append(readings, telemetry.Absent(telemetry.Energy, unit.Joule, err.Error(), labels))
			continue
		}
		readings = append(readings, telemetry.Point(telemetry.Energy, unit.Joule, d.joules, labels))
	}
	return readings
}

// Close implements telemetry.Collector.
func (c *Collector) Close() error { return nil }

func (d *domain) read(root fs.FS) error {
	now, err := number(root, d.dir+"/energy_uj")
	if err != nil {
		return err
	}
	if !d.started {
		if d.full, err = number(root, d.dir+"/max_energy_range_uj"); err != nil {
			return err
		}
		d.started, d.last = true, now
	}
	used := now - d.last
	if now < d.last {
		used = d.full - d.last + now
	}
	d.joules += float64(used) / 1e6
	d.last = now
	return nil
}

func number(root fs.FS, name string) (uint64, error) {
	text, err := line(root, name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/%s holds %q, not a number", name, text)
	}
	return n, nil
}

func line(root fs.FS, name string) (string, error) {
	b, err := fs.ReadFile(root, name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "", fmt.Errorf("/%s may be read by root only", name)
	case err != nil:
		return "", fmt.Errorf("/%s cannot be read: %w", name, errors.Unwrap(err))
	}
	return strings.TrimSpace(string(b)), nil
}
