package chart_test

import (
	"chimera/internal/chart"
	"chimera/internal/unit"
)

func lab() []example {
	return []example{
		{"quantization", quantization()},
		{"size", chart.Waterfall{
			Head: chart.Head{ID: "size", Title: "Q4_K saves 2.2 GB of 3.3 GB; the table of embeddings stays",
				Caption: "Bytes of the files' tensors.", Metric: "file size", Unit: unit.Byte},
			From: "F16", To: "Q4_K", Start: v(3.3e9, 0, 1), End: v(1.08e9, 0, 1),
			Steps: []chart.Step{{Name: "attention", Delta: v(-.7e9, 0, 1)}, {Name: "MLP", Delta: v(-1.4e9, 0, 1)}, {Name: "embeddings", Delta: v(-.2e9, 0, 1)}, {Name: "scales", Delta: v(.08e9, 0, 1)}},
		}},
		{"fusion", chart.Speedups{
			Head: chart.Head{ID: "fusion", Title: "Fusion gains 1.3×; a mean with one cold call would have said 21×",
				Caption: "Separate against fused kernels, 30 calls each, alternating.", Metric: "speedup", Unit: unit.Ratio, Interval: "95 % bootstrap interval of the ratio"},
			By: []string{"minimum", "median", "mean"},
			Rows: []chart.Speedup{
				{Name: "softmax + mask", Values: []chart.Value{v(1.29, .04, 30), v(1.31, .06, 30), v(20.8, 17, 30)}, Note: "the first of 30 separate calls took 600 times the median"},
				{Name: "norm + matmul", Values: []chart.Value{v(1.08, .03, 30), v(1.07, .05, 30), v(1.06, .09, 30)}},
				{Name: "rope + attention", Values: []chart.Value{missing("accuracy check failed: max error 0.02"), missing("accuracy check failed: max error 0.02"), missing("accuracy check failed: max error 0.02")}},
			},
		}},
		{"kernels", chart.Kernels{
			Head: chart.Head{ID: "kernels", Title: "Assembly doubles the rate of plain Go in every shape",
				Caption: "One thread, 20 repeats, alternating.", Metric: "rate", Aggregate: "median", Unit: unit.FlopPerSecond, Interval: "95 % interval"},
			Shapes:   []string{"512 × 512 × 512", "4096 × 1 × 4096"},
			Subjects: []chart.Subject{{Name: "naive", Slot: 0}, {Name: "tiled", Slot: 1}, {Name: "AVX-512", Slot: 2}, {Name: "BLAS", Slot: 3}},
			Values: [][]chart.Value{
				{v(1.4e9, .2e9, 20), v(4.6e9, .3e9, 20), v(118e9, 3e9, 20), v(116e9, 5e9, 20)},
				{v(1.1e9, .1e9, 20), v(2.2e9, .3e9, 20), v(9.6e9, .8e9, 20), missing("accuracy check failed: max error 0.4")},
			},
		}},
		{"roofline", chart.Roofline{
			Head:       chart.Head{ID: "roofline", Title: "Decoding is bound by memory, prefill by arithmetic", Caption: "Limits measured on this machine: triad and FMA loops.", Metric: "rate", Interval: "95 % interval"},
			Peaks:      []chart.Ceiling{{Name: "AVX-512 FMA", Value: v(240e9, 4e9, 10)}, {Name: "scalar", Value: v(6e9, .2e9, 10)}},
			Bandwidths: []chart.Ceiling{{Name: "memory", Value: v(21e9, 1e9, 10)}, {Name: "two channels (specified)", Value: missing("not measured")}},
			Points: []chart.Intensity{
				{Subject: chart.Subject{Name: "decode, F16", Slot: 0}, FlopsPerByte: 1, Rate: v(17e9, 1.4e9, 20)},
				{Subject: chart.Subject{Name: "decode, Q4_0", Slot: 1}, FlopsPerByte: 3.55, Rate: v(44e9, 4e9, 20)},
				{Subject: chart.Subject{Name: "prefill 512", Slot: 2}, FlopsPerByte: 170, Rate: v(170e9, 9e9, 20)},
				{Subject: chart.Subject{Name: "naive matmul", Slot: 3}, FlopsPerByte: 40, Rate: v(1.4e9, .1e9, 20)},
			},
		}},
		{"break-even", chart.BreakEven{
			Head: chart.Head{ID: "break-even", Title: "torch_compile pays after 9 000 calls; onnx never does",
				Caption: "Batch 1; setup is compilation and the first call.", Interval: "95 % bootstrap interval"},
			Backends: []chart.Backend{
				{Subject: chart.Subject{Name: "eager", Slot: 0}, PerCall: v(1.9e-3, .1e-3, 50), Baseline: true},
				{Subject: chart.Subject{Name: "jit", Slot: 1}, Setup: v(.8, .1, 3), PerCall: v(1.5e-3, .1e-3, 50), Calls: v(2000, 700, 50)},
				{Subject: chart.Subject{Name: "torch_compile", Slot: 2}, Setup: v(9.4, .6, 3), PerCall: v(.86e-3, .05e-3, 50), Calls: v(9038, 900, 50)},
				{Subject: chart.Subject{Name: "onnx", Slot: 3}, Setup: v(2.2, .1, 3), PerCall: v(4.4e-3, .2e-3, 50), Calls: missing("never: each call is slower")},
				{Subject: chart.Subject{Name: "tensorrt", Slot: 4}, Setup: missing("torch_tensorrt is not installed"), PerCall: missing("torch_tensorrt is not installed")},
			},
		}},
		{"timeline", chart.Timeline{
			Head: chart.Head{ID: "timeline", Title: "Two agents overlap for half of the time, and each is slower for it",
				Caption: "One run; one server with two slots.", Interval: "range over 5 runs"},
			Overlap: v(.56, .03, 5),
			Lanes: []chart.Lane{
				{Subject: chart.Subject{Name: "baseline agent", Slot: 0}, Spans: []chart.Span{{From: 0, To: 1.2, Kind: "prefill"}, {From: 1.2, To: 11.4, Kind: "decode", Label: "analysis"}, {From: 12, To: 12.9, Kind: "prefill"}, {From: 12.9, To: 27.3, Kind: "decode", Label: "report"}}},
				{Subject: chart.Subject{Name: "chimera agent", Slot: 1}, Spans: []chart.Span{{From: 6.5, To: 7.9, Kind: "prefill"}, {From: 7.9, To: 21.5, Kind: "decode", Label: "analysis"}, {From: 22, To: 29, Kind: "decode", Label: "report", Failed: "the stream ended without its final record"}}},
				{Subject: chart.Subject{Name: "judge", Slot: 2}, Missing: "did not start: an agent failed"},
			},
		}},
	}
}

func quantization() chart.Figure {
	row := func(name string, slot int, loss, size, tpot chart.Value) chart.PanelRow {
		return chart.PanelRow{Subject: chart.Subject{Name: name, Slot: slot}, Values: []chart.Value{loss, size, tpot}}
	}
	return chart.Panels{
		Head: chart.Head{ID: "quantization", Title: "Q5_K halves F16 twice over at a loss that cannot be seen",
			Caption: "gemma3 270m; loss over 400 windows, latency on two threads.", Interval: "95 % intervals"},
		Columns: []chart.Axis{{Name: "perplexity, relative to F16", Unit: unit.Ratio, Better: -1}, {Name: "file size", Unit: unit.Byte, Better: -1}, {Name: "tpot (median)", Unit: unit.SecondPerToken, Better: -1}},
		Rows: []chart.PanelRow{
			row("F16", 7, v(0, 0, 400), v(541e6, 0, 1), v(.052, .002, 20)),
			row("Q8_0", 0, v(.002, .003, 400), v(292e6, 0, 1), v(.026, .001, 20)),
			row("Q5_K", 2, v(.012, .006, 400), v(205e6, 0, 1), v(.021, .001, 20)),
			row("Q4_0", 3, v(.041, .009, 400), v(178e6, 0, 1), v(.0175, .001, 20)),
			row("Q2_K", 5, v(.19, .02, 400), v(121e6, 0, 1), missing("degenerate output")),
		},
	}
}
