package chart_test

import (
	"fmt"

	"chimera/internal/chart"
	"chimera/internal/unit"
)

func courses() []example {
	big := chart.Subject{Name: "4b-it-fp16", Slot: 3}
	return []example{
		{"run-order", runOrder()},
		{"ecdf", chart.ECDF{
			Head: chart.Head{ID: "ecdf", Title: "One call in six of 1b-it-qat never answers; of those that do, half within 0.1 s",
				Caption: "All warm calls of the sweep.", Metric: "ttft", Unit: unit.Second, Interval: "95 % band (Dvoretzky, Kiefer, Wolfowitz)"},
			Curves: []chart.Curve{
				{Subject: latest, Points: around(21, 60, .136, .04), Band: .175},
				{Subject: small, Points: around(22, 60, .073, .03), Band: .175},
				{Subject: qat, Points: around(23, 50, .1, .05), Failed: 10, Band: .175},
				{Subject: big, Missing: "did not load"},
			},
		}},
		{"efficiency", chart.TradeOff{
			Head: chart.Head{ID: "efficiency", Title: "270m gives the most tokens for each gigabyte",
				Caption: "Warm calls; memory is the largest resident size during the run.", Interval: "95 % t intervals"},
			X: chart.Axis{Name: "file size", Unit: unit.Byte, Better: -1}, Y: chart.Axis{Name: "decode_rate (mean)", Unit: unit.TokenPerSecond, Better: 1},
			Size: chart.Axis{Name: "vram_bytes (max)", Unit: unit.Byte},
			Options: []chart.Option{
				{Subject: latest, X: v(3.3e9, 0, 1), Y: v(102.5, 3, 20), Size: v(5.1e9, 0, 1)},
				{Subject: small, X: v(.291e9, 0, 1), Y: v(294.9, 6.5, 20), Size: v(.9e9, 0, 1)},
				{Subject: qat, X: v(1e9, 0, 1), Y: v(183.1, 3, 20), Size: v(1.7e9, 0, 1)},
				{Subject: big, X: v(8.6e9, 0, 1), Y: missing("did not load")},
			},
		}},
		{"pareto", pareto()},
		{"choices", chart.Choices{
			Head: chart.Head{ID: "choices", Title: "Two settings of 270m cannot be told apart; the smaller context is the cheaper",
				Caption: "Each against the best of its column, 5 blocks.", Interval: "95 % intervals"},
			Columns: []chart.Axis{{Name: "decode_rate", Unit: unit.TokenPerSecond, Better: 1}, {Name: "ttft", Unit: unit.Second, Better: -1}, {Name: "vram_bytes", Unit: unit.Byte, Better: -1}},
			Rows: []chart.Choice{
				{Subject: small, Configuration: "num_gpu 18, num_ctx 1024", Values: []chart.Value{v(294.9, 6.5, 20), v(.067, .006, 20), v(.89e9, 0, 1)}, Verdict: "recommended", Recommended: true},
				{Subject: small, Configuration: "num_gpu 18, num_ctx 4096", Values: []chart.Value{v(297.2, 7, 20), v(.069, .007, 20), v(1.02e9, 0, 1)}, Verdict: "same", Recommended: true},
				{Subject: qat, Configuration: "num_gpu 26, num_ctx 2048", Values: []chart.Value{v(183.1, 2, 20), v(.106, .01, 19), v(1.7e9, 0, 1)}, Verdict: "worse"},
				{Subject: latest, Configuration: "num_gpu 34, num_ctx 2048", Values: []chart.Value{v(102.5, 1, 20), missing("cold calls only"), v(5.1e9, 0, 1)}, Verdict: "inconclusive"},
			},
		}},
		{"decision", chart.Decision{
			Head: chart.Head{ID: "decision", Title: "Choose 270m if it fits the quality you need, else 1b-it-qat",
				Caption: "Made from the findings of this run."},
			Nodes: []chart.Node{
				{ID: "q", Text: "Is quality measured?", Kind: chart.Question},
				{ID: "speed", Text: "270m decodes 2.88× as fast as latest", Note: "[2.82, 2.94], n = 20", Kind: chart.Found},
				{ID: "quality", Text: "Quality cannot be decided", Note: "not measured", Kind: chart.Refused},
				{ID: "fit", Text: "Is TTFT p95 below 300 ms?", Kind: chart.Question},
				{ID: "small", Text: "270m, num_gpu 18, num_ctx 1024", Note: "smallest of two that cannot be told apart", Kind: chart.Chosen},
				{ID: "qat", Text: "1b-it-qat, num_gpu 26", Note: "183.1 token/s [181.1, 185.1], n = 20", Kind: chart.Chosen},
				{ID: "more", Text: "Measure quality with at least 40 prompts", Kind: chart.Found},
			},
			Edges: []chart.Edge{{From: "q", To: "speed", Label: "yes"}, {From: "q", To: "quality", Label: "no"}, {From: "speed", To: "fit"}, {From: "fit", To: "small", Label: "yes"},
				{From: "fit", To: "qat", Label: "no"}, {From: "quality", To: "more"}, {From: "more", To: "q", Label: "again"}, {From: "q", To: "qat", Label: "good enough is unknown"}},
		}},
	}
}

func runOrder() chart.Figure {
	r := noise(31)
	f := chart.RunOrder{
		Head: chart.Head{ID: "run-order", Title: "All slow first tokens of 1b-it-qat are cold starts",
			Caption: "36 calls in the order they were made; the model loads again at each change of num_gpu or num_ctx.", Metric: "ttft", Unit: unit.Second},
		XName: "call",
		Drift: &chart.Drift{FromAt: 1, FromV: .09, ToAt: 36, ToV: .095, Words: "+0.1 ms per call [−0.2, +0.4]"},
	}
	for i := range 36 {
		k := chart.Call{At: float64(i + 1), V: .09 + .02*r.next()}
		if i%3 == 0 {
			k.V, k.Cold = 6.4+.1*r.next(), true
		}
		if i == 16 || i == 17 {
			k = chart.Call{At: k.At, Failed: "timed out after 120 s"}
		}
		f.Calls = append(f.Calls, k)
	}
	for i, g := range []int{999, 80, 60, 40} {
		f.Stretches = append(f.Stretches, chart.Stretch{Name: fmt.Sprintf("num_gpu %d", g), From: float64(i*9) + .5, To: float64(i*9) + 9.5})
	}
	return f
}

func pareto() chart.Figure {
	option := func(name string, slot int, rate, half, loss float64, s chart.Standing) chart.Option {
		return chart.Option{Subject: chart.Subject{Name: name, Slot: slot}, X: v(rate, half, 20), Y: v(loss, .004, 400), Standing: s}
	}
	return chart.TradeOff{
		Head: chart.Head{ID: "pareto", Title: "Four formats are on the front; Q5_0 is dominated by Q5_K",
			Caption: "Perplexity against F16 over the same 400 windows.", Interval: "95 % intervals, paired"},
		X: chart.Axis{Name: "decode_rate", Unit: unit.TokenPerSecond, Better: 1}, Y: chart.Axis{Name: "perplexity ratio to F16", Better: -1},
		Options: []chart.Option{
			option("F16", 7, 20, 1, 1, chart.Efficient), option("Q8_0", 0, 40, 1.2, 1.002, chart.Efficient), option("Q6_K", 1, 47, 6, 1.0055, chart.Tied),
			option("Q5_K", 2, 66, 2, 1.012, chart.Efficient), option("Q5_0", 3, 61, 2, 1.031, chart.Dominated), option("Q4_K", 4, 90, 3, 1.036, chart.Efficient),
			option("Q2_K", 5, 88, 4, 1.19, chart.Dominated),
		},
	}
}
