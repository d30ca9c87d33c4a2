package stats_test

import (
	"fmt"
	"testing"

	"chimera/internal/stats"
)

func BenchmarkMedianEstimate(b *testing.B) {
	for _, n := range []int{30, 1_000_000} {
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			x := normal(stats.NewRand(1), n, 100, 2)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := stats.MedianEstimate(x, 0.95); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBootstrapBCa(b *testing.B) {
	for _, st := range []stats.Statistic{stats.BootMean, stats.BootMedian} {
		b.Run(fmt.Sprintf("statistic=%s/n=30/resamples=10000", st.Name), func(b *testing.B) {
			x, r := normal(stats.NewRand(1), 30, 100, 2), stats.NewRand(2)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := stats.BootstrapBCa(x, st, 0.95, 10_000, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMannWhitney(b *testing.B) {
	for _, n := range []int{10, 50, 1000} {
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			r := stats.NewRand(1)
			x, y := normal(r, n, 100, 2), normal(r, n, 101, 2)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := stats.MannWhitney(x, y, 0.05); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHodgesLehmannRatio(b *testing.B) {
	r := stats.NewRand(1)
	x, y := normal(r, 10_000, 100, 2), normal(r, 10_000, 101, 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stats.HodgesLehmannRatio(x, y, 0.95); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChangePoints(b *testing.B) {
	x := normal(stats.NewRand(1), 1000, 100, 2)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := stats.ChangePoints(x, stats.ChangeOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
