package finding_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/finding"
	"chimera/internal/sample"
	"chimera/internal/telemetry"
)

// duo fabricates runs of two agents of two calls each. Alone a call takes 1 s to
// its first token, of which 0.9 s are the prompt, and 4 s for 100 more tokens.
type duo struct {
	blocks int
	slow   float64                                 // factor of every duration together
	wait   time.Duration                           // in line before each first token, together
	apart  bool                                    // the second agent begins when the first has ended
	jitter float64                                 // of every duration, by block
	change func(arm string, s *sample.Sample)      // what else befalls a call
	arms   []string                                // beside solo; none: parallel
	order  func(block int, arms []string) []string // of the arms in a block; none: as drawn
}

func (d duo) rows() []*sample.Sample {
	var out []*sample.Sample
	now := time.Duration(0)
	arms := d.arms
	if arms == nil {
		arms = []string{"solo", "parallel"}
	}
	for b := range d.blocks {
		order := slices.Clone(arms)
		if d.order != nil {
			order = d.order(b, order)
		} else if b%2 == 1 {
			slices.Reverse(order)
		}
		stretch := 1 + d.jitter*math.Sin(float64(7*b))
		for _, arm := range order {
			factor, wait := d.slow*stretch, d.wait
			if arm == "solo" {
				factor, wait = 1, 0
			}
			if factor == 0 {
				factor = 1
			}
			start := now
			for _, role := range []string{"baseline", "tuned"} {
				at := start
				if arm == "solo" || d.apart {
					at = now
				}
				for _, stage := range []string{"analysis", "report"} {
					s := call(len(out), role, stage, arm, b, at, factor, wait)
					if d.change != nil {
						d.change(arm, s)
					}
					out = append(out, s)
					at, now = s.T.End.Or(at), max(now, s.T.End.Or(at))
				}
			}
			now += time.Second
		}
	}
	return out
}

func call(order int, role, stage, arm string, block int, at time.Duration, factor float64, wait time.Duration) *sample.Sample {
	scaled := func(d time.Duration) time.Duration { return time.Duration(factor * float64(d)) }
	first := at + wait + scaled(time.Second)
	end := first + scaled(4*time.Second)
	s := &sample.Sample{Schema: sample.Schema, Run: "r", Trial: fmt.Sprintf("t/%05d", order), Order: order, Experiment: arm, Subject: role, Target: "box",
		Workload: role + "/" + stage, Prompt: stage, PromptSHA256: stage, Phase: sample.Measure, Final: true, Provenance: sample.Measured, Block: block}
	s.Outcome, s.Finish = sample.OK, "length"
	s.T = sample.Timeline{Send: sample.Some(at), First: sample.Some(first), Last: sample.Some(end), End: sample.Some(end)}
	s.Times.PromptEval = sample.Some(scaled(900 * time.Millisecond))
	s.Tokens = sample.Tokens{Output: sample.Some(101), Source: sample.FromServer}
	return s
}

// value finds the value of the only fact of a metric, by its scope.
func value(t *testing.T, a *finding.Analysis, metric, aggregate string, scope ...string) float64 {
	t.Helper()
	var found []float64
	for _, f := range a.Facts {
		fits := f.Metric == metric && f.Aggregate == aggregate
		for i := 0; i < len(scope); i += 2 {
			fits = fits && f.Scope[scope[i]] == scope[i+1]
		}
		if v, ok := f.Value.Get(); ok && fits {
			found = append(found, v)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d facts of %s, %s, %v: want 1", len(found), metric, aggregate, scope)
	}
	return found[0]
}

func equals(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*math.Abs(want) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// The traces of the method: two agents side by side at the speed that they have
// alone gain 2.0; at a third of it they lose, 0.67, while their overlap is 2.0
// both times.
func TestFabricatedTracesComeOutExactly(t *testing.T) {
	for _, c := range []struct {
		slow, speedup    float64
		gain, contention finding.Verdict
	}{{1, 2, finding.Better, finding.Same}, {3, 2. / 3, finding.Worse, finding.Worse}} {
		a := analyze(t, duo{blocks: 4, slow: c.slow}.rows())
		checkSentences(t, a)
		f := one(t, a, finding.Concurrency)
		equals(t, "speedup", value(t, a, "speedup", "geomean"), c.speedup)
		equals(t, "efficiency", value(t, a, "efficiency", "geomean"), c.speedup/2)
		equals(t, "overlap", value(t, a, "overlap", "geomean"), 2)
		equals(t, "weighted speedup", value(t, a, "weighted_speedup", "geomean"), 2/c.slow)
		equals(t, "fairness", value(t, a, "fairness", "geomean"), 1)
		equals(t, "slowdown", value(t, a, "slowdown", "geomean", "role", "tuned"), c.slow)
		equals(t, "rate", value(t, a, "tokens_per_wall_second", "geomean", "at", ""), 404/(10*c.slow))
		equals(t, "rate alone", value(t, a, "tokens_per_wall_second", "geomean", "at", "one after the other, alone"), 404./20)
		if f.Verdict != c.gain {
			t.Errorf("%g× slower: %s: %s", c.slow, f.Verdict, f.Sentence.Print(a.Fact))
		}
		g := one(t, a, finding.Contention)
		if g.Verdict != c.contention {
			t.Errorf("%g× slower: %s: %s", c.slow, g.Verdict, g.Sentence.Print(a.Fact))
		}
		for _, text := range []string{f.Sentence.Print(a.Fact), g.Sentence.Print(a.Fact)} {
			if strings.Contains(text, "overlap") {
				t.Errorf("overlap in a verdict: %s", text)
			}
		}
	}
}

// What is printed agrees with the wall clock and the tokens of the rows.
func TestSpeedupAgreesWithTheRows(t *testing.T) {
	rows := duo{blocks: 5, slow: 1.4, jitter: 0.1}.rows()
	logs := 0.0
	for b := range 5 {
		from, to, alone := time.Duration(math.MaxInt64), time.Duration(0), time.Duration(0)
		for _, s := range rows {
			switch {
			case s.Block != b:
			case s.Experiment == "solo":
				alone += s.T.End.Or(0) - s.T.Send.Or(0)
			default:
				from, to = min(from, s.T.Send.Or(0)), max(to, s.T.End.Or(0))
			}
		}
		logs += math.Log(alone.Seconds() / (to - from).Seconds())
	}
	a := analyze(t, rows)
	equals(t, "speedup", value(t, a, "speedup", "geomean"), math.Exp(logs/5))
	f := one(t, a, finding.Contention)
	if f.Verdict != finding.Worse || len(f.Figures) == 0 {
		t.Errorf("%s: %s", f.Verdict, f.Sentence.Print(a.Fact))
	}
}

// seenBeside lists the causes that a finding's table shows.
func seenBeside(f finding.Finding) (seen, missing []string) {
	for _, tab := range f.Tables {
		if tab.ID != "causes" {
			continue
		}
		for _, r := range tab.Rows {
			name, answer := r.Names[0], r.Cells[0]
			switch {
			case answer.Word == "seen" && !slices.Contains(seen, name):
				seen = append(seen, name)
			case answer.Missing != "" && !slices.Contains(missing, name):
				missing = append(missing, name)
			}
		}
	}
	return seen, missing
}

const (
	loads   = "the model is loaded again and again"
	queue   = "calls wait in line"
	shared  = "compute or memory bandwidth is shared"
	spills  = "a model does not fit the accelerator"
	hotGPU  = "the GPU is slowed for heat or by hardware"
	busyCPU = "all CPU cores are busy"
)

func TestCausesAreSeenByTheirEvidence(t *testing.T) {
	reload := func(arm string, s *sample.Sample) {
		if arm == "parallel" {
			s.Phase = sample.Cold
			s.Times.Load = sample.Some(3 * time.Second)
		}
	}
	telemetryOf := func(series string, alone, together float64) func([]*sample.Sample) []*sample.Reading {
		return func(rows []*sample.Sample) (out []*sample.Reading) {
			for _, s := range rows {
				v := together
				if s.Experiment == "solo" {
					v = alone
				}
				out = append(out, &sample.Reading{Run: "r", Kind: "telemetry", Series: series, At: s.T.First.Or(0), Value: sample.Some(v)})
			}
			return out
		}
	}
	vram := func(rows []*sample.Sample) (out []*sample.Reading) {
		for _, arm := range []string{"solo", "parallel"} {
			for series, v := range map[string]float64{"load.resident": 8e9, "load.vram": map[string]float64{"solo": 8e9, "parallel": 5e9}[arm]} {
				out = append(out, &sample.Reading{Run: "r", Kind: "load", Series: series, Unit: "B", Value: sample.Some(v), Labels: map[string]string{"experiment": arm}})
			}
		}
		return out
	}
	for _, c := range []struct {
		name     string
		duo      duo
		readings func([]*sample.Sample) []*sample.Reading
		want     []string
	}{
		{"sharing", duo{slow: 3}, nil, []string{shared}},
		{"one of two slowed is no sharing by both", duo{change: func(arm string, s *sample.Sample) {
			if arm == "parallel" && s.Subject == "tuned" {
				s.T.Last, s.T.End = sample.Some(s.T.Last.Or(0)+5*time.Second), sample.Some(s.T.End.Or(0)+5*time.Second)
			}
		}}, nil, nil},
		{"queue", duo{wait: 5 * time.Second}, nil, []string{queue}},
		{"queue and sharing", duo{wait: 9 * time.Second, slow: 1.5}, nil, []string{queue, shared}},
		{"loads", duo{slow: 2, change: reload}, nil, []string{loads}},
		{"spill", duo{slow: 3}, vram, []string{shared, spills}},
		{"heat", duo{slow: 3}, telemetryOf(telemetry.GPUThrottle, 0, 0x8), []string{shared, hotGPU}},
		{"hot alone too", duo{slow: 3}, telemetryOf(telemetry.GPUThrottle, 0x8, 0x8), []string{shared}},
		{"CPU", duo{slow: 3}, telemetryOf(telemetry.CPUUtilisation, 0.5, 0.99), []string{shared, busyCPU}},
		{"idle CPU", duo{slow: 3}, telemetryOf(telemetry.CPUUtilisation, 0.2, 0.4), []string{shared}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.duo.blocks, c.duo.jitter = 4, 0.02
			if c.duo.slow == 0 {
				c.duo.slow = 1
			}
			rows := c.duo.rows()
			var readings []*sample.Reading
			if c.readings != nil {
				readings = c.readings(rows)
			}
			a := analyze(t, rows, readings...)
			checkSentences(t, a)
			f := one(t, a, finding.Contention)
			if f.Verdict != finding.Worse {
				t.Errorf("%s: %s", f.Verdict, f.Sentence.Print(a.Fact))
			}
			got, missing := seenBeside(f)
			if !slices.Equal(got, c.want) {
				t.Errorf("seen %q, want %q: %s", got, c.want, f.Sentence.Print(a.Fact))
			}
			if c.readings == nil && !slices.Equal(missing, unaskedCauses(c.duo.change != nil && c.name == "loads")) {
				t.Errorf("not measured: %q", missing)
			}
		})
	}
}

// unaskedCauses are those that rows alone say nothing of; with only cold rows
// together there is no warm call to ask for its queue or its decoding.
func unaskedCauses(cold bool) []string {
	if cold {
		return []string{queue, shared, spills, hotGPU, busyCPU}
	}
	return []string{spills, hotGPU, busyCPU}
}

// Law 6: without the same work alone, no number is called a speedup or a
// slowdown.
func TestNoSpeedupWithoutEqualWorkAlone(t *testing.T) {
	longer := func(arm string, s *sample.Sample) {
		if arm == "parallel" {
			s.Tokens.Output = sample.Some(140)
		}
	}
	cut := func(_ string, s *sample.Sample) {
		if s.Subject == "tuned" && s.Prompt == "report" {
			*s = *lost(s, sample.Cut)
		}
	}
	for _, c := range []struct {
		name       string
		duo        duo
		gain, cost finding.Verdict
		says       string
	}{
		{"no run alone", duo{arms: []string{"parallel"}}, finding.NotComparable, finding.NotMeasured, "none was measured alone"},
		{"longer answers", duo{change: longer}, finding.NotComparable, finding.NotComparable, "wrote more together than alone"},
		{"cut calls", duo{change: cut}, finding.NotMeasured, finding.NotMeasured, "the report call of tuned ended as cut"},
		{"cold alone", duo{change: func(arm string, s *sample.Sample) {
			if arm == "solo" && s.Prompt == "analysis" {
				s.Phase = sample.Cold
			}
		}}, finding.NotMeasured, finding.NotMeasured, "ran into a load when it was measured alone"},
		{"alone in name only", duo{change: func(arm string, s *sample.Sample) {
			if arm == "solo" && s.Subject == "tuned" {
				for _, at := range []*sample.Opt[time.Duration]{&s.T.Send, &s.T.First, &s.T.Last, &s.T.End} {
					*at = sample.Some(at.Or(0) - 9*time.Second)
				}
			}
		}}, finding.NotMeasured, finding.NotMeasured, "was not alone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.duo.blocks, c.duo.slow = 3, 2
			a := analyze(t, c.duo.rows())
			checkSentences(t, a)
			f, g := one(t, a, finding.Concurrency), one(t, a, finding.Contention)
			if f.Verdict != c.gain || g.Verdict != c.cost {
				t.Errorf("%s, %s: %s %s", f.Verdict, g.Verdict, f.Sentence.Print(a.Fact), g.Sentence.Print(a.Fact))
			}
			if text := f.Sentence.Print(a.Fact); !strings.Contains(text, c.says) {
				t.Errorf("%q does not say %q", text, c.says)
			}
			for _, x := range a.Facts {
				if slices.Contains([]string{"speedup", "slowdown", "efficiency", "weighted_speedup"}, x.Metric) {
					t.Errorf("%s = %v", x.Metric, x.Value)
				}
			}
		})
	}
}

// A block with a failed call is left out, and said to be.
func TestABlockWithAFailedCallIsLeftOut(t *testing.T) {
	rows := duo{blocks: 5, slow: 3, jitter: 0.02, change: func(arm string, s *sample.Sample) {
		if arm == "parallel" && s.Block == 2 && s.Prompt == "analysis" {
			*s = *lost(s, sample.Cut)
		}
	}}.rows()
	a := analyze(t, rows)
	f := one(t, a, finding.Concurrency)
	if f.Verdict != finding.Worse || status(f, finding.SoloBaseline) != finding.Fail {
		t.Errorf("%s: %s", f.Verdict, f.Sentence.Print(a.Fact))
	}
	for _, x := range a.Facts {
		if x.Metric == "speedup" && x.Aggregate == "geomean" && (x.N != 4 || x.Planned != 5) {
			t.Errorf("n %d of %d", x.N, x.Planned)
		}
	}
}

// Law 3: arms in a fixed order give no verdict.
func TestArmsInAFixedOrderGiveNoVerdict(t *testing.T) {
	fixed := func(_ int, arms []string) []string { return arms }
	a := analyze(t, duo{blocks: 12, slow: 3, jitter: 0.02, order: fixed}.rows())
	if f := one(t, a, finding.Contention); f.Verdict != finding.NotComparable {
		t.Errorf("%s: %s", f.Verdict, f.Sentence.Print(a.Fact))
	}
	if f := one(t, a, finding.Concurrency); f.Verdict != finding.NotComparable {
		t.Errorf("%s: %s", f.Verdict, f.Sentence.Print(a.Fact))
	}
	// Of a few blocks nobody can tell; then only what no drift does is believed.
	for slow, want := range map[float64]finding.Verdict{1.2: finding.Inconclusive, 3: finding.Worse} {
		a = analyze(t, duo{blocks: 3, slow: slow, jitter: 0.01, order: fixed}.rows())
		if f := one(t, a, finding.Contention); f.Verdict != want {
			t.Errorf("%g× slower: %s: %s", slow, f.Verdict, f.Sentence.Print(a.Fact))
		}
	}
	a = analyze(t, duo{blocks: 1, slow: 3}.rows())
	if f := one(t, a, finding.Contention); f.Verdict != finding.Inconclusive {
		t.Errorf("one block: %s: %s", f.Verdict, f.Sentence.Print(a.Fact))
	}
}

// Each arm is judged beside the same solo runs.
func TestEachArmHasItsOwnVerdict(t *testing.T) {
	a := analyze(t, duo{blocks: 4, slow: 1, jitter: 0.01, arms: []string{"solo", "serial", "parallel", "two-servers"}, change: func(arm string, s *sample.Sample) {
		if arm == "serial" && s.Subject == "tuned" {
			for _, at := range []*sample.Opt[time.Duration]{&s.T.First, &s.T.Last, &s.T.End} {
				*at = sample.Some(at.Or(0) + 5*time.Second)
			}
		}
	}}.rows())
	checkSentences(t, a)
	for arm, want := range map[string]finding.Verdict{"serial": finding.Worse, "parallel": finding.Same, "two-servers": finding.Same} {
		if f := one(t, a, finding.Contention, "experiment", arm); f.Verdict != want {
			t.Errorf("%s: %s: %s", arm, f.Verdict, f.Sentence.Print(a.Fact))
		}
	}
}
