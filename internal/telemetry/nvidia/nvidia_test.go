package nvidia_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"chimera/internal/sample"
	"chimera/internal/telemetry"
	"chimera/internal/telemetry/nvidia"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// smi is an nvidia-smi whose lines a test writes.
type smi struct {
	args []string
	out  *io.PipeWriter
}

func (s *smi) run(ctx context.Context, args ...string) (io.ReadCloser, error) {
	s.args = args
	r, w := io.Pipe()
	s.out = w
	context.AfterFunc(ctx, func() { w.Close() })
	return r, nil
}

func (s *smi) say(t *testing.T, lines ...string) {
	t.Helper()
	if _, err := io.WriteString(s.out, strings.Join(lines, "\n")+"\n"); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func says(text string) nvidia.Command {
	return func(context.Context, ...string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(text)), nil
	}
}

// table is series and GPU to value or reason.
func table(readings []sample.Reading) map[string]any {
	got := map[string]any{}
	for _, r := range readings {
		key := r.Series + " " + r.Labels["gpu"]
		got[key] = r.Reason
		if v, ok := r.Value.Get(); ok {
			got[key] = v
		}
	}
	return got
}

func TestCollectGivesTheNewestLineOfEachGPUOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &smi{}
		c := nvidia.New(s.run, time.Second)
		if got := c.Collect(t.Context()); got != nil {
			t.Errorf("before the first line there is %v", got)
		}
		synctest.Wait()
		if want := []string{"-lms", "1000"}; !cmp.Equal(s.args[len(s.args)-2:], want) {
			t.Errorf("arguments are %q", s.args)
		}
		s.say(t, "0, 10, 500, 1200, 70.00, 40, 0x0000000000000000")
		s.say(t, "0, 97, 1024, 1980, 301.25, 71, 0x0000000000000024", "1, 0, 3, 345, [N/A], 33, 0x0000000000000001")
		want := map[string]any{
			"gpu.utilisation 0": 0.97, "gpu.memory_used 0": float64(1 << 30), "gpu.clock_sm 0": 1.98e9,
			"gpu.power 0": 301.25, "gpu.temperature 0": 71.0, "gpu.throttle 0": 36.0, // software power cap and thermal slowdown
			"gpu.utilisation 1": 0.0, "gpu.memory_used 1": float64(3 << 20), "gpu.clock_sm 1": 345e6,
			"gpu.power 1": `nvidia-smi says "[N/A]"`, "gpu.temperature 1": 33.0, "gpu.throttle 1": 1.0,
		}
		if diff := cmp.Diff(want, table(c.Collect(t.Context()))); diff != "" {
			t.Error(diff)
		}
		if again := c.Collect(t.Context()); len(again) > 0 {
			t.Errorf("the same line was told twice: %v", again)
		}
		if err := errors.Join(c.Close(), c.Close()); err != nil {
			t.Error(err)
		}
	})
}

func TestWithoutGPUThereIsOneReason(t *testing.T) {
	missing := func(context.Context, ...string) (io.ReadCloser, error) {
		return nil, errors.New("there is no nvidia-smi, so no NVIDIA driver")
	}
	for _, c := range []struct {
		name string
		run  nvidia.Command
		want string
	}{
		{"no nvidia-smi", missing, "there is no nvidia-smi, so no NVIDIA driver"},
		{"no driver", says("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n"),
			"nvidia-smi: NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."},
		{"it ends", says("0, 10, 500, 1200, 70.00, 40, 0x0\n"), "nvidia-smi ended"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				collector := nvidia.New(c.run, time.Second)
				collector.Collect(t.Context())
				synctest.Wait()
				got := table(collector.Collect(t.Context()))
				if diff := cmp.Diff(map[string]any{telemetry.GPUUtilisation + " ": c.want}, got); diff != "" {
					t.Error(diff)
				}
				if err := collector.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestAnOldDriverIsAskedByTheOldName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		c := nvidia.New(func(_ context.Context, args ...string) (io.ReadCloser, error) {
			asked = append(asked, args[0])
			if strings.Contains(args[0], "clocks_event_reasons") {
				return says("Field \"clocks_event_reasons.active\" is not a valid field to query.\n")(t.Context())
			}
			return says("0, 10, 500, 1200, 70.00, 40, 0x4\n")(t.Context())
		}, time.Second)
		c.Collect(t.Context())
		synctest.Wait()
		if len(asked) != 2 || !strings.HasSuffix(asked[1], ",clocks_throttle_reasons.active") {
			t.Errorf("asked %q", asked)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestFacts(t *testing.T) {
	got, err := nvidia.Facts(t.Context(), says("NVIDIA H200, 570.124.06, 143771\nNVIDIA T4, 570.124.06, [N/A]\n"))
	want := []sample.GPU{
		{Name: "NVIDIA H200", Driver: "570.124.06", MemoryBytes: sample.Some[uint64](143771 << 20)},
		{Name: "NVIDIA T4", Driver: "570.124.06"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sample.Opt[uint64]{})); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := nvidia.Facts(t.Context(), says("No devices were found\n")); err == nil || err.Error() != "nvidia-smi: No devices were found" {
		t.Errorf("without a device: %v", err)
	}
}

// The real one, where there is one: whatever it says, it is a value or a reason.
func TestTheRealNvidiaSmi(t *testing.T) {
	c := nvidia.New(nvidia.SMI, 100*time.Millisecond)
	defer c.Close()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if got := c.Collect(t.Context()); len(got) > 0 {
			if r := got[0]; r.Value.OK() == (r.Reason != "") {
				t.Errorf("reading is %+v", r)
			}
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("neither a reading nor a reason after 20s")
		}
	}
}
