package audit_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"chimera/internal/audit"
	"chimera/internal/fact"
	"chimera/internal/sample"
)

// largeLedger has 100,000 facts: the values of one metric, one per row, of 20
// subjects with 100 configurations each.
func largeLedger() *fact.Ledger {
	r := rand.New(rand.NewPCG(1, 1))
	var samples []*sample.Sample
	for i := range 100_000 {
		rate, start := 20+float64(i%20)*5+r.Float64(), float64(i)
		at := func(seconds float64) sample.Opt[time.Duration] {
			return sample.Some(time.Duration(seconds * 1e9))
		}
		s := &sample.Sample{Schema: 1, Run: "b", Trial: fmt.Sprintf("t%d", i), Experiment: "sweep", Subject: fmt.Sprintf("subject%c", 'a'+i%20), Target: "box", Workload: "words", Prompt: "words/1",
			Config: map[string]any{"num_ctx": float64(1024 * (1 + i/20%10)), "num_gpu": float64(10 * (1 + i/200%10))}, Order: i, Phase: sample.Measure, Provenance: sample.Measured, Final: true}
		s.Outcome, s.Tokens = sample.OK, sample.Tokens{Output: sample.Some(65), Source: sample.FromServer}
		s.T = sample.Timeline{Send: at(start), First: at(start + 0.1), Last: at(start + 0.1 + 64/rate), End: at(start + 5)}
		samples = append(samples, s)
	}
	return fact.NewLedger(fact.RunRows{Manifest: sample.Manifest{Run: "b", Clock: sample.Clock{Origin: time.Unix(1.7e9, 0).UTC(), Source: "monotonic"}}, Samples: samples})
}

// largeReport is 1 MB of claims: values, settings, ranks and words.
func largeReport() string {
	var b strings.Builder
	for i := 0; b.Len() < 1<<20; i++ {
		s := fmt.Sprintf("subject%c", 'a'+i%20)
		fmt.Fprintf(&b, "## Part %d\n\nThe median decode rate of %s is %d.%d tok/s. With num_ctx=%d its mean TTFT is %d.%d ms, and %s has the highest decode rate.\nIt is %d.%d× as fast as subject%c in decode rate, which holds for all.\n\n", i, s, 20+i%90, i%10, 1024*(1+i%10), 90+i%20, i%10, s, 1+i%4, i%10, 'a'+(i+7)%20)
		fmt.Fprintf(&b, "| variant | num_ctx | median decode rate (tok/s) |\n|---|--:|--:|\n| %s | %d | %d.%d |\n\n", s, 1024*(1+i%10), 20+i%90, i%10)
	}
	return b.String()
}

// A report of 1 MB against 100,000 facts.
func BenchmarkAudit(b *testing.B) {
	a := audit.New(largeLedger())
	text := largeReport()
	b.ReportAllocs()
	for b.Loop() {
		r, err := auditText(a, text)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(r.Claims)), "claims")
	}
}
