// Package nvidia reads NVIDIA GPUs through one long-lived nvidia-smi.
//
// The driver's library cannot be bound without giving up the static binary:
// loading a shared object needs the system's dynamic linker. nvidia-smi comes
// with the same driver, and in loop mode it starts once and prints one line
// for each GPU and interval; the machine that is being measured pays for no
// process a second.
package nvidia

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"chimera/internal/sample"
	"chimera/internal/telemetry"
	"chimera/internal/unit"
)

// A gauge is one queried field: printed × scale is in the base unit.
type gauge struct {
	field  string
	series string
	unit   unit.Unit
	scale  float64
}

// throttleFields are one field's names, today's and that of drivers before 535.
var throttleFields = []string{"clocks_event_reasons.active", "clocks_throttle_reasons.active"}

// Fields as `nvidia-smi --help-query-gpu` lists them, with the units it prints.
var gauges = []gauge{
	{"utilization.gpu", telemetry.GPUUtilisation, unit.Ratio, 0.01}, // %
	{"memory.used", telemetry.GPUMemoryUsed, unit.Byte, 1 << 20},    // MiB
	{"clocks.sm", telemetry.GPUClock, unit.Hertz, 1e6},              // MHz
	{"power.draw", telemetry.GPUPower, unit.Watt, 1},                // W
	{"temperature.gpu", telemetry.GPUTemperature, unit.Celsius, 1},  // °C
	{throttleFields[0], telemetry.GPUThrottle, unit.None, 1},        // hexadecimal bits
}

// A Command starts nvidia-smi with arguments. Its output ends when ctx does or
// when it is closed; Close waits for the process.
type Command func(ctx context.Context, args ...string) (io.ReadCloser, error)

// Facts lists the GPUs, or says why it cannot.
func Facts(ctx context.Context, run Command) ([]sample.GPU, error) {
	out, err := run(ctx, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	rows := reader(out)
	rows.FieldsPerRecord = 3
	var all []sample.GPU
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if errors.Is(err, csv.ErrFieldCount) {
			return nil, fmt.Errorf("nvidia-smi: %s", strings.Join(row, ", ")) // a message
		}
		if err != nil {
			return nil, fmt.Errorf("nvidia-smi: %w", err)
		}
		g := sample.GPU{Name: row[0], Driver: row[1]}
		if mib, err := strconv.ParseUint(row[2], 10, 44); err == nil {
			g.MemoryBytes = sample.Some(mib << 20)
		}
		all = append(all, g)
	}
}

func reader(r io.Reader) *csv.Reader {
	rows := csv.NewReader(r)
	rows.TrimLeadingSpace = true
	return rows
}

// Collector reads the GPUs every interval. A reading's instant is that of the
// collection; nvidia-smi took it at most one interval before.
type Collector struct {
	run      Command
	interval time.Duration
	reading  sync.WaitGroup
	stop     context.CancelFunc // nil before the first collection

	mu struct {
		sync.Mutex
		fresh  []sample.Reading // since the last collection, of the last line of each GPU
		reason string           // why nothing comes (any more)
	}
}

var _ telemetry.Collector = (*Collector)(nil)

// New returns a collector that starts nvidia-smi when it is first asked. The
// interval is the shortest time between two of its lines.
func New(run Command, interval time.Duration) *Collector {
	return &Collector{run: run, interval: max(interval, 100*time.Millisecond)}
}

// Collect implements telemetry.Collector.
func (c *Collector) Collect(ctx context.Context) []sample.Reading {
	if c.stop == nil {
		c.start(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.reason != "" {
		return []sample.Reading{telemetry.Absent(telemetry.GPUUtilisation, unit.Ratio, c.mu.reason, nil)}
	}
	fresh := c.mu.fresh
	c.mu.fresh = nil
	return fresh
}

// start outlives the collection that asked for it; Close ends it.
func (c *Collector) start(ctx context.Context) {
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.reading.Go(func() {
		reason := ""
		for _, name := range throttleFields {
			reason = c.follow(ctx, name)
			if !strings.Contains(reason, "not a valid field") {
				break
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.mu.reason = reason
	})
}

// follow keeps the newest line of each GPU until nvidia-smi ends, and returns
// why it did.
func (c *Collector) follow(ctx context.Context, throttle string) string {
	fields := []string{"index"}
	for _, g := range gauges {
		fields = append(fields, g.field)
	}
	fields[len(fields)-1] = throttle
	out, err := c.run(ctx, "--query-gpu="+strings.Join(fields, ","), "--format=csv,noheader,nounits",
		"-lms", strconv.FormatInt(c.interval.Milliseconds(), 10))
	if err != nil {
		return err.Error()
	}
	message := ""
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		readings, gpu, err := parse(lines.Text())
		if err != nil {
			message = lines.Text() // if nothing follows, it is the reason
			continue
		}
		message = ""
		c.keep(gpu, readings)
	}
	err = errors.Join(lines.Err(), out.Close())
	switch {
	case message != "":
		return "nvidia-smi: " + message
	case err != nil:
		return "nvidia-smi ended: " + err.Error()
	}
	return "nvidia-smi ended"
}

// keep replaces what was read of a GPU.
func (c *Collector) keep(gpu string, readings []sample.Reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := slices.DeleteFunc(c.mu.fresh, func(r sample.Reading) bool { return r.Labels["gpu"] == gpu })
	c.mu.fresh = append(old, readings...)
}

// parse reads one line of the loop.
func parse(line string) (readings []sample.Reading, gpu string, err error) {
	rows := reader(strings.NewReader(line))
	rows.FieldsPerRecord = len(gauges) + 1
	row, err := rows.Read()
	if err != nil {
		return nil, "", err
	}
	if _, err := strconv.Atoi(row[0]); err != nil {
		return nil, "", fmt.Errorf("index of a GPU: %w", err)
	}
	labels := map[string]string{"gpu": row[0]}
	for i, g := range gauges {
		text := strings.TrimSpace(row[i+1])
		if v, ok := value(text); ok {
			readings = append(readings, telemetry.Point(g.series, g.unit, v*g.scale, labels))
		} else {
			readings = append(readings, telemetry.Absent(g.series, g.unit, fmt.Sprintf("nvidia-smi says %q", text), labels))
		}
	}
	return readings, row[0], nil
}

// value reads a decimal number or hexadecimal bits. A bit set above 2⁵³ would
// lose bits as a float64; NVML defines fewer than 16.
func value(text string) (float64, bool) {
	if hex, ok := strings.CutPrefix(text, "0x"); ok {
		bits, err := strconv.ParseUint(hex, 16, 53)
		return float64(bits), err == nil
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil && v >= 0
}

// Close implements telemetry.Collector: it ends nvidia-smi and waits for it.
func (c *Collector) Close() error {
	if c.stop != nil {
		c.stop()
		c.reading.Wait()
	}
	return nil
}

// SMI is the Command that runs nvidia-smi from the search path.
func SMI(ctx context.Context, args ...string) (io.ReadCloser, error) {
	path, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return nil, errors.New("there is no nvidia-smi, so no NVIDIA driver")
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("nvidia-smi: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("nvidia-smi: %w", err)
	}
	return &process{ReadCloser: out, cmd: cmd}, nil
}

// process is a running nvidia-smi: closing its output ends it.
type process struct {
	io.ReadCloser
	cmd *exec.Cmd
}

func (p *process) Close() error {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	err := p.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && !exit.Exited() {
		return nil // our own signal
	}
	return err
}
