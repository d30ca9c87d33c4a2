package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"chimera/internal/finding"
	"chimera/internal/report"
	"chimera/internal/sample"
)

// twoAgents is a run of two agents: alone, and on one server at the same time,
// where everything takes twice as long.
func twoAgents() (rows []*sample.Sample) {
	now := time.Duration(0)
	for block := range 4 {
		arms := []string{"solo", "parallel"}
		if block%2 == 1 {
			arms = []string{"parallel", "solo"}
		}
		for _, arm := range arms {
			start := now
			for _, role := range []string{"baseline", "tuned"} {
				at, factor := start, 2+0.05*scatter(len(rows))
				if arm == "solo" {
					at, factor = now, 1
				}
				for i, stage := range []string{"analysis", "report"} {
					s := row(role, block, len(rows), stage, sample.Measure)
					s.Experiment, s.Workload, s.Prompt = arm, role+"/"+stage, stage
					first := at + time.Duration(factor*float64(time.Second))
					end := first + time.Duration(factor*float64(3+i)*float64(time.Second))
					s.Outcome, s.Failure, s.Tokens.Output = sample.OK, nil, sample.Some(201)
					s.T = sample.Timeline{Send: sample.Some(at), First: sample.Some(first), Last: sample.Some(end), End: sample.Some(end)}
					at, now = end, max(now, end)
					rows = append(rows, s)
				}
			}
			now += time.Second
		}
	}
	return rows
}

func TestTwoAgentsAreDrawn(t *testing.T) {
	rows := twoAgents()
	m := manifest("baseline", "tuned")
	a, err := finding.Analyze(rows, nil, &m)
	if err != nil {
		t.Fatal(err)
	}
	in := report.Input{Rows: &report.Rows{}, Analysis: a, Runs: []report.Run{{Manifest: m, Status: "complete", Digest: "c0ffee"}}, Rederive: "chimera report " + runID}
	for _, s := range rows {
		if err := in.Rows.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	d, err := report.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := report.Markdown(&page, d, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Contention in parallel", "What could hold the agents up", "no speedup", "compute or memory bandwidth is shared"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	drawn := map[string]int{}
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			f, ok := b.(report.Figure)
			if !ok {
				continue
			}
			id := f.Drawing.ID()
			for _, kind := range []string{"timeline", "slowdown"} {
				if strings.Contains(id, kind) {
					drawn[kind]++
				}
			}
		}
	}
	if drawn["timeline"] != 2 || drawn["slowdown"] != 1 {
		t.Errorf("drawn: %v, want the time line together and alone, and the slowdowns", drawn)
	}
}
