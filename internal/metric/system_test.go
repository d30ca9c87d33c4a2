package metric_test

import (
	"strings"
	"testing"
	"time"

	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

func failure(send, end float64) *sample.Sample {
	s := stream(51, 26, send, send+300, send+1300)
	s.Outcome, s.Failure, s.T.End = sample.Error, &sample.Failure{Message: "reset"}, ms(end)
	s.T.First, s.T.Last = sample.None[time.Duration](), sample.None[time.Duration]()
	return s
}

func dropped() *sample.Sample {
	s := &sample.Sample{Run: "r", Trial: "d"}
	s.Outcome, s.Failure = sample.Dropped, &sample.Failure{Message: "no free slot"}
	s.T.Sched = ms(5)
	return s
}

func TestOverall(t *testing.T) {
	two := []*sample.Sample{stream(51, 26, 0, 300, 1300), stream(49, 26, 650, 950, 1950)} // ends at 2.0 s
	with := func(more ...*sample.Sample) []*sample.Sample {
		return append(append([]*sample.Sample{}, two...), more...)
	}
	uncounted := stream(1, 1, 0, 1, 2)
	uncounted.Tokens.Output = sample.None[int]()
	resumed := stream(5, 5, 0, 1, 2)
	resumed.Session = 1
	unseen := failure(0, 5)
	unseen.T.End = sample.None[time.Duration]()
	untimed := stream(51, 26, 0, 300, 1300)
	untimed.T.First = sample.None[time.Duration]()
	slo := metric.Objective{Metric: "ttft", Limit: 0.3}

	for _, c := range []struct {
		name, id string
		set      []*sample.Sample
		slo      []metric.Objective
		want     float64
		why      string
	}{
		{"both streams together", "output_rate", two, nil, 50, ""},
		{"answered by the window", "request_rate", two, nil, 1, ""},
		{"in any order", "output_rate", []*sample.Sample{two[1], two[0]}, nil, 50, ""},
		{"a failure lengthens the window and adds no tokens", "output_rate", with(failure(100, 4000)), nil, 25, ""},
		{"a drop was never sent", "output_rate", with(dropped()), nil, 50, ""},
		{"all failed", "request_rate", []*sample.Sample{failure(0, 1000)}, nil, 0, ""},
		{"all failed give no tokens", "output_rate", []*sample.Sample{failure(0, 1000)}, nil, 0, "0 of 1 requests were answered"},
		{"uncounted tokens", "output_rate", with(uncounted), nil, 0, "not counted"},
		{"two sessions", "output_rate", with(resumed), nil, 0, "two sessions"},
		{"an end that no one saw", "request_rate", with(unseen), nil, 0, "was not observed"},
		{"nothing", "request_rate", nil, nil, 0, "no request was sent"},
		{"only drops", "request_rate", []*sample.Sample{dropped()}, nil, 0, "no request was sent"},
		{"good", "goodput", two, []metric.Objective{slo}, 1, ""},
		{"failures count against", "slo_attainment", with(failure(0, 5), dropped()), []metric.Objective{slo}, 0.5, ""},
		{"higher is better", "slo_attainment", two, []metric.Objective{{"decode_rate", 49}}, 0.5, ""},
		{"every objective", "slo_attainment", two, []metric.Objective{slo, {"tpot", 0.0201}}, 0.5, ""},
		{"none good is a value", "goodput", two, []metric.Objective{{"ttft", 0.1}}, 0, ""},
		{"no objective", "goodput", two, nil, 0, "no objective"},
		{"an unknown objective", "goodput", two, []metric.Objective{{"speed", 1}}, 0, `no metric "speed"`},
		{"an objective without direction", "goodput", two, []metric.Objective{{"output_tokens", 1}}, 0, "cannot be an objective"},
		{"an objective that cannot be judged", "slo_attainment", with(untimed), []metric.Objective{slo}, 0, "t.first was not observed"},
		{"nothing planned", "slo_attainment", nil, []metric.Objective{slo}, 0, "no request was planned"},
		{"a metric of requests", "ttft", two, nil, 0, "metric of one request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, why, ok := get(t, c.id).Overall(c.set, c.slo...)
			if ok != (c.why == "") || !strings.Contains(why, c.why) || !near(v, c.want) {
				t.Errorf("%v, %q, %v; want %v, %q", v, why, ok, c.want, c.why)
			}
		})
	}
}

func reading(series string, at, value float64, labels ...string) sample.Reading {
	r := sample.Reading{Run: "r", Series: series, At: ms(at).Or(0), Value: sample.Some(value)}
	for i := 0; i+1 < len(labels); i += 2 {
		if r.Labels == nil {
			r.Labels = map[string]string{}
		}
		r.Labels[labels[i]] = labels[i+1]
	}
	return r
}

func TestObserved(t *testing.T) {
	w := metric.Window{From: time.Second, To: 3 * time.Second}
	silent := sample.Reading{Series: "gpu.energy", Unit: unit.Joule, Reason: "no such counter on this device"}
	cpu := []sample.Reading{reading("process.cpu", 4000, 12), reading("process.cpu", 0, 2), reading("process.cpu", 2000, 6)}
	counter := []sample.Reading{reading("cpu.energy", 500, 0), reading("cpu.energy", 3500, 60)}
	power := []sample.Reading{reading("gpu.power", 0, 100), reading("gpu.power", 2000, 100), reading("gpu.power", 4000, 200)}
	in := stream(20, 5, 1000, 1500, 2500)
	out := stream(20, 5, 2000, 2500, 3500)
	for _, c := range []struct {
		name, id string
		readings []sample.Reading
		samples  []*sample.Sample
		want     float64
		why      string
	}{
		{"a counter, between readings", "cpu_seconds", cpu, nil, 9 - 4, ""},
		{"a counter that began again", "cpu_seconds", append(cpu, reading("process.cpu", 5000, 1)), nil, 0, "fell from 12 to 1"},
		{"readings that end early", "cpu_seconds", cpu[1:], nil, 0, "but the window is from 1s to 3s"},
		{"no readings", "cpu_seconds", nil, nil, 0, "nothing read process.cpu"},
		{"the peak within", "rss_bytes", []sample.Reading{reading("process.rss", 0, 99), reading("process.rss", 1000, 5), reading("process.rss", 2000, 7), reading("process.rss", 9000, 88)}, nil, 7, ""},
		{"a state that holds", "vram_bytes", []sample.Reading{reading("load.vram", 0, 5), reading("load.vram", 500, 6)}, nil, 6, ""},
		{"a state of later", "vram_bytes", []sample.Reading{reading("load.vram", 5000, 5)}, nil, 0, "was not read between"},
		{"two processes", "rss_bytes", []sample.Reading{reading("process.rss", 2000, 5, "pid", "1"), reading("process.rss", 2000, 5, "pid", "2")}, nil, 0, "two sources (process.rss pid=1, process.rss pid=2)"},
		{"two series", "energy", append(power, counter...), nil, 0, "two sources"},
		{"a counter of energy", "energy", counter, nil, 40, ""},
		{"power over time", "energy", power, nil, 100 + (100+150)/2, ""},
		{"a device that does not tell", "energy", []sample.Reading{silent}, nil, 0, "no such counter on this device"},
		{"energy by tokens", "energy_per_token", counter, []*sample.Sample{in}, 2, ""},
		{"failures have no tokens", "energy_per_token", counter, []*sample.Sample{in, failure(0, 9000)}, 2, ""},
		{"tokens of another time", "energy_per_token", counter, []*sample.Sample{in, out}, 0, "did not run within the window"},
		{"no requests", "energy_per_token", counter, nil, 0, "no requests were given"},
		{"a metric of requests", "ttft", counter, nil, 0, "metric of one request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, why, ok := get(t, c.id).Observed(c.readings, w, c.samples...)
			if ok != (c.why == "") || !strings.Contains(why, c.why) || !near(v, c.want) {
				t.Errorf("%v, %q, %v; want %v, %q", v, why, ok, c.want, c.why)
			}
		})
	}
	if _, why, ok := get(t, "energy").Observed(counter, metric.Window{From: 5, To: 5}); ok || !strings.Contains(why, "empty") {
		t.Errorf("an empty window: %q", why)
	}
}

// Interpolation never leaves the readings: energy is between 0 and the whole.
func TestEnergyIsAdditive(t *testing.T) {
	power := []sample.Reading{reading("gpu.power", 0, 90), reading("gpu.power", 700, 130), reading("gpu.power", 1900, 50), reading("gpu.power", 4000, 70)}
	m := get(t, "energy")
	part := func(from, to float64) float64 {
		v, why, ok := m.Observed(power, metric.Window{From: ms(from).Or(0), To: ms(to).Or(0)})
		if !ok {
			t.Fatal(why)
		}
		return v
	}
	if a, b := part(0, 4000), part(0, 333)+part(333, 700)+part(700, 2500)+part(2500, 4000); !near(a, b) {
		t.Errorf("the whole is %v J, its parts %v J", a, b)
	}
}

func BenchmarkCompute(b *testing.B) {
	s := stream(51, 26, 0, 300, 1300)
	all := metric.All()
	b.ReportAllocs()
	for b.Loop() {
		for _, m := range all {
			m.Compute(s)
		}
	}
}
