package chart_test

import (
	"context"
	"fmt"
	"strings"

	"chimera/internal/chart"
	"chimera/internal/unit"
)

// A figure is plain data; its drawing has every form, and its words.
func ExampleDraw() {
	d := chart.Draw(chart.Variants{
		Head: chart.Head{
			ID: "throughput", Title: "270m decodes 2.9× as fast as latest", Caption: "Warm prompts of one run.",
			Metric: "decode_rate", Aggregate: "mean", Unit: unit.TokenPerSecond, Interval: "95 % t interval",
		},
		FromZero: true,
		Rows: []chart.Variant{
			{Subject: chart.Subject{Name: "latest", Slot: 0}, Value: chart.Value{V: 102.49, Lo: 101.3, Hi: 103.7, N: 4}},
			{Subject: chart.Subject{Name: "270m", Slot: 1}, Value: chart.Value{V: 294.89, Lo: 288.4, Hi: 301.4, N: 4, Planned: 5}},
			{Subject: chart.Subject{Name: "4b", Slot: 2}, Value: chart.Value{Missing: "did not load"}},
		},
	})
	svg, err := d.SVG(context.Background(), chart.Dark)
	fmt.Println(strings.HasPrefix(string(svg), "<svg "), err)
	fmt.Println(d.Alt())
	// Output:
	// true <nil>
	// 270m decodes 2.9× as fast as latest
	// latest, token/s 102.5 [101.3, 103.7], n 4
	// 270m, token/s 294.9 [288.4, 301.4], n 4 of 5
	// 4b, token/s –, n 0, remark did not load
	// Warm prompts of one run. Thick lines: 95 % t interval. Hatched grey: did not load.
}

func ExampleDraw_nothing() {
	d := chart.Draw(chart.ECDF{Head: chart.Head{Title: "Time to first token", Empty: "the run has no streamed calls"}})
	fmt.Println(d.Alt())
	// Output:
	// Time to first token
	// No data: the run has no streamed calls
}
