package stats

import (
	"cmp"
	"math"
	"slices"

	moremath "github.com/aclements/go-moremath/stats"
	"gonum.org/v1/gonum/stat/combin"
	"gonum.org/v1/gonum/stat/distuv"
)

// ranksOf returns the 1-based mid-ranks of x and the sizes of the groups of
// equal values, in ascending order of value.
func ranksOf(x []float64) (rank []float64, ties []int) {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(x[i], x[j]) })
	rank = make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			rank[k] = float64(i+1+j) / 2
		}
		ties = append(ties, j-i)
		i = j
	}
	return rank, ties
}

// tieSum returns Σ(t³−t) over groups of t equal values.
func tieSum(ties []int) float64 {
	s := 0.0
	for _, t := range ties {
		f := float64(t)
		s += f*f*f - f
	}
	return s
}

// uStatistic counts the pairs in which a exceeds b, ties as one half.
func uStatistic(a, b []float64) (u float64, ties []int) {
	rank, ties := ranksOf(slices.Concat(a, b))
	for _, r := range rank[:len(a)] {
		u += r
	}
	n := float64(len(a))
	return u - n*(n+1)/2, ties
}

// The largest samples for which the exact distribution is used, as in
// go-moremath and so in benchstat; ties make it costlier.
const exactU, exactUTies = 50, 25

// MannWhitney tests whether values of one sample tend to exceed those of the
// other (Mann and Whitney 1947), exactly and with ties (Klotz 1966) up to 50
// values a side, 25 with ties; by the normal approximation with tie and
// continuity correction beyond. The statistic is the number of pairs with a
// above b, ties counted as one half.
//
// It agrees with benchstat, except for samples of unequal size with ties: there
// the distribution is skewed and benchstat's p depends on which sample comes
// first. Here P = min(1, 2·min(P(U ≤ u), P(U ≥ u))) does not.
//
// If P > alpha and no outcome at these sizes could have given less, a warning
// says how many values are needed.
func MannWhitney(a, b []float64, alpha float64) (Test, error) {
	if err := firstError(checkFraction("alpha", alpha), checkPair("Mann-Whitney", a, b, 1)); err != nil {
		return Test{}, err
	}
	n1, n2 := len(a), len(b)
	u, ties := uStatistic(a, b)
	if len(ties) == 1 {
		return noVariation("mann-whitney"), nil
	}
	t := Test{Method: "mann-whitney", Statistic: u}
	limit := exactUTies
	if len(ties) == n1+n2 {
		limit, ties = exactU, nil
	}
	if n1 <= limit && n2 <= limit {
		// The upper tail is the lower tail of the mirrored statistic.
		lower := moremath.UDist{N1: n1, N2: n2, T: ties}.CDF(u)
		upper := moremath.UDist{N1: n2, N2: n1, T: ties}.CDF(float64(n1*n2) - u)
		t.P = unitP(2 * min(lower, upper))
	} else {
		t.P = uNormal(u, float64(n1), float64(n2), ties)
		t.Warnings = append(t.Warnings, warnf(Approximate, "Mann-Whitney: normal approximation (n=%d+%d)", n1, n2))
	}
	if t.P > alpha && tooLarge(MannWhitneyLeastP(n1, n2), alpha) {
		t.Warnings = append(t.Warnings, warnf(Insensitive,
			"need >= %d samples to detect a difference at alpha level %v", mannWhitneyNeeds(alpha), alpha))
	}
	return t, nil
}

func uNormal(u, n1, n2 float64, ties []int) float64 {
	n := n1 + n2
	sd := math.Sqrt(n1 * n2 / 12 * ((n + 1) - tieSum(ties)/(n*(n-1))))
	z := max(0, math.Abs(u-n1*n2/2)-0.5) / sd
	return unitP(2 * distuv.UnitNormal.Survival(z))
}

// MannWhitneyLeastP returns the smallest two-sided p that samples of n1 and n2
// values can give, 2 / C(n1+n2, n1): 0.1 at 3+3, 0.029 at 4+4, 0.0079 at 5+5.
func MannWhitneyLeastP(n1, n2 int) float64 {
	if n1 < 1 || n2 < 1 {
		return 1
	}
	return min(1, 2*math.Exp(-combin.LogGeneralizedBinomial(float64(n1+n2), float64(n1))))
}

// tooLarge is p > alpha, but forgives the rounding of p = 2/C(n1+n2, n1).
func tooLarge(p, alpha float64) bool { return p > alpha*(1+1e-12) }

func mannWhitneyNeeds(alpha float64) int {
	n := 1
	for tooLarge(MannWhitneyLeastP(n, n), alpha) {
		n++
	}
	return n
}

// Wilcoxon is the signed-rank test that the differences d are symmetric about
// zero (Wilcoxon 1945), exact up to 50 differences, ties included. Zero
// differences carry no sign; they are left out and a warning counts them. The
// statistic is the sum of the ranks of the positive differences.
func Wilcoxon(d []float64) (Test, error) {
	if err := check("signed-rank", d, 1); err != nil {
		return Test{}, err
	}
	t := Test{Method: "wilcoxon"}
	var size []float64
	var positive []bool
	for _, v := range d {
		if v != 0 {
			size = append(size, math.Abs(v))
			positive = append(positive, v > 0)
		}
	}
	if len(size) == 0 {
		return noVariation("wilcoxon"), nil
	}
	if z := len(d) - len(size); z > 0 {
		t.Warnings = append(t.Warnings, warnf(Degenerate, "signed-rank: %d of %d differences are zero and left out", z, len(d)))
	}
	rank, ties := ranksOf(size)
	for i, r := range rank {
		if positive[i] {
			t.Statistic += r
		}
	}
	n := float64(len(rank))
	if len(rank) <= exactU {
		t.P = signedRankP(rank, t.Statistic)
		return t, nil
	}
	sd := math.Sqrt(n*(n+1)*(2*n+1)/24 - tieSum(ties)/48)
	t.P = unitP(2 * distuv.UnitNormal.Survival(max(0, math.Abs(t.Statistic-n*(n+1)/4)-0.5)/sd))
	t.Warnings = append(t.Warnings, warnf(Approximate, "signed-rank: normal approximation (n=%d)", len(rank)))
	return t, nil
}

// signedRankP sums the exact null distribution: every sign pattern is equally
// likely. Ranks are doubled so that mid-ranks are whole.
func signedRankP(rank []float64, w float64) float64 {
	total := 0
	for _, r := range rank {
		total += int(2 * r)
	}
	prob := make([]float64, total+1)
	prob[0] = 1
	for _, r := range rank {
		k := int(2 * r)
		for s := total; s >= 0; s-- {
			prob[s] /= 2
			if s >= k {
				prob[s] += prob[s-k] / 2
			}
		}
	}
	// The distribution is symmetric, so the smaller tail decides.
	small := min(int(2*w), total-int(2*w))
	p := 0.0
	for _, q := range prob[:small+1] {
		p += q
	}
	return unitP(2 * p)
}

// An Omnibus is a test over several groups with its effect sizes.
type Omnibus struct {
	Test
	Effect float64 // see the function: ε², Kendall's W
	EtaSq  float64 // η² of the ranks (Kruskal–Wallis only), at least 0
}

// KruskalWallis tests whether several samples come from one distribution
// (Kruskal and Wallis 1952), with tie correction; P is from χ². Effect is
// ε² = H/(n−1).
func KruskalWallis(groups [][]float64) (Omnibus, error) {
	all, err := pooled("Kruskal-Wallis", groups, 1)
	if err != nil {
		return Omnibus{}, err
	}
	rank, ties := ranksOf(all)
	if len(ties) == 1 {
		return Omnibus{Test: noVariation("kruskal-wallis")}, nil
	}
	n, h, at := float64(len(all)), 0.0, 0
	for _, g := range groups {
		r := 0.0
		for _, v := range rank[at : at+len(g)] {
			r += v
		}
		at += len(g)
		h += r * r / float64(len(g))
	}
	k := float64(len(groups))
	h = (12/(n*(n+1))*h - 3*(n+1)) / (1 - tieSum(ties)/(n*n*n-n))
	o := Omnibus{Test: Test{Method: "kruskal-wallis", Statistic: h, DF: []float64{k - 1},
		P: distuv.ChiSquared{K: k - 1}.Survival(max(0, h))}, Effect: h / (n - 1)}
	if n > k {
		o.EtaSq = max(0, (h-k+1)/(n-k))
	}
	for i, g := range groups {
		if len(g) < 5 {
			o.Warnings = append(o.Warnings, warnf(Approximate, "Kruskal-Wallis: chi-squared approximation, but group %d has n=%d (< 5)", i+1, len(g)))
			break
		}
	}
	return o, nil
}

// pooled checks at least two groups of need values and joins them.
func pooled(what string, groups [][]float64, need int) ([]float64, error) {
	if len(groups) < 2 {
		return nil, warnf(TooFew, "%s: needs >= 2 groups, but has %d", what, len(groups))
	}
	for _, g := range groups {
		if err := check(what, g, need); err != nil {
			return nil, err
		}
	}
	all := slices.Concat(groups...)
	if len(all) <= len(groups) {
		return nil, warnf(TooFew, "%s: n/a (%d values in %d groups)", what, len(all), len(groups))
	}
	return all, nil
}

// Friedman tests whether k treatments differ when each block (row) holds one
// value of each (Friedman 1937), with tie correction; P is from χ². Effect is
// Kendall's W: 0 no agreement between blocks, 1 the same order in all.
func Friedman(blocks [][]float64) (Omnibus, error) {
	if len(blocks) < 2 {
		return Omnibus{}, warnf(TooFew, "Friedman: needs >= 2 blocks, but has %d", len(blocks))
	}
	k := len(blocks[0])
	sum, ties := make([]float64, k), 0.0
	for i, b := range blocks {
		if err := check("Friedman", b, 2); err != nil {
			return Omnibus{}, err
		}
		if len(b) != k {
			return Omnibus{}, warnf(Unbalanced, "Friedman: block %d has %d values, block 1 has %d", i+1, len(b), k)
		}
		rank, t := ranksOf(b)
		ties += tieSum(t)
		for j, r := range rank {
			sum[j] += r
		}
	}
	n, kf, s := float64(len(blocks)), float64(k), 0.0
	for _, r := range sum {
		s += (r - n*(kf+1)/2) * (r - n*(kf+1)/2)
	}
	den := n*kf*(kf+1)/12 - ties/(12*(kf-1))
	if den <= 0 {
		return Omnibus{Test: noVariation("friedman")}, nil
	}
	chi := s / den
	o := Omnibus{Test: Test{Method: "friedman", Statistic: chi, DF: []float64{kf - 1},
		P: distuv.ChiSquared{K: kf - 1}.Survival(chi)}, Effect: chi / (n * (kf - 1))}
	if n*kf <= 30 {
		o.Warnings = append(o.Warnings, warnf(Approximate, "Friedman: chi-squared approximation on %d blocks of %d", len(blocks), k))
	}
	return o, nil
}
