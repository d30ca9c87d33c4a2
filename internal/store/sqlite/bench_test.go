package sqlite_test

import (
	"fmt"
	"slices"
	"testing"

	"chimera/internal/sample"
	"chimera/internal/store/storetest"
)

// Rows of a 64-token answer, committed one by one and 100 at a time.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 100} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			s := begun(b, 1000)
			trial := storetest.Plan(1).Trials[0]
			row := long(storetest.Sample("r1", trial, 0, sample.OK))
			row.Final = false
			rows := make([]*sample.Sample, batch)
			b.ReportAllocs()
			attempt := 0
			for b.Loop() {
				for i := range rows {
					r := *row
					r.Attempt = attempt
					attempt++
					rows[i] = &r
				}
				if err := s.Append(b.Context(), "r1", rows...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(attempt)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkSamples(b *testing.B) {
	const blocks = 500
	s := begun(b, blocks)
	var rows []*sample.Sample
	for _, r := range storetest.Samples("r1", storetest.Plan(blocks)) {
		rows = append(rows, long(r))
	}
	for batch := range slices.Chunk(rows, 100) {
		if err := s.Append(b.Context(), "r1", batch...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, err := range s.Samples(b.Context(), "r1") {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
}

// long gives a row the chunks of a 64-token answer.
func long(s *sample.Sample) *sample.Sample {
	s.Chunks = slices.Repeat(s.Chunks[:1], 64)
	return s
}
