package fact_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/fact"
	"chimera/internal/metric"
	"chimera/internal/sample"

	"pgregory.net/rapid"
)

// stretches are rows by column as a store keeps them: run by run, in plan
// order, encoded and decoded, a few rows at a time.
func stretches(t testing.TB, size int, rows ...*sample.Sample) iter.Seq2[*sample.Columns, error] {
	t.Helper()
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b *sample.Sample) int {
		if a.Run != b.Run {
			return strings.Compare(a.Run, b.Run)
		}
		return a.Order - b.Order
	})
	var all []*sample.Columns
	for part := range slices.Chunk(rows, size) {
		made := &sample.Columns{}
		for _, s := range part {
			if err := made.Add(s); err != nil {
				t.Fatal(err)
			}
		}
		c, err := sample.DecodeColumns(made.Encode())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return func(yield func(*sample.Columns, error) bool) {
		for _, c := range all {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// Law: rows by column give the facts that the rows give, to the byte.
func TestColumnsGiveTheFactsOfTheirRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(drawnRow), 0, 40).Draw(rt, "rows")
		var ids []string
		for _, m := range metric.All() {
			if !(fact.Query{Metric: m.ID}).Whole() {
				ids = append(ids, m.ID)
			}
		}
		q := fact.Query{
			Metric:    rapid.SampledFrom(ids).Draw(rt, "metric"),
			Aggregate: rapid.SampledFrom(fact.Aggregates()).Draw(rt, "aggregate"),
			Phase:     rapid.SampledFrom([]sample.Phase{sample.Measure, sample.Cold}).Draw(rt, "phase"),
			By:        rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"run", "subject", "block", "config", "config.num_ctx", "nonsense"}), 0, 3, rapid.ID[string]).Draw(rt, "by"),
		}
		if rapid.Bool().Draw(rt, "where") {
			q.Where = fact.Conditions{{Field: "block", Op: "<", Value: "2"}}
		}
		want, wantErr := q.Run(rows)
		got, err := q.Columns(stretches(t, rapid.IntRange(1, 20).Draw(rt, "size"), rows...))
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("%v, want %v", err, wantErr)
		}
		a, errA := json.Marshal(want)
		b, errB := json.Marshal(got)
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Fatalf("%v, %v\n rows:    %s\n columns: %s", errA, errB, a, b)
		}
	})
}

// drawnRow has any of the parts that a metric or a scope looks at.
func drawnRow(t *rapid.T) *sample.Sample {
	order := rapid.IntRange(0, 1000).Draw(t, "order")
	s := &sample.Sample{Schema: sample.Schema, Run: rapid.SampledFrom([]string{"r1", "r2"}).Draw(t, "run"), Trial: fmt.Sprint("t/", order), Experiment: "e",
		Subject: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "subject"), Target: "box", Workload: "w", Prompt: "w/p", Order: order, Block: order % 3,
		Config: rapid.SampledFrom([]map[string]any{{}, {"num_ctx": 1024.0}, {"num_ctx": 2048.0, "kv": "q8"}}).Draw(t, "config"),
		Phase:  rapid.SampledFrom([]sample.Phase{sample.Measure, sample.Cold, sample.Warmup}).Draw(t, "phase"),
		Final:  rapid.IntRange(0, 9).Draw(t, "final") > 0, Superseded: false, Provenance: sample.Measured, Synthetic: rapid.Bool().Draw(t, "synthetic")}
	if rapid.Bool().Draw(t, "simulated") {
		s.Provenance = sample.Simulated
	}
	s.Outcome = sample.OK
	if rapid.IntRange(0, 4).Draw(t, "fails") == 0 {
		s.Outcome, s.Failure = sample.Timeout, &sample.Failure{Class: sample.ClassTimeout, Message: "late"}
	}
	at := time.Duration(rapid.IntRange(0, 1e9).Draw(t, "send"))
	for _, d := range []*sample.Opt[time.Duration]{&s.T.Sched, &s.T.Send, &s.T.Headers, &s.T.First, &s.T.Last, &s.T.End,
		&s.Times.Load, &s.Times.PromptEval, &s.Times.Eval, &s.Times.Total} {
		at += time.Duration(rapid.IntRange(0, 1e9).Draw(t, "later"))
		if rapid.IntRange(0, 4).Draw(t, "there") > 0 {
			*d = sample.Some(at)
		}
	}
	for _, n := range []*sample.Opt[int]{&s.Tokens.Prompt, &s.Tokens.Cached, &s.Tokens.Output, &s.Times.EvalSteps} {
		if rapid.IntRange(0, 4).Draw(t, "counted") > 0 {
			*n = sample.Some(rapid.IntRange(0, 300).Draw(t, "count"))
		}
	}
	s.Chunks = []sample.Chunk{{At: at, Chars: 3, Kind: sample.Content}}
	s.SetText("an answer")
	return s
}

// TestChunkMetricsAreAskedOfWholeRows: what columns leave out must not be asked
// of them.
func TestChunkMetricsAreAskedOfWholeRows(t *testing.T) {
	for id, want := range map[string]bool{"icl": true, "ttfc": true, "tokens_per_chunk": true, "ttft": false, "decode_rate": false, "no such metric": false} {
		if got := (fact.Query{Metric: id}).Whole(); got != want {
			t.Errorf("%s: %t", id, got)
		}
	}
}

// BenchmarkColumns is a question about a million rows by column, of two
// subjects, nine configurations and twenty blocks.
func BenchmarkColumns(b *testing.B) {
	const n = 1_000_000
	r := rand.New(rand.NewPCG(1, 1))
	rows := make([]*sample.Sample, n)
	for i := range rows {
		first := time.Duration(i)*time.Second + time.Duration(1e8*math.Exp(0.1*r.NormFloat64()))
		s := &sample.Sample{Schema: sample.Schema, Run: "r1", Trial: fmt.Sprintf("sweep/b%d/%06d", i*20/n, i), Experiment: "sweep", Subject: []string{"a", "b"}[r.IntN(2)],
			Target: "box", Workload: "banter", Prompt: "banter/loot", Block: i * 20 / n, Order: i, Phase: sample.Measure, Provenance: sample.Measured, Final: true,
			Config: map[string]any{"num_ctx": float64(1024 * (1 + r.IntN(3))), "temperature": []float64{0.2, 0.4, 0.8}[r.IntN(3)]}}
		s.Outcome = sample.OK
		s.T.Send, s.T.First = sample.Some(time.Duration(i)*time.Second), sample.Some(first)
		rows[i] = s
	}
	parts := stretches(b, 32_768, rows...)
	for _, by := range [][]string{nil, {"subject", "config"}} {
		for _, aggregate := range []string{"mean", "median", "p95"} {
			b.Run(fmt.Sprintf("%s/by=%d", aggregate, len(by)), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					facts, err := fact.Query{Metric: "ttft", Aggregate: aggregate, Phase: sample.Measure, By: by}.Columns(parts)
					if err != nil || facts[0].Planned == 0 || !facts[0].Lo.OK() {
						b.Fatal(facts, err)
					}
				}
			})
		}
	}
}
