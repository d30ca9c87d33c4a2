package compare_test

import (
	"math/rand/v2"
	"testing"

	"chimera/internal/compare"
	"chimera/internal/stats"
)

// BenchmarkMillionRows reads and compares two runs of 500,000 rows each, from
// rows as a store hands them over: 1000 blocks of 10 prompts, 10 repeats, 5
// subjects.
func BenchmarkMillionRows(b *testing.B) {
	o := options(b)
	shapes := [2]shape{}
	for i := range shapes {
		s := noisy([]string{"a", "b"}[i], rand.New(rand.NewPCG(uint64(i), 9)), 100, 0.05, 0.02)
		s.blocks, s.prompts, s.repeats, s.subjects = 1000, 10, 10, []string{"s1", "s2", "s3", "s4", "s5"}
		shapes[i] = s
	}
	x, y := shapes[0].draw(), shapes[1].draw()
	b.ReportAllocs()
	for b.Loop() {
		r := of(b, x, y, o)
		if len(r.Metrics) != 15 {
			b.Fatalf("%d comparisons", len(r.Metrics))
		}
	}
	b.ReportMetric(float64(len(x.rows)+len(y.rows))*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkCollect is the part that grows with rows alone: one run of 100,000.
func BenchmarkCollect(b *testing.B) {
	o := options(b)
	s := noisy("a", rand.New(rand.NewPCG(1, 9)), 100, 0.05, 0.02)
	s.blocks, s.prompts, s.repeats = 1000, 10, 10
	m := s.draw()
	src := source(b, m.id, m.rows)
	b.ReportAllocs()
	for b.Loop() {
		collect(b, src, m.rows, o)
	}
	b.ReportMetric(float64(len(m.rows))*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkOperatingTable measures one of the table's cells with 100,000 runs,
// where TestTheGateKeepsItsOperatingPoints takes 2000.
func BenchmarkOperatingTable(b *testing.B) {
	const runs = 100_000
	r := stats.NewRand(1)
	draw := func(mean float64) []float64 {
		x := make([]float64, 10)
		for i := range x {
			x[i] = mean * (1 + 0.02*r.NormFloat64())
		}
		return x
	}
	found := 0
	for b.Loop() {
		found = 0
		for range runs {
			if v, _, err := compare.Gate(draw(100), draw(95), 0.03); err != nil {
				b.Fatal(err)
			} else if v == compare.Regression {
				found++
			}
		}
	}
	share := float64(found) / runs
	if share < 0.57 || share > 0.62 {
		b.Errorf("a true change of -5 %% at CV 2 %% and n 10 is a regression in %.3f of runs, want 0.59", share)
	}
	b.ReportMetric(share, "found/run")
}
