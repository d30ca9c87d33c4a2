// Package host reads the computer that chimera runs on: what it is, how busy
// it is, and what a runtime's process on it uses.
//
// Files are read below a root that a test can replace; what gopsutil reads it
// reads by itself. A value that the system does not show is absent, with the
// reason.
package host

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"

	"chimera/internal/sample"
	"chimera/internal/telemetry"
	"chimera/internal/unit"
)

// System is the root of this computer's file system.
func System() fs.FS { return os.DirFS("/") }

// Facts tells what the computer is. The map has for each field that could not
// be read the reason, by its name in the manifest: "host.governor".
func Facts(ctx context.Context, root fs.FS) (sample.Host, map[string]string) {
	h := sample.Host{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU()}
	absent := map[string]string{}
	var err error
	if h.Kernel, err = host.KernelVersionWithContext(ctx); err != nil || h.Kernel == "" {
		absent["host.kernel"] = reason(err, "the system does not tell")
	}
	cpus, err := cpu.InfoWithContext(ctx)
	if err == nil && len(cpus) > 0 {
		h.CPU = strings.TrimSpace(cpus[0].ModelName)
	}
	if h.CPU == "" {
		absent["host.cpu"] = reason(err, "the system names no model")
	}
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil && m.Total > 0 {
		h.MemoryBytes = sample.Some(m.Total)
	} else {
		absent["host.memory_bytes"] = reason(err, "the system does not tell")
	}
	if h.Governor, err = governor(root); err != nil {
		absent["host.governor"] = err.Error()
	}
	if h.Power, err = power(root); err != nil {
		absent["host.power"] = err.Error()
	}
	return h, absent
}

func reason(err error, otherwise string) string {
	if err != nil {
		return err.Error()
	}
	return otherwise
}

const cpus = "sys/devices/system/cpu"

// governor is the frequency governor of the cores, or all of them if they
// differ: "performance", "performance, powersave".
func governor(root fs.FS) (string, error) {
	files, _ := fs.Glob(root, cpus+"/cpu[0-9]*/cpufreq/scaling_governor")
	var seen []string
	for _, f := range files {
		if g, err := line(root, f); err == nil && !slices.Contains(seen, g) {
			seen = append(seen, g)
		}
	}
	if len(seen) == 0 {
		return "", fmt.Errorf("the system shows no frequency governor in /%s", cpus)
	}
	slices.Sort(seen)
	return strings.Join(seen, ", "), nil
}

const supplies = "sys/class/power_supply"

// power is "ac" if mains are on, "battery" if a battery feeds the computer.
func power(root fs.FS) (string, error) {
	dirs, _ := fs.Glob(root, supplies+"/*")
	found := ""
	for _, dir := range dirs {
		kind, _ := line(root, dir+"/type")
		online, _ := line(root, dir+"/online")
		status, _ := line(root, dir+"/status")
		switch {
		case kind == "Mains" && online == "1":
			return "ac", nil
		case kind == "Mains" && online == "0", kind == "Battery" && status == "Discharging":
			found = "battery"
		case kind == "Battery" && status != "" && found == "":
			found = "ac" // full or charging
		}
	}
	if found == "" {
		return "", fmt.Errorf("the system lists no power supply in /%s", supplies)
	}
	return found, nil
}

func line(root fs.FS, name string) (string, error) {
	b, err := fs.ReadFile(root, name)
	return strings.TrimSpace(string(b)), err
}

// Machine reads how busy the computer is.
type Machine struct {
	root fs.FS
	last *cpu.TimesStat // of the collection before
}

var _ telemetry.Collector = (*Machine)(nil)

// NewMachine returns a collector; root is System().
func NewMachine(root fs.FS) *Machine { return &Machine{root: root} }

// Collect implements telemetry.Collector. The first collection has no CPU
// utilisation: it is that since the one before.
func (m *Machine) Collect(ctx context.Context) []sample.Reading {
	readings := m.utilisation(ctx)
	readings = append(readings, m.frequency()...)
	if avg, err := load.AvgWithContext(ctx); err != nil {
		readings = append(readings, telemetry.Absent(telemetry.Load1, unit.None, err.Error(), nil))
	} else {
		readings = append(readings, telemetry.Point(telemetry.Load1, unit.None, avg.Load1, nil))
	}
	if v, err := mem.VirtualMemoryWithContext(ctx); err != nil {
		readings = append(readings, telemetry.Absent(telemetry.MemoryUsed, unit.Byte, err.Error(), nil),
			telemetry.Absent(telemetry.MemoryAvailable, unit.Byte, err.Error(), nil))
	} else {
		readings = append(readings, telemetry.Point(telemetry.MemoryUsed, unit.Byte, float64(v.Used), nil),
			telemetry.Point(telemetry.MemoryAvailable, unit.Byte, float64(v.Available), nil))
	}
	if s, err := mem.SwapMemoryWithContext(ctx); err != nil {
		readings = append(readings, telemetry.Absent(telemetry.SwapUsed, unit.Byte, err.Error(), nil))
	} else {
		readings = append(readings, telemetry.Point(telemetry.SwapUsed, unit.Byte, float64(s.Used), nil))
	}
	return readings
}

// Close implements telemetry.Collector.
func (m *Machine) Close() error { return nil }

// utilisation is the part of all cores' time that was not idle. Time stolen by
// another virtual machine counts: it was not ours either.
func (m *Machine) utilisation(ctx context.Context) []sample.Reading {
	times, err := cpu.TimesWithContext(ctx, false)
	if err != nil || len(times) == 0 {
		return []sample.Reading{telemetry.Absent(telemetry.CPUUtilisation, unit.Ratio, reason(err, "the system does not tell"), nil)}
	}
	now, last := times[0], m.last
	m.last = &now
	if last == nil {
		return nil
	}
	idle := now.Idle + now.Iowait - last.Idle - last.Iowait
	total := all(now) - all(*last)
	if total <= 0 { // two collections within one tick of the system's clock
		return nil
	}
	return []sample.Reading{telemetry.Point(telemetry.CPUUtilisation, unit.Ratio, min(1, max(0, 1-idle/total)), nil)}
}

// all leaves out guests, whose time is user time too.
func all(t cpu.TimesStat) float64 {
	return t.User + t.System + t.Nice + t.Idle + t.Iowait + t.Irq + t.Softirq + t.Steal
}

// frequency is the least, mean and greatest of the cores' present frequencies.
func (m *Machine) frequency() []sample.Reading {
	files, _ := fs.Glob(m.root, cpus+"/cpu[0-9]*/cpufreq/scaling_cur_freq")
	var hertz []float64
	sum := 0.0
	for _, f := range files {
		text, err := line(m.root, f)
		if err != nil {
			continue
		}
		if kHz, err := strconv.ParseFloat(text, 64); err == nil && kHz > 0 {
			hertz = append(hertz, kHz*1e3)
			sum += kHz * 1e3
		}
	}
	if len(hertz) == 0 {
		why := fmt.Sprintf("the system shows no frequency in /%s", path.Join(cpus, "cpu*", "cpufreq"))
		return []sample.Reading{telemetry.Absent(telemetry.CPUFrequency, unit.Hertz, why, nil)}
	}
	point := func(of string, v float64) sample.Reading {
		return telemetry.Point(telemetry.CPUFrequency, unit.Hertz, v, map[string]string{"of": of})
	}
	return []sample.Reading{
		point("min", slices.Min(hertz)), point("mean", sum/float64(len(hertz))), point("max", slices.Max(hertz)),
	}
}
