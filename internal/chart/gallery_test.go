package chart_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chimera/internal/chart"
	"chimera/internal/unit"
)

// look names a folder: TestLook then writes the gallery there, as pages and as
// pictures in both themes, for eyes to judge what no test can.
var look = flag.String("look", "", "write every figure of the gallery into this `folder`")

var treated = flag.String("case", "", "draw the figures as in this `case` of TestEveryFigureInEveryCase, or crowded")

var only = flag.String("only", "", "draw only these `figures`, separated by commas")

// example is a figure of the gallery. Its name is that of its golden file.
type example struct {
	name   string
	figure chart.Figure
}

func v(value, half float64, n int) chart.Value {
	return chart.Value{V: value, Lo: value - half, Hi: value + half, N: n}
}

func missing(why string) chart.Value { return chart.Value{Missing: why} }

var (
	latest = chart.Subject{Name: "latest", Slot: 0}
	small  = chart.Subject{Name: "270m", Slot: 1}
	qat    = chart.Subject{Name: "1b-it-qat", Slot: 2}
)

// noise is a repeatable sequence in −1 … 1, denser in the middle.
type noise uint64

func (n *noise) next() float64 {
	sum := 0.0
	for range 3 {
		*n = *n*6364136223846793005 + 1442695040888963407
		sum += float64(*n>>11) / (1 << 53)
	}
	return sum/1.5 - 1
}

func around(seed uint64, n int, centre, spread float64) []float64 {
	r := noise(seed)
	list := make([]float64, n)
	for i := range list {
		list[i] = centre + spread*r.next()
	}
	return list
}

func examples() []example {
	var all []example
	for _, group := range []func() []example{comparisons, parameters, courses, lab} {
		all = append(all, group()...)
	}
	return all
}

func comparisons() []example {
	return []example{
		{"throughput", chart.Variants{
			Head: chart.Head{ID: "throughput", Title: "270m decodes 2.9× as fast as latest; the intervals do not touch",
				Caption: "Warm prompts of one run on one machine, order randomised in 5 blocks.",
				Metric:  "decode_rate", Aggregate: "mean", Unit: unit.TokenPerSecond, Interval: "95 % t interval of the mean"},
			FromZero: true,
			Rows: []chart.Variant{
				{Subject: latest, Value: v(102.49, 1.16, 4), Points: []float64{101.7, 102.3, 102.6, 103.4}, ColdPoints: []float64{101.0}},
				{Subject: small, Value: v(294.89, 6.5, 4), Points: []float64{290, 294, 296, 299.6}, ColdPoints: []float64{238.2}},
				{Subject: qat, Value: chart.Value{V: 183.1, Lo: 181.9, Hi: 184.3, N: 4, Planned: 5, Note: "one call timed out"}, Points: []float64{182.2, 183.1, 183.3, 184.1}, ColdPoints: []float64{181.9}},
				{Subject: chart.Subject{Name: "4b-it-fp16", Slot: 3}, Value: missing("does not fit into memory: needs 9.1 GB of 8.0 GB")},
			},
		}},
		{"ttft", chart.Variants{
			Head: chart.Head{ID: "ttft", Title: "A cold start costs 18 to 117 times a warm first token",
				Caption: "Cold calls unload the model first and are an experiment of their own.",
				Metric:  "ttft", Aggregate: "median", Unit: unit.Second, Interval: "95 % bootstrap interval of the median"},
			Rows: []chart.Variant{
				{Subject: latest, Value: v(.127, .006, 20), Points: around(1, 20, .127, .012), Cold: v(2.33, .2, 3), ColdPoints: []float64{2.2, 2.33, 2.49}},
				{Subject: small, Value: v(.067, .022, 20), Points: around(2, 20, .067, .02), Cold: v(7.84, .9, 3), ColdPoints: []float64{7.3, 7.84, 8.6}},
				{Subject: qat, Value: v(.106, .03, 20), Points: around(3, 20, .106, .03), Cold: missing("the runtime cannot unload")},
			},
		}},
		{"load-time", chart.Variants{
			Head: chart.Head{ID: "load-time", Title: "270m loads slowest, though it is the smallest file",
				Caption: "Time the server reports for loading, from a cold page cache.",
				Metric:  "load_time", Aggregate: "median", Unit: unit.Second, Interval: "range of all loads"},
			FromZero: true,
			Rows: []chart.Variant{
				{Subject: latest, Value: v(2.18, .1, 3), Points: []float64{2.1, 2.18, 2.25}},
				{Subject: small, Value: v(7.62, .8, 3), Points: []float64{6.9, 7.62, 8.4}},
				{Subject: qat, Value: v(2.21, .08, 3), Points: []float64{2.15, 2.21, 2.29}},
			},
		}},
		{"distribution", chart.Distribution{
			Head: chart.Head{ID: "distribution", Title: "1b-it-qat answers in two modes; its median hides them",
				Caption: "All warm calls of the sweep.", Metric: "ttft", Aggregate: "median", Unit: unit.Second, Interval: "95 % bootstrap interval"},
			Groups: []chart.Group{
				{Subject: latest, Points: around(4, 36, .136, .03), Value: v(.136, .004, 36)},
				{Subject: small, Points: around(5, 5, .073, .02), Value: v(.073, .012, 5)},
				{Subject: qat, Points: append(around(6, 200, .09, .02), around(7, 120, .16, .02)...), Value: v(.105, .006, 320)},
				{Subject: chart.Subject{Name: "4b-it-fp16", Slot: 3}, Value: missing("did not load")},
			},
		}},
		{"prompts", chart.Grouped{
			Head: chart.Head{ID: "prompts", Title: "The order of the variants is the same for every prompt",
				Caption: "Suite banter, 5 blocks, warm calls.", Metric: "decode_rate", Aggregate: "mean", Unit: unit.TokenPerSecond, Interval: "95 % t interval"},
			By: "prompt", Groups: []string{"greeting", "joke", "story", "riddle", "farewell"},
			Subjects: []chart.Subject{latest, small, qat},
			Values: [][]chart.Value{
				{v(102, 2, 5), v(290, 9, 5), v(183, 3, 5)},
				{v(101, 1.5, 5), v(297, 12, 5), v(182, 2, 5)},
				{v(103, 2.2, 5), missing("5 of 5 calls timed out"), v(184, 4, 5)},
				{v(102.4, 1, 5), v(288, 22, 4), v(183, 3, 5)},
				{v(102, 2, 5), v(295, 6, 5), v(181, 2, 5)},
			},
		}},
		{"multiples", chart.Variants{
			Head: chart.Head{ID: "multiples", Title: "onnx answers 8.7× as fast as eager; torch_compile is within the noise",
				Caption: "Same file, batch, number format and device.", Metric: "mean_time", Aggregate: "ratio", Unit: unit.Ratio, Interval: "95 % Welch interval on logarithms"},
			Ratios: true, References: []chart.Reference{{Label: "noise floor of equal runs", From: .93, To: 1.08}, {Label: "eager", From: 1, To: 1}},
			Rows: []chart.Variant{
				{Subject: chart.Subject{Name: "jit", Slot: 0}, Value: v(5.09, .6, 10)},
				{Subject: chart.Subject{Name: "onnx", Slot: 1}, Value: v(8.71, .7, 10)},
				{Subject: chart.Subject{Name: "torch_compile", Slot: 2}, Value: v(1.02, .04, 10)},
				{Subject: chart.Subject{Name: "coreml", Slot: 3}, Value: missing("conversion failed: unsupported operator")},
			},
		}},
		{"limits", chart.Grouped{
			Head: chart.Head{ID: "limits", Title: "latest keeps the limit on no prompt",
				Caption: "Suite banter, 5 blocks, warm calls.", Metric: "ttft", Aggregate: "p95", Unit: unit.Second, Interval: "95 % order-statistic interval"},
			By: "prompt", Groups: []string{"greeting", "joke", "story"}, Subjects: []chart.Subject{latest, small},
			References: []chart.Reference{{Label: "limit of 100 ms", From: .1, To: .1}, {Label: "what the network alone takes", From: .02, To: .035}},
			Values:     [][]chart.Value{{v(.127, .006, 80), v(.067, .01, 80)}, {v(.131, .01, 80), v(.07, .02, 80)}, {v(.124, .01, 80), missing("80 of 80 calls timed out")}},
		}},
	}
}

func TestLook(t *testing.T) {
	if *look == "" {
		t.Skip("-look names no folder")
	}
	if err := os.MkdirAll(*look, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte, err error) {
		t.Helper()
		if err == nil {
			err = os.WriteFile(filepath.Join(*look, name), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var drawn []chart.Drawing
	all := examples()
	if *treated == "crowded" {
		all = crowded()
	} else if *treated != "" {
		for i := range all {
			all[i].figure = cases()[*treated]().apply(all[i].figure)
		}
	}
	for _, e := range all {
		d := chart.Draw(e.figure)
		drawn = append(drawn, d)
		if *only != "" && !slices.Contains(strings.Split(*only, ","), e.name) {
			continue
		}
		for name, theme := range map[string]chart.Theme{"light": chart.Light, "dark": chart.Dark} {
			for width, zoom := range map[string]float64{"640": 640.0 / 896, "1200": 1200.0 / 896} {
				data, err := d.PNG(t.Context(), theme, zoom)
				write(e.name+"-"+name+"-"+width+".png", data, err)
			}
		}
		write(e.name+".json", d.Option(), nil)
		data, err := d.SVG(t.Context(), chart.Light)
		write(e.name+".svg", data, err)
	}
	page, err := chart.Document(t.Context(), "Gallery", drawn...)
	write("index.html", page, err)
}
