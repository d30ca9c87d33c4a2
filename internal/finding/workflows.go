package finding

import (
	"slices"
	"strconv"
	"strings"

	"chimera/internal/sample"
)

// workflowSeries are the readings of what an agent did around its calls.
var workflowSeries = []string{"files_analyzed", "files_csv", "files_json", "files_markdown", "ingest_time", "summary_time", "analysis_time", "report_time", "total_time"}

// workflows has the times and files of each run of an agent, as they were read.
func (a *analyst) workflows(c *crew, role string, scope map[string]string) (Table, bool) {
	t := Table{ID: "workflows", Title: "Runs of the agent: files read, and where the time went", Labels: []string{"run"}}
	runs := map[string]*specimen{}
	have := map[string]bool{}
	for _, r := range a.readings {
		if r.Kind != "agent-workflow" || r.Run != c.run || r.Labels["role"] != role || c.imported && r.Labels["file"] != c.name || !slices.Contains(workflowSeries, r.Series) {
			continue
		}
		if !c.imported && r.Labels["experiment"] != "" && r.Labels["experiment"] != c.name {
			continue
		}
		repeat := r.Labels["repeat"]
		if runs[repeat] == nil {
			runs[repeat] = &specimen{run: r.Run, labels: r.Labels, series: map[string][]*sample.Reading{}}
		}
		runs[repeat].series[r.Series] = append(runs[repeat].series[r.Series], r)
		have[r.Series] = true
	}
	var series []string
	for _, s := range workflowSeries {
		if have[s] {
			series = append(series, s)
			form := AsFine
			if strings.HasPrefix(s, "files") {
				form = AsValue
			}
			t.Columns = append(t.Columns, Column{Head: label(s), Metric: s, Aggregate: "value", As: form})
		}
	}
	repeats := sortedKeys(runs)
	slices.SortStableFunc(repeats, func(x, y string) int {
		i, _ := strconv.Atoi(x)
		j, _ := strconv.Atoi(y)
		return i - j
	})
	for _, repeat := range repeats {
		row := Row{Names: []string{repeat}}
		for _, s := range series {
			row.Cells = append(row.Cells, cells(a.observed(runs[repeat], s, with(scope, "repeat", repeat)))[0])
		}
		t.Rows = append(t.Rows, row)
	}
	return t, len(t.Rows) > 0
}
