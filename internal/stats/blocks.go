package stats

import "math"

// Blocks is the analysis of a complete block design: k treatments, each
// measured once in each of b blocks. A difference between blocks (drift, a
// reload, a prompt) does not count as noise.
type Blocks struct {
	Means      []float64 // per treatment, over all blocks
	SSTreat    float64
	SSBlock    float64
	SSResidual float64
	DFTreat    int // k − 1
	DFResidual int // (k − 1)·(b − 1)
	MSE        float64
	F, P       float64
}

// RandomisedBlocks analyses y[treatment][block] in closed form (Fisher 1935):
// y = mean + treatment + block + residual. It needs two treatments, two blocks
// and some residual variation. On logarithms it compares ratios.
func RandomisedBlocks(y [][]float64) (Blocks, error) {
	if len(y) < 2 || len(y[0]) < 2 {
		return Blocks{}, warnf(TooFew, "block design: n/a (needs two treatments in two blocks)")
	}
	k, b := len(y), len(y[0])
	blocks := make([]float64, b)
	out := Blocks{DFTreat: k - 1, DFResidual: (k - 1) * (b - 1)}
	var grand float64
	for _, treat := range y {
		if len(treat) != b {
			return Blocks{}, warnf(BadArgument, "block design: a treatment has %d blocks, the first one %d", len(treat), b)
		}
		if err := check("block design", treat, 2); err != nil {
			return Blocks{}, err
		}
		m := meanOf(treat)
		out.Means = append(out.Means, m)
		grand += m / float64(k)
		for j, v := range treat {
			blocks[j] += v / float64(k)
		}
	}
	var total float64
	for i, treat := range y {
		out.SSTreat += float64(b) * (out.Means[i] - grand) * (out.Means[i] - grand)
		for j, v := range treat {
			r := v - out.Means[i] - blocks[j] + grand
			out.SSResidual += r * r
			total += (v - grand) * (v - grand)
		}
	}
	for _, m := range blocks {
		out.SSBlock += float64(k) * (m - grand) * (m - grand)
	}
	if total == 0 || out.SSResidual <= 1e-25*total || !isFinite(total) {
		return Blocks{}, warnf(Degenerate, "block design: n/a (no usable residual variation)")
	}
	out.MSE = out.SSResidual / float64(out.DFResidual)
	out.F = out.SSTreat / float64(out.DFTreat) / out.MSE
	out.P = fTail(out.F, float64(out.DFTreat), float64(out.DFResidual))
	return out, nil
}

// Reach returns how far two treatment means may lie apart by chance, for all
// pairs together: q(level, k, df)·√(MSE/b) (Tukey). Means farther apart differ.
func (d Blocks) Reach(level float64) (float64, error) {
	k := d.DFTreat + 1
	b := d.DFResidual/d.DFTreat + 1
	q, err := StudentizedRange(level, k, float64(d.DFResidual))
	return q * math.Sqrt(d.MSE/float64(b)), err
}

// PairHalf returns the half-width of the interval for one difference of two
// treatment means, at level: t·√(2·MSE/b).
func (d Blocks) PairHalf(level float64) float64 {
	b := d.DFResidual/d.DFTreat + 1
	return tQuantile(0.5+level/2, float64(d.DFResidual)) * math.Sqrt(2*d.MSE/float64(b))
}
