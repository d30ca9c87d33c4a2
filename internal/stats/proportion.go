package stats

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

func checkCounts(what string, k, n int) error {
	if n < 1 {
		return warnf(TooFew, "%s: n/a (n=%d; needs >= 1)", what, n)
	}
	if k < 0 || k > n {
		return warnf(BadArgument, "%s: the successes must be between 0 and %d, but are %d", what, n, k)
	}
	return nil
}

// Wilson returns the score interval for k successes in n independent trials
// (Wilson 1927). Unlike p ± 2·se it stays inside [0, 1] and is honest at 0/n
// and n/n.
func Wilson(k, n int, level float64) (Interval, error) {
	if err := firstError(checkFraction("level", level), checkCounts("Wilson interval", k, n)); err != nil {
		return Interval{}, err
	}
	lo, hi := score(float64(k)/float64(n), float64(n), normQuantile(0.5+level/2))
	return newInterval(lo, hi, level, "wilson")
}

// ClopperPearson returns the exact binomial interval (Clopper and Pearson
// 1934). It never covers less than the level, and usually more.
func ClopperPearson(k, n int, level float64) (Interval, error) {
	if err := firstError(checkFraction("level", level), checkCounts("Clopper-Pearson interval", k, n)); err != nil {
		return Interval{}, err
	}
	a, lo, hi := (1-level)/2, 0.0, 1.0
	if k > 0 {
		lo = distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(a)
	}
	if k < n {
		hi = distuv.Beta{Alpha: float64(k + 1), Beta: float64(n - k)}.Quantile(1 - a)
	}
	return newInterval(lo, hi, level, "clopper-pearson")
}

// FisherExact tests whether two proportions are equal, given k1 of n1 and k2 of
// n2, by the exact conditional distribution (Fisher 1935). P sums all tables as
// or less probable than the one seen. The statistic is k1/n1 − k2/n2.
func FisherExact(k1, n1, k2, n2 int) (Test, error) {
	if err := firstError(checkCounts("Fisher, first sample", k1, n1), checkCounts("Fisher, second sample", k2, n2)); err != nil {
		return Test{}, err
	}
	k := k1 + k2
	logProb := func(x int) float64 {
		return logChoose(n1, x) + logChoose(n2, k-x) - logChoose(n1+n2, k)
	}
	seen, p := logProb(k1), 0.0
	for x := max(0, k-n2); x <= min(k, n1); x++ {
		if l := logProb(x); l <= seen+1e-7 {
			p += math.Exp(l)
		}
	}
	t := Test{Method: "fisher-exact", P: unitP(p),
		Statistic: float64(k1)/float64(n1) - float64(k2)/float64(n2)}
	if k == 0 || k == n1+n2 {
		t.Warnings = append(t.Warnings, warnf(Degenerate, "Fisher: all outcomes are equal"))
	}
	return t, nil
}

func logChoose(n, k int) float64 {
	lg := func(v int) float64 { l, _ := math.Lgamma(float64(v) + 1); return l }
	return lg(n) - lg(k) - lg(n-k)
}

// McNemar tests whether two paired proportions are equal: b pairs changed one
// way, c the other, and by chance each way is as likely (McNemar 1947, exact
// binomial form). Pairs that agree do not enter. The statistic is b − c.
func McNemar(b, c int) (Test, error) {
	if b < 0 || c < 0 {
		return Test{}, warnf(BadArgument, "McNemar: the counts must not be negative, but are %d and %d", b, c)
	}
	if b+c == 0 {
		return noVariation("mcnemar-exact"), nil
	}
	p := distuv.Binomial{N: float64(b + c), P: 0.5}.CDF(float64(min(b, c)))
	return Test{Method: "mcnemar-exact", Statistic: float64(b - c), P: unitP(2 * p)}, nil
}

// NeededForBound returns the least number of trials that shows, with the given
// one-sided confidence, that at least the fraction p succeed although failures
// of them did not: the least n with P(Bin(n, 1−p) ≤ failures) ≤ 1−level. This
// is the early-stopping rule of the MLPerf load generator; for p99 at level
// 0.99 it is 459 without a failure, 662 with one.
func NeededForBound(failures int, p, level float64) (int, error) {
	if err := firstError(checkFraction("proportion", p), checkFraction("level", level)); err != nil {
		return 0, err
	}
	if failures < 0 {
		return 0, warnf(BadArgument, "the failures must not be negative, but are %d", failures)
	}
	shows := func(n int) bool {
		return distuv.Binomial{N: float64(n), P: 1 - p}.CDF(float64(failures)) <= 1-level
	}
	hi := failures + 1
	for !shows(hi) {
		if hi > 1<<40 {
			return 0, warnf(BadArgument, "more than 2^40 trials are needed")
		}
		hi *= 2
	}
	return failures + 1 + sort.Search(hi-failures-1, func(i int) bool { return shows(failures + 1 + i) }), nil
}

// NeededForProportions returns the trials per arm that tell p1 from p2 with a
// two-sided test at alpha and the given power (normal approximation, Fleiss
// 1981): 1251 for 0.75 against 0.70 at 0.05 and 0.80.
func NeededForProportions(p1, p2, alpha, power float64) (int, error) {
	if err := firstError(checkFraction("first proportion", p1), checkFraction("second proportion", p2),
		checkFraction("alpha", alpha), checkFraction("power", power)); err != nil {
		return 0, err
	}
	if p1 == p2 {
		return 0, warnf(BadArgument, "no sample tells %v from itself", p1)
	}
	m := (p1 + p2) / 2
	r := normQuantile(1-alpha/2)*math.Sqrt(2*m*(1-m)) + normQuantile(power)*math.Sqrt(p1*(1-p1)+p2*(1-p2))
	return int(math.Ceil(r * r / ((p1 - p2) * (p1 - p2)))), nil
}

// Kappa is Cohen's (1960) agreement beyond chance of two raters: matrix[i][j]
// counts the items the first put in class i and the second in class j. 1 is
// perfect, 0 is what chance gives.
func Kappa(matrix [][]int) (float64, error) {
	k := len(matrix)
	row, col := make([]float64, k), make([]float64, k)
	var n, agree float64
	for i, r := range matrix {
		if len(r) != k {
			return 0, warnf(BadArgument, "kappa: row %d has %d classes, but there are %d rows", i+1, len(r), k)
		}
		for j, c := range r {
			if c < 0 {
				return 0, warnf(BadArgument, "kappa: the count in row %d, column %d is %d", i+1, j+1, c)
			}
			v := float64(c)
			n, row[i], col[j] = n+v, row[i]+v, col[j]+v
			if i == j {
				agree += v
			}
		}
	}
	if n == 0 {
		return 0, warnf(TooFew, "kappa: n/a (no items)")
	}
	chance := 0.0
	for i := range row {
		chance += row[i] / n * col[i] / n
	}
	if chance == 1 {
		return 0, warnf(Degenerate, "kappa: n/a (both raters used one class only)")
	}
	return (agree/n - chance) / (1 - chance), nil
}
