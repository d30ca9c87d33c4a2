package stats

import "math"

// A TwoLevel is the analysis of repeated starts with repetitions inside each
// (Kalibera and Jones 2013). Repetitions of one start are alike; only the
// number of starts narrows the interval.
type TwoLevel struct {
	Estimate            // mean over starts, with t·√(S2/starts)
	S1, S2      float64 // mean variance within starts; variance of the means of starts
	T1, T2      Opt     // unbiased variance of one repetition; of one start
	NaiveHalf   float64 // half-width if all values were pooled: wrong, kept for contrast
	Repetitions []int   // per start
}

// Invocations analyses y[start][repetition] at the given level. It needs two
// starts of two values each. If the starts differ in size the components T1 and
// T2 are absent.
func Invocations(y [][]float64, level float64) (TwoLevel, error) {
	if err := checkFraction("level", level); err != nil {
		return TwoLevel{}, err
	}
	if len(y) < 2 {
		return TwoLevel{}, warnf(TooFew, "two-level interval: n/a (starts=%d; needs >= 2)", len(y))
	}
	var out TwoLevel
	var means, all []float64
	balanced := true
	for _, row := range y {
		if err := check("two-level interval", row, 2); err != nil {
			return TwoLevel{}, err
		}
		means, all = append(means, meanOf(row)), append(all, row...)
		out.S1 += varianceOf(row) / float64(len(y))
		out.Repetitions = append(out.Repetitions, len(row))
		balanced = balanced && len(row) == len(y[0])
	}
	out.S2 = varianceOf(means)
	out.N, out.Value = len(all), meanOf(means)
	out.NaiveHalf = tHalfWidth(all, level)
	h := tHalfWidth(means, level)
	out.addInterval(newInterval(out.Value-h, out.Value+h, level, "two-level-t"))
	if balanced {
		out.components(float64(len(y[0])))
	} else {
		why := warnf(Unbalanced, "variance components: n/a (starts have different numbers of repetitions)")
		out.T1, out.T2 = Opt{Why: why}, Opt{Why: why}
		out.warn(why)
	}
	return out, nil
}

func (t *TwoLevel) components(r1 float64) {
	t2 := t.S2 - t.S1/r1
	t.T1, t.T2 = some(t.S1), some(t2)
	if t2 < 0 {
		t.T2.V = 0
		t.warn(warnf(Clamped, "starts add no variance of their own (T2² = %.4g, set to 0)", t2))
	}
}

// OptimalRepetitions returns r₁* = √((c₂/c₁)·(T₁²/T₂²)): the repetitions per
// start that buy the narrowest interval, given the cost of one repetition and
// of one start. Round it up. It is absent if starts add no variance.
func (t TwoLevel) OptimalRepetitions(costRepetition, costStart float64) Opt {
	switch {
	case !(costRepetition > 0 && costStart > 0) || math.IsInf(costStart/costRepetition, 0):
		return none(BadArgument, "the costs must be above 0, but are %v and %v", costRepetition, costStart)
	case !t.T2.OK:
		return Opt{Why: t.T2.Why}
	case t.T2.V == 0:
		return none(Degenerate, "optimal repetitions: n/a (starts add no variance)")
	}
	return some(math.Sqrt(costStart / costRepetition * t.T1.V / t.T2.V))
}
