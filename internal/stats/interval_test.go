package stats_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"chimera/internal/stats"
)

// codeOf returns the code of a refusal.
func codeOf(t *testing.T, err error) stats.Code {
	t.Helper()
	w, ok := errors.AsType[stats.Warning](err)
	if !ok {
		t.Fatalf("got %v (%T), want a Warning", err, err)
	}
	return w.Code
}

func TestHonestQuantileRefusesWhatTheSampleCannotKnow(t *testing.T) {
	x := make([]float64, 60)
	for i := range x {
		x[i] = 0.91 - float64(i)*0.001
	}
	_, err := stats.HonestQuantile(x, 0.99, 0.95)
	if err == nil || err.Error() != "p99: n/a (n=60; max 0.91; needs >= 368)" {
		t.Errorf("p99 of 60 values: %v", err)
	}
	if _, err = stats.HonestQuantile(x, 0.01, 0.95); err == nil || err.Error() != "p1: n/a (n=60; min 0.851; needs >= 368)" {
		t.Errorf("p1 of 60 values: %v", err)
	}
	e, err := stats.HonestQuantile(x[:5], 0.5, 0.95)
	if err != nil || e.Interval != nil || !hasCode(e.Warnings, stats.TooFew) {
		t.Errorf("median of 5 values: %+v, %v; want the median, no interval and the reason", e, err)
	}
	if e, err = stats.HonestQuantile(x[:6], 0.5, 0.95); err != nil || e.Interval == nil {
		t.Errorf("median of 6 values: %+v, %v; want an interval", e, err)
	}
}

func TestMeanIntervalRefusesImpossibleValues(t *testing.T) {
	cold := []float64{0.123, 0.125, 0.127, 0.131, 2.326}
	if _, err := stats.MeanInterval(cold, 0.95, 0); codeOf(t, err) != stats.Impossible {
		t.Errorf("interval of durations below 0: %v", err)
	}
	if _, err := stats.MeanInterval(cold, 0.95, math.Inf(-1)); err != nil {
		t.Errorf("without a floor: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name string
		call func() error
		want stats.Code
	}{
		{"empty summary", func() error { _, err := stats.Summarize(nil); return err }, stats.TooFew},
		{"NaN in a summary", func() error { _, err := stats.Summarize([]float64{1, nan}); return err }, stats.NonFinite},
		{"infinity in a median", func() error { _, err := stats.Median([]float64{1, inf}); return err }, stats.NonFinite},
		{"sd of one", func() error { _, err := stats.SD([]float64{1}); return err }, stats.TooFew},
		{"geometric mean of zero", func() error { _, err := stats.GeoMean([]float64{1, 0}); return err }, stats.NotPositive},
		{"harmonic mean of zero", func() error { _, err := stats.HarmonicMean([]float64{1, 0}); return err }, stats.NotPositive},
		{"ratio by zero", func() error { _, err := stats.RatioOfSums([]float64{1}, []float64{0}); return err }, stats.NotPositive},
		{"ratio without pairs", func() error { _, err := stats.RatioOfSums([]float64{1}, nil); return err }, stats.BadArgument},
		{"quantile above 1", func() error { _, err := stats.Quantile([]float64{1}, 1.1); return err }, stats.BadArgument},
		{"level of 95", func() error { _, err := stats.MeanInterval([]float64{1, 2}, 95, 0); return err }, stats.BadArgument},
		{"interval of one", func() error { _, err := stats.MeanInterval([]float64{1}, .95, 0); return err }, stats.TooFew},
		{"median interval of five", func() error { _, err := stats.MedianInterval([]float64{1, 2, 3, 4, 5}, .95); return err }, stats.TooFew},
		{"variance beyond float64", func() error { _, err := stats.SD([]float64{-1e300, 1e300}); return err }, stats.Overflow},
	} {
		if err := c.call(); err == nil {
			t.Errorf("%s: no refusal", c.name)
		} else if got := codeOf(t, err); got != c.want {
			t.Errorf("%s: code %q (%v), want %q", c.name, got, err, c.want)
		}
	}
}

func TestSummaryOfOneValueHasNoSpread(t *testing.T) {
	s, err := stats.Summarize([]float64{3})
	if err != nil {
		t.Fatal(err)
	}
	if s.Mean != 3 || s.Median != 3 || s.SD.OK || s.RobustSD.OK || s.CV.OK || !s.GeoMean.OK {
		t.Errorf("%+v", s)
	}
	if s.SD.Why.Code != stats.TooFew || s.CV.Why.Code != stats.TooFew {
		t.Errorf("reasons %q and %q", s.SD.Why.Code, s.CV.Why.Code)
	}
}

// TestSummaryProperties: the summary does not depend on the order, scales with
// the unit, stays inside the sample and leaves the sample alone.
func TestSummaryProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(1e-3, 1e6), 6, 60).Draw(t, "x")
		c := rapid.Float64Range(1e-3, 1e3).Draw(t, "c")
		before := slices.Clone(x)
		a, err := stats.Summarize(x)
		if err != nil {
			t.Fatal(err)
		}
		med, err := stats.MedianInterval(x, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(before, x) {
			t.Fatal("the caller's slice was changed")
		}
		for name, v := range map[string]float64{"mean": a.Mean, "median": a.Median, "geomean": a.GeoMean.V} {
			if v < a.Min || v > a.Max {
				t.Fatalf("%s %v outside [%v, %v]", name, v, a.Min, a.Max)
			}
		}
		if !med.Contains(a.Median) || !med.Within(a.Min, a.Max) {
			t.Fatalf("median %v, interval %+v", a.Median, med)
		}
		y := make([]float64, len(x))
		for i, j := range rapid.Permutation(x).Draw(t, "permuted") {
			y[i] = c * j
		}
		b, err := stats.Summarize(y)
		if err != nil {
			t.Fatal(err)
		}
		scale := 1e-9 * a.Max * c
		for name, d := range map[string]float64{
			"mean": b.Mean - c*a.Mean, "median": b.Median - c*a.Median, "sd": b.SD.V - c*a.SD.V,
			"robust sd": b.RobustSD.V - c*a.RobustSD.V, "geomean": b.GeoMean.V - c*a.GeoMean.V,
		} {
			if math.Abs(d) > scale {
				t.Fatalf("%s does not scale: off by %v", name, d)
			}
		}
	})
}

// FuzzQuantile: quantiles and intervals are ordered and inside the sample.
func FuzzQuantile(f *testing.F) {
	f.Add(0.1, 0.1, 0.1, 0.5, 0.9)
	f.Add(-math.MaxFloat64, math.MaxFloat64, 0.0, 0.25, 0.75)
	f.Add(5e-324, 0.0, -5e-324, 0.01, 0.99)
	f.Fuzz(func(t *testing.T, a, b, c, p, q float64) {
		x := []float64{a, b, c, a, b, (a + b) / 2, c}
		if p > q {
			p, q = q, p
		}
		lo, errLo := stats.Quantile(x, p)
		hi, errHi := stats.Quantile(x, q)
		s, err := stats.Summarize(x)
		if err != nil || errLo != nil || errHi != nil {
			return // a refusal is an answer
		}
		if lo > hi || lo < s.Min || hi > s.Max {
			t.Errorf("quantiles %v and %v of %v: %v, %v", p, q, x, lo, hi)
		}
		if s.Mean < s.Min || s.Mean > s.Max || s.Median < s.Min || s.Median > s.Max {
			t.Errorf("summary of %v leaves it: %+v", x, s)
		}
		if i, err := stats.QuantileInterval(x, 0.5, 0.95); err != nil || !i.Within(s.Min, s.Max) || i.Lo > i.Hi {
			t.Errorf("median interval of %v: %+v, %v", x, i, err)
		}
		if i, err := stats.MeanInterval(x, 0.95, math.Inf(-1)); err == nil && !i.Contains(s.Mean) {
			t.Errorf("mean %v of %v outside its interval %+v", s.Mean, x, i)
		}
	})
}

func hasCode(ws []stats.Warning, c stats.Code) bool {
	for _, w := range ws {
		if w.Code == c {
			return true
		}
	}
	return false
}
