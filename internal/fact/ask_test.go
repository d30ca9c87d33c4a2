package fact_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A ledger answers a question as its samples do: whoever holds a fact's id can
// ask for it again, from the run or from ledger.json.
func TestLedgerAnswersAsItsSamplesDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := anySamples(t)
		manifest := sample.Manifest{Run: "r1", Clock: sample.Clock{Origin: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)}}
		l := fact.NewLedger(fact.RunRows{Manifest: manifest, Samples: rows})
		if rapid.Bool().Draw(t, "stored") {
			var file bytes.Buffer
			if err := l.Write(&file); err != nil {
				t.Fatal(err)
			}
			var err error
			if l, err = fact.ReadLedger(&file); err != nil {
				t.Fatal(err)
			}
		}
		q := fact.Query{Metric: rapid.SampledFrom([]string{"ttft", "decode_rate", "load_time", "output_tokens"}).Draw(t, "metric"),
			Aggregate: rapid.SampledFrom([]string{"median", "mean", "p99", "cv", "max"}).Draw(t, "aggregate"), Phase: rapid.SampledFrom([]sample.Phase{sample.Measure, sample.Cold}).Draw(t, "phase"),
			By: rapid.SampledFrom([][]string{nil, {"subject"}, {"config", "block"}, {"config.num_ctx"}}).Draw(t, "by")}
		if rapid.Bool().Draw(t, "where") {
			q.Where = fact.Conditions{{Field: "config.num_ctx", Op: "<=", Value: "2048"}}
		}
		want, err := q.Run(rows)
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Query(q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
			t.Errorf("%+v:\n%s", q, diff)
		}
	})
}

func anySamples(t *rapid.T) []*sample.Sample {
	var rows []*sample.Sample
	for i := range rapid.IntRange(0, 40).Draw(t, "rows") {
		s := &sample.Sample{Run: "r1", Trial: fmt.Sprintf("t/%d", i), Order: i, Experiment: "e", Subject: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "subject"), Workload: "w", Prompt: "p",
			Block: i % 12, Phase: rapid.SampledFrom([]sample.Phase{sample.Measure, sample.Measure, sample.Cold, sample.Warmup}).Draw(t, "phase"), Final: rapid.IntRange(0, 9).Draw(t, "final") > 0,
			Superseded: rapid.IntRange(0, 9).Draw(t, "superseded") == 0, Synthetic: rapid.Bool().Draw(t, "synthetic")}
		s.Outcome = sample.OK
		if rapid.Bool().Draw(t, "ctx") {
			s.Config = map[string]any{"num_ctx": rapid.SampledFrom([]float64{1024, 2048, 4096}).Draw(t, "ctx")}
		}
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			s.Outcome, s.Failure = sample.Timeout, &sample.Failure{Class: sample.ClassTimeout, Message: "late"}
		case 1: // no chunk was seen
			s.Times.Load = sample.Some(time.Duration(rapid.IntRange(1, 1e9).Draw(t, "load")))
		default:
			s.T.Send, s.T.First = sample.Some(time.Duration(0)), sample.Some(time.Duration(rapid.IntRange(1, 1e9).Draw(t, "first")))
			s.T.Last = sample.Some(s.T.First.Or(0) + time.Duration(rapid.IntRange(1, 1e9).Draw(t, "decode")))
			s.Tokens.Output = sample.Some(rapid.IntRange(2, 100).Draw(t, "tokens"))
		}
		rows = append(rows, s)
	}
	return rows
}

func TestLedgerAnswersOnReadingsAsTheyDo(t *testing.T) {
	rows := fact.RunRows{Manifest: sample.Manifest{Run: "r1", Clock: sample.Clock{Origin: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)}}, Imported: true}
	for i, device := range []string{"cpu", "cuda", "cpu", "cuda", "cpu"} {
		r := &sample.Reading{Run: "r1", Kind: "backend", Series: "mean_time", Unit: unit.Second, Value: sample.Some(float64(i + 1)), Provenance: sample.Imported,
			Labels: map[string]string{"file": "b.json", "row": fmt.Sprint(i + 1), "device": device}}
		if i == 3 {
			r.Value, r.Reason = sample.None[float64](), "it crashed"
		}
		rows.Readings = append(rows.Readings, r)
	}
	rows.Readings = append(rows.Readings, &sample.Reading{Run: "r1", Kind: fact.KindClaim, Series: "mean_time", Unit: unit.Second, Value: sample.Some(99.0), Provenance: sample.Imported, Labels: map[string]string{"file": "c.json", "row": "1"}})
	q := fact.ReadingQuery{Series: "mean_time", Aggregate: "mean", By: []string{"device"}, Where: fact.Conditions{{Field: "kind", Op: "!=", Value: fact.KindClaim}}}
	want, err := q.Run(rows.Readings)
	if err != nil {
		t.Fatal(err)
	}
	l := fact.NewLedger(rows)
	got, err := l.Readings(q)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
		t.Error(diff)
	}
	q.Where = fact.Conditions{{Field: "kind", Op: "=", Value: fact.KindClaim}}
	got, err = l.Readings(q)
	if err != nil || len(got) != 1 || got[0].Value.Or(0) != 99 || got[0].Caveats[len(got[0].Caveats)-1] != fact.ClaimCaveat {
		t.Errorf("claims that were asked for: %v %+v", err, got)
	}
}

// Ledgers of a run, an import and a file stand together; a run that two of them
// have counts once.
func TestLedgersJoin(t *testing.T) {
	own := fact.RunRows{Manifest: sample.Manifest{Run: "own"}}
	for i := range 6 {
		s := &sample.Sample{Run: "own", Trial: fmt.Sprintf("t/%d", i), Order: i, Subject: "a", Phase: sample.Measure, Final: true}
		s.Outcome = sample.OK
		s.T.Send, s.T.First = sample.Some(time.Duration(0)), sample.Some(time.Duration(i+1)*time.Second)
		own.Samples = append(own.Samples, s)
	}
	imported := ledgerRows()
	var file bytes.Buffer
	if err := fact.NewLedger(imported).Write(&file); err != nil {
		t.Fatal(err)
	}
	stored, err := fact.ReadLedger(&file)
	if err != nil {
		t.Fatal(err)
	}
	both := fact.NewLedger(own, imported)
	joined := fact.Join(fact.NewLedger(own), stored, both)
	if len(joined.Rows) != len(both.Rows) || len(joined.Inventory.Runs) != 2 || joined.Inventory.Outcomes[sample.OK] != both.Inventory.Outcomes[sample.OK] {
		t.Errorf("%d rows of %d runs, want %d of 2", len(joined.Rows), len(joined.Inventory.Runs), len(both.Rows))
	}
	for _, metric := range []string{"ttft", "load_time"} {
		q := fact.Query{Metric: metric, Aggregate: "mean", Phase: sample.Measure, By: []string{"run"}}
		want, err := q.Run(append(own.Samples, imported.Samples...))
		if err != nil {
			t.Fatal(err)
		}
		got, err := joined.Query(q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
			t.Errorf("%s:\n%s", metric, diff)
		}
	}
}

// Scores of text are kept without the text, and give the same facts.
func TestLedgerAnswersOnTextsAsTheyDo(t *testing.T) {
	rows := []*sample.Sample{
		said(t, 0, "a", "flag", "The flag is ours!"), said(t, 1, "a", "flag", "We hold the flag."), said(t, 2, "a", "flag", "The flag is ours!"),
		said(t, 3, "a", "chest", "Gold"), said(t, 4, "b", "chest", "A\nchest\nopens"), said(t, 5, "a", "chest", "A golden chest at last!"),
		said(t, 6, "b", "flag", ""), row(7, "b", sample.Measure, time.Second),
	}
	rows[6].Outcome = sample.Degenerate
	l := fact.NewLedger(fact.RunRows{Manifest: *asking(t), Samples: rows})
	for _, name := range []string{"quality_contract", "quality_instructions", "quality_words", "quality_relevance", "quality_loop"} {
		for _, aggregate := range []string{"", "max", "median"} {
			for _, by := range [][]string{nil, {"prompt"}} {
				q := of(name, by...)
				q.Aggregate = aggregate
				want, err := q.Run(rows)
				if err != nil {
					t.Fatal(err)
				}
				got, err := l.Query(q)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
					t.Errorf("%s %s by %v:\n%s", aggregate, name, by, diff)
				}
			}
		}
	}
}
