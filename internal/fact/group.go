package fact

import (
	"fmt"
	"math"
	"slices"

	"chimera/internal/digest"
	"chimera/internal/metric"
	"chimera/internal/sample"
	"chimera/internal/stats"
	"chimera/internal/unit"
)

// Aggregates that only a ledger makes: others print them, we do not.
const (
	Sum       = "sum"
	SDn       = "sd_n" // with n instead of n−1
	GeoMean   = "geomean"
	rowCount  = "count"
	phaseNote = "mixes cold and warm rows"
)

// Fact aggregates a group. The unit of a cv is a ratio, of a count none.
func (g Group) Fact(name string) (Fact, error) {
	f, err := g.aggregate(name)
	if err != nil {
		return f, err
	}
	f.Evidence = g.evidence()
	return Identify(f)
}

// Value is what a fact of the group says, for those who look for a number: it
// costs no evidence and has no id.
func (g Group) Value(name string) (float64, bool) {
	f, err := g.aggregate(name)
	if err != nil {
		return 0, false
	}
	return f.Value.Get()
}

// aggregate is the fact without its evidence and its id.
func (g Group) aggregate(name string) (Fact, error) {
	f := Fact{Metric: g.Series.Name, Version: 1, Aggregate: name, Unit: g.Series.Unit, Phase: g.Phase, Scope: g.Scope, Planned: len(g.Rows)}
	values := make([]float64, 0, len(g.Cells))
	var num, den []float64
	missing := map[string]int{}
	cold, warm := false, false
	for i, c := range g.Cells {
		v, ok := c.Value.Get()
		if !ok {
			missing[c.Reason]++
			continue
		}
		values = append(values, v)
		isCold := g.Rows[i].Phase == sample.Cold
		cold, warm = cold || isCold, warm || !isCold
		if c.Parts != nil {
			num, den = append(num, c.Parts[0]), append(den, c.Parts[1])
		}
	}
	f.N, f.Caveats = len(values), leftOut(missing)
	if cold && warm {
		f.Caveats = append(f.Caveats, phaseNote)
	}
	if len(values) == 0 {
		f.settleAll(nil, nil, missing)
		return f, nil
	}
	return f, g.settle(&f, name, values, num, den)
}

// evidence names the rows that have a value, and digests them with it.
func (g Group) evidence() (e Evidence) {
	var chain digest.Chain
	var record []byte
	for i, c := range g.Cells {
		if v, ok := c.Value.Get(); ok {
			e.Rows = append(e.Rows, g.Rows[i].ID)
			record = fmt.Append(record[:0], g.Rows[i].ID, v)
			chain.Add(record)
		}
	}
	e.Digest = chain.Sum()
	return e
}

func (g Group) settle(f *Fact, name string, values, num, den []float64) error {
	if def, err := metric.Lookup(f.Metric); err == nil && def.Text && (name == "mean" || name == ratioOfSums && len(num) == len(values)) {
		f.settlePooled(def, g.scores())
		return nil
	}
	switch name {
	case ratioOfSums:
		if len(num) != len(values) {
			return fmt.Errorf("%s has no %s", f.Metric, name)
		}
		f.ratioOfSums(num, den)
	case Sum:
		f.Value, f.Method = sample.Some(sum(values)), "sum, no interval"
	case rowCount:
		f.Value, f.Unit, f.Method = sample.Some(float64(len(values))), unit.None, "count"
	case SDn:
		sd(values, f)
		if v, ok := f.Value.Get(); ok {
			n := float64(len(values))
			f.Value, f.Lo, f.Hi = sample.Some(v*math.Sqrt((n-1)/n)), sample.None[float64](), sample.None[float64]()
		}
	case GeoMean:
		f.settle(stats.GeoMeanEstimate(values, Level))
	case "cv":
		f.Unit = unit.Ratio
		cv(values, f)
	case "p90", "p95", "p99":
		// Others print tails of any n; the caveat says what they are worth.
		q := float64(name[1]-'0')/10 + float64(name[2]-'0')/100
		v, err := stats.Quantile(values, q)
		if err != nil {
			return err
		}
		f.Value, f.Method = sample.Some(v), "type 7, no interval"
		if need, err := stats.NeededForQuantile(q, Level); err == nil && len(values) < need {
			f.Caveats = append(f.Caveats, fmt.Sprintf("%s of %d values: %d are needed to know it", name, len(values), need))
		}
	default:
		aggregate, err := aggregateOf(name)
		if err != nil {
			return err
		}
		aggregate(values, f)
	}
	return nil
}

// scores are the group's values with the prompts that they belong to.
func (g Group) scores() (out []score) {
	for i, c := range g.Cells {
		v, ok := c.Value.Get()
		if !ok {
			continue
		}
		s := score{prompt: g.Rows[i].Labels["workload"] + "\x00" + g.Rows[i].Labels["prompt"], value: v, num: v, den: 1}
		if c.Parts != nil {
			s.num, s.den = c.Parts[0], c.Parts[1]
		}
		out = append(out, s)
	}
	return out
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// Mixed reports whether a fact pools cold and warm rows.
func (f Fact) Mixed() bool { return slices.Contains(f.Caveats, phaseNote) }
