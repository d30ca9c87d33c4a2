package finding_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"chimera/internal/finding"
	"chimera/internal/sample"
)

// loaded fabricates closed loops whose output rate follows a law exactly: each
// stream sends four requests of 100 tokens, one behind the other.
func loaded(levels []int, rate func(n float64) float64, idle time.Duration) (rows []*sample.Sample) {
	now := time.Duration(0)
	for _, n := range levels {
		took := time.Duration(float64(n) * 100 / rate(float64(n)) * 1e9)
		for b := range 3 {
			for stream := range n {
				for i := range 4 {
					at := now + time.Duration(i)*(took+idle)
					s := row(len(rows), "a", time.Millisecond, 10)
					s.Experiment, s.Block, s.Stream = fmt.Sprintf("n%02d", n), b, stream
					s.Tokens.Output = sample.Some(100)
					s.T = sample.Timeline{Send: sample.Some(at), First: sample.Some(at + took/10), Last: sample.Some(at + took), End: sample.Some(at + took)}
					rows = append(rows, s)
				}
			}
			now += 4 * (took + idle) // a block is as long as its streams
		}
	}
	return rows
}

func TestScalingFollowsItsLaw(t *testing.T) {
	usl := func(n float64) float64 { return 50 * n / (1 + 0.02*(n-1) + 0.02*n*(n-1)) }
	a := analyze(t, loaded([]int{1, 2, 3, 4, 6, 8}, usl, 0))
	checkSentences(t, a)
	f := one(t, a, finding.Scaling)
	for metric, want := range map[string]float64{"usl_lambda": 50, "usl_sigma": 0.02, "usl_kappa": 0.02, "usl_peak": 7} {
		if got := value(t, a, metric, "fit"); math.Abs(got-want) > 1e-4*want {
			t.Errorf("%s = %v, want %v", metric, got, want)
		}
	}
	if f.Verdict != finding.NotComparable || status(f, finding.OrderRandomised) != finding.Fail {
		t.Errorf("levels one after the other: %s: %s", f.Verdict, f.Sentence.Print(a.Fact))
	}
	if got := printed(a, tableOf(t, f, "scaling"))[5]; !strings.HasPrefix(got, "n08 | 8 | 177") || !strings.Contains(got, " | 44 % | 3") {
		t.Errorf("level 8: %s", got)
	}
	for _, c := range a.Of(finding.Concurrency) {
		if status(c, finding.LittlesLaw) != finding.Pass {
			t.Errorf("%s: streams that were always busy: %s", c.Scope["experiment"], status(c, finding.LittlesLaw))
		}
	}
}

// Levels whose order changed from block to block carry a verdict.
func TestScalingOfDrawnLevelsIsJudged(t *testing.T) {
	rows := loaded([]int{1, 2, 4}, func(n float64) float64 { return 50 * n / (1 + 0.1*(n-1)) }, 0)
	place := map[string]int{"n01": 0, "n02": 1, "n04": 2}
	for _, s := range rows { // the same requests, as three passes in three orders
		at := []int{0, 1, 2, 2, 0, 1, 1, 2, 0}[3*s.Block+place[s.Experiment]]
		s.Order = 1000*s.Block + 100*at + s.Order%100
	}
	noisy(rows)
	a := analyze(t, rows)
	checkSentences(t, a)
	f := one(t, a, finding.Scaling)
	if f.Verdict != finding.Worse || status(f, finding.OrderRandomised) != finding.Pass {
		t.Errorf("%s, order %s: %s", f.Verdict, status(f, finding.OrderRandomised), f.Sentence.Print(a.Fact))
	}
	for _, c := range a.Of(finding.Concurrency) {
		if c.Verdict != finding.Better {
			t.Errorf("%s: %s: %s", c.Scope["experiment"], c.Verdict, c.Sentence.Print(a.Fact))
		}
	}
}

// noisy lets each block take up to two per cent longer.
func noisy(rows []*sample.Sample) {
	for _, s := range rows {
		first := s.T.Send.Or(0)
		s.T.Last = sample.Some(s.T.Last.Or(0) + time.Duration(float64(s.T.Last.Or(0)-first)*0.01*float64((s.Block+len(s.Experiment))%3)))
		s.T.End = s.T.Last
	}
}

// Fewer levels carry a simpler law, or none.
func TestFewLevelsCarryNoLaw(t *testing.T) {
	amdahl := func(n float64) float64 { return 50 * n / (1 + 0.1*(n-1)) }
	a := analyze(t, loaded([]int{1, 2, 4}, amdahl, 0))
	if f := one(t, a, finding.Scaling); !strings.Contains(f.Sentence.Print(a.Fact), "Amdahl's law") {
		t.Errorf("three levels: %s", f.Sentence.Print(a.Fact))
	}
	if got := value(t, a, "usl_sigma", "fit"); math.Abs(got-0.1) > 1e-4 {
		t.Errorf("σ = %v, want 0.1", got)
	}
	a = analyze(t, loaded([]int{1, 4}, amdahl, 0))
	checkSentences(t, a)
	if f := one(t, a, finding.Scaling); f.Verdict != finding.NotMeasured || !strings.Contains(f.Sentence.Print(a.Fact), "2 levels carry no law") {
		t.Errorf("two levels: %s: %s", f.Verdict, f.Sentence.Print(a.Fact))
	}
}

// Streams that stand idle break Little's law, and the check says so.
func TestIdleStreamsBreakLittlesLaw(t *testing.T) {
	a := analyze(t, loaded([]int{1, 2}, func(n float64) float64 { return 50 * n }, time.Second))
	for _, f := range a.Of(finding.Concurrency) {
		if status(f, finding.LittlesLaw) != finding.Fail {
			t.Errorf("%s", status(f, finding.LittlesLaw))
		}
	}
}
