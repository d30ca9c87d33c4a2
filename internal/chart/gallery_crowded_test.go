package chart_test

import (
	"fmt"
	"strings"

	"chimera/internal/chart"
	"chimera/internal/unit"
)

// crowded are figures with more than they were made for.
func crowded() []example {
	var subjects []chart.Subject
	var levels, names []string
	for i := range 40 {
		subjects = append(subjects, chart.Subject{Name: fmt.Sprintf("model-%d-instruct-%s", i, strings.Repeat("q", i%7)), Slot: i})
		levels = append(levels, fmt.Sprintf("%d", 256*(i+1)))
		names = append(names, fmt.Sprintf("prompt number %d with a long name", i))
	}
	r := noise(77)
	value := func(centre float64) chart.Value { return v(centre*(1+r.next()/3), centre/30, 7) }
	grid := func(rows, columns int) [][]chart.Value {
		all := make([][]chart.Value, rows)
		for i := range all {
			for j := range columns {
				all[i] = append(all[i], value(float64(20+5*i+9*j)))
				if (i*7+j)%23 == 5 {
					all[i][j] = missing("out of memory while loading the model")
				}
			}
		}
		return all
	}
	head := chart.Head{Title: "More than it was made for", Caption: "Invented.", Metric: "decode_rate", Aggregate: "median", Unit: unit.TokenPerSecond, Interval: "95 % interval"}
	var variants chart.Variants
	var groups chart.Distribution
	var trade chart.TradeOff
	var curves chart.ECDF
	var panels chart.Panels
	for i, s := range subjects {
		variants.Rows = append(variants.Rows, chart.Variant{Subject: s, Value: value(100), Points: around(uint64(i), 9, 100, 20)})
		groups.Groups = append(groups.Groups, chart.Group{Subject: s, Value: value(100), Points: around(uint64(i), 40, 100, 20)})
		trade.Options = append(trade.Options, chart.Option{Subject: s, X: value(100), Y: value(50), Size: value(4e9), Standing: chart.Standing(1 + i%3)})
		curves.Curves = append(curves.Curves, chart.Curve{Subject: s, Points: around(uint64(i), 40, 100+float64(i), 20)})
		panels.Rows = append(panels.Rows, chart.PanelRow{Subject: s, Values: []chart.Value{value(1), value(5e8), value(.02), value(3)}})
	}
	variants.Head, groups.Head, trade.Head, curves.Head, panels.Head = head, head, head, head, head
	trade.X, trade.Y, trade.Size = chart.Axis{Name: "decode_rate", Unit: unit.TokenPerSecond, Better: 1}, chart.Axis{Name: "quality", Better: 1}, chart.Axis{Name: "memory", Unit: unit.Byte}
	panels.Columns = []chart.Axis{{Name: "loss"}, {Name: "file size", Unit: unit.Byte}, {Name: "tpot", Unit: unit.SecondPerToken}, {Name: "a measure with a rather long name, as they come", Unit: unit.Joule}}
	var decision chart.Decision
	decision.Head = head
	for i := range 14 {
		decision.Nodes = append(decision.Nodes, chart.Node{ID: levels[i], Text: names[i] + " and what was found about it", Note: "n = 20", Kind: chart.NodeKind(i % 4)})
		if i > 0 {
			decision.Edges = append(decision.Edges, chart.Edge{From: levels[(i-1)/3], To: levels[i], Label: "because of that"})
		}
	}
	decision.Edges = append(decision.Edges, chart.Edge{From: levels[0], To: levels[13], Label: "straight"}, chart.Edge{From: levels[1], To: levels[12]})
	return []example{
		{"variants", variants}, {"distribution", groups}, {"trade-off", trade}, {"ecdf", curves}, {"panels", panels}, {"decision", decision},
		{"grouped", chart.Grouped{Head: head, By: "prompt", Groups: names[:20], Subjects: subjects[:5], Values: grid(20, 5)}},
		{"heat-map", chart.HeatMap{Head: head, XName: "num_ctx", YName: "prompt", X: levels, Y: names, Cells: grid(40, 40)}},
		{"heat-map-middle", chart.HeatMap{Head: head, XName: "num_ctx", YName: "prompt", X: levels[:10], Y: names[:6], Cells: grid(6, 10)}},
		{"surface", chart.Surface{Head: head, XName: "num_ctx", YName: "prompt", X: levels[:16], Y: levels[:12], Cells: grid(12, 16)}},
		{"interaction", chart.Interaction{Head: head, XName: "num_ctx", X: levels[:24], Lines: []chart.Line{{Subject: subjects[0], Values: grid(1, 24)[0]}, {Subject: subjects[1], Values: grid(2, 24)[1]}}}},
	}
}
