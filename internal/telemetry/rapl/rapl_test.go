package rapl_test

import (
	"io/fs"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"chimera/internal/telemetry"
	"chimera/internal/telemetry/rapl"
)

func tree(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range files {
		root["sys/class/powercap/"+name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	return root
}

// read returns values, or reasons, by domain.
func read(t *testing.T, c *rapl.Collector) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, r := range c.Collect(t.Context()) {
		got[r.Labels["domain"]] = r.Reason
		if v, ok := r.Value.Get(); ok {
			got[r.Labels["domain"]] = strconv.FormatFloat(v, 'g', -1, 64)
		}
		if r.Series != telemetry.Energy || r.Unit != "J" {
			t.Errorf("reading is %+v", r)
		}
	}
	return got
}

func TestEnergyCountsFromTheFirstReadingAndAcrossAFullCounter(t *testing.T) {
	root := tree(map[string]string{
		"intel-rapl:0/name": "package-0", "intel-rapl:0/energy_uj": "1000000", "intel-rapl:0/max_energy_range_uj": "5000000",
		"intel-rapl:0:0/name": "dram", "intel-rapl:0:0/energy_uj": "7", "intel-rapl:0:0/max_energy_range_uj": "5000000",
	})
	c := rapl.New(root)
	for i, step := range []struct {
		counter string
		want    string
	}{
		{"1000000", "0"}, {"4500000", "3.5"}, {"500000", "4.5"} /* full at 5 J */, {"500000", "4.5"}, {"700000", "4.7"},
	} {
		root["sys/class/powercap/intel-rapl:0/energy_uj"].Data = []byte(step.counter + "\n")
		want := map[string]string{"package-0": step.want, "package-0/dram": "0"}
		if diff := cmp.Diff(want, read(t, c)); diff != "" {
			t.Errorf("reading %d: %s", i, diff)
		}
	}
}

func TestWhatCannotBeReadHasItsReason(t *testing.T) {
	for _, c := range []struct {
		name string
		root fs.FS
		want map[string]string
	}{
		{"no counter", fstest.MapFS{}, map[string]string{"": "the system shows no energy counter in /sys/class/powercap"}},
		{"root only", forbidden{tree(map[string]string{"intel-rapl:0/name": "package-0", "intel-rapl:0/energy_uj": "1"})},
			map[string]string{"package-0": "/sys/class/powercap/intel-rapl:0/energy_uj may be read by root only"}},
		{"nonsense", tree(map[string]string{"intel-rapl:0/name": "package-0", "intel-rapl:0/energy_uj": "much"}),
			map[string]string{"package-0": `/sys/class/powercap/intel-rapl:0/energy_uj holds "much", not a number`}},
		{"no range", tree(map[string]string{"intel-rapl:0/name": "package-0", "intel-rapl:0/energy_uj": "1"}),
			map[string]string{"package-0": "/sys/class/powercap/intel-rapl:0/max_energy_range_uj cannot be read: file does not exist"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, read(t, rapl.New(c.root))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// forbidden lets nobody read a counter.
type forbidden struct{ fstest.MapFS }

func (f forbidden) Open(name string) (fs.File, error) {
	if path := name; len(path) > 9 && path[len(path)-9:] == "energy_uj" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return f.MapFS.Open(name)
}

func (f forbidden) ReadFile(name string) ([]byte, error) {
	if _, err := f.Open(name); err != nil {
		return nil, err
	}
	return f.MapFS.ReadFile(name)
}
