package finding_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/finding"
	"chimera/internal/sample"

	"pgregory.net/rapid"
)

// world is a runtime whose truth is known: the rate of a request is
// base × subject × prompt × setting × block drift × noise.
type world struct {
	subjects map[string]float64 // factor of the rate
	prompts  []string
	levels   []float64                                   // of num_ctx; none: no factor
	effect   func(subject string, level float64) float64 // factor of a level
	blocks   int
	noise    float64 // standard deviation of the logarithm
	drift    float64 // of the logarithm, from first to last request
	order    string  // "drawn", "nested": subjects or levels in one stretch each, "cycled": the same order in every block
	seed     uint64
}

// rows runs the world.
func (w world) rows() []*sample.Sample {
	r := rand.New(rand.NewPCG(w.seed, 7))
	type cell struct {
		subject, prompt string
		level           float64
		block           int
	}
	var plan []cell
	levels := w.levels
	if len(levels) == 0 {
		levels = []float64{0}
	}
	var names []string
	for s := range w.subjects {
		names = append(names, s)
	}
	slices.Sort(names)
	for b := range w.blocks {
		var block []cell
		for _, s := range names {
			for _, l := range levels {
				for _, p := range w.prompts {
					block = append(block, cell{s, p, l, b})
				}
			}
		}
		if w.order == "drawn" {
			r.Shuffle(len(block), func(i, j int) { block[i], block[j] = block[j], block[i] })
		}
		plan = append(plan, block...)
	}
	if w.order == "nested" {
		slices.SortStableFunc(plan, func(a, b cell) int {
			if a.subject != b.subject {
				return strings.Compare(a.subject, b.subject)
			}
			return int(a.level - b.level)
		})
		for i := range plan {
			plan[i].block = 0
		}
	}
	var out []*sample.Sample
	for i, c := range plan {
		rate := 100 * w.subjects[c.subject] * (1 + 0.05*float64(slices.Index(w.prompts, c.prompt)))
		if w.effect != nil {
			rate *= w.effect(c.subject, c.level)
		}
		rate *= math.Exp(w.noise*r.NormFloat64() + w.drift*float64(i)/float64(len(plan)))
		ttft := time.Duration(float64(100*time.Millisecond) * math.Exp(w.noise*r.NormFloat64()))
		s := row(i, c.subject, ttft, rate)
		s.Prompt, s.PromptSHA256, s.Block = "banter/"+c.prompt, c.prompt, c.block
		if len(w.levels) > 0 {
			s.Config = map[string]any{"num_ctx": c.level}
			s.Effective = map[string]any{"num_ctx": c.level}
		}
		out = append(out, s)
	}
	return out
}

var five = []string{"p1", "p2", "p3", "p4", "p5"}

func one(t testing.TB, a *finding.Analysis, kind finding.Kind, scope ...string) finding.Finding {
	t.Helper()
	checkWords(t, a)
	var found []finding.Finding
	for _, f := range a.Of(kind) {
		fits := true
		for i := 0; i < len(scope); i += 2 {
			fits = fits && f.Scope[scope[i]] == scope[i+1]
		}
		if fits {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d findings of %s with %v, want 1", len(found), kind, scope)
	}
	return found[0]
}

func status(f finding.Finding, id finding.CheckID) finding.Status {
	for _, c := range f.Checks {
		if c.ID == id {
			return c.Status
		}
	}
	return "absent"
}

func TestPlantedDifferenceIsFound(t *testing.T) {
	a := analyze(t, world{subjects: map[string]float64{"a": 1, "b": 1.3, "c": 1.3}, prompts: five, blocks: 6, noise: 0.03, order: "drawn", seed: 1}.rows())
	checkSentences(t, a)
	f := one(t, a, finding.Ranking, "metric", "decode_rate")
	if f.Verdict != finding.Better || !slices.Equal(slices.Sorted(slices.Values(f.Winners)), []string{"b", "c"}) {
		t.Errorf("%s %v: %s", f.Verdict, f.Winners, f.Sentence.Print(a.Fact))
	}
	if got := status(f, finding.OrderRandomised); got != finding.Pass {
		t.Errorf("order of drawn rows: %s", got)
	}
	// The ratio that is printed covers the truth, 1.3.
	covered := false
	for _, id := range f.Facts {
		x, _ := a.Fact(id)
		if x.Aggregate == "ratio" && x.Scope["against"] == "a" {
			covered = x.Lo.Or(9) <= 1.3 && 1.3 <= x.Hi.Or(0)
		}
	}
	if !covered {
		t.Errorf("no ratio covers 1.3: %s", f.Sentence.Print(a.Fact))
	}
}

// An A/A comparison must not find a winner more often than the level allows.
func TestEqualSubjectsAreNotRanked(t *testing.T) {
	wrong := 0
	const runs = 40
	for seed := range uint64(runs) {
		a := analyze(t, world{subjects: map[string]float64{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}, prompts: []string{"p1", "p2"}, blocks: 5, noise: 0.05, drift: 0.1, order: "drawn", seed: seed}.rows())
		if f := one(t, a, finding.Ranking, "metric", "decode_rate"); f.Verdict == finding.Better || f.Verdict == finding.Worse {
			wrong++
		}
	}
	if wrong > 6 { // 2 expected at 5 %; without a correction for ten pairs it would be about 12
		t.Errorf("%d of %d equal worlds have a winner", wrong, runs)
	}
}

// Sameness needs proof: quiet rows give it, noisy ones do not.
func TestSamenessIsShownOrNotSaid(t *testing.T) {
	quiet := analyze(t, world{subjects: map[string]float64{"a": 1, "b": 1}, prompts: five, blocks: 6, noise: 0.004, order: "drawn", seed: 3}.rows())
	if f := one(t, quiet, finding.Ranking, "metric", "decode_rate"); f.Verdict != finding.Same {
		t.Errorf("quiet: %s", f.Verdict)
	}
	noisy := analyze(t, world{subjects: map[string]float64{"a": 1, "b": 1}, prompts: five, blocks: 3, noise: 0.3, order: "drawn", seed: 4}.rows())
	f := one(t, noisy, finding.Ranking, "metric", "decode_rate")
	if f.Verdict != finding.Inconclusive || f.Needed == "" {
		t.Errorf("noisy: %s, needed %q", f.Verdict, f.Needed)
	}
	needed, ok := noisy.Fact(f.Needed)
	if v, _ := needed.Value.Get(); !ok || v <= 3 {
		t.Errorf("needed n is %v", v)
	}
}

// Law 3: a difference between things that ran one after the other is no
// difference between the things.
func TestConfoundedOrderGetsNoVerdict(t *testing.T) {
	// Equal subjects, a machine that slows down by 30 %: all a, then all b.
	a := analyze(t, world{subjects: map[string]float64{"a": 1, "b": 1}, prompts: five, blocks: 6, noise: 0.01, drift: -0.3, order: "nested", seed: 5}.rows())
	f := one(t, a, finding.Ranking, "metric", "decode_rate")
	if f.Verdict != finding.NotComparable || status(f, finding.OrderRandomised) != finding.Fail || len(f.Winners) > 0 {
		t.Errorf("%s, order %s, winners %v: %s", f.Verdict, status(f, finding.OrderRandomised), f.Winners, f.Sentence.Print(a.Fact))
	}
	// The same drift under drawn order is no winner.
	b := analyze(t, world{subjects: map[string]float64{"a": 1, "b": 1}, prompts: five, blocks: 6, noise: 0.01, drift: -0.3, order: "drawn", seed: 5}.rows())
	g := one(t, b, finding.Ranking, "metric", "decode_rate")
	if g.Verdict == finding.Better || g.Verdict == finding.NotComparable {
		t.Errorf("drawn: %s", g.Verdict)
	}
	for _, d := range b.Of(finding.Drift) {
		if d.Metric != "decode_rate" || d.Verdict != finding.Worse {
			t.Errorf("drift of %s: %s", d.Metric, d.Verdict)
		}
	}
	if n := len(b.Of(finding.Drift)); n != 2 { // of both subjects, in speed alone
		t.Errorf("%d drifts", n)
	}
	if got := status(g, finding.NoDrift); got != finding.Fail {
		t.Errorf("a drift of 30 %% passes: %s", got)
	}
}

func TestPlantedFactorIsFoundAndItsLevelsRanked(t *testing.T) {
	w := world{subjects: map[string]float64{"a": 1}, prompts: []string{"p1"}, levels: []float64{1024, 2048, 4096}, blocks: 8, noise: 0.02, order: "drawn", seed: 6,
		effect: func(_ string, l float64) float64 { return map[float64]float64{1024: 1, 2048: 1, 4096: 0.8}[l] }}
	a := analyze(t, w.rows())
	checkSentences(t, a)
	f := one(t, a, finding.Sensitivity, "metric", "decode_rate")
	if f.Verdict != finding.Better || !slices.Equal(slices.Sorted(slices.Values(f.Winners)), []string{"num_ctx=1024", "num_ctx=2048"}) {
		t.Errorf("%s %v: %s", f.Verdict, f.Winners, f.Sentence.Print(a.Fact))
	}
	c := one(t, a, finding.Configuration, "metric", "decode_rate")
	if c.Verdict != finding.Better || c.Pick != "num_ctx=1024" {
		t.Errorf("%s, pick %q of %v", c.Verdict, c.Pick, c.Winners)
	}
	if !strings.Contains(f.Sentence.Print(a.Fact), "because of num_ctx") {
		t.Errorf("a drawn, unaliased, shown factor is not named as the cause: %s", f.Sentence.Print(a.Fact))
	}
	ttft := one(t, a, finding.Sensitivity, "metric", "ttft")
	if ttft.Verdict == finding.Better || strings.Contains(ttft.Sentence.Print(a.Fact), "because") {
		t.Errorf("nothing was planted in ttft: %s %s", ttft.Verdict, ttft.Sentence.Print(a.Fact))
	}
}

// The words are bound to the verdicts: "because" needs a drawn order.
func TestFixedOrderIsNoCause(t *testing.T) {
	w := world{subjects: map[string]float64{"a": 1}, prompts: []string{"p1"}, levels: []float64{1024, 2048, 4096}, blocks: 8, noise: 0.02, order: "cycled", seed: 6,
		effect: func(_ string, l float64) float64 { return map[float64]float64{1024: 1, 2048: 1, 4096: 0.8}[l] }}
	a := analyze(t, w.rows())
	f := one(t, a, finding.Sensitivity, "metric", "decode_rate")
	if f.Verdict != finding.NotComparable || strings.Contains(f.Sentence.Print(a.Fact), "because") {
		t.Errorf("%s: %s", f.Verdict, f.Sentence.Print(a.Fact))
	}
	if c := one(t, a, finding.Configuration, "metric", "decode_rate"); c.Verdict != finding.NotComparable || len(c.Winners) > 0 || c.Pick != "" {
		t.Errorf("a best setting of a fixed order: %s %v %q", c.Verdict, c.Winners, c.Pick)
	}
}

// Rows of an interrupted block that was repeated, and attempts that were
// retried, are counted and change nothing else.
func TestSupersededAndRetriedRowsChangeNothing(t *testing.T) {
	w := world{subjects: map[string]float64{"a": 1, "b": 1.3}, prompts: five, blocks: 4, noise: 0.03, order: "drawn", seed: 1}
	want := analyze(t, w.rows())
	superseded, retried := row(3, "a", time.Minute, 1), row(4, "b", time.Minute, 1)
	superseded.Superseded, retried.Final = true, false
	got := analyze(t, append(w.rows(), superseded, lost(retried, sample.Error)))
	if got.Rows.Superseded != 1 || got.Rows.Retried != 1 {
		t.Errorf("%+v", got.Rows)
	}
	got.Rows = want.Rows
	if bytesOf(t, got) != bytesOf(t, want) {
		t.Error("rows that do not count changed a finding")
	}
}

// pairOf is a record of two agents at once, and of one alone.
func pairOf(cut bool) (rows []*sample.Sample, readings []*sample.Reading) {
	add := func(file, role, stage string, tokens int) {
		s := row(len(rows), "m", time.Second, 50)
		s.Run, s.Experiment, s.Workload, s.Prompt, s.Provenance = "i", file, role+"/"+stage, role+"/"+stage, sample.Imported
		s.Tokens.Output = sample.Some(tokens)
		if cut && role == "insight" && stage == "report" {
			s = lost(s, sample.Cut)
		}
		rows = append(rows, s)
	}
	for _, role := range []string{"collector", "insight"} {
		add("pair.json", role, "analysis", 500)
		add("pair.json", role, "report", 500)
	}
	reading := func(kind, series, file, role string, v float64) {
		readings = append(readings, &sample.Reading{Run: "i", Kind: kind, Series: series, Unit: "s", Value: sample.Some(v), Provenance: sample.Imported,
			Labels: map[string]string{"file": file, "role": role, "row": fmt.Sprint(len(readings))}})
	}
	reading("agent-pair", "concurrent_wall_time", "pair.json", "", 40)
	for _, stage := range []string{"analysis", "report"} {
		add("solo.json", "baseline", stage, 500)
		reading("agent-call", "client_duration", "solo.json", "baseline", 5)
	}
	return rows, readings
}

// Law 6: running together is judged by tokens and a run alone, or not at all.
func TestTogetherNeedsTokensAndARunAlone(t *testing.T) {
	rows, readings := pairOf(false)
	a := analyze(t, rows, readings...)
	checkSentences(t, a)
	f := one(t, a, finding.Concurrency)
	if text := f.Sentence.Print(a.Fact); f.Verdict != finding.Inconclusive || !strings.Contains(text, "50.0 token/s by the wall clock, alone one makes 100 token/s: 0.500×") {
		t.Errorf("%s: %s", f.Verdict, text)
	}
	a = analyze(t, rows[:4], readings[:1]...)
	if f := one(t, a, finding.Concurrency); f.Verdict != finding.NotComparable || status(f, finding.SoloBaseline) != finding.Fail {
		t.Errorf("without a run alone: %s", f.Verdict)
	}
	rows, readings = pairOf(true)
	a = analyze(t, rows, readings...)
	if f := one(t, a, finding.Concurrency); f.Verdict != finding.NotMeasured {
		t.Errorf("with a call that was cut: %s %s", f.Verdict, f.Sentence.Print(a.Fact))
	}
}

// Law 4: levels that the runtime reports as one configuration are one level,
// and what lies between them is the noise floor.
func TestAliasedLevelsAreOne(t *testing.T) {
	w := world{subjects: map[string]float64{"a": 1}, prompts: []string{"p1"}, levels: []float64{40, 60, 80}, blocks: 5, noise: 0.01, order: "drawn", seed: 8}
	rows := w.rows()
	for _, s := range rows {
		s.Config = map[string]any{"num_gpu": s.Config["num_ctx"]}
		s.Effective = map[string]any{"num_gpu": 19.0}
	}
	a := analyze(t, rows)
	f := one(t, a, finding.Sensitivity, "metric", "decode_rate")
	text := f.Sentence.Print(a.Fact)
	if f.Verdict != finding.NotComparable || !strings.Contains(text, "levels are one configuration") || !strings.Contains(text, "noise floor") {
		t.Errorf("%s: %s", f.Verdict, text)
	}
	if c := one(t, a, finding.Configuration, "metric", "decode_rate"); c.Verdict != finding.NotComparable || len(c.Winners) > 0 {
		t.Errorf("a best of one configuration: %s %v", c.Verdict, c.Winners)
	}
}

// Law 2: cold rows share no mean with warm ones, and no level owns them.
func TestColdStartsAreNotTemperature(t *testing.T) {
	var rows []*sample.Sample
	r := rand.New(rand.NewPCG(9, 9))
	for i := range 36 {
		temperature := []float64{0.2, 0.4, 0.8}[i%3]
		ttft := time.Duration(float64(100*time.Millisecond) * math.Exp(0.05*r.NormFloat64()))
		s := row(i, "a", ttft, 100*math.Exp(0.01*r.NormFloat64()))
		s.Config = map[string]any{"temperature": temperature, "num_ctx": float64(1024 * (1 + i/3%3))}
		if temperature == 0.2 {
			s.Phase = sample.Cold
			s.T.First, s.T.Last = sample.Some(ttft+6*time.Second), sample.Some(ttft+6100*time.Millisecond)
		}
		rows = append(rows, s)
	}
	a := analyze(t, rows)
	checkSentences(t, a)
	f := one(t, a, finding.Sensitivity, "metric", "ttft", "factor", "temperature")
	if text := f.Sentence.Print(a.Fact); f.Verdict != finding.NotComparable || !strings.Contains(text, "cold starts, not temperature") {
		t.Errorf("%s: %s", f.Verdict, text)
	}
	for _, x := range a.Facts {
		if v, ok := x.Value.Get(); ok && x.Metric == "ttft" && x.Aggregate == "mean" && v > 0.2 && v < 6 {
			t.Errorf("fact %s: a mean of %.3g s mixes cold and warm", x.ID, v)
		}
	}
	cold := one(t, a, finding.ColdWarm)
	if cold.Verdict != finding.Worse {
		t.Errorf("cold starts: %s", cold.Verdict)
	}
}

// Law 5: no winner from one request each.
func TestNoWinnerFromOne(t *testing.T) {
	a := analyze(t, []*sample.Sample{row(0, "a", time.Second, 10), row(1, "b", time.Second, 99)})
	f := one(t, a, finding.Ranking, "metric", "decode_rate")
	if f.Verdict != finding.Inconclusive || status(f, finding.EnoughN) != finding.Fail {
		t.Errorf("%s", f.Verdict)
	}
	if s := one(t, a, finding.Stability, "subject", "a", "metric", "decode_rate"); s.Verdict != finding.NotMeasured {
		t.Errorf("stability of one: %s", s.Verdict)
	}
}

func TestAMachineWithOtherWorkIsNamed(t *testing.T) {
	rows := world{subjects: map[string]float64{"a": 1, "b": 1.2}, prompts: five, blocks: 5, noise: 0.01, order: "drawn", seed: 2}.rows()
	for _, c := range []struct {
		warnings []string
		absent   map[string]string
		want     finding.Status
	}{{nil, nil, finding.Pass}, {nil, map[string]string{"preflight": "the machine was not watched before the run"}, finding.Unknown},
		{[]string{"env_dirty: the machine had other work before the run: the CPU was 33% busy"}, nil, finding.Fail}} {
		a, err := finding.Analyze(rows, nil, &sample.Manifest{Run: "r", Warnings: c.warnings, Absent: c.absent})
		if err != nil {
			t.Fatal(err)
		}
		if got := status(one(t, a, finding.Ranking, "metric", "decode_rate"), finding.QuietMachine); got != c.want {
			t.Errorf("%q: %s", c.warnings, got)
		}
	}
	if got := status(one(t, analyze(t, rows), finding.Ranking, "metric", "decode_rate"), finding.QuietMachine); got != finding.Unknown {
		t.Errorf("without a manifest: %s", got)
	}
}

func TestSizesAreMeasuredOrAbsent(t *testing.T) {
	rows := world{subjects: map[string]float64{"a": 1, "b": 1.2}, prompts: five, blocks: 5, noise: 0.01, order: "drawn", seed: 2}.rows()
	if f := one(t, analyze(t, rows), finding.Efficiency); f.Verdict != finding.NotMeasured {
		t.Errorf("without sizes: %s", f.Verdict)
	}
	m := &sample.Manifest{Run: "r", Subjects: []sample.SubjectRecord{{ID: "a", FileBytes: sample.Some(uint64(1e9))}, {ID: "b", FileBytes: sample.Some(uint64(3e9))}}}
	a, err := finding.Analyze(rows, nil, m)
	if err != nil {
		t.Fatal(err)
	}
	checkSentences(t, a)
	f := one(t, a, finding.Efficiency)
	if f.Verdict != finding.Better || !slices.Equal(f.Winners, []string{"a"}) {
		t.Errorf("%s %v", f.Verdict, f.Winners)
	}
	// b is faster, a is smaller: neither is beaten at everything.
	p := one(t, a, finding.Pareto)
	if p.Verdict != finding.NotComparable || len(p.Winners) != 2 {
		t.Errorf("%s %v", p.Verdict, p.Winners)
	}
}

// Whatever the rows are: shuffling changes no byte, every number resolves, no
// digit stands in words, every verdict is a known one and every check, too.
func TestAnalysisHoldsForAnyRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(rt, "n")
		var rows []*sample.Sample
		for i := range n {
			s := row(i, rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "subject"),
				time.Duration(rapid.IntRange(1, 9).Draw(rt, "ttft"))*time.Millisecond, float64(rapid.IntRange(1, 300).Draw(rt, "rate")))
			s.Trial = fmt.Sprintf("t/%05d", 7919*i%100) // names do not follow the order
			s.Block = rapid.IntRange(0, 3).Draw(rt, "block")
			s.Prompt = fmt.Sprint("p", rapid.IntRange(1, 2).Draw(rt, "prompt"))
			s.Phase = rapid.SampledFrom([]sample.Phase{sample.Measure, sample.Measure, sample.Cold, sample.Warmup}).Draw(rt, "phase")
			s.Provenance = rapid.SampledFrom([]sample.Provenance{sample.Measured, sample.Imported}).Draw(rt, "provenance")
			if rapid.Bool().Draw(rt, "config") {
				s.Config = map[string]any{"num_ctx": float64(1024 * rapid.IntRange(1, 3).Draw(rt, "ctx"))}
			}
			if rapid.IntRange(0, 5).Draw(rt, "fails") == 0 {
				s = lost(s, rapid.SampledFrom([]sample.Outcome{sample.Timeout, sample.Cut, sample.Degenerate, sample.Dropped}).Draw(rt, "outcome"))
			}
			rows = append(rows, s)
		}
		a, err := finding.Analyze(rows, nil)
		if err != nil {
			rt.Fatal(err)
		}
		checkSentences(t, a)
		checkWords(t, a)
		for _, f := range a.Findings {
			if !slices.Contains(finding.Verdicts, f.Verdict) || !slices.Contains(finding.Kinds, f.Kind) {
				rt.Errorf("%s %s", f.Kind, f.Verdict)
			}
			for _, c := range f.Checks {
				if !slices.Contains(finding.CheckIDs, c.ID) {
					rt.Errorf("check %s", c.ID)
				}
			}
			for _, tab := range f.Tables {
				for _, r := range tab.Rows {
					if len(r.Cells) != len(tab.Columns) || len(r.Names) != len(tab.Labels) {
						rt.Errorf("%s table %s: %d cells for %d columns, %d names for %d labels", f.Kind, tab.ID, len(r.Cells), len(tab.Columns), len(r.Names), len(tab.Labels))
					}
				}
			}
			for _, g := range f.Figures {
				for _, p := range g.Panels {
					for _, m := range p.Points {
						if m.Value.OK() == (m.Missing != "") {
							rt.Errorf("%s figure %s: a point with value %v and missing %q", f.Kind, g.ID, m.Value, m.Missing)
						}
					}
				}
			}
		}
		before := bytesOf(t, a)
		rand.New(rand.NewPCG(1, uint64(n))).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		b, err := finding.Analyze(rows, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if bytesOf(t, b) != before {
			rt.Error("shuffled rows give other bytes")
		}
	})
}

// Several streams are judged by what all of them get done, against one stream
// of the same run, and not across experiments that ran one after the other.
func TestStreamsNeedOneStreamBesideThem(t *testing.T) {
	var rows []*sample.Sample
	add := func(experiment string, streams int) {
		for b := range 5 {
			for i := range 8 {
				s := row(len(rows), "a", 100*time.Millisecond, 10)
				s.Experiment, s.Block, s.Stream = experiment, b, i%streams
				// One stream takes 1 s a request, two together 1.25 s.
				took := time.Second
				if streams > 1 {
					took = 1250 * time.Millisecond
				}
				at := time.Duration(b*100)*time.Second + time.Duration(i/streams)*took + time.Duration(b)*10*time.Millisecond*time.Duration(i)
				s.T.Send, s.T.First, s.T.Last, s.T.End = sample.Some(at), sample.Some(at+took/10), sample.Some(at+took), sample.Some(at+took)
				rows = append(rows, s)
			}
		}
	}
	add("two", 2)
	f := one(t, analyze(t, rows), finding.Concurrency)
	if f.Verdict != finding.NotComparable || status(f, finding.SoloBaseline) != finding.Fail {
		t.Errorf("without one stream: %s", f.Verdict)
	}
	add("one", 1)
	a := analyze(t, rows)
	checkSentences(t, a)
	f = one(t, a, finding.Concurrency)
	if f.Verdict != finding.NotComparable || status(f, finding.SoloBaseline) != finding.Pass || status(f, finding.OrderRandomised) != finding.Fail {
		t.Errorf("%s: %s", f.Verdict, f.Sentence.Print(a.Fact))
	}
	if err := near(a, f, 1.6, 0.02, "output_rate", "ratio"); err != nil { // 88 tokens in 5 s against 88 in 8 s
		t.Error(err)
	}
}

// Metamorphic: labels carry no meaning, and units no verdict.
func TestLabelsAndScaleDoNotMatter(t *testing.T) {
	w := world{subjects: map[string]float64{"a": 1, "b": 1.3, "c": 1.31}, prompts: five, blocks: 5, noise: 0.03, order: "drawn", seed: 11}
	before := one(t, analyze(t, w.rows()), finding.Ranking, "metric", "decode_rate")
	swap := map[string]string{"a": "b", "b": "c", "c": "a"}
	rows := w.rows()
	for _, s := range rows {
		s.Subject = swap[s.Subject]
		first, last := s.T.First.Or(0), s.T.Last.Or(0)
		s.T.First, s.T.Last = sample.Some(10*first), sample.Some(10*last) // ten times as slow
	}
	a := analyze(t, rows)
	after := one(t, a, finding.Ranking, "metric", "decode_rate")
	if before.Verdict != after.Verdict || len(before.Winners) != len(after.Winners) {
		t.Fatalf("%s %v became %s %v", before.Verdict, before.Winners, after.Verdict, after.Winners)
	}
	for i, name := range before.Winners {
		if after.Winners[i] != swap[name] {
			t.Errorf("winners %v became %v", before.Winners, after.Winners)
		}
	}
}

// A thousand prompts and a hundred settings stay within seconds.
func TestManyPromptsAndSettings(t *testing.T) {
	var prompts []string
	for i := range 1000 {
		prompts = append(prompts, fmt.Sprint("p", i))
	}
	start := analyze(t, world{subjects: map[string]float64{"a": 1, "b": 1.3}, prompts: prompts, blocks: 3, noise: 0.03, order: "drawn", seed: 1}.rows())
	if f := one(t, start, finding.Ranking, "metric", "decode_rate"); f.Verdict != finding.Better {
		t.Errorf("%s", f.Verdict)
	}
	var levels []float64
	for i := range 100 {
		levels = append(levels, float64(1024+i))
	}
	many := analyze(t, world{subjects: map[string]float64{"a": 1}, prompts: []string{"p1"}, levels: levels, blocks: 5, noise: 0.03, order: "drawn", seed: 1}.rows())
	checkSentences(t, many)
	if f := one(t, many, finding.Configuration, "metric", "decode_rate"); f.Verdict == finding.Better {
		t.Errorf("of a hundred equal settings, %v are called best", f.Winners)
	}
}

// Two blocks may come out in the same order although it was drawn: then the
// plan says so, and without one nothing does.
func TestThePlanVouchesForFewPasses(t *testing.T) {
	var rows []*sample.Sample
	for b := range 3 {
		for i := range 8 {
			s := row(len(rows), []string{"a", "b"}[i/4], 100*time.Millisecond, 100*math.Pow(1.1, float64(i/4))*(1+0.001*float64(i%3)+0.0007*float64(b*i)))
			s.Block = b
			rows = append(rows, s)
		}
	}
	if f := one(t, analyze(t, rows), finding.Ranking, "metric", "decode_rate"); f.Verdict != finding.Inconclusive || status(f, finding.OrderRandomised) != finding.Unknown {
		t.Errorf("without a plan: %s, order %s", f.Verdict, status(f, finding.OrderRandomised))
	}
	a, err := finding.Analyze(rows, nil, &sample.Manifest{Run: "r", PlanDigest: "d", Spec: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	if f := one(t, a, finding.Ranking, "metric", "decode_rate"); f.Verdict != finding.Better || status(f, finding.OrderRandomised) != finding.Pass {
		t.Errorf("by a plan: %s, order %s: %s", f.Verdict, status(f, finding.OrderRandomised), f.Sentence.Print(a.Fact))
	}
}
