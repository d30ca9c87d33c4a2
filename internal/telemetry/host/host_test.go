package host_test

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/shirou/gopsutil/v4/common"

	"chimera/internal/sample"
	"chimera/internal/telemetry"
	"chimera/internal/telemetry/host"
)

func tree(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func link(root fstest.MapFS, name, to string) {
	root[name] = &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink}
}

func table(readings []sample.Reading) map[string]any {
	got := map[string]any{}
	for _, r := range readings {
		key := r.Series
		for _, l := range []string{"of", "target", "pid"} {
			if v, ok := r.Labels[l]; ok {
				key += " " + v
			}
		}
		got[key] = r.Reason
		if v, ok := r.Value.Get(); ok {
			got[key] = v
		}
	}
	return got
}

func TestGovernorAndPowerOfAMachine(t *testing.T) {
	for _, c := range []struct {
		name            string
		files           map[string]string
		governor, power string
		absent          []string
	}{
		{"server", map[string]string{"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
			"sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance\n"}, "performance", "", []string{"host.power"}},
		{"mixed cores", map[string]string{"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
			"sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance\n"}, "performance, powersave", "", []string{"host.power"}},
		{"laptop on mains", map[string]string{"sys/class/power_supply/AC/type": "Mains\n", "sys/class/power_supply/AC/online": "1\n",
			"sys/class/power_supply/BAT0/type": "Battery\n", "sys/class/power_supply/BAT0/status": "Discharging\n"}, "", "ac", []string{"host.governor"}},
		{"laptop on battery", map[string]string{"sys/class/power_supply/AC/type": "Mains\n", "sys/class/power_supply/AC/online": "0\n",
			"sys/class/power_supply/BAT0/type": "Battery\n", "sys/class/power_supply/BAT0/status": "Discharging\n"}, "", "battery", []string{"host.governor"}},
		{"full battery, no mains listed", map[string]string{"sys/class/power_supply/BAT0/type": "Battery\n",
			"sys/class/power_supply/BAT0/status": "Full\n"}, "", "ac", []string{"host.governor"}},
		{"virtual machine", nil, "", "", []string{"host.governor", "host.power"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, absent := host.Facts(t.Context(), tree(c.files))
			if h.Governor != c.governor || h.Power != c.power {
				t.Errorf("governor %q, power %q", h.Governor, h.Power)
			}
			for _, field := range c.absent {
				if absent[field] == "" {
					t.Errorf("%s is absent without a reason", field)
				}
			}
			if h.OS != runtime.GOOS || h.Cores < 1 {
				t.Errorf("host is %+v", h)
			}
		})
	}
}

// proc points gopsutil at a /proc of the test's own.
func proc(t *testing.T) (ctx context.Context, write func(name, text string)) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("gopsutil reads /proc on Linux only")
	}
	dir := t.TempDir()
	ctx = context.WithValue(t.Context(), common.EnvKey, common.EnvMap{common.HostProcEnvKey: dir})
	return ctx, func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAMachineIsReadByItsSeries(t *testing.T) {
	ctx, write := proc(t)
	write("loadavg", "1.25 0.5 0.25 1/200 4711\n")
	write("meminfo", "MemTotal: 1000 kB\nMemFree: 300 kB\nMemAvailable: 600 kB\nBuffers: 0 kB\nCached: 0 kB\nSwapTotal: 50 kB\nSwapFree: 40 kB\n")
	write("vmstat", "pswpin 0\n")
	write("stat", "cpu  100 0 100 800 0 0 0 0 0 0\n")
	m := host.NewMachine(tree(map[string]string{
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1000000\n",
		"sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "3000000\n",
	}))
	if got := table(m.Collect(ctx)); got[telemetry.CPUUtilisation] != nil {
		t.Errorf("the first collection has a utilisation: %v", got)
	}
	// 50 user, 20 stolen, 10 waiting for a disk, 20 idle; 50 of the user time
	// was a guest's and must not count twice.
	write("stat", "cpu  150 0 100 820 10 0 0 20 50 0\n")
	got := table(m.Collect(ctx))
	util, ok := got[telemetry.CPUUtilisation].(float64)
	if delta := util - 0.7; !ok || delta > 1e-9 || delta < -1e-9 {
		t.Errorf("utilisation is %v, want 0.7", got[telemetry.CPUUtilisation])
	}
	delete(got, telemetry.CPUUtilisation)
	want := map[string]any{
		"cpu.frequency min": 1e9, "cpu.frequency mean": 2e9, "cpu.frequency max": 3e9, "cpu.load1": 1.25,
		"memory.available": 600.0 * 1024, "memory.used": got["memory.used"], "swap.used": got["swap.used"],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if used, ok := got["memory.used"].(float64); !ok || used <= 0 || used > 1000*1024 {
		t.Errorf("memory in use is %v", got["memory.used"])
	}
}

func TestAMachineThatShowsNothingHasReasons(t *testing.T) {
	ctx, _ := proc(t)
	got := table(host.NewMachine(fstest.MapFS{}).Collect(ctx))
	for _, series := range []string{telemetry.CPUUtilisation, telemetry.CPUFrequency, telemetry.MemoryUsed, telemetry.MemoryAvailable} {
		if why, ok := got[series].(string); !ok || why == "" {
			t.Errorf("%s is %v, want a reason", series, got[series])
		}
	}
}

// stat is a line of /proc/PID/stat.
func stat(pid int, name string, parent, utime, stime, cutime, cstime, pages int) string {
	return fmt.Sprintf("%d (%s) S %d 1 1 0 -1 4194304 1 0 0 0 %d %d %d %d 20 0 5 0 100 2000000 %d 18446744073709551615 1 1\n",
		pid, name, parent, utime, stime, cutime, cstime, pages)
}

func TestAProcessCountsItsChildren(t *testing.T) {
	root := tree(map[string]string{
		"proc/10/stat": stat(10, "ollama", 1, 100, 50, 30, 20, 10),
		"proc/11/stat": stat(11, "runner) S 10 (", 10, 300, 0, 0, 0, 40), // a name made to mislead
		"proc/12/stat": stat(12, "helper", 11, 5, 5, 0, 0, 1),
		"proc/13/stat": stat(13, "other", 1, 9999, 0, 0, 0, 9999),
		"proc/14/stat": "ended",
	})
	p := host.NewProcess(root, "box", 10)
	want := map[string]any{"process.cpu box 10": 5.1, "process.rss box 10": 51 * float64(os.Getpagesize())}
	if diff := cmp.Diff(want, table(p.Collect(t.Context()))); diff != "" {
		t.Error(diff)
	}
	delete(root, "proc/10/stat")
	want = map[string]any{"process.cpu box": "there is no process 10 any more", "process.rss box": "there is no process 10 any more"}
	if diff := cmp.Diff(want, table(p.Collect(t.Context()))); diff != "" {
		t.Error(diff)
	}
}

const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2CAA 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 771 1 0 100 0 0 10 0
   1: 0100007F:2CAB 0100007F:2CAA 01 00000000:00000000 00:00000000 00000000  1000        0 772 1 0 100 0 0 10 0
   2: 0101A8C0:2CAC 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 773 1 0 100 0 0 10 0
`
const tcp6 = `  sl  local_address                         remote_address                        st
   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 881 1 0
`

func TestAListenerIsFoundByItsPort(t *testing.T) {
	root := tree(map[string]string{
		"proc/net/tcp": tcp, "proc/net/tcp6": tcp6,
		"proc/20/stat": stat(20, "ollama", 1, 100, 0, 0, 0, 1), "proc/21/stat": stat(21, "server", 1, 200, 0, 0, 0, 1),
	})
	link(root, "proc/20/fd/3", "socket:[771]")
	link(root, "proc/20/fd/1", "/dev/null")
	link(root, "proc/21/fd/4", "socket:[881]")
	for _, c := range []struct {
		port uint16
		want map[string]any
	}{
		{11434, map[string]any{"process.cpu t 20": 1.0, "process.rss t 20": float64(os.Getpagesize())}},
		{8080, map[string]any{"process.cpu t 21": 2.0, "process.rss t 21": float64(os.Getpagesize())}},
		{11435, absentBoth("no process of this computer listens on port 11435")}, // a connection, no listener
		{11436, absentBoth("no process of this computer listens on port 11436")}, // not at a loopback address
	} {
		got := table(host.NewListener(root, "t", c.port).Collect(t.Context()))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("port %d: %s", c.port, diff)
		}
	}
	delete(root, "proc/20/fd/3")
	if _, err := host.Listener(root, 11434); err == nil || err.Error() != "the process that listens on port 11434 belongs to another user" {
		t.Errorf("without the descriptor: %v", err)
	}
	if _, err := host.Listener(fstest.MapFS{}, 1); err == nil {
		t.Error("without /proc a listener was found")
	}
}

func TestAChildThatComesLaterIsCounted(t *testing.T) {
	root := tree(map[string]string{
		"proc/10/stat": stat(10, "ollama", 1, 100, 0, 0, 0, 1), "proc/13/stat": stat(13, "other", 1, 9999, 0, 0, 0, 9999),
	})
	p := host.NewProcess(root, "box", 10)
	p.Collect(t.Context())
	root["proc/11/stat"] = &fstest.MapFile{Data: []byte(stat(11, "runner", 10, 300, 0, 0, 0, 40))}
	if got := table(p.Collect(t.Context())); got["process.cpu box 10"] != 4.0 {
		t.Errorf("with a new child: %v", got)
	}
}

func TestASearchThatFoundNothingIsRepeatedNowAndThen(t *testing.T) {
	root := tree(map[string]string{"proc/net/tcp": tcp})
	p := host.NewListener(root, "t", 11434)
	why := absentBoth("the process that listens on port 11434 belongs to another user")
	if diff := cmp.Diff(why, table(p.Collect(t.Context()))); diff != "" {
		t.Fatal(diff)
	}
	root["proc/20/stat"] = &fstest.MapFile{Data: []byte(stat(20, "a", 1, 100, 0, 0, 0, 1))}
	link(root, "proc/20/fd/3", "socket:[771]")
	for n := 2; n <= 10; n++ {
		if diff := cmp.Diff(why, table(p.Collect(t.Context()))); diff != "" {
			t.Errorf("collection %d: %s", n, diff)
		}
	}
	if got := table(p.Collect(t.Context())); got["process.cpu t 20"] != 1.0 {
		t.Errorf("collection 11: %v", got)
	}
}

func absentBoth(why string) map[string]any {
	return map[string]any{"process.cpu t": why, "process.rss t": why}
}

func TestARestartedListenerIsFoundAgain(t *testing.T) {
	root := tree(map[string]string{"proc/net/tcp": tcp, "proc/20/stat": stat(20, "a", 1, 100, 0, 0, 0, 1)})
	link(root, "proc/20/fd/3", "socket:[771]")
	p := host.NewListener(root, "t", 11434)
	p.Collect(t.Context())
	delete(root, "proc/20/stat")
	delete(root, "proc/20/fd/3")
	root["proc/30/stat"] = &fstest.MapFile{Data: []byte(stat(30, "a", 1, 7, 0, 0, 0, 1))}
	link(root, "proc/30/fd/3", "socket:[771]")
	if got := table(p.Collect(t.Context())); got["process.cpu t 30"] != 0.07 {
		t.Errorf("after a restart: %v", got)
	}
}

// On a real Linux this test process listens, and finds itself.
func TestTheRealListenerIsThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc on " + runtime.GOOS)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pid, err := host.Listener(host.System(), netip.MustParseAddrPort(l.Addr().String()).Port())
	if err != nil || pid != os.Getpid() {
		t.Errorf("found process %d, want %d (%v)", pid, os.Getpid(), err)
	}
	got := host.NewProcess(host.System(), "self", os.Getpid()).Collect(t.Context())
	for _, r := range got {
		if v, ok := r.Value.Get(); !ok || r.Series == telemetry.ProcessRSS && v < 1<<20 {
			t.Errorf("reading is %+v", r)
		}
	}
}

// The cost of one collection, beside what is being measured.
func BenchmarkCollect(b *testing.B) {
	m := host.NewMachine(host.System())
	p := host.NewProcess(host.System(), "self", os.Getpid())
	b.Run("machine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Collect(b.Context())
		}
	})
	b.Run("process", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Collect(b.Context())
		}
	})
}
