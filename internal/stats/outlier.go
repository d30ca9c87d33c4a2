package stats

import "math"

// An OutlierClass is Tukey's (1977) label. Outliers are labelled, never removed.
type OutlierClass string

const (
	Inside     OutlierClass = "inside"
	MildLow    OutlierClass = "mild-low"    // below Q1 − 1.5·IQR
	MildHigh   OutlierClass = "mild-high"   // above Q3 + 1.5·IQR
	SevereLow  OutlierClass = "severe-low"  // below Q1 − 3·IQR
	SevereHigh OutlierClass = "severe-high" // above Q3 + 3·IQR
)

// TukeyClasses labels each value of x by its distance from the quartiles
// (type 7). It needs n >= 4.
func TukeyClasses(x []float64) ([]OutlierClass, error) {
	if err := check("outlier classes", x, 4); err != nil {
		return nil, err
	}
	s := sorted(x)
	q1, q3 := quantileSorted(s, 0.25), quantileSorted(s, 0.75)
	iqr := q3 - q1
	out := make([]OutlierClass, len(x))
	for i, v := range x {
		switch {
		case v < q1-3*iqr:
			out[i] = SevereLow
		case v < q1-1.5*iqr:
			out[i] = MildLow
		case v > q3+3*iqr:
			out[i] = SevereHigh
		case v > q3+1.5*iqr:
			out[i] = MildHigh
		default:
			out[i] = Inside
		}
	}
	return out, nil
}

// FarMADs is the distance in MADs, 10 robust standard deviations, beyond which
// hyperfine and this room call a value an outlier.
const FarMADs = 10 * madToSD

// MADDistances returns |x − median| / MAD for each value. If more than half of
// the values are equal the MAD is 0 and nothing can be scaled by it.
func MADDistances(x []float64) ([]float64, error) {
	if err := check("modified z", x, 3); err != nil {
		return nil, err
	}
	s := sorted(x)
	m, mad := quantileSorted(s, 0.5), madSorted(s)
	if mad == 0 {
		return nil, warnf(Degenerate, "modified z: n/a (the MAD is 0)")
	}
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = math.Abs(v-m) / mad
		if !isFinite(out[i]) {
			return nil, warnf(Overflow, "modified z: value %d does not fit a 64-bit number", i+1)
		}
	}
	return out, nil
}
