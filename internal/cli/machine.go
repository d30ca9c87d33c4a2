package cli

import (
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"chimera/internal/sample"
	"chimera/internal/spec"
	"chimera/internal/telemetry"
	"chimera/internal/telemetry/host"
	"chimera/internal/telemetry/nvidia"
	"chimera/internal/telemetry/rapl"

	"github.com/shirou/gopsutil/v4/disk"
)

// hostFacts describes this machine for a manifest. What could not be read has
// its reason in the map.
func hostFacts(ctx context.Context) (sample.Host, map[string]string) {
	facts, absent := host.Facts(ctx, host.System())
	gpus, err := nvidia.Facts(ctx, nvidia.SMI)
	if err != nil {
		absent["host.gpus"] = err.Error()
	}
	facts.GPUs = gpus
	return facts, absent
}

// collectorsFor are the readers of this machine, and of the runtimes that run
// on it.
func collectorsFor(s *spec.Spec) (all []telemetry.Collector, closeAll func()) {
	root := host.System()
	all = []telemetry.Collector{host.NewMachine(root), rapl.New(root), nvidia.New(nvidia.SMI, s.Telemetry.Interval.D())}
	for _, t := range s.Targets {
		if port, ok := loopbackPort(t.URL); ok {
			all = append(all, host.NewListener(root, t.ID, port))
		} else if t.Kind == "native" || t.Kind == "fake" {
			all = append(all, host.NewProcess(root, t.ID, os.Getpid()))
		}
	}
	return all, func() {
		for _, c := range all {
			c.Close()
		}
	}
}

// loopbackPort returns the port of a server on this machine.
func loopbackPort(base string) (uint16, bool) {
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" {
		return 0, false
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return 0, false
	}
	text := u.Port()
	if text == "" {
		text = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return uint16(port), err == nil
}

// freeBytes says how much room is left on the disk that holds path.
func freeBytes(path string) func() (uint64, error) {
	return func() (uint64, error) {
		usage, err := disk.Usage(filepath.Dir(path))
		if err != nil {
			return 0, err
		}
		return usage.Free, nil
	}
}
