package legacy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"chimera/internal/importer"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

var (
	callFields = []field{millis("ttft_ms", "client_ttft"), millis("total_duration_ms", "client_duration")}

	workflowFields = []field{
		{name: "ingest_seconds", series: "ingest_time", unit: unit.Second}, {name: "analysis_seconds", series: "analysis_time", unit: unit.Second},
		{name: "report_seconds", series: "report_time", unit: unit.Second}, {name: "total_seconds", series: "total_time", unit: unit.Second},
	}
	filesField = field{name: "benchmark_data_count", series: "files_analyzed"}
	// How many files of each kind the agent found, as its summary in words says.
	summaryFields = []field{{name: "data_summary: CSV Files", series: "files_csv"}, {name: "data_summary: JSON Files", series: "files_json"}, {name: "data_summary: MARKDOWN Files", series: "files_markdown"}}
	summaryLine   = regexp.MustCompile(`(?m)^([A-Z]+ Files) \((\d+)\)\r?$`)

	// What the program averaged over calls, failed ones included.
	aggregateFields = []field{
		{name: "average_tokens_per_second", series: "average_rate", unit: unit.TokenPerSecond},
		{name: "stddev_throughput", series: "rate_sd", unit: unit.TokenPerSecond},
		{name: "p95_tokens_per_second", series: "rate_p95", unit: unit.TokenPerSecond},
		millis("average_ttft_ms", "average_ttft"), millis("stddev_ttft", "ttft_sd"), millis("p95_ttft_ms", "ttft_p95"),
		millis("total_duration_ms", "sum_duration"), millis("prompt_eval_duration_ms", "sum_prompt_eval"),
		millis("eval_duration_ms", "sum_eval"), millis("load_duration_ms", "sum_load"),
		{name: "total_tokens_generated", series: "sum_tokens", unit: unit.Token}, {name: "total_requests", series: "requests"},
	}
	deltaFields = []field{
		percent("throughput_improvement_percent", "rate_improvement"), percent("ttft_reduction_percent", "ttft_reduction"),
		{name: "throughput_delta_absolute", series: "rate_difference", unit: unit.TokenPerSecond},
		millis("ttft_delta_absolute_ms", "ttft_difference"),
	}
)

// readAgent reads a run of the reporting agent alone: its calls with its
// default options, and with chosen ones.
func readAgent(s *importer.Source) (*importer.Content, error) {
	o := object(s.Object())
	if !importer.Holds(o, "baseline", "chimera", "delta") {
		return nil, nil
	}
	b := &agentRows{labels: map[string]string{}}
	for _, role := range []string{"baseline", "chimera"} {
		b.agent(role, o.object(role))
	}
	b.readings(KindClaim, o.object("delta"), deltaFields, map[string]string{"role": "chimera by baseline"})
	return &importer.Content{Kind: "legacy/agent", Rows: b.rows}, nil
}

// agentRows numbers the rows of one document as they are read: calls, then
// workflows, then claims of each agent.
type agentRows struct {
	labels map[string]string // of every row
	rows   []importer.Row
}

func (b *agentRows) add(row importer.Row) {
	row.Number = len(b.rows) + 1
	b.rows = append(b.rows, row)
}

func (b *agentRows) readings(kind string, r object, fields []field, labels map[string]string) {
	own := maps.Clone(b.labels)
	maps.Copy(own, labels)
	all, err := readings(kind, r, fields, own)
	b.add(readingsRow(0, all, err))
}

// agent reads one agent's calls, workflows and aggregates.
func (b *agentRows) agent(role string, r object) {
	if r == nil {
		b.add(importer.Row{Skip: role + " is no object"})
		return
	}
	config, labels := configOf(r.object("configuration")), map[string]string{"role": role}
	for name, v := range config {
		labels["config."+name] = fmt.Sprint(v)
	}
	labels = with(labels, r, "model")
	calls := listOf(r["llm_calls"])
	metrics := func(call document) document { return documentOf(call.object["metrics"]) }
	if len(calls) == 0 { // an older schema: the figures alone
		calls, metrics = listOf(r["individual_runs"]), func(call document) document { return call }
	}
	for i, raw := range calls {
		call := documentOf(raw)
		own := maps.Clone(b.labels)
		maps.Copy(own, labels)
		own = with(own, call, "stage")
		own["call"] = strconv.Itoa(i + 1)
		if n := call.Cell("run_number"); n != "" {
			own["repeat"] = n
		}
		b.add(callRow(call, metrics(call), r.Cell("model"), config, own))
	}
	var workflows []object
	for _, raw := range listOf(r["workflow_runs"]) {
		workflows = append(workflows, objectOf(raw))
	}
	if len(workflows) == 0 { // of two agents, each has one
		workflows = append(workflows, r)
	}
	for i, w := range workflows {
		own := maps.Clone(labels)
		if n := cmp.Or(w.Cell("run_number"), b.labels["repeat"]); n != "" {
			own["repeat"] = n
		} else {
			own["repeat"] = strconv.Itoa(i + 1)
		}
		times := w.object("workflow")
		if times == nil {
			continue
		}
		if files, ok := w["benchmark_data_count"]; ok {
			times["benchmark_data_count"] = files
		}
		for _, found := range summaryLine.FindAllStringSubmatch(w.Cell("data_summary"), -1) {
			times["data_summary: "+found[1]] = json.RawMessage(found[2])
		}
		b.readings(KindWorkflow, times, slices.Concat([]field{filesField}, summaryFields, workflowFields), own)
	}
	if aggregate := r.object("aggregate_metrics"); aggregate != nil {
		b.readings(KindClaim, aggregate, aggregateFields, labels)
	}
}

// configOf reads options; a float32 that was printed with 17 digits means what
// was set.
func configOf(o object) map[string]any {
	config := map[string]any{}
	for name := range o {
		v, ok, err := number(o, name)
		if err != nil || !ok {
			continue
		}
		if option, ok := importer.Option(v); ok {
			config[name] = option
		}
	}
	return config
}

// callRow reads one call. A call whose stream ended without its final record
// has zeros in the file though text came: it is cut, not slow.
func callRow(call cells, m document, model string, config map[string]any, labels map[string]string) importer.Row {
	if m.object == nil {
		return importer.Row{Skip: "it has no metrics"}
	}
	s := &sample.Sample{Subject: cmp.Or(model, importer.NotRecorded), Config: maps.Clone(config),
		Workload: labels["role"], Prompt: cmp.Or(labels["stage"], importer.NotRecorded)}
	if stage := labels["stage"]; stage != "" {
		s.Workload += "/" + stage
	}
	if run, err := strconv.Atoi(labels["repeat"]); err == nil && run > 0 {
		s.Block = run - 1 // a run of the agent visits each of its stages once
	}
	s.Server = m.JSON()
	text := call.Cell("response")
	if text != "" {
		s.SetText(text)
	}
	all, err := readings(KindCall, m, callFields, labels)
	if err != nil {
		return importer.Row{Skip: err.Error()}
	}
	row := importer.Row{Sample: s, Prompt: call.Cell("prompt"), Readings: all}
	var v [4]float64
	for i, name := range []string{"tokens_generated", "load_duration_ms", "prompt_eval_duration_ms", "eval_duration_ms"} {
		if v[i], _, err = number(m, name); err != nil {
			return importer.Row{Skip: err.Error()}
		}
	}
	count, err := importer.Count(v[0])
	switch {
	case err != nil:
		return importer.Row{Skip: "tokens_generated: " + err.Error()}
	case count == 0 && text != "":
		failAs(s, sample.Cut, sample.ClassNoEnd, fmt.Sprintf("%d characters came, but no final record: its counts are 0", len([]rune(text))))
		row.Readings = nil // the durations of a cut call are no latencies of an answer
		return row
	case count == 0:
		failAs(s, sample.Degenerate, sample.ClassNoTokens, "an answer without any token")
		row.Readings = nil
		return row
	}
	s.Outcome = sample.OK
	s.Tokens = sample.Tokens{Output: sample.Some(count), Source: sample.FromServer}
	s.Times = sample.ServerTimes{Load: importer.Millis(v[1]), PromptEval: importer.Millis(v[2]), Eval: importer.Millis(v[3])}
	return row
}
