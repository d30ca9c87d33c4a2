package legacy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

func percent(name, series string) field { return field{name, series, unit.Ratio, "%", 100} }

// mebi is one of the MB that operating systems and drivers mean by 2^20 bytes.
func mebi(name, series string) field { return field{name, series, unit.Byte, "MiB", 1.0 / (1 << 20)} }

func gibi(name, series string) field { return field{name, series, unit.Byte, "GiB", 1.0 / (1 << 30)} }

func megahertz(name, series string) field { return field{name, series, unit.Hertz, "MHz", 1e-6} }

var (
	systemFields = []field{
		percent("cpu_percent", "system.cpu"), percent("memory_percent", "system.memory_share"),
		gibi("memory_used_gb", "system.memory_used"), gibi("memory_total_gb", "system.memory_total"),
		percent("disk_usage_percent", "system.disk_share"),
		mebi("network_sent_mb", "system.network_sent"), mebi("network_recv_mb", "system.network_received"),
	}
	gpuFields = []field{
		{name: "temperature", series: "gpu.temperature", unit: unit.Celsius},
		{name: "power_draw", series: "gpu.power", unit: unit.Watt}, {name: "power_limit", series: "gpu.power_limit", unit: unit.Watt},
		percent("utilization_gpu", "gpu.utilization"), percent("utilization_memory", "gpu.memory_utilization"),
		mebi("memory_used_mb", "gpu.memory_used"), mebi("memory_total_mb", "gpu.memory_total"), mebi("memory_free_mb", "gpu.memory_free"),
		megahertz("clock_graphics", "gpu.clock"), megahertz("clock_memory", "gpu.memory_clock"), percent("fan_speed", "gpu.fan"),
	}
	processFields = []field{percent("cpu_percent", "process.cpu"), mebi("memory_mb", "process.memory")}
)

// readSystem reads what a watcher saw of the machine every few seconds.
func readSystem(s *importer.Source) (*importer.Content, error) {
	o := object(s.Object())
	if !importer.Holds(o, "export_timestamp", "metrics_count", "metrics") {
		return nil, nil
	}
	list := listOf(o["metrics"])
	if list == nil {
		return nil, errors.New("its metrics are no list")
	}
	c := &importer.Content{Kind: "legacy/system"}
	for i, raw := range list {
		all, err := systemRow(objectOf(raw))
		c.Rows = append(c.Rows, readingsRow(i+1, all, err))
	}
	return c, nil
}

func systemRow(row object) ([]sample.Reading, error) {
	when := row.Cell("timestamp")
	var out []sample.Reading
	add := func(r object, fields []field, labels map[string]string) error {
		at, err := importer.UnixSeconds(cmp.Or(r.Cell("timestamp"), when))
		if err != nil {
			return fmt.Errorf("timestamp: %w", err)
		}
		all, err := readings(KindTelemetry, r, fields, labels)
		for i := range all {
			all[i].At = at
		}
		out = append(out, all...)
		return err
	}
	err := add(row.object("system"), systemFields, nil)
	for _, raw := range listOf(row["gpu"]) {
		g := objectOf(raw)
		err = errors.Join(err, add(g, gpuFields, with(nil, g, "gpu_id", "name", "pstate")))
	}
	ollama := row.object("ollama")
	for _, raw := range listOf(ollama["ollama_processes"]) {
		p := objectOf(raw)
		at := len(out)
		err = errors.Join(err, add(p, processFields, with(nil, p, "pid", "name")))
		for i := range out[at:] { // a process has no time of its own but its group's
			if t, bad := importer.UnixSeconds(ollama.Cell("timestamp")); bad == nil {
				out[at+i].At = t
			}
		}
	}
	return out, err
}

// profileUnits are the units of a kernel profiler's columns; any other is kept
// as it is.
var profileUnits = map[string]field{
	"us": {unit: unit.Second, from: "us", per: 1e6}, "ns": {unit: unit.Second, from: "ns", per: 1e9},
	"ms": {unit: unit.Second, from: "ms", per: 1e3}, "s": {unit: unit.Second},
	"%": {unit: unit.Ratio, from: "%", per: 100}, "byte": {unit: unit.Byte},
	"Kbyte": {unit: unit.Byte, from: "Kbyte", per: 1e-3}, "Mbyte": {unit: unit.Byte, from: "Mbyte", per: 1e-6},
	"byte/block":  {unit: "B/block", from: "byte/block"},
	"Kbyte/block": {unit: "B/block", from: "Kbyte/block", per: 1e-3},
}

// profileNames are columns that name the kernel, not measure it.
var profileNames = []string{"ID", "Process ID", "Process Name", "Host Name", "Kernel Name", "Context", "Stream", "Block Size", "Grid Size", "Device", "CC"}

// readProfile reads the raw page of a GPU kernel profiler: a row of units
// stands below the head.
func readProfile(s *importer.Source) (*importer.Content, error) {
	if !s.Has(".csv") || !s.Table().Has(profileNames...) {
		return nil, nil
	}
	t := s.Table()
	if len(t.Records) == 0 {
		return nil, errors.New("the row of units is missing")
	}
	units := t.Records[0]
	if units.Cell("ID") != "" {
		return nil, errors.New("the row below the head is no row of units")
	}
	c := ofTable("legacy/profile", t)
	for _, r := range t.Records[1:] {
		all, words := profileRow(t.Head, units, r)
		row := readingsRow(r.Number-1, all, r.Err)
		if len(words) > 0 && row.Skip == "" {
			c.Reason = fmt.Sprintf("%d columns hold words, not numbers: %s", len(words), importer.Clip(strings.Join(words, ", "), 200))
		}
		c.Rows = append(c.Rows, row)
	}
	return c, nil
}

func profileRow(head []string, units, r importer.Record) (out []sample.Reading, words []string) {
	labels := with(nil, r, profileNames...)
	for _, column := range head {
		text := r.Cell(column)
		if text == "" || slices.Contains(profileNames, column) {
			continue
		}
		v, err := importer.ParseNumber(text)
		if err != nil {
			words = append(words, column)
			continue
		}
		f, known := profileUnits[units.Cell(column)]
		if !known {
			f.unit = unit.Unit(units.Cell(column))
		}
		f.name, f.series = column, column
		out = append(out, f.reading(KindProfile, v, labels))
	}
	return out, words
}
