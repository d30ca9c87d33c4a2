package cli

import (
	"fmt"
	"strings"

	"chimera/internal/export"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/unit"

	"github.com/spf13/cobra"
)

// metricRow is one definition in `metrics --json`.
type metricRow struct {
	ID        string           `json:"id"`
	Version   int              `json:"version"`
	Unit      unit.Unit        `json:"unit"`
	Direction metric.Direction `json:"direction"`
	Basis     metric.Basis     `json:"basis"`
	Formula   string           `json:"formula"`
	Needs     []string         `json:"needs"`
	Doc       string           `json:"doc"`
}

func (a *app) metricsCmd() *cobra.Command {
	return &cobra.Command{
		Use: "metrics [METRIC…]", Short: "Print what each measured word means: unit, direction, formula", Args: cobra.ArbitraryArgs,
		Example: "  chimera metrics\n  chimera metrics decode_rate server_rate_naive",
		RunE: func(_ *cobra.Command, args []string) error {
			chosen := metric.All()
			if len(args) > 0 {
				chosen = nil
				for _, id := range args {
					m, err := metric.Lookup(id)
					if err != nil {
						return err
					}
					chosen = append(chosen, m)
				}
			}
			if a.json {
				rows := make([]metricRow, 0, len(chosen))
				for _, m := range chosen {
					rows = append(rows, metricRow{m.ID, m.Version, m.Unit, m.Direction, m.Basis, m.Formula, m.Needs, m.Doc})
				}
				return a.printJSON(map[string]any{"metrics": rows})
			}
			if len(args) > 0 {
				for _, m := range chosen {
					a.printMetric(m)
				}
				return nil
			}
			t := newTable("metric", "unit", "better", "formula")
			for _, m := range chosen {
				t.row(m.ID, string(m.Unit), string(m.Direction), m.Formula)
			}
			t.write(a.Stdout, "", a.style())
			a.note("hint: `chimera metrics decode_rate` explains one")
			return nil
		},
	}
}

func (a *app) printMetric(m metric.Metric) {
	fmt.Fprintf(a.Stdout, "%s (version %d)\n", a.style().bold(m.ID), m.Version)
	paragraph(a.Stdout, "  ", m.Doc)
	fmt.Fprintf(a.Stdout, "  unit     %s, %s is better\n", m.Unit, m.Direction)
	paragraph(a.Stdout, "  formula  ", m.Formula)
	paragraph(a.Stdout, "  needs    ", strings.Join(m.Needs, ", "))
}

// exportMetrics are the metrics of one request, for tables of rows.
func exportMetrics() []export.Metric {
	var out []export.Metric
	for _, m := range metric.All() {
		if m.Basis != metric.Request {
			continue
		}
		better := string(m.Direction)
		if m.Direction == metric.Neutral {
			better = ""
		}
		out = append(out, export.Metric{ID: m.ID, Unit: m.Unit, Better: better, Of: func(s *sample.Sample) (float64, bool) {
			v, _, ok := m.Compute(s)
			return v, ok
		}})
	}
	return out
}
