package stats

import "math"

// WilsonClustered returns an interval for Σk/Σn where trials of one cluster
// (answers to one prompt, checks of one answer) are alike and so count as fewer.
// It is Wilson's score interval at the effective n
//
//	n* = n / deff · (z / t_{m−1})²,  deff = m/(m−1) · Σ(kᵢ − p·nᵢ)² / (n·p·(1−p))
//
// of m clusters (Korn and Graubard 1998), at most n. At p = 0 and p = 1 the
// scatter says nothing about likeness, so n* is the number of clusters. Where
// every cluster is one trial it is Wilson's interval itself. It needs two
// clusters, or one trial.
func WilsonClustered(k, n []int, level float64) (Interval, error) {
	if len(k) != len(n) {
		return Interval{}, warnf(BadArgument, "clustered Wilson interval: there are %d successes for %d clusters", len(k), len(n))
	}
	if err := checkFraction("level", level); err != nil {
		return Interval{}, err
	}
	sumK, sumN, single := 0, 0, true
	for i := range k {
		if err := checkCounts("clustered Wilson interval", k[i], n[i]); err != nil {
			return Interval{}, err
		}
		sumK, sumN, single = sumK+k[i], sumN+n[i], single && n[i] == 1
	}
	m := float64(len(k))
	switch {
	case single:
		return Wilson(sumK, sumN, level)
	case len(k) < 2:
		return Interval{}, warnf(TooFew, "clustered Wilson interval: n/a (clusters=%d; needs >= 2)", len(k))
	}
	total, p := float64(sumN), float64(sumK)/float64(sumN)
	effective := m
	if sumK > 0 && sumK < sumN {
		scatter := 0.0
		for i := range k {
			d := float64(k[i]) - p*float64(n[i])
			scatter += d * d
		}
		deff := m / (m - 1) * scatter / (total * p * (1 - p))
		ratio := normQuantile(0.5+level/2) / tQuantile(0.5+level/2, m-1)
		effective = min(total, total/deff*ratio*ratio) // deff may be 0: then all is n
	}
	lo, hi := score(p, effective, normQuantile(0.5+level/2))
	return newInterval(lo, hi, level, "wilson, clustered")
}

// score is Wilson's interval for a proportion of n trials, n any number above 0.
func score(p, n, z float64) (lo, hi float64) {
	z2 := z * z
	mid := (p + z2/(2*n)) / (1 + z2/n)
	h := z / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	lo, hi = clamp(mid-h, 0, p), clamp(mid+h, p, 1)
	if p == 0 {
		lo = 0
	}
	if p == 1 {
		hi = 1
	}
	return lo, hi
}

// ClusteredMean returns the mean of all values, with an interval for values that
// are alike within a group: from 8 groups on the BCa interval over groups, below
// that Student's t of the groups' means, which claims less.
func ClusteredMean(groups [][]float64, level float64, seed uint64) (Estimate, error) {
	var all, means []float64
	for _, g := range groups {
		if err := check("clustered mean", g, 1); err != nil {
			return Estimate{}, err
		}
		all, means = append(all, g...), append(means, meanOf(g))
	}
	if err := check("clustered mean", all, 1); err != nil {
		return Estimate{}, err
	}
	e := Estimate{N: len(all), Value: meanOf(all)}
	if len(groups) >= BootMean.Least {
		b, err := ClusterBootstrap(groups, BootMean, level, 10000, NewRand(seed))
		b.BCa.Method = "bca over groups"
		e.addInterval(b.BCa, err)
		return e, nil
	}
	// Where groups differ in size, the interval stays around the value.
	e.addInterval(shifted("t over groups", means, e.Value, level))
	return e, nil
}

// shifted is Student's interval for the mean of x, moved to lie around value.
func shifted(method string, x []float64, value, level float64) (Interval, error) {
	i, err := MeanInterval(x, level, math.Inf(-1))
	switch {
	case err != nil:
		return i, err
	case i.Lo == i.Hi:
		return Interval{}, warnf(Degenerate, "%s: n/a (all %d values are %.4g: how far they scatter is not known)", method, len(x), x[0])
	}
	by := value - meanOf(x)
	return newInterval(i.Lo+by, i.Hi+by, level, method)
}

// Jackknife gives a statistic of n units an interval from its values with each
// unit left out: pseudo-values n·θ̂ − (n−1)·θ̂₍ᵢ₎ and Student's t (Tukey 1958).
// It suits statistics that resampling with replacement would bias, such as how
// much the units differ.
func Jackknife(whole float64, without []float64, level float64) (Estimate, error) {
	if err := check("jackknife", append([]float64{whole}, without...), 1); err != nil {
		return Estimate{}, err
	}
	e := Estimate{N: len(without), Value: whole}
	n := float64(len(without))
	pseudo := make([]float64, len(without))
	for i, v := range without {
		pseudo[i] = n*whole - (n-1)*v
	}
	e.addInterval(shifted("jackknife", pseudo, whole, level))
	return e, nil
}
