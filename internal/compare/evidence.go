package compare

import (
	"strconv"

	"chimera/internal/digest"
	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/stats"

	moremath "github.com/aclements/go-moremath/stats"
)

// facts are the evidence of a comparison: both sides' values and their ratio.
func (p pair) facts(c *Comparison, m Measure, va, vb values) ([]fact.Fact, error) {
	fa, err := p.side(m, p.runA, p.scope, p.a, va)
	if err != nil {
		return nil, err
	}
	fb, err := p.side(m, p.runB, p.other, p.b, vb)
	if err != nil {
		return nil, err
	}
	c.A, c.ALo, c.AHi = fa.Value.Or(0), fa.Lo, fa.Hi // side refuses what has no value
	c.B, c.BLo, c.BHi = fb.Value.Or(0), fb.Lo, fb.Hi
	ratio := fact.Fact{Metric: m.Metric.ID, Version: m.Metric.Version, Aggregate: "ratio", Unit: "ratio", Phase: p.phase,
		Scope: fields(p.scope, p.runA+" → "+p.runB), Value: c.Ratio, N: c.NA + c.NB, Planned: p.a.planned + p.b.planned,
		Lo: c.Lo, Hi: c.Hi, Method: c.Method, Caveats: c.Notes,
		Evidence: fact.Evidence{Rows: []string{fa.ID, fb.ID}, Digest: digest.Text(fa.Evidence.Digest + fb.Evidence.Digest)}}
	if ratio, err = fact.Identify(ratio); err != nil {
		return nil, err
	}
	c.Evidence = Evidence{A: fa.ID, B: fb.ID, Ratio: ratio.ID}
	return []fact.Fact{fa, fb, ratio}, nil
}

// side is the fact of one run's values.
func (p pair) side(m Measure, run string, scope Scope, g *group, v values) (fact.Fact, error) {
	f := fact.Fact{Metric: m.Metric.ID, Version: m.Metric.Version, Aggregate: m.Aggregate, Unit: m.Metric.Unit, Phase: p.phase,
		Scope: fields(scope, run), N: len(v.v), Planned: g.planned, Caveats: v.notes}
	if err := settle(&f, m, v.v); err != nil {
		return f, err
	}
	var chain digest.Chain
	var line []byte
	f.Evidence.Rows = make([]string, len(v.rows))
	for i, o := range v.rows {
		row := run + "/" + o.trial
		f.Evidence.Rows[i] = row
		line = strconv.AppendFloat(append(append(line[:0], row...), ' '), o.value, 'g', -1, 64)
		chain.Add(line)
	}
	f.Evidence.Digest = chain.Sum()
	return fact.Identify(f)
}

// settle fills in the value of one side. The interval of a median is the
// shortest pair of order statistics that covers 95 %, as benchstat has it; for
// some n it reaches further to one side than the equal-tailed one of package
// fact.
func settle(f *fact.Fact, m Measure, v []float64) error {
	if q, tail := quantiles[m.Aggregate]; tail {
		e, err := stats.HonestQuantile(v, q, level)
		if err != nil {
			return err
		}
		f.Value, f.Lo, f.Hi = sample.Some(e.Value), sample.Some(e.Interval.Lo), sample.Some(e.Interval.Hi) // it is refused without interval
		f.Method = e.Interval.Method + " of rows"
		return nil
	}
	middle, err := stats.Median(v)
	if err != nil {
		return err
	}
	f.Value, f.Method = sample.Some(middle), "no interval, of blocks"
	if ci := moremath.QuantileCI(len(v), 0.5, level); ci.LoOrder >= 1 && ci.HiOrder <= len(v) {
		_, lo, hi := ci.SampleCI(moremath.Sample{Xs: v})
		f.Lo, f.Hi, f.Method = sample.Some(lo), sample.Some(hi), "order-statistic of blocks"
	}
	return nil
}

func fields(s Scope, run string) map[string]string {
	return map[string]string{"run": run, "experiment": s.Experiment, "subject": s.Subject, "config": s.Config}
}
