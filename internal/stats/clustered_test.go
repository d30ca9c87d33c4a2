package stats_test

import (
	"math"
	"testing"

	"chimera/internal/stats"

	"pgregory.net/rapid"
)

func TestWilsonClustered(t *testing.T) {
	ones := func(k, n int) (ks, ns []int) {
		for i := range n {
			ks, ns = append(ks, 0), append(ns, 1)
			if i < k {
				ks[i] = 1
			}
		}
		return ks, ns
	}
	// Single trials are Wilson's interval (known answer 6/8).
	k, n := ones(6, 8)
	got, err := stats.WilsonClustered(k, n, 0.95)
	if err != nil || math.Abs(got.Lo-0.40927543031) > 1e-9 || math.Abs(got.Hi-0.92852078725) > 1e-9 {
		t.Errorf("6/8: %+v, %v", got, err)
	}
	// Five prompts that all pass five times tell no more than five trials.
	all, err := stats.WilsonClustered([]int{5, 5, 5, 5, 5}, []int{5, 5, 5, 5, 5}, 0.95)
	five, _ := stats.Wilson(5, 5, 0.95)
	if err != nil || math.Abs(all.Lo-five.Lo) > 1e-12 || all.Hi != 1 {
		t.Errorf("25/25 in 5 clusters: %+v, %v, want %+v", all, err, five)
	}
	// Clusters that are all or nothing: deff = 5/4·(4·(5·¼)² …) by hand.
	// p = 2/5, Σ(k−pn)² = 2·9+3·4 = 30, deff = 5/4·30/(25·0.24) = 6.25, n* = 4·(1.96/2.776)².
	torn, err := stats.WilsonClustered([]int{5, 5, 0, 0, 0}, []int{5, 5, 5, 5, 5}, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	z, tq := 1.959963985, 2.776445105
	e := 4 * (z / tq) * (z / tq)
	mid := (0.4 + z*z/(2*e)) / (1 + z*z/e)
	h := z / (1 + z*z/e) * math.Sqrt(0.24/e+z*z/(4*e*e))
	if math.Abs(torn.Lo-(mid-h)) > 1e-6 || math.Abs(torn.Hi-(mid+h)) > 1e-6 {
		t.Errorf("torn clusters: %+v, want [%v, %v]", torn, mid-h, mid+h)
	}
	if _, err := stats.WilsonClustered([]int{3}, []int{5}, 0.95); err == nil {
		t.Error("one cluster of five trials has an interval")
	}
	if _, err := stats.WilsonClustered([]int{6, 1}, []int{5, 5}, 0.95); err == nil {
		t.Error("6 of 5 has an interval")
	}
}

// Likeness never narrows an interval below that of independent trials.
func TestClustersNeverNarrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 6).Draw(t, "size")
		k := rapid.SliceOfN(rapid.IntRange(0, size), 2, 12).Draw(t, "k")
		n, sum := make([]int, len(k)), 0
		for i := range k {
			n[i] = size
			sum += k[i]
		}
		got, err := stats.WilsonClustered(k, n, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		plain, _ := stats.Wilson(sum, size*len(k), 0.95)
		p := float64(sum) / float64(size*len(k))
		if got.Lo > plain.Lo+1e-9 || got.Hi < plain.Hi-1e-9 || got.Lo > p || got.Hi < p || got.Lo < 0 || got.Hi > 1 {
			t.Fatalf("%v of %d: %+v, Wilson %+v", k, size, got, plain)
		}
	})
}

func TestClusteredMean(t *testing.T) {
	// Two groups: t over their means 1 and 3, around the mean of all values.
	e, err := stats.ClusteredMean([][]float64{{1, 1, 1}, {3}}, 0.95, 1)
	want := 12.706204736 * math.Sqrt(2) / math.Sqrt(2)
	if err != nil || e.Value != 1.5 || e.Interval == nil || math.Abs(e.Interval.Hi-1.5-want) > 1e-6 {
		t.Errorf("%+v, %v", e, err)
	}
	groups := make([][]float64, 10)
	for i := range groups {
		groups[i] = []float64{float64(i), float64(i)}
	}
	if e, err := stats.ClusteredMean(groups, 0.95, 1); err != nil || e.Value != 4.5 || e.Interval == nil || e.Interval.Lo > 3 || e.Interval.Hi < 6 {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := stats.ClusteredMean([][]float64{{2, 4}}, 0.95, 1); err != nil || e.Value != 3 || e.Interval != nil || len(e.Warnings) == 0 {
		t.Errorf("one group: %+v, %v", e, err)
	}
}

// Of a mean the jackknife is Student's interval.
func TestJackknife(t *testing.T) {
	x := []float64{3, 5, 4, 8, 1}
	whole, without := 4.2, make([]float64, 5)
	for i, v := range x {
		without[i] = (21 - v) / 4
	}
	want, _ := stats.MeanInterval(x, 0.95, math.Inf(-1))
	got, err := stats.Jackknife(whole, without, 0.95)
	if err != nil || got.Interval == nil || math.Abs(got.Interval.Lo-want.Lo) > 1e-9 || math.Abs(got.Interval.Hi-want.Hi) > 1e-9 {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

// Values that do not scatter have no known precision.
func TestNoScatterNoInterval(t *testing.T) {
	e, err := stats.ClusteredMean([][]float64{{0, 0}, {0}, {0}}, 0.95, 1)
	if err != nil || e.Value != 0 || e.Interval != nil || len(e.Warnings) != 1 {
		t.Errorf("%+v, %v", e, err)
	}
}
