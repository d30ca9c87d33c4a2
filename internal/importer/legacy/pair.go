package legacy

import (
	"cmp"
	"fmt"
	"maps"
	"strings"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

var (
	wallField = field{name: "concurrent_wall_time_s", series: "concurrent_wall_time", unit: unit.Second}

	// The program's speedup divides durations measured while both agents ran, so
	// it measures overlap, not gain; it stays a claim.
	pairClaims = []field{
		{name: "sequential_estimated_s", series: "sequential_estimate", unit: unit.Second},
		{name: "concurrency_speedup", series: "concurrency_speedup", unit: unit.Ratio},
		percent("efficiency_percent", "concurrency_efficiency"),
		{name: "collector_throughput", series: "collector_rate", unit: unit.TokenPerSecond},
		{name: "insight_throughput", series: "insight_rate", unit: unit.TokenPerSecond},
		millis("collector_ttft_ms", "collector_ttft"), millis("insight_ttft_ms", "insight_ttft"),
		{name: "throughput_delta", series: "rate_difference", unit: unit.TokenPerSecond},
		millis("ttft_delta_ms", "ttft_difference"),
	}
	pairAverages = []field{
		{name: "average_concurrency_speedup", series: "average_concurrency_speedup", unit: unit.Ratio},
		percent("average_efficiency", "average_concurrency_efficiency"),
		{name: "average_throughput_delta", series: "average_rate_difference", unit: unit.TokenPerSecond},
		millis("average_ttft_delta_ms", "average_ttft_difference"),
	}
	// pythonPair are the same figures as a second program wrote them.
	pythonPair = []field{
		{name: "sequential_estimated_time", series: "sequential_estimate", unit: unit.Second},
		{name: "concurrency_speedup", series: "concurrency_speedup", unit: unit.Ratio},
		{name: "baseline_throughput", series: "collector_rate", unit: unit.TokenPerSecond},
		{name: "chimera_throughput", series: "insight_rate", unit: unit.TokenPerSecond},
		millis("baseline_ttft_ms", "collector_ttft"), millis("chimera_ttft_ms", "insight_ttft"),
		{name: "throughput_delta", series: "rate_difference", unit: unit.TokenPerSecond},
		millis("ttft_delta_ms", "ttft_difference"),
	}
)

const sweepCSV = "scenario,output_dir,agent_a_num_gpu,agent_a_num_ctx,agent_a_temperature,agent_b_num_gpu,agent_b_num_ctx,agent_b_temperature,speedup,efficiency,throughput_delta,ttft_delta_ms,agent_a_url,agent_b_url"

// readPair reads runs of two agents at once: one run, the runs of one
// configuration, or a table of configurations.
func readPair(s *importer.Source) (*importer.Content, error) {
	o := object(s.Object())
	switch {
	case importer.Holds(o, "collector", "insight", "summary"):
		return pairRun(o), nil
	case importer.Holds(o, "scenario", "runs", "aggregate", "agent_a", "agent_b"):
		return pairRuns(o), nil
	case s.Has(".csv") && s.Table().Is(sweepCSV):
		t := s.Table()
		return content("legacy/agent-pair", t, func(r importer.Record) importer.Row {
			labels := with(nil, r, strings.Split(sweepCSV, ",")[:8]...)
			all, err := readings(KindClaim, r, []field{
				{name: "speedup", series: "average_concurrency_speedup", unit: unit.Ratio},
				percent("efficiency", "average_concurrency_efficiency"),
				{name: "throughput_delta", series: "average_rate_difference", unit: unit.TokenPerSecond},
				millis("ttft_delta_ms", "average_ttft_difference"),
			}, labels)
			return readingsRow(0, all, err)
		}), nil
	}
	return nil, nil
}

func pairRun(o object) *importer.Content {
	summary := o.object("summary")
	b := &agentRows{labels: with(nil, summary, "scenario")}
	b.labels["repeat"] = cmp.Or(o.Cell("run_number"), summary.Cell("run_number"))
	execution := field{name: "execution_time_s", series: "execution_time", unit: unit.Second}
	for _, role := range []string{"collector", "insight"} {
		agent := o.object(role)
		result := agent.object("result")
		if result == nil { // the second program wrote the result itself
			result = agent
		}
		b.agent(role, result)
		if agent.Cell("execution_time_s") != "" {
			b.readings(KindWorkflow, agent, []field{execution}, map[string]string{"role": role})
		}
	}
	b.pair(summary, 2)
	return &importer.Content{Kind: "legacy/agent-pair", Rows: b.rows}
}

func pairRuns(o object) *importer.Content {
	b := &agentRows{labels: with(nil, o, "scenario")}
	for _, raw := range listOf(o["runs"]) {
		r := objectOf(raw)
		b.labels["repeat"] = r.Cell("run_number")
		b.pair(r, 1)
	}
	delete(b.labels, "repeat")
	b.readings(KindClaim, o.object("aggregate"), pairAverages, nil)
	return &importer.Content{Kind: "legacy/agent-pair", Rows: b.rows}
}

// pair adds the figures of one run of two agents; a run's own file and the file
// of its configuration both have them.
func (b *agentRows) pair(r object, detail int) {
	labels := maps.Clone(b.labels)
	wall, claims := wallField, pairClaims
	if r.Cell(wall.name) == "" {
		wall.name, claims = "concurrent_wall_time", pythonPair
	}
	labels = with(labels, r, "resource_contention_detected")
	all, err := readings(KindPair, r, []field{wall}, labels)
	var said []sample.Reading
	if err == nil {
		said, err = readings(KindClaim, r, claims, labels)
	}
	row := readingsRow(0, append(all, said...), err)
	row.Detail = detail
	row.Key = fmt.Sprintf("pair\x00%s\x00%s\x00%s", r.Cell("scenario"), r.Cell("run_number"), canonical(r.Cell(wall.name)))
	if r.Cell(wall.name) == "" {
		row.Key = ""
	}
	b.add(row)
}

// readAgentSweep reads the list of runs of a second program, which kept no
// calls: only what it averaged over them.
func readAgentSweep(s *importer.Source) (*importer.Content, error) {
	list := s.List()
	if len(list) == 0 || !importer.Holds(objectOf(list[0]), "baseline_results", "chimera_results", "performance_delta") {
		return nil, nil
	}
	b := &agentRows{labels: map[string]string{}}
	execution := field{name: "execution_time", series: "execution_time", unit: unit.Second}
	for _, raw := range list {
		run := objectOf(raw)
		b.labels["repeat"] = run.Cell("run_number")
		for _, role := range []string{"baseline", "chimera"} {
			r := run.object(role + "_results")
			m := r.object("metrics")
			labels := with(map[string]string{"role": role}, m, "model")
			for name, v := range configOf(m.object("configuration")) {
				labels["config."+name] = fmt.Sprint(v)
			}
			b.readings(KindWorkflow, r, []field{execution, filesField}, labels)
			b.readings(KindClaim, m.object("aggregate_metrics"), aggregateFields, labels)
		}
		b.readings(KindClaim, run.object("performance_delta"), deltaFields, map[string]string{"role": "chimera by baseline"})
	}
	return &importer.Content{Kind: "legacy/agent-sweep", Rows: b.rows}, nil
}
