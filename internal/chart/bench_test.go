package chart_test

import (
	"strings"
	"testing"
	"time"

	"chimera/internal/chart"
	"chimera/internal/chart/paint"
	"chimera/internal/unit"
)

// million are the figures that hold single measurements, each with 1 000 000.
func million() []example {
	const n = 1_000_000
	points := around(99, n, 1, .5)
	calls := make([]chart.Call, n)
	for i, v := range points {
		calls[i] = chart.Call{At: float64(i), V: v, Cold: i%997 == 0}
		if i%1009 == 0 {
			calls[i] = chart.Call{At: float64(i), Failed: "timed out"}
		}
	}
	spans := make([]chart.Span, n)
	moments := make([]chart.Moment, n)
	for i := range spans {
		spans[i] = chart.Span{From: float64(i), To: float64(i) + points[i], Kind: "decode"}
		moments[i] = chart.Moment{At: float64(i), Value: v(points[i], .1, 3)}
	}
	head := chart.Head{Title: "A million", Metric: "ttft", Unit: unit.Second}
	return []example{
		{"variants", chart.Variants{Head: head, Rows: []chart.Variant{{Subject: latest, Value: v(1, .1, n), Points: points}}}},
		{"distribution", chart.Distribution{Head: head, Groups: []chart.Group{{Subject: latest, Value: v(1, .1, n), Points: points}}}},
		{"ecdf", chart.ECDF{Head: head, Curves: []chart.Curve{{Subject: latest, Points: points, Band: .001}}}},
		{"run-order", chart.RunOrder{Head: head, XName: "call", Calls: calls}},
		{"timeline", chart.Timeline{Head: head, Lanes: []chart.Lane{{Subject: latest, Spans: spans}}}},
		{"stability", chart.Stability{Head: head, XName: "call", Series: []chart.Series{{Subject: latest, Moments: moments}}}},
	}
}

// TestAMillionRowsAreThinnedAndSaid: a figure stays small however much there
// is, and says what it leaves out.
func TestAMillionRowsAreThinnedAndSaid(t *testing.T) {
	for _, e := range million() {
		start := time.Now()
		d := chart.Draw(e.figure)
		page, err := d.HTML(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %v, %d bytes", e.name, time.Since(start).Round(time.Millisecond), len(page))
		if len(page) > 600_000 {
			t.Errorf("%s has %d bytes", e.name, len(page))
		}
		if !strings.Contains(d.Caption(), "left out") {
			t.Errorf("%s does not say what it leaves out: %s", e.name, d.Caption())
		}
	}
}

func BenchmarkLayout(b *testing.B) {
	for _, e := range examples() {
		b.Run(e.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				chart.Draw(e.figure)
			}
		})
	}
}

func BenchmarkSVG(b *testing.B) {
	for _, e := range examples() {
		b.Run(e.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				svg(b, chart.Draw(e.figure), chart.Light)
			}
		})
	}
}

func BenchmarkPaint(b *testing.B) {
	for _, e := range examples() {
		still := svg(b, chart.Draw(e.figure), chart.Light)
		b.Run(e.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := paint.SVG(still, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMillion(b *testing.B) {
	for _, e := range million() {
		b.Run(e.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				svg(b, chart.Draw(e.figure), chart.Light)
			}
		})
	}
}
