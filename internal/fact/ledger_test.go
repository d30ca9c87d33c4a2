package fact_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

func ledgerRows() fact.RunRows {
	rows := fact.RunRows{Manifest: sample.Manifest{Run: "r1", Clock: sample.Clock{Origin: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)}},
		Imported: true, Files: []fact.FileEntry{{Path: "a/x.csv", Kind: "table", Rows: 5}}}
	for i, load := range []float64{2, 0.1, 0.2, 0.3} {
		s := &sample.Sample{Run: "r1", Trial: "a/x.csv#" + string(rune('1'+i)), Experiment: "a/x.csv", Subject: "m:1b", Phase: sample.Measure, Final: true, Order: i, Config: map[string]any{"num_ctx": 1024.0}}
		if i == 0 {
			s.Phase = sample.Cold
		}
		s.Outcome, s.Tokens = sample.OK, sample.Tokens{Output: sample.Some(100)}
		s.Times = sample.ServerTimes{Load: sample.Some(time.Duration(load * 1e9)), Eval: sample.Some(time.Duration(i+1) * time.Second)}
		rows.Samples = append(rows.Samples, s)
	}
	failed := &sample.Sample{Run: "r1", Trial: "a/x.csv#5", Experiment: "a/x.csv", Subject: "m:1b", Phase: sample.Measure, Final: true, Order: 4}
	failed.Outcome, failed.Failure = sample.Timeout, &sample.Failure{Class: sample.ClassTimeout, Message: "timed out"}
	retried := &sample.Sample{Run: "r1", Trial: "a/x.csv#6", Subject: "m:1b", Phase: sample.Measure}
	retried.Outcome = sample.OK
	rows.Samples = append(rows.Samples, failed, retried)
	rows.Readings = []*sample.Reading{
		{Run: "r1", Kind: "agent", Series: "client_ttft", Unit: unit.Second, Value: sample.Some(0.5), Labels: map[string]string{"file": "a/x.csv", "row": "2", "role": "solo", "field": "ttft_ms"}, Provenance: sample.Imported},
		{Run: "r1", Kind: "telemetry", Series: "gpu.power", Unit: unit.Watt, Value: sample.Some(5.0)},
	}
	return rows
}

func one(t *testing.T, l *fact.Ledger, sel fact.Selection, agg string) fact.Fact {
	t.Helper()
	facts := slices.Collect(l.Facts(sel, agg))
	if len(facts) != 1 {
		t.Fatalf("%d facts of %+v, want 1", len(facts), sel)
	}
	return facts[0]
}

// A ledger's facts never mix phases unless they are asked to and say so; a
// failed row counts as planned.
func TestLedgerFacts(t *testing.T) {
	l := fact.NewLedger(ledgerRows())
	warm := fact.Selection{Metric: "load_time", Phases: []sample.Phase{sample.Measure}}
	f := one(t, l, warm, "mean")
	if v, _ := f.Value.Get(); math.Abs(v-0.2) > 1e-9 || f.N != 3 || f.Planned != 4 || f.Mixed() || len(f.Evidence.Rows) != 3 || f.ID == "" {
		t.Errorf("warm: %+v", f)
	}
	if !slices.ContainsFunc(f.Caveats, func(c string) bool { return strings.Contains(c, "timed out") }) {
		t.Errorf("no caveat names the failure: %v", f.Caveats)
	}
	f = one(t, l, fact.Selection{Metric: "load_time", Mixed: true}, "mean")
	if v, _ := f.Value.Get(); math.Abs(v-0.65) > 1e-9 || !f.Mixed() {
		t.Errorf("mixed: %+v", f)
	}
	if n := len(slices.Collect(l.Facts(fact.Selection{Metric: "load_time"}, "mean"))); n != 2 {
		t.Errorf("%d facts of two phases, want 2", n)
	}
	f = one(t, l, fact.Selection{Metric: "server_rate_naive", Mixed: true}, "ratio_of_sums")
	if v, _ := f.Value.Get(); v != 40 {
		t.Errorf("Σ of 400 tokens by Σ of 10 s is %v", v)
	}
	if f = one(t, l, fact.Selection{Metric: "client_ttft", Where: map[string][]string{"role": {"solo"}, "subject": {"m:1b"}}}, "mean"); f.N != 1 {
		t.Errorf("a reading of a request's row has not its labels: %+v", f)
	}
	if slices.Contains(l.Dimensions(), "field") || len(l.Values("config.num_ctx")) != 1 || l.Inventory.Outcomes[sample.Timeout] != 1 || l.Inventory.Outcomes[sample.OK] != 4 {
		t.Errorf("inventory: %v %+v", l.Dimensions(), l.Inventory)
	}
	if slices.ContainsFunc(l.Metrics(), func(s fact.Series) bool { return s.Name == "gpu.power" }) {
		t.Error("telemetry is no result")
	}
}

func TestLedgerRoundTrip(t *testing.T) {
	l := fact.NewLedger(ledgerRows())
	var b bytes.Buffer
	if err := l.Write(&b); err != nil {
		t.Fatal(err)
	}
	first := b.String()
	again, err := fact.ReadLedger(strings.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := again.Write(&b); err != nil || b.String() != first {
		t.Errorf("another time, other bytes: %v\n%s\n%s", err, first, b.String())
	}
	sel := fact.Selection{Metric: "load_time", Phases: []sample.Phase{sample.Measure}}
	if x, y := one(t, l, sel, "mean"), one(t, again, sel, "mean"); x.ID != y.ID {
		t.Errorf("a ledger that was read makes other facts: %+v, %+v", x, y)
	}
	for _, bad := range []string{"", "{}", `{"schema": 99}`, `{"schema": 1, "rows": [null]}`, "[]"} {
		if _, err := fact.ReadLedger(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is read as a ledger", bad)
		}
	}
}
