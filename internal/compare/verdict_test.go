package compare_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"chimera/internal/compare"
	"chimera/internal/fault"
	"chimera/internal/sample"
)

// shifted is a run of ten blocks around a rate and TTFT, all prompts alike.
func shifted(id string, seed uint64, rate, ttft, cv float64) measured {
	s := noisy(id, rand.New(rand.NewPCG(seed, 3)), rate, ttft, cv)
	return s.draw()
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name       string
		rate, ttft float64 // of B; A has 100 token/s and 50 ms
		cv         float64
		decode     compare.Verdict
		first      compare.Verdict
		whole      compare.Verdict
		code       fault.Code
	}{
		{"nothing changed", 100, 0.050, 0.005, compare.Same, compare.Same, compare.Same, fault.OK},
		{"slower", 85, 0.050, 0.005, compare.Regression, compare.Same, compare.Regression, fault.Gate},
		{"faster", 115, 0.050, 0.005, compare.Improved, compare.Same, compare.Improved, fault.OK},
		{"faster, but later to begin", 115, 0.065, 0.005, compare.Improved, compare.Regression, compare.Regression, fault.Gate},
		{"a little slower, within the margin", 99, 0.050, 0.002, compare.Same, compare.Same, compare.Same, fault.OK},
		{"slower, at the margin", 97, 0.050, 0.005, compare.Suspect, compare.Same, compare.Suspect, fault.Inconclusive},
		{"too noisy", 100, 0.050, 0.2, compare.Inconclusive, compare.Inconclusive, compare.Inconclusive, fault.Inconclusive},
	} {
		r := of(t, shifted("a", 1, 100, 0.050, c.cv), shifted("b", 2, c.rate, c.ttft, c.cv), options(t, "decode_rate", "ttft"))
		decode, first := find(t, r, "decode_rate", "median"), find(t, r, "ttft", "median")
		if decode.Verdict != c.decode || first.Verdict != c.first || r.Verdict != c.whole || r.Verdict.Code(false) != c.code {
			t.Errorf("%s: decode %s %v [%v, %v], ttft %s, whole %s (%d)", c.name, decode.Verdict, decode.Ratio, decode.Lo, decode.Hi, first.Verdict, r.Verdict, r.Verdict.Code(false))
		}
		if open := c.decode == compare.Suspect || c.decode == compare.Inconclusive; decode.Needed.OK() != open || open && decode.Needed.Or(0) < 2*10 {
			t.Errorf("%s: needs %v", c.name, decode.Needed)
		}
		if c.code == fault.Inconclusive && r.Verdict.Code(true) != fault.Gate {
			t.Errorf("%s: with strict %d", c.name, r.Verdict.Code(true))
		}
		if c.name == "a little slower, within the margin" && !slices.ContainsFunc(decode.Notes, func(n string) bool { return strings.HasPrefix(n, "worse by 1.0 %, within") }) {
			t.Errorf("%s: notes %q", c.name, decode.Notes)
		}
	}
}

// Requests of one block are not independent: n counts blocks, and many requests
// in few blocks decide nothing.
func TestBlocksAreCounted(t *testing.T) {
	many := func(id string, seed uint64) measured {
		r := rand.New(rand.NewPCG(seed, 4))
		drift := []float64{1, 0.9, 1.1} // of a block, shared by its requests
		s := noisy(id, r, 100, 0.05, 0.001)
		s.blocks, s.repeats = 3, 30
		s.rate = func(_ string, b, _, _ int) float64 { return 100 * drift[b] * (1 + 0.001*r.NormFloat64()) }
		return s.draw()
	}
	c := find(t, of(t, many("a", 1), many("b", 2), options(t, "decode_rate")), "decode_rate", "median")
	if c.N != 3 || c.Verdict != compare.Inconclusive || c.Hi.Or(0)-c.Lo.Or(0) < 0.2 {
		t.Errorf("n %d, %s, [%v, %v]", c.N, c.Verdict, c.Lo, c.Hi)
	}
	few := still("c")
	few.blocks = 2
	c = find(t, of(t, few.draw(), still("d").draw(), options(t, "decode_rate")), "decode_rate", "median")
	if c.Verdict != compare.Inconclusive || c.Lo.OK() || c.Needed.Or(0) < 6 {
		t.Errorf("two blocks: %s, [%v, %v], needs %v", c.Verdict, c.Lo, c.Hi, c.Needed)
	}
}

// A missing row moves its block no more than its prompt's share: the slow
// prompt is not mistaken for a slow block.
func TestAMissingPromptDoesNotMoveItsBlock(t *testing.T) {
	whole, holed := still("a"), still("b")
	holed.change = func(s *sample.Sample) {
		if s.Prompt == "p2" && s.Block < 5 { // the fast one
			s.Tokens.Output = sample.None[int]()
		}
	}
	c := find(t, of(t, whole.draw(), holed.draw(), options(t, "decode_rate")), "decode_rate", "median")
	if c.Verdict != compare.Same || c.NB != 10 {
		t.Errorf("%s, n %d, ratio %v [%v, %v]", c.Verdict, c.NB, c.Ratio, c.Lo, c.Hi)
	}
}

func TestTails(t *testing.T) {
	long := func(id string, seed uint64, ttft float64) measured {
		s := noisy(id, rand.New(rand.NewPCG(seed, 5)), 100, ttft, 0.02)
		s.blocks, s.prompts = 100, 1
		return s.draw()
	}
	o := options(t, "ttft:p95")
	if c := find(t, of(t, long("a", 1, 0.05), long("b", 2, 0.07), o), "ttft", "p95"); c.Verdict != compare.Regression || c.N != 100 || c.P.OK() {
		t.Errorf("p95 40 %% later: %s %v [%v, %v], p %v", c.Verdict, c.Ratio, c.Lo, c.Hi, c.P)
	}
	if c := find(t, of(t, long("a", 1, 0.05), long("b", 2, 0.05), o), "ttft", "p95"); c.Verdict != compare.Same {
		t.Errorf("p95 alike: %s %v [%v, %v]", c.Verdict, c.Ratio, c.Lo, c.Hi)
	}
	short := still("a")
	r := of(t, short.draw(), still("b").draw(), options(t))
	if !slices.ContainsFunc(r.NotTested, func(n compare.NotTested) bool { return n.Reason == "p95 needs 72 rows a run, and there are 30 and 30" }) {
		t.Errorf("30 rows: not tested %+v", r.NotTested)
	}
}

// The interval of a tail's ratio covers the truth at least as often as it says.
func TestTailIntervalsCover(t *testing.T) {
	const runs = 200
	o := options(t, "ttft:p95")
	covered := 0
	for seed := range uint64(runs) {
		x := noisy("a", rand.New(rand.NewPCG(seed, 6)), 100, 0.05, 0.1)
		y := noisy("b", rand.New(rand.NewPCG(seed, 7)), 100, 0.05*1.25, 0.1)
		x.blocks, x.prompts, y.blocks, y.prompts = 100, 1, 100, 1
		c := find(t, of(t, x.draw(), y.draw(), o), "ttft", "p95")
		if c.Lo.Or(9) <= 0.8 && 0.8 <= c.Hi.Or(0) {
			covered++
		}
	}
	if share := float64(covered) / runs; share < 0.93 {
		t.Errorf("covers in %.1f %% of runs", 100*share)
	}
}

// Earlier runs raise the margin to twice what they changed by themselves.
func TestTheNoiseFloorRaisesTheMargin(t *testing.T) {
	o := options(t, "decode_rate")
	var past []*compare.Run
	for i, rate := range []float64{100, 104, 96, 101} { // sessions differ by more than blocks do
		m := shifted(string(rune('p'+i)), uint64(i+1), rate, 0.05, 0.002)
		past = append(past, collect(t, source(t, m.id, m.rows), m.rows, o))
	}
	a, b := shifted("a", 11, 100, 0.05, 0.002), shifted("b", 12, 95, 0.05, 0.002)
	x, y := collect(t, source(t, "a", a.rows), a.rows, o), collect(t, source(t, "b", b.rows), b.rows, o)
	alone, err := compare.Compare(x, y, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	if c := find(t, alone, "decode_rate", "median"); c.Verdict != compare.Regression || c.Margin != 0.03 {
		t.Errorf("without history: %s at %v", c.Verdict, c.Margin)
	}
	r, err := compare.Compare(x, y, past, o)
	if err != nil {
		t.Fatal(err)
	}
	c := find(t, r, "decode_rate", "median")
	if c.Verdict != compare.Same || c.Margin < 0.12 || c.Margin > 0.18 || len(r.Noise) != 1 || r.Noise[0].Pairs != 6 || c.Margin != 2*r.Noise[0].Floor {
		t.Errorf("%s at %v, noise %+v", c.Verdict, c.Margin, r.Noise)
	}
}

func TestEvidenceNamesTheRows(t *testing.T) {
	r := of(t, shifted("a", 1, 100, 0.05, 0.01), shifted("b", 2, 100, 0.05, 0.01), options(t, "decode_rate"))
	c := find(t, r, "decode_rate", "median")
	ids := map[string]int{}
	for i, f := range r.Facts {
		ids[f.ID] = i
	}
	a, b, ratio := r.Facts[ids[c.Evidence.A]], r.Facts[ids[c.Evidence.B]], r.Facts[ids[c.Evidence.Ratio]]
	if a.Value.Or(0) != c.A || b.Value.Or(0) != c.B || ratio.Value != c.Ratio || ratio.Lo != c.Lo || ratio.Hi != c.Hi {
		t.Errorf("%+v\n%+v\n%+v", a, b, ratio)
	}
	if len(a.Evidence.Rows) != 30 || a.Evidence.Rows[0] != "a/suite/b0/0000" || a.N != 10 || a.Planned != 30 || !slices.Equal(ratio.Evidence.Rows, []string{a.ID, b.ID}) {
		t.Errorf("%+v\n%+v", a, ratio)
	}
	if want := math.Exp(math.Log(c.B / c.A)); math.Abs(c.Ratio.Or(0)-want) > 0.02 {
		t.Errorf("ratio %v of medians %v and %v", c.Ratio, c.A, c.B)
	}
}

// Longer answers take longer: their whole time is not compared, their rate is.
func TestUnequalWorkIsNotCompared(t *testing.T) {
	short := still("b")
	short.change = func(s *sample.Sample) { s.Tokens.Output = sample.Some(80) }
	r := of(t, still("a").draw(), short.draw(), options(t, "e2e", "ttft"))
	if len(r.Metrics) != 1 || r.Metrics[0].Metric != "ttft" || len(r.NotTested) != 1 || !strings.Contains(r.NotTested[0].Reason, "101.0 tokens in run A and 80.0 in run B") {
		t.Errorf("%d comparisons, not tested %+v", len(r.Metrics), r.NotTested)
	}
	if c := find(t, of(t, still("a").draw(), still("b").draw(), options(t, "e2e")), "e2e", "median"); c.Verdict != compare.Same {
		t.Errorf("equal work: %s", c.Verdict)
	}
}

func TestNothingToCompare(t *testing.T) {
	silent := still("a")
	silent.change = func(s *sample.Sample) { s.Outcome = sample.Error }
	m := silent.draw()
	o := options(t)
	x, y := collect(t, source(t, "a", m.rows), m.rows, o), collect(t, source(t, "b", m.rows), m.rows, o)
	if _, err := compare.Compare(x, y, nil, o); fault.CodeOf(err) != fault.Invalid || fault.HintOf(err) == "" {
		t.Errorf("no answers: %v", err)
	}
	blank := still("a")
	blank.change = func(s *sample.Sample) { s.Tokens.Output = sample.None[int]() }
	m = blank.draw()
	o = options(t, "decode_rate")
	x, y = collect(t, source(t, "a", m.rows), m.rows, o), collect(t, source(t, "b", m.rows), m.rows, o)
	if _, err := compare.Compare(x, y, nil, o); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "not counted") {
		t.Errorf("no values: %v", err)
	}
}

func TestParseMeasures(t *testing.T) {
	m, err := compare.ParseMeasures([]string{"decode_rate", "tpot", "ttft", "ttft:p95"}, []string{"4%", "ttft=0.2"})
	if err != nil || len(m) != 4 || m[0].Margin != 0.04 || m[2].Margin != 0.2 || m[3].Margin != 0.04 || m[3].String() != "ttft:p95" {
		t.Errorf("%+v, %v", m, err)
	}
	m, err = compare.ParseMeasures([]string{"decode_rate", "tpot", "ttft", "ttft:p95"}, nil)
	if err != nil || m[0].Margin != 0.03 || m[1].Margin != 0.05 || m[2].Margin != 0.10 || m[3].Margin != 0.15 {
		t.Errorf("defaults: %+v, %v", m, err)
	}
	for _, bad := range []struct{ names, margins []string }{
		{[]string{"speed"}, nil}, {[]string{"ttft:p17"}, nil}, {[]string{"icl"}, nil}, {[]string{"output_tokens"}, nil}, {[]string{"goodput"}, nil},
		{[]string{"ttft", "ttft"}, nil}, {[]string{"ttft"}, []string{"0"}}, {[]string{"ttft"}, []string{"-3%"}}, {[]string{"ttft"}, []string{"60%"}},
		{[]string{"ttft"}, []string{"NaN"}}, {[]string{"ttft"}, []string{"many"}}, {[]string{"ttft"}, []string{"e2e=3%"}}, {[]string{"ttft"}, []string{"=3%"}},
	} {
		if _, err := compare.ParseMeasures(bad.names, bad.margins); fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if _, err := compare.ParseKinds([]string{"colour"}); fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
		t.Error(err)
	}
}

// Whatever is written, it is refused with a hint, or is a measure with a margin
// that a ratio can exceed.
func FuzzParseMeasures(f *testing.F) {
	f.Add("ttft:p95", "ttft:p95=10%")
	f.Add("decode_rate", "0.03")
	f.Add("e2e", "e2e= 5 %")
	f.Fuzz(func(t *testing.T, name, margin string) {
		m, err := compare.ParseMeasures([]string{name}, []string{margin})
		if err != nil {
			if fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
				t.Errorf("%q, %q: %v", name, margin, err)
			}
			return
		}
		if len(m) != 1 || !(m[0].Margin > 0 && m[0].Margin < 0.5) {
			t.Errorf("%q, %q: %+v", name, margin, m)
		}
	})
}
