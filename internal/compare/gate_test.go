package compare_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"chimera/internal/compare"
	"chimera/internal/sample"
	"chimera/internal/stats"

	"pgregory.net/rapid"
)

// The operating points of docs/method.md §5.1 at a margin of 3 %: how often a
// true change is called a regression, and how often it is significantly worse
// without being beyond the margin.
var operatingPoints = []struct {
	cv   float64
	n    int
	want [4][2]float64 // at a true change of 0, −2, −5 and −10 %
}{
	{0.01, 5, [4][2]float64{{0, .02}, {0, .77}, {.80, .20}, {1, 0}}},
	{0.01, 10, [4][2]float64{{0, .03}, {0, .99}, {.99, .01}, {1, 0}}},
	{0.02, 10, [4][2]float64{{0, .03}, {0, .56}, {.59, .41}, {1, 0}}},
	{0.02, 20, [4][2]float64{{0, .03}, {0, .87}, {.89, .11}, {1, 0}}},
	{0.05, 10, [4][2]float64{{0, .02}, {.01, .13}, {.14, .44}, {.88, .11}}},
	{0.05, 20, [4][2]float64{{0, .02}, {.01, .23}, {.25, .63}, {1, 0}}},
}

func TestTheGateKeepsItsOperatingPoints(t *testing.T) {
	const runs, points = 2000, 0.03
	r := stats.NewRand(5)
	draw := func(n int, mean, cv float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = mean * (1 + cv*r.NormFloat64())
		}
		return x
	}
	for _, p := range operatingPoints {
		for i, change := range []float64{0, -0.02, -0.05, -0.10} {
			regression, worse := 0.0, 0.0
			for range runs {
				v, w, err := compare.Gate(draw(p.n, 100, p.cv), draw(p.n, 100*(1+change), p.cv), 0.03)
				if err != nil {
					t.Fatal(err)
				}
				if v == compare.Regression {
					regression++
				}
				if w {
					worse++
				}
			}
			for j, got := range []float64{regression / runs, worse / runs} {
				if math.Abs(got-p.want[i][j]) > points {
					t.Errorf("CV %.0f %%, n %d, true change %+.0f %%: %s in %.3f of runs, want %.2f ± %.2f",
						100*p.cv, p.n, 100*change, []string{"regression", "worse within the margin"}[j], got, p.want[i][j], points)
				}
			}
		}
	}
}

// drawn are two runs of any shape, with failures and ties.
func drawn(t *rapid.T) (x, y measured) {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	cv := rapid.SampledFrom([]float64{0, 0.005, 0.02, 0.2}).Draw(t, "cv")
	change := rapid.SampledFrom([]float64{0.8, 0.97, 1, 1.02, 1.3}).Draw(t, "change")
	a, b := noisy("a", r, 100, 0.050, cv), noisy("b", r, 100*change, 0.050/change, cv)
	for _, s := range []*shape{&a, &b} {
		s.blocks = rapid.IntRange(1, 12).Draw(t, "blocks")
		s.prompts, s.repeats = rapid.IntRange(1, 3).Draw(t, "prompts"), rapid.IntRange(1, 2).Draw(t, "repeats")
		s.subjects = []string{"m", "n"}
	}
	b.prompts = a.prompts
	if rapid.Bool().Draw(t, "gaps") { // some rows of one side have no rate
		n := 0
		b.change = func(s *sample.Sample) {
			if n++; n%7 == 3 {
				s.Tokens.Output = sample.None[int]()
			}
		}
	}
	return a.draw(), b.draw()
}

var mirrored = map[compare.Verdict][]compare.Verdict{
	compare.Regression: {compare.Improved}, compare.Improved: {compare.Regression}, compare.Same: {compare.Same},
	compare.Suspect: {compare.Inconclusive}, compare.Inconclusive: {compare.Inconclusive, compare.Suspect},
}

func TestSwappingTheRunsMirrorsTheVerdict(t *testing.T) {
	o := options(t, "decode_rate", "ttft")
	rapid.Check(t, func(rt *rapid.T) {
		x, y := drawn(rt)
		one, two := of(t, x, y, o), of(t, y, x, o)
		if len(one.Metrics) != len(two.Metrics) {
			rt.Fatalf("%d comparisons one way, %d the other", len(one.Metrics), len(two.Metrics))
		}
		for i, c := range one.Metrics {
			d := two.Metrics[i]
			near(rt, "ratio", d.Ratio.Or(0), 1/c.Ratio.Or(0))
			if c.Lo.OK() {
				near(rt, "lo", d.Lo.Or(0), 1/c.Hi.Or(0))
				near(rt, "hi", d.Hi.Or(0), 1/c.Lo.Or(0))
			}
			near(rt, "p", d.P.Or(-1), c.P.Or(-1))
			if d.A != c.B || d.B != c.A || d.NA != c.NB || d.Margin != c.Margin {
				rt.Fatalf("%+v\n%+v", c, d)
			}
			if !slices.Contains(mirrored[c.Verdict], d.Verdict) {
				rt.Fatalf("%s became %s", c.Verdict, d.Verdict)
			}
		}
	})
}

func TestTheOrderOfRowsChangesNothing(t *testing.T) {
	o := options(t)
	rapid.Check(t, func(rt *rapid.T) {
		x, y := drawn(rt)
		one := of(t, x, y, o)
		x.rows, y.rows = rapid.Permutation(x.rows).Draw(rt, "x"), rapid.Permutation(y.rows).Draw(rt, "y")
		two := of(t, x, y, o)
		if len(one.Facts) != len(two.Facts) {
			rt.Fatalf("%d facts, then %d", len(one.Facts), len(two.Facts))
		}
		for i := range one.Facts {
			if one.Facts[i].ID != two.Facts[i].ID {
				rt.Fatalf("%+v\n%+v", one.Facts[i], two.Facts[i])
			}
		}
	})
}

// A machine of another speed changes both sides by one factor, and no verdict.
func TestTheUnitChangesNothing(t *testing.T) {
	o := options(t, "decode_rate", "ttft")
	rapid.Check(t, func(rt *rapid.T) {
		x, y := drawn(rt)
		one := of(t, x, y, o)
		k := time.Duration(rapid.IntRange(2, 60).Draw(rt, "k"))
		for _, s := range slices.Concat(x.rows, y.rows) {
			s.T.First, s.T.Last = sample.Some(k*s.T.First.Or(0)), sample.Some(k*s.T.Last.Or(0))
		}
		two := of(t, x, y, o)
		for i, c := range one.Metrics {
			d := two.Metrics[i]
			near(rt, "ratio", d.Ratio.Or(0), c.Ratio.Or(0))
			near(rt, "lo", d.Lo.Or(0), c.Lo.Or(0))
			near(rt, "p", d.P.Or(-1), c.P.Or(-1))
			if c.Verdict != d.Verdict {
				rt.Fatalf("%+v\n%+v", c, d)
			}
		}
	})
}

func near(t interface{ Fatalf(string, ...any) }, what string, got, want float64) {
	if !(math.Abs(got-want) <= 1e-9*math.Max(1, math.Abs(want))) {
		t.Fatalf("%s is %v, want %v", what, got, want)
	}
}
