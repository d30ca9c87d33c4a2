package stats

// MannWhitneyNormal is the large-sample p, which small references can check too.
func MannWhitneyNormal(a, b []float64) float64 {
	u, ties := uStatistic(a, b)
	return uNormal(u, float64(len(a)), float64(len(b)), ties)
}
