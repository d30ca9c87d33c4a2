package report_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"chimera/internal/fact"
	"chimera/internal/finding"
	"chimera/internal/report"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// The fixture is a small run: three subjects, five prompts, five blocks, one
// cold call each, two requests that timed out. Its speeds are invented and
// repeatable.
const runID = "7f3a19c2d4e5"

var rates = map[string]float64{"latest": 102.5, "270m": 294.9, "1b-it-qat": 183.1}

// scatter is a repeatable value in −1 … 1 for row i.
func scatter(i int) float64 {
	_, f := math.Modf(float64(i+1) * math.Phi)
	return 2*f - 1
}

func row(subject string, block, order int, prompt string, phase sample.Phase) *sample.Sample {
	start := time.Duration(order) * 4 * time.Second
	ttft := time.Duration((0.08 + 0.01*scatter(order)) * 1e9)
	if phase == sample.Cold {
		ttft = time.Duration((2.3 + 0.1*scatter(order)) * 1e9)
	}
	rate := rates[subject]
	if rate == 0 {
		rate = 50
	}
	rate *= 1 + 0.02*scatter(order*7)
	tokens := 64
	s := &sample.Sample{Schema: sample.Schema, Run: runID, Trial: fmt.Sprintf("t%04d", order), Experiment: "baseline", Subject: subject, Target: "box",
		Workload: "banter", Prompt: "banter/" + prompt, PromptSHA256: fmt.Sprintf("%064d", order), Config: map[string]any{}, Block: block, Order: order,
		Phase: phase, Provenance: sample.Measured, Final: true}
	first := start + ttft
	last := first + time.Duration(float64(tokens-1)/rate*1e9)
	s.Outcome = sample.OK
	s.T = sample.Timeline{Sched: sample.Some(start), Send: sample.Some(start), First: sample.Some(first), Last: sample.Some(last), End: sample.Some(last)}
	s.Tokens = sample.Tokens{Prompt: sample.Some(12), Output: sample.Some(tokens), Source: sample.FromServer}
	if order == 17 || order == 31 {
		s.Outcome, s.T.First, s.T.Last = sample.Timeout, sample.None[time.Duration](), sample.None[time.Duration]()
		s.Tokens = sample.Tokens{}
		s.Failure = &sample.Failure{Class: sample.ClassFirstToken, Message: "nothing in 120s"}
	}
	return s
}

func rowsOf(subjects ...string) []*sample.Sample {
	var all []*sample.Sample
	for _, s := range subjects {
		all = append(all, row(s, 0, len(all), "greeting", sample.Cold))
	}
	for block := range 5 {
		for _, s := range subjects {
			for _, p := range []string{"greeting", "joke", "story", "riddle", "farewell"} {
				all = append(all, row(s, block, len(all), p, sample.Measure))
			}
		}
	}
	return all
}

func manifest(subjects ...string) sample.Manifest {
	m := sample.Manifest{Schema: 1, Run: runID, Name: "gemma3-variants", Question: "Which variant answers fastest, and which settings matter?",
		Tool: sample.Build{Version: "0.1.0", Go: "go1.26"}, Host: sample.Host{OS: "linux", Kernel: "6.1", Arch: "amd64", CPU: "Example 2 × 3 GHz", Cores: 2, MemoryBytes: sample.Some(uint64(24e9))},
		Spec: json.RawMessage(`{}`), SpecDigest: "aa", PlanDigest: "bb", Seed: 7, Planned: 78,
		Clock:  sample.Clock{Origin: time.Date(2026, 11, 2, 10, 30, 0, 0, time.UTC), Source: "monotonic"},
		Absent: map[string]string{"host.governor": "the system has no cpufreq"}}
	for i, s := range subjects {
		m.Subjects = append(m.Subjects, sample.SubjectRecord{ID: s, Target: "box", Kind: "ollama", URL: "http://127.0.0.1:11434", Model: "gemma3:" + s, Server: "ollama 0.17.4",
			Digest: fmt.Sprintf("sha256:%064d", i), Quant: "Q4_K_M", FileBytes: sample.Some(uint64(291e6))})
	}
	return m
}

// composed is an analysis written by hand: one finding of each shape that a
// report has to print.
type composed struct {
	t     *testing.T
	rows  []*sample.Sample
	facts []fact.Fact
	out   []finding.Finding
}

func (c *composed) ask(q fact.Query) []fact.Fact {
	c.t.Helper()
	facts, err := q.Run(c.rows)
	if err != nil {
		c.t.Fatal(err)
	}
	c.facts = append(c.facts, facts...)
	return facts
}

func (c *composed) derive(f fact.Fact, from ...fact.Fact) fact.Fact {
	c.t.Helper()
	f, err := fact.Derive(f, from...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.facts = append(c.facts, f)
	return f
}

// add gives a finding its list of facts, as an analysis does.
func (c *composed) add(f finding.Finding, facts ...fact.Fact) {
	f.ID = fmt.Sprintf("N%d", len(c.out))
	for _, x := range facts {
		f.Facts = append(f.Facts, x.ID)
	}
	c.out = append(c.out, f)
}

func mark(f fact.Fact, x, series, facet string) finding.Point {
	return finding.Point{XName: x, Series: series, Facet: facet, Value: f.Value, Lo: f.Lo, Hi: f.Hi, N: f.N, Unit: f.Unit, Missing: f.Reason, Fact: f.ID}
}

// input is the fixture as a report takes it.
func input(t *testing.T, subjects ...string) report.Input {
	t.Helper()
	if len(subjects) == 0 {
		subjects = []string{"latest", "270m", "1b-it-qat"}
	}
	c := &composed{t: t, rows: rowsOf(subjects...)}
	c.ranking(subjects)
	c.cold(subjects)
	c.prompts(subjects)
	c.sensitivity(subjects)
	in := report.Input{Rows: &report.Rows{}, Analysis: &finding.Analysis{Schema: 1, Runs: []string{runID}, Findings: c.out, Facts: c.facts},
		Runs:     []report.Run{{Manifest: manifest(subjects...), Status: "complete", Digest: "c0ffee"}},
		Rederive: "chimera report " + runID}
	for _, s := range c.rows {
		if err := in.Rows.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

func (c *composed) ranking(subjects []string) {
	rates := c.ask(fact.Query{Metric: "decode_rate", Aggregate: "median", Phase: sample.Measure, By: []string{"subject"}})
	ttfts := c.ask(fact.Query{Metric: "ttft", Aggregate: "median", Phase: sample.Measure, By: []string{"subject"}})
	best, worst := rates[0], rates[0]
	table := finding.Table{ID: "ranking", Title: "Warm requests by subject", Labels: []string{"subject"}, Columns: []finding.Column{
		{Head: "decode rate, median", Metric: "decode_rate", As: finding.AsBoth}, {Head: "TTFT, median", Metric: "ttft", As: finding.AsBoth},
		{Head: "n", As: finding.AsN}, {Head: "planned", As: finding.AsPlanned}, {Head: "verdict"}, {Head: "energy", As: finding.AsBoth}}}
	figure := finding.Figure{ID: "rates", Kind: finding.Intervals, Panels: []finding.Panel{{X: finding.Axis{Label: "subject"}, Y: finding.Axis{Label: "decode rate", Metric: "decode_rate", Unit: unit.TokenPerSecond}}}}
	for i, f := range rates {
		if f.Value.Or(0) > best.Value.Or(0) {
			best = f
		}
		if f.Value.Or(0) < worst.Value.Or(0) {
			worst = f
		}
		name := f.Scope["subject"]
		table.Rows = append(table.Rows, finding.Row{Names: []string{name}, Winner: name == "270m", Cells: []finding.Cell{
			{Fact: f.ID}, {Fact: ttfts[i].ID}, {Fact: f.ID}, {Fact: f.ID}, {Word: "better"}, {Missing: "the host has no energy counter"}}})
		figure.Panels[0].Points = append(figure.Panels[0].Points, mark(f, name, name, ""))
	}
	for _, s := range c.rows {
		if s.Outcome == sample.OK && s.Phase == sample.Measure && s.Block == 0 {
			figure.Panels[0].Points = append(figure.Panels[0].Points, finding.Point{XName: s.Subject, Series: s.Subject, N: 1, Row: s.Run + "/" + s.Trial,
				Value: sample.Some(63 / (s.T.Last.Or(0) - s.T.First.Or(0)).Seconds()), Unit: unit.TokenPerSecond})
		}
	}
	ratio := c.derive(fact.Fact{Metric: "decode_rate", Version: 1, Aggregate: "ratio of medians", Unit: unit.Ratio, Scope: map[string]string{"subject": best.Scope["subject"] + " / " + worst.Scope["subject"]},
		Value: sample.Some(best.Value.Or(0) / worst.Value.Or(1)), Lo: sample.Some(2.82), Hi: sample.Some(2.94), N: 25, Planned: 25, Method: "paired by block and prompt"}, best, worst)
	figure.Title = finding.Sentence{{Name: best.Scope["subject"]}, {Text: " decodes "}, {Fact: ratio.ID, As: finding.AsTimes}, {Text: " as fast as "}, {Name: worst.Scope["subject"]}}
	c.add(finding.Finding{Kind: finding.Ranking, Metric: "decode_rate", Verdict: finding.Better, Scope: map[string]string{"experiment": "baseline", "workload": "banter"},
		Sentence: append(append(finding.Sentence{}, figure.Title...), finding.Part{Text: " ("}, finding.Part{Fact: ratio.ID, As: finding.AsTimesCI}, finding.Part{Text: "), warm, at equal work."}),
		Notes:    []finding.Sentence{{{Text: "Each number stands on "}, {Fact: best.ID, As: finding.AsN}, {Text: " requests of "}, {Fact: best.ID, As: finding.AsPlanned}, {Text: "."}}},
		Method:   "medians of warm requests, compared in blocks by a signed-rank test, Holm-corrected over 3 pairs",
		Tables:   []finding.Table{table}, Figures: []finding.Figure{figure}, Winners: []string{"270m"}, Pick: "270m",
		Checks: []finding.Check{{ID: finding.OrderRandomised, Status: finding.Pass, Why: finding.Sentence{{Text: "complete blocks in drawn order"}}},
			{ID: finding.NoFailures, Status: finding.Fail, Why: finding.Sentence{{Text: "only "}, {Fact: best.ID, As: finding.AsN}, {Text: " of "}, {Fact: best.ID, As: finding.AsPlanned}, {Text: " requests gave a value"}}},
			{ID: finding.NoThrottling, Status: finding.Unknown, Why: finding.Sentence{{Text: "no clock was read"}}}}}, append(rates, ratio)...)
}

func (c *composed) cold(subjects []string) {
	colds := c.ask(fact.Query{Metric: "ttft", Aggregate: "median", Phase: sample.Cold, By: []string{"subject"}})
	warms := c.ask(fact.Query{Metric: "ttft", Aggregate: "median", Phase: sample.Measure, By: []string{"subject"}})
	figure := finding.Figure{ID: "cold", Kind: finding.Distribution, Title: finding.Sentence{{Text: "Cold first tokens are seconds away, warm ones are not"}},
		Panels: []finding.Panel{{X: finding.Axis{Label: "subject"}, Y: finding.Axis{Metric: "ttft", Unit: unit.Second}}}}
	for i, f := range warms {
		figure.Panels[0].Points = append(figure.Panels[0].Points, mark(f, f.Scope["subject"], f.Scope["subject"], ""))
		for _, s := range c.rows {
			if s.Subject == f.Scope["subject"] && s.Phase == sample.Measure && s.Outcome == sample.OK {
				figure.Panels[0].Points = append(figure.Panels[0].Points, finding.Point{XName: s.Subject, N: 1, Row: s.Run + "/" + s.Trial,
					Value: sample.Some((s.T.First.Or(0) - s.T.Send.Or(0)).Seconds()), Unit: unit.Second})
			}
		}
		c.add(finding.Finding{Kind: finding.ColdWarm, Metric: "ttft", Verdict: finding.Worse, Scope: map[string]string{"experiment": "baseline", "subject": f.Scope["subject"]},
			Sentence: finding.Sentence{{Text: "The first token of "}, {Name: f.Scope["subject"]}, {Text: " takes "}, {Fact: colds[i].ID, As: finding.AsValue}, {Text: " after a load, and "}, {Fact: f.ID, As: finding.AsBoth}, {Text: " warm."}},
			Method:   "medians of cold and of warm rows, each on its own"}, colds[i], f)
	}
	c.out[len(c.out)-1].Figures = []finding.Figure{figure}
}

func (c *composed) prompts(subjects []string) {
	facts := c.ask(fact.Query{Metric: "decode_rate", Aggregate: "median", Phase: sample.Measure, By: []string{"prompt", "subject"}})
	figure := finding.Figure{ID: "prompts", Kind: finding.Intervals, Title: finding.Sentence{{Text: "The order of the variants is the same for every prompt"}},
		Panels: []finding.Panel{{X: finding.Axis{Label: "prompt"}, Y: finding.Axis{Metric: "decode_rate", Unit: unit.TokenPerSecond}}}}
	table := finding.Table{ID: "prompts", Title: "Decode rate by prompt", Labels: []string{"prompt", "subject"}, Columns: []finding.Column{{Head: "decode rate, median", As: finding.AsBoth}, {Head: "n", As: finding.AsN}}}
	for _, f := range facts {
		figure.Panels[0].Points = append(figure.Panels[0].Points, mark(f, f.Scope["prompt"], f.Scope["subject"], ""))
		table.Rows = append(table.Rows, finding.Row{Names: []string{f.Scope["prompt"], f.Scope["subject"]}, Cells: []finding.Cell{{Fact: f.ID}, {Fact: f.ID}}})
	}
	c.add(finding.Finding{Kind: finding.PromptEffect, Metric: "decode_rate", Verdict: finding.Same, Scope: map[string]string{"experiment": "baseline"},
		Sentence: finding.Sentence{{Text: "Prompts do not change the decode rate by more than the margin."}}, Method: "two one-sided tests", Tables: []finding.Table{table}, Figures: []finding.Figure{figure}}, facts...)
}

func (c *composed) sensitivity(subjects []string) {
	need := c.derive(fact.Fact{Metric: "n needed", Version: 1, Aggregate: "count", Value: sample.Some(412.0), N: 25, Planned: 25, Method: "power 0.8 at the observed scatter"})
	c.add(finding.Finding{Kind: finding.Sensitivity, Metric: "decode_rate", Verdict: finding.Inconclusive, Scope: map[string]string{"experiment": "sweep", "factor": "num_ctx", "subject": subjects[0]},
		Sentence: finding.Sentence{{Text: "No effect of "}, {Name: "num_ctx"}, {Text: " on "}, {Name: subjects[0]}, {Text: " can be shown; about "}, {Fact: need.ID, As: finding.AsValue}, {Text: " requests per level would decide."}},
		Needed:   need.ID, Method: "rank test over levels, whole plots as blocks"}, need)
	c.add(finding.Finding{Kind: finding.Sensitivity, Metric: "ttft", Verdict: finding.NotComparable, Scope: map[string]string{"experiment": "sweep", "factor": "temperature", "subject": subjects[0]},
		Sentence: finding.Sentence{{Text: "Temperature looks as if it changed TTFT; every cold call fell on "}, {Name: "temperature=0.2"}, {Text: ", the first level after each reload."}},
		Forbids:  "cold rows on one level", Method: "rank test over levels"})
}
