package chart_test

import (
	"chimera/internal/chart"
	"chimera/internal/unit"
)

func planned(v chart.Value, n int) chart.Value { v.Planned = n; return v }

func parameters() []example {
	ctx, gpu := []string{"1024", "2048", "4096"}, []string{"0", "6", "12", "18"}
	one := 1.0
	grid := [][]chart.Value{
		{planned(v(95, 2, 3), 3), planned(v(141, 3, 3), 3), planned(v(202, 4, 3), 3), planned(v(291, 6, 3), 3)},
		{planned(v(93, 3, 3), 3), missing("timed out after 120 s (3 of 3)"), planned(v(198, 5, 3), 3), planned(v(297, 8, 3), 3)},
		{planned(v(88, 2, 3), 3), planned(v(133, 30, 1), 3), planned(v(190, 4, 3), 3), planned(v(294, 5, 3), 3)},
	}
	grid[2][1].Lo, grid[2][1].Hi = 0, 0
	return []example{
		{"heat-map", chart.HeatMap{
			Head: chart.Head{ID: "heat-map", Title: "270m gains with every layer on the GPU; context costs it little",
				Caption: "Full grid, 3 blocks, warm calls.", Metric: "decode_rate", Aggregate: "median", Unit: unit.TokenPerSecond, Interval: "95 % bootstrap interval"},
			XName: "num_gpu (effective layers)", YName: "num_ctx", X: gpu, Y: ctx, Cells: grid,
		}},
		{"backends", chart.HeatMap{
			Head: chart.Head{ID: "backends", Title: "Compilation pays for the small model alone; two backends are not there",
				Caption: "Speedup against eager in the same file, batch 1, CUDA.", Metric: "speedup", Aggregate: "median", Unit: unit.Ratio, Interval: "95 % bootstrap interval of the ratio"},
			XName: "backend", YName: "model", X: []string{"jit", "torch_compile", "onnx (CPU)", "tensorrt"}, Y: []string{"mlp-small", "attention", "conv"},
			Neutral: &one,
			Cells: [][]chart.Value{
				{v(1.31, .05, 50), v(2.12, .21, 50), v(.42, .03, 50), missing("torch_tensorrt is not installed")},
				{v(1.02, .04, 50), missing("no triton on Windows"), v(.09, .01, 50), missing("torch_tensorrt is not installed")},
				{v(.97, .02, 50), missing("wrong results: max error 0.3 against eager"), v(.2, .02, 50), v(1.8, .1, 50)},
			},
		}},
		{"surface", chart.Surface{
			Head: chart.Head{ID: "surface", Title: "The rate climbs with layers on the GPU and hardly sinks with context",
				Caption: "The cells of the heat map.", Metric: "decode_rate", Aggregate: "median", Unit: unit.TokenPerSecond, Interval: "95 % bootstrap interval"},
			XName: "num_gpu", YName: "num_ctx", X: gpu, Y: ctx, Cells: grid,
		}},
		{"sensitivity", chart.Tornado{
			Head: chart.Head{ID: "sensitivity", Title: "Only num_gpu moves the decode rate more than chance would",
				Caption: "Means over randomised blocks; log scale model with blocks.", Metric: "decode_rate", Aggregate: "mean", Unit: unit.Ratio, Interval: "95 % interval, Tukey"},
			Factors: []chart.Sensitivity{
				{Factor: "temperature", Low: chart.Level{Name: "0.8", Effect: v(-.004, .008, 12)}, High: chart.Level{Name: "0.2", Effect: v(.005, .008, 12)}, Null: .02},
				{Factor: "num_gpu", Low: chart.Level{Name: "0 layers", Effect: v(-.52, .01, 9)}, High: chart.Level{Name: "18 layers", Effect: v(.48, .012, 9)}, Null: .02},
				{Factor: "num_ctx", Low: chart.Level{Name: "4096", Effect: v(-.06, .03, 12)}, High: chart.Level{Name: "1024", Effect: v(.045, .03, 12)}, Null: .12},
				{Factor: "num_thread", Missing: "one effective level: aliases"},
			},
		}},
		{"interaction", chart.Interaction{
			Head: chart.Head{ID: "interaction", Title: "More context slows the partly offloaded model, not the whole one",
				Caption: "Warm calls, 3 blocks.", Metric: "decode_rate", Aggregate: "mean", Unit: unit.TokenPerSecond, Interval: "95 % t interval"},
			XName: "num_ctx", X: []string{"1024", "2048", "4096", "8192"},
			Lines: []chart.Line{
				{Subject: chart.Subject{Name: "num_gpu 18", Slot: 0}, Values: []chart.Value{v(291, 6, 3), v(294, 8, 3), v(293, 5, 3), v(290, 7, 3)}},
				{Subject: chart.Subject{Name: "num_gpu 12", Slot: 1}, Values: []chart.Value{v(202, 5, 3), v(198, 9, 3), missing("out of memory"), v(165, 12, 3)}},
				{Subject: chart.Subject{Name: "num_gpu 6", Slot: 2}, Values: []chart.Value{v(141, 5, 3), v(134, 4, 3), v(120, 6, 3), v(101, 8, 3)}},
			},
		}},
		{"stability", stability()},
	}
}

func stability() chart.Figure {
	course := func(seed uint64, centre, spread float64) []chart.Moment {
		r := noise(seed)
		var all []chart.Moment
		for i := range 24 {
			m := chart.Moment{At: float64(i + 1), Value: v(centre+spread*r.next()-float64(i)*spread/8, spread*(.9+r.next()/3), 12)}
			if i == 14 && seed == 11 {
				m.Value = missing("the server restarted")
			}
			all = append(all, m)
		}
		return all
	}
	return chart.Stability{
		Head: chart.Head{ID: "stability", Title: "latest is steady; 1b-it-qat slows down by 3 % within the hour",
			Caption: "Medians of 12 calls in each block.", Metric: "decode_rate", Aggregate: "median", Unit: unit.TokenPerSecond, Interval: "95 % bootstrap interval"},
		XName:  "block",
		Series: []chart.Series{{Subject: latest, Moments: course(10, 102, .9)}, {Subject: qat, Moments: course(11, 184, 2)}},
	}
}
