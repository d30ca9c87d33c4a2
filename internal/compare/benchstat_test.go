package compare_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"chimera/internal/compare"
	"chimera/internal/sample"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"pgregory.net/rapid"
)

// benchstat's samples of a text, by run, benchmark and unit.
func benchSamples(t interface{ Fatal(...any) }, text []byte) map[[3]string]*benchmath.Sample {
	values := map[[3]string][]float64{}
	r := benchfmt.NewReader(bytes.NewReader(text), "compare")
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			for _, v := range rec.Values {
				key := [3]string{rec.GetConfig("run"), string(rec.Name.Full()), v.Unit}
				values[key] = append(values[key], v.Value)
			}
		case *benchfmt.SyntaxError:
			t.Fatal(rec)
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	out := map[[3]string]*benchmath.Sample{}
	for key, v := range values {
		out[key] = benchmath.NewSample(v, &benchmath.DefaultThresholds)
	}
	return out
}

// What benchstat makes of the exported values is what chimera says: medians,
// their intervals, and p.
func TestBenchstatAgrees(t *testing.T) {
	o := options(t, "decode_rate", "ttft")
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 2))
		a, b := noisy("a", r, 100, 0.05, 0.05), noisy("b", r, 97, 0.05, 0.05)
		a.blocks, b.blocks = rapid.IntRange(3, 60).Draw(rt, "blocks of a"), rapid.IntRange(3, 60).Draw(rt, "blocks of b")
		if rapid.Bool().Draw(rt, "ties") { // benchstat's p of ties depends on the order of unequal samples
			b.blocks = a.blocks
			coarse := a.rate
			a.rate = func(s string, x, y, z int) float64 { return math.Round(coarse(s, x, y, z)) }
			b.rate = a.rate
			a.prompts, b.prompts = 1, 1
		}
		res := of(t, a.draw(), b.draw(), o)
		var text bytes.Buffer
		if err := compare.WriteBenchmarks(&text, res); err != nil {
			rt.Fatal(err)
		}
		samples := benchSamples(rt, text.Bytes())
		units := map[string]struct {
			name  string
			scale float64
		}{"decode_rate": {"token/s/decode_rate", 1}, "ttft": {"sec/ttft", 1}}
		for _, c := range res.Metrics {
			u := units[c.Metric]
			sa, sb := samples[[3]string{"a", "Suite/subject=m-2", u.name}], samples[[3]string{"b", "Suite/subject=m-2", u.name}]
			if sa == nil || sb == nil {
				rt.Fatalf("no benchmark of %s in:\n%s", u.name, text.String())
			}
			agrees(rt, c.Metric+" of a", sa, c.A, c.ALo, c.AHi)
			agrees(rt, c.Metric+" of b", sb, c.B, c.BLo, c.BHi)
			near(rt, c.Metric+" p", c.P.Or(-1), benchmath.AssumeNothing.Compare(sa, sb).P)
		}
	})
}

func agrees(t *rapid.T, what string, s *benchmath.Sample, v float64, lo, hi sample.Opt[float64]) {
	sum := benchmath.AssumeNothing.Summary(s, 0.95)
	relative(t, what+": median", v, sum.Center)
	if lo.OK() != !math.IsInf(sum.Lo, 0) {
		t.Fatalf("%s: interval %v, benchstat has [%v, %v] of %d", what, lo.OK(), sum.Lo, sum.Hi, len(s.Values))
	}
	if lo.OK() {
		relative(t, what+": lower end", lo.Or(0), sum.Lo)
		relative(t, what+": upper end", hi.Or(0), sum.Hi)
	}
}

func relative(t *rapid.T, what string, got, want float64) {
	if !(math.Abs(got/want-1) <= 1e-9) {
		t.Fatalf("%s is %v, benchstat has %v", what, got, want)
	}
}

// A name with white space, a slash or a number at its end stays one benchmark.
func TestBenchmarkNamesStayWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	a, b := noisy("a", r, 100, 0.05, 0.01), noisy("b", r, 100, 0.05, 0.01)
	for _, s := range []*shape{&a, &b} {
		s.change = func(row *sample.Sample) {
			row.Subject, row.Experiment = "org/model 3-270", "my suite"
			row.Config = map[string]any{"num_ctx": 1024.0, "stop": "a b"}
		}
	}
	var text bytes.Buffer
	if err := compare.WriteBenchmarks(&text, of(t, a.draw(), b.draw(), options(t, "ttft"))); err != nil {
		t.Fatal(err)
	}
	if want := "BenchmarkMy_suite/subject=org:model_3-270/num_ctx=1024/stop=a_b-2 1 "; !strings.Contains(text.String(), want) {
		t.Errorf("no %q in:\n%s", want, text.String())
	}
	if n := len(benchSamples(t, text.Bytes())); n != 2 {
		t.Errorf("%d samples, want one for each run", n)
	}
}
