package run_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"chimera/internal/sample"
)

// sends are the instants at which the measured requests of stream 0 went out,
// after the first.
func sends(t *testing.T, streams, retries int, parses time.Duration) (after []time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, m := &server{parses: parses}, &memory{}
		job := jobOf(planOf(warm(1+3*streams, trial{experiment: "e", subject: "a", streams: streams})...), s, m)
		job.Spec.Design.Retries = retries
		r := must(t, job)
		if r.Outcomes.OK != r.Outcomes.Planned {
			t.Errorf("outcomes %+v", r.Outcomes)
		}
		for _, row := range m.mu.rows {
			if row.Phase == sample.Measure && row.Stream == 0 {
				after = append(after, row.T.Send.Or(0))
			}
		}
	})
	slices.Sort(after)
	first := after[0]
	for i := range after {
		after[i] -= first
	}
	return after[1:]
}

// An answer takes 3 s to arrive.
func TestAStreamSendsItsNextRequestBeforeItParsesTheLastAnswer(t *testing.T) {
	for _, c := range []struct {
		name             string
		streams, retries int
		parses           time.Duration
		want             []time.Duration
	}{
		{"among several streams the parsing keeps nobody waiting", 2, 0, second, []time.Duration{3 * second, 6 * second}},
		{"a lone stream parses first: nothing runs beside its requests", 1, 0, second, []time.Duration{4 * second, 8 * second}},
		{"a failure may be repeated only after it was parsed", 2, 1, second, []time.Duration{4 * second, 8 * second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := sends(t, c.streams, c.retries, c.parses); !slices.Equal(got, c.want) {
				t.Errorf("requests went out %v after the first, want %v", got, c.want)
			}
		})
	}
}

// Parsing takes turns, so two streams whose answers take 10 s each to parse
// are held up by it: each is at most one answer behind.
func TestAStreamIsAtMostOneAnswerBehind(t *testing.T) {
	got := sends(t, 2, 0, 10*second)
	if got[0] != 3*second || got[1] < 13*second || got[1] > 24*second {
		t.Errorf("requests went out %v after the first", got)
	}
}
