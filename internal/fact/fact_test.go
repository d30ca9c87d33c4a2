package fact_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/unit"

	"pgregory.net/rapid"
)

// row is a request that decoded 11 tokens, its first after ttft.
func row(order int, subject string, phase sample.Phase, ttft time.Duration) *sample.Sample {
	s := &sample.Sample{
		Schema: sample.Schema, Run: "r", Trial: fmt.Sprintf("t/%04d", order), Order: order, Experiment: "suite",
		Subject: subject, Phase: phase, Final: true, Provenance: sample.Measured, Config: map[string]any{"num_ctx": 1024.0},
	}
	s.Outcome = sample.OK
	s.T.Send, s.T.First, s.T.Last = sample.Some(time.Duration(0)), sample.Some(ttft), sample.Some(ttft+time.Second)
	s.Tokens.Output = sample.Some(11)
	return s
}

func failed(order int, subject string, o sample.Outcome) *sample.Sample {
	s := row(order, subject, sample.Measure, time.Second)
	s.Outcome, s.Failure = o, &sample.Failure{Class: sample.ClassTimeout, Message: "no end"}
	s.T.First, s.T.Last, s.Tokens.Output = sample.None[time.Duration](), sample.None[time.Duration](), sample.None[int]()
	return s
}

func ask(t *testing.T, q fact.Query, rows ...*sample.Sample) []fact.Fact {
	t.Helper()
	facts, err := q.Run(rows)
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

var medianTTFT = fact.Query{Metric: "ttft", Aggregate: "median", Phase: sample.Measure, By: []string{"subject"}}

// Law 2: warm and cold never share a mean, whatever the order of the rows.
func TestPhasesNeverMix(t *testing.T) {
	rows := []*sample.Sample{row(0, "a", sample.Cold, 10*time.Second), row(1, "a", sample.Warmup, 5*time.Second)}
	for i := range 6 {
		rows = append(rows, row(2+i, "a", sample.Measure, time.Duration(i+1)*time.Second))
	}
	f := ask(t, medianTTFT, rows...)[0]
	if v, _ := f.Value.Get(); v != 3.5 || f.N != 6 || f.Planned != 6 {
		t.Errorf("value %v, n %d of %d; want 3.5, 6 of 6", v, f.N, f.Planned)
	}
	lo, okLo := f.Lo.Get()
	hi, okHi := f.Hi.Get()
	if !okLo || !okHi || lo != 1 || hi != 6 { // six values: the interval is the whole sample
		t.Errorf("interval [%v, %v], method %s", lo, hi, f.Method)
	}
}

// Law 1: a failure is not a zero; it lowers n, not the value.
func TestFailuresLowerNAndAreNamed(t *testing.T) {
	f := ask(t, medianTTFT, row(0, "a", sample.Measure, time.Second), failed(1, "a", sample.Timeout), failed(2, "a", sample.Timeout))[0]
	if v, _ := f.Value.Get(); v != 1 || f.N != 1 || f.Planned != 3 {
		t.Errorf("value %v, n %d of %d; want 1, 1 of 3", v, f.N, f.Planned)
	}
	if !slices.Contains(f.Caveats, "left out: 2 × timeout") {
		t.Errorf("caveats %q do not name the failures", f.Caveats)
	}
	if f.Lo.OK() || !strings.Contains(f.Method, "no interval") {
		t.Errorf("one row has no interval, but method is %q", f.Method)
	}
	if len(f.Evidence.Rows) != 1 || f.Evidence.Rows[0] != "r/t/0000" {
		t.Errorf("evidence %v", f.Evidence.Rows)
	}
}

func TestNoRowNoValue(t *testing.T) {
	f := ask(t, medianTTFT, failed(0, "a", sample.Error))[0]
	if f.Value.OK() || !strings.Contains(f.Reason, "1 × error") {
		t.Errorf("value %v, reason %q", f.Value, f.Reason)
	}
	if facts := ask(t, medianTTFT); len(facts) != 0 {
		t.Errorf("no rows gave %v", facts)
	}
}

// Law 5: no p99 below n = 368.
func TestTailsAreRefusedBelowTheNThatKnowsThem(t *testing.T) {
	q := medianTTFT
	q.Aggregate = "p99"
	var rows []*sample.Sample
	for i := range 368 {
		rows = append(rows, row(i, "a", sample.Measure, time.Duration(i+1)*time.Millisecond))
	}
	if f := ask(t, q, rows[:367]...)[0]; f.Value.OK() || !strings.Contains(f.Reason, "368") {
		t.Errorf("n = 367: %v, %q", f.Value, f.Reason)
	}
	if f := ask(t, q, rows...)[0]; !f.Value.OK() {
		t.Errorf("n = 368: refused with %q", f.Reason)
	}
}

func TestOnlyRowsThatCount(t *testing.T) {
	old, retried := row(0, "a", sample.Measure, time.Hour), row(1, "a", sample.Measure, time.Hour)
	old.Superseded, retried.Final = true, false
	f := ask(t, medianTTFT, old, retried, row(2, "a", sample.Measure, time.Second))[0]
	if v, _ := f.Value.Get(); v != 1 || f.Planned != 1 {
		t.Errorf("value %v of %d rows", v, f.Planned)
	}
}

func TestSyntheticAndSimulatedAreSaid(t *testing.T) {
	s := row(0, "a", sample.Measure, time.Second)
	s.Synthetic, s.Provenance = true, sample.Simulated
	text := strings.Join(ask(t, medianTTFT, s)[0].Caveats, "\n")
	if !strings.Contains(text, "synthetic") || !strings.Contains(text, "simulated") {
		t.Errorf("caveats: %q", text)
	}
}

func TestPoolingIsSaid(t *testing.T) {
	a, b := row(0, "a", sample.Measure, time.Second), row(1, "a", sample.Measure, time.Second)
	b.Config = map[string]any{"num_ctx": 2048.0}
	if text := strings.Join(ask(t, medianTTFT, a, b)[0].Caveats, "\n"); !strings.Contains(text, "pools 2 configs") {
		t.Errorf("caveats: %q", text)
	}
	q := medianTTFT
	q.By = []string{"subject", "config"}
	if text := strings.Join(ask(t, q, a, b)[0].Caveats, "\n"); strings.Contains(text, "pools") {
		t.Errorf("caveats of one configuration: %q", text)
	}
}

// The same rows in any order are the same facts, byte for byte.
func TestFactsDoNotDependOnTheOrderOfRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows []*sample.Sample
		for i := range rapid.IntRange(1, 20).Draw(t, "n") {
			ms := rapid.IntRange(1, 1000).Draw(t, "ms")
			rows = append(rows, row(i, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "s"), sample.Measure, time.Duration(ms)*time.Millisecond))
		}
		one, err := medianTTFT.Run(rows)
		if err != nil {
			t.Fatal(err)
		}
		two, err := medianTTFT.Run(rapid.Permutation(rows).Draw(t, "order"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range one {
			if one[i].ID != two[i].ID {
				t.Fatalf("%+v\n%+v", one[i], two[i])
			}
		}
	})
}

func TestMisuse(t *testing.T) {
	for _, q := range []fact.Query{
		{Metric: "speed", Aggregate: "median", Phase: sample.Measure},
		{Metric: "ttft", Aggregate: "best", Phase: sample.Measure},
		{Metric: "goodput", Aggregate: "median", Phase: sample.Measure},
		{Metric: "ttft", Aggregate: "median", Phase: sample.Measure, By: []string{"colour"}},
	} {
		if _, err := q.Run([]*sample.Sample{row(0, "a", sample.Measure, 1)}); fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func TestReadings(t *testing.T) {
	reading := func(subject, phase string, v sample.Opt[float64], reason string) *sample.Reading {
		return &sample.Reading{Run: "r", Series: "load.took", Unit: unit.Second, Value: v, Reason: reason,
			Labels: map[string]string{"subject": subject, "phase": phase}}
	}
	rows := []*sample.Reading{
		reading("a", "cold", sample.Some(2.0), ""), reading("a", "cold", sample.None[float64](), "refused"),
		reading("a", "measure", sample.Some(9.0), ""), reading("b", "cold", sample.Some(1.0), ""),
	}
	facts, err := fact.ReadingQuery{Series: "load.took", Aggregate: "median", Where: fact.Conditions{{Field: "phase", Op: "=", Value: "cold"}}, By: []string{"subject"}}.Run(rows)
	if err != nil || len(facts) != 2 {
		t.Fatalf("%v, %v", facts, err)
	}
	a := facts[0]
	if v, _ := a.Value.Get(); v != 2 || a.N != 1 || a.Planned != 2 || a.Scope["subject"] != "a" || !slices.Contains(a.Caveats, "left out: 1 × refused") {
		t.Errorf("%+v", a)
	}
}

// Law 2 for readings: a query that does not name the phase gets one fact each.
func TestReadingsOfDifferentPhasesNeverMix(t *testing.T) {
	rows := []*sample.Reading{
		{Series: "client_ttft", Unit: unit.Second, Value: sample.Some(9.0), Provenance: sample.Imported, Labels: map[string]string{"phase": "cold", "file": "a.json", "row": "1"}},
		{Series: "client_ttft", Unit: unit.Second, Value: sample.Some(1.0), Labels: map[string]string{"phase": "measure"}},
		{Series: "client_ttft", Unit: unit.Second, Value: sample.Some(2.0), Labels: map[string]string{"phase": "measure"}},
	}
	facts, err := fact.ReadingQuery{Series: "client_ttft", Aggregate: "mean"}.Run(rows)
	if err != nil || len(facts) != 2 {
		t.Fatalf("%v, %v", facts, err)
	}
	if cold, warm := facts[0], facts[1]; cold.Value.Or(0) != 9 || cold.Phase != sample.Cold || warm.Value.Or(0) != 1.5 || warm.N != 2 {
		t.Errorf("%+v", facts)
	}
	if got := facts[0].Evidence.Rows; !slices.Equal(got, []string{"/a.json#1/client_ttft"}) {
		t.Errorf("evidence %q", got)
	}
	rows[2].Unit = unit.Byte
	if _, err := (fact.ReadingQuery{Series: "client_ttft", Aggregate: "mean"}).Run(rows); err == nil || !strings.Contains(err.Error(), `"s" and "B"`) {
		t.Errorf("two units: %v", err)
	}
}

func TestReadingsAreFoundByLabelAndKind(t *testing.T) {
	where, err := fact.ParseLabels("kind=backend,batch_size>=2, device != cpu")
	if err != nil {
		t.Fatal(err)
	}
	row := func(kind, batch, device string) *sample.Reading {
		return &sample.Reading{Run: "r", Kind: kind, Series: "mean_time", Value: sample.Some(1.0), Labels: map[string]string{"batch_size": batch, "device": device}}
	}
	rows := []*sample.Reading{row("backend", "4", "cuda"), row("backend", "1", "cuda"), row("backend", "4", "cpu"), row("kernel", "4", "cuda")}
	facts, err := fact.ReadingQuery{Series: "mean_time", Aggregate: "median", Where: where, By: []string{"kind", "run"}}.Run(rows)
	if err != nil || len(facts) != 1 || facts[0].N != 1 || facts[0].Scope["kind"] != "backend" || facts[0].Scope["run"] != "r" {
		t.Errorf("%+v, %v", facts, err)
	}
	facts, err = fact.ReadingQuery{Series: "mean_time", Aggregate: "median", By: []string{"kind"}}.Run(rows)
	if err != nil || len(facts) != 2 {
		t.Fatalf("%+v, %v", facts, err)
	}
	want := []string{"pools 2 values of batch_size: add it to the scope to tell them apart", "pools 2 values of device: add it to the scope to tell them apart"}
	if got := facts[0].Caveats; !slices.Equal(got, want) {
		t.Errorf("caveats %q", got)
	}
	if _, err := fact.ParseWhere("batch_size>=2"); err == nil {
		t.Error("samples have no label batch_size")
	}
}

func TestAggregates(t *testing.T) {
	var rows []*sample.Sample
	for i, ms := range []int{1000, 2000, 3000, 4000, 5000, 9000} {
		s := row(i, "a", sample.Measure, time.Second)
		s.T.Last = sample.Some(time.Second + time.Duration(ms)*time.Millisecond)
		rows = append(rows, s) // decode rates 10, 5, 10/3, 2.5, 2, 10/9 token/s
	}
	for _, c := range []struct {
		aggregate string
		want      float64
		unit      unit.Unit
	}{
		{"min", 10.0 / 9, unit.TokenPerSecond}, {"max", 10, unit.TokenPerSecond},
		{"median", (10.0/3 + 2.5) / 2, unit.TokenPerSecond},
		{"mean", (10 + 5 + 10.0/3 + 2.5 + 2 + 10.0/9) / 6, unit.TokenPerSecond},
		{"ratio_of_sums", 60.0 / 24, unit.TokenPerSecond},
		{"sd", 3.22613, unit.TokenPerSecond}, {"cv", 0.80840, unit.Ratio},
	} {
		f := ask(t, fact.Query{Metric: "decode_rate", Aggregate: c.aggregate, Phase: sample.Measure}, rows...)[0]
		if v, ok := f.Value.Get(); !ok || v < c.want*(1-1e-4) || v > c.want*(1+1e-4) || f.Unit != c.unit {
			t.Errorf("%s = %v %s (%s), want %v %s", c.aggregate, v, f.Unit, f.Reason, c.want, c.unit)
		}
	}
	if _, err := (fact.Query{Metric: "ttft", Aggregate: "ratio_of_sums", Phase: sample.Measure}).Run(rows); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a time has no ratio of sums: %v", err)
	}
}

func TestWhere(t *testing.T) {
	a, b := row(0, "a", sample.Measure, time.Second), row(1, "b", sample.Measure, 2*time.Second)
	b.Config = map[string]any{"num_ctx": 2048.0, "kv_type": "f16"}
	for _, c := range []struct {
		where string
		n     int
	}{
		{"", 2}, {"subject=a", 1}, {"subject!=a", 1}, {"config.num_ctx>=2048", 1}, {"config.num_ctx<1024", 0},
		{"config.kv_type=f16", 1}, {"config.kv_type<3", 0}, {"subject=a,config.num_ctx=1024", 1}, {"subject=a, config.num_ctx=2048", 0},
	} {
		where, err := fact.ParseWhere(c.where)
		if err != nil {
			t.Fatalf("%q: %v", c.where, err)
		}
		n := 0
		for _, f := range ask(t, fact.Query{Metric: "ttft", Aggregate: "median", Phase: sample.Measure, By: []string{"subject"}, Where: where}, a, b) {
			n += f.N
		}
		if n != c.n {
			t.Errorf("%q keeps %d rows, want %d", c.where, n, c.n)
		}
	}
	for _, bad := range []string{"subject", "=a", "colour=red", "subject=a,,", "subject~a"} {
		if _, err := fact.ParseWhere(bad); fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseWhere(f *testing.F) {
	f.Add("subject=270m,config.num_ctx<=2048")
	f.Fuzz(func(t *testing.T, text string) {
		where, err := fact.ParseWhere(text)
		if err == nil {
			fact.Query{Metric: "ttft", Aggregate: "median", Phase: sample.Measure, Where: where}.Run([]*sample.Sample{row(0, "a", sample.Measure, 1)})
		}
	})
}
