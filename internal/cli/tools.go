package cli

import (
	"context"
	"fmt"
	"slices"

	"chimera/internal/chart"
	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/report"
	"chimera/internal/tool"
)

// toolSource is what a model may ask about runs and imports: their rows, what
// the analysis makes of them, and its figures.
func (a *app) toolSource(ctx context.Context, runs, imports []string) (*tool.Source, error) {
	analysis, err := a.analyze(ctx, runs, imports)
	if err != nil && (analysis == nil || fault.CodeOf(err) != fault.Invalid) { // runs that answered nothing can be asked too
		return nil, err
	}
	l, err := a.ledger(ctx, slices.Concat(runs, imports))
	if err != nil {
		return nil, err
	}
	return newToolSource(l, analysis), nil
}

// toolSourceOf is what a model may ask about a ledger.json.
func (a *app) toolSourceOf(name string) (*tool.Source, error) {
	f, err := readLedger(name)
	if err != nil {
		return nil, err
	}
	return newToolSource(f.Ledger, f.Analysis()), nil
}

func newToolSource(l *fact.Ledger, analysis *finding.Analysis) *tool.Source {
	var subjects []string
	for _, r := range l.Inventory.Runs {
		for _, s := range r.Subjects {
			subjects = append(subjects, s.ID)
		}
	}
	return tool.NewSource(l, analysis, func(ctx context.Context, f finding.Finding) ([]tool.Figure, error) {
		var out []tool.Figure
		for _, g := range report.Draw(analysis, f, subjects...) {
			svg, err := g.Drawing.SVG(ctx, chart.Light)
			if err != nil {
				return nil, fmt.Errorf("draw %s: %w", g.Drawing.ID(), err)
			}
			out = append(out, tool.Figure{ID: g.Drawing.ID(), Title: g.Drawing.Title(), SVG: svg})
		}
		return out, nil
	})
}
