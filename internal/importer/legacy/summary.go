package legacy

import (
	"chimera/internal/importer"
)

// summaries are files that a program made from other files' rows, told by their
// members. Nothing is read from them: what they say can be computed from the
// rows, and some of it is wrong.
var summaries = []struct {
	members []string
	rows    string // the list whose items are its rows
	why     string
}{
	{[]string{"generated_at", "prompt_count", "prompts", "models"}, "models", "a summary of a suite's rows, which are imported from their own file"},
	{[]string{"demo_timestamp", "cycles_completed", "success_rate"}, "", "a demonstration's own marks: nothing in it was measured"},
	{[]string{"anomalies_detected", "actions_taken", "overall_success"}, "actions_taken", "machine-made: it takes table columns for latencies"},
	{[]string{"total_inferences", "overall_performance", "raw_metrics"}, "raw_metrics", "a watcher that saw no inference"},
}

const (
	sweepSummaryHead = "config_name,num_gpu,num_ctx,temperature,mean_tokens_s,mean_ttft_s,mean_load_s"
	gridSummaryHead  = "num_gpu,num_ctx,temperature,mean_tokens_s,mean_ttft_s,mean_load_s,prompt_eval,eval_s_mean"
)

// readSummary lists machine-made digests with the reason why they are not read.
func readSummary(s *importer.Source) (*importer.Content, error) {
	o := object(s.Object())
	for _, d := range summaries {
		if importer.Holds(o, d.members...) {
			n := 1
			if list := listOf(o[d.rows]); d.rows != "" && list != nil {
				n = len(list)
			}
			return skipped(n, d.why), nil
		}
	}
	if !s.Has(".csv") {
		return nil, nil
	}
	if t := s.Table(); t.Is(sweepSummaryHead) || t.Is(gridSummaryHead) {
		return skipped(len(t.Records), "a summary of a sweep's rows, which are imported from their own file"), nil
	}
	return nil, nil
}

func skipped(n int, why string) *importer.Content {
	c := &importer.Content{Kind: "legacy/summary"}
	for i := range n {
		c.Rows = append(c.Rows, importer.Row{Number: i + 1, Skip: why})
	}
	if n == 0 {
		c.Reason = why
	}
	return c
}
