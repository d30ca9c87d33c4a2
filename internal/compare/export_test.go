package compare

import "chimera/internal/metric"

// Gate judges two samples of a rate, and says whether B is worse beyond noise
// without being beyond the margin.
func Gate(a, b []float64, margin float64) (v Verdict, worse bool, err error) {
	e, err := blockEffect(a, b, metric.Higher)
	return e.judge(margin), e.wide.Hi < 1 && e.wide.Hi >= 1-margin, err
}
