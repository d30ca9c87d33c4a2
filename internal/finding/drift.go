package finding

import (
	"math"

	"chimera/internal/sample"
)

// drifts report every subject whose level moved during its bench. Drawn order
// keeps a drift from telling one thing from another, not from being there.
func (a *asking) drifts() {
	for _, b := range a.benches() {
		for _, s := range b.subjects() {
			warm := b.of(sample.Measure, s)
			for _, alternatives := range [][]string{speeds, latencies} {
				metric, ok := a.carried(alternatives, warm)
				if !ok {
					continue
				}
				scope := a.scopeOf(b, s, warm)
				for _, c := range a.soundness(metric, warm, b.of(sample.Cold, s), scope) {
					if c.ID == NoDrift && c.Status == Fail {
						a.add(a.drift(b, s, metric, warm, scope, c))
					}
				}
			}
		}
	}
}

// scopeOf is the scope of one subject of a bench.
func (a *analyst) scopeOf(b *bench, subject string, strata []*stratum) map[string]string {
	scope := with(b.scope(), "subject", subject)
	if b.apart && len(strata) > 0 {
		scope["experiment"] = covering(distinct(strata, func(g *stratum) string { return g.key.experiment }))
	}
	return scope
}

func (a *analyst) drift(b *bench, subject, metric string, warm []*stratum, scope map[string]string, c Check) Finding {
	f := Finding{Kind: Drift, Question: "Did the level of the " + label(metric) + " stay?", Scope: with(scope, "metric", metric), Metric: metric,
		Method: "straight line through the logarithms in run order, the mean of each prompt and configuration taken off", Checks: []Check{c, origin(warm)}}
	x, _ := a.fact(c.Why.Facts()[0])
	moved, _ := x.Value.Get()
	f.Verdict = Worse
	if (moved > 1) == a.higher(metric) {
		f.Verdict = Better
	}
	f.Sentence = say("The ", label(metric), " of ", nm(subject), " moved by ", as(x, AsChangeCI), " from the first request to the last, whatever was asked.")
	m := a.metric(metric)
	p := Panel{X: Axis{Label: "position in the plan"}, Y: Axis{Label: label(metric), Metric: metric, Unit: a.metrics[m].Unit}}
	rows := a.inOrder(warm)
	for k := range min(len(rows), MaxPoints) {
		i := rows[k]
		if len(rows) > MaxPoints {
			i = rows[k*(len(rows)-1)/(MaxPoints-1)]
		}
		g := a.strata[a.rows[i].stratum]
		q := Point{Series: subject, Facet: g.key.prompt, X: sample.Some(float64(a.rows[i].order)), N: 1, Unit: a.metrics[m].Unit, Row: g.key.run + "/" + a.rows[i].trial}
		if v := a.values[m][i]; math.IsNaN(v) {
			q.Missing = a.why(int(i), m)
		} else {
			q.Value = sample.Some(v)
		}
		p.Points = append(p.Points, q)
	}
	f.Figures = []Figure{{ID: "drift", Kind: Series, Title: f.Sentence, Panels: []Panel{p}}}
	return f
}
