package stats_test

import (
	"fmt"
	"math"
	"testing"

	"chimera/internal/stats"
)

// The closed form agrees with the general analysis of variance.
func TestRandomisedBlocksAgreesWithTheAnalysisOfVariance(t *testing.T) {
	r := stats.NewRand(7)
	for _, size := range [][2]int{{2, 2}, {2, 9}, {3, 3}, {5, 4}} {
		k, b := size[0], size[1]
		y := make([][]float64, k)
		var flat []float64
		treat, block := stats.Factor{Name: "treat"}, stats.Factor{Name: "block"}
		for i := range y {
			for j := range b {
				v := 5 + 0.3*float64(i) + float64(j*j) + r.NormFloat64()
				y[i] = append(y[i], v)
				flat = append(flat, v)
				treat.Levels, block.Levels = append(treat.Levels, fmt.Sprint(i)), append(block.Levels, fmt.Sprint(j))
			}
		}
		got, err := stats.RandomisedBlocks(y)
		if err != nil {
			t.Fatal(err)
		}
		a, err := stats.AnalyzeVariance(flat, []stats.Factor{treat, block}, false)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := a.Term("treat")
		if math.Abs(got.F-want.F) > 1e-9*want.F || math.Abs(got.P-want.P) > 1e-9 || math.Abs(got.MSE-a.MSE) > 1e-12 || got.DFResidual != a.DFResidual {
			t.Errorf("%d×%d: F %v p %v, want %v %v", k, b, got.F, got.P, want.F, want.P)
		}
		if k != 2 {
			continue
		}
		// Two treatments in blocks are a paired t test.
		d := make([]float64, b)
		for j := range d {
			d[j] = y[1][j] - y[0][j]
		}
		p, err := stats.PairedT(d)
		if err != nil {
			t.Fatal(err)
		}
		reach, err := got.Reach(0.95)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(p.P-got.P) > 1e-9 || math.Abs(reach-got.PairHalf(0.95)) > 1e-9 {
			t.Errorf("paired p %v, blocks p %v; reach %v, half %v", p.P, got.P, reach, got.PairHalf(0.95))
		}
	}
}

func TestRandomisedBlocksRefuses(t *testing.T) {
	for _, y := range [][][]float64{nil, {{1, 2}}, {{1}, {2}}, {{1, 2}, {3}}, {{1, 1}, {2, 2}}, {{1, math.NaN()}, {2, 3}}} {
		if d, err := stats.RandomisedBlocks(y); err == nil {
			t.Errorf("%v gave %+v", y, d)
		}
	}
}
