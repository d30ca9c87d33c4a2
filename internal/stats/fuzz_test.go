package stats_test

import (
	"encoding/binary"
	"math"
	"testing"

	"chimera/internal/stats"
)

// floats reads up to 40 float64s from raw bytes, so that every bit pattern can
// occur.
func floats(raw []byte) []float64 {
	var x []float64
	for ; len(raw) >= 8 && len(x) < 40; raw = raw[8:] {
		x = append(x, math.Float64frombits(binary.LittleEndian.Uint64(raw)))
	}
	return x
}

func bytesOf(x ...float64) []byte {
	var raw []byte
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	return raw
}

// FuzzAnswers: whatever the numbers, every function either refuses with a
// Warning or gives finite results, ordered intervals and p in [0, 1].
func FuzzAnswers(f *testing.F) {
	f.Add(bytesOf(1, 2, 3, 4, 5, 6, 7, 8), 3)
	f.Add(bytesOf(1, 1, 1, 1), 2)
	f.Add(bytesOf(math.MaxFloat64, -math.MaxFloat64, 5e-324, 0), 2)
	f.Add(bytesOf(1e-300, 1e300, 1e-300, 1e300, 2, 3, 4, 5, 6, 7), 5)
	f.Add(bytesOf(math.NaN(), math.Inf(1), 1), 1)
	f.Fuzz(func(t *testing.T, raw []byte, cut int) {
		x := floats(raw)
		cut = min(max(cut, 0), len(x))
		a, b := x[:cut], x[cut:]
		ok := func(name string, err error, values ...float64) {
			t.Helper()
			if err != nil {
				codeOf(t, err)
				return
			}
			for _, v := range values {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%s of %v and %v: %v", name, a, b, values)
				}
			}
		}
		interval := func(name string, i *stats.Interval) {
			if i != nil {
				if ok(name, nil, i.Lo, i.Hi); i.Lo > i.Hi {
					t.Errorf("%s of %v and %v: %+v", name, a, b, *i)
				}
			}
		}
		estimate := func(name string, e stats.Estimate, err error) {
			if ok(name, err, e.Value); err == nil {
				interval(name, e.Interval)
			}
		}
		test := func(name string, r stats.Test, err error) {
			if ok(name, err, r.Statistic, r.P); err == nil && (r.P < 0 || r.P > 1) {
				t.Errorf("%s of %v and %v: p=%v", name, a, b, r.P)
			}
		}
		mean, err := stats.MeanEstimate(x, 0.95, math.Inf(-1))
		estimate("mean", mean, err)
		med, err := stats.MedianEstimate(x, 0.95)
		estimate("median", med, err)
		geo, err := stats.GeoMeanEstimate(x, 0.95)
		estimate("geometric mean", geo, err)
		mw, err := stats.MannWhitney(a, b, 0.05)
		test("Mann-Whitney", mw, err)
		w, err := stats.Welch(a, b)
		test("Welch", w, err)
		pt, err := stats.PairedT(x)
		test("paired t", pt, err)
		wx, err := stats.Wilcoxon(x)
		test("Wilcoxon", wx, err)
		bf, err := stats.BrownForsythe([][]float64{a, b})
		test("Brown-Forsythe", bf, err)
		wa, err := stats.WelchANOVA([][]float64{a, b})
		test("Welch ANOVA", wa, err)
		if len(x) > 6 {
			gh, err := stats.GamesHowell([][]float64{x[:2], x[2:5], x[5:]}, 0.95)
			for _, p := range gh {
				estimate("Games-Howell", p.Estimate, err)
			}
		}
		kw, err := stats.KruskalWallis([][]float64{a, b})
		test("Kruskal-Wallis", kw.Test, err)
		r, err := stats.RatioOfMeans(a, b, 0.95)
		estimate("ratio", r.Estimate, err)
		eq, err := stats.Equivalent(a, b, 0.03, 0.05)
		ok("equivalence", err, eq.P)
		g, err := stats.HedgesG(a, b)
		ok("Hedges g", err, g)
		hs, err := stats.HodgesLehmannShift(a, b, 0.95)
		estimate("shift", hs, err)
		hr, err := stats.HodgesLehmannRatio(a, b, 0.95)
		estimate("Hodges-Lehmann ratio", hr, err)
		bc, err := stats.BootstrapBCa(x, stats.BootMean, 0.95, 100, stats.NewRand(1))
		if ok("bootstrap", err, bc.Value, bc.SE, bc.Z0, bc.A); err == nil {
			interval("bootstrap", &bc.BCa)
		}
		cv, err := stats.RateCV(x)
		ok("CV", err, cv.CV, cv.Interval.Hi)
		ms, err := stats.MSER5(x)
		ok("MSER", err, ms.Statistic, ms.MeanAfter)
		cp, err := stats.ChangePoints(x, stats.ChangeOptions{})
		for _, p := range cp.Points {
			ok("change point", err, p.Before, p.After, p.P)
		}
		if n := min(len(a), len(b)); n > 0 {
			l, err := stats.LeastSquares(a[:n], b[:n], 0.95)
			estimate("slope", l.Slope, err)
			ts, err := stats.TheilSen(a[:n], b[:n], 0.95)
			estimate("Theil-Sen", ts.Slope, err)
			u, err := stats.FitUSL(a[:n], b[:n], 0.95)
			if estimate("USL", u.Sigma, err); err == nil && (u.Sigma.Value < 0 || u.Kappa.Value < 0) {
				t.Errorf("USL of %v and %v: σ=%v κ=%v", a, b, u.Sigma.Value, u.Kappa.Value)
			}
		}
	})
}
