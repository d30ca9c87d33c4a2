package tool_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/sample"
	"chimera/internal/tool"
)

// Whatever is asked, the answer is JSON within its budget, and made of facts
// that the box remembers.
func FuzzCall(f *testing.F) {
	for _, seed := range [][2]string{{"inventory", `{"part": "labels"}`}, {"list_facts", `{"kind": "ranking", "where": ["subject=a"]}`}, {"query", `{"metric": "decode_rate", "by": ["subject", "config.num_ctx"], "where": ["block<3"]}`},
		{"compare", `{"a": ["subject=b"], "b": ["subject=a"], "metric": "decode_rate"}`}, {"plot", `{"id": "N0", "format": "svg"}`}, {"query", `{"metric": "mean_time", "by": ["backend", "kind", "run", ""]}`},
		{"query", `{"metric": "ttft", "where": ["subject!=\ud800", "=", "a==", "config.=1"]}`}, {"", `null`}} {
		f.Add(seed[0], seed[1])
	}
	s := source(f)
	limits := tool.Limits{Facts: 7, Bytes: 4096, Arguments: 1024}
	f.Fuzz(func(t *testing.T, name, arguments string) {
		b := tool.New(s, limits, nil)
		a := b.Call(t.Context(), name, json.RawMessage(arguments))
		var r reply
		if err := json.Unmarshal(a.JSON, &r); err != nil {
			t.Fatalf("no JSON: %v\n%s", err, a.JSON)
		}
		if len(a.JSON) > limits.Bytes || len(a.Facts) > limits.Facts || len(r.Facts) != len(a.Facts) || (a.Err != nil) != (r.Error != "") {
			t.Errorf("%d bytes, %d facts, %d of them in the JSON, error %v: %s", len(a.JSON), len(a.Facts), len(r.Facts), a.Err, a.JSON)
		}
		for _, x := range r.Facts {
			if given, ok := b.Fact(x.ID); !ok || given.Value.OK() != (x.Value != nil) || (x.Value == nil) != (x.NotMeasured != "") {
				t.Errorf("fact %+v", x)
			}
		}
	})
}

// big is a run of more rows than a fact names.
func big(t testing.TB, n int) *tool.Source {
	t.Helper()
	var rows []*sample.Sample
	for i := range n {
		s := &sample.Sample{Run: "r1", Trial: fmt.Sprintf("t/%06d", i), Order: i, Block: i / 8, Experiment: "e", Subject: []string{"a", "b"}[(i+i/8)%2], Target: "box", Workload: "w", Prompt: fmt.Sprintf("p%d", i%8/2),
			Phase: sample.Measure, Final: true, Provenance: sample.Measured, Config: map[string]any{"num_ctx": 1024.0}}
		s.Outcome = sample.OK
		s.T.Send, s.T.First = sample.Some(time.Duration(0)), sample.Some(100*time.Millisecond)
		rate := map[string]float64{"a": 50, "b": 75}[s.Subject] * (1 + 0.01*float64(i%7))
		s.T.Last, s.Tokens.Output = sample.Some(100*time.Millisecond+time.Duration(10/rate*float64(time.Second))), sample.Some(11)
		rows = append(rows, s)
	}
	a, err := finding.Analyze(rows, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tool.NewSource(fact.NewLedger(fact.RunRows{Manifest: sample.Manifest{Run: "r1"}, Samples: rows}), a, nil)
}

func TestFactsOfManyRowsCanBeCompared(t *testing.T) {
	b := tool.New(big(t, 2*fact.MaxRows+160), tool.Limits{}, nil)
	r, a := ask(t, b, "compare", `{"a": ["subject=b"], "b": ["subject=a"], "metric": "decode_rate"}`)
	if a.Err != nil || r.Findings[0].Verdict != "better" {
		t.Errorf("%v: %s", a.Err, a.JSON)
	}
	if f := the(t, r, "ratio"); *f.Value < 1.4 || *f.Value > 1.6 {
		t.Errorf("ratio %v, want about 1.5", *f.Value)
	}
}

func BenchmarkCall(b *testing.B) {
	s := big(b, 100_000)
	for _, c := range [][2]string{{"inventory", `{}`}, {"list_facts", `{"metric": "decode_rate"}`}, {"query", `{"metric": "decode_rate", "by": ["subject"]}`}, {"compare", `{"a": ["subject=b"], "b": ["subject=a"], "metric": "ttft"}`}} {
		b.Run(strings.ReplaceAll("tool="+c[0]+"/rows=100k", " ", ""), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if a := tool.New(s, tool.Limits{}, nil).Call(b.Context(), c[0], json.RawMessage(c[1])); a.Err != nil {
					b.Fatal(a.Err)
				}
			}
		})
	}
}
