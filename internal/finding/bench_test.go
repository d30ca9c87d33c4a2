package finding_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
)

// many yields n rows of three subjects, five prompts and six configurations,
// one at a time, as a store does.
func many(n int, yield func(*sample.Sample)) {
	r := rand.New(rand.NewPCG(1, 1))
	s := &sample.Sample{}
	for i := range n {
		*s = *row(i, []string{"a", "b", "c"}[r.IntN(3)], time.Duration(float64(50*time.Millisecond)*math.Exp(0.1*r.NormFloat64())), 100*math.Exp(0.05*r.NormFloat64()))
		p := r.IntN(5)
		s.Prompt, s.PromptSHA256, s.Block = fmt.Sprint("p", p), fmt.Sprint("p", p), i*20/n
		s.Config = map[string]any{"num_ctx": float64(1024 * (1 + r.IntN(3))), "temperature": []float64{0.2, 0.8}[r.IntN(2)]}
		yield(s)
	}
}

// BenchmarkAnalyze is the whole analysis of a streamed run; MB is what stands
// in memory when all rows are collected.
func BenchmarkAnalyze(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c, err := finding.NewCollector()
				if err != nil {
					b.Fatal(err)
				}
				many(n, c.Sample)
				if n == 1_000_000 {
					b.StopTimer()
					var m runtime.MemStats
					runtime.GC()
					runtime.ReadMemStats(&m)
					b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB")
					b.StartTimer()
				}
				if _, err := c.Analyze(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A fact of a finding is the fact that a query over the same rows gives, id and
// all: whoever doubts a number asks for it.
func TestFactsAreThoseOfQueries(t *testing.T) {
	rows := world{subjects: map[string]float64{"a": 1, "b": 1.3}, prompts: five, blocks: 4, noise: 0.03, order: "drawn", seed: 1}.rows()
	rows = append(rows, lost(row(len(rows), "a", time.Second, 1), sample.Timeout))
	rows[len(rows)-1].Prompt, rows[len(rows)-1].PromptSHA256 = "banter/p1", "p1"
	a := analyze(t, rows)
	for _, metric := range []string{"decode_rate", "ttft"} {
		facts, err := fact.Query{Metric: metric, Aggregate: "median", Phase: sample.Measure, By: []string{"run", "experiment", "workload", "subject"}}.Run(rows)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range facts {
			if got, ok := a.Fact(want.ID); !ok {
				t.Errorf("%s of %s: the query's fact %s is in no finding", metric, want.Scope["subject"], want.ID)
			} else if got.Value != want.Value || got.N != want.N {
				t.Errorf("%v, want %v", got, want)
			}
		}
	}
}
